/* SPDX-License-Identifier: MIT */
/*
 * Hot extents on a file that forgets what was not synced: whatever was let through is suspect after
 * a crash at any step, or its bits are on disk.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "hot.h"
#include "sluice/file.h"

#define EXTENT     (1ull << HOT_EXTENT_SHIFT)
#define SIZE       (4096 * EXTENT)
#define FILE_BYTES (HOT_FILE_HEAD_BYTES + SIZE / 4096 / 8)
#define QUEUE      64u

static struct rig {
	struct repl_host host;
	struct bitmap bits;
	struct hot *hot;
	uint8_t *cache, *disk; /* written; synced */
	struct repl_file_io *queue[QUEUE];
	uint32_t queued, ready, loaded, steps, fail_at, flushed;
	bool is_volatile;
	struct repl_timer *timer;
} r;

static void file_submit(void *ctx, struct repl_file_io *o)
{
	assert_true(r.queued < QUEUE);
	r.queue[r.queued++] = o;
}

/* One I/O of the file ends. */
static bool step(void)
{
	struct repl_file_io *o = r.queue[0];

	if (r.queued == 0)
		return false;
	memmove(r.queue, r.queue + 1, --r.queued * sizeof(r.queue[0]));
	o->result = ++r.steps == r.fail_at ? -5 : 0;
	if (o->result == 0 && o->op == SLUICE_FILE_READ)
		memcpy(o->buf, r.cache + o->offset_bytes, o->len_bytes);
	if (o->result == 0 && o->op == SLUICE_FILE_WRITE)
		memcpy(r.cache + o->offset_bytes, o->buf, o->len_bytes);
	if (o->result == 0 && o->op == SLUICE_FILE_SYNC)
		memcpy(r.disk, r.cache, FILE_BYTES);
	o->fn(o);
	return true;
}

static void own_submit(void *ctx, struct repl_own *o)
{
	assert_int_equal(o->op, SLUICE_OP_FLUSH);
	assert_true(r.is_volatile);
	r.flushed++;
	o->status = SLUICE_OK;
	o->fn(o);
}

static uint64_t now_ns(void *ctx)
{
	return 0;
}
static void timer_set(void *ctx, struct repl_timer *t, uint64_t deadline_ns)
{
	r.timer = t;
}
static void timer_cancel(void *ctx, struct repl_timer *t)
{
	r.timer = NULL;
}
static void report(void *ctx, const char *code, const char *text) {}

static const struct repl_host_ops ops = {.now_ns = now_ns,
					 .timer_set = timer_set,
					 .timer_cancel = timer_cancel,
					 .file_submit = file_submit,
					 .own_submit = own_submit,
					 .report = report};

static void ready(void *ctx, struct repl_io *io)
{
	r.ready++;
}
static void loaded(void *ctx, int result)
{
	assert_int_equal(result, 0);
	r.loaded++;
}

static void settled(struct hot_flush *fl, int result)
{
	assert_int_equal(result, 0);
}

static void open_hot(void)
{
	static struct hot_flush fl;

	r.host = (struct repl_host){.ops = &ops,
				    .member_count = 1,
				    .block_bytes = 4096,
				    .member_size_bytes = {SIZE},
				    .is_durable = !r.is_volatile};
	assert_int_equal(bitmap_init(&r.bits, SIZE), 0);
	r.hot = hot_create(&r.host, &r.bits, ready, NULL);
	assert_non_null(r.hot);
	r.loaded = r.ready = r.queued = 0;
	hot_load(r.hot, BITMAP_SUSPECT, loaded, NULL);
	while (!r.loaded)
		assert_true(step());
	fl = (struct hot_flush){.fn = settled, .is_clean = true};
	hot_flush(r.hot, &fl);
	while (step())
		;
}

static void crash(void)
{
	hot_destroy(r.hot);
	bitmap_fini(&r.bits);
	memcpy(r.cache, r.disk, FILE_BYTES);
	open_hot();
}

static int setup(void **state)
{
	memset(&r, 0, sizeof(r));
	r.cache = calloc(1, FILE_BYTES);
	r.disk = calloc(1, FILE_BYTES);
	open_hot();
	return 0;
}

