/* SPDX-License-Identifier: MIT */
/* A volume's encryption as it is shown, what may be asked of it, and what has to be said twice. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "rest_rig.h"

#define ON "/volumes/a/encryption"

static int open_with_volume(void **state)
{
	int rc = rig_open(state);

	rig_datastore(0, 0);
	expect(202, "POST", "/volumes",
	       "{\"name\":\"a\",\"datastore\":\"fast\",\"size_bytes\":1048576}");
	return rc;
}

/* The volume runs with an encryption under another name than ours. Takes status. */
static void encrypted(json_t *status)
{
	json_decref(rig.volume);
	json_decref(rig.chain);
	rig.volume =
	    json_pack("{s:s, s:s, s:[{s:s, s:i}, {s:s, s:i}]}", "name", "a", "state", "serving",
		      "filters", "filter", "trace", "class", 100, "filter", "sealed", "class", 400);
	rig.chain =
	    status ? json_pack("{s:{s:i}, s:o}", "trace", "entries", 7, "sealed", status) : NULL;
}

static json_t *status_with(json_t *walk)
{
	return json_pack("{s:s, s:s, s:s, s:s, s:i, s:i, s:b, s:o, s:s}", "state", "unlocked",
			 "state_text", "", "cipher", "aes-xts-plain64", "key_id", "main/1",
			 "sector_bytes", 4096, "slots", 1, "is_erased", 0, "reencrypt", walk,
			 "of_its_own", "x");
}

static bool is_null(const json_t *in, const char *member)
{
	const json_t *v = json_object_get(in, member);

	return v && json_is_null(v);
}

/* The task of the last answer is of this kind, and, as far as the database is concerned, over. */
static void ends(const char *kind)
{
	json_int_t id = said_number("task_id");
	struct err err = {0};
	char path[40];

	snprintf(path, sizeof(path), "/tasks/%" JSON_INTEGER_FORMAT, id);
	expect(200, "GET", path, NULL);
	assert_string_equal(said("kind"), kind);
	if (store_begin(rig.app.store, &err) ||
	    store_task_end(rig.app.store, id, "succeeded", NULL, &err) ||
	    store_commit(rig.app.store, &err))
		fail_msg("%s", err.text);
}

static void it_is_shown_as_far_as_it_is_known(void **state)
{
	const json_t *walk;

	expect(200, "GET", ON, NULL);
	assert_true(is_null(rig.body, "filter") && is_null(rig.body, "state") &&
		    is_null(rig.body, "walk"));
	encrypted(NULL);
	expect(200, "GET", ON, NULL);
	assert_string_equal(said("filter"), "sealed");
	assert_true(json_is_false(json_object_get(rig.body, "is_known")));
	encrypted(status_with(json_null()));
	expect(200, "GET", ON, NULL);
	assert_string_equal(said("state"), "unlocked");
	assert_int_equal(said_number("sector_bytes"), 4096);
	assert_true(is_null(rig.body, "walk"));
	assert_null(json_object_get(rig.body, "of_its_own"));
	encrypted(status_with(json_pack("{s:s, s:s, s:s, s:i, s:s}", "kind", "rekey_deep", "state",
					"running", "text", "", "done_bytes", 7, "total_bytes",
					"not a number")));
	expect(200, "GET", ON, NULL);
	walk = json_object_get(rig.body, "walk");
	assert_int_equal(json_integer_value(json_object_get(walk, "done_bytes")), 7);
	assert_true(is_null(walk, "total_bytes"));
	expect(404, "GET", "/volumes/nobody/encryption", NULL);
}

static void a_volume_without_encryption_is_asked_for_nothing(void **state)
{
	static const char *const verbs[] = {
	    "encrypt", "decrypt?confirm=a", "rekey", "erase?confirm=a", "pause", "resume"};

	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		char path[60];

		snprintf(path, sizeof(path), ON "/%s", verbs[i]);
		json_decref(rig.volume);
		rig.volume = NULL; /* filterd is away */
		expect(503, "POST", path, NULL);
		rig.volume = json_pack("{s:s, s:[]}", "name", "a", "filters");
		refused(409, "", "has no encryption", "POST", path, NULL);
		assert_string_equal(said("code"), "no_encryption");
	}
}

