/* SPDX-License-Identifier: MIT */
/* One volume's filter resumes what another's holds: the volumes take turns, the stack stays flat.
 */
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

static void hold_one_each(void)
{
	g.defers = true;
	for (uint32_t i = 1; i < GROUP_RIG_VOLUMES; i++)
		group_rig_attach(&g, i);
	g.rig.log[0] = '\0';
	for (uint32_t i = 1; i < GROUP_RIG_VOLUMES; i++)
		group_rig_go(&g, i);
	rig_expect(&g.rig, "1>2>3>");
}

static void resume_next(struct group_rig *rig, struct sluice_filter *f)
{
	group_rig_resume_first(&g);
}

static void each_end_lets_the_next_volume_go(void **state)
{
	hold_one_each();
	g.on_done = resume_next;
	resume_next(&g, NULL);
	/* Nested, it would be "=1<=2<=3<! ! ! ". */
	rig_expect(&g.rig, "=1<! =2<! =3<! ");
}

static void an_io_that_is_sent_from_another_ones_end_goes_after_it(void **state)
{
	hold_one_each();
	sluice_resume(g.held[2]);
	sluice_resume(g.held[0]);
	rig_expect(&g.rig, "=3<! =1<! ");
	sluice_resume(g.held[1]);
	rig_expect(&g.rig, "=2<! ");
	g.held_count = 0;
}

static void a_volume_that_drains_gets_what_another_one_lets_go(void **state)
{
	hold_one_each();
	g.on_done = resume_next;
	chain_drain(g.volumes[2], rig_control_done, &g.rig);
	fake_env_settle(&g.rig.fe); /* its drain() resumes all that is held, of every volume */
	rig_expect(&g.rig, "=2<! =1<! =3<! ");
	assert_int_equal(g.rig.result, 0);
	assert_int_equal(chain_in_flight(g.volumes[2]), 0);
	chain_release(g.volumes[2]);
}

static void hundreds_alternate_without_a_deep_stack(void **state)
{
	g.defers = true;
	group_rig_attach(&g, 1);
	group_rig_attach(&g, 2);
	for (uint32_t i = 0; i < 60; i++)
		group_rig_go(&g, 1 + i % 2);
	g.rig.log[0] = '\0';
	g.on_done = resume_next;
	resume_next(&g, NULL);
	assert_int_equal(g.held_count, 0);
	assert_int_equal(chain_in_flight(g.volumes[1]), 0);
	assert_int_equal(chain_in_flight(g.volumes[2]), 0);
	assert_null(strstr(g.rig.log, "! ! "));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(each_end_lets_the_next_volume_go, open_rig, close_rig),
	    cmocka_unit_test_setup_teardown(an_io_that_is_sent_from_another_ones_end_goes_after_it,
					    open_rig, close_rig),
	    cmocka_unit_test_setup_teardown(a_volume_that_drains_gets_what_another_one_lets_go,
					    open_rig, close_rig),
	    cmocka_unit_test_setup_teardown(hundreds_alternate_without_a_deep_stack, open_rig,
					    close_rig),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
