// SPDX-License-Identifier: MIT
// latency.c - see latency.h. A histogram with exact sums per bin: the mean is exact but for the
// value of the cut.
#include <string.h>

#include "latency.h"

#define ENOUGH_IOS  8u
#define JOINED_MAX  5u /* periods; then even one I/O is enough */
#define SMOOTHING   0.5
#define CUT_ONE_IN  50u /* 2 % */
#define BIN_US_BITS 26u

void latency_init(struct latency *l)
{
	memset(l, 0, sizeof(*l));
}

static uint32_t bin_of(uint64_t latency_ns)
{
	uint64_t us = latency_ns >> 10;
	uint32_t log;

	if (us < 16)
		return (uint32_t)us;
	log = 63u - (uint32_t)__builtin_clzll(us);
	if (log > BIN_US_BITS)
		return LATENCY_BINS - 1;
	return 16 + (log - 4) * 16 + (uint32_t)(us >> (log - 4) & 15);
}

static uint64_t normalised(const struct latency *l, uint64_t latency_ns, uint64_t units)
{
	uint64_t own_ns = (units - 1) * l->unit_ns;
	uint64_t least_ns = latency_ns / units;

#ifdef CONTROL_MUTATION_1 /* size is not looked at */
	return latency_ns;
#endif
	return latency_ns > own_ns && latency_ns - own_ns > least_ns ? latency_ns - own_ns
								     : least_ns;
}

void latency_add(struct latency *l, uint64_t latency_ns, uint64_t len_bytes)
{
	uint32_t bin;

	if (len_bytes > LATENCY_UNIT_BYTES)
		latency_ns = normalised(l, latency_ns, latency_units(len_bytes));
	bin = bin_of(latency_ns);
	l->count++;
	l->sum_ns += latency_ns;
	l->bin_count[bin]++;
	l->bin_sum_ns[bin] += latency_ns;
}

static double winsorised_mean_ns(const struct latency *l)
{
	uint32_t above = (l->count + CUT_ONE_IN / 2) / CUT_ONE_IN;
	uint64_t sum_ns = l->sum_ns;
	uint32_t cut = 0;

#ifdef CONTROL_MUTATION_2 /* outliers count in full */
	above = 0;
#endif
	for (uint32_t i = LATENCY_BINS; i-- > 0;) {
		if (l->bin_count[i] == 0)
			continue;
		if (l->bin_count[i] > above - cut)
			return ((double)sum_ns +
				(double)cut * (double)l->bin_sum_ns[i] / l->bin_count[i]) /
			       l->count;
		cut += l->bin_count[i];
		sum_ns -= l->bin_sum_ns[i];
	}
	return 0;
}

bool latency_period(struct latency *l)
{
	double mean_ns;

	l->periods_joined++;
	if (l->count == 0 || (l->count < ENOUGH_IOS && l->periods_joined < JOINED_MAX))
		return false;
	mean_ns = winsorised_mean_ns(l);
	l->mean_ns += l->mean_ns > 0 ? SMOOTHING * (mean_ns - l->mean_ns) : mean_ns;
	l->count = 0;
	l->sum_ns = 0;
	l->periods_joined = 0;
	memset(l->bin_count, 0, sizeof(l->bin_count));
	memset(l->bin_sum_ns, 0, sizeof(l->bin_sum_ns));
	return true;
}
