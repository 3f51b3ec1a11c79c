// SPDX-License-Identifier: MIT
// goals_shares.c - the goals of scheduler and window together: shares, reservations, limits, cost.
#include <stdio.h>
#include <stdlib.h>

#include "clock.h"
#include "goals.h"
#include "setup.h"

static double off(double is, double wanted)
{
	return is > wanted ? is / wanted - 1 : 1 - is / wanted;
}

/* The worst client's share of all units, against what its shares say. */
static double share_error(const struct lab *lab, uint32_t from_slot, uint32_t slots)
{
	double all = 0, shares = 0, worst = 0;

	for (uint32_t i = 0; i < lab->spec.clients; i++) {
		all += lab_units_per_s(lab, i, from_slot, slots);
		shares += lab->spec.client[i].qos.shares;
	}
	for (uint32_t i = 0; i < lab->spec.clients; i++) {
		double part = lab_units_per_s(lab, i, from_slot, slots) / all;
		double error = off(part, lab->spec.client[i].qos.shares / shares);

		if (error > worst)
			worst = error;
	}
	return worst;
}

struct share_case {
	const char *name;
	uint32_t clients, shares[6];
	uint32_t len_bytes[6], len_doublings;
};

static const struct share_case share_cases[] = {
    {"2:1", 2, {2000, 1000}, {16384, 16384}, 0},
    {"1:1", 2, {1000, 1000}, {16384, 16384}, 0},
    {"4:2 hosts",
     6,
     {1000, 1000, 1000, 1000, 500, 500},
     {16384, 16384, 16384, 16384, 16384, 16384},
     0},
    {"1:1, 4 KiB and 256 KiB", 2, {1000, 1000}, {4096, 262144}, 0},
    {"20:1", 2, {4000, 200}, {16384, 16384}, 0},
    {"4:2:1:1, 4 to 128 KiB", 4, {4000, 2000, 1000, 1000}, {4096, 4096, 4096, 4096}, 5},
};

static double share_case_run(const struct share_case *c, enum device_model model, bool with_control,
			     uint64_t seed)
{
	struct lab_spec s = {.seed = seed, .warm_ms = 3000, .control = setup_manual(15000)};
	struct lab lab;
	double error;

	s.device = setup_array(c->len_doublings || c->len_bytes[1] > 32768 ? 6000 : 3460);
	s.device.model = model;
	s.device.gc_every_ms = 500;
	s.device.gc_ms = 10;
	setup_clients(&s, c->clients, 64);
	for (uint32_t i = 0; i < c->clients; i++) {
		s.client[i].qos.shares = c->shares[i];
		s.client[i].len_bytes = c->len_bytes[i];
		s.client[i].len_doublings = c->len_doublings;
	}
	setup_run(&lab, &s, with_control, 23000);
	error = share_error(&lab, 30, 200);
	lab_free(&lab);
	return error;
}

bool goal_shares(const struct goal *g, uint64_t seed)
{
	double worst = 0, sum = 0;
	uint32_t runs = 0;
	bool is_met;

	for (uint32_t i = 0; i < sizeof(share_cases) / sizeof(share_cases[0]); i++) {
		const struct share_case *c = &share_cases[i];
		double fixed = share_case_run(c, DEVICE_FIXED, true, seed);
		double ssd = share_case_run(c, DEVICE_SSD, true, seed);

		printf(
		    "        %-13s %-24s without %5.1f %%; with: array %.2f %%, flash with pauses %.2f %%\n",
		    g->name, c->name, 100 * share_case_run(c, DEVICE_FIXED, false, seed),
		    100 * fixed, 100 * ssd);
		worst = fixed > worst ? fixed : worst;
		worst = ssd > worst ? ssd : worst;
		sum += fixed + ssd;
		runs += 2;
	}
	is_met = worst <= 0.03 && sum / runs <= 0.02;
	return goals_say(is_met, g->name, "error %.2f %% on average, %.2f %% at worst",
			 100 * sum / runs, 100 * worst);
}

/*
 * How long after the change shares or latency of 500 ms were off. With only one client: it must
 * have all that it can have.
 */
