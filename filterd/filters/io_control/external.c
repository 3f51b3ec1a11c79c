// SPDX-License-Identifier: MIT
// external.c - see external.h.
#include <string.h>

#include "external.h"

#define NS_PER_S      1000000000ull
#define PERIODS       10u
#define ABOVE         1.1 /* of the threshold: else throttling works */
#define HALVED        0.55
#define STILL_FALLS   0.98
#define PAUSE_FIRST_S 10u
#define PAUSE_MAX_S   160u

void external_init(struct external *e)
{
	memset(e, 0, sizeof(*e));
	e->pause_s = PAUSE_FIRST_S;
}

void external_begin(struct external *e)
{
	e->worst_latency_ns = 0;
	e->worst_in_flight = 0;
	e->least_ns = 0;
	e->in_vain = 0;
}

void external_none(struct external *e)
{
	e->pause_s = PAUSE_FIRST_S;
}

static bool is_in_vain(const struct external *e, double latency_ns, double threshold_ns,
		       double in_flight)
{
	double fell_to = latency_ns / e->worst_latency_ns;
	double throttled_to = in_flight / e->worst_in_flight;

	return latency_ns > ABOVE * threshold_ns && throttled_to < HALVED &&
	       fell_to * fell_to > throttled_to;
}

bool external_period(struct external *e, double latency_ns, double threshold_ns, double in_flight,
		     uint64_t now_ns)
{
	if (latency_ns > e->worst_latency_ns) {
		e->worst_latency_ns = latency_ns;
		e->worst_in_flight = in_flight;
		e->least_ns = latency_ns;
	}
	if (latency_ns < STILL_FALLS * e->least_ns) {
		e->least_ns = latency_ns;
		e->in_vain = 0;
		return false;
	}
	e->in_vain = is_in_vain(e, latency_ns, threshold_ns, in_flight) ? e->in_vain + 1 : 0;
#ifdef CONTROL_MUTATION_7 /* never seen */
	e->in_vain = 0;
#endif
	if (e->in_vain < PERIODS)
		return false;
	e->until_ns = now_ns + e->pause_s * NS_PER_S;
#ifdef CONTROL_MUTATION_14 /* never tries again */
	e->until_ns = UINT64_MAX;
#endif
	e->pause_s = e->pause_s * 2 > PAUSE_MAX_S ? PAUSE_MAX_S : e->pause_s * 2;
	return true;
}
