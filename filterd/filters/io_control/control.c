// SPDX-License-Identifier: MIT
// control.c - see control.h: the period that ties latency, window, threshold, external load and
// capacity together.
#include <string.h>

#include "control.h"

#define NS_PER_S         1000000000ull
#define PERIOD_NS        (CONTROL_PERIOD_MS * 1000000ull)
#define PERIOD_LEAST_NS  (PERIOD_NS * 3 / 4) /* a timer may come a little early */
#define ENTER_PERIODS    3u
#define LEAVE_PERIODS    10u
#define LEAVE_BELOW      0.8 /* of the threshold */
#define IDLE_DECAY       0.7 /* what an idle device did is soon no news */
#define BUSY             0.95
#define USED_WELL        0.9  /* of the window */
#define EXPLORE_FOLLOWED 1.05 /* of what was tried */
#define EXPLORE_STEP     0.95
#define EXPLORE_LEAST    1.5 /* times the smallest window */
#define WORKED_NS        (5 * NS_PER_S)
#define THRESHOLD_NS_MIN 100000ull
#define THRESHOLD_NS_MAX 100000000ull

/* What one period came to. */
struct period {
	double in_flight, iops; /* mean; normalised */
	bool is_busy;           /* never idle */
};

static uint64_t threshold_in_force_ns(const struct control *c)
{
	uint64_t ns = c->cfg.threshold_us * 1000ull;

	if (c->cfg.is_automatic && c->threshold.learned_ns)
		ns = c->threshold.learned_ns;
	if (c->explored_ns)
		ns = c->explored_ns;
#ifdef CONTROL_MUTATION_13 /* what was learned is not used */
	ns = c->cfg.threshold_us * 1000ull;
#endif
	return ns < THRESHOLD_NS_MIN ? THRESHOLD_NS_MIN
				     : (ns > THRESHOLD_NS_MAX ? THRESHOLD_NS_MAX : ns);
}

void control_init(struct control *c, const struct control_config *cfg, uint64_t now_ns)
{
	memset(c, 0, sizeof(*c));
	c->cfg = *cfg;
	latency_init(&c->latency);
	threshold_init(&c->threshold);
	external_init(&c->external);
	capacity_init(&c->capacity);
	c->period_ns = c->counted_ns = c->since_ns = now_ns;
	c->threshold_ns = threshold_in_force_ns(c);
}

static void enter(struct control *c, enum control_state state, uint64_t now_ns)
{
	c->state = state;
	c->since_ns = now_ns;
	c->above = c->below = 0;
}

void control_configure(struct control *c, const struct control_config *cfg, uint64_t now_ns)
{
	c->cfg = *cfg;
	c->threshold_ns = threshold_in_force_ns(c);
#ifdef CONTROL_MUTATION_16 /* switched off, it goes on */
	return;
#endif
	if (!cfg->is_enabled && c->state != CONTROL_FREE) {
		c->is_end_to_tell = true;
		c->is_retry = false;
		enter(c, CONTROL_FREE, now_ns);
	}
}

static void count_time(struct control *c, uint64_t now_ns)
{
	uint64_t passed_ns;

	if (now_ns <= c->counted_ns)
		return;
	passed_ns = now_ns - c->counted_ns;
	c->counted_ns = now_ns;
	c->in_flight_ns += passed_ns * c->in_flight;
	if (c->in_flight)
		c->busy_ns += passed_ns;
}

void control_dispatched(struct control *c, uint64_t now_ns)
{
	count_time(c, now_ns);
	c->in_flight++;
}

void control_done(struct control *c, uint64_t latency_ns, uint64_t len_bytes, bool is_write,
		  uint64_t now_ns)
{
	count_time(c, now_ns);
#ifndef CONTROL_MUTATION_9 /* what came back stays in flight */
	if (c->in_flight)
		c->in_flight--;
#endif
	if (latency_ns == 0)
		return;
	c->units += latency_units(len_bytes);
	latency_add(&c->latency, latency_ns, len_bytes);
}

