/* SPDX-License-Identifier: MIT */
/*
 * Clients that always have something queued divide the device by their shares, in units of 32 KiB:
 * within 2 % from 1:1 to 20:1 and with requests of mixed sizes. Who was away is let back in, with a
 * bounded credit; who had more than its share is not kept out for it.
 */
#include "mclock_rig.h"

#define POPS 20000u
#ifdef SLUICE_TSAN
#define SEEDS 10u /* one thread: there is little to find */
#else
#define SEEDS 100u
#endif

static struct mclock_config of_shares(uint32_t shares)
{
	return (struct mclock_config){.shares = shares};
}

/* The worst client's error in 1/10,000. */
static uint64_t worst_error(struct rig *r, const uint32_t *shares)
{
	uint64_t total_units = 0, total_shares = 0, worst = 0;

	for (uint32_t i = 0; i < r->count; i++) {
		total_units += r->units[i];
		total_shares += shares[i];
	}
	for (uint32_t i = 0; i < r->count; i++) {
		int64_t due = (int64_t)(total_units * shares[i] / total_shares);
		int64_t error = ((int64_t)r->units[i] - due) * 10000 / due;

		error = error < 0 ? -error : error;
		worst = (uint64_t)error > worst ? (uint64_t)error : worst;
	}
	return worst;
}

static uint64_t divide(const uint32_t *shares, uint32_t count, uint64_t seed, uint32_t depth,
		       uint32_t pops)
{
	struct rig *r = rig_new(seed, SEC);
	uint64_t worst;

	r->length = rig_mixed_length;
	for (uint32_t i = 0; i < count; i++)
		rig_flood(r, rig_add(r, of_shares(shares[i])), depth);
	for (uint32_t i = 0; i < pops; i++) {
		r->now_ns += 100000;
		assert_true(rig_next(r, true, true) >= 0);
	}
	worst = worst_error(r, shares);
	rig_free(r);
	return worst;
}

static void backlogged_clients_divide_by_shares(void **state)
{
	static const uint32_t ratios[][4] = {
	    {1000, 1000},
	    {500, 1000},
	    {2000, 1000},
	    {4000, 200},
	    {3000, 1000},
	    {2000, 1000, 500},
	    {1000, 500, 2000, 500},
	    {333, 1777, 201, 3999},
	    {200, 200, 4000},
	    {4000, 4000},
	    {200, 200},
	    {2000, 100 * 10, 2000, 1000},
	};

	for (uint32_t i = 0; i < sizeof(ratios) / sizeof(ratios[0]); i++) {
		uint32_t count = 2 + (ratios[i][2] > 0) + (ratios[i][3] > 0);
		uint64_t worst = divide(ratios[i], count, i, 4, POPS);

		if (worst > 200)
			fail_msg("ratio %u: error of %u/10000", i, (unsigned)worst);
	}
}

static void any_shares_of_many_clients(void **state)
{
	uint64_t random = 3, most = 0;

	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		uint32_t shares[RIG_CLIENTS], count = (uint32_t)(2 + rig_below(&random, 15));
		uint64_t worst;

		for (uint32_t i = 0; i < count; i++)
			shares[i] = (uint32_t)(200 + rig_below(&random, 3801));
		worst =
		    divide(shares, count, seed, (uint32_t)(1 + rig_below(&random, 8)), 5 * POPS);
		if (worst > 200)
			fail_msg("seed %u: error of %u/10000", (unsigned)seed, (unsigned)worst);
		most = worst > most ? worst : most;
	}
	print_message("mclock: seeds 1 to %u, worst share error %u/10000\n", SEEDS, (unsigned)most);
}

/* Pops n and returns the units that client had of them. */
static uint64_t units_of(struct rig *r, uint32_t client, uint32_t n)
{
	uint64_t before = r->units[client];

	for (uint32_t i = 0; i < n; i++) {
		r->now_ns += 1000;
		assert_true(rig_next(r, true, true) >= 0);
	}
	return r->units[client] - before;
}

static void who_was_idle_gains_the_credit_and_no_more(void **state)
{
	struct rig *r = rig_new(1, SEC);
	uint32_t a = rig_add(r, of_shares(1000)), b = rig_add(r, of_shares(1000));
	uint64_t got;

	rig_flood(r, b, 4);
	units_of(r, b, 100000);
	r->now_ns += 3600 * SEC;
	rig_flood(r, a, 4);
	got = units_of(r, a, 1000);
	assert_in_range(got, 500, 500 + MCLOCK_CREDIT_UNITS + 1);
	rig_free(r);
}

