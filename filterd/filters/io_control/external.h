/* SPDX-License-Identifier: MIT */
/*
 * external.h - is the latency ours? Load from outside (another host on the same array, a scrub)
 * does not shrink with our window; throttling then costs our clients and helps nobody.
 *
 * The worst moment of the throttling is kept: latency L0 at W0 I/Os in flight. On a device that is
 * ours alone, latency falls with the window. If the I/Os in flight were halved, and latency is
 * still above the threshold, fell by less than the square root of what they fell by, and falls no
 * further, for a second, the load is not ours. A pause follows; each time that it turns out the
 * same, twice as long.
 *
 * Thread: one. Order of calls: init; begin when throttling begins, period once a period while it
 * lasts.
 */
#ifndef IO_CONTROL_EXTERNAL_H
#define IO_CONTROL_EXTERNAL_H

#include <stdbool.h>
#include <stdint.h>

struct external {
	double worst_latency_ns, worst_in_flight;
	double least_ns;  /* latency since then */
	uint32_t in_vain; /* periods */
	uint32_t pause_s; /* the next one */
	uint64_t until_ns;
};

void external_init(struct external *e);
void external_begin(struct external *e);
/* True: it is not our load. The pause begins; until_ns is its end. */
bool external_period(struct external *e, double latency_ns, double threshold_ns, double in_flight,
		     uint64_t now_ns);
/* Throttling worked: the next pause is a short one again. */
void external_none(struct external *e);

#endif
