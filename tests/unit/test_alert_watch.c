/* SPDX-License-Identifier: MIT */
/* Alerts begin once, change, end, and go on through a restart; rules' numbers are the database's.
 */
#include "store_rig.h"

#include "alert_watch.h"

#define NOW 1800000000000ll

struct scene {
	struct rig rig;
	struct alert_watch watch;
	int64_t datastore_id, now_ms;
};

static void scene_begin(struct scene *sc)
{
	struct err err;

	memset(sc, 0, sizeof(*sc));
	rig_begin(&sc->rig);
	must(alert_watch_install(sc->rig.s, &err), err);
	sc->datastore_id = rig_add_datastore(&sc->rig);
	sc->now_ms = NOW;
}

static void scene_end(struct scene *sc)
{
	alert_watch_free(&sc->watch);
	rig_end(&sc->rig);
}

static void filled(struct scene *sc, int used, int available)
{
	rig_note(&sc->rig, &table_datastores, sc->datastore_id, "{s:i, s:i}", "used_bytes", used,
		 "available_bytes", available);
}

static uint32_t round_of(struct scene *sc, const json_t *figures, const json_t *chains,
			 const json_t *running)
{
	uint32_t changed = 0;
	struct err err;

	sc->now_ms += 5000;
	must(alert_watch_step(&sc->watch, sc->rig.s, figures, chains, running, sc->now_ms, &changed,
			      &err),
	     err);
	return changed;
}

static uint32_t round_with(struct scene *sc, const json_t *figures, const json_t *running)
{
	return round_of(sc, figures, NULL, running);
}

/* The newest alert of a rule; borrowed from *list. */
static json_t *newest(struct scene *sc, const char *rule, json_t **list)
{
	const char *filters[] = {"rule", rule, NULL};
	struct store_query q = {.filters = filters, .sort = "-id"};
	struct err err;

	*list = store_list(sc->rig.s, &table_alerts, &q, &err);
	if (!*list)
		fail_msg("%s", err.text);
	return json_array_get(json_object_get(*list, "items"), 0);
}

static void assert_newest(struct scene *sc, const char *rule, const char *severity,
			  const char *state, int total)
{
	json_t *list, *a = newest(sc, rule, &list);

	assert_int_equal(json_integer_value(json_object_get(list, "total")), total);
	assert_string_equal(json_string_value(json_object_get(a, "severity")), severity);
	assert_string_equal(json_string_value(json_object_get(a, "state")), state);
	json_decref(list);
}

static int events_of(struct scene *sc, const char *kind)
{
	const char *filters[] = {"kind", kind, NULL};
	struct store_query q = {.filters = filters};
	cleanup_json json_t *list = store_list(sc->rig.s, &table_events, &q, NULL);

	return (int)json_integer_value(json_object_get(list, "total"));
}

static void full_datastore_is_one_alert_from_beginning_to_end(void **state)
{
	struct scene sc;

	scene_begin(&sc);
	filled(&sc, 50, 50);
	assert_int_equal(round_with(&sc, NULL, NULL), 0);
	filled(&sc, 85, 15);
	assert_int_equal(round_with(&sc, NULL, NULL), 1);
	assert_int_equal(round_with(&sc, NULL, NULL), 0);
	assert_newest(&sc, "datastore-capacity", "warning", "active", 1);
	filled(&sc, 96, 4);
	round_with(&sc, NULL, NULL);
	assert_newest(&sc, "datastore-capacity", "error", "active", 1);
	filled(&sc, 79, 21); /* below the number, not below its margin */
	round_with(&sc, NULL, NULL);
	assert_newest(&sc, "datastore-capacity", "warning", "active", 1);
	filled(&sc, 70, 30);
	round_with(&sc, NULL, NULL);
	assert_newest(&sc, "datastore-capacity", "warning", "cleared", 1);
	assert_int_equal(events_of(&sc, "alert.raised"), 1);
	assert_int_equal(events_of(&sc, "alert.changed"), 2);
	assert_int_equal(events_of(&sc, "alert.cleared"), 1);
	scene_end(&sc);
}

