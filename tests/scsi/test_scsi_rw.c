/* SPDX-License-Identifier: MIT */
/* test_scsi_rw.c - READ and WRITE of all lengths, residuals, FUA, limits. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "cdbs.h"

static struct fake f;

static int open_fake(void **state)
{
	fake_init(&f, 64u << 20);
	fake_open(&f);
	return 0;
}

static int close_fake(void **state)
{
	fake_close(&f);
	return 0;
}

static void test_what_was_written_is_read_by_every_length(void **state)
{
	static const uint8_t pairs[][3] = {
	    {0x0a, 0x08, 6}, {0x2a, 0x28, 10}, {0xaa, 0xa8, 12}, {0x8a, 0x88, 16}};
	static const uint8_t length_at[][2] = {{4, 1}, {8, 2}, {9, 4}, {13, 4}};

	for (uint32_t i = 0; i < 4; i++) {
		uint8_t cdb[16] = {pairs[i][0]};
		struct fake_cmd *c;
		uint8_t fill = (uint8_t)(0x11 * (i + 1));

		cdb[length_at[i][0]] = 3;
		c = fake_cmd(&f, cdb, pairs[i][2]);
		memset(c->data, fill, 3 * 512);
		c->task->out_bytes = 3 * 512;
		assert_int_equal(cdb_finish(c), GOOD);
		assert_int_equal(c->task->out_used_bytes, 3 * 512);
		fake_free(c);
		assert_disk(&f, 0, 3, fill);

		cdb[0] = pairs[i][1];
		c = fake_cmd(&f, cdb, pairs[i][2]);
		fake_in(c, 3 * 512);
		assert_int_equal(cdb_finish(c), GOOD);
		assert_int_equal(c->task->in_actual_bytes, 3 * 512);
		for (uint32_t at = 0; at < 3 * 512; at++)
			assert_int_equal(c->data[at], fill);
		fake_free(c);
	}
}

static void test_length_0_of_6_byte_cdbs_is_256_blocks(void **state)
{
	uint8_t cdb[6] = {0x08};
	struct fake_cmd *c = fake_cmd(&f, cdb, 6);

	fake_in(c, 256 * 512);
	assert_int_equal(cdb_finish(c), GOOD);
	assert_int_equal(c->task->in_actual_bytes, 256 * 512);
	fake_free(c);
}

static void test_length_0_moves_nothing(void **state)
{
	assert_int_equal(cdb_run(cdb_read(&f, 0, 0)), GOOD);
	assert_int_equal(cdb_run(cdb_write(&f, 0, 0, 0)), GOOD);
	assert_int_equal(f.submitted, 0);
	assert_int_equal(cdb_run(cdb_read(&f, 131073, 0)), LBA_RANGE);
}

static void test_data_goes_without_a_copy(void **state)
{
	struct fake_cmd *c = cdb_write(&f, 8, 8, 1);

	f.is_holding = true;
	fake_start(c);
	assert_ptr_equal(f.ios[0].io.buf, c->data);
	fake_run(&f);
	f.is_holding = false;
	fake_free(c);
}

static void test_fua_reaches_the_io(void **state)
{
	struct fake_cmd *c = cdb_write(&f, 0, 1, 1);

	c->task->cdb[1] = 0x08;
	assert_int_equal(cdb_run(c), GOOD);
	assert_int_equal(f.events[0].flags, SLUICE_IO_FUA);
}

/* in_bytes, CDB's blocks: what is delivered and what is told. */
static void test_read_residuals(void **state)
{
	static const uint32_t cases[][2] = {{0, 1},   {10000, 1}, {200, 1},
					    {512, 2}, {700, 2},   {512, 1}};

	memset(f.disk, 'x', 4096);
	for (uint32_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fake_cmd *c = cdb_read(&f, 0, cases[i][1]);
		uint32_t call = cases[i][1] * 512, moved = cases[i][0] < call ? cases[i][0] : call;

		memset(c->data, 0, 16384);
		fake_in(c, cases[i][0]);
		c->task->data_bytes = cases[i][0];
		assert_int_equal(cdb_finish(c), GOOD);
		assert_int_equal(c->task->in_actual_bytes, call);
		for (uint32_t at = 0; at < 16384; at++)
			assert_int_equal(c->data[at], at < moved ? 'x' : 0);
		fake_free(c);
	}
}

