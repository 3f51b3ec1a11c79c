/* SPDX-License-Identifier: MIT */
/*
 * hot_load.c - after a start: marks, then pages. What was hot is suspect; its bits go to disk with
 * the owner's clean flush, which has to come before the first new mark takes the old ones' place.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "hot_int.h"
#include "sluice/file.h"

#define LOAD_BYTES (1u << 20)

static void ended(struct hot *h, int result)
{
	void (*fn)(void *ctx, int r) = h->loaded;

	free(h->load_buf);
	h->load_buf = NULL;
	h->loaded = NULL;
	fn(h->loaded_ctx, result);
}

/* ---------------------------------------------------------------- pages */

static void pages_next(struct hot *h);

static void pages_read(struct repl_file_io *io)
{
	struct hot *h = io->ctx;
	struct bitmap *b = &h->bits[h->page_member];
	uint64_t count = io->len_bytes / BITMAP_PAGE_BYTES;

	if (io->result < 0) {
		ended(h, io->result);
		return;
	}
	for (uint64_t i = 0; i < count; i++)
		bitmap_page_put(b, h->page_next + i,
				(const char *)h->load_buf + i * BITMAP_PAGE_BYTES, h->page_kind);
	h->page_next += count;
	pages_next(h);
}

static void pages_next(struct hot *h)
{
	uint64_t left;

	while (h->page_member < h->member_count &&
	       h->page_next >= h->bits[h->page_member].page_count) {
		h->page_member++;
		h->page_next = 0;
	}
	if (h->page_member >= h->member_count) {
		ended(h, 0);
		return;
	}
	left = (h->bits[h->page_member].page_count - h->page_next) * BITMAP_PAGE_BYTES;
	h->io = (struct repl_file_io){.op = SLUICE_FILE_READ,
				      .offset_bytes = hot_page_offset(h->page_member, h->page_next),
				      .len_bytes = left < LOAD_BYTES ? left : LOAD_BYTES,
				      .buf = h->load_buf,
				      .fn = pages_read,
				      .ctx = h};
	h->host->ops->file_submit(h->host->ctx, &h->io);
}

/* ---------------------------------------------------------------- marks */

static bool is_right(const struct hot *h, const struct hot_slot *s)
{
	return s->magic == HOT_MAGIC && s->version == 1 && s->count <= HOT_EXTENTS &&
	       memcmp(s->group_uuid, h->host->group_uuid, sizeof(s->group_uuid)) == 0 &&
	       s->crc == hot_slot_crc(s);
}

static void suspect(struct hot *h, const struct hot_slot *s)
{
	for (uint32_t i = 0; i < s->count; i++) {
		uint64_t member = s->extents[i] >> 48;
		uint64_t at = (s->extents[i] & 0xffffffffffffull) << HOT_EXTENT_SHIFT;

		if (member < h->member_count && at < h->bits[member].size_bytes)
			bitmap_set(&h->bits[member], BITMAP_SUSPECT, at, 1ull << HOT_EXTENT_SHIFT);
	}
}

static void slots_read(struct repl_file_io *io)
{
	struct hot *h = io->ctx;
	const struct hot_slot *a = h->load_buf;
	const struct hot_slot *b =
	    (const struct hot_slot *)(const void *)((const char *)h->load_buf + HOT_SLOT_BYTES);
	const struct hot_slot *newest;

	if (io->result < 0) {
		ended(h, io->result);
		return;
	}
	newest = is_right(h, a) ? a : NULL;
	if (is_right(h, b) && (!newest || b->seq > newest->seq))
		newest = b;
	if (newest) {
		h->seq = newest->seq;
		if (newest->count) /* an unclean end: the log may lack what was not flushed */
			h->page_kind = BITMAP_SUSPECT;
		suspect(h, newest);
	}
	h->page_member = 0;
	h->page_next = 0;
	pages_next(h);
}

void hot_load(struct hot *h, enum bitmap_kind page_kind, void (*fn)(void *ctx, int result),
	      void *ctx)
{
	h->loaded = fn;
	h->loaded_ctx = ctx;
	h->page_kind = page_kind;
	h->load_buf = aligned_alloc(4096, LOAD_BYTES);
	if (!h->load_buf) {
		ended(h, -ENOMEM);
		return;
	}
	h->io = (struct repl_file_io){.op = SLUICE_FILE_READ,
				      .len_bytes = 2 * HOT_SLOT_BYTES,
				      .buf = h->load_buf,
				      .fn = slots_read,
				      .ctx = h};
	h->host->ops->file_submit(h->host->ctx, &h->io);
}
