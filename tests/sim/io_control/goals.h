/* SPDX-License-Identifier: MIT */
/*
 * goals.h - what I/O control must show, each as a scenario with an assertion on simulated figures:
 * exact from the seed.
 */
#ifndef SIM_IO_CONTROL_GOALS_H
#define SIM_IO_CONTROL_GOALS_H

#include <stdbool.h>
#include <stdint.h>

struct goal {
	const char *name, *what;
	bool (*run)(const struct goal *g, uint64_t seed); /* prints its lines; true: met */
	double number;                                    /* of the scenario, its own meaning */
};

extern const struct goal goals[];
extern const uint32_t goals_count;

/* Prints one line of figures and says whether it is met. */
bool goals_say(bool is_met, const char *name, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

bool goal_latency(const struct goal *g, uint64_t seed);
bool goal_six_clients(const struct goal *g, uint64_t seed);
bool goal_untouched(const struct goal *g, uint64_t seed);
bool goal_halving(const struct goal *g, uint64_t seed);
bool goal_external(const struct goal *g, uint64_t seed);
bool goal_automatic(const struct goal *g, uint64_t seed);
bool goal_sizes(const struct goal *g, uint64_t seed);
bool goal_gc(const struct goal *g, uint64_t seed);
bool goal_disk(const struct goal *g, uint64_t seed);
bool goal_hysteresis(const struct goal *g, uint64_t seed);
bool goal_capacity(const struct goal *g, uint64_t seed);

bool goal_small_window(const struct goal *g, uint64_t seed);
bool goal_configure(const struct goal *g, uint64_t seed);
bool goal_few(const struct goal *g, uint64_t seed);
bool goal_outliers(const struct goal *g, uint64_t seed);
bool goal_windup(const struct goal *g, uint64_t seed);

bool goal_shares(const struct goal *g, uint64_t seed);
bool goal_convergence(const struct goal *g, uint64_t seed);
bool goal_reservation(const struct goal *g, uint64_t seed);
bool goal_limits(const struct goal *g, uint64_t seed);
bool goal_cost(const struct goal *g, uint64_t seed);

#endif
