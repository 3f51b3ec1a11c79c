/* SPDX-License-Identifier: MIT */
/*
 * s3fifo_mutate.h - deliberate faults of the cache's eviction, one at a time, chosen when
 * compiling, to prove that its tests see them. A product build has none. A filter sees only its own
 * folder, so this list stands here and not with the others; tests/unit/s3fifo_mutants.sh reads it.
 */
#ifndef CACHE_S3FIFO_MUTATE_H
#define CACHE_S3FIFO_MUTATE_H

#ifdef S3FIFO_MUTATION
#define S3FIFO_MUTATE(name) (S3FIFO_MUTATION == S3FIFO_MUTATION_##name)
#else
#define S3FIFO_MUTATE(name) 0
#endif

enum s3fifo_mutation {
	S3FIFO_MUTATION_NONE,
	S3FIFO_MUTATION_HIT_NOT_COUNTED,     /* a plain FIFO */
	S3FIFO_MUTATION_COUNTER_WRAPS,       /* the fourth use looks like none */
	S3FIFO_MUTATION_ALL_TO_MAIN,         /* what was seen once is promoted too */
	S3FIFO_MUTATION_NONE_TO_MAIN,        /* the small queue promotes nothing */
	S3FIFO_MUTATION_MAIN_NOT_RENEWED,    /* main evicts its oldest, used or not */
	S3FIFO_MUTATION_MAIN_NEVER_AGES,     /* a use counts for ever */
	S3FIFO_MUTATION_GHOST_NOT_WRITTEN,   /* nothing is remembered */
	S3FIFO_MUTATION_GHOST_NEVER_OLD,     /* everything is remembered for too long */
	S3FIFO_MUTATION_GHOST_KNOWS_ALL,     /* everything is remembered at once */
	S3FIFO_MUTATION_SMALL_IS_HALF,       /* the small queue takes the cache */
	S3FIFO_MUTATION_SMALL_NEVER_GROWS,   /* a tenth, whatever misses say */
	S3FIFO_MUTATION_SMALL_NEVER_SHRINKS, /* what it once needed it keeps */
	S3FIFO_MUTATION_CHAIN_CUT,        /* removing a key loses those behind it in its bucket */
	S3FIFO_MUTATION_SLOT_LEAKED,      /* a removed key's slot is not free */
	S3FIFO_MUTATION_RANGE_END_MISSED, /* the last block of a long range stays */
	S3FIFO_MUTATION_SHRINK_NOT_MOVED, /* the data of the last slot stays behind */
	S3FIFO_MUTATION_USED_FORGOTTEN,   /* what was used leaves as if it never was */
	S3FIFO_MUTATION_HOTTEST_REVERSED, /* the warm list begins with the coldest */
	S3FIFO_MUTATION_END,
};

#endif
