/* SPDX-License-Identifier: MIT */
/*
 * mapflush.c - the head's map reaches the disk: rounds that write the dirty pages and flush them.
 *
 *   wait ─▶ gathering ─(post)─▶ [flush of what another process wrote] ─▶ [zeros over torn slots ─▶
 * flush] ─▶ pages, each to the slot that its flushed generation is not in ─▶ flush ─▶ generations
 * count ─▶ fn
 *
 * One round at a time, so the other slot of a page is always flushed (LAYER-4). Who comes meanwhile
 * waits for the next one, since the page may have been written already.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "layer_int.h"

static void gather_on(struct layers *v)
{
	struct mapflush *f = &v->mapflush;

	if (f->is_running || f->is_posted || list_is_empty(&f->gathering))
		return;
	f->is_posted = true;
	env_post(v->env, &f->post);
}

static void round_end(struct layers *v, int rc)
{
	struct mapflush *f = &v->mapflush;
	struct list_node ended = LIST_INIT(ended), *n;

	while ((n = list_pop_front(&f->written))) {
		struct page *p = list_entry(n, struct page, node);

		p->is_writing = false;
		if (p->is_written && rc == 0)
			p->generation++;
		else
			p->is_dirty = true;
		if (p->is_dirty)
			list_push_back(&v->pages.dirty, &p->node);
	}
	list_splice_back(&ended, &f->running);
	f->is_running = false;
	f->has_failed = rc || f->rc;
	gather_on(v);
	while ((n = list_pop_front(&ended))) {
		struct map_waiter *w = list_entry(n, struct map_waiter, node);

		w->fn(w, rc ? rc : f->rc);
	}
}

static void on_synced(struct commit_waiter *w, int result)
{
	struct layers *v = list_entry(w, struct layers, mapflush.synced);

	round_end(v, result ? -EIO : 0);
}

static void write_some(struct layers *v);

static void on_page_written(struct env_io *io)
{
	struct map_write *m = io->ctx;
	struct layers *v = m->v;
	struct mapflush *f = &v->mapflush;
	struct page *p = m->page;

	m->page = NULL;
	f->under_way--;
	p->is_written = io->result == 0;
	if (io->result) {
		f->rc = io->result;
		p->is_torn = true;
	}
	list_push_back(&f->written, &p->node);
	commit_note_write(&f->commit);
	write_some(v);
}

static bool page_encode(const struct layers *v, const struct page *p, uint8_t *buf)
{
	struct slot_page *s = malloc(sizeof(*s));

	if (!s)
		return false;
	s->generation = p->generation + 1;
	for (uint32_t i = 0; i < LAYER_PAGE_BLOCKS; i++)
		s->state[i] = (p->entry[i] & ENTRY_LAYER) != v->head->id ? SLOT_ABSENT
			      : p->entry[i] & ENTRY_ZERO                 ? SLOT_ZERO
									 : SLOT_DATA;
	slot_encode(buf, v->head->number, p->number, s);
	free(s);
	return true;
}

static void page_write(struct layers *v, struct map_write *m, struct page *p)
{
	uint8_t *buf = v->mapflush.bufs + (size_t)(m - v->mapflush.writes) * SLOT_BYTES;
	uint64_t slot = LAYER_MUTATE(ONE_SLOT) ? 0 : (p->generation + 1) % 2;

	if (v->mapflush.is_wiping && !p->is_torn) {
		list_push_back(&v->mapflush.written, &p->node);
		return;
	}
	if (v->mapflush.is_wiping) {
		memset(buf, 0, SLOT_BYTES);
	} else if (!page_encode(v, p, buf)) {
		v->mapflush.rc = -ENOMEM;
		p->is_written = false;
		list_push_back(&v->mapflush.written, &p->node);
		return;
	}
	m->page = p;
	v->mapflush.under_way++;
	m->io = (struct env_io){.op = ENV_IO_WRITE,
				.file = v->head->map,
				.buf = buf,
				.offset_bytes = p->number * SLOT_PAIR + slot * SLOT_BYTES,
				.len_bytes = SLOT_BYTES,
				.done = on_page_written,
				.ctx = m};
	env_io_submit(v->env, &m->io);
}

static void on_wiped(struct commit_waiter *w, int result)
{
	struct layers *v = list_entry(w, struct layers, mapflush.synced);
	struct mapflush *f = &v->mapflush;
	struct list_node *n;

	f->is_wiping = false;
	list_for_each (n, &f->written) {
		struct page *p = list_entry(n, struct page, node);

		p->is_written = false;
		p->is_torn &= result || f->rc;
	}
	if (result || f->rc) {
		round_end(v, result ? -EIO : 0);
		return;
	}
	list_splice_back(&f->writing, &f->written);
	write_some(v);
}

static void write_some(struct layers *v)
{
	struct mapflush *f = &v->mapflush;

	for (uint32_t i = 0; i < MAP_WRITES; i++) {
		struct list_node *n;

		if (f->writes[i].page)
			continue;
		while (!f->writes[i].page && (n = list_pop_front(&f->writing)))
			page_write(v, &f->writes[i], list_entry(n, struct page, node));
	}
	if (f->under_way > 0 || !list_is_empty(&f->writing))
		return;
	f->synced.fn = f->is_wiping ? on_wiped : on_synced;
	if (LAYER_MUTATE(MAP_NOT_FLUSHED))
		f->synced.fn(&f->synced, 0);
	else
		commit_wait(&f->commit, &f->synced);
}

static void on_clean(struct commit_waiter *w, int result)
{
	struct layers *v = list_entry(w, struct layers, mapflush.synced);
	struct mapflush *f = &v->mapflush;
	struct list_node *n;

	if (result) {
		round_end(v, -EIO);
		return;
	}
	f->is_trusted = true;
	list_splice_back(&f->running, &f->gathering);
	while ((n = list_pop_front(&v->pages.dirty))) {
		struct page *p = list_entry(n, struct page, node);

		p->is_dirty = false;
		p->is_writing = true;
		f->is_wiping |= p->is_torn && !LAYER_MUTATE(TORN_SLOT_STAYS);
		list_push_back(&f->writing, &p->node);
	}
	write_some(v);
}

static void clean(struct layers *v)
{
	struct mapflush *f = &v->mapflush;

	f->synced.fn = on_clean;
	if (LAYER_MUTATE(NO_FLUSH_AT_OPEN))
		on_clean(&f->synced, 0);
	else
		commit_wait(&f->commit, &f->synced);
}

static void on_below_flushed(struct env_io *io);

static void flush_below(struct layers *v, struct env_file *file)
{
	v->mapflush.trust =
	    (struct env_io){.op = ENV_IO_SYNC, .file = file, .done = on_below_flushed, .ctx = v};
	env_io_submit(v->env, &v->mapflush.trust);
}

static void on_below_flushed(struct env_io *io)
{
	struct layers *v = io->ctx;
	struct layer *below = v->mapflush.below;

	if (io->result == 0 && below->map && io->file != below->map) {
		flush_below(v, below->map);
		return;
	}
	tree_put(v, below);
	if (io->result) {
		ctl_fail(v, "a flush of the layer below failed", io->result);
		round_end(v, -EIO);
	} else {
		clean(v);
	}
}

static void on_post(struct env_msg *m)
{
	struct layers *v = m->ctx;
	struct mapflush *f = &v->mapflush;

	f->is_posted = false;
	if (f->is_running || list_is_empty(&f->gathering))
		return;
	f->is_running = true;
	f->rc = 0;
	list_splice_back(&f->running, &f->gathering);
	/* A process before us may have put this head over one that it had not flushed. */
	f->below = v->head->below;
	if (f->is_trusted || !f->below || f->below->is_foreign) {
		clean(v);
		return;
	}
	f->below->users++; /* a merge may take it away meanwhile */
	flush_below(v, f->below->data);
}

