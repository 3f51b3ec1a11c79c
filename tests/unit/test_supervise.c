/* SPDX-License-Identifier: MIT */
/* The watching parent's decisions, on a virtual clock. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <string.h>

#include "supervise.h"

#define MS 1000000ull

struct clock {
	uint64_t now_ns;
	struct supervise s;
	struct supervise_beats b;
};

static void beat_all(struct clock *c)
{
	for (uint32_t i = 0; i < c->b.count; i++)
		c->b.beats[i]++;
}

/* Steps of the parent's own period until something is to be done. */
static enum supervise_action run(struct clock *c, uint64_t for_ms, bool is_beating, uint32_t *hung)
{
	uint64_t end_ns = c->now_ns + for_ms * MS;
	enum supervise_action a;

	for (;;) {
		uint32_t wait_ms = supervise_wait_ms(&c->s, c->now_ns);

		a = supervise_next(&c->s, c->now_ns, &c->b, hung);
		if (a != SUPERVISE_NOTHING || c->now_ns >= end_ns)
			return a;
		c->now_ns += (wait_ms ? wait_ms : 1) * MS;
		if (is_beating)
			beat_all(c);
	}
}

static struct clock running(void)
{
	struct clock c = {.now_ns = 5000 * MS, .b = {.count = 3}};
	uint32_t hung;

	supervise_init(&c.s, c.now_ns);
	assert_int_equal(run(&c, 0, false, &hung), SUPERVISE_START);
	supervise_started(&c.s, c.now_ns);
	return c;
}

static void a_child_that_beats_is_left_alone(void **state)
{
	struct clock c = running();
	uint32_t hung;

	assert_int_equal(run(&c, 3600 * 1000, true, &hung), SUPERVISE_NOTHING);
}

static void killed_child_is_started_again_at_once(void **state)
{
	struct clock c = running();
	uint64_t died_ns;
	uint32_t hung;

	run(&c, 60000, true, &hung);
	died_ns = c.now_ns;
	assert_false(supervise_ended(&c.s, c.now_ns, SUPERVISE_CRASH, "", ""));
	assert_int_equal(run(&c, 1000, false, &hung), SUPERVISE_START);
	/* of the second that the ladder gives, all is left for opening the volumes */
	assert_true(c.now_ns - died_ns <= 10 * MS);
}

/* A campaign that kills by hand must not look like a crash loop. */
static void kills_from_outside_never_back_off(void **state)
{
	struct clock c = running();
	uint32_t hung;

	for (int i = 0; i < 100; i++) {
		uint64_t died_ns;

		run(&c, 500, true, &hung);
		died_ns = c.now_ns;
		assert_false(supervise_ended(&c.s, c.now_ns, SUPERVISE_OUTSIDE, "", ""));
		assert_int_equal(run(&c, 1000, false, &hung), SUPERVISE_START);
		assert_true(c.now_ns - died_ns <= 1 * MS);
		supervise_started(&c.s, c.now_ns);
	}
}

static void child_that_is_killed_from_outside_is_no_crash_loop(void **state)
{
	struct clock c = running();
	uint64_t start_ns;
	uint32_t hung;

	for (int i = 0; i < 50; i++) {
		start_ns = c.now_ns;
		supervise_ended(&c.s, c.now_ns, SUPERVISE_OUTSIDE, "", "");
		assert_int_equal(run(&c, 1000, false, &hung), SUPERVISE_START);
		assert_true(c.now_ns - start_ns <= 2 * SUPERVISE_START_GAP_MS * MS);
		supervise_started(&c.s, c.now_ns);
	}
	assert_false(c.s.is_crash_loop);
}

static void hung_worker_is_named_killed_and_replaced_within_the_ladder(void **state)
{
	struct clock c = running();
	uint64_t hung_ns;
	uint32_t hung = 99;

	run(&c, 10000, true, &hung);
	hung_ns = c.now_ns;
	for (;;) { /* main and worker 1 go on, worker 0 does not */
		enum supervise_action a = supervise_next(&c.s, c.now_ns, &c.b, &hung);

		if (a == SUPERVISE_KILL)
			break;
		assert_int_equal(a, SUPERVISE_NOTHING);
		c.now_ns += SUPERVISE_CHECK_MS * MS;
		c.b.beats[0]++;
		c.b.beats[2]++;
	}
	assert_int_equal(hung, 1);
	assert_true(c.now_ns - hung_ns >= 2000 * MS);
	supervise_killed(&c.s, c.now_ns);
	/* even if the kernel does not let the old one go */
	assert_int_equal(run(&c, 5000, false, &hung), SUPERVISE_GIVE_UP);
	supervise_ended(&c.s, c.now_ns, SUPERVISE_CRASH, "", "");
	assert_int_equal(run(&c, 5000, false, &hung), SUPERVISE_START);
	/* 5 s in all, of which 1 s is for the new child */
	assert_true(c.now_ns - hung_ns <= 4000 * MS);
}

