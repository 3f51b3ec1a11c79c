/* SPDX-License-Identifier: MIT */
/* Host services: timers, work, records, figures; and the name of who runs. */
#include "rig.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "hist.h"

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

static void a_filter_knows_its_volume(void **state)
{
	assert_string_equal(sluice_volume_name(a->f), "vol1");
	assert_int_equal(sluice_volume_size_bytes(a->f), RIG_SIZE);
	assert_int_equal(sluice_volume_block_bytes(a->f), 512);
	assert_ptr_equal(sluice_state(a->f), a);
	assert_int_equal(sluice_now_ns(a->f), r.fe.now_ns);
	assert_int_not_equal(sluice_random_u64(a->f), sluice_random_u64(a->f));
}

/* ---------------------------------------------------------------- timers */

static uint32_t fired;
static void on_timer(struct sluice_timer *t)
{
	fired++;
	assert_string_equal(r.blame, "B");
	if (t->ctx)
		sluice_resume(t->ctx);
	assert_string_equal(r.blame, "B"); /* what it resumed moves on when it has returned */
}

static void a_timer_fires_once_at_its_time(void **state)
{
	struct sluice_timer t = {.fn = on_timer};

	fired = 0;
	sluice_timer_set(b->f, &t, sluice_now_ns(b->f) + 10 * MS);
	sluice_timer_set(b->f, &t, sluice_now_ns(b->f) + 20 * MS); /* moves it */
	fake_env_advance(&r.fe, 19 * MS);
	assert_int_equal(fired, 0);
	fake_env_advance(&r.fe, 100 * MS);
	assert_int_equal(fired, 1);
	sluice_timer_set(b->f, &t, sluice_now_ns(b->f) + 20 * MS);
	sluice_timer_cancel(b->f, &t);
	sluice_timer_cancel(b->f, &t);
	fake_env_advance(&r.fe, 100 * MS);
	assert_int_equal(fired, 1);
}

static void a_timer_may_finish_a_token(void **state)
{
	struct sluice_timer t = {.fn = on_timer};

	b->on_submit = SLUICE_DEFER;
	rig_go(&r, SLUICE_OP_READ);
	t.ctx = rig_token(b);
	sluice_timer_set(b->f, &t, sluice_now_ns(b->f) + MS);
	fake_env_advance(&r.fe, MS);
	rig_expect(&r, "A>B>=B<A<!");
}

static void a_detach_takes_forgotten_timers_away(void **state)
{
	struct sluice_timer t = {.fn = on_timer};

	fired = 0;
	sluice_timer_set(b->f, &t, sluice_now_ns(b->f) + MS);
	assert_int_equal(rig_detach(&r, "B"), 0);
	fake_env_advance(&r.fe, 10 * MS);
	assert_int_equal(fired, 0);
	assert_string_equal(r.report_kind, "filter_misuse");
}

/* ---------------------------------------------------------------- work */

static void work_run(struct sluice_work *w)
{
	rig_log(&r, "run ");
}

static void work_done(struct sluice_work *w)
{
	rig_log(&r, "done ");
	sluice_complete(w->ctx);
}

static void work_ends_with_a_token(void **state)
{
	struct sluice_work w = {.run = work_run, .done = work_done};

	b->on_submit = SLUICE_DEFER;
	rig_go(&r, SLUICE_OP_READ);
	w.ctx = rig_token(b);
	sluice_work_submit(b->f, &w);
	assert_true(fake_env_run_work(&r.fe));
	fake_env_settle(&r.fe);
	rig_expect(&r, "A>B>run done A<!");
}

static void work_done_only(struct sluice_work *w) {}

static void a_drain_waits_for_work(void **state)
{
	struct sluice_work w = {.run = work_run, .done = work_done_only};

	sluice_work_submit(b->f, &w);
	assert_int_equal(rig_drain(&r), -EINPROGRESS);
	assert_true(fake_env_run_work(&r.fe));
	fake_env_settle(&r.fe);
	assert_int_equal(r.result, 0);
	chain_release(r.c);
}

/* ---------------------------------------------------------------- records */

static char stored[128];
static int store_put(void *ctx, const char *filter, const char *key, const void *data,
		     size_t size_bytes)
{
	snprintf(stored, sizeof(stored), "%s/%s=%.*s", filter, key, (int)size_bytes,
		 (const char *)data);
	return 0;
}

static int store_get(void *ctx, const char *filter, const char *key, void *data, size_t room_bytes,
		     size_t *size_bytes)
{
	return -ENOENT;
}

