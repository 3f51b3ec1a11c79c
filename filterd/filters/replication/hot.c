/* SPDX-License-Identifier: MIT */
/*
 * hot.c - the table of hot extents: who may go on, who has to wait, which one cools.
 */
#include "hot_int.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "io_list.h"

struct span {
	uint64_t first, end;
};

static struct span span_of(const struct repl_io *io)
{
	struct span s = {.first = io->offset_bytes >> HOT_EXTENT_SHIFT};

	s.end = s.first;
	if (io->len_bytes)
		s.end = ((io->offset_bytes + io->len_bytes - 1) >> HOT_EXTENT_SHIFT) + 1;
	return s;
}

struct hot_extent *hot_find(struct hot *h, uint16_t member, uint64_t index)
{
	uint16_t slot = index < h->extents_of[member] ? h->slot_of[member][index] : 0;

	return slot ? &h->table[slot - 1] : NULL;
}

void hot_free(struct hot *h, struct hot_extent *e)
{
	h->slot_of[e->member][e->index] = 0;
	*e = (struct hot_extent){.state = HOT_FREE};
}

/* Those that were used least recently begin to cool, if there are any. */
static void cool_some(struct hot *h)
{
	for (uint32_t n = 0; n < HOT_COOL; n++) {
		struct hot_extent *oldest = NULL;

		for (uint32_t i = 0; i < HOT_EXTENTS; i++) {
			struct hot_extent *e = &h->table[i];

			if (e->state == HOT_HOT && e->users == 0 &&
			    (!oldest || e->used < oldest->used))
				oldest = e;
		}
		if (!oldest)
			return;
		oldest->state = HOT_COOLING;
	}
}

void hot_cool(struct hot *h)
{
	h->wants_cool = true;
	hot_pump(h);
}

static void cool_all(struct hot *h)
{
	h->wants_cool = false;
	for (uint32_t i = 0; i < HOT_EXTENTS; i++) {
		struct hot_extent *e = &h->table[i];

		if (e->state == HOT_HOT && e->users == 0)
			e->state = HOT_COOLING;
	}
}

static struct hot_extent *place(struct hot *h)
{
	for (uint32_t i = 0; i < HOT_EXTENTS; i++) {
		if (h->table[i].state == HOT_FREE)
			return &h->table[i];
	}
	return NULL;
}

struct hot_extent *hot_take(struct hot *h, uint16_t member, uint64_t index, bool may_cool)
{
	struct hot_extent *e = place(h);

	if (!e) {
		if (may_cool)
			cool_some(h);
		return NULL;
	}
	*e = (struct hot_extent){.index = index, .member = member, .state = HOT_MARKING};
	h->slot_of[member][index] = (uint16_t)(e - h->table + 1);
	return e;
}

/* The extent behind one that was marked ahead, and is used now, is marked ahead next. */
static void use(struct hot *h, struct hot_extent *e)
{
	e->users++;
	e->used = ++h->clock;
	if (!e->is_ahead)
		return;
	e->is_ahead = false;
	if (e->index + 1 < h->extents_of[e->member] && !hot_find(h, e->member, e->index + 1)) {
		h->has_ahead = true;
		h->ahead_member = e->member;
		h->ahead_index = e->index + 1;
	}
}

static bool all_hot(struct hot *h, const struct repl_io *io, struct span s)
{
	for (uint64_t i = s.first; i < s.end; i++) {
		const struct hot_extent *e = hot_find(h, io->member, i);

		if (!e || e->state != HOT_HOT)
			return false;
	}
	return true;
}

static void use_all(struct hot *h, struct repl_io *io, struct span s)
{
	for (uint64_t i = s.first; i < s.end; i++)
		use(h, hot_find(h, io->member, i));
	io->is_hot = true;
}

bool hot_enter(struct hot *h, struct repl_io *io)
{
	struct span s = span_of(io);

	if (s.end - s.first <= HOT_SPAN_MAX && !h->waiting.first && all_hot(h, io, s)) {
		use_all(h, io, s);
		if (h->has_ahead)
			hot_pump(h);
		return true;
	}
	io_list_push(&h->waiting, io);
	hot_pump(h);
	return false;
}

void hot_leave(struct hot *h, struct repl_io *io)
{
	struct span s = span_of(io);

	if (!io->is_hot)
		return;
	io->is_hot = false;
	if (s.end - s.first > HOT_SPAN_MAX)
		return;
	for (uint64_t i = s.first; i < s.end; i++)
		hot_find(h, io->member, i)->users--;
	if (h->waiting.first)
		hot_pump(h);
}

bool hot_withdraw(struct hot *h, struct repl_io *io)
{
	if (!io_list_has(&h->waiting, io))
		return false;
	io_list_remove(&h->waiting, io);
	return true;
}

/* A claim is a use: nothing that it holds cools. */
static bool claim(struct hot *h, struct repl_io *io)
{
	struct span s = span_of(io);

	if (s.end - s.first > HOT_SPAN_MAX) {
		bitmap_set(&h->bits[io->member], BITMAP_JOURNALED, io->offset_bytes, io->len_bytes);
		h->wants_pages = true;
		io->is_hot = true;
		return true;
	}
	for (uint64_t i = s.first; i < s.end; i++) {
		struct hot_extent *e = hot_find(h, io->member, i);

		if (!e)
			e = hot_take(h, io->member, i, true);
		if (!e || e->state == HOT_COOLING) {
			while (i-- > s.first)
				hot_find(h, io->member, i)->users--;
			return false;
		}
		e->users++;
		e->used = ++h->clock;
	}
	io->is_hot = true;
	return true;
}

