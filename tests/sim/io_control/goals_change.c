// SPDX-License-Identifier: MIT
// goals_change.c - the goals around the outer loop's edges: small windows, settings changed under
// I/O, few I/Os.
#include "goals.h"
#include "setup.h"

static double off(double is, double wanted)
{
	return is > wanted ? is / wanted - 1 : 1 - is / wanted;
}

/* A window between 5 and 6: whole I/Os alone could not settle at the threshold. */
bool goal_small_window(const struct goal *g, uint64_t seed)
{
	struct lab_spec s = {.seed = seed, .warm_ms = 5000, .control = setup_manual(11000)};
	bool is_met;
	struct lab b;

	s.device = setup_array(500);
	s.device.servers = 1;
	s.device.service_us = 2000;
	s.device.spread_pct = 10;
	setup_clients(&s, 4, 8);
	setup_run(&b, &s, true, 25000);
	is_met = goals_say(off(tally_mean_us(&b.at_device), 11000) <= 0.02 &&
			       tally_percentile_us(&b.at_device, 0.99) <= 13000,
			   g->name, "latency %.2f ms (p99 %.2f), window %.2f",
			   tally_mean_us(&b.at_device) / 1000,
			   tally_percentile_us(&b.at_device, 0.99) / 1000, b.control.window.size);
	lab_free(&b);
	return is_met;
}

/* The threshold is lowered under I/O; then control is switched off. */
bool goal_configure(const struct goal *g, uint64_t seed)
{
	struct lab_spec s = {.seed = seed, .control = setup_manual(30000)};
	struct control_config cfg = s.control;
	uint32_t ends;
	double low_us, open_us;
	struct lab b;

	s.device = setup_array(3460);
	setup_clients(&s, 4, 32);
	setup_run(&b, &s, true, 10000);
	cfg.threshold_us = 10000;
	control_configure(&b.control, &cfg, b.now_ns);
	lab_run(&b, 20000);
	low_us = lab_latency_us(&b, 150, 50);
	cfg.is_enabled = false;
	control_configure(&b.control, &cfg, b.now_ns);
	lab_run(&b, 30000);
	open_us = lab_latency_us(&b, 250, 50);
	ends = b.news[CONTROL_ENDS];
	lab_free(&b);
	return goals_say(off(low_us, 10000) <= 0.02 && open_us > 35000 && ends == 1, g->name,
			 "30 to 10 ms: %.2f ms; switched off: %.2f ms, told %u times",
			 low_us / 1000, open_us / 1000, ends);
}

/* A slow device with three I/Os in flight at most: there is nothing to throttle. */
bool goal_few(const struct goal *g, uint64_t seed)
{
	struct lab_spec s = {.seed = seed, .control = setup_manual(5000)};
	uint64_t throttled;
	struct lab b;

	s.device = setup_array(100);
	s.device.servers = 1;
	s.device.service_us = 10000;
	setup_clients(&s, 1, 3);
	setup_run(&b, &s, true, 10000);
	throttled = b.control.periods_throttled;
	lab_free(&b);
	return goals_say(throttled == 0, g->name, "30 ms with 3 in flight: %lu periods throttled",
			 (unsigned long)throttled);
}

/* Five I/Os in a thousand take 200 ms longer, by themselves: no reason to shut the window. */
bool goal_outliers(const struct goal *g, uint64_t seed)
{
	struct lab_spec s = {.seed = seed, .warm_ms = 5000, .control = setup_manual(5000)};
	bool is_met;
	struct lab b;

	s.device = setup_array(20000);
	s.device.outlier_per_mille = 5;
	s.device.outlier_ms = 200;
	setup_clients(&s, 4, 64);
	setup_run(&b, &s, true, 15000);
	is_met = goals_say(off(tally_percentile_us(&b.at_device, 0.5), 5000) <= 0.05, g->name,
			   "median %.2f ms, mean with the outliers %.2f ms, window %.1f",
			   tally_percentile_us(&b.at_device, 0.5) / 1000,
			   tally_mean_us(&b.at_device) / 1000, b.control.window.size);
	lab_free(&b);
	return is_met;
}

/*
 * While throttling, most clients leave, and load from outside keeps latency just below the
 * threshold: the window must not grow meanwhile, or they come back into an open door.
 */
bool goal_windup(const struct goal *g, uint64_t seed)
{
	struct lab_spec s = {.seed = seed, .control = setup_manual(30000)};
	double before, peak_us = 0;
	struct lab b;

	s.device = setup_array(3333);
	s.device.external_qd = 60;
	s.device.external_from_ms = 1000;
	s.device.external_to_ms = 60000;
	setup_clients(&s, 4, 64);
	s.client[3].qd = 30;
	for (uint32_t i = 0; i < 3; i++) {
		s.client[i].stop_ms = 10000;
		s.client[i].resume_ms = 40000;
	}
	setup_run(&b, &s, true, 39900);
	before = b.control.window.size;
	lab_run(&b, 50000);
	for (uint32_t i = 400; i < 480; i++)
		if (lab_latency_us(&b, i, 3) > peak_us)
			peak_us = lab_latency_us(&b, i, 3);
	lab_free(&b);
	return goals_say(peak_us < 36000, g->name,
			 "window %.1f with 30 in flight; at most %.1f ms when they come back",
			 before, peak_us / 1000);
}
