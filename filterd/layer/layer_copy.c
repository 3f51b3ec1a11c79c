/* SPDX-License-Identifier: MIT */
/*
 * layer_copy.c - the blocks of a merge, page by page of the map.
 *
 *   source's map(s) ─▶ target's map ─▶ runs: read, write ─▶ flush data ─▶ target's map, flush ─▶
 * next
 *
 * Source and target are frozen: others only read them, and none reads what is written here
 * (LAYER-9). It gives way to others: between two chunks, or by waiting for its turn (layer_turn.c).
 */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "layer_int.h"
#include "merge_pace.h"

#define CHUNK_BLOCKS (MERGE_BYTES / BLOCK_BYTES)

static void page_begin(struct layers *v);
static void blocks_next(struct layers *v);

static struct layers *volume_of(struct env_io *io)
{
	return io->ctx;
}

static void submit(struct layers *v, enum env_io_op op, struct env_file *f, void *buf,
		   uint64_t offset_bytes, uint64_t len_bytes, void (*done)(struct env_io *io))
{
	v->merge.io = (struct env_io){.op = op,
				      .file = f,
				      .buf = buf,
				      .offset_bytes = offset_bytes,
				      .len_bytes = len_bytes,
				      .done = done,
				      .ctx = v};
	env_io_submit(v->env, &v->merge.io);
}

static uint64_t run_offset(const struct merge *m)
{
	return m->page * PAGE_BYTES + (uint64_t)m->block * BLOCK_BYTES;
}

/* The blocks themselves. */
static void submit_in_turn(struct layers *v, enum env_io_op op, struct env_file *f,
			   void (*done)(struct env_io *io))
{
	struct merge *m = &v->merge;

	m->io = (struct env_io){.op = op,
				.file = f,
				.buf = m->buf,
				.offset_bytes = run_offset(m),
				.len_bytes = (uint64_t)m->run_blocks * BLOCK_BYTES,
				.done = done,
				.ctx = v};
	turn_submit(v);
}

static uint8_t *pair_buf(struct layers *v)
{
	return v->merge.buf + MERGE_BYTES;
}

/* ---------------------------------------------------------------- the end of a page */

static void page_end(struct layers *v)
{
	struct merge *m = &v->merge;

	m->page++;
	if (!merge_is_wanted(v))
		merge_copied(v, -ECANCELED);
	else if (m->what == MERGE_DOWN && m->page - m->saved_page >= MERGE_CURSOR_PAGES)
		merge_save_cursor(v);
	else
		page_begin(v);
}

static void on_map_flushed(struct commit_waiter *w, int result)
{
	struct layers *v = list_entry(w, struct layers, merge.waiter);

	if (result)
		merge_copied(v, -EIO);
	else
		page_end(v);
}

static void on_map_written(struct env_io *io)
{
	struct layers *v = volume_of(io);
	struct merge *m = &v->merge;

	commit_note_write(&m->map);
	if (io->result) {
		merge_copied(v, io->result);
		return;
	}
	m->waiter.fn = on_map_flushed;
	if (LAYER_MUTATE(MERGE_NOT_FLUSHED))
		page_end(v);
	else
		commit_wait(&m->map, &m->waiter);
}

static void on_map_clean(struct commit_waiter *w, int result);

static void on_slot_wiped(struct env_io *io)
{
	struct layers *v = volume_of(io);
	struct merge *m = &v->merge;

	commit_note_write(&m->map);
	if (io->result) {
		merge_copied(v, io->result);
		return;
	}
	m->to_page->is_torn = false;
	m->waiter.fn = on_map_clean;
	commit_wait(&m->map, &m->waiter);
}

static void on_map_clean(struct commit_waiter *w, int result)
{
	struct layers *v = list_entry(w, struct layers, merge.waiter);
	struct merge *m = &v->merge;
	uint64_t slot;

	if (result) {
		merge_copied(v, -EIO);
		return;
	}
	slot = LAYER_MUTATE(ONE_SLOT) ? 0 : (m->to_page->generation + 1) % 2;
	if (m->to_page->is_torn && !LAYER_MUTATE(TORN_SLOT_STAYS)) {
		memset(pair_buf(v), 0, SLOT_BYTES);
		submit(v, ENV_IO_WRITE, m->target->map, pair_buf(v),
		       m->page * SLOT_PAIR + slot * SLOT_BYTES, SLOT_BYTES, on_slot_wiped);
		return;
	}
	m->to_page->generation++;
	slot_encode(pair_buf(v), m->target->number, m->page, m->to_page);
	submit(v, ENV_IO_WRITE, m->target->map, pair_buf(v),
	       m->page * SLOT_PAIR + slot * SLOT_BYTES, SLOT_BYTES, on_map_written);
}

static void on_data_flushed(struct commit_waiter *w, int result)
{
	struct layers *v = list_entry(w, struct layers, merge.waiter);
	struct merge *m = &v->merge;

	if (result) {
		merge_copied(v, -EIO);
		return;
	}
	if (!m->target->has_map) {
		page_end(v);
		return;
	}
	m->waiter.fn = on_map_clean;
	commit_wait(&m->map, &m->waiter);
}

