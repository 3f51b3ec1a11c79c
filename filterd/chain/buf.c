/* SPDX-License-Identifier: MIT */
/*
 * buf.c - 4096-aligned buffers for filters, in powers of two from 4 KiB to 4 MiB.
 *
 * A buffer is allocated once and kept on its class's free list, linked through its own first word;
 * so the steady state allocates nothing. All of them together are bounded; beyond that a filter
 * gets NULL and defers.
 */
#include <assert.h>
#include <stdlib.h>

#include "chain_int.h"

#define BUF_MIN_SHIFT   12u
#define BUF_CLASSES     11u
#define BUF_LIMIT_BYTES (32ull << 20)

struct buf_pool {
	void *free[BUF_CLASSES];
	uint64_t allocated_bytes;
};

struct buf_pool *buf_pool_new(void)
{
	return calloc(1, sizeof(struct buf_pool));
}

static void trim(struct buf_pool *p, uint32_t cls)
{
	while (p->free[cls]) {
		void *buf = p->free[cls];

		p->free[cls] = *(void **)buf;
		p->allocated_bytes -= 1ull << (BUF_MIN_SHIFT + cls);
		free(buf);
	}
}

void buf_pool_free(struct buf_pool *p)
{
	if (!p)
		return;
	for (uint32_t i = 0; i < BUF_CLASSES; i++)
		trim(p, i);
	free(p);
}

/* BUF_CLASSES: too large. */
static uint32_t class_of(uint64_t size_bytes)
{
	uint32_t cls = 0;

	while (cls < BUF_CLASSES && 1ull << (BUF_MIN_SHIFT + cls) < size_bytes)
		cls++;
	return cls;
}

static bool has_room(const struct buf_pool *p, uint64_t bytes)
{
	return p->allocated_bytes + bytes <= BUF_LIMIT_BYTES;
}

static void *buf_new(struct buf_pool *p, uint32_t cls)
{
	uint64_t bytes = 1ull << (BUF_MIN_SHIFT + cls);
	void *buf;

	/* Idle buffers of other sizes make room. */
	for (uint32_t i = 0; i < BUF_CLASSES && !has_room(p, bytes); i++)
		trim(p, i);
	if (!has_room(p, bytes))
		return NULL;
	buf = aligned_alloc(1u << BUF_MIN_SHIFT, bytes);
	if (buf)
		p->allocated_bytes += bytes;
	return buf;
}

void *sluice_buf_get(struct sluice_filter *f, uint64_t size_bytes)
{
	struct buf_pool *p = f->chain->bufs;
	uint32_t cls = class_of(size_bytes);
	void *buf;

	if (cls == BUF_CLASSES)
		return NULL;
	buf = p->free[cls];
	if (buf)
		p->free[cls] = *(void **)buf;
	else
		buf = buf_new(p, cls);
	if (buf)
		f->buffers++;
	return buf;
}

void sluice_buf_put(struct sluice_filter *f, void *buf, uint64_t size_bytes)
{
	struct buf_pool *p = f->chain->bufs;
	uint32_t cls = class_of(size_bytes);

	if (!buf)
		return;
	assert(cls < BUF_CLASSES && f->buffers > 0);
	f->buffers--;
	*(void **)buf = p->free[cls];
	p->free[cls] = buf;
}
