/* SPDX-License-Identifier: MIT */
/* The bitmap never says too little: whole blocks are cleared, touched ones are set, pages on disk
 * cover memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bitmap.h"

#define MIB (1ull << 20)
#define GIB (1ull << 30)

static void touched_blocks_are_set_and_whole_ones_cleared(void **state)
{
	struct bitmap b;

	assert_int_equal(bitmap_init(&b, 64 * MIB), 0);
	bitmap_set(&b, BITMAP_DIRTY, 4095, 2);
	assert_int_equal(bitmap_bytes(&b, BITMAP_DIRTY), 8192);
	bitmap_clear(&b, BITMAP_DIRTY, 100, 8000);
	assert_int_equal(bitmap_bytes(&b, BITMAP_DIRTY), 8192);
	bitmap_clear(&b, BITMAP_DIRTY, 0, 4096);
	assert_false(bitmap_has(&b, BITMAP_BIT(BITMAP_DIRTY), 0));
	assert_true(bitmap_has(&b, BITMAP_ALL, 4096));
	bitmap_fini(&b);
}

static void last_block_may_be_short(void **state)
{
	struct bitmap b;
	uint64_t at = 0, len;

	assert_int_equal(bitmap_init(&b, MIB + 512), 0);
	bitmap_set(&b, BITMAP_SUSPECT, MIB, 512);
	assert_true(bitmap_next(&b, BITMAP_TO_SEND, MIB, &at, &len));
	assert_int_equal(at, MIB);
	assert_int_equal(len, 512);
	bitmap_clear(&b, BITMAP_SUSPECT, MIB, 512);
	at = 0;
	assert_false(bitmap_next(&b, BITMAP_TO_SEND, MIB, &at, &len));
	bitmap_fini(&b);
}

static void runs_agree_with_a_plain_array(void **state)
{
	enum { BLOCKS = 3000 };
	static uint8_t want[BLOCKS];
	struct bitmap b;

	memset(want, 0, sizeof(want));
	assert_int_equal(bitmap_init(&b, BLOCKS * 4096ull), 0);
	for (uint32_t i = 0; i < 400; i++) {
		uint64_t first = (i * 2654435761u) % BLOCKS, n = 1 + (i * 40503u) % 70;
		bool is_on = i % 3 != 0;

		if (n > BLOCKS - first)
			n = BLOCKS - first;
		if (is_on)
			bitmap_set(&b, BITMAP_DIRTY, first * 4096, n * 4096);
		else
			bitmap_clear(&b, BITMAP_DIRTY, first * 4096, n * 4096);
		memset(want + first, is_on, n);
	}
	for (uint64_t at = 0, len, seen = 0;; at += len) {
		bool found = bitmap_next(&b, BITMAP_TO_SEND, 17 * 4096, &at, &len);
		uint64_t end = found ? at / 4096 : BLOCKS;

		for (; seen < end; seen++)
			assert_int_equal(want[seen], 0);
		if (!found)
			break;
		assert_true(len <= 17 * 4096);
		for (; seen < (at + len) / 4096; seen++)
			assert_int_equal(want[seen], 1);
	}
	bitmap_fini(&b);
}

static void bits_of_a_large_volume_take_a_bounded_room(void **state)
{
	struct bitmap b;

	assert_int_equal(bitmap_init(&b, 3000 * GIB), 0);
	assert_true(b.bit_count <= (uint64_t)BITMAP_BYTES_MAX * 8);
	assert_true(b.block_bytes > 4096);
	bitmap_set(&b, BITMAP_DIRTY, 2999 * GIB, 4096);
	assert_int_equal(bitmap_bytes(&b, BITMAP_DIRTY), b.block_bytes);
	bitmap_fini(&b);
}

static void growing_keeps_every_bit(void **state)
{
	struct bitmap b;
	uint64_t at = 0, len;

	assert_int_equal(bitmap_init(&b, GIB), 0);
	bitmap_set(&b, BITMAP_SENT, 5 * MIB, 4096);
	assert_int_equal(bitmap_grow(&b, 600 * GIB), 0);
	assert_true(bitmap_has(&b, BITMAP_BIT(BITMAP_SENT), 5 * MIB));
	bitmap_move(&b, BITMAP_SENT, BITMAP_SUSPECT);
	assert_true(bitmap_next(&b, BITMAP_BIT(BITMAP_SUSPECT), GIB, &at, &len));
	assert_true(at <= 5 * MIB && at + len >= 5 * MIB + 4096);
	bitmap_fini(&b);
}

static void page_is_stale_until_written_and_comes_back(void **state)
{
	struct bitmap b, back;
	uint8_t page[BITMAP_PAGE_BYTES];

	assert_int_equal(bitmap_init(&b, GIB), 0);
	assert_int_equal(bitmap_init(&back, GIB), 0);
	assert_false(bitmap_page_is_stale(&b, 1));
	bitmap_set(&b, BITMAP_JOURNALED, 130 * MIB, 8192);
	assert_int_equal(bitmap_page_of(&b, 130 * MIB), 1);
	assert_true(bitmap_page_is_stale(&b, 1));
	bitmap_page_get(&b, 1, page);
	assert_false(bitmap_page_is_stale(&b, 1));
	/* Another kind of a bit that the page has already changes nothing on disk. */
	bitmap_set(&b, BITMAP_DIRTY, 130 * MIB, 4096);
	assert_false(bitmap_page_is_stale(&b, 1));
	bitmap_page_put(&back, 1, page, BITMAP_SUSPECT);
	assert_int_equal(bitmap_bytes(&back, BITMAP_SUSPECT), 8192);
	assert_true(bitmap_has(&back, BITMAP_ALL, 130 * MIB + 4096));
	bitmap_fini(&b);
	bitmap_fini(&back);
}

static void page_with_too_much_is_refreshed(void **state)
{
	struct bitmap b;
	uint8_t page[BITMAP_PAGE_BYTES];

	assert_int_equal(bitmap_init(&b, GIB), 0);
	bitmap_set(&b, BITMAP_DIRTY, 0, 4096);
	bitmap_page_get(&b, 0, page);
	bitmap_clear_all(&b, BITMAP_DIRTY);
	bitmap_refresh(&b);
	assert_true(bitmap_page_is_stale(&b, 0));
	bitmap_page_get(&b, 0, page);
	assert_int_equal(page[0], 0);
	bitmap_refresh(&b);
	assert_false(bitmap_page_is_stale(&b, 0));
	bitmap_fini(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(touched_blocks_are_set_and_whole_ones_cleared),
	    cmocka_unit_test(last_block_may_be_short),
	    cmocka_unit_test(runs_agree_with_a_plain_array),
	    cmocka_unit_test(bits_of_a_large_volume_take_a_bounded_room),
	    cmocka_unit_test(growing_keeps_every_bit),
	    cmocka_unit_test(page_is_stale_until_written_and_comes_back),
	    cmocka_unit_test(page_with_too_much_is_refreshed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
