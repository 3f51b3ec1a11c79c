/* SPDX-License-Identifier: MIT */
/* test_rlog_map.c - the map against a plain array, over laps of the circle. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "rlog_map.h"
#include "sluice/rlog.h"

#define LOG    97u
#define BLOCKS 400u
#define OWNERS 64u

static uint64_t rng = 1;

static uint32_t below(uint32_t n)
{
	rng = rng * 6364136223846793005ull + 1442695040888963407ull;
	return (uint32_t)((rng >> 33) % n);
}

/* What was put at each place of the circle, in order. */
struct put {
	bool is_zero;
	uint64_t block, count;
	uint32_t pos;
};

static struct put placed[LOG];
static uint32_t first, count, used;

static const struct put *newest(uint64_t block)
{
	for (uint32_t i = count; i-- > 0;) {
		const struct put *p = &placed[(first + i) % LOG];

		if (block >= p->block && block < p->block + p->count)
			return p;
	}
	return NULL;
}

static void check(const struct rlog_map *m, uint64_t block)
{
	const struct put *want = newest(block);
	struct rlog_map_run run;

	rlog_map_run(m, block, BLOCKS - block, &run);
	assert_int_equal(run.what, !want           ? SLUICE_RLOG_ABSENT
				   : want->is_zero ? SLUICE_RLOG_HAS_ZEROS
						   : SLUICE_RLOG_HAS_DATA);
	if (want && !want->is_zero)
		assert_int_equal(run.pos, want->pos);
	for (uint64_t b = block; b < block + run.block_count; b++) {
		const struct put *p = newest(b);

		assert_true(!p == !want && (!p || p->is_zero == want->is_zero));
	}
}

static void forget_oldest(struct rlog_map *m)
{
	const struct put *p = &placed[first % LOG];

	if (!p->is_zero)
		rlog_map_forget(m, p->block, p->pos);
	first++;
	count--;
	used--;
	rlog_map_set_tail(m, (p->pos + 1) % LOG);
}

static void the_map_says_what_was_put_last(void **state)
{
	uint32_t pos = 0;
	struct rlog_map m;

	assert_int_equal(rlog_map_init(&m, LOG, OWNERS), 0);
	for (uint32_t i = 0; i < 30000; i++) {
		struct put *p = &placed[(first + count) % LOG];

		while (used >= LOG - 1 || (count && below(40) == 0) ||
		       !rlog_zeros_has_room(&m.zeros, 1))
			forget_oldest(&m);
		*p = (struct put){
		    .is_zero = below(4) == 0, .block = below(BLOCKS), .count = 1, .pos = pos};
		if (p->is_zero) {
			struct rlog_zero z;

			p->count = 1 + below((uint32_t)(BLOCKS - p->block));
			z = (struct rlog_zero){p->block, p->block + p->count, pos, false};
			rlog_map_put_zeros(&m, &z);
		} else {
			rlog_map_put(&m, p->block, pos, 0);
		}
		count++;
		used++;
		pos = (pos + 1) % LOG;
		check(&m, below(BLOCKS));
		check(&m, p->block);
	}
	rlog_map_cut(&m, pos);
	assert_int_equal(m.used, 0);
	assert_int_equal(m.zeros.count, 0);
	rlog_map_fini(&m);
}

static void it_takes_no_more_than_24_bytes_for_each_block_of_the_log(void **state)
{
	struct rlog_map m;

	assert_int_equal(rlog_map_init(&m, 1000000, 16384), 0);
	assert_true(rlog_map_bytes(&m) <= 24ull * 1000000);
	rlog_map_fini(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_map_says_what_was_put_last),
	    cmocka_unit_test(it_takes_no_more_than_24_bytes_for_each_block_of_the_log),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
