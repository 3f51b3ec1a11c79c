/* SPDX-License-Identifier: MIT */
/*
 * s3fifo_int.h - what the files of S3-FIFO share.
 *
 *   s3fifo.c        uses, puts, evictions
 *   s3fifo_list.c   the two queues, the free slots and the index by key
 *   s3fifo_ghost.c  fingerprints of what left
 *   s3fifo_adapt.c  how large the small queue is
 *   s3fifo_size.c   create, other sizes
 *   s3fifo_look.c   hottest, figures, soundness
 *
 * Bytes per slot: node 20, index 4, ghosts (0.9 + 0.1) * 1.25 * 4 = 5.
 */
#ifndef CACHE_S3FIFO_INT_H
#define CACHE_S3FIFO_INT_H

#include "hash.h"
#include "s3fifo.h"
#include "s3fifo_mutate.h"

#define S3FIFO_COUNT_MAX 3u
/* The small queue lets into main what was used more often than this. The paper has 1 and finds that
 * 0 is often better for blocks; here it costs a loop 4 points and gives as many where hot blocks
 * change. */
#define S3FIFO_PROMOTE_OVER 0u
/* One eviction passes over so many used blocks at most; then the oldest goes, used or not. */
#define S3FIFO_PASS_MAX 256u

enum s3fifo_where { S3FIFO_FREE, S3FIFO_SMALL, S3FIFO_MAIN };

/* Words of 32 bits, so that it has no holes. */
struct s3fifo_node {
	uint32_t key_low;
	uint32_t key_high : 24;
	uint32_t uses : 2;
	uint32_t where : 2; /* enum s3fifo_where */
	uint32_t was_used : 1;
	uint32_t chain; /* the next slot in the index's bucket */
	uint32_t prev, next;
};

struct s3fifo_queue {
	uint32_t first, last; /* first: the oldest; S3FIFO_NO_SLOT: empty */
	uint32_t count;
};

/* Sets of GHOST_WAYS entries: 20 bits of fingerprint, 12 of time; 0 is no entry. */
struct s3fifo_ghost {
	uint32_t *entries;
	uint32_t sets;
	uint64_t capacity; /* an entry is too old after so many newer ones */
	uint64_t unit;     /* so many insertions are one tick of the entries' time */
	uint64_t inserted;
};

struct s3fifo_adapt {
	struct s3fifo_ghost left_main;
	uint32_t extra; /* slots that the small queue has beyond its tenth */
	uint32_t puts;  /* since the last decision */
	uint32_t near_small, near_main;
};

struct s3fifo {
	struct s3fifo_node *nodes;
	uint32_t slots;
	uint32_t room;  /* nodes allocated; more than slots between shrink_one and trim */
	uint32_t fresh; /* slots from here on were never used and are on no list */
	uint32_t *buckets;
	uint32_t bucket_count;
	struct s3fifo_queue queue[3]; /* by enum s3fifo_where */
	struct s3fifo_ghost ghost;    /* of what left the small queue */
	struct s3fifo_adapt adapt;
	uint64_t evicted_small, evicted_main, to_main, ghost_hits;
};

_Static_assert(sizeof(struct s3fifo_node) == 20, "five words");

static inline uint64_t s3fifo_key(const struct s3fifo_node *n)
{
	return (uint64_t)n->key_high << 32 | n->key_low;
}

/* s3fifo_list.c */
void s3fifo_queue_push(struct s3fifo *s, enum s3fifo_where where, uint32_t slot);
void s3fifo_queue_remove(struct s3fifo *s, uint32_t slot);
uint32_t s3fifo_index_find(const struct s3fifo *s, uint64_t key);
void s3fifo_index_add(struct s3fifo *s, uint32_t slot);
void s3fifo_index_remove(struct s3fifo *s, uint32_t slot);
/* All of the used slots once more, into bucket_count empty buckets. */
void s3fifo_index_rebuild(struct s3fifo *s);

/* s3fifo_ghost.c */
int s3fifo_ghost_init(struct s3fifo_ghost *g, uint64_t capacity);
void s3fifo_ghost_put(struct s3fifo_ghost *g, uint64_t key);
bool s3fifo_ghost_has(const struct s3fifo_ghost *g, uint64_t key);
/* After how many newer ones; UINT64_MAX: not known. */
uint64_t s3fifo_ghost_age(const struct s3fifo_ghost *g, uint64_t key);
bool s3fifo_ghost_take(struct s3fifo_ghost *g, uint64_t key); /* and forgets it */
size_t s3fifo_ghost_bytes(const struct s3fifo_ghost *g);

/* s3fifo_adapt.c */
int s3fifo_adapt_init(struct s3fifo_adapt *a, uint32_t slots);
uint32_t s3fifo_small_target(const struct s3fifo *s);
void s3fifo_adapt_miss(struct s3fifo *s, uint64_t key); /* before its ghost is taken */

/* s3fifo.c: one block leaves; its slot is on no list and in no index afterwards. */
uint32_t s3fifo_evict(struct s3fifo *s, uint64_t *key, bool *was_used);

#endif
