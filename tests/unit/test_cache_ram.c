/* SPDX-License-Identifier: MIT */
/*
 * ram.h: whatever reads, writes, fills and sizes do at the same time, a hit is what the disk has
 * now; and what was forgotten costs hits, not truth.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "ram_int.h"
#include "rng.h"

#define BLOCKS  300u
#define AT_ONCE 12u
#define RUN_MAX 8u

/* One I/O in flight: a read captures what the disk has at some moment, a write changes it at some
 * moment, both between begin and end. */
struct flight {
	enum { NOTHING, FILL, WRITE } what;
	bool is_applied;
	uint64_t block, count;
	struct ram_fill fill;
	struct ram_write write;
	uint64_t values[RUN_MAX];
};

struct lab {
	struct ram *ram;
	uint64_t disk[BLOCKS]; /* a block is its value in every word */
	uint64_t next_value;
	struct flight flights[AT_ONCE];
	struct ram_write unmap; /* of more blocks than the tier has groups; in flight when open */
	uint64_t unmap_from;
	struct rng rng;
	uint64_t hits, seen_off;
	uint8_t buf[RUN_MAX * RAM_BLOCK_BYTES];
};

static void to_blocks(uint8_t *buf, const uint64_t *values, uint64_t count)
{
	for (uint64_t i = 0; i < count; i++)
		for (uint32_t w = 0; w < RAM_BLOCK_BYTES / 8; w++)
			memcpy(buf + i * RAM_BLOCK_BYTES + w * 8ul, &values[i], 8);
}

static void check_block(struct lab *l, uint64_t block, const uint8_t *data)
{
	uint64_t first, last;

	memcpy(&first, data, 8);
	memcpy(&last, data + RAM_BLOCK_BYTES - 8, 8);
	assert_int_equal(first, last);
	assert_int_equal(first, l->disk[block]);
}

static void seen_off(void *ctx, uint64_t block, const void *data)
{
	struct lab *l = ctx;

	check_block(l, block, data);
	l->seen_off++;
}

static void lab_begin(struct lab *l, uint64_t blocks, uint64_t seed)
{
	struct ram_cfg cfg = {.size_bytes = blocks * RAM_BLOCK_BYTES,
			      .evicted = seen_off,
			      .ctx = l,
			      .is_checked = seed % 2};

	memset(l, 0, sizeof(*l));
	rng_seed(&l->rng, seed);
	l->next_value = 1;
	assert_int_equal(ram_create(&cfg, &l->ram), 0);
}

static void apply(struct lab *l, struct flight *f)
{
	f->is_applied = true;
	for (uint64_t i = 0; i < f->count; i++) {
		if (f->what == FILL)
			f->values[i] = l->disk[f->block + i];
		else
			l->disk[f->block + i] = f->values[i];
	}
}

static void begin_flight(struct lab *l, struct flight *f)
{
	f->block = rng_below(&l->rng, rng_pct(&l->rng, 70) ? 40 : BLOCKS - RUN_MAX);
	f->count = rng_range(&l->rng, 1, RUN_MAX);
	f->is_applied = false;
	if (rng_pct(&l->rng, 60)) {
		f->what = FILL;
		ram_fill_begin(l->ram, &f->fill, f->block, f->count);
		return;
	}
	f->what = WRITE;
	for (uint64_t i = 0; i < f->count; i++)
		f->values[i] = l->next_value++;
	ram_write_begin(l->ram, &f->write, f->block, f->count);
}

static enum cache_admit an_admission(struct rng *r)
{
	return rng_pct(r, 60) ? CACHE_ADMIT : (enum cache_admit)rng_below(r, 3);
}

static void end_flight(struct lab *l, struct flight *f)
{
	bool is_failed = rng_pct(&l->rng, 5);
	uint64_t skip = rng_pct(&l->rng, 20) ? rng_below(&l->rng, f->count) : 0;

	if (!f->is_applied && !is_failed)
		apply(l, f);
	to_blocks(l->buf, f->values, f->count);
	if (f->what == FILL)
		ram_fill_end(l->ram, &f->fill, is_failed ? NULL : l->buf, an_admission(&l->rng));
	else
		ram_write_end(l->ram, &f->write, is_failed ? NULL : l->buf + skip * RAM_BLOCK_BYTES,
			      f->block + skip, f->count - skip, an_admission(&l->rng));
	f->what = NOTHING;
}

static void step_flight(struct lab *l)
{
	struct flight *f = &l->flights[rng_below(&l->rng, AT_ONCE)];

	if (f->what == NOTHING)
		begin_flight(l, f);
	else if (!f->is_applied && rng_pct(&l->rng, 50))
		apply(l, f);
	else
		end_flight(l, f);
}

