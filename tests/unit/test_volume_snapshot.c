/* SPDX-License-Identifier: MIT */
/*
 * A volume's snapshot on a virtual clock, with an engine that the test plays: the order of filters
 * and engine, a fault at each step, and that I/O goes on as before after each.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "keeping_rig.h"
#include "layer.h"

/* ---------------------------------------------------------------- the engine */

static int prepare_result, commit_result, revert_result;

static void answer(const char *word, int result, layer_fn fn, void *ctx)
{
	struct err err;

	snprintf(calls + strlen(calls), sizeof(calls) - strlen(calls), "%s ", word);
	err_set(&err, -result, "", "the disk is full");
	fn(ctx, result, result ? &err : NULL);
}

void layer_snapshot_prepare(struct backend *b, const struct layer_snapshot *s, layer_fn fn,
			    void *ctx)
{
	answer("files", prepare_result, fn, ctx);
}

void layer_snapshot_commit(struct backend *b, layer_fn fn, void *ctx)
{
	answer("switch", commit_result, fn, ctx);
}

void layer_snapshot_decide(struct backend *b, bool is_yes, layer_fn fn, void *ctx)
{
	answer(is_yes ? "yes" : "no", 0, fn, ctx);
}

void layer_snapshot_abort(struct backend *b, layer_fn fn, void *ctx)
{
	answer("undo", 0, fn, ctx);
}

void layer_revert(struct backend *b, const char *snapshot, layer_fn fn, void *ctx)
{
	answer("back", revert_result, fn, ctx);
}

void layer_delete(struct backend *b, const char *snapshot, layer_fn fn, void *ctx)
{
	answer("delete", 0, fn, ctx);
}

void layer_delete_cancel(struct backend *b, const char *snapshot, layer_fn fn, void *ctx)
{
	answer("keep", 0, fn, ctx);
}

void layer_clone(struct backend *b, const char *snapshot, const char *image_path, bool is_linked,
		 layer_fn fn, void *ctx)
{
	answer("clone", 0, fn, ctx);
}

static bool has_turns;

void layer_set_turns(struct backend *b, const struct layer_turns *turns, void *ctx)
{
	has_turns = turns != NULL;
}

void layer_stop(struct backend *b, void (*fn)(void *ctx), void *ctx)
{
	assert_false(has_turns); /* the chain that they are asked of is gone */
	assert_non_null(strstr(volume_reason(volume), "merging")); /* what a close waits for */
	fn(ctx);
}

json_t *layer_list(struct backend *b)
{
	return json_pack("{s:[]}", "items");
}

bool layer_is_layered(struct env *e, const char *image_path)
{
	return false;
}

int layer_remove(struct env *e, const char *image_path, struct err *err)
{
	return 0;
}

int layer_repair(struct env *e, const char *image_path, bool is_apply, json_t **steps,
		 struct err *err)
{
	*steps = json_array();
	return 0;
}

/* The rig's backend, as one that has layers. */
static int open_rig(struct env *e, const struct backend_cfg *cfg, struct backend **out,
		    struct err *err)
{
	return backend_find("rig")->open(e, cfg, out, err);
}

const struct backend_ops backend_layers = {.name = "dir", .open = open_rig};

/* ---------------------------------------------------------------- requests */

static struct answer asked;

static void prepare(void)
{
	const struct volume_snapshot s = {.snapshot = "00000000-0000-4000-8000-000000000001",
					  .name = "monday",
					  .group = "00000000-0000-4000-8000-000000000002"};

	asked = (struct answer){0};
	volume_snapshot_prepare(volume, &s, keeping_done, &asked);
	fake_env_settle(&fe);
	while (fake_env_run_work(&fe)) /* sidecars are copied */
		fake_env_settle(&fe);
}

static void hold(void)
{
	asked = (struct answer){0};
	volume_snapshot_hold(volume, keeping_done, &asked);
	fake_env_settle(&fe);
}

static void release(void)
{
	asked = (struct answer){0};
	volume_snapshot_release(volume, keeping_done, &asked);
	fake_env_settle(&fe);
}

static void cancel(void)
{
	asked = (struct answer){0};
	volume_snapshot_cancel(volume, keeping_done, &asked);
	fake_env_settle(&fe);
}

static void expect_as_before(int result)
{
	assert_int_equal(asked.count, 1);
	assert_int_equal(asked.result, result);
	assert_string_equal(keeping_status("request"), "");
	calls[0] = '\0';
	prepare_result = commit_result = revert_result = 0;
	memset(point_results, 0, sizeof(point_results));
	prepare();
	hold();
	release();
	assert_int_equal(asked.result, 0);
	expect("settle+ prepare files held switch commit settle- yes ");
	keeping_close();
}

/* ---------------------------------------------------------------- cases */

static void what_is_slow_comes_before_the_hold(void **state)
{
	keeping_open();
	prepare();
	assert_int_equal(asked.result, 0);
	expect("settle+ prepare files ");
	fake_env_advance(&fe, 5000 * MS); /* the others of the group prepare */
	hold();
	assert_int_equal(asked.result, 0);
	expect("held switch ");
	fake_env_advance(&fe, 20 * MS); /* they are held, and the record is written */
	release();
	expect("commit settle- yes ");
	assert_int_equal(volume_held_us(volume), 20000);
	expect_as_before(0);
}

