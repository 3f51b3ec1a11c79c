/* SPDX-License-Identifier: MIT */
/* The arena: blocks never overlap, everything comes back, an idle volume touches little. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "arena.h"

#define UNITS 4096u
#define LIVE  64u

static void test_one_command_at_a_time_uses_one_block(void **state)
{
	struct arena a;

	assert_int_equal(arena_init(&a, (uint64_t)UNITS * ARENA_UNIT_BYTES), 0);
	for (unsigned i = 0; i < 10000; i++) {
		uint32_t unit = arena_alloc(&a, 4096);

		assert_int_equal(unit, 0);
		arena_free(&a, unit);
	}
	assert_int_equal(a.high_units, 1);
	arena_fini(&a);
}

static void test_lowest_addresses_come_first(void **state)
{
	struct arena a;

	assert_int_equal(arena_init(&a, (uint64_t)UNITS * ARENA_UNIT_BYTES), 0);
	for (uint32_t i = 0; i < 32; i++)
		assert_int_equal(arena_alloc(&a, 4096), i);
	assert_int_equal(a.high_units, 32);
	arena_fini(&a);
}

static void test_everything_merges_back(void **state)
{
	uint32_t units[UNITS];
	struct arena a;

	assert_int_equal(arena_init(&a, (uint64_t)UNITS * ARENA_UNIT_BYTES), 0);
	for (uint32_t i = 0; i < UNITS; i++)
		assert_int_not_equal(units[i] = arena_alloc(&a, 1), ARENA_NONE);
	assert_int_equal(arena_alloc(&a, 1), ARENA_NONE);
	for (uint32_t i = 0; i < UNITS; i++)
		arena_free(&a, units[(i * 2654435761u) % UNITS]);
	assert_int_equal(a.used_units, 0);
	assert_int_not_equal(arena_alloc(&a, 8u << 20), ARENA_NONE);
	assert_int_not_equal(arena_alloc(&a, 8u << 20), ARENA_NONE);
	assert_int_equal(arena_alloc(&a, 1), ARENA_NONE);
	arena_fini(&a);
}

static void test_random_blocks_never_overlap(void **state)
{
	uint32_t unit[LIVE], len[LIVE], x = 12345;
	uint8_t owner[UNITS];
	struct arena a;

	memset(unit, 0xff, sizeof(unit));
	memset(owner, 0, sizeof(owner));
	assert_int_equal(arena_init(&a, (uint64_t)UNITS * ARENA_UNIT_BYTES), 0);
	for (unsigned step = 0; step < 200000; step++) {
		unsigned i;

		x = x * 1664525u + 1013904223u;
		i = (x >> 8) % LIVE;
		if (unit[i] != ARENA_NONE) {
			for (uint32_t u = 0; u < len[i]; u++) {
				assert_int_equal(owner[unit[i] + u], i + 1);
				owner[unit[i] + u] = 0;
			}
			arena_free(&a, unit[i]);
			unit[i] = ARENA_NONE;
			continue;
		}
		len[i] = 1 + (x >> 16) % ((x >> 30) ? 16 : 600);
		unit[i] = arena_alloc(&a, (uint64_t)len[i] * ARENA_UNIT_BYTES);
		if (unit[i] == ARENA_NONE)
			continue;
		assert_true(unit[i] + len[i] <= UNITS);
		for (uint32_t u = 0; u < len[i]; u++) {
			assert_int_equal(owner[unit[i] + u], 0);
			owner[unit[i] + u] = (uint8_t)(i + 1);
		}
	}
	arena_fini(&a);
}

static void test_sizes_that_cannot_be(void **state)
{
	struct arena a;

	assert_int_not_equal(arena_init(&a, 0), 0);
	assert_int_not_equal(arena_init(&a, 4097), 0);
	assert_int_equal(arena_init(&a, 5 * ARENA_UNIT_BYTES), 0);
	assert_true(arena_fits(&a, 4 * ARENA_UNIT_BYTES));
	assert_false(arena_fits(&a, 5 * ARENA_UNIT_BYTES));
	assert_int_equal(arena_alloc(&a, 5 * ARENA_UNIT_BYTES), ARENA_NONE);
	assert_int_not_equal(arena_alloc(&a, 4 * ARENA_UNIT_BYTES), ARENA_NONE);
	assert_int_not_equal(arena_alloc(&a, 1), ARENA_NONE);
	assert_int_equal(arena_alloc(&a, 1), ARENA_NONE);
	assert_int_equal(arena_alloc(&a, 1ull << 40), ARENA_NONE);
	arena_fini(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_one_command_at_a_time_uses_one_block),
	    cmocka_unit_test(test_lowest_addresses_come_first),
	    cmocka_unit_test(test_everything_merges_back),
	    cmocka_unit_test(test_random_blocks_never_overlap),
	    cmocka_unit_test(test_sizes_that_cannot_be),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
