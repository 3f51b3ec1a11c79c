/* SPDX-License-Identifier: MIT */
/* Order of what goes down and up, aborts, drains, growth, budgets, and hot blocks after a restart.
 */
#include "cache_rig.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct cache_rig r;

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

/* ---------------------------------------------------------------- order */

static char order[256];

static void noted(struct cache_io *x)
{
	size_t n = strlen(order);

	snprintf(order + n, sizeof(order) - n, "%s%u ", (const char *)x->ctx, x->status);
}

static struct cache_io io_of(enum sluice_op op, uint64_t at, uint64_t len, void *buf,
			     const char *name)
{
	return (struct cache_io){.op = (uint8_t)op,
				 .offset_bytes = at,
				 .len_bytes = len,
				 .buf = buf,
				 .fn = noted,
				 .ctx = (void *)(uintptr_t)name};
}

static void wait_all(void)
{
	for (int i = 0; i < 20000 && r.under_way > 0; i++)
		cache_turn(&r);
	assert_int_equal(r.under_way, 0);
}

/* A hit ends inside of its submission; a miss waits for the datastore. */
static void a_hit_does_not_wait_for_a_miss(void **state)
{
	char *buf = aligned_alloc(4096, 8192);
	struct cache_io miss = io_of(SLUICE_OP_READ, 65536, 4096, buf, "miss");
	struct cache_io hit = io_of(SLUICE_OP_READ, 0, 4096, buf + 4096, "hit");

	attach("");
	order[0] = '\0';
	assert_true(cache_reads(&r, 0, 4096, 0));
	r.store.is_held = true;
	assert_true(cache_io_start(&r, &miss));
	assert_true(cache_io_start(&r, &hit));
	assert_true(hit.is_done);
	assert_false(miss.is_done);
	cache_store_release(&r);
	wait_all();
	assert_string_equal(order, "hit0 miss0 ");
	free(buf);
}

/* Writes of one block are acknowledged in the order in which they came. */
static void writes_of_a_block_keep_their_order(void **state)
{
	char *buf = aligned_alloc(4096, 3 * 4096);
	struct cache_io a = io_of(SLUICE_OP_WRITE, 0, 512, buf, "a");
	struct cache_io b = io_of(SLUICE_OP_WRITE, 0, 4096, buf + 4096, "b");
	struct cache_io c = io_of(SLUICE_OP_WRITE, 1024, 512, buf + 8192, "c");

	attach(CACHE_WRITE_BACK ",destage_age_ms=3600000");
	order[0] = '\0';
	cache_stamp(buf, 0, 512, 1);
	cache_stamp(buf + 4096, 0, 4096, 2);
	cache_stamp(buf + 8192, 1024, 512, 3);
	assert_true(cache_io_start(&r, &a)); /* has to read the block first */
	assert_true(cache_io_start(&r, &b));
	assert_true(cache_io_start(&r, &c));
	wait_all();
	assert_string_equal(order, "a0 b0 c0 ");
	assert_true(cache_reads(&r, 0, 1024, 2));
	assert_true(cache_reads(&r, 1024, 512, 3));
	assert_true(cache_reads(&r, 1536, 2560, 2));
	free(buf);
}

static void what_waits_can_be_aborted(void **state)
{
	char *buf = aligned_alloc(4096, 1 << 20);
	struct cache_io x[12];

	attach(CACHE_WRITE_BACK ",destage_age_ms=3600000");
	r.store.fail_ops = SLUICE_OP_BIT(SLUICE_OP_WRITE);
	memset(buf, 1, 1 << 20);
	for (int i = 0; i < 12; i++) {
		x[i] = io_of(SLUICE_OP_WRITE, 0, 1 << 20, buf, "");
		x[i].offset_bytes = (uint64_t)(i % 8) << 20;
		x[i].fn = NULL;
		assert_true(cache_io_start(&r, &x[i]));
		cache_run_ms(&r, 5);
	}
	cache_run_ms(&r, 50);
	assert_true(cache_number(&r, "writers_waiting") > 0);
	assert_false(x[11].is_done);
	chain_abort(r.c, x[11].io);
	assert_true(x[11].is_done);
	assert_int_equal(x[11].status, SLUICE_ERR_ABORTED);
	r.store.fail_ops = 0;
	wait_all();
	for (int i = 0; i < 11; i++)
		assert_int_equal(x[i].status, SLUICE_OK);
	free(buf);
}

/* ---------------------------------------------------------------- drains and growth */

