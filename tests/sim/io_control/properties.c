// SPDX-License-Identifier: MIT
// properties.c - see properties.h.
#include <stdarg.h>
#include <stdio.h>

#include "lab.h"
#include "properties.h"

#define YEAR_NS   (365ull * 86400 * 1000000000)
#define RUN_MS    2000u
#define FAILS_MAX 10u

/* How many seeds had what: a check that never applies proves nothing. */
struct coverage {
	uint64_t throttled, external, reservations, limits, delayed;
};

struct trial {
	struct coverage *coverage;
	uint64_t seed;
	bool has_failed;
	struct lab lab;
};

static void fail(struct trial *t, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void fail(struct trial *t, const char *format, ...)
{
	va_list args;

	printf("FAILED  seed %lu: ", (unsigned long)t->seed);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf("\n");
	t->has_failed = true;
}

static struct device_spec some_device(struct rng *r)
{
	struct device_spec d = {.model = (enum device_model)rng_below(r, 3),
				.servers = (uint32_t)rng_range(r, 1, 32),
				.spread_pct = (uint32_t)rng_below(r, 80),
				.gc_every_ms = (uint32_t)rng_range(r, 100, 1000),
				.gc_ms = (uint32_t)rng_range(r, 1, 30)};

	if (d.model == DEVICE_DISK)
		d.servers = 1;
	d.service_us = d.model == DEVICE_DISK ? (double)rng_range(r, 500, 5000)
					      : d.servers * 1e6 / (double)rng_range(r, 300, 3000);
	if (rng_pct(r, 25)) {
		d.slow_at_ms = RUN_MS / 2;
		d.slow_factor = 2;
	}
	return d;
}

static struct lab_client_spec some_client(struct rng *r, double capacity, uint64_t *unreserved)
{
	static const uint32_t shares[] = {200, 500, 1000, 2000, 4000};
	struct lab_client_spec c = {.qos = {.shares = shares[rng_below(r, 5)]}};

	if (rng_pct(r, 70))
		c.qd = (uint32_t)rng_range(r, 1, 48);
	else
		c.rate_iops = (uint32_t)(capacity / (double)rng_range(r, 4, 20)) + 1;
	c.len_bytes = 512u << rng_below(r, 8);
	c.len_doublings = rng_pct(r, 40) ? (uint32_t)rng_below(r, 4) : 0;
	if (rng_pct(r, 30)) {
		c.qos.limit_iops = (uint64_t)(capacity / (double)rng_range(r, 2, 20)) + 1;
		c.qos.is_limit_normalised = rng_pct(r, 50);
	}
	if (rng_pct(r, 20))
		c.qos.limit_bytes_per_s =
		    (uint64_t)(capacity * 32768 / (double)rng_range(r, 2, 20));
	if (rng_pct(r, 50))
		c.qos.burst_ms = (uint32_t)rng_range(r, 0, 1000);
	if (rng_pct(r, 30)) {
		c.qos.reservation_iops = rng_below(r, *unreserved + 1);
		*unreserved -= c.qos.reservation_iops;
	}
	if (rng_pct(r, 10))
		c.qos = (struct mclock_config){.shares = 200, .is_background = true};
	return c;
}

static struct lab_spec some_spec(struct rng *r, uint64_t seed)
{
	static const uint64_t starts_ns[] = {0, 1, 3600ull * 1000000000, 10 * YEAR_NS,
					     90 * YEAR_NS};
	struct lab_spec s = {.seed = seed, .start_ns = starts_ns[rng_below(r, 5)]};
	uint64_t unreserved;

	s.device = some_device(r);
	s.control = (struct control_config){.is_enabled = rng_pct(r, 80),
					    .is_automatic = rng_pct(r, 30),
					    .threshold_us = (uint32_t)rng_range(r, 100, 50000),
					    .peak_pct = (uint32_t)rng_range(r, 50, 100)};
	s.clients = (uint32_t)rng_range(r, 1, 6);
	unreserved = (uint64_t)(device_capacity(&s.device) / 4);
	for (uint32_t i = 0; i < s.clients; i++)
		s.client[i] = some_client(r, device_capacity(&s.device), &unreserved);
	return s;
}

static uint64_t most_units(const struct lab_client_spec *c)
{
	return latency_units((uint64_t)c->len_bytes << c->len_doublings);
}

/*
 * Its own queue, each request after as much of the others' as their shares allow; of the capacity a
 * quarter may be reserved, and half gone with the device's speed; then the device's own pauses.
 */
static double wait_bound_s(const struct lab_spec *s, uint32_t client)
{
	const struct lab_client_spec *c = &s->client[client];
	double capacity = device_capacity(&s->device) / 4, shares = 0, most = 0, units;

	for (uint32_t i = 0; i < s->clients; i++) {
		shares += s->client[i].qos.shares;
		most += (double)most_units(&s->client[i]) * 2;
	}
	units = (double)(c->qd ? c->qd : LAB_WAITING_MAX) * (double)most_units(c);
	return (units * shares / c->qos.shares + most * 8) / capacity + 2;
}

static bool is_limited(const struct mclock_config *q)
{
	return q->limit_iops || q->limit_bytes_per_s;
}

static void check_client(struct trial *t, uint32_t i)
{
	const struct lab_client *c = &t->lab.client[i];
	const struct mclock_config *q = &c->spec->qos;
	double burst_ms = q->burst_ms > MCLOCK_BURST_MIN_MS ? q->burst_ms : MCLOCK_BURST_MIN_MS;
	double burst_s = burst_ms / 1000;
	uint64_t most_bytes = (uint64_t)c->spec->len_bytes << c->spec->len_doublings;
	double most = q->is_limit_normalised ? (double)most_units(c->spec) : 1;

	t->coverage->delayed += c->delayed > 0;
	t->coverage->limits += is_limited(q);
	if (!is_limited(q) && !q->is_background &&
	    (double)c->longest_wait_ns / 1e9 > wait_bound_s(&t->lab.spec, i))
		fail(t, "volume %u waited %.3f s, the bound is %.3f s", i,
		     (double)c->longest_wait_ns / 1e9, wait_bound_s(&t->lab.spec, i));
	if (q->limit_iops && c->limit_worst[0] > (double)q->limit_iops * burst_s + most + 0.01)
		fail(t, "volume %u: %.2f over its limit of %lu a second, burst %u ms", i,
		     c->limit_worst[0], (unsigned long)q->limit_iops, q->burst_ms);
	if (q->limit_bytes_per_s &&
	    c->limit_worst[1] > (double)q->limit_bytes_per_s * burst_s + (double)most_bytes + 1)
		fail(t, "volume %u: %.0f bytes over its limit of %lu a second, burst %u ms", i,
		     c->limit_worst[1], (unsigned long)q->limit_bytes_per_s, q->burst_ms);
	if (c->waiting && c->dispatched == 0 && !is_limited(q))
		fail(t, "volume %u was never served", i);
}

/* A closed loop that always asks, and is not limited: what it is promised, in the second half. */
static void check_reservation(struct trial *t, uint32_t i)
{
	const struct lab_client_spec *c = &t->lab.spec.client[i];
	double promised = (double)c->qos.reservation_iops, is, could_ask;

	if (promised <= 0 || c->qd < 32 || is_limited(&c->qos) ||
	    t->lab.control.state != CONTROL_THROTTLING || t->lab.spec.device.model != DEVICE_FIXED)
		return;
	/* With so many at once, and the device's latency, it could ask for so much: else it is not
	 * the scheduler that keeps it short. */
	could_ask = c->qd * 1e6 / (lab_latency_us(&t->lab, RUN_MS / 200, RUN_MS / 200) + 1);
	if (could_ask < 2 * promised || t->lab.spec.device.slow_at_ms)
		return;
	t->coverage->reservations++;
	is = lab_units_per_s(&t->lab, i, RUN_MS / 200, RUN_MS / 200);
	if (is < 0.95 * promised - 3 * (double)most_units(c) && t->lab.client[i].waiting > 0)
		fail(t, "volume %u has %.0f of the %.0f units a second it is promised", i, is,
		     promised);
}

static void check(struct trial *t)
{
	const struct control *c = &t->lab.control;

	t->coverage->throttled += c->periods_throttled > 0;
	t->coverage->external += t->lab.news[CONTROL_EXTERNAL_LOAD] > 0;
	if (t->lab.idle_with_work)
		fail(t, "the device was idle %lu times though I/O waited",
		     (unsigned long)t->lab.idle_with_work);
	if (c->state == CONTROL_THROTTLING &&
	    (c->window.whole < CONTROL_WINDOW_MIN || c->window.whole > CONTROL_WINDOW_MAX))
		fail(t, "the window is %u", c->window.whole);
	if (!c->cfg.is_enabled && c->periods_throttled)
		fail(t, "throttled though it is switched off");
	for (uint32_t i = 0; i < t->lab.spec.clients; i++)
		check_client(t, i);
}

/* Promises are made one by one, as they are asked for: the sum never exceeds what was measured. */
static void check_admission(struct trial *t, struct rng *r)
{
	const struct capacity *c = &t->lab.control.capacity;
	uint64_t sum = 0;

	for (uint32_t i = 0; i < 20; i++) {
		uint64_t more = rng_below(r, (uint64_t)c->iops / 3 + 2);

		if (capacity_admits(c, sum, more))
			sum += more;
	}
	if (c->iops < 1)
		return;
	if ((double)sum > c->iops)
		fail(t, "%lu are promised of %.0f", (unsigned long)sum, c->iops);
	if (capacity_admits(c, 1, UINT64_MAX))
		fail(t, "a promise without end was made");
}

static void check_drained(struct trial *t)
{
	if (mclock_queued(t->lab.mclock) || t->lab.in_flight || t->lab.control.in_flight)
		fail(t, "after the drain %u wait, %u are in flight", mclock_queued(t->lab.mclock),
		     t->lab.in_flight);
	for (uint32_t i = 0; i < t->lab.spec.clients; i++)
		if (t->lab.client[i].outstanding || t->lab.client[i].waiting)
			fail(t, "after the drain volume %u waits", i);
}

static bool trial_run(uint64_t seed, struct coverage *coverage)
{
	struct trial t = {.seed = seed, .coverage = coverage};
	struct lab_spec s;
	struct rng r;

	rng_seed(&r, seed);
	s = some_spec(&r, seed);
	lab_init(&t.lab, &s);
	lab_run(&t.lab, RUN_MS);
	check(&t);
	for (uint32_t i = 0; i < s.clients; i++)
		check_reservation(&t, i);
	check_admission(&t, &r);
	if (seed % 4 == 0) {
		lab_sleep(&t.lab, 10 * YEAR_NS);
		lab_run(&t.lab, (t.lab.now_ns - s.start_ns) / 1000000 + RUN_MS / 4);
		check(&t);
	}
	lab_drain(&t.lab);
	check_drained(&t);
	lab_free(&t.lab);
	return !t.has_failed;
}

bool properties_run(uint64_t first, uint64_t count)
{
	struct coverage seen = {0};
	uint32_t failed = 0;

	for (uint64_t seed = first; seed < first + count && failed < FAILS_MAX; seed++)
		failed += !trial_run(seed, &seen);
	printf("%-7s %-13s %lu seeds from %lu, %u failed; throttled %lu, external load %lu; "
	       "volumes with limits %lu, delayed %lu, reservations checked %lu\n",
	       failed ? "NOT MET" : "met", "properties", (unsigned long)count, (unsigned long)first,
	       failed, (unsigned long)seen.throttled, (unsigned long)seen.external,
	       (unsigned long)seen.limits, (unsigned long)seen.delayed,
	       (unsigned long)seen.reservations);
	return failed == 0;
}