static void restart_neither_ends_nor_doubles_it(void **state)
{
	struct scene sc;

	scene_begin(&sc);
	filled(&sc, 85, 15);
	round_with(&sc, NULL, NULL);
	alert_watch_free(&sc.watch);
	rig_restart(&sc.rig);
	assert_int_equal(round_with(&sc, NULL, NULL), 0);
	assert_newest(&sc, "datastore-capacity", "warning", "active", 1);
	filled(&sc, 10, 90);
	round_with(&sc, NULL, NULL);
	assert_newest(&sc, "datastore-capacity", "warning", "cleared", 1);
	scene_end(&sc);
}

static void numbers_are_the_databases(void **state)
{
	struct scene sc;
	struct err err;
	cleanup_json json_t *changes = json_pack("{s:f, s:f}", "warning", 10.0, "error", 20.0);
	cleanup_json json_t *now = NULL;

	scene_begin(&sc);
	must(store_begin(sc.rig.s, &err), err);
	now = store_update(sc.rig.s, &table_alert_rules,
			   store_id_of(sc.rig.s, &table_alert_rules, "datastore-capacity", &err),
			   changes, 0, &err);
	assert_non_null(now);
	must(store_commit(sc.rig.s, &err), err);
	must(alert_watch_install(sc.rig.s, &err), err); /* a start does not put them back */
	filled(&sc, 25, 75);
	round_with(&sc, NULL, NULL);
	assert_newest(&sc, "datastore-capacity", "error", "active", 1);
	scene_end(&sc);
}

static void latency_must_last_before_it_is_an_alert(void **state)
{
	struct scene sc;
	cleanup_json json_t *slow = json_pack("{s:[{s:s, s:i, s:i}]}", "volumes", "name", "v0",
					      "read_p99_us", 900000, "write_p99_us", 10);
	cleanup_json json_t *fast = json_pack("{s:[{s:s, s:i, s:i}]}", "volumes", "name", "v0",
					      "read_p99_us", 900, "write_p99_us", 10);

	scene_begin(&sc);
	assert_int_equal(round_with(&sc, slow, NULL), 0);
	assert_int_equal(round_with(&sc, fast, NULL), 0);
	assert_int_equal(round_with(&sc, slow, NULL), 0);
	assert_int_equal(round_with(&sc, slow, NULL), 0);
	assert_int_equal(round_with(&sc, slow, NULL), 1);
	assert_newest(&sc, "volume-latency", "warning", "active", 1);
	for (int i = 0; i < 6; i++)
		assert_int_equal(round_with(&sc, fast, NULL), 0);
	assert_int_equal(round_with(&sc, fast, NULL), 1);
	scene_end(&sc);
}

static void what_is_not_known_changes_nothing(void **state)
{
	struct scene sc;
	cleanup_json json_t *down =
	    json_pack("{s:{s:b}, s:{s:b}}", "filterd", "is_up", 0, "tgtd", "is_up", 1);
	cleanup_json json_t *up =
	    json_pack("{s:{s:b}, s:{s:b}}", "filterd", "is_up", 1, "tgtd", "is_up", 1);
	cleanup_json json_t *unknown = json_object();

	scene_begin(&sc);
	assert_int_equal(round_with(&sc, NULL, down), 0);
	assert_int_equal(round_with(&sc, NULL, down), 1);
	assert_newest(&sc, "daemon-down", "error", "active", 1);
	assert_int_equal(round_with(&sc, NULL, unknown), 0);
	assert_newest(&sc, "daemon-down", "error", "active", 1);
	assert_int_equal(round_with(&sc, NULL, up), 1);
	assert_newest(&sc, "daemon-down", "error", "cleared", 1);
	scene_end(&sc);
}

static void recent_events_are_measured_and_old_ones_forgotten(void **state)
{
	struct scene sc;
	struct err err;

	scene_begin(&sc);
	sc.now_ms = 0; /* events bear the real time */
	must(store_begin(sc.rig.s, &err), err);
	must((int)store_event_add(sc.rig.s, "error", "filter.hung", "volume", "v0", "delay hung",
				  NULL, &err),
	     err);
	must(store_commit(sc.rig.s, &err), err);
	round_with(&sc, NULL, NULL);
	assert_newest(&sc, "filter-hung", "error", "active", 1);
	sc.now_ms = INT64_MAX / 2; /* long after */
	round_with(&sc, NULL, NULL);
	assert_newest(&sc, "filter-hung", "error", "cleared", 1);
	scene_end(&sc);
}

