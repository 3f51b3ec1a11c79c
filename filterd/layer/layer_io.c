/* SPDX-License-Identifier: MIT */
/*
 * layer_io.c - entry of I/O, segments within a page, reads and questions for extents.
 */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "layer_int.h"
#include "status.h"

static bool is_change(const struct sluice_io *io)
{
	return io->op == SLUICE_OP_WRITE || io->op == SLUICE_OP_UNMAP ||
	       io->op == SLUICE_OP_WRITE_ZEROES || io->op == SLUICE_OP_FLUSH;
}

/* ---------------------------------------------------------------- to a layer's file and back */

static void on_direct(struct env_io *io)
{
	struct part *p = list_entry(io, struct part, io);

	p->done(p, io->result);
}

static void on_bounced(struct bounce_req *r, int result)
{
	struct part *p = list_entry(r, struct part, bounce);

	p->done(p, result);
}

static bool needs_bounce(const struct env_file *f, const void *buf, uint64_t offset_bytes,
			 uint64_t len_bytes)
{
	return ((offset_bytes | len_bytes | (uintptr_t)buf) & ((uint64_t)f->align_bytes - 1)) != 0;
}

/* ZERO and PUNCH with no buffer: an unaligned range is made zero by writing. */
void layer_io_transfer(struct layer_io *x, struct part *p, struct layer *l, enum env_io_op op,
		       void *buf, uint64_t offset_bytes, uint64_t len_bytes,
		       void (*done)(struct part *p, int result))
{
	p->x = x;
	p->layer = l;
	p->done = done;
	l->users++;
	x->parts_left++;
	p->io = (struct env_io){.op = op,
				.file = l->data,
				.buf = buf,
				.offset_bytes = offset_bytes,
				.len_bytes = len_bytes,
				.done = on_direct};
	if (op != ENV_IO_EXTENT && needs_bounce(l->data, buf, offset_bytes, len_bytes)) {
		p->bounce = (struct bounce_req){
		    .op = op == ENV_IO_READ    ? BOUNCE_READ
			  : op == ENV_IO_WRITE ? BOUNCE_WRITE
					       : BOUNCE_ZERO,
		    .offset_bytes = offset_bytes,
		    .len_bytes = len_bytes,
		    .user = buf,
		    .file = l->data,
		    .fn = on_bounced,
		};
		bounce_submit(&x->v->bounce, &p->bounce);
		return;
	}
	env_io_submit(x->v->env, &p->io);
}

/* ---------------------------------------------------------------- reads */

static struct layer *layer_of(const struct layers *v, uint16_t entry)
{
	return entry & ENTRY_ZERO ? NULL : v->by_id[entry & ENTRY_LAYER];
}

/* Bytes from at on, up to end, that the same layer has, or that are zeros alike. */
static uint64_t run_length(const struct layer_io *x, uint64_t at, uint64_t end, struct layer **l)
{
	const struct page *p = x->page.page;
	uint64_t next = at / BLOCK_BYTES * BLOCK_BYTES + BLOCK_BYTES;

	*l = layer_of(x->v, p->entry[entry_index(at)]);
	while (next < end && layer_of(x->v, p->entry[entry_index(next)]) == *l)
		next += BLOCK_BYTES;
	return (next < end ? next : end) - at;
}

static void read_some(struct layer_io *x);

static void on_read(struct part *p, int result)
{
	struct layer_io *x = p->x;

	if (result && !x->result)
		x->result = result;
	p->x = NULL;
	x->parts_left--;
	tree_put(x->v, p->layer);
	read_some(x);
}

static struct part *part_free(struct layer_io *x)
{
	for (uint32_t i = 0; i < PARTS; i++)
		if (!x->parts[i].x)
			return &x->parts[i];
	return NULL;
}

static void read_some(struct layer_io *x)
{
	struct part *p;

	while (!x->result && x->at_bytes < x->seg_end_bytes && (p = part_free(x))) {
		uint8_t *buf = (uint8_t *)x->sio->buf + (x->at_bytes - x->sio->offset_bytes);
		uint64_t at = x->at_bytes;
		struct layer *l;
		uint64_t len_bytes = run_length(x, at, x->seg_end_bytes, &l);

		x->at_bytes += len_bytes;
		if (l)
			layer_io_transfer(x, p, l, ENV_IO_READ, buf, at, len_bytes, on_read);
		else
			memset(buf, 0, len_bytes);
	}
	if (x->parts_left == 0)
		layer_io_next(x);
}

/* ---------------------------------------------------------------- extents */

static void extent_end(struct layer_io *x, uint64_t len_bytes, bool is_hole)
{
	struct sluice_io *sio = x->sio;
	uint64_t block = x->v->block_bytes;

	/* A block that is only partly a hole is data. */
	is_hole = is_hole && len_bytes >= block;
	len_bytes = is_hole ? len_bytes / block * block : (len_bytes + block - 1) / block * block;
	sio->extent_is_hole = is_hole;
	sio->extent_bytes = len_bytes < sio->len_bytes ? len_bytes : sio->len_bytes;
	x->at_bytes = x->seg_end_bytes = sio->offset_bytes + sio->len_bytes;
	layer_io_next(x);
}

static void on_extent(struct part *p, int result)
{
	struct layer_io *x = p->x;
	uint64_t len_bytes = p->io.result_extent_bytes;

	p->x = NULL;
	x->parts_left--;
	tree_put(x->v, p->layer);
	x->result = result;
	extent_end(x, len_bytes, p->io.result_is_hole);
}

