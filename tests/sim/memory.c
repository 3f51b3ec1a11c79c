/* SPDX-License-Identifier: MIT */
#include "memory.h"

#include <assert.h>
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define ARENA_BYTES                                                                                \
	(1024u                                                                                     \
	 << 20) /* of addresses, for the memory of many killed processes; touched as it is used */
#define HEAD_BYTES 16u /* before each block: its size, for realloc() */
#define CLASSES    48u /* of freed blocks: by the power of two that holds them */

/* A block that was freed: it is the next one of its class. */
struct freed {
	struct freed *next;
};

static uint8_t *arena;
static size_t used_bytes, peak_bytes;
static struct freed *freed[CLASSES];
static uint64_t fail_in;
static bool is_on, is_counting, has_failed;

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

void memory_begin(void)
{
	if (!arena && !MEMORY_IS_REAL) {
		arena = mmap(NULL, ARENA_BYTES, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
		assert(arena != MAP_FAILED);
	}
	used_bytes = 0;
	memset(freed, 0, sizeof(freed));
}

void memory_on(bool may_fail)
{
	is_on = true;
	is_counting = may_fail;
}

void memory_off(void)
{
	is_on = false;
}

void memory_fail_at(uint64_t n)
{
	fail_in = n;
	has_failed = false;
}

bool memory_has_failed(void)
{
	return has_failed;
}

uint64_t memory_peak_bytes(void)
{
	return peak_bytes;
}

static bool fails_now(void)
{
	if (!is_on || !is_counting || fail_in == 0 || --fail_in > 0)
		return false;
	has_failed = true;
	return true;
}

static bool is_ours(const void *p)
{
	return arena && (const uint8_t *)p >= arena && (const uint8_t *)p < arena + ARENA_BYTES;
}

static uint32_t class_of(size_t size)
{
	return size <= 16 ? 4 : 64 - (uint32_t)__builtin_clzll(size - 1);
}

static void set_size(uint8_t *p, size_t size)
{
	memcpy(p - sizeof(size), &size, sizeof(size));
}

static void *bump(size_t align, size_t size)
{
	uint32_t class = class_of(size);
	size_t room = (size_t)1 << class, at;
	struct freed *f = freed[class];

	if (size > ARENA_BYTES)
		return NULL;
	if (f && (uintptr_t)f % align == 0) {
		freed[class] = f->next;
		set_size((uint8_t *)f, size);
		return f;
	}
	at = (used_bytes + HEAD_BYTES + align - 1) / align * align;
	assert(at + room <= ARENA_BYTES);
	used_bytes = at + room;
	if (used_bytes > peak_bytes)
		peak_bytes = used_bytes;
	set_size(arena + at, size);
	return arena + at;
}

static void give_back(void *p)
{
	struct freed *f = p;
	size_t size;

	memcpy(&size, (uint8_t *)p - sizeof(size), sizeof(size));
	f->next = freed[class_of(size)];
	freed[class_of(size)] = f;
}

void *__wrap_malloc(size_t size)
{
	if (fails_now())
		return NULL;
	return is_on && !MEMORY_IS_REAL ? bump(16, size) : __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size)
{
	void *p;

	if (fails_now())
		return NULL;
	if (!is_on || MEMORY_IS_REAL)
		return __real_calloc(n, size);
	if (size && n > ARENA_BYTES / size)
		return NULL;
	p = bump(16, n * size);
	return p ? memset(p, 0, n * size) : NULL;
}

void *__wrap_realloc(void *p, size_t size)
{
	size_t old;
	void *q;

	if (fails_now())
		return NULL;
	if (MEMORY_IS_REAL || (p ? !is_ours(p) : !is_on))
		return __real_realloc(p, size);
	q = bump(16, size);
	if (!p || !q)
		return q;
	memcpy(&old, (uint8_t *)p - sizeof(old), sizeof(old));
	memcpy(q, p, old < size ? old : size);
	give_back(p);
	return q;
}

void __wrap_free(void *p)
{
	if (MEMORY_IS_REAL || !is_ours(p))
		__real_free(p);
	else
		give_back(p);
}

void *__wrap_aligned_alloc(size_t align, size_t size)
{
	if (fails_now())
		return NULL;
	return is_on && !MEMORY_IS_REAL ? bump(align < 16 ? 16 : align, size)
					: __real_aligned_alloc(align, size);
}

int __wrap_posix_memalign(void **out, size_t align, size_t size)
{
	if (fails_now())
		return ENOMEM;
	if (!is_on || MEMORY_IS_REAL)
		return __real_posix_memalign(out, align, size);
	*out = bump(align < 16 ? 16 : align, size);
	return *out ? 0 : ENOMEM;
}
