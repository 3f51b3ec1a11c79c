/* SPDX-License-Identifier: MIT */
/* A volume's filters when it is opened and deleted: what they may begin, refuse, and clean up. */
#include "keeping_rig.h"

#include <errno.h>
#include <string.h>

static void work_begun_in_attach_holds_up_no_open(void **state)
{
	works_in_attach = true;
	keeping_open(); /* another filter was attached after it */
	expect("");
	assert_true(fake_env_run_work(&fe));
	fake_env_settle(&fe);
	expect("work ");
	works_in_attach = false;
	keeping_close();
}

static void own_io_begun_at_the_start_goes_when_all_filters_are_there(void **state)
{
	owns_in_attach = true;
	rig_backend.is_holding = true;
	keeping_open();
	assert_int_equal(rig_backend.submits, 1);
	rig_backend_end();
	expect("own ");
	keeping_close();
}

static void a_refused_attach_keeps_the_volume_closed_with_its_sentence(void **state)
{
	struct answer a = {0};

	attach_result = -EMEDIUMTYPE;
	works_in_attach = true;
	volume_open(volume, keeping_done, &a);
	fake_env_settle(&fe);
	assert_int_equal(a.count, 0); /* its work has not ended */
	assert_true(fake_env_run_work(&fe));
	fake_env_settle(&fe);
	assert_int_equal(a.result, -EMEDIUMTYPE);
	assert_int_equal(volume_state(volume), VOLUME_FAILED);
	assert_non_null(strstr(volume_reason(volume), "its log belongs to another volume"));
	assert_int_equal(rig_backend.submits, 0);
	attach_result = 0;
}

/* ---------------------------------------------------------------- never without its data */

static int open_now(struct answer *a)
{
	memset(a, 0, sizeof(*a));
	volume_open(volume, keeping_done, a);
	fake_env_settle(&fe);
	return a->result;
}

static void a_volume_is_not_served_without_the_cache_that_has_its_data(void **state)
{
	struct plan_filter f = {.name = "cache"};
	struct answer a = {0};

	volume_detach(volume, "cache", keeping_done, &a);
	assert_int_equal(a.result, -ENOTCONN); /* nor is it made so */
	plan_drop_filter((struct plan_volume *)(uintptr_t)volume_plan(volume), "cache");
	is_sealed = true;
	assert_int_equal(open_now(&a), -EPERM);
	assert_non_null(strstr(a.err.text, "acknowledged data"));
	assert_int_equal(volume_state(volume), VOLUME_FAILED);
	assert_int_equal(rig_backend.submits, 0);
	volume_attach(volume, &f, keeping_done, &a);
	assert_int_equal(a.result, 0);
	attach_result = -EINVAL; /* its values are refused: others are taken while it is closed */
	assert_int_equal(open_now(&a), -EINVAL);
	volume_set(volume, &f, keeping_done, &a);
	assert_int_equal(a.result, 0);
	attach_result = 0;
	calls[0] = '\0';
	keeping_open();
	keeping_close();
}

static void a_cache_that_is_not_installed_is_not_dropped_with_its_data(void **state)
{
	struct answer a = {0};

	is_missing = is_sealed = true;
	assert_int_equal(open_now(&a), -ENOENT);
	volume_detach(volume, "cache", keeping_done, &a);
	assert_int_equal(a.result, -ENOTCONN);
	assert_non_null(
	    plan_find_filter((struct plan_volume *)(uintptr_t)volume_plan(volume), "cache"));
	is_sealed = false; /* it has none */
	volume_detach(volume, "cache", keeping_done, &a);
	assert_int_equal(a.result, 0);
	assert_int_equal(open_now(&a), 0);
	keeping_close();
}

/* ---------------------------------------------------------------- delete */

static int delete_now(struct answer *a)
{
	memset(a, 0, sizeof(*a));
	volume_delete(volume, keeping_done, a);
	fake_env_settle(&fe);
	assert_int_equal(a->count, 1);
	return a->result;
}

static void a_delete_tells_filters_before_they_go(void **state)
{
	struct answer a;

	keeping_open();
	assert_int_equal(delete_now(&a), 0);
	assert_int_equal(volume_state(volume), VOLUME_CLOSED);
	expect("stop delete detach ");
}

static void a_closed_volume_is_opened_to_be_deleted(void **state)
{
	struct answer a;

	assert_int_equal(delete_now(&a), 0);
	expect("attach start stop delete detach ");
	assert_string_equal(last_event, "");
	assert_false(rig_backend.is_open);
}

static void one_that_does_not_open_goes_with_an_event(void **state)
{
	struct answer a;

	attach_result = -EIO;
	assert_int_equal(delete_now(&a), 0);
	expect("attach ");
	assert_string_equal(last_event, "volume_leftovers");
	assert_int_equal(volume_state(volume), VOLUME_CLOSED);
}

static void a_refused_delete_leaves_a_closed_volume(void **state)
{
	struct answer a;

	keeping_open();
	delete_result = -ENODEV;
	assert_int_equal(delete_now(&a), -ENODEV);
	assert_non_null(strstr(a.err.text, "a device that is away"));
	assert_int_equal(volume_state(volume), VOLUME_CLOSED);
	expect("stop detach ");
	delete_result = 0;
	keeping_open();
	keeping_close();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(work_begun_in_attach_holds_up_no_open),
	    TEST(own_io_begun_at_the_start_goes_when_all_filters_are_there),
	    TEST(a_refused_attach_keeps_the_volume_closed_with_its_sentence),
	    TEST(a_volume_is_not_served_without_the_cache_that_has_its_data),
	    TEST(a_cache_that_is_not_installed_is_not_dropped_with_its_data),
	    TEST(a_delete_tells_filters_before_they_go),
	    TEST(a_closed_volume_is_opened_to_be_deleted),
	    TEST(one_that_does_not_open_goes_with_an_event),
	    TEST(a_refused_delete_leaves_a_closed_volume),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
