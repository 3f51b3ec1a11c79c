/* SPDX-License-Identifier: MIT */
/*
 * Time: ten and a hundred years of it without drift or overflow, a clock that stands still, goes
 * back, or jumps forward by an hour.
 */
#include "mclock_int.h"
#include "mclock_rig.h"

#include <stdlib.h>

#define YEAR (365ull * 86400 * SEC)

/* A rate that divides nothing: the n-th goes exactly when n-1 of its costs have passed, to the ns.
 */
static void tags_do_not_drift_in_ten_years(void **state)
{
	const uint64_t cost = 1000003, rate = 7;
	struct mclock_tag t = {.rate = rate, .ns = SEC};
	uint64_t n = 0;

	while (t.ns < SEC + 10 * YEAR) {
		mclock_tag_charge(&t, cost, t.ns, 0);
		n++;
		assert_int_equal(t.ns, SEC + (uint64_t)((__uint128_t)n * cost * SEC / rate));
	}
	assert_in_range(n, 2200, 2220);
}

static void many_small_steps_do_not_drift(void **state)
{
	struct mclock_tag t = {.rate = 999983, .ns = 0};

	for (uint64_t n = 0; n < 3 * 999983; n++)
		mclock_tag_charge(&t, 1, t.ns, 0);
	assert_int_equal(t.ns, 3 * SEC);
}

/* The largest cost at the smallest rate, late in a hundred years. */
static void the_largest_debt_fits_in_a_hundred_years(void **state)
{
	uint64_t now_ns = 100 * YEAR;
	struct mclock_tag t = {.rate = 1, .ns = now_ns};

	mclock_tag_charge(&t, MCLOCK_COST_MAX, now_ns, 10 * MS);
	assert_int_equal(t.ns, now_ns + MCLOCK_COST_MAX * SEC);
	assert_true(t.ns < INT64_MAX);
	mclock_tag_set_rate(&t, MCLOCK_RATE_MAX, now_ns);
	assert_in_range(t.ns - now_ns, 4294967, 4294968); /* 4 GiB at 1 TB/s */
	mclock_tag_set_rate(&t, 1, now_ns);
	assert_in_range(t.ns - now_ns, (MCLOCK_COST_MAX - 1) * SEC, MCLOCK_COST_MAX * SEC);
}

/* A client that had 10 million units a second for a hundred years still divides with the others. */
static void shares_hold_after_a_hundred_years(void **state)
{
	struct rig *r = rig_new(1, 100 * YEAR);
	uint32_t a = rig_add(r, (struct mclock_config){.shares = 200, .limit_iops = 1000000});
	uint32_t b = rig_add(r, (struct mclock_config){.shares = 400});
	uint64_t p = 10000000ull * (100 * YEAR / SEC) * (MCLOCK_P_SCALE / 200);

	r->m->v[MCLOCK_FOREGROUND] = r->clients[a]->p = p;
	rig_flood(r, a, 4);
	rig_flood(r, b, 4);
	for (uint32_t i = 0; i < 300000; i++) {
		assert_true(rig_next(r, true, true) >= 0);
		r->now_ns += 100000;
	}
	assert_in_range(r->units[a], 99900, 100100);
	assert_true(r->clients[a]->p > p && r->clients[b]->p > p);
	rig_free(r);
}

static void a_clock_that_stands_still_holds_limits_and_serves_shares(void **state)
{
	struct rig *r = rig_new(1, SEC);
	uint32_t a =
	    rig_add(r, (struct mclock_config){.shares = 1000, .limit_iops = 1000, .burst_ms = 20});
	uint32_t b = rig_add(r, (struct mclock_config){.shares = 1000});

	r->now_ns += SEC;
	rig_flood(r, a, 4);
	rig_flood(r, b, 4);
	for (uint32_t i = 0; i < 100000; i++)
		assert_true(rig_next(r, true, true) >= 0);
	assert_int_equal(r->units[a], 21);
	rig_free(r);
}

static void a_jump_forward_is_worth_a_burst(void **state)
{
	struct rig *r = rig_new(1, SEC);
	uint32_t a =
	    rig_add(r, (struct mclock_config){.shares = 1000, .limit_iops = 1000, .burst_ms = 20});
	uint32_t b = rig_add(r, (struct mclock_config){.shares = 1000, .reservation_iops = 1000});
	uint64_t before;

	rig_flood(r, a, 4);
	rig_flood(r, b, 4);
	while (rig_next(r, false, true) >= 0)
		continue;
	before = r->units[a] + r->units[b];
	r->now_ns += 3600 * SEC;
	while (rig_next(r, false, true) >= 0)
		continue;
	assert_int_equal(r->units[a] + r->units[b] - before, MCLOCK_LATE_MS + 1);
	for (uint32_t i = 0; i < 1000; i++)
		assert_true(rig_next(r, true, true) >= 0);
	assert_int_equal(r->units[a],
			 1 + 20); /* one at first; the jump's burst and its own request */
	rig_free(r);
}

static void time_does_not_go_back(void **state)
{
	struct rig *r = rig_new(1, 10 * SEC);
	uint32_t a = rig_add(r, (struct mclock_config){.shares = 1000, .limit_iops = 1000});

	rig_flood(r, a, 4);
	assert_int_equal(rig_next(r, true, true), a);
	r->now_ns = SEC;
	assert_int_equal(rig_next(r, true, true), -1);
	assert_int_equal(mclock_next_ns(r->m, r->now_ns), 10 * SEC + MS);
	r->now_ns = 10 * SEC + MS;
	assert_int_equal(rig_next(r, true, true), a);
	assert_int_equal(rig_figures(r, a).waited_ns, MS);
	rig_free(r);
}

/* A cost beyond 4 GiB is taken as 4 GiB: it does not wrap. */
static void absurd_lengths_do_no_harm(void **state)
{
	struct rig *r = rig_new(1, SEC);
	uint32_t a = rig_add(r, (struct mclock_config){.shares = 200,
						       .reservation_iops = 1,
						       .limit_iops = 1,
						       .is_limit_normalised = true,
						       .limit_bytes_per_s = 1});

	rig_push(r, &r->requests[a][0], UINT64_MAX);
	rig_push(r, &r->requests[a][1], 0);
	assert_non_null(rig_pop(r, true, true, NULL));
	assert_int_equal(mclock_next_ns(r->m, r->now_ns), SEC + MCLOCK_COST_MAX * SEC);
	r->now_ns = SEC + MCLOCK_COST_MAX * SEC;
	assert_non_null(rig_pop(r, true, true, NULL));
	rig_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(tags_do_not_drift_in_ten_years),
	    cmocka_unit_test(many_small_steps_do_not_drift),
	    cmocka_unit_test(the_largest_debt_fits_in_a_hundred_years),
	    cmocka_unit_test(shares_hold_after_a_hundred_years),
	    cmocka_unit_test(a_clock_that_stands_still_holds_limits_and_serves_shares),
	    cmocka_unit_test(a_jump_forward_is_worth_a_burst),
	    cmocka_unit_test(time_does_not_go_back),
	    cmocka_unit_test(absurd_lengths_do_no_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
