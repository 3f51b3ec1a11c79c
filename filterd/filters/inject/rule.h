/* SPDX-License-Identifier: MIT */
/*
 * rule.h - which I/Os a fault is for. Pure: random numbers come from the caller.
 *
 * Thread: owner worker.
 */
#ifndef INJECT_RULE_H
#define INJECT_RULE_H

#include <stdbool.h>
#include <stdint.h>

#include "sluice/filter.h"

enum action { ACTION_NONE, ACTION_FAIL, ACTION_CORRUPT, ACTION_HANG, ACTION_CRASH, ACTION_DELAY };
enum refusal { REFUSE_NONE, REFUSE_PREPARE, REFUSE_HELD, REFUSE_CRASH_HELD };
enum way { WAY_DOWN, WAY_UP };

struct rule {
	enum action action;
	enum way way;
	uint32_t ops; /* SLUICE_OP_BIT()s */
	enum sluice_status status;
	uint64_t offset_bytes, length_bytes; /* a length of 0: to the end */
	uint64_t nth;                        /* the n-th match only; 0: each */
	bool is_once;
	uint64_t probability_pct;
	uint64_t delay_us;
	uint64_t deadline_ms;
	bool is_stubborn;
	enum refusal refusal; /* of events */
	uint64_t matched, acted;
};

extern const struct sluice_param rule_params[];
extern const uint32_t rule_param_count;

void rule_set(struct rule *r, const union sluice_value *values); /* counters begin anew */
/* True: act on io, now on its way. Counts. */
bool rule_hits(struct rule *r, const struct sluice_io *io, enum way way, uint64_t random);

#endif
