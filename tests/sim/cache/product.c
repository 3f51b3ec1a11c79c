/* SPDX-License-Identifier: MIT */
/* product.c - the product's own S3-FIFO; alone, and as the filter uses it. */
#include "order.h"
#include "policy.h"
#include "s3fifo.h"
#include "seq.h"

#define BLOCK_BYTES 4096u

struct product {
	struct s3fifo *s3fifo;
	struct seq seq;
};

static void *create(uint32_t slots, uint32_t keys)
{
	struct product *p = sim_get(1, sizeof(*p));

	p->s3fifo = s3fifo_create(slots);
	if (!p->s3fifo)
		abort();
	seq_init(&p->seq, 4u << 20);
	return p;
}

static bool on_access(void *state, uint32_t key)
{
	struct product *p = state;
	struct s3fifo_put put;

	if (s3fifo_find(p->s3fifo, key) != S3FIFO_NO_SLOT)
		return true;
	s3fifo_put(p->s3fifo, key, &put);
	return false;
}

static bool on_filter_access(void *state, uint32_t key)
{
	struct product *p = state;
	enum seq_kind kind = seq_note(&p->seq, (uint64_t)key * BLOCK_BYTES, BLOCK_BYTES);
	enum cache_admit admit = seq_admission(kind, true, false);
	struct s3fifo_put put;

	if (s3fifo_find(p->s3fifo, key) != S3FIFO_NO_SLOT)
		return true;
	if (admit == CACHE_ADMIT ||
	    (admit == CACHE_ADMIT_SEEN && s3fifo_is_remembered(p->s3fifo, key)))
		s3fifo_put(p->s3fifo, key, &put);
	else if (admit == CACHE_ADMIT_SEEN)
		s3fifo_remember(p->s3fifo, key);
	return false;
}

static void destroy(void *state)
{
	struct product *p = state;
	const char *why;

	if (!s3fifo_is_sound(p->s3fifo, &why))
		abort();
	s3fifo_destroy(p->s3fifo);
	free(p);
}

const struct policy policy_s3fifo = {"S3-FIFO", create, on_access, destroy};
const struct policy policy_filter = {"filter", create, on_filter_access, destroy};
