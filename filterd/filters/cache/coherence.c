/* SPDX-License-Identifier: MIT */
#include "coherence.h"

#include <stddef.h>

#include "flash_read.h"
#include "ram.h"
#include "request.h"
#include "volume.h"

/* ---------------------------------------------------------------- spans */

void spans_init(struct spans *s)
{
	s->head.prev = s->head.next = &s->head;
	s->waiting = 0;
}

static bool overlaps(const struct span *a, const struct span *b)
{
	return a->first < b->end && b->first < a->end;
}

bool spans_lock(struct spans *s, struct request *r)
{
	struct span *sp = &r->span;

	sp->first = r->block;
	sp->end = r->block + r->count;
	sp->blockers = 0;
	sp->owner = r;
	for (const struct span *o = s->head.next; o != &s->head; o = o->next)
		sp->blockers += overlaps(o, sp);
	sp->prev = s->head.prev;
	sp->next = &s->head;
	sp->prev->next = s->head.prev = sp;
	s->waiting += sp->blockers > 0;
	return sp->blockers == 0;
}

/* Those behind it lose a blocker. They are gathered first: going on may change the list. */
void spans_unlock(struct spans *s, struct request *r)
{
	struct span *sp = &r->span, *next;
	struct requests free_now;

	requests_init(&free_now);
	for (struct span *o = sp->next; s->waiting > 0 && o != &s->head; o = next) {
		next = o->next;
		if (!overlaps(o, sp) || --o->blockers > 0)
			continue;
		s->waiting--;
		requests_push(&free_now, o->owner);
	}
	sp->prev->next = sp->next;
	sp->next->prev = sp->prev;
	while ((r = requests_pop(&free_now)) != NULL)
		r->go(r);
}

/* ---------------------------------------------------------------- caches */

struct whole {
	uint64_t block, count;
	uint64_t skip_bytes; /* of the io, before the first whole block */
};

/* The blocks that the io covers from end to end. */
static struct whole whole_blocks(const struct sluice_io *io)
{
	uint64_t end = (io->offset_bytes + io->len_bytes) / BLOCK_BYTES;
	struct whole w = {.block = (io->offset_bytes + BLOCK_BYTES - 1) / BLOCK_BYTES};

	w.count = end > w.block ? end - w.block : 0;
	w.skip_bytes = w.block * BLOCK_BYTES - io->offset_bytes;
	return w;
}

void coherence_begin(struct request *r)
{
	struct volume *v = r->v;

	ram_write_begin(v->ram, &r->write, r->block, r->count);
	if (v->clean)
		flash_read_invalidate(v->clean, r->block, r->count);
}

void coherence_end(struct request *r, const void *data, enum cache_admit admit)
{
	struct whole w = whole_blocks(r->io);
	const char *from = data;

	if (!data || w.count == 0)
		ram_write_end(r->v->ram, &r->write, NULL, 0, 0, admit);
	else
		ram_write_end(r->v->ram, &r->write, from + w.skip_bytes, w.block, w.count, admit);
}

void coherence_end_block(struct request *r, const void *data, uint64_t block,
			 enum cache_admit admit)
{
	ram_write_end(r->v->ram, &r->write, data, block, 1, admit);
}

void coherence_fill_begin(struct request *r)
{
	struct whole w = whole_blocks(r->io);

	ram_fill_begin(r->v->ram, &r->fill, w.block, w.count);
}

void coherence_fill_end(struct request *r, bool is_ok)
{
	struct whole w = whole_blocks(r->io);
	const char *data = (const char *)r->io->buf + w.skip_bytes;

	ram_fill_end(r->v->ram, &r->fill, is_ok && w.count > 0 ? data : NULL,
		     (enum cache_admit)r->admit);
}