static void step_read(struct lab *l)
{
	uint64_t block = rng_below(&l->rng, rng_pct(&l->rng, 70) ? 40 : BLOCKS - RUN_MAX);
	uint64_t count = rng_range(&l->rng, 1, RUN_MAX), has, n;
	uint8_t part[100];

	has = ram_has(l->ram, block, count);
	assert_true(has == count || ram_lacks(l->ram, block + has, 1) == 1);
	n = ram_read(l->ram, block, count, l->buf);
	assert_int_equal(n, has);
	for (uint64_t i = 0; i < n; i++)
		check_block(l, block + i, l->buf + i * RAM_BLOCK_BYTES);
	l->hits += n;
	if (ram_read_part(l->ram, block, 4000, 96, part))
		assert_memory_equal(part + 88, &l->disk[block], 8);
}

/* An UNMAP of a terabyte takes its time too. */
static void step_unmap(struct lab *l)
{
	if (!l->unmap.open) {
		l->unmap_from = rng_below(&l->rng, BLOCKS);
		ram_write_begin(l->ram, &l->unmap, l->unmap_from, 1ull << 28);
		assert_int_equal(ram_lacks(l->ram, l->unmap_from, 100), 100);
		return;
	}
	for (uint64_t i = l->unmap_from; i < BLOCKS; i++)
		l->disk[i] = l->next_value++;
	ram_write_end(l->ram, &l->unmap, NULL, 0, 0, CACHE_ADMIT);
}

/* Something changes the disk at once: a revert, or an UNMAP that was not ours. */
static void step_other(struct lab *l)
{
	uint64_t block = rng_below(&l->rng, BLOCKS), what = rng_below(&l->rng, 100);
	uint64_t count = rng_pct(&l->rng, 80) ? rng_range(&l->rng, 1, 30) : 1ull << 40;

	if (what < 60) {
		for (uint64_t i = block; i < BLOCKS && i - block < count; i++)
			l->disk[i] = l->next_value++;
		ram_invalidate(l->ram, block, count);
		assert_int_equal(ram_lacks(l->ram, block, count < 50 ? count : 50),
				 count < 50 ? count : 50);
	} else if (what < 80) {
		assert_int_equal(ram_resize(l->ram, rng_below(&l->rng, 200) * RAM_BLOCK_BYTES + 5),
				 0);
	} else if (what < 99) {
		ram_shrink_step(l->ram, (uint32_t)rng_below(&l->rng, 60));
	} else {
		ram_invalidate_all(l->ram);
		assert_int_equal(ram_lacks(l->ram, 0, BLOCKS), BLOCKS);
	}
}

static void a_hit_is_what_the_disk_has(void **state)
{
	uint64_t hits = 0, refused = 0, left = 0;

	for (uint64_t seed = 1; seed <= 200; seed++) {
		struct ram_figures f;
		static struct lab l;

		lab_begin(&l, seed * 5 % 130, seed);
		for (uint32_t i = 0; i < 2000; i++) {
			uint64_t what = rng_below(&l.rng, 1000);

			if (what < 600)
				step_flight(&l);
			else if (what < 970)
				step_read(&l);
			else if (what < 975 || (l.unmap.open && what < 990))
				step_unmap(&l);
			else
				step_other(&l);
		}
		ram_figures(l.ram, &f);
		assert_int_equal(f.checksum_failures, 0);
		hits += l.hits;
		left += l.seen_off;
		refused += f.fills_refused;
		ram_destroy(l.ram);
	}
	/* It proves nothing unless all of it happened. */
	assert_true(hits > 10000 && refused > 1000 && left > 100);
}

static void fill(struct ram *r, uint64_t block, uint64_t count, enum cache_admit admit)
{
	uint8_t *data = calloc(count, RAM_BLOCK_BYTES);
	struct ram_fill t;

	for (uint64_t i = 0; i < count; i++)
		memset(data + i * RAM_BLOCK_BYTES, (int)(block + i), RAM_BLOCK_BYTES);
	ram_fill_begin(r, &t, block, count);
	ram_fill_end(r, &t, data, admit);
	free(data);
}

static struct ram *a_ram(uint64_t blocks)
{
	struct ram_cfg cfg = {.size_bytes = blocks * RAM_BLOCK_BYTES};
	struct ram *r;

	assert_int_equal(ram_create(&cfg, &r), 0);
	return r;
}

static void a_write_without_its_end_costs_hits_not_truth(void **state)
{
	static uint8_t data[RAM_BLOCK_BYTES];
	struct ram *r = a_ram(100);
	struct ram_write forgotten, other;
	uint8_t buf[RAM_BLOCK_BYTES];

	fill(r, 7, 1, CACHE_ADMIT);
	ram_write_begin(r, &forgotten, 7, 1);
	assert_int_equal(ram_read(r, 7, 1, buf), 0);
	fill(r, 7, 1, CACHE_ADMIT);
	assert_int_equal(ram_read(r, 7, 1, buf), 0);
	ram_write_begin(r, &other, 7, 1);
	ram_write_end(r, &other, data, 7, 1, CACHE_ADMIT);
	assert_int_equal(ram_read(r, 7, 1, buf), 0);
	ram_destroy(r);
}

