/* SPDX-License-Identifier: MIT */
#include "disk.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "status.h"

/* ---------------------------------------------------------------- the end of an I/O */

static void end(struct disk_io *x, enum sluice_status status)
{
	x->sio->status = (uint8_t)status;
	x->sio->end(x->sio);
}

static void on_committed(struct commit_waiter *w, int result)
{
	struct disk_io *x = list_entry(w, struct disk_io, waiter);

	end(x, result ? SLUICE_ERR_FAILED : SLUICE_OK);
}

static void commit(struct disk_io *x)
{
	x->waiter.fn = on_committed;
	commit_wait(&x->d->commit, &x->waiter);
}

static bool is_change(const struct sluice_io *io)
{
	return io->op == SLUICE_OP_WRITE || io->op == SLUICE_OP_UNMAP ||
	       io->op == SLUICE_OP_WRITE_ZEROES;
}

/* A change has ended on the file. Even one that failed may have changed something. */
static void change_ended(struct disk_io *x, int result)
{
	struct disk *d = x->d;

	commit_note_write(&d->commit);
	if (x->has_claim) {
		x->has_claim = false;
		edge_lock_drop(&d->edges, &x->claim);
	}
	if (result)
		end(x, status_of(result));
	else if (d->is_durable || (x->sio->flags & SLUICE_IO_FUA))
		commit(x);
	else
		end(x, d->b.is_failed ? SLUICE_ERR_FAILED : SLUICE_OK);
}

static void extent_ended(struct disk_io *x)
{
	struct sluice_io *sio = x->sio;
	uint64_t block = x->d->block_bytes, bytes = x->io.result_extent_bytes;
	bool is_hole = x->io.result_is_hole && bytes >= block;

	/* A block that is only partly a hole is data. */
	bytes = is_hole ? bytes / block * block : (bytes + block - 1) / block * block;
	sio->extent_is_hole = is_hole;
	sio->extent_bytes = bytes < sio->len_bytes ? bytes : sio->len_bytes;
}

/* ---------------------------------------------------------------- to the file and back */

static void zero_next(struct disk_io *x);

static void transferred(struct disk_io *x, int result)
{
	switch ((enum sluice_op)x->sio->op) {
	case SLUICE_OP_EXTENT:
		if (result == 0)
			extent_ended(x);
		end(x, status_of(result));
		return;
	case SLUICE_OP_WRITE:
		change_ended(x, result);
		return;
	case SLUICE_OP_UNMAP:
	case SLUICE_OP_WRITE_ZEROES:
		if (result)
			change_ended(x, result);
		else
			zero_next(x);
		return;
	default:
		end(x, status_of(result));
	}
}

static void on_io(struct env_io *io)
{
	struct disk_io *x = io->ctx;

	if (is_change(x->sio) && x->sio->op != SLUICE_OP_WRITE)
		x->zero_done_bytes += io->len_bytes;
	transferred(x, io->result);
}

static void on_bounced(struct bounce_req *r, int result)
{
	struct disk_io *x = list_entry(r, struct disk_io, bounce);

	if (r->op == BOUNCE_ZERO)
		x->zero_done_bytes += r->len_bytes;
	transferred(x, result);
}

static void direct(struct disk_io *x, enum env_io_op op, void *buf, uint64_t offset_bytes,
		   uint64_t len_bytes)
{
	x->io.op = op;
	x->io.is_durable = false;
	x->io.file = x->d->file;
	x->io.buf = buf;
	x->io.offset_bytes = offset_bytes;
	x->io.len_bytes = len_bytes;
	x->io.done = on_io;
	x->io.ctx = x;
	env_io_submit(x->d->env, &x->io);
}