/* The chain of one volume with a cache that says this of itself. */
static json_t *cached(const char *state, int dirty_bytes, int age_ms, int used_bytes)
{
	return json_pack("{s:{s:{s:s, s:s, s:i, s:i, s:{s:i, s:i}}, s:{s:i}}}", "v0", "cache",
			 "state", state, "state_text", "/flash/1.log is not there", "dirty_bytes",
			 dirty_bytes, "dirty_age_ms", age_ms, "flash", "log_bytes", 1000,
			 "log_used_bytes", used_bytes, "trace", "entries", 7);
}

static void degraded_cache_is_named_and_ends_when_it_serves(void **state)
{
	struct scene sc;
	cleanup_json json_t *bad = cached("degraded", 4096, 0, 0), *good = cached("", 0, 0, 0);
	json_t *list, *a;

	scene_begin(&sc);
	assert_int_equal(round_of(&sc, NULL, good, NULL), 0);
	assert_int_equal(round_of(&sc, NULL, bad, NULL), 1);
	a = newest(&sc, "cache-degraded", &list);
	assert_non_null(strstr(json_string_value(json_object_get(a, "text")), "/flash/1.log"));
	json_decref(list);
	assert_int_equal(round_of(&sc, NULL, NULL, NULL), 0); /* filterd is down: not known */
	assert_newest(&sc, "cache-degraded", "error", "active", 1);
	assert_int_equal(round_of(&sc, NULL, good, NULL), 1);
	assert_newest(&sc, "cache-degraded", "error", "cleared", 1);
	scene_end(&sc);
}

/* The number of rounds until something changes. */
static int rounds_until_change(struct scene *sc, const json_t *chains)
{
	for (int i = 1; i < 50; i++)
		if (round_of(sc, NULL, chains, NULL))
			return i;
	return 0;
}

static void old_dirty_data_must_last_and_have_gone(void **state)
{
	struct scene sc;
	cleanup_json json_t *old = cached("", 4096, 61000, 0), *young = cached("", 4096, 100, 0);
	cleanup_json json_t *almost = cached("", 4096, 58000, 0), *none = cached("", 0, 99000, 0);

	scene_begin(&sc);
	assert_int_equal(round_of(&sc, NULL, old, NULL), 0);
	assert_int_equal(round_of(&sc, NULL, young, NULL), 0); /* it did not last */
	assert_int_equal(rounds_until_change(&sc, old), 7);    /* 30 s, each 5 s */
	assert_newest(&sc, "cache-dirty-age", "warning", "active", 1);
	assert_int_equal(rounds_until_change(&sc, almost), 0); /* within the margin */
	assert_int_equal(rounds_until_change(&sc, none), 7);
	assert_newest(&sc, "cache-dirty-age", "warning", "cleared", 1);
	scene_end(&sc);
}

static void full_log_is_a_warning_and_then_an_error(void **state)
{
	struct scene sc;
	cleanup_json json_t *warning = cached("", 4096, 0, 910), *error = cached("", 4096, 0, 990);
	cleanup_json json_t *some = cached("", 4096, 0, 700);

	scene_begin(&sc);
	assert_int_equal(rounds_until_change(&sc, some), 0);
	assert_int_equal(rounds_until_change(&sc, warning), 7);
	assert_newest(&sc, "cache-log-full", "warning", "active", 1);
	assert_int_equal(rounds_until_change(&sc, error), 7);
	assert_newest(&sc, "cache-log-full", "error", "active", 1);
	assert_int_equal(rounds_until_change(&sc, some), 7);
	assert_newest(&sc, "cache-log-full", "error", "cleared", 1);
	scene_end(&sc);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(full_datastore_is_one_alert_from_beginning_to_end),
	    cmocka_unit_test(restart_neither_ends_nor_doubles_it),
	    cmocka_unit_test(numbers_are_the_databases),
	    cmocka_unit_test(latency_must_last_before_it_is_an_alert),
	    cmocka_unit_test(what_is_not_known_changes_nothing),
	    cmocka_unit_test(recent_events_are_measured_and_old_ones_forgotten),
	    cmocka_unit_test(degraded_cache_is_named_and_ends_when_it_serves),
	    cmocka_unit_test(old_dirty_data_must_last_and_have_gone),
	    cmocka_unit_test(full_log_is_a_warning_and_then_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
