/* SPDX-License-Identifier: MIT */
/* An alert begins and ends once: margins in value and time keep it from flapping. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <math.h>

#include "model.h"

struct sample {
	uint64_t at_s;
	double value;
	enum model_level level; /* afterwards */
	bool is_change;
};

static void run(const struct model_alert_rule *r, const struct sample *s, size_t count)
{
	struct model_alert a = {0};

	for (size_t i = 0; i < count; i++) {
		bool is_change = model_alert_step(&a, r, s[i].value, s[i].at_s * 1000);

		if (a.level != s[i].level || is_change != s[i].is_change)
			fail_msg("at %llu s the level is %d (changed: %d)",
				 (unsigned long long)s[i].at_s, a.level, is_change);
	}
}
#define RUN(r, s) run(&(r), (s), sizeof(s) / sizeof((s)[0]))

static void a_value_near_the_threshold_does_not_flap(void **state)
{
	const struct model_alert_rule r = {.warning = 80, .error = 90, .clear_margin_pct = 5};
	const struct sample s[] = {
	    {0, 79, MODEL_LEVEL_OK, false},      {1, 80, MODEL_LEVEL_WARNING, true},
	    {2, 79, MODEL_LEVEL_WARNING, false}, {3, 80, MODEL_LEVEL_WARNING, false},
	    {4, 76, MODEL_LEVEL_WARNING, false}, /* 80 less 5 % */
	    {5, 75.9, MODEL_LEVEL_OK, true},     {6, 90, MODEL_LEVEL_ERROR, true},
	    {7, 86, MODEL_LEVEL_ERROR, false},   {8, 85, MODEL_LEVEL_WARNING, true},
	    {9, 86, MODEL_LEVEL_WARNING, false}, {10, 0, MODEL_LEVEL_OK, true},
	};

	RUN(r, s);
}

static void it_begins_and_ends_after_its_times(void **state)
{
	const struct model_alert_rule r = {
	    .warning = 10, .error = 20, .raise_after_s = 10, .clear_after_s = 30};
	const struct sample s[] = {
	    {0, 11, MODEL_LEVEL_OK, false},
	    {9, 11, MODEL_LEVEL_OK, false},
	    {9, 9, MODEL_LEVEL_OK, false}, /* began anew */
	    {10, 11, MODEL_LEVEL_OK, false},
	    {19, 21, MODEL_LEVEL_OK, false}, /* worse: still counted from 10 */
	    {20, 11, MODEL_LEVEL_WARNING, true},
	    {21, 21, MODEL_LEVEL_WARNING, false},
	    {31, 21, MODEL_LEVEL_ERROR, true},
	    {32, 0, MODEL_LEVEL_ERROR, false},
	    {61, 11, MODEL_LEVEL_ERROR, false},
	    {62, 0, MODEL_LEVEL_OK, true},
	};

	RUN(r, s);
}

static void a_clock_that_is_set_back_delays_it_by_its_time_only(void **state)
{
	const struct model_alert_rule r = {.warning = 10, .error = 20, .raise_after_s = 10};
	const struct sample s[] = {
	    {1000000, 11, MODEL_LEVEL_OK, false},
	    {5, 11, MODEL_LEVEL_OK, false},
	    {15, 11, MODEL_LEVEL_WARNING, true},
	};

	RUN(r, s);
}

static void a_threshold_that_is_not_a_number_is_never_reached(void **state)
{
	const struct model_alert_rule only_warning = {.warning = 1, .error = NAN};
	const struct model_alert_rule only_error = {.warning = NAN, .error = 5};
	const struct sample w[] = {{0, 1e9, MODEL_LEVEL_WARNING, true},
				   {1, 0, MODEL_LEVEL_OK, true}};
	const struct sample e[] = {{0, 4, MODEL_LEVEL_OK, false},
				   {1, 5, MODEL_LEVEL_ERROR, true},
				   {2, 4, MODEL_LEVEL_OK, true}};

	RUN(only_warning, w);
	RUN(only_error, e);
}

static void without_a_measurement_nothing_changes(void **state)
{
	const struct model_alert_rule r = {.warning = 1, .error = 2, .raise_after_s = 2};
	const struct sample s[] = {{0, 3, MODEL_LEVEL_OK, false},
				   {1, NAN, MODEL_LEVEL_OK, false},
				   {2, 3, MODEL_LEVEL_ERROR, true},
				   {3, NAN, MODEL_LEVEL_ERROR, false}};

	RUN(r, s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_value_near_the_threshold_does_not_flap),
	    cmocka_unit_test(it_begins_and_ends_after_its_times),
	    cmocka_unit_test(a_clock_that_is_set_back_delays_it_by_its_time_only),
	    cmocka_unit_test(a_threshold_that_is_not_a_number_is_never_reached),
	    cmocka_unit_test(without_a_measurement_nothing_changes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