static int teardown(void **state)
{
	hot_destroy(r.hot);
	bitmap_fini(&r.bits);
	free(r.cache);
	free(r.disk);
	return 0;
}

static bool enter(struct repl_io *io, uint64_t offset_bytes, uint64_t len_bytes)
{
	*io = (struct repl_io){.offset_bytes = offset_bytes, .len_bytes = len_bytes};
	return hot_enter(r.hot, io);
}

static void wait_ready(uint32_t n)
{
	while (r.ready < n) {
		if (!step()) {
			assert_non_null(r.timer);
			r.timer->fn(r.timer);
		}
	}
}

static void cold_extent_waits_for_its_mark_and_a_hot_one_does_not(void **state)
{
	struct repl_io a, b;

	assert_false(enter(&a, 0, 4096));
	wait_ready(1);
	assert_true(a.is_hot);
	assert_true(enter(&b, 8192, 4096));
	hot_leave(r.hot, &a);
	hot_leave(r.hot, &b);
	crash();
	assert_true(bitmap_has(&r.bits, BITMAP_BIT(BITMAP_SUSPECT), 0));
	assert_true(bitmap_has(&r.bits, BITMAP_BIT(BITMAP_SUSPECT), EXTENT - 4096));
	assert_false(bitmap_has(&r.bits, BITMAP_ALL, 2 * EXTENT));
}

static void one_commit_serves_all_that_wait(void **state)
{
	static struct repl_io io[20];
	uint64_t before;

	assert_false(enter(&io[0], 0, 4096));
	for (uint32_t i = 1; i < 20; i++)
		assert_false(enter(&io[i], i * 8 * EXTENT, 4096));
	before = hot_commits(r.hot);
	wait_ready(20);
	assert_in_range(hot_commits(r.hot) - before, 1, 2);
	for (uint32_t i = 0; i < 20; i++)
		hot_leave(r.hot, &io[i]);
}

/* Whoever writes in ascending order does not wait at each extent. */
static void next_extent_is_marked_ahead(void **state)
{
	struct repl_io io;
	uint32_t waits = 0, n = 0;

	for (uint64_t at = 0; at < 40 * EXTENT; at += EXTENT / 2, n++) {
		uint32_t was = r.ready;

		if (!enter(&io, at, 4096)) {
			waits++;
			wait_ready(was + 1);
		}
		hot_leave(r.hot, &io);
		while (step())
			;
	}
	assert_true(waits <= 2);
}

static void extents_cool_with_their_bits_on_disk(void **state)
{
	struct repl_io io;
	uint32_t n = 0;

	for (uint64_t i = 0; i < 700; i++) {
		uint64_t at = (i * 7 % 4096) * EXTENT;

		n = r.ready;
		if (!enter(&io, at, 4096))
			wait_ready(n + 1);
		bitmap_set(&r.bits, BITMAP_DIRTY, at, 4096);
		hot_leave(r.hot, &io);
	}
	crash();
	for (uint64_t i = 0; i < 700; i++)
		assert_true(
		    bitmap_has(&r.bits, BITMAP_BIT(BITMAP_SUSPECT), (i * 7 % 4096) * EXTENT));
	assert_true(r.bits.set[BITMAP_SUSPECT] <= 256 * 1024 + 700);
}

static void wide_range_has_its_bits_written(void **state)
{
	struct repl_io io;

	assert_false(enter(&io, EXTENT, 100 * EXTENT));
	wait_ready(1);
	hot_leave(r.hot, &io);
	crash();
	assert_true(bitmap_has(&r.bits, BITMAP_BIT(BITMAP_SUSPECT), 100 * EXTENT));
	assert_false(bitmap_has(&r.bits, BITMAP_ALL, 0));
}

/* What cools first, and only that, costs a flush: a power cut takes from what is hot. */
static void what_cools_over_a_volatile_cache_is_flushed_first(void **state)
{
	struct repl_io io;

	r.is_volatile = true;
	r.host.is_durable = false;
	for (uint32_t i = 0; i < 300; i++) {
		if (i == 100)
			assert_int_equal(r.flushed, 0);
		if (!enter(&io, i * 3 * EXTENT, 4096))
			wait_ready(r.ready + 1);
		hot_leave(r.hot, &io);
	}
	assert_true(r.flushed > 0);
	crash();
	assert_true(bitmap_has(&r.bits, BITMAP_BIT(BITMAP_SUSPECT), 299 * 3 * EXTENT));
}