static void records_go_to_the_volume(void **state)
{
	static char large[(64 << 10) + 1];
	struct chain_host host = {.store_put = store_put, .store_get = store_get};
	struct chain_cfg cfg = {.env = &r.fe.env,
				.backend = &r.be.b,
				.volume = "vol2",
				.block_bytes = 512,
				.max_ios = 1,
				.host = &host};
	struct chain_filter_cfg fcfg = {.ops = &b->ops};
	struct chain *c;
	size_t n;

	assert_int_equal(sluice_store_put(b->f, "key", "x", 1), -EIO); /* this volume keeps none */
	assert_int_equal(chain_create(&cfg, &c, NULL), 0);
	chain_attach(c, &fcfg, rig_control_done, &r);
	fake_env_settle(&r.fe);
	assert_int_equal(sluice_store_put(b->f, "term_1", "abc", 3), 0);
	assert_string_equal(stored, "B/term_1=abc");
	assert_int_equal(sluice_store_get(b->f, "term_1", stored, 1, &n), -ENOENT);
	assert_int_equal(sluice_store_put(b->f, "../x", "abc", 3), -EINVAL);
	assert_int_equal(sluice_store_put(b->f, "", "abc", 3), -EINVAL);
	assert_int_equal(sluice_store_put(b->f, "a23456789012345678901234567890123", "abc", 3),
			 -EINVAL);
	assert_int_equal(sluice_store_put(b->f, "key", large, sizeof(large)), -EINVAL);
	chain_detach_all(c);
	chain_destroy(c);
}

/* ---------------------------------------------------------------- figures */

static struct chain_filter_info info_of(uint32_t index)
{
	struct chain_filter_info info;

	chain_filter_info(r.c, index, &info);
	return info;
}

static void every_filter_and_the_backend_count(void **state)
{
	const struct chain_op_stats *read, *bottom = &chain_backend_stats(r.c)[SLUICE_OP_READ];
	struct chain_filter_info info;

	r.be.is_manual = true;
	for (int i = 0; i < 4; i++) {
		rig_go(&r, SLUICE_OP_READ);
		fake_env_advance(&r.fe, 100000);
		rig_end(&r, i == 3 ? SLUICE_ERR_IO : SLUICE_OK);
	}
	info = info_of(1);
	read = &info.stats[SLUICE_OP_READ];
	assert_int_equal(read->ios, 4);
	assert_int_equal(read->errors, 1);
	assert_int_equal(read->bytes, 4 * 4096);
	assert_int_equal(read->latency_ns_buckets[hist_bucket(100000)], 4);
	assert_int_equal(bottom->ios, 4);
	assert_int_equal(bottom->errors, 1);
	assert_int_equal(bottom->latency_ns_buckets[hist_bucket(100000)], 4);
	assert_int_equal(info_of(0).stats[SLUICE_OP_WRITE].ios, 0);
}

static void a_filter_above_counts_what_one_below_completed_and_the_backend_does_not(void **state)
{
	b->on_submit = SLUICE_COMPLETE;
	rig_go(&r, SLUICE_OP_READ);
	assert_int_equal(info_of(0).stats[SLUICE_OP_READ].ios, 1);
	assert_int_equal(info_of(1).stats[SLUICE_OP_READ].ios, 1);
	assert_int_equal(chain_backend_stats(r.c)[SLUICE_OP_READ].ios, 0);
}

static void the_time_that_a_filter_holds_is_its_own(void **state)
{
	uint64_t *buckets;

	b->on_submit = SLUICE_DEFER;
	rig_go(&r, SLUICE_OP_WRITE);
	fake_env_advance(&r.fe, 5 * MS);
	sluice_resume(rig_token(b));
	buckets = (uint64_t *)(uintptr_t)info_of(1).stats[SLUICE_OP_WRITE].latency_ns_buckets;
	assert_int_equal(buckets[hist_bucket(5 * MS)], 1);
	assert_int_equal(chain_backend_stats(r.c)[SLUICE_OP_WRITE].latency_ns_buckets[0], 1);
}

static void info_names_position_and_policy(void **state)
{
	struct chain_filter_info info = info_of(1);
	char json[8];

	assert_ptr_equal(info.ops, &b->ops);
	assert_int_equal(info.position, SLUICE_CLASS_CACHE);
	assert_int_equal(info.on_failure, ON_FAILURE_HOLD);
	assert_int_equal(chain_filter_status(r.c, 1, json, sizeof(json)), 2);
	assert_string_equal(json, "{}");
}

#define T(name) cmocka_unit_test_setup_teardown(name, open_two, close_two)

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    T(a_filter_knows_its_volume),
	    T(a_timer_fires_once_at_its_time),
	    T(a_timer_may_finish_a_token),
	    T(a_detach_takes_forgotten_timers_away),
	    T(work_ends_with_a_token),
	    T(a_drain_waits_for_work),
	    T(records_go_to_the_volume),
	    T(every_filter_and_the_backend_count),
	    T(a_filter_above_counts_what_one_below_completed_and_the_backend_does_not),
	    T(the_time_that_a_filter_holds_is_its_own),
	    T(info_names_position_and_policy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
