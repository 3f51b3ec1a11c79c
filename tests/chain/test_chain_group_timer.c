/* SPDX-License-Identifier: MIT */
/* A group's timers fire whoever is attached, and none is left when it ends. */
#include <errno.h>
#include <string.h>

#include "group_rig.h"

static struct group_rig g;

static int open_rig(void **state)
{
	group_rig_open(&g);
	return 0;
}

static int close_rig(void **state)
{
	group_rig_close(&g);
	return 0;
}

static int fired;

static void count(struct sluice_timer *t)
{
	fired++;
	assert_string_equal(g.rig.blame, "G");
}

static void let_all_go(struct sluice_timer *t)
{
	for (uint32_t i = 0; i < g.held_count; i++)
		sluice_resume(g.held[i]);
	g.held_count = 0;
	rig_log(&g.rig, "tick ");
}

static void set(void (*fn)(struct sluice_timer *t), uint64_t after_ns)
{
	fired = 0;
	g.timer.fn = fn;
	sluice_group_timer_set(g.group, &g.timer, sluice_group_now_ns(g.group) + after_ns);
}

static void it_fires_once_at_its_time(void **state)
{
	group_rig_attach(&g, 1);
	set(count, 2 * MS);
	fake_env_advance(&g.rig.fe, MS);
	assert_int_equal(fired, 0);
	fake_env_advance(&g.rig.fe, 10 * MS);
	assert_int_equal(fired, 1);
}

static void it_is_moved_and_cancelled(void **state)
{
	group_rig_attach(&g, 1);
	set(count, 2 * MS);
	set(count, 20 * MS);
	fake_env_advance(&g.rig.fe, 10 * MS);
	assert_int_equal(fired, 0);
	sluice_group_timer_cancel(g.group, &g.timer);
	sluice_group_timer_cancel(g.group, &g.timer);
	fake_env_advance(&g.rig.fe, 100 * MS);
	assert_int_equal(fired, 0);
}

static void it_outlives_the_filter_in_whose_call_it_was_set(void **state)
{
	group_rig_attach(&g, 1);
	set(count, 5 * MS);
	group_rig_attach(&g, 2);
	group_rig_detach(&g, 1);
	fake_env_advance(&g.rig.fe, 10 * MS);
	assert_int_equal(fired, 1);
}

static void it_never_fires_after_the_last_detach(void **state)
{
	group_rig_attach(&g, 1);
	set(count, 5 * MS);
	group_rig_detach(&g, 1);
	assert_int_equal(g.rig.fe.timer_count, 0);
	fake_env_advance(&g.rig.fe, 10 * MS);
	assert_int_equal(fired, 0);
	rig_expect_quiet(&g.rig);
	group_rig_attach(&g, 1); /* the same memory, another group */
	set(count, 5 * MS);
	fake_env_advance(&g.rig.fe, 10 * MS);
	assert_int_equal(fired, 1);
}

static void it_moves_the_io_of_every_volume(void **state)
{
	g.defers = true;
	group_rig_attach(&g, 1);
	group_rig_attach(&g, 2);
	g.rig.log[0] = '\0';
	set(let_all_go, MS);
	group_rig_go(&g, 1);
	group_rig_go(&g, 2);
	group_rig_go(&g, 1);
	rig_expect(&g.rig, "1>2>1>");
	fake_env_advance(&g.rig.fe, MS);
	rig_expect(&g.rig, "tick =1<! =1<! =2<! ");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(it_fires_once_at_its_time, open_rig, close_rig),
	    cmocka_unit_test_setup_teardown(it_is_moved_and_cancelled, open_rig, close_rig),
	    cmocka_unit_test_setup_teardown(it_outlives_the_filter_in_whose_call_it_was_set,
					    open_rig, close_rig),
	    cmocka_unit_test_setup_teardown(it_never_fires_after_the_last_detach, open_rig,
					    close_rig),
	    cmocka_unit_test_setup_teardown(it_moves_the_io_of_every_volume, open_rig, close_rig),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
