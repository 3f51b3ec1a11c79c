/* SPDX-License-Identifier: MIT */
/* test_layer_turns.c - where somebody schedules the datastore, a merge copies what it is granted
 * and nothing else, and whoever grants late or never stops nobody. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "layer_rig.h"

#define BLOCKS 64u

static struct layer_rig rig;

/* A scheduler that the test plays. */
static struct sched {
	void (*granted)(void *ctx);
	void *ctx;
	bool is_at_once, is_none;
	uint32_t asked, ended, cancelled;
	uint64_t read_bytes, write_bytes;
	bool is_under_way;
} sched;

static void grant(void)
{
	void (*fn)(void *ctx) = sched.granted;

	assert_non_null(fn);
	sched.granted = NULL;
	sched.is_under_way = true;
	fn(sched.ctx);
}

static bool ask(void *ctx, bool is_write, uint64_t offset_bytes, uint64_t len_bytes,
		void (*granted)(void *granted_ctx), void *granted_ctx)
{
	assert_null(sched.granted);
	assert_false(sched.is_under_way); /* one at a time */
	assert_true(offset_bytes + len_bytes <= rig.size_bytes && len_bytes > 0);
	if (sched.is_none)
		return false;
	sched.asked++;
	*(is_write ? &sched.write_bytes : &sched.read_bytes) += len_bytes;
	sched.granted = granted;
	sched.ctx = granted_ctx;
	if (sched.is_at_once)
		grant();
	return true;
}

static void end(void *ctx, bool is_ok)
{
	assert_true(sched.is_under_way && is_ok);
	sched.is_under_way = false;
	sched.ended++;
}

static void cancel(void *ctx)
{
	assert_non_null(sched.granted);
	sched.granted = NULL;
	sched.cancelled++;
}

static const struct layer_turns turns = {ask, end, cancel};

static int set_up(void **state)
{
	sched = (struct sched){0};
	layer_rig_init(&rig, (uint64_t)BLOCKS * RIG_BLOCK);
	layer_rig_create(&rig, "v.img");
	return 0;
}

static int tear_down(void **state)
{
	layer_rig_fini(&rig);
	return 0;
}

static void wait_until_it_asks(void)
{
	while (!sched.granted)
		rig_turn(&(struct rig){.env = rig.env});
}

/* "two" has less than what is above it: its blocks go up. Those of "one" go down into the image. */
static struct backend *with_snapshots(void)
{
	struct backend *v = layer_rig_open(&rig, "v.img", NULL);

	layer_set_turns(v, &turns, NULL);
	layer_rig_fill(&rig, v, 0, 4, 0x11);
	assert_int_equal(layer_rig_snapshot(&rig, v, "one"), 0);
	layer_rig_fill(&rig, v, 4, 8, 0x22);
	assert_int_equal(layer_rig_snapshot(&rig, v, "two"), 0);
	layer_rig_fill(&rig, v, 12, 20, 0x33);
	assert_int_equal(layer_rig_snapshot(&rig, v, "three"), 0);
	layer_rig_fill(&rig, v, 40, 1, 0x44);
	return v;
}

static void expect_content(struct backend *v)
{
	layer_rig_expect(&rig, v, 0, 4, 0x11);
	layer_rig_expect(&rig, v, 4, 8, 0x22);
	layer_rig_expect(&rig, v, 12, 20, 0x33);
	layer_rig_expect(&rig, v, 32, 8, 0);
	layer_rig_expect(&rig, v, 40, 1, 0x44);
}

static void each_read_and_write_of_blocks_has_its_turn(void **state)
{
	struct backend *v = with_snapshots();

	sched.is_at_once = true;
	assert_int_equal(layer_rig_delete(&rig, v, "two"), 0);
	layer_rig_wait_state(&rig, v, "two", "absent");
	assert_int_equal(sched.read_bytes, 8 * RIG_BLOCK);
	assert_int_equal(sched.write_bytes, 8 * RIG_BLOCK);
	assert_int_equal(sched.ended, sched.asked);
	expect_content(v);
	layer_rig_close(&rig, v);
}

