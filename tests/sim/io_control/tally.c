// SPDX-License-Identifier: MIT
// tally.c - see tally.h.
#include "mclock.h"
#include "tally.h"

static uint32_t bin_of(uint64_t us)
{
	uint32_t log;

	if (us < 16)
		return (uint32_t)us;
	log = 63u - (uint32_t)__builtin_clzll(us);
	log = log > 34 ? 34 : log;
	return 16 + (log - 4) * 16 + (uint32_t)(us >> (log - 4) & 15);
}

static double middle_us(uint32_t bin)
{
	if (bin < 16)
		return bin + 0.5;
	return (double)((uint64_t)(16 + bin % 16) << (bin / 16 - 1)) +
	       (double)(1ull << (bin / 16 - 1)) / 2;
}

void tally_add(struct tally *t, uint64_t latency_ns, uint64_t len_bytes)
{
	t->count++;
	t->units += (len_bytes + MCLOCK_UNIT_BYTES - 1) / MCLOCK_UNIT_BYTES;
	t->bytes += len_bytes;
	t->sum_ns += latency_ns;
	if (latency_ns > t->max_ns)
		t->max_ns = latency_ns;
	t->bin[bin_of(latency_ns / 1000)]++;
}

double tally_mean_us(const struct tally *t)
{
	return t->count ? (double)t->sum_ns / (double)t->count / 1000 : 0;
}

double tally_percentile_us(const struct tally *t, double part)
{
	uint64_t wanted = (uint64_t)(part * (double)t->count), seen = 0;

	for (uint32_t i = 0; i < TALLY_BINS; i++) {
		seen += t->bin[i];
		if (seen > wanted)
			return middle_us(i);
	}
	return (double)t->max_ns / 1000;
}
