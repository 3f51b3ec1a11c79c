/* SPDX-License-Identifier: MIT */
/*
 * layer_merge.c - what is to be merged, how it begins and how it ends.
 *
 *   kick ─▶ lock ─▶ choose ─▶ one manifest (drop, unname), or its copy (secure)   ─▶ kick
 *                        ├──▶ a new head over the one that is in the way (freeze) ─▶ kick
 *                        └──▶ on record ─▶ unlock ─▶ layer_copy.c ─▶ lock ─▶ manifest ─▶ kick
 *
 * A failure (a full disk) is tried again after a while, and so is what cannot be merged yet since a
 * clone cannot be read; the snapshot stays "deleting".
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "layer_int.h"

#define RETRY_NS 10000000000ull

/* ---------------------------------------------------------------- ends */

static void try_later(struct layers *v)
{
	struct merge *m = &v->merge;

	m->timer.fn = merge_timer;
	m->timer.ctx = v;
	env_timer_set(v->env, &m->timer, env_now_ns(v->env) + RETRY_NS);
}

static void merge_end(struct layers *v, int rc)
{
	struct merge *m = &v->merge;
	void (*fn)(void *ctx) = m->stopped;

	if (m->source) {
		tree_put(v, m->source);
		tree_put(v, m->target);
	}
	m->source = m->target = NULL;
	if (v->is_layered)
		tree_prune(v); /* what was open for the merge alone */
	m->what = MERGE_NOTHING;
	m->is_running = false;
	if (m->is_stopping) {
		m->stopped = NULL;
		m->is_stopping = false;
		if (fn)
			fn(m->stopped_ctx);
		return;
	}
	if (rc == 0 || rc == -ECANCELED) {
		m->failures = 0;
		merge_kick(v);
		return;
	}
	m->failures++;
	try_later(v);
}

static void unlock_and_end(struct layers *v, int rc)
{
	ctl_unlock(v);
	merge_end(v, rc);
}

/* What stood on from stands on to now. */
static void replace_below(struct layers *v, struct layer *from, struct layer *to)
{
	struct list_node *n;

	list_for_each (n, &v->open_layers) {
		struct layer *l = list_entry(n, struct layer, node);

		if (l->below == from)
			l->below = to;
	}
}

static void on_merged(struct layers *v, int rc, const struct err *err)
{
	struct merge *m = &v->merge;
	struct layer *from = m->source, *to = m->target;

	if (rc) {
		unlock_and_end(v, rc);
		return;
	}
	if (m->what == MERGE_COPY) {
		/* What was all zeros has no block there, and the file has a hole. */
		for (struct layer *l = from; l; l = l->below)
			pages_rename(v, l, to);
		to->below = NULL;
	} else {
		replace_below(v, from, m->what == MERGE_UP ? from->below : to);
		if (!LAYER_MUTATE(MERGE_MAP_STAYS))
			pages_rename(v, from, to);
		tree_leave(v, from, true);
	}
	unlock_and_end(v, 0);
}

static void end_in_manifest(struct layers *v, struct manifest *next)
{
	const struct merge *m = &v->merge;
	struct manifest_layer *from = manifest_layer(next, m->from);
	struct manifest_layer *to = manifest_layer(next, m->to);
	uint32_t unnamed = m->what == MERGE_UP ? m->from : m->to;

	to->own_blocks += m->done_blocks;
	if (m->what == MERGE_COPY) {
		next->origin_path[0] = '\0';
		next->origin_layer = 0;
		next->is_full = false;
		return;
	}
	for (uint32_t i = next->snapshot_count; i-- > 0;)
		if (next->snapshots[i].layer == unnamed && next->snapshots[i].is_deleting)
			manifest_drop_snapshot(next, next->snapshots[i].uuid);
	for (uint32_t i = 0; i < next->snapshot_count; i++)
		if (next->snapshots[i].layer == m->from)
			next->snapshots[i].layer = m->to;
	if (m->what == MERGE_DOWN && from->size_bytes > to->size_bytes)
		to->size_bytes = from->size_bytes;
	if (m->what == MERGE_UP)
		to->parent = from->parent;
	else
		for (uint32_t i = 0; i < next->layer_count; i++)
			if (next->layers[i].parent == m->from)
				next->layers[i].parent = m->to;
	manifest_drop_layer(next, m->from);
}

