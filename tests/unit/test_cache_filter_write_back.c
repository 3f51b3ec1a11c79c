/* SPDX-License-Identifier: MIT */
/* Write-back: acknowledged from the log, read back from wherever it is newest, brought down in
 * time. */
#include "cache_rig.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static struct cache_rig r;

static int open_it(void **state)
{
	cache_open(&r, CACHE_SIZE, true);
	cache_attach(&r, CACHE_WRITE_BACK ",destage_age_ms=3600000");
	cache_wait_state(&r, "serving");
	return 0;
}

static int close_it(void **state)
{
	cache_close(&r);
	return 0;
}

static void a_write_is_acknowledged_before_the_datastore_has_it(void **state)
{
	assert_int_equal(cache_write(&r, 8192, 8192, 5), SLUICE_OK);
	assert_int_equal(r.store.writes, 0);
	assert_int_equal(cache_number(&r, "dirty_bytes"), 8192);
	assert_true(cache_reads(&r, 8192, 8192, 5));
	assert_int_equal(cache_command(&r, "drop", "{}"), 0); /* clean copies; now from the log */
	assert_int_equal(cache_number(&r, "dirty_bytes"), 8192);
	assert_true(cache_reads(&r, 8192, 8192, 5));
	assert_true(cache_reads(&r, 8704, 1024, 5));
}

/* Log, memory, zeros and datastore in one read. */
static void a_read_is_put_together_from_everywhere(void **state)
{
	char *buf = aligned_alloc(4096, 65536);

	for (uint64_t at = 0; at < 65536; at += 4096)
		cache_stamp(r.store.memory + at, at, 4096, 1);
	cache_write(&r, 8192, 4096, 2);
	cache_write(&r, 16384, 8192, 3);
	cache_write(&r, 41472, 1024, 4); /* inside of a block */
	assert_int_equal(cache_io(&r, SLUICE_OP_UNMAP, 28672, 8192, NULL), SLUICE_OK);
	cache_command(&r, "drop", "{}");
	cache_reads(&r, 49152, 4096, 1); /* in memory */
	memset(buf, 0xee, 65536);
	assert_int_equal(cache_io(&r, SLUICE_OP_READ, 512, 61440, buf), SLUICE_OK);
	assert_true(cache_is_stamped(buf, 512, 7680, 1));
	assert_true(cache_is_stamped(buf + 7680, 8192, 4096, 2));
	assert_true(cache_is_stamped(buf + 15872, 16384, 8192, 3));
	assert_true(cache_is_stamped(buf + 28160, 28672, 8192, 0));
	assert_true(cache_is_stamped(buf + 40448, 40960, 512, 1));
	assert_true(cache_is_stamped(buf + 40960, 41472, 1024, 4));
	assert_true(cache_is_stamped(buf + 41984, 42496, 8192, 1));
	free(buf);
}

static void parts_of_blocks_are_merged(void **state)
{
	for (uint64_t at = 0; at < 16384; at += 512)
		cache_stamp(r.store.memory + at, at, 512, 1);
	assert_int_equal(cache_write(&r, 512, 512, 2), SLUICE_OK);
	assert_int_equal(cache_write(&r, 3584, 1024, 3), SLUICE_OK); /* two ends */
	assert_int_equal(cache_write(&r, 7680, 5120, 4), SLUICE_OK); /* ends and a middle */
	assert_true(cache_reads(&r, 0, 512, 1));
	assert_true(cache_reads(&r, 512, 512, 2));
	assert_true(cache_reads(&r, 1024, 2560, 1));
	assert_true(cache_reads(&r, 3584, 1024, 3));
	assert_true(cache_reads(&r, 4608, 3072, 1));
	assert_true(cache_reads(&r, 7680, 5120, 4));
	assert_true(cache_reads(&r, 12800, 3584, 1));
	assert_int_equal(cache_io(&r, SLUICE_OP_WRITE_ZEROES, 8704, 512, NULL), SLUICE_OK);
	assert_true(cache_reads(&r, 8192, 512, 4));
	assert_true(cache_reads(&r, 8704, 512, 0));
	assert_true(cache_reads(&r, 9216, 512, 4));
	assert_int_equal(cache_settle(&r), 0);
	assert_true(cache_is_stamped(r.store.memory + 9216, 9216, 3584, 4));
	assert_true(cache_is_stamped(r.store.memory + 8704, 8704, 512, 0));
}