static void extent_ask(struct layer_io *x)
{
	struct layer *l;
	uint64_t len_bytes = run_length(x, x->at_bytes, x->seg_end_bytes, &l);

	if (l)
		layer_io_transfer(x, &x->parts[0], l, ENV_IO_EXTENT, NULL, x->at_bytes, len_bytes,
				  on_extent);
	else
		extent_end(x, len_bytes, true);
}

/* ---------------------------------------------------------------- segments */

static void segment(struct layer_io *x)
{
	if (x->page.rc) {
		x->result = x->page.rc;
		layer_io_next(x);
		return;
	}
	switch ((enum sluice_op)x->sio->op) {
	case SLUICE_OP_READ:
		read_some(x);
		return;
	case SLUICE_OP_EXTENT:
		extent_ask(x);
		return;
	default:
		layer_change_segment(x);
		return;
	}
}

static void on_page(struct page_waiter *w)
{
	segment(list_entry(w, struct layer_io, page));
}

void layer_io_end(struct layer_io *x, enum sluice_status status)
{
	struct layers *v = x->v;
	bool was_change = is_change(x->sio);

	if (x->has_claim) {
		x->has_claim = false;
		edge_lock_drop(&v->locks, &x->claim);
	}
	x->sio->status = (uint8_t)status;
	x->sio->end(x->sio);
	if (was_change)
		ctl_change_ended(v);
}

static enum sluice_status status_now(const struct layer_io *x)
{
	if (x->result == -EBADMSG)
		return SLUICE_ERR_CORRUPT;
	if (is_change(x->sio) && x->v->b.is_failed)
		return SLUICE_ERR_FAILED;
	return status_of(x->result);
}

void layer_io_next(struct layer_io *x)
{
	uint64_t end = x->sio->offset_bytes + x->sio->len_bytes, page_end;

	if (x->page.page)
		pages_put(x->v, x->page.page);
	x->page.page = NULL;
	if (x->result || x->at_bytes == end) {
		layer_io_end(x, status_now(x));
		return;
	}
	page_end = (x->at_bytes / PAGE_BYTES + 1) * PAGE_BYTES;
	x->seg_start_bytes = x->at_bytes;
	x->seg_end_bytes = page_end < end ? page_end : end;
	x->page.fn = on_page;
	if (pages_get(x->v, x->at_bytes / PAGE_BYTES, &x->page))
		segment(x);
}

static void on_claimed(struct edge_claim *c)
{
	struct layer_io *x = list_entry(c, struct layer_io, claim);

	x->has_claim = true;
	layer_io_next(x);
}

static void on_map_flushed(struct map_waiter *w, int result)
{
	struct layer_io *x = list_entry(w, struct layer_io, mapped);

	layer_io_end(x, result ? SLUICE_ERR_FAILED : SLUICE_OK);
}

/* The map is flushed with each change of it, but for what an earlier process left and what could
 * not be written. */
static void on_flushed(struct commit_waiter *w, int result)
{
	struct layer_io *x = list_entry(w, struct layer_io, committed);

	x->mapped.fn = on_map_flushed;
	if (result)
		layer_io_end(x, SLUICE_ERR_FAILED);
	else if (x->v->mapflush.is_trusted && !x->v->mapflush.has_failed)
		layer_io_end(x, SLUICE_OK);
	else
		mapflush_wait(x->v, &x->mapped);
}

static void begin(struct layer_io *x)
{
	if (x->sio->op == SLUICE_OP_FLUSH) {
		x->committed.fn = on_flushed;
		commit_wait(&x->v->commit, &x->committed);
		return;
	}
	if (!is_change(x->sio) || LAYER_MUTATE(NO_BLOCK_LOCK)) {
		layer_io_next(x);
		return;
	}
	x->claim.granted = on_claimed;
	if (edge_lock_take(&x->v->locks, &x->claim, x->sio->offset_bytes, x->sio->len_bytes))
		on_claimed(&x->claim);
}

/* SLUICE_OK: go on. */
static enum sluice_status check(const struct layers *v, const struct sluice_io *io)
{
	bool is_flush = io->op == SLUICE_OP_FLUSH;

	if (io->op >= SLUICE_OP_COUNT)
		return SLUICE_ERR_UNSUPPORTED;
	if (!is_flush &&
	    (io->len_bytes > v->b.size_bytes || io->offset_bytes > v->b.size_bytes - io->len_bytes))
		return SLUICE_ERR_IO;
	if (v->is_readonly && is_change(io))
		return is_flush ? SLUICE_OK : SLUICE_ERR_READ_ONLY;
	if (v->b.is_failed && is_change(io))
		return SLUICE_ERR_FAILED;
	return SLUICE_OK;
}

void layer_io_submit(struct backend *b, struct sluice_io *io)
{
	struct layers *v = layers_of(b);
	struct layer_io *x = io->bottom;
	enum sluice_status status;

	if (!v->is_layered) {
		v->plain->ops->submit(v->plain, io);
		return;
	}
	v->ios++;
	status = check(v, io);
	if (status != SLUICE_OK || (io->len_bytes == 0 && io->op != SLUICE_OP_FLUSH) ||
	    (v->is_readonly && is_change(io))) {
		io->status = (uint8_t)status;
		io->end(io);
		return;
	}
	memset(x, 0, sizeof(*x));
	x->v = v;
	x->sio = io;
	x->at_bytes = io->offset_bytes;
	if (is_change(io) && v->ctl.is_gate_closed) {
		list_push_back(&v->ctl.gate, &x->gate);
		return;
	}
	v->ctl.changes += is_change(io);
	begin(x);
}
