/* SPDX-License-Identifier: MIT */
/*
 * latency.h - one period's device latency as one number: counted, normalised for size, winsorised.
 *
 * Every I/O counts once. One of up to 32 KiB counts with its latency as it is, read or write. A
 * larger one spends a part of its latency on its own transfer, which says nothing about the queue:
 * for each further 32 KiB the device's time for 32 KiB is taken off, but never more than what
 * leaves one n-th of an I/O of n units.
 *
 * Winsorised: the slowest 2 % count as much as the slowest of the others, so that one pause of the
 * device does not move the window. A period with too few I/Os is joined with the next.
 *
 * Thread: one. Order of calls: init; add for each I/O, period once a period.
 */
#ifndef IO_CONTROL_LATENCY_H
#define IO_CONTROL_LATENCY_H

#include <stdbool.h>
#include <stdint.h>

#define LATENCY_UNIT_BYTES 32768u
#define LATENCY_BINS       384u /* 16 in each doubling, from 1 us to 67 s */

struct latency {
	uint64_t unit_ns; /* the device's time for one unit; 0 while not known */
	uint64_t sum_ns;
	uint64_t bin_sum_ns[LATENCY_BINS];
	uint32_t bin_count[LATENCY_BINS];
	uint32_t count;
	uint32_t periods_joined;
	double mean_ns; /* smoothed; 0 before the first */
};

void latency_init(struct latency *l);
static inline uint64_t latency_units(uint64_t len_bytes)
{
	return len_bytes <= LATENCY_UNIT_BYTES
		   ? 1
		   : (len_bytes + LATENCY_UNIT_BYTES - 1) / LATENCY_UNIT_BYTES;
}
void latency_add(struct latency *l, uint64_t latency_ns, uint64_t len_bytes);
/* Ends the period. True if the smoothed mean moved; false: too few I/Os yet, they are kept. */
bool latency_period(struct latency *l);

#endif