static void end_go(struct ctl_waiter *w)
{
	struct layers *v = list_entry(w, struct layers, merge.lock);
	struct manifest *next;

	if (!merge_is_wanted(v) || v->merge.is_stopping) {
		unlock_and_end(v, -ECANCELED);
		return;
	}
	next = manifest_copy(v->m);
	if (!next) {
		unlock_and_end(v, -ENOMEM);
		return;
	}
	end_in_manifest(v, next);
	if (LAYER_MUTATE(REMOVE_BEFORE_SAVE) && v->merge.source->data_path)
		(void)env_file_remove(v->env, v->merge.source->data_path, NULL);
	ctl_save(v, next, on_merged);
}

void merge_copied(struct layers *v, int rc)
{
	struct merge *m = &v->merge;

	if (rc) {
		merge_end(v, rc);
		return;
	}
	m->lock = (struct ctl_waiter){.fn = end_go};
	(void)!ctl_lock(v, &m->lock);
}

/* ---------------------------------------------------------------- cursor */

static void on_cursor(struct layers *v, int rc, const struct err *err)
{
	ctl_unlock(v);
	if (rc) {
		merge_end(v, rc);
		return;
	}
	v->merge.saved_page = v->merge.page;
	copy_start(v);
}

static void cursor_go(struct ctl_waiter *w)
{
	struct layers *v = list_entry(w, struct layers, merge.lock);
	struct manifest *next = merge_is_wanted(v) ? manifest_copy(v->m) : NULL;

	if (!next) {
		unlock_and_end(v, -ECANCELED);
		return;
	}
	next->merge_cursor = v->merge.page + (LAYER_MUTATE(CURSOR_EARLY) ? 1 : 0);
	ctl_save(v, next, on_cursor);
}

void merge_save_cursor(struct layers *v)
{
	v->merge.lock = (struct ctl_waiter){.fn = cursor_go};
	(void)!ctl_lock(v, &v->merge.lock);
}

/* ---------------------------------------------------------------- beginnings */

static void on_target_failed(void *ctx, int result)
{
	ctl_fail(ctx, "a flush of a layer that is merged into failed", result);
}

static int buffers(struct layers *v)
{
	struct merge *m = &v->merge;
	void *buf;

	if (m->buf)
		return 0;
	m->entry = m->entry ? m->entry : calloc(LAYER_PAGE_BLOCKS, sizeof(*m->entry));
	m->map_page = m->map_page ? m->map_page : calloc(1, sizeof(*m->map_page));
	m->to_page = m->to_page ? m->to_page : calloc(1, sizeof(*m->to_page));
	if (!m->entry || !m->map_page || !m->to_page ||
	    posix_memalign(&buf, BLOCK_BYTES, MERGE_BYTES + SLOT_PAIR))
		return -ENOMEM;
	m->buf = buf;
	return 0;
}

static int open_both(struct layers *v)
{
	struct merge *m = &v->merge;
	struct layer *upper = NULL;
	int rc = tree_open_chain(v, v->image_path, v->m, m->what == MERGE_DOWN ? m->from : m->to,
				 false, &upper, NULL);

	if (rc)
		return rc;
	m->target = tree_find(v, m->to);
	m->source = m->what == MERGE_COPY ? m->target->below : tree_find(v, m->from);
	if (!m->source || !m->target) {
		m->source = m->target = NULL;
		return -EUCLEAN;
	}
	m->source->users++;
	m->target->users++;
	commit_init(&m->data, v->env, m->target->data, on_target_failed, v);
	commit_init(&m->map, v->env, m->target->map, on_target_failed, v);
	return 0;
}

