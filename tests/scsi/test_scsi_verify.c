/* SPDX-License-Identifier: MIT */
/* test_scsi_verify.c - VERIFY, WRITE AND VERIFY, ORWRITE, SYNCHRONIZE CACHE, START STOP UNIT,
 * PRE-FETCH. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "bytes.h"
#include "cdbs.h"

static struct fake f;

static int open_fake(void **state)
{
	fake_init(&f, 16u << 20);
	fake_open(&f);
	return 0;
}

static int close_fake(void **state)
{
	fake_close(&f);
	return 0;
}

static struct fake_cmd *verify(uint8_t bytchk, uint64_t lba, uint32_t blocks, uint8_t fill,
			       uint32_t out_bytes)
{
	struct fake_cmd *c = cdb16(&f, 0x8f, (uint8_t)(bytchk << 1), lba, blocks);

	memset(c->data, fill, out_bytes);
	c->task->out_bytes = out_bytes;
	return c;
}

static void test_verify_without_data_only_reads(void **state)
{
	f.disk[512] = 'x';
	assert_int_equal(cdb_run(verify(0, 0, 256, 0, 0)), GOOD);
	assert_int_equal(cdb_run(verify(0, 0, 0, 0, 0)), GOOD);
	assert_int_equal(cdb_run(verify(0, 32768, 0, 0, 0)), LBA_RANGE);
	assert_int_equal(cdb_run(verify(0, 32767, 2, 0, 0)), LBA_RANGE);
}

static void test_verify_finds_the_differing_byte_in_any_piece(void **state)
{
	static const uint32_t at[] = {0, 511, 512, (1u << 20) - 1, 1u << 20, (4u << 20) - 1};
	struct fake_cmd *c;

	assert_int_equal(cdb_run(verify(1, 0, 8192, 0, 4u << 20)), GOOD);
	for (uint32_t i = 0; i < sizeof(at) / sizeof(at[0]); i++) {
		f.disk[at[i]] = 1;
		c = verify(1, 0, 8192, 0, 4u << 20);
		assert_int_equal(cdb_finish(c), MISCOMPARED);
		assert_int_equal(get_be32(c->task->sense + 3), at[i]);
		fake_free(c);
		f.disk[at[i]] = 0;
	}
}

static void test_verify_of_one_block_compares_each(void **state)
{
	struct fake_cmd *c;

	memset(f.disk, 7, 8u << 20);
	assert_int_equal(cdb_run(verify(3, 0, 16384, 7, 512)),
			 GOOD); /* more than one transfer could hold */
	f.disk[(5u << 20) + 3] = 8;
	c = verify(3, 0, 16384, 7, 512);
	assert_int_equal(cdb_finish(c), MISCOMPARED);
	assert_int_equal(get_be32(c->task->sense + 3), (5u << 20) + 3);
	fake_free(c);
}

static void test_verify_with_too_little_data_says_so(void **state)
{
	assert_int_equal(cdb_run(verify(1, 0, 2, 0, 512)), BAD_UNIT);
	assert_int_equal(cdb_run(verify(3, 0, 2, 0, 100)), BAD_UNIT);
	assert_int_equal(cdb_run(verify(1, 0, 8193, 0, 0)), BAD_CDB);
	assert_int_equal(f.submitted, 0);
}

static void test_write_and_verify_writes_and_reads_back(void **state)
{
	for (uint8_t bytchk = 0; bytchk < 2; bytchk++) {
		struct fake_cmd *c = cdb16(&f, 0x8e, (uint8_t)(bytchk << 1), 8, 4);

		memset(c->data, 'w', 4 * 512);
		c->task->out_bytes = 4 * 512;
		f.event_count = 0;
		assert_int_equal(cdb_run(c), GOOD);
		assert_int_equal(f.events[0].op, SLUICE_OP_WRITE);
		assert_int_equal(f.events[1].op, SLUICE_OP_READ);
		assert_disk(&f, 8, 4, 'w');
	}
}

static void test_write_and_verify_residuals_are_those_of_write(void **state)
{
	struct fake_cmd *c = cdb16(&f, 0x8e, 0, 0, 2);

	memset(c->data, 'w', 1024);
	c->task->out_bytes = 512;
	assert_int_equal(cdb_finish(c), GOOD);
	assert_int_equal(c->task->out_used_bytes, 1024);
	fake_free(c);
	assert_disk(&f, 0, 1, 'w');
	assert_disk(&f, 1, 1, 0);
	c = cdb16(&f, 0x8e, 0, 0, 1);
	c->task->out_bytes = 200;
	assert_int_equal(cdb_finish(c), BAD_UNIT);
	assert_int_equal(c->task->out_used_bytes, 512);
	fake_free(c);
}

static struct fake_cmd *orwrite(uint64_t lba, uint32_t blocks, uint8_t fill)
{
	struct fake_cmd *c = cdb16(&f, 0x8b, 0, lba, blocks);

	c->task->out_bytes = blocks * 512;
	memset(c->data, fill, c->task->out_bytes);
	return c;
}

static void test_orwrite_ors_and_may_be_replayed(void **state)
{
	memset(f.disk, 0x0f, 4u << 20);
	assert_int_equal(cdb_run(orwrite(1, 5000, 0x50)), GOOD);
	assert_disk(&f, 0, 1, 0x0f);
	assert_disk(&f, 1, 5000, 0x5f);
	assert_disk(&f, 5001, 1, 0x0f);
	assert_int_equal(cdb_run(orwrite(1, 5000, 0x50)), GOOD);
	assert_disk(&f, 1, 5000, 0x5f);
	assert_int_equal(cdb_run(orwrite(32768, 1, 0)), LBA_RANGE);
	assert_int_equal(cdb_run(orwrite(0, 0, 0)), GOOD);
}

