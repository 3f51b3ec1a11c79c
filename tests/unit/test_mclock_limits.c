/* SPDX-License-Identifier: MIT */
/*
 * A limit is what its client gets: over 10 s within 1 %, for requests of 512 B to 1 MiB, in
 * requests, in units of 32 KiB and in bytes, also with timers that come late. (That no span of time
 * gets more than the burst allows, test_mclock_random.c checks.)
 */
#include "mclock_rig.h"

#define WINDOW_NS (10 * SEC)
#define WINDOWS   2u

static uint64_t fixed_bytes;
static uint64_t worst_ppm; /* beyond one request */

static uint64_t fixed_length(uint64_t *random)
{
	return fixed_bytes;
}

enum count { REQUESTS, UNITS, BYTES };

struct totals {
	uint64_t of[3];
};

/* What goes in one window; timers are late by up to late_ns. */
static struct totals one_window(struct rig *r, uint64_t late_ns, uint64_t *largest)
{
	uint64_t end_ns = r->now_ns + WINDOW_NS;
	struct totals t = {0};

	while (r->now_ns < end_ns) {
		struct rig_request *q;

		while ((q = rig_pop(r, true, true, NULL))) {
			t.of[REQUESTS]++;
			t.of[UNITS] += rig_units(q->q.len_bytes);
			t.of[BYTES] += q->q.len_bytes;
			*largest = q->q.len_bytes > *largest ? q->q.len_bytes : *largest;
			rig_push(r, q, r->length(&r->random));
		}
		r->now_ns = mclock_next_ns(r->m, r->now_ns) + rig_below(&r->random, late_ns + 1);
	}
	return t;
}

/* rate: of what is counted, which is what the limit bounds. */
static void expect_rate(struct mclock_config cfg, enum count what, uint64_t rate, uint64_t late_ns)
{
	struct rig *r = rig_new(7, SEC);
	uint64_t expected = rate * WINDOW_NS / SEC, largest = 0;

	r->length = fixed_bytes ? fixed_length : rig_mixed_length;
	rig_flood(r, rig_add(r, cfg), 8);
	for (uint32_t i = 0; i < WINDOWS; i++) {
		uint64_t got = one_window(r, late_ns, &largest).of[what];
		uint64_t request = what == BYTES ? largest : what == UNITS ? rig_units(largest) : 1;

		uint64_t off = got > expected ? got - expected : expected - got;

		/* A window's edges may cut through one request, at either end. */
		assert_in_range(got, expected - expected / 100 - request,
				expected + expected / 100 + request);
		off = off > request ? (off - request) * 1000000 / expected : 0;
		worst_ppm = off > worst_ppm ? off : worst_ppm;
	}
	rig_free(r);
}

static void each_size_by_each_limit(uint64_t late_ns)
{
	for (fixed_bytes = 512; fixed_bytes <= 1 << 20; fixed_bytes *= 2) {
		expect_rate((struct mclock_config){.shares = 1000, .limit_iops = 700}, REQUESTS,
			    700, late_ns);
		expect_rate((struct mclock_config){.shares = 1000,
						   .limit_iops = 700,
						   .is_limit_normalised = true},
			    UNITS, 700, late_ns);
		expect_rate((struct mclock_config){.shares = 1000, .limit_bytes_per_s = 50000000},
			    BYTES, 50000000, late_ns);
		/* Both: the narrower one counts, and changes over between 64 and 128 KiB. */
		expect_rate((struct mclock_config){.shares = 1000,
						   .limit_iops = 700,
						   .limit_bytes_per_s = 50000000},
			    fixed_bytes * 700 < 50000000 ? REQUESTS : BYTES,
			    fixed_bytes * 700 < 50000000 ? 700 : 50000000, late_ns);
	}
	fixed_bytes = 0;
	expect_rate((struct mclock_config){.shares = 1000,
					   .limit_bytes_per_s = 300000000,
					   .limit_iops = 20000},
		    BYTES, 300000000, late_ns);
	expect_rate((struct mclock_config){.shares = 1000, .limit_iops = 20000}, REQUESTS, 20000,
		    late_ns);
}

static void limits_hold_over_ten_seconds(void **state)
{
	each_size_by_each_limit(0);
	print_message("mclock: limits over 10 s, worst error %u ppm\n", (unsigned)worst_ppm);
}

static void late_timers_lose_nothing(void **state)
{
	each_size_by_each_limit(9 * MS);
	print_message("mclock: the same with late timers, %u ppm\n", (unsigned)worst_ppm);
}

static void a_request_larger_than_the_burst_goes_and_is_paid(void **state)
{
	struct rig *r = rig_new(1, SEC);
	uint32_t a = rig_add(r, (struct mclock_config){.shares = 1000, .limit_bytes_per_s = 65536});

	fixed_bytes = 16 << 20;
	r->length = fixed_length;
	rig_flood(r, a, 2);
	for (uint32_t i = 0; i < 5; i++) {
		assert_int_equal(rig_next(r, true, true), a);
		assert_int_equal(rig_next(r, true, true), -1);
		assert_int_equal(mclock_next_ns(r->m, r->now_ns), r->now_ns + 256 * SEC);
		r->now_ns += 256 * SEC;
	}
	rig_free(r);
}

/* Idle for long: the burst and one request, whatever the burst is. */
static void idleness_saves_up_the_burst_and_no_more(void **state)
{
	for (uint32_t burst_ms = 0; burst_ms <= 5000; burst_ms += 500) {
		struct rig *r = rig_new(1, SEC);
		uint32_t a =
		    rig_add(r, (struct mclock_config){
				   .shares = 1000, .limit_iops = 1000, .burst_ms = burst_ms});
		uint32_t went = 0, least = burst_ms ? burst_ms : MCLOCK_BURST_MIN_MS;

		r->now_ns += 3600 * SEC;
		rig_flood(r, a, 4);
		while (rig_next(r, true, true) >= 0)
			went++;
		assert_int_equal(went, least + 1);
		rig_free(r);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(limits_hold_over_ten_seconds),
	    cmocka_unit_test(late_timers_lose_nothing),
	    cmocka_unit_test(a_request_larger_than_the_burst_goes_and_is_paid),
	    cmocka_unit_test(idleness_saves_up_the_burst_and_no_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
