// SPDX-License-Identifier: MIT
// goals_latency.c - the goals of the outer loop: latency, device changes, external load.
#include <stdio.h>

#include "goals.h"
#include "setup.h"

static double off(double is, double wanted)
{
	return is > wanted ? is / wanted - 1 : 1 - is / wanted;
}

static void both(struct lab *without, struct lab *with, struct lab_spec *s, uint64_t until_ms)
{
	setup_run(without, s, false, until_ms);
	setup_run(with, s, true, until_ms);
}

static bool table_line(const char *name, const struct lab *without, const struct lab *with,
		       bool is_met)
{
	return goals_say(
	    is_met, name,
	    "latency %.2f -> %.2f ms (p50 %.2f -> %.2f, p99 %.2f -> %.2f), IOPS %.0f "
	    "-> %.0f (%+.2f %%), window %.1f",
	    tally_mean_us(&without->at_device) / 1000, tally_mean_us(&with->at_device) / 1000,
	    tally_percentile_us(&without->at_device, 0.5) / 1000,
	    tally_percentile_us(&with->at_device, 0.5) / 1000,
	    tally_percentile_us(&without->at_device, 0.99) / 1000,
	    tally_percentile_us(&with->at_device, 0.99) / 1000, lab_total_iops(without),
	    lab_total_iops(with), 100 * (lab_total_iops(with) / lab_total_iops(without) - 1),
	    with->control.window.size);
}

/* Uncontrolled 37 ms at 30, and in proportion. */
bool goal_latency(const struct goal *g, uint64_t seed)
{
	struct lab_spec s = {.seed = seed, .warm_ms = 3000};
	struct lab a, b;
	bool is_met;

	s.control = setup_manual((uint32_t)g->number);
	s.device = setup_array(128 / (37e-3 * g->number / 30000));
	setup_clients(&s, 4, 32);
	both(&a, &b, &s, g->number > 1000 ? 23000 : 8000);
	is_met = table_line(g->name, &a, &b,
			    off(tally_mean_us(&b.at_device), g->number) <= 0.02 &&
				lab_total_iops(&b) >= 0.99 * lab_total_iops(&a));
	lab_free(&a);
	lab_free(&b);
	return is_met;
}

bool goal_six_clients(const struct goal *g, uint64_t seed)
{
	struct lab_spec s = {.seed = seed, .warm_ms = 3000, .control = setup_manual(30000)};
	struct lab a, b;
	bool is_met;

	s.device = setup_array(3130);
	setup_clients(&s, 6, 32);
	both(&a, &b, &s, 33000);
	is_met = table_line(g->name, &a, &b,
			    off(tally_mean_us(&b.at_device), g->number) <= 0.02 &&
				lab_total_iops(&b) >= 0.999 * lab_total_iops(&a));
	lab_free(&a);
	lab_free(&b);
	return is_met;
}

bool goal_untouched(const struct goal *g, uint64_t seed)
{
	struct lab_spec s = {.seed = seed, .control = setup_manual(30000)};
	struct lab a, b;
	uint64_t delayed = 0;
	bool is_met;

	s.device = setup_array(20000);
	setup_clients(&s, 6, 32);
	both(&a, &b, &s, 5000);
	for (uint32_t i = 0; i < 6; i++)
		delayed += b.client[i].delayed;
	is_met =
	    goals_say(delayed == 0 && a.at_device.count == b.at_device.count, g->name,
		      "%lu of %lu I/Os delayed; %lu without the filter", (unsigned long)delayed,
		      (unsigned long)b.at_device.count, (unsigned long)a.at_device.count);
	lab_free(&a);
	lab_free(&b);
	return is_met;
}

/* From which slot on the latency of each 500 ms stays within the part of what is wanted. */
static uint32_t settled(const struct lab *lab, uint32_t from, uint32_t to, double wanted_us,
			double part)
{
	uint32_t last = from;

	for (uint32_t i = from; i + 5 <= to; i++)
		if (off(lab_latency_us(lab, i, 5), wanted_us) > part)
			last = i + 1;
	return last;
}