static void thread_that_says_it_may_block_gets_more_time(void **state)
{
	struct clock c = running();
	uint32_t hung;

	c.b.is_blocking[2] = true;
	for (int i = 0; i < 100; i++) {
		assert_int_equal(supervise_next(&c.s, c.now_ns, &c.b, &hung), SUPERVISE_NOTHING);
		c.now_ns += 250 * MS;
		c.b.beats[0]++;
		c.b.beats[1]++;
	}
}

static void third_crash_within_30_s_backs_off_exponentially_up_to_10_s(void **state)
{
	struct clock c = running();
	uint64_t expected_ms = 100;
	uint32_t hung;

	for (int i = 0; i < 12; i++) {
		uint64_t died_ns = c.now_ns;

		supervise_ended(&c.s, c.now_ns, SUPERVISE_CRASH, "", "");
		assert_int_equal(run(&c, 20000, false, &hung), SUPERVISE_START);
		if (i < 2) {
			assert_true(c.now_ns - died_ns <= 1 * MS);
			assert_false(c.s.is_crash_loop);
		} else if (c.s.is_crash_loop) {
			assert_int_equal(c.now_ns - died_ns, expected_ms * MS);
			expected_ms = expected_ms * 2 > 10000 ? 10000 : expected_ms * 2;
		}
		supervise_started(&c.s, c.now_ns);
		c.now_ns += 10 * MS;
	}
	assert_true(expected_ms >= 6400);
}

static void crash_loop_is_over_after_half_a_quiet_minute(void **state)
{
	struct clock c = running();
	uint64_t died_ns;
	uint32_t hung;

	for (int i = 0; i < 5; i++) {
		supervise_ended(&c.s, c.now_ns, SUPERVISE_CRASH, "", "");
		run(&c, 20000, false, &hung);
		supervise_started(&c.s, c.now_ns);
	}
	assert_true(c.s.is_crash_loop);
	run(&c, 31000, true, &hung);
	died_ns = c.now_ns;
	supervise_ended(&c.s, c.now_ns, SUPERVISE_CRASH, "", "");
	assert_false(c.s.is_crash_loop);
	assert_int_equal(run(&c, 1000, false, &hung), SUPERVISE_START);
	assert_true(c.now_ns - died_ns <= 1 * MS);
}

static void filter_blamed_for_three_crashes_within_a_minute_is_quarantined(void **state)
{
	struct clock c = running();
	uint64_t died_ns;
	uint32_t hung;

	for (int i = 0; i < 3; i++) {
		bool must = supervise_ended(&c.s, c.now_ns, SUPERVISE_CRASH, "vm1", "bad");

		assert_int_equal(must, i == 2);
		died_ns = c.now_ns;
		assert_int_equal(run(&c, 20000, false, &hung), SUPERVISE_START);
		/* the others come up at once, also after the third */
		assert_true(c.now_ns - died_ns <= 1 * MS);
		supervise_started(&c.s, c.now_ns);
		run(&c, 10000, true, &hung);
	}
	/* opened again by hand: it has three chances more */
	assert_false(supervise_ended(&c.s, c.now_ns, SUPERVISE_CRASH, "vm1", "bad"));
}

static void blames_of_different_filters_or_long_apart_do_not_add_up(void **state)
{
	struct clock c = running();

	assert_false(supervise_ended(&c.s, c.now_ns, SUPERVISE_CRASH, "vm1", "bad"));
	c.now_ns += 1000 * MS;
	assert_false(supervise_ended(&c.s, c.now_ns, SUPERVISE_CRASH, "vm1", "other"));
	c.now_ns += 1000 * MS;
	assert_false(supervise_ended(&c.s, c.now_ns, SUPERVISE_CRASH, "vm2", "bad"));
	c.now_ns += 1000 * MS;
	assert_false(supervise_ended(&c.s, c.now_ns, SUPERVISE_CRASH, "vm1", "bad"));
	c.now_ns += 61000 * MS;
	assert_false(supervise_ended(&c.s, c.now_ns, SUPERVISE_CRASH, "vm1", "bad"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_child_that_beats_is_left_alone),
	    cmocka_unit_test(killed_child_is_started_again_at_once),
	    cmocka_unit_test(kills_from_outside_never_back_off),
	    cmocka_unit_test(child_that_is_killed_from_outside_is_no_crash_loop),
	    cmocka_unit_test(hung_worker_is_named_killed_and_replaced_within_the_ladder),
	    cmocka_unit_test(thread_that_says_it_may_block_gets_more_time),
	    cmocka_unit_test(third_crash_within_30_s_backs_off_exponentially_up_to_10_s),
	    cmocka_unit_test(crash_loop_is_over_after_half_a_quiet_minute),
	    cmocka_unit_test(filter_blamed_for_three_crashes_within_a_minute_is_quarantined),
	    cmocka_unit_test(blames_of_different_filters_or_long_apart_do_not_add_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