static void a_drain_under_writes_loses_none(void **state)
{
	char *buf = aligned_alloc(4096, 64 * 4096);
	struct cache_io x[64];

	attach(CACHE_WRITE_BACK);
	for (int i = 0; i < 64; i++) {
		x[i] = io_of(SLUICE_OP_WRITE, (uint64_t)i * 8192 + 512, 4096, buf + i * 4096, "");
		x[i].fn = NULL;
		cache_stamp(x[i].buf, x[i].offset_bytes, 4096, 7);
		assert_true(cache_io_start(&r, &x[i]));
	}
	assert_int_equal(cache_drain(&r), 0);
	assert_int_equal(r.under_way, 0);
	for (int i = 0; i < 64; i++) {
		assert_int_equal(x[i].status, SLUICE_OK);
		assert_true(cache_reads(&r, x[i].offset_bytes, 4096, 7));
	}
	free(buf);
}

/* Writes go on until the chain is drained: those too are on the datastore when the cache is gone.
 */
static void a_detachment_under_writes_leaves_nothing_behind(void **state)
{
	char *buf = aligned_alloc(4096, 96 * 4096);
	struct cache_io x[96];

	for (int round = 0; round < 5; round++) {
		attach(CACHE_WRITE_BACK ",destage_age_ms=3600000");
		for (int i = 0; i < 96; i++) {
			x[i] = io_of(SLUICE_OP_WRITE, (uint64_t)i * 8192, 4096, buf + i * 4096, "");
			x[i].fn = NULL;
			cache_stamp(x[i].buf, x[i].offset_bytes, 4096, 7 + (uint32_t)round);
			assert_true(cache_io_start(&r, &x[i]));
			if (i == 30) {
				r.result = -EINPROGRESS;
				chain_detach(r.c, "cache", cache_control_done, &r);
			}
			if (i % 30 == 29)
				cache_turn(&r);
		}
		assert_int_equal(cache_wait_control(&r), 0);
		wait_all();
		for (int i = 0; i < 96; i++)
			assert_true(cache_is_stamped(r.store.memory + i * 8192, (uint64_t)i * 8192,
						     4096, 7 + (uint32_t)round));
	}
	free(buf);
}

/* What passed through while the log was made counts as persistent after a FLUSH of the log. */
static void write_back_begins_when_all_that_passed_is_persistent(void **state)
{
	char *buf = aligned_alloc(4096, 4096);
	struct cache_io x = io_of(SLUICE_OP_WRITE, 0, 4096, buf, "");

	x.fn = NULL;
	cache_stamp(buf, 0, 4096, 3);
	cache_attach(&r, CACHE_WRITE_BACK);
	while (!cache_is_state(&r, "preparing"))
		cache_turn(&r);
	r.store.is_held = true;
	r.store.held_ops = SLUICE_OP_BIT(SLUICE_OP_WRITE);
	assert_true(cache_io_start(&r, &x));
	cache_run_ms(&r, 300);
	assert_true(cache_is_state(&r, "preparing"));
	assert_int_equal(r.store.flushes, 0);
	cache_store_release(&r);
	cache_wait_state(&r, "serving");
	assert_int_equal(x.status, SLUICE_OK);
	assert_int_equal(r.store.flushes, 1);
	free(buf);
}

/* One whose datastore takes nothing: what waits for room is told to come again. */
static void a_drain_does_not_wait_for_a_dead_datastore(void **state)
{
	char *buf = aligned_alloc(4096, 1 << 20);
	struct cache_io x[14];
	uint32_t busy = 0;

	attach(CACHE_WRITE_BACK);
	r.store.fail_ops = SLUICE_OP_BIT(SLUICE_OP_WRITE);
	memset(buf, 1, 1 << 20);
	for (int i = 0; i < 14; i++) {
		x[i] = io_of(SLUICE_OP_WRITE, (uint64_t)(i % 8) << 20, 1 << 20, buf, "");
		x[i].fn = NULL;
		assert_true(cache_io_start(&r, &x[i]));
		cache_run_ms(&r, 5);
	}
	assert_int_equal(cache_drain(&r), 0);
	for (int i = 0; i < 14; i++)
		busy += x[i].status == SLUICE_ERR_BUSY;
	assert_true(busy > 0);
	r.store.fail_ops = 0;
	free(buf);
}

static void it_grows(void **state)
{
	const uint64_t bigger = CACHE_SIZE + (1 << 20);

	attach(CACHE_WRITE_BACK);
	cache_write(&r, CACHE_SIZE - 4096, 4096, 1);
	r.size_bytes = bigger;
	r.result = -EINPROGRESS;
	chain_grow(r.c, bigger, cache_control_done, &r);
	assert_int_equal(cache_wait_control(&r), 0);
	assert_int_equal(cache_number(&r, "dirty_bytes"), 0);
	assert_int_equal(cache_write(&r, CACHE_SIZE - 512, 8192, 2), SLUICE_OK);
	assert_true(cache_reads(&r, CACHE_SIZE - 512, 8192, 2));
	assert_true(cache_reads(&r, CACHE_SIZE - 4096, 3584, 1));
}

/* ---------------------------------------------------------------- budgets */

