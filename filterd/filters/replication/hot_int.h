/* SPDX-License-Identifier: MIT */
/*
 * hot_int.h - shared by hot.c (the table), hot_commit.c (bringing it to disk) and hot_load.c.
 */
#ifndef REPLICATION_HOT_INT_H
#define REPLICATION_HOT_INT_H

#include "hot.h"

#define HOT_SLOT_BYTES 4096u
#define HOT_MAGIC      0x544f4852u /* "RHOT" */
#define HOT_PAGES      16u         /* written at once */
#define HOT_COOL       32u         /* extents that cool together */
#define HOT_RETRY_NS   1000000000ull

enum hot_state { HOT_FREE, HOT_MARKING, HOT_HOT, HOT_COOLING };

struct hot_extent {
	uint64_t index; /* offset >> HOT_EXTENT_SHIFT */
	uint16_t member;
	uint8_t state; /* enum hot_state */
	bool is_ahead; /* marked before anybody asked */
	uint32_t users;
	uint64_t used; /* the table's clock at its last use */
};

/* A slot on disk, 4096 bytes. */
struct hot_slot {
	uint32_t magic, version;
	uint8_t group_uuid[16];
	uint64_t seq;
	uint32_t count, crc;           /* crc: over the slot, with this field zero */
	uint64_t extents[HOT_EXTENTS]; /* member << 48 | index */
};
_Static_assert(sizeof(struct hot_slot) <= HOT_SLOT_BYTES, "a slot fits into its place");

struct hot_page {
	struct repl_file_io io;
	struct hot *hot;
	uint16_t member;
	bool is_busy;
	uint64_t page;
	void *buf;
};

struct hot {
	const struct repl_host *host;
	struct bitmap *bits;
	void (*ready)(void *ctx, struct repl_io *io);
	void *ctx;
	uint32_t member_count;

	struct hot_extent table[HOT_EXTENTS];
	uint16_t *slot_of[REPL_MEMBERS_MAX]; /* by extent: place in the table + 1; 0: cold */
	uint64_t extents_of[REPL_MEMBERS_MAX];
	uint64_t clock, commits, seq;
	uint64_t ahead_index; /* to be marked without being asked */
	uint16_t ahead_member;
	bool has_ahead;

	struct repl_io_list waiting, claimed; /* for a place; for the commit under way */

	/* the commit */
	bool is_busy, needs_marks, wants_pages, wants_cool, is_clean, all_pages, has_written;
	uint32_t pages_busy;
	int result;
	struct repl_own own; /* flushes the volumes of what cools, one after the other */
	uint16_t flush_member;
	uint16_t
	    page_member; /* where the walk over the pages is; of cooling extents: page_next only */
	uint64_t page_next;
	struct hot_flush *flush_waiting, *flushing;
	struct hot_page pages[HOT_PAGES];
	struct repl_file_io io;
	void *slot_buf;
	struct repl_timer retry;

	/* the load */
	void (*loaded)(void *ctx, int result);
	void *loaded_ctx;
	enum bitmap_kind page_kind;
	bool has_slot;
	void *load_buf;
	uint64_t load_seq;
	uint32_t load_slot;
};

/* hot.c */
struct hot_extent *hot_find(struct hot *h, uint16_t member, uint64_t index);
struct hot_extent *hot_take(struct hot *h, uint16_t member, uint64_t index, bool may_cool);
void hot_free(struct hot *h, struct hot_extent *e);
void hot_pump(struct hot *h);
void hot_committed(struct hot *h);

/* hot_commit.c */
void hot_commit(struct hot *h);
uint64_t hot_page_offset(uint16_t member, uint64_t page);
uint32_t hot_slot_crc(const struct hot_slot *s);

#endif
