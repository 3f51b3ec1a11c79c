/* SPDX-License-Identifier: MIT */
/*
 * hot_commit.c - one commit: pages of what cools (or all stale ones), SYNC; the marks, SYNC. Where
 * the write cache is volatile, what was written to an extent that cools is flushed before: what a
 * power cut took from it would not be suspect any more.
 *
 *   hot_commit() --> [volumes...] --> pages... --> pages_synced --> slot_written --> slot_synced
 *       --> hot_committed()
 *
 * What fails is tried again after a second: until then writers to cold extents wait. Who asked for
 * a flush is told of the failure.
 */
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "hot_int.h"
#include "repl_mutate.h"
#include "sluice/crc32c.h"
#include "sluice/file.h"

uint64_t hot_page_offset(uint16_t member, uint64_t page)
{
	return HOT_FILE_HEAD_BYTES + (uint64_t)member * BITMAP_BYTES_MAX + page * BITMAP_PAGE_BYTES;
}

uint32_t hot_slot_crc(const struct hot_slot *s)
{
	struct hot_slot copy = *s;

	copy.crc = 0;
	return sluice_crc32c(0, &copy, sizeof(copy));
}

static void file_go(struct hot *h, enum sluice_file_op op, uint64_t offset_bytes, void *buf,
		    void (*fn)(struct repl_file_io *io))
{
	h->io = (struct repl_file_io){.op = (uint8_t)op,
				      .offset_bytes = offset_bytes,
				      .len_bytes = op == SLUICE_FILE_SYNC ? 0 : HOT_SLOT_BYTES,
				      .buf = buf,
				      .fn = fn,
				      .ctx = h};
	h->host->ops->file_submit(h->host->ctx, &h->io);
}

static void tell_flushers(struct hot *h, int result)
{
	struct hot_flush *fl = h->flushing;

	h->flushing = NULL;
	while (fl) {
		struct hot_flush *next = fl->next;

		fl->fn(fl, result);
		fl = next;
	}
}

static void again(struct repl_timer *t)
{
	struct hot *h = t->ctx;

	h->is_busy = false;
	hot_pump(h);
}

static void failed(struct hot *h, int result)
{
	struct repl_timer *t = &h->retry;

	h->host->ops->report(h->host->ctx, "replication_marks",
			     "the file with the marks of what is being written cannot be written; "
			     "writes to other places wait until it can");
	t->fn = again;
	t->ctx = h;
	h->wants_pages = true;
	h->host->ops->timer_set(h->host->ctx, t, h->host->ops->now_ns(h->host->ctx) + HOT_RETRY_NS);
	tell_flushers(h, result);
}

static void done(struct hot *h)
{
	struct hot_flush *fl = h->flushing;

	h->is_busy = false;
	h->flushing = NULL;
	while (fl) {
		struct hot_flush *next = fl->next;

		fl->fn(fl, 0);
		fl = next;
	}
	hot_committed(h);
}

static void slot_synced(struct repl_file_io *io)
{
	struct hot *h = io->ctx;

	if (io->result < 0)
		failed(h, io->result);
	else
		done(h);
}

static void slot_written(struct repl_file_io *io)
{
	struct hot *h = io->ctx;

	if (io->result < 0)
		failed(h, io->result);
	else
		file_go(h, SLUICE_FILE_SYNC, 0, NULL, slot_synced);
}

static void write_slot(struct hot *h)
{
	struct hot_slot *s = h->slot_buf;

	memset(s, 0, HOT_SLOT_BYTES);
	s->magic = HOT_MAGIC;
	s->version = 1;
	memcpy(s->group_uuid, h->host->group_uuid, sizeof(s->group_uuid));
	s->seq = ++h->seq;
	/* Nobody can say at a stop that what is in a volatile cache will be there afterwards. */
	for (uint32_t i = 0; i < HOT_EXTENTS && !(h->is_clean && h->host->is_durable); i++) {
		const struct hot_extent *e = &h->table[i];

		if (e->state == HOT_HOT || e->state == HOT_MARKING)
			s->extents[s->count++] = (uint64_t)e->member << 48 | e->index;
	}
	s->crc = hot_slot_crc(s);
	file_go(h, SLUICE_FILE_WRITE, h->seq % 2 * HOT_SLOT_BYTES, s, slot_written);
}

static void marks(struct hot *h)
{
	if (h->needs_marks || h->is_clean)
		write_slot(h);
	else
		done(h);
}

static void pages_synced(struct repl_file_io *io)
{
	struct hot *h = io->ctx;

	if (io->result < 0)
		failed(h, io->result);
	else
		marks(h);
}

/* ---------------------------------------------------------------- pages */

