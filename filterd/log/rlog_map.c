/* SPDX-License-Identifier: MIT */
#include "rlog_map.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "rlog_mutate.h"
#include "sluice/rlog.h"

/* A ZERO so short takes the blocks' data out of the table; a longer one only hides it. */
#define ZERO_ERASES_MAX 64u

int rlog_map_init(struct rlog_map *m, uint32_t log_blocks, uint32_t zero_capacity)
{
	uint64_t slots = (uint64_t)log_blocks * 4 / 3 + 2;

	memset(m, 0, sizeof(*m));
	if (slots > UINT32_MAX)
		return -ENOMEM;
	m->log_blocks = log_blocks;
	m->slot_count = (uint32_t)slots;
	m->slots = calloc(slots, sizeof(*m->slots));
	m->zeros.capacity = zero_capacity;
	m->zeros.items = malloc(zero_capacity * sizeof(*m->zeros.items));
	if (m->slots && m->zeros.items)
		return 0;
	rlog_map_fini(m);
	return -ENOMEM;
}

void rlog_map_fini(struct rlog_map *m)
{
	free(m->slots);
	free(m->zeros.items);
	m->slots = NULL;
	m->zeros.items = NULL;
}

uint64_t rlog_map_bytes(const struct rlog_map *m)
{
	return m->slot_count * sizeof(*m->slots) + m->zeros.capacity * sizeof(*m->zeros.items);
}

void rlog_map_clear(struct rlog_map *m)
{
	if (m->used)
		memset(m->slots, 0, m->slot_count * sizeof(*m->slots));
	m->used = 0;
	m->zeros.count = 0;
	m->zeros.block_count = 0;
}

/* ---------------------------------------------------------------- the table */

static uint32_t slot_home(const struct rlog_map *m, uint64_t block)
{
	uint64_t h = block * 0x9e3779b97f4a7c15ull;

	h ^= h >> 29;
	h *= 0xbf58476d1ce4e5b9ull;
	return (uint32_t)((h >> 32) * m->slot_count >> 32);
}

static uint32_t slot_next(const struct rlog_map *m, uint32_t i)
{
	return i + 1 == m->slot_count ? 0 : i + 1;
}

/* Where block is, or where it would go. */
static uint32_t slot_of(const struct rlog_map *m, uint64_t block)
{
	uint32_t i = slot_home(m, block);

	while (m->slots[i].place && m->slots[i].block != block)
		i = slot_next(m, i);
	return i;
}

/* Distance from i's home, going around. */
static uint32_t slot_displacement(const struct rlog_map *m, uint32_t i)
{
	uint32_t home = slot_home(m, m->slots[i].block);

	return i >= home ? i - home : i + (m->slot_count - home);
}

/* Those behind move up, so that no search meets a gap. */
static void slot_erase(struct rlog_map *m, uint32_t hole)
{
	uint32_t i = hole, distance = 0;

	assert(!m->is_frozen);
	for (;;) {
		i = slot_next(m, i);
		distance++;
		if (!m->slots[i].place)
			break;
		if (slot_displacement(m, i) < distance)
			continue;
		m->slots[hole] = m->slots[i];
		hole = i;
		distance = 0;
	}
	m->slots[hole].place = 0;
	m->used--;
}

void rlog_map_put(struct rlog_map *m, uint64_t block, uint32_t pos, uint32_t crc)
{
	struct rlog_slot *s = &m->slots[slot_of(m, block)];

	if (!s->place) {
		assert(m->used + 1 < m->slot_count);
		m->used++;
	}
	*s = (struct rlog_slot){.block = block, .place = pos + 1, .crc = crc};
}

void rlog_map_put_zeros(struct rlog_map *m, const struct rlog_zero *range)
{
	rlog_zeros_insert(&m->zeros, range);
	if (range->end - range->start > ZERO_ERASES_MAX || m->is_frozen)
		return;
	for (uint64_t b = range->start; b < range->end; b++) {
		uint32_t i = slot_of(m, b);

		if (m->slots[i].place)
			slot_erase(m, i);
	}
}

/* ---------------------------------------------------------------- look up */

/* Data, unless z (the range at or behind block) hides it. */
static const struct rlog_slot *visible(const struct rlog_map *m, uint64_t block,
				       const struct rlog_zero *z)
{
	const struct rlog_slot *s = &m->slots[slot_of(m, block)];

	if (!s->place)
		return NULL;
	if (z && z->start <= block && rlog_map_age(m, z->pos) > rlog_map_age(m, s->place - 1))
		return NULL;
	return s;
}

const struct rlog_slot *rlog_map_find(const struct rlog_map *m, uint64_t block)
{
	return m->used ? visible(m, block, rlog_zeros_at(&m->zeros, block)) : NULL;
}

static void data_run(const struct rlog_map *m, uint64_t block, uint64_t max_blocks,
		     const struct rlog_slot *s, struct rlog_map_run *run)
{
	uint64_t n = 1;

	run->what = SLUICE_RLOG_HAS_DATA;
	run->pos = s->place - 1;
	while (n < max_blocks && run->pos + n < m->log_blocks) {
		s = rlog_map_find(m, block + n);
		if (!s || s->place - 1 != run->pos + n)
			break;
		n++;
	}
	run->block_count = n;
}

void rlog_map_run(const struct rlog_map *m, uint64_t block, uint64_t max_blocks,
		  struct rlog_map_run *run)
{
	const struct rlog_zero *z = rlog_zeros_at(&m->zeros, block);
	const struct rlog_slot *s = m->used ? visible(m, block, z) : NULL;
	uint64_t end = block + max_blocks, b;

	if (s) {
		data_run(m, block, max_blocks, s, run);
		return;
	}
	run->what = z && z->start <= block ? SLUICE_RLOG_HAS_ZEROS : SLUICE_RLOG_ABSENT;
	run->pos = 0;
	if (run->what == SLUICE_RLOG_HAS_ZEROS && z->end < end)
		end = z->end;
	if (run->what == SLUICE_RLOG_ABSENT && z && z->start < end)
		end = z->start;
	for (b = block + 1; m->used && b < end; b++)
		if (visible(m, b, z))
			end = b;
	run->block_count = end - block;
}

/* ---------------------------------------------------------------- the tail moves */

void rlog_map_forget(struct rlog_map *m, uint64_t block, uint32_t pos)
{
	uint32_t i = slot_of(m, block);

	if (m->slots[i].place == pos + 1)
		slot_erase(m, i);
}

struct passed {
	const struct rlog_map *m;
	uint32_t blocks; /* from the old tail to the new one */
};

static bool has_passed(const void *ctx, uint32_t pos)
{
	const struct passed *p = ctx;

	return rlog_map_age(p->m, pos) < p->blocks;
}

void rlog_map_set_tail(struct rlog_map *m, uint32_t tail_pos)
{
	struct passed p = {.m = m, .blocks = rlog_map_age(m, tail_pos)};

	if (m->zeros.count)
		rlog_zeros_drop(&m->zeros, has_passed, &p);
	m->tail_pos = tail_pos;
}

void rlog_map_cut(struct rlog_map *m, uint32_t tail_pos)
{
	uint32_t blocks = rlog_map_age(m, tail_pos);

	for (uint32_t i = 0; i < m->slot_count && m->used;) {
		struct rlog_slot *s = &m->slots[i];

		/* What moves up into i is looked at as well. */
		if (s->place && rlog_map_age(m, s->place - 1) < blocks)
			slot_erase(m, i);
		else
			i++;
	}
	rlog_map_set_tail(m, tail_pos);
}
