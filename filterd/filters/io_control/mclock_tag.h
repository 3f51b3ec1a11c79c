/* SPDX-License-Identifier: MIT */
/*
 * mclock_tag.h - one rate's clock: from when on may the next go? Used for the reservation and for
 * both limits of a client; each request moves it by cost * NS_PER_S / rate.
 *
 * Exact: what a division leaves is carried into the next. A tag is charged when the request goes,
 * and may then stand in the future by the whole of that request: a request larger than any burst
 * goes too, and the ones after it wait longer.
 *
 * Range: a cost is at most 2^32 - 1, so a tag is at most 136 years ahead of its time, and int64_t
 * holds it for a hundred years of running.
 */
#ifndef IO_CONTROL_MCLOCK_TAG_H
#define IO_CONTROL_MCLOCK_TAG_H

#include <stdint.h>

#define MCLOCK_NS_PER_S 1000000000ull
#define MCLOCK_RATE_MAX 1000000000000ull /* 1 TB/s; more is as good as no limit */
#define MCLOCK_COST_MAX 0xffffffffull

struct mclock_tag {
	uint64_t rate; /* a second; 0: none, and ns is 0 */
	uint64_t ns;
	uint64_t rest; /* what the last division left, less than rate */
};

/* cost * scale / rate, exact over all calls with one rest. cost * scale + rate fit in 64 bits. */
uint64_t mclock_tag_step(uint64_t cost, uint64_t scale, uint64_t rate, uint64_t *rest);
/* One request of that cost goes now. An unused past counts up to credit_ns. */
void mclock_tag_charge(struct mclock_tag *t, uint64_t cost, uint64_t now_ns, uint64_t credit_ns);
/* Another rate: what was taken in advance stays taken, in I/Os or bytes and not in time. */
void mclock_tag_set_rate(struct mclock_tag *t, uint64_t rate, uint64_t now_ns);

#endif
