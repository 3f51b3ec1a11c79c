/* SPDX-License-Identifier: MIT */
/*
 * credit.h - how much may be under way from a primary to a secondary. Pure.
 *
 * The secondary promises memory for so many bytes in HELLO, and renews the promise by CREDIT frames
 * as it gets rid of what came. A frame costs frame_cost_bytes(). Both sides count each connection
 * from zero.
 *
 * Thread: the group's worker.
 */
#ifndef REPLICATION_CREDIT_H
#define REPLICATION_CREDIT_H

#include <stdbool.h>
#include <stdint.h>

#include "wire/repl.h"

/* One frame of the largest size must fit, or nothing would ever be sent. */
#define CREDIT_MIN_BYTES (REPL_PAYLOAD_MAX + REPL_FRAME_COST_BYTES)
#define CREDIT_MAX_BYTES (1ull << 30)

/* ---------------------------------------------------------------- who sends */

struct credit_out {
	uint64_t left_bytes;
};

/* A connection is up; the peer's HELLO said so much. False: that is less or more than can be. */
bool credit_out_begin(struct credit_out *c, uint64_t promised_bytes);
bool credit_out_has(const struct credit_out *c, uint64_t cost_bytes);
/* Only what it has. */
void credit_out_spend(struct credit_out *c, uint64_t cost_bytes);
/* A CREDIT frame's value. False: more than can be. */
bool credit_out_more(struct credit_out *c, uint64_t bytes);

/* ---------------------------------------------------------------- who receives */

struct credit_in {
	uint64_t limit_bytes; /* what HELLO says */
	uint64_t left_bytes;  /* what the peer may still send */
	uint64_t freed_bytes; /* memory is there again, the peer does not know yet */
};

void credit_in_begin(struct credit_in *c, uint64_t limit_bytes);
/* A frame has come. False: the peer had no credit for it. */
bool credit_in_take(struct credit_in *c, uint64_t cost_bytes);
/* It was not taken after all, and comes again. */
void credit_in_undo(struct credit_in *c, uint64_t cost_bytes);
/* It is done with. Returns what to send in a CREDIT frame now; 0: not worth one yet. */
uint64_t credit_in_free(struct credit_in *c, uint64_t cost_bytes);

#endif
