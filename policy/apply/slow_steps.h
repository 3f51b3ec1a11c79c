/* SPDX-License-Identifier: MIT */
/*
 * slow_steps.h - steps that take as long as a datastore needs: a chain with a cache is settled
 * before it is changed, and that may be minutes of writing. Each such step waits for filterd on a
 * thread and a connection of its own, so that other volumes' steps go on, and is begun once.
 *
 *     reconciler's pass ── slow_steps_run() ──▶ thread: asks filterd, waits without a limit
 *          ▲   ▲                                    │
 *          │   └─ done at once (the usual case)     │ wake
 *          └──────── slow_steps_reap() ◀────────────┘
 *
 * When policyd stops, the connections are shut down; filterd carries on, and the next policyd sees
 * what became of it.
 *
 * Order of calls: init, run and reap as often as wanted, fini. Thread: the reconciler's.
 */
#ifndef POLICY_SLOW_STEPS_H
#define POLICY_SLOW_STEPS_H

#include <jansson.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "err.h"
#include "filterd_client.h"
#include "list.h"

#define SLOW_STEPS_MAX 16u /* under way; more wait for the next pass */

struct slow_steps {
	const char *socket;
	void (*wake)(void *ctx); /* any thread: one has ended */
	void *ctx;
	pthread_mutex_t lock;
	pthread_cond_t ended;
	struct list_node jobs; /* the reconciler's */
	uint32_t count;
};

void slow_steps_init(struct slow_steps *s, const char *socket, void (*wake)(void *ctx), void *ctx);
void slow_steps_fini(struct slow_steps *s);

/* Whether a step may take so long: it changes a chain that has a cache. running: planner.h's. */
bool slow_steps_is(const json_t *running, const json_t *step);

#define SLOW_STEPS_GO_ON 1
/* 0: done; SLOW_STEPS_GO_ON: it is under way, or has no place yet; -errno: as apply_step(). */
int must_check slow_steps_run(struct slow_steps *s, const char *key, const json_t *step,
			      struct err *err);
/* The object of this key has a step under way. */
bool slow_steps_has(const struct slow_steps *s, const char *key);
/* For each that has ended since: fn with its error, or NULL; then it is forgotten. */
void slow_steps_reap(struct slow_steps *s,
		     void (*fn)(void *ctx, const char *key, const json_t *step,
				const struct err *err),
		     void *ctx);
/* {"volume/web-1": "change filter cache of volume web-1: destaging, 4096 bytes left"}, asked of
 * filterd by client. New reference. */
json_t *slow_steps_texts(struct slow_steps *s, struct filterd_client *client);

#endif