static void look_ahead(struct hot *h, const struct repl_io *io)
{
	uint64_t next = span_of(io).end;

	if (next < h->extents_of[io->member] && !hot_find(h, io->member, next)) {
		h->has_ahead = true;
		h->ahead_member = io->member;
		h->ahead_index = next;
	}
}

static void claim_ahead(struct hot *h)
{
	struct hot_extent *e;

	h->has_ahead = false;
	if (hot_find(h, h->ahead_member, h->ahead_index))
		return;
	e = hot_take(h, h->ahead_member, h->ahead_index, false);
	if (e) {
		e->is_ahead = true;
		e->used = ++h->clock;
	}
}

static uint32_t count_of(const struct hot *h, enum hot_state state)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < HOT_EXTENTS; i++)
		n += h->table[i].state == state;
	return n;
}

void hot_pump(struct hot *h)
{
	struct repl_io *io;

	if (h->is_busy || h->loaded)
		return;
	if (h->wants_cool)
		cool_all(h);
	while ((io = h->waiting.first) != NULL && claim(h, io)) {
		io_list_remove(&h->waiting, io);
		io_list_push(&h->claimed, io);
		look_ahead(h, io);
	}
	if (h->has_ahead)
		claim_ahead(h);
	/* In the same commit, so that the next ones find room. */
	if (count_of(h, HOT_MARKING) && count_of(h, HOT_FREE) < HOT_COOL / 2)
		cool_some(h);
	h->needs_marks = count_of(h, HOT_MARKING) || count_of(h, HOT_COOLING);
	if (h->needs_marks || h->claimed.first || h->flush_waiting)
		hot_commit(h);
}

/* Back from disk: marks are hot, what cooled is free. */
void hot_committed(struct hot *h)
{
	struct repl_io_list ready = h->claimed;

	h->claimed = (struct repl_io_list){0};
	h->commits++;
	for (uint32_t i = 0; i < HOT_EXTENTS; i++) {
		struct hot_extent *e = &h->table[i];

		if (e->state == HOT_MARKING)
			e->state = HOT_HOT;
		else if (e->state == HOT_COOLING)
			hot_free(h, e);
	}
	while (ready.first)
		h->ready(h->ctx, io_list_pop(&ready));
	hot_pump(h);
}

/* ---------------------------------------------------------------- life */

static bool members_init(struct hot *h)
{
	for (uint32_t m = 0; m < h->member_count; m++) {
		uint64_t n = (h->host->member_size_bytes[m] >> HOT_EXTENT_SHIFT) + 1;

		h->extents_of[m] = n;
		h->slot_of[m] = calloc(n, sizeof(uint16_t));
		if (!h->slot_of[m])
			return false;
	}
	return true;
}

static void file_io_fill(struct hot *h)
{
	for (uint32_t i = 0; i < HOT_PAGES; i++)
		h->pages[i].hot = h;
}

struct hot *hot_create(const struct repl_host *host, struct bitmap *bits,
		       void (*ready)(void *ctx, struct repl_io *io), void *ctx)
{
	struct hot *h = calloc(1, sizeof(*h));
	char *bufs = h ? aligned_alloc(4096, (HOT_PAGES + 1) * 4096u) : NULL;

	if (!bufs) {
		free(h);
		return NULL;
	}
	h->host = host;
	h->bits = bits;
	h->ready = ready;
	h->ctx = ctx;
	h->member_count = host->member_count;
	h->slot_buf = bufs;
	for (uint32_t i = 0; i < HOT_PAGES; i++)
		h->pages[i].buf = bufs + (i + 1) * 4096u;
	file_io_fill(h);
	if (!members_init(h)) {
		hot_destroy(h);
		return NULL;
	}
	return h;
}

void hot_destroy(struct hot *h)
{
	if (!h)
		return;
	h->host->ops->timer_cancel(h->host->ctx, &h->retry);
	for (uint32_t m = 0; m < h->member_count; m++)
		free(h->slot_of[m]);
	free(h->slot_buf);
	free(h);
}

bool hot_grow(struct hot *h, uint16_t member, uint64_t size_bytes)
{
	uint64_t n = (size_bytes >> HOT_EXTENT_SHIFT) + 1;
	uint16_t *more;

	if (n <= h->extents_of[member])
		return true;
	more = realloc(h->slot_of[member], n * sizeof(*more));
	if (!more)
		return false;
	memset(more + h->extents_of[member], 0, (n - h->extents_of[member]) * sizeof(*more));
	h->slot_of[member] = more;
	h->extents_of[member] = n;
	return true;
}

bool hot_is_busy(const struct hot *h)
{
	return h->is_busy || h->loaded;
}

uint64_t hot_commits(const struct hot *h)
{
	return h->commits;
}

bool hot_next(const struct hot *h, uint16_t member, uint64_t *offset_bytes, uint64_t *len_bytes)
{
	for (uint64_t i = *offset_bytes >> HOT_EXTENT_SHIFT; i < h->extents_of[member]; i++) {
		uint64_t end = (i + 1) << HOT_EXTENT_SHIFT;

		if (h->slot_of[member][i] == 0)
			continue;
		if (i << HOT_EXTENT_SHIFT > *offset_bytes)
			*offset_bytes = i << HOT_EXTENT_SHIFT;
		if (end > h->host->member_size_bytes[member])
			end = h->host->member_size_bytes[member];
		*len_bytes = end > *offset_bytes ? end - *offset_bytes : 0;
		return *len_bytes > 0;
	}
	return false;
}
