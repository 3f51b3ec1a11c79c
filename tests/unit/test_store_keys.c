/* SPDX-License-Identifier: MIT */
/* What is known of keys: versions retire one another, a volume's key is found, and those volumes
 * are found whose header was made with another key than their policy names. */
#include "store_rig.h"

static struct rig rig;
static struct err err;
static int64_t provider, one, two, volume;

static int begin(void **state)
{
	cleanup_json json_t *rules =
	    json_pack("[{s:s, s:s, s:s, s:{s:s}}]", "class", "encryption", "filter", "encryption",
		      "on_failure", "hold", "parameters", "key_id", "One");
	int64_t policy, version;

	memset(&err, 0, sizeof(err));
	rig_begin(&rig);
	rig_add_datastore(&rig);
	volume = rig_add_volume(&rig, "v1");
	rig_add_volume(&rig, "v2");
	provider =
	    rig_add(&rig, &table_key_providers, "{s:s, s:s}", "name", "vault", "type", "native");
	one = rig_add(&rig, &table_keys, "{s:s, s:s, s:s, s:s, s:i}", "name", "one", "uuid",
		      "00000000-0000-4000-8000-000000000001", "provider", "vault", "state",
		      "active", "version", 1);
	two = rig_add(&rig, &table_keys, "{s:s, s:s, s:s, s:s, s:i}", "name", "two", "uuid",
		      "00000000-0000-4000-8000-000000000002", "provider", "vault", "state",
		      "active", "version", 1);
	policy = rig_add(&rig, &table_policies, "{s:s}", "name", "secret");
	must(store_begin(rig.s, &err), err);
	version = store_policy_add_version(rig.s, policy, rules, "t", "", &err);
	if (version < 0)
		fail_msg("%s", err.text);
	must(store_assign(rig.s, volume, policy, version, &err), err);
	must(store_key_version_add(rig.s, one, 1, "a", &err), err);
	return 0;
}

static int end(void **state)
{
	rig_end(&rig);
	return 0;
}

static void a_new_version_retires_the_older_ones(void **state)
{
	cleanup_json json_t *versions = NULL;

	must(store_key_version_add(rig.s, one, 2, "b", &err), err);
	must(store_key_version_add(rig.s, one, 2, "b", &err), err); /* after a crash */
	versions = store_key_versions(rig.s, one, &err);
	assert_int_equal(json_array_size(versions), 2);
	assert_string_equal(
	    json_string_value(json_object_get(json_array_get(versions, 0), "state")), "active");
	assert_string_equal(
	    json_string_value(json_object_get(json_array_get(versions, 1), "state")), "retired");
}

static void a_volumes_key_is_found_and_holds_it(void **state)
{
	cleanup_json json_t *none = store_volume_key(rig.s, volume, &err), *known = NULL;

	assert_true(json_is_null(none));
	must(store_volume_key_put(rig.s, volume, one, 1, true, &err), err);
	known = store_volume_key(rig.s, volume, &err);
	assert_string_equal(json_string_value(json_object_get(known, "provider_key_id")), "a");
	assert_string_equal(json_string_value(json_object_get(known, "provider")), "vault");
	assert_int_equal(store_delete(rig.s, &table_keys, one, 0, &err), -EBUSY);
	assert_non_null(strstr(err.text, "v1"));
	assert_int_equal(store_delete(rig.s, &table_key_providers, provider, 0, &err), -EBUSY);
	must(store_delete(rig.s, &table_volumes, volume, 0, &err), err);
	must(store_delete(rig.s, &table_keys, one, 0, &err), err);
}

static size_t stale(void)
{
	cleanup_json json_t *rows = store_stale_volume_keys(rig.s, &err);

	if (!rows)
		fail_msg("%s", err.text);
	return json_array_size(rows);
}

static void volumes_with_another_key_than_named_are_found(void **state)
{
	cleanup_json json_t *all = store_encrypted_volumes(rig.s, &err);
	cleanup_json json_t *newer = json_pack("{s:i}", "version", 2);
	cleanup_json json_t *destroying = json_pack("{s:s}", "state", "destroying");

	assert_int_equal(json_array_size(all), 1);
	assert_int_equal(stale(), 0); /* nothing is known of its header */
	must(store_volume_key_put(rig.s, volume, one, 1, true, &err), err);
	assert_int_equal(stale(), 0); /* case makes no difference */
	must(store_note(rig.s, &table_keys, one, newer, &err), err);
	assert_int_equal(stale(), 1);
	must(store_note(rig.s, &table_keys, one, destroying, &err), err);
	assert_int_equal(stale(), 0);
	must(store_volume_key_put(rig.s, volume, two, 1, false, &err), err);
	assert_int_equal(stale(), 0);
}

#define EACH(name) cmocka_unit_test_setup_teardown(name, begin, end)
int main(void)
{
	const struct CMUnitTest tests[] = {
	    EACH(a_new_version_retires_the_older_ones),
	    EACH(a_volumes_key_is_found_and_holds_it),
	    EACH(volumes_with_another_key_than_named_are_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
