/* SPDX-License-Identifier: MIT */
/*
 * What a paired appliance says is still a stranger's: of a message that is not right nothing is
 * kept, whatever stands where, and it speaks of its own groups alone.
 *
 * The answering thread's work is done here by hand, on a database, with no sluice-filterd there.
 */
#include "store_rig.h"

#include "cleanup.h"
#include "replicator_int.h"
#include "store_replication.h"

#define GROUP "0b7e4d5c-1111-4222-8333-444455556666"
#define DISK  "5e0f1a2b-aaaa-4bbb-8ccc-ddddeeeeffff"

struct answers {
	struct rig rig;
	struct replicator r;
};

static void begin(struct answers *a)
{
	struct err err = {0};

	memset(a, 0, sizeof(*a));
	rig_begin(&a->rig);
	rig_add(&a->rig, &table_filters, "{s:s, s:s, s:b, s:b, s:i, s:[{s:s, s:s, s:s, s:s, s:s}]}",
		"name", "trace", "class", "inspection", "is_transparent", 1, "is_installed", 1,
		"seen_ms", 1, "parameters", "name", "entries", "type", "u64", "min", "1", "max",
		"65536", "default", "128");
	rig_add_datastore(&a->rig);
	rig_add(&a->rig, &table_peers, "{s:s, s:s, s:s}", "name", "site-a", "address", "10.0.0.1",
		"state", "paired");
	rig_add(&a->rig, &table_peers, "{s:s, s:s, s:s}", "name", "mallory", "address", "10.0.0.6",
		"state", "paired");
	a->r.answer_store = a->rig.s;
	a->r.cfg.iqn_base = "iqn.2026-01.org.sluice:b";
	must(filterd_client_init(&a->r.answer_filterd, "/nowhere/filterd.sock", 50, &err), err);
}

static void end(struct answers *a)
{
	filterd_client_fini(&a->r.answer_filterd);
	rig_end(&a->rig);
}

static json_t *parse(const char *text)
{
	json_error_t error;
	char *copy = strdup(text);
	json_t *j;

	assert_non_null(copy);
	for (char *p = copy; *p; p++)
		if (*p == '\'')
			*p = '"';
	j = json_loads(copy, JSON_ALLOW_NUL | JSON_DECODE_ANY, &error);
	if (!j)
		fail_msg("%s in: %s", error.text, text);
	free(copy);
	return j;
}

static json_t *good_prepare(void)
{
	return parse(
	    "{'version': 1, 'call': 'replication.prepare', 'group': '" GROUP "', 'name': 'web',"
	    " 'datastore': 'fast', 'settings': {'mode': 'sync', 'when_peer_is_lost': 'hold',"
	    " 'rpo_target_ms': 5000, 'bandwidth_bytes_per_s': 0, 'journal_bytes': 67108864,"
	    " 'witness': ''},"
	    " 'volumes': [{'uuid': '" DISK "', 'name': 'web1', 'size_bytes': 67108864,"
	    " 'block_bytes': 512, 'write_cache': 'durable', 'is_thin': true, 'description': 'd',"
	    " 'policy': {'name': 'look', 'rules': [{'class': 'inspection', 'filter': 'trace',"
	    " 'on_failure': 'hold', 'parameters': {'entries': '64'}}]}}]}");
}

/* Everything that a message may change, as text. */
static char *content(struct answers *a)
{
	const struct store_table *const tables[] = {&table_volumes, &table_replications,
						    &table_policies, &table_events};
	cleanup_json json_t *all = json_array();
	struct err err = {0};

	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
		json_t *rows = store_list_all(a->rig.s, tables[i], NULL, &err);

		assert_non_null(rows);
		json_array_append_new(all, rows);
	}
	return json_dumps(all, JSON_SORT_KEYS);
}

static json_t *answer(struct answers *a, const char *peer, json_t *body, struct err *err)
{
	json_t *result;

	*err = (struct err){0};
	result = replicator_answer(&a->r, peer, body, err);
	assert_false(store_in_transaction(a->rig.s));
	assert_true(result || err->code);
	json_decref(body);
	return result;
}

