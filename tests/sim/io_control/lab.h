/* SPDX-License-Identifier: MIT */
/*
 * lab.h - one datastore on a virtual clock: clients, the scheduler and the controller of the
 * daemon, and a simulated device.
 *
 *   client --> mclock_pass / mclock_push, mclock_pop --> device
 *                     ^ control_has_room                   |
 *                     +------------ control_done <---------+
 *
 * The lab does what the plug-in's glue does, in the same order. Without a filter, I/O goes to the
 * device at once.
 *
 * Thread: one. Order of calls: init; run, any number of times; read the results; free.
 */
#ifndef SIM_IO_CONTROL_LAB_H
#define SIM_IO_CONTROL_LAB_H

#include <stdbool.h>
#include <stdint.h>

#include "control.h"
#include "device.h"
#include "events.h"
#include "mclock.h"
#include "rng.h"
#include "tally.h"

#define LAB_CLIENTS_MAX 12u
#define LAB_SLOT_NS     100000000ull /* results are kept in slots of 100 ms */
#define LAB_SLOTS_MAX   1200u
#define LAB_WAITING_MAX 4096u /* of an open-loop client; more arrivals are dropped */

struct lab_client_spec {
	struct mclock_config qos;
	uint32_t qd;        /* closed loop: so many at once; 0: open loop */
	uint32_t rate_iops; /* open loop: exponential times between arrivals */
	uint32_t len_bytes; /* each doubled up to len_doublings times */
	uint32_t len_doublings;
	uint64_t stop_ms, resume_ms; /* idle in between; 0: never idle */
};

struct lab_spec {
	struct control_config control;
	struct device_spec device;
	struct lab_client_spec client[LAB_CLIENTS_MAX];
	uint32_t clients;
	uint64_t seed, start_ns;
	uint64_t warm_ms; /* not measured */
	bool is_unfiltered;
};

struct lab_slot {
	uint64_t device_ns;
	uint32_t ios, window;
	uint32_t units[LAB_CLIENTS_MAX];
};

struct lab_client {
	const struct lab_client_spec *spec;
	struct lab *lab;
	struct mclock_client *mclock;
	struct tally total; /* arrival to end, as the client sees it; measured part */
	uint32_t outstanding, waiting;
	bool is_stopped;
	/* For the properties. */
	uint64_t delayed, dispatched, longest_wait_ns;
	double limit_level[2]; /* leaky buckets: I/Os or units, bytes */
	double limit_worst[2]; /* the most that was in them */
	uint64_t limit_at_ns;
};

struct lab_io {
	struct mclock_request request;
	struct device_io device;
	struct lab_client *client;
	struct lab_io *next;
	uint64_t arrived_ns, dispatched_ns;
};

struct lab {
	struct lab_spec spec;
	struct rng rng;
	struct events events;
	struct device device;
	struct control control;
	struct mclock *mclock;
	struct lab_client client[LAB_CLIENTS_MAX];
	struct lab_io *free_ios, *all_ios[64];
	uint32_t io_chunks;
	uint64_t now_ns, wake_ns, measure_from_ns;
	struct lab_slot *slot;
	struct tally at_device; /* measured part */
	uint32_t in_flight;
	uint32_t news[8];        /* how often each */
	uint64_t news_ns[8];     /* last time */
	uint64_t idle_with_work; /* device idle though an unlimited client waits: events */
	bool is_draining;
};

void lab_init(struct lab *lab, const struct lab_spec *spec);
/* Up to so long after the start. */
void lab_run(struct lab *lab, uint64_t until_ms);
/* Nothing runs any more, then so much time passes at once, then the clients begin again. */
void lab_sleep(struct lab *lab, uint64_t ns);
/* What a drain does: all that waits is let go; no new I/O. Runs until nothing is in flight. */
void lab_drain(struct lab *lab);
void lab_free(struct lab *lab);

/* Of the measured part. */
double lab_seconds(const struct lab *lab);
double lab_iops(const struct lab *lab, uint32_t client); /* I/Os */
double lab_total_iops(const struct lab *lab);
/* The device's mean latency, and a client's units a second, in [from, from + slots). */
double lab_latency_us(const struct lab *lab, uint32_t from_slot, uint32_t slots);
double lab_units_per_s(const struct lab *lab, uint32_t client, uint32_t from_slot, uint32_t slots);

#endif