static void bounced(struct disk_io *x, enum bounce_op op, void *buf, uint64_t offset_bytes,
		    uint64_t len_bytes)
{
	x->bounce.op = op;
	x->bounce.user = buf;
	x->bounce.file = NULL;
	x->bounce.offset_bytes = offset_bytes;
	x->bounce.len_bytes = len_bytes;
	x->bounce.fn = on_bounced;
	bounce_submit(&x->d->bounce, &x->bounce);
}

static void transfer(struct disk_io *x)
{
	struct sluice_io *sio = x->sio;
	bool is_read = sio->op == SLUICE_OP_READ;
	uint64_t mask = (uint64_t)x->d->file->align_bytes - 1;

	if (((sio->offset_bytes | sio->len_bytes | (uintptr_t)sio->buf) & mask) == 0)
		direct(x, is_read ? ENV_IO_READ : ENV_IO_WRITE, sio->buf, sio->offset_bytes,
		       sio->len_bytes);
	else
		bounced(x, is_read ? BOUNCE_READ : BOUNCE_WRITE, sio->buf, sio->offset_bytes,
			sio->len_bytes);
}

/* The aligned middle of the range by the file system, unaligned edges by writing zeros. */
static void zero_next(struct disk_io *x)
{
	struct sluice_io *sio = x->sio;
	uint64_t mask = (uint64_t)x->d->file->align_bytes - 1;
	uint64_t end_bytes = sio->offset_bytes + sio->len_bytes;
	uint64_t pos = sio->offset_bytes + x->zero_done_bytes;
	uint64_t next = (pos + mask) & ~mask;
	bool is_punch = sio->op == SLUICE_OP_UNMAP || (sio->flags & SLUICE_IO_MAY_UNMAP);

	if (pos == end_bytes) {
		change_ended(x, 0);
	} else if (next != pos) {
		next = next < end_bytes ? next : end_bytes;
		bounced(x, BOUNCE_ZERO, NULL, pos, next - pos);
	} else if ((end_bytes & ~mask) > pos) {
		direct(x, is_punch ? ENV_IO_PUNCH : ENV_IO_ZERO, NULL, pos,
		       (end_bytes & ~mask) - pos);
	} else {
		bounced(x, BOUNCE_ZERO, NULL, pos, end_bytes - pos);
	}
}

static void change_begin(struct disk_io *x)
{
	x->zero_done_bytes = 0;
	if (x->sio->op == SLUICE_OP_WRITE)
		transfer(x);
	else
		zero_next(x);
}

static void on_claimed(struct edge_claim *c)
{
	change_begin(list_entry(c, struct disk_io, claim));
}

static void change(struct disk_io *x)
{
	struct disk *d = x->d;

	x->has_claim = d->has_edges;
	x->claim.granted = on_claimed;
	if (!x->has_claim ||
	    edge_lock_take(&d->edges, &x->claim, x->sio->offset_bytes, x->sio->len_bytes))
		change_begin(x);
}

/* ---------------------------------------------------------------- entry */

/* SLUICE_OK: go on. */
static enum sluice_status check(const struct disk *d, const struct sluice_io *io)
{
	bool is_flush = io->op == SLUICE_OP_FLUSH;

	if (io->op >= SLUICE_OP_COUNT)
		return SLUICE_ERR_UNSUPPORTED;
	if (!is_flush &&
	    (io->len_bytes > d->b.size_bytes || io->offset_bytes > d->b.size_bytes - io->len_bytes))
		return SLUICE_ERR_IO;
	if (is_change(io) && d->file->is_readonly)
		return SLUICE_ERR_READ_ONLY;
	if ((is_change(io) || is_flush) && d->b.is_failed)
		return SLUICE_ERR_FAILED;
	return SLUICE_OK;
}

