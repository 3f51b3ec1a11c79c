/* SPDX-License-Identifier: MIT */
/*
 * image.h - a record log as it lies on the medium, for sluice-logcheck: read only, nothing of the
 * engine. What open would accept is decided here once more, in plain order, so that the tool does
 * not repeat a mistake of the engine's.
 *
 *     image_open -> image_walk (each record that open would accept) -> image_scan -> image_close
 *
 * Thread: the program's only one.
 */
#ifndef LOGCHECK_IMAGE_H
#define LOGCHECK_IMAGE_H

#include "err.h"
#include "rlog_format.h"

struct image {
	const char *path;
	int fd;
	uint64_t size_bytes;
	uint32_t block_bytes; /* as found */
	enum rlog_super_is is[2];
	struct rlog_super supers[2];
	const struct rlog_super *super; /* the one that counts; NULL: none */
	uint32_t seed;
	uint8_t *record; /* memory for the largest record */
};

struct image_record {
	struct rlog_record head;
	const uint8_t *header;
	uint32_t pos;
	uint32_t bad_block; /* number of the data block with a wrong sum; UINT32_MAX: none */
};

/* Where the walk ended, and why. */
struct image_end {
	uint32_t pos;
	uint64_t seq; /* that was expected there */
	uint32_t epoch, crc;
	uint64_t blocks; /* of all records */
	uint64_t records, data_blocks;
	const char *reason; /* for a person */
	bool is_over_full;  /* a record that belongs there has no room: a superblock is lost */
	bool has_bad_data;  /* the header belongs there, its data is wrong */
	uint32_t bad_block;
};

struct image_proof {
	bool is_found, is_superblock;
	uint64_t seq; /* of the record, or the superblock's number */
	uint32_t pos;
};

struct image_checkpoint {
	bool is_there, is_good, is_used; /* used: open would begin with it */
	struct rlog_checkpoint head;
	uint64_t entries;
	const char *reason;
};

int must_check image_open(struct image *m, const char *path, struct err *err);
void image_close(struct image *m);
/* -EIO. */
int must_check image_read(const struct image *m, uint64_t offset_bytes, uint64_t len_bytes,
			  void *buf, struct err *err);
uint64_t image_offset(const struct image *m, uint32_t pos);

/* From the tail on; fn may be NULL. */
int must_check image_walk(struct image *m,
			  void (*fn)(void *ctx, const struct image *m,
				     const struct image_record *r),
			  void *ctx, struct image_end *end, struct err *err);
/* Does anything say that what is missing was durable? Looks at all that is free. */
int must_check image_scan(struct image *m, const struct image_end *end, struct image_proof *proof,
			  struct err *err);
int must_check image_checkpoint(struct image *m, struct image_checkpoint *c, struct err *err);

#endif
