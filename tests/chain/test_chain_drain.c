/* SPDX-License-Identifier: MIT */
/* Draining under I/O: what is below ends, what comes waits above in order, what hangs is named. */
#include "rig.h"

#include <errno.h>
#include <string.h>

static struct rig r;
static struct t_filter *a, *b;

static int open_two(void **state)
{
	rig_open(&r);
	a = rig_filter(&r, "A", SLUICE_CLASS_INSPECTION);
	b = rig_filter(&r, "B", SLUICE_CLASS_CACHE);
	rig_attach(&r, a);
	rig_attach(&r, b);
	return 0;
}

static int close_two(void **state)
{
	r.be.is_manual = false;
	rig_close(&r);
	return 0;
}

static void an_idle_chain_drains_and_holds(void **state)
{
	assert_int_equal(rig_drain(&r), 0);
	rig_expect(&r, "A.drain+ B.drain+ ");
	rig_go(&r, SLUICE_OP_READ);
	rig_expect(&r, "");
	assert_int_equal(chain_in_flight(r.c), 0);
	chain_release(r.c);
	rig_expect(&r, "A.drain- B.drain- A>B>=B<A<!");
}

static void a_drain_waits_for_the_backend(void **state)
{
	r.be.is_manual = true;
	rig_go(&r, SLUICE_OP_READ);
	rig_go(&r, SLUICE_OP_WRITE);
	assert_int_equal(rig_drain(&r), -EINPROGRESS);
	rig_end(&r, SLUICE_OK);
	fake_env_settle(&r.fe);
	assert_int_equal(r.result, -EINPROGRESS);
	rig_end(&r, SLUICE_OK);
	assert_int_equal(r.result, -EINPROGRESS); /* not from inside the walk */
	fake_env_settle(&r.fe);
	assert_int_equal(r.result, 0);
	chain_release(r.c);
}

static void a_drain_releases_what_filters_hold(void **state)
{
	b->on_submit = SLUICE_DEFER;
	b->resumes_on_drain = true;
	rig_go(&r, SLUICE_OP_READ);
	rig_go(&r, SLUICE_OP_READ);
	rig_expect(&r, "A>B>A>B>");
	assert_int_equal(rig_drain(&r), 0);
	rig_expect(&r, "A.drain+ B.drain+ =B<A<!=B<A<!");
	chain_release(r.c);
}

/* What a filter above lets go of in a drain comes when the one below has begun its own. */
static void who_holds_the_drain_takes_what_comes_from_above(void **state)
{
	a->on_submit = SLUICE_DEFER;
	a->resumes_on_drain = true;
	rig_go(&r, SLUICE_OP_WRITE);
	b->on_submit = SLUICE_DEFER;
	b->holds_drain = true;
	assert_int_equal(rig_drain(&r), -EINPROGRESS);
	assert_int_equal(b->refused_count, 0);
	rig_expect(&r, "A>A.drain+ B.drain+ B>");
	sluice_drain_release(b->f);
	fake_env_settle(&r.fe);
	assert_int_equal(r.result, -EINPROGRESS); /* the I/O is still on its way */
	sluice_resume(rig_token(b));
	fake_env_settle(&r.fe);
	assert_int_equal(r.result, 0);
	rig_expect(&r, "=B<A<!");
	chain_release(r.c);
	b->holds_drain = false;
}

static void who_does_not_gets_no_token(void **state)
{
	a->on_submit = SLUICE_DEFER;
	a->resumes_on_drain = true;
	rig_go(&r, SLUICE_OP_WRITE);
	b->on_submit = SLUICE_DEFER;
	assert_int_equal(rig_drain(&r), 0);
	assert_int_equal(b->refused_count, 1);
	chain_release(r.c);
}

static void io_that_waited_goes_on_in_order(void **state)
{
	struct sluice_io *io[3];
	uint64_t last_id = 0;

	rig_drain(&r);
	r.be.is_manual = true;
	for (int i = 0; i < 3; i++) {
		io[i] = rig_io(&r, SLUICE_OP_WRITE, 4096u * (unsigned)i, 4096);
		rig_submit(&r, io[i]);
	}
	chain_release(r.c);
	assert_int_equal(r.be.pending_count, 3);
	for (int i = 0; i < 3; i++) {
		assert_ptr_equal(r.be.pending[0], io[i]);
		assert_true(io[i]->id > last_id);
		last_id = io[i]->id;
		rig_end(&r, SLUICE_OK);
		chain_io_put(r.c, io[i]);
	}
}

static void a_filter_that_does_not_let_go_is_named_after_ten_seconds(void **state)
{
	b->on_submit = SLUICE_DEFER;
	rig_go(&r, SLUICE_OP_READ);
	rig_go(&r, SLUICE_OP_READ);
	assert_int_equal(rig_drain(&r), -EINPROGRESS);
	rig_go(&r, SLUICE_OP_WRITE); /* waits */
	fake_env_advance(&r.fe, 9999 * MS);
	assert_int_equal(r.result, -EINPROGRESS);
	r.log[0] = '\0';
	fake_env_advance(&r.fe, MS);
	assert_int_equal(r.result, -ETIMEDOUT);
	assert_non_null(strstr(r.err.text, "filter 'B' holds 2 I/Os"));
	assert_non_null(strstr(r.err.text, "10 s"));
	rig_expect(&r, "A.drain- B.drain- A>B>"); /* everything as before */
	while (b->token_count > 0)
		sluice_resume(rig_token(b));
	assert_int_equal(r.ended, 3);
}