static struct period end_period(struct control *c, uint64_t now_ns)
{
	double length_ns = (double)(now_ns - c->period_ns);
	struct period p;

	count_time(c, now_ns);
	p.in_flight = (double)c->in_flight_ns / length_ns;
	p.iops = (double)c->units * NS_PER_S / length_ns;
	p.is_busy = (double)c->busy_ns >= BUSY * length_ns;
	c->throughput_iops += 0.3 * (p.iops - c->throughput_iops);
	c->in_flight_ns = c->busy_ns = c->units = 0;
	c->period_ns = c->counted_ns = now_ns;
	c->periods++;
	return p;
}

/* Periods in a row above the threshold, and well below it or (nearly) idle. */
static void compare(struct control *c, const struct period *p)
{
	double latency_ns = c->latency.mean_ns, threshold_ns = (double)c->threshold_ns;
	bool may_throttle = p->in_flight > CONTROL_WINDOW_MIN;

#ifdef CONTROL_MUTATION_17 /* throttles whom it cannot help */
	may_throttle = true;
#endif

	c->above = latency_ns > threshold_ns && may_throttle ? c->above + 1 : 0;
	c->below = latency_ns < LEAVE_BELOW * threshold_ns || p->in_flight < CONTROL_WINDOW_MIN / 2
		       ? c->below + 1
		       : 0;
#ifdef CONTROL_MUTATION_10 /* no hysteresis */
	c->above *= ENTER_PERIODS;
	c->below *= LEAVE_PERIODS;
#endif
}

static void begin(struct control *c, const struct period *p, bool is_retry, uint64_t now_ns)
{
	enter(c, CONTROL_THROTTLING, now_ns);
	window_open(&c->window, p->in_flight);
	external_begin(&c->external);
	c->is_retry = is_retry;
}

static enum control_news end(struct control *c, uint64_t now_ns)
{
	enter(c, CONTROL_FREE, now_ns);
	external_none(&c->external);
	c->is_retry = false;
	return CONTROL_ENDS;
}

static enum control_news while_throttling(struct control *c, const struct period *p, bool has_moved,
					  uint64_t now_ns)
{
	double latency_ns = c->latency.mean_ns, threshold_ns = (double)c->threshold_ns;

	c->periods_throttled++;
	if (c->below >= LEAVE_PERIODS)
		return end(c, now_ns);
	if (has_moved)
		window_step(&c->window, latency_ns, threshold_ns, p->in_flight);
	if (external_period(&c->external, latency_ns, threshold_ns, p->in_flight, now_ns)) {
		bool is_news = !c->is_retry;

		enter(c, CONTROL_EXTERNAL, now_ns);
		c->is_retry = true;
		return is_news ? CONTROL_EXTERNAL_LOAD : CONTROL_NO_NEWS;
	}
	if (c->is_retry && now_ns - c->since_ns >= WORKED_NS) {
		c->is_retry = false;
		external_none(&c->external);
		return CONTROL_BEGINS;
	}
	return CONTROL_NO_NEWS;
}

static enum control_news next_state(struct control *c, const struct period *p, bool has_moved,
				    uint64_t now_ns)
{
	switch (c->state) {
	case CONTROL_FREE:
		if (!c->cfg.is_enabled || c->above < ENTER_PERIODS)
			return CONTROL_NO_NEWS;
		begin(c, p, false, now_ns);
		return CONTROL_BEGINS;
	case CONTROL_THROTTLING:
		return while_throttling(c, p, has_moved, now_ns);
	case CONTROL_EXTERNAL:
		if (c->below >= LEAVE_PERIODS)
			return end(c, now_ns);
		if (now_ns >= c->external.until_ns && c->above >= ENTER_PERIODS)
			begin(c, p, true, now_ns);
		return CONTROL_NO_NEWS;
	}
	return CONTROL_NO_NEWS;
}

