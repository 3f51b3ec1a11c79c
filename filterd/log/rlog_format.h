/* SPDX-License-Identifier: MIT */
/*
 * rlog_format.h - what stands on the medium: superblock, record, checkpoint. Pure.
 *
 *   block 0                 superblock A \  both, one after the other; the valid one with the
 *   block 16 (small: next)  superblock B /  higher sb_seq counts
 *   checkpoint_start        two areas, each a whole map
 *   log_start               the circle: records of 1 header block and n data blocks, wrapping
 * around
 *
 * Everything is little-endian. A record's header block holds its extents from the front and, from
 * its end downwards, one CRC32C per data block; all sums are seeded with the log's UUID, and those
 * of a record also with its epoch and sequence, so that nothing left over from an earlier life of
 * the same place is ever taken for valid. prev_crc chains each record to the one before.
 *
 * How the invariants are kept:
 *   W1, W2, W15  rlog_space.c: a record is placed only where a durable superblock has freed the
 *                space and no read looks; the reserve is left to EPOCH records
 *   W3, W4       rlog_destage.c: only what is durable; sink, its flush, superblock, in this order
 *   W5, W13      rlog_commit.c: acknowledged in order; one failure is the end
 *   W6, W7, W8   rlog_recover.c, rlog_walk.c: flush, superblock, replay; superblock with the new
 *                epoch, EPOCH record, and only then the owner
 *   W9           follows from these
 *   W10          rlog_scan.c
 *   W11          rlog_read.c, rlog_window.c: whatever is read is checked
 *   W12          is the cache's: this log holds no clean data
 *   W14          rlog_recover.c
 *
 * Whatever is read here may be garbage; it is checked before it is used. Thread: any.
 */
#ifndef RLOG_FORMAT_H
#define RLOG_FORMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RLOG_VERSION          1u
#define RLOG_SUPER_BYTES      256u
#define RLOG_BLOCK_BYTES_MIN  128u
#define RLOG_BLOCK_BYTES_MAX  65536u
#define RLOG_RECORD_FIXED     40u /* bytes of a header before the extents */
#define RLOG_EXTENT_BYTES     16u
#define RLOG_DATA_CRC_BYTES   4u
#define RLOG_CHECKPOINT_FIXED 64u
#define RLOG_CHECKPOINT_DATA  16u /* bytes of one block's entry */
#define RLOG_CHECKPOINT_ZERO  32u /* bytes of one ZERO range */

/* ---------------------------------------------------------------- geometry */

struct rlog_geometry {
	uint32_t block_bytes;
	uint32_t super_blocks;      /* of one superblock */
	uint32_t super_b;           /* where the second one is */
	uint32_t checkpoint_start;  /* of the first area */
	uint32_t checkpoint_blocks; /* of each; 0: none */
	uint32_t log_start;
	uint32_t log_blocks;
};

/* False: too small, or more than 2^32 blocks. */
bool rlog_geometry_make(struct rlog_geometry *g, uint32_t block_bytes, uint64_t size_bytes,
			bool has_checkpoints);
/* The smallest size with so many blocks in the circle. */
uint64_t rlog_geometry_size(uint32_t block_bytes, uint32_t log_blocks, bool has_checkpoints);
/* ZERO ranges that a map of such a log may have. */
uint32_t rlog_geometry_zeros(uint32_t log_blocks);

/* ---------------------------------------------------------------- superblock */

struct rlog_super {
	struct rlog_geometry geo;
	uint8_t uuid[16]; /* the log's own: seeds every sum */
	uint8_t owner_uuid[16];
	uint64_t generation;
	uint64_t sb_seq;
	uint32_t epoch;
	uint32_t tail_pos, tail_epoch, tail_prev_crc; /* where replay begins, and after what */
	uint64_t tail_seq;
	uint64_t durable_seq; /* was durable when this was written: a replay that ends before it has
				 met damage */
	uint64_t mark_value;  /* of the newest MARK of the owner's */
	bool is_clean;
	uint64_t head_seq; /* clean: the last record's */
	bool has_checkpoint;
	uint8_t checkpoint_slot;
	uint32_t checkpoint_crc;
	uint64_t checkpoint_seq, checkpoint_bytes;
};

enum rlog_super_is {
	RLOG_SUPER_VALID,
	RLOG_SUPER_BLANK,   /* all zeros */
	RLOG_SUPER_UNKNOWN, /* something else */
	RLOG_SUPER_NEWER,   /* ours, of a version or with features that are not known here */
	RLOG_SUPER_DAMAGED, /* ours, but the checksum or a field is wrong */
};

