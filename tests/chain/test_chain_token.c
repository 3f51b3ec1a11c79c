/* SPDX-License-Identifier: MIT */
/* Tokens: finished exactly once; everything else is counted, reported and harmless. */
#include "rig.h"

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
	rig_close(&r);
	return 0;
}

static uint64_t misuse_of(uint32_t index)
{
	struct chain_filter_info info;

	chain_filter_info(r.c, index, &info);
	return info.misuse_count;
}

static void a_second_finish_is_counted_and_ignored(void **state)
{
	struct sluice_token *t;

	b->on_submit = SLUICE_DEFER;
	rig_go(&r, SLUICE_OP_READ);
	t = rig_token(b);
	sluice_resume(t);
	rig_expect(&r, "A>B>=B<A<!");
	sluice_resume(t);
	sluice_fail(t, SLUICE_ERR_IO);
	sluice_complete(t);
	rig_expect(&r, "");
	assert_int_equal(r.ended, 1);
	assert_int_equal(misuse_of(1), 3);
	rig_expect_report(&r, "filter_misuse", "B");
}

static void a_handle_of_an_earlier_io_does_not_finish_a_later_one(void **state)
{
	struct sluice_token *old, *new;

	b->on_submit = SLUICE_DEFER;
	rig_go(&r, SLUICE_OP_READ);
	old = rig_token(b);
	sluice_resume(old);
	rig_go(&r, SLUICE_OP_READ); /* takes the same place in the pool */
	new = rig_token(b);
	assert_ptr_equal(sluice_token_io(old), sluice_token_io(new));
	r.log[0] = '\0';
	sluice_resume(old);
	rig_expect(&r, "");
	assert_int_equal(misuse_of(1), 1);
	sluice_resume(new);
	rig_expect(&r, "=B<A<!");
}

static void a_handle_of_another_filters_deferral_does_not_finish_it(void **state)
{
	struct sluice_token *ta;

	a->on_submit = SLUICE_DEFER;
	b->on_submit = SLUICE_DEFER;
	rig_go(&r, SLUICE_OP_READ);
	ta = rig_token(a);
	sluice_resume(ta);
	rig_expect(&r, "A>B>");
	sluice_resume(ta);
	assert_int_equal(misuse_of(0), 1);
	assert_int_equal(misuse_of(1), 0);
	sluice_resume(rig_token(b));
	rig_expect(&r, "=B<A<!");
}

static void resume_inside_submit_and_done_is_fine(void **state)
{
	b->lie = LIE_RESUME_INSIDE;
	b->on_submit = SLUICE_DEFER;
	b->on_done = SLUICE_DEFER;
	rig_go(&r, SLUICE_OP_READ);
	rig_expect(&r, "A>B>=B<A<!");
	assert_int_equal(misuse_of(1), 0);
	rig_expect_quiet(&r);
}

static void defer_without_a_token_fails_the_io(void **state)
{
	b->lie = LIE_NO_TOKEN;
	b->on_submit = SLUICE_DEFER;
	rig_go(&r, SLUICE_OP_READ);
	rig_expect(&r, "A>B>A<!");
	assert_int_equal(r.last_status, SLUICE_ERR_FAILED);
	rig_expect_report(&r, "filter_misuse", "B");
	b->on_submit = SLUICE_PASS;
	b->on_done = SLUICE_DEFER;
	rig_go(&r, SLUICE_OP_READ);
	rig_expect(&r, "A>B>=B<A<!");
	assert_int_equal(r.last_status, SLUICE_ERR_FAILED);
}

static void a_token_and_another_verdict_fail_the_io(void **state)
{
	b->lie = LIE_TOKEN_AND_PASS;
	b->on_submit = SLUICE_DEFER;
	rig_go(&r, SLUICE_OP_WRITE);
	rig_expect(&r, "A>B>A<!");
	assert_int_equal(r.last_status, SLUICE_ERR_FAILED);
	assert_int_equal(misuse_of(1), 1);
	sluice_resume(rig_token(b)); /* taken back: too late */
	rig_expect(&r, "");
	assert_int_equal(misuse_of(1), 2);
}

static void a_finished_token_and_another_verdict_fail_the_io_once(void **state)
{
	b->lie = LIE_RESUME_AND_PASS;
	b->on_submit = SLUICE_DEFER;
	rig_go(&r, SLUICE_OP_WRITE);
	rig_expect(&r, "A>B>A<!");
	assert_int_equal(r.last_status, SLUICE_ERR_FAILED);
	assert_int_equal(r.ended, 1);
	b->on_submit = SLUICE_PASS;
	b->on_done = SLUICE_DEFER;
	rig_go(&r, SLUICE_OP_WRITE);
	rig_expect(&r, "A>B>=B<A<!");
	assert_int_equal(r.last_status, SLUICE_ERR_FAILED);
	assert_int_equal(r.ended, 2);
}

static void an_unknown_verdict_fails_the_io(void **state)
{
	b->on_submit = (enum sluice_verdict)17;
	rig_go(&r, SLUICE_OP_READ);
	rig_expect(&r, "A>B>A<!");
	assert_int_equal(r.last_status, SLUICE_ERR_FAILED);
	b->on_submit = (enum sluice_verdict) - 1;
	rig_go(&r, SLUICE_OP_READ);
	rig_expect(&r, "A>B>A<!");
	assert_int_equal(misuse_of(1), 2);
}