/* Takes body. What is refused leaves everything as it was, and says why. */
static void assert_refused(struct answers *a, const char *peer, json_t *body, int code)
{
	cleanup_free char *before = content(a), *after = NULL;
	struct err err;
	cleanup_json json_t *result = answer(a, peer, body, &err);

	after = content(a);
	assert_null(result);
	if (code && err.code != code)
		fail_msg("%d instead of %d: %s", err.code, code, err.text);
	assert_true(strlen(err.text) > 5);
	assert_string_equal(before, after);
}

static void assert_taken(struct answers *a, const char *peer, json_t *body)
{
	struct err err;
	cleanup_json json_t *result = answer(a, peer, body, &err);

	if (!result)
		fail_msg("%s", err.text);
}

static json_t *with(json_t *body, const char *member, const char *value)
{
	json_object_set_new(body, member, parse(value));
	return body;
}

static json_t *with_volume(const char *member, const char *value)
{
	json_t *body = good_prepare();

	with(json_array_get(json_object_get(body, "volumes"), 0), member, value);
	return body;
}

static json_t *with_setting(const char *member, const char *value)
{
	json_t *body = good_prepare();

	with(json_object_get(body, "settings"), member, value);
	return body;
}

static json_t *call(const char *name, const char *group)
{
	return json_pack("{s:i, s:s, s:s}", "version", REPLICATOR_VERSION, "call", name, "group",
			 group);
}

/* ---------------------------------------------------------------- tests */

static void good_message_makes_the_replica_once(void **state)
{
	struct answers a;
	struct err err = {0};

	begin(&a);
	assert_taken(&a, "site-a", good_prepare());
	{
		cleanup_free char *once = content(&a), *twice = NULL;
		cleanup_json json_t *volume = store_get(a.rig.s, &table_volumes, "web1", &err);
		cleanup_json json_t *row = store_get(a.rig.s, &table_replications, "web", &err);

		assert_string_equal(replicator_text(volume, "uuid"), DISK);
		assert_string_equal(replicator_text(row, "initial_role"), "secondary");
		assert_string_equal(replicator_text(row, "phase"), "attaching");
		assert_taken(&a, "site-a", good_prepare());
		twice = content(&a);
		assert_string_equal(once, twice);
	}
	end(&a);
}

static void messages_of_another_shape_are_refused(void **state)
{
	static const char *const bodies[] = {
	    "null",
	    "7",
	    "[]",
	    "'prepare'",
	    "{}",
	    "{'version': 2, 'call': 'hello'}",
	    "{'version': '1', 'call': 'hello'}",
	    "{'version': 1, 'call': 7}",
	    "{'version': 1, 'call': 'replication.drop'}",
	    "{'version': 1, 'call': 'replication.end'}",
	    "{'version': 1, 'call': 'replication.end', 'group': '../../etc'}",
	    "{'version': 1, 'call': 'replication.end', 'group': '" GROUP "'}",
	    "{'version': 1, 'call': 'replication.grow', 'group': '" GROUP "'}",
	};
	struct answers a;

	begin(&a);
	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++)
		assert_refused(&a, "site-a", parse(bodies[i]), 0);
	assert_taken(&a, "site-a", parse("{'version': 1, 'call': 'hello'}"));
	end(&a);
}

