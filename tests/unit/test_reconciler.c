/* SPDX-License-Identifier: MIT */
/*
 * The reconciler's thread between a real database and two daemons in memory: what is wanted is
 * made, what is refused says so and disturbs nobody else, what is gone comes back.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <errno.h>
#include <ftw.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "fake_control.h"
#include "fake_tgtd.h"
#include "fd.h"
#include "json.h"
#include "log.h"
#include "reconciler.h"
#include "store_link.h"

#define BASE "iqn.2026-01.org.sluice:test"
#define IQN1 "iqn.2026-01.test.client:one"
#define IQN2 "iqn.2026-01.test.client:two"
#define UUID "00000000-0000-4000-8000-00000000000"

static char folder[64], db[96], backups[96], key[96], filterd_path[96], tgt_path[96];
static struct store *s;
static struct fake_tgtd *tgtd;
static struct fake_control *filterd;
static struct reconciler *r;
static struct apply_cfg cfg;
static struct err err;

/* ---------------------------------------------------------------- the database's side */

static void begin(void)
{
	if (store_begin(s, &err) < 0)
		fail_msg("%s", err.text);
}

static void commit(void)
{
	if (store_commit(s, &err) < 0)
		fail_msg("%s", err.text);
	if (r)
		reconciler_wake(r);
}

static int64_t put(const struct store_table *t, json_t *j)
{
	cleanup_json json_t *row = store_insert(s, t, j, &err);

	if (!row)
		fail_msg("%s: %s", t->name, err.text);
	json_decref(j);
	return json_integer_value(json_object_get(row, "id"));
}

static void change(const struct store_table *t, const char *name, json_t *changes)
{
	cleanup_json json_t *row = NULL;

	begin();
	row = store_update(s, t, store_id_of(s, t, name, &err), changes, 0, &err);
	if (!row)
		fail_msg("%s", err.text);
	json_decref(changes);
	commit();
}

static int64_t task(const char *kind, const char *type, const char *name)
{
	int64_t id = store_task_add(s, kind, type, name, false, NULL, "test", &err);

	assert_true(id > 0);
	return id;
}

/* Volume number n on "main", for the hosts; returns the task of its creation. */
static int64_t add_volume(int n, const char *datastore, const char *hosts)
{
	char name[24], uuid[64], iqn[224];
	cleanup_json json_t *names = json_loads(hosts, 0, NULL);
	int64_t id, task_id;

	snprintf(name, sizeof(name), "v%d", n);
	snprintf(uuid, sizeof(uuid), UUID "%d", n);
	snprintf(iqn, sizeof(iqn), BASE ":%s", name);
	begin();
	id = put(&table_volumes, json_pack("{s:s, s:s, s:s, s:i}", "name", name, "uuid", uuid,
					   "datastore", datastore, "size_bytes", 1 << 20));
	assert_int_equal(store_target_put(s, id, iqn, &err), 0);
	assert_int_equal(store_access_set(s, id, names, NULL, &err), 0);
	task_id = task("volume.create", "volume", name);
	commit();
	return task_id;
}

static void add_host(const char *name, const char *iqn, const char *user, const char *secret)
{
	char place[64];
	char *box;

	snprintf(place, sizeof(place), "host:%s:chap", name);
	box = sealer_seal(cfg.sealer, place, secret, &err);
	put(&table_hosts,
	    json_pack("{s:s, s:s, s:s, s:s, s:i}", "name", name, "iqn", iqn, "chap_user", user,
		      "chap_secret_sealed", box, "chap_changed_ms", *user ? 1000 : 0));
	free(box);
}

static json_t *row(const struct store_table *t, const char *name)
{
	return store_get(s, t, name, NULL);
}

/* ---------------------------------------------------------------- waiting */

static bool is_so(const struct store_table *t, const char *name, const char *column,
		  const char *value)
{
	cleanup_json json_t *j =
	    t == &table_tasks ? store_get_id(s, t, strtoll(name, NULL, 10), NULL) : row(t, name);
	const char *text = json_string_value(json_object_get(j, column));

	return value ? text && strcmp(text, value) == 0 : !j;
}

static void wait_for(const struct store_table *t, const char *name, const char *column,
		     const char *value)
{
	uint64_t end_ns = clock_now_ns() + 20 * CLOCK_NS_PER_S;

	while (!is_so(t, name, column, value)) {
		if (clock_now_ns() > end_ns) {
			cleanup_json json_t *health = reconciler_health(r);
			cleanup_json json_t *j = row(t, name);

			json_dumpf(health, stderr, JSON_INDENT(1));
			json_dumpf(j, stderr, JSON_INDENT(1));
			fail_msg("waited in vain for %s %s to have %s %s", t->singular, name,
				 column, value ? value : "(gone)");
		}
		poll(NULL, 0, 5);
	}
}

