/* SPDX-License-Identifier: MIT */
/*
 * Reservations under a flood, on a device that serves one request after another: while their sum is
 * within what the device can do, each is met in at least 99 of 100 windows of 1 s, counted when
 * requests come back. Without reservations the same clients get a fraction of it.
 */
#include "mclock_rig.h"

#define UNIT_NS        200000ull /* the device: 5,000 units a second */
#define CAPACITY_UNITS (SEC / UNIT_NS)
#define WINDOW         32u
#define WINDOWS        200u
#define RESERVED       4u
#define IN_FLIGHT_MAX  (RIG_CLIENTS * RIG_DEPTH)

static const uint64_t reservation[RESERVED] = {2000, 1000, 800, 400};

struct device {
	struct rig_request *in_flight[IN_FLIGHT_MAX];
	uint32_t head, count;
	uint64_t ready_ns; /* when the first comes back */
};

static struct device device;

static void dispatch(struct rig *r)
{
	struct rig_request *q;

	while ((q = rig_pop(r, device.count < WINDOW, true, NULL))) {
		assert_in_range(device.count, 0, IN_FLIGHT_MAX - 1);
		if (device.count == 0)
			device.ready_ns = r->now_ns + UNIT_NS * rig_units(q->q.len_bytes);
		device.in_flight[(device.head + device.count++) % IN_FLIGHT_MAX] = q;
	}
}

/* The first comes back, and its client asks for the next. */
static struct rig_request *complete(void)
{
	struct rig_request *q = device.in_flight[device.head];

	device.head = (device.head + 1) % IN_FLIGHT_MAX;
	if (--device.count > 0)
		device.ready_ns += UNIT_NS * rig_units(device.in_flight[device.head]->q.len_bytes);
	return q;
}

/* Runs one second; units[i]: what came back for client i. */
static void one_second(struct rig *r, uint64_t late_ns, uint64_t *units)
{
	uint64_t end_ns = r->now_ns + SEC;

	while (r->now_ns < end_ns) {
		uint64_t next_ns = mclock_next_ns(r->m, r->now_ns);

		/* The timer is late, what comes back from the device is not. */
		next_ns =
		    next_ns == UINT64_MAX ? next_ns : next_ns + rig_below(&r->random, late_ns + 1);
		if (device.count > 0 && device.ready_ns <= next_ns) {
			struct rig_request *q;

			r->now_ns = device.ready_ns > r->now_ns ? device.ready_ns : r->now_ns;
			q = complete();
			units[q->client] += rig_units(q->q.len_bytes);
			rig_push(r, q, r->length ? r->length(&r->random) : 4096);
		} else {
			r->now_ns = next_ns;
		}
		dispatch(r);
	}
}

/* How many windows of all clients were met. slack_units: a window's edge may cut through a request.
 */
static uint32_t windows_met(bool has_reservations, uint64_t (*length)(uint64_t *),
			    uint64_t slack_units)
{
	struct rig *r = rig_new(11, SEC);
	uint32_t met = 0;

	device = (struct device){0};
	r->length = length;
	for (uint32_t i = 0; i < RESERVED; i++)
		rig_flood(
		    r,
		    rig_add(r, (struct mclock_config){.shares = 200,
						      .reservation_iops =
							  has_reservations ? reservation[i] : 0}),
		    32);
	for (uint32_t i = 0; i < 3; i++)
		rig_flood(r, rig_add(r, (struct mclock_config){.shares = 4000}), 64);
	for (uint32_t w = 0; w < WINDOWS + 1; w++) {
		uint64_t units[RIG_CLIENTS] = {0};

		one_second(r, 5 * MS, units);
		for (uint32_t i = 0; w > 0 && i < RESERVED; i++)
			met += units[i] + slack_units >= reservation[i];
	}
	rig_free(r);
	return met;
}

static void reservations_are_met_under_a_flood(void **state)
{
	uint32_t met = windows_met(true, NULL, 0);

	print_message("mclock: %u of %u windows met\n", met, WINDOWS * RESERVED);
	assert_in_range(met, WINDOWS * RESERVED * 99 / 100, WINDOWS * RESERVED);
}

static void reservations_are_met_with_mixed_sizes(void **state)
{
	uint32_t met = windows_met(true, rig_mixed_length, 33);

	print_message("mclock: %u of %u windows met, mixed sizes\n", met, WINDOWS * RESERVED);
	assert_in_range(met, WINDOWS * RESERVED * 99 / 100, WINDOWS * RESERVED);
}

static void without_reservations_the_flood_has_the_device(void **state)
{
	assert_in_range(windows_met(false, NULL, 0), 0, WINDOWS * RESERVED / 10);
}

/* Timers up to MCLOCK_LATE_MS late: what fell due meanwhile is made up for. */
static void late_timers_lose_nothing(void **state)
{
	struct rig *r = rig_new(5, SEC);
	uint32_t a = rig_add(r, (struct mclock_config){.shares = 200, .reservation_iops = 1000});
	uint32_t b = rig_add(r, (struct mclock_config){.shares = 4000});

	rig_flood(r, a, 4);
	rig_flood(r, b, 4);
	while (r->now_ns < 101 * SEC) {
		while (rig_next(r, false, true) >= 0)
			continue;
		r->now_ns += 1 + rig_below(&r->random, (MCLOCK_LATE_MS - 1) * MS);
	}
	assert_in_range(r->units[a], 100 * 1000 - 50, 100 * 1000 + 51);
	assert_int_equal(r->units[b], 0);
	rig_free(r);
}

/* Idle for an hour: no more at once than MCLOCK_LATE_MS are worth. */
static void an_idle_client_s_reservation_does_not_flood(void **state)
{
	struct rig *r = rig_new(5, SEC);
	uint32_t a = rig_add(r, (struct mclock_config){.shares = 200, .reservation_iops = 1000}),
		 went = 0;

	r->now_ns += 3600 * SEC;
	rig_flood(r, a, 4);
	while (rig_next(r, false, true) >= 0)
		went++;
	assert_int_equal(went, MCLOCK_LATE_MS + 1);
	rig_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(reservations_are_met_under_a_flood),
	    cmocka_unit_test(reservations_are_met_with_mixed_sizes),
	    cmocka_unit_test(without_reservations_the_flood_has_the_device),
	    cmocka_unit_test(late_timers_lose_nothing),
	    cmocka_unit_test(an_idle_client_s_reservation_does_not_flood),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
