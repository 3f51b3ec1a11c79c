/* SPDX-License-Identifier: MIT */
/* s3fifo.h: the real one does what a naive model does, whatever the order of operations, in few
 * bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "rng.h"
#include "s3fifo.h"
#include "s3fifo_model.h"

#define KEYS 1200u

/* The real one, the model, and what a caller would keep in the slots: here, the key itself. */
struct pair {
	struct s3fifo *s;
	struct s3fifo_model m;
	uint64_t data[MODEL_MAX];
	struct rng rng;
};

static void pair_begin(struct pair *p, uint32_t slots, uint64_t seed)
{
	memset(p, 0, sizeof(*p));
	p->s = s3fifo_create(slots);
	assert_non_null(p->s);
	p->m.slots = slots;
	rng_seed(&p->rng, seed);
}

static void check_sound(struct pair *p)
{
	const char *why;

	if (!s3fifo_is_sound(p->s, &why))
		fail_msg("%s", why);
	assert_int_equal(s3fifo_used(p->s), model_used(&p->m));
	for (uint64_t key = 0; key < KEYS; key++) {
		uint32_t slot = s3fifo_peek(p->s, key);

		assert_int_equal(slot != S3FIFO_NO_SLOT, model_has(&p->m, key));
		if (slot != S3FIFO_NO_SLOT)
			assert_int_equal(p->data[slot], key);
	}
}

static void check_left(const struct pair *p, uint64_t key, uint32_t slot, bool was_used, bool left,
		       const struct model_block *want)
{
	assert_int_equal(key != S3FIFO_NO_KEY, left);
	if (!left)
		return;
	assert_int_equal(key, want->key);
	assert_int_equal(was_used, want->was_used);
	assert_int_equal(p->data[slot], key);
}

static void tell_goal(struct pair *p)
{
	struct s3fifo_figures f;

	s3fifo_figures(p->s, &f);
	assert_in_range(f.small_goal, f.slots >= 10 ? f.slots / 10 : 1, f.slots);
	p->m.small_goal = f.small_goal;
}

static void do_put(struct pair *p, uint64_t key)
{
	bool is_known = s3fifo_is_remembered(p->s, key), was_there = model_has(&p->m, key);
	struct model_block want = {0};
	struct s3fifo_put put;
	bool left;

	s3fifo_put(p->s, key, &put);
	tell_goal(p);
	left = model_put(&p->m, key, is_known, &want);
	assert_int_equal(put.is_new, !was_there);
	check_left(p, put.evicted_key, put.slot, put.evicted_was_used, left, &want);
	p->data[put.slot] = key;
}

static void do_find(struct pair *p, uint64_t key)
{
	uint32_t slot = s3fifo_find(p->s, key);

	assert_int_equal(slot != S3FIFO_NO_SLOT, model_find(&p->m, key));
}

static void removed(void *ctx, uint64_t key, uint32_t slot)
{
	struct pair *p = ctx;

	assert_int_equal(p->data[slot], key);
	assert_true(model_remove(&p->m, key));
}

static void do_remove(struct pair *p)
{
	uint64_t first = rng_below(&p->rng, KEYS), count = rng_below(&p->rng, 20);
	uint32_t before = s3fifo_used(p->s), n;

	if (rng_pct(&p->rng, 20))
		count = rng_below(&p->rng, 400);
	if (rng_pct(&p->rng, 2))
		count = S3FIFO_KEY_MAX - first;
	if (rng_pct(&p->rng, 50)) {
		assert_int_equal(s3fifo_remove(p->s, first) != S3FIFO_NO_SLOT,
				 model_remove(&p->m, first));
		return;
	}
	n = s3fifo_remove_range(p->s, first, count, removed, p);
	assert_int_equal(s3fifo_used(p->s), before - n);
	for (uint64_t i = 0; i < count && first + i < KEYS; i++)
		assert_int_equal(s3fifo_peek(p->s, first + i), S3FIFO_NO_SLOT);
}

static void do_resize(struct pair *p)
{
	uint32_t slots = (uint32_t)rng_range(&p->rng, 1, MODEL_MAX - 1);

	if (slots >= p->m.slots) {
		assert_int_equal(s3fifo_grow(p->s, slots), 0);
		p->m.slots = slots;
		return;
	}
	while (s3fifo_slots(p->s) > slots) {
		struct model_block want = {0};
		struct s3fifo_shrunk gone;
		bool left;

		s3fifo_shrink_one(p->s, &gone);
		tell_goal(p);
		left = model_shrink(&p->m, &want);
		check_left(p, gone.evicted_key, gone.evicted_slot, gone.evicted_was_used, left,
			   &want);
		if (gone.to_slot != S3FIFO_NO_SLOT)
			p->data[gone.to_slot] = p->data[s3fifo_slots(p->s)];
		if (rng_pct(&p->rng, 5))
			do_put(p, rng_below(&p->rng, KEYS)); /* life goes on meanwhile */
	}
	if (rng_pct(&p->rng, 70))
		s3fifo_trim(p->s);
}

