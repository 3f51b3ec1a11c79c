/* SPDX-License-Identifier: MIT */
/* Changes that end together share one save of the plan, and none is told before it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "errand.h"
#include "loop.h"

static struct shared shared;
static struct manager m;
static struct errand *comes_while_saving;
static uint32_t saves, told, told_at_save, events;
static int result_of_save, last_result;

/* ---------------------------------------------------------------- what stands around it */

static void back(struct errand *j)
{
	told++;
	last_result = j->result;
}

int plan_save(const char *folder, struct plan *p, struct err *err)
{
	struct errand *j = comes_while_saving;

	saves++;
	told_at_save = told;
	comes_while_saving = NULL;
	if (j)
		manager_write_plan_then(j, back);
	return result_of_save ? err_set(err, -result_of_save, "", "the disk is full") : 0;
}

void plan_filter_fini(struct plan_filter *f) {}
void manager_beat_blocking(struct shared_beat *b, bool begins) {}
void manager_event(struct manager *mgr, const char *volume, const char *filter, const char *kind,
		   const char *text)
{
	events++;
}

static int set_up(void **state)
{
	struct err err;

	memset(&m, 0, sizeof(m));
	m.shared = &shared;
	m.plan_folder = "plan";
	assert_int_equal(loop_create(&m.loop, &err), 0);
	manager_save_init(&m);
	comes_while_saving = NULL;
	saves = told = told_at_save = events = 0;
	result_of_save = last_result = 0;
	return 0;
}

static int tear_down(void **state)
{
	loop_free(m.loop);
	return 0;
}

static struct errand *errand(void)
{
	struct errand *j = calloc(1, sizeof(*j));

	assert_non_null(j);
	j->manager = &m;
	j->fd = -1;
	j->home.ctx = j;
	return j;
}

static void turns(void)
{
	for (int i = 0; i < 4; i++)
		loop_turn(m.loop, 0);
}

/* ---------------------------------------------------------------- cases */

static void what_ends_together_shares_one_save(void **state)
{
	for (int i = 0; i < 100; i++)
		manager_write_plan_then(errand(), back);
	assert_int_equal(saves, 0);
	assert_int_equal(told, 0);
	turns();
	assert_int_equal(saves, 1);
	assert_int_equal(told_at_save, 0);
	assert_int_equal(told, 100);
}

/* Its change may not be in the text that is being written. */
static void what_comes_while_a_save_runs_gets_a_later_one(void **state)
{
	comes_while_saving = errand();
	manager_write_plan_then(errand(), back);
	turns();
	assert_int_equal(saves, 2);
	assert_int_equal(told_at_save, 1);
	assert_int_equal(told, 2);
}

static void asks_again(struct errand *j)
{
	told++;
	manager_write_plan_then(j, back);
}

static void who_asks_again_from_its_back_gets_a_save_of_its_own(void **state)
{
	manager_write_plan_then(errand(), asks_again);
	manager_write_plan_then(errand(), back);
	turns();
	assert_int_equal(saves, 2);
	assert_int_equal(told_at_save, 2);
	assert_int_equal(told, 3);
}

static void all_hear_that_the_save_they_shared_failed(void **state)
{
	result_of_save = -ENOSPC;
	manager_write_plan_then(errand(), back);
	manager_write_plan_then(errand(), back);
	turns();
	assert_int_equal(saves, 1);
	assert_int_equal(told, 2);
	assert_int_equal(last_result, -ENOSPC);
	result_of_save = 0;
	manager_write_plan_then(errand(), back);
	turns();
	assert_int_equal(last_result, 0);
	assert_int_equal(saves, 2);
}

/* Another object's file cannot be written. */
static void who_is_saved_hears_so_whatever_else_is_not(void **state)
{
	struct plan_volume plan = {.is_changed = false};
	struct mvolume mv = {.plan = &plan};
	struct errand *j = errand();

	result_of_save = -ENOSPC;
	last_result = -EINPROGRESS;
	j->mv = &mv;
	manager_write_plan_then(j, back);
	turns();
	assert_int_equal(last_result, 0);
	plan.is_changed = true;
	j = errand();
	j->mv = &mv;
	manager_write_plan_then(j, back);
	turns();
	assert_int_equal(last_result, -ENOSPC);
}

int main(void)
{
#define TEST(t) cmocka_unit_test_setup_teardown(t, set_up, tear_down)
	const struct CMUnitTest tests[] = {
	    TEST(what_ends_together_shares_one_save),
	    TEST(what_comes_while_a_save_runs_gets_a_later_one),
	    TEST(who_asks_again_from_its_back_gets_a_save_of_its_own),
	    TEST(all_hear_that_the_save_they_shared_failed),
	    TEST(who_is_saved_hears_so_whatever_else_is_not),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
