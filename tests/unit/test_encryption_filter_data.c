/* SPDX-License-Identifier: MIT */
/* test_encryption_filter_data.c - what is written comes back, and what lies below is ciphertext. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "encryption_rig.h"

static void each_length_and_place_comes_back(void **state)
{
	static const uint64_t lens[] = {512,
					1024,
					4096,
					4096 + 512,
					65536,
					1 << 20,
					(1 << 20) + 512,
					4 << 20,
					(5 << 20) + 512,
					32 << 20};

	for (uint32_t block = 512; block <= 4096; block *= 8) {
		struct rig r;

		rig_open(&r, block, "");
		rig_format(&r);
		for (uint32_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
			uint64_t len = (lens[i] + block - 1) / block * block;
			uint64_t at = (3 * i + 1) * block;

			assert_int_equal(rig_write(&r, at, len, i), SLUICE_OK);
			rig_check(&r, at, len, i);
			rig_raw(&r, at, len, r.buf);
			rig_fill(r.check, len, i);
			for (uint64_t b = 0; b < len; b += 512)
				assert_memory_not_equal(r.buf + b, r.check + b, 512);
		}
		assert_true(rig_figure(&r, "deferred_writes") > 0);
		assert_int_equal(rig_figure(&r, "waiting_writes"), 0);
		rig_close(&r);
	}
}

static void unmapped_and_zeroed_blocks_are_holes_below(void **state)
{
	static const uint8_t zeros[65536];
	struct rig r;

	rig_open(&r, 512, "");
	rig_format(&r);
	rig_check_zeros(&r, 0, 1 << 20);
	assert_int_equal(rig_write(&r, 0, 1 << 20, 1), SLUICE_OK);
	assert_int_equal(rig_io(&r, SLUICE_OP_UNMAP, 65536, 65536, NULL), SLUICE_OK);
	assert_int_equal(rig_io(&r, SLUICE_OP_WRITE_ZEROES, 262144, 512, NULL), SLUICE_OK);
	rig_check_zeros(&r, 65536, 65536);
	rig_check_zeros(&r, 262144, 512);
	rig_raw(&r, 65536, 65536, r.buf);
	assert_memory_equal(r.buf, zeros, 65536);
	/* The neighbours are as they were. */
	rig_fill(r.check, 1 << 20, 1);
	assert_int_equal(rig_io(&r, SLUICE_OP_READ, 0, 65536, r.buf), SLUICE_OK);
	assert_memory_equal(r.buf, r.check, 65536);
	assert_int_equal(rig_io(&r, SLUICE_OP_READ, 262144 + 512, 4096, r.buf), SLUICE_OK);
	assert_memory_equal(r.buf, r.check + 262144 + 512, 4096);
	/* Zeros that were written are data. */
	memset(r.buf, 0, 4096);
	assert_int_equal(rig_io(&r, SLUICE_OP_WRITE, 0, 4096, r.buf), SLUICE_OK);
	rig_check_zeros(&r, 0, 4096);
	rig_raw(&r, 0, 512, r.buf);
	assert_memory_not_equal(r.buf, zeros, 512);
	rig_close(&r);
}

/* 32 MiB of buffers are all there is: the others wait for theirs, first come first served. */
static void writes_beyond_all_buffers_wait_their_turn(void **state)
{
	struct rig r;
	uint8_t *data[100];

	rig_open(&r, 512, "");
	rig_format(&r);
	rig_inject(&r, "action=delay,op=write,delay_us=1000");
	for (uint32_t i = 0; i < 100; i++) {
		data[i] = aligned_alloc(4096, 1 << 20);
		rig_fill(data[i], 1 << 20, i);
		rig_start(&r, SLUICE_OP_WRITE, (uint64_t)i << 20, 1 << 20, data[i]);
	}
	assert_true(rig_figure(&r, "waiting_writes") > 50);
	for (int i = 0; i < 1000 && r.ended < 100; i++)
		fake_env_advance(&r.fe, 1 * MS);
	assert_int_equal(r.ended, 100);
	for (uint32_t i = 0; i < 100; i++) {
		free(data[i]);
		rig_check(&r, (uint64_t)i << 20, 1 << 20, i);
	}
	rig_close(&r);
}

static void sectors_of_512_on_blocks_of_4096(void **state)
{
	struct rig r;

	rig_open(&r, 4096, "sector_bytes=512");
	rig_format(&r);
	assert_int_equal(rig_figure(&r, "sector_bytes"), 512);
	assert_int_equal(rig_write(&r, 8192, 65536, 4), SLUICE_OK);
	rig_check(&r, 8192, 65536, 4);
	rig_close(&r);
}

static void sectors_larger_than_blocks_are_refused(void **state)
{
	struct rig r;

	rig_open(&r, 512, "");
	assert_int_equal(rig_detach(&r), 0);
	assert_true(rig_try_attach(&r, "sector_bytes=4096") < 0);
	assert_non_null(strstr(r.err.text, "4096-byte blocks, and this one has 512"));
	assert_true(rig_try_attach(&r, "sector_bytes=1024") < 0);
	assert_true(rig_try_attach(&r, "key_id=a b") < 0);
	rig_close(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    T(each_length_and_place_comes_back),
	    T(unmapped_and_zeroed_blocks_are_holes_below),
	    T(writes_beyond_all_buffers_wait_their_turn),
	    T(sectors_of_512_on_blocks_of_4096),
	    T(sectors_larger_than_blocks_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