static void page_flush(struct layers *v)
{
	struct merge *m = &v->merge;

	if (!m->has_changed) {
		page_end(v);
		return;
	}
	m->waiter.fn = on_data_flushed;
	commit_note_write(&m->data);
	if (LAYER_MUTATE(MERGE_NOT_FLUSHED))
		on_data_flushed(&m->waiter, 0);
	else
		commit_wait(&m->data, &m->waiter);
}

/* ---------------------------------------------------------------- blocks */

static void run_done(struct layers *v, enum slot_state state)
{
	struct merge *m = &v->merge;

	for (uint32_t i = 0; i < m->run_blocks; i++)
		m->to_page->state[m->block + i] = (uint8_t)state;
	m->has_changed = true;
	m->block += m->run_blocks;
	m->done_blocks += m->run_blocks;
}

static void give_way(struct layers *v)
{
	struct merge *m = &v->merge;
	uint64_t now_ns = env_now_ns(v->env);
	uint64_t rest_ns = merge_rest_ns(
	    v->ios != m->seen_ios, (uint64_t)m->run_blocks * BLOCK_BYTES, now_ns - m->chunk_ns);

	if (rest_ns == 0 || m->has_waited) {
		blocks_next(v);
		return;
	}
	m->timer.fn = merge_timer;
	m->timer.ctx = v;
	env_timer_set(v->env, &m->timer, now_ns + rest_ns);
}

void merge_timer(struct env_timer *t)
{
	struct layers *v = t->ctx;

	if (v->merge.what == MERGE_NOTHING) {
		v->merge.failures = 0; /* it may work now */
		merge_kick(v);
	} else
		blocks_next(v);
}

static void on_written(struct env_io *io)
{
	struct layers *v = volume_of(io);

	if (io->result) {
		merge_copied(v, io->result);
		return;
	}
	run_done(v, SLOT_DATA);
	give_way(v);
}

static bool is_all_zero(const uint8_t *p, size_t n)
{
	return p[0] == 0 && memcmp(p, p + 1, n - 1) == 0;
}

static void pass_by(struct layers *v)
{
	v->merge.block += v->merge.run_blocks;
	give_way(v);
}

static void on_hole(struct env_io *io)
{
	struct layers *v = volume_of(io);

	if (io->result)
		merge_copied(v, io->result);
	else
		pass_by(v);
}

static void on_read(struct env_io *io)
{
	struct layers *v = volume_of(io);
	struct merge *m = &v->merge;

	if (io->result) {
		merge_copied(v, io->result);
		return;
	}
	/* Below a volume that stands alone there are zeros anyway: what is sparse stays so. But
	 * memory will say that the target has these blocks, and a first write that was killed
	 * before its map entry may have left data in the file: that goes. */
	if (m->what == MERGE_COPY && is_all_zero(m->buf, (size_t)m->run_blocks * BLOCK_BYTES)) {
		if (LAYER_MUTATE(COPY_LEAVES_REST))
			pass_by(v);
		else
			submit(v, ENV_IO_PUNCH, m->target->data, NULL, run_offset(m),
			       (uint64_t)m->run_blocks * BLOCK_BYTES, on_hole);
		return;
	}
	submit_in_turn(v, ENV_IO_WRITE, m->target->data, on_written);
}

static void on_punched(struct env_io *io)
{
	struct layers *v = volume_of(io);

	if (io->result) {
		merge_copied(v, io->result);
		return;
	}
	run_done(v, SLOT_ZERO);
	blocks_next(v);
}

static bool is_copied(const struct merge *m, uint32_t i)
{
	bool has = m->target->has_map && m->to_page->state[i] != SLOT_ABSENT;

	if (m->what == MERGE_DOWN)
		return m->entry[i] && !(LAYER_MUTATE(MERGE_DOWN_SKIPS) && has);
	return m->entry[i] && (!has || (LAYER_MUTATE(MERGE_UP_OVERWRITES) && m->what == MERGE_UP));
}

static void blocks_next(struct layers *v)
{
	struct merge *m = &v->merge;
	uint32_t n = 1;
	uint16_t e;

	if (m->is_stopping) {
		merge_copied(v, -ECANCELED);
		return;
	}
	while (m->block < LAYER_PAGE_BLOCKS && !is_copied(m, m->block))
		m->block++;
	if (m->block == LAYER_PAGE_BLOCKS) {
		page_flush(v);
		return;
	}
	e = m->entry[m->block];
	while (m->block + n < LAYER_PAGE_BLOCKS && n < CHUNK_BLOCKS &&
	       m->entry[m->block + n] == e && is_copied(m, m->block + n))
		n++;
	m->run_blocks = n;
	m->chunk_ns = env_now_ns(v->env);
	m->seen_ios = v->ios;
	m->has_waited = false;
	if (e == ENTRY_ZERO)
		submit(v, ENV_IO_PUNCH, m->target->data, NULL, run_offset(m),
		       (uint64_t)n * BLOCK_BYTES, on_punched);
	else
		submit_in_turn(v, ENV_IO_READ, v->by_id[e]->data, on_read);
}

