/* SPDX-License-Identifier: MIT */
/* A change that waits for a cache to be settled is begun once, shows how much is left, and keeps no
 * other volume waiting. */
#include "store_rig.h"

#include <poll.h>

#include "clock.h"
#include "fake_control.h"
#include "log.h"
#include "reconciler.h"

static struct rig rig;
static struct err err;
static struct fake_control *filterd;
static struct reconciler *r;
static char filterd_path[80], key[80];
static struct apply_cfg cfg;
static int64_t policy;

/* ---------------------------------------------------------------- the database's side */

static void add_volume(const char *name)
{
	char iqn[100];
	int64_t id = rig_add_volume(&rig, name);

	snprintf(iqn, sizeof(iqn), "iqn.2026-01.org.sluice:test:%s", name);
	must(store_begin(rig.s, &err), err);
	must(store_target_put(rig.s, id, iqn, &err), err);
	must(store_commit(rig.s, &err), err);
}

/* A new version of the policy, for both; the tasks. */
static void apply_mode(const char *mode, int64_t tasks[2])
{
	cleanup_json json_t *rules =
	    json_pack("[{s:s, s:s, s:s, s:{s:s}}]", "class", "cache", "filter", "cache",
		      "on_failure", "hold", "parameters", "mode", mode);
	static const char *const names[] = {"v1", "v2"};

	must(store_begin(rig.s, &err), err);
	must((int)store_policy_add_version(rig.s, policy, rules, "", "", &err), err);
	for (int i = 0; i < 2; i++) {
		int64_t id = store_id_of(rig.s, &table_volumes, names[i], &err);

		must(store_assign(rig.s, id, policy, 0, &err), err);
		tasks[i] = store_task_add(rig.s, "volume.policy", "volume", names[i], false, NULL,
					  "test", &err);
		assert_true(tasks[i] > 0);
	}
	must(store_commit(rig.s, &err), err);
	reconciler_wake(r);
}

static bool task_says(int64_t id, const char *member, const char *word)
{
	cleanup_json json_t *task = store_get_id(rig.s, &table_tasks, id, &err);
	const char *text = json_string_value(json_object_get(task, member));

	return text && strstr(text, word);
}

static void wait_for(int64_t task, const char *member, const char *word)
{
	uint64_t end_ns = clock_now_ns() + 20 * CLOCK_NS_PER_S;

	while (!task_says(task, member, word)) {
		if (clock_now_ns() > end_ns) {
			cleanup_json json_t *row = store_get_id(rig.s, &table_tasks, task, &err);

			json_dumpf(row, stderr, JSON_INDENT(1));
			fail_msg("waited in vain for %s to have '%s'", member, word);
		}
		poll(NULL, 0, 10);
	}
}

/* ---------------------------------------------------------------- set-up */

static void begin_with_caches(void)
{
	cleanup_json json_t *flash = json_pack("{s:s}", "flash_path", "/flash");
	int64_t datastore = store_id_of(rig.s, &table_datastores, "fast", &err), tasks[2];

	policy = rig_add(&rig, &table_policies, "{s:s}", "name", "cached");
	must(store_begin(rig.s, &err), err);
	must(store_datastore_filter_put(rig.s, datastore, "cache", flash, &err), err);
	must(store_commit(rig.s, &err), err);
	apply_mode("write_back", tasks);
	wait_for(tasks[0], "state", "succeeded");
	wait_for(tasks[1], "state", "succeeded");
}

static int set_up(void **state)
{
	rig_begin(&rig);
	rig_add_datastore(&rig);
	add_volume("v1");
	add_volume("v2");
	snprintf(filterd_path, sizeof(filterd_path), "%s/filterd.sock", rig.dir);
	snprintf(key, sizeof(key), "%s/secret.key", rig.dir);
	cfg = (struct apply_cfg){.db_path = rig.path,
				 .backup_dir = rig.backups,
				 .filterd_socket = filterd_path,
				 .ring_socket = "/run/ring.sock",
				 .tgt_socket = "/nowhere/socket.0",
				 .iqn_base = "iqn.2026-01.org.sluice:test"};
	must(sealer_open(key, true, &cfg.sealer, &err), err);
	filterd = fake_control_start(filterd_path, 1);
	must(reconciler_start(&cfg, &r, &err), err);
	begin_with_caches();
	return 0;
}

static int tear_down(void **state)
{
	uint64_t begun_ns = clock_now_ns();

	reconciler_stop(r);
	assert_true(clock_now_ns() - begun_ns < 5 * CLOCK_NS_PER_S); /* also in the middle of one */
	fake_control_stop(filterd);
	sealer_free(cfg.sealer);
	rig_end(&rig);
	return 0;
}

/* ---------------------------------------------------------------- the behaviour */

static void it_is_begun_once_and_tells_what_is_left(void **state)
{
	int64_t tasks[2];
	int before = fake_control_asked(filterd, "filter.set");

	fake_control_hold(filterd, "filter.set", "v1");
	apply_mode("write_through", tasks);
	wait_for(tasks[1], "state", "succeeded"); /* the other is not kept waiting */
	wait_for(tasks[0], "text", "destaging, 4096 bytes left");
	for (int i = 0; i < 5; i++) {
		reconciler_wake(r);
		poll(NULL, 0, 50);
	}
	assert_true(task_says(tasks[0], "state", "running"));
	assert_int_equal(fake_control_asked(filterd, "filter.set"), before + 2);
	fake_control_hold(filterd, NULL, NULL);
	wait_for(tasks[0], "state", "succeeded");
	assert_int_equal(fake_control_asked(filterd, "filter.set"), before + 2);
}

static void what_is_refused_at_once_is_refused(void **state)
{
	int64_t tasks[2];

	fake_control_refuse(filterd, "filter.set", EINVAL, "flash_bytes: 0 is too little");
	apply_mode("write_through", tasks);
	wait_for(tasks[0], "state", "failed");
	assert_true(task_says(tasks[0], "error_text", "too little"));
	fake_control_refuse(filterd, NULL, 0, NULL);
}

static void a_stop_does_not_wait_for_it(void **state)
{
	int64_t tasks[2];

	fake_control_hold(filterd, "filter.set", "v1");
	apply_mode("write_through", tasks);
	wait_for(tasks[0], "text", "destaging"); /* tear_down() stops the reconciler */
}

#define EACH(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    EACH(it_is_begun_once_and_tells_what_is_left),
	    EACH(what_is_refused_at_once_is_refused),
	    EACH(a_stop_does_not_wait_for_it),
	};

	log_open("test_reconciler_slow", LOG_LEVEL_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