/* Eight neighbours in one block at once: none is lost. */
static void neighbours_in_a_block_do_not_lose_each_other(void **state)
{
	struct cache_io x[16];
	char *buf = aligned_alloc(4096, 8192);

	cache_stamp(buf, 0, 8192, 9);
	for (int i = 0; i < 16; i++) {
		x[i] = (struct cache_io){.op = SLUICE_OP_WRITE,
					 .offset_bytes = (uint64_t)i * 512,
					 .len_bytes = 512,
					 .buf = buf + i * 512};
		assert_true(cache_io_start(&r, &x[i]));
	}
	while (r.under_way > 0)
		cache_turn(&r);
	assert_true(cache_reads(&r, 0, 8192, 9));
	assert_int_equal(cache_command(&r, "flush", "{}"), 0);
	assert_true(cache_is_stamped(r.store.memory, 0, 8192, 9));
	free(buf);
}

static void flush_is_the_logs(void **state)
{
	uint64_t flushes = r.store.flushes;

	cache_write(&r, 0, 4096, 1);
	assert_int_equal(cache_io(&r, SLUICE_OP_FLUSH, 0, 0, NULL), SLUICE_OK);
	assert_int_equal(r.store.flushes, flushes);
	assert_int_equal(r.store.writes, 0);
}

static void age_brings_it_down_in_the_background(void **state)
{
	assert_int_equal(cache_change(&r, CACHE_WRITE_BACK ",destage_age_ms=100"), 0);
	cache_wait_state(&r, "serving");
	cache_write(&r, 0, 65536, 1);
	for (int i = 0; i < 5000 && cache_number(&r, "dirty_bytes") > 0; i++)
		cache_turn(&r);
	assert_int_equal(cache_number(&r, "dirty_bytes"), 0);
	assert_true(cache_is_stamped(r.store.memory, 0, 65536, 1));
	assert_true(r.store.background > 0);
}

static void what_is_overwritten_goes_down_once(void **state)
{
	for (uint32_t i = 1; i <= 20; i++)
		cache_write(&r, 0, 4096, i);
	assert_int_equal(cache_command(&r, "flush", "{}"), 0);
	assert_int_equal(r.store.writes, 1);
	assert_true(cache_number(&r, "coalesced_bytes") >= 19 * 4096);
	assert_true(cache_reads(&r, 0, 4096, 20));
}

static void flush_ended(void *ctx, int result, const char *reply_json, const struct err *err)
{
	cache_control_done(ctx, result, err);
}

/* So that whoever waits for room does not wait for one datastore I/O after the other. */
static void more_go_down_at_once_when_somebody_waits(void **state)
{
	static struct cache_io writes[64];
	char *buf = aligned_alloc(4096, sizeof(writes) / sizeof(writes[0]) * 4096);

	assert_int_equal(cache_change(&r, CACHE_WRITE_BACK ",destage_age_ms=1000"), 0);
	cache_wait_state(&r, "serving");
	r.store.is_held = true;
	r.store.held_ops = SLUICE_OP_BIT(SLUICE_OP_WRITE);
	for (uint64_t i = 0; i < 64; i++) { /* apart from each other, and one window */
		writes[i] = (struct cache_io){.op = SLUICE_OP_WRITE,
					      .offset_bytes = i * 8192,
					      .len_bytes = 4096,
					      .buf = buf + i * 4096};
		cache_stamp(writes[i].buf, i * 8192, 4096, 5);
		assert_true(cache_io_start(&r, &writes[i]));
	}
	for (int i = 0; i < 20000 && r.store.held_count == 0; i++)
		cache_turn(&r);
	cache_run_ms(&r, 50);
	assert_int_equal(r.store.held_count, 8);
	r.result = -EINPROGRESS;
	chain_command(r.c, "cache", "flush", "{}", -1, flush_ended, &r);
	for (int i = 0; i < 20000 && r.store.held_count < 32; i++)
		cache_turn(&r);
	assert_int_equal(r.store.held_count, 32); /* all the own I/O that this chain has */
	cache_store_release(&r);
	assert_int_equal(cache_wait_control(&r), 0);
	for (uint64_t i = 0; i < 64; i++)
		assert_true(cache_is_stamped(r.store.memory + i * 8192, i * 8192, 4096, 5));
	free(buf);
}

