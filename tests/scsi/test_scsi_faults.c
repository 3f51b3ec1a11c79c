/* SPDX-License-Identifier: MIT */
/*
 * test_scsi_faults.c - each command with its N-th I/O failing, for every N and every status; and
 * with an abort after the N-th. Whatever happens: one answer, the right sense, nothing left behind,
 * the unit goes on, and doing the command again succeeds.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "copy_cdbs.h"

static struct fake f;

static struct fake_cmd *make_read(void)
{
	return cdb_read(&f, 8, 16);
}

static struct fake_cmd *make_read_with_tail(void)
{
	struct fake_cmd *c = cdb_read(&f, 8, 16);

	fake_in(c, 1000);
	return c;
}

static struct fake_cmd *make_write(void)
{
	return cdb_write(&f, 8, 16, 1);
}

static struct fake_cmd *make_caw(void)
{
	return cdb_caw(&f, 8, 4, f.disk[8 * 512], f.disk[8 * 512]);
}

static struct fake_cmd *make_verify(void)
{
	return cdb16(&f, 0x8f, 0, 0, 3 * 2048);
}

static struct fake_cmd *make_write_verify(void)
{
	struct fake_cmd *c = cdb16(&f, 0x8e, 2, 0, 3 * 2048);

	memset(c->data, 4, 3u << 20);
	c->task->out_bytes = 3u << 20;
	return c;
}

static struct fake_cmd *make_orwrite(void)
{
	struct fake_cmd *c = cdb16(&f, 0x8b, 0, 0, 3 * 2048);

	memset(c->data, 4, 3u << 20);
	c->task->out_bytes = 3u << 20;
	return c;
}

static struct fake_cmd *make_pattern(void)
{
	return cdb_write_same(&f, 4, 3 * 2048, 9, false);
}

static struct fake_cmd *make_zeros(void)
{
	return cdb_write_same(&f, 4, 200 * 2048, 0, true);
}

static struct fake_cmd *make_unmap(void)
{
	static const uint64_t lbas[] = {3, 1000, 5003};
	static const uint32_t blocks[] = {30, 300 * 512, 2};

	return cdb_unmap(&f, lbas, blocks, 2);
}

static struct fake_cmd *make_flush(void)
{
	return cdb10(&f, 0x35, 0, 0, 0);
}

static struct fake_cmd *make_status(void)
{
	struct fake_cmd *c = cdb16(&f, 0x9e, 0x12, 0, 4096);

	fake_in(c, 4096);
	for (uint32_t at = 0; at < 100; at += 10)
		f.is_mapped[at] = 1;
	return c;
}

static struct fake_cmd *make_xcopy(void)
{
	return copy_own(&f, 3 * 2048, 0, 50000);
}

static const struct {
	const char *what;
	struct fake_cmd *(*make)(void);
	uint32_t ios;
	bool is_copy;
} commands[] = {
    {"READ", make_read, 1, false},
    {"READ with a tail", make_read_with_tail, 2, false},
    {"WRITE", make_write, 1, false},
    {"COMPARE AND WRITE", make_caw, 2, false},
    {"VERIFY", make_verify, 3, false},
    {"WRITE AND VERIFY", make_write_verify, 4, false},
    {"ORWRITE", make_orwrite, 6, false},
    {"WRITE SAME of a pattern", make_pattern, 3, false},
    {"WRITE SAME of zeros", make_zeros, 4, false},
    {"UNMAP", make_unmap, 5, false},
    {"SYNCHRONIZE CACHE", make_flush, 1, false},
    {"GET LBA STATUS", make_status, 20, false},
    {"EXTENDED COPY", make_xcopy, 6, true},
};
#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

static const struct {
	enum sluice_status status;
	uint32_t of_read, of_write, of_copy;
} results[] = {
    {SLUICE_ERR_IO, FAKE_SENSE(3, 0x11, 0), FAKE_SENSE(3, 0x0c, 0), FAKE_SENSE(0xa, 0x0d, 0x01)},
    {SLUICE_ERR_CORRUPT, FAKE_SENSE(3, 0x11, 0), FAKE_SENSE(3, 0x11, 0),
     FAKE_SENSE(0xa, 0x0d, 0x01)},
    {SLUICE_ERR_NO_SPACE, NO_SPACE, NO_SPACE, NO_SPACE},
    {SLUICE_ERR_BUSY, SCSI_BUSY, SCSI_BUSY, SCSI_BUSY},
    {SLUICE_ERR_ABORTED, SCSI_TASK_ABORTED, SCSI_TASK_ABORTED, SCSI_TASK_ABORTED},
    {SLUICE_ERR_NOT_READY, FAKE_SENSE(2, 4, 1), FAKE_SENSE(2, 4, 1), FAKE_SENSE(2, 4, 1)},
    {SLUICE_ERR_LOCKED, FAKE_SENSE(2, 0x74, 0x71), FAKE_SENSE(2, 0x74, 0x71),
     FAKE_SENSE(2, 0x74, 0x71)},
    {SLUICE_ERR_READ_ONLY, PROTECTED, PROTECTED, PROTECTED},
    {SLUICE_ERR_FAILED, FAKE_SENSE(4, 0x44, 0), FAKE_SENSE(4, 0x44, 0), FAKE_SENSE(4, 0x44, 0)},
};
#define RESULTS (sizeof(results) / sizeof(results[0]))

static int open_fake(void **state)
{
	fake_init(&f, 256u << 20);
	f.is_lazy = true;
	fake_open(&f);
	return 0;
}

static int close_fake(void **state)
{
	fake_close(&f);
	return 0;
}

/* As after open_fake(), but for the disk's contents. */
static void reset(void)
{
	f.fail_nth = FAKE_NEVER;
	f.is_holding = false;
	f.pool_limit = FAKE_IOS;
	f.buf_limit = UINT32_MAX;
	f.submitted = f.event_count = f.aborts = 0;
	memset(f.is_mapped, 0, 4096);
}