/*
 * While throttling in automatic mode, a curve that was only seen from above is followed downwards:
 * a little lower each period that the latency has followed. It ends where throughput falls.
 */
static void explore(struct control *c, const struct period *p)
{
	double latency_ns = c->latency.mean_ns;

	if (!c->cfg.is_automatic || c->state != CONTROL_THROTTLING || c->threshold.is_bracketed) {
		c->explored_ns = 0;
		return;
	}
#ifdef CONTROL_MUTATION_15 /* a curve seen from above stays so */
	return;
#endif
	if (!c->explored_ns)
		c->explored_ns = threshold_in_force_ns(c);
	if (latency_ns < EXPLORE_FOLLOWED * (double)c->explored_ns &&
	    latency_ns > (double)c->explored_ns / EXPLORE_FOLLOWED &&
	    p->in_flight > EXPLORE_LEAST * CONTROL_WINDOW_MIN)
		c->explored_ns = (uint64_t)(EXPLORE_STEP * latency_ns);
}

/* True if the device is another one. */
static bool learn(struct control *c, const struct period *p, uint64_t length_ns)
{
	bool is_deep = p->is_busy && p->in_flight >= CONTROL_WINDOW_MIN;
	bool is_saturated =
	    is_deep && c->latency.mean_ns >= LEAVE_BELOW * (double)c->threshold_ns &&
	    (c->state != CONTROL_THROTTLING || p->in_flight >= USED_WELL * c->window.size);
	bool is_other = false;

	if (p->is_busy && p->in_flight >= 0.9 && c->latency.mean_ns > 0)
		is_other = threshold_period(&c->threshold, p->in_flight, p->iops,
					    c->latency.mean_ns, c->cfg.peak_pct);
	if (is_other) {
		capacity_init(&c->capacity);
		c->explored_ns = 0;
	}
	capacity_period(&c->capacity, (uint64_t)(p->iops * (double)length_ns / NS_PER_S + 0.5),
			length_ns, is_deep, is_saturated);
	explore(c, p);
	c->threshold_ns = threshold_in_force_ns(c);
	c->latency.unit_ns = c->capacity.iops > 0 ? (uint64_t)(NS_PER_S / c->capacity.iops) : 0;
	return is_other;
}

enum control_news control_tick(struct control *c, uint32_t queued, uint64_t now_ns)
{
	enum control_news news;
	struct period p;
	uint64_t length_ns;
	bool has_moved, is_other;

	if (now_ns < c->period_ns || now_ns - c->period_ns < PERIOD_LEAST_NS)
		return CONTROL_NO_NEWS;
	length_ns = now_ns - c->period_ns;
	p = end_period(c, now_ns);
	has_moved = latency_period(&c->latency);
	if (p.in_flight <= 0)
		c->latency.mean_ns *= IDLE_DECAY;
	is_other = learn(c, &p, length_ns);
	compare(c, &p);
	news = next_state(c, &p, has_moved, now_ns);
	if (c->is_end_to_tell) {
		c->is_end_to_tell = false;
		return CONTROL_ENDS;
	}
	return news == CONTROL_NO_NEWS && is_other ? CONTROL_RELEARNED : news;
}

void control_figures(const struct control *c, struct control_figures *out)
{
	*out = (struct control_figures){
	    .state = c->state,
	    .latency_us = (uint32_t)(c->latency.mean_ns / 1000),
	    .threshold_us = (uint32_t)(c->threshold_ns / 1000),
	    .is_threshold_learned = c->cfg.is_automatic && c->threshold.learned_ns > 0,
	    .window = c->state == CONTROL_THROTTLING ? c->window.whole : 0,
	    .in_flight = c->in_flight,
	    .throughput_iops = (uint64_t)(c->throughput_iops + 0.5),
	    .capacity_iops = (uint64_t)(c->capacity.iops + 0.5),
	    .periods_throttled = c->periods_throttled,
	    .periods = c->periods,
	};
}