static double settles_s(const struct lab *lab, uint32_t change, uint32_t until, uint32_t only)
{
	uint32_t last = change;

	for (uint32_t i = change; i + 5 <= until; i++) {
		double error;

		if (only != UINT32_MAX)
			error =
			    off(lab_units_per_s(lab, only, i, 5), 3460); /* the other has it all */
		else
			error = share_error(lab, i, 5);
		if (error > 0.05 ||
		    (only == UINT32_MAX && off(lab_latency_us(lab, i, 5), 15000) > 0.05))
			last = i + 1;
	}
	return (last - change) / 10.0;
}

bool goal_convergence(const struct goal *g, uint64_t seed)
{
	struct lab_spec s = {.seed = seed, .control = setup_manual(15000)};
	double goes_s, comes_s;
	struct lab lab;

	s.device = setup_array(3460);
	setup_clients(&s, 2, 64);
	s.client[0].qos.shares = 2000;
	s.client[0].qd = 40; /* alone, it does not reach the threshold: throttling ends */
	s.client[1].stop_ms = 10000;
	s.client[1].resume_ms = 25000;
	setup_run(&lab, &s, true, 40000);
	goes_s = settles_s(&lab, 100, 250, 0);
	comes_s = settles_s(&lab, 250, 400, UINT32_MAX);
	lab_free(&lab);
	return goals_say(goes_s < g->number && comes_s < g->number, g->name,
			 "settled %.1f s after it went, %.1f s after it came back", goes_s,
			 comes_s);
}

static double windows_met(const struct lab *lab, uint32_t client, double wanted, uint32_t from,
			  uint32_t to, double *least)
{
	uint32_t met = 0, all = 0;

	*least = 1e12;
	for (uint32_t i = from; i + 10 <= to; i++, all++) {
		double is = lab_units_per_s(lab, client, i, 10);

		met += is >= wanted;
		*least = is < *least ? is : *least;
	}
	return (double)met / all;
}

/* One volume is promised half of the device; three others with more shares flood it. */
static bool reservation_run(const struct goal *g, uint64_t seed, bool is_open_loop)
{
	struct lab_spec s = {.seed = seed, .control = setup_manual(15000)};
	const double promised = 5000;
	double without_least, least, without, with;
	struct lab a, b;

	s.device = setup_array(10000);
	setup_clients(&s, 4, 128);
	for (uint32_t i = 1; i < 4; i++)
		s.client[i].qos.shares = 2000;
	s.client[0].qos.shares = 500;
	if (is_open_loop) {
		s.client[0].qd = 0;
		s.client[0].rate_iops = 5500; /* asks for a little more than it is promised */
	}
	setup_run(&a, &s, true, 33000);
	s.client[0].qos.reservation_iops = (uint64_t)promised;
	setup_run(&b, &s, true, 33000);
	without = windows_met(&a, 0, promised, 30, 330, &without_least);
	with = windows_met(&b, 0, promised, 30, 330, &least);
	lab_free(&a);
	lab_free(&b);
	return goals_say(
	    with >= g->number, g->name,
	    "%s: %.1f %% of windows (least %.0f of %.0f IOPS); shares alone %.1f %% (least %.0f)",
	    is_open_loop ? "open loop" : "QD 128", 100 * with, least, promised, 100 * without,
	    without_least);
}

bool goal_reservation(const struct goal *g, uint64_t seed)
{
	bool closed = reservation_run(g, seed, false), open = reservation_run(g, seed, true);

	return closed && open;
}

enum limit_kind { LIMIT_IOPS, LIMIT_UNITS, LIMIT_BYTES };

static double limit_error(enum limit_kind kind, uint32_t len_bytes, uint32_t doublings,
			  double limit, uint64_t seed)
{
	struct lab_spec s = {.seed = seed, .warm_ms = 1000};
	struct tally t;
	struct lab lab;

	s.control = (struct control_config){.threshold_us = 30000, .peak_pct = 90};
	s.device = setup_array(1e6);
	setup_clients(&s, 1, 64);
	s.client[0].len_bytes = len_bytes;
	s.client[0].len_doublings = doublings;
	s.client[0].qos.limit_iops = kind == LIMIT_BYTES ? 0 : (uint64_t)limit;
	s.client[0].qos.is_limit_normalised = kind == LIMIT_UNITS;
	s.client[0].qos.limit_bytes_per_s = kind == LIMIT_BYTES ? (uint64_t)limit : 0;
	s.client[0].qos.burst_ms = 100;
	setup_run(&lab, &s, true, 11000);
	t = lab.client[0].total;
	lab_free(&lab);
	return off((double)(kind == LIMIT_IOPS    ? t.count
			    : kind == LIMIT_UNITS ? t.units
						  : t.bytes) /
		       10,
		   limit);
}

