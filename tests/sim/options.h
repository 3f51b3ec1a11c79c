/* SPDX-License-Identifier: MIT */
/*
 * options.h - what a seed makes of the run: sizes, durabilities, load, faults. All of it is derived
 * from the seed and printed with a failure.
 */
#ifndef SIM_OPTIONS_H
#define SIM_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rng.h"

enum fault_kind {
	FAULT_KILL,      /* SIGKILL of filterd, restarted at once */
	FAULT_KILL_LONG, /* and held back for longer than the BUSY deadline */
	FAULT_HANG,      /* filterd stands still until its watchdog kills it */
	FAULT_PAUSE,     /* stands still for less than that */
	FAULT_TGTD_KILL, /* tgtd dies with its commands, another comes */
	FAULT_BOTH_KILL,
	FAULT_POWER_CUT,
	FAULT_STALL,     /* the datastore answers nothing for a while */
	FAULT_IO_ERRORS, /* reads, writes, flushes fail, the disk is full, for a while */
	FAULT_KIND_COUNT
};

struct options {
	/* geometry */
	uint32_t block_count;
	uint32_t block_bytes;
	uint32_t disk_align_bytes;
	uint32_t slot_count;
	uint32_t arena_pages;
	bool is_volatile;
	bool is_buffered;
	uint32_t tgtd_count;
	uint32_t max_ios; /* of the chain's pool */
	uint32_t filter_count;
	bool has_reconfigurations;
	/* load */
	uint32_t command_count;
	uint32_t queue_depth;
	uint32_t hot_pct;     /* commands on the first two blocks */
	uint32_t weights[16]; /* by enum workload_op */
	uint32_t abort_pct;
	uint32_t think_us;
	uint64_t disk_us;
	/* faults */
	uint32_t fault_count;
	uint8_t faults[6];
	uint32_t error_pct; /* of I/Os while FAULT_IO_ERRORS lasts */
};

void options_from_rng(struct options *o, struct rng *r);
void options_print(const struct options *o, char *text, size_t size_bytes);
const char *fault_name(enum fault_kind kind);

#endif
