/* SPDX-License-Identifier: MIT */
/* Snapshots by REST: made, deleted, reverted by tasks; what would destroy something names it; what
 * filterd has and what the database knows are brought together, and nothing is deleted on the way.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "fake_control.h"
#include "fake_snapshots.h"
#include "json.h"
#include "rest_rig.h"
#include "snapshotter.h"

#define TRIES 1000

static struct fake_control *filterd;
static char socket_path[100];

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
	snprintf(socket_path, sizeof(socket_path), "%s/filterd.sock", rig.dir);
	rig.cfg.filterd_socket = socket_path;
	filterd = fake_control_start(socket_path, 1);
	if (snapshotter_start(&rig.cfg, NULL, &rig.app.snapshotter, &err))
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

/* Until that member of the object says so. */
static void becomes(const char *path, const char *member, const char *word)
{
	for (int i = 0; i < TRIES; i++) {
		expect(200, "GET", path, NULL);
		if (strstr(said(member), word))
			return;
		poll(NULL, 0, 10);
	}
	fail_msg("%s: %s is not %s: %s", path, member, word, rig.text);
}

static void is_gone(const char *path)
{
	for (int i = 0; i < TRIES; i++) {
		if (ask("GET", path, NULL) == 404)
			return;
		poll(NULL, 0, 10);
	}
	fail_msg("%s is still there: %s", path, rig.text);
}

static json_int_t task(const char *method, const char *path, const char *body)
{
	expect(202, method, path, body);
	return said_number("task_id");
}

static void ends(json_int_t id, const char *state)
{
	char path[40];

	snprintf(path, sizeof(path), "/tasks/%lld", (long long)id);
	becomes(path, "state", state);
}

static void take(const char *path, const char *name)
{
	char body[100];

	snprintf(body, sizeof(body), "{\"name\":\"%s\"}", name);
	ends(task("POST", path, body), "succeeded");
}

struct setting {
	const char *volume, *member;
	json_t *value;
};

static void set_now(json_t *all, void *ctx)
{
	struct setting *s = ctx;

	json_object_set_new(fake_snapshots_of(all, s->volume), s->member, s->value);
}

/* In what filterd has of the volume. */
static void set(const char *name, const char *member, json_t *value)
{
	struct setting s = {name, member, value};

	fake_control_snapshots(filterd, set_now, &s);
}

static void a_snapshot_is_made_and_deleted(void **state)
{
	take("/volumes/a/snapshots", "one");
	expect(200, "GET", "/volumes/a/snapshots/one", NULL);
	assert_string_equal(said("state"), "ready");
	assert_int_equal(said_number("own_bytes"), 4096);
	refused(409, "name", "has a snapshot one", "POST", "/volumes/a/snapshots",
		"{\"name\":\"one\"}");
	refused(422, "confirm", "confirm=one", "DELETE", "/volumes/a/snapshots/one", NULL);
	refused(422, "confirm", "nothing was deleted", "DELETE",
		"/volumes/a/snapshots/one?confirm=two", NULL);
	ends(task("DELETE", "/volumes/a/snapshots/one?confirm=one", NULL), "succeeded");
	is_gone("/volumes/a/snapshots/one");
	assert_int_equal(fake_control_asked(filterd, "snapshot.delete"), 1);
}

static void one_without_a_name_gets_the_time(void **state)
{
	ends(task("POST", "/volumes/a/snapshots", NULL), "succeeded");
	expect(200, "GET", "/volumes/a/snapshots", NULL);
	assert_int_equal(said_number("total"), 1);
	expect(200, "GET", "/volumes/b/snapshots", NULL);
	assert_int_equal(said_number("total"), 0);
	expect(404, "GET", "/volumes/nobody/snapshots", NULL);
}

static void what_filterd_refuses_leaves_nothing_behind(void **state)
{
	json_int_t id;

	fake_control_refuse(filterd, "snapshot.create", EIO, "filter cache: its log is full");
	id = task("POST", "/volumes/a/snapshots", "{\"name\":\"no\"}");
	ends(id, "failed");
	assert_non_null(strstr(said("error_text"), "filter cache"));
	expect(404, "GET", "/volumes/a/snapshots/no", NULL);
}

