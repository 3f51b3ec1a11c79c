/* SPDX-License-Identifier: MIT */
/*
 * meter.h - how much went by in the last whole second. The seconds of all meters begin together, so
 * that one meter's figure can be taken as a part of another's. No timer: a meter that nobody feeds
 * reads 0.
 */
#ifndef IO_CONTROL_METER_H
#define IO_CONTROL_METER_H

#include <stdint.h>

#define METER_NS 1000000000ull

struct meter {
	uint64_t from_ns; /* of this second */
	uint64_t now, last;
};

static inline void meter_roll(struct meter *m, uint64_t now_ns)
{
	if (now_ns - m->from_ns < METER_NS)
		return;
	m->last = now_ns - m->from_ns < 2 * METER_NS ? m->now : 0;
	m->now = 0;
	m->from_ns = now_ns - now_ns % METER_NS;
}

static inline void meter_add(struct meter *m, uint64_t count, uint64_t now_ns)
{
	meter_roll(m, now_ns);
	m->now += count;
}

/* Of the last whole second. */
static inline uint64_t meter_read(struct meter *m, uint64_t now_ns)
{
	meter_roll(m, now_ns);
	return m->last;
}

#endif
