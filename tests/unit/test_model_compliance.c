/* SPDX-License-Identifier: MIT */
/* Whether a volume complies with its policy, and each cause if not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <string.h>

#include "model.h"

#define RULES                                                                                       \
	"\"rules\": [{\"class\": \"inspection\", \"filter\": \"trace\", \"on_failure\": \"hold\", " \
	"\"parameters\": {\"entries\": \"7\"}}]"
#define WITH(v, n)                                                                                 \
	"{\"name\": \"web\", \"policy\": \"gold\", \"policy_version\": " v                         \
	", \"newest_version\": " n ", " RULES "}"
#define WITHOUT "{\"name\": \"web\", \"policy\": null, \"rules\": []}"
#define RUNS(on_failure, entries, bypassed)                                                        \
	"{\"name\": \"web\", \"filters\": [{\"filter\": \"trace\", \"class\": 100, "               \
	"\"on_failure\": \"" on_failure "\", \"params\": {\"entries\": \"" entries                 \
	"\", \"new\": \"1\"}, \"is_bypassed\": " bypassed "}]}"
#define BY_DATASTORE                                                                               \
	"{\"name\": \"web\", \"policy\": null, \"rules\": [{\"class\": \"inspection\", "           \
	"\"filter\": \"trace\", \"on_failure\": \"hold\", \"parameters\": {\"entries\": \"7\"}, "  \
	"\"datastore\": \"fast\"}]}"
#define SECRET                                                                                     \
	"{\"name\": \"web\", \"policy\": \"gold\", \"policy_version\": 1, \"newest_version\": 1, " \
	"\"rules\": [{\"class\": \"encryption\", \"filter\": \"e\", \"on_failure\": \"hold\"}]}"
#define ENCRYPTED(state)                                                                           \
	"{\"name\": \"web\", \"filter_state\": " state                                             \
	", \"filters\": [{\"filter\": \"e\", \"on_failure\": \"hold\"}]}"
#define EMPTY "{\"name\": \"web\", \"filters\": []}"

static void status_and_causes_follow_from_what_runs(void **state)
{
	static const struct {
		const char *desired, *running;
		bool is_known;
		enum model_status status;
		const char *says; /* the only cause; NULL: none */
	} cases[] = {
	    {WITH("2", "2"), RUNS("hold", "7", "false"), true, MODEL_COMPLIANT, NULL},
	    {WITH("2", "3"), RUNS("hold", "7", "false"), true, MODEL_OUT_OF_DATE,
	     "policy gold has version 3; the volume has version 2"},
	    {WITH("2", "3"), RUNS("hold", "8", "false"), true, MODEL_NON_COMPLIANT,
	     "entries is '8' and should be '7'"},
	    {WITH("2", "2"), RUNS("bypass", "7", "false"), true, MODEL_NON_COMPLIANT,
	     "on_failure is 'bypass' and should be 'hold'"},
	    {WITH("2", "2"), RUNS("hold", "7", "true"), true, MODEL_NON_COMPLIANT,
	     "trace has failed and is bypassed"},
	    {WITH("2", "2"), EMPTY, true, MODEL_NON_COMPLIANT,
	     "filter trace (inspection) is not attached"},
	    {WITH("2", "2"), NULL, true, MODEL_NON_COMPLIANT, "does not have the volume"},
	    {WITH("2", "2"), NULL, false, MODEL_UNKNOWN, "does not answer"},
	    {WITH("2", "2"),
	     "{\"filters\": [{\"filter\": \"trace\", \"on_failure\": \"hold\", \"params\": {}}]}",
	     true, MODEL_NON_COMPLIANT, "entries is 'not set'"},
	    {BY_DATASTORE, RUNS("hold", "7", "false"), true, MODEL_COMPLIANT, NULL},
	    {BY_DATASTORE, RUNS("hold", "8", "false"), true, MODEL_NON_COMPLIANT,
	     "entries is '8' and should be '7', by datastore fast"},
	    {BY_DATASTORE, EMPTY, true, MODEL_NON_COMPLIANT,
	     "filter trace (inspection, by datastore fast) is not attached"},
	    {BY_DATASTORE, NULL, true, MODEL_NOT_APPLICABLE, NULL},
	    {SECRET, ENCRYPTED("null"), true, MODEL_COMPLIANT, NULL},
	    {SECRET, ENCRYPTED("\"locked\""), true, MODEL_COMPLIANT, NULL},
	    {SECRET, ENCRYPTED("\"clear\""), true, MODEL_NON_COMPLIANT, "data is in clear"},
	    {WITHOUT, EMPTY, true, MODEL_NOT_APPLICABLE, NULL},
	    {WITHOUT, NULL, true, MODEL_NOT_APPLICABLE, NULL},
	    {WITHOUT, RUNS("hold", "7", "false"), true, MODEL_NON_COMPLIANT,
	     "filter trace runs, but the volume has no policy"},
	    {"{\"policy\": \"gold\", \"policy_version\": 1, \"newest_version\": 1, \"rules\": []}",
	     RUNS("hold", "7", "false"), true, MODEL_NON_COMPLIANT,
	     "filter trace runs, but policy gold does not name it"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		json_t *desired = json_loads(cases[i].desired, 0, NULL);
		json_t *running = cases[i].running ? json_loads(cases[i].running, 0, NULL) : NULL;
		json_t *causes = json_array();

		assert_non_null(desired);
		assert_int_equal(model_compliance(desired, running, cases[i].is_known, causes),
				 cases[i].status);
		assert_int_equal(json_array_size(causes), cases[i].says ? 1 : 0);
		if (cases[i].says)
			assert_non_null(
			    strstr(json_string_value(json_array_get(causes, 0)), cases[i].says));
		json_decref(desired);
		json_decref(running);
		json_decref(causes);
	}
}

static void causes_are_added_to_those_there(void **state)
{
	json_t *desired = json_loads(WITH("2", "2"), 0, NULL);
	json_t *running = json_loads(RUNS("hold", "7", "false"), 0, NULL);
	json_t *causes = json_pack("[s]", "datastore full");

	assert_int_equal(model_compliance(desired, running, true, causes), MODEL_COMPLIANT);
	assert_int_equal(json_array_size(causes), 1);
	json_decref(desired);
	json_decref(running);
	json_decref(causes);
}

static void words_are_the_database_s(void **state)
{
	assert_string_equal(model_status_word(MODEL_COMPLIANT), "compliant");
	assert_string_equal(model_status_word(MODEL_NON_COMPLIANT), "non_compliant");
	assert_string_equal(model_status_word(MODEL_UNKNOWN), "unknown");
	assert_string_equal(model_status_word(MODEL_NOT_APPLICABLE), "not_applicable");
	assert_string_equal(model_status_word(MODEL_OUT_OF_DATE), "out_of_date");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(status_and_causes_follow_from_what_runs),
	    cmocka_unit_test(causes_are_added_to_those_there),
	    cmocka_unit_test(words_are_the_database_s),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
