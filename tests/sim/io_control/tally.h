/* SPDX-License-Identifier: MIT */
/* tally.h - counts latencies: mean, percentiles. A histogram of 16 bins in each doubling. */
#ifndef SIM_IO_CONTROL_TALLY_H
#define SIM_IO_CONTROL_TALLY_H

#include <stdint.h>

#define TALLY_BINS 512u

struct tally {
	uint64_t count, units, bytes, sum_ns, max_ns;
	uint32_t bin[TALLY_BINS];
};

void tally_add(struct tally *t, uint64_t latency_ns, uint64_t len_bytes);
double tally_mean_us(const struct tally *t);
double tally_percentile_us(const struct tally *t, double part);

#endif
