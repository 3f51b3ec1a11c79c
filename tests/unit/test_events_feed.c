/* SPDX-License-Identifier: MIT */
/* filterd's events are taken once each: after what was taken, and all when it numbers anew. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "ctl_client.h"
#include "events_feed.h"
#include "fake_control.h"
#include "json.h"
#include "store_rig.h"

static json_t *events(int from, int to, int at_ms)
{
	json_t *a = json_array();

	for (int i = from; i <= to; i++)
		json_array_append_new(a,
				      json_pack("{s:i, s:i}", "number", i, "wall_ms", at_ms + i));
	return a;
}

/* How many are new; -1: filterd numbers anew. */
static int fresh(json_t *list, int number, int at_ms)
{
	cleanup_json json_t *e = list;
	cleanup_json json_t *place =
	    number ? json_pack("{s:i, s:i}", "number", number, "at_ms", at_ms) : NULL;
	cleanup_json json_t *out = NULL;
	bool is_anew;

	out = events_feed_new(e, place, &is_anew);
	return is_anew ? -1 : (int)json_array_size(out);
}

static void all_are_new_at_first(void **state)
{
	assert_int_equal(fresh(events(1, 5, 1000), 0, 0), 5);
	assert_int_equal(fresh(json_array(), 0, 0), 0);
}

static void the_last_one_taken_is_not_taken_again(void **state)
{
	assert_int_equal(fresh(events(5, 5, 1000), 5, 1005), 0);
	assert_int_equal(fresh(events(5, 8, 1000), 5, 1005), 3);
}

static void those_that_filterd_has_forgotten_are_not_missed_twice(void **state)
{
	assert_int_equal(fresh(events(7, 9, 1000), 5, 1005), 3);
}

static void new_numbering_is_seen(void **state)
{
	assert_int_equal(fresh(json_array(), 5, 1005), -1);
	assert_int_equal(fresh(events(5, 6, 9000), 5, 1005), -1);
}

static void a_datastore_s_event_names_it(void **state)
{
	struct fake_control *filterd;
	struct ctl_client client;
	struct rig rig;
	struct err err;
	uint32_t added = 0;
	char path[80];
	cleanup_json json_t *event = NULL;

	rig_begin(&rig);
	snprintf(path, sizeof(path), "%s/filterd.sock", rig.dir);
	filterd = fake_control_start(path, 1);
	must(ctl_client_init(&client, path, "sluice-filterd", 5000, &err), err);
	must(events_feed_pull(rig.s, &client, &added, &err), err);
	assert_int_equal(added, 1);
	must(events_feed_pull(rig.s, &client, &added, &err), err);
	assert_int_equal(added, 0);
	event = store_get_id(rig.s, &table_events, 1, &err);
	assert_string_equal(json_string_value(json_object_get(event, "object_type")), "datastore");
	assert_string_equal(json_string_value(json_object_get(event, "object_name")), "fast");
	assert_string_equal(json_string_value(json_object_get(event, "severity")), "warning");
	assert_string_equal(json_string_value(json_object_get(event, "kind")),
			    "io_control.external_load");
	ctl_client_fini(&client);
	fake_control_stop(filterd);
	rig_end(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(all_are_new_at_first),
	    cmocka_unit_test(the_last_one_taken_is_not_taken_again),
	    cmocka_unit_test(those_that_filterd_has_forgotten_are_not_missed_twice),
	    cmocka_unit_test(new_numbering_is_seen),
	    cmocka_unit_test(a_datastore_s_event_names_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
