/* SPDX-License-Identifier: MIT */
/* A point in the volume's life: settle and prepare under I/O, hold, commit; or abort at any step.
 */
#include "rig.h"

#include <errno.h>
#include <string.h>

static struct rig r;
static struct t_filter *level[3];

static void prepared(void *ctx)
{
	rig_log(&r, "prepared ");
}

static void held(void *ctx)
{
	rig_log(&r, "held ");
}

static const struct chain_point_host host = {prepared, held, rig_control_done};

static int open_three(void **state)
{
	rig_open(&r);
	level[0] = rig_filter(&r, "A", SLUICE_CLASS_INSPECTION);
	level[1] = rig_filter(&r, "B", SLUICE_CLASS_CACHE);
	level[2] = rig_filter(&r, "C", SLUICE_CLASS_IO_CONTROL);
	rig_settles(level[1]);
	for (int i = 0; i < 3; i++)
		rig_attach(&r, level[i]);
	return 0;
}

static int close_three(void **state)
{
	rig_close(&r);
	return 0;
}

static void begin(void)
{
	const struct sluice_event ev = {
	    .kind = SLUICE_EVENT_SNAPSHOT, .name = "monday", .uuid = "u"};

	r.result = -EINPROGRESS;
	chain_point_begin(r.c, &ev, &host, &r);
	fake_env_settle(&r.fe);
}

static void hold(void)
{
	chain_point_hold(r.c);
	fake_env_settle(&r.fe);
}

static void end(int result)
{
	struct err err;

	err_set(&err, -result, "", "the disk is full");
	chain_point_end(r.c, result, &err);
	fake_env_settle(&r.fe);
}

static void filters_prepare_under_io_and_commit_while_it_is_held(void **state)
{
	begin();
	rig_expect(&r, "B.settle+ A.prepare B.prepare C.prepare prepared ");
	rig_go(&r, SLUICE_OP_WRITE); /* I/O goes on */
	rig_expect(&r, "A>B>C>=C<B<A<!");
	hold();
	rig_expect(&r, "A.drain+ B.drain+ C.drain+ A.held B.held C.held held ");
	rig_go(&r, SLUICE_OP_WRITE);
	rig_expect(&r, "");
	end(0);
	rig_expect(&r, "A.commit B.commit C.commit B.settle- A.drain- B.drain- C.drain- "
		       "A>B>C>=C<B<A<!");
	assert_int_equal(r.result, 0);
}

static void what_the_hold_costs_is_measured(void **state)
{
	begin();
	fake_env_advance(&r.fe, 900 * MS); /* the caller prepares */
	hold();
	fake_env_advance(&r.fe, 7 * MS);
	end(0);
	assert_int_equal(chain_held_ns(r.c), 7 * MS);
}

static void a_refusal_at_each_position_is_named_and_aborts_those_before(void **state)
{
	static const char *const expected[] = {
	    "B.settle+ A.prepare B.settle- ", "B.settle+ A.prepare B.prepare A.abort B.settle- ",
	    "B.settle+ A.prepare B.prepare C.prepare B.abort A.abort B.settle- "};

	for (int i = 0; i < 3; i++) {
		level[i]->prepare_result = -EBUSY;
		begin();
		assert_int_equal(r.result, -EBUSY);
		rig_expect(&r, expected[i]);
		assert_non_null(strstr(r.err.text, level[i]->ops.name));
		level[i]->prepare_result = 0;
		rig_go(&r, SLUICE_OP_READ);
		rig_expect(&r, "A>B>C>=C<B<A<!");
	}
	begin();
	hold();
	end(0);
	assert_int_equal(r.result, 0);
}

static void a_refusal_while_io_is_held_aborts_all(void **state)
{
	level[1]->held_result = -EIO;
	begin();
	chain_point_hold(r.c);
	r.log[0] = '\0';
	fake_env_settle(&r.fe);
	assert_int_equal(r.result, -EIO);
	rig_expect(&r, "A.drain+ B.drain+ C.drain+ A.held B.held C.abort B.abort A.abort B.settle- "
		       "A.drain- B.drain- C.drain- ");
	assert_non_null(strstr(r.err.text, "'B'"));
}

static void a_filter_that_cannot_settle_ends_it_before_anybody_prepares(void **state)
{
	level[1]->settle_result = -ENOSPC;
	begin();
	assert_int_equal(r.result, -ENOSPC);
	rig_expect(&r, "B.settle+ B.settle- ");
}

static void the_caller_may_give_up_before_the_hold(void **state)
{
	begin();
	r.log[0] = '\0';
	end(-ENOSPC);
	rig_expect(&r, "C.abort B.abort A.abort B.settle- ");
	assert_int_equal(r.result, -ENOSPC);
	assert_string_equal(r.err.text, "the disk is full");
}

static void the_caller_may_give_up_while_io_is_held(void **state)
{
	begin();
	hold();
	rig_go(&r, SLUICE_OP_READ);
	r.log[0] = '\0';
	end(-EIO);
	rig_expect(&r, "C.abort B.abort A.abort B.settle- A.drain- B.drain- C.drain- "
		       "A>B>C>=C<B<A<!");
	assert_int_equal(r.result, -EIO);
}

static void a_late_drain_aborts_and_io_goes_on(void **state)
{
	r.be.is_manual = true;
	rig_go(&r, SLUICE_OP_READ);
	begin();
	hold();
	r.log[0] = '\0';
	fake_env_advance(&r.fe, 10001 * MS);
	fake_env_settle(&r.fe);
	assert_int_equal(r.result, -ETIMEDOUT);
	rig_expect(&r, "C.abort B.abort A.abort B.settle- A.drain- B.drain- C.drain- ");
	rig_end(&r, SLUICE_OK);
	r.be.is_manual = false;
	rig_go(&r, SLUICE_OP_READ);
	rig_expect(&r, "C<B<A<!A>B>C>=C<B<A<!");
}

static void the_next_change_waits_for_its_end(void **state)
{
	struct rig *p = &r;

	begin();
	assert_int_equal(rig_drain(p), -EINPROGRESS);
	r.log[0] = '\0';
	hold();
	end(0);
	assert_non_null(strstr(r.log, "C.commit"));
	assert_int_equal(r.result, 0);
	chain_release(r.c);
}

#define T(name) cmocka_unit_test_setup_teardown(name, open_three, close_three)

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    T(filters_prepare_under_io_and_commit_while_it_is_held),
	    T(what_the_hold_costs_is_measured),
	    T(a_refusal_at_each_position_is_named_and_aborts_those_before),
	    T(a_refusal_while_io_is_held_aborts_all),
	    T(a_filter_that_cannot_settle_ends_it_before_anybody_prepares),
	    T(the_caller_may_give_up_before_the_hold),
	    T(the_caller_may_give_up_while_io_is_held),
	    T(a_late_drain_aborts_and_io_goes_on),
	    T(the_next_change_waits_for_its_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