/* block: RLOG_SUPER_BYTES. */
void rlog_super_encode(const struct rlog_super *s, uint8_t *block);
enum rlog_super_is rlog_super_decode(const uint8_t *block, uint64_t file_bytes,
				     struct rlog_super *s);
/* B and whatever is behind it in its len_bytes could be what a cut-off write of a first superblock
 * has left: nothing but zeros behind its end. */
bool rlog_super_may_be_cut(const uint8_t *block, uint64_t len_bytes);
/* All zeros. */
bool rlog_super_is_blank(const uint8_t *block, uint64_t len_bytes);

/* ---------------------------------------------------------------- records */

enum rlog_record_type { RLOG_RECORD_ENTRIES = 1, RLOG_RECORD_EPOCH = 2, RLOG_RECORD_IDLE = 3 };

struct rlog_record {
	uint8_t type; /* enum rlog_record_type */
	uint16_t extent_count, data_blocks;
	uint32_t epoch, crc, prev_crc;
	uint64_t seq, durable_seq;
};

struct rlog_extent {
	uint8_t kind; /* enum sluice_rlog_kind */
	bool may_unmap;
	uint64_t block, block_count; /* MARK: block is its value */
};

/* The start of all sums of a log. */
uint32_t rlog_seed_log(const uint8_t uuid[16]);
/* Of a record's. */
uint32_t rlog_seed_record(uint32_t log_seed, uint32_t epoch, uint64_t seq);
/* A data block's sum as it stands in a header is its unseeded one xor this. */
uint32_t rlog_seed_mask(uint32_t record_seed, uint32_t block_bytes);

/* Bytes for extents and sums in a header block. */
static inline uint32_t rlog_record_room(uint32_t block_bytes)
{
	return block_bytes - RLOG_RECORD_FIXED;
}

/* Building: zero the block, put extents and sums, then seal. */
void rlog_record_put_extent(uint8_t *header, uint32_t index, const struct rlog_extent *e);
void rlog_record_put_crc(uint8_t *header, uint32_t block_bytes, uint32_t index, uint32_t crc);
/* Sets r->crc. */
void rlog_record_seal(uint8_t *header, uint32_t block_bytes, uint32_t log_seed,
		      struct rlog_record *r);

/* False: no valid record header. Otherwise all extents have been checked as well: they lie in the
 * block, their numbers do not overflow, the data blocks add up, no ZERO follows DATA. */
bool rlog_record_decode(const uint8_t *header, uint32_t block_bytes, uint32_t log_seed,
			struct rlog_record *r);
uint32_t rlog_record_extents(const uint8_t *header); /* how many */
void rlog_record_extent(const uint8_t *header, uint32_t index, struct rlog_extent *e);
uint32_t rlog_record_crc(const uint8_t *header, uint32_t block_bytes, uint32_t index);

/* ---------------------------------------------------------------- checkpoints */

/* The map as it was after record seq, which ends at pos; the sum over all of it is in the
 * superblock that names it. Then zero_count ranges, then blocks to the end. */
struct rlog_checkpoint {
	uint64_t seq, mark_seq, entry_seq; /* of the last record, and of its kinds */
	uint64_t mark_value;
	uint32_t pos, epoch, prev_crc; /* where replay goes on, and after what */
	uint32_t zero_count;
};

struct rlog_checkpoint_data {
	uint64_t block;
	uint32_t pos, crc;
};

struct rlog_checkpoint_zero {
	uint64_t start, end;
	uint32_t pos;
	bool may_unmap;
};

void rlog_checkpoint_encode(const struct rlog_checkpoint *c, uint8_t *out);
bool rlog_checkpoint_decode(const uint8_t *in, uint64_t total_bytes, uint32_t log_blocks,
			    struct rlog_checkpoint *c);
void rlog_checkpoint_put_data(uint8_t *out, const struct rlog_checkpoint_data *d);
void rlog_checkpoint_put_zero(uint8_t *out, const struct rlog_checkpoint_zero *z);
/* False: cannot be. */
bool rlog_checkpoint_get_data(const uint8_t *in, uint32_t log_blocks,
			      struct rlog_checkpoint_data *d);
bool rlog_checkpoint_get_zero(const uint8_t *in, uint32_t log_blocks,
			      struct rlog_checkpoint_zero *z);

#endif
