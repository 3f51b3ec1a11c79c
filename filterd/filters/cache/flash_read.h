/* SPDX-License-Identifier: MIT */
/*
 * flash_read.h - the clean tier on flash of one volume: blocks that leave the RAM tier and were
 * used there go to a ring of 4 KiB blocks in a file, and are read from it instead of the datastore.
 *
 *     evicted() --> staging (memory) --a segment is full--> [ seg | seg | SEG | seg | ... ]   a
 * ring ^                                           |
 *                        +------- blocks that were hit, once more ---+  before it is overwritten
 *
 * The index (key, CRC32C, chain: at most FLASH_READ_BYTES_PER_BLOCK) is in memory only, so after
 * every restart the tier is empty, whatever the file holds (W12). Every block is checked against
 * its CRC when it is read. Whoever writes a block calls flash_read_invalidate() before, as for the
 * RAM tier.
 *
 * It never fails anybody: what cannot be read here is read below. After an I/O error, or
 * FLASH_READ_CORRUPT_MAX blocks whose CRC did not match, it switches itself off, with the event
 * cache_flash_failed, until it is opened again.
 *
 * Thread: owner worker. Memory: all is allocated by open.
 */
#ifndef CACHE_FLASH_READ_H
#define CACHE_FLASH_READ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sluice/file.h"
#include "sluice/filter.h"

#define FLASH_READ_BYTES_PER_BLOCK 24u
#define FLASH_READ_SEGMENT_BLOCKS  64u
#define FLASH_READ_MIN_BYTES       (16u << 20)
#define FLASH_READ_CORRUPT_MAX     16u

struct flash_read;

/* path: <flash_path>/<uuid>.clean. NULL with err filled: no memory, the file cannot be made, or
 * size_bytes is less than FLASH_READ_MIN_BYTES. */
struct flash_read *flash_read_open(struct sluice_filter *f, const char *path, uint64_t size_bytes,
				   struct sluice_error *err);
/* In detach(), or whenever flash_read_is_idle(). NULL is fine. Removes nothing:
 * sluice_file_remove().
 */
void flash_read_close(struct flash_read *t);
bool flash_read_is_idle(const struct flash_read *t);

/* A block that leaves RAM; copied at once. Dropped, and counted, when all staging segments are
 * busy. */
void flash_read_add(struct flash_read *t, uint64_t block, const void *data);
/* How many blocks from the first one on it has; 0 also when it is off. Not a use. */
uint64_t flash_read_has(const struct flash_read *t, uint64_t block, uint64_t count);

struct flash_read_io {
	uint64_t block;
	/* In: how many, at most what flash_read_has() said and FLASH_READ_SEGMENT_BLOCKS. Out: how
	 * many from the first one on were read and are right; the others have to come from below.
	 */
	uint64_t count;
	void *buf; /* 4096-aligned */
	void (*fn)(struct flash_read_io *io);
	void *ctx;
	struct flash_read *tier; /* the tier's, from here on */
	uint32_t wanted, cursor, pending;
	uint64_t good; /* bit i: block i is right */
	uint32_t slot[FLASH_READ_SEGMENT_BLOCKS];
	uint32_t crc[FLASH_READ_SEGMENT_BLOCKS];
	struct flash_read_io *next;
};
/*
 * Counts as a use. The caller owns io, which must stay until fn; fn exactly once, maybe before
 * return (when all of it is in staging or gone). Around it belong ram_fill_begin() and
 * ram_fill_end(), which refuse what a write has passed meanwhile.
 */
void flash_read_submit(struct flash_read *t, struct flash_read_io *io);

/* Any range; costs no more than what the tier holds. */
void flash_read_invalidate(struct flash_read *t, uint64_t block, uint64_t count);

struct flash_read_figures {
	uint64_t size_bytes, used_bytes, metadata_bytes;
	uint64_t hits; /* blocks read and right */
	uint64_t added, dropped, reinserted, written_bytes;
	uint64_t corrupt; /* CRC did not match */
	bool is_off;      /* it switched itself off */
};
void flash_read_figures(const struct flash_read *t, struct flash_read_figures *out);

#endif