/* Few keys are asked for often, many rarely; at times one after the other. */
static uint64_t a_key(struct rng *r)
{
	return rng_pct(r, 60) ? rng_below(r, 100) : rng_below(r, KEYS);
}

static void random_operations_agree_with_the_model(void **state)
{
	for (uint64_t seed = 1; seed <= 150; seed++) {
		struct pair p;

		pair_begin(&p, (uint32_t)(seed * 7 % 300 + 1), seed);
		for (uint32_t i = 0; i < 3000; i++) {
			uint64_t what = rng_below(&p.rng, 1000);

			if (what < 480)
				do_find(&p, a_key(&p.rng));
			else if (what < 960)
				do_put(&p, a_key(&p.rng));
			else if (what < 998)
				do_remove(&p);
			else
				do_resize(&p);
			if (i % 100 == 0)
				check_sound(&p);
		}
		check_sound(&p);
		s3fifo_destroy(p.s);
	}
}

/* A cache whose blocks are all in use: eviction ends early, and no block is lost. */
static void one_eviction_never_walks_millions(void **state)
{
	struct s3fifo *s = s3fifo_create(100000);
	struct s3fifo_figures before, after;
	struct s3fifo_put put;

	for (uint64_t key = 0; key < 100000; key++)
		s3fifo_put(s, key, &put);
	for (uint32_t n = 0; n < 3; n++)
		for (uint64_t key = 0; key < 100000; key++)
			s3fifo_find(s, key);
	s3fifo_figures(s, &before);
	s3fifo_put(s, 100000, &put);
	s3fifo_figures(s, &after);
	assert_true(put.evicted_key < 100000);
	assert_true(put.evicted_was_used);
	assert_in_range(after.to_main - before.to_main, 1, 256);
	assert_int_equal(after.used, 100000);
	s3fifo_destroy(s);
}

static void what_left_the_small_queue_comes_back_to_main(void **state)
{
	struct s3fifo *s = s3fifo_create(100);
	struct s3fifo_figures f;
	struct s3fifo_put put;

	for (uint64_t key = 0; key < 150; key++)
		s3fifo_put(s, key, &put);
	assert_int_equal(s3fifo_peek(s, 10), S3FIFO_NO_SLOT);
	assert_true(s3fifo_is_remembered(s, 10));
	s3fifo_figures(s, &f);
	assert_int_equal(f.used_main, 0);
	s3fifo_put(s, 10, &put);
	s3fifo_figures(s, &f);
	assert_int_equal(f.used_main, 1);
	assert_int_equal(f.ghost_hits, 1);
	assert_false(s3fifo_is_remembered(s, 10));
	s3fifo_destroy(s);
}

/* Against an exact FIFO of the last |main| keys: few are missed, none is known that long ago. */
static void ghosts_know_the_last_and_only_those(void **state)
{
	const uint32_t slots = 20000, capacity = slots - slots / 10;
	struct s3fifo *s = s3fifo_create(slots);
	uint32_t known = 0, strangers = 0, old = 0;
	struct rng rng;

	rng_seed(&rng, 5);
	for (uint64_t i = 0; i < 5 * slots; i++)
		s3fifo_remember(s, i * 13);
	for (uint64_t i = 5 * slots - capacity; i < 5 * slots; i++)
		known += s3fifo_is_remembered(s, i * 13);
	for (uint64_t i = 0; i < 5 * slots - capacity - capacity / 500; i++)
		old += s3fifo_is_remembered(s, i * 13);
	for (uint32_t i = 0; i < 100000; i++)
		strangers += s3fifo_is_remembered(s, (1ull << 40) + rng_below(&rng, 1ull << 50));
	assert_in_range(known, capacity * 90 / 100, capacity);
	assert_in_range(old, 0, 20);
	assert_in_range(strangers, 0, 20);
	s3fifo_destroy(s);
}

static void a_block_takes_at_most_30_bytes(void **state)
{
	static const uint32_t sizes[] = {1, 100, 4096, 16384, 100000, 1000003};

	for (uint32_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		struct s3fifo *s = s3fifo_create(sizes[i]);

		assert_in_range(s3fifo_metadata_bytes(s), 0,
				sizes[i] * (uint64_t)S3FIFO_BYTES_PER_SLOT + 4096);
		s3fifo_destroy(s);
	}
}

