/* SPDX-License-Identifier: MIT */
/*
 * bounce.h - I/O that direct I/O would refuse: wrong memory, or an offset or length off the
 * alignment.
 *
 * Goes through aligned buffers in windows of BOUNCE_BYTES. A write whose edge covers a part of an
 * aligned block first reads that block; keeping two such writes of one block apart is the caller's
 * (edge_lock.h). The buffers are few; when all are taken the request waits, it never fails for
 * that. Thread: owner worker.
 */
#ifndef BACKEND_BOUNCE_H
#define BACKEND_BOUNCE_H

#include <stdbool.h>
#include <stdint.h>

#include "env.h"
#include "err.h"
#include "list.h"

#define BOUNCE_BYTES   (128u * 1024)
#define BOUNCE_BUFFERS 8u

enum bounce_op { BOUNCE_READ, BOUNCE_WRITE, BOUNCE_ZERO };

struct bounce {
	struct env *env;
	struct env_file *file;
	uint32_t align_bytes;
	uint32_t buffer_count;
	uint8_t *memory; /* NULL before bounce_open() */
	uint8_t *free[BOUNCE_BUFFERS];
	uint32_t free_count;
	struct list_node waiting; /* bounce_req.node */
};

struct bounce_req {
	enum bounce_op op;
	uint64_t offset_bytes;
	uint64_t len_bytes;
	uint8_t *user;         /* the memory of the I/O; not for ZERO */
	struct env_file *file; /* NULL: that of bounce_open() */
	void (*fn)(struct bounce_req *r, int result);

	/* bounce.c's own */
	struct bounce *bounce;
	struct list_node node;
	uint8_t *buf;
	uint64_t done_bytes;
	uint64_t start_bytes, end_bytes; /* the window on the file */
	uint8_t phase;
	struct env_io io;
};

int must_check bounce_open(struct bounce *b, struct env *env, struct env_file *file,
			   struct err *err);
void bounce_close(struct bounce *b); /* fine when not open and zeroed */
/* fn exactly once, never before return. len_bytes > 0, and the file reaches to the aligned end. */
void bounce_submit(struct bounce *b, struct bounce_req *r);

#endif
