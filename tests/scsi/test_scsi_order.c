/* SPDX-License-Identifier: MIT */
/* test_scsi_order.c - what waits for what: locks, pool, abort, states. RING-3, I2, I3. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "cdbs.h"

static struct fake f;

static int open_fake(void **state)
{
	fake_init(&f, 8u << 20);
	fake_open(&f);
	f.is_holding = true;
	return 0;
}

static int close_fake(void **state)
{
	fake_close(&f);
	return 0;
}

static struct fake_cmd *started(struct fake_cmd *c)
{
	fake_start(c);
	return c;
}

static void test_overlapping_writes_keep_their_order(void **state)
{
	struct fake_cmd *c[8];

	for (uint8_t i = 0; i < 8; i++)
		c[i] = started(cdb_write(&f, i, 8, (uint8_t)(i + 1)));
	assert_int_equal(fake_held(&f), 1); /* all wait for the first */
	fake_run(&f);
	for (uint8_t i = 0; i < 8; i++) {
		assert_int_equal(fake_result(c[i]), GOOD);
		assert_int_equal(c[i]->order, i);
		fake_free(c[i]);
		assert_disk(&f, i, 1, (uint8_t)(i + 1));
	}
}

static void test_disjoint_writes_run_at_once(void **state)
{
	struct fake_cmd *c[8];

	for (uint8_t i = 0; i < 8; i++)
		c[i] = started(cdb_write(&f, i * 8u, 8, i));
	assert_int_equal(fake_held(&f), 8);
	assert_true(fake_run_at(&f, 5 * 8 * 512));
	assert_int_equal(c[5]->order, 0);
	fake_run(&f);
	for (uint32_t i = 0; i < 8; i++)
		fake_free(c[i]);
}

static void test_reads_share_and_a_later_read_waits_for_the_write_between(void **state)
{
	struct fake_cmd *r1 = started(cdb_read(&f, 0, 8)), *r2 = started(cdb_read(&f, 4, 8));
	struct fake_cmd *w = started(cdb_write(&f, 0, 16, 9)), *r3 = started(cdb_read(&f, 0, 1));

	assert_int_equal(fake_held(&f), 2);
	fake_run(&f);
	assert_int_equal(r1->data[0], 0);
	assert_int_equal(r2->data[0], 0);
	assert_int_equal(r3->data[0], 9);
	assert_true(w->order < r3->order);
	fake_free(r1);
	fake_free(r2);
	fake_free(w);
	fake_free(r3);
}

/* I3: between the end of the first and the I/O of the second stands the end() that shows the
 * status. */
static void test_the_status_is_visible_before_the_lock_is_released(void **state)
{
	struct fake_cmd *a = started(cdb_write(&f, 0, 8, 1)), *b = started(cdb_write(&f, 0, 8, 2));

	fake_run(&f);
	assert_int_equal(f.event_count, 4);
	assert_int_equal(f.events[0].kind, FAKE_IO);
	assert_int_equal(f.events[1].kind, FAKE_END);
	assert_ptr_equal(f.events[1].task, a->task);
	assert_int_equal(f.events[2].kind, FAKE_IO);
	assert_int_equal(f.events[3].kind, FAKE_END);
	fake_free(a);
	fake_free(b);
}

static void test_an_empty_pool_makes_commands_wait_in_order(void **state)
{
	struct fake_cmd *c[6];

	f.pool_limit = 2;
	for (uint8_t i = 0; i < 6; i++)
		c[i] = started(cdb_write(&f, i * 8u, 8, (uint8_t)(i + 1)));
	assert_int_equal(fake_held(&f), 2);
	fake_run(&f);
	for (uint8_t i = 0; i < 6; i++) {
		assert_int_equal(fake_result(c[i]), GOOD);
		assert_int_equal(c[i]->order, i);
		fake_free(c[i]);
		assert_disk(&f, i * 8u, 8, (uint8_t)(i + 1));
	}
}

static void test_no_scratch_memory_is_busy(void **state)
{
	f.buf_limit = 0;
	assert_int_equal(cdb_run(cdb_caw(&f, 0, 1, 0, 1)), SCSI_BUSY);
	assert_int_equal(cdb_run(cdb_write_same(&f, 0, 8, 3, false)), SCSI_BUSY);
	assert_int_equal(f.submitted, 0);
}

static void test_abort_of_a_command_that_waits_for_its_lock(void **state)
{
	struct fake_cmd *w = started(cdb_write(&f, 0, 8, 1)), *x = started(cdb_write(&f, 0, 8, 2));
	struct fake_cmd *r = started(cdb_read(&f, 0, 8));

	scsi_abort(f.lun, x->task);
	assert_true(x->is_ended); /* at once, though the first write goes on */
	assert_int_equal(fake_result(x), SCSI_TASK_ABORTED);
	assert_false(r->is_ended);
	fake_run(&f);
	assert_int_equal(r->data[0], 1);
	fake_free(w);
	fake_free(x);
	fake_free(r);
}

static void test_abort_of_a_command_that_waits_for_the_pool(void **state)
{
	struct fake_cmd *a, *b, *c;

	f.pool_limit = 1;
	a = started(cdb_write(&f, 0, 8, 1));
	b = started(cdb_write(&f, 8, 8, 2));
	c = started(cdb_write(&f, 8, 8, 3)); /* waits for b's lock */
	scsi_abort(f.lun, b->task);
	assert_int_equal(fake_result(b), SCSI_TASK_ABORTED);
	fake_run(&f);
	assert_int_equal(fake_result(c), GOOD);
	assert_disk(&f, 8, 8, 3);
	fake_free(a);
	fake_free(b);
	fake_free(c);
}

