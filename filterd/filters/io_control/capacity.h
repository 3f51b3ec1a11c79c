/* SPDX-License-Identifier: MIT */
/*
 * capacity.h - what a datastore's device can do, in normalised I/Os (32 KiB) a second. What is
 * promised to reservations must fit in it.
 *
 * Whatever the device did over a second it can do. That it can do no more is only known while it is
 * saturated; then the figure follows downwards too, slowly. Not known (0) before the device was
 * busy for a second.
 *
 * Thread: one. Order of calls: init; period once a period.
 */
#ifndef IO_CONTROL_CAPACITY_H
#define IO_CONTROL_CAPACITY_H

#include <stdbool.h>
#include <stdint.h>

struct capacity {
	double iops;
	uint64_t units, ns;           /* of the second that is being counted */
	bool was_busy, was_saturated; /* all through it */
};

void capacity_init(struct capacity *c);
/*
 * is_busy: never idle, several I/Os in flight. is_saturated: more of them would not have been
 * served faster.
 */
void capacity_period(struct capacity *c, uint64_t units, uint64_t period_ns, bool is_busy,
		     bool is_saturated);
/*
 * May so much more be promised beside what is? While the capacity is not known, anything: nobody
 * could say why not.
 */
bool capacity_admits(const struct capacity *c, uint64_t reserved_iops, uint64_t more_iops);
/*
 * What the scheduler is told of a promise: 1 % more. I/Os of the last milliseconds of a second end
 * in the next one, so that with the very rate every second second would be a little short.
 */
uint64_t capacity_reserve_iops(uint64_t promised_iops);

#endif