static void test_write_writes_the_whole_blocks_that_came(void **state)
{
	struct fake_cmd *c = cdb_write(&f, 0, 2, 'a');

	assert_int_equal(cdb_run(c), GOOD);
	c = cdb_write(&f, 0, 2, 'b');
	c->task->out_bytes = 512;
	assert_int_equal(cdb_finish(c), GOOD);
	assert_int_equal(c->task->out_used_bytes, 1024);
	fake_free(c);
	assert_disk(&f, 0, 1, 'b');
	assert_disk(&f, 1, 1, 'a');

	c = cdb_write(&f, 0, 1, 'c'); /* more data than the CDB calls for */
	memset(c->data, 'c', 1024);
	c->task->out_bytes = 1024;
	assert_int_equal(cdb_finish(c), GOOD);
	assert_int_equal(c->task->out_used_bytes, 512);
	fake_free(c);
	assert_disk(&f, 0, 1, 'c');
	assert_disk(&f, 1, 1, 'a');

	c = cdb_write(&f, 0, 1, 'd'); /* none at all */
	c->task->out_bytes = 0;
	assert_int_equal(cdb_finish(c), GOOD);
	assert_int_equal(c->task->out_used_bytes, 512);
	fake_free(c);
	assert_disk(&f, 0, 1, 'c');
}

static void test_write_that_ends_inside_a_block_writes_nothing(void **state)
{
	struct fake_cmd *c = cdb_write(&f, 0, 2, 'z');

	c->task->out_bytes = 700;
	assert_int_equal(cdb_finish(c), BAD_UNIT);
	assert_int_equal(c->task->out_used_bytes, 1024);
	fake_free(c);
	assert_int_equal(f.submitted, 0);
}

static void test_transfer_over_the_limit_is_refused(void **state)
{
	assert_int_equal(cdb_run(cdb_read(&f, 0, 8192)), GOOD);
	assert_int_equal(cdb_run(cdb_read(&f, 0, 8193)), BAD_CDB);
	assert_int_equal(cdb_run(cdb_write(&f, 0, 8193, 0)), BAD_CDB);
	assert_int_equal(cdb_run(cdb_read(&f, 131072 - 1, 2)), LBA_RANGE);
}

static void test_4kn_counts_in_4096_byte_blocks(void **state)
{
	struct fake k;

	fake_init(&k, 16u << 20);
	k.cfg.block_bytes = 4096;
	fake_open(&k);
	assert_int_equal(cdb_run(cdb_write(&k, 4095, 1, 9)), GOOD);
	assert_int_equal(cdb_run(cdb_write(&k, 4096, 1, 9)), LBA_RANGE);
	assert_disk(&k, 4095, 1, 9);
	assert_disk(&k, 4094, 1, 0);
	fake_close(&k);
}

static void test_large_volume_uses_64_bit_ranges(void **state)
{
	struct fake_cmd *c;

	scsi_lun_set_size(f.lun, 32ull << 40);
	f.cfg.size_bytes = 32ull << 40;
	c = cdb_read(&f, (32ull << 40) / 512 - 1, 1);
	f.is_holding = true;
	fake_start(c);
	assert_int_equal(f.ios[0].io.offset_bytes, (32ull << 40) - 512);
	f.ios[0].io.status = SLUICE_ERR_BUSY; /* the fake's memory ends earlier */
	fake_run(&f);
	assert_int_equal(fake_result(c), SCSI_BUSY);
	fake_free(c);
}

static void test_atomic_writes_are_there_iff_somebody_promises(void **state)
{
	struct fake_cmd *c = cdb16(&f, 0x9c, 0, 0, 2);
	struct fake a;

	c->task->out_bytes = 1024;
	assert_int_equal(cdb_run(c), BAD_OPCODE);
	fake_init(&a, 1u << 20);
	a.cfg.atomic_bytes = 128 * 512;
	a.cfg.op_mask |= SLUICE_WRITES_ARE_ATOMIC;
	fake_open(&a);
	for (uint32_t blocks = 127; blocks < 130; blocks++) {
		c = cdb16(&a, 0x9c, 0, 8, blocks);
		memset(c->data, 'a', blocks * 512);
		c->task->out_bytes = blocks * 512;
		assert_int_equal(cdb_run(c), blocks > 128 ? BAD_CDB : GOOD);
		assert_disk(&a, 8, blocks > 128 ? 128 : blocks, 'a');
	}
	assert_int_equal(a.submitted, 2); /* each in one piece */
	c = cdb16(&a, 0x9c, 0, 8, 4);
	c->task->out_bytes = 2 * 512;
	assert_int_equal(cdb_run(c), BAD_UNIT); /* half of it is not done */
	assert_int_equal(a.submitted, 2);
	fake_close(&a);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, open_fake, close_fake)
	const struct CMUnitTest tests[] = {
	    T(test_what_was_written_is_read_by_every_length),
	    T(test_length_0_of_6_byte_cdbs_is_256_blocks),
	    T(test_length_0_moves_nothing),
	    T(test_data_goes_without_a_copy),
	    T(test_fua_reaches_the_io),
	    T(test_read_residuals),
	    T(test_write_writes_the_whole_blocks_that_came),
	    T(test_write_that_ends_inside_a_block_writes_nothing),
	    T(test_transfer_over_the_limit_is_refused),
	    T(test_4kn_counts_in_4096_byte_blocks),
	    T(test_large_volume_uses_64_bit_ranges),
	    T(test_atomic_writes_are_there_iff_somebody_promises),
	};
#undef T
	return cmocka_run_group_tests(tests, NULL, NULL);
}