static void wait_task(int64_t id, const char *state)
{
	char text[24];

	snprintf(text, sizeof(text), "%lld", (long long)id);
	wait_for(&table_tasks, text, "state", state);
}

static bool shows(const char *part)
{
	char *text = fake_tgtd_show(tgtd);
	bool is_there = strstr(text, part) != NULL;

	free(text);
	return is_there;
}

/* ---------------------------------------------------------------- scene */

static int set_up(void **state)
{
	snprintf(folder, sizeof(folder), "/tmp/sluice-rec-XXXXXX");
	assert_non_null(mkdtemp(folder));
	snprintf(db, sizeof(db), "%s/policy.db", folder);
	snprintf(backups, sizeof(backups), "%s/backups", folder);
	snprintf(key, sizeof(key), "%s/secret.key", folder);
	snprintf(filterd_path, sizeof(filterd_path), "%s/filterd.sock", folder);
	snprintf(tgt_path, sizeof(tgt_path), "%s/socket.0", folder);
	if (store_open(db, backups, true, &s, &err) < 0)
		fail_msg("%s", err.text);
	cfg = (struct apply_cfg){.db_path = db,
				 .backup_dir = backups,
				 .filterd_socket = filterd_path,
				 .ring_socket = "/run/ring.sock",
				 .tgt_socket = tgt_path,
				 .iqn_base = BASE};
	assert_int_equal(sealer_open(key, true, &cfg.sealer, &err), 0);
	begin();
	put(&table_datastores,
	    json_pack("{s:s, s:s, s:s}", "name", "main", "type", "dir", "path", "/x"));
	add_host("one", IQN1, "", "unusedSecret01");
	add_host("two", IQN2, "", "unusedSecret01");
	commit();
	return 0;
}

static void start(void)
{
	if (!filterd)
		filterd = fake_control_start(filterd_path, 1);
	if (!tgtd)
		tgtd = fake_tgtd_start(tgt_path);
	if (reconciler_start(&cfg, &r, &err) < 0)
		fail_msg("%s", err.text);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	return remove(path);
}