static void test_abort_reaches_the_io_and_holds_the_lock_until_it_ended(void **state)
{
	struct fake_cmd *a = started(cdb_write(&f, 0, 8, 1)), *b = started(cdb_write(&f, 0, 8, 2));

	scsi_abort(f.lun, a->task);
	assert_int_equal(f.aborts, 1);
	assert_false(a->is_ended);
	assert_int_equal(fake_held(&f), 1);
	fake_run(&f);
	assert_int_equal(fake_result(a), SCSI_TASK_ABORTED);
	assert_int_equal(fake_result(b), GOOD);
	fake_free(a);
	fake_free(b);
}

static void test_abort_stops_a_long_command_between_its_pieces(void **state)
{
	struct fake_cmd *c = cdb_write_same(&f, 0, 16384, 7, false); /* 8 pieces */

	fake_start(c);
	fake_run_one(&f);
	fake_run_one(&f);
	scsi_abort(f.lun, c->task);
	fake_run_one(&f);
	assert_int_equal(fake_result(c), SCSI_TASK_ABORTED);
	assert_int_equal(f.submitted, 3);
	fake_free(c);
}

static void test_states_end_media_commands_and_nothing_else(void **state)
{
	static const struct {
		enum sluice_status state;
		uint32_t result;
	} cases[] = {
	    {SLUICE_ERR_NOT_READY, FAKE_SENSE(2, 0x04, 0x01)},
	    {SLUICE_ERR_LOCKED, FAKE_SENSE(2, 0x74, 0x71)},
	    {SLUICE_ERR_FAILED, FAKE_SENSE(4, 0x44, 0x00)},
	    {SLUICE_ERR_BUSY, SCSI_BUSY},
	};
	static const uint8_t tur[6] = {0}, inquiry[6] = {0x12, 0, 0, 0, 96},
			     sense[6] = {0x1a, 0, 0x3f, 0, 255}, capacity[10] = {0x25};

	for (uint32_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		scsi_lun_set_state(f.lun, cases[i].state);
		assert_int_equal(cdb_run(cdb_read(&f, 0, 1)), cases[i].result);
		assert_int_equal(cdb_run(cdb_write(&f, 0, 1, 1)), cases[i].result);
		assert_int_equal(cdb_run(cdb10(&f, 0x35, 0, 0, 0)), cases[i].result);
		assert_int_equal(cdb_run(fake_cmd(&f, tur, 6)), cases[i].result);
		assert_int_equal(cdb_run(fake_cmd(&f, inquiry, 6)), GOOD);
		assert_int_equal(cdb_run(fake_cmd(&f, sense, 6)), GOOD);
		assert_int_equal(cdb_run(fake_cmd(&f, capacity, 10)), GOOD);
	}
	assert_int_equal(f.submitted, 0);
	scsi_lun_set_state(f.lun, SLUICE_OK);
	assert_int_equal(cdb_run(fake_cmd(&f, tur, 6)), GOOD);
}

static void test_a_state_stops_what_waits(void **state)
{
	struct fake_cmd *a = started(cdb_write(&f, 0, 8, 1)), *b = started(cdb_write(&f, 0, 8, 2));

	scsi_lun_set_state(f.lun, SLUICE_ERR_FAILED);
	fake_run(&f);
	assert_int_equal(fake_result(a), GOOD);
	assert_int_equal(fake_result(b), FAKE_SENSE(4, 0x44, 0x00));
	scsi_lun_set_state(f.lun, SLUICE_OK);
	fake_free(a);
	fake_free(b);
}

static void test_metadata_answers_while_the_backend_stands_still(void **state)
{
	static const uint8_t tur[6] = {0}, inquiry[6] = {0x12, 1, 0x83, 0, 255};
	static const uint8_t sense[6] = {0x1a, 0, 0x3f, 0, 255}, capacity[10] = {0x25};
	struct fake_cmd *w = started(cdb_write(&f, 0, 8, 1)), *c[4];

	f.pool_limit = f.buf_limit = 0;
	c[0] = started(fake_cmd(&f, tur, 6));
	c[1] = started(fake_cmd(&f, inquiry, 6));
	c[2] = started(fake_cmd(&f, sense, 6));
	c[3] = started(fake_cmd(&f, capacity, 10));
	for (uint32_t i = 0; i < 4; i++) {
		assert_int_equal(fake_result(c[i]), GOOD);
		fake_free(c[i]);
	}
	assert_false(w->is_ended);
	fake_run(&f);
	fake_free(w);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, open_fake, close_fake)
	const struct CMUnitTest tests[] = {
	    T(test_overlapping_writes_keep_their_order),
	    T(test_disjoint_writes_run_at_once),
	    T(test_reads_share_and_a_later_read_waits_for_the_write_between),
	    T(test_the_status_is_visible_before_the_lock_is_released),
	    T(test_an_empty_pool_makes_commands_wait_in_order),
	    T(test_no_scratch_memory_is_busy),
	    T(test_abort_of_a_command_that_waits_for_its_lock),
	    T(test_abort_of_a_command_that_waits_for_the_pool),
	    T(test_abort_reaches_the_io_and_holds_the_lock_until_it_ended),
	    T(test_abort_stops_a_long_command_between_its_pieces),
	    T(test_states_end_media_commands_and_nothing_else),
	    T(test_a_state_stops_what_waits),
	    T(test_metadata_answers_while_the_backend_stands_still),
	};
#undef T
	return cmocka_run_group_tests(tests, NULL, NULL);
}
