/* SPDX-License-Identifier: MIT */
/* A filter that never finishes: seen, named, and then held or bypassed as its policy says. */
#include "rig.h"

#include <errno.h>
#include <string.h>

static struct rig r;
static struct t_filter *a, *b;

static int open_two(void **state)
{
	rig_open(&r);
	a = rig_filter(&r, "A", SLUICE_CLASS_INSPECTION);
	b = rig_filter(&r, "B", SLUICE_CLASS_DATA_CAPTURE);
	b->ops.flags = SLUICE_FILTER_TRANSPARENT;
	rig_attach(&r, a);
	return 0;
}

static int close_two(void **state)
{
	rig_close(&r);
	return 0;
}

static struct chain_filter_info info_of(uint32_t index)
{
	struct chain_filter_info info;

	chain_filter_info(r.c, index, &info);
	return info;
}

static void attach_b(enum on_failure on_failure)
{
	assert_int_equal(rig_try_attach(&r, b, on_failure), 0);
	r.log[0] = '\0';
}

static void a_hung_filter_is_named_within_two_seconds(void **state)
{
	attach_b(ON_FAILURE_HOLD);
	b->on_submit = SLUICE_DEFER;
	rig_go(&r, SLUICE_OP_WRITE);
	fake_env_advance(&r.fe, 999 * MS);
	rig_expect_quiet(&r);
	fake_env_advance(&r.fe, 501 * MS);
	assert_string_equal(
	    r.report_text,
	    "filter 'B' holds I/O 1 (write, 4096 bytes at 0) 0 ms past its deadline; "
	    "its policy says hold");
	rig_expect_report(&r, "filter_hung", "B");
	sluice_resume(rig_token(b));
}

static void hold_keeps_the_io_and_reports_it_once(void **state)
{
	attach_b(ON_FAILURE_HOLD);
	b->on_submit = SLUICE_DEFER;
	rig_go(&r, SLUICE_OP_WRITE);
	rig_go(&r, SLUICE_OP_READ);
	fake_env_advance(&r.fe, 60000 * MS);
	assert_int_equal(r.reports, 2);
	assert_int_equal(info_of(1).hung_count, 2);
	assert_int_equal(info_of(1).held, 2);
	assert_false(info_of(1).is_bypassed);
	rig_expect(&r, "A>B>A>B>");
	sluice_resume(rig_token(b)); /* late, but it counts: nobody took it back */
	sluice_resume(rig_token(b));
	rig_expect(&r, "=B<A<!=B<A<!");
	assert_int_equal(info_of(1).misuse_count, 0);
}

static void a_token_finished_in_time_is_not_hung(void **state)
{
	attach_b(ON_FAILURE_BYPASS);
	b->on_submit = SLUICE_DEFER;
	for (int i = 0; i < 20; i++) {
		rig_go(&r, SLUICE_OP_WRITE);
		fake_env_advance(&r.fe, 900 * MS);
		sluice_resume(rig_token(b));
	}
	assert_int_equal(info_of(1).hung_count, 0);
	assert_int_equal(r.ended, 20);
	rig_expect_quiet(&r);
}

static void bypass_takes_back_all_that_it_holds(void **state)
{
	struct sluice_token *t;

	attach_b(ON_FAILURE_BYPASS);
	b->on_submit = SLUICE_DEFER;
	rig_go(&r, SLUICE_OP_WRITE);
	fake_env_advance(&r.fe, 700 * MS);
	rig_go(&r, SLUICE_OP_WRITE); /* not past its deadline when the first one is */
	rig_expect(&r, "A>B>A>B>");
	fake_env_advance(&r.fe, 600 * MS);
	rig_expect(&r, "=A<!=A<!");
	rig_expect_report(&r, "filter_bypassed", "B");
	assert_true(info_of(1).is_bypassed);
	assert_int_equal(info_of(1).held, 0);
	rig_go(&r, SLUICE_OP_READ); /* and from now on it is not there */
	rig_expect(&r, "A>=A<!");
	t = rig_token(b);
	sluice_resume(t);
	rig_expect(&r, "");
	assert_int_equal(info_of(1).misuse_count, 1);
	rig_expect_report(&r, "filter_misuse", "B");
}

static void bypass_of_a_hung_done_goes_on_up(void **state)
{
	attach_b(ON_FAILURE_BYPASS);
	b->on_done = SLUICE_DEFER;
	rig_go(&r, SLUICE_OP_READ);
	rig_expect(&r, "A>B>=B<");
	fake_env_advance(&r.fe, 1500 * MS);
	rig_expect(&r, "A<!");
	assert_int_equal(info_of(1).stats[SLUICE_OP_READ].ios, 1);
}

