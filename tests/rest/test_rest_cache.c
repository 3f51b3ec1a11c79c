/* SPDX-License-Identifier: MIT */
/* A volume's cache as it is shown, what may be asked of it, and that nothing is given up whose
 * amount was not named. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "fake_control.h"
#include "json.h"
#include "rest_rig.h"
#include "transfer.h"

#define DROP "/volumes/a/cache/drop"

static struct fake_control *filterd;
static char socket_path[100];

static int open_with_volume(void **state)
{
	int rc = rig_open(state);

	rig_datastore(0, 0);
	expect(202, "POST", "/volumes",
	       "{\"name\":\"a\",\"datastore\":\"fast\",\"size_bytes\":1048576}");
	snprintf(socket_path, sizeof(socket_path), "%s/filterd.sock", rig.dir);
	rig.cfg.filterd_socket = socket_path;
	filterd = fake_control_start(socket_path, 1);
	return rc;
}

static int close_all(void **state)
{
	int rc = rig_close(state);

	fake_control_stop(filterd);
	return rc;
}

/* The volume runs with a cache under another name than ours. */
static void cached(json_t *status)
{
	json_decref(rig.volume);
	json_decref(rig.chain);
	rig.volume =
	    json_pack("{s:s, s:s, s:[{s:s, s:i}, {s:s, s:i}]}", "name", "a", "state", "serving",
		      "filters", "filter", "trace", "class", 100, "filter", "quick", "class", 500);
	rig.chain =
	    status ? json_pack("{s:{s:i}, s:o}", "trace", "entries", 7, "quick", status) : NULL;
}

static json_t *status_in(const char *state, json_t *dirty)
{
	return json_pack("{s:s, s:s, s:s, s:{s:i, s:i, s:b}, s:i, s:f, s:o, s:s}", "mode",
			 "write_back", "state", state, "state_text", "the log is lost", "ram",
			 "bytes", 4096, "hits", 3, "is_warming", 1, "reads", 10, "hit_pct", 30.5,
			 "dirty_bytes", dirty, "of_its_own", "x");
}

static json_t *status_of(json_t *dirty)
{
	return status_in("serving", dirty);
}

static bool is_null(const char *member)
{
	const json_t *v = json_object_get(rig.body, member);

	return v && json_is_null(v);
}

static void it_is_shown_as_far_as_it_is_known(void **state)
{
	expect(200, "GET", "/volumes/a/cache", NULL);
	assert_true(is_null("filter") && is_null("mode") && is_null("dirty_bytes"));
	cached(NULL);
	expect(200, "GET", "/volumes/a/cache", NULL);
	assert_string_equal(said("filter"), "quick");
	assert_true(json_is_false(json_object_get(rig.body, "is_known")));
	cached(status_of(json_integer(4096)));
	expect(200, "GET", "/volumes/a/cache", NULL);
	assert_string_equal(said("state_text"), "the log is lost");
	assert_int_equal(said_number("dirty_bytes"), 4096);
	assert_true(is_null("flash") && is_null("epoch"));
	assert_true(json_is_true(json_object_get(json_object_get(rig.body, "ram"), "is_warming")));
	assert_null(json_object_get(rig.body, "of_its_own"));
	expect(404, "GET", "/volumes/nobody/cache", NULL);
}

static void a_volume_without_a_cache_is_asked_for_nothing(void **state)
{
	expect(503, "POST", "/volumes/a/cache/flush", NULL);
	rig.volume = json_pack("{s:s, s:[]}", "name", "a", "filters");
	refused(409, "", "has no cache", "POST", "/volumes/a/cache/flush", NULL);
	assert_string_equal(said("code"), "no_cache");
	refused(409, "", "has no cache", "POST", "/volumes/a/cache/warm", NULL);
	refused(409, "", "has no cache", "POST", DROP, "{\"dirty_bytes\":0}");
}