static void on_resized(struct env_io *io)
{
	struct layers *v = io->ctx;
	struct merge *m = &v->merge;

	if (io->result) {
		merge_end(v, io->result);
		return;
	}
	if (io->file == m->target->data && m->target->has_map &&
	    m->target->map->size_bytes < tree_map_bytes(m->source->size_bytes)) {
		m->io.file = m->target->map;
		m->io.offset_bytes = tree_map_bytes(m->source->size_bytes);
		env_io_submit(v->env, &m->io);
		return;
	}
	m->target->size_bytes = m->source->size_bytes;
	copy_start(v);
}

static void copy_sized(struct layers *v)
{
	struct merge *m = &v->merge;

	m->page_count = tree_map_bytes(m->source->size_bytes) / SLOT_PAIR;
	if (m->what == MERGE_COPY)
		m->page_count = tree_map_bytes(m->target->size_bytes) / SLOT_PAIR;
	if (m->what != MERGE_DOWN || m->source->size_bytes <= m->target->size_bytes) {
		copy_start(v);
		return;
	}
	/* The parent is from before the volume grew. */
	m->io = (struct env_io){.op = ENV_IO_RESIZE,
				.file = m->target->data,
				.offset_bytes = tree_file_bytes(m->source->size_bytes),
				.done = on_resized,
				.ctx = v};
	/* A grow that was never told may have made the file longer still. */
	if (m->target->data->size_bytes >= m->io.offset_bytes)
		on_resized(&m->io);
	else
		env_io_submit(v->env, &m->io);
}

static void flush_source(struct layers *v, struct env_file *f);

static void on_source_flushed(struct env_io *io)
{
	struct layers *v = io->ctx;
	const struct layer *source = v->merge.source;

	if (io->result) {
		ctl_fail(v, "a flush of a layer that is merged failed", io->result);
		merge_end(v, io->result);
	} else if (source->map && io->file != source->map) {
		flush_source(v, source->map);
	} else {
		copy_sized(v);
	}
}

static void flush_source(struct layers *v, struct env_file *f)
{
	v->merge.io =
	    (struct env_io){.op = ENV_IO_SYNC, .file = f, .done = on_source_flushed, .ctx = v};
	env_io_submit(v->env, &v->merge.io);
}

/* A process before us may have put a head over the source and not flushed it any more: what is
 * copied must not be newer than what a power cut leaves of it to be read until the end. */
static void copy_begin(struct layers *v)
{
	if (LAYER_MUTATE(MERGE_SOURCE_NOT_FLUSHED))
		copy_sized(v);
	else
		flush_source(v, v->merge.source->data);
}

static void on_recorded(struct layers *v, int rc, const struct err *err)
{
	ctl_unlock(v);
	if (rc)
		merge_end(v, rc);
	else
		copy_begin(v);
}

static void begin_copying(struct layers *v)
{
	struct merge *m = &v->merge;
	bool is_on_record =
	    m->what == MERGE_DOWN && v->m->merge_from == m->from && v->m->merge_to == m->to;
	struct manifest *next;
	int rc = buffers(v);

	if (rc == 0)
		rc = open_both(v);
	if (rc) {
		unlock_and_end(v, rc);
		return;
	}
	m->done_blocks = 0;
	m->page = m->saved_page = is_on_record ? v->m->merge_cursor : 0;
	if (m->what != MERGE_DOWN || is_on_record) {
		ctl_unlock(v);
		copy_begin(v);
		return;
	}
	next = manifest_copy(v->m);
	if (!next) {
		unlock_and_end(v, -ENOMEM);
		return;
	}
	next->merge_from = m->from;
	next->merge_to = m->to;
	next->merge_cursor = 0;
	ctl_save(v, next, on_recorded);
}

