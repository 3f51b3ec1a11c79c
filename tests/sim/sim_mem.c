/* SPDX-License-Identifier: MIT */
#include "sim_mem.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#ifdef SLUICE_ASAN

void sim_mem_begin(void) {}
void sim_mem_end(void) {}
size_t sim_mem_peak_bytes(void)
{
	return 0;
}

#else

#define ARENA_BYTES (256u << 20)
#define HEAD_BYTES  16u /* before each block: its size, for realloc() */

static uint8_t *arena;
static size_t used_bytes, peak_bytes;
static bool is_on;

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t size);
void __real_free(void *p);
void *__real_aligned_alloc(size_t align, size_t size);
int __real_posix_memalign(void **out, size_t align, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t size);
void __wrap_free(void *p);
void *__wrap_aligned_alloc(size_t align, size_t size);
int __wrap_posix_memalign(void **out, size_t align, size_t size);

void sim_mem_begin(void)
{
	if (!arena) {
		arena = mmap(NULL, ARENA_BYTES, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
		assert(arena != MAP_FAILED);
	}
	used_bytes = 0;
	is_on = true;
}

void sim_mem_end(void)
{
	is_on = false;
}

size_t sim_mem_peak_bytes(void)
{
	return peak_bytes;
}

static bool is_ours(const void *p)
{
	return arena && (const uint8_t *)p >= arena && (const uint8_t *)p < arena + ARENA_BYTES;
}

static void *bump(size_t align, size_t size)
{
	size_t at = (used_bytes + HEAD_BYTES + align - 1) / align * align;

	assert(size < ARENA_BYTES && at + size <= ARENA_BYTES);
	used_bytes = at + size;
	if (used_bytes > peak_bytes)
		peak_bytes = used_bytes;
	memcpy(arena + at - sizeof(size), &size, sizeof(size));
	return arena + at;
}

void *__wrap_malloc(size_t size)
{
	return is_on ? bump(16, size) : __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size)
{
	void *p;

	if (!is_on)
		return __real_calloc(n, size);
	if (size && n > ARENA_BYTES / size)
		return NULL;
	p = bump(16, n * size);
	memset(p, 0, n * size);
	return p;
}

void *__wrap_realloc(void *p, size_t size)
{
	size_t old;
	void *q;

	if (p ? !is_ours(p) : !is_on)
		return __real_realloc(p, size);
	q = bump(16, size);
	if (!p)
		return q;
	memcpy(&old, (uint8_t *)p - sizeof(old), sizeof(old));
	memcpy(q, p, old < size ? old : size);
	return q;
}

void __wrap_free(void *p)
{
	if (!is_ours(p))
		__real_free(p);
}

void *__wrap_aligned_alloc(size_t align, size_t size)
{
	return is_on ? bump(align < 16 ? 16 : align, size) : __real_aligned_alloc(align, size);
}

int __wrap_posix_memalign(void **out, size_t align, size_t size)
{
	if (!is_on)
		return __real_posix_memalign(out, align, size);
	*out = bump(align < 16 ? 16 : align, size);
	return 0;
}

#endif
