/* SPDX-License-Identifier: MIT */
/*
 * watchdog.h - tells systemd that the event loop still turns, as often as the unit's WatchdogSec
 * wants it. A loop that hangs is restarted by systemd.
 *
 * Thread: the loop's. Without systemd, or without WatchdogSec, it does nothing.
 */
#ifndef COMMON_NET_WATCHDOG_H
#define COMMON_NET_WATCHDOG_H

#include "loop.h"

struct watchdog {
	struct loop *loop;
	struct loop_timer timer;
	uint64_t every_ns;
};

/* w stays until watchdog_stop(). */
void watchdog_start(struct watchdog *w, struct loop *loop);
void watchdog_stop(struct watchdog *w); /* fine when not started */

#endif
