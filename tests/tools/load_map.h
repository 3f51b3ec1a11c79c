/* SPDX-License-Identifier: MIT */
/*
 * load_map.h - what each block may hold: the oracle of verify_load. Pure, no I/O.
 *
 * Time is a counter that the caller advances at each start and each end of a command. A version of
 * a block is one write of it:
 *
 *     started ---- in flight ---- ended ---- ... ---- dead (certainly overwritten)
 *
 * A write that was acknowledged kills every version that had ended before it started; what was in
 * flight meanwhile may be above or below it. A read may see any version that was not dead when it
 * started. When nothing was written since a read started, what it saw is the block's content from
 * then on.
 */
#ifndef TOOLS_LOAD_MAP_H
#define TOOLS_LOAD_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum content {
	CONTENT_NONE, /* unused version */
	CONTENT_ANY,  /* whatever was there before */
	CONTENT_ZERO,
	CONTENT_DATA, /* carries its own LBA */
	CONTENT_SAME, /* carries the first LBA of the WRITE SAME that made it */
};

enum write_end {
	WRITE_APPLIED, /* acknowledged */
	WRITE_MAYBE,   /* no answer or BUSY: applied or not, but not from now on */
	WRITE_NEVER,   /* refused at the door (unit attention): must never be seen */
};

enum finding { FINDING_NONE, FINDING_TORN, FINDING_STALE, FINDING_LOST, FINDING_MISDIRECTED };

enum { LOAD_VERSIONS = 8 };

struct version {
	uint64_t start, end, dead; /* 0: not yet */
	uint32_t gen;
	uint32_t base; /* CONTENT_SAME: index of its first block */
	uint8_t content;
};

struct load_block {
	struct version v[LOAD_VERSIONS];
	bool is_locked; /* a COMPARE AND WRITE counts on the content */
};

struct load_map {
	struct load_block *blocks;
	uint32_t count, block_bytes;
	uint64_t first_lba, volume_id;
	uint64_t
	    horizon; /* start of the oldest command in flight: what died before it is forgotten */
};

int load_map_init(struct load_map *m, uint32_t count, uint32_t block_bytes, uint64_t first_lba,
		  uint64_t volume_id, enum content initial);
void load_map_free(struct load_map *m);

/* May a write of these blocks be started? is_sole: it must know the content, so nothing else may
 * write. */
bool load_map_may_write(const struct load_map *m, uint32_t at, uint32_t n, bool is_sole);
void load_map_begin(struct load_map *m, uint32_t at, uint32_t n, uint32_t gen, enum content content,
		    uint64_t now);
void load_map_end(struct load_map *m, uint32_t at, uint32_t n, uint32_t gen, enum write_end how,
		  uint64_t now);
void load_map_lock(struct load_map *m, uint32_t at, bool is_locked);
/* The one version that the block certainly holds, or NULL. */
const struct version *load_map_certain(const struct load_map *m, uint32_t at);

/* Makes a block's bytes. */
void load_map_fill(const struct load_map *m, uint8_t *p, uint32_t at, uint32_t gen,
		   enum content content, uint32_t base);
/* Judges a block that a read, started at `start`, returned at `now`; why gets a sentence. */
enum finding load_map_judge(struct load_map *m, const uint8_t *p, uint32_t at, uint64_t start,
			    uint64_t now, bool is_final, char *why, size_t why_size);

#endif