static void a_slow_volume_keeps_no_other_waiting(void **state)
{
	json_int_t slow;

	fake_control_hold(filterd, "snapshot.create", "a");
	slow = task("POST", "/volumes/a/snapshots", "{\"name\":\"slow\"}");
	ends(slow, "running");
	take("/volumes/b/snapshots", "quick");
	fake_control_hold(filterd, NULL, NULL);
	ends(slow, "succeeded");
}

static void a_deletion_is_followed_and_cancelled(void **state)
{
	json_int_t id;
	char path[60];

	take("/volumes/a/snapshots", "one");
	set("a", "is_slow", json_true());
	id = task("DELETE", "/volumes/a/snapshots/one?confirm=one", NULL);
	ends(id, "running");
	refused(409, "", "being deleted already", "DELETE", "/volumes/a/snapshots/one?confirm=one",
		NULL);
	snprintf(path, sizeof(path), "/tasks/%lld/cancel", (long long)id);
	ask("POST", path, NULL);
	ends(id, "cancelled");
	becomes("/volumes/a/snapshots/one", "state", "ready");
}

static void a_revert_wants_the_volumes_name(void **state)
{
	take("/volumes/a/snapshots", "one");
	refused(422, "confirm", "will be gone", "POST", "/volumes/a/snapshots/one/revert", NULL);
	refused(422, "confirm", "name, a", "POST", "/volumes/a/snapshots/one/revert",
		"{\"confirm\":\"b\"}");
	assert_int_equal(fake_control_asked(filterd, "snapshot.revert"), 0);
	ends(task("POST", "/volumes/a/snapshots/one/revert", "{\"confirm\":\"a\"}"), "succeeded");
	assert_int_equal(fake_control_asked(filterd, "snapshot.revert"), 1);
}

static void what_rests_on_a_snapshot_keeps_it_and_its_volume(void **state)
{
	take("/volumes/a/snapshots", "one");
	expect(202, "POST", "/volumes/a/snapshots/one/expose", "{\"name\":\"view\"}");
	assert_string_equal(
	    json_string_value(json_object_get(json_object_get(rig.body, "origin"), "kind")),
	    "exposure");
	expect(202, "POST", "/volumes/a/snapshots/one/clone",
	       "{\"name\":\"copy\",\"is_linked\":false}");
	refused(409, "", "copy, view", "DELETE", "/volumes/a/snapshots/one?confirm=one", NULL);
	refused(409, "", "copy, view", "DELETE", "/volumes/a?confirm=a", NULL);
	refused(409, "", "never written", "POST", "/volumes/view/snapshots", NULL);
	refused(409, "", "never written", "PATCH", "/volumes/view", "{\"size_bytes\":2097152}");
	refused(422, "policy", "only read", "POST", "/volumes/a/snapshots/one/expose",
		"{\"name\":\"v2\",\"policy\":null}");
	refused(422, "size_bytes", "", "POST", "/volumes/a/snapshots/one/clone",
		"{\"name\":\"c2\",\"size_bytes\":1048576}");
	expect(200, "GET", "/volumes/a/snapshots/one", NULL);
	assert_int_equal(json_array_size(json_object_get(rig.body, "clones")), 1);
	assert_int_equal(json_array_size(json_object_get(rig.body, "exposures")), 1);
}

static void a_volume_with_snapshots_goes_only_with_their_number(void **state)
{
	take("/volumes/a/snapshots", "one");
	take("/volumes/a/snapshots", "two");
	refused(422, "confirm_snapshots", "has 2 snapshots", "DELETE", "/volumes/a?confirm=a",
		NULL);
	refused(422, "confirm_snapshots", "confirm_snapshots=2", "DELETE",
		"/volumes/a?confirm=a&confirm_snapshots=1", NULL);
	expect(202, "DELETE", "/volumes/a?confirm=a&confirm_snapshots=2", NULL);
	expect(202, "DELETE", "/volumes/b?confirm=b", NULL);
}