static void on_saved(struct layers *v, int rc, const struct err *err)
{
	unlock_and_end(v, rc);
}

/* Without copying: a layer that nobody needs goes, or stays without the name that was deleted. */
static void drop(struct layers *v)
{
	struct merge *m = &v->merge;
	struct manifest *next = manifest_copy(v->m);

	if (!next) {
		unlock_and_end(v, -ENOMEM);
		return;
	}
	for (uint32_t i = next->snapshot_count; i-- > 0;)
		if (next->snapshots[i].layer == m->from && next->snapshots[i].is_deleting)
			manifest_drop_snapshot(next, next->snapshots[i].uuid);
	if (m->what == MERGE_DROP)
		tree_drop_unneeded(v, next, m->from);
	ctl_save(v, next, on_saved);
}

static void begin_nothing(struct layers *v)
{
	struct merge *m = &v->merge;

	m->is_running = m->is_stopping; /* else the kick would come back here */
	if (!m->is_stopping && !v->b.is_failed && v->is_layered && choose_is_put_off(v))
		try_later(v);
	ctl_unlock(v);
	if (m->is_stopping)
		merge_end(v, 0);
}

static void begin_go(struct ctl_waiter *w)
{
	struct layers *v = list_entry(w, struct layers, merge.lock);
	struct merge *m = &v->merge;

	m->what =
	    m->is_stopping || v->b.is_failed || !v->is_layered ? MERGE_NOTHING : choose_what(v);
	switch (m->what) {
	case MERGE_NOTHING:
		begin_nothing(v);
		return;
	case MERGE_SECURE:
		ctl_save_copy(v, on_saved);
		return;
	case MERGE_UP:
	case MERGE_DOWN:
	case MERGE_COPY:
		begin_copying(v);
		return;
	case MERGE_FREEZE:
		freeze_start(v);
		return;
	case MERGE_DROP:
	case MERGE_UNNAME:
		drop(v);
		return;
	}
}

void freeze_ended(struct layers *v, int rc)
{
	unlock_and_end(v, rc);
}

void merge_kick(struct layers *v)
{
	struct merge *m = &v->merge;

	if (m->is_running || m->is_stopping || !v->is_layered || v->is_readonly || v->b.is_failed ||
	    !v->m || m->failures > 0)
		return;
	env_timer_cancel(v->env, &m->timer);
	m->is_running = true;
	m->lock = (struct ctl_waiter){.fn = begin_go};
	(void)!ctl_lock(v, &m->lock);
}

void merge_stop(struct layers *v, void (*fn)(void *ctx), void *ctx)
{
	struct merge *m = &v->merge;

	m->is_stopping = true;
	if (!m->is_running) {
		m->is_stopping = false;
		env_timer_cancel(v->env, &m->timer);
		fn(ctx);
		return;
	}
	m->stopped = fn;
	m->stopped_ctx = ctx;
	if (env_timer_is_set(&m->timer)) {
		env_timer_cancel(v->env, &m->timer);
		merge_copied(v, -ECANCELED);
	} else if (turn_give_up(v)) {
		merge_copied(v, -ECANCELED);
	}
}

void merge_close(struct layers *v)
{
	free(v->merge.entry);
	free(v->merge.map_page);
	free(v->merge.to_page);
	free(v->merge.buf);
}

void merge_progress(struct layers *v, uint32_t layer, uint64_t *done_bytes, uint64_t *total_bytes)
{
	const struct merge *m = &v->merge;
	bool is_it = layer == 0 ? m->what == MERGE_COPY
				: (m->what == MERGE_UP && m->from == layer) ||
				      (m->what == MERGE_DOWN && m->to == layer);

	if (is_it && m->source) {
		*done_bytes = m->page * PAGE_BYTES;
		*total_bytes = m->page_count * PAGE_BYTES;
	}
}
