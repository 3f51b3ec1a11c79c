/* SPDX-License-Identifier: MIT */
/* A filter of a whole datastore stands in every volume's rules, with its defaults, unless the
 * volume's policy has one of its class, or the filter is not transparent. */
#include "store_rig.h"

static struct rig rig;
static struct err err;
static int64_t fast;

static void add_filter(const char *name, const char *class, int is_transparent, int is_installed)
{
	rig_add(&rig, &table_filters,
		"{s:s, s:s, s:b, s:b, s:b, s:i, s:[{s:s, s:s}, {s:s, s:b}, {s:s}], s:[{s:s}]}",
		"name", name, "class", class, "is_transparent", is_transparent, "is_installed",
		is_installed, "is_enabled", 1, "seen_ms", 1, "parameters", "name", "n", "default",
		"7", "name", "is_on", "default", 0, "name", "needed", "group_parameters", "name",
		"m");
}

static void put(const char *filter, const char *value)
{
	cleanup_json json_t *parameters = value ? json_pack("{s:s}", "m", value) : NULL;

	must(store_begin(rig.s, &err), err);
	must(store_datastore_filter_put(rig.s, fast, filter, parameters, &err), err);
	must(store_commit(rig.s, &err), err);
}

static int begin(void **state)
{
	rig_begin(&rig);
	fast = rig_add_datastore(&rig);
	add_filter("share", "io_control", 1, 1);
	add_filter("other", "io_control", 0, 1);
	add_filter("hold", "cache", 0, 1);
	add_filter("gone", "inspection", 1, 0);
	rig_add_volume(&rig, "v1");
	return 0;
}

static int end(void **state)
{
	rig_end(&rig);
	return 0;
}

static void assert_json(const json_t *got, const char *expected)
{
	cleanup_json json_t *wanted = json_loads(expected, JSON_DECODE_ANY, NULL);
	char *text = json_dumps(got, JSON_ENCODE_ANY);

	assert_non_null(wanted);
	if (!got || !json_equal(got, wanted))
		fail_msg("%s instead of %s", text ? text : err.text, expected);
	free(text);
}

/* A member of the first datastore or volume in the desired state. */
static void assert_desired(const char *list, const char *member, const char *expected)
{
	cleanup_json json_t *all = store_desired(rig.s, &err);
	const json_t *first = json_array_get(json_object_get(all, list), 0);

	assert_json(json_object_get(first, member), expected);
}

static void parameters_are_kept_replaced_and_taken_away(void **state)
{
	assert_desired("datastores", "filters", "[]");
	put("share", "1");
	put("hold", "5");
	put("share", "2");
	assert_desired("datastores", "filters",
		       "[{\"filter\":\"hold\",\"parameters\":{\"m\":\"5\"}},"
		       "{\"filter\":\"share\",\"parameters\":{\"m\":\"2\"}}]");
	put("hold", NULL);
	put("hold", NULL);
	assert_desired("datastores", "filters",
		       "[{\"filter\":\"share\",\"parameters\":{\"m\":\"2\"}}]");
}

static void every_volume_gets_it_with_its_defaults(void **state)
{
	put("share", "1");
	put("hold", "1"); /* not transparent: it comes by policies alone */
	assert_desired("volumes", "rules",
		       "[{\"class\":\"io_control\",\"filter\":\"share\",\"on_failure\":\"bypass\","
		       "\"parameters\":{\"n\":\"7\",\"is_on\":\"false\"},\"datastore\":\"fast\"}]");
}

static void a_rule_of_its_class_comes_first(void **state)
{
	int64_t policy = rig_add(&rig, &table_policies, "{s:s}", "name", "gold");
	cleanup_json json_t *rules =
	    json_pack("[{s:s, s:s, s:s, s:{s:s}}]", "class", "io_control", "filter", "other",
		      "on_failure", "hold", "parameters", "n", "9");

	put("share", "1");
	must(store_begin(rig.s, &err), err);
	assert_int_equal(store_policy_add_version(rig.s, policy, rules, "", "", &err), 1);
	must(store_assign(rig.s, store_id_of(rig.s, &table_volumes, "v1", &err), policy, 0, &err),
	     err);
	must(store_commit(rig.s, &err), err);
	assert_desired("volumes", "rules",
		       "[{\"class\":\"io_control\",\"filter\":\"other\",\"on_failure\":\"hold\","
		       "\"parameters\":{\"n\":\"9\"}}]");
}

static void what_is_not_loaded_is_left_out(void **state)
{
	put("gone", "1");
	put("never-seen", "1");
	assert_desired("volumes", "rules", "[]");
}

static void users_and_datastores_are_named(void **state)
{
	cleanup_json json_t *users = NULL, *with = NULL, *none = NULL;
	cleanup_json json_t *volumes = NULL, *behind = NULL;

	none = store_datastores_filtered(rig.s, &err);
	assert_json(none, "[]");
	rig_add(&rig, &table_datastores, "{s:s, s:s}", "name", "other", "type", "mem");
	put("share", "1");
	users = store_filter_users(rig.s, "share", &err);
	assert_json(users, "{\"policies\":[],\"volumes\":[],\"datastores\":[\"fast\"]}");
	with = store_datastores_filtered(rig.s, &err);
	assert_json(with, "[\"fast\"]");
	rig_add_volume(&rig, "v2");
	volumes = store_volumes_filtered(rig.s, "", 1, &err);
	assert_json(volumes, "[\"v1\"]");
	behind = store_volumes_filtered(rig.s, "v1", 9, &err);
	assert_json(behind, "[\"v2\"]");
}

static void they_go_with_their_datastore(void **state)
{
	cleanup_json json_t *with = NULL;

	put("share", "1");
	must(store_begin(rig.s, &err), err);
	must(store_delete(rig.s, &table_volumes, store_id_of(rig.s, &table_volumes, "v1", &err), 0,
			  &err),
	     err);
	must(store_delete(rig.s, &table_datastores, fast, 0, &err), err);
	must(store_commit(rig.s, &err), err);
	with = store_datastores_filtered(rig.s, &err);
	assert_json(with, "[]");
}

#define EACH(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    EACH(parameters_are_kept_replaced_and_taken_away),
	    EACH(every_volume_gets_it_with_its_defaults),
	    EACH(a_rule_of_its_class_comes_first),
	    EACH(what_is_not_loaded_is_left_out),
	    EACH(users_and_datastores_are_named),
	    EACH(they_go_with_their_datastore),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
