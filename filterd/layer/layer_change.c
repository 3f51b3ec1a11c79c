/* SPDX-License-Identifier: MIT */
/*
 * layer_change.c - writes, unmaps and zeros of one segment: into the head, whole blocks only.
 *
 *   for each stretch: whole blocks ─────────────────────────────▶ write, or punch what the head has
 *                     a part of a block that the head has ──────▶ write it
 *                     a part of another ─▶ the block from below ─▶ changed ─▶ write the whole block
 *   then, if the head did not have all: flush ─▶ entries ─▶ the map's flush
 *
 * The blocks are locked (layer_io.c); two changes of whole blocks may overlap, as on any disk.
 */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "layer_int.h"

static void stretch_next(struct layer_io *x);

/* ---------------------------------------------------------------- the end: entries and flushes */

static bool is_head_data(const struct layer_io *x, uint64_t at)
{
	return x->page.page->entry[entry_index(at)] == x->v->head->id;
}

static void on_mapped(struct map_waiter *w, int result)
{
	struct layer_io *x = list_entry(w, struct layer_io, mapped);

	x->result = result;
	layer_io_next(x);
}

static uint16_t entry_after(const struct layer_io *x, uint64_t block, uint16_t now)
{
	uint16_t head = x->v->head->id;
	uint64_t end = block + BLOCK_BYTES;
	bool is_whole = block >= x->seg_start_bytes && end <= x->seg_end_bytes;
	bool is_first = block < x->seg_start_bytes;

	if (x->sio->op == SLUICE_OP_WRITE)
		return head;
	if (!is_whole)
		return x->is_copied[!is_first] ? head : now;
	/* Data of the head was punched; where nobody has anything nothing need be said. */
	if (now == head || now == 0)
		return now;
	return LAYER_MUTATE(UNMAP_FORGETS) ? 0 : head | ENTRY_ZERO;
}

static void on_first_committed(struct commit_waiter *w, int result)
{
	struct layer_io *x = list_entry(w, struct layer_io, committed);
	struct page *p = x->page.page;
	bool is_changed = false;

	if (result) {
		x->result = -EIO;
		layer_io_next(x);
		return;
	}
	for (uint64_t b = x->seg_start_bytes / BLOCK_BYTES * BLOCK_BYTES; b < x->seg_end_bytes;
	     b += BLOCK_BYTES) {
		uint16_t *e = &p->entry[entry_index(b)];
		uint16_t after = entry_after(x, b, *e);

		x->v->own_blocks += after == x->v->head->id && *e != after;
		is_changed |= *e != after;
		*e = after;
	}
	if (is_changed)
		mapflush_mark(x->v, p);
	x->mapped.fn = on_mapped;
	if (LAYER_MUTATE(ACK_BEFORE_MAP) ||
	    (!p->is_dirty && !p->is_writing && x->v->mapflush.is_trusted))
		on_mapped(&x->mapped, 0);
	else
		mapflush_wait(x->v, &x->mapped);
}

static void on_committed(struct commit_waiter *w, int result)
{
	struct layer_io *x = list_entry(w, struct layer_io, committed);

	x->result = result ? -EIO : 0;
	layer_io_next(x);
}

static void segment_written(struct layer_io *x)
{
	struct layers *v = x->v;

	commit_note_write(&v->commit);
	if (x->result) {
		layer_io_next(x);
		return;
	}
	if (x->is_first) {
		x->committed.fn = on_first_committed;
		if (LAYER_MUTATE(MAP_BEFORE_DATA))
			on_first_committed(&x->committed, 0);
		else
			commit_wait(&v->commit, &x->committed);
	} else if (v->is_durable || (x->sio->flags & SLUICE_IO_FUA)) {
		x->committed.fn = on_committed;
		commit_wait(&v->commit, &x->committed);
	} else {
		layer_io_next(x);
	}
}

/* ---------------------------------------------------------------- a block from below */

static void edge_take(struct layer_io *x);

static void edge_put(struct layer_io *x)
{
	struct layers *v = x->v;
	struct list_node *n;

	v->edges[v->edge_count++] = x->edge;
	x->edge = NULL;
	n = list_pop_front(&v->edges_waiting);
	if (n)
		edge_take(list_entry(n, struct layer_io, edge_node));
}

static void on_edge_written(struct part *p, int result)
{
	struct layer_io *x = p->x;

	p->x = NULL;
	x->parts_left--;
	tree_put(x->v, p->layer);
	if (result)
		x->result = result;
	edge_put(x);
	stretch_next(x);
}

