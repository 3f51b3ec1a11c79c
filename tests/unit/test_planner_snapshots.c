/* SPDX-License-Identifier: MIT */
/* What comes from a snapshot is made of it, once, and waits for the volume that has it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "planner.h"

#define BASE "iqn.2026-01.org.sluice:h"
#define UUID "11111111-1111-1111-1111-111111111111"
#define SNAP "22222222-2222-2222-2222-222222222222"

#define EXPOSURE                                                                                   \
	"'snapshot_of': {'kind': 'exposure', 'volume': 'web', 'snapshot': '" SNAP                  \
	"', 'snapshot_name': 's1'}"
#define CLONE(kind)                                                                                \
	"'clone_from': {'kind': '" kind "', 'volume': 'web', 'snapshot': '" SNAP                   \
	"', 'snapshot_name': 's1'}"
#define WEB                                                                                         \
	"{'name': 'web', 'uuid': '33333333-3333-3333-3333-333333333333', 'datastore': 'd', "        \
	"'size_bytes': 1048576, 'block_bytes': 512, 'write_cache': 'durable', 'state': 'serving', " \
	"'rings': 0, 'filters': []}"
#define COPY(size)                                                                                 \
	"{'name': 'copy', 'uuid': '" UUID "', 'datastore': 'd', 'size_bytes': " size               \
	", 'block_bytes': 512, 'write_cache': 'durable', 'state': 'serving', 'rings': 0, "         \
	"'filters': []}"

static json_t *steps, *problems;

static json_t *read_json(const char *text)
{
	char copy[8192];
	json_error_t e;
	json_t *j;

	snprintf(copy, sizeof(copy), "%s", text);
	for (char *p = copy; *p; p++)
		if (*p == '\'')
			*p = '"';
	j = json_loads(copy, 0, &e);
	if (!j)
		fail_msg("%s in %s", e.text, copy);
	return j;
}

static void plan(const char *origin, const char *wanted, const char *running_volumes)
{
	char text[4096];
	json_t *desired, *running;

	snprintf(text, sizeof(text),
		 "{'datastores': [{'name': 'd', 'type': 'dir', 'path': '/d', 'is_buffered': false, "
		 "'is_deleting': false}], 'hosts': [], 'portals': [], 'filters': [], 'volumes': "
		 "[{'name': 'copy', 'uuid': '" UUID "', 'datastore': 'd', 'size_bytes': 2097152, "
		 "'block_bytes': 512, 'write_cache': 'durable', 'is_thin': true, 'desired_state': "
		 "'%s', 'transfer': '', 'is_created': false, 'target': null, 'rules': [], "
		 "'policy': null, 'policy_version': 0, 'newest_version': 0, 'hosts': [], %s}]}",
		 wanted, origin);
	desired = read_json(text);
	snprintf(text, sizeof(text),
		 "{'filterd': {'is_up': true, 'datastores': [{'name': 'd', 'type': 'dir', 'path': "
		 "'/d'}], 'volumes': [%s]}}",
		 running_volumes);
	running = read_json(text);
	steps = planner_steps(desired, running, BASE);
	problems = planner_problems(desired, running);
	json_decref(desired);
	json_decref(running);
}

static int forget(void **state)
{
	json_decref(steps);
	json_decref(problems);
	steps = problems = NULL;
	return 0;
}

static const json_t *argument(size_t step, const char *name)
{
	return json_object_get(json_object_get(json_array_get(steps, step), "arguments"), name);
}

static const char *step(size_t i)
{
	return json_string_value(json_object_get(json_array_get(steps, i), "step"));
}

static void a_clone_gets_its_image_and_is_then_taken_as_it_is(void **state)
{
	plan(CLONE("linked"), "online", WEB);
	assert_int_equal(json_array_size(steps), 2);
	assert_string_equal(step(0), "snapshot.clone");
	assert_string_equal(json_string_value(argument(0, "image")), "copy");
	assert_string_equal(json_string_value(argument(0, "snapshot")), SNAP);
	assert_true(json_is_true(argument(0, "is_linked")));
	assert_string_equal(step(1), "volume.create");
	assert_true(json_is_true(argument(1, "has_image")));
}

static void a_full_clone_says_so(void **state)
{
	plan(CLONE("full"), "online", WEB);
	assert_true(json_is_false(argument(0, "is_linked")));
}

static void an_exposure_is_created_of_its_snapshot(void **state)
{
	plan(EXPOSURE, "online", WEB);
	assert_int_equal(json_array_size(steps), 1);
	assert_string_equal(step(0), "volume.create");
	assert_string_equal(
	    json_string_value(json_object_get(argument(0, "snapshot_of"), "volume")), "web");
	assert_null(argument(0, "has_image"));
}

static void what_is_there_is_made_only_once(void **state)
{
	plan(CLONE("linked"), "online", WEB ", " COPY("2097152"));
	assert_int_equal(json_array_size(steps), 0);
}

static void a_clone_grows_and_an_exposure_never_does(void **state)
{
	plan(CLONE("full"), "online", WEB ", " COPY("1048576"));
	assert_int_equal(json_array_size(steps), 1);
	assert_string_equal(step(0), "volume.grow");
	forget(NULL);
	plan(EXPOSURE, "online", WEB ", " COPY("1048576"));
	assert_int_equal(json_array_size(steps), 0);
}

static void nothing_empty_is_made_where_the_source_is_gone(void **state)
{
	plan(EXPOSURE, "online", "");
	assert_int_equal(json_array_size(steps), 0);
	assert_int_equal(json_array_size(problems), 1);
	assert_non_null(
	    strstr(json_string_value(json_object_get(json_array_get(problems, 0), "text")),
		   "does not have that volume"));
	forget(NULL);
	plan(CLONE("linked"), "online", "");
	assert_int_equal(json_array_size(steps), 0);
}

static void it_is_deleted_without_its_source(void **state)
{
	plan(EXPOSURE, "deleting", COPY("1048576"));
	assert_int_equal(json_array_size(problems), 0);
	assert_string_equal(step(json_array_size(steps) - 1), "volume.delete");
}

#define EACH(name) cmocka_unit_test_teardown(name, forget)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    EACH(a_clone_gets_its_image_and_is_then_taken_as_it_is),
	    EACH(a_full_clone_says_so),
	    EACH(an_exposure_is_created_of_its_snapshot),
	    EACH(what_is_there_is_made_only_once),
	    EACH(a_clone_grows_and_an_exposure_never_does),
	    EACH(nothing_empty_is_made_where_the_source_is_gone),
	    EACH(it_is_deleted_without_its_source),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
