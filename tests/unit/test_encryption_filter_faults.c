/* SPDX-License-Identifier: MIT */
/* test_encryption_filter_faults.c - the n-th I/O below fails, for every n; drains, aborts and locks
 * under I/O; nothing is left behind. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "encryption_rig.h"

#define LONG (3ull << 20)

/* What the whole story asks of the layers below; how many I/Os have failed. */
static uint32_t story(struct rig *r)
{
	uint32_t failed = 0;

	failed += rig_write(r, 0, 4096, 1) != SLUICE_OK;
	failed += rig_write(r, 65536, LONG, 2) != SLUICE_OK;
	failed += rig_io(r, SLUICE_OP_READ, 0, 4096, r->buf) != SLUICE_OK;
	failed += rig_io(r, SLUICE_OP_READ, 65536, LONG, r->buf) != SLUICE_OK;
	failed += rig_io(r, SLUICE_OP_UNMAP, 0, 4096, NULL) != SLUICE_OK;
	failed += rig_io(r, SLUICE_OP_FLUSH, 0, 0, NULL) != SLUICE_OK;
	return failed;
}

static void the_nth_failure_below_is_told_and_harms_nothing_else(void **state)
{
	static const char *const ways[] = {"down", "up"};
	struct rig r;
	char params[128];

	rig_open(&r, 512, "");
	rig_format(&r);
	for (uint32_t way = 0; way < 2; way++) {
		uint32_t n = 0, failed;

		do {
			n++;
			snprintf(params, sizeof(params),
				 "action=fail,status=no_space,way=%s,nth=%u,once=true", ways[way],
				 n);
			rig_inject(&r, params);
			failed = story(&r);
			assert_true(failed <= 1);
			if (failed)
				assert_true(n <= 8);
			rig_inject(&r, NULL);
			/* All is well afterwards. */
			assert_int_equal(story(&r), 0);
			assert_int_equal(rig_write(&r, 0, LONG, n), SLUICE_OK);
			rig_check(&r, 0, LONG, n);
		} while (failed);
		assert_int_equal(n, 9); /* 1 + 3 pieces + 4 */
	}
	rig_close(&r);
}

static void the_status_from_below_reaches_the_initiator(void **state)
{
	struct rig r;

	rig_open(&r, 512, "");
	rig_format(&r);
	rig_inject(&r, "action=fail,status=no_space");
	assert_int_equal(rig_write(&r, 0, 4096, 1), SLUICE_ERR_NO_SPACE);
	assert_int_equal(rig_write(&r, 0, LONG, 1), SLUICE_ERR_NO_SPACE);
	assert_int_equal(rig_io(&r, SLUICE_OP_READ, 0, 4096, r.buf), SLUICE_ERR_NO_SPACE);
	rig_close(&r);
}

/* A failed read leaves whatever came; it must not be taken for data and decrypted. */
static void a_failed_read_is_not_decrypted(void **state)
{
	struct rig r;
	static uint8_t raw[4096];

	rig_open(&r, 512, "");
	rig_format(&r);
	assert_int_equal(rig_write(&r, 0, 4096, 1), SLUICE_OK);
	rig_raw(&r, 0, 4096, raw);
	rig_inject(&r, "action=fail,way=up,op=read");
	assert_int_equal(rig_io(&r, SLUICE_OP_READ, 0, 4096, r.buf), SLUICE_ERR_IO);
	assert_memory_equal(r.buf, raw, 4096);
	rig_close(&r);
}

static void start_many(struct rig *r, uint8_t **data, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		data[i] = aligned_alloc(4096, LONG);
		rig_fill(data[i], LONG, i);
		rig_start(r, SLUICE_OP_WRITE, i * LONG, i % 2 ? LONG : 65536, data[i]);
	}
}

static void free_all(uint8_t **data, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		free(data[i]);
}