static int tear_down(void **state)
{
	reconciler_stop(r);
	if (filterd)
		fake_control_stop(filterd);
	if (tgtd) {
		bool has_died = fake_tgtd_has_died(tgtd);

		fake_tgtd_stop(tgtd);
		assert_false(has_died);
	}
	r = NULL;
	filterd = NULL;
	tgtd = NULL;
	store_close(s);
	sealer_free(cfg.sealer);
	assert_int_equal(nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
	return 0;
}

/* ---------------------------------------------------------------- tests */

static void a_volume_becomes_a_lun(void **state)
{
	cleanup_json json_t *v = NULL, *j = NULL, *running = NULL;

	start();
	wait_task(add_volume(1, "main", "[\"one\"]"), "succeeded");
	j = row(&table_volumes, "v1");
	assert_string_equal(json_string_value(json_object_get(j, "running_state")), "online");
	assert_true(json_is_true(json_object_get(j, "is_created")));
	v = fake_control_volume(filterd, "v1");
	assert_string_equal(json_string_value(json_object_get(v, "uuid")), UUID "1");
	assert_true(shows(BASE ":v1"));
	assert_true(shows("Backing store path: v1"));
	assert_true(shows("        " IQN1 "\n"));
	assert_false(shows(IQN2));
	running = reconciler_running(r);
	assert_true(json_is_true(json_object_get(json_object_get(running, "filterd"), "is_up")));
	assert_true(json_integer_value(json_object_get(running, "observed_ms")) > 0);
	assert_true(is_so(&table_filters, "delay", "help", "waits"));
}

static void a_deleted_volume_leaves_nothing(void **state)
{
	cleanup_json json_t *v = NULL;
	int64_t id;

	start();
	wait_task(add_volume(1, "main", "[\"one\"]"), "succeeded");
	begin();
	id = task("volume.delete", "volume", "v1");
	commit();
	change(&table_volumes, "v1", json_pack("{s:s}", "desired_state", "deleting"));
	wait_task(id, "succeeded");
	assert_true(is_so(&table_volumes, "v1", "name", NULL));
	v = fake_control_volume(filterd, "v1");
	assert_null(v);
	assert_false(shows(BASE ":v1"));
}

static void a_refused_step_fails_its_task_and_no_other(void **state)
{
	char id[24];
	int64_t bad;

	start();
	wait_for(&table_datastores, "main", "running_state", "online");
	fake_control_refuse(filterd, "volume.create", ENOSPC, "there is no space on main");
	bad = add_volume(1, "main", "[]");
	wait_task(bad, "failed");
	snprintf(id, sizeof(id), "%lld", (long long)bad);
	assert_true(is_so(&table_tasks, id, "error_text", "there is no space on main"));
	wait_for(&table_volumes, "v1", "running_state", "failed");
	fake_control_refuse(filterd, NULL, 0, NULL);
	wait_task(add_volume(2, "main", "[]"), "succeeded");
	/* It stays wanted, so the wake has mended it as well. */
	wait_for(&table_volumes, "v1", "running_state", "online");
}

static void a_failing_datastore_stops_only_its_volumes(void **state)
{
	start();
	wait_for(&table_datastores, "main", "running_state", "online");
	fake_control_refuse(filterd, "datastore.add", ENOENT, "/y is not a folder; make it first");
	begin();
	put(&table_datastores,
	    json_pack("{s:s, s:s, s:s}", "name", "bad", "type", "dir", "path", "/y"));
	commit();
	wait_task(add_volume(1, "bad", "[]"), "failed");
	wait_task(add_volume(2, "main", "[]"), "succeeded");
	wait_for(&table_datastores, "bad", "running_state", "failed");
}

static void what_is_wanted_waits_for_the_daemons(void **state)
{
	char text[24];
	int64_t id;

	if (reconciler_start(&cfg, &r, &err) < 0)
		fail_msg("%s", err.text);
	id = add_volume(1, "main", "[\"one\"]");
	snprintf(text, sizeof(text), "%lld", (long long)id);
	wait_for(&table_tasks, text, "text", "waiting for sluice-filterd");
	wait_for(&table_volumes, "v1", "running_state", "pending");
	filterd = fake_control_start(filterd_path, 1);
	reconciler_wake(r);
	wait_for(&table_tasks, text, "text", "waiting for tgtd");
	tgtd = fake_tgtd_start(tgt_path);
	reconciler_wake(r);
	wait_task(id, "succeeded");
}

static void a_new_tgtd_gets_all_again(void **state)
{
	uint64_t end_ns;

	begin();
	add_host("three", "iqn.2026-01.test.client:three", "user-three", "thirdSecret001");
	commit();
	start();
	wait_task(add_volume(1, "main", "[\"three\"]"), "succeeded");
	assert_true(shows("user-three"));
	fake_tgtd_stop(tgtd);
	tgtd = fake_tgtd_start(tgt_path);
	reconciler_wake(r);
	end_ns = clock_now_ns() + 20 * CLOCK_NS_PER_S;
	while (!shows("client:three") && clock_now_ns() < end_ns)
		poll(NULL, 0, 5);
	assert_true(shows("client:three"));
	assert_true(shows("user-three"));
	assert_true(shows("Backing store path: v1"));
}

static void a_gone_volume_is_not_made_anew(void **state)
{
	int before;

	start();
	wait_task(add_volume(1, "main", "[]"), "succeeded");
	before = fake_control_asked(filterd, "volume.create");
	fake_control_drop_volume(filterd, "v1");
	reconciler_wake(r);
	wait_for(&table_volumes, "v1", "running_state", "failed");
	assert_int_equal(fake_control_asked(filterd, "volume.create"), before);
}

static void a_stranger_of_the_same_name_is_left_alone(void **state)
{
	cleanup_json json_t *v = NULL, *health = NULL;

	filterd = fake_control_start(filterd_path, 1);
	fake_control_add_volume(filterd, "v1", UUID "9");
	start();
	wait_task(add_volume(1, "main", "[\"one\"]"), "failed");
	v = fake_control_volume(filterd, "v1");
	assert_string_equal(json_string_value(json_object_get(v, "uuid")), UUID "9");
	assert_false(shows("Backing store path: v1"));
	health = reconciler_health(r);
	assert_int_equal(json_array_size(json_object_get(health, "strangers")), 1);
	assert_true(json_array_size(json_object_get(health, "problems")) >= 1);
}

static void accounts_never_leave_a_hole(void **state)
{
	static const char *const sets[] = {
	    "[\"h1\", \"h2\", \"h3\"]", "[\"h2\", \"h3\"]", "[\"h3\", \"h1\"]", "[\"h1\"]",
	    "[\"h1\", \"h2\", \"h3\"]", "[\"h3\"]",         "[\"one\"]",        "[\"h2\"]"};
	int64_t volume_id;

	begin();
	for (int i = 1; i <= 3; i++) {
		char name[24], iqn[64], user[32];

		snprintf(name, sizeof(name), "h%d", i);
		snprintf(iqn, sizeof(iqn), "iqn.2026-01.test.client:h%d", i);
		snprintf(user, sizeof(user), "user-h%d", i);
		add_host(name, iqn, user, "someSecret0001");
	}
	commit();
	start();
	wait_task(add_volume(1, "main", sets[0]), "succeeded");
	volume_id = store_id_of(s, &table_volumes, "v1", &err);
	for (size_t i = 1; i < sizeof(sets) / sizeof(sets[0]); i++) {
		cleanup_json json_t *names = json_loads(sets[i], 0, NULL);
		int64_t id;

		begin();
		assert_int_equal(store_access_set(s, volume_id, names, NULL, &err), 0);
		id = task("volume.access", "volume", "v1");
		commit();
		wait_task(id, "succeeded");
		assert_false(fake_tgtd_has_died(tgtd));
		for (int h = 1; h <= 3; h++) {
			char host[32], line[64];

			snprintf(host, sizeof(host), "\"h%d\"", h);
			snprintf(line, sizeof(line), "        iqn.2026-01.test.client:h%d\n", h);
			assert_int_equal(shows(line), strstr(sets[i], host) != NULL);
		}
	}
}

static void the_session_of_who_lost_access_ends(void **state)
{
	cleanup_json json_t *names = json_loads("[\"two\"]", 0, NULL);
	int64_t id;

	start();
	wait_task(add_volume(1, "main", "[\"one\", \"two\"]"), "succeeded");
	fake_tgtd_add_session(tgtd, BASE ":v1", 7, IQN1);
	begin();
	assert_int_equal(
	    store_access_set(s, store_id_of(s, &table_volumes, "v1", &err), names, NULL, &err), 0);
	id = task("volume.access", "volume", "v1");
	commit();
	wait_task(id, "succeeded");
	assert_false(shows("I_T nexus: 7"));
}

static void nothing_is_done_when_nothing_is_to_do(void **state)
{
	uint32_t requests;
	int asked;

	start();
	wait_task(add_volume(1, "main", "[\"one\"]"), "succeeded");
	wait_for(&table_volumes, "v1", "running_state", "online");
	requests = fake_tgtd_requests(tgtd);
	asked = fake_control_asked(filterd, "volume.create");
	for (int i = 0; i < 20; i++) {
		uint64_t before = store_data_version(s);

		reconciler_wake(r);
		poll(NULL, 0, 10);
		if (i > 5)
			assert_int_equal(store_data_version(s), before);
	}
	assert_int_equal(fake_tgtd_requests(tgtd), requests);
	assert_int_equal(fake_control_asked(filterd, "volume.create"), asked);
}

static void a_new_policyd_gives_no_secret_again(void **state)
{
	uint32_t requests;
	int64_t id;

	begin();
	add_host("three", "iqn.2026-01.test.client:three", "user-three", "thirdSecret001");
	commit();
	start();
	wait_task(add_volume(1, "main", "[\"three\"]"), "succeeded");
	reconciler_stop(r);
	requests = fake_tgtd_requests(tgtd);
	start();
	begin();
	id = task("compliance.check", "compliance", "");
	commit();
	wait_task(id, "succeeded");
	assert_int_equal(fake_tgtd_requests(tgtd), requests);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(a_volume_becomes_a_lun),
	    TEST(a_deleted_volume_leaves_nothing),
	    TEST(a_refused_step_fails_its_task_and_no_other),
	    TEST(a_failing_datastore_stops_only_its_volumes),
	    TEST(what_is_wanted_waits_for_the_daemons),
	    TEST(a_new_tgtd_gets_all_again),
	    TEST(a_gone_volume_is_not_made_anew),
	    TEST(a_stranger_of_the_same_name_is_left_alone),
	    TEST(accounts_never_leave_a_hole),
	    TEST(the_session_of_who_lost_access_ends),
	    TEST(nothing_is_done_when_nothing_is_to_do),
	    TEST(a_new_policyd_gives_no_secret_again),
	};

	log_open("test_reconciler", getenv("SLUICE_DEBUG") ? LOG_LEVEL_DEBUG : LOG_LEVEL_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
