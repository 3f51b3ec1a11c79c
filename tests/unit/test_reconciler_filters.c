/* SPDX-License-Identifier: MIT */
/* A filter of a whole datastore comes into filterd and into the chains of all volumes there, and
 * goes again; tgtd is not needed for that. */
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

static int set_up(void **state)
{
	int64_t volume;

	rig_begin(&rig);
	rig_add_datastore(&rig);
	volume = rig_add_volume(&rig, "v1");
	must(store_begin(rig.s, &err), err);
	must(store_target_put(rig.s, volume, "iqn.2026-01.org.sluice:test:v1", &err), err);
	must(store_commit(rig.s, &err), err);
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
	return 0;
}

static int tear_down(void **state)
{
	reconciler_stop(r);
	fake_control_stop(filterd);
	sealer_free(cfg.sealer);
	rig_end(&rig);
	return 0;
}

/* Until it has ended well. */
static void wait_task(int64_t id)
{
	uint64_t end_ns = clock_now_ns() + 20 * CLOCK_NS_PER_S;
	bool is_over = false;

	while (!is_over && clock_now_ns() < end_ns) {
		cleanup_json json_t *task = store_get_id(rig.s, &table_tasks, id, &err);
		const char *task_state = json_string_value(json_object_get(task, "state"));

		is_over = strcmp(task_state, "succeeded") == 0;
		poll(NULL, 0, 5);
	}
	assert_true(is_over);
}

static bool is_known(const char *filter)
{
	cleanup_json json_t *row = store_get(rig.s, &table_filters, filter, &err);

	return row && json_array_size(json_object_get(row, "group_parameters")) == 1;
}

static void set_filter(const json_t *parameters)
{
	int64_t id, datastore = store_id_of(rig.s, &table_datastores, "fast", &err);

	must(store_begin(rig.s, &err), err);
	must(store_datastore_filter_put(rig.s, datastore, "share", parameters, &err), err);
	id = store_task_add(rig.s, "datastore.filter", "datastore", "fast", false, NULL, "test",
			    &err);
	assert_true(id > 0);
	must(store_commit(rig.s, &err), err);
	reconciler_wake(r);
	wait_task(id);
}

/* The first filter's params; NULL: no filter. */
static const json_t *first_params(const json_t *of)
{
	return json_object_get(json_array_get(json_object_get(of, "filters"), 0), "params");
}

static void it_comes_and_goes_with_all_volumes(void **state)
{
	cleanup_json json_t *parameters = json_pack("{s:s}", "enabled", "true");
	cleanup_json json_t *there = NULL, *v = NULL, *gone = NULL, *bare = NULL;

	for (int i = 0; i < 2000 && !is_known("share"); i++)
		poll(NULL, 0, 5);
	assert_true(is_known("share"));
	set_filter(parameters);
	there = fake_control_datastore(filterd, "fast");
	assert_true(json_equal(first_params(there), parameters));
	v = fake_control_volume(filterd, "v1");
	assert_string_equal(json_string_value(json_object_get(first_params(v), "shares")), "7");

	set_filter(NULL);
	gone = fake_control_datastore(filterd, "fast");
	assert_int_equal(json_object_size(first_params(gone)), 0);
	bare = fake_control_volume(filterd, "v1");
	assert_null(first_params(bare));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(it_comes_and_goes_with_all_volumes, set_up, tear_down),
	};

	log_open("test_reconciler_filters", LOG_LEVEL_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
