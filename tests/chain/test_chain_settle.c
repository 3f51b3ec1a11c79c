/* SPDX-License-Identifier: MIT */
/* Dirty data goes down before a change: who settles, in what order, under I/O, and what a refusal
 * or a cancellation leaves. */
#include "rig.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static struct rig r;
static struct t_filter *a, *b, *c;
static int (*plain_attach)(struct sluice_filter *f, const union sluice_value *values,
			   struct sluice_error *err);

static int open_three(void **state)
{
	rig_open(&r);
	a = rig_filter(&r, "A", SLUICE_CLASS_REPLICATION);
	b = rig_filter(&r, "B", SLUICE_CLASS_CACHE);
	c = rig_filter(&r, "C", SLUICE_CLASS_IO_CONTROL);
	rig_settles(a);
	rig_settles(b);
	rig_attach(&r, a);
	rig_attach(&r, b);
	rig_attach(&r, c);
	return 0;
}

static int close_three(void **state)
{
	r.be.is_manual = false;
	rig_close(&r);
	return 0;
}

static int reconfigure(struct t_filter *t)
{
	struct chain_filter_cfg cfg = {.ops = &t->ops};

	r.result = -EINPROGRESS;
	chain_reconfigure(r.c, &cfg, rig_control_done, &r);
	fake_env_settle(&r.fe);
	return r.result;
}

static int event(enum sluice_event_kind kind)
{
	struct sluice_event ev = {.kind = kind};

	r.result = -EINPROGRESS;
	chain_event(r.c, &ev, rig_control_done, &r);
	fake_env_settle(&r.fe);
	return r.result;
}

static int grow(void)
{
	r.result = -EINPROGRESS;
	chain_grow(r.c, 2 * RIG_SIZE, rig_control_done, &r);
	fake_env_settle(&r.fe);
	return r.result;
}

static void settled(struct t_filter *t, int result, const char *why)
{
	struct sluice_error err = {{0}, {0}};

	snprintf(err.text, sizeof(err.text), "%s", why);
	sluice_settled(t->f, result, &err);
	fake_env_settle(&r.fe);
}

/* ---------------------------------------------------------------- order */

static void a_detach_settles_that_filter_then_drains(void **state)
{
	assert_int_equal(rig_detach(&r, "B"), 0);
	rig_expect(&r, "B.settle+ A.drain+ B.drain+ C.drain+ B.detach A.drain- C.drain- ");
}

static void new_values_settle_that_filter_and_it_goes_on(void **state)
{
	assert_int_equal(reconfigure(b), 0);
	rig_expect(&r, "B.settle+ A.drain+ B.drain+ C.drain+ B.re-prepare B.re-commit B.settle- "
		       "A.drain- B.drain- C.drain- ");
}

/* Both would have the same log. */
static void a_filter_without_reconfigure_goes_before_the_new_one_comes(void **state)
{
	b->ops.reconfigure = NULL;
	assert_int_equal(reconfigure(b), 0);
	rig_expect(&r, "B.settle+ A.drain+ B.drain+ C.drain+ B.detach B.attach A.drain- C.drain- ");
	rig_go(&r, SLUICE_OP_READ);
	rig_expect(&r, "A>B>C>=C<B<A<!");
}

static int first_refuses(struct sluice_filter *f, const union sluice_value *values,
			 struct sluice_error *err)
{
	rig_log(&r, "refuses%llu ", (unsigned long long)values[0].u64);
	if (b->attach_result == -EAGAIN) { /* once */
		b->attach_result = 0;
		b->ops.attach = plain_attach;
		return -EDOM;
	}
	return -ENODEV;
}

static int reconfigure_with(const char *size_bytes)
{
	const char *name = "size_bytes";
	struct chain_filter_cfg cfg = {
	    .ops = &b->ops, .names = &name, .values = &size_bytes, .value_count = 1};

	r.result = -EINPROGRESS;
	chain_reconfigure(r.c, &cfg, rig_control_done, &r);
	fake_env_settle(&r.fe);
	return r.result;
}

