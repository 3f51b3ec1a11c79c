/* SPDX-License-Identifier: MIT */
/*
 * flash_int.h - what the files of the clean flash tier share.
 *
 *   flash_read.c   open, close, invalidate, switching off, figures
 *   flash_stage.c  blocks on their way in: a segment is prepared, filled, written
 *   flash_fetch.c  blocks on their way out
 *   flash_index.c  which block is in which slot
 *
 * A slot is a place in the ring, for one block; a segment is FLASH_READ_SEGMENT_BLOCKS slots. A
 * block gets its slot when it is added, while it is still in staging; a slot whose segment is
 * staged is read from memory. Bytes per slot: entry 16, bucket 4.
 */
#ifndef CACHE_FLASH_INT_H
#define CACHE_FLASH_INT_H

#include "flash_read.h"

#define SEGMENT_BLOCKS FLASH_READ_SEGMENT_BLOCKS
#define FLASH_BLOCK    4096u
#define SEGMENT_BYTES  (SEGMENT_BLOCKS * FLASH_BLOCK)
#define FLASH_NO_SLOT  UINT32_MAX
#define FLASH_USES_MAX 3u
#define FLASH_READERS  64u /* reads under way at once */
#define FLASH_STAGES   4u
/* What was hit is written once more, but for half of a segment at most: new blocks must get in. */
#define FLASH_KEEP_MAX (SEGMENT_BLOCKS / 2)

struct flash_entry {
	uint32_t key_low;
	uint32_t key_high : 24;
	uint32_t uses : 2;
	uint32_t is_used : 1;
	uint32_t crc;
	uint32_t chain;
};

struct flash_index {
	struct flash_entry *entries; /* by slot */
	uint32_t *buckets;           /* as many as slots */
	uint32_t slots, used;
};

static inline uint64_t flash_key(const struct flash_entry *e)
{
	return (uint64_t)e->key_high << 32 | e->key_low;
}

int flash_index_init(struct flash_index *ix, uint32_t slots);
void flash_index_free(struct flash_index *ix);
uint32_t flash_index_find(const struct flash_index *ix, uint64_t key);
void flash_index_set(struct flash_index *ix, uint32_t slot, uint64_t key, uint32_t crc);
void flash_index_clear(struct flash_index *ix, uint32_t slot); /* fine when it is not used */
void flash_index_clear_range(struct flash_index *ix, uint64_t key, uint64_t count);

enum flash_stage_state { STAGE_FREE, STAGE_PREPARING, STAGE_OPEN, STAGE_WRITING };

struct flash_stage {
	enum flash_stage_state state;
	uint32_t segment;
	uint32_t count; /* blocks in it */
	uint8_t *data;  /* SEGMENT_BYTES */
	struct sluice_file_io io;
	struct flash_read *tier;
};

struct flash_reader {
	struct sluice_file_io io;
	struct flash_read_io *owner;
	uint32_t first, count; /* of the owner's blocks */
	struct flash_reader *next;
	struct flash_read *tier;
};

struct flash_read {
	struct sluice_filter *f;
	struct sluice_file *file;
	char *path;
	struct flash_index index;
	uint32_t segments, next_segment;
	struct flash_stage stages[FLASH_STAGES];
	struct flash_reader readers[FLASH_READERS];
	struct flash_reader *free_readers;
	struct flash_read_io *waiting, **waiting_last; /* for a reader */
	uint32_t ios;                                  /* under way on the file */
	bool is_off;
	uint64_t hits, added, dropped, reinserted, written_bytes, corrupt;
};

static inline uint64_t flash_offset(uint32_t slot)
{
	return (uint64_t)slot * FLASH_BLOCK;
}

/* The stage that has the slot's segment in memory (to be written, or being written), or NULL. */
struct flash_stage *flash_stage_of(struct flash_read *t, uint32_t slot);
void flash_stage_add(struct flash_read *t, uint64_t block, const void *data);
/* A file I/O begins; its end comes to io->fn, which calls flash_io_end() first. */
void flash_io_begin(struct flash_read *t, struct sluice_file_io *io);
void flash_io_end(struct flash_read *t, const struct sluice_file_io *io);
void flash_switch_off(struct flash_read *t, const char *why, uint64_t offset_bytes);

#endif
