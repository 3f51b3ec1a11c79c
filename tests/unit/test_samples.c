/* SPDX-License-Identifier: MIT */
/* Bundled policies: inserted once their filters are there, renewed by an update, never over a
 * user's. */
#include "store_rig.h"

#include <sys/stat.h>

#include "samples.h"

static void put_file(struct rig *r, const char *name, const char *text)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "%s/samples", r->dir);
	mkdir(path, 0700);
	snprintf(path, sizeof(path), "%s/samples/%s", r->dir, name);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static int load(struct rig *r, struct err *err)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/samples", r->dir);
	return samples_load(r->s, path, err);
}

static void add_filter(struct rig *r)
{
	rig_add(r, &table_filters, "{s:s, s:s, s:b, s:b, s:i, s:[{s:s, s:s, s:s, s:s, s:s}]}",
		"name", "trace", "class", "inspection", "is_transparent", 1, "is_installed", 1,
		"seen_ms", 1, "parameters", "name", "entries", "type", "u64", "min", "1", "max",
		"65536", "default", "128");
}

/* version 0: there is no such policy. */
static int64_t version_of(struct rig *r, const char *name, bool *is_bundled)
{
	struct err err;
	cleanup_json json_t *row = store_get(r->s, &table_policies, name, &err);

	*is_bundled = json_is_true(json_object_get(row, "is_bundled"));
	return json_integer_value(json_object_get(row, "version"));
}

static const char first[] = "{\"name\": \"observe\", \"description\": \"d\", \"rules\": "
			    "[{\"filter\": \"trace\", \"parameters\": {\"entries\": \"64\"}}]}";
static const char second[] = "{\"name\": \"observe\", \"description\": \"d\", \"rules\": "
			     "[{\"filter\": \"trace\", \"parameters\": {\"entries\": \"99\"}}]}";

static void sample_waits_for_its_filters(void **state)
{
	struct err err = {0};
	bool is_bundled;
	struct rig r;

	rig_begin(&r);
	must(load(&r, &err), err); /* no folder: no error */
	put_file(&r, "observe.json", first);
	put_file(&r, "README", "not a sample");
	must(load(&r, &err), err);
	assert_int_equal(version_of(&r, "observe", &is_bundled), 0);
	add_filter(&r);
	must(load(&r, &err), err);
	assert_int_equal(version_of(&r, "observe", &is_bundled), 1);
	assert_true(is_bundled);
	rig_end(&r);
}

static void only_a_changed_sample_gets_a_new_version(void **state)
{
	struct err err = {0};
	bool is_bundled;
	uint64_t before;
	struct rig r;

	rig_begin(&r);
	add_filter(&r);
	put_file(&r, "observe.json", first);
	must(load(&r, &err), err);
	before = store_statements();
	must(load(&r, &err), err);
	assert_int_equal(store_statements(), before);
	put_file(&r, "observe.json", second);
	must(load(&r, &err), err);
	assert_int_equal(version_of(&r, "observe", &is_bundled), 2);
	rig_end(&r);
}

static void users_policy_of_that_name_stays(void **state)
{
	struct err err = {0};
	bool is_bundled;
	struct rig r;

	rig_begin(&r);
	add_filter(&r);
	rig_add(&r, &table_policies, "{s:s}", "name", "observe");
	put_file(&r, "observe.json", first);
	must(load(&r, &err), err);
	assert_int_equal(version_of(&r, "observe", &is_bundled), 1);
	assert_false(is_bundled);
	rig_end(&r);
}

static void damaged_file_is_named_and_the_others_are_taken(void **state)
{
	struct err err = {0};
	bool is_bundled;
	struct rig r;

	rig_begin(&r);
	add_filter(&r);
	put_file(&r, "a.json", "{\"name\": ");
	put_file(&r, "b.json", "{\"name\": \"b\", \"rule\": []}");
	put_file(&r, "observe.json", first);
	assert_true(load(&r, &err) < 0);
	assert_non_null(strstr(err.text, "a.json"));
	assert_int_equal(version_of(&r, "observe", &is_bundled), 1);
	rig_end(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(sample_waits_for_its_filters),
	    cmocka_unit_test(only_a_changed_sample_gets_a_new_version),
	    cmocka_unit_test(users_policy_of_that_name_stays),
	    cmocka_unit_test(damaged_file_is_named_and_the_others_are_taken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