static void a_new_one_that_refuses_brings_the_old_one_back_with_its_values(void **state)
{
	b->ops.reconfigure = NULL;
	assert_int_equal(b->values[0].u64, 4096);
	plain_attach = b->ops.attach;
	b->ops.attach = first_refuses;
	b->attach_result = -EAGAIN;
	assert_int_equal(reconfigure_with("8192"), -EDOM);
	rig_expect(&r,
		   "B.settle+ A.drain+ B.drain+ C.drain+ B.detach refuses8192 B.attach A.drain- "
		   "C.drain- ");
	assert_int_equal(b->values[0].u64, 4096);
	assert_int_equal(chain_filter_count(r.c), 3);
	rig_expect_quiet(&r);
}

static void when_the_old_one_does_not_come_back_either_it_is_told(void **state)
{
	b->ops.reconfigure = NULL;
	b->ops.attach = first_refuses;
	assert_int_equal(reconfigure_with("8192"), -ENODEV);
	rig_expect(&r, "B.settle+ A.drain+ B.drain+ C.drain+ B.detach refuses8192 refuses4096 "
		       "A.drain- C.drain- ");
	rig_expect_report(&r, "filter_lost", "B");
	assert_int_equal(chain_filter_count(r.c), 2);
	rig_go(&r, SLUICE_OP_READ);
	rig_expect(&r, "A>C>=C<A<!");
}

static void a_grow_settles_all_from_the_top_down(void **state)
{
	assert_int_equal(grow(), 0);
	rig_expect(&r, "A.settle+ B.settle+ A.drain+ B.drain+ C.drain+ grow A.prepare B.prepare "
		       "C.prepare A.commit B.commit C.commit A.settle- B.settle- A.drain- B.drain- "
		       "C.drain- ");
}

static void events_that_look_below_settle_and_others_do_not(void **state)
{
	static const char others[] = "A.prepare B.prepare C.prepare A.commit B.commit C.commit ";
	static const char looking[] =
	    "A.settle+ B.settle+ A.drain+ B.drain+ C.drain+ A.prepare B.prepare C.prepare A.commit "
	    "B.commit C.commit A.settle- B.settle- A.drain- B.drain- C.drain- ";

	for (enum sluice_event_kind k = SLUICE_EVENT_START; k <= SLUICE_EVENT_DELETE; k++) {
		bool is_looking = k == SLUICE_EVENT_SNAPSHOT || k == SLUICE_EVENT_REVERT ||
				  k == SLUICE_EVENT_CLONE || k == SLUICE_EVENT_FLUSH;

		if (k == SLUICE_EVENT_GROW)
			continue;
		assert_int_equal(event(k), 0);
		rig_expect(&r, is_looking ? looking : others);
	}
}

static void other_changes_and_the_end_settle_nothing(void **state)
{
	struct t_filter *d = rig_filter(&r, "D", SLUICE_CLASS_INSPECTION);

	assert_int_equal(rig_try_attach(&r, d, ON_FAILURE_HOLD), 0);
	rig_expect(&r, "A.drain+ B.drain+ C.drain+ D.attach A.drain- B.drain- C.drain- ");
	assert_int_equal(rig_detach(&r, "C"), 0);
	rig_expect(&r, "D.drain+ A.drain+ B.drain+ C.drain+ C.detach D.drain- A.drain- B.drain- ");
	assert_int_equal(rig_drain(&r), 0);
	rig_expect(&r, "D.drain+ A.drain+ B.drain+ ");
}

static void a_settling_alone_drains_once(void **state)
{
	r.result = -EINPROGRESS;
	chain_settle(r.c, rig_control_done, &r);
	fake_env_settle(&r.fe);
	assert_int_equal(r.result, 0);
	rig_expect(&r, "A.settle+ B.settle+ A.drain+ B.drain+ C.drain+ A.settle- B.settle- "
		       "A.drain- B.drain- C.drain- ");
}

/* ---------------------------------------------------------------- time */

