/* SPDX-License-Identifier: MIT */
/*
 * asks.h - requests to filterd that may take long, each on a thread and a connection of its own, so
 * that what waits for one volume's filters does not keep the others waiting.
 *
 *     owner ── asks_begin() ──▶ thread: asks filterd, without a limit of time
 *        ▲                          │ wake
 *        └─── asks_reap() ◀─────────┘
 *
 * A request takes up volumes: while it runs, no other one about any of them is begun. When policyd
 * stops, connections are shut down; filterd carries on, and the next policyd sees what became of
 * it.
 *
 * Order of calls: init, begin and reap as often as wanted, fini. Thread: the owner's.
 */
#ifndef POLICY_ASKS_H
#define POLICY_ASKS_H

#include <jansson.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "err.h"
#include "list.h"

#define ASKS_MAX 16u

struct asks {
	const char *socket;
	void (*wake)(void *ctx); /* any thread: one has ended */
	void *ctx;
	pthread_mutex_t lock;
	struct list_node jobs; /* the owner's */
	uint32_t count;
};

void asks_init(struct asks *a, const char *socket, void (*wake)(void *ctx), void *ctx);
void asks_fini(struct asks *a); /* fine for a zeroed one */

/* volumes: [names]. */
bool asks_is_busy(const struct asks *a, const json_t *volumes);
bool asks_has(const struct asks *a, int64_t id);
/* id: whose request it is, for reap. Takes arguments. -EAGAIN: ASKS_MAX are under way; as
 * filterd_client's. */
int must_check asks_begin(struct asks *a, int64_t id, const json_t *volumes, const char *request,
			  json_t *arguments, struct err *err);
/* For each that has ended: fn with the answer, or NULL and its error; then it is forgotten. */
void asks_reap(struct asks *a,
	       void (*fn)(void *ctx, int64_t id, const json_t *answer, const struct err *err),
	       void *ctx);

#endif
