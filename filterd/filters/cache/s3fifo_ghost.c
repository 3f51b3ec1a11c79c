/* SPDX-License-Identifier: MIT */
/*
 * s3fifo_ghost.c - which blocks left the small queue lately, in 4.5 bytes per slot; and,
 * in half a byte more, which left main.
 *
 * A FIFO of keys would need the keys, an index and links. Here a key's hash chooses a set of eight
 * entries, each 20 bits of fingerprint and 12 bits of time. Time counts insertions, and what is
 * older than the capacity counts as gone, wherever it stands; a new entry takes the place of the
 * oldest of its set. There is a quarter more room than the capacity, so few leave too early. Two
 * keys look alike once in some 100,000 look-ups, which puts a block into the wrong queue and does
 * no other harm.
 */
#include "s3fifo_int.h"

#include <errno.h>
#include <stdlib.h>

#define WAYS       8u
#define TIME_BITS  12u
#define TIME_MASK  ((1u << TIME_BITS) - 1)
#define PRINT_MASK ((1u << (32 - TIME_BITS)) - 1)
/* So many ticks are one capacity: a quarter of what the time can tell apart, so that an entry
 * nobody overwrote looks young again only after three more capacities. */
#define TICKS 1024u

int s3fifo_ghost_init(struct s3fifo_ghost *g, uint64_t capacity)
{
	*g = (struct s3fifo_ghost){.capacity = capacity, .unit = (capacity + TICKS - 1) / TICKS};
	if (!g->unit)
		g->unit = 1;
	g->sets = (uint32_t)((capacity * 5 / 4 + WAYS - 1) / WAYS);
	if (!g->sets)
		g->sets = 1;
	g->entries = calloc(g->sets, sizeof(*g->entries) * WAYS);
	return g->entries ? 0 : -ENOMEM;
}

static uint32_t now(const struct s3fifo_ghost *g)
{
	return (uint32_t)(g->inserted / g->unit) & TIME_MASK;
}

static uint32_t print_of(uint64_t hash)
{
	uint32_t print = (uint32_t)hash & PRINT_MASK;

	return print ? print : 1;
}

/* In ticks; an empty entry is the oldest there is. */
static uint32_t age(const struct s3fifo_ghost *g, uint32_t entry)
{
	return entry ? (now(g) - entry) & TIME_MASK : TIME_MASK;
}

static bool is_young(const struct s3fifo_ghost *g, uint32_t entry)
{
	return S3FIFO_MUTATE(GHOST_NEVER_OLD) || age(g, entry) * g->unit <= g->capacity;
}

static uint32_t *set_of(const struct s3fifo_ghost *g, uint64_t hash)
{
	return &g->entries[(size_t)cache_hash_scale(hash, g->sets) * WAYS];
}

void s3fifo_ghost_put(struct s3fifo_ghost *g, uint64_t key)
{
	uint64_t hash = cache_hash(key);
	uint32_t *set = set_of(g, hash), *oldest = set;

	for (uint32_t i = 0; i < WAYS; i++) {
		if (set[i] >> TIME_BITS == print_of(hash)) {
			oldest = &set[i];
			break;
		}
		if (age(g, set[i]) > age(g, *oldest))
			oldest = &set[i];
	}
	*oldest = print_of(hash) << TIME_BITS | now(g);
	g->inserted++;
}

static uint32_t *find(const struct s3fifo_ghost *g, uint64_t key)
{
	uint64_t hash = cache_hash(key);
	uint32_t *set = set_of(g, hash);

	for (uint32_t i = 0; i < WAYS; i++)
		if (set[i] >> TIME_BITS == print_of(hash) && is_young(g, set[i]))
			return &set[i];
	return NULL;
}

bool s3fifo_ghost_has(const struct s3fifo_ghost *g, uint64_t key)
{
	return find(g, key) || S3FIFO_MUTATE(GHOST_KNOWS_ALL);
}

uint64_t s3fifo_ghost_age(const struct s3fifo_ghost *g, uint64_t key)
{
	const uint32_t *entry = find(g, key);

	return entry ? age(g, *entry) * g->unit : UINT64_MAX;
}

bool s3fifo_ghost_take(struct s3fifo_ghost *g, uint64_t key)
{
	uint32_t *entry = find(g, key);

	if (entry)
		*entry = 0;
	return entry || S3FIFO_MUTATE(GHOST_KNOWS_ALL);
}

size_t s3fifo_ghost_bytes(const struct s3fifo_ghost *g)
{
	return (size_t)g->sets * WAYS * sizeof(*g->entries);
}
