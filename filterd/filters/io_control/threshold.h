/* SPDX-License-Identifier: MIT */
/*
 * threshold.h - the automatic threshold: the latency at which a device does N % of what it can.
 *
 *   throughput                  What the device did is kept by how many I/Os were in flight, two
 *   | peak -------o--o-         bins in each doubling. The peak is the best bin; the threshold is
 *   | 90 % ---o'                the latency where the curve passes N % of it. It is learned once a
 *   |       o'                  bin with twice as many in flight shows that the curve is flat
 * there: |     o'                    before that nobody knows where the peak is, and the threshold
 * set
 *   +-----------------in flight by hand holds.
 *
 * More I/Os in flight never do less, and never more than in proportion. Periods that break this
 * against what was learned (by a factor of 1.4, a second and a half in all) are of another device:
 * a disk was lost, a path is gone, the backend moved. All is learned anew.
 *
 * Thread: one. Order of calls: init; period once a period.
 */
#ifndef IO_CONTROL_THRESHOLD_H
#define IO_CONTROL_THRESHOLD_H

#include <stdbool.h>
#include <stdint.h>

#define THRESHOLD_BINS 26u /* 1 to 8,192 in flight */

struct threshold_bin {
	double in_flight, iops, latency_ns;
	uint32_t periods;
};

struct threshold {
	struct threshold_bin bin[THRESHOLD_BINS];
	uint32_t strange;    /* periods that are of another device, less those that are of this */
	uint64_t learned_ns; /* the threshold; 0: not known yet */
	bool is_bracketed;   /* the curve was seen on both sides of it, not from above alone */
};

void threshold_init(struct threshold *t);
/*
 * A period in which the device was never idle. True: it is another device, all is forgotten but
 * this period.
 */
bool threshold_period(struct threshold *t, double in_flight, double iops, double latency_ns,
		      uint32_t peak_pct);

#endif
