/* SPDX-License-Identifier: MIT */
/* What a plan's text may say; what filters keep beside it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "json.h"
#include "plan.h"
#include "store.h"

static char folder[64];

static int set_up(void **state)
{
	snprintf(folder, sizeof(folder), "/tmp/sluice-plan-XXXXXX");
	assert_non_null(mkdtemp(folder));
	return 0;
}

static void remove_all(const char *pattern)
{
	char full[160];
	glob_t g;

	snprintf(full, sizeof(full), "%s/%s", folder, pattern);
	if (glob(full, 0, NULL, &g) == 0) {
		for (size_t i = 0; i < g.gl_pathc; i++)
			remove(g.gl_pathv[i]);
		globfree(&g);
	}
}

static int tear_down(void **state)
{
	remove_all("*/*");
	remove_all("*");
	rmdir(folder);
	return 0;
}

static int read_text(const char *text, struct plan *p, struct err *err)
{
	cleanup_json json_t *j = json_parse(text, strlen(text), "test", err);

	plan_init(p);
	assert_non_null(j);
	return plan_from_json(j, p, err);
}

static void plan_of_another_version_names_both(void **state)
{
	struct plan p;
	struct err err = {0};

	assert_int_equal(read_text("{\"version\": 2}", &p, &err), -EPROTO);
	assert_non_null(strstr(err.text, "version 2"));
	assert_non_null(strstr(err.text, "version 1"));
}

static void contradictions_are_refused_with_the_field(void **state)
{
#define DS "\"datastores\":[{\"name\":\"d\",\"type\":\"dir\",\"path\":\"/x\"}]"
	static const struct {
		const char *text, *field;
	} bad[] = {
	    {"{\"version\":1,\"volumes\":[{\"name\":\"v\",\"datastore\":\"none\",\"size_bytes\":512}]}",
	     "datastore"},
	    {"{\"version\":1," DS ",\"volumes\":[{\"name\":\"v\",\"datastore\":\"d\"}]}",
	     "size_bytes"},
	    {"{\"version\":1," DS
	     ",\"volumes\":[{\"name\":\"v\",\"datastore\":\"d\",\"size_bytes\":1000}]}",
	     "size_bytes"},
	    {"{\"version\":1," DS
	     ",\"volumes\":[{\"name\":\"v\",\"datastore\":\"d\",\"size_bytes\":-1}]}",
	     "size_bytes"},
	    {"{\"version\":1," DS
	     ",\"volumes\":[{\"name\":\"../v\",\"datastore\":\"d\",\"size_bytes\":512}]}",
	     "name"},
	    {"{\"version\":1," DS
	     ",\"volumes\":[{\"name\":\"v\",\"datastore\":\"d\",\"size_bytes\":512,\"szie\":1}]}",
	     "szie"},
	    {"{\"version\":1," DS
	     ",\"volumes\":[{\"name\":\"v\",\"datastore\":\"d\",\"size_bytes\":4096,\"block_bytes\":1024}]}",
	     "block_bytes"},
	    {"{\"version\":1,\"datastores\":[{\"name\":\"d\",\"type\":\"tape\",\"path\":\"/x\"}]}",
	     "type"},
	    {"{\"version\":1,\"datastores\":[{\"name\":\"d\",\"type\":\"dir\",\"path\":\"x\"}]}",
	     "path"},
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct plan p;
		struct err err = {0};

		assert_true(read_text(bad[i].text, &p, &err) < 0);
		assert_string_equal(err.field, bad[i].field);
		assert_true(list_is_empty(&p.volumes));
	}
}

static void records_of_a_filter_survive_and_go_with_their_volume(void **state)
{
	uint8_t uuid[16] = {1, 2, 3};
	char got[16];
	size_t len = 0;

	assert_int_equal(store_get(folder, uuid, "cache", "epoch", got, sizeof(got), &len),
			 -ENOENT);
	assert_int_equal(store_put(folder, uuid, "cache", "epoch", "one", 3), 0);
	assert_int_equal(store_put(folder, uuid, "cache", "epoch", "second", 6), 0);
	assert_int_equal(store_get(folder, uuid, "cache", "epoch", got, sizeof(got), &len), 0);
	assert_int_equal(len, 6);
	assert_memory_equal(got, "second", 6);
	assert_int_equal(store_get(folder, uuid, "cache", "epoch", got, 2, &len), -ENOSPC);
	assert_int_equal(store_put(folder, uuid, "cache", "../x", "one", 3), -EINVAL);
	assert_int_equal(store_put(folder, uuid, "../cache", "x", "one", 3), -EINVAL);
	assert_int_equal(store_put(folder, uuid, "cache", "x", "one", STORE_RECORD_MAX + 1),
			 -EINVAL);
	store_drop_volume(folder, uuid);
	assert_int_equal(store_get(folder, uuid, "cache", "epoch", got, sizeof(got), &len),
			 -ENOENT);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
	    T(plan_of_another_version_names_both),
	    T(contradictions_are_refused_with_the_field),
	    T(records_of_a_filter_survive_and_go_with_their_volume),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
