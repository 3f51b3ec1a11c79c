/* SPDX-License-Identifier: MIT */
/* A folder is the datastore that its mark names, and no other one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "identity.h"

struct folders {
	char a[32], b[32];
};

static void mark_of(const char *folder, char path[64])
{
	snprintf(path, 64, "%s/%s", folder, IDENTITY_FILE);
}

static int set_up(void **state)
{
	static struct folders f;

	f = (struct folders){"/tmp/identity.XXXXXX", "/tmp/identity.XXXXXX"};
	*state = &f;
	return mkdtemp(f.a) && mkdtemp(f.b) ? 0 : -1;
}

static int tear_down(void **state)
{
	const struct folders *f = *state;
	char path[64];

	mark_of(f->a, path);
	unlink(path);
	mark_of(f->b, path);
	unlink(path);
	return rmdir(f->a) | rmdir(f->b);
}

static void a_new_folder_gets_a_mark_and_keeps_it(void **state)
{
	const struct folders *f = *state;
	uint8_t first[16] = {0}, again[16] = {0}, zeros[16] = {0};
	struct err err;

	assert_int_equal(identity_claim(f->a, "main", first, &err), 0);
	assert_memory_not_equal(first, zeros, 16);
	assert_int_equal(identity_check(f->a, "main", first, &err), 0);
	assert_int_equal(identity_claim(f->a, "main", again, &err), 0);
	assert_memory_equal(first, again, 16);
}

static void two_folders_are_two_datastores(void **state)
{
	const struct folders *f = *state;
	uint8_t a[16] = {0}, b[16] = {0};
	struct err err;

	assert_int_equal(identity_claim(f->a, "main", a, &err), 0);
	assert_int_equal(identity_claim(f->b, "other", b, &err), 0);
	assert_memory_not_equal(a, b, 16);
	assert_int_equal(identity_check(f->b, "main", a, &err), -EXDEV);
	assert_non_null(strstr(err.text, "another datastore than main"));
}

static void a_mount_point_without_its_disk_is_not_the_datastore(void **state)
{
	const struct folders *f = *state;
	uint8_t a[16] = {0};
	char path[64];
	struct err err;

	assert_int_equal(identity_claim(f->a, "main", a, &err), 0);
	mark_of(f->a, path);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(identity_check(f->a, "main", a, &err), -ENOTCONN);
	assert_non_null(strstr(err.text, "mounted"));
	/* whoever knows which datastore it should be does not mark what is there instead */
	assert_int_equal(identity_claim(f->a, "main", a, &err), -ENOTCONN);
	assert_int_equal(access(path, F_OK), -1);
	assert_int_equal(identity_check("/tmp/identity.nowhere", "main", a, &err), -ENOTCONN);
}

static void a_damaged_mark_is_nobodys(void **state)
{
	static const char *const texts[] = {
	    "",
	    "{",
	    "[]",
	    "{\"version\": 1}",
	    "{\"version\": 1, \"uuid\": \"x\"}",
	    "{\"version\": 2, \"uuid\": \"2b1c7a1e-3d1c-4a8e-9a47-0f4b1d5f6a77\"}",
	};
	const struct folders *f = *state;
	char path[64];

	mark_of(f->a, path);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		uint8_t known[16] = {1}, unknown[16] = {0};
		FILE *mark = fopen(path, "w");
		struct err err;

		assert_non_null(mark);
		fputs(texts[i], mark);
		fclose(mark);
		assert_int_equal(identity_check(f->a, "main", known, &err), -EBADMSG);
		assert_int_equal(identity_claim(f->a, "main", unknown, &err), -EBADMSG);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(a_new_folder_gets_a_mark_and_keeps_it, set_up,
					    tear_down),
	    cmocka_unit_test_setup_teardown(two_folders_are_two_datastores, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(a_mount_point_without_its_disk_is_not_the_datastore,
					    set_up, tear_down),
	    cmocka_unit_test_setup_teardown(a_damaged_mark_is_nobodys, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