static void only_the_present_amount_is_given_up(void **state)
{
	cached(status_of(json_integer(4096)));
	refused(422, "dirty_bytes", "has 4096 bytes (4K)", "POST", DROP, "{\"dirty_bytes\":4095}");
	refused(422, "unknown", "say dirty_bytes 4096", "POST", DROP, "{\"unknown\":true}");
	refused(422, "unknown", "not both", "POST", DROP,
		"{\"unknown\":true,\"dirty_bytes\":4096}");
	refused(422, "dirty_bytes", "dirty_bytes", "POST", DROP, "{}");
	refused(422, "unknown", "true or false", "POST", DROP, "{\"unknown\":1}");
	expect(422, "POST", DROP, "{\"dirty_bytes\":-1}");
	expect(422, "POST", DROP, "{\"dirty_bytes\":4096,\"more\":1}");
	expect(202, "POST", DROP, "{\"dirty_bytes\":4096}");
}

static void what_is_not_known_needs_another_word(void **state)
{
	cached(status_of(json_null()));
	refused(422, "dirty_bytes", "is not known", "POST", DROP, "{\"dirty_bytes\":0}");
	expect(202, "POST", DROP, "{\"unknown\":true}");
	cached(status_in("degraded", json_integer(0))); /* the cache itself decides then */
	expect(202, "POST", DROP, "{\"unknown\":true}");
}

/* Who asks first has only the figures of the last second to compare with. */
static void the_figures_stand_in_until_the_cache_has_spoken(void **state)
{
	cached(NULL);
	rig.figures = json_pack("{s:[{s:s, s:i}]}", "volumes", "name", "a", "dirty_bytes", 8192);
	refused(422, "dirty_bytes", "has 8192 bytes", "POST", DROP, "{\"dirty_bytes\":1}");
	expect(202, "POST", DROP, "{\"dirty_bytes\":8192}");
}

/* ---------------------------------------------------------------- the tasks */

static void task_is(json_int_t id, const char *member, const char *word)
{
	char path[40];

	snprintf(path, sizeof(path), "/tasks/%lld", (long long)id);
	for (int i = 0; i < 1000; i++) {
		expect(200, "GET", path, NULL);
		if (strstr(said(member), word))
			return;
		poll(NULL, 0, 10);
	}
	fail_msg("task: %s", rig.text);
}

static json_int_t begin(const char *path, const char *body)
{
	struct err err;

	expect(202, "POST", path, body);
	if (!rig.app.transfers && transfers_start(&rig.cfg, NULL, &rig.app.transfers, &err))
		fail_msg("%s", err.text);
	return said_number("task_id");
}

static void a_task_carries_it_out_and_says_what_is_left(void **state)
{
	json_int_t id;

	cached(NULL);
	fake_control_add_volume(filterd, "a", "u-1");
	fake_control_set_filter(filterd, "a", "cache");
	fake_control_hold(filterd, "filter.command", "a");
	id = begin("/volumes/a/cache/flush", NULL);
	task_is(id, "text", "destaging, 4096 bytes left");
	/* Others are not kept waiting by it. */
	task_is(begin("/volumes/a/flush", NULL), "state", "succeeded");
	fake_control_hold(filterd, NULL, NULL);
	task_is(id, "state", "succeeded");
}

static void a_refusal_of_the_cache_is_the_tasks(void **state)
{
	cached(status_of(json_integer(4096)));
	fake_control_refuse(filterd, "filter.command", ERANGE, "it has 8192 bytes by now");
	task_is(begin(DROP, "{\"dirty_bytes\":4096}"), "state", "failed");
	assert_non_null(strstr(said("error_text"), "8192"));
}

static void a_stop_waits_for_nothing(void **state)
{
	cached(NULL);
	fake_control_hold(filterd, "filter.command", "a");
	task_is(begin("/volumes/a/cache/warm", NULL), "state", "running");
	transfers_stop(rig.app.transfers);
	rig.app.transfers = NULL;
}

#define EACH(name) cmocka_unit_test_setup_teardown(name, open_with_volume, close_all)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    EACH(it_is_shown_as_far_as_it_is_known),
	    EACH(a_volume_without_a_cache_is_asked_for_nothing),
	    EACH(only_the_present_amount_is_given_up),
	    EACH(what_is_not_known_needs_another_word),
	    EACH(the_figures_stand_in_until_the_cache_has_spoken),
	    EACH(a_task_carries_it_out_and_says_what_is_left),
	    EACH(a_refusal_of_the_cache_is_the_tasks),
	    EACH(a_stop_waits_for_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