static void a_slow_datastore_is_told_from_a_filter(void **state)
{
	r.be.is_manual = true;
	rig_go(&r, SLUICE_OP_READ);
	rig_drain(&r);
	fake_env_advance(&r.fe, 10000 * MS);
	assert_int_equal(r.result, -ETIMEDOUT);
	assert_non_null(strstr(r.err.text, "datastore has not ended 1 I/O"));
	rig_end(&r, SLUICE_OK);
}

static void a_change_that_cannot_drain_changes_nothing(void **state)
{
	b->on_submit = SLUICE_DEFER;
	rig_go(&r, SLUICE_OP_READ);
	assert_int_equal(rig_detach(&r, "A"), -EINPROGRESS);
	fake_env_advance(&r.fe, 10000 * MS);
	assert_int_equal(r.result, -ETIMEDOUT);
	assert_int_equal(chain_filter_count(r.c), 2);
	b->on_submit = SLUICE_PASS;
	sluice_resume(rig_token(b));
	assert_int_equal(rig_detach(&r, "A"), 0);
	assert_int_equal(chain_filter_count(r.c), 1);
}

static void a_bypass_frees_a_drain(void **state)
{
	struct t_filter *t = rig_filter(&r, "T", SLUICE_CLASS_DATA_CAPTURE);

	t->ops.flags = SLUICE_FILTER_TRANSPARENT;
	assert_int_equal(rig_try_attach(&r, t, ON_FAILURE_BYPASS), 0);
	t->on_submit = SLUICE_DEFER;
	rig_go(&r, SLUICE_OP_READ);
	assert_int_equal(rig_drain(&r), -EINPROGRESS);
	fake_env_advance(&r.fe, 2000 * MS);
	assert_int_equal(r.result, 0);
	assert_int_equal(r.ended, 1);
	t->token_count = 0;
	chain_release(r.c);
}

static void an_abort_while_held_ends_the_io_at_once(void **state)
{
	struct sluice_io *io = rig_io(&r, SLUICE_OP_WRITE, 0, 4096);

	rig_drain(&r);
	r.log[0] = '\0';
	rig_submit(&r, io);
	chain_abort(r.c, io);
	rig_expect(&r, "!");
	assert_int_equal(r.last_status, SLUICE_ERR_ABORTED);
	chain_io_put(r.c, io);
	chain_release(r.c);
	rig_expect(&r, "A.drain- B.drain- ");
}

static void an_abort_reaches_the_filter_that_holds(void **state)
{
	struct sluice_io *io = rig_io(&r, SLUICE_OP_WRITE, 0, 4096);

	b->on_submit = SLUICE_DEFER;
	b->resumes_on_abort = true;
	rig_submit(&r, io);
	r.log[0] = '\0';
	chain_abort(r.c, io);
	rig_expect(&r, "B.abort A<!"); /* resumed, but it does not go further down */
	assert_int_equal(r.last_status, SLUICE_ERR_ABORTED);
	assert_true(io->flags & SLUICE_IO_ABORTED);
	chain_abort(r.c, io); /* it has ended: nothing */
	chain_io_put(r.c, io);
}

static void an_abort_at_the_backend_marks_it_only(void **state)
{
	struct sluice_io *io = rig_io(&r, SLUICE_OP_WRITE, 0, 4096);

	r.be.is_manual = true;
	rig_submit(&r, io);
	r.log[0] = '\0';
	chain_abort(r.c, io);
	rig_expect(&r, "");
	rig_end(&r, SLUICE_OK);
	rig_expect(&r, "B<A<!");
	assert_int_equal(r.last_status, SLUICE_OK);
	chain_io_put(r.c, io);
}

static void changes_run_one_after_the_other(void **state)
{
	struct t_filter *t = rig_filter(&r, "T", SLUICE_CLASS_DATA_CAPTURE);
	struct chain_filter_cfg cfg = {.ops = &t->ops};

	r.be.is_manual = true;
	rig_go(&r, SLUICE_OP_READ);
	r.log[0] = '\0';
	chain_attach(r.c, &cfg, rig_control_done, &r);
	chain_detach(r.c, "A", rig_control_done, &r);
	chain_drain(r.c, rig_control_done, &r);
	chain_detach(r.c, "T", rig_control_done, &r);
	r.done_count = 0;
	fake_env_settle(&r.fe);
	assert_int_equal(r.done_count, 0);
	rig_end(&r, SLUICE_OK);
	fake_env_settle(&r.fe);
	assert_int_equal(r.done_count, 4);
	rig_expect(&r, "A.drain+ B.drain+ B<A<!T.attach A.drain- B.drain- "
		       "A.drain+ B.drain+ T.drain+ A.detach B.drain- T.drain- "
		       "B.drain+ T.drain+ T.detach ");
	rig_go(&r, SLUICE_OP_READ);
	rig_expect(&r, ""); /* still held: the drain was not released */
	chain_release(r.c);
	rig_expect(&r, "B.drain- B>=");
	rig_end(&r, SLUICE_OK);
}

#define T(name) cmocka_unit_test_setup_teardown(name, open_two, close_two)

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    T(an_idle_chain_drains_and_holds),
	    T(a_drain_waits_for_the_backend),
	    T(a_drain_releases_what_filters_hold),
	    T(who_holds_the_drain_takes_what_comes_from_above),
	    T(who_does_not_gets_no_token),
	    T(io_that_waited_goes_on_in_order),
	    T(a_filter_that_does_not_let_go_is_named_after_ten_seconds),
	    T(a_slow_datastore_is_told_from_a_filter),
	    T(a_change_that_cannot_drain_changes_nothing),
	    T(a_bypass_frees_a_drain),
	    T(an_abort_while_held_ends_the_io_at_once),
	    T(an_abort_reaches_the_filter_that_holds),
	    T(an_abort_at_the_backend_marks_it_only),
	    T(changes_run_one_after_the_other),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