/* at_bytes is already behind the part. */
static void edge_write(struct layer_io *x)
{
	uint64_t block = (x->at_bytes - 1) / BLOCK_BYTES * BLOCK_BYTES;
	uint64_t from = block > x->seg_start_bytes ? block : x->seg_start_bytes;
	const uint8_t *data = x->sio->buf;

	if (x->sio->op == SLUICE_OP_WRITE)
		memcpy(x->edge + (from - block), data + (from - x->sio->offset_bytes),
		       x->at_bytes - from);
	else
		memset(x->edge + (from - block), 0, x->at_bytes - from);
	layer_io_transfer(x, &x->parts[0], x->v->head, ENV_IO_WRITE, x->edge, block, BLOCK_BYTES,
			  on_edge_written);
}

static void on_edge_read(struct part *p, int result)
{
	struct layer_io *x = p->x;

	p->x = NULL;
	x->parts_left--;
	tree_put(x->v, p->layer);
	if (result) {
		x->result = result;
		edge_put(x);
		stretch_next(x);
		return;
	}
	edge_write(x);
}

static void edge_take(struct layer_io *x)
{
	struct layers *v = x->v;
	uint64_t block = (x->at_bytes - 1) / BLOCK_BYTES * BLOCK_BYTES;
	uint16_t e = x->page.page->entry[entry_index(block)];
	struct layer *l = e & ENTRY_ZERO ? NULL : v->by_id[e & ENTRY_LAYER];

	x->edge = v->edges[--v->edge_count];
	if (l && !LAYER_MUTATE(NO_COPY_UP)) {
		layer_io_transfer(x, &x->parts[0], l, ENV_IO_READ, x->edge, block, BLOCK_BYTES,
				  on_edge_read);
		return;
	}
	memset(x->edge, 0, BLOCK_BYTES);
	edge_write(x);
}

static void edge_begin(struct layer_io *x, uint64_t from)
{
	x->is_first = true;
	x->is_copied[from % BLOCK_BYTES == 0] = true;
	if (x->v->edge_count > 0)
		edge_take(x);
	else
		list_push_back(&x->v->edges_waiting, &x->edge_node);
}

/* ---------------------------------------------------------------- stretches */

static void on_stretch(struct part *p, int result)
{
	struct layer_io *x = p->x;

	p->x = NULL;
	x->parts_left--;
	tree_put(x->v, p->layer);
	if (result)
		x->result = result;
	stretch_next(x);
}

static void transfer(struct layer_io *x, uint64_t from)
{
	const struct sluice_io *sio = x->sio;
	bool is_write = sio->op == SLUICE_OP_WRITE;
	bool is_punch = sio->op == SLUICE_OP_UNMAP || (sio->flags & SLUICE_IO_MAY_UNMAP);

	layer_io_transfer(x, &x->parts[0], x->v->head,
			  is_write   ? ENV_IO_WRITE
			  : is_punch ? ENV_IO_PUNCH
				     : ENV_IO_ZERO,
			  is_write ? (uint8_t *)sio->buf + (from - sio->offset_bytes) : NULL, from,
			  x->at_bytes - from, on_stretch);
}

/* True: I/O was begun. */
static bool part_of_block(struct layer_io *x, uint64_t from, uint64_t end)
{
	const struct page *p = x->page.page;
	uint16_t e = p->entry[entry_index(from)];
	bool is_zero = (e & ENTRY_ZERO) || e == 0;

	x->at_bytes = end;
	if (is_head_data(x, from)) {
		transfer(x, from);
		return true;
	}
	if (x->sio->op != SLUICE_OP_WRITE && is_zero)
		return false;
	edge_begin(x, from);
	return true;
}

static bool whole_blocks(struct layer_io *x, uint64_t from, uint64_t end)
{
	bool is_write = x->sio->op == SLUICE_OP_WRITE;
	bool is_head = is_head_data(x, from);
	uint64_t at = from;

	for (; at < end && (is_write || is_head_data(x, at) == is_head); at += BLOCK_BYTES)
		if (!is_head_data(x, at) && (is_write || x->page.page->entry[entry_index(at)]))
			x->is_first = true;
	x->at_bytes = at;
	if (!is_write && !is_head)
		return false;
	transfer(x, from);
	return true;
}

static void stretch_next(struct layer_io *x)
{
	bool is_begun = false;

	while (!is_begun && !x->result && x->at_bytes < x->seg_end_bytes) {
		uint64_t from = x->at_bytes, end = x->seg_end_bytes;
		uint64_t block_end = from / BLOCK_BYTES * BLOCK_BYTES + BLOCK_BYTES;

		if (from % BLOCK_BYTES || end < block_end)
			is_begun = part_of_block(x, from, end < block_end ? end : block_end);
		else
			is_begun = whole_blocks(x, from, end / BLOCK_BYTES * BLOCK_BYTES);
	}
	if (!is_begun)
		segment_written(x);
}

void layer_change_segment(struct layer_io *x)
{
	const struct page *p = x->page.page;

	/* Entries that are not flushed yet, perhaps because that failed: this change waits for
	 * them. */
	x->is_first = p->is_dirty || p->is_writing || !x->v->mapflush.is_trusted;
	x->is_copied[0] = x->is_copied[1] = false;
	stretch_next(x);
}
