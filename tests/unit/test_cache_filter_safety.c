/* SPDX-License-Identifier: MIT */
/* Changes, restarts and failures at the wrong moment: nothing that was acknowledged is lost, and
 * nothing waits for ever. */
#include "cache_rig.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct cache_rig r;
static char log_path[256];

#define LAZY CACHE_WRITE_BACK ",destage_age_ms=3600000"

static int open_it(void **state)
{
	cache_open(&r, CACHE_SIZE, true);
	cache_log_path(&r, log_path, sizeof(log_path));
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

/* ---------------------------------------------------------------- the host's store */

static int (*store_get)(void *ctx, const char *filter, const char *key, void *data,
			size_t room_bytes, size_t *size_bytes);
static int (*store_put)(void *ctx, const char *filter, const char *key, const void *data,
			size_t size_bytes);
static int get_error; /* 0: none */
static bool puts_fail, uses_fail;

static int get(void *ctx, const char *filter, const char *key, void *data, size_t room_bytes,
	       size_t *size_bytes)
{
	return get_error ? get_error : store_get(ctx, filter, key, data, room_bytes, size_bytes);
}

static int put(void *ctx, const char *filter, const char *key, const void *data, size_t size_bytes)
{
	const uint32_t *words = data;

	if (uses_fail && strcmp(key, "log") == 0 && words[1] == 2) { /* ACTIVE */
		uses_fail = false;
		return -ENOSPC;
	}
	return puts_fail ? -ENOSPC : store_put(ctx, filter, key, data, size_bytes);
}

/* In force from the next start of the volume on. */
static void hook_store(void)
{
	store_get = r.host.store_get;
	store_put = r.host.store_put;
	get_error = 0;
	puts_fail = uses_fail = false;
	r.host.store_get = get;
	r.host.store_put = put;
}

static void a_record_that_cannot_be_read_is_not_taken_for_none(void **state)
{
	attach(LAZY);
	cache_write(&r, 0, 4096, 5);
	hook_store();
	get_error = -EIO;
	cache_stop(&r);
	cache_attach(&r, LAZY);
	cache_run_ms(&r, 200);
	assert_false(cache_reads(&r, 0, 4096, 0)); /* never the older copy */
	assert_int_not_equal(cache_write(&r, 4096, 4096, 6), SLUICE_OK);
	assert_int_equal(access(log_path, F_OK), 0);
	get_error = 0;
	cache_wait_state(&r, "serving");
	assert_true(cache_reads(&r, 0, 4096, 5));
}

/* The state folder is lost, or is another appliance's. */
static void a_log_without_a_record_is_not_thrown_away(void **state)
{
	static const char *const modes[] = {LAZY, "mode=write_through"};

	attach(LAZY);
	cache_write(&r, 0, 4096, 5);
	hook_store();
	for (int i = 0; i < 2; i++) {
		get_error = -ENOENT;
		cache_stop(&r);
		cache_attach(&r, modes[i]);
		cache_wait_state(&r, "degraded");
		assert_false(cache_reads(&r, 0, 4096, 0));
		assert_int_equal(access(log_path, F_OK), 0);
	}
	get_error = 0;
	cache_stop(&r);
	attach(LAZY);
	assert_true(cache_reads(&r, 0, 4096, 5));

	get_error = -ENOENT;
	cache_stop(&r);
	cache_attach(&r, LAZY);
	cache_wait_state(&r, "degraded");
	assert_int_not_equal(cache_command(&r, "drop", "{\"dirty_bytes\": 0}"), 0);
	assert_int_equal(cache_command(&r, "drop", "{\"unknown\": true}"), 0);
	cache_wait_state(&r, "serving");
	assert_true(cache_reads(&r, 0, 4096, 0));
}

/* Another mode finds a log, brings it down, and cannot note that at first. */
static void a_clearing_that_cannot_be_noted_is_tried_again(void **state)
{
	attach(LAZY);
	cache_write(&r, 0, 4096, 5);
	hook_store();
	cache_stop(&r);
	puts_fail = true;
	attach("mode=write_through");
	assert_true(cache_is_stamped(r.store.memory, 0, 4096, 5));
	assert_int_equal(cache_write(&r, 0, 4096, 6), SLUICE_OK); /* nothing waits for the note */
	assert_true(cache_is_stamped(r.store.memory, 0, 4096, 6));
	cache_crash(&r);
	attach("mode=write_through");
	assert_true(cache_reads(&r, 0, 4096, 6)); /* the log was empty */
	puts_fail = false;
	for (int i = 0; i < 10000 && access(log_path, F_OK) == 0; i++)
		cache_turn(&r);
	assert_int_not_equal(access(log_path, F_OK), 0);
}

/* ---------------------------------------------------------------- changes */

/* What was dirty at the beginning is down, then the datastore fails before the rest is. */
static void begin_and_fail_in_the_drain(void (*begin)(void))
{
	char *buf = aligned_alloc(4096, 4096);
	struct cache_io late = {
	    .op = SLUICE_OP_WRITE, .offset_bytes = 1 << 20, .len_bytes = 4096, .buf = buf};

	attach(LAZY);
	cache_write(&r, 0, 4096, 5);
	r.store.is_held = true;
	r.result = -EINPROGRESS;
	begin();
	for (int i = 0; i < 2000 && r.store.held_count == 0; i++)
		cache_turn(&r);
	assert_int_equal(r.store.held_count, 1); /* the window's only write */
	cache_stamp(buf, late.offset_bytes, 4096, 6);
	assert_true(cache_io_start(&r, &late));
	for (int i = 0; i < 2000 && !late.is_done; i++)
		cache_turn(&r);
	assert_int_equal(late.status, SLUICE_OK);
	r.store.fail_at = 3; /* it, the flush, and then the late one's write */
	cache_store_release(&r);
	cache_wait_control(&r);
	assert_int_equal(r.store.fail_at, 0);
	free(buf);
}

static void begin_detach(void)
{
	chain_detach(r.c, "cache", cache_control_done, &r);
}

static void begin_change(void)
{
	static const char *const names[] = {"mode"}, *const values[] = {"write_through"};
	struct chain_filter_cfg cfg = {
	    .ops = r.ops, .names = names, .values = values, .value_count = 1};

	chain_reconfigure(r.c, &cfg, cache_control_done, &r);
}

static void begin_flush(void)
{
	static const struct sluice_event flush = {.kind = SLUICE_EVENT_FLUSH};

	chain_event(r.c, &flush, cache_control_done, &r);
}

static void expect_refusal(void)
{
	assert_int_not_equal(r.result, 0);
	assert_non_null(strstr(r.err.text, "4096"));
	assert_int_equal(chain_filter_count(r.c), 1);
	assert_string_equal(cache_text(&r, "mode"), "write_back");
	cache_wait_state(&r, "serving");
	assert_true(cache_reads(&r, 1 << 20, 4096, 6));
	assert_int_equal(cache_command(&r, "flush", "{}"), 0);
	assert_true(cache_is_stamped(r.store.memory + (1 << 20), 1 << 20, 4096, 6));
}

static void a_detach_that_would_leave_dirty_data_is_refused(void **state)
{
	begin_and_fail_in_the_drain(begin_detach);
	expect_refusal();
	assert_int_equal(cache_detach(&r), 0);
}

static void a_change_that_would_leave_dirty_data_is_refused(void **state)
{
	begin_and_fail_in_the_drain(begin_change);
	expect_refusal();
	assert_int_equal(cache_change(&r, "mode=write_through"), 0);
	cache_wait_state(&r, "serving");
}

static void a_flush_that_leaves_dirty_data_is_no_success(void **state)
{
	begin_and_fail_in_the_drain(begin_flush);
	expect_refusal();
}

/* ---------------------------------------------------------------- restarts */

/* The log of a mode that has none any more, above a datastore that takes nothing. */
static void a_drain_does_not_wait_for_a_log_that_cannot_be_cleared(void **state)
{
	char *buf = aligned_alloc(4096, 4096);
	struct cache_io x = {.op = SLUICE_OP_READ, .len_bytes = 4096, .buf = buf};

	attach(LAZY);
	cache_write(&r, 0, 4096, 5);
	cache_stop(&r);
	r.store.fail_ops = SLUICE_OP_BIT(SLUICE_OP_WRITE);
	cache_attach(&r, "mode=write_through");
	cache_run_ms(&r, 100);
	assert_true(cache_io_start(&r, &x));
	cache_turn(&r);
	assert_false(x.is_done);
	assert_int_equal(cache_drain(&r), 0);
	assert_int_equal(x.status, SLUICE_ERR_BUSY);
	r.store.fail_ops = 0;
	cache_wait_state(&r, "serving");
	assert_true(cache_reads(&r, 0, 4096, 5));
	free(buf);
}

static void what_a_restart_finds_dirty_goes_down_without_new_writes(void **state)
{
	attach(LAZY);
	cache_write(&r, 0, 4096, 5);
	cache_crash(&r);
	attach(CACHE_WRITE_BACK ",destage_age_ms=20");
	for (int i = 0; i < 2000 && cache_number(&r, "dirty_bytes") > 0; i++)
		cache_turn(&r);
	assert_int_equal(cache_number(&r, "dirty_bytes"), 0);
	assert_true(cache_is_stamped(r.store.memory, 0, 4096, 5));
}

/* ---------------------------------------------------------------- a device instead of a folder */

static char device[64];

/* What begins with /dev/ counts as one. */
static int open_with_device(void **state)
{
	char params[200];

	open_it(state);
	snprintf(device, sizeof(device), "/dev/shm/cache_safety.%d", (int)getpid());
	unlink(device);
	snprintf(params, sizeof(params), "flash_path=%s,flash_bytes=33554432", device);
	assert_int_equal(cache_group(&r, params), 0);
	return 0;
}

static int close_with_device(void **state)
{
	close_it(state);
	unlink(device);
	return 0;
}

/* The log that failed is still on it, with blocks that are older than what was written since. */
static void what_was_saved_from_a_failed_log_on_a_device_stays_forgotten(void **state)
{
	attach(LAZY);
	cache_write(&r, 0, 65536, 5);
	r.disk.fail_at = 1;
	assert_int_not_equal(cache_write(&r, 1 << 20, 4096, 7), SLUICE_OK);
	for (int i = 0; i < 4000 && cache_write(&r, 0, 4096, 8) != SLUICE_OK; i++)
		cache_turn(&r);
	cache_wait_state(&r, "serving");
	cache_run_ms(&r, 500);
	cache_wait_state(&r, "serving");
	assert_int_equal(cache_command(&r, "drop", "{}"), 0); /* clean copies */
	assert_true(cache_reads(&r, 0, 4096, 8));
	assert_int_equal(cache_command(&r, "flush", "{}"), 0);
	assert_true(cache_is_stamped(r.store.memory, 0, 4096, 8));
	assert_true(cache_is_stamped(r.store.memory + 4096, 4096, 61440, 5));
}

static void a_device_serves_again_after_another_mode(void **state)
{
	attach(LAZY);
	cache_write(&r, 0, 4096, 5);
	assert_int_equal(cache_change(&r, "mode=write_through"), 0);
	cache_wait_state(&r, "serving");
	assert_true(cache_is_stamped(r.store.memory, 0, 4096, 5));
	cache_write(&r, 0, 4096, 6);
	assert_int_equal(cache_change(&r, LAZY), 0);
	cache_wait_state(&r, "serving");
	assert_true(cache_reads(&r, 0, 4096, 6));
	cache_write(&r, 0, 4096, 7);
	assert_true(cache_is_stamped(r.store.memory, 0, 4096, 6));
}

/* ---------------------------------------------------------------- deletion */

static void delete_it(void)
{
	static const struct sluice_event delete = {.kind = SLUICE_EVENT_DELETE};

	r.result = -EINPROGRESS;
	chain_event(r.c, &delete, cache_control_done, &r);
	assert_int_equal(cache_wait_control(&r), 0);
	cache_stop(&r);
	memset(r.records, 0, sizeof(r.records));
}

static void a_deleted_volume_leaves_nothing_on_flash(void **state)
{
	char clean_path[256];

	snprintf(clean_path, sizeof(clean_path), "%.*s.clean", (int)strlen(log_path) - 4, log_path);
	attach(LAZY ",flash_read_bytes=16777216");
	cache_write(&r, 0, 4096, 5);
	assert_int_equal(access(log_path, F_OK), 0);
	assert_int_equal(access(clean_path, F_OK), 0);
	delete_it();
	assert_int_not_equal(access(log_path, F_OK), 0);
	assert_int_not_equal(access(clean_path, F_OK), 0);
}

static void a_degraded_volume_can_be_deleted(void **state)
{
	FILE *f;

	attach(LAZY);
	cache_write(&r, 0, 4096, 5);
	cache_stop(&r);
	f = fopen(log_path, "r+b");
	assert_non_null(f);
	for (int i = 0; i < 1 << 20; i++)
		fputc(0x5a, f);
	assert_int_equal(fclose(f), 0);
	cache_attach(&r, LAZY);
	cache_wait_state(&r, "degraded");
	delete_it();
	assert_int_not_equal(access(log_path, F_OK), 0);
}

/* The log is there, but nobody could note that it is in use. */
static void a_device_serves_when_the_note_of_its_use_failed_once(void **state)
{
	hook_store();
	cache_stop(&r);
	uses_fail = true;
	cache_attach(&r, LAZY);
	for (int i = 0; i < 4000 && uses_fail; i++)
		cache_turn(&r);
	cache_wait_state(&r, "serving");
	cache_write(&r, 0, 4096, 7);
	assert_true(cache_reads(&r, 0, 4096, 7));
	assert_true(cache_is_stamped(r.store.memory, 0, 4096, 0));
}

/* ---------------------------------------------------------------- large volumes */

static uint64_t found_bytes;

static void found(struct sluice_io *io)
{
	assert_int_equal(io->status, SLUICE_OK);
	found_bytes = io->extent_bytes;
	chain_io_put(r.c, io);
}

/* Looking at each block of terabytes would keep the worker. */
static void an_extent_is_looked_for_in_one_gibibyte(void **state)
{
	const uint64_t size = 4ull << 30;
	struct sluice_io *io;

	cache_close(&r);
	cache_open(&r, size, true);
	attach(LAZY);
	cache_write(&r, size - 4096, 4096, 5);
	io = chain_io_get(r.c);
	io->op = SLUICE_OP_EXTENT;
	io->offset_bytes = 0;
	io->len_bytes = size;
	found_bytes = 0;
	chain_submit(r.c, io, found, NULL);
	for (int i = 0; i < 2000 && !found_bytes; i++)
		cache_turn(&r);
	assert_int_equal(found_bytes, 1ull << 30);
}

/* What a failed log has is looked for in steps; nothing is passed over. */
static void a_failed_log_of_a_large_volume_is_saved_whole(void **state)
{
	const uint64_t size = 4ull << 30;

	cache_close(&r);
	cache_open(&r, size, true);
	attach(LAZY);
	cache_write(&r, size - 4096, 4096, 5);
	cache_write(&r, (1ull << 30) - 4096, 8192, 6);
	r.disk.fail_at = 1;
	assert_int_not_equal(cache_write(&r, 1 << 20, 4096, 7), SLUICE_OK);
	cache_wait_state(&r, "serving");
	assert_true(cache_is_stamped(r.store.memory + size - 4096, size - 4096, 4096, 5));
	assert_true(
	    cache_is_stamped(r.store.memory + (1ull << 30) - 4096, (1ull << 30) - 4096, 8192, 6));
}

#define U(name) cmocka_unit_test_setup_teardown(name, open_it, close_it)
#define D(name) cmocka_unit_test_setup_teardown(name, open_with_device, close_with_device)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    U(a_record_that_cannot_be_read_is_not_taken_for_none),
	    U(a_log_without_a_record_is_not_thrown_away),
	    U(a_clearing_that_cannot_be_noted_is_tried_again),
	    U(a_detach_that_would_leave_dirty_data_is_refused),
	    U(a_change_that_would_leave_dirty_data_is_refused),
	    U(a_flush_that_leaves_dirty_data_is_no_success),
	    U(a_drain_does_not_wait_for_a_log_that_cannot_be_cleared),
	    U(what_a_restart_finds_dirty_goes_down_without_new_writes),
	    U(a_deleted_volume_leaves_nothing_on_flash),
	    U(a_degraded_volume_can_be_deleted),
	    D(what_was_saved_from_a_failed_log_on_a_device_stays_forgotten),
	    D(a_device_serves_again_after_another_mode),
	    D(a_device_serves_when_the_note_of_its_use_failed_once),
	    U(an_extent_is_looked_for_in_one_gibibyte),
	    U(a_failed_log_of_a_large_volume_is_saved_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
