/* SPDX-License-Identifier: MIT */
/* The plan on disk: the same after a restart, and never silently replaced when it is damaged. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "durable.h"
#include "json.h"
#include "plan.h"
#include "store.h"

static char folder[64];
static char path[80];

static int set_up(void **state)
{
	snprintf(folder, sizeof(folder), "/tmp/sluice-plan-XXXXXX");
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/plan.json", folder);
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

static const char example[] =
    "{\"version\": 1,"
    " \"datastores\": [{\"name\": \"d0\", \"type\": \"dir\", \"path\": \"/srv/d0\", \"worker\": 1, \"buffered\": true},"
    "                {\"name\": \"b0\", \"type\": \"block\", \"path\": \"/dev/vdb\"}],"
    " \"volumes\": [{\"name\": \"vm1\", \"datastore\": \"d0\", \"uuid\": \"01234567-89ab-4def-8123-456789abcdef\","
    "   \"size_bytes\": 1099511627776, \"block_bytes\": 4096, \"write_cache\": \"volatile\", \"shared\": true,"
    "   \"filters\": [{\"filter\": \"delay\", \"params\": {\"read_us\": \"100\", \"jitter_pct\": 5}, \"on_failure\": \"bypass\"},"
    "               {\"filter\": \"trace\", \"position\": 150}]},"
    "  {\"name\": \"vm2\", \"datastore\": \"b0\", \"uuid\": \"11234567-89ab-4def-8123-456789abcdef\", \"open\": false}]}";

static int read_text(const char *text, struct plan *p, struct err *err)
{
	cleanup_json json_t *j = json_parse(text, strlen(text), "test", err);

	plan_init(p);
	assert_non_null(j);
	return plan_from_json(j, p, err);
}

static void plan_is_the_same_after_save_and_load(void **state)
{
	struct plan p, q;
	struct err err = {0};
	struct plan_volume *v;
	json_t *before, *after;

	assert_int_equal(read_text(example, &p, &err), 0);
	assert_int_equal(plan_save(path, &p, &err), 0);
	assert_int_equal(plan_load(path, &q, &err), 0);
	before = plan_to_json(&p);
	after = plan_to_json(&q);
	assert_true(json_equal(before, after));
	v = plan_find_volume(&q, "vm1");
	assert_non_null(v);
	assert_int_equal(v->size_bytes, 1099511627776);
	assert_int_equal(v->block_bytes, 4096);
	assert_int_equal(v->write_cache, WRITE_CACHE_VOLATILE);
	assert_true(v->is_shared && v->is_open);
	assert_int_equal(v->filter_count, 2);
	assert_int_equal(v->filters[0].on_failure, ON_FAILURE_BYPASS);
	assert_int_equal(v->filters[1].position, 150);
	assert_false(plan_find_volume(&q, "vm2")->is_open);
	json_decref(before);
	json_decref(after);
	plan_fini(&p);
	plan_fini(&q);
}

static void absent_plan_is_an_empty_one(void **state)
{
	struct plan p;

	assert_int_equal(plan_load(path, &p, NULL), -ENOENT);
	assert_true(list_is_empty(&p.volumes));
}

static size_t aside_count(void)
{
	char pattern[160];
	glob_t g;
	size_t n = 0;

	snprintf(pattern, sizeof(pattern), "%s/plan.json.damaged-*", folder);
	if (glob(pattern, 0, NULL, &g) == 0) {
		n = g.gl_pathc;
		globfree(&g);
	}
	return n;
}

/* Every byte changed, one after the other: the sum finds each. */
static void damaged_plan_is_refused_with_a_sentence_and_kept_aside(void **state)
{
	char *text = NULL;
	size_t len = 0;
	struct plan p;
	struct err err = {0};

	assert_int_equal(read_text(example, &p, &err), 0);
	assert_int_equal(plan_save(path, &p, &err), 0);
	plan_fini(&p);
	assert_int_equal(durable_read(path, 1 << 20, &text, &len, &err), 0);
	for (size_t i = 0; i < len; i += 7) {
		text[i] ^= 1;
		assert_int_equal(durable_write(path, text, len, &err), 0);
		assert_true(plan_load(path, &p, &err) < 0);
		assert_true(list_is_empty(&p.volumes) && list_is_empty(&p.datastores));
		assert_non_null(strstr(err.text, "put aside"));
		assert_int_equal(access(path, F_OK), -1);
		assert_true(aside_count() > 0);
		text[i] ^= 1;
		remove_all("*damaged*");
	}
	free(text);
}

static void truncated_plan_is_refused(void **state)
{
	char *text = NULL;
	size_t len = 0;
	struct plan p;
	struct err err = {0};

	assert_int_equal(read_text(example, &p, &err), 0);
	assert_int_equal(plan_save(path, &p, &err), 0);
	plan_fini(&p);
	assert_int_equal(durable_read(path, 1 << 20, &text, &len, &err), 0);
	for (size_t cut = 0; cut < len; cut += 11) {
		assert_int_equal(durable_write(path, text, cut, &err), 0);
		assert_true(plan_load(path, &p, &err) < 0);
		assert_int_equal(aside_count(), 1);
		remove_all("*damaged*");
	}
	free(text);
}

static void plan_of_another_version_names_both(void **state)
{
	struct plan p;
	struct err err = {0};

	assert_int_equal(read_text("{\"version\": 2}", &p, &err), -EPROTO);
	assert_non_null(strstr(err.text, "version 2"));
	assert_non_null(strstr(err.text, "version 1"));
}

static void save_that_fails_leaves_the_old_plan(void **state)
{
	char beside[100];
	struct plan p, q;
	struct err err = {0};

	assert_int_equal(read_text(example, &p, &err), 0);
	assert_int_equal(plan_save(path, &p, &err), 0);
	plan_remove_volume(&p, plan_find_volume(&p, "vm1"));
	snprintf(beside, sizeof(beside), "%s.new", path);
	assert_int_equal(mkdir(beside, 0700), 0); /* in the way of the temporary file */
	assert_true(plan_save(path, &p, &err) < 0);
	assert_true(err.text[0]);
	assert_int_equal(plan_load(path, &q, &err), 0);
	assert_non_null(plan_find_volume(&q, "vm1"));
	plan_fini(&p);
	plan_fini(&q);
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
	    T(plan_is_the_same_after_save_and_load),
	    T(absent_plan_is_an_empty_one),
	    T(damaged_plan_is_refused_with_a_sentence_and_kept_aside),
	    T(truncated_plan_is_refused),
	    T(plan_of_another_version_names_both),
	    T(save_that_fails_leaves_the_old_plan),
	    T(contradictions_are_refused_with_the_field),
	    T(records_of_a_filter_survive_and_go_with_their_volume),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
