/* SPDX-License-Identifier: MIT */
/*
 * The clean tier on flash, in the filter and on a real file: what memory has no room for is read
 * from it, it never has older data, it is empty after a crash, and its failure is nobody's error.
 */
#include "cache_rig.h"

#include <string.h>
#include <sys/stat.h>

#define MIB (1ull << 20)
#define HOT (3 * MIB) /* three times what memory holds */

static struct cache_rig r;

static void attach(void)
{
	cache_attach(&r, "ram_bytes=1048576,flash_read_bytes=16777216,sequential_cutoff_bytes=0");
	cache_wait_state(&r, "serving");
}

static int open_it(void **state)
{
	cache_open(&r, CACHE_SIZE, true);
	attach();
	return 0;
}

static int close_it(void **state)
{
	cache_close(&r);
	return 0;
}

/* Reads each 16 KiB twice, so that its blocks were used when they leave memory; and waits for
 * the tier's segments, as a drain does. */
static void read_hot(uint32_t stamp)
{
	for (uint64_t at = 0; at < HOT; at += 16384) {
		for (uint32_t n = 0; n < 2; n++)
			assert_true(cache_reads(&r, at, 16384, stamp));
		if (at % 262144 == 0)
			assert_int_equal(cache_drain(&r), 0);
	}
}

static void what_memory_has_no_room_for_is_read_from_flash(void **state)
{
	uint64_t reads;

	cache_stamp(r.store.memory, 0, HOT, 3);
	read_hot(3);
	assert_true(cache_number(&r, "flash.clean_used_bytes") >= (int64_t)MIB);
	reads = r.store.reads;
	read_hot(3);
	assert_true(cache_number(&r, "flash.hits") >= 200);
	assert_in_range(r.store.reads - reads, 0, HOT / 16384 / 4);
}

static void a_write_is_never_followed_by_older_data(void **state)
{
	cache_stamp(r.store.memory, 0, HOT, 3);
	read_hot(3);
	for (uint64_t at = 0; at < HOT; at += 65536)
		assert_int_equal(cache_write(&r, at, 65536, 4), SLUICE_OK);
	read_hot(4);
	assert_int_equal(cache_io(&r, SLUICE_OP_UNMAP, 0, HOT, NULL), SLUICE_OK);
	read_hot(0);
}

static void after_a_crash_nothing_in_the_file_counts(void **state)
{
	struct stat st;
	char path[512];

	cache_stamp(r.store.memory, 0, HOT, 3);
	read_hot(3);
	cache_log_path(&r, path, sizeof(path));
	memcpy(strrchr(path, '.'), ".clean", 7);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_size, 16777216);
	cache_crash(&r);
	/* Somebody else wrote meanwhile. */
	cache_stamp(r.store.memory, 0, HOT, 9);
	attach();
	assert_int_equal(cache_number(&r, "flash.clean_used_bytes"), 0);
	read_hot(9);
}

static void its_failure_is_nobodys_error(void **state)
{
	cache_stamp(r.store.memory, 0, HOT, 3);
	read_hot(3);
	r.disk.fails = true;
	read_hot(3);
	read_hot(3);
	assert_non_null(strstr(r.kinds, "cache_flash_failed"));
	assert_int_equal(cache_number(&r, "flash.clean_used_bytes"), 0);
	assert_int_equal(cache_write(&r, 0, 65536, 4), SLUICE_OK);
	assert_true(cache_reads(&r, 0, 65536, 4));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(what_memory_has_no_room_for_is_read_from_flash, open_it,
					    close_it),
	    cmocka_unit_test_setup_teardown(a_write_is_never_followed_by_older_data, open_it,
					    close_it),
	    cmocka_unit_test_setup_teardown(after_a_crash_nothing_in_the_file_counts, open_it,
					    close_it),
	    cmocka_unit_test_setup_teardown(its_failure_is_nobodys_error, open_it, close_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
