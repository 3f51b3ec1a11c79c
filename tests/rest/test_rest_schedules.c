/* SPDX-License-Identifier: MIT */
/* A schedule makes snapshots at its times, once for what was missed, and keeps as many as it is
 * told; it deletes only its own, and nothing that something rests on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "fake_control.h"
#include "fake_snapshots.h"
#include "json.h"
#include "rest_rig.h"
#include "snapshotter.h"

#define TRIES 1500
#define HOUR  (3600ull * 1000)

static struct fake_control *filterd;
static char socket_path[100];
static atomic_ullong clock_ms;

static uint64_t told_time(void)
{
	return atomic_load(&clock_ms);
}

static void pass_hours(unsigned hours)
{
	atomic_fetch_add(&clock_ms, hours * HOUR);
	snapshotter_wake(rig.app.snapshotter);
}

static void volume(const char *name)
{
	char body[200];

	snprintf(body, sizeof(body),
		 "{\"name\":\"%s\",\"datastore\":\"fast\",\"size_bytes\":1048576}", name);
	expect(202, "POST", "/volumes", body);
	rig_note(&table_volumes, name, json_pack("{s:b}", "is_created", 1));
}

static int open_all(void **state)
{
	int rc = rig_open(state);
	struct err err;

	rig_datastore(0, 0);
	volume("a");
	volume("b");
	atomic_store(&clock_ms, clock_wall_ms());
	snprintf(socket_path, sizeof(socket_path), "%s/filterd.sock", rig.dir);
	rig.cfg.filterd_socket = socket_path;
	filterd = fake_control_start(socket_path, 1);
	if (snapshotter_start(&rig.cfg, told_time, &rig.app.snapshotter, &err))
		fail_msg("%s", err.text);
	return rc;
}

static int close_all(void **state)
{
	snapshotter_stop(rig.app.snapshotter);
	rig.app.snapshotter = NULL;
	fake_control_stop(filterd);
	return rig_close(state);
}

static void count_becomes(const char *path, json_int_t count)
{
	for (int i = 0; i < TRIES; i++) {
		expect(200, "GET", path, NULL);
		if (said_number("total") == count)
			return;
		poll(NULL, 0, 10);
	}
	fail_msg("%s: not %lld: %s", path, (long long)count, rig.text);
}

/* So many are whole, and no more are on their way. */
static void ready(json_int_t count)
{
	count_becomes("/snapshots?state=ready", count);
	count_becomes("/snapshots", count);
}

/* By then its row is there. */
static void asked(const char *request, int times)
{
	for (int i = 0; i < TRIES && fake_control_asked(filterd, request) < times; i++)
		poll(NULL, 0, 10);
	assert_int_equal(fake_control_asked(filterd, request), times);
}

static void what_makes_no_sense_is_refused(void **state)
{
	refused(422, "every", "", "POST", "/snapshot-schedules", "{\"name\":\"s\"}");
	refused(422, "at", "time of day", "POST", "/snapshot-schedules",
		"{\"name\":\"s\",\"every\":\"day\",\"at\":\"25:00\",\"keep_daily\":1}");
	refused(422, "keep_daily", "keeps something", "POST", "/snapshot-schedules",
		"{\"name\":\"s\",\"every\":\"day\"}");
	refused(422, "volumes", "nobody", "POST", "/snapshot-schedules",
		"{\"name\":\"s\",\"every\":\"day\",\"keep_daily\":1,\"volumes\":[\"nobody\"]}");
	expect(201, "POST", "/snapshot-schedules",
	       "{\"name\":\"s\",\"every\":\"day\",\"keep_daily\":1,\"volumes\":[\"a\"]}");
	assert_true(said_number("next_ms") > 0);
	refused(422, "keep_daily", "keeps something", "PATCH", "/snapshot-schedules/s",
		"{\"keep_daily\":0}");
	rig.if_match = "\"7\"";
	expect(412, "PATCH", "/snapshot-schedules/s", "{\"keep_daily\":2}");
	expect(204, "DELETE", "/snapshot-schedules/s", NULL);
}

static void it_runs_by_the_hour_and_once_for_what_was_missed(void **state)
{
	expect(201, "POST", "/snapshot-schedules",
	       "{\"name\":\"s\",\"every\":\"hour\",\"keep_hourly\":9,\"volumes\":[\"a\",\"b\"]}");
	pass_hours(1);
	ready(2);
	pass_hours(100);
	ready(4);
	pass_hours(1);
	ready(6);
	expect(200, "GET", "/snapshot-schedules/s", NULL);
	assert_string_equal(said("last_text"), "2 snapshots asked for");
	assert_int_equal(said_number("snapshot_count"), 6);
}

static void it_keeps_so_many_and_never_touches_others(void **state)
{
	expect(202, "POST", "/volumes/a/snapshots", "{\"name\":\"mine\"}");
	ready(1);
	expect(201, "POST", "/snapshot-schedules",
	       "{\"name\":\"s\",\"every\":\"hour\",\"keep_hourly\":2,\"volumes\":[\"a\"]}");
	for (int i = 1; i <= 4; i++) {
		pass_hours(1);
		asked("snapshot.create", 1 + i);
		ready(1 + (i < 2 ? i : 2));
	}
	expect(200, "GET", "/volumes/a/snapshots/mine", NULL);
	assert_string_equal(said("state"), "ready");
	assert_int_equal(fake_control_asked(filterd, "snapshot.delete"), 2);
}

