/* SPDX-License-Identifier: MIT */
#include "load_map.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK_MAGIC 0x53454c4249465256ull

/* The head of every block that is not zeros; what follows is a sequence that the seed decides. */
struct block_head {
	uint64_t magic, volume_id, lba;
	uint32_t gen, content;
	uint64_t sum; /* of everything but itself */
};

int load_map_init(struct load_map *m, uint32_t count, uint32_t block_bytes, uint64_t first_lba,
		  uint64_t volume_id, enum content initial)
{
	memset(m, 0, sizeof(*m));
	m->blocks = calloc(count, sizeof(*m->blocks));
	if (!m->blocks)
		return -1;
	m->count = count;
	m->block_bytes = block_bytes;
	m->first_lba = first_lba;
	m->volume_id = volume_id;
	for (uint32_t i = 0; i < count; i++)
		m->blocks[i].v[0] =
		    (struct version){.start = 1, .end = 1, .content = (uint8_t)initial};
	return 0;
}

void load_map_free(struct load_map *m)
{
	free(m->blocks);
	m->blocks = NULL;
}

static bool is_free(const struct load_map *m, const struct version *v)
{
	return v->content == CONTENT_NONE || (v->dead && v->dead < m->horizon);
}

static bool is_in_flight(const struct version *v)
{
	return v->content != CONTENT_NONE && !v->end;
}

static bool block_may_write(const struct load_map *m, const struct load_block *b, bool is_sole)
{
	bool has_room = false;

	if (b->is_locked)
		return false;
	for (int i = 0; i < LOAD_VERSIONS; i++) {
		has_room |= is_free(m, &b->v[i]);
		if (is_sole && is_in_flight(&b->v[i]))
			return false;
	}
	return has_room;
}

bool load_map_may_write(const struct load_map *m, uint32_t at, uint32_t n, bool is_sole)
{
	for (uint32_t i = at; i < at + n; i++) {
		if (!block_may_write(m, &m->blocks[i], is_sole))
			return false;
	}
	return true;
}

void load_map_begin(struct load_map *m, uint32_t at, uint32_t n, uint32_t gen, enum content content,
		    uint64_t now)
{
	for (uint32_t i = at; i < at + n; i++) {
		struct load_block *b = &m->blocks[i];
		int k = 0;

		while (k < LOAD_VERSIONS && !is_free(m, &b->v[k]))
			k++;
		assert(k < LOAD_VERSIONS);
		b->v[k] = (struct version){
		    .start = now, .gen = gen, .base = at, .content = (uint8_t)content};
	}
}

static void block_end(struct load_block *b, uint32_t gen, enum write_end how, uint64_t now)
{
	struct version *own = NULL;

	for (int i = 0; i < LOAD_VERSIONS; i++) {
		if (is_in_flight(&b->v[i]) && b->v[i].gen == gen)
			own = &b->v[i];
	}
	assert(own);
	if (how == WRITE_NEVER) {
		memset(own, 0, sizeof(*own));
		return;
	}
	own->end = now;
	for (int i = 0; how == WRITE_APPLIED && i < LOAD_VERSIONS; i++) {
		struct version *v = &b->v[i];

		if (v->content != CONTENT_NONE && v->end && !v->dead && v->end < own->start)
			v->dead = now;
	}
}

void load_map_end(struct load_map *m, uint32_t at, uint32_t n, uint32_t gen, enum write_end how,
		  uint64_t now)
{
	for (uint32_t i = at; i < at + n; i++)
		block_end(&m->blocks[i], gen, how, now);
}

void load_map_lock(struct load_map *m, uint32_t at, bool is_locked)
{
	m->blocks[at].is_locked = is_locked;
}

const struct version *load_map_certain(const struct load_map *m, uint32_t at)
{
	const struct version *found = NULL;

	for (int i = 0; i < LOAD_VERSIONS; i++) {
		const struct version *v = &m->blocks[at].v[i];

		if (v->content == CONTENT_NONE || v->dead)
			continue;
		if (found || !v->end)
			return NULL;
		found = v;
	}
	return found && found->content != CONTENT_ANY ? found : NULL;
}

static uint64_t sum_of(const uint8_t *p, uint32_t bytes)
{
	uint64_t sum = 0x9e3779b97f4a7c15ull, word;

	for (uint32_t i = 0; i < bytes; i += 8) {
		if (i == offsetof(struct block_head, sum))
			continue;
		memcpy(&word, p + i, 8);
		sum = (sum ^ word) * 0xff51afd7ed558ccdull;
		sum ^= sum >> 29;
	}
	return sum;
}

void load_map_fill(const struct load_map *m, uint8_t *p, uint32_t at, uint32_t gen,
		   enum content content, uint32_t base)
{
	struct block_head h = {
	    .magic = BLOCK_MAGIC, .volume_id = m->volume_id, .gen = gen, .content = content};
	uint64_t x;

