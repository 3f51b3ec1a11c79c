/* SPDX-License-Identifier: MIT */
#include "serve_buf.h"

#include <assert.h>
#include <stdlib.h>

static uint64_t class_bytes(uint32_t class)
{
	return (uint64_t)SERVE_BUF_ALIGN << class;
}

static uint32_t class_of(uint32_t size_bytes)
{
	uint32_t class = 0;

	while (class < SERVE_BUF_CLASSES && class_bytes(class) < size_bytes)
		class ++;
	return class;
}

void serve_buf_init(struct serve_buf_pool *p)
{
	*p = (struct serve_buf_pool){0};
}

/* Gives one idle buffer of another class back to the system, the largest first. */
static int release_one(struct serve_buf_pool *p)
{
	for (uint32_t i = SERVE_BUF_CLASSES; i-- > 0;) {
		struct serve_buf_free *f = p->free[i];

		if (!f)
			continue;
		p->free[i] = f->next;
		p->total_bytes -= class_bytes(i);
		free(f);
		return 1;
	}
	return 0;
}

void serve_buf_fini(struct serve_buf_pool *p)
{
	assert(p->in_use == 0);
	while (release_one(p))
		;
}

void *serve_buf_get(struct serve_buf_pool *p, uint32_t size_bytes)
{
	uint32_t class = class_of(size_bytes);
	struct serve_buf_free *f;
	void *buf = NULL;

	if (class == SERVE_BUF_CLASSES)
		return NULL;
	f = p->free[class];
	if (f) {
		p->free[class] = f->next;
		p->in_use++;
		return f;
	}
	while (p->total_bytes + class_bytes(class) > SERVE_BUF_TOTAL_BYTES)
		if (!release_one(p))
			return NULL;
	if (posix_memalign(&buf, SERVE_BUF_ALIGN, class_bytes(class)) != 0)
		return NULL;
	p->total_bytes += class_bytes(class);
	p->in_use++;
	return buf;
}

void serve_buf_put(struct serve_buf_pool *p, void *buf, uint32_t size_bytes)
{
	uint32_t class = class_of(size_bytes);
	struct serve_buf_free *f = buf;

	assert(class < SERVE_BUF_CLASSES && p->in_use > 0);
	f->next = p->free[class];
	p->free[class] = f;
	p->in_use--;
}
