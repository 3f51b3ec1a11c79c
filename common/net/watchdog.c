/* SPDX-License-Identifier: MIT */
#include "watchdog.h"

#include <systemd/sd-daemon.h>

#include "clock.h"

static void tell(struct loop_timer *t)
{
	struct watchdog *w = t->ctx;

	sd_notify(0, "WATCHDOG=1");
	loop_timer_set(w->loop, t, clock_now_ns() + w->every_ns);
}

void watchdog_start(struct watchdog *w, struct loop *loop)
{
	uint64_t limit_us = 0;

	*w = (struct watchdog){.timer = {.fn = tell, .ctx = w}};
	if (sd_watchdog_enabled(0, &limit_us) <= 0)
		return;
	w->loop = loop;
	/* a third: one that is late by a turn is not yet too late */
	w->every_ns = limit_us / 3 * CLOCK_NS_PER_US;
	loop_timer_set(loop, &w->timer, clock_now_ns());
}

void watchdog_stop(struct watchdog *w)
{
	if (w->loop)
		loop_timer_cancel(w->loop, &w->timer);
	w->loop = NULL;
}