static void volumes_that_cannot_be_are_refused(void **state)
{
	struct answers a;

	begin(&a);
	assert_refused(&a, "site-a", with(good_prepare(), "datastore", "'nowhere'"), ENOENT);
	assert_refused(&a, "site-a", with(good_prepare(), "datastore", "'../fast'"), 0);
	assert_refused(&a, "site-a", with(good_prepare(), "name", "'a/b'"), 0);
	assert_refused(&a, "site-a", with(good_prepare(), "volumes", "[]"), ERANGE);
	assert_refused(&a, "site-a", with(good_prepare(), "volumes", "{}"), ERANGE);
	assert_refused(&a, "site-a", with(good_prepare(), "root", "true"), EINVAL);
	assert_refused(&a, "site-a", with_volume("size_bytes", "0"), 0);
	assert_refused(&a, "site-a", with_volume("size_bytes", "-4096"), 0);
	assert_refused(&a, "site-a", with_volume("size_bytes", "67108865"), 0);
	assert_refused(&a, "site-a", with_volume("size_bytes", "9223372036854775807"), 0);
	assert_refused(&a, "site-a", with_volume("block_bytes", "513"), 0);
	assert_refused(&a, "site-a", with_volume("name", "'../../etc/passwd'"), 0);
	assert_refused(&a, "site-a", with_volume("name", "'a\\u0000b'"), 0);
	assert_refused(&a, "site-a", with_volume("desired_state", "'deleting'"), EINVAL);
	assert_refused(&a, "site-a", with_volume("uuid", "'mine'"), 0);
	assert_refused(&a, "site-a", with_volume("policy", "7"), EINVAL);
	assert_refused(&a, "site-a",
		       with_volume("policy", "{'name': 'p', 'rules': [{'filter': 'rm'}]}"), 0);
	assert_refused(&a, "site-a", with_setting("phase", "'active'"), 0);
	assert_refused(&a, "site-a", with_setting("role", "'primary'"), 0);
	assert_refused(&a, "site-a", with_setting("mode", "'fast'"), 0);
	assert_refused(&a, "site-a", with_setting("journal_bytes", "1"), 0);
	end(&a);
}

/* A disk that somebody uses here does not become a replica because a peer says its number. */
static void volume_in_use_is_not_taken(void **state)
{
	struct err err = {0};
	cleanup_json json_t *own = NULL;
	struct answers a;

	begin(&a);
	rig_add_volume(&a.rig, "mine");
	own = store_get(a.rig.s, &table_volumes, "mine", &err);
	{
		json_t *body = good_prepare(), *twice;

		json_object_set(json_array_get(json_object_get(body, "volumes"), 0), "uuid",
				json_object_get(own, "uuid"));
		assert_refused(&a, "mallory", body, EBUSY);
		body = good_prepare();
		twice = json_object_get(body, "volumes");
		json_array_append_new(twice, json_deep_copy(json_array_get(twice, 0)));
		assert_refused(&a, "mallory", body, 0);
	}
	end(&a);
}

static void peer_speaks_of_its_own_groups_alone(void **state)
{
	static const char *const calls[] = {"replication.end", "replication.handover",
					    "replication.status"};
	struct answers a;

	begin(&a);
	assert_taken(&a, "site-a", good_prepare());
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		assert_refused(&a, "mallory", call(calls[i], GROUP), ENOENT);
	assert_refused(&a, "mallory", good_prepare(), EEXIST);
	assert_refused(&a, "mallory", with(good_prepare(), "call", "'replication.change'"), ENOENT);
	assert_refused(&a, "mallory",
		       with(with(call("replication.grow", GROUP), "uuid", "'" DISK "'"),
			    "size_bytes", "134217728"),
		       ENOENT);
	assert_taken(&a, "site-a", call("replication.end", GROUP));
	end(&a);
}

static void become(struct answers *a, const char *role)
{
	struct err err = {0};
	cleanup_json json_t *row = store_get(a->rig.s, &table_replications, "web", &err);

	rig_note(&a->rig, &table_replications, replicator_number(row, "id"), "{s:s, s:s}", "role",
		 role, "phase", "active");
}

static json_t *change(void)
{
	return with(good_prepare(), "call", "'replication.change'");
}

