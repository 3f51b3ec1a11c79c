/* SPDX-License-Identifier: MIT */
/* test_scsi_caw.c - COMPARE AND WRITE: atomic, replayed rightly, aborted rightly. RING-3, I5. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "bytes.h"
#include "cdbs.h"

static struct fake f;

static int open_fake(void **state)
{
	fake_init(&f, 8u << 20);
	fake_open(&f);
	return 0;
}

static int close_fake(void **state)
{
	fake_close(&f);
	return 0;
}

static void test_equal_data_is_replaced(void **state)
{
	for (uint8_t blocks = 1; blocks <= 128; blocks++) {
		memset(f.disk, 'A', 256 * 512);
		assert_int_equal(cdb_run(cdb_caw(&f, 3, blocks, 'A', 'B')), GOOD);
		assert_disk(&f, 3, blocks, 'B');
		assert_disk(&f, 3 + blocks, 1, 'A');
	}
	assert_int_equal(f.compared, 128);
}

static void test_miscompare_names_the_byte_and_writes_nothing(void **state)
{
	struct fake_cmd *c = cdb_caw(&f, 0, 4, 0, 'B');

	f.disk[4 * 512 - 27] = 'C';
	assert_int_equal(cdb_finish(c), MISCOMPARED);
	assert_int_equal(c->task->sense[0], 0xf0); /* VALID */
	assert_int_equal(get_be32(c->task->sense + 3), 4 * 512 - 27);
	fake_free(c);
	assert_int_equal(f.compared, 0);
	assert_disk(&f, 0, 3, 0);
}

static void test_too_many_blocks_and_wrong_data_lengths_are_refused(void **state)
{
	struct fake_cmd *c;

	assert_int_equal(cdb_run(cdb_caw(&f, 0, 129, 0, 0)), BAD_CDB);
	assert_int_equal(cdb_run(cdb_caw(&f, 16384, 1, 0, 0)), LBA_RANGE);
	assert_int_equal(cdb_run(cdb_caw(&f, 16383, 2, 0, 0)), LBA_RANGE);
	assert_int_equal(cdb_run(cdb_caw(&f, UINT64_MAX, 2, 0, 0)), LBA_RANGE);
	c = cdb_caw(&f, 0, 1, 0, 0);
	c->task->out_bytes = 4 * 512;
	assert_int_equal(cdb_run(c), BAD_CDB);
	c = cdb_caw(&f, 0, 3, 0, 0);
	c->task->out_bytes = 4 * 512;
	assert_int_equal(cdb_run(c), BAD_CDB);
	assert_int_equal(cdb_run(cdb_caw(&f, 0, 0, 0, 0)), GOOD);
	assert_int_equal(f.submitted, 0);
}

static void test_of_many_at_once_exactly_one_succeeds(void **state)
{
	struct fake_cmd *c[16];
	uint32_t good = 0;

	f.is_holding = true;
	for (uint8_t i = 0; i < 16; i++) {
		c[i] = cdb_caw(&f, 0, 1, 0, (uint8_t)(i + 1));
		fake_start(c[i]);
	}
	fake_run(&f);
	for (uint32_t i = 0; i < 16; i++) {
		good += fake_result(c[i]) == GOOD;
		assert_int_equal(fake_result(c[i]), i == 0 ? GOOD : MISCOMPARED);
		assert_int_equal(c[i]->order, i); /* first come, first served */
		fake_free(c[i]);
	}
	assert_int_equal(good, 1);
}

static void test_the_note_stands_before_the_write_begins(void **state)
{
	assert_int_equal(cdb_run(cdb_caw(&f, 0, 1, 0, 1)), GOOD);
	assert_int_equal(f.event_count, 4);
	assert_int_equal(f.events[0].op, SLUICE_OP_READ);
	assert_int_equal(f.events[1].kind, FAKE_COMPARED);
	assert_int_equal(f.events[2].op, SLUICE_OP_WRITE);
	assert_int_equal(f.events[3].kind, FAKE_END);
}

/* A crash at each point: before the note it is done again in full, after it without the compare. */
static void test_replay_gives_the_result_of_the_first_compare(void **state)
{
	struct fake_cmd *c, *r;

	assert_int_equal(cdb_run(cdb_caw(&f, 0, 2, 0, 5)),
			 GOOD); /* what the dead server had written */
	c = cdb_caw(&f, 0, 2, 0, 5);
	r = fake_replay(c, true, 0);
	assert_int_equal(cdb_run(r), GOOD);
	assert_disk(&f, 0, 2, 5);
	r = fake_replay(c, false, 0); /* without the note it compares with its own data */
	assert_int_equal(cdb_run(r), MISCOMPARED);
	c->is_ended = true;
	fake_free(c);
}

static void test_replay_does_not_read(void **state)
{
	struct fake_cmd *c = cdb_caw(&f, 0, 2, 0, 5);

	c->task->is_compared = true;
	assert_int_equal(cdb_run(c), GOOD);
	assert_int_equal(f.submitted, 1);
	assert_int_equal(f.events[0].op, SLUICE_OP_WRITE);
}

static void test_aborted_during_the_read_it_writes_nothing(void **state)
{
	struct fake_cmd *c = cdb_caw(&f, 0, 1, 0, 5);

	f.is_holding = true;
	fake_start(c);
	scsi_abort(f.lun, c->task);
	assert_int_equal(f.aborts, 1);
	f.ios[0].io.flags = 0; /* the abort came too late for the read, which succeeds */
	fake_run(&f);
	assert_int_equal(fake_result(c), SCSI_TASK_ABORTED);
	assert_int_equal(f.compared, 0);
	fake_free(c);
	assert_disk(&f, 0, 1, 0);
}

static void test_a_write_that_got_through_is_not_called_aborted(void **state)
{
	struct fake_cmd *c = cdb_caw(&f, 0, 1, 0, 5);

	f.is_holding = true;
	fake_start(c);
	fake_run_one(&f);
	scsi_abort(f.lun, c->task);
	for (uint32_t i = 0; i < FAKE_IOS; i++)
		f.ios[i].io.flags = 0;
	fake_run(&f);
	assert_int_equal(fake_result(c), GOOD);
	fake_free(c);
	assert_disk(&f, 0, 1, 5);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, open_fake, close_fake)
	const struct CMUnitTest tests[] = {
	    T(test_equal_data_is_replaced),
	    T(test_miscompare_names_the_byte_and_writes_nothing),
	    T(test_too_many_blocks_and_wrong_data_lengths_are_refused),
	    T(test_of_many_at_once_exactly_one_succeeds),
	    T(test_the_note_stands_before_the_write_begins),
	    T(test_replay_gives_the_result_of_the_first_compare),
	    T(test_replay_does_not_read),
	    T(test_aborted_during_the_read_it_writes_nothing),
	    T(test_a_write_that_got_through_is_not_called_aborted),
	};
#undef T
	return cmocka_run_group_tests(tests, NULL, NULL);
}
