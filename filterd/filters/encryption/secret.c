/* SPDX-License-Identifier: MIT */
/*
 *     chunk (64 KiB, locked, DONTDUMP): [header | size | data ...][size | data ...] ...
 *
 * Pieces of powers of two, each with its class before it; freed ones go on their class's list and
 * are never given back to the system. A thousand volumes need about 4 MiB.
 */
#include "secret.h"

#include <openssl/crypto.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#ifdef SLUICE_ASAN /* what is only pointed to from here is not lost */
#include <sanitizer/lsan_interface.h>
#else
#define __lsan_register_root_region(p, size_bytes)
#endif

#define CHUNK_BYTES (64u << 10)
#define MIN_SHIFT   6u
#define CLASSES     8u /* 64 bytes to 8 KiB */
#define HEAD_BYTES  16u

struct chunk {
	struct chunk *next;
	uint32_t used_bytes;
};

struct piece {
	_Alignas(HEAD_BYTES) uint32_t cls;
	struct piece *next_free; /* while free */
};

_Static_assert(sizeof(struct piece) == HEAD_BYTES, "data stands right behind the head");
_Static_assert(SECRET_MAX_BYTES == 1u << (MIN_SHIFT + CLASSES - 1), "classes reach the maximum");

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* of all below; leaf */
static struct chunk *chunks;
static struct piece *free_pieces[CLASSES];
static bool covers_openssl;
static _Thread_local uint32_t depth;

static uint32_t class_of(size_t size_bytes)
{
	uint32_t cls = 0;

	while (cls < CLASSES && 1u << (MIN_SHIFT + cls) < size_bytes)
		cls++;
	return cls;
}

static size_t class_bytes(uint32_t cls)
{
	return (size_t)1 << (MIN_SHIFT + cls);
}

static void *data_of(struct piece *p)
{
	return (char *)p + HEAD_BYTES;
}

static struct piece *piece_of(const void *data)
{
	return (struct piece *)((uintptr_t)data - HEAD_BYTES);
}

/* ---------------------------------------------------------------- under the lock */

static struct chunk *chunk_new(void)
{
	struct chunk *c =
	    mmap(NULL, CHUNK_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (c == MAP_FAILED)
		return NULL;
	if (mlock(c, CHUNK_BYTES) < 0 || madvise(c, CHUNK_BYTES, MADV_DONTDUMP) < 0) {
		munmap(c, CHUNK_BYTES);
		return NULL;
	}
	c->used_bytes = (sizeof(*c) + HEAD_BYTES - 1) / HEAD_BYTES * HEAD_BYTES;
	c->next = chunks;
	chunks = c;
	__lsan_register_root_region(c, CHUNK_BYTES);
	return c;
}

static bool is_ours(const void *p)
{
	for (const struct chunk *c = chunks; c; c = c->next)
		if ((uintptr_t)p >= (uintptr_t)c && (uintptr_t)p < (uintptr_t)c + CHUNK_BYTES)
			return true;
	return false;
}

static struct piece *piece_new(uint32_t cls)
{
	size_t bytes = HEAD_BYTES + class_bytes(cls);
	struct chunk *c = chunks;
	struct piece *p;

	if (!c || c->used_bytes + bytes > CHUNK_BYTES)
		c = chunk_new();
	if (!c)
		return NULL;
	p = (struct piece *)((char *)c + c->used_bytes);
	c->used_bytes += (uint32_t)bytes;
	p->cls = cls;
	return p;
}

static struct piece *piece_get(uint32_t cls)
{
	struct piece *p = free_pieces[cls];

	if (!p)
		return piece_new(cls);
	free_pieces[cls] = p->next_free;
	p->next_free = NULL;
	return p;
}

/* ---------------------------------------------------------------- doors */

void *secret_alloc(size_t size_bytes)
{
	uint32_t cls = class_of(size_bytes);
	struct piece *p = NULL;

	pthread_mutex_lock(&lock);
	if (cls < CLASSES)
		p = piece_get(cls);
	pthread_mutex_unlock(&lock);
	return p ? data_of(p) : NULL;
}

void secret_free(void *data)
{
	struct piece *p;

	if (!data)
		return;
	p = piece_of(data);
	explicit_bzero(data, class_bytes(p->cls));
	pthread_mutex_lock(&lock);
	p->next_free = free_pieces[p->cls];
	free_pieces[p->cls] = p;
	pthread_mutex_unlock(&lock);
}

void secret_begin(void)
{
	depth++;
}

void secret_end(void)
{
	depth--;
}

/* ---------------------------------------------------------------- OpenSSL's allocations */

static bool is_secret(const void *p)
{
	bool is;

	pthread_mutex_lock(&lock);
	is = is_ours(p);
	pthread_mutex_unlock(&lock);
	return is;
}

static void *openssl_malloc(size_t size_bytes, const char *file, int line)
{
	if (size_bytes == 0)
		return NULL;
	if (depth && size_bytes <= SECRET_MAX_BYTES)
		return secret_alloc(size_bytes);
	return malloc(size_bytes);
}

static void openssl_free(void *p, const char *file, int line)
{
	if (p && is_secret(p))
		secret_free(p);
	else
		free(p);
}

static void *openssl_realloc(void *p, size_t size_bytes, const char *file, int line)
{
	size_t old_bytes;
	void *q;

	if (!p)
		return openssl_malloc(size_bytes, file, line);
	if (size_bytes == 0) {
		openssl_free(p, file, line);
		return NULL;
	}
	if (!is_secret(p))
		return realloc(p, size_bytes);
	old_bytes = class_bytes(piece_of(p)->cls);
	if (size_bytes <= old_bytes)
		return p;
	q = size_bytes <= SECRET_MAX_BYTES ? secret_alloc(size_bytes) : malloc(size_bytes);
	if (!q)
		return NULL;
	memcpy(q, p, old_bytes);
	secret_free(p);
	return q;
}

bool secret_set_up(void)
{
	covers_openssl =
	    CRYPTO_set_mem_functions(openssl_malloc, openssl_realloc, openssl_free) == 1;
	return covers_openssl;
}

bool secret_covers_openssl(void)
{
	return covers_openssl;
}
