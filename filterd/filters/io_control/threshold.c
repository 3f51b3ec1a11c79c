// SPDX-License-Identifier: MIT
// threshold.c - see threshold.h.
#include <string.h>

#include "threshold.h"

#define KNOWN_PERIODS   3u /* so many make a bin count */
#define SMOOTHING       0.1
#define STRANGE_FACTOR  0.7
#define STRANGE_PERIODS 15u
#define FLAT_FACTOR     1.8 /* so many times the I/Os in flight prove that the curve is flat */
#define ABOVE_LEAST     1.2 /* nearer to the unloaded latency a threshold would follow noise */

void threshold_init(struct threshold *t)
{
	memset(t, 0, sizeof(*t));
}

/* Two in each doubling: 1, 1.4, 2, 2.8, ... */
static uint32_t bin_of(double in_flight)
{
	uint32_t bin = 0;
	double edge = 1.19; /* half way, in proportion */

	while (in_flight > edge && bin < THRESHOLD_BINS - 1) {
		bin++;
		edge *= 1.41421356;
	}
	return bin;
}

static void learn(struct threshold_bin *b, double in_flight, double iops, double latency_ns)
{
	double part = b->periods < 10 ? 1.0 / (b->periods + 1) : SMOOTHING;

	b->periods++;
	b->in_flight += part * (in_flight - b->in_flight);
	b->iops += part * (iops - b->iops);
	b->latency_ns += part * (latency_ns - b->latency_ns);
}

/* 1: no device with this curve does that. 0: it may. -1: it does exactly that. */
static int strangeness(const struct threshold *t, double in_flight, double iops)
{
	uint32_t own = bin_of(in_flight);
	int verdict = 0;

	for (uint32_t i = 0; i < THRESHOLD_BINS; i++) {
		const struct threshold_bin *b = &t->bin[i];
		double more = in_flight / b->in_flight; /* in proportion */
		double least, most;

		if (b->periods < KNOWN_PERIODS)
			continue;
		least = b->iops * (more < 1 ? more : 1);
		most = b->iops * (more > 1 ? more : 1);
		if (iops < STRANGE_FACTOR * least || iops * STRANGE_FACTOR > most)
			return 1;
		if (i == own)
			verdict = -1;
	}
	return verdict;
}

static double peak_of(const struct threshold *t)
{
	double peak = 0;

	for (uint32_t i = 0; i < THRESHOLD_BINS; i++)
		if (t->bin[i].periods >= KNOWN_PERIODS && t->bin[i].iops > peak)
			peak = t->bin[i].iops;
	return peak;
}

/* Where the line from a to b passes so many I/Os a second. */
static double latency_at(const struct threshold_bin *a, const struct threshold_bin *b, double iops)
{
	if (!a || b->iops <= a->iops)
		return b->latency_ns;
	return a->latency_ns +
	       (b->latency_ns - a->latency_ns) * (iops - a->iops) / (b->iops - a->iops);
}

static void find(struct threshold *t, uint32_t peak_pct)
{
	const struct threshold_bin *below = NULL, *knee = NULL;
	double wanted = peak_of(t) * peak_pct / 100, most = 0, least_ns = 0, found_ns;

	for (uint32_t i = 0; i < THRESHOLD_BINS; i++) {
		const struct threshold_bin *b = &t->bin[i];

		if (b->periods < KNOWN_PERIODS)
			continue;
		most = b->in_flight;
		if (least_ns <= 0 || b->latency_ns < least_ns)
			least_ns = b->latency_ns;
		if (!knee && b->iops >= wanted)
			knee = b;
		else if (!knee)
			below = b;
	}
	t->is_bracketed = knee && below;
	if (!knee || most < FLAT_FACTOR * knee->in_flight)
		return;
	found_ns = latency_at(below, knee, wanted);
	/* With the lowest bin as the knee nothing was seen unloaded: it is its own yardstick. */
	if (below && found_ns < ABOVE_LEAST * least_ns)
		found_ns = ABOVE_LEAST * least_ns;
	t->learned_ns = (uint64_t)found_ns;
}

bool threshold_period(struct threshold *t, double in_flight, double iops, double latency_ns,
		      uint32_t peak_pct)
{
	int strange = strangeness(t, in_flight, iops);
	bool is_other;

#ifdef CONTROL_MUTATION_8 /* what was learned once holds for ever */
	strange = 0;
#endif
	if (strange > 0)
		t->strange++;
	else if (strange < 0 && t->strange > 0)
		t->strange--;
	is_other = t->strange >= STRANGE_PERIODS;
	if (is_other)
		threshold_init(t);
	if (strange <= 0 || is_other)
		learn(&t->bin[bin_of(in_flight)], in_flight, iops, latency_ns);
	find(t, peak_pct);
	return is_other;
}