/* Credits do not add up: the last of many newcomers begins no further ahead than the first. */
static void many_newcomers_do_not_shut_out_who_waits(void **state)
{
	struct rig *r = rig_new(1, SEC);
	uint32_t b = rig_add(r, of_shares(4000)), others = RIG_CLIENTS - 1;
	uint32_t before_b = 0;

	for (uint32_t i = 0; i < others; i++)
		rig_add(r, of_shares(200));
	rig_flood(r, b, 4);
	units_of(r, b, 100000);
	for (uint32_t i = 1; i <= others; i++)
		rig_flood(r, i, 4);
	while (rig_next(r, true, true) != (int)b)
		before_b++;
	assert_in_range(before_b, 0, others * (MCLOCK_CREDIT_UNITS + 2));
	rig_free(r);
}

static void who_was_limited_gains_the_credit_and_no_more(void **state)
{
	struct rig *r = rig_new(1, SEC);
	uint32_t a = rig_add(r, (struct mclock_config){.shares = 1000, .limit_iops = 10});
	uint32_t b = rig_add(r, of_shares(1000));
	struct mclock_config unlimited = of_shares(1000);
	uint64_t got;

	rig_flood(r, a, 4);
	rig_flood(r, b, 4);
	units_of(r, b, 100000);
	mclock_configure(r->m, r->clients[a], &unlimited, r->now_ns);
	got = units_of(r, a, 1000);
	assert_in_range(got, 499, 500 + MCLOCK_CREDIT_UNITS + 1);
	rig_free(r);
}

/* An hour of a reservation above the share; then it ends. */
static void what_a_reservation_gave_is_not_held_against_its_client(void **state)
{
	struct rig *r = rig_new(1, SEC);
	uint32_t a = rig_add(r, (struct mclock_config){.shares = 200, .reservation_iops = 900000});
	uint32_t b = rig_add(r, of_shares(4000));
	struct mclock_config plain = of_shares(1000);
	uint64_t got;

	rig_flood(r, a, 4);
	rig_flood(r, b, 4);
	got = units_of(r, a, 100000);
	assert_in_range(got, 89000, 91000);
	mclock_configure(r->m, r->clients[a], &plain, r->now_ns);
	mclock_configure(r->m, r->clients[b], &plain, r->now_ns);
	got = units_of(r, a, 2000);
	assert_in_range(got, 1000 - MCLOCK_DEBT_UNITS, 1001);
	rig_free(r);
}

/* A reservation is a part of the share: below it, the client gets its share and no more. */
static void a_reservation_below_the_share_changes_nothing(void **state)
{
	struct rig *r = rig_new(1, SEC);
	uint32_t a = rig_add(r, (struct mclock_config){.shares = 1000, .reservation_iops = 300000});
	uint32_t b = rig_add(r, of_shares(1000));
	uint64_t got;

	rig_flood(r, a, 4);
	rig_flood(r, b, 4);
	got = units_of(r, a, 100000); /* a million a second */
	assert_in_range(got, 49000, 51000);
	rig_free(r);
}

/* And above it, the client gets the reservation; shares divide the rest. */
static void a_reservation_is_met_whatever_was_served_by_share(void **state)
{
	struct rig *r = rig_new(1, SEC);
	uint32_t a = rig_add(r, (struct mclock_config){.shares = 200, .reservation_iops = 500000});
	uint32_t b = rig_add(r, of_shares(200));
	uint64_t got;

	rig_flood(r, a, 4);
	units_of(r, a, 50000); /* alone: half of it by share */
	rig_flood(r, b, 4);
	mclock_configure(r->m, r->clients[b], &(struct mclock_config){.shares = 4000}, r->now_ns);
	got = units_of(r, a, 100000);
	assert_in_range(got, 49900, 51000);
	rig_free(r);
}

/* Shares changed under load count from then on. */
static void new_shares_take_hold_at_once(void **state)
{
	struct rig *r = rig_new(1, SEC);
	uint32_t a = rig_add(r, of_shares(200)), b = rig_add(r, of_shares(200));
	uint64_t got;

	rig_flood(r, a, 4);
	rig_flood(r, b, 4);
	units_of(r, a, 1000);
	mclock_configure(r->m, r->clients[a], &(struct mclock_config){.shares = 4000}, r->now_ns);
	got = units_of(r, a, 2100);
	assert_in_range(got, 1980, 2020);
	rig_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(backlogged_clients_divide_by_shares),
	    cmocka_unit_test(any_shares_of_many_clients),
	    cmocka_unit_test(who_was_idle_gains_the_credit_and_no_more),
	    cmocka_unit_test(many_newcomers_do_not_shut_out_who_waits),
	    cmocka_unit_test(who_was_limited_gains_the_credit_and_no_more),
	    cmocka_unit_test(what_a_reservation_gave_is_not_held_against_its_client),
	    cmocka_unit_test(a_reservation_below_the_share_changes_nothing),
	    cmocka_unit_test(a_reservation_is_met_whatever_was_served_by_share),
	    cmocka_unit_test(new_shares_take_hold_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