static void a_change_under_io_waits_for_held_writes(void **state)
{
	struct rig r;
	uint8_t *data[20];

	rig_open(&r, 512, "");
	rig_format(&r);
	rig_inject(&r, "action=delay,op=write,delay_us=3000");
	start_many(&r, data, 20);
	assert_true(r.ended < 20);
	assert_int_equal(rig_set(&r, "key_id=new"), 0); /* drains */
	for (int i = 0; i < 1000 && r.ended < 20; i++)
		fake_env_advance(&r.fe, 1 * MS);
	assert_int_equal(r.ended, 20);
	for (uint32_t i = 0; i < 20; i++)
		rig_check(&r, i * LONG, i % 2 ? LONG : 65536, i);
	free_all(data, 20);
	rig_close(&r);
}

/* It comes when there are no tokens any more. */
static void a_long_write_that_a_drain_lets_go_passes_in_one_piece(void **state)
{
	struct rig r;
	uint8_t *data[1];

	rig_open(&r, 512, "");
	rig_format(&r);
	rig_inject_above(&r, "action=hang,op=write,deadline_ms=600000");
	data[0] = aligned_alloc(4096, LONG);
	rig_fill(data[0], LONG, 3);
	rig_start(&r, SLUICE_OP_WRITE, 0, LONG, data[0]);
	assert_int_equal(r.ended, 0);
	assert_int_equal(rig_set(&r, "key_id=new"), 0);
	assert_int_equal(r.ended, 1);
	assert_int_equal(r.last_status, SLUICE_OK);
	assert_int_equal(rig_figure(&r, "deferred_writes"), 0);
	rig_check(&r, 0, LONG, 3);
	free_all(data, 1);
	rig_close(&r);
}

static void a_lock_under_io_fails_what_waits(void **state)
{
	struct rig r;
	uint8_t *data[20];

	rig_open(&r, 512, "");
	rig_format(&r);
	assert_int_equal(rig_write(&r, 128 << 20, 4096, 7), SLUICE_OK);
	rig_inject(&r, "action=delay,delay_us=3000");
	start_many(&r, data, 20);
	memset(r.buf, 0, 4096);
	rig_start(&r, SLUICE_OP_READ, 128 << 20, 4096, r.buf);
	assert_int_equal(rig_command(&r, "lock", "{}", ""), 0);
	for (int i = 0; i < 1000 && r.ended < 22; i++)
		fake_env_advance(&r.fe, 1 * MS);
	assert_int_equal(r.ended, 22); /* and the first write */
	assert_int_equal(r.last_status, SLUICE_ERR_LOCKED);
	rig_fill(r.check, 4096, 7);
	assert_memory_not_equal(r.buf, r.check, 4096);
	free_all(data, 20);
	rig_close(&r);
}

static void an_aborted_write_ends_soon(void **state)
{
	struct rig r;
	uint8_t *data[20];
	struct sluice_io *io;

	rig_open(&r, 512, "");
	rig_format(&r);
	rig_inject(&r, "action=delay,op=write,delay_us=3000");
	start_many(&r, data, 20);
	io = rig_start(&r, SLUICE_OP_WRITE, 128 << 20, 32 << 20, r.buf);
	fake_env_advance(&r.fe, 1 * MS);
	chain_abort(r.c, io);
	for (int i = 0; i < 60 && r.ended < 21; i++)
		fake_env_advance(&r.fe, 1 * MS);
	assert_int_equal(r.ended, 21);
	free_all(data, 20);
	rig_close(&r);
}

static void a_failed_scan_formats_nothing(void **state)
{
	struct rig r;

	rig_open(&r, 512, "");
	rig_inject(&r, "action=fail,op=extent");
	assert_int_equal(rig_command(&r, "format", "{}", "a"), -EIO);
	assert_string_equal(rig_state(&r), "unformatted");
	rig_inject(&r, NULL);
	rig_format(&r);
	rig_close(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    T(the_nth_failure_below_is_told_and_harms_nothing_else),
	    T(the_status_from_below_reaches_the_initiator),
	    T(a_failed_read_is_not_decrypted),
	    T(a_change_under_io_waits_for_held_writes),
	    T(a_long_write_that_a_drain_lets_go_passes_in_one_piece),
	    T(a_lock_under_io_fails_what_waits),
	    T(an_aborted_write_ends_soon),
	    T(a_failed_scan_formats_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
