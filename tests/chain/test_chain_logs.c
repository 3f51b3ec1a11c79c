/* SPDX-License-Identifier: MIT */
/* What a filter's logs run on: everything comes back inside a walk with the filter named, and a
 * filter that is detached stays until its logs have let go. */
#include "rig.h"

#include <errno.h>
#include <string.h>

#include "chain_int.h"

static struct rig r;
static struct t_filter *a;
static struct env *logs;

static int open_one(void **state)
{
	rig_open(&r);
	a = rig_filter(&r, "A", SLUICE_CLASS_CACHE);
	rig_attach(&r, a);
	logs = rlog_env_of(a->f);
	assert_non_null(logs);
	assert_ptr_equal(rlog_env_of(a->f), logs);
	return 0;
}

static int close_one(void **state)
{
	rig_close(&r);
	return 0;
}

static void log_blame(const char *what)
{
	assert_string_equal(r.blame, "A");
	rig_log(&r, "%s ", what);
}

static void on_msg(struct env_msg *m)
{
	log_blame(m->ctx);
}

static void on_timer(struct env_timer *t)
{
	log_blame("timer");
}

static void on_run(struct env_work *w) {}

static void on_work(struct env_work *w)
{
	log_blame("work");
}

static void messages_timers_and_work_come_back_in_order_with_the_filter_named(void **state)
{
	static char one[] = "1", two[] = "2", three[] = "3";
	struct env_msg m[3] = {
	    {.fn = on_msg, .ctx = one}, {.fn = on_msg, .ctx = two}, {.fn = on_msg, .ctx = three}};
	struct env_timer t = {.fn = on_timer};
	struct env_work w = {.run = on_run, .done = on_work};

	for (int i = 0; i < 3; i++)
		env_post(logs, &m[i]);
	fake_env_settle(&r.fe);
	rig_expect(&r, "1 2 3 ");
	env_post(logs, &m[0]);
	fake_env_settle(&r.fe);
	rig_expect(&r, "1 ");
	env_work_submit(logs, &w);
	assert_true(fake_env_run_work(&r.fe));
	fake_env_settle(&r.fe);
	rig_expect(&r, "work ");
	env_timer_set(logs, &t, env_now_ns(logs) + 5 * MS);
	assert_true(env_timer_is_set(&t));
	env_timer_set(logs, &t, env_now_ns(logs) + 20 * MS); /* moved */
	fake_env_advance(&r.fe, 10 * MS);
	rig_expect(&r, "");
	fake_env_advance(&r.fe, 11 * MS);
	rig_expect(&r, "timer ");
	assert_false(env_timer_is_set(&t));
	env_timer_set(logs, &t, env_now_ns(logs) + 5 * MS);
	env_timer_cancel(logs, &t);
	env_timer_cancel(logs, &t);
	fake_env_advance(&r.fe, 10 * MS);
	rig_expect(&r, "");
}

static void many_timers_are_told_apart(void **state)
{
	struct env_timer t[40] = {{0}};

	for (uint32_t i = 0; i < 40; i++) {
		t[i] = (struct env_timer){.fn = on_timer};
		env_timer_set(logs, &t[i], env_now_ns(logs) + (i + 1) * MS);
	}
	for (uint32_t i = 0; i < 40; i += 2)
		env_timer_cancel(logs, &t[i]);
	fake_env_advance(&r.fe, 3 * MS + MS / 2);
	assert_false(env_timer_is_set(&t[1]));
	assert_true(env_timer_is_set(&t[3]));
	fake_env_advance(&r.fe, 2 * MS);
	rig_expect(&r, "timer timer ");
	for (uint32_t i = 0; i < 40; i++)
		env_timer_cancel(logs, &t[i]);
}

static void resume(struct env_msg *m)
{
	struct sluice_token *t = rig_token(a);

	sluice_resume(t);
	rig_log(&r, "resumed ");
	a->on_submit = SLUICE_PASS;
}

