/* SPDX-License-Identifier: MIT */
/*
 * pool.c - the chain's I/Os and their contexts, allocated when the chain or its filters change.
 *
 * The I/Os live as long as the chain, since the volume may hold some while filters change. What
 * depends on the filters is apart, in a slab that is replaced while nothing is under way:
 *
 *     ios   [ chain_io ][ chain_io ] ...
 *               |contexts
 *     slab  [ ctx of filter 0 | ctx of filter 1 | ... | backend's ][ same for the next I/O ] ...
 *
 * Beside the max_ios of the volume there is room for filters' own I/O, so that write-back goes on
 * when initiators have taken all of theirs; and for a turn.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "chain_int.h"

#define CTX_ALIGN_BYTES  16u
#define SLAB_ALIGN_BYTES 64u
#define OWN_MIN          16u
#define TURNS            1u /* turn.c */

static uint64_t align_up(uint64_t n, uint64_t to)
{
	return (n + to - 1) / to * to;
}

static uint32_t pool_count(const struct chain *c)
{
	return c->max_ios + c->max_owns + TURNS;
}

/* A slab knows its layout, so that pool_slab_new() changes nothing. */
struct slab_head {
	char *next_retired;
	uint64_t stride_bytes;
	uint32_t bottom_offset;
	uint32_t ctx_offsets[CHAIN_MAX_FILTERS];
};

#define SLAB_HEAD_BYTES 64u
_Static_assert(sizeof(struct slab_head) <= SLAB_HEAD_BYTES, "the head has one cache line");

char *pool_slab_new(const struct chain *c, struct sluice_filter *const *filters, uint32_t count)
{
	struct slab_head head = {0};
	uint64_t at = 0, total;
	char *slab;

	for (uint32_t i = 0; i < count; i++) {
		head.ctx_offsets[i] = (uint32_t)at;
		at += align_up(filters[i]->ops->io_ctx_bytes, CTX_ALIGN_BYTES);
	}
	head.bottom_offset = (uint32_t)at;
	at += align_up(c->backend->io_ctx_bytes, CTX_ALIGN_BYTES);
	head.stride_bytes = align_up(at ? at : 1, SLAB_ALIGN_BYTES);
	total = SLAB_HEAD_BYTES + head.stride_bytes * pool_count(c);
	slab = aligned_alloc(SLAB_ALIGN_BYTES, total);
	if (!slab)
		return NULL;
	memset(slab, 0, total);
	memcpy(slab, &head, sizeof(head));
	return slab;
}

void pool_slab_use(struct chain *c, char *slab, bool is_old_kept)
{
	struct slab_head *head = (struct slab_head *)slab;

	if (c->slab && is_old_kept) {
		((struct slab_head *)c->slab)->next_retired = c->retired_slabs;
		c->retired_slabs = c->slab;
	} else {
		free(c->slab);
	}
	c->slab = slab;
	for (uint32_t i = 0; i < c->filter_count; i++)
		c->filters[i]->ctx_offset = head->ctx_offsets[i];
	for (uint32_t i = 0; i < pool_count(c); i++) {
		struct chain_io *cio = &c->ios[i];

		assert(cio->stage == STAGE_FREE || cio->stage == STAGE_IDLE ||
		       cio->stage == STAGE_WAITING);
		cio->contexts = slab + SLAB_HEAD_BYTES + head->stride_bytes * i;
		cio->io.bottom = cio->contexts + head->bottom_offset;
	}
}

void pool_retired_free(struct chain *c)
{
	while (c->retired_slabs) {
		struct slab_head *head = (struct slab_head *)c->retired_slabs;

		c->retired_slabs = head->next_retired;
		free(head);
	}
}

int pool_create(struct chain *c, uint32_t max_ios, struct err *err)
{
	uint32_t owns = max_ios / 4 < OWN_MIN ? OWN_MIN : max_ios / 4;
	uint64_t bytes;
	char *slab;

	c->max_ios = max_ios;
	c->max_owns = owns;
	bytes = align_up((uint64_t)pool_count(c) * sizeof(struct chain_io), SLAB_ALIGN_BYTES);
	c->ios = aligned_alloc(_Alignof(struct chain_io), bytes);
	slab = pool_slab_new(c, NULL, 0);
	if (!c->ios || !slab) {
		free(slab);
		return err_set(err, ENOMEM, "max_ios",
			       "no memory for %u I/Os of volume '%s'; lower max_ios", max_ios,
			       c->volume);
	}
	memset(c->ios, 0, bytes);
	for (uint32_t i = 0; i < pool_count(c); i++) {
		c->ios[i].chain = c;
		atomic_init(&c->ios[i].token.word, 0);
		list_push_back(&c->free_ios, &c->ios[i].node);
	}
	pool_slab_use(c, slab, false);
	return 0;
}

void pool_destroy(struct chain *c)
{
	pool_retired_free(c);
	free(c->slab);
	free(c->ios);
}

static struct chain_io *take(struct chain *c)
{
	struct chain_io *cio = list_entry(list_pop_front(&c->free_ios), struct chain_io, node);
	void *bottom = cio->io.bottom;

	assert(cio->stage == STAGE_FREE);
	memset(&cio->io, 0, sizeof(cio->io));
	cio->io.bottom = bottom;
	cio->stage = STAGE_IDLE;
	return cio;
}

struct sluice_io *chain_io_get(struct chain *c)
{
	struct chain_io *cio;

	if (c->user_count >= c->max_ios)
		return NULL;
	c->user_count++;
	cio = take(c);
	cio->own = NULL;
	return &cio->io;
}

void chain_io_put(struct chain *c, struct sluice_io *io)
{
	c->user_count--;
	pool_put(chain_io_of(io));
}

/* own_io.c keeps own_count within max_owns, so there is always one. */
struct chain_io *pool_own_get(struct chain *c)
{
	return take(c);
}

/* There is one turn at a time. */
struct chain_io *pool_turn_get(struct chain *c)
{
	return take(c);
}

void pool_put(struct chain_io *cio)
{
	assert(cio->stage == STAGE_IDLE);
	cio->stage = STAGE_FREE;
	list_push_front(&cio->chain->free_ios, &cio->node);
}
