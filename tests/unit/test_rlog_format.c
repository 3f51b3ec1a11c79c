/* SPDX-License-Identifier: MIT */
/* test_rlog_format.c - superblocks and records: what is written is read back, and nothing else is
 * taken for it, whatever bit is wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "rlog_format.h"
#include "sluice/rlog.h"

#define BLOCK 512u

static const uint8_t uuid[16] = "0123456789abcde";

static struct rlog_super a_super(void)
{
	struct rlog_super s = {.sb_seq = 7,
			       .generation = 3,
			       .epoch = 9,
			       .tail_pos = 5,
			       .tail_epoch = 8,
			       .tail_prev_crc = 0xabcd,
			       .tail_seq = 100,
			       .durable_seq = 120,
			       .mark_value = 77,
			       .has_checkpoint = true,
			       .checkpoint_slot = 1,
			       .checkpoint_crc = 4,
			       .checkpoint_seq = 110,
			       .checkpoint_bytes = 96};

	memcpy(s.uuid, uuid, 16);
	assert_true(rlog_geometry_make(&s.geo, BLOCK, 1 << 20, true));
	return s;
}

static void a_superblock_is_read_back(void **state)
{
	struct rlog_super s = a_super(), t;
	uint8_t b[RLOG_SUPER_BYTES];

	rlog_super_encode(&s, b);
	assert_int_equal(rlog_super_decode(b, 1 << 20, &t), RLOG_SUPER_VALID);
	assert_memory_equal(&s.geo, &t.geo, sizeof(s.geo));
	assert_int_equal(t.tail_seq, 100);
	assert_int_equal(t.durable_seq, 120);
	assert_int_equal(t.mark_value, 77);
	assert_int_equal(t.checkpoint_slot, 1);
	assert_false(t.is_clean);
}

static void no_bit_of_a_superblock_may_be_wrong(void **state)
{
	struct rlog_super s = a_super(), t;
	uint8_t b[RLOG_SUPER_BYTES];

	rlog_super_encode(&s, b);
	for (uint32_t bit = 0; bit < 8 * RLOG_SUPER_BYTES; bit++) {
		b[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_int_not_equal(rlog_super_decode(b, 1 << 20, &t), RLOG_SUPER_VALID);
		b[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	assert_int_equal(rlog_super_decode(b, 1 << 19, &t), RLOG_SUPER_DAMAGED);
	memset(b, 0, sizeof(b));
	assert_int_equal(rlog_super_decode(b, 1 << 20, &t), RLOG_SUPER_BLANK);
}

static void geometry_uses_what_there_is(void **state)
{
	static const uint32_t blocks[] = {128, 512, 4096, 65536};
	struct rlog_geometry g;

	for (uint32_t i = 0; i < 4; i++) {
		for (uint32_t n = 8; n < 5000; n = n * 3 + 1) {
			for (int cp = 0; cp < 2; cp++) {
				uint64_t size = rlog_geometry_size(blocks[i], n, cp);

				assert_true(rlog_geometry_make(&g, blocks[i], size, cp));
				assert_int_equal(g.log_blocks, n);
				assert_int_equal(((uint64_t)g.log_start + n) * blocks[i], size);
			}
		}
	}
	assert_false(rlog_geometry_make(&g, 4096, 4096 * 20, false));
	assert_false(rlog_geometry_make(&g, 4000, 1 << 30, false));
	assert_false(rlog_geometry_make(&g, 64, 1 << 30, false));
	assert_false(rlog_geometry_make(&g, 4096, UINT64_MAX, false));
}

static void make_record(uint8_t *b, struct rlog_record *r)
{
	struct rlog_extent zero = {SLUICE_RLOG_ZERO, true, 5, 1ull << 40};
	struct rlog_extent data = {SLUICE_RLOG_DATA, false, 9, 2};
	struct rlog_extent mark = {SLUICE_RLOG_MARK, false, 4711, 0};

	memset(b, 0, BLOCK);
	*r = (struct rlog_record){.type = RLOG_RECORD_ENTRIES,
				  .extent_count = 3,
				  .data_blocks = 2,
				  .epoch = 3,
				  .prev_crc = 99,
				  .seq = 1234,
				  .durable_seq = 1200};
	rlog_record_put_extent(b, 0, &zero);
	rlog_record_put_extent(b, 1, &data);
	rlog_record_put_extent(b, 2, &mark);
	rlog_record_put_crc(b, BLOCK, 0, 111);
	rlog_record_put_crc(b, BLOCK, 1, 222);
	rlog_record_seal(b, BLOCK, rlog_seed_log(uuid), r);
}

static void a_record_is_read_back(void **state)
{
	struct rlog_record r, s;
	struct rlog_extent x;
	uint8_t b[BLOCK];

	make_record(b, &r);
	assert_true(rlog_record_decode(b, BLOCK, rlog_seed_log(uuid), &s));
	assert_int_equal(s.crc, r.crc);
	assert_int_equal(s.seq, 1234);
	assert_int_equal(s.durable_seq, 1200);
	rlog_record_extent(b, 0, &x);
	assert_int_equal(x.kind, SLUICE_RLOG_ZERO);
	assert_true(x.may_unmap);
	assert_int_equal(x.block_count, 1ull << 40);
	rlog_record_extent(b, 2, &x);
	assert_int_equal(x.block, 4711);
	assert_int_equal(rlog_record_crc(b, BLOCK, 1), 222);
}

static void no_bit_of_a_record_may_be_wrong_and_no_other_log_takes_it(void **state)
{
	static const uint8_t other[16] = "another log";
	struct rlog_record r, s;
	uint8_t b[BLOCK];

	make_record(b, &r);
	assert_false(rlog_record_decode(b, BLOCK, rlog_seed_log(other), &s));
	for (uint32_t bit = 0; bit < 8 * BLOCK; bit++) {
		b[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_false(rlog_record_decode(b, BLOCK, rlog_seed_log(uuid), &s));
		b[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
}

/* The sum is right, and yet it cannot be. */
static bool is_taken(struct rlog_extent x, uint16_t data_blocks, uint16_t extents)
{
	struct rlog_record r = {.type = RLOG_RECORD_ENTRIES,
				.extent_count = extents,
				.data_blocks = data_blocks,
				.epoch = 1,
				.seq = 1},
			   s;
	uint8_t b[BLOCK] = {0};

	rlog_record_put_extent(b, 0, &x);
	rlog_record_seal(b, BLOCK, rlog_seed_log(uuid), &r);
	return rlog_record_decode(b, BLOCK, rlog_seed_log(uuid), &s);
}

