/* SPDX-License-Identifier: MIT */
/*
 * warm.h - the list of hot blocks that outlives a restart, and the plan of reading them again.
 *
 * Only addresses are kept, in a file beside the volume (sluice_sidecar_path(f, "warm")). The data
 * is read again from below, never trusted; so a list that is old, wrong or lost costs reads or hits
 * and nothing else. A list that fails a check is not used at all.
 *
 *   saving     ram_hottest() -> [helper thread: warm_save()]
 *   starting   [helper thread: warm_load()] -> warm_plan_next() ... -> ram_fill_begin/own
 * read/fill_end
 *
 *   file       header: magic, version, volume's UUID, count, length, CRC32C of header and pieces
 *              pieces of up to WARM_PIECE_BLOCKS, hottest piece first; inside one ascending
 * addresses as differences of 7 bits a byte: adjacent blocks are read together, and take one byte
 * each
 *
 * Thread: save, load, encode, decode: any, they touch nothing but their arguments (save and load
 * block). The plan: one.
 */
#ifndef CACHE_WARM_H
#define CACHE_WARM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WARM_BLOCKS_MAX   (1u << 22) /* 16 GiB of cache; the hottest ones when there are more */
#define WARM_PIECE_BLOCKS 4096u
#define WARM_BATCH_BLOCKS 64u /* one read of the plan: up to 256 KiB */

struct warm_list {
	uint64_t *blocks; /* malloc()ed; in the order of reading */
	size_t count;
};
void warm_list_free(struct warm_list *l);

/*
 * blocks: hottest first, and they are put into the order of the file. The bytes of the encoding in
 * *data (malloc()ed), or -ENOMEM, -EINVAL (more than WARM_BLOCKS_MAX).
 */
int warm_encode(const uint8_t volume_uuid[16], uint64_t *blocks, size_t count, uint8_t **data,
		size_t *size_bytes);
/*
 * Of a volume of volume_blocks; blocks past its end are left out. Errors: -EBADMSG damaged,
 * -ENOTSUP another version, -EXDEV another volume's, -ENOMEM.
 */
int warm_decode(const uint8_t volume_uuid[16], uint64_t volume_blocks, const uint8_t *data,
		size_t size_bytes, struct warm_list *out);

/* To a new file that then takes the old one's place. 0 or -errno. */
int warm_save(const char *path, const uint8_t volume_uuid[16], uint64_t *blocks, size_t count);
/* -ENOENT when there is none; else as warm_decode() or -errno of reading. */
int warm_load(const char *path, const uint8_t volume_uuid[16], uint64_t volume_blocks,
	      struct warm_list *out);

/* ---------------------------------------------------------------- reading again */

struct warm_plan {
	const struct warm_list *list;
	size_t next;
	/* Whether this block needs no reading: it is cached already, or the log has it. */
	bool (*is_there)(void *ctx, uint64_t block);
	void *ctx;
};
/* is_there may be NULL. */
void warm_plan_init(struct warm_plan *p, const struct warm_list *list,
		    bool (*is_there)(void *ctx, uint64_t block), void *ctx);
/* The next adjacent blocks to read, at most WARM_BATCH_BLOCKS; false: the list is done. */
bool warm_plan_next(struct warm_plan *p, uint64_t *block, uint64_t *count);
/* Blocks of the list that were planned or passed over. */
size_t warm_plan_done(const struct warm_plan *p);

#endif
