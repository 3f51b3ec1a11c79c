/* SPDX-License-Identifier: MIT */
/* Who is called, in what order, for each verdict at each level of a chain of three. */
#include "rig.h"

#include <stdio.h>
#include <string.h>

static struct rig r;
static struct t_filter *level[3];

static int open_three(void **state)
{
	rig_open(&r);
	/* Attached in the wrong order on purpose: the class decides. */
	level[2] = rig_filter(&r, "C", SLUICE_CLASS_IO_CONTROL);
	level[0] = rig_filter(&r, "A", SLUICE_CLASS_INSPECTION);
	level[1] = rig_filter(&r, "B", SLUICE_CLASS_CACHE);
	rig_attach(&r, level[2]);
	rig_attach(&r, level[0]);
	rig_attach(&r, level[1]);
	return 0;
}

static int close_three(void **state)
{
	rig_close(&r);
	return 0;
}

static void passes_go_down_in_class_order_and_up_in_reverse(void **state)
{
	for (int op = 0; op < SLUICE_OP_COUNT; op++) {
		rig_go(&r, (enum sluice_op)op);
		rig_expect(&r, "A>B>C>=C<B<A<!");
		assert_int_equal(r.last_status, SLUICE_OK);
	}
}

static void complete_is_told_to_the_filters_above_only(void **state)
{
	static const char *const expected[] = {"A>!", "A>B>A<!", "A>B>C>B<A<!"};

	for (int i = 0; i < 3; i++) {
		level[i]->on_submit = SLUICE_COMPLETE;
		rig_go(&r, SLUICE_OP_READ);
		rig_expect(&r, expected[i]);
		assert_int_equal(r.last_status, SLUICE_OK);
		level[i]->on_submit = SLUICE_PASS;
	}
}

static void fail_is_told_to_the_filters_above_only(void **state)
{
	static const char *const expected[] = {"A>!", "A>B>A<!", "A>B>C>B<A<!"};

	for (int i = 0; i < 3; i++) {
		level[i]->on_submit = SLUICE_FAIL;
		rig_go(&r, SLUICE_OP_WRITE);
		rig_expect(&r, expected[i]);
		assert_int_equal(r.last_status, SLUICE_ERR_NO_SPACE);
		level[i]->on_submit = SLUICE_PASS;
	}
}

static void fail_without_a_status_is_an_io_error(void **state)
{
	level[1]->on_submit = SLUICE_FAIL;
	level[1]->status = SLUICE_OK;
	rig_go(&r, SLUICE_OP_WRITE);
	assert_int_equal(r.last_status, SLUICE_ERR_IO);
}

static void fail_on_the_way_up_reaches_all(void **state)
{
	for (int i = 0; i < 3; i++) {
		level[i]->on_done = SLUICE_FAIL;
		rig_go(&r, SLUICE_OP_READ);
		rig_expect(&r, "A>B>C>=C<B<A<!");
		assert_int_equal(r.last_status, SLUICE_ERR_NO_SPACE);
		level[i]->on_done = SLUICE_PASS;
	}
}

static void an_error_of_the_backend_comes_up_through_all(void **state)
{
	r.be.status = SLUICE_ERR_CORRUPT;
	rig_go(&r, SLUICE_OP_READ);
	rig_expect(&r, "A>B>C>=C<B<A<!");
	assert_int_equal(r.last_status, SLUICE_ERR_CORRUPT);
}

static void a_deferred_submit_goes_on_where_it_was(void **state)
{
	static const char *const before[] = {"A>", "A>B>", "A>B>C>"};
	static const char *const after[] = {"B>C>=C<B<A<!", "C>=C<B<A<!", "=C<B<A<!"};

	for (int i = 0; i < 3; i++) {
		level[i]->on_submit = SLUICE_DEFER;
		rig_go(&r, SLUICE_OP_READ);
		rig_expect(&r, before[i]);
		sluice_resume(rig_token(level[i]));
		rig_expect(&r, after[i]);
		level[i]->on_submit = SLUICE_PASS;
	}
}

