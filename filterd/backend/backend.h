/* SPDX-License-Identifier: MIT */
/*
 * backend.h - the bottom of every chain: the code that talks to one kind of datastore.
 *
 * Durability (DESIGN 8). durable: a write ends when it would survive a power cut; writes that
 * finish together share one flush (group commit, commit.c). volatile: it ends when it would survive
 * a crash of filterd; FLUSH and FUA wait for the flush. A failed flush is fail-stop: is_failed is
 * set, every later write and flush ends with SLUICE_ERR_FAILED until the volume is opened anew.
 *
 * Thread: owner worker.
 */
#ifndef FILTERD_BACKEND_H
#define FILTERD_BACKEND_H

#include "env.h"
#include "err.h"
#include "sluice/io.h"

enum write_cache { WRITE_CACHE_DURABLE, WRITE_CACHE_VOLATILE };

struct backend_cfg {
	/* dir: the image file; block: the device; mem: ignored; slow: see slow.c */
	const char *path;
	uint64_t size_bytes;  /* of the volume; 0 = what is there (block) */
	uint32_t block_bytes; /* logical block of the volume */
	enum write_cache write_cache;
	bool is_buffered; /* through the page cache instead of past it */
	bool is_readonly;
	const char *snapshot;    /* layers: read-only view of this one; NULL: the volume */
	const char *groups_path; /* layers: decisions of snapshot groups; NULL: there are none */
};

struct backend_ops;

struct backend {
	const struct backend_ops *ops;
	uint64_t size_bytes;
	uint32_t io_ctx_bytes; /* per I/O; const after open */
	bool is_failed;        /* fail-stop; has a reason in failed_text */
	char failed_text[128];
};

struct backend_ops {
	const char *name; /* "dir", "block", "mem", "slow" */
	uint32_t op_mask; /* SLUICE_OP_BIT()s */
	/* Makes an image; full: all space reserved. -EEXIST, -ENOSPC, ... */
	int (*create)(struct env *e, const struct backend_cfg *cfg, bool is_full, struct err *err);
	/* -EAGAIN: another filterd has it open. */
	int (*open)(struct env *e, const struct backend_cfg *cfg, struct backend **out,
		    struct err *err);
	void (*close)(struct backend *b); /* nothing is under way */
	/* io->end(io) follows exactly once, possibly before return. io->bottom is b->io_ctx_bytes
	 * long. */
	void (*submit)(struct backend *b, struct sluice_io *io);
	/* fn once on the owner worker; new_size_bytes > size_bytes. Already that size: success. */
	void (*grow)(struct backend *b, uint64_t new_size_bytes, void (*fn)(void *ctx, int result),
		     void *ctx);
};

/* NULL for an unknown name. */
const struct backend_ops *backend_find(const char *name);

extern const struct backend_ops backend_dir;
extern const struct backend_ops backend_block;
extern const struct backend_ops backend_mem;
extern const struct backend_ops backend_slow; /* for tests: mem behind a queue */

#endif
