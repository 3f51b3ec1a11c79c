/* SPDX-License-Identifier: MIT */
/* What changed between two sets of rules. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <string.h>

#include "model.h"

#define TRACE(n)                                                                                   \
	"{\"class\": \"inspection\", \"filter\": \"trace\", \"on_failure\": \"hold\", "            \
	"\"parameters\": {\"entries\": \"" n "\"}}"
#define WATCH                                                                                      \
	"{\"class\": \"inspection\", \"filter\": \"watch\", \"on_failure\": \"bypass\", "          \
	"\"parameters\": {\"depth\": \"3\"}}"
#define DELAY                                                                                      \
	"{\"class\": \"io_control\", \"filter\": \"delay\", \"on_failure\": \"hold\", "            \
	"\"parameters\": {}}"

static void differences_are_sorted_by_kind(void **state)
{
	static const struct {
		const char *from, *to, *diff;
	} cases[] = {
	    {"[]", "[]", "{\"added\": [], \"removed\": [], \"changed\": [], \"is_same\": true}"},
	    {"[" TRACE("1") "," DELAY "]", "[" DELAY "," TRACE("1") "]",
	     "{\"added\": [], \"removed\": [], \"changed\": [], \"is_same\": true}"},
	    {"[]", "[" DELAY "]",
	     "{\"added\": [" DELAY "], \"removed\": [], \"changed\": [], \"is_same\": false}"},
	    {"[" DELAY "]", "[" TRACE("1") "]",
	     "{\"added\": [" TRACE("1") "], \"removed\": [" DELAY
					"], \"changed\": [], \"is_same\": false}"},
	    {"[" TRACE("1") "]", "[" TRACE("2") "]",
	     "{\"added\": [], \"removed\": [], \"is_same\": false, \"changed\": [{\"class\": "
	     "\"inspection\", \"filter\": \"trace\", \"parameters\": {\"entries\": {\"from\": "
	     "\"1\", \"to\": \"2\"}}}]}"},
	    {"[" TRACE("1") "]", "[" WATCH "]",
	     "{\"added\": [], \"removed\": [], \"is_same\": false, \"changed\": [{\"class\": "
	     "\"inspection\", \"filter\": \"watch\", \"from_filter\": \"trace\", \"on_failure\": "
	     "{\"from\": \"hold\", \"to\": \"bypass\"}, \"parameters\": {\"entries\": {\"from\": "
	     "\"1\", \"to\": null}, \"depth\": {\"from\": null, \"to\": \"3\"}}}]}"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		json_t *from = json_loads(cases[i].from, 0, NULL);
		json_t *to = json_loads(cases[i].to, 0, NULL);
		json_t *wanted = json_loads(cases[i].diff, 0, NULL);
		json_t *is = model_rules_diff(from, to);

		assert_non_null(wanted);
		assert_true(json_equal(is, wanted));
		json_decref(from);
		json_decref(to);
		json_decref(wanted);
		json_decref(is);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(differences_are_sorted_by_kind)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