static void clean_flushed(struct hot_flush *fl, int result)
{
	assert_int_equal(result, 0);
	r.ready++;
}

static void end_over_a_volatile_cache_leaves_the_marks(void **state)
{
	struct hot_flush fl = {.fn = clean_flushed, .is_clean = true};
	struct repl_io io;

	r.host.is_durable = false;
	assert_false(enter(&io, 0, 4096));
	wait_ready(1);
	hot_leave(r.hot, &io);
	hot_flush(r.hot, &fl);
	wait_ready(2);
	crash();
	assert_true(bitmap_has(&r.bits, BITMAP_BIT(BITMAP_SUSPECT), 0));
}

/* The reign is over: after it nothing that was hot is suspect. */
static void what_is_told_to_cool_leaves_no_marks(void **state)
{
	struct hot_flush fl = {.fn = clean_flushed};
	struct repl_io io, other;

	assert_false(enter(&io, 0, 4096));
	wait_ready(1);
	assert_false(enter(&other, 8 * EXTENT, 4096));
	wait_ready(2);
	hot_leave(r.hot, &io);
	hot_cool(r.hot);
	hot_flush(r.hot, &fl);
	wait_ready(3);
	crash();
	assert_false(bitmap_has(&r.bits, BITMAP_ALL, 0));
	assert_true(bitmap_has(&r.bits, BITMAP_BIT(BITMAP_SUSPECT), 8 * EXTENT));
}

static void clean_end_leaves_no_marks(void **state)
{
	struct hot_flush fl = {.fn = clean_flushed, .is_clean = true};
	struct repl_io io;

	assert_false(enter(&io, 0, 4096));
	wait_ready(1);
	hot_leave(r.hot, &io);
	bitmap_set(&r.bits, BITMAP_JOURNALED, 12288, 4096);
	hot_flush(r.hot, &fl);
	wait_ready(2);
	crash();
	assert_int_equal(r.bits.set[BITMAP_SUSPECT], 1);
	assert_true(bitmap_has(&r.bits, BITMAP_ALL, 12288));
}

/* The n-th I/O of the file fails, for every n: writers wait, nothing is let through unmarked. */
static void failing_file_only_costs_time(void **state)
{
	for (uint32_t n = 1; n < 30; n++) {
		static struct repl_io io[40];
		uint32_t was = r.ready, asked = 0;

		r.fail_at = r.steps + n;
		for (uint32_t i = 0; i < 40; i++) {
			uint64_t at = ((n * 40ull + i) * 3 % 4096) * EXTENT;

			if (!enter(&io[i], at, 4096))
				wait_ready(was + ++asked);
			bitmap_set(&r.bits, BITMAP_DIRTY, at, 4096);
			hot_leave(r.hot, &io[i]);
		}
		while (step())
			;
		r.fail_at = 0;
		crash();
		for (uint32_t i = 0; i < 40; i++)
			assert_true(
			    bitmap_has(&r.bits, BITMAP_ALL, ((n * 40ull + i) * 3 % 4096) * EXTENT));
		for (uint32_t k = 0; k < BITMAP_KINDS; k++)
			bitmap_clear_all(&r.bits, (enum bitmap_kind)k);
		bitmap_refresh(&r.bits);
	}
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(cold_extent_waits_for_its_mark_and_a_hot_one_does_not),
	    TEST(one_commit_serves_all_that_wait),
	    TEST(next_extent_is_marked_ahead),
	    TEST(extents_cool_with_their_bits_on_disk),
	    TEST(wide_range_has_its_bits_written),
	    TEST(what_cools_over_a_volatile_cache_is_flushed_first),
	    TEST(end_over_a_volatile_cache_leaves_the_marks),
	    TEST(what_is_told_to_cool_leaves_no_marks),
	    TEST(clean_end_leaves_no_marks),
	    TEST(failing_file_only_costs_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