static json_int_t figure(const json_t *holds, const char *name)
{
	return json_integer_value(json_object_get(holds, name));
}

static void how_long_io_was_held_is_shown_and_with_what(void **state)
{
	static const uint32_t decide_ms[] = {20, 3, 0}; /* the last one is refused */
	json_t *j, *holds;

	keeping_open();
	j = volume_status(volume);
	assert_null(json_object_get(j, "snapshot_holds"));
	json_decref(j);
	for (int i = 0; i < 3; i++) {
		point_results[SLUICE_HELD] = i == 2 ? -EIO : 0;
		prepare();
		fake_env_advance(&fe, 900 * MS); /* not held */
		hold();
		fake_env_advance(&fe, decide_ms[i] * MS);
		if (i < 2)
			release();
	}
	j = volume_status(volume);
	holds = json_object_get(j, "snapshot_holds");
	assert_int_equal(figure(holds, "count"), 2);
	assert_int_equal(figure(holds, "last_us"), 3000);
	assert_int_equal(figure(holds, "max_us"), 20000);
	assert_in_range(figure(holds, "p50_us"), 2000, 4200);
	assert_in_range(figure(holds, "p99_us"), 16000, 25200);
	assert_int_equal(figure(json_object_get(holds, "longest"), "decide_us"), 20000);
	assert_int_equal(figure(json_object_get(holds, "longest"), "drain_us"), 0);
	json_decref(j);
	expect_as_before(-EIO);
}

static void a_filter_that_refuses_ends_it_by_name(void **state)
{
	keeping_open();
	point_results[SLUICE_PREPARE] = -EBUSY;
	prepare();
	expect("settle+ prepare settle- ");
	assert_non_null(strstr(asked.err.text, "'cache'"));
	expect_as_before(-EBUSY);
}

static void files_that_cannot_be_made_end_it(void **state)
{
	keeping_open();
	prepare_result = -ENOSPC;
	prepare();
	expect("settle+ prepare files abort settle- ");
	expect_as_before(-ENOSPC);
}

static void a_filter_that_refuses_while_io_is_held_ends_it(void **state)
{
	keeping_open();
	point_results[SLUICE_HELD] = -EIO;
	prepare();
	hold();
	expect("settle+ prepare files held abort settle- undo ");
	expect_as_before(-EIO);
}

static void a_head_that_cannot_be_switched_is_undone_under_the_hold(void **state)
{
	keeping_open();
	commit_result = -EIO;
	prepare();
	hold();
	expect("settle+ prepare files held switch undo abort settle- ");
	expect_as_before(-EIO);
}

static void another_member_s_failure_undoes_what_was_prepared(void **state)
{
	keeping_open();
	prepare();
	calls[0] = '\0';
	cancel();
	expect("undo abort settle- ");
	expect_as_before(-ECANCELED);
}

static void another_member_s_failure_undoes_what_was_switched(void **state)
{
	keeping_open();
	prepare();
	hold();
	calls[0] = '\0';
	cancel();
	expect("no abort settle- ");
	expect_as_before(-ECANCELED);
}

static void meanwhile_other_requests_are_refused(void **state)
{
	struct answer a = {0};

	keeping_open();
	prepare();
	volume_flush(volume, keeping_done, &a);
	assert_int_equal(a.result, -EBUSY);
	assert_string_equal(keeping_status("request"), "snapshot");
	hold();
	release();
	expect_as_before(0);
}

static void a_revert_lets_io_go_on_when_it_was_told_of(void **state)
{
	keeping_open();
	asked = (struct answer){0};
	volume_revert(volume, "00000000-0000-4000-8000-000000000001", keeping_done, &asked);
	fake_env_settle(&fe);
	assert_int_equal(asked.result, 0);
	expect("settle+ prepare held back ");
	volume_confirm(volume);
	fake_env_settle(&fe);
	expect("commit settle- ");
	expect_as_before(0);
}

static void a_revert_that_fails_changes_nothing(void **state)
{
	keeping_open();
	revert_result = -EIO;
	asked = (struct answer){0};
	volume_revert(volume, "00000000-0000-4000-8000-000000000001", keeping_done, &asked);
	fake_env_settle(&fe);
	expect("settle+ prepare held back abort settle- ");
	expect_as_before(-EIO);
}

static void what_does_not_serve_is_not_snapshotted(void **state)
{
	prepare();
	assert_int_equal(asked.result, -ENOTCONN);
	expect("");
}

static int set_up(void **state)
{
	has_layers = true;
	prepare_result = commit_result = revert_result = 0;
	return keeping_set_up(state);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, keeping_tear_down)

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    CASE(what_is_slow_comes_before_the_hold),
	    CASE(how_long_io_was_held_is_shown_and_with_what),
	    CASE(a_filter_that_refuses_ends_it_by_name),
	    CASE(files_that_cannot_be_made_end_it),
	    CASE(a_filter_that_refuses_while_io_is_held_ends_it),
	    CASE(a_head_that_cannot_be_switched_is_undone_under_the_hold),
	    CASE(another_member_s_failure_undoes_what_was_prepared),
	    CASE(another_member_s_failure_undoes_what_was_switched),
	    CASE(meanwhile_other_requests_are_refused),
	    CASE(a_revert_lets_io_go_on_when_it_was_told_of),
	    CASE(a_revert_that_fails_changes_nothing),
	    CASE(what_does_not_serve_is_not_snapshotted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
