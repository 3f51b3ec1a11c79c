/* SPDX-License-Identifier: MIT */
/*
 * s3fifo.h - which blocks stay in a cache: S3-FIFO (SOSP'23). Pure: it knows numbers of blocks and
 * of slots, no data, no time, no SDK.
 *
 *   put --ghost knows it?--no--> small (10 %) --seen again--> main (90 %) --seen again--> main's
 * end |yes                 | not seen                  | not seen
 *               +---> main           +--> evicted, ghost         +--> evicted
 *
 * A hit only raises a 2-bit counter: nothing is relinked. The small queue keeps what is seen once,
 * such as a scan, from pushing out what is seen often. Ghosts are fingerprints of what left the
 * small queue lately; about as many as main has blocks. The tenth grows where misses show that it
 * pays (s3fifo_adapt.c), so that what is read again soon and then never more is caught, too.
 *
 * One instance per volume: its slots are the volume's quota. A volume with is_pinned keeps its
 * quota whatever others want, all that it reads is admitted (seq_admission()), and its warm list
 * names all of its blocks. Within its quota S3-FIFO still chooses: pinning makes a cache neither
 * larger nor blind.
 *
 * Thread: one. Memory: only create, grow and trim allocate. S3FIFO_BYTES_PER_SLOT all included.
 * Source: J. Yang et al., FIFO queues are all you need for cache eviction, SOSP'23
 */
#ifndef CACHE_S3FIFO_H
#define CACHE_S3FIFO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define S3FIFO_NO_SLOT        UINT32_MAX
#define S3FIFO_NO_KEY         UINT64_MAX
#define S3FIFO_KEY_MAX        ((1ull << 56) - 1) /* keys are 0..S3FIFO_KEY_MAX */
#define S3FIFO_SLOTS_MAX      (UINT32_MAX - 1)
#define S3FIFO_BYTES_PER_SLOT 30u /* never more, beside a few KiB at whatever size */

struct s3fifo;

/* Units: slots >= 1. NULL: no memory. */
struct s3fifo *s3fifo_create(uint32_t slots);
void s3fifo_destroy(struct s3fifo *s); /* NULL is fine */

/* The key's slot, or S3FIFO_NO_SLOT. find counts as a use (a hit), peek does not. */
uint32_t s3fifo_find(struct s3fifo *s, uint64_t key);
uint32_t s3fifo_peek(const struct s3fifo *s, uint64_t key);

struct s3fifo_put {
	uint32_t slot;         /* the key's, from now on */
	bool is_new;           /* false: it was there already, and nothing has changed */
	bool evicted_was_used; /* since it was put, or a ghost knew it: worth a slower tier */
	uint64_t
	    evicted_key; /* whose slot this was and whose data is still in it; or S3FIFO_NO_KEY */
};
/* Gives key a slot; a full cache evicts exactly one for it. Not a use. */
void s3fifo_put(struct s3fifo *s, uint64_t key, struct s3fifo_put *out);

/* The ghosts: does one know key, and let one know it, although it never had a slot. */
bool s3fifo_is_remembered(const struct s3fifo *s, uint64_t key);
void s3fifo_remember(struct s3fifo *s, uint64_t key);

/* Its slot is free afterwards; S3FIFO_NO_SLOT: it was not there. Ghosts forget nothing. */
uint32_t s3fifo_remove(struct s3fifo *s, uint64_t key);
/* Costs what the cache holds or count, whichever is less. The number of removed; fn may be NULL. */
uint32_t s3fifo_remove_range(struct s3fifo *s, uint64_t first_key, uint64_t count,
			     void (*fn)(void *ctx, uint64_t key, uint32_t slot), void *ctx);

/* ---------------------------------------------------------------- other sizes */

/* More slots, numbered after the present ones. 0, or -ENOMEM and nothing has changed. Ghosts are
 * forgotten, also by a trim. */
int s3fifo_grow(struct s3fifo *s, uint32_t slots);

struct s3fifo_shrunk {
	uint64_t evicted_key;  /* or S3FIFO_NO_KEY */
	uint32_t evicted_slot; /* where its data is */
	bool evicted_was_used;
	uint32_t to_slot; /* the data of the slot that went belongs here now; or S3FIFO_NO_SLOT */
};
/*
 * Takes the last slot away. What has to leave is what S3-FIFO would evict, not what happened to be
 * in that slot; so the caller looks at the evicted one's data first, then copies that of the slot
 * that went (number s3fifo_slots() after the call) to to_slot. Not below one slot.
 */
void s3fifo_shrink_one(struct s3fifo *s, struct s3fifo_shrunk *out);
/* After the last shrink_one: gives memory back. Without memory to do it, all stays as it is. */
void s3fifo_trim(struct s3fifo *s);

/* ---------------------------------------------------------------- what there is to see */

/* Up to max keys, hottest first; how many were written. Costs two passes over the slots. */
size_t s3fifo_hottest(const struct s3fifo *s, uint64_t *keys, size_t max);

struct s3fifo_figures {
	uint32_t slots, used, used_small, used_main;
	uint32_t small_goal; /* what the small queue may have now */
	uint64_t evicted_small, evicted_main, to_main, ghost_hits;
};
void s3fifo_figures(const struct s3fifo *s, struct s3fifo_figures *out);
uint32_t s3fifo_slots(const struct s3fifo *s);
uint32_t s3fifo_used(const struct s3fifo *s);
/* All of its memory, for status and for the test of S3FIFO_BYTES_PER_SLOT. */
size_t s3fifo_metadata_bytes(const struct s3fifo *s);
/* For tests: walks everything; false with a sentence in *why when an invariant does not hold. */
bool s3fifo_is_sound(const struct s3fifo *s, const char **why);

#endif
