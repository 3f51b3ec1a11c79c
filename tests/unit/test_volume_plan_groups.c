/* SPDX-License-Identifier: MIT */
/* What filters share on a datastore is in the plan, and plans from before it was are read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "json.h"
#include "plan.h"

static struct err err;

static int read_text(const char *text, struct plan *p)
{
	cleanup_json json_t *j = json_parse(text, strlen(text), "test", &err);

	plan_init(p);
	assert_non_null(j);
	return plan_from_json(j, p, &err);
}

#define PLAN(datastore)                                                                            \
	"{\"version\": 1, \"datastores\": [{\"name\": \"d0\", \"type\": \"mem\"" datastore         \
	"}], \"volumes\": []}"

static const char with_groups[] =
    PLAN(", \"filters\": [{\"filter\": \"io_control\", \"params\": {\"enabled\": true,"
	 " \"threshold_us\": 5000}}, {\"filter\": \"cache\"}]");

static void groups_are_the_same_when_written_and_read(void **state)
{
	struct plan_datastore *e = NULL;
	struct plan p;
	const struct plan_datastore *d;
	const struct plan_filter *f;
	cleanup_json json_t *text = NULL;

	assert_int_equal(read_text(with_groups, &p), 0);
	text = plan_datastore_to_json(plan_find_datastore(&p, "d0"));
	assert_int_equal(plan_datastore_from_json(text, &e, &err), 0);
	d = e;
	assert_int_equal(d->filter_count, 2);
	f = plan_find_group(d, "io_control");
	assert_int_equal(f->param_count, 2);
	for (uint32_t i = 0; i < f->param_count; i++)
		assert_string_equal(f->values[i],
				    strcmp(f->names[i], "enabled") == 0 ? "true" : "5000");
	assert_int_equal(plan_find_group(d, "cache")->param_count, 0);
	plan_datastore_free(e);
	plan_fini(&p);
}

static void a_plan_without_groups_is_read_and_written_as_before(void **state)
{
	struct plan p;
	cleanup_json json_t *j = NULL;

	assert_int_equal(read_text(PLAN(""), &p), 0);
	assert_int_equal(plan_find_datastore(&p, "d0")->filter_count, 0);
	j = plan_datastore_to_json(plan_find_datastore(&p, "d0"));
	assert_null(json_object_get(j, "filters"));
	plan_fini(&p);
}

static void a_group_is_put_replaced_and_dropped(void **state)
{
	char level[] = "level", one[] = "1", two[] = "2";
	char *names[] = {level}, *values[] = {one};
	struct plan_filter f = {.name = "a", .param_count = 1, .names = names, .values = values};
	struct plan_datastore *d;
	struct plan p;

	assert_int_equal(read_text(PLAN(""), &p), 0);
	d = plan_find_datastore(&p, "d0");
	assert_int_equal(plan_put_group(d, &f, &err), 0);
	snprintf(f.name, sizeof(f.name), "b");
	assert_int_equal(plan_put_group(d, &f, &err), 0);
	values[0] = two;
	assert_int_equal(plan_put_group(d, &f, &err), 0);
	assert_int_equal(d->filter_count, 2);
	assert_string_equal(plan_find_group(d, "a")->values[0], "1");
	assert_string_equal(plan_find_group(d, "b")->values[0], "2");
	plan_drop_group(d, "a");
	plan_drop_group(d, "a");
	assert_int_equal(d->filter_count, 1);
	assert_null(plan_find_group(d, "a"));
	for (uint32_t i = 1; i < PLAN_GROUPS_MAX; i++) {
		snprintf(f.name, sizeof(f.name), "f%u", i);
		assert_int_equal(plan_put_group(d, &f, &err), 0);
	}
	snprintf(f.name, sizeof(f.name), "more");
	assert_int_equal(plan_put_group(d, &f, &err), -ENOSPC);
	assert_non_null(strstr(err.text, "parameters of 64 filters already"));
	plan_fini(&p);
}

static void what_makes_no_sense_is_refused(void **state)
{
	static const struct {
		const char *text, *says;
	} cases[] = {
	    {PLAN(", \"filters\": {}"), "filters must be an array"},
	    {PLAN(", \"filters\": [3]"), "a filter must be an object"},
	    {PLAN(", \"filters\": [{\"params\": {}}]"), "filter"},
	    {PLAN(", \"filters\": [{\"filter\": \"a\"}, {\"filter\": \"a\"}]"), "named twice"},
	    {PLAN(", \"filters\": [{\"filter\": \"a\", \"on_failure\": \"hold\"}]"), "on_failure"},
	    {PLAN(", \"filters\": [{\"filter\": \"a\", \"params\": {\"x\": []}}]"), "must be text"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct plan p;

		assert_true(read_text(cases[i].text, &p) < 0);
		if (!strstr(err.text, cases[i].says))
			fail_msg("'%s' does not say '%s'", err.text, cases[i].says);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(groups_are_the_same_when_written_and_read),
	    cmocka_unit_test(a_plan_without_groups_is_read_and_written_as_before),
	    cmocka_unit_test(a_group_is_put_replaced_and_dropped),
	    cmocka_unit_test(what_makes_no_sense_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
