/* SPDX-License-Identifier: MIT */
/* Loading shared objects: ours are taken, the bad ones refused with the reason and without harm. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "plugin.h"

static char build_dir[4096];
static struct err err;

static int find_build_dir(void **state)
{
	ssize_t n = readlink("/proc/self/exe", build_dir, sizeof(build_dir) - 1);
	char *slash = n > 0 ? strrchr(build_dir, '/') : NULL;

	if (!slash)
		return -1;
	*slash = '\0';
	return 0;
}

static const char *in_build(const char *name)
{
	static char path[4200];

	snprintf(path, sizeof(path), "%s/%s", build_dir, name);
	return path;
}

#define refused(name, code, says)                                                                  \
	do {                                                                                       \
		uint32_t before = plugin_count();                                                  \
		assert_int_equal(plugin_load(in_build(name), &err), -(code));                      \
		if (!strstr(err.text, says))                                                       \
			fail_msg("'%s' does not say '%s'", err.text, says);                        \
		if (!strstr(err.text, strrchr(name, '/')))                                         \
			fail_msg("'%s' does not name the file", err.text);                         \
		assert_int_equal(plugin_count(), before);                                          \
	} while (0)

static void a_filter_of_another_abi_is_refused_with_both_versions(void **state)
{
	char both[64];

	snprintf(both, sizeof(both), "SDK ABI %u, this filterd has %u", SLUICE_SDK_ABI + 5,
		 SLUICE_SDK_ABI);
	refused("bad/abi.so", EPROTO, both);
}

static void what_is_not_a_filter_is_refused(void **state)
{
	refused("bad/entry.so", ENOEXEC, "no sluice_filter_entry()");
	refused("bad/null.so", ENOEXEC, "not a filter");
	refused("bad/missing.so", ENOEXEC, "No such file");
}

/* Bound when loaded, so that it is no crash under I/O. */
static void a_filter_that_needs_a_service_of_the_future_is_refused(void **state)
{
	refused("bad/symbol.so", ENOEXEC, "sluice_of_the_future");
}

static void garbage_is_refused(void **state)
{
	char path[] = "/tmp/test_plugin_XXXXXX";
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, "\177ELF garbage", 12), 12);
	close(fd);
	assert_int_equal(plugin_load(path, &err), -ENOEXEC);
	unlink(path);
}

static void a_filter_is_loaded_once_and_found_by_name(void **state)
{
	uint32_t before = plugin_count();

	assert_null(plugin_find("passthru"));
	assert_int_equal(plugin_load(in_build("../filters/passthru.so"), &err), 0);
	assert_int_equal(plugin_count(), before + 1);
	assert_string_equal(plugin_find("passthru")->name, "passthru");
	assert_ptr_equal(plugin_at(before), plugin_find("passthru"));
	assert_null(plugin_at(before + 1));
	assert_int_equal(plugin_load(in_build("../filters/passthru.so"), &err), -EEXIST);
	assert_non_null(strstr(err.text, "'passthru' is loaded already"));
}

static void a_folder_loads_what_is_good_and_leaves_out_the_rest(void **state)
{
	char dir[] = "/tmp/test_plugins_XXXXXX", path[2][128];
	char target[4300];

	assert_non_null(mkdtemp(dir));
	snprintf(path[0], sizeof(path[0]), "%s/one.so", dir);
	snprintf(target, sizeof(target), "%s", in_build("../filters/trace.so"));
	assert_int_equal(symlink(target, path[0]), 0);
	snprintf(path[1], sizeof(path[1]), "%s/two.so", dir);
	snprintf(target, sizeof(target), "%s", in_build("bad/abi.so"));
	assert_int_equal(symlink(target, path[1]), 0);
	assert_int_equal(plugin_load_dir(dir, &err), 1);
	assert_non_null(plugin_find("trace"));
	assert_null(plugin_find("bad"));
	unlink(path[0]);
	unlink(path[1]);
	rmdir(dir);
	assert_int_equal(plugin_load_dir(dir, &err), -ENOENT);
	assert_non_null(strstr(err.text, dir));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_filter_of_another_abi_is_refused_with_both_versions),
	    cmocka_unit_test(what_is_not_a_filter_is_refused),
	    cmocka_unit_test(a_filter_that_needs_a_service_of_the_future_is_refused),
	    cmocka_unit_test(garbage_is_refused),
	    cmocka_unit_test(a_filter_is_loaded_once_and_found_by_name),
	    cmocka_unit_test(a_folder_loads_what_is_good_and_leaves_out_the_rest),
	};

	return cmocka_run_group_tests(tests, find_build_dir, NULL);
}
