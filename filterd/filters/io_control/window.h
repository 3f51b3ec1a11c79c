/* SPDX-License-Identifier: MIT */
/*
 * window.h - how many I/Os a congested datastore may have at once.
 *
 * PARDA's law (FAST'09, eq. 2), once a period:
 *
 *     W' = (1 - g) W + g ((T / L) W + b (1 - L / T))
 *
 * PARDA's b is constant: it shares a device among hosts that do not know of each other, and costs
 * latency: L settles at T * W / (W - b). Here one controller sees all clients, so b only helps a
 * small window to open, and fades out as L nears T: L settles at T itself.
 *
 * Anti-windup: a window of which less than 80 % was used does not grow, it falls towards what was
 * used.
 *
 * The size is no whole number, though only whole I/Os are let go: where 5.5 would be right, the law
 * itself moves it to and fro between 5 and 6.
 *
 * Thread: one. Order of calls: open when throttling begins; step once a period.
 */
#ifndef IO_CONTROL_WINDOW_H
#define IO_CONTROL_WINDOW_H

#include <stdbool.h>
#include <stdint.h>

struct window {
	double size;
	uint32_t whole; /* of size */
};

/* Begins at what is in flight now. */
void window_open(struct window *w, double in_flight);
/* used: I/Os in flight on average over the period. */
void window_step(struct window *w, double latency_ns, double threshold_ns, double used);
static inline bool window_has_room(const struct window *w, uint32_t in_flight)
{
	return in_flight < w->whole;
}

#endif
