/* SPDX-License-Identifier: MIT */
/* A volume whose filter keeps dirty data: what waits for it, and what ends the wait. */
#include "keeping_rig.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "transfer.h"

/* ---------------------------------------------------------------- settling */

static void a_close_settles_nothing(void **state)
{
	keeping_open();
	keeping_close();
	expect("stop detach ");
}

static void a_long_settling_is_seen_and_others_are_refused(void **state)
{
	struct answer a = {0}, b = {0};

	keeping_open();
	settle_result = SLUICE_PENDING;
	volume_detach(volume, "cache", keeping_done, &a);
	fake_env_advance(&fe, 120 * 1000 * MS);
	assert_int_equal(a.count, 0);
	assert_string_equal(keeping_status("request"), "detach");
	assert_string_equal(keeping_status("settling"), "cache");
	volume_flush(volume, keeping_done, &b);
	assert_int_equal(b.result, -EBUSY);
	sluice_settled(cache, 0, NULL);
	fake_env_settle(&fe);
	assert_int_equal(a.result, 0);
	expect("settle+ detach ");
	volume_confirm(volume);
	assert_string_equal(keeping_status("settling"), "(nothing)");
	assert_string_equal(keeping_status("request"), "");
	keeping_close();
}

static void a_close_ends_a_settling_first(void **state)
{
	struct answer a = {0}, b = {0}, c = {0};

	keeping_open();
	settle_result = SLUICE_PENDING;
	volume_grow(volume, RIG_SIZE_BYTES, keeping_done, &a);
	fake_env_settle(&fe);
	volume_close(volume, keeping_done, &b);
	volume_close(volume, keeping_done, &c);
	assert_int_equal(c.result, -EBUSY);
	fake_env_settle(&fe);
	assert_int_equal(a.result, -ECANCELED);
	assert_int_equal(b.count, 1);
	assert_int_equal(b.result, 0);
	assert_int_equal(volume_state(volume), VOLUME_CLOSED);
	assert_int_equal(volume_size_bytes(volume), RIG_SIZE_BYTES / 2);
	expect("settle+ settle- stop detach ");
}

static void a_refusal_is_the_answer_and_nothing_changed(void **state)
{
	struct answer a = {0};

	keeping_open();
	settle_result = -EIO;
	volume_detach(volume, "cache", keeping_done, &a);
	fake_env_settle(&fe);
	assert_int_equal(a.result, -EIO);
	assert_non_null(
	    plan_find_filter((struct plan_volume *)(uintptr_t)volume_plan(volume), "cache"));
	expect("settle+ settle- ");
	keeping_close();
}

static void a_flush_settles_and_then_flushes_the_backend(void **state)
{
	struct answer a = {0};
	uint32_t before;

	keeping_open();
	before = rig_backend.submits;
	volume_flush(volume, keeping_done, &a);
	fake_env_settle(&fe);
	assert_int_equal(a.result, 0);
	assert_int_equal(rig_backend.submits, before + 1);
	expect("settle+ flush settle- ");
	keeping_close();
}

static struct answer transferred;

static void begin_export(struct transfer *t, FILE *to)
{
	memset(t, 0, sizeof(*t));
	memset(&transferred, 0, sizeof(transferred));
	t->direction = TRANSFER_EXPORT;
	t->fd = fileno(to);
	t->is_file = true;
	volume_transfer(volume, t, keeping_done, &transferred);
	fake_env_settle(&fe);
}

static void an_export_settles_first_and_can_be_cancelled_meanwhile(void **state)
{
	struct transfer t;
	FILE *to = tmpfile();

	assert_non_null(to);
	keeping_open();
	settle_result = SLUICE_PENDING;
	begin_export(&t, to);
	fake_env_advance(&fe, 60 * 1000 * MS);
	assert_int_equal(transferred.count, 0);
	assert_int_equal(rig_backend.submits, 0);
	atomic_store(&t.must_cancel, true);
	fake_env_advance(&fe, 101 * MS);
	assert_int_equal(transferred.result, -ECANCELED);
	expect("settle+ settle- ");
	settle_result = 0;
	begin_export(&t, to);
	for (int i = 0; i < 1000 && !transferred.count; i++) {
		fake_env_advance(&fe, MS);
		if (fake_env_run_work(&fe))
			fake_env_settle(&fe);
	}
	assert_int_equal(transferred.result, 0);
	assert_int_equal(atomic_load(&t.done_bytes), RIG_SIZE_BYTES / 2);
	expect("settle+ settle- ");
	settle_result = SLUICE_PENDING;
	begin_export(&t, to);
	keeping_close(); /* ends it */
	assert_int_equal(transferred.result, -ECANCELED);
	expect("settle+ settle- stop detach ");
	fclose(to);
}

static void a_filter_that_may_keep_data_is_not_dropped_from_a_closed_volume(void **state)
{
	struct answer a = {0};

	volume_detach(volume, "cache", keeping_done, &a);
	fake_env_settle(&fe);
	assert_int_equal(a.result, -ENOTCONN);
	assert_non_null(strstr(a.err.text, "open the volume first"));
	keeping_open();
	keeping_close();
}

/* ---------------------------------------------------------------- commands and figures */

static void a_command_goes_beside_other_requests_and_ends_with_the_volume(void **state)
{
	struct answer a = {0}, b = {0}, c = {0};
	json_t *args = json_pack("{s:i}", "dirty_bytes", 7);

	volume_command(volume, "cache", "drop", args, -1, keeping_commanded, &a);
	assert_int_equal(a.result, -ENOTCONN);
	keeping_open();
	settle_result = SLUICE_PENDING;
	volume_detach(volume, "cache", keeping_done, &b);
	fake_env_settle(&fe);
	volume_command(volume, "cache", "drop", args, -1, keeping_commanded, &a);
	assert_int_equal(a.result, 0);
	assert_int_equal(json_integer_value(json_object_get(a.reply, "dirty_bytes")), 7);
	json_decref(a.reply);
	volume_command(volume, "cache", "wait", args, -1, keeping_commanded, &c);
	assert_int_equal(c.count, 0);
	json_decref(args);
	keeping_close();
	assert_int_equal(b.result, -ECANCELED);
	assert_int_equal(c.result, -ECANCELED);
}

static void figures_have_what_filters_add(void **state)
{
	json_t *j;

	keeping_open();
	j = volume_figures(volume);
	assert_int_equal(json_integer_value(json_object_get(j, "dirty_bytes")), 12288);
	assert_string_equal(json_string_value(json_object_get(j, "state")), "settling");
	assert_true(json_is_null(json_object_get(j, "throttle")));
	assert_int_equal(json_integer_value(json_object_get(j, "reads")), 0);
	json_decref(j);
	keeping_close();
	j = volume_figures(volume);
	assert_int_equal(json_integer_value(json_object_get(j, "dirty_bytes")), 0);
	json_decref(j);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(a_close_settles_nothing),
	    TEST(a_long_settling_is_seen_and_others_are_refused),
	    TEST(a_close_ends_a_settling_first),
	    TEST(a_refusal_is_the_answer_and_nothing_changed),
	    TEST(a_flush_settles_and_then_flushes_the_backend),
	    TEST(an_export_settles_first_and_can_be_cancelled_meanwhile),
	    TEST(a_filter_that_may_keep_data_is_not_dropped_from_a_closed_volume),
	    TEST(a_command_goes_beside_other_requests_and_ends_with_the_volume),
	    TEST(figures_have_what_filters_add),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