bool goal_limits(const struct goal *g, uint64_t seed)
{
	static const double limits[][2] = {{500, 20000}, {500, 20000}, {50e6, 400e6}};
	static const char *const kinds[] = {"IOPS", "32 KiB units", "bytes"};
	double worst_of_all = 0;

	for (uint32_t kind = 0; kind < 3; kind++) {
		double worst = 0;

		for (uint32_t i = 0; i < 2; i++)
			for (uint32_t len = 512; len <= 1 << 20; len *= 2) {
				double limit = limits[kind][i], error;

				if (kind == LIMIT_BYTES && limit / len > 50000)
					limit = 50000.0 *
						len; /* what else the clients could not ask for */
				error = limit_error(kind, len, 0, limit, seed);
				worst = error > worst ? error : worst;
			}
		if (limit_error(kind, 512, 11, limits[kind][1], seed) > worst)
			worst = limit_error(kind, 512, 11, limits[kind][1], seed);
		printf("        %-13s %-13s at worst %.3f %% off\n", g->name, kinds[kind],
		       100 * worst);
		worst_of_all = worst > worst_of_all ? worst : worst_of_all;
	}
	return goals_say(worst_of_all <= g->number, g->name, "at worst %.3f %% off",
			 100 * worst_of_all);
}

/* CPU time of a request through the queue, and of one past it; with what the controller takes. */
static void cost_of(uint32_t volumes, double *queued_ns, double *passed_ns)
{
	const struct mclock_config qos = {.shares = 1000};
	const struct control_config cfg = setup_manual(30000);
	struct mclock *m = calloc(1, mclock_bytes(volumes));
	struct mclock_client **c = calloc(volumes, sizeof(*c));
	struct mclock_request *q = calloc(volumes, sizeof(*q));
	const uint32_t rounds = 200000;
	struct control control;
	enum mclock_why why;
	uint64_t begin_ns;

	mclock_init(m, volumes, 1);
	control_init(&control, &cfg, 1);
	for (uint32_t i = 0; i < volumes; i++) {
		c[i] = calloc(1, mclock_client_bytes());
		if (mclock_add(m, c[i], &qos, 1) != 0)
			abort();
		q[i].len_bytes = 16384;
		mclock_push(m, c[i], &q[i], 1);
	}
	begin_ns = clock_thread_cpu_ns();
	for (uint32_t i = 0; i < rounds; i++) {
		struct mclock_request *next = mclock_pop(m, 1 + i, true, true, &why);
		struct mclock_client *owner = c[next - q];

		control_dispatched(&control, 1 + i);
		control_done(&control, 5000000, 16384, false, 1 + i);
		next->len_bytes = 16384;
		mclock_push(m, owner, next, 1 + i);
	}
	*queued_ns = (double)(clock_thread_cpu_ns() - begin_ns) / rounds;
	for (uint32_t i = 0; i < volumes; i++)
		mclock_cancel(m, &q[i], rounds);
	begin_ns = clock_thread_cpu_ns();
	for (uint32_t i = 0; i < rounds; i++) {
		if (!mclock_pass(m, c[i % volumes], 16384, rounds + i, true, false))
			abort();
		control_dispatched(&control, rounds + i);
		control_done(&control, 5000000, 16384, false, rounds + i);
	}
	*passed_ns = (double)(clock_thread_cpu_ns() - begin_ns) / rounds;
	for (uint32_t i = 0; i < volumes; i++)
		free(c[i]);
	free(c);
	free(q);
	free(m);
}

bool goal_cost(const struct goal *g, uint64_t seed)
{
	static const uint32_t volumes[] = {1, 10, 100, 1000};

	for (uint32_t i = 0; i < 4; i++) {
		double queued_ns, passed_ns;

		cost_of(volumes[i], &queued_ns, &passed_ns);
		printf("        %-13s %4u volumes: passed %.0f ns, queued %.0f ns a request\n",
		       g->name, volumes[i], passed_ns, queued_ns);
	}
	return true;
}