static void io_flows_for_minutes_while_a_filter_settles(void **state)
{
	uint64_t since_ns;

	b->settle_result = SLUICE_PENDING;
	assert_null(chain_settling(r.c, &since_ns));
	assert_int_equal(rig_detach(&r, "B"), -EINPROGRESS);
	rig_expect(&r, "B.settle+ ");
	for (int i = 0; i < 10; i++) {
		fake_env_advance(&r.fe, 60 * 1000 * MS);
		rig_go(&r, SLUICE_OP_WRITE);
		rig_expect(&r, "A>B>C>=C<B<A<!");
	}
	assert_string_equal(chain_settling(r.c, &since_ns), "B");
	assert_true(env_now_ns(&r.fe.env) - since_ns >= 600 * 1000 * MS);
	rig_expect_quiet(&r);
	settled(b, 0, "");
	assert_int_equal(r.result, 0);
	rig_expect(&r, "A.drain+ B.drain+ C.drain+ B.detach A.drain- C.drain- ");
	assert_null(chain_settling(r.c, &since_ns));
}

static void the_lower_one_settles_after_the_upper_one(void **state)
{
	a->settle_result = b->settle_result = SLUICE_PENDING;
	assert_int_equal(grow(), -EINPROGRESS);
	rig_expect(&r, "A.settle+ ");
	settled(a, 0, "");
	rig_expect(&r, "B.settle+ ");
	settled(b, 0, "");
	assert_int_equal(r.result, 0);
	assert_int_equal(chain_size_bytes(r.c), 2 * RIG_SIZE);
}

static int settles_inside(struct sluice_filter *f, enum sluice_settle phase,
			  struct sluice_error *err)
{
	if (phase == SLUICE_SETTLE_END)
		return 0;
	sluice_settled(f, 0, NULL);
	return SLUICE_PENDING;
}

static void a_result_before_begin_returns_counts(void **state)
{
	b->ops.settle = settles_inside;
	assert_int_equal(rig_detach(&r, "B"), 0);
	rig_expect_quiet(&r);
}

/* ---------------------------------------------------------------- refusals */

static void a_refusal_at_once_leaves_all_as_it_was(void **state)
{
	b->settle_result = -EIO;
	assert_int_equal(rig_detach(&r, "B"), -EIO);
	assert_non_null(strstr(r.err.text, "its log is damaged"));
	assert_non_null(strstr(r.err.text, "'B'"));
	rig_expect(&r, "B.settle+ B.settle- ");
	rig_go(&r, SLUICE_OP_READ);
	rig_expect(&r, "A>B>C>=C<B<A<!");
}

static void a_refusal_later_ends_the_settling_of_those_before_it(void **state)
{
	b->settle_result = SLUICE_PENDING;
	assert_int_equal(grow(), -EINPROGRESS);
	rig_expect(&r, "A.settle+ B.settle+ ");
	settled(b, -ENOSPC, "the datastore is full");
	assert_int_equal(r.result, -ENOSPC);
	assert_non_null(strstr(r.err.text, "the datastore is full"));
	rig_expect(&r, "A.settle- B.settle- ");
	assert_int_equal(chain_size_bytes(r.c), RIG_SIZE);
}

static void a_change_that_fails_after_settling_ends_it(void **state)
{
	b->reconfigure_result = -EINVAL;
	assert_int_equal(reconfigure(b), -EINVAL);
	rig_expect(&r, "B.settle+ A.drain+ B.drain+ C.drain+ B.re-prepare B.settle- A.drain- "
		       "B.drain- C.drain- ");
}

static void a_filter_that_does_not_want_to_leave_goes_on(void **state)
{
	b->leave_result = -EPERM;
	assert_int_equal(rig_detach(&r, "B"), -EPERM);
	assert_non_null(strstr(r.err.text, "the volume is encrypted"));
	rig_expect(&r,
		   "B.settle+ A.drain+ B.drain+ C.drain+ B.settle- A.drain- B.drain- C.drain- ");
	b->leave_result = 0;
	assert_int_equal(rig_detach(&r, "B"), 0);
}