static void memory_is_what_the_datastore_has_left(void **state)
{
	char params[200];

	snprintf(params, sizeof(params), "flash_path=%s,flash_bytes=33554432,ram_bytes=1048576",
		 r.dir);
	assert_int_equal(cache_group(&r, params), 0);
	attach("ram_bytes=4194304");
	cache_turn(&r);
	assert_int_equal(cache_number(&r, "ram.bytes"), 1048576);
	assert_non_null(strstr(r.kinds, "cache_ram_short"));
	snprintf(params, sizeof(params), "flash_path=%s,flash_bytes=33554432,ram_bytes=8388608",
		 r.dir);
	assert_int_equal(cache_group(&r, params), 0);
	assert_int_equal(cache_number(&r, "ram.bytes"), 4194304);
}

static void flash_is_refused_when_there_is_not_enough(void **state)
{
	char params[200];

	snprintf(params, sizeof(params), "flash_path=%s,flash_bytes=33554432", r.dir);
	assert_int_equal(cache_group(&r, params), 0);
	assert_int_not_equal(cache_try_attach(&r, "mode=write_back,flash_bytes=67108864"), 0);
	assert_non_null(strstr(r.err.text, "67108864"));
	assert_non_null(strstr(r.err.text, "33554432"));
	assert_int_not_equal(cache_try_attach(&r, "mode=write_back,flash_bytes=1048576"), 0);
	attach("mode=write_back,flash_bytes=33554432");
	assert_int_not_equal(cache_group(&r, "flash_path=,flash_bytes=33554432"), 0);
	snprintf(params, sizeof(params), "flash_path=%s,flash_bytes=16777216", r.dir);
	assert_int_not_equal(cache_group(&r, params), 0);
	/* In its own place it may be as large as before. */
	assert_int_equal(cache_change(&r, "mode=write_back,flash_bytes=16777216"), 0);
	cache_wait_state(&r, "serving");
}

/* ---------------------------------------------------------------- hot blocks */

static void what_was_hot_is_read_again_after_a_restart(void **state)
{
	uint64_t reads;

	attach("");
	for (uint64_t i = 0; i < 32; i++)
		cache_stamp(r.store.memory + i * 12288, i * 12288, 4096, 3);
	/* By a thread that may have to wait for a processor: an empty list has been read. */
	for (int i = 0; i < 20000 && (i < 20 || cache_number(&r, "ram.is_warming")); i++)
		cache_turn(&r);
	for (int round = 0; round < 2; round++) {
		for (uint64_t i = 0; i < 32; i++)
			assert_true(cache_reads(&r, i * 12288, 4096, 3));
	}
	cache_stop(&r);
	cache_stamp(r.store.memory, 0, 4096, 4); /* addresses are kept, no data */
	attach("");
	for (int i = 0; i < 5000 && cache_number(&r, "ram.used_bytes") < 32 * 4096; i++)
		cache_turn(&r);
	assert_int_equal(cache_number(&r, "ram.warm_total_blocks"), 32);
	reads = r.store.reads;
	assert_true(r.store.background > 0);
	assert_true(cache_reads(&r, 0, 4096, 4));
	for (uint64_t i = 1; i < 32; i++)
		assert_true(cache_reads(&r, i * 12288, 4096, 3));
	assert_int_equal(r.store.reads, reads);
}

static void figures_say_what_is_dirty(void **state)
{
	struct sluice_figures sum = {0};

	attach(CACHE_WRITE_BACK ",destage_age_ms=3600000");
	cache_write(&r, 0, 8192, 1);
	cache_reads(&r, 0, 4096, 1);
	cache_reads(&r, 65536, 4096, 0);
	chain_figures(r.c, &sum);
	assert_int_equal(sum.dirty_bytes, 8192);
	assert_int_equal(sum.reads, 2);
	assert_int_equal(sum.read_hits, 1);
	assert_int_equal(cache_number(&r, "hit_pct"), 50);
	cache_run_ms(&r, 20);
	assert_true(cache_number(&r, "dirty_age_ms") >= 15);
}

#define U(name) cmocka_unit_test_setup_teardown(name, open_it, close_it)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    U(a_hit_does_not_wait_for_a_miss),
	    U(writes_of_a_block_keep_their_order),
	    U(what_waits_can_be_aborted),
	    U(a_drain_under_writes_loses_none),
	    U(a_detachment_under_writes_leaves_nothing_behind),
	    U(write_back_begins_when_all_that_passed_is_persistent),
	    U(a_drain_does_not_wait_for_a_dead_datastore),
	    U(it_grows),
	    U(memory_is_what_the_datastore_has_left),
	    U(flash_is_refused_when_there_is_not_enough),
	    U(what_was_hot_is_read_again_after_a_restart),
	    U(figures_say_what_is_dirty),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
