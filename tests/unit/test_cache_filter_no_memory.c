/* SPDX-License-Identifier: MIT */
/*
 * One allocation of the plug-in fails: the first, the second, and so on. The attachment is refused,
 * or the volume works, with less cache or none; nothing is lost and nothing leaks.
 */
#include "cache_rig.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#if defined(SLUICE_ASAN) || defined(SLUICE_TSAN)

int main(void)
{
	print_message("skip: the sanitizer has the allocator\n");
	return 77;
}

#else

void *__libc_malloc(size_t bytes);
void *__libc_calloc(size_t count, size_t bytes);
void *__libc_memalign(size_t align, size_t bytes);

static uint64_t fail_at; /* counts down; 0: off */

static bool fails(const void *caller)
{
	Dl_info info;

	if (fail_at == 0 || !dladdr(caller, &info) || !strstr(info.dli_fname, "cache.so"))
		return false;
	return --fail_at == 0;
}

void *malloc(size_t bytes)
{
	return fails(__builtin_return_address(0)) ? NULL : __libc_malloc(bytes);
}

void *calloc(size_t count, size_t bytes)
{
	return fails(__builtin_return_address(0)) ? NULL : __libc_calloc(count, bytes);
}

void *aligned_alloc(size_t align, size_t bytes)
{
	return fails(__builtin_return_address(0)) ? NULL : __libc_memalign(align, bytes);
}

static struct cache_rig r;

static void works(void)
{
	assert_int_equal(cache_write(&r, 0, 65536, 1), SLUICE_OK);
	assert_int_equal(cache_write(&r, 512, 512, 2), SLUICE_OK);
	assert_true(cache_reads(&r, 512, 512, 2));
	assert_true(cache_reads(&r, 4096, 61440, 1));
}

/* True: the script was over before. */
static bool one(const char *params, uint64_t n)
{
	bool is_over;

	cache_open(&r, CACHE_SIZE, true);
	fail_at = n;
	if (cache_try_attach(&r, params) == 0) {
		works();
		for (int i = 0; i < 20; i++)
			cache_turn(&r);
		cache_settle(&r);
		cache_change(&r, "mode=write_through");
		assert_true(cache_reads(&r, 512, 512, 2));
	}
	is_over = fail_at > 0;
	fail_at = 0;
	cache_stop(&r);
	cache_attach(&r, "mode=write_through");
	cache_wait_state(&r, "serving");
	works();
	cache_close(&r);
	return is_over;
}

static void every_allocation_fails_once(void **state)
{
	static const char *const params[] = {
	    "ram_bytes=1048576",
	    CACHE_WRITE_BACK ",ram_bytes=1048576,destage_age_ms=5,flash_read_bytes=16777216"};

	for (int m = 0; m < 2; m++) {
		for (uint64_t n = 1; !one(params[m], n); n++)
			assert_true(n < 500);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {T(every_allocation_fails_once)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

#endif
