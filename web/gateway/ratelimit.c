/* SPDX-License-Identifier: MIT */
#include "ratelimit.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#define PROBES 8u

struct bucket {
	struct ratelimit_key key;
	uint64_t full_at_ns;
};

struct ratelimit {
	struct ratelimit_cfg cfg;
	struct bucket shared; /* of those that find no place */
	struct bucket buckets[];
};

struct ratelimit *ratelimit_create(const struct ratelimit_cfg *cfg)
{
	struct ratelimit *r = calloc(1, sizeof(*r) + cfg->entries * sizeof(r->buckets[0]));

	if (r)
		r->cfg = *cfg;
	return r;
}

void ratelimit_free(struct ratelimit *r)
{
	free(r);
}

/* A mixer of 64-bit words (two multiplications and shifts for each); the seed is what makes it
 * unpredictable. */
static uint64_t hash(const struct ratelimit_key *key, uint64_t seed)
{
	uint64_t h = seed, word;

	for (size_t i = 0; i < sizeof(key->bytes); i += sizeof(word)) {
		memcpy(&word, key->bytes + i, sizeof(word));
		h = (h ^ word) * 0x9e3779b97f4a7c15ull;
		h = (h ^ (h >> 29) ^ seed) * 0xbf58476d1ce4e5b9ull;
		h ^= h >> 32;
	}
	return h;
}

static struct bucket *find(struct ratelimit *r, const struct ratelimit_key *key, uint64_t now_ns)
{
	uint64_t at = hash(key, r->cfg.seed);
	struct bucket *unused = NULL;

	for (uint32_t i = 0; i < PROBES; i++) {
		struct bucket *b = &r->buckets[(at + i) % r->cfg.entries];

		if (b->full_at_ns > now_ns && memcmp(&b->key, key, sizeof(*key)) == 0)
			return b;
		if (b->full_at_ns <= now_ns && !unused)
			unused = b;
	}
	if (!unused)
		return &r->shared;
	unused->key = *key;
	return unused;
}

bool ratelimit_take(struct ratelimit *r, const struct ratelimit_key *key, uint64_t now_ns,
		    uint64_t *wait_ns)
{
	struct bucket *b = find(r, key, now_ns);
	uint64_t full_at_ns = (b->full_at_ns > now_ns ? b->full_at_ns : now_ns) + r->cfg.token_ns;
	uint64_t most_ns = now_ns + r->cfg.burst * r->cfg.token_ns;

	*wait_ns = 0;
	if (full_at_ns > most_ns) {
		*wait_ns = full_at_ns - most_ns;
		return false;
	}
	b->full_at_ns = full_at_ns;
	return true;
}

struct ratelimit_key ratelimit_key_of(const struct sockaddr *address)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
	struct ratelimit_key key = {{0}};
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;

	if (address->sa_family == AF_INET) {
		memcpy(&v4, address, sizeof(v4));
		memcpy(key.bytes, mapped, sizeof(mapped));
		memcpy(key.bytes + 12, &v4.sin_addr, 4);
	} else if (address->sa_family == AF_INET6) {
		memcpy(&v6, address, sizeof(v6));
		memcpy(key.bytes, &v6.sin6_addr,
		       memcmp(&v6.sin6_addr, mapped, sizeof(mapped)) == 0 ? 16 : 8);
	}
	return key;
}
