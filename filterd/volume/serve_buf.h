/* SPDX-License-Identifier: MIT */
/*
 * serve_buf.h - scratch memory of one volume's device server: aligned buffers by powers of two.
 *
 * A buffer is allocated at its first use and then kept, so the steady state allocates nothing. All
 * buffers together are bounded; past that the command is answered BUSY. Thread: owner worker.
 */
#ifndef FILTERD_SERVE_BUF_H
#define FILTERD_SERVE_BUF_H

#include <stdint.h>

#define SERVE_BUF_ALIGN       4096u
#define SERVE_BUF_CLASSES     12u /* 4 KiB << 0 .. 11 = 8 MiB */
#define SERVE_BUF_TOTAL_BYTES (64ull << 20)

struct serve_buf_free {
	struct serve_buf_free *next;
};

struct serve_buf_pool {
	struct serve_buf_free *free[SERVE_BUF_CLASSES];
	uint64_t total_bytes; /* allocated, in use or not */
	uint32_t in_use;
};

void serve_buf_init(struct serve_buf_pool *p);
void serve_buf_fini(struct serve_buf_pool *p); /* all are put back */
/* At least size_bytes, aligned to 4096; NULL: too large, or none left now. */
void *serve_buf_get(struct serve_buf_pool *p, uint32_t size_bytes);
void serve_buf_put(struct serve_buf_pool *p, void *buf, uint32_t size_bytes); /* size of the get */

#endif
