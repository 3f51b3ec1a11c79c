/* SPDX-License-Identifier: MIT */
/*
 * device.h - the simulated devices. What one unit (32 KiB) costs is service_us; larger I/O costs in
 * proportion to its units.
 *
 *   FIXED  k servers, one queue; service time service_us, each drawn within +- spread_pct
 *   DISK   one head, elevator (one way): a seek that grows with the square root of the distance, 10
 *          ms from end to end, then half a turn and the transfer, service_us in all
 *   SSD    as FIXED, but now and then (every gc_every_ms on average) all stands still for gc_ms
 *
 * Any but DISK: a few outliers. Any of them: from slow_at_ms on each I/O costs slow_factor as much;
 * and a load from outside: so many I/Os in flight that are not ours, between two times.
 */
#ifndef SIM_IO_CONTROL_DEVICE_H
#define SIM_IO_CONTROL_DEVICE_H

#include <stdbool.h>
#include <stdint.h>

#include "events.h"
#include "rng.h"

#define DEVICE_SERVERS_MAX 64u

enum device_model { DEVICE_FIXED, DEVICE_DISK, DEVICE_SSD };

struct device_spec {
	enum device_model model;
	uint32_t servers, spread_pct;
	double service_us;
	uint32_t gc_every_ms, gc_ms;
	uint32_t outlier_per_mille, outlier_ms; /* so many I/Os come back so much later */
	uint64_t slow_at_ms;                    /* 0: never */
	double slow_factor;
	uint32_t external_qd;
	uint64_t external_from_ms, external_to_ms;
};

/* One I/O at the device; embedded. */
struct device_io {
	struct device_io *next;
	uint64_t len_bytes;
	uint32_t position;
	bool is_external;
};

struct device {
	struct device_spec spec;
	struct rng rng;
	struct events *events;
	uint64_t start_ns, free_ns[DEVICE_SERVERS_MAX];
	uint64_t gc_at_ns;
	struct device_io *waiting; /* DISK: by position */
	uint32_t head;
	bool is_moving;
	struct device_io *external; /* spec.external_qd of them */
};

void device_init(struct device *d, const struct device_spec *spec, struct events *events,
		 uint64_t seed, uint64_t start_ns);
/* An EVENT_DONE with the I/O follows. */
void device_submit(struct device *d, struct device_io *io, uint64_t now_ns);
/* To be called at each EVENT_DONE. True: it was the device's own affair. */
bool device_done(struct device *d, struct device_io *io, uint64_t now_ns);
/* What it does at most, in units a second. */
double device_capacity(const struct device_spec *s);
void device_free(struct device *d);

#endif
