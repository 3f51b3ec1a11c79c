/* SPDX-License-Identifier: MIT */
/*
 * bitmap.h - what of one volume may differ from the peer: a bit per block, of several kinds. Pure.
 *
 * DIRTY and SUSPECT wait for a resync. JOURNALED is in the journal, and becomes DIRTY if the
 * journal is given up. SENT is on its way in a resync, and becomes SUSPECT if the connection goes
 * first. On disk is one bit for all of them, in pages; it may say too much, never too little
 * (REPL-10). A page is stale when memory has a bit that the page on disk lacks.
 *
 * Thread: any. Memory: at bitmap_init(), and at bitmap_grow().
 */
#ifndef REPLICATION_BITMAP_H
#define REPLICATION_BITMAP_H

#include <stdbool.h>
#include <stdint.h>

#define BITMAP_BYTES_MAX  (8u << 20) /* of one kind of one volume */
#define BITMAP_PAGE_BYTES 4096u

enum bitmap_kind {
	BITMAP_DIRTY,   /* differs */
	BITMAP_SUSPECT, /* may differ: digests first */
	BITMAP_JOURNALED,
	BITMAP_SENT,
	BITMAP_KINDS
};
#define BITMAP_BIT(kind) (1u << (kind))
#define BITMAP_TO_SEND   (BITMAP_BIT(BITMAP_DIRTY) | BITMAP_BIT(BITMAP_SUSPECT))
#define BITMAP_ALL       ((1u << BITMAP_KINDS) - 1)

struct bitmap {
	uint64_t size_bytes, block_bytes, bit_count, page_count;
	uint64_t *words[BITMAP_KINDS];
	uint64_t set[BITMAP_KINDS]; /* bits that are on */
	uint64_t *stale;            /* a bit per page */
	uint64_t stale_count;
	uint64_t *kept; /* a bit per page: on disk it has bits, or may have */
};

/* -ENOMEM. */
int bitmap_init(struct bitmap *b, uint64_t size_bytes);
void bitmap_fini(struct bitmap *b);
/* Every bit stays, for blocks that may be larger then. -ENOMEM: nothing has changed. */
int bitmap_grow(struct bitmap *b, uint64_t size_bytes);

/* Every block that the range touches. */
void bitmap_set(struct bitmap *b, enum bitmap_kind kind, uint64_t offset_bytes, uint64_t len_bytes);
/* Every block that lies in the range as a whole (or up to the volume's end). */
void bitmap_clear(struct bitmap *b, enum bitmap_kind kind, uint64_t offset_bytes,
		  uint64_t len_bytes);
void bitmap_clear_all(struct bitmap *b, enum bitmap_kind kind);
/* All of from's become to's. */
void bitmap_move(struct bitmap *b, enum bitmap_kind from, enum bitmap_kind to);
bool bitmap_has(const struct bitmap *b, uint32_t kinds, uint64_t offset_bytes);
uint64_t bitmap_bytes(const struct bitmap *b, enum bitmap_kind kind);

/* The first run, from *offset_bytes on, of blocks with one of kinds, at most max_bytes long.
 * False: there is none. A run ends at the volume's end at the latest. */
bool bitmap_next(const struct bitmap *b, uint32_t kinds, uint64_t max_bytes, uint64_t *offset_bytes,
		 uint64_t *len_bytes);

/* ---------------------------------------------------------------- pages */

uint64_t bitmap_page_of(const struct bitmap *b, uint64_t offset_bytes);
bool bitmap_page_is_stale(const struct bitmap *b, uint64_t page);
/* As it is to be on disk; it counts as fresh from then on. */
void bitmap_page_get(struct bitmap *b, uint64_t page, void *data);
/* Pages whose bits on disk may be more than there are become stale. */
void bitmap_refresh(struct bitmap *b);
/* It did not get there. */
void bitmap_page_failed(struct bitmap *b, uint64_t page);
/* From disk: what is set there becomes kind's. */
void bitmap_page_put(struct bitmap *b, uint64_t page, const void *data, enum bitmap_kind kind);

#endif