	if (content == CONTENT_ZERO) {
		memset(p, 0, m->block_bytes);
		return;
	}
	h.lba = m->first_lba + (content == CONTENT_SAME ? base : at);
	x = (h.lba << 32 ^ gen) * 0x9e3779b97f4a7c15ull;
	for (uint32_t i = sizeof(h); i < m->block_bytes; i += 8) {
		x += 0xa0761d6478bd642full;
		memcpy(p + i, &x, 8);
	}
	memcpy(p, &h, sizeof(h));
	h.sum = sum_of(p, m->block_bytes);
	memcpy(p, &h, sizeof(h));
}

static bool is_zero(const uint8_t *p, uint32_t bytes)
{
	return p[0] == 0 && !memcmp(p, p + 1, bytes - 1);
}

static bool matches(const struct load_map *m, const struct version *v, const struct block_head *h,
		    bool zero, uint32_t at)
{
	if (v->content == CONTENT_ANY)
		return true;
	if (v->content == CONTENT_ZERO || zero)
		return zero && v->content == CONTENT_ZERO;
	return h->content == v->content && h->gen == v->gen &&
	       h->lba == m->first_lba + (v->content == CONTENT_SAME ? v->base : at);
}

/* From now on the block holds v, unless something was written since the read started. */
static void settle(struct load_block *b, const struct version *seen, uint64_t start, uint64_t now)
{
	for (int i = 0; i < LOAD_VERSIONS; i++) {
		const struct version *v = &b->v[i];

		if (v->content != CONTENT_NONE && (!v->end || v->end > start))
			return;
	}
	for (int i = 0; i < LOAD_VERSIONS; i++) {
		if (b->v[i].content != CONTENT_NONE && !b->v[i].dead && &b->v[i] != seen)
			b->v[i].dead = now;
	}
}

static size_t describe(const struct load_block *b, char *why, size_t size, size_t at)
{
	static const char *const words[] = {"", "any", "zero", "data", "same"};

	for (int i = 0; i < LOAD_VERSIONS && at < size; i++) {
		const struct version *v = &b->v[i];

		if (v->content != CONTENT_NONE)
			at += (size_t)snprintf(
			    why + at, size - at,
			    " [%s gen %u: %" PRIu64 "-%" PRIu64 " dead %" PRIu64 "]",
			    words[v->content], v->gen, v->start, v->end, v->dead);
	}
	return at;
}

static enum finding classify(const struct load_map *m, const uint8_t *p, const struct block_head *h,
			     bool zero, uint32_t at, bool is_final, const char **what)
{
	enum finding old = is_final ? FINDING_LOST : FINDING_STALE;

	if (zero) {
		*what = "zeros";
		return old;
	}
	if (h->magic != BLOCK_MAGIC || h->sum != sum_of(p, m->block_bytes)) {
		*what = "a block with a wrong magic or checksum";
		return FINDING_TORN;
	}
	if (h->volume_id != m->volume_id ||
	    (h->content == CONTENT_DATA && h->lba != m->first_lba + at)) {
		*what = "another block's content";
		return FINDING_MISDIRECTED;
	}
	*what = "an overwritten, refused or unwritten version";
	return old;
}

enum finding load_map_judge(struct load_map *m, const uint8_t *p, uint32_t at, uint64_t start,
			    uint64_t now, bool is_final, char *why, size_t why_size)
{
	struct load_block *b = &m->blocks[at];
	const struct version *seen = NULL;
	bool zero = is_zero(p, m->block_bytes), is_sound;
	struct block_head h;
	enum finding f;
	const char *what;
	size_t used;

	memcpy(&h, p, sizeof(h));
	is_sound = zero || (h.magic == BLOCK_MAGIC && h.volume_id == m->volume_id &&
			    h.sum == sum_of(p, m->block_bytes));
	for (int i = 0; i < LOAD_VERSIONS; i++) {
		const struct version *v = &b->v[i];

		if (v->content == CONTENT_NONE || (v->dead && v->dead < start))
			continue;
		if ((is_sound || v->content == CONTENT_ANY) && matches(m, v, &h, zero, at) &&
		    (!seen || seen->content == CONTENT_ANY || (seen->dead && !v->dead)))
			seen = v;
	}
	if (seen) {
		settle(b, seen, start, now);
		return FINDING_NONE;
	}
	f = classify(m, p, &h, zero, at, is_final, &what);
	used = (size_t)snprintf(why, why_size,
				"LBA %" PRIu64 ": read %s (gen %u lba %" PRIu64
				" content %u) started %" PRIu64 " ended %" PRIu64 ", may hold",
				m->first_lba + at, what, h.gen, h.lba, h.content, start, now);
	describe(b, why, why_size, used);
	return f;
}
