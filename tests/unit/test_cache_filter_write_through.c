/* SPDX-License-Identifier: MIT */
/* Write-through: reads that come again are answered from memory, and never with older data. */
#include "cache_rig.h"

#include <stdlib.h>
#include <string.h>

static struct cache_rig r;

static int open_it(void **state)
{
	cache_open(&r, CACHE_SIZE, true);
	cache_attach(&r, "");
	cache_wait_state(&r, "serving");
	return 0;
}

static int close_it(void **state)
{
	cache_close(&r);
	return 0;
}

static void a_read_that_comes_again_is_a_hit(void **state)
{
	uint64_t reads;

	cache_stamp(r.store.memory, 0, 65536, 3);
	assert_true(cache_reads(&r, 0, 16384, 3));
	reads = r.store.reads;
	assert_true(cache_reads(&r, 0, 16384, 3));
	assert_true(cache_reads(&r, 4096, 8192, 3));
	assert_true(cache_reads(&r, 4608, 4096, 3)); /* parts of two blocks */
	assert_int_equal(r.store.reads, reads);
	assert_int_equal(cache_number(&r, "read_hits"), 3);
	assert_int_equal(cache_number(&r, "ram.used_bytes"), 16384);
}

static void a_write_is_on_the_datastore_and_in_memory(void **state)
{
	uint64_t reads;

	assert_int_equal(cache_write(&r, 8192, 8192, 5), SLUICE_OK);
	assert_true(cache_is_stamped(r.store.memory + 8192, 8192, 8192, 5));
	reads = r.store.reads;
	assert_true(cache_reads(&r, 8192, 8192, 5));
	assert_int_equal(r.store.reads, reads);
}

static void a_write_of_a_part_drops_the_block(void **state)
{
	cache_write(&r, 0, 4096, 5);
	cache_write(&r, 512, 512, 6);
	assert_true(cache_reads(&r, 512, 512, 6));
	assert_true(cache_reads(&r, 0, 512, 5));
	assert_true(cache_reads(&r, 1024, 3072, 5));
}

static void unmap_and_write_zeroes_are_seen(void **state)
{
	cache_write(&r, 0, 32768, 5);
	assert_int_equal(cache_io(&r, SLUICE_OP_UNMAP, 4096, 4096, NULL), SLUICE_OK);
	assert_int_equal(cache_io(&r, SLUICE_OP_WRITE_ZEROES, 12288, 8192, NULL), SLUICE_OK);
	assert_true(cache_reads(&r, 0, 4096, 5));
	assert_true(cache_reads(&r, 4096, 4096, 0));
	assert_true(cache_reads(&r, 12288, 8192, 0));
	assert_true(cache_reads(&r, 20480, 4096, 5));
}

static void a_failed_write_leaves_nothing_in_memory(void **state)
{
	cache_write(&r, 0, 4096, 5);
	r.store.fail_at = 1;
	assert_int_equal(cache_write(&r, 0, 4096, 6), SLUICE_ERR_IO);
	assert_true(cache_reads(&r, 0, 4096, 5)); /* asked of the datastore */
	r.store.fail_at = 1;
	assert_false(cache_reads(&r, 8192, 4096, 0));
	assert_true(cache_reads(&r, 8192, 4096, 0));
}

/* The read is at the datastore while a write passes it. */
static void a_fill_does_not_bring_back_what_a_write_replaced(void **state)
{
	char *buf = aligned_alloc(4096, 4096), *old = aligned_alloc(4096, 4096);
	struct cache_io read = {.op = SLUICE_OP_READ, .len_bytes = 4096, .buf = old};
	struct cache_io write = {.op = SLUICE_OP_WRITE, .len_bytes = 4096, .buf = buf};

	cache_stamp(r.store.memory, 0, 4096, 1);
	cache_stamp(buf, 0, 4096, 2);
	r.store.is_held = true;
	r.store.held_ops = SLUICE_OP_BIT(SLUICE_OP_READ);
	assert_true(cache_io_start(&r, &read));
	assert_true(cache_io_start(&r, &write));
	while (!write.is_done)
		cache_turn(&r);
	memcpy(buf, r.store.memory, 4096);
	cache_stamp(r.store.memory, 0, 4096, 1); /* the read gets what was there before */
	cache_store_release(&r);
	memcpy(r.store.memory, buf, 4096);
	while (!read.is_done)
		cache_turn(&r);
	assert_true(cache_reads(&r, 0, 4096, 2));
	free(buf);
	free(old);
}

static void around_takes_no_write_in_and_read_only_drops(void **state)
{
	uint64_t reads;

	assert_int_equal(cache_change(&r, "mode=write_around"), 0);
	cache_wait_state(&r, "serving");
	cache_write(&r, 0, 4096, 5);
	assert_int_equal(cache_number(&r, "ram.used_bytes"), 0);
	cache_reads(&r, 0, 4096, 5);
	cache_write(&r, 0, 4096, 6);
	reads = r.store.reads;
	assert_true(cache_reads(&r, 0, 4096, 6));
	assert_int_equal(r.store.reads, reads);
	assert_int_equal(cache_change(&r, "mode=read_only"), 0);
	cache_wait_state(&r, "serving");
	cache_reads(&r, 0, 4096, 6);
	assert_int_equal(cache_number(&r, "ram.used_bytes"), 4096);
	cache_write(&r, 0, 4096, 7);
	assert_int_equal(cache_number(&r, "ram.used_bytes"), 0);
	assert_true(cache_reads(&r, 0, 4096, 7));
}

static void a_long_run_is_not_cached(void **state)
{
	for (uint64_t at = 0; at < CACHE_SIZE; at += 65536)
		assert_true(cache_reads(&r, at, 65536, 0));
	assert_true(cache_number(&r, "ram.used_bytes") <= 4 << 20);
	assert_true(cache_number(&r, "sequential_reads") > 0);
}

static void flush_and_extent_pass(void **state)
{
	assert_int_equal(cache_io(&r, SLUICE_OP_FLUSH, 0, 0, NULL), SLUICE_OK);
	assert_int_equal(cache_io(&r, SLUICE_OP_EXTENT, 0, 65536, NULL), SLUICE_OK);
	assert_int_equal(r.store.flushes, 1);
}

#define U(name) cmocka_unit_test_setup_teardown(name, open_it, close_it)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    U(a_read_that_comes_again_is_a_hit),
	    U(a_write_is_on_the_datastore_and_in_memory),
	    U(a_write_of_a_part_drops_the_block),
	    U(unmap_and_write_zeroes_are_seen),
	    U(a_failed_write_leaves_nothing_in_memory),
	    U(a_fill_does_not_bring_back_what_a_write_replaced),
	    U(around_takes_no_write_in_and_read_only_drops),
	    U(a_long_run_is_not_cached),
	    U(flush_and_extent_pass),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