/* ---------------------------------------------------------------- maps */

static void on_target_map(struct env_io *io)
{
	struct layers *v = volume_of(io);
	struct merge *m = &v->merge;
	int rc = io->result ? io->result
			    : slot_decode(pair_buf(v), m->target->number, m->page, m->to_page);

	if (rc)
		merge_copied(v, rc);
	else
		blocks_next(v);
}

static void target_map(struct layers *v)
{
	struct merge *m = &v->merge;
	uint64_t blocks = tree_file_bytes(m->target->size_bytes) / BLOCK_BYTES;

	/* What lies behind the target's end nobody sees. */
	for (uint32_t i = 0; i < LAYER_PAGE_BLOCKS; i++)
		if (m->page * LAYER_PAGE_BLOCKS + i >= blocks)
			m->entry[i] = 0;
	memset(m->to_page, 0, sizeof(*m->to_page));
	m->block = 0;
	m->has_changed = false;
	if (m->target->has_map && m->target->map->size_bytes < (m->page + 1) * SLOT_PAIR)
		page_end(v);
	else if (!m->target->has_map)
		blocks_next(v);
	else
		submit(v, ENV_IO_READ, m->target->map, pair_buf(v), m->page * SLOT_PAIR, SLOT_PAIR,
		       on_target_map);
}

static void source_map(struct layers *v);

static void on_source_map(struct env_io *io)
{
	struct layers *v = volume_of(io);
	struct merge *m = &v->merge;
	int rc =
	    io->result ? io->result : slot_decode(pair_buf(v), m->at->number, m->page, m->map_page);

	if (rc) {
		merge_copied(v, rc);
		return;
	}
	for (uint32_t i = 0; i < LAYER_PAGE_BLOCKS; i++) {
		uint8_t s = m->map_page->state[i];

		if (!m->entry[i] && s != SLOT_ABSENT)
			m->entry[i] = s == SLOT_ZERO ? ENTRY_ZERO : m->at->id;
	}
	m->at = m->what == MERGE_COPY ? m->at->below : NULL;
	source_map(v);
}

static void source_map(struct layers *v)
{
	struct merge *m = &v->merge;
	uint64_t count;

	while (m->at && m->at->has_map && m->at->map->size_bytes < (m->page + 1) * SLOT_PAIR)
		m->at = m->what == MERGE_COPY ? m->at->below : NULL;
	if (m->at && m->at->has_map) {
		submit(v, ENV_IO_READ, m->at->map, pair_buf(v), m->page * SLOT_PAIR, SLOT_PAIR,
		       on_source_map);
		return;
	}
	count = m->at ? tree_file_bytes(m->at->size_bytes) / BLOCK_BYTES : 0;
	for (uint32_t i = 0; i < LAYER_PAGE_BLOCKS; i++)
		if (m->at && !m->entry[i] && m->page * LAYER_PAGE_BLOCKS + i < count)
			m->entry[i] = m->at->id;
	target_map(v);
}

/* Of a copy: zeros that the origin's layers say need not be said here. */
static void page_read(struct layers *v)
{
	struct merge *m = &v->merge;

	memset(m->entry, 0, LAYER_PAGE_BLOCKS * sizeof(*m->entry));
	m->at = m->source;
	source_map(v);
}

static void on_extent(struct env_io *io)
{
	struct layers *v = volume_of(io);
	uint64_t pages = io->result_extent_bytes / SLOT_PAIR;

	if (io->result == 0 && io->result_is_hole && pages > 0) {
		v->merge.page += pages;
		page_begin(v);
	} else {
		page_read(v);
	}
}

static void on_all_flushed(struct commit_waiter *w, int result)
{
	merge_copied(list_entry(w, struct layers, merge.waiter), result ? -EIO : 0);
}

static void on_all_data_flushed(struct commit_waiter *w, int result)
{
	struct layers *v = list_entry(w, struct layers, merge.waiter);
	struct merge *m = &v->merge;

	if (result || !m->target->has_map) {
		merge_copied(v, result ? -EIO : 0);
		return;
	}
	m->waiter.fn = on_all_flushed;
	commit_wait(&m->map, &m->waiter);
}

/* Also when nothing had to be copied: a process before us may have done it and not flushed. */
static void flush_all(struct layers *v)
{
	struct merge *m = &v->merge;

	m->waiter.fn = on_all_data_flushed;
	if (LAYER_MUTATE(MERGE_NOT_FLUSHED))
		merge_copied(v, 0);
	else
		commit_wait(&m->data, &m->waiter);
}

static void page_begin(struct layers *v)
{
	struct merge *m = &v->merge;

	if (m->is_stopping)
		merge_copied(v, -ECANCELED);
	else if (m->page >= m->page_count)
		flush_all(v);
	else if (m->what == MERGE_COPY)
		page_read(v);
	else
		submit(v, ENV_IO_EXTENT, m->source->map, NULL, m->page * SLOT_PAIR,
		       (m->page_count - m->page) * SLOT_PAIR, on_extent);
}

void copy_start(struct layers *v)
{
	page_begin(v);
}
