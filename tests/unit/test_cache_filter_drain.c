/* SPDX-License-Identifier: MIT */
/* A filter above the cache keeps I/O until the chain drains, and lets it go then: it is served, and
 * what has to be down by the end of the drain is. */
#include "cache_rig.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static struct cache_rig r;

#define LAZY CACHE_WRITE_BACK ",destage_age_ms=3600000"

/* ---------------------------------------------------------------- the filter above */

static struct sluice_token *kept[64];
static uint32_t kept_count;
static bool keeps;

static int gate_attach(struct sluice_filter *f, const union sluice_value *values,
		       struct sluice_error *err)
{
	return 0;
}

static void gate_detach(struct sluice_filter *f) {}

static enum sluice_verdict gate_submit(struct sluice_filter *f, struct sluice_io *io)
{
	struct sluice_token *t = keeps ? sluice_defer(f, io, 100000) : NULL;

	if (!t)
		return SLUICE_PASS;
	assert_true(kept_count < 64);
	kept[kept_count++] = t;
	return SLUICE_DEFER;
}

static void gate_drain(struct sluice_filter *f, bool begin)
{
	while (begin && kept_count > 0)
		sluice_resume(kept[--kept_count]);
}

static const struct sluice_filter_ops gate = {
    .abi = SLUICE_SDK_ABI,
    .struct_bytes = sizeof(gate),
    .name = "gate",
    .version = "1",
    .cls = SLUICE_CLASS_INSPECTION,
    .op_mask = SLUICE_OPS_ALL,
    .attach = gate_attach,
    .detach = gate_detach,
    .drain = gate_drain,
    .submit = gate_submit,
};

static void attach_gate(void)
{
	const struct sluice_filter_ops *cache = r.ops;

	r.ops = &gate;
	assert_int_equal(cache_try_attach(&r, ""), 0);
	r.ops = cache;
}

/* ---------------------------------------------------------------- tests */

#define WRITES 48u

static struct cache_io writes[WRITES];

static int open_it(void **state)
{
	keeps = false;
	cache_open(&r, CACHE_SIZE, true);
	cache_attach(&r, LAZY);
	cache_wait_state(&r, "serving");
	attach_gate();
	return 0;
}

static int close_it(void **state)
{
	keeps = false;
	for (uint32_t i = 0; i < WRITES; i++) {
		free(writes[i].buf);
		writes[i].buf = NULL;
	}
	cache_close(&r);
	return 0;
}

static void keep_writes(uint32_t count, uint64_t len_bytes, uint32_t stamp)
{
	keeps = true;
	for (uint32_t i = 0; i < count; i++) {
		writes[i] = (struct cache_io){
		    .op = SLUICE_OP_WRITE, .offset_bytes = i * len_bytes, .len_bytes = len_bytes};
		writes[i].buf = aligned_alloc(4096, len_bytes < 4096 ? 4096 : len_bytes);
		cache_stamp(writes[i].buf, writes[i].offset_bytes, len_bytes, stamp);
		assert_true(cache_io_start(&r, &writes[i]));
	}
	assert_int_equal(kept_count, count);
	keeps = false;
}

static void all_went_well(uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		assert_true(writes[i].is_done);
		assert_int_equal(writes[i].status, SLUICE_OK);
	}
}

static void a_write_let_go_in_a_drain_is_served(void **state)
{
	keep_writes(2, 4096, 5);
	assert_int_equal(cache_drain(&r), 0);
	all_went_well(2);
	assert_int_equal(r.store.writes, 0); /* nobody asked for that */
	assert_true(cache_reads(&r, 0, 8192, 5));
}

static void parts_of_blocks_and_reads_and_flushes_are_too(void **state)
{
	struct cache_io read = {.op = SLUICE_OP_READ, .offset_bytes = 1 << 20, .len_bytes = 4096},
			flush = {.op = SLUICE_OP_FLUSH};

	cache_stamp(r.store.memory + (1 << 20), 1 << 20, 4096, 3);
	keep_writes(3, 512, 5);
	keeps = true;
	read.buf = aligned_alloc(4096, 4096);
	assert_true(cache_io_start(&r, &read));
	assert_true(cache_io_start(&r, &flush));
	keeps = false;
	assert_int_equal(cache_drain(&r), 0);
	all_went_well(3);
	assert_int_equal(read.status, SLUICE_OK);
	assert_true(cache_is_stamped(read.buf, 1 << 20, 4096, 3));
	assert_int_equal(flush.status, SLUICE_OK);
	assert_true(cache_reads(&r, 0, 1536, 5));
	free(read.buf);
}

/* The change needs a clean cache, and gets one. */
static void a_detach_takes_down_what_was_let_go_last(void **state)
{
	cache_write(&r, 1 << 20, 4096, 4);
	keep_writes(4, 65536, 5);
	assert_int_equal(cache_detach(&r), 0);
	all_went_well(4);
	assert_true(cache_is_stamped(r.store.memory, 0, 4 * 65536, 5));
	assert_true(cache_is_stamped(r.store.memory + (1 << 20), 1 << 20, 4096, 4));
}

/* After a settle only a little may be dirty; but what comes last, I/O held behind it, does not go
 * down a little at a time, with the flushes of a window for each. */
static void what_is_held_last_goes_down_at_once(void **state)
{
	uint64_t flushes;

	cache_write(&r, 6 << 20, 4096, 4);
	keep_writes(32, 128 << 10, 5);
	flushes = r.store.flushes;
	assert_int_equal(cache_detach(&r), 0);
	all_went_well(32);
	assert_true(cache_is_stamped(r.store.memory, 0, 4 << 20, 5));
	assert_in_range(r.store.flushes - flushes, 1, 4);
}

/* More than there is room for: windows go down although nobody settled. */
static void a_full_log_takes_them_one_after_the_other(void **state)
{
	for (uint64_t at = 0; at < 8; at++)
		assert_int_equal(cache_write(&r, at << 20, 1 << 20, 3), SLUICE_OK);
	keep_writes(8, 1 << 20, 5);
	assert_int_equal(cache_drain(&r), 0);
	all_went_well(8);
	assert_true(cache_reads(&r, 0, 8 << 20, 5));
}

#define U(name) cmocka_unit_test_setup_teardown(name, open_it, close_it)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    U(a_write_let_go_in_a_drain_is_served),
	    U(parts_of_blocks_and_reads_and_flushes_are_too),
	    U(a_detach_takes_down_what_was_let_go_last),
	    U(what_is_held_last_goes_down_at_once),
	    U(a_full_log_takes_them_one_after_the_other),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
