/* SPDX-License-Identifier: MIT */
/* Payloads shrink when it is worth it, and come back as they were or not at all. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "compress.h"

#define BYTES 65536u

static uint8_t plain[BYTES], room[BYTES], back[BYTES];
static struct compress *c;

static int setup(void **state)
{
	c = compress_new();
	return c ? 0 : -1;
}

static int teardown(void **state)
{
	compress_free(c);
	return 0;
}

static void fill_with_text(void)
{
	for (uint32_t i = 0; i < BYTES; i++)
		plain[i] = (uint8_t) "a line of a log, and the next one; "[i % 35];
}

static void fill_with_noise(void)
{
	uint64_t x = 88172645463325252ull;

	for (uint32_t i = 0; i < BYTES; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		plain[i] = (uint8_t)x;
	}
}

static const void *send(uint8_t comp, struct frame *f, uint32_t bytes)
{
	frame_begin(&f->header, REPL_WRITE, 1, 1);
	frame_set_payload(&f->header, plain, bytes);
	f->stored = compress_payload(c, comp, &f->header, plain, room);
	return f->stored;
}

static void text_shrinks_and_comes_back(void **state)
{
	const uint8_t comps[] = {REPL_COMP_LZ4, REPL_COMP_ZSTD};

	fill_with_text();
	for (uint32_t i = 0; i < 2; i++) {
		struct frame f;

		assert_ptr_equal(send(comps[i], &f, BYTES), room);
		assert_int_equal(f.header.comp, comps[i]);
		assert_true(f.header.stored_bytes < BYTES / 20);
		memset(back, 0, BYTES);
		assert_ptr_equal(compress_plain(c, &f, back), back);
		assert_memory_equal(back, plain, BYTES);
	}
}

static void noise_goes_as_it_is(void **state)
{
	const uint8_t comps[] = {REPL_COMP_NONE, REPL_COMP_LZ4, REPL_COMP_ZSTD};

	fill_with_noise();
	for (uint32_t i = 0; i < 3; i++) {
		struct frame f;

		assert_ptr_equal(send(comps[i], &f, BYTES), plain);
		assert_int_equal(f.header.comp, REPL_COMP_NONE);
		assert_int_equal(f.header.stored_bytes, BYTES);
		assert_ptr_equal(compress_plain(c, &f, back), plain);
	}
	/* A small gain is none: nineteen parts of noise, one of zeros. */
	memset(plain, 0, BYTES / 20);
	for (uint32_t i = 1; i < 3; i++) {
		struct frame f;

		assert_ptr_equal(send(comps[i], &f, BYTES), plain);
	}
}

static void after_much_noise_text_is_found_again(void **state)
{
	struct frame f;
	int tries = 0;

	fill_with_noise();
	for (int i = 0; i < 100; i++)
		send(REPL_COMP_LZ4, &f, BYTES);
	fill_with_text();
	while (send(REPL_COMP_LZ4, &f, BYTES) != room)
		assert_true(++tries < 16);
	assert_ptr_equal(send(REPL_COMP_LZ4, &f, BYTES), room);
}

static void short_ones_are_not_tried(void **state)
{
	struct frame f;

	fill_with_text();
	assert_ptr_equal(send(REPL_COMP_ZSTD, &f, COMPRESS_MIN_BYTES - 1), plain);
}

static void damage_is_seen(void **state)
{
	const uint8_t comps[] = {REPL_COMP_LZ4, REPL_COMP_ZSTD};

	fill_with_text();
	for (uint32_t i = 0; i < 2; i++) {
		struct frame f;

		send(comps[i], &f, BYTES);
		for (uint32_t at = 0; at < f.header.stored_bytes; at++) {
			const void *p;

			room[at] ^= 0x10;
			/* Some bits mean nothing; but then what comes out is right. */
			p = compress_plain(c, &f, back);
			if (p)
				assert_memory_equal(p, plain, BYTES);
			room[at] ^= 0x10;
		}
		f.header.raw_bytes--;
		assert_null(compress_plain(c, &f, back));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(text_shrinks_and_comes_back, setup, teardown),
	    cmocka_unit_test_setup_teardown(noise_goes_as_it_is, setup, teardown),
	    cmocka_unit_test_setup_teardown(after_much_noise_text_is_found_again, setup, teardown),
	    cmocka_unit_test_setup_teardown(short_ones_are_not_tried, setup, teardown),
	    cmocka_unit_test_setup_teardown(damage_is_seen, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
