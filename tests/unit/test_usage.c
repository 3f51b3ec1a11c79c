/* SPDX-License-Identifier: MIT */
/* What each image of a folder takes: images only, by the volume's name, holes not counted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "usage.h"

static char folder[] = "/tmp/usage.XXXXXX";

static void make_file(const char *name, size_t data_bytes, off_t size_bytes)
{
	char path[256], data[65536];
	int fd;

	memset(data, 'x', sizeof(data));
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	fd = open(path, O_CREAT | O_WRONLY | O_TRUNC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, size_bytes), 0);
	assert_int_equal(write(fd, data, data_bytes), data_bytes);
	fsync(fd);
	close(fd);
}

static void drop_file(const char *name)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	unlink(path);
}

static void images_are_found_by_their_volume_and_holes_are_free(void **state)
{
	struct usage u;

	make_file("web-1.img", 65536, 1 << 30);
	make_file("a.img", 0, 1 << 20);
	make_file("notes.txt", 4096, 4096);
	make_file(".img", 4096, 4096);
	assert_int_equal(usage_scan(folder, &u), 0);
	assert_int_equal(u.count, 2);
	assert_true(usage_get(&u, "web-1") >= 65536 && usage_get(&u, "web-1") < 1 << 20);
	assert_int_equal(usage_get(&u, "a"), 0);
	assert_int_equal(usage_get(&u, "notes.txt"), 0);
	assert_int_equal(usage_get(&u, "web-2"), 0);
	usage_free(&u);
	drop_file("web-1.img");
	drop_file("a.img");
	drop_file("notes.txt");
	drop_file(".img");
}

static void a_thousand_images_are_all_there(void **state)
{
	struct usage u;
	char name[32];

	for (int i = 0; i < 1000; i++) {
		snprintf(name, sizeof(name), "v%03d.img", i);
		make_file(name, i % 7 == 0 ? 4096 : 0, 8192);
	}
	assert_int_equal(usage_scan(folder, &u), 0);
	assert_int_equal(u.count, 1000);
	assert_true(usage_get(&u, "v700") >= 4096);
	assert_int_equal(usage_get(&u, "v701"), 0);
	usage_free(&u);
	for (int i = 0; i < 1000; i++) {
		snprintf(name, sizeof(name), "v%03d.img", i);
		drop_file(name);
	}
}

static void a_folder_that_is_gone_is_an_error_and_an_empty_table(void **state)
{
	struct usage u;

	assert_int_equal(usage_scan("/nonexistent/folder", &u), -ENOENT);
	assert_int_equal(usage_get(&u, "web-1"), 0);
	usage_free(&u);
}

static int make_folder(void **state)
{
	return mkdtemp(folder) ? 0 : -1;
}

static int drop_folder(void **state)
{
	return rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(images_are_found_by_their_volume_and_holes_are_free),
	    cmocka_unit_test(a_thousand_images_are_all_there),
	    cmocka_unit_test(a_folder_that_is_gone_is_an_error_and_an_empty_table),
	};

	return cmocka_run_group_tests(tests, make_folder, drop_folder);
}
