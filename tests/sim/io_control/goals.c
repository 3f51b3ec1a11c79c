// SPDX-License-Identifier: MIT
// goals.c - see goals.h: the table.
#include <stdarg.h>
#include <stdio.h>

#include "goals.h"

const struct goal goals[] = {
    {"latency-30ms", "4 clients, 16 KiB: within 2 % of 30 ms, at most 1 % of IOPS lost",
     goal_latency, 30000},
    {"latency-5ms", "the same at 5 ms", goal_latency, 5000},
    {"latency-1ms", "the same at 1 ms", goal_latency, 1000},
    {"six-clients", "6 clients of QD 32: 60 to 30 ms, no IOPS lost", goal_six_clients, 30000},
    {"shares", "share error at most 2 %, the worst 3 %", goal_shares, 0},
    {"convergence", "a client goes and comes: shares and latency settle in 5 s", goal_convergence,
     5},
    {"reservation", "under a flood 99 % of 1-second windows have the reservation", goal_reservation,
     0.99},
    {"limits", "512 B to 1 MiB, IOPS, units, MB/s: within 1 % over 10 s", goal_limits, 0.01},
    {"cost", "at most 0.3 us a request, flat to 1,000 volumes (measured, not asserted)", goal_cost,
     300},
    {"untouched", "below the threshold nothing is delayed", goal_untouched, 0},
    {"halving", "the device halves its speed: latency settles in 5 s", goal_halving, 5},
    {"external", "load from outside: opens up, tries again, works again", goal_external, 0},
    {"automatic", "the threshold is the latency at 90 % of the peak; learned anew", goal_automatic,
     0},
    {"sizes", "an I/O's own size does not look like congestion", goal_sizes, 0},
    {"gc-stalls", "pauses of a flash device do not shut the window", goal_gc, 0},
    {"disk", "one disk with an elevator: latency held (a shorter queue costs it IOPS)", goal_disk,
     0},
    {"hysteresis", "a load at the threshold does not make it flap", goal_hysteresis, 0},
    {"capacity", "measured, follows downwards, admits no more than it is", goal_capacity, 0},
    {"small-window", "11 ms need 5.5 I/Os in flight", goal_small_window, 0},
    {"configure", "threshold lowered, then switched off, under I/O", goal_configure, 0},
    {"few", "three I/Os in flight are not throttled, however slow", goal_few, 0},
    {"outliers", "a few very slow I/Os do not move the window", goal_outliers, 0},
    {"windup", "an unused window does not grow", goal_windup, 0},
};

const uint32_t goals_count = sizeof(goals) / sizeof(goals[0]);

bool goals_say(bool is_met, const char *name, const char *format, ...)
{
	va_list args;

	printf("%-7s %-13s ", is_met ? "met" : "NOT MET", name);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf("\n");
	return is_met;
}