void disk_submit(struct backend *b, struct sluice_io *io)
{
	struct disk *d = (struct disk *)b;
	struct disk_io *x = io->bottom;
	enum sluice_status status = check(d, io);

	x->d = d;
	x->sio = io;
	if (status != SLUICE_OK || (io->len_bytes == 0 && io->op != SLUICE_OP_FLUSH)) {
		end(x, status);
		return;
	}
	switch ((enum sluice_op)io->op) {
	case SLUICE_OP_READ:
		transfer(x);
		return;
	case SLUICE_OP_WRITE:
	case SLUICE_OP_UNMAP:
	case SLUICE_OP_WRITE_ZEROES:
		change(x);
		return;
	case SLUICE_OP_FLUSH:
		if (d->file->is_readonly)
			end(x, SLUICE_OK);
		else
			commit(x);
		return;
	case SLUICE_OP_EXTENT:
		direct(x, ENV_IO_EXTENT, NULL, io->offset_bytes, io->len_bytes);
		return;
	case SLUICE_OP_COUNT:
		break;
	}
	assert(!"check() lets no other op pass");
}

void disk_on_sync_failed(void *ctx, int result)
{
	struct disk *d = ctx;

	d->b.is_failed = true;
	snprintf(d->b.failed_text, sizeof(d->b.failed_text),
		 "a flush failed (%s); what was written before it may be lost, so nothing more is "
		 "written",
		 strerror(-result));
	if (d->outer) {
		d->outer->is_failed = true;
		memcpy(d->outer->failed_text, d->b.failed_text, sizeof(d->b.failed_text));
	}
}

/* ---------------------------------------------------------------- grow */

static void grow_end(struct disk *d, int result)
{
	void (*fn)(void *ctx, int r) = d->grow.fn;

	d->grow.fn = NULL;
	if (result == 0)
		d->b.size_bytes = d->grow.new_size_bytes;
	fn(d->grow.ctx, result);
}

static void on_grown(struct commit_waiter *w, int result)
{
	grow_end(list_entry(w, struct disk, grow.waiter), result);
}

/* Also when the file is long enough: the process before us may have been killed in between. */
static void grow_flush(struct disk *d)
{
	d->grow.waiter.fn = on_grown;
	commit_wait(&d->commit, &d->grow.waiter);
}

/* The new size goes with a group commit: a SYNC of its own could swallow the one report of a lost
 * write, after which no other SYNC fails. */
static void on_resized(struct env_io *io)
{
	struct disk *d = io->ctx;

	if (io->result) {
		grow_end(d, io->result);
		return;
	}
	commit_note_write(&d->commit);
	grow_flush(d);
}

static uint64_t round_up(uint64_t n, uint64_t unit)
{
	return (n + unit - 1) / unit * unit;
}

void disk_grow(struct backend *b, uint64_t new_size_bytes, void (*fn)(void *ctx, int result),
	       void *ctx)
{
	struct disk *d = (struct disk *)b;
	uint64_t file_bytes = d->file->is_block_device
				  ? new_size_bytes
				  : round_up(new_size_bytes, DISK_IMAGE_UNIT_BYTES);

	if (d->grow.fn) {
		fn(ctx, -EBUSY);
		return;
	}
	d->grow.fn = fn;
	d->grow.ctx = ctx;
	d->grow.new_size_bytes = new_size_bytes;
	if (new_size_bytes < b->size_bytes || new_size_bytes % d->block_bytes)
		grow_end(d, -EINVAL);
	else if (new_size_bytes > INT64_MAX - DISK_IMAGE_UNIT_BYTES)
		grow_end(d, -EFBIG);
	else if (new_size_bytes == b->size_bytes)
		grow_end(d, 0);
	else if (d->file->is_readonly)
		grow_end(d, -EROFS);
	else if (d->b.is_failed)
		grow_end(d, -EIO);
	else if (file_bytes <= d->file->size_bytes)
		grow_flush(d);
	else {
		d->grow.io = (struct env_io){.op = ENV_IO_RESIZE,
					     .file = d->file,
					     .offset_bytes = file_bytes,
					     .done = on_resized,
					     .ctx = d};
		env_io_submit(d->env, &d->grow.io);
	}
}