static void a_cancelled_settling_leaves_all_as_it_was(void **state)
{
	assert_false(chain_cancel_settling(r.c));
	b->settle_result = SLUICE_PENDING;
	assert_int_equal(rig_detach(&r, "B"), -EINPROGRESS);
	assert_true(chain_cancel_settling(r.c));
	fake_env_settle(&r.fe);
	assert_int_equal(r.result, -ECANCELED);
	rig_expect(&r, "B.settle+ B.settle- ");
	settled(b, 0, ""); /* too late, and told as such */
	rig_expect_report(&r, "filter_misuse", "B");
	b->settle_result = 0;
	assert_int_equal(rig_detach(&r, "B"), 0);
}

static void what_has_settled_is_not_cancelled(void **state)
{
	b->holds_drain = true;
	assert_int_equal(rig_detach(&r, "B"), -EINPROGRESS);
	assert_false(chain_cancel_settling(r.c));
	sluice_drain_release(b->f);
	fake_env_settle(&r.fe);
	assert_int_equal(r.result, 0);
}

/* ---------------------------------------------------------------- the drain after it */

static void own_ended(struct sluice_own_io *own)
{
	rig_log(&r, "own ");
}

static void a_filter_holds_the_drain_until_the_rest_is_down(void **state)
{
	struct sluice_own_io own = {.op = SLUICE_OP_WRITE, .len_bytes = 4096, .fn = own_ended};

	b->holds_drain = true;
	assert_int_equal(rig_detach(&r, "B"), -EINPROGRESS);
	rig_expect(&r, "B.settle+ A.drain+ B.drain+ C.drain+ ");
	sluice_drain_hold(b->f); /* they nest */
	assert_int_equal(sluice_own_submit(b->f, &own), 0);
	fake_env_settle(&r.fe);
	rig_expect(&r, "C>=C<own ");
	rig_go(&r, SLUICE_OP_READ); /* held above */
	sluice_drain_release(b->f);
	fake_env_settle(&r.fe);
	assert_int_equal(r.result, -EINPROGRESS);
	sluice_drain_release(b->f);
	fake_env_settle(&r.fe);
	assert_int_equal(r.result, 0);
	rig_expect(&r, "B.detach A.drain- C.drain- A>C>=C<A<!");
}

static void who_holds_the_drain_too_long_is_named(void **state)
{
	b->holds_drain = true;
	assert_int_equal(rig_detach(&r, "B"), -EINPROGRESS);
	fake_env_advance(&r.fe, 10001 * MS);
	assert_int_equal(r.result, -ETIMEDOUT);
	assert_non_null(strstr(r.err.text, "'B' has not brought down"));
	rig_expect(&r,
		   "B.settle+ A.drain+ B.drain+ C.drain+ B.settle- A.drain- B.drain- C.drain- ");
	sluice_drain_release(b->f);
	rig_expect_quiet(&r);
	sluice_drain_release(b->f);
	rig_expect_report(&r, "filter_misuse", "B");
	b->holds_drain = false;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_three, close_three)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(a_detach_settles_that_filter_then_drains),
	    TEST(new_values_settle_that_filter_and_it_goes_on),
	    TEST(a_filter_without_reconfigure_goes_before_the_new_one_comes),
	    TEST(a_new_one_that_refuses_brings_the_old_one_back_with_its_values),
	    TEST(when_the_old_one_does_not_come_back_either_it_is_told),
	    TEST(a_grow_settles_all_from_the_top_down),
	    TEST(events_that_look_below_settle_and_others_do_not),
	    TEST(other_changes_and_the_end_settle_nothing),
	    TEST(a_settling_alone_drains_once),
	    TEST(io_flows_for_minutes_while_a_filter_settles),
	    TEST(the_lower_one_settles_after_the_upper_one),
	    TEST(a_result_before_begin_returns_counts),
	    TEST(a_refusal_at_once_leaves_all_as_it_was),
	    TEST(a_refusal_later_ends_the_settling_of_those_before_it),
	    TEST(a_change_that_fails_after_settling_ends_it),
	    TEST(a_filter_that_does_not_want_to_leave_goes_on),
	    TEST(a_cancelled_settling_leaves_all_as_it_was),
	    TEST(what_has_settled_is_not_cancelled),
	    TEST(a_filter_holds_the_drain_until_the_rest_is_down),
	    TEST(who_holds_the_drain_too_long_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
