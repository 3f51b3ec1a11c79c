/* SPDX-License-Identifier: MIT */
/*
 * control.h - a datastore's outer loop: is it congested, and how many I/Os may it have at once?
 * PARDA (FAST'09) with anti-windup and hysteresis, the automatic threshold, external load, the
 * measured capacity. Pure: time is an argument; what it needs of floating point is once a period.
 *
 *   latency.c    one period's device latency: counted, normalised for size, winsorised
 *   window.c     the window's law
 *   threshold.c  learns latency against throughput; the latency at N % of the peak
 *   external.c   latency that does not fall while we throttle
 *   capacity.c   what the device can do, for the admission of reservations
 *   control.c    the period that ties them together
 *
 *            congested for 3 periods                 latency does not follow
 *   FREE ----------------------------> THROTTLING --------------------------> EXTERNAL
 *     ^     10 periods below 0.8 T        |  ^                                   |
 *     +-----------------------------------+  +------------- after a pause -------+
 *
 * Thread: one. Order of calls: init; done for each I/O that ended, in_flight for changes; tick once
 * a period.
 */
#ifndef IO_CONTROL_CONTROL_H
#define IO_CONTROL_CONTROL_H

#include <stdbool.h>
#include <stdint.h>

#include "capacity.h"
#include "external.h"
#include "latency.h"
#include "threshold.h"
#include "window.h"

#define CONTROL_PERIOD_MS  100u
#define CONTROL_WINDOW_MIN 4u
/* Never in the way of a fast device: 30 ms at 100,000 I/Os a second are 3,000. */
#define CONTROL_WINDOW_MAX 4096u

enum control_state { CONTROL_FREE, CONTROL_THROTTLING, CONTROL_EXTERNAL };

struct control_config {
	bool is_enabled;       /* false: shares never delay; limits still hold */
	bool is_automatic;     /* threshold learned at peak_pct of the peak throughput */
	uint32_t threshold_us; /* manual; 100 to 100,000 */
	uint32_t peak_pct;     /* 50 to 100 */
};

/* What a tick may have to tell: each at most once per change. */
enum control_news {
	CONTROL_NO_NEWS,
	CONTROL_BEGINS, /* throttling */
	CONTROL_ENDS,
	CONTROL_EXTERNAL_LOAD,
	CONTROL_RELEARNED, /* the device is another one: threshold and capacity are learned anew */
};

struct control {
	struct control_config cfg;
	enum control_state state;
	struct latency latency;
	struct window window;
	struct threshold threshold;
	struct external external;
	struct capacity capacity;
	uint32_t in_flight;
	/* Of this period, up to counted_ns. */
	uint64_t period_ns, counted_ns; /* its beginning */
	uint64_t in_flight_ns;          /* in flight, integrated over time */
	uint64_t busy_ns;               /* with any in flight */
	uint64_t units;                 /* that came back */
	/* Over the periods. */
	uint64_t threshold_ns; /* in force */
	uint64_t explored_ns;  /* 0, or a lower threshold that is tried to see more of the curve */
	double throughput_iops;
	uint32_t above, below; /* periods in a row */
	bool is_retry;         /* after a pause: nothing to tell unless it works */
	bool is_end_to_tell;   /* switched off while throttling */
	uint64_t since_ns;     /* the state's beginning */
	uint64_t periods_throttled, periods;
};

struct control_figures {
	enum control_state state;
	uint32_t latency_us;   /* of the device, smoothed */
	uint32_t threshold_us; /* in force */
	bool is_threshold_learned;
	uint32_t window; /* I/Os; 0: open */
	uint32_t in_flight;
	uint64_t throughput_iops; /* of the last periods, normalised */
	uint64_t capacity_iops;   /* measured, normalised; 0: not known yet */
	uint64_t periods_throttled, periods;
};

void control_init(struct control *c, const struct control_config *cfg, uint64_t now_ns);
void control_configure(struct control *c, const struct control_config *cfg, uint64_t now_ns);
/* Each dispatched I/O, and each that came back from the device; latency from dispatch to end. Tens
 * of ns. Those that came back without the device's doing (aborted) too, with latency 0: not
 * counted. */
void control_dispatched(struct control *c, uint64_t now_ns);
void control_done(struct control *c, uint64_t latency_ns, uint64_t len_bytes, bool is_write,
		  uint64_t now_ns);
/* Once a period; catches up when it comes late. queued: requests that wait now. */
enum control_news control_tick(struct control *c, uint32_t queued, uint64_t now_ns);
/* May one more be dispatched by share? Always true unless throttling. */
static inline bool control_has_room(const struct control *c)
{
	return c->state != CONTROL_THROTTLING || window_has_room(&c->window, c->in_flight);
}
void control_figures(const struct control *c, struct control_figures *out);

#endif
