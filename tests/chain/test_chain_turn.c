/* SPDX-License-Identifier: MIT */
/* A turn: background I/O below the chain is scheduled by the filter of that class, and by it alone.
 */
#include "rig.h"

#include <errno.h>
#include <string.h>

static struct rig r;
static struct t_filter *cache, *control;
static struct chain_turn turn;
static bool ends_at_once, asks_again;

static void granted(struct chain_turn *t)
{
	rig_log(&r, "granted ");
	if (ends_at_once)
		chain_turn_end(r.c, t, true);
	if (asks_again) {
		asks_again = false;
		assert_true(chain_turn_ask(r.c, t));
	}
}

static bool ask(void)
{
	turn = (struct chain_turn){.is_write = true, .len_bytes = 4096, .fn = granted};
	return chain_turn_ask(r.c, &turn);
}

static int open_two(void **state)
{
	ends_at_once = asks_again = false;
	rig_open(&r);
	cache = rig_filter(&r, "A", SLUICE_CLASS_CACHE);
	control = rig_filter(&r, "C", SLUICE_CLASS_IO_CONTROL);
	rig_attach(&r, cache);
	rig_attach(&r, control);
	return 0;
}

static int close_it(void **state)
{
	rig_close(&r);
	return 0;
}

static uint16_t seen_flags;
static uint64_t seen_len_bytes;

static void see(struct t_filter *t, struct sluice_io *io)
{
	seen_flags = io->flags;
	seen_len_bytes = io->len_bytes;
}

static void it_goes_through_the_scheduler_alone_and_never_to_the_backend(void **state)
{
	control->on_submit_hook = see;
	assert_true(ask());
	rig_expect(&r, "C>granted ");
	assert_int_equal(seen_flags, SLUICE_IO_OWN); /* background, nobody waits for it */
	assert_int_equal(seen_len_bytes, 4096);
	chain_turn_end(r.c, &turn, true);
	rig_expect(&r, "C<");
	ends_at_once = asks_again = true; /* from inside of the grant */
	assert_true(ask());
	rig_expect(&r, "C>granted C<C>granted C<");
}

static void without_a_scheduler_there_is_none_to_wait_for(void **state)
{
	assert_int_equal(rig_detach(&r, "C"), 0);
	r.log[0] = '\0';
	assert_false(ask());
	rig_expect(&r, "");
}

static void it_waits_as_long_as_the_scheduler_says(void **state)
{
	control->on_submit = SLUICE_DEFER;
	assert_true(ask());
	rig_expect(&r, "C>");
	control->on_submit = SLUICE_PASS;
	sluice_resume(rig_token(control));
	rig_expect(&r, "granted ");
	chain_turn_end(r.c, &turn, true);
	rig_expect(&r, "C<");
}

static void a_drain_waits_for_it_and_it_waits_for_the_end_of_the_hold(void **state)
{
	assert_true(ask());
	assert_int_equal(rig_drain(&r), -EINPROGRESS);
	rig_expect(&r, "C>granted A.drain+ C.drain+ ");
	chain_turn_end(r.c, &turn, true);
	assert_true(ask());
	fake_env_settle(&r.fe);
	assert_int_equal(r.result, 0);
	rig_expect(&r, "C<");
	chain_release(r.c);
	rig_expect(&r, "A.drain- C.drain- C>granted ");
	chain_turn_end(r.c, &turn, true);
	rig_expect(&r, "C<");
}

static void a_scheduler_that_goes_leaves_nobody_waiting(void **state)
{
	control->on_submit = SLUICE_DEFER;
	control->resumes_on_drain = true;
	assert_true(ask());
	rig_expect(&r, "C>");
	ends_at_once = true;
	assert_int_equal(rig_detach(&r, "C"), 0);
	assert_non_null(strstr(r.log, "granted "));
	/* And one that is asked for while it goes. */
	control->on_submit = SLUICE_PASS;
	rig_attach(&r, control);
	r.log[0] = '\0';
	ends_at_once = false;
	assert_true(ask());
	r.result = -EINPROGRESS;
	chain_detach(r.c, "C", rig_control_done, &r);
	fake_env_settle(&r.fe);
	chain_turn_end(r.c, &turn, true);
	assert_true(ask());
	r.log[0] = '\0';
	fake_env_settle(&r.fe);
	assert_int_equal(r.result, 0);
	assert_non_null(strstr(r.log, "granted "));
	assert_null(strstr(r.log, "C>"));
	chain_turn_end(r.c, &turn, false);
}

static void a_bypassed_scheduler_is_none(void **state)
{
	assert_int_equal(rig_detach(&r, "C"), 0);
	control->ops.flags |= SLUICE_FILTER_TRANSPARENT;
	assert_int_equal(rig_try_attach(&r, control, ON_FAILURE_BYPASS), 0);
	r.log[0] = '\0';
	control->on_submit = SLUICE_DEFER;
	control->deadline_ms = 1000;
	assert_true(ask());
	rig_expect(&r, "C>");
	fake_env_advance(&r.fe, 2000 * MS);
	rig_expect(&r, "granted ");
	chain_turn_end(r.c, &turn, true);
	rig_expect(&r, "");
	assert_false(ask());
	rig_token(control); /* it comes back never */
	fake_env_settle(&r.fe);
}

static void a_cancelled_one_is_not_granted_and_another_may_be_asked_for(void **state)
{
	control->on_submit = SLUICE_DEFER;
	control->resumes_on_abort = true;
	assert_true(ask());
	chain_turn_cancel(r.c, &turn);
	control->on_submit = SLUICE_PASS;
	assert_true(ask());
	assert_null(strstr(strstr(r.log, "granted ") + 1, "granted "));
	chain_turn_end(r.c, &turn, true);
	/* One that waits for the end of a hold. */
	assert_int_equal(rig_drain(&r), 0);
	assert_true(ask());
	chain_turn_cancel(r.c, &turn);
	r.log[0] = '\0';
	chain_release(r.c);
	rig_expect(&r, "A.drain- C.drain- ");
	/* A scheduler that does not listen lets go later. */
	control->on_submit = SLUICE_DEFER;
	control->resumes_on_abort = false;
	assert_true(ask());
	chain_turn_cancel(r.c, &turn);
	control->on_submit = SLUICE_PASS;
	assert_true(ask());
	rig_expect(&r, "C>C.abort ");
	sluice_resume(rig_token(control));
	rig_expect(&r, "C>granted ");
	chain_turn_end(r.c, &turn, true);
}

static void a_scheduler_that_fails_it_does_not_stop_what_asked(void **state)
{
	control->on_submit = SLUICE_FAIL;
	assert_true(ask());
	rig_expect(&r, "C>granted ");
	chain_turn_end(r.c, &turn, true);
	rig_expect(&r, "");
	control->on_submit = SLUICE_PASS;
}

#define T(name) cmocka_unit_test_setup_teardown(name, open_two, close_it)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    T(it_goes_through_the_scheduler_alone_and_never_to_the_backend),
	    T(without_a_scheduler_there_is_none_to_wait_for),
	    T(it_waits_as_long_as_the_scheduler_says),
	    T(a_drain_waits_for_it_and_it_waits_for_the_end_of_the_hold),
	    T(a_scheduler_that_goes_leaves_nobody_waiting),
	    T(a_bypassed_scheduler_is_none),
	    T(a_cancelled_one_is_not_granted_and_another_may_be_asked_for),
	    T(a_scheduler_that_fails_it_does_not_stop_what_asked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