bool goal_halving(const struct goal *g, uint64_t seed)
{
	struct lab_spec s = {.seed = seed, .warm_ms = 25000, .control = setup_manual(30000)};
	double seconds;
	struct lab b;
	bool is_met;

	s.device = setup_array(4000);
	s.device.slow_at_ms = 20000;
	s.device.slow_factor = 2;
	setup_clients(&s, 4, 64);
	setup_run(&b, &s, true, 40000);
	seconds = (settled(&b, 200, 400, 30000, 0.05) - 200) / 10.0;
	is_met = goals_say(seconds < g->number && off(tally_mean_us(&b.at_device), 30000) <= 0.02 &&
			       b.news[CONTROL_EXTERNAL_LOAD] == 0,
			   g->name, "settled after %.1f s; then %.2f ms, window %.1f", seconds,
			   tally_mean_us(&b.at_device) / 1000, b.control.window.size);
	lab_free(&b);
	return is_met;
}

/* Little load from outside is made up for; much of it is seen, and that it ended. */
bool goal_external(const struct goal *g, uint64_t seed)
{
	struct lab_spec s = {.seed = seed, .warm_ms = 6000, .control = setup_manual(30000)};
	uint32_t seen, ended_state;
	double small_us;
	bool is_met;
	struct lab b;

	s.device = setup_array(3333);
	s.device.external_from_ms = 5000;
	s.device.external_to_ms = 45000;
	s.device.external_qd = 32;
	setup_clients(&s, 4, 64);
	setup_run(&b, &s, true, 30000);
	small_us = tally_mean_us(&b.at_device);
	is_met = b.news[CONTROL_EXTERNAL_LOAD] == 0 && off(small_us, 30000) <= 0.03;
	lab_free(&b);

	s.device.external_qd = 300;
	setup_run(&b, &s, true, 15000);
	seen = b.news[CONTROL_EXTERNAL_LOAD];
	is_met = is_met && seen == 1 && b.news_ns[CONTROL_EXTERNAL_LOAD] < 10000000000ull;
	lab_run(&b, 100000);
	ended_state = b.control.state;
	is_met = is_met && b.news[CONTROL_EXTERNAL_LOAD] == 1 &&
		 ended_state == CONTROL_THROTTLING &&
		 off(lab_latency_us(&b, 900, 100), 30000) <= 0.03;
	goals_say(is_met, g->name,
		  "32 from outside: %.2f ms; 300: seen %u times, after %.1f s; after its end %.2f "
		  "ms",
		  small_us / 1000, seen, (double)b.news_ns[CONTROL_EXTERNAL_LOAD] / 1e9 - 5,
		  lab_latency_us(&b, 900, 100) / 1000);
	lab_free(&b);
	return is_met;
}

/* A load that comes and goes shows the whole curve; then the device gets slower. */
static bool automatic_run(const struct goal *g, uint64_t seed, double factor)
{
	struct lab_spec s = {.seed = seed, .warm_ms = 90000};
	uint32_t learned_us, anew_us;
	struct lab b;
	bool is_met;

	s.control = setup_manual(30000);
	s.control.is_automatic = true;
	s.device = setup_array(8000); /* 2 ms unloaded, 90 % of the peak at 14.4 in flight */
	s.device.slow_at_ms = 40000;
	s.device.slow_factor = factor;
	s.clients = 8;
	for (uint32_t i = 0; i < 8; i++)
		s.client[i] = (struct lab_client_spec){.qos = {.shares = 1000},
						       .qd = 1u << (i > 5 ? 5 : i),
						       .len_bytes = 16384,
						       .stop_ms = 3000 + 2000 * (uint64_t)(8 - i),
						       .resume_ms = 20000 + 1000 * (uint64_t)i};
	setup_run(&b, &s, true, 39000);
	learned_us = (uint32_t)(b.control.threshold.learned_ns / 1000);
	lab_run(&b, 110000);
	anew_us = (uint32_t)(b.control.threshold_ns / 1000);
	is_met = learned_us >= 1900 && learned_us <= 3200 &&
		 (factor < 2 || b.news[CONTROL_RELEARNED] == 1) && anew_us >= 1900 * factor &&
		 anew_us <= 3200 * factor && lab_total_iops(&b) >= 0.8 * 8000 / factor;
	goals_say(is_met, g->name,
		  "learned %.2f ms; device %.1f times as slow: told %u times, %.2f ms, %.0f of "
		  "%.0f IOPS at %.2f ms",
		  learned_us / 1000.0, factor, b.news[CONTROL_RELEARNED], anew_us / 1000.0,
		  lab_total_iops(&b), 8000 / factor, tally_mean_us(&b.at_device) / 1000);
	lab_free(&b);
	return is_met;
}

bool goal_automatic(const struct goal *g, uint64_t seed)
{
	bool much = automatic_run(g, seed, 3), twice = automatic_run(g, seed, 2),
	     little = automatic_run(g, seed, 1.3);

	return much && twice && little;
}

