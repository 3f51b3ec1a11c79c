/* SPDX-License-Identifier: MIT */
/* Filters' files beside an image: where they are, and that they go with it and nothing else does.
 */
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

#include "sidecar.h"
#include "store.h"

static char folder[64];
static const uint8_t uuid[16] = {1, 2, 3};

static int make_folder(void **state)
{
	snprintf(folder, sizeof(folder), "/tmp/test_sidecar.XXXXXX");
	return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
	return rmdir(folder);
}

static const char *in(const char *name)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return path;
}

static void touch(const char *path)
{
	int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	close(fd);
}

static void it_is_named_after_the_image(void **state)
{
	char path[32];

	assert_int_equal(sidecar_path("/ds/v.img", "/s", uuid, "luks", path, sizeof(path)), 0);
	assert_string_equal(path, "/ds/v.img.luks");
	assert_int_equal(sidecar_path("/ds/v.img", "/s", uuid, "luks", path, 14), -ENAMETOOLONG);
	assert_int_equal(sidecar_path("/ds/v.img", "/s", uuid, "img", path, sizeof(path)), -EINVAL);
	assert_int_equal(sidecar_path("/ds/v.img", "/s", uuid, "..", path, sizeof(path)), -EINVAL);
}

static void those_of_an_image_go_and_no_others(void **state)
{
	static const char *const stay[] = {"v.img",       "v.img.img", "v.img.b.img", "w.img.luks",
					   "v.img.Luks1", "v.image",   "xv.img.luks"};

	touch(in("v.img.luks"));
	touch(in("v.img.journal"));
	for (size_t i = 0; i < sizeof(stay) / sizeof(stay[0]); i++)
		touch(in(stay[i]));
	sidecar_drop(in("v.img"));
	assert_int_equal(access(in("v.img.luks"), F_OK), -1);
	assert_int_equal(access(in("v.img.journal"), F_OK), -1);
	for (size_t i = 0; i < sizeof(stay) / sizeof(stay[0]); i++)
		assert_int_equal(unlink(in(stay[i])), 0);
}

static void without_a_folder_they_are_with_the_records_and_go_with_them(void **state)
{
	char path[256];

	assert_int_equal(sidecar_path(NULL, folder, uuid, "luks", path, sizeof(path)), 0);
	touch(path);
	assert_int_equal(store_put(folder, uuid, "cache", "generation", "1", 1), 0);
	store_drop_volume(folder, uuid);
	assert_int_equal(access(path, F_OK), -1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_folder, remove_folder)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(it_is_named_after_the_image),
	    TEST(those_of_an_image_go_and_no_others),
	    TEST(without_a_folder_they_are_with_the_records_and_go_with_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