static void it_is_there_again_after_a_stop_and_after_a_crash(void **state)
{
	cache_write(&r, 0, 4096, 1);
	cache_write(&r, 512, 512, 2);
	cache_stop(&r);
	assert_int_equal(r.store.writes, 0);
	cache_attach(&r, CACHE_WRITE_BACK ",destage_age_ms=3600000");
	cache_wait_state(&r, "serving");
	assert_true(cache_reads(&r, 512, 512, 2));
	cache_write(&r, 8192, 4096, 3);
	cache_crash(&r);
	cache_attach(&r, CACHE_WRITE_BACK ",destage_age_ms=3600000");
	assert_true(cache_reads(&r, 8192, 4096, 3)); /* held until the log is read */
	assert_true(cache_reads(&r, 0, 512, 1));
	assert_true(cache_reads(&r, 512, 512, 2));
	assert_non_null(strstr(r.kinds, "cache_recovered"));
}

static void a_change_of_mode_brings_all_of_it_down(void **state)
{
	cache_write(&r, 0, 65536, 1);
	assert_int_equal(cache_change(&r, "mode=write_through"), 0);
	assert_true(cache_is_stamped(r.store.memory, 0, 65536, 1));
	cache_wait_state(&r, "serving");
	assert_true(cache_reads(&r, 0, 65536, 1));
	cache_write(&r, 0, 4096, 2);
	assert_true(cache_is_stamped(r.store.memory, 0, 4096, 2));
	assert_int_equal(cache_change(&r, CACHE_WRITE_BACK), 0);
	cache_wait_state(&r, "serving");
	assert_true(cache_reads(&r, 0, 4096, 2));
	cache_write(&r, 0, 4096, 3);
	assert_int_equal(cache_detach(&r), 0);
	assert_true(cache_is_stamped(r.store.memory, 0, 4096, 3));
	cache_attach(&r, "");
	cache_wait_state(&r, "serving");
}

static void extents_know_the_log(void **state)
{
	struct cache_io x = {.op = SLUICE_OP_EXTENT, .len_bytes = 65536};

	cache_io(&r, SLUICE_OP_UNMAP, 0, 8192, NULL);
	cache_write(&r, 8192, 4096, 1);
	assert_int_equal(cache_io(&r, SLUICE_OP_EXTENT, 0, 65536, NULL), SLUICE_OK);
	x.offset_bytes = 12288;
	assert_true(cache_io_start(&r, &x));
	while (!x.is_done)
		cache_turn(&r);
	assert_int_equal(x.status, SLUICE_OK);
}

static void more_than_the_log_holds_gets_through(void **state)
{
	for (int round = 1; round <= 3; round++) {
		for (uint64_t at = 0; at < CACHE_SIZE; at += 1 << 20)
			assert_int_equal(cache_write(&r, at, 1 << 20, (uint32_t)round), SLUICE_OK);
	}
	for (uint64_t at = 0; at < CACHE_SIZE; at += 1 << 20)
		assert_true(cache_reads(&r, at, 1 << 20, 3));
	assert_int_equal(cache_settle(&r), 0);
	assert_true(cache_is_stamped(r.store.memory, 0, CACHE_SIZE, 3));
}

static void a_drain_alone_leaves_it_dirty(void **state)
{
	cache_write(&r, 0, 65536, 1);
	assert_int_equal(cache_drain(&r), 0);
	assert_int_equal(cache_number(&r, "dirty_bytes"), 65536);
	assert_int_equal(r.store.writes, 0);
}

#define U(name) cmocka_unit_test_setup_teardown(name, open_it, close_it)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    U(a_write_is_acknowledged_before_the_datastore_has_it),
	    U(a_read_is_put_together_from_everywhere),
	    U(parts_of_blocks_are_merged),
	    U(neighbours_in_a_block_do_not_lose_each_other),
	    U(flush_is_the_logs),
	    U(age_brings_it_down_in_the_background),
	    U(what_is_overwritten_goes_down_once),
	    U(more_go_down_at_once_when_somebody_waits),
	    U(it_is_there_again_after_a_stop_and_after_a_crash),
	    U(a_change_of_mode_brings_all_of_it_down),
	    U(extents_know_the_log),
	    U(more_than_the_log_holds_gets_through),
	    U(a_drain_alone_leaves_it_dirty),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
