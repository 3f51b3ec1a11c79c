/* SPDX-License-Identifier: MIT */
/*
 * trace.h - synthetic traces: an endless row of block numbers below TRACE_KEYS, from one seed.
 */
#ifndef SIM_CACHE_TRACE_H
#define SIM_CACHE_TRACE_H

#include <stdint.h>

#include "rng.h"

#define TRACE_KEYS 100000u

enum trace_kind {
	TRACE_ZIPF_99, /* popularity by rank to the power of -0.99, blocks scattered over the volume
			*/
	TRACE_ZIPF_80, /* -0.8: less skewed */
	TRACE_SCANNED, /* Zipf 0.99, and after every volume's worth of it the whole volume is read
			  once */
	TRACE_OLTP, /* random reads, a circular log, and a backup that crawls along all the time */
	TRACE_SHIFTING, /* Zipf 0.99; every 50,000 reads a fifth of the hot blocks becomes others */
	TRACE_RECENT,   /* half of the reads are of what was read shortly before */
	TRACE_LOOP,     /* 1.25 times the cache, over and over */
	TRACE_COUNT,
};

struct trace {
	enum trace_kind kind;
	struct rng rng;
	uint32_t cache_slots; /* LOOP, RECENT */
	uint64_t n;
	uint32_t scan_at, log_at, shift;
	uint32_t *recent; /* a ring of recent_max */
	uint32_t recent_max;
};

const char *trace_name(enum trace_kind kind);
void trace_begin(struct trace *t, enum trace_kind kind, uint32_t cache_slots, uint64_t seed);
uint32_t trace_next(struct trace *t);
void trace_end(struct trace *t);
/* Frees what all traces share. */
void trace_forget(void);

#endif
