/* SPDX-License-Identifier: MIT */
/*
 * pages.c - who has a block: the maps of all layers put together, page by page, at first use.
 *
 *   pages_get ─▶ kept? ─▶ w->page
 *            └─▶ load: the maps from the head down, LOAD_MAPS at a time, the nearest that knows
 * wins
 *
 * Kept are LAYER_PAGES_KEPT; what is dirty, pinned or being loaded comes on top of that.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "layer_int.h"

#define BUCKETS (sizeof(((struct pages *)0)->buckets) / sizeof(struct page *))

static struct page **bucket(struct layers *v, uint64_t number)
{
	return &v->pages.buckets[number % BUCKETS];
}

static struct page *find(struct layers *v, uint64_t number)
{
	struct page *p = *bucket(v, number);

	while (p && p->number != number)
		p = p->next;
	return p;
}

static void drop(struct layers *v, struct page *p)
{
	struct page **at = bucket(v, p->number);

	while (*at != p)
		at = &(*at)->next;
	*at = p->next;
	list_del(&p->lru);
	v->pages.count--;
	free(p);
}

static bool may_drop(const struct page *p)
{
	return p->is_loaded && p->pins == 0 && !p->is_dirty && !p->is_writing &&
	       list_is_empty(&p->waiting);
}

static void make_room(struct layers *v)
{
	struct list_node *n, *next;

	list_for_each_safe (n, next, &v->pages.lru) {
		struct page *p = list_entry(n, struct page, lru);

		if (v->pages.count < LAYER_PAGES_KEPT)
			return;
		if (may_drop(p))
			drop(v, p);
	}
}

/* ---------------------------------------------------------------- loading */

static void load_next(struct layers *v);
static void load_some(struct page_load *d);

static void load_end(struct page_load *d, int rc)
{
	struct layers *v = d->v;
	struct page *p = d->page;
	struct list_node waiting = LIST_INIT(waiting), *n;

	d->page = NULL;
	list_splice_back(&waiting, &p->waiting);
	p->is_loaded = rc == 0;
	list_for_each (n, &waiting) {
		struct page_waiter *w = list_entry(n, struct page_waiter, node);

		w->rc = rc;
		w->page = rc ? NULL : p;
		p->pins += rc == 0;
	}
	if (rc)
		drop(v, p);
	load_next(v);
	while ((n = list_pop_front(&waiting))) {
		struct page_waiter *w = list_entry(n, struct page_waiter, node);

		w->fn(w);
	}
}

static void load_start(struct page_load *d)
{
	memset(d->page->entry, 0, sizeof(d->page->entry));
	d->page->generation = 0;
	d->page->is_torn = false;
	d->at = d->v->head;
	d->epoch = d->v->pages.epoch;
	d->rc = 0;
	load_some(d);
}

static void fill(struct page *p, const struct layer *l, const struct slot_page *s)
{
	for (uint32_t i = 0; i < LAYER_PAGE_BLOCKS; i++) {
		if (p->entry[i] || s->state[i] == SLOT_ABSENT)
			continue;
		p->entry[i] = (uint16_t)(l->id | (s->state[i] == SLOT_ZERO ? ENTRY_ZERO : 0));
	}
}

static void fill_plain(struct page *p, const struct layer *l)
{
	uint64_t first = p->number * LAYER_PAGE_BLOCKS;
	uint64_t count = tree_file_bytes(l->size_bytes) / BLOCK_BYTES;

	for (uint32_t i = 0; i < LAYER_PAGE_BLOCKS && first + i < count; i++)
		if (!p->entry[i])
			p->entry[i] = l->id;
}

static void loaded_some(struct page_load *d)
{
	struct layers *v = d->v;

	for (uint32_t i = 0; i < d->count; i++) {
		struct layer *l = d->from[i];
		int rc = d->rc ? d->rc
			       : slot_decode(d->bufs + (size_t)i * SLOT_PAIR, l->number,
					     d->page->number, &d->decoded);

		if (rc && !d->rc)
			d->rc = rc;
		if (rc == 0 && d->epoch == v->pages.epoch) {
			fill(d->page, l, &d->decoded);
			if (l == v->head) {
				d->page->generation = d->decoded.generation;
				d->page->is_torn = d->decoded.is_torn;
			}
		}
	}
	/* The last: that may close a file. */
	for (uint32_t i = 0; i < d->count; i++)
		tree_put(v, d->from[i]);
	if (d->epoch != v->pages.epoch)
		load_start(d);
	else if (d->rc)
		load_end(d, d->rc);
	else
		load_some(d);
}

static void on_map_read(struct env_io *io)
{
	struct page_load *d = io->ctx;

	if (io->result && !d->rc)
		d->rc = io->result;
	if (--d->left == 0)
		loaded_some(d);
}