static void what_something_rests_on_is_kept_and_told(void **state)
{
	char path[200], name[81];

	expect(201, "POST", "/snapshot-schedules",
	       "{\"name\":\"s\",\"every\":\"hour\",\"keep_hourly\":1,\"volumes\":[\"a\"]}");
	pass_hours(1);
	ready(1);
	expect(200, "GET", "/snapshots", NULL);
	snprintf(name, sizeof(name), "%s",
		 json_string_value(json_object_get(
		     json_array_get(json_object_get(rig.body, "items"), 0), "name")));
	snprintf(path, sizeof(path), "/volumes/a/snapshots/%s/expose", name);
	expect(202, "POST", path, "{\"name\":\"view\"}");
	pass_hours(1);
	ready(2);
	snprintf(path, sizeof(path), "/volumes/a/snapshots/%s", name);
	for (int i = 0; i < TRIES; i++) {
		expect(200, "GET", path, NULL);
		if (strstr(said("state_text"), "view rests on it"))
			break;
		poll(NULL, 0, 10);
	}
	assert_non_null(strstr(said("state_text"), "view rests on it"));
	assert_int_equal(fake_control_asked(filterd, "snapshot.delete"), 0);
}

static void switched_off_it_does_nothing_and_makes_up_for_nothing(void **state)
{
	expect(201, "POST", "/snapshot-schedules",
	       "{\"name\":\"s\",\"every\":\"hour\",\"keep_hourly\":5,\"volumes\":[\"a\"],"
	       "\"is_enabled\":false}");
	pass_hours(3);
	poll(NULL, 0, 1200);
	count_becomes("/snapshots", 0);
	expect(200, "PATCH", "/snapshot-schedules/s", "{\"is_enabled\":true}");
	assert_int_equal(fake_control_asked(filterd, "snapshot.create"), 0);
}

static void a_group_is_taken_together(void **state)
{
	expect(201, "POST", "/snapshot-schedules",
	       "{\"name\":\"s\",\"every\":\"hour\",\"keep_hourly\":1,\"volumes\":[\"a\",\"b\"],"
	       "\"is_group\":true}");
	pass_hours(1);
	ready(2);
	assert_int_equal(fake_control_asked(filterd, "snapshot.create"), 1);
	pass_hours(1);
	asked("snapshot.create", 2);
	count_becomes("/snapshot-groups", 1); /* the first one has gone with its snapshots */
	ready(2);
}

static void its_snapshots_stay_when_it_goes(void **state)
{
	expect(201, "POST", "/snapshot-schedules",
	       "{\"name\":\"s\",\"every\":\"hour\",\"keep_hourly\":1,\"volumes\":[\"a\"]}");
	pass_hours(1);
	ready(1);
	expect(204, "DELETE", "/snapshot-schedules/s", NULL);
	ready(1);
}

/* filterd has other snapshots than the database knows. */
static void take_away(json_t *all, void *ctx)
{
	json_array_clear(json_object_get(fake_snapshots_of(all, "a"), "items"));
}

static void put_strange(json_t *all, void *ctx)
{
	json_array_append_new(json_object_get(fake_snapshots_of(all, "b"), "items"),
			      json_pack("{s:s, s:s, s:s, s:i, s:i, s:i, s:s, s:[]}", "snapshot",
					"33333333-3333-4333-8333-333333333333", "name", "of a peer",
					"parent", "", "created_ms", 1000, "own_bytes", 1,
					"size_bytes", 1048576, "state", "ready", "clones"));
}

static void what_is_gone_is_told_and_what_is_strange_is_adopted(void **state)
{
	expect(202, "POST", "/volumes/a/snapshots", "{\"name\":\"mine\"}");
	expect(202, "POST", "/volumes/b/snapshots", "{\"name\":\"known\"}");
	ready(2);
	fake_control_snapshots(filterd, put_strange, NULL);
	fake_control_snapshots(filterd, take_away, NULL);
	count_becomes("/snapshots?state=missing", 1);
	expect(200, "GET", "/volumes/a/snapshots/mine", NULL);
	assert_non_null(strstr(said("state_text"), "does not have it any more"));
	count_becomes("/snapshots?is_adopted=true", 1);
	expect(200, "GET", "/volumes/b/snapshots/adopted-33333333", NULL);
	expect(202, "DELETE", "/volumes/a/snapshots/mine?confirm=mine", NULL);
	count_becomes("/snapshots", 2);
}

#define EACH(name) cmocka_unit_test_setup_teardown(name, open_all, close_all)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    EACH(what_makes_no_sense_is_refused),
	    EACH(it_runs_by_the_hour_and_once_for_what_was_missed),
	    EACH(it_keeps_so_many_and_never_touches_others),
	    EACH(what_something_rests_on_is_kept_and_told),
	    EACH(switched_off_it_does_nothing_and_makes_up_for_nothing),
	    EACH(a_group_is_taken_together),
	    EACH(its_snapshots_stay_when_it_goes),
	    EACH(what_is_gone_is_told_and_what_is_strange_is_adopted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
