/* SPDX-License-Identifier: MIT */
/*
 * log_env.h - the env of one simulated process that has a record log: a virtual clock, timers,
 * messages and I/O to simulated devices that ends in any order.
 *
 * It runs in steps. A step delivers the messages and works that are posted, or ends one I/O that is
 * under way, or goes on to the next timer. Between two steps the process may die: of the I/O that
 * is under way then any sectors land.
 *
 * Thread: one. Nothing is allocated but the timers' heap.
 */
#ifndef SIM_LOG_ENV_H
#define SIM_LOG_ENV_H

#include "device.h"
#include "env.h"
#include "rng.h"
#include "timer_heap.h"

#define LOG_ENV_FLIGHTS 64u

enum log_env_device { DEVICE_LOG, DEVICE_JOURNAL, DEVICE_SINK, DEVICE_COUNT };
enum log_env_fault { FAULT_READ, FAULT_WRITE, FAULT_FLUSH, FAULT_OPEN, FAULT_COUNT };

struct log_env_flight {
	struct env_io *io;
	struct device *device;
	uint64_t mark; /* FLUSH: what it covers */
};

/* Who watches. ended: it has taken effect in the device, and done() comes next. */
struct log_env_watch {
	void (*submitted)(void *ctx, enum log_env_device which, const struct env_io *io);
	void (*ended)(void *ctx, enum log_env_device which, const struct env_io *io);
	void *ctx;
};

/* The n-th operation of a kind on a device fails from now on: that one, or all that follow too. */
struct log_env_plan {
	enum log_env_device device;
	enum log_env_fault kind;
	uint64_t nth; /* 0: none */
	bool is_lasting;
	bool has_struck;
};

struct log_env {
	struct env env; /* first */
	struct rng *rng;
	struct device *devices; /* [DEVICE_COUNT] */
	struct log_env_watch watch;
	struct log_env_plan plan;
	uint64_t now_ns;
	struct timer_heap timers;
	struct log_env_flight flights[LOG_ENV_FLIGHTS]; /* oldest first */
	uint32_t flight_count;
	struct list_node works;
	struct env_msg *first_msg, **last_msg;
	uint64_t steps;   /* of this process */
	bool is_in_order; /* I/O ends in the order of submission */
	bool has_slow_reads;
};

/* Once for a seed. */
void log_env_init(struct log_env *e, struct rng *r, struct device *devices);
/* A process starts, with nothing under way. */
void log_env_begin(struct log_env *e);
/* false: there is nothing to do, now or later. */
bool log_env_step(struct log_env *e);
/* Carries io out and calls its done() before return, which an env never does: for the sink. */
void log_env_do_now(struct log_env *e, struct env_io *io);
/* Something is posted or under way, not counting timers. */
bool log_env_is_busy(const struct log_env *e);
/* The process dies; of what was under way any sectors land in the devices. */
void log_env_kill(struct log_env *e);
/* As log_env_kill(), and of its writes exactly the sectors that mask names, in their order. */
void log_env_kill_exactly(struct log_env *e, uint64_t mask);
/* Sectors of the writes that are under way. */
uint32_t log_env_flight_sectors(const struct log_env *e);
void log_env_power_cut(struct log_env *e); /* after a kill */
const char *log_env_device_name(enum log_env_device which);

#endif