static bool was_read(void)
{
	uint8_t op = f.events[0].op;

	for (uint32_t i = 0, n = 0; i < f.event_count; i++) {
		if (f.events[i].kind == FAKE_IO && n++ == f.fail_nth)
			op = f.events[i].op;
	}
	return op == SLUICE_OP_READ || op == SLUICE_OP_EXTENT;
}

static void again(size_t i)
{
	f.fail_nth = FAKE_NEVER;
	f.is_holding = false;
	assert_int_equal(cdb_run(commands[i].make()), GOOD);
	assert_int_equal(cdb_run(cdb_write(&f, 0, 8, 1)), GOOD); /* no lock is left */
}

static void fail_one(size_t i, uint32_t nth, size_t r, bool is_holding)
{
	struct fake_cmd *c;
	uint32_t expected;

	reset();
	f.fail_nth = nth;
	f.fail_status = results[r].status;
	f.is_holding = is_holding;
	f.pool_limit = 1;
	c = commands[i].make();
	fake_start(c);
	fake_run(&f);
	if (commands[i].is_copy)
		expected = results[r].of_copy;
	else
		expected = was_read() ? results[r].of_read : results[r].of_write;
	if (fake_result(c) != expected)
		fail_msg("%s, I/O %u, status %d: %06x", commands[i].what, nth, results[r].status,
			 fake_result(c));
	assert_int_equal(c->task->in_actual_bytes, 0);
	assert_int_equal(f.submitted, nth + 1); /* nothing begins after a failure */
	fake_free(c);
	again(i);
}

static void test_the_nth_io_fails_for_every_n(void **state)
{
	for (size_t i = 0; i < COMMANDS; i++) {
		struct fake_cmd *c;

		reset();
		c = commands[i].make();
		assert_int_equal(cdb_run(c), GOOD);
		if (f.submitted != commands[i].ios)
			fail_msg("%s: %u I/Os", commands[i].what, f.submitted);
		for (uint32_t nth = 0; nth < commands[i].ios; nth++) {
			for (size_t r = 0; r < RESULTS; r++)
				fail_one(i, nth, r, nth % 2);
		}
	}
}

/* The abort comes while the N-th I/O is under way, and the I/O heeds it or not. */
static void test_an_abort_during_the_nth_io_for_every_n(void **state)
{
	for (size_t i = 0; i < COMMANDS; i++) {
		for (uint32_t nth = 0; nth < 2 * commands[i].ios; nth++) {
			bool is_heeded = nth % 2, is_last = nth / 2 == commands[i].ios - 1;
			struct fake_cmd *c;

			reset();
			f.is_holding = true;
			c = commands[i].make();
			fake_start(c);
			for (uint32_t n = 0; n < nth / 2; n++)
				fake_run_one(&f);
			scsi_abort(f.lun, c->task);
			assert_int_equal(f.aborts, 1);
			for (uint32_t n = 0; n < FAKE_IOS && !is_heeded; n++)
				f.ios[n].io.flags &= (uint16_t)~SLUICE_IO_ABORTED;
			fake_run(&f);
			assert_int_equal(fake_result(c),
					 is_last && !is_heeded ? GOOD : SCSI_TASK_ABORTED);
			assert_int_equal(f.submitted, nth / 2 + 1);
			fake_free(c);
			again(i);
		}
	}
}

/* Host memory runs out at the N-th asking: BUSY, and the next try succeeds. */
static void test_no_scratch_memory_for_any_command(void **state)
{
	for (size_t i = 0; i < COMMANDS; i++) {
		uint32_t result;

		reset();
		f.buf_limit = 0;
		result = cdb_run(commands[i].make());
		assert_true(result == GOOD || result == SCSI_BUSY);
		f.buf_limit = UINT32_MAX;
		again(i);
	}
}

/* All at once, over one another, with three I/Os for all of them. */
static void test_everything_at_once_with_a_tiny_pool(void **state)
{
	struct fake_cmd *c[4 * COMMANDS];

	reset();
	f.is_holding = true;
	f.pool_limit = 3;
	for (size_t i = 0; i < 4 * COMMANDS; i++) {
		c[i] = commands[i % COMMANDS].make();
		c[i]->task->nexus_id = i;
		fake_start(c[i]);
		if (i % 5 == 4 && !c[i - 2]->is_ended)
			scsi_abort(f.lun, c[i - 2]->task);
	}
	fake_run(&f);
	for (size_t i = 0; i < 4 * COMMANDS; i++) {
		uint32_t result = fake_result(c[i]);

		assert_true(result == GOOD || result == SCSI_TASK_ABORTED || result == MISCOMPARED);
		fake_free(c[i]);
	}
	f.is_holding = false;
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, open_fake, close_fake)
	const struct CMUnitTest tests[] = {
	    T(test_the_nth_io_fails_for_every_n),
	    T(test_an_abort_during_the_nth_io_for_every_n),
	    T(test_no_scratch_memory_for_any_command),
	    T(test_everything_at_once_with_a_tiny_pool),
	};
#undef T
	return cmocka_run_group_tests(tests, NULL, NULL);
}