static void complete_is_no_verdict_of_done(void **state)
{
	r.be.status = SLUICE_ERR_IO;
	b->on_done = SLUICE_COMPLETE;
	rig_go(&r, SLUICE_OP_READ);
	rig_expect(&r, "A>B>=B<A<!");
	assert_int_equal(r.last_status, SLUICE_ERR_IO);
	assert_int_equal(misuse_of(1), 1);
}

/* A write that failed below would be acknowledged. */
static void complete_from_a_token_of_done_hides_no_error(void **state)
{
	r.be.status = SLUICE_ERR_NO_SPACE;
	b->on_done = SLUICE_DEFER;
	rig_go(&r, SLUICE_OP_WRITE);
	rig_expect(&r, "A>B>=B<");
	sluice_complete(rig_token(b));
	rig_expect(&r, "A<!");
	assert_int_equal(r.last_status, SLUICE_ERR_NO_SPACE);
	assert_int_equal(misuse_of(1), 1);
}

static void a_token_for_an_io_of_another_is_refused(void **state)
{
	struct sluice_io *io;

	a->on_submit = SLUICE_DEFER;
	io = rig_io(&r, SLUICE_OP_READ, 0, 4096);
	rig_submit(&r, io);
	assert_null(sluice_defer(a->f, io, 1000)); /* has one, and is not in its call */
	assert_null(sluice_defer(b->f, io, 1000));
	assert_int_equal(misuse_of(0), 1);
	assert_int_equal(misuse_of(1), 1);
	sluice_resume(rig_token(a));
	rig_expect(&r, "A>B>=B<A<!");
	chain_io_put(r.c, io);
}

static struct sluice_token *second;
static void defer_twice(struct t_filter *t, struct sluice_io *io)
{
	t->tokens[t->token_count++] = sluice_defer(t->f, io, 1000);
	second = sluice_defer(t->f, io, 1000);
}

static void a_second_token_for_the_same_io_is_refused(void **state)
{
	b->on_submit_hook = defer_twice;
	rig_go(&r, SLUICE_OP_READ);
	assert_null(second);
	/* It said PASS with a token: fails. */
	assert_int_equal(r.last_status, SLUICE_ERR_FAILED);
	assert_int_equal(misuse_of(1), 2);
	b->token_count = 0;
}

static void a_token_is_refused_while_draining(void **state)
{
	struct sluice_io *io;

	a->on_submit = SLUICE_DEFER;
	rig_go(&r, SLUICE_OP_READ);
	io = sluice_token_io(a->tokens[0]);
	b->on_submit = SLUICE_DEFER;
	assert_int_not_equal(rig_drain(&r), 0);
	r.log[0] = '\0';
	sluice_resume(rig_token(a)); /* now B wants one */
	rig_expect(&r, "B>=B<A<!");
	assert_int_equal(b->refused_count, 1);
	assert_int_equal(io->status, SLUICE_OK);
	fake_env_settle(&r.fe);
	assert_int_equal(r.result, 0);
	chain_release(r.c);
}

static void defer_after_a_refused_token_is_answered_busy(void **state)
{
	a->on_submit = SLUICE_DEFER;
	rig_go(&r, SLUICE_OP_READ);
	b->lie = LIE_NO_TOKEN;
	b->on_submit = SLUICE_DEFER;
	rig_drain(&r);
	sluice_resume(rig_token(a));
	assert_int_equal(r.last_status, SLUICE_ERR_BUSY);
	fake_env_settle(&r.fe);
	chain_release(r.c);
}

static void misuse_is_reported_at_powers_of_two(void **state)
{
	b->on_submit = (enum sluice_verdict)9;
	for (int i = 0; i < 100; i++) {
		rig_go(&r, SLUICE_OP_READ);
		fake_env_settle(&r.fe);
		r.log[0] = '\0';
	}
	assert_int_equal(misuse_of(1), 100);
	assert_int_equal(r.reports, 7); /* 1 2 4 8 16 32 64 */
}

#define T(name) cmocka_unit_test_setup_teardown(name, open_two, close_two)

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    T(a_second_finish_is_counted_and_ignored),
	    T(a_handle_of_an_earlier_io_does_not_finish_a_later_one),
	    T(a_handle_of_another_filters_deferral_does_not_finish_it),
	    T(resume_inside_submit_and_done_is_fine),
	    T(defer_without_a_token_fails_the_io),
	    T(a_token_and_another_verdict_fail_the_io),
	    T(a_finished_token_and_another_verdict_fail_the_io_once),
	    T(an_unknown_verdict_fails_the_io),
	    T(complete_is_no_verdict_of_done),
	    T(complete_from_a_token_of_done_hides_no_error),
	    T(a_token_for_an_io_of_another_is_refused),
	    T(a_second_token_for_the_same_io_is_refused),
	    T(a_token_is_refused_while_draining),
	    T(defer_after_a_refused_token_is_answered_busy),
	    T(misuse_is_reported_at_powers_of_two),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
