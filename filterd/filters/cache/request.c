/* SPDX-License-Identifier: MIT */
#include "request.h"

#include <errno.h>
#include <string.h>

#include "mode.h"
#include "own.h"
#include "passing.h"
#include "read.h"
#include "volume.h"

/* A token's deadline says that the filter hangs. What waits for a full log or a dead datastore
 * does not: its initiator gives up before. */
#define HOLD_MAX_MS 3600000u

/* ---------------------------------------------------------------- queues */

void requests_init(struct requests *q)
{
	q->first = NULL;
	q->last = &q->first;
	q->count = 0;
}

void requests_push(struct requests *q, struct request *r)
{
	r->next = NULL;
	r->queue = q;
	*q->last = r;
	q->last = &r->next;
	q->count++;
}

void requests_remove(struct request *r)
{
	struct requests *q = r->queue;
	struct request **at = &q->first;

	while (*at != r)
		at = &(*at)->next;
	*at = r->next;
	if (!r->next)
		q->last = at;
	q->count--;
	r->queue = NULL;
}

struct request *requests_pop(struct requests *q)
{
	struct request *r = q->first;

	if (r)
		requests_remove(r);
	return r;
}

void requests_take(struct requests *q, struct requests *all)
{
	requests_init(all);
	while (q->first)
		requests_push(all, requests_pop(q));
}

/* ---------------------------------------------------------------- steps */

void request_set_blocks(struct request *r)
{
	const struct sluice_io *io = r->io;
	uint64_t end = io->offset_bytes + io->len_bytes + BLOCK_BYTES - 1;

	r->block = io->offset_bytes / BLOCK_BYTES;
	r->count = io->len_bytes ? end / BLOCK_BYTES - r->block : 0;
}

enum sluice_status request_status(int result)
{
	switch (result) {
	case 0:
		return SLUICE_OK;
	case -EBADMSG:
		return SLUICE_ERR_CORRUPT;
	case -ECANCELED:
		return SLUICE_ERR_BUSY;
	case -ENOSPC:
		return SLUICE_ERR_NO_SPACE;
	default:
		return SLUICE_ERR_IO;
	}
}

bool request_take_token(struct request *r)
{
	const struct volume *v = r->v;

	if (r->token)
		return true;
	/* A filter above may let go of it during a drain, which it keeps up by itself; only to take
	 * a token there has to be a hold. */
	if (v->is_draining)
		sluice_drain_hold(v->f);
	r->token = sluice_defer(v->f, r->io, HOLD_MAX_MS);
	if (v->is_draining)
		sluice_drain_release(v->f);
	return r->token != NULL;
}

enum sluice_verdict request_end(struct request *r, enum sluice_status status)
{
	if (!r->token) {
		r->io->status = (uint8_t)status;
		return status == SLUICE_OK ? SLUICE_COMPLETE : SLUICE_FAIL;
	}
	if (status == SLUICE_OK)
		sluice_complete(r->token);
	else
		sluice_fail(r->token, status);
	return SLUICE_DEFER;
}

static void passed(struct request *r, enum sluice_status status)
{
	if (r->kind == REQUEST_READ)
		read_passed(r, status);
	else if (r->kind == REQUEST_CHANGE)
		passing_ended(r, status);
	r->kind = REQUEST_OTHER;
}

static void own_ended(struct sluice_own_io *own)
{
	struct request *r = own->ctx;
	enum sluice_status status = (enum sluice_status)own->status;

	own_pump(r->v);
	r->io->extent_bytes = own->extent_bytes;
	r->io->extent_is_hole = own->extent_is_hole;
	passed(r, status);
	request_end(r, status);
}

enum sluice_verdict request_pass(struct request *r)
{
	const struct sluice_io *io = r->io;

	if (!r->token)
		return SLUICE_PASS;
	r->own = (struct sluice_own_io){
	    .op = io->op,
	    .flags =
		(uint16_t)((io->flags & (SLUICE_IO_FUA | SLUICE_IO_MAY_UNMAP)) | SLUICE_IO_URGENT),
	    .offset_bytes = io->offset_bytes,
	    .len_bytes = io->len_bytes,
	    .buf = io->buf,
	    .fn = own_ended,
	    .ctx = r,
	};
	own_go(r->v, &r->own);
	return SLUICE_DEFER;
}

/* ---------------------------------------------------------------- by state */

static enum sluice_verdict hold(struct request *r)
{
	if (!request_take_token(r))
		return request_end(r, SLUICE_ERR_BUSY);
	requests_push(&r->v->held, r);
	return SLUICE_DEFER;
}

/* What was dirty in the log can still be read as long as the log can. Nothing else is right. */
static enum sluice_verdict degraded(struct request *r)
{
	if (r->v->wblog.is_readable && r->io->op == SLUICE_OP_READ)
		return read_start(r);
	return request_end(r, SLUICE_ERR_NOT_READY);
}

enum sluice_verdict request_dispatch(struct request *r)
{
	switch (r->v->state) {
	case VOLUME_SERVING:
		return r->v->mode->start(r);
	case VOLUME_PREPARING:
		return passing_start(r);
	case VOLUME_DEGRADED:
		return degraded(r);
	case VOLUME_STARTING:
	case VOLUME_RECOVERING:
	case VOLUME_SWITCHING:
	case VOLUME_CLEARING:
		break;
	}
	return hold(r);
}

void request_release_held(struct volume *v)
{
	struct requests all;
	struct request *r;

	requests_take(&v->held, &all);
	while ((r = requests_pop(&all)) != NULL)
		request_dispatch(r);
}

void request_fail_held(struct volume *v, enum sluice_status status)
{
	struct request *r;

	while ((r = requests_pop(&v->held)) != NULL)
		request_end(r, status);
}

/* ---------------------------------------------------------------- the filter's data path */

enum sluice_verdict request_submit(struct sluice_filter *f, struct sluice_io *io)
{
	struct volume *v = sluice_state(f);
	struct request *r;

	if (io->op == SLUICE_OP_READ && v->may_hit && read_hit(v, io))
		return SLUICE_COMPLETE;
	r = sluice_io_ctx(f, io);
	r->v = v;
	r->io = io;
	request_set_blocks(r);
	return request_dispatch(r);
}

enum sluice_verdict request_done(struct sluice_filter *f, struct sluice_io *io)
{
	struct request *r = sluice_io_ctx(f, io);

	if (r->kind != REQUEST_OTHER)
		passed(r, (enum sluice_status)io->status);
	return SLUICE_PASS;
}

/* What only waits ends at once; what is under way ends by itself. */
void request_abort(struct sluice_filter *f, struct sluice_io *io)
{
	struct request *r = sluice_io_ctx(f, io);

	/* Waiting for a page it has begun already. */
	if (!r->token || (r->queue != &r->v->held && r->queue != &r->v->backlog.waiting))
		return;
	requests_remove(r);
	request_end(r, SLUICE_ERR_ABORTED);
}