static bool next_stale(struct hot *h, uint16_t *member, uint64_t *page)
{
	for (; h->page_member < h->member_count; h->page_member++, h->page_next = 0) {
		const struct bitmap *b = &h->bits[h->page_member];

		while (b->stale_count && h->page_next < b->page_count) {
			uint64_t p = h->page_next++;

			if (!bitmap_page_is_stale(b, p))
				continue;
			*member = h->page_member;
			*page = p;
			return true;
		}
	}
	return false;
}

/* An extent's bits lie in one page: a page covers 128 MiB at least. */
static bool next_cooling(struct hot *h, uint16_t *member, uint64_t *page)
{
	while (h->page_next < HOT_EXTENTS) {
		const struct hot_extent *e = &h->table[h->page_next++];
		const struct bitmap *b = &h->bits[e->member];

		if (e->state != HOT_COOLING)
			continue;
		*member = e->member;
		*page = bitmap_page_of(b, e->index << HOT_EXTENT_SHIFT);
		if (*page < b->page_count && bitmap_page_is_stale(b, *page))
			return true;
	}
	return false;
}

static void pages_go(struct hot *h);

static void page_written(struct repl_file_io *io)
{
	struct hot_page *p = io->ctx;
	struct hot *h = p->hot;

	p->is_busy = false;
	h->pages_busy--;
	if (io->result < 0) {
		h->result = io->result;
		bitmap_page_failed(&h->bits[p->member], p->page);
	}
	pages_go(h);
}

static void page_go(struct hot_page *p, uint16_t member, uint64_t page)
{
	struct hot *h = p->hot;

	p->is_busy = true;
	p->member = member;
	p->page = page;
	h->pages_busy++;
	h->has_written = true;
	bitmap_page_get(&h->bits[member], page, p->buf);
	p->io = (struct repl_file_io){.op = SLUICE_FILE_WRITE,
				      .offset_bytes = hot_page_offset(member, page),
				      .len_bytes = BITMAP_PAGE_BYTES,
				      .buf = p->buf,
				      .fn = page_written,
				      .ctx = p};
	h->host->ops->file_submit(h->host->ctx, &p->io);
}

static void pages_go(struct hot *h)
{
	uint16_t member = 0;
	uint64_t page = 0;

	for (uint32_t i = 0; i < HOT_PAGES && h->result == 0; i++) {
		if (h->pages[i].is_busy)
			continue;
		if (!(h->all_pages ? next_stale(h, &member, &page)
				   : next_cooling(h, &member, &page)))
			break;
		page_go(&h->pages[i], member, page);
	}
	if (h->pages_busy)
		return;
	if (h->result < 0)
		failed(h, h->result);
	else if (h->has_written)
		file_go(h, SLUICE_FILE_SYNC, 0, NULL, pages_synced);
	else
		marks(h);
}

/* ---------------------------------------------------------------- volumes */

static void volumes_go(struct hot *h);

static void volume_flushed(struct repl_own *o)
{
	struct hot *h = o->ctx;

	if (o->status != SLUICE_OK) {
		failed(h, -EIO);
		return;
	}
	h->flush_member++;
	volumes_go(h);
}

static bool does_cool(const struct hot *h, uint16_t member)
{
	for (uint32_t i = 0; i < HOT_EXTENTS; i++) {
		if (h->table[i].state == HOT_COOLING && h->table[i].member == member)
			return true;
	}
	return false;
}

static void volumes_go(struct hot *h)
{
	while (h->flush_member < h->member_count && !does_cool(h, h->flush_member))
		h->flush_member++;
	if (h->host->is_durable || h->flush_member == h->member_count ||
	    REPL_MUTATE(COOLED_VOLATILE)) {
		pages_go(h);
		return;
	}
	h->own = (struct repl_own){.op = SLUICE_OP_FLUSH,
				   .flags = SLUICE_IO_URGENT,
				   .member = h->flush_member,
				   .fn = volume_flushed,
				   .ctx = h};
	h->host->ops->own_submit(h->host->ctx, &h->own);
}

void hot_commit(struct hot *h)
{
	h->is_busy = true;
	h->result = 0;
	h->has_written = h->is_clean = false;
	h->flushing = h->flush_waiting;
	h->flush_waiting = NULL;
	for (const struct hot_flush *fl = h->flushing; fl; fl = fl->next)
		h->is_clean |= fl->is_clean;
	h->all_pages = h->wants_pages || h->flushing;
	h->wants_pages = false;
	h->page_member = 0;
	h->page_next = 0;
	h->flush_member = 0;
	volumes_go(h);
}

void hot_flush(struct hot *h, struct hot_flush *fl)
{
	fl->next = h->flush_waiting;
	h->flush_waiting = fl;
	hot_pump(h);
}
