/* SPDX-License-Identifier: MIT */
/*
 * mode_write_back.c - a change goes into the log and is acknowledged; the datastore gets it later.
 *
 *     token --> backlog (is there room?) --> span (whose turn?) --> parts of blocks merged --> log
 *                                                           acknowledged <-- caches renewed <--'
 *
 * No change goes around the log, whatever its size: the order of changes is the log's.
 * FLUSH is a flush of the log, which is not volatile itself.
 */
#include <errno.h>

#include "mode.h"
#include "own.h"
#include "read.h"
#include "volume.h"

#define EXTENT_MAX_BLOCKS (1u << 18) /* a lookup takes its time for each of them */

/* ---------------------------------------------------------------- changes */

static void renew_caches(struct request *r)
{
	enum cache_admit admit = (enum cache_admit)r->admit;

	if (r->result < 0 || r->io->op != SLUICE_OP_WRITE)
		coherence_end(r, NULL, CACHE_REFRESH);
	else if (r->count == 1 && r->page[0])
		coherence_end_block(r, r->page[0], r->block, admit);
	else if (r->count == 1 && r->page[1])
		coherence_end_block(r, r->page[1], r->block, admit);
	else
		coherence_end(r, r->io->buf, admit);
}

static void ended(struct request *r)
{
	struct volume *v = r->v;
	enum sluice_status status = request_status(r->result);

	renew_caches(r);
	backlog_leave(r);
	partial_release(r);
	spans_unlock(&v->spans, r);
	if (r->result == -EIO)
		wblog_failed(v);
	request_end(r, status);
	backlog_pump(v);
	destage_kick(v);
	settle_check(v);
}

static void appended(struct sluice_rlog_entry *e)
{
	struct request *r = e->ctx;

	if (e->result < 0 && r->result == 0)
		r->result = e->result;
	if (--r->entries_left == 0)
		ended(r);
}

static struct sluice_rlog_entry *add(struct request *r, enum sluice_rlog_kind kind, uint64_t block,
				     uint64_t count, const void *buf)
{
	struct sluice_rlog_entry *e = &r->entry[r->entries_left++];
	const struct sluice_io *io = r->io;

	*e = (struct sluice_rlog_entry){
	    .kind = (uint8_t)kind,
	    .is_durable = sluice_volume_is_durable(r->v->f) || (io->flags & SLUICE_IO_FUA),
	    .may_unmap = io->op == SLUICE_OP_UNMAP || (io->flags & SLUICE_IO_MAY_UNMAP),
	    .block = block,
	    .block_count = count,
	    .buf = buf,
	    .fn = appended,
	    .ctx = r,
	};
	return e;
}

static void append(struct request *r)
{
	bool is_write = r->io->op == SLUICE_OP_WRITE;
	uint64_t block, count, skip;
	uint32_t n;

	if (r->result < 0) {
		ended(r);
		return;
	}
	partial_middle(r, &block, &count, &skip);
	r->entries_left = 0;
	if (r->page[0])
		add(r, SLUICE_RLOG_DATA, r->block, 1, r->page[0]);
	if (count > 0)
		add(r, is_write ? SLUICE_RLOG_DATA : SLUICE_RLOG_ZERO, block, count,
		    is_write ? (const char *)r->io->buf + skip : NULL);
	if (r->page[1])
		add(r, SLUICE_RLOG_DATA, r->block + r->count - 1, 1, r->page[1]);
	n = r->entries_left;
	for (uint32_t i = 0; i < n; i++)
		sluice_rlog_append(r->v->wblog.log, &r->entry[i]);
}

/* It is this change's turn in all of its blocks. */
static void begin(struct request *r)
{
	coherence_begin(r);
	r->go = append;
	partial_merge(r);
}

static void let_in(struct request *r)
{
	struct volume *v = r->v;

	if (v->state != VOLUME_SERVING) {
		backlog_leave(r);
		request_dispatch(r);
		return;
	}
	r->go = begin;
	if (spans_lock(&v->spans, r))
		begin(r);
}

static enum sluice_verdict change(struct request *r)
{
	if (!request_take_token(r))
		return request_end(r, SLUICE_ERR_BUSY);
	settle_changes(r->v);
	r->admit = (uint8_t)volume_admission(r->v, r->io);
	r->go = let_in;
	backlog_enter(r);
	return SLUICE_DEFER;
}

/* ---------------------------------------------------------------- flush and extents */

static void flushed(struct sluice_rlog_flush *fl)
{
	struct request *r = fl->ctx;
	int result = fl->result;

	if (result == -EIO)
		wblog_failed(r->v);
	request_end(r, request_status(result));
}

static enum sluice_verdict flush(struct request *r)
{
	if (!request_take_token(r))
		return request_end(r, SLUICE_ERR_BUSY);
	r->flush = (struct sluice_rlog_flush){.fn = flushed, .ctx = r};
	sluice_rlog_flush(r->v->wblog.log, &r->flush);
	return SLUICE_DEFER;
}

static void extent_found(struct sluice_own_io *own)
{
	struct request *r = own->ctx;

	own_pump(r->v);
	r->io->extent_bytes = own->extent_bytes;
	r->io->extent_is_hole = own->extent_is_hole;
	if (own->status == SLUICE_ERR_UNSUPPORTED) { /* then all of it is data */
		r->io->extent_bytes = own->len_bytes;
		r->io->extent_is_hole = 0;
		own->status = SLUICE_OK;
	}
	request_end(r, (enum sluice_status)own->status);
}

/* Of the log's first run; where it has none, of the datastore up to where it has one. */
static enum sluice_verdict extent(struct request *r)
{
	struct sluice_io *io = r->io;
	struct sluice_rlog_run run;
	uint64_t len, max;

	max = r->count < EXTENT_MAX_BLOCKS ? r->count : EXTENT_MAX_BLOCKS;
	sluice_rlog_lookup(r->v->wblog.log, r->block, max, &run);
	len = (r->block + run.block_count) * BLOCK_BYTES - io->offset_bytes;
	if (len > io->len_bytes)
		len = io->len_bytes;
	if (run.what != SLUICE_RLOG_ABSENT) {
		io->extent_bytes = len;
		io->extent_is_hole = run.what == SLUICE_RLOG_HAS_ZEROS;
		return request_end(r, SLUICE_OK);
	}
	if (len == io->len_bytes)
		return request_pass(r);
	if (!request_take_token(r))
		return request_end(r, SLUICE_ERR_BUSY);
	r->own = (struct sluice_own_io){.op = SLUICE_OP_EXTENT,
					.flags = SLUICE_IO_URGENT,
					.offset_bytes = io->offset_bytes,
					.len_bytes = len,
					.fn = extent_found,
					.ctx = r};
	own_go(r->v, &r->own);
	return SLUICE_DEFER;
}

static enum sluice_verdict start(struct request *r)
{
	switch (r->io->op) {
	case SLUICE_OP_READ:
		return read_start(r);
	case SLUICE_OP_FLUSH:
		return flush(r);
	case SLUICE_OP_EXTENT:
		return extent(r);
	default:
		return change(r);
	}
}

const struct mode mode_write_back = {.start = start, .has_log = true};
