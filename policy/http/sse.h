/* SPDX-License-Identifier: MIT */
/*
 * sse.h - Server-Sent Events: who listens, what they have not read yet.
 *
 * Topics: events, tasks, figures, alerts. What is new is read from the database and from the
 * sampler when somebody says that something has changed; a client's unread text is bounded, and who
 * does not read is dropped. Events bear their id, so that a client that comes back says with
 * Last-Event-ID what it has had.
 *
 * Thread: main.
 */
#ifndef POLICY_SSE_H
#define POLICY_SSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "app.h"
#include "rest.h"

#define SSE_CLIENTS_MAX 32u
#define SSE_OF_ONE_MAX  8u /* of a user or a token */
#define SSE_BUFFER_MAX  (2u << 20)
#define SSE_HEARTBEAT_S 15u

struct sse;
struct sse_client;

int must_check sse_create(struct app *app, struct sse **out, struct err *err);
void sse_free(struct sse *s);
/* Something has changed: look. Coalesced. */
void sse_poke(struct sse *s);

/* topics: "events,tasks"; "": all. wake is called when there is something to read, or the end.
 * Errors: -EINVAL unknown topic; -EDQUOT too many. */
int must_check sse_client_add(struct sse *s, const char *topics, const char *last_event_id,
			      const struct actor *who, void (*wake)(void *ctx), void *ctx,
			      struct sse_client **out, struct err *err);
void sse_client_free(struct sse_client *c);
/* Bytes taken, 0: nothing there now, -1: the end. */
ptrdiff_t sse_client_read(struct sse_client *c, char *buf, size_t size);

#endif