static void a_token_ends_once_and_not_before_it_began(void **state)
{
	static uint8_t data[RAM_BLOCK_BYTES];
	struct ram *r = a_ram(100);
	struct ram_fill f = {.block = 1, .count = 1}, again;
	struct ram_write w = {.block = 1, .count = 1};

	assert_int_equal(ram_fill_end(r, &f, data, CACHE_ADMIT), 0);
	ram_write_end(r, &w, data, 1, 1, CACHE_ADMIT);
	assert_int_equal(ram_has(r, 1, 1), 0);
	ram_fill_begin(r, &f, 1, 1);
	assert_int_equal(ram_fill_end(r, &f, data, CACHE_ADMIT), 1);
	ram_fill_begin(r, &again, 1, 1);
	ram_write_begin(r, &w, 1, 1);
	ram_write_end(r, &w, NULL, 0, 0, CACHE_ADMIT);
	assert_int_equal(ram_fill_end(r, &f, data, CACHE_ADMIT), 0);
	assert_int_equal(ram_fill_end(r, &again, data, CACHE_ADMIT), 0);
	assert_int_equal(ram_has(r, 1, 1), 0);
	ram_destroy(r);
}

static void admission_decides_what_enters(void **state)
{
	static uint8_t data[2 * RAM_BLOCK_BYTES];
	struct ram *r = a_ram(100);
	struct ram_write w;

	fill(r, 1, 1, CACHE_REFRESH);
	assert_int_equal(ram_has(r, 1, 1), 0);
	fill(r, 1, 1, CACHE_ADMIT_SEEN);
	assert_int_equal(ram_has(r, 1, 1), 0);
	fill(r, 1, 1, CACHE_ADMIT_SEEN); /* the second time */
	assert_int_equal(ram_has(r, 1, 1), 1);
	/* A refreshing write keeps what was there and admits nothing. */
	ram_write_begin(r, &w, 1, 2);
	ram_write_end(r, &w, data, 1, 2, CACHE_REFRESH);
	assert_int_equal(ram_has(r, 1, 1), 1);
	assert_int_equal(ram_has(r, 2, 1), 0);
	ram_destroy(r);
}

static void a_damaged_block_is_dropped_not_served(void **state)
{
	struct ram_cfg cfg = {.size_bytes = 10 * RAM_BLOCK_BYTES, .is_checked = true};
	struct ram_figures f;
	uint8_t buf[RAM_BLOCK_BYTES];
	struct ram *r;

	assert_int_equal(ram_create(&cfg, &r), 0);
	fill(r, 3, 1, CACHE_ADMIT);
	assert_int_equal(ram_read(r, 3, 1, buf), 1);
	ram_data(r, s3fifo_peek(r->s3fifo, 3))[1000] ^= 4;
	assert_int_equal(ram_read(r, 3, 1, buf), 0);
	assert_int_equal(ram_has(r, 3, 1), 0);
	ram_figures(r, &f);
	assert_int_equal(f.checksum_failures, 1);
	ram_destroy(r);
}

static void a_smaller_tier_keeps_the_hottest(void **state)
{
	struct ram *r = a_ram(1000);
	uint8_t buf[RAM_BLOCK_BYTES];
	struct ram_figures f;
	uint32_t steps = 0, kept = 0;

	fill(r, 0, 1000, CACHE_ADMIT);
	for (uint32_t n = 0; n < 3; n++)
		for (uint64_t block = 800; block < 1000; block++)
			ram_read(r, block, 1, buf);
	assert_int_equal(ram_resize(r, 300 * RAM_BLOCK_BYTES), 0);
	while (!ram_shrink_step(r, 100))
		steps++;
	assert_in_range(steps, 6, 7);
	for (uint64_t block = 0; block < 1000; block++)
		if (ram_read(r, block, 1, buf)) {
			assert_int_equal(buf[77], (uint8_t)block);
			kept += block >= 800;
		}
	assert_int_equal(kept, 200);
	ram_figures(r, &f);
	assert_int_equal(f.size_bytes, 300 * RAM_BLOCK_BYTES);
	assert_int_equal(f.used_bytes, 300 * RAM_BLOCK_BYTES);
	ram_destroy(r);
}

static void all_of_its_own_memory_is_32_bytes_a_block(void **state)
{
	static const uint64_t sizes[] = {16384, 100000, 1 << 20};

	for (uint32_t i = 0; i < 3; i++) {
		struct ram *r = a_ram(sizes[i]);
		struct ram_figures f;

		ram_figures(r, &f);
		assert_in_range(f.metadata_bytes, 0, sizes[i] * 32);
		ram_destroy(r);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_hit_is_what_the_disk_has),
	    cmocka_unit_test(a_write_without_its_end_costs_hits_not_truth),
	    cmocka_unit_test(a_token_ends_once_and_not_before_it_began),
	    cmocka_unit_test(admission_decides_what_enters),
	    cmocka_unit_test(a_damaged_block_is_dropped_not_served),
	    cmocka_unit_test(a_smaller_tier_keeps_the_hottest),
	    cmocka_unit_test(all_of_its_own_memory_is_32_bytes_a_block),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
