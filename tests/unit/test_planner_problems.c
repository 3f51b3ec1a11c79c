/* SPDX-License-Identifier: MIT */
/* What no step can mend is said once, with a sentence, and nothing is done about it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <string.h>

#include "planner.h"

#define BASE "iqn.2026-01.org.sluice:h"

/* One volume that is as it should be; each case then changes a member here or there. */
static json_t *desired(void)
{
	return json_pack(
	    "{s:[{s:s, s:s, s:s, s:b}], s:[{s:s, s:b}], s:[], s:[{s:i, s:s, s:s, s:[], s:s, s:i}, "
	    "{s:i, s:s, s:s, s:[], s:s, s:i}], s:[{s:s, s:s, s:s, s:i, s:i, s:s, s:s, s:s, s:b, "
	    "s:{s:s, s:i, s:s, s:i}, s:[], s:[i]}]}",
	    "datastores", "name", "fast", "type", "dir", "path", "/srv", "is_deleting", 0,
	    "filters", "name", "gone", "is_installed", 0, "portals", "hosts", "id", 1, "name", "a",
	    "iqn", "iqn.2026-01.x:a", "addresses", "chap_user", "", "chap_changed_ms", 0, "id", 2,
	    "name", "b", "iqn", "iqn.2026-01.x:b", "addresses", "chap_user", "ub",
	    "chap_changed_ms", 9, "volumes", "name", "web", "uuid", "u-1", "datastore", "fast",
	    "size_bytes", 8192, "block_bytes", 512, "write_cache", "durable", "desired_state",
	    "online", "transfer", "", "is_created", 1, "target", "iqn", BASE ":web", "lun", 1,
	    "mutual_user", "", "mutual_changed_ms", 5, "rules", "hosts", 1);
}

static json_t *running(void)
{
	return json_pack(
	    "{s:{s:b, s:[{s:s, s:s, s:s}], s:[{s:s, s:s, s:s, s:i, s:i, s:s, s:s, s:i, s:[]}]}, "
	    "s:{s:b, s:[{s:i, s:s, s:[{s:i, s:s, s:s}], s:[], s:[s], s:[], s:n, s:[]}, {s:i, s:s, "
	    "s:[], s:[], s:[], s:[s], s:n, s:[]}], s:[{s:s, s:i}], s:[]}}",
	    "filterd", "is_up", 1, "datastores", "name", "fast", "type", "dir", "path", "/srv",
	    "volumes", "name", "web", "uuid", "u-1", "datastore", "fast", "size_bytes", 8192,
	    "block_bytes", 512, "write_cache", "durable", "state", "serving", "rings", 1, "filters",
	    "tgtd", "is_up", 1, "targets", "tid", 1, "iqn", BASE ":web", "luns", "lun", 1, "bstype",
	    "sluice", "path", "web", "addresses", "initiators", "iqn.2026-01.x:a", "accounts",
	    "outgoing", "sessions", "tid", 2, "iqn", "iqn.2000-01.z:t", "luns", "addresses",
	    "initiators", "accounts", "theirs", "outgoing", "sessions", "accounts", "user",
	    "theirs", "changed_ms", 0, "portals");
}

static json_t *at(json_t *j, const char *list, size_t i)
{
	return json_array_get(json_object_get(j, list), i);
}

struct documents {
	json_t *d, *r;
	json_t *row, *runs, *target; /* inside */
};

static void set(json_t *j, const char *key, json_t *value)
{
	json_object_set_new(j, key, value);
}