void mapflush_mark(struct layers *v, struct page *p)
{
	if (p->is_dirty)
		return;
	p->is_dirty = true;
	/* One that is being written is in that round's list; it comes back here at its end. */
	if (!p->is_writing)
		list_push_back(&v->pages.dirty, &p->node);
}

void mapflush_wait(struct layers *v, struct map_waiter *w)
{
	list_push_back(&v->mapflush.gathering, &w->node);
	gather_on(v);
}

bool mapflush_is_idle(const struct layers *v)
{
	const struct mapflush *f = &v->mapflush;

	return !f->is_running && !f->is_posted && list_is_empty(&f->gathering);
}

static void on_failed(void *ctx, int result)
{
	ctl_fail(ctx, "a flush of its map failed", result);
}

void mapflush_set_file(struct layers *v, struct env_file *map, bool is_new)
{
	assert(mapflush_is_idle(v));
	v->mapflush.has_failed = false;
	v->mapflush.is_trusted = is_new || LAYER_MUTATE(NO_FLUSH_AT_OPEN);
	commit_init(&v->mapflush.commit, v->env, map, on_failed, v);
}

int mapflush_open(struct layers *v, struct err *err)
{
	struct mapflush *f = &v->mapflush;
	void *bufs;

	list_init(&f->gathering);
	list_init(&f->running);
	list_init(&f->writing);
	list_init(&f->written);
	f->post = (struct env_msg){.fn = on_post, .ctx = v};
	for (uint32_t i = 0; i < MAP_WRITES; i++)
		f->writes[i].v = v;
	if (posix_memalign(&bufs, BLOCK_BYTES, (size_t)MAP_WRITES * SLOT_BYTES))
		return err_set(err, ENOMEM, "", "no memory to write maps");
	f->bufs = bufs;
	return 0;
}

void mapflush_close(struct layers *v)
{
	if (v->mapflush.bufs)
		assert(mapflush_is_idle(v));
	free(v->mapflush.bufs);
}