static void the_warm_list_begins_with_the_hottest(void **state)
{
	struct s3fifo *s = s3fifo_create(100);
	struct s3fifo_put put;
	uint64_t keys[100];

	for (uint64_t key = 0; key < 95; key++)
		s3fifo_put(s, key, &put);
	for (uint64_t key = 40; key < 60; key++)
		for (uint32_t n = 0; n < 3; n++)
			s3fifo_find(s, key);
	for (uint64_t key = 20; key < 30; key++)
		s3fifo_find(s, key);
	assert_int_equal(s3fifo_hottest(s, keys, 100), 95);
	for (uint32_t i = 0; i < 20; i++)
		assert_in_range(keys[i], 40, 59);
	for (uint32_t i = 20; i < 30; i++)
		assert_in_range(keys[i], 20, 29);
	memset(keys, 0xff, sizeof(keys));
	assert_int_equal(s3fifo_hottest(s, keys, 7), 7);
	for (uint32_t i = 0; i < 7; i++)
		assert_in_range(keys[i], 40, 59);
	assert_true(keys[7] == UINT64_MAX);
	s3fifo_destroy(s);
}

static void a_scan_leaves_the_hot_ones_alone(void **state)
{
	struct s3fifo *s = s3fifo_create(1000);
	struct s3fifo_put put;
	uint32_t left = 0;

	for (uint32_t round = 0; round < 20; round++) {
		for (uint64_t key = 0; key < 500; key++)
			if (s3fifo_find(s, key) == S3FIFO_NO_SLOT)
				s3fifo_put(s, key, &put);
		for (uint64_t i = 0; i < 100; i++)
			s3fifo_put(s, 10000 + round * 100 + i, &put);
	}
	for (uint64_t key = 1000000; key < 1100000; key++)
		s3fifo_put(s, key, &put);
	for (uint64_t key = 0; key < 500; key++)
		left += s3fifo_peek(s, key) != S3FIFO_NO_SLOT;
	assert_int_equal(left, 500);
	s3fifo_destroy(s);
}

/* One of the last 500 different blocks half of the time, else a new one; a cache of 1000. */
static double hit_ratio_of_recent(struct s3fifo *s, uint32_t reads)
{
	static uint64_t recent[500];
	uint32_t hits = 0;
	struct rng rng;

	rng_seed(&rng, 11);
	for (uint32_t i = 0; i < reads; i++) {
		uint64_t key = 1000000 + rng_below(&rng, 1000000);
		struct s3fifo_put put;

		if (i >= 500 && rng_pct(&rng, 50))
			key = recent[rng_below(&rng, 500)];
		recent[i % 500] = key;
		if (s3fifo_find(s, key) != S3FIFO_NO_SLOT)
			hits++;
		else
			s3fifo_put(s, key, &put);
	}
	return (double)hits / reads;
}

/* Popular blocks, the square of a random number: few often, many rarely. */
static void read_popular(struct s3fifo *s, uint32_t reads)
{
	struct rng rng;

	rng_seed(&rng, 12);
	for (uint32_t i = 0; i < reads; i++) {
		uint64_t x = rng_below(&rng, 100), key = x * x * rng_below(&rng, 100) / 100;
		struct s3fifo_put put;

		if (s3fifo_find(s, key) == S3FIFO_NO_SLOT)
			s3fifo_put(s, key, &put);
	}
}

static void the_small_queue_grows_where_it_pays_and_shrinks_again(void **state)
{
	struct s3fifo *s = s3fifo_create(1000);
	struct s3fifo_figures f;

	read_popular(s, 100000);
	s3fifo_figures(s, &f);
	assert_in_range(f.small_goal, 100, 150);
	/* LRU would have 0.5. */
	assert_true(hit_ratio_of_recent(s, 300000) > 0.47);
	s3fifo_figures(s, &f);
	assert_in_range(f.small_goal, 175, 900);
	read_popular(s, 300000);
	s3fifo_figures(s, &f);
	assert_in_range(f.small_goal, 100, 150);
	s3fifo_destroy(s);
}

static void the_largest_key_is_a_key(void **state)
{
	struct s3fifo *s = s3fifo_create(4);
	struct s3fifo_put put;

	s3fifo_put(s, S3FIFO_KEY_MAX, &put);
	assert_int_equal(s3fifo_find(s, S3FIFO_KEY_MAX), put.slot);
	assert_int_equal(s3fifo_find(s, S3FIFO_KEY_MAX >> 1), S3FIFO_NO_SLOT);
	assert_int_equal(s3fifo_remove_range(s, 0, S3FIFO_KEY_MAX + 1, NULL, NULL), 1);
	s3fifo_destroy(s);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(random_operations_agree_with_the_model),
	    cmocka_unit_test(one_eviction_never_walks_millions),
	    cmocka_unit_test(what_left_the_small_queue_comes_back_to_main),
	    cmocka_unit_test(ghosts_know_the_last_and_only_those),
	    cmocka_unit_test(a_block_takes_at_most_30_bytes),
	    cmocka_unit_test(the_warm_list_begins_with_the_hottest),
	    cmocka_unit_test(a_scan_leaves_the_hot_ones_alone),
	    cmocka_unit_test(the_small_queue_grows_where_it_pays_and_shrinks_again),
	    cmocka_unit_test(the_largest_key_is_a_key),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
