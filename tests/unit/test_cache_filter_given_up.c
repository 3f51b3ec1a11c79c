/* SPDX-License-Identifier: MIT */
/* A journal that fails, and dirty data that is given up while there is a journal or a write. */
#include "cache_rig.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static struct cache_rig r;

#define LAZY CACHE_WRITE_BACK ",destage_age_ms=3600000"

static int open_it(void **state)
{
	cache_open(&r, CACHE_SIZE, true);
	return 0;
}

static int close_it(void **state)
{
	cache_close(&r);
	return 0;
}

static void attach(const char *params)
{
	cache_attach(&r, params);
	cache_wait_state(&r, "serving");
}

static bool journal_fails;
static const struct env_ops *ops_below;
static struct env_ops ops_of_test;

static void io_fails(struct env_msg *m)
{
	struct env_io *io = m->ctx;

	free(m);
	io->result = -EIO;
	io->done(io);
}

/* Of the log, whose file is not this large, nothing fails. */
static void submit_io(struct env *e, struct env_io *io)
{
	struct env_msg *m;

	if (!journal_fails || io->file->size_bytes != 32ull << 20) {
		ops_below->io_submit(e, io);
		return;
	}
	m = calloc(1, sizeof(*m));
	assert_non_null(m);
	*m = (struct env_msg){.fn = io_fails, .ctx = io};
	env_post(e, m);
}

static void a_failed_journal_is_opened_again(void **state)
{
	ops_below = r.env->ops;
	ops_of_test = *ops_below;
	ops_of_test.io_submit = submit_io;
	r.env->ops = &ops_of_test;
	attach(LAZY ",destage=journaled");
	cache_write(&r, 0, 65536, 5);
	journal_fails = true;
	assert_int_not_equal(cache_command(&r, "flush", "{}"), 0);
	assert_true(cache_is_stamped(r.store.memory, 0, 65536, 0)); /* not without a journal */
	assert_int_equal(cache_write(&r, 65536, 4096, 6), SLUICE_OK);
	cache_run_ms(&r, 100);
	assert_true(cache_is_stamped(r.store.memory, 0, 65536, 0));
	journal_fails = false;
	for (int i = 0; i < 20000 && cache_number(&r, "dirty_bytes") > 0; i++) {
		if (i % 100 == 0)
			cache_command(&r, "flush", "{}");
		cache_turn(&r);
	}
	assert_true(cache_is_stamped(r.store.memory, 0, 65536, 5));
	assert_true(cache_is_stamped(r.store.memory + 65536, 65536, 4096, 6));
	assert_int_equal(cache_detach(&r), 0);
	r.env->ops = ops_below;
}

/* What the journal has of it is given up as well, and does not come down later. */
static void what_is_given_up_stays_so_with_a_journal(void **state)
{
	attach(LAZY ",destage=journaled");
	cache_write(&r, 0, 65536, 5);
	r.store.fail_ops = SLUICE_OP_BIT(SLUICE_OP_WRITE);
	assert_int_not_equal(cache_command(&r, "flush", "{}"), 0);
	assert_int_equal(cache_command(&r, "drop", "{\"dirty_bytes\": 65536}"), 0);
	r.store.fail_ops = 0;
	assert_true(cache_reads(&r, 0, 65536, 0));
	assert_int_equal(cache_write(&r, 1 << 20, 4096, 6), SLUICE_OK);
	assert_int_equal(cache_command(&r, "flush", "{}"), 0);
	assert_true(cache_is_stamped(r.store.memory + (1 << 20), 1 << 20, 4096, 6));
	assert_true(cache_is_stamped(r.store.memory, 0, 65536, 0));
}

/* What was zeroed is as dirty as what was written: without the log the old data would be back. */
static void zeros_are_not_given_up_as_nothing(void **state)
{
	cache_stamp(r.store.memory, 0, 65536, 3);
	attach(LAZY);
	assert_int_equal(cache_io(&r, SLUICE_OP_UNMAP, 0, 65536, NULL), SLUICE_OK);
	assert_int_equal(cache_number(&r, "dirty_bytes"), 65536);
	assert_int_equal(cache_command(&r, "drop", "{\"dirty_bytes\": 0}"), -EINVAL);
	assert_true(cache_reads(&r, 0, 65536, 0));
	assert_int_equal(cache_command(&r, "drop", "{\"dirty_bytes\": 65536}"), 0);
	assert_int_equal(cache_number(&r, "dirty_bytes"), 0);
	assert_true(cache_reads(&r, 0, 65536, 3));
}

/* A part of a block still reads what it lacks, and goes to the log after that. */
static void a_failed_log_is_not_given_up_under_a_write(void **state)
{
	char *buf = aligned_alloc(4096, 4096);
	struct cache_io part = {
	    .op = SLUICE_OP_WRITE, .offset_bytes = 8192 + 512, .len_bytes = 512, .buf = buf};

	memset(buf, 1, 4096);
	attach(LAZY);
	cache_write(&r, 0, 4096, 5);
	r.store.is_held = true;
	r.store.held_ops = SLUICE_OP_BIT(SLUICE_OP_READ);
	assert_true(cache_io_start(&r, &part));
	for (int i = 0; i < 2000 && r.store.held_count == 0; i++)
		cache_turn(&r);
	r.store.fail_ops = SLUICE_OP_BIT(SLUICE_OP_WRITE);
	r.disk.fail_at = 1;
	assert_int_not_equal(cache_write(&r, 1 << 20, 4096, 7), SLUICE_OK);
	cache_run_ms(&r, 100); /* saving it does not succeed */
	assert_true(cache_is_state(&r, "degraded"));
	assert_int_equal(cache_command(&r, "drop", "{\"dirty_bytes\": 4096}"), -EBUSY);
	cache_store_release(&r);
	for (int i = 0; i < 2000 && !part.is_done; i++)
		cache_turn(&r);
	assert_int_not_equal(part.status, SLUICE_OK);
	assert_int_equal(cache_command(&r, "drop", "{\"dirty_bytes\": 4096}"), 0);
	r.store.fail_ops = 0;
	cache_wait_state(&r, "serving");
	free(buf);
}

/* A window with an older copy is on its way when the log fails: the newest copy goes after it. */
static void what_is_saved_of_a_failed_log_comes_after_the_window_under_way(void **state)
{
	attach(CACHE_WRITE_BACK ",destage_age_ms=20");
	r.store.is_held = true;
	r.store.held_ops = SLUICE_OP_BIT(SLUICE_OP_WRITE);
	cache_write(&r, 0, 4096, 5);
	for (int i = 0; i < 2000 && r.store.held_count == 0; i++)
		cache_turn(&r);
	assert_int_equal(r.store.held_count, 1);
	r.store.is_held = false; /* but for that one */
	assert_int_equal(cache_write(&r, 0, 4096, 6), SLUICE_OK);
	r.disk.fail_at = 1;
	assert_int_not_equal(cache_write(&r, 1 << 20, 4096, 7), SLUICE_OK);
	cache_run_ms(&r, 200);
	cache_store_release(&r);
	cache_wait_state(&r, "serving");
	assert_true(cache_is_stamped(r.store.memory, 0, 4096, 6));
	assert_true(cache_reads(&r, 0, 4096, 6));
}

#define U(name) cmocka_unit_test_setup_teardown(name, open_it, close_it)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    U(a_failed_journal_is_opened_again),
	    U(what_is_given_up_stays_so_with_a_journal),
	    U(zeros_are_not_given_up_as_nothing),
	    U(a_failed_log_is_not_given_up_under_a_write),
	    U(what_is_saved_of_a_failed_log_comes_after_the_window_under_way),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
