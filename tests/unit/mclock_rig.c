/* SPDX-License-Identifier: MIT */
#include "mclock_rig.h"

#include <stdlib.h>

uint64_t rig_random(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15ull;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
	return z ^ (z >> 31);
}

uint64_t rig_below(uint64_t *state, uint64_t n)
{
	return rig_random(state) % n;
}

uint64_t rig_units(uint64_t len_bytes)
{
	uint64_t units = (len_bytes + 32767) / 32768;

	return units ? units : 1;
}

uint64_t rig_mixed_length(uint64_t *random)
{
	return 512ull * ((1ull << rig_below(random, 11)) + rig_below(random, 2));
}

struct rig *rig_new(uint64_t seed, uint64_t now_ns)
{
	struct rig *r = calloc(1, sizeof(*r));

	assert_non_null(r);
	r->m = malloc(mclock_bytes(RIG_CLIENTS));
	assert_non_null(r->m);
	r->random = seed;
	r->now_ns = now_ns;
	mclock_init(r->m, RIG_CLIENTS, now_ns);
	return r;
}

void rig_free(struct rig *r)
{
	for (uint32_t i = 0; i < r->count; i++)
		free(r->clients[i]);
	free(r->m);
	free(r);
}

uint32_t rig_add(struct rig *r, struct mclock_config cfg)
{
	struct mclock_client *c = malloc(mclock_client_bytes());

	assert_non_null(c);
	assert_int_equal(mclock_add(r->m, c, &cfg, r->now_ns), 0);
	for (uint32_t i = 0; i < RIG_DEPTH; i++)
		r->requests[r->count][i].client = r->count;
	r->clients[r->count] = c;
	return r->count++;
}

static uint64_t next_length(struct rig *r)
{
	return r->length ? r->length(&r->random) : 4096;
}

void rig_push(struct rig *r, struct rig_request *q, uint64_t len_bytes)
{
	q->q.len_bytes = len_bytes;
	mclock_push(r->m, r->clients[q->client], &q->q, r->now_ns);
}

void rig_flood(struct rig *r, uint32_t client, uint32_t depth)
{
	for (uint32_t i = 0; i < depth; i++)
		rig_push(r, &r->requests[client][i], next_length(r));
}

struct rig_request *rig_pop(struct rig *r, bool has_room, bool is_throttling, enum mclock_why *why)
{
	enum mclock_why ignored;
	struct rig_request *q = (struct rig_request *)mclock_pop(
	    r->m, r->now_ns, has_room, is_throttling, why ? why : &ignored);

	if (q) {
		r->units[q->client] += rig_units(q->q.len_bytes);
		r->bytes[q->client] += q->q.len_bytes;
	}
	return q;
}

int rig_next(struct rig *r, bool has_room, bool is_throttling)
{
	struct rig_request *q = rig_pop(r, has_room, is_throttling, NULL);

	if (!q)
		return -1;
	rig_push(r, q, next_length(r));
	return (int)q->client;
}

struct mclock_figures rig_figures(const struct rig *r, uint32_t client)
{
	struct mclock_figures f;

	mclock_figures(r->m, r->clients[client], r->now_ns, &f);
	return f;
}