static void test_orwrites_of_two_initiators_both_count(void **state)
{
	struct fake_cmd *a = orwrite(0, 1, 0x01), *b = orwrite(0, 1, 0x80);

	f.is_holding = true;
	fake_start(a);
	fake_start(b);
	fake_run(&f);
	assert_disk(&f, 0, 1, 0x81);
	fake_free(a);
	fake_free(b);
}

static void test_synchronize_cache_is_one_flush(void **state)
{
	assert_int_equal(cdb_run(cdb10(&f, 0x35, 0, 0, 0)), GOOD);
	assert_int_equal(cdb_run(cdb16(&f, 0x91, 2, 100, 50)), GOOD); /* IMMED */
	assert_int_equal(f.flushes, 2);
	assert_int_equal(cdb_run(cdb16(&f, 0x91, 0, 32768, 1)), LBA_RANGE);
}

static void test_a_failed_flush_is_an_error(void **state)
{
	f.fail_nth = 0;
	f.fail_status = SLUICE_ERR_FAILED;
	assert_int_equal(cdb_run(cdb10(&f, 0x35, 0, 0, 0)), FAKE_SENSE(4, 0x44, 0));
}

static void test_a_stop_flushes_and_the_unit_goes_on(void **state)
{
	static const uint8_t stop[6] = {0x1b}, start[6] = {0x1b, 0, 0, 0, 1},
			     eject[6] = {0x1b, 0, 0, 0, 2};
	static const uint8_t no_flush[6] = {0x1b, 0, 0, 0, 4};

	assert_int_equal(cdb_run(fake_cmd(&f, stop, 6)), GOOD);
	assert_int_equal(f.flushes, 1);
	assert_int_equal(cdb_run(fake_cmd(&f, start, 6)), GOOD);
	assert_int_equal(cdb_run(fake_cmd(&f, no_flush, 6)), GOOD);
	assert_int_equal(f.flushes, 1);
	assert_int_equal(cdb_run(fake_cmd(&f, eject, 6)), BAD_CDB);
	assert_int_equal(cdb_run(cdb_read(&f, 0, 1)), GOOD);
}

static void test_prefetch_checks_its_range(void **state)
{
	assert_int_equal(cdb_run(cdb10(&f, 0x34, 0, 0, 256)), GOOD);
	assert_int_equal(cdb_run(cdb16(&f, 0x90, 0, 32767, 1)), GOOD);
	assert_int_equal(cdb_run(cdb16(&f, 0x90, 0, 32767, 2)), LBA_RANGE);
	assert_int_equal(cdb_run(cdb16(&f, 0x90, 0, UINT64_MAX, 1)), LBA_RANGE);
}

static void test_small_commands(void **state)
{
	static const uint8_t self_test[6] = {0x1d, 4}, prevent[6] = {0x1e, 0, 0, 0, 1};
	static const uint8_t list[6] = {0x1d, 0x10, 0, 0, 8}, background[6] = {0x1d, 0x20};

	assert_int_equal(cdb_run(fake_cmd(&f, self_test, 6)), GOOD);
	assert_int_equal(cdb_run(fake_cmd(&f, prevent, 6)), GOOD);
	assert_int_equal(cdb_run(fake_cmd(&f, list, 6)), BAD_CDB);
	assert_int_equal(cdb_run(fake_cmd(&f, background, 6)), BAD_CDB);
}

static void test_there_are_no_defects(void **state)
{
	static const uint8_t ten[10] = {0x37, 0, 0x1d, 0, 0, 0, 0, 0, 32};
	static const uint8_t twelve[12] = {0xb7, 0x1d, 0, 0, 0, 0, 0, 0, 0, 32};
	struct fake_cmd *c = fake_cmd(&f, ten, 10);

	fake_in(c, 32);
	assert_int_equal(cdb_finish(c), GOOD);
	assert_int_equal(c->task->in_actual_bytes, 4);
	assert_memory_equal(c->data, "\x00\x1d\x00\x00", 4);
	fake_free(c);
	c = fake_cmd(&f, twelve, 12);
	fake_in(c, 32);
	assert_int_equal(cdb_finish(c), GOOD);
	assert_int_equal(c->task->in_actual_bytes, 8);
	fake_free(c);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, open_fake, close_fake)
	const struct CMUnitTest tests[] = {
	    T(test_verify_without_data_only_reads),
	    T(test_verify_finds_the_differing_byte_in_any_piece),
	    T(test_verify_of_one_block_compares_each),
	    T(test_verify_with_too_little_data_says_so),
	    T(test_write_and_verify_writes_and_reads_back),
	    T(test_write_and_verify_residuals_are_those_of_write),
	    T(test_orwrite_ors_and_may_be_replayed),
	    T(test_orwrites_of_two_initiators_both_count),
	    T(test_synchronize_cache_is_one_flush),
	    T(test_a_failed_flush_is_an_error),
	    T(test_a_stop_flushes_and_the_unit_goes_on),
	    T(test_prefetch_checks_its_range),
	    T(test_small_commands),
	    T(test_there_are_no_defects),
	};
#undef T
	return cmocka_run_group_tests(tests, NULL, NULL);
}