static void uuid(struct documents *x)
{
	set(x->runs, "uuid", json_string("u-2"));
}
static void name(struct documents *x)
{
	set(x->runs, "name", json_string("old"));
}
static void lost(struct documents *x)
{
	json_array_clear(json_object_get(json_object_get(x->r, "filterd"), "volumes"));
}
static void smaller(struct documents *x)
{
	set(x->runs, "size_bytes", json_integer(16384));
}
static void blocks(struct documents *x)
{
	set(x->runs, "block_bytes", json_integer(4096));
}
static void cache(struct documents *x)
{
	set(x->runs, "write_cache", json_string("volatile"));
}
static void filter(struct documents *x)
{
	set(x->row, "rules",
	    json_pack("[{s:s, s:s, s:s, s:{}}]", "class", "cache", "filter", "gone", "on_failure",
		      "hold", "parameters"));
}
/* A rule of write-back; flash: what the datastore says of a place for it, NULL: nothing at all. */
static void write_back(struct documents *x, const char *flash)
{
	json_array_append_new(json_object_get(x->d, "filters"),
			      json_pack("{s:s, s:b}", "name", "cache", "is_installed", 1));
	set(x->row, "rules",
	    json_pack("[{s:s, s:s, s:s, s:{s:s}}]", "class", "cache", "filter", "cache",
		      "on_failure", "hold", "parameters", "mode", "write_back"));
	if (flash)
		set(at(x->d, "datastores", 0), "filters",
		    json_pack("[{s:s, s:{s:s}}]", "filter", "cache", "parameters", "flash_path",
			      flash));
}
static void no_flash(struct documents *x)
{
	write_back(x, NULL);
}
static void empty_flash(struct documents *x)
{
	write_back(x, "");
}
static void no_flash_for_a_new_one(struct documents *x)
{
	write_back(x, NULL);
	set(x->row, "is_created", json_false());
	json_array_clear(json_object_get(json_object_get(x->r, "filterd"), "volumes"));
}
static void flash(struct documents *x)
{
	write_back(x, "/flash");
}
static void encrypted(struct documents *x)
{
	set(x->runs, "filters",
	    json_pack("[{s:s, s:i, s:s, s:{}}]", "filter", "encryption", "class", 400, "on_failure",
		      "hold", "params"));
}
/* In place: so the filter may go. */
static void decrypted(struct documents *x)
{
	encrypted(x);
	set(x->runs, "filter_state", json_string("clear"));
}
static void locked(struct documents *x)
{
	encrypted(x);
	set(x->runs, "filter_state", json_string("locked"));
}
static void encrypted_otherwise(struct documents *x)
{
	encrypted(x);
	set(x->row, "rules",
	    json_pack("[{s:s, s:s, s:s, s:{}}]", "class", "encryption", "filter", "other",
		      "on_failure", "hold", "parameters"));
}
static void encrypted_and_stopped(struct documents *x)
{
	encrypted(x);
	set(x->row, "desired_state", json_string("offline"));
	set(x->runs, "state", json_string("closed"));
}
static void mixed(struct documents *x)
{
	set(x->row, "hosts", json_pack("[i, i]", 1, 2));
}
static void mutual_alone(struct documents *x)
{
	set(x->target, "mutual_user", json_string("m"));
}
static void user_twice(struct documents *x)
{
	set(x->row, "hosts", json_pack("[i]", 2));
	set(x->target, "mutual_user", json_string("ub"));
}
static void foreign_user(struct documents *x)
{
	set(x->row, "hosts", json_pack("[i]", 2));
	set(at(x->d, "hosts", 1), "chap_user", json_string("theirs"));
}
static void quarantine(struct documents *x)
{
	set(x->runs, "state", json_string("quarantined"));
	set(x->runs, "reason", json_string("trace crashed 3 times"));
}
static void other_folder(struct documents *x)
{
	set(at(x->d, "datastores", 0), "uuid", json_string("11111111-0000-4000-8000-000000000000"));
	set(at(json_object_get(x->r, "filterd"), "datastores", 0), "uuid",
	    json_string("22222222-0000-4000-8000-000000000000"));
}

static void path(struct documents *x)
{
	set(at(x->d, "datastores", 0), "path", json_string("/other"));
}
static void datastore_used(struct documents *x)
{
	json_array_clear(json_object_get(x->d, "volumes"));
	set(at(x->d, "datastores", 0), "is_deleting", json_true());
}
static void other_tgtd(struct documents *x)
{
	set(x->row, "desired_state", json_string("offline"));
	set(x->r, "tgtd", json_pack("{s:b}", "is_up", 0));
}
static void nothing(struct documents *x) {}

