/* SPDX-License-Identifier: MIT */
/* A group has the parameters of its datastore: when it is made, and when they change under I/O. */
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

static void it_is_made_with_what_was_set_before(void **state)
{
	assert_string_equal(group_rig_level(&g), "7");
	group_rig_set(&g, "9");
	assert_string_equal(group_rig_level(&g), "9");
	rig_expect(&g.rig, "");
	group_rig_attach(&g, 1);
	rig_expect(&g.rig, "create9 attach1 ");
}

static void a_change_comes_in_two_steps(void **state)
{
	group_rig_attach(&g, 1);
	group_rig_attach(&g, 2);
	g.rig.log[0] = '\0';
	assert_int_equal(group_rig_prepare(&g, "8"), 0);
	rig_expect(&g.rig, "prepare8 ");
	assert_string_equal(group_rig_level(&g), "7");
	groups_commit(g.groups, &g.ops);
	rig_expect(&g.rig, "commit8 ");
	assert_string_equal(group_rig_level(&g), "8");
}

static void an_abort_leaves_what_was(void **state)
{
	group_rig_set(&g, "9");
	group_rig_attach(&g, 1);
	g.rig.log[0] = '\0';
	assert_int_equal(group_rig_prepare(&g, "8"), 0);
	groups_abort(g.groups, &g.ops);
	rig_expect(&g.rig, "prepare8 abort8 ");
	assert_string_equal(group_rig_level(&g), "9");
}

static void an_abort_before_it_is_made_changes_nothing(void **state)
{
	assert_int_equal(group_rig_prepare(&g, "8"), 0);
	groups_abort(g.groups, &g.ops);
	group_rig_attach(&g, 1);
	rig_expect(&g.rig, "create7 attach1 ");
}

static void what_is_not_named_gets_its_default(void **state)
{
	group_rig_set(&g, "9");
	group_rig_set(&g, NULL);
	assert_string_equal(group_rig_level(&g), "7");
}

static void its_refusal_changes_nothing(void **state)
{
	group_rig_attach(&g, 1);
	g.rig.log[0] = '\0';
	g.prepare_result = -EBUSY;
	assert_int_equal(group_rig_prepare(&g, "8"), -EBUSY);
	rig_expect(&g.rig, "prepare8 ");
	assert_string_equal(g.err.field, "level");
	assert_string_equal(
	    g.err.text,
	    "filter 'G' refuses the new values of datastore 'ds1': this level is too high");
	assert_string_equal(group_rig_level(&g), "7");
	g.prepare_result = 0;
	group_rig_set(&g, "6");
	rig_expect(&g.rig, "prepare6 commit6 ");
}

static void wrong_text_is_refused_with_a_sentence(void **state)
{
	const char *names[] = {"colour"}, *values[] = {"red"};

	assert_int_equal(group_rig_prepare(&g, "101"), -ERANGE);
	assert_string_equal(g.err.field, "level");
	assert_string_equal(g.err.text, "level: 101 is outside 0 to 100");
	assert_int_equal(groups_prepare(g.groups, &g.ops, names, values, 1, &g.err), -EINVAL);
	assert_string_equal(g.err.text,
			    "filter 'G' has no parameter 'colour'; it has level, label");
	rig_expect(&g.rig, "");
}

static void a_filter_without_a_group_takes_none(void **state)
{
	static const struct sluice_filter_ops bare = {.name = "bare"};

	assert_int_equal(groups_prepare(g.groups, &bare, NULL, NULL, 0, &g.err), -EINVAL);
	assert_non_null(strstr(g.err.text, "filter 'bare' shares nothing on a datastore"));
	assert_false(groups_is_active(g.groups, &bare));
}

static void they_outlive_the_group(void **state)
{
	group_rig_attach(&g, 1);
	group_rig_set(&g, "5");
	group_rig_detach(&g, 1);
	g.rig.log[0] = '\0';
	group_rig_attach(&g, 2);
	rig_expect(&g.rig, "create5 attach2 ");
}

static void a_group_that_ends_in_between_is_told_to_abort(void **state)
{
	group_rig_attach(&g, 1);
	g.rig.log[0] = '\0';
	assert_int_equal(group_rig_prepare(&g, "8"), 0);
	group_rig_detach(&g, 1);
	groups_commit(g.groups, &g.ops);
	rig_expect(&g.rig, "prepare8 detach1 abort8 destroy ");
	group_rig_attach(&g, 1);
	rig_expect(&g.rig, "create8 attach1 ");
}

static void a_group_that_begins_in_between_is_asked_at_the_end(void **state)
{
	assert_int_equal(group_rig_prepare(&g, "8"), 0);
	group_rig_attach(&g, 1);
	rig_expect(&g.rig, "create7 attach1 ");
	groups_commit(g.groups, &g.ops);
	rig_expect(&g.rig, "prepare8 commit8 ");
	assert_string_equal(group_rig_level(&g), "8");
}

static void a_group_that_began_in_between_and_refuses_says_so(void **state)
{
	assert_int_equal(group_rig_prepare(&g, "8"), 0);
	group_rig_attach(&g, 1);
	g.prepare_result = -EBUSY;
	groups_commit(g.groups, &g.ops);
	rig_expect(&g.rig, "create7 attach1 prepare8 ");
	rig_expect_report(&g.rig, "group_refused", "G");
	assert_string_equal(group_rig_level(&g), "7");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(it_is_made_with_what_was_set_before, open_rig,
					    close_rig),
	    cmocka_unit_test_setup_teardown(a_change_comes_in_two_steps, open_rig, close_rig),
	    cmocka_unit_test_setup_teardown(an_abort_leaves_what_was, open_rig, close_rig),
	    cmocka_unit_test_setup_teardown(an_abort_before_it_is_made_changes_nothing, open_rig,
					    close_rig),
	    cmocka_unit_test_setup_teardown(what_is_not_named_gets_its_default, open_rig,
					    close_rig),
	    cmocka_unit_test_setup_teardown(its_refusal_changes_nothing, open_rig, close_rig),
	    cmocka_unit_test_setup_teardown(wrong_text_is_refused_with_a_sentence, open_rig,
					    close_rig),
	    cmocka_unit_test_setup_teardown(a_filter_without_a_group_takes_none, open_rig,
					    close_rig),
	    cmocka_unit_test_setup_teardown(they_outlive_the_group, open_rig, close_rig),
	    cmocka_unit_test_setup_teardown(a_group_that_ends_in_between_is_told_to_abort, open_rig,
					    close_rig),
	    cmocka_unit_test_setup_teardown(a_group_that_begins_in_between_is_asked_at_the_end,
					    open_rig, close_rig),
	    cmocka_unit_test_setup_teardown(a_group_that_began_in_between_and_refuses_says_so,
					    open_rig, close_rig),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
