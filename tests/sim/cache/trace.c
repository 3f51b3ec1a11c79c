/* SPDX-License-Identifier: MIT */
/*
 * trace.c - see trace.h. Zipf is drawn by a search in the sums of the ranks' weights, which are
 * made once per exponent.
 */
#include "trace.h"

#include <math.h>
#include <stdlib.h>

#include "order.h"

#define OLTP_LOG_KEYS 6000u
#define SHIFT_READS   50000u

static double *sums_99, *sums_80;

static const double *sums_of(double **sums, double exponent)
{
	double sum = 0;

	if (*sums != NULL)
		return *sums;
	*sums = sim_get(TRACE_KEYS, sizeof(**sums));
	for (uint32_t i = 0; i < TRACE_KEYS; i++) {
		sum += pow(i + 1.0, -exponent);
		(*sums)[i] = sum;
	}
	return *sums;
}

static uint32_t zipf_rank(struct rng *r, const double *sums)
{
	double x = (double)(rng_u64(r) >> 11) / (double)(1ull << 53) * sums[TRACE_KEYS - 1];
	uint32_t low = 0, high = TRACE_KEYS - 1;

	while (low < high) {
		uint32_t middle = (low + high) / 2;

		if (sums[middle] < x)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Neighbours in rank are not neighbours on the volume. 38501 has no divisor in common with
 * TRACE_KEYS. */
static uint32_t scatter(uint32_t rank)
{
	return (uint32_t)((uint64_t)rank * 38501u % TRACE_KEYS);
}

static uint32_t zipf_99(struct trace *t)
{
	return scatter(zipf_rank(&t->rng, sums_of(&sums_99, 0.99)));
}

static uint32_t next_scanned(struct trace *t)
{
	if (t->n % (2 * TRACE_KEYS) < TRACE_KEYS)
		return zipf_99(t);
	return (uint32_t)(t->n % TRACE_KEYS);
}

static uint32_t next_oltp(struct trace *t)
{
	uint64_t what = rng_below(&t->rng, 100);

	if (what < 10)
		return TRACE_KEYS - OLTP_LOG_KEYS + t->log_at++ % OLTP_LOG_KEYS;
	if (what < 30)
		return t->scan_at++ % TRACE_KEYS;
	return scatter(zipf_rank(&t->rng, sums_of(&sums_80, 0.8)));
}

static uint32_t next_shifting(struct trace *t)
{
	uint32_t rank = zipf_rank(&t->rng, sums_of(&sums_99, 0.99));

	/* Of every five ranks one changes its block at each shift, in turn. */
	t->shift = (uint32_t)(t->n / SHIFT_READS);
	return scatter((rank + (t->shift + rank) / 5 * 7919) % TRACE_KEYS);
}

static uint32_t next_recent(struct trace *t)
{
	uint32_t key;

	if (t->n > t->recent_max && rng_pct(&t->rng, 50))
		key = t->recent[rng_below(&t->rng, t->recent_max)];
	else
		key = (uint32_t)rng_below(&t->rng, TRACE_KEYS);
	t->recent[t->n % t->recent_max] = key;
	return key;
}

uint32_t trace_next(struct trace *t)
{
	uint32_t key = 0;

	switch (t->kind) {
	case TRACE_ZIPF_99:
		key = zipf_99(t);
		break;
	case TRACE_ZIPF_80:
		key = scatter(zipf_rank(&t->rng, sums_of(&sums_80, 0.8)));
		break;
	case TRACE_SCANNED:
		key = next_scanned(t);
		break;
	case TRACE_OLTP:
		key = next_oltp(t);
		break;
	case TRACE_SHIFTING:
		key = next_shifting(t);
		break;
	case TRACE_RECENT:
		key = next_recent(t);
		break;
	case TRACE_LOOP:
	case TRACE_COUNT:
		key = scatter((uint32_t)(t->n % (t->cache_slots * 5 / 4)));
		break;
	}
	t->n++;
	return key;
}

const char *trace_name(enum trace_kind kind)
{
	static const char *const names[TRACE_COUNT] = {
	    "Zipf 0.99",        "Zipf 0.8", "Zipf 0.99 and full scans", "OLTP, log and backup",
	    "shifting hot set", "recent",   "loop of 1.25 × cache",
	};

	return names[kind];
}

void trace_begin(struct trace *t, enum trace_kind kind, uint32_t cache_slots, uint64_t seed)
{
	*t = (struct trace){.kind = kind, .cache_slots = cache_slots};
	rng_seed(&t->rng, seed);
	t->recent_max = cache_slots / 2 ? cache_slots / 2 : 1;
	t->recent = sim_get(t->recent_max, sizeof(*t->recent));
}

void trace_end(struct trace *t)
{
	free(t->recent);
}

void trace_forget(void)
{
	free(sums_99);
	free(sums_80);
	sums_99 = sums_80 = NULL;
}
