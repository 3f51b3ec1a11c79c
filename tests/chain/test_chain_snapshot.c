/* SPDX-License-Identifier: MIT */
/* A filter asks for a snapshot of its own volume: one answer, also when the filter or the host goes
 * first, and filters that bring dirty data down do not keep it for ever. */
#include "rig.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "chain_int.h"

static struct rig r;
static struct t_filter *a, *b;
static struct sluice_snapshot_call call;
static struct {
	uint32_t asked, answers;
	int result;
	char text[256], snapshot[40], name[64], blame[64];
	enum sluice_snapshot_what what;
	chain_done_fn fn;
	void *ctx;
} host;

static void host_snapshot(void *ctx, const struct chain_snapshot *s, chain_done_fn fn, void *fn_ctx)
{
	assert_ptr_equal(ctx, &r);
	host.asked++;
	host.what = s->what;
	snprintf(host.snapshot, sizeof(host.snapshot), "%s", s->snapshot);
	snprintf(host.name, sizeof(host.name), "%s", s->name);
	host.fn = fn;
	host.ctx = fn_ctx;
}

static int open_two(void **state)
{
	memset(&host, 0, sizeof(host));
	rig_open(&r);
	r.c->host.snapshot = host_snapshot;
	a = rig_filter(&r, "A", SLUICE_CLASS_REPLICATION);
	b = rig_filter(&r, "B", SLUICE_CLASS_CACHE);
	rig_settles(b);
	rig_attach(&r, a);
	rig_attach(&r, b);
	return 0;
}

static int close_two(void **state)
{
	rig_close(&r);
	return 0;
}

static void answered(struct sluice_snapshot_call *c, int result, const struct sluice_error *err)
{
	assert_ptr_equal(c, &call);
	host.answers++;
	host.result = result;
	snprintf(host.text, sizeof(host.text), "%s", err ? err->text : "");
	snprintf(host.blame, sizeof(host.blame), "%s", r.blame);
}

static void ask(enum sluice_snapshot_what what)
{
	char uuid[] = "11111111-2222-4333-8444-555555555555", name[] = "monday";

	call = (struct sluice_snapshot_call){
	    .what = what, .snapshot = uuid, .name = name, .settle_ms = 500, .fn = answered};
	sluice_snapshot_submit(a->f, &call);
	memset(uuid, 'x', sizeof(uuid) - 1); /* the host has copies */
	memset(name, 'x', sizeof(name) - 1);
	assert_int_equal(host.answers, 0);
}

static void answer(int result, const char *text)
{
	struct err err;

	if (result)
		err_set(&err, -result, "", "%s", text);
	host.fn(host.ctx, result, result ? &err : NULL);
}

static void the_host_is_asked_and_answers_once(void **state)
{
	ask(SLUICE_SNAPSHOT_MAKE);
	assert_int_equal(host.asked, 1);
	assert_string_equal(host.snapshot, "11111111-2222-4333-8444-555555555555");
	assert_string_equal(host.name, "monday");
	answer(0, NULL);
	assert_int_equal(host.answers, 1);
	assert_int_equal(host.result, 0);
	assert_string_equal(host.blame, "A");
}

static void a_refusal_comes_with_its_sentence(void **state)
{
	ask(SLUICE_SNAPSHOT_DELETE);
	assert_int_equal(host.what, SLUICE_SNAPSHOT_DELETE);
	answer(-EBUSY, "a clone rests on it");
	assert_int_equal(host.result, -EBUSY);
	assert_string_equal(host.text, "a clone rests on it");
}

static void without_a_host_for_it_the_answer_is_no(void **state)
{
	r.c->host.snapshot = NULL;
	ask(SLUICE_SNAPSHOT_FIND);
	fake_env_settle(&r.fe);
	assert_int_equal(host.answers, 1);
	assert_int_equal(host.result, -EOPNOTSUPP);
}

static void a_filter_that_goes_first_hears_so_and_the_answer_goes_nowhere(void **state)
{
	ask(SLUICE_SNAPSHOT_MAKE);
	r.result = -EINPROGRESS;
	chain_detach(r.c, "A", rig_control_done, &r);
	fake_env_settle(&r.fe);
	assert_int_equal(host.answers, 1);
	assert_int_equal(host.result, -ECANCELED);
	assert_int_equal(r.result, -EINPROGRESS); /* its handle stays for the answer */
	answer(0, NULL);
	fake_env_settle(&r.fe);
	assert_int_equal(host.answers, 1);
	assert_int_equal(r.result, 0);
}

static void prepared(void *ctx)
{
	rig_log(&r, "prepared ");
}

static void held(void *ctx)
{
	rig_log(&r, "held ");
}

/* The point that the host makes for it: B does not come to an end. */
static void settling_ends_at_the_callers_limit(void **state)
{
	static const struct chain_point_host ph = {prepared, held, rig_control_done};
	const struct sluice_event ev = {.kind = SLUICE_EVENT_SNAPSHOT, .name = "n", .uuid = "u"};

	b->settle_result = SLUICE_PENDING;
	ask(SLUICE_SNAPSHOT_MAKE);
	r.result = -EINPROGRESS;
	chain_point_begin(r.c, &ev, &ph, &r);
	fake_env_settle(&r.fe);
	fake_env_advance(&r.fe, 499 * MS);
	assert_int_equal(r.result, -EINPROGRESS);
	fake_env_advance(&r.fe, 2 * MS);
	assert_int_equal(r.result, -ECANCELED);
	answer(r.result, r.err.text);
	assert_int_equal(host.result, -ECANCELED);
}

/* What is past its settling is not stopped half way. */
static void a_point_that_has_prepared_is_not_cancelled(void **state)
{
	static const struct chain_point_host ph = {prepared, held, rig_control_done};
	const struct sluice_event ev = {.kind = SLUICE_EVENT_SNAPSHOT, .name = "n", .uuid = "u"};

	ask(SLUICE_SNAPSHOT_MAKE);
	r.result = -EINPROGRESS;
	chain_point_begin(r.c, &ev, &ph, &r);
	fake_env_settle(&r.fe);
	fake_env_advance(&r.fe, 900 * MS);
	chain_point_hold(r.c);
	fake_env_settle(&r.fe);
	chain_point_end(r.c, 0, NULL);
	fake_env_settle(&r.fe);
	assert_int_equal(r.result, 0);
	answer(0, NULL);
	assert_int_equal(host.result, 0);
}

#define T(name) cmocka_unit_test_setup_teardown(name, open_two, close_two)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    T(the_host_is_asked_and_answers_once),
	    T(a_refusal_comes_with_its_sentence),
	    T(without_a_host_for_it_the_answer_is_no),
	    T(a_filter_that_goes_first_hears_so_and_the_answer_goes_nowhere),
	    T(settling_ends_at_the_callers_limit),
	    T(a_point_that_has_prepared_is_not_cancelled),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
