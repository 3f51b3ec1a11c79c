/* SPDX-License-Identifier: MIT */
#include "partial.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "volume.h"

#define PAGES 64u

/* ---------------------------------------------------------------- pages */

static void page_put(struct partial *p, void *page)
{
	*(void **)page = p->free;
	p->free = page;
	p->free_count++;
}

static void *page_get(struct partial *p)
{
	void *page = p->free;

	p->free = *(void **)page;
	p->free_count--;
	return page;
}

int partial_prepare(struct volume *v)
{
	struct partial *p = &v->partial;

	if (p->memory)
		return 0;
	p->memory = aligned_alloc(BLOCK_BYTES, (size_t)PAGES * BLOCK_BYTES);
	if (!p->memory)
		return -ENOMEM;
	requests_init(&p->waiting);
	for (uint32_t i = 0; i < PAGES; i++)
		page_put(p, p->memory + (size_t)i * BLOCK_BYTES);
	return 0;
}

void partial_free(struct volume *v)
{
	free(v->partial.memory);
	v->partial.memory = NULL;
}

/* ---------------------------------------------------------------- which blocks */

static bool has_head(const struct request *r)
{
	return r->io->offset_bytes % BLOCK_BYTES != 0;
}

/* A single block that is filled in part is the head when it begins inside, else the tail. */
static bool has_tail(const struct request *r)
{
	bool is_whole = (r->io->offset_bytes + r->io->len_bytes) % BLOCK_BYTES == 0;

	return !is_whole && !(has_head(r) && r->count == 1);
}

void partial_middle(const struct request *r, uint64_t *block, uint64_t *count, uint64_t *skip_bytes)
{
	*block = r->block + has_head(r);
	*count = r->count - has_head(r) - has_tail(r);
	*skip_bytes = *block * BLOCK_BYTES - r->io->offset_bytes;
}

/* ---------------------------------------------------------------- read and put together */

/* What of the io lies in block goes into page. */
static void overlay(const struct request *r, uint64_t block, char *page)
{
	const struct sluice_io *io = r->io;
	uint64_t from = block * BLOCK_BYTES, to = from + BLOCK_BYTES;
	uint64_t end = io->offset_bytes + io->len_bytes;

	if (from < io->offset_bytes)
		from = io->offset_bytes;
	if (to > end)
		to = end;
	page += from - block * BLOCK_BYTES;
	if (io->op == SLUICE_OP_WRITE)
		memcpy(page, (const char *)io->buf + (from - io->offset_bytes), to - from);
	else
		memset(page, 0, to - from);
}

static void gathered(struct gather *g)
{
	struct request *r = g->owner;

	if (g->status != SLUICE_OK && r->result == 0)
		r->result = g->status == SLUICE_ERR_CORRUPT ? -EBADMSG : -EIO;
	if (--r->gathers_left > 0)
		return;
	if (r->page[0])
		overlay(r, r->block, r->page[0]);
	if (r->page[1])
		overlay(r, r->block + r->count - 1, r->page[1]);
	r->go(r);
}

static uint32_t pages_needed(const struct request *r)
{
	return (uint32_t)has_head(r) + (uint32_t)has_tail(r);
}

static void begin(struct request *r)
{
	struct partial *p = &r->v->partial;
	bool is_head = has_head(r), is_tail = has_tail(r);

	r->result = 0;
	r->gathers_left = (uint8_t)(is_head + is_tail);
	if (is_head)
		r->page[0] = page_get(p);
	if (is_tail)
		r->page[1] = page_get(p);
	/* After the last of them has ended, r may be gone. */
	if (is_head)
		gather_start(&r->gather[0], r->v, r, r->block * BLOCK_BYTES, BLOCK_BYTES,
			     r->page[0], gathered);
	if (is_tail)
		gather_start(&r->gather[1], r->v, r, (r->block + r->count - 1) * BLOCK_BYTES,
			     BLOCK_BYTES, r->page[1], gathered);
}

void partial_merge(struct request *r)
{
	struct partial *p = &r->v->partial;
	uint32_t need = pages_needed(r);

	r->page[0] = r->page[1] = NULL;
	r->result = 0;
	if (need == 0)
		r->go(r);
	else if (p->waiting.count > 0 || p->free_count < need)
		requests_push(&p->waiting, r);
	else
		begin(r);
}

void partial_release(struct request *r)
{
	struct partial *p = &r->v->partial;

	for (int i = 0; i < 2; i++) {
		if (r->page[i])
			page_put(p, r->page[i]);
		r->page[i] = NULL;
	}
	while (p->waiting.first && p->free_count >= pages_needed(p->waiting.first))
		begin(requests_pop(&p->waiting));
}
