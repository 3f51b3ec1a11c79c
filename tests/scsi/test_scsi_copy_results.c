/* SPDX-License-Identifier: MIT */
/* test_scsi_copy_results.c - RECEIVE COPY RESULTS: status by nexus and list, details, limits. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "bytes.h"
#include "copy_cdbs.h"

#define MIB 2048u /* blocks */

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

static struct fake_cmd *results(uint8_t action, uint8_t id)
{
	uint8_t cdb[16] = {0x84, action, id};
	struct fake_cmd *c;

	put_be32(cdb + 10, 1024);
	c = fake_cmd(&f, cdb, 16);
	fake_in(c, 1024);
	return c;
}

static void test_copy_status_by_nexus_and_list(void **state)
{
	struct fake_cmd *c;

	assert_int_equal(cdb_run(results(0, 1)), BAD_CDB);
	assert_int_equal(cdb_run(copy_own(&f, MIB, 0, 10 * MIB)), GOOD);
	c = results(0, 1);
	assert_int_equal(cdb_finish(c), GOOD);
	assert_memory_equal(c->data, "\0\0\0\x08\x01\x00\x01\x01\x00\x00\x04\x00", 12);
	fake_free(c);
	c = results(0, 1);
	c->task->nexus_id = 8;
	assert_int_equal(cdb_run(c), BAD_CDB);
	assert_int_equal(cdb_run(results(0, 2)), BAD_CDB);
	assert_int_equal(cdb_run(results(4, 1)), BAD_CDB); /* it did not fail */
}

static void test_failed_segment_details_hold_the_sense(void **state)
{
	struct fake_cmd *c;

	f.fail_nth = 0;
	f.fail_status = SLUICE_ERR_NO_SPACE;
	assert_int_equal(cdb_run(copy_own(&f, 8, 0, 100)), NO_SPACE);
	c = results(4, 1);
	assert_int_equal(cdb_finish(c), GOOD);
	assert_int_equal(get_be32(c->data), 56 + 18);
	assert_int_equal(c->data[56], 2);
	assert_int_equal(get_be16(c->data + 58), 18);
	assert_int_equal(c->data[60 + 12], 0x27);
	fake_free(c);
	c = results(0, 1);
	assert_int_equal(cdb_finish(c), GOOD);
	assert_int_equal(c->data[4], 2); /* completed with errors */
	fake_free(c);
}

static void test_discarded_lists_leave_no_status(void **state)
{
	struct copy_cdb l = {.targets = 0};

	copy_add_target(&l, &f);
	copy_add_segment(&l, 0, 0, 8, 0, 100);
	assert_int_equal(cdb_run(copy_command(&f, &l, 9, 2)), GOOD);
	assert_int_equal(cdb_run(results(0, 9)), BAD_CDB);
	assert_int_equal(cdb_run(copy_command(&f, &l, 9, 1)), BAD_LIST); /* reserved usage */
}

static void test_a_running_list_identifier_is_busy(void **state)
{
	struct fake_cmd *a = copy_own(&f, 8, 0, 100), *b = copy_own(&f, 8, 0, 200),
			*s = results(0, 1);

	f.is_holding = true;
	fake_start(a);
	fake_start(s);
	assert_int_equal(fake_result(s), GOOD);
	assert_int_equal(s->data[4], 0); /* in progress */
	fake_start(b);
	assert_int_equal(fake_result(b), FAKE_SENSE(5, 0x00, 0x16));
	fake_run(&f);
	fake_free(a);
	fake_free(b);
	fake_free(s);
}

static void test_operating_parameters_name_the_limits(void **state)
{
	struct fake_cmd *c = results(3, 0);

	assert_int_equal(cdb_finish(c), GOOD);
	assert_int_equal(get_be32(c->data), c->task->in_actual_bytes - 4);
	assert_int_equal(get_be16(c->data + 8), COPY_TARGETS_MAX);
	assert_int_equal(get_be16(c->data + 10), COPY_SEGMENTS_MAX);
	assert_int_equal(get_be32(c->data + 12), COPY_LIST_BYTES_MAX);
	assert_memory_equal(c->data + 43, "\x02\x02\xe4", 3);
	fake_free(c);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, open_fake, close_fake)
	const struct CMUnitTest tests[] = {
	    T(test_copy_status_by_nexus_and_list),
	    T(test_failed_segment_details_hold_the_sense),
	    T(test_discarded_lists_leave_no_status),
	    T(test_a_running_list_identifier_is_busy),
	    T(test_operating_parameters_name_the_limits),
	};
#undef T
	return cmocka_run_group_tests(tests, NULL, NULL);
}