/* As a filter's own callbacks do: the I/O moves after the callback has returned. */
static void what_a_callback_lets_go_moves_after_it(void **state)
{
	struct env_msg m = {.fn = resume};

	a->on_submit = SLUICE_DEFER;
	rig_go(&r, SLUICE_OP_READ);
	rig_expect(&r, "A>");
	env_post(logs, &m);
	fake_env_settle(&r.fe);
	rig_expect(&r, "resumed =A<!");
}

static struct env_work work = {.run = on_run, .done = on_work};

static void a_detach_waits_for_its_logs(void **state)
{
	env_work_submit(logs, &work);
	assert_int_equal(rig_detach(&r, "A"), -EINPROGRESS);
	assert_int_equal(chain_filter_count(r.c), 0);
	r.log[0] = '\0';
	rig_go(&r, SLUICE_OP_READ);
	fake_env_advance(&r.fe, 60 * 1000 * MS);
	rig_expect(&r, ""); /* the change has not ended: I/O waits */
	assert_true(fake_env_run_work(&r.fe));
	fake_env_settle(&r.fe);
	assert_int_equal(r.result, 0);
	rig_expect(&r, "work =!");
}

static void the_next_one_comes_when_the_logs_of_the_one_before_are_closed(void **state)
{
	struct chain_filter_cfg cfg = {.ops = &a->ops};

	rig_settles(a);
	a->ops.reconfigure = NULL;
	env_work_submit(logs, &work);
	r.log[0] = '\0';
	r.result = -EINPROGRESS;
	chain_reconfigure(r.c, &cfg, rig_control_done, &r);
	fake_env_advance(&r.fe, 20 * 1000 * MS);
	rig_expect(&r, "A.settle+ A.drain+ A.detach ");
	assert_true(fake_env_run_work(&r.fe));
	fake_env_settle(&r.fe);
	assert_int_equal(r.result, 0);
	rig_expect(&r, "work A.attach ");
}

/* It may have begun one before it refused. */
static int refuses_with_work(struct sluice_filter *f, const union sluice_value *values,
			     struct sluice_error *err)
{
	env_work_submit(rlog_env_of(f), &work);
	return -EMEDIUMTYPE;
}

static void a_refused_attach_waits_for_its_logs(void **state)
{
	struct t_filter *b = rig_filter(&r, "B", SLUICE_CLASS_INSPECTION);

	work.done = on_run;
	b->ops.attach = refuses_with_work;
	assert_int_equal(rig_try_attach(&r, b, ON_FAILURE_HOLD), -EINPROGRESS);
	assert_true(fake_env_run_work(&r.fe));
	fake_env_settle(&r.fe);
	assert_int_equal(r.result, -EMEDIUMTYPE);
	assert_int_equal(chain_filter_count(r.c), 1);
	work.done = on_work;
}

static uint32_t left_count;

static void left(void *ctx)
{
	left_count++;
}

static void the_end_of_a_chain_waits_for_its_logs(void **state)
{
	left_count = 0;
	env_work_submit(logs, &work);
	assert_int_equal(rig_drain(&r), 0); /* logs are not on the volume */
	chain_detach_all(r.c);
	chain_when_left(r.c, left, NULL);
	fake_env_settle(&r.fe);
	assert_int_equal(left_count, 0);
	assert_true(fake_env_run_work(&r.fe));
	fake_env_settle(&r.fe);
	assert_int_equal(left_count, 1);
	chain_when_left(r.c, left, NULL);
	assert_int_equal(left_count, 2);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_one, close_one)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(messages_timers_and_work_come_back_in_order_with_the_filter_named),
	    TEST(many_timers_are_told_apart),
	    TEST(what_a_callback_lets_go_moves_after_it),
	    TEST(a_detach_waits_for_its_logs),
	    TEST(the_next_one_comes_when_the_logs_of_the_one_before_are_closed),
	    TEST(a_refused_attach_waits_for_its_logs),
	    TEST(the_end_of_a_chain_waits_for_its_logs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
