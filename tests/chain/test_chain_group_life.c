/* SPDX-License-Identifier: MIT */
/* A group is made before its first filter is attached and ends after its last was detached. */
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

static void it_lives_from_the_first_attach_to_the_last_detach(void **state)
{
	group_rig_attach(&g, 1);
	rig_expect(&g.rig, "create7 attach1 ");
	group_rig_attach(&g, 2);
	rig_expect(&g.rig, "attach2 ");
	assert_true(groups_is_active(g.groups, &g.ops));
	group_rig_detach(&g, 1);
	rig_expect(&g.rig, "detach1 ");
	group_rig_detach(&g, 2);
	rig_expect(&g.rig, "detach2 destroy ");
	assert_false(groups_is_active(g.groups, &g.ops));
	group_rig_attach(&g, 3);
	rig_expect(&g.rig, "create7 attach3 ");
}

static void volumes_of_one_datastore_share_it(void **state)
{
	group_rig_attach(&g, 1);
	group_rig_attach(&g, 2);
	assert_ptr_equal(sluice_group(g.filters[1]), sluice_group(g.filters[2]));
	assert_string_equal(sluice_group_datastore(sluice_group(g.filters[1])), "ds1");
}

static void a_volume_without_a_datastore_has_its_own(void **state)
{
	group_rig_attach(&g, 1);
	group_rig_attach(&g, 0);
	rig_expect(&g.rig, "create7 attach1 create7 attach0 ");
	assert_ptr_not_equal(sluice_group(g.filters[0]), sluice_group(g.filters[1]));
	group_rig_detach(&g, 0);
	rig_expect(&g.rig, "detach0 destroy ");
	assert_true(groups_is_active(g.groups, &g.ops));
	assert_ptr_equal(sluice_group_state(sluice_group(g.filters[1])), &g);
}

static void its_refusal_leaves_the_volume_as_it_was(void **state)
{
	g.create_result = -ENOMEM;
	assert_int_equal(group_rig_try_attach(&g, 1), -ENOMEM);
	rig_expect(&g.rig, "create7 ");
	assert_string_equal(g.err.text,
			    "filter 'G' refuses to begin on datastore 'ds1': there is no room");
	assert_int_equal(chain_filter_count(g.volumes[1]), 0);
	assert_false(groups_is_active(g.groups, &g.ops));
	g.create_result = 0;
	group_rig_attach(&g, 1);
	rig_expect(&g.rig, "create7 attach1 ");
}

static void it_ends_when_its_first_filter_refuses(void **state)
{
	g.attach_result = -EINVAL;
	assert_int_equal(group_rig_try_attach(&g, 1), -EINVAL);
	rig_expect(&g.rig, "create7 destroy ");
	assert_false(groups_is_active(g.groups, &g.ops));
}

static void it_outlives_the_change_of_a_filter_that_is_replaced(void **state)
{
	struct chain_filter_cfg cfg = {.ops = &g.ops};

	group_rig_attach(&g, 1);
	chain_reconfigure(g.volumes[1], &cfg, rig_control_done, &g.rig);
	fake_env_settle(&g.rig.fe);
	rig_expect(&g.rig, "create7 attach1 attach1 detach1 ");
}

static void all_filters_of_a_closed_volume_leave_it(void **state)
{
	group_rig_attach(&g, 1);
	group_rig_attach(&g, 2);
	chain_drain(g.volumes[1], rig_control_done, &g.rig);
	fake_env_settle(&g.rig.fe);
	chain_detach_all(g.volumes[1]);
	rig_expect(&g.rig, "create7 attach1 attach2 detach1 ");
	chain_release(g.volumes[1]);
}

static void it_is_named_by_its_own_figures(void **state)
{
	char json[64];
	size_t n;

	assert_int_equal(groups_status(g.groups, &g.ops, json, sizeof(json)), 2);
	assert_string_equal(json, "{}");
	group_rig_attach(&g, 1);
	n = groups_status(g.groups, &g.ops, json, sizeof(json));
	assert_int_equal(n, strlen(json));
	assert_string_equal(json, "{\"datastore\": \"ds1\"}");
	assert_int_equal(groups_status(g.groups, &g.ops, json, 6), 5);
}

static void what_it_reports_is_about_the_datastore(void **state)
{
	group_rig_attach(&g, 1);
	sluice_group_report(sluice_group(g.filters[1]), "busy", "%d of %d", 3, 4);
	assert_int_equal(g.rig.reports, 0); /* by a message */
	rig_expect_report(&g.rig, "busy", "G");
	assert_string_equal(g.rig.report_text, "3 of 4");
}

static void what_it_reports_at_the_end_is_dropped(void **state)
{
	struct groups_cfg cfg = {.env = &g.rig.fe.env, .datastore = "ds2"};
	struct groups *other = g.groups;

	group_rig_attach(&g, 1);
	sluice_group_report(sluice_group(g.filters[1]), "busy", "the last words");
	group_rig_detach(&g, 1);
	rig_expect_report(&g.rig, "busy", "G"); /* the registry is still there */
	assert_int_equal(groups_create(&cfg, &g.groups, &g.err), 0);
	groups_free(g.groups);
	g.groups = other;
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(it_lives_from_the_first_attach_to_the_last_detach,
					    open_rig, close_rig),
	    cmocka_unit_test_setup_teardown(volumes_of_one_datastore_share_it, open_rig, close_rig),
	    cmocka_unit_test_setup_teardown(a_volume_without_a_datastore_has_its_own, open_rig,
					    close_rig),
	    cmocka_unit_test_setup_teardown(its_refusal_leaves_the_volume_as_it_was, open_rig,
					    close_rig),
	    cmocka_unit_test_setup_teardown(it_ends_when_its_first_filter_refuses, open_rig,
					    close_rig),
	    cmocka_unit_test_setup_teardown(it_outlives_the_change_of_a_filter_that_is_replaced,
					    open_rig, close_rig),
	    cmocka_unit_test_setup_teardown(all_filters_of_a_closed_volume_leave_it, open_rig,
					    close_rig),
	    cmocka_unit_test_setup_teardown(it_is_named_by_its_own_figures, open_rig, close_rig),
	    cmocka_unit_test_setup_teardown(what_it_reports_is_about_the_datastore, open_rig,
					    close_rig),
	    cmocka_unit_test_setup_teardown(what_it_reports_at_the_end_is_dropped, open_rig,
					    close_rig),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