static void load_some(struct page_load *d)
{
	struct page *p = d->page;

	d->count = 0;
	for (; d->at && d->count < LOAD_MAPS; d->at = d->at->below) {
		if (!d->at->has_map)
			break;
		/* A layer from before the volume grew has no such page. */
		if (d->at->map->size_bytes >= (p->number + 1) * SLOT_PAIR)
			d->from[d->count++] = d->at;
	}
	if (d->count == 0) {
		if (d->at)
			fill_plain(p, d->at);
		load_end(d, 0);
		return;
	}
	d->left = d->count;
	for (uint32_t i = 0; i < d->count; i++) {
		d->from[i]->users++;
		d->io[i] = (struct env_io){.op = ENV_IO_READ,
					   .file = d->from[i]->map,
					   .buf = d->bufs + (size_t)i * SLOT_PAIR,
					   .offset_bytes = p->number * SLOT_PAIR,
					   .len_bytes = SLOT_PAIR,
					   .done = on_map_read,
					   .ctx = d};
		env_io_submit(d->v->env, &d->io[i]);
	}
}

static void load_next(struct layers *v)
{
	for (uint32_t i = 0; i < LOADS; i++) {
		struct page_load *d = &v->pages.loads[i];
		struct list_node *n;

		if (d->page)
			continue;
		n = list_pop_front(&v->pages.to_load);
		if (!n)
			return;
		d->page = list_entry(n, struct page, node);
		load_start(d);
	}
}

/* ---------------------------------------------------------------- use */

static struct page *page_new(struct layers *v, uint64_t number)
{
	struct page *p;

	make_room(v);
	p = calloc(1, sizeof(*p));
	if (!p)
		return NULL;
	p->number = number;
	list_init(&p->waiting);
	p->next = *bucket(v, number);
	*bucket(v, number) = p;
	list_push_back(&v->pages.lru, &p->lru);
	v->pages.count++;
	return p;
}

bool pages_get(struct layers *v, uint64_t number, struct page_waiter *w)
{
	struct page *p = find(v, number);

	w->rc = 0;
	w->page = p;
	if (p && p->is_loaded) {
		p->pins++;
		list_del(&p->lru);
		list_push_back(&v->pages.lru, &p->lru);
		return true;
	}
	if (p) {
		list_push_back(&p->waiting, &w->node);
		return false;
	}
	p = page_new(v, number);
	if (!p) {
		w->rc = -ENOMEM;
		return true;
	}
	list_push_back(&p->waiting, &w->node);
	list_push_back(&v->pages.to_load, &p->node);
	load_next(v);
	return false;
}

void pages_put(struct layers *v, struct page *p)
{
	assert(p->pins > 0);
	p->pins--;
}

void pages_forget(struct layers *v)
{
	struct list_node *n, *next;

	v->pages.epoch++;
	list_for_each_safe (n, next, &v->pages.lru) {
		struct page *p = list_entry(n, struct page, lru);

		assert(!p->is_writing);
		if (p->is_dirty) { /* of a head that is given up, or of a volume that stopped */
			p->is_dirty = false;
			list_del(&p->node);
		}
		if (may_drop(p))
			drop(v, p);
		else
			assert(!p->is_loaded); /* its load begins again */
	}
}

void pages_rename(struct layers *v, const struct layer *from, const struct layer *to)
{
	struct list_node *n;

	v->pages.epoch++;
	list_for_each (n, &v->pages.lru) {
		struct page *p = list_entry(n, struct page, lru);

		for (uint32_t i = 0; i < LAYER_PAGE_BLOCKS; i++)
			if ((p->entry[i] & ENTRY_LAYER) == from->id)
				p->entry[i] = (uint16_t)(to->id | (p->entry[i] & ENTRY_ZERO));
	}
}

void pages_new_head(struct layers *v)
{
	struct list_node *n;

	v->pages.epoch++;
	list_for_each (n, &v->pages.lru) {
		struct page *p = list_entry(n, struct page, lru);

		p->generation = 0;
		p->is_torn = false;
	}
}

int pages_open(struct layers *v, struct err *err)
{
	struct pages *g = &v->pages;

	list_init(&g->lru);
	list_init(&g->to_load);
	list_init(&g->dirty);
	for (uint32_t i = 0; i < LOADS; i++) {
		void *bufs;

		if (posix_memalign(&bufs, BLOCK_BYTES, (size_t)LOAD_MAPS * SLOT_PAIR))
			return err_set(err, ENOMEM, "", "no memory to read maps");
		g->loads[i].v = v;
		g->loads[i].bufs = bufs;
	}
	return 0;
}

void pages_close(struct layers *v)
{
	if (!v->pages.lru.next)
		return;
	pages_forget(v);
	assert(v->pages.count == 0);
	for (uint32_t i = 0; i < LOADS; i++)
		free(v->pages.loads[i].bufs);
}
