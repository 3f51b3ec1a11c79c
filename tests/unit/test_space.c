/* SPDX-License-Identifier: MIT */
/* How full a datastore is: asked on a helper thread, never in the way of an end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "fake_env.h"
#include "space.h"

static uint32_t stopped;

static void on_warn(void *ctx, uint32_t used_pct) {}

static void on_stopped(void *ctx)
{
	stopped++;
}

static void percent_is_rounded_up_and_nothing_is_zero(void **state)
{
	assert_int_equal(space_used_pct(0, 0), 0);
	assert_int_equal(space_used_pct(0, 1ull << 40), 0);
	assert_int_equal(space_used_pct(1ull << 30, 999ull << 30), 1);
	assert_int_equal(space_used_pct(801ull << 30, 199ull << 30), 81);
	assert_int_equal(space_used_pct(1ull << 60, 0), 100);
}

static void answer_is_there_after_the_helper_and_is_asked_for_again(void **state)
{
	struct fake_env fe;
	struct space s = {.path = "/", .warn = on_warn};
	uint64_t used = 1, available = 1;

	fake_env_init(&fe, 1);
	s.env = &fe.env;
	space_start(&s);
	space_get(&s, &used, &available);
	assert_int_equal(used + available, 0);
	assert_true(fake_env_run_work(&fe));
	fake_env_settle(&fe);
	space_get(&s, &used, &available);
	assert_true(used + available > 0);
	assert_false(fake_env_run_work(&fe));
	fake_env_advance(&fe, SPACE_PERIOD_MS * 1000000ull);
	assert_true(fake_env_run_work(&fe));
	fake_env_settle(&fe);
	stopped = 0;
	space_stop(&s, on_stopped);
	assert_int_equal(stopped, 1);
	fake_env_advance(&fe, 2 * SPACE_PERIOD_MS * 1000000ull);
	assert_false(fake_env_run_work(&fe));
	fake_env_fini(&fe);
}

static void stop_waits_for_a_question_that_is_still_out(void **state)
{
	struct fake_env fe;
	struct space s = {.path = "/", .warn = on_warn};

	fake_env_init(&fe, 1);
	s.env = &fe.env;
	stopped = 0;
	space_start(&s);
	space_stop(&s, on_stopped);
	fake_env_settle(&fe);
	assert_int_equal(stopped, 0);
	fake_env_run_work(&fe);
	fake_env_settle(&fe);
	assert_int_equal(stopped, 1);
	fake_env_fini(&fe);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(percent_is_rounded_up_and_nothing_is_zero),
	    cmocka_unit_test(answer_is_there_after_the_helper_and_is_asked_for_again),
	    cmocka_unit_test(stop_waits_for_a_question_that_is_still_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