static void changes_come_from_the_primary_and_for_these_volumes(void **state)
{
	struct err err = {0};
	struct answers a;
	json_t *body;

	begin(&a);
	assert_taken(&a, "site-a", good_prepare());
	become(&a, "primary");
	assert_refused(&a, "site-a", change(), EBUSY);
	become(&a, "secondary");
	assert_taken(&a, "site-a", change());
	body = change();
	with(json_array_get(json_object_get(body, "volumes"), 0), "uuid", "'" GROUP "'");
	assert_refused(&a, "site-a", body, EINVAL);
	assert_refused(&a, "site-a", with(change(), "volumes", "[]"), ERANGE);
	body = change();
	with(json_object_get(body, "settings"), "rpo_target_ms", "777");
	with(json_array_get(json_object_get(body, "volumes"), 0), "policy",
	     "{'name': 'look', 'rules': [{'class': 'inspection', 'filter': 'trace', 'on_failure': "
	     "'hold', 'parameters': {'entries': '256'}}]}");
	assert_taken(&a, "site-a", body);
	{
		cleanup_json json_t *row = store_get(a.rig.s, &table_replications, "web", &err);
		cleanup_json json_t *v = store_get(a.rig.s, &table_volumes, "web1", &err);
		cleanup_json json_t *has =
		    store_assignment(a.rig.s, replicator_number(v, "id"), &err);

		assert_int_equal(replicator_number(row, "rpo_target_ms"), 777);
		assert_string_equal(replicator_text(has, "policy"), "look-from-site-a");
	}
	body = change();
	with(json_array_get(json_object_get(body, "volumes"), 0), "policy", "null");
	assert_taken(&a, "site-a", body);
	end(&a);
}

/* ---------------------------------------------------------------- anything anywhere */

static const char *const nasty[] = {
    "null",      "true",   "-1", "0",  "1.5",      "9223372036854775807", "''",
    "'\\u0000'", "'%s%n'", "[]", "{}", "[[[[]]]]", "'\\ud83d\\ude00'",    "{'name': {'name': 1}}",
};

/* Replaces the k-th value of the tree, counted depth first; true once it has. */
static bool replace(json_t *in, size_t *k, json_t *value)
{
	const char *name;
	json_t *child;
	void *next;
	size_t i;

	json_object_foreach_safe(in, next, name, child)
	{
		if ((*k)-- == 0)
			return json_object_set(in, name, value) == 0;
		if (replace(child, k, value))
			return true;
	}
	json_array_foreach(in, i, child)
	{
		if ((*k)-- == 0)
			return json_array_set(in, i, value) == 0;
		if (replace(child, k, value))
			return true;
	}
	return false;
}

static void anything_in_any_place_does_no_harm(void **state)
{
	size_t refused = 0, places = 0;
	bool is_there = true;
	struct answers a;

	begin(&a);
	for (size_t place = 0; is_there; place++) {
		for (size_t n = 0; n < sizeof(nasty) / sizeof(nasty[0]); n++) {
			cleanup_free char *before = content(&a), *after = NULL;
			cleanup_json json_t *value = parse(nasty[n]), *result = NULL;
			json_t *body = place % 2 ? change() : good_prepare();
			struct err err;
			size_t k = place / 2;

			is_there = replace(body, &k, value);
			result = answer(&a, "site-a", body, &err);
			after = content(&a);
			if (!result)
				assert_string_equal(before, after);
			refused += !result;
		}
		places += is_there;
	}
	assert_true(places > 40 && refused > places * 5);
	end(&a);
}

static void long_and_deep_is_refused(void **state)
{
	struct answers a;
	char *text = malloc(200001);
	json_t *deep = json_array(), *body;

	assert_non_null(text);
	memset(text, 'x', 200000);
	text[200000] = '\0';
	begin(&a);
	for (int i = 0; i < 500; i++)
		deep = json_pack("[o]", deep);
	body = good_prepare();
	json_object_set_new(body, "name", json_string(text));
	assert_refused(&a, "site-a", body, 0);
	body = good_prepare();
	json_object_set_new(body, "settings", deep);
	assert_refused(&a, "site-a", body, EINVAL);
	body = json_pack("{s:i, s:s}", "version", REPLICATOR_VERSION, "call", text);
	assert_refused(&a, "site-a", body, EINVAL);
	end(&a);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(good_message_makes_the_replica_once),
	    cmocka_unit_test(messages_of_another_shape_are_refused),
	    cmocka_unit_test(volumes_that_cannot_be_are_refused),
	    cmocka_unit_test(volume_in_use_is_not_taken),
	    cmocka_unit_test(peer_speaks_of_its_own_groups_alone),
	    cmocka_unit_test(changes_come_from_the_primary_and_for_these_volumes),
	    cmocka_unit_test(anything_in_any_place_does_no_harm),
	    cmocka_unit_test(long_and_deep_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