/* 1 MiB I/Os on one server: 80 ms, of which 15.5 ms are each one's own transfer. */
bool goal_sizes(const struct goal *g, uint64_t seed)
{
	struct lab_spec s = {.seed = seed, .warm_ms = 5000, .control = setup_manual(72000)};
	struct control_figures f;
	struct lab b;
	bool is_met;

	s.device = setup_array(2000);
	s.device.servers = 1;
	s.device.service_us = 500;
	s.device.spread_pct = 2;
	setup_clients(&s, 1, 5);
	s.client[0].len_bytes = 1 << 20;
	setup_run(&b, &s, true, 20000);
	control_figures(&b.control, &f);
	is_met = goals_say(b.control.window.size >= 5 &&
			       off(f.latency_us, tally_mean_us(&b.at_device) - 15500) < 0.03,
			   g->name,
			   "1 MiB at QD 5: %.1f ms at the device, %.1f ms without its own "
			   "transfer; the window at 72 ms: %.1f",
			   tally_mean_us(&b.at_device) / 1000, f.latency_us / 1000.0,
			   b.control.window.size);
	lab_free(&b);
	return is_met;
}

bool goal_gc(const struct goal *g, uint64_t seed)
{
	struct lab_spec s = {.seed = seed, .warm_ms = 3000, .control = setup_manual(5000)};
	struct lab a, b;
	bool is_met;

	s.device = setup_array(25600);
	s.device.model = DEVICE_SSD;
	s.device.gc_every_ms = 700;
	s.device.gc_ms = 20;
	setup_clients(&s, 4, 64);
	both(&a, &b, &s, 23000);
	is_met = table_line(g->name, &a, &b,
			    lab_total_iops(&b) >= 0.98 * lab_total_iops(&a) &&
				off(tally_percentile_us(&b.at_device, 0.5), 5000) <= 0.1 &&
				b.news[CONTROL_EXTERNAL_LOAD] == 0);
	lab_free(&a);
	lab_free(&b);
	return is_met;
}

bool goal_disk(const struct goal *g, uint64_t seed)
{
	struct lab_spec s = {.seed = seed, .warm_ms = 10000, .control = setup_manual(100000)};
	struct lab a, b;
	bool is_met;

	s.device = (struct device_spec){
	    .model = DEVICE_DISK, .servers = 1, .spread_pct = 20, .service_us = 4500};
	setup_clients(&s, 4, 8);
	both(&a, &b, &s, 110000);
	is_met = table_line(g->name, &a, &b, off(tally_mean_us(&b.at_device), 100000) <= 0.05);
	lab_free(&a);
	lab_free(&b);
	return is_met;
}

/* Open loop, at nine tenths of what the device can do: latency crosses the threshold often. */
bool goal_hysteresis(const struct goal *g, uint64_t seed)
{
	struct lab_spec s = {.seed = seed, .warm_ms = 1000, .control = setup_manual(5500)};
	struct lab b;
	bool is_met;

	s.device = setup_array(3333);
	setup_clients(&s, 4, 0);
	for (uint32_t i = 0; i < 4; i++)
		s.client[i].rate_iops = 790;
	setup_run(&b, &s, true, 61000);
	is_met = goals_say(b.news[CONTROL_BEGINS] <= 30, g->name,
			   "throttling began %u times in 60 s, mean latency %.2f ms at %.2f ms",
			   b.news[CONTROL_BEGINS], tally_mean_us(&b.at_device) / 1000, 5.5);
	lab_free(&b);
	return is_met;
}

bool goal_capacity(const struct goal *g, uint64_t seed)
{
	struct lab_spec s = {.seed = seed, .control = setup_manual(30000)};
	uint64_t full, half;
	bool is_met;
	struct lab b;

	s.device = setup_array(4000);
	s.device.slow_at_ms = 20000;
	s.device.slow_factor = 2;
	setup_clients(&s, 4, 64);
	setup_run(&b, &s, true, 20000);
	full = (uint64_t)b.control.capacity.iops;
	is_met = capacity_admits(&b.control.capacity, 2000, 1900) &&
		 !capacity_admits(&b.control.capacity, 2000, 2100);
	lab_run(&b, 80000);
	half = (uint64_t)b.control.capacity.iops;
	is_met = is_met && off((double)full, 4000) < 0.05 && off((double)half, 2000) < 0.05;
	goals_say(is_met, g->name, "4,000 IOPS: measured %lu; then 2,000: measured %lu",
		  (unsigned long)full, (unsigned long)half);
	lab_free(&b);
	return is_met;
}