static void each_word_is_a_task(void **state)
{
	static const struct {
		const char *path, *body, *kind;
	} words[] = {
	    {ON "/encrypt", NULL, "encryption.encrypt"},
	    {ON "/rekey", NULL, "encryption.rekey"},
	    {ON "/rekey", "{\"is_deep\":true}", "encryption.rekey"},
	    {ON "/pause", NULL, "encryption.pause"},
	    {ON "/resume", "{}", "encryption.resume"},
	    {ON "/decrypt?confirm=a", NULL, "encryption.decrypt"},
	    {ON "/erase?confirm=a", NULL, "encryption.erase"},
	};

	encrypted(status_with(json_null()));
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		expect(202, "POST", words[i].path, words[i].body);
		ends(words[i].kind);
	}
}

static void what_a_word_does_not_know_is_refused(void **state)
{
	encrypted(status_with(json_null()));
	refused(422, "is_deep", "true or false", "POST", ON "/rekey", "{\"is_deep\":1}");
	expect(422, "POST", ON "/rekey", "{\"deep\":true}");
	expect(422, "POST", ON "/encrypt", "{\"x\":1}");
	expect(422, "POST", ON "/decrypt?confirm=a", "{\"x\":1}");
	expect(422, "POST", ON "/pause", "{\"x\":1}");
	expect(202, "POST", ON "/encrypt", "{}");
}

/* Nothing may be asked beside a walk but to pause it and to let it go on. */
static void one_thing_at_a_time(void **state)
{
	static const char *const others[] = {"encrypt", "rekey", "decrypt?confirm=a",
					     "erase?confirm=a"};

	encrypted(status_with(json_null()));
	expect(202, "POST", ON "/rekey", "{\"is_deep\":true}");
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		char path[60];

		snprintf(path, sizeof(path), ON "/%s", others[i]);
		refused(409, "", "wait for its end, or cancel it", "POST", path, NULL);
	}
	expect(202, "POST", ON "/pause", NULL);
	expect(202, "POST", ON "/resume", NULL);
}

static void what_loses_something_is_typed_again(void **state)
{
	encrypted(status_with(json_null()));
	refused(422, "confirm", "leaves the volume's data in clear", "POST", ON "/decrypt", NULL);
	refused(422, "confirm", "confirm=a; nothing was done", "POST", ON "/decrypt?confirm=A",
		NULL);
	refused(422, "confirm", "unreadable for good", "POST", ON "/erase", NULL);
	refused(422, "confirm", "confirm=a; nothing was done", "POST", ON "/erase?confirm=b", NULL);
	expect(202, "POST", ON "/erase?confirm=a", NULL);
}

static void who_is_logged_in_is_named_before_an_erasure(void **state)
{
	encrypted(status_with(json_null()));
	rig.sessions = json_pack("[{s:s, s:s}]", "volume", "a", "initiator", "iqn.x:host");
	refused(409, "force", "iqn.x:host", "POST", ON "/erase?confirm=a", NULL);
	expect(202, "POST", ON "/erase?confirm=a&force=1", NULL);
}

static void a_stranger_learns_nothing(void **state)
{
	encrypted(status_with(json_null()));
	rig.is_stranger = true;
	expect(401, "GET", ON, NULL);
	expect(401, "POST", ON "/erase?confirm=a", NULL);
}

#define EACH(name) cmocka_unit_test_setup_teardown(name, open_with_volume, rig_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    EACH(it_is_shown_as_far_as_it_is_known),
	    EACH(a_volume_without_encryption_is_asked_for_nothing),
	    EACH(each_word_is_a_task),
	    EACH(what_a_word_does_not_know_is_refused),
	    EACH(one_thing_at_a_time),
	    EACH(what_loses_something_is_typed_again),
	    EACH(who_is_logged_in_is_named_before_an_erasure),
	    EACH(a_stranger_learns_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
