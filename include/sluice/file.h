/* SPDX-License-Identifier: MIT */
/*
 * file.h - plain files for filters, read and written without waiting: a cache's flash tier, a
 * bitmap.
 *
 * Nothing here is crash-safe; what must survive belongs into a record log (rlog.h) or into
 * sluice_store_put().
 *
 * Thread: owner worker of the filter. While an I/O is under way the chain does not count as
 * drained, so in detach() there is none.
 */
#ifndef SLUICE_FILE_H
#define SLUICE_FILE_H

#include <stdbool.h>
#include <stdint.h>

#include "sluice/filter.h"

struct sluice_file;

struct sluice_file_cfg {
	const char *path;    /* a file, or a block device, which is used as it is */
	uint64_t size_bytes; /* of a file, which is made or brought to this size; of a device, at
				least */
	bool is_direct;      /* past the page cache, if it can be */
};

/*
 * Locked: no other process has it open through this. Control path, blocks for as long as an open
 * does. Errors: NULL with err filled; *result (may be NULL) -errno: -EAGAIN another process has it,
 * -ENOSPC...
 */
struct sluice_file *sluice_file_open(struct sluice_filter *f, const struct sluice_file_cfg *cfg,
				     int *result, struct sluice_error *err);
/* No I/O of it is under way. */
void sluice_file_close(struct sluice_file *file);
uint64_t sluice_file_size_bytes(const struct sluice_file *file);
/* Offsets, lengths and memory of an I/O are multiples of it; 1: any. 4096 always will do. */
uint32_t sluice_file_align_bytes(const struct sluice_file *file);

enum sluice_file_op { SLUICE_FILE_READ, SLUICE_FILE_WRITE, SLUICE_FILE_SYNC, SLUICE_FILE_PUNCH };

struct sluice_file_io {
	enum sluice_file_op op;
	int result; /* 0 or -errno; never a part */
	uint64_t offset_bytes, len_bytes;
	void *buf;
	void (*fn)(struct sluice_file_io *io);
	void *ctx;
	uint64_t host[26]; /* host's */
};
/* The caller owns io, which must stay until fn. fn exactly once, never before return. */
void sluice_file_submit(struct sluice_file *file, struct sluice_file_io *io);
/* Removes a file that nobody has open. 0 or -errno: -EINVAL a device, -EAGAIN in use, -ENOENT. */
int sluice_file_remove(struct sluice_filter *f, const char *path);

#endif