static void a_full_clones_copy_has_its_turns_too(void **state)
{
	struct backend *v = with_snapshots(), *c;

	assert_int_equal(layer_rig_clone(&rig, v, "three", "c.img", false), 0);
	layer_rig_close(&rig, v);
	sched = (struct sched){.is_at_once = true};
	c = layer_rig_open(&rig, "c.img", NULL);
	layer_set_turns(c, &turns, NULL);
	layer_rig_wait_alone(&rig, "c.layers");
	assert_int_equal(sched.read_bytes, rig.size_bytes);
	assert_int_equal(sched.write_bytes, 32 * RIG_BLOCK); /* the rest is zeros */
	layer_rig_close(&rig, c);
}

static void initiators_are_served_while_it_waits(void **state)
{
	struct backend *v = with_snapshots();

	assert_int_equal(layer_rig_delete(&rig, v, "two"), 0);
	wait_until_it_asks();
	layer_rig_fill(&rig, v, 50, 2, 0x55);
	assert_int_equal(layer_rig_snapshot(&rig, v, "four"), 0);
	expect_content(v);
	assert_string_equal(layer_rig_state(v, "two"), "deleting");
	assert_int_equal(sched.asked, 1);
	sched.is_at_once = true;
	grant();
	layer_rig_wait_state(&rig, v, "two", "absent");
	expect_content(v);
	layer_rig_close(&rig, v);
}

static void a_deletion_that_waits_is_called_off_and_asks_no_more(void **state)
{
	struct backend *v = with_snapshots();

	assert_int_equal(layer_rig_delete(&rig, v, "two"), 0);
	wait_until_it_asks();
	assert_int_equal(layer_rig_cancel(&rig, v, "two"), 0);
	assert_string_equal(layer_rig_state(v, "two"), "ready");
	assert_int_equal(sched.cancelled, 1);
	expect_content(v);
	assert_int_equal(sched.asked, 1);
	sched.is_at_once = true;
	assert_int_equal(layer_rig_delete(&rig, v, "two"), 0);
	layer_rig_wait_state(&rig, v, "two", "absent");
	expect_content(v);
	layer_rig_close(&rig, v);
}

static void one_whose_blocks_are_being_replaced_is_not_called_off_while_it_waits(void **state)
{
	struct backend *v = with_snapshots();

	assert_int_equal(layer_rig_delete(&rig, v, "one"), 0);
	wait_until_it_asks();
	assert_int_equal(layer_rig_cancel(&rig, v, "one"), -EINPROGRESS);
	assert_non_null(sched.granted);
	sched.is_at_once = true;
	grant();
	layer_rig_wait_state(&rig, v, "one", "absent");
	expect_content(v);
	layer_rig_close(&rig, v);
}

static void a_close_does_not_wait_for_a_turn(void **state)
{
	struct backend *v = with_snapshots();

	assert_int_equal(layer_rig_delete(&rig, v, "two"), 0);
	wait_until_it_asks();
	layer_rig_close(&rig, v);
	assert_int_equal(sched.cancelled, 1);
	v = layer_rig_open(&rig, "v.img", NULL); /* without a scheduler it goes on by itself */
	layer_rig_wait_state(&rig, v, "two", "absent");
	expect_content(v);
	layer_rig_close(&rig, v);
}

static void a_scheduler_that_goes_leaves_the_merge_going(void **state)
{
	struct backend *v = with_snapshots();

	assert_int_equal(layer_rig_delete(&rig, v, "two"), 0);
	wait_until_it_asks();
	layer_set_turns(v, NULL, NULL);
	assert_int_equal(sched.cancelled, 1);
	layer_rig_wait_state(&rig, v, "two", "absent");
	layer_set_turns(v, &turns, NULL);
	sched.is_none = true; /* one that schedules nothing now */
	assert_int_equal(layer_rig_delete(&rig, v, "one"), 0);
	layer_rig_wait_state(&rig, v, "one", "absent");
	assert_int_equal(sched.asked, 1);
	expect_content(v);
	layer_rig_close(&rig, v);
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    T(each_read_and_write_of_blocks_has_its_turn),
	    T(a_full_clones_copy_has_its_turns_too),
	    T(initiators_are_served_while_it_waits),
	    T(a_deletion_that_waits_is_called_off_and_asks_no_more),
	    T(one_whose_blocks_are_being_replaced_is_not_called_off_while_it_waits),
	    T(a_close_does_not_wait_for_a_turn),
	    T(a_scheduler_that_goes_leaves_the_merge_going),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