static void bypass_is_refused_for_a_filter_that_is_not_transparent(void **state)
{
	b->ops.flags = 0;
	assert_int_equal(rig_try_attach(&r, b, ON_FAILURE_BYPASS), -EINVAL);
	assert_string_equal(r.err.field, "on_failure");
	assert_non_null(strstr(r.err.text, "'B' is not transparent"));
	assert_int_equal(chain_filter_count(r.c), 1);
}

static void a_bypassed_filter_comes_back_when_attached_anew(void **state)
{
	attach_b(ON_FAILURE_BYPASS);
	b->on_submit = SLUICE_DEFER;
	rig_go(&r, SLUICE_OP_WRITE);
	fake_env_advance(&r.fe, 1500 * MS);
	assert_true(info_of(1).is_bypassed);
	b->token_count = 0;
	b->on_submit = SLUICE_PASS;
	assert_int_equal(rig_detach(&r, "B"), 0);
	attach_b(ON_FAILURE_BYPASS);
	assert_false(info_of(1).is_bypassed);
	rig_go(&r, SLUICE_OP_WRITE);
	rig_expect(&r, "A>B>=B<A<!");
}

/* Its context may still be on the filter's own lists: the memory stays until the filter is gone. */
static void contexts_of_a_bypassed_filter_stay_until_it_is_detached(void **state)
{
	struct t_filter *c = rig_filter(&r, "C", SLUICE_CLASS_CACHE);
	uint8_t *ctx;

	attach_b(ON_FAILURE_BYPASS);
	b->on_submit = SLUICE_DEFER;
	rig_go(&r, SLUICE_OP_WRITE);
	ctx = sluice_io_ctx(b->f, sluice_token_io(b->tokens[0]));
	fake_env_advance(&r.fe, 1500 * MS);
	rig_attach(&r, c); /* the contexts are laid out anew */
	rig_go(&r, SLUICE_OP_WRITE);
	rig_expect(&r, "A>C>=C<A<!");
	assert_int_equal(ctx[0], 'B');
	ctx[1] = 'x';
	b->token_count = 0;
}

static void a_deadline_of_zero_is_the_default(void **state)
{
	attach_b(ON_FAILURE_HOLD);
	b->on_submit = SLUICE_DEFER;
	b->deadline_ms = 0;
	rig_go(&r, SLUICE_OP_WRITE);
	fake_env_advance(&r.fe, 1490 * MS);
	rig_expect_quiet(&r);
	fake_env_advance(&r.fe, 510 * MS);
	rig_expect_report(&r, "filter_hung", "B");
	sluice_resume(rig_token(b));
}

/* The recovery of a log may take minutes. */
static void a_deadline_of_minutes_is_the_filters_word(void **state)
{
	attach_b(ON_FAILURE_HOLD);
	b->on_submit = SLUICE_DEFER;
	b->deadline_ms = 30 * 60 * 1000;
	rig_go(&r, SLUICE_OP_WRITE);
	fake_env_advance(&r.fe, 1799 * 1000 * MS);
	rig_expect_quiet(&r);
	fake_env_advance(&r.fe, 2 * 1000 * MS);
	rig_expect_report(&r, "filter_hung", "B");
	sluice_resume(rig_token(b));
}

/* A record on a slow disk, say: what was held could not be finished meanwhile. */
static void nobody_is_blamed_while_the_worker_itself_stood_still(void **state)
{
	attach_b(ON_FAILURE_BYPASS);
	b->on_submit = SLUICE_DEFER;
	rig_go(&r, SLUICE_OP_WRITE);
	r.fe.now_ns += 5000 * MS;
	fake_env_advance(&r.fe, 100 * MS);
	rig_expect_quiet(&r);
	assert_false(info_of(1).is_bypassed);
	fake_env_advance(&r.fe, 250 * MS); /* a tick more, and it still holds it */
	rig_expect_report(&r, "filter_bypassed", "B");
}

#define T(name) cmocka_unit_test_setup_teardown(name, open_two, close_two)

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    T(a_hung_filter_is_named_within_two_seconds),
	    T(hold_keeps_the_io_and_reports_it_once),
	    T(a_token_finished_in_time_is_not_hung),
	    T(bypass_takes_back_all_that_it_holds),
	    T(bypass_of_a_hung_done_goes_on_up),
	    T(bypass_is_refused_for_a_filter_that_is_not_transparent),
	    T(a_bypassed_filter_comes_back_when_attached_anew),
	    T(contexts_of_a_bypassed_filter_stay_until_it_is_detached),
	    T(a_deadline_of_zero_is_the_default),
	    T(a_deadline_of_minutes_is_the_filters_word),
	    T(nobody_is_blamed_while_the_worker_itself_stood_still),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