static void a_deferred_done_goes_on_where_it_was(void **state)
{
	static const char *const before[] = {"A>B>C>=C<B<A<", "A>B>C>=C<B<", "A>B>C>=C<"};
	static const char *const after[] = {"!", "A<!", "B<A<!"};

	for (int i = 0; i < 3; i++) {
		level[i]->on_done = SLUICE_DEFER;
		rig_go(&r, SLUICE_OP_READ);
		rig_expect(&r, before[i]);
		sluice_resume(rig_token(level[i]));
		rig_expect(&r, after[i]);
		level[i]->on_done = SLUICE_PASS;
	}
}

static void a_token_completes_or_fails_as_a_verdict_would(void **state)
{
	level[1]->on_submit = SLUICE_DEFER;
	rig_go(&r, SLUICE_OP_READ);
	sluice_complete(rig_token(level[1]));
	rig_expect(&r, "A>B>A<!");
	assert_int_equal(r.last_status, SLUICE_OK);
	rig_go(&r, SLUICE_OP_READ);
	sluice_fail(rig_token(level[1]), SLUICE_ERR_BUSY);
	rig_expect(&r, "A>B>A<!");
	assert_int_equal(r.last_status, SLUICE_ERR_BUSY);

	level[1]->on_submit = SLUICE_PASS;
	level[1]->on_done = SLUICE_DEFER;
	rig_go(&r, SLUICE_OP_READ);
	sluice_fail(rig_token(level[1]), SLUICE_ERR_LOCKED);
	rig_expect(&r, "A>B>C>=C<B<A<!");
	assert_int_equal(r.last_status, SLUICE_ERR_LOCKED);
}

static void other_io_goes_on_while_one_is_deferred(void **state)
{
	level[1]->on_submit = SLUICE_DEFER;
	rig_go(&r, SLUICE_OP_READ);
	level[1]->on_submit = SLUICE_PASS;
	rig_go(&r, SLUICE_OP_WRITE);
	rig_expect(&r, "A>B>A>B>C>=C<B<A<!");
	sluice_resume(rig_token(level[1]));
	rig_expect(&r, "C>=C<B<A<!");
}

static void a_filter_without_callbacks_passes(void **state)
{
	struct t_filter *n = rig_filter(&r, "N", SLUICE_CLASS_REPLICATION);

	n->ops.submit = NULL;
	n->ops.done = NULL;
	n->ops.attach = NULL;
	n->ops.detach = NULL;
	n->ops.drain = NULL;
	n->ops.event = NULL;
	n->ops.abort = NULL;
	n->ops.reconfigure = NULL;
	rig_attach(&r, n);
	rig_go(&r, SLUICE_OP_READ);
	rig_expect(&r, "A>B>C>=C<B<A<!");
}

static void encryption_may_stand_above_replication(void **state)
{
	struct t_filter *rep = rig_filter(&r, "R", SLUICE_CLASS_REPLICATION);
	struct t_filter *enc = rig_filter(&r, "E", SLUICE_CLASS_ENCRYPTION);
	struct chain_filter_cfg cfg = {.ops = &enc->ops, .position = 150};

	rig_attach(&r, rep);
	chain_attach(r.c, &cfg, rig_control_done, &r);
	fake_env_settle(&r.fe);
	assert_int_equal(r.result, 0);
	r.log[0] = '\0';
	rig_go(&r, SLUICE_OP_READ);
	rig_expect(&r, "A>E>R>B>C>=C<B<R<E<A<!");
	cfg.position = 400;
	chain_reconfigure(r.c, &cfg, rig_control_done, &r);
	fake_env_settle(&r.fe);
	assert_int_equal(r.result, 0);
	r.log[0] = '\0';
	rig_go(&r, SLUICE_OP_READ);
	rig_expect(&r, "A>R>E>B>C>=C<B<E<R<A<!");
}

#define T(name) cmocka_unit_test_setup_teardown(name, open_three, close_three)

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    T(passes_go_down_in_class_order_and_up_in_reverse),
	    T(complete_is_told_to_the_filters_above_only),
	    T(fail_is_told_to_the_filters_above_only),
	    T(fail_without_a_status_is_an_io_error),
	    T(fail_on_the_way_up_reaches_all),
	    T(an_error_of_the_backend_comes_up_through_all),
	    T(a_deferred_submit_goes_on_where_it_was),
	    T(a_deferred_done_goes_on_where_it_was),
	    T(a_token_completes_or_fails_as_a_verdict_would),
	    T(other_io_goes_on_while_one_is_deferred),
	    T(a_filter_without_callbacks_passes),
	    T(encryption_may_stand_above_replication),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
