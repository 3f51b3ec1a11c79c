/* SPDX-License-Identifier: MIT */
/*
 * hot.h - extents that are being written to: their marks are durable before the writes (REPL-10).
 *
 *   write --> hot_enter() --extent is cold--> commit: pages of what cools, SYNC; marks, SYNC --> go
 *         <-- hot_leave() when it has ended everywhere
 *
 * After an unclean end every block of a marked extent is suspect. A commit serves all that wait;
 * the extents that were used least recently cool, which puts their bits on disk first. Whoever
 * writes in ascending order finds the next extent hot already.
 *
 * The group's file: two slots for the marks, written by turns, then pages of each member's bitmap.
 *
 *   0        4096     8192 ... 65536           + 8 MiB
 *   [ slot A ][ slot B ]  ...  [ member 0's pages ][ member 1's pages ] ...
 *
 * Thread: the group's worker. Nothing is allocated after hot_init().
 */
#ifndef REPLICATION_HOT_H
#define REPLICATION_HOT_H

#include "bitmap.h"
#include "group.h"

#define HOT_EXTENT_SHIFT    22u /* 4 MiB */
#define HOT_EXTENTS         256u
#define HOT_SPAN_MAX        16u /* a longer range has its bits written instead */
#define HOT_FILE_HEAD_BYTES (64u << 10)

struct hot;

/* bits: one per member, the caller's. ready: the range of an io that had to wait is hot. NULL: no
 * memory. */
struct hot *hot_create(const struct repl_host *h, struct bitmap *bits,
		       void (*ready)(void *ctx, struct repl_io *io), void *ctx);
void hot_destroy(struct hot *h);

/*
 * Reads marks and pages: what was hot becomes SUSPECT, the pages' bits page_kind, or after an
 * unclean end SUSPECT too. The caller then notes what depends on it, and flushes with is_clean
 * before the first hot_enter(). result: 0 or -errno.
 */
void hot_load(struct hot *h, enum bitmap_kind page_kind, void (*fn)(void *ctx, int result),
	      void *ctx);

/* True: go on, io->is_hot. False: ready() follows. */
bool hot_enter(struct hot *h, struct repl_io *io);
void hot_leave(struct hot *h, struct repl_io *io);
/* Every extent that nobody writes to cools with the next commit. */
void hot_cool(struct hot *h);
/* It gave up while it waited. False: it does not wait any more, ready() follows or has come. */
bool hot_withdraw(struct hot *h, struct repl_io *io);

/* Every stale page is on disk; with is_clean the marks are gone as well (nobody writes then),
 * unless the write cache is volatile. */
struct hot_flush {
	void (*fn)(struct hot_flush *fl, int result);
	void *ctx;
	bool is_clean;
	struct hot_flush *next; /* hot's */
};
void hot_flush(struct hot *h, struct hot_flush *fl);

/* The member has grown. False: no memory, nothing has changed. */
bool hot_grow(struct hot *h, uint16_t member, uint64_t size_bytes);
bool hot_is_busy(const struct hot *h); /* its file is in use: not to be destroyed */
uint64_t hot_commits(const struct hot *h);
/* What hot extents cover, in (member, offset) order from at on; false: nothing more. */
bool hot_next(const struct hot *h, uint16_t member, uint64_t *offset_bytes, uint64_t *len_bytes);

#endif
