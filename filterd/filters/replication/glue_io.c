/* SPDX-License-Identifier: MIT */
/*
 * glue_io.c - initiators' I/O between the chain and the engine.
 *
 * A read of a side that serves goes past the engine, and is checked on its way up. Everything else
 * has a token from the start, is carried out by own I/O and completed. How long a change may wait
 * for the peer is the policy's (hold), so its token has a deadline that does not come.
 */
#include <stddef.h>

#include "glue.h"

#define NO_DEADLINE_MS (7u * 24 * 3600 * 1000)

static enum sluice_verdict fail(struct sluice_io *io, enum sluice_status status)
{
	io->status = (uint8_t)status;
	return SLUICE_FAIL;
}

static void ended(struct repl_io *io)
{
	struct glue_io *gi = io->ctx;
	struct sluice_io *sio = sluice_token_io(gi->token);
	struct sluice_token *token = gi->token;

	gi->token = NULL;
	sio->extent_bytes = io->extent_bytes;
	sio->extent_is_hole = io->extent_is_hole;
	if (io->status == SLUICE_OK)
		sluice_complete(token);
	else
		sluice_fail(token, (enum sluice_status)io->status);
}

static void fill(struct glue_io *gi, struct glue_volume *v, struct sluice_io *io)
{
	gi->v = v;
	gi->io = (struct repl_io){.op = io->op,
				  .flags = io->flags,
				  .member = v->p.member,
				  .offset_bytes = io->offset_bytes,
				  .len_bytes = io->len_bytes,
				  .buf = io->buf,
				  .end = ended,
				  .ctx = gi};
}

static void wait(struct glue_volume *v, struct glue_io *gi)
{
	gi->next = NULL;
	if (v->wait_last)
		v->wait_last->next = gi;
	else
		v->wait_first = gi;
	v->wait_last = gi;
}

enum sluice_verdict glue_submit(struct sluice_filter *f, struct sluice_io *io)
{
	struct glue_volume *v = sluice_state(f);
	struct glue_group *gg = v->gg;
	struct glue_io *gi = sluice_io_ctx(f, io);

	if (gg->state == GLUE_FAILED || gg->waits_for_keys)
		return fail(io, gg->waits_for_keys ? SLUICE_ERR_LOCKED : SLUICE_ERR_NOT_READY);
	if (gg->state == GLUE_OPEN && io->op == SLUICE_OP_READ && group_may_read(gg->g)) {
		gi->is_read = true;
		return SLUICE_PASS;
	}
	gi->token = sluice_defer(f, io, NO_DEADLINE_MS);
	if (!gi->token)
		return fail(io, SLUICE_ERR_BUSY);
	fill(gi, v, io);
	if (gg->state == GLUE_OPEN)
		group_submit(gg->g, &gi->io);
	else
		wait(v, gi);
	return SLUICE_DEFER;
}

/* What was read while this side ceased to serve may be old by now. */
enum sluice_verdict glue_done(struct sluice_filter *f, struct sluice_io *io)
{
	struct glue_volume *v = sluice_state(f);
	struct glue_io *gi = sluice_io_ctx(f, io);

	if (!gi->is_read)
		return SLUICE_PASS;
	if (v->gg->state == GLUE_OPEN && group_may_read(v->gg->g))
		return SLUICE_PASS;
	return fail(io, SLUICE_ERR_BUSY);
}

static bool unwait(struct glue_volume *v, struct glue_io *gi)
{
	struct glue_io **at = &v->wait_first, *last = NULL;

	for (; *at; last = *at, at = &(*at)->next) {
		if (*at != gi)
			continue;
		*at = gi->next;
		if (v->wait_last == gi)
			v->wait_last = last;
		return true;
	}
	return false;
}

void glue_abort(struct sluice_filter *f, struct sluice_io *io)
{
	struct glue_volume *v = sluice_state(f);
	struct glue_io *gi = sluice_io_ctx(f, io);

	if (!gi->token)
		return;
	if (unwait(v, gi)) {
		gi->io.status = SLUICE_ERR_ABORTED;
		ended(&gi->io);
	} else if (v->gg->g) {
		group_abort(v->gg->g, &gi->io);
	}
}

void glue_waiting_go(struct glue_volume *v)
{
	struct glue_io *gi = v->wait_first;

	v->wait_first = v->wait_last = NULL;
	while (gi) {
		struct glue_io *next = gi->next;

		group_submit(v->gg->g, &gi->io);
		gi = next;
	}
}

void glue_waiting_end(struct glue_volume *v, enum sluice_status status)
{
	struct glue_io *gi = v->wait_first;

	v->wait_first = v->wait_last = NULL;
	while (gi) {
		struct glue_io *next = gi->next;

		gi->io.status = (uint8_t)status;
		ended(&gi->io);
		gi = next;
	}
}

/* What is held ends as busy; what is under way ends by itself. */
void glue_drain(struct sluice_filter *f, bool begin)
{
	struct glue_volume *v = sluice_state(f);
	struct glue_group *gg = v->gg;

	v->is_draining = begin;
	if (!begin) {
		glue_own_pump(gg);
		return;
	}
	glue_waiting_end(v, SLUICE_ERR_BUSY);
	if (gg->state != GLUE_OPEN)
		return;
	group_release_held(gg->g, v->p.member, SLUICE_ERR_BUSY);
	group_release_held(gg->g, (uint16_t)(gg->host.member_count - 1), SLUICE_ERR_BUSY);
}
