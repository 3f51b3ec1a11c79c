/* SPDX-License-Identifier: MIT */
/*
 * buf.c - 4096-aligned buffers for filters, in powers of two from 4 KiB to 4 MiB.
 *
 * A buffer is allocated once and kept on its class's free list, linked through its own first words;
 * so the steady state allocates nothing. All of them together are bounded; beyond that a filter
 * gets NULL and defers.
 *
 * An I/O that still runs when its buffer is put would write into another's data later. So a free
 * buffer bears a seal: who puts one twice, or has written to one that was put, stops the program
 * before anybody's data is wrong. Under AddressSanitizer a touch of a free buffer stops at once.
 */
#include <assert.h>
#include <stdlib.h>

#include "chain_int.h"

#ifdef __SANITIZE_ADDRESS__
/* Of the compiler's <sanitizer/asan_interface.h>. */
void __asan_poison_memory_region(void const volatile *at, size_t size_bytes);
void __asan_unpoison_memory_region(void const volatile *at, size_t size_bytes);
#define poison   __asan_poison_memory_region
#define unpoison __asan_unpoison_memory_region
#else
#define poison(at, size_bytes)   ((void)(at))
#define unpoison(at, size_bytes) ((void)(at))
#endif

#define BUF_MIN_SHIFT   12u
#define BUF_CLASSES     11u
#define BUF_LIMIT_BYTES (32ull << 20)

/* What a free buffer begins with. */
struct free_buf {
	struct free_buf *next;
	uint64_t seal;
};

struct buf_pool {
	struct free_buf *free[BUF_CLASSES];
	uint64_t allocated_bytes;
};

struct buf_pool *buf_pool_new(void)
{
	return calloc(1, sizeof(struct buf_pool));
}

static uint64_t bytes_of(uint32_t cls)
{
	return 1ull << (BUF_MIN_SHIFT + cls);
}

/* ---------------------------------------------------------------- free ones */

/* Made of addresses, which no initiator knows: its data does not look like this by intent. */
static uint64_t seal_of(const struct buf_pool *p, const void *buf)
{
	return ((uint64_t)(uintptr_t)p ^ (uint64_t)(uintptr_t)buf << 20) * 0x9e3779b97f4a7c15ull;
}

static void push(struct buf_pool *p, uint32_t cls, void *buf)
{
	struct free_buf *b = buf;

	assert(b->seal != seal_of(p, b)); /* it was put already */
	b->next = p->free[cls];
	b->seal = seal_of(p, b);
	p->free[cls] = b;
	poison(b, bytes_of(cls));
}

/* NULL: none. */
static void *pop(struct buf_pool *p, uint32_t cls)
{
	struct free_buf *b = p->free[cls];

	if (!b)
		return NULL;
	unpoison(b, bytes_of(cls));
	assert(b->seal == seal_of(p, b)); /* somebody has written to it after it was put */
	p->free[cls] = b->next;
	b->seal = 0;
	return b;
}

static void trim(struct buf_pool *p, uint32_t cls)
{
	void *buf;

	while ((buf = pop(p, cls)) != NULL) {
		p->allocated_bytes -= bytes_of(cls);
		free(buf);
	}
}

/* ---------------------------------------------------------------- the pool */

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

	while (cls < BUF_CLASSES && bytes_of(cls) < size_bytes)
		cls++;
	return cls;
}

static bool has_room(const struct buf_pool *p, uint64_t bytes)
{
	return p->allocated_bytes + bytes <= BUF_LIMIT_BYTES;
}

static void *buf_new(struct buf_pool *p, uint32_t cls)
{
	uint64_t bytes = bytes_of(cls);
	struct free_buf *buf;

	/* Idle buffers of other sizes make room. */
	for (uint32_t i = 0; i < BUF_CLASSES && !has_room(p, bytes); i++)
		trim(p, i);
	if (!has_room(p, bytes))
		return NULL;
	buf = aligned_alloc(1u << BUF_MIN_SHIFT, bytes);
	if (!buf)
		return NULL;
	buf->seal = 0;
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
	buf = pop(p, cls);
	if (!buf)
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
	push(p, cls, buf);
}
