/* SPDX-License-Identifier: MIT */
/*
 * ring_fixture.h - ring memory in plain heap memory, a client made of bare stores, and a server on
 * it.
 *
 * The bare client can write what ring_client never would: that is why these tests do not use it.
 * Order of calls: fixture_init, client_*, fixture_fini.
 * Thread: one.
 */
#ifndef TESTS_RING_FIXTURE_H
#define TESTS_RING_FIXTURE_H

#include "ring_server.h"

#define FIXTURE_TAKEN_MAX 4096u

struct fixture {
	struct env env; /* ops know bell_ring only */
	uint32_t bells;
	uint8_t *base;
	struct ring_header h;
	struct ring_server server;
	bool has_server;
	struct ring_cmd taken[FIXTURE_TAKEN_MAX];
	uint32_t taken_count;
	bool is_answered_at_once; /* fixture_take() calls ring_server_done() */
};

/* Memory with a valid header and zeros. */
void fixture_init(struct fixture *f, uint32_t slot_count, uint64_t arena_bytes);
void fixture_fini(struct fixture *f);
/* A server of that incarnation; asserts that it starts. */
void fixture_serve(struct fixture *f, uint64_t incarnation);
/* As a kill: nothing of the server is said goodbye to. */
void fixture_kill(struct fixture *f);
/* A ring_take_fn with the fixture as ctx. */
void fixture_take(void *ctx, const struct ring_cmd *cmd);
void fixture_answer(struct fixture *f, uint32_t slot, uint8_t status);

struct ring_slot *client_slot(struct fixture *f, uint32_t slot);
unsigned client_state(struct fixture *f, uint32_t slot);
/* Fills in a plain 6-byte command and publishes it, without the queue. */
void client_fill(struct fixture *f, uint32_t slot, uint64_t cmd_seq);
/* Puts slot into the submission queue. */
void client_hint(struct fixture *f, uint32_t slot);
void client_submit(struct fixture *f, uint32_t slot, uint64_t cmd_seq); /* fill and hint */
bool client_cancel(struct fixture *f, uint32_t slot);                   /* SUBMITTED -> CANCELLED */

#endif
