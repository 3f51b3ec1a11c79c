/* SPDX-License-Identifier: MIT */
/*
 * disk.h - a volume on one file or device: what dir and block have in common.
 *
 *   submit ─▶ check ─▶ [edge lock] ─▶ env I/O, or bounce ─▶ [group commit] ─▶ end
 *
 * Thread: owner worker; disk_create() and disk_open() as env_file_open().
 */
#ifndef BACKEND_DISK_H
#define BACKEND_DISK_H

#include "backend.h"
#include "bounce.h"
#include "commit.h"
#include "edge_lock.h"

/* Images are whole multiples of this, so that aligned I/O at the end of an odd volume has a place.
 */
#define DISK_IMAGE_UNIT_BYTES 4096u

struct disk {
	struct backend b;
	struct backend *outer; /* NULL, or who hands its I/O down and fails with it */
	struct env *env;
	struct env_file *file;
	struct commit commit;
	struct bounce bounce;
	struct edge_lock edges;
	bool has_edges; /* alignment is larger than the volume's block */
	bool is_durable;
	uint32_t block_bytes;
	struct {
		struct env_io io;
		struct commit_waiter waiter;
		uint64_t new_size_bytes;
		void (*fn)(void *ctx, int result); /* NULL: none under way */
		void *ctx;
	} grow;
};

/* One I/O, in io->bottom. */
struct disk_io {
	struct disk *d;
	struct sluice_io *sio;
	struct env_io io;
	struct commit_waiter waiter;
	struct edge_claim claim;
	struct bounce_req bounce;
	uint64_t zero_done_bytes; /* UNMAP, WRITE_ZEROES: zeroed so far */
	bool has_claim;
};

int must_check disk_open(struct env *e, const struct backend_cfg *cfg,
			 const struct backend_ops *ops, struct backend **out, struct err *err);
void disk_close(struct backend *b);
void disk_submit(struct backend *b, struct sluice_io *io);
void disk_grow(struct backend *b, uint64_t new_size_bytes, void (*fn)(void *ctx, int result),
	       void *ctx);

/* disk_open.c and disk.c share. The SYNC failed: fail-stop. */
void disk_on_sync_failed(void *ctx, int result);

#endif
