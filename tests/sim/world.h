/* SPDX-License-Identifier: MIT */
/*
 * world.h - one simulated run: virtual time, events in an order that the seed chooses, failure,
 * trace.
 *
 *      main -> run -> world (events) -+-> tgtd    real target/ring_client, an initiator's workload
 *                                     +-> host    the instances of filterd: env_sim, and on it the
 * real |           volume/serve, ring, scsi, chain and backend
 *                                     +-> disk    files with an OS cache, sectors that may be lost
 *                                     +-> fault   kills, hangs, power cuts, I/O errors
 *                                     +-> oracle  what may be true, given what was answered
 *
 * Thread: one. Nothing here reads a clock or any state outside of the seed.
 */
#ifndef SIM_WORLD_H
#define SIM_WORLD_H

#include <setjmp.h>
#include <stdbool.h>
#include <stdint.h>

#include "options.h"
#include "rng.h"
#include "timer_heap.h"

#define US 1000ull
#define MS 1000000ull
#define S  1000000000ull

struct sim_disk;
struct host;
struct tgtd;
struct oracle;
struct fault;
struct run;

struct sim_event;
typedef void (*sim_event_fn)(void *ctx, uint64_t arg);

/* What dies: events of a life that has ended do nothing. */
struct sim_life {
	bool is_over;
};

struct world {
	struct rng rng;
	struct options opt;
	uint64_t seed;
	uint64_t now_ns;
	uint64_t events; /* dispatched */
	struct timer_heap heap;
	struct sim_event *spare;
	bool is_traced;
	bool has_failed;
	bool has_given_up;
	char failure[512];
	jmp_buf out;
	struct sim_disk *disk;
	struct host *host;
	struct tgtd *tgtds[2];
	struct oracle *oracle;
	struct fault *fault;
	struct run *run;
};

/* Calls fn(ctx, arg) delay_ns from now unless life (may be NULL) has ended by then. */
void world_after(struct world *w, uint64_t delay_ns, struct sim_life *life, sim_event_fn fn,
		 void *ctx, uint64_t arg);
/* Dispatches the next event. False: there is none. */
bool world_step(struct world *w);

/* A delay between lo and hi, with nanoseconds that make the order of neighbours a matter of chance.
 */
uint64_t world_delay(struct world *w, uint64_t lo_ns, uint64_t hi_ns);

/* The run ends here: the first failure is the one that is reported. */
void world_fail(struct world *w, const char *fmt, ...)
    __attribute__((format(printf, 2, 3), noreturn));
/* The run ends without a verdict: there are too many possibilities. Counted by main.c. */
void world_give_up(struct world *w) __attribute__((noreturn));
void world_print(struct world *w, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
#define world_trace(w, ...)                                                                        \
	do {                                                                                       \
		if ((w)->is_traced)                                                                \
			world_print(w, __VA_ARGS__);                                               \
	} while (0)

#endif