static void a_record_that_cannot_be_is_refused(void **state)
{
	assert_true(is_taken((struct rlog_extent){SLUICE_RLOG_DATA, false, 1, 3}, 3, 1));
	assert_false(is_taken((struct rlog_extent){SLUICE_RLOG_DATA, false, 1, 3}, 2, 1));
	assert_false(is_taken((struct rlog_extent){SLUICE_RLOG_DATA, false, 1, 0}, 0, 1));
	assert_false(is_taken((struct rlog_extent){SLUICE_RLOG_DATA, false, 1, 300}, 300, 1));
	assert_false(is_taken((struct rlog_extent){SLUICE_RLOG_ZERO, false, UINT64_MAX, 3}, 0, 1));
	assert_false(is_taken((struct rlog_extent){SLUICE_RLOG_ZERO, false, 1, 0}, 0, 1));
	assert_false(is_taken((struct rlog_extent){SLUICE_RLOG_MARK, false, 1, 1}, 0, 1));
	assert_false(is_taken((struct rlog_extent){7, false, 1, 1}, 0, 1));
	assert_false(is_taken((struct rlog_extent){SLUICE_RLOG_ZERO, false, 1, 1}, 0, 60));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_superblock_is_read_back),
	    cmocka_unit_test(no_bit_of_a_superblock_may_be_wrong),
	    cmocka_unit_test(geometry_uses_what_there_is),
	    cmocka_unit_test(a_record_is_read_back),
	    cmocka_unit_test(no_bit_of_a_record_may_be_wrong_and_no_other_log_takes_it),
	    cmocka_unit_test(a_record_that_cannot_be_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