static void a_group_is_one_request_and_one_task(void **state)
{
	refused(422, "volumes", "1 to 64", "POST", "/snapshot-groups",
		"{\"name\":\"g\",\"volumes\":[]}");
	ends(task("POST", "/snapshot-groups", "{\"name\":\"g\",\"volumes\":[\"a\",\"b\"]}"),
	     "succeeded");
	assert_int_equal(fake_control_asked(filterd, "snapshot.create"), 1);
	expect(200, "GET", "/snapshot-groups/g", NULL);
	assert_string_equal(said("state"), "ready");
	assert_int_equal(json_array_size(json_object_get(rig.body, "volumes")), 2);
	refused(422, "confirm", "confirm=g", "DELETE", "/snapshot-groups/g", NULL);
	expect(202, "DELETE", "/snapshot-groups/g?confirm=g", NULL);
	is_gone("/snapshot-groups/g");
	expect(200, "GET", "/snapshots", NULL);
	assert_int_equal(said_number("total"), 0);
}

static void a_group_that_is_refused_is_no_group(void **state)
{
	fake_control_refuse(filterd, "snapshot.create", EBUSY, "filter x of b refuses");
	ends(task("POST", "/snapshot-groups", "{\"name\":\"g\",\"volumes\":[\"a\",\"b\"]}"),
	     "failed");
	expect(404, "GET", "/snapshot-groups/g", NULL);
	expect(200, "GET", "/snapshots", NULL);
	assert_int_equal(said_number("total"), 0);
}

static void the_tree_has_each_below_its_parent(void **state)
{
	const json_t *top;

	take("/volumes/a/snapshots", "one");
	take("/volumes/a/snapshots", "two");
	ends(task("POST", "/volumes/a/snapshots/one/revert", "{\"confirm\":\"a\"}"), "succeeded");
	take("/volumes/a/snapshots", "three");
	expect(200, "GET", "/volumes/a/snapshot-tree", NULL);
	assert_int_equal(said_number("count"), 3);
	top = json_array_get(json_object_get(rig.body, "items"), 0);
	assert_int_equal(json_array_size(json_object_get(rig.body, "items")), 1);
	assert_int_equal(json_array_size(json_object_get(top, "children")), 2);
}

static void a_plan_of_repair_changes_nothing(void **state)
{
	set("a", "steps", json_pack("[s]", "forget the orphan a.layer3"));
	expect(200, "GET", "/volumes/a/repair", NULL);
	assert_int_equal(json_array_size(json_object_get(rig.body, "steps")), 1);
	ends(task("POST", "/volumes/a/repair", NULL), "succeeded");
	assert_int_equal(json_array_size(json_object_get(rig.body, "log")), 1);
}

static void where_none_can_be_none_is_taken(void **state)
{
	rig_note(&table_datastores, "fast", json_pack("{s:s}", "type", "block"));
	refused(501, "", "which cannot keep", "POST", "/volumes/a/snapshots", NULL);
	rig_note(&table_datastores, "fast", json_pack("{s:s}", "type", "dir"));
	expect(202, "POST", "/volumes/a/stop", NULL);
	refused(409, "", "is offline", "POST", "/volumes/a/snapshots", NULL);
}

#define EACH(name) cmocka_unit_test_setup_teardown(name, open_all, close_all)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    EACH(a_snapshot_is_made_and_deleted),
	    EACH(one_without_a_name_gets_the_time),
	    EACH(what_filterd_refuses_leaves_nothing_behind),
	    EACH(a_slow_volume_keeps_no_other_waiting),
	    EACH(a_deletion_is_followed_and_cancelled),
	    EACH(a_revert_wants_the_volumes_name),
	    EACH(what_rests_on_a_snapshot_keeps_it_and_its_volume),
	    EACH(a_volume_with_snapshots_goes_only_with_their_number),
	    EACH(a_group_is_one_request_and_one_task),
	    EACH(a_group_that_is_refused_is_no_group),
	    EACH(the_tree_has_each_below_its_parent),
	    EACH(a_plan_of_repair_changes_nothing),
	    EACH(where_none_can_be_none_is_taken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