static const struct {
	void (*change)(struct documents *x);
	const char *type, *name, *says; /* NULL: no problem */
	const char *but_never;          /* a step that must not be planned */
} cases[] = {
    {nothing, NULL, NULL, NULL, ""},
    {uuid, "volume", "web", "another volume by the name of web (its UUID is u-2)", "volume.create"},
    {name, "volume", "web", "runs in sluice-filterd under the name old", "volume.create"},
    {lost, "volume", "web", "was created once", "volume.create"},
    {smaller, "volume", "web", "has 16384 bytes and should have 8192", "volume.grow"},
    {blocks, "volume", "web", "blocks of 4096 bytes and should have 512", ""},
    {cache, "volume", "web", "write_cache is volatile and should be durable", ""},
    {filter, "volume", "web", "filter gone, which is not installed", "filter.attach"},
    {no_flash, "volume", "web", "datastore fast has no flash for its log", "filter.attach"},
    {empty_flash, "volume", "web", "flash_path=", "filter.attach"},
    {no_flash_for_a_new_one, "volume", "web", "has no flash", "volume.create"},
    {flash, NULL, NULL, NULL, "filter.detach"},
    {encrypted, "volume", "web", "is encrypted by the filter encryption", "filter.detach"},
    {locked, "volume", "web", "is encrypted by the filter encryption", "filter.detach"},
    {decrypted, NULL, NULL, NULL, "volume.close"},
    {encrypted_otherwise, "volume", "web", "decrypt it first", "filter.attach"},
    {encrypted_and_stopped, "volume", "web", "is encrypted", "filter.detach"},
    {mixed, "volume", "web", "host a has no CHAP user", ""},
    {mutual_alone, "volume", "web", "none of its hosts has a CHAP user", "account.create"},
    {user_twice, "volume", "web", "CHAP user ub of volume web is used by host b already", ""},
    {foreign_user, "host", "b", "used by a target of tgtd's that is not managed here",
     "account.delete"},
    {quarantine, "volume", "web", "in quarantine: trace crashed 3 times", "volume.open"},
    {path, "datastore", "fast", "has datastore fast at dir /srv, not at dir /other",
     "datastore.add"},
    {other_folder, "datastore", "fast", "is the right disk mounted there", "volume.create"},
    {datastore_used, "datastore", "fast", "volume web is on it", "datastore.remove"},
    {other_tgtd, "volume", "web", "in use by a tgtd that does not answer", "volume.close"},
};

static void each_is_said_with_its_object_and_not_acted_upon(void **state)
{

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct documents x = {.d = desired(), .r = running()};
		json_t *problems, *steps;
		const json_t *p, *s;
		size_t k;

		assert_non_null(x.d);
		assert_non_null(x.r);
		x.row = at(x.d, "volumes", 0);
		x.target = json_object_get(x.row, "target");
		x.runs = at(json_object_get(x.r, "filterd"), "volumes", 0);
		cases[i].change(&x);
		problems = planner_problems(x.d, x.r);
		steps = planner_steps(x.d, x.r, BASE);
		assert_int_equal(json_array_size(problems), cases[i].says ? 1 : 0);
		p = json_array_get(problems, 0);
		if (p) {
			assert_string_equal(json_string_value(json_object_get(p, "object_type")),
					    cases[i].type);
			assert_string_equal(json_string_value(json_object_get(p, "object_name")),
					    cases[i].name);
			if (!strstr(json_string_value(json_object_get(p, "text")), cases[i].says))
				fail_msg("'%s' does not say '%s'",
					 json_string_value(json_object_get(p, "text")),
					 cases[i].says);
		}
		json_array_foreach(steps, k, s)
		{
			assert_string_not_equal(json_string_value(json_object_get(s, "step")),
						cases[i].but_never);
		}
		json_decref(problems);
		json_decref(steps);
		json_decref(x.d);
		json_decref(x.r);
	}
}

static void daemons_that_are_down_are_no_problem(void **state)
{
	json_t *d = desired(),
	       *r = json_pack("{s:{s:b}, s:{s:b}}", "filterd", "is_up", 0, "tgtd", "is_up", 0);
	json_t *problems = planner_problems(d, r), *steps = planner_steps(d, r, BASE);

	assert_int_equal(json_array_size(problems), 0);
	assert_int_equal(json_array_size(steps), 0);
	json_decref(problems);
	json_decref(steps);
	problems = planner_problems(d, NULL);
	steps = planner_steps(d, NULL, BASE);
	assert_int_equal(json_array_size(problems) + json_array_size(steps), 0);
	json_decref(problems);
	json_decref(steps);
	json_decref(d);
	json_decref(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_is_said_with_its_object_and_not_acted_upon),
	    cmocka_unit_test(daemons_that_are_down_are_no_problem),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
