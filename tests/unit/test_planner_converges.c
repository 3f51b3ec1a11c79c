/* SPDX-License-Identifier: MIT */
/*
 * From any state, through failed steps, restarts, changed minds and other people's hands, the plans
 * lead to what is desired, and nothing forbidden happens on the way.
 *
 * SEED=n runs that seed alone and prints its plans; SEEDS=n so many.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "parse.h"
#include "planner.h"
#include "planner_world.h"

#if defined(SLUICE_ASAN) || defined(SLUICE_TSAN)
#define SEEDS_DEFAULT 1000u
#else
#define SEEDS_DEFAULT 4000u
#endif
#define ROUNDS_WITH_FAULTS 8
#define ROUNDS_TO_CONVERGE 12

static bool is_loud;

static size_t plan_and_carry_out(struct world *w)
{
	json_t *running = world_running(w);
	json_t *steps = planner_steps(w->desired, running, WORLD_BASE);
	json_t *again = world_random(w, 8) ? NULL : planner_steps(w->desired, running, WORLD_BASE);
	size_t count = json_array_size(steps);
	const json_t *step;
	size_t i;

	if (again && !json_equal(steps, again))
		world_fault(w, "the same input gave other steps");
	world_check_order(w, steps);
	for (i = 0; is_loud && i < count; i++) {
		step = json_array_get(steps, i);
		fprintf(stderr, "  %s\n", world_text(step, "text"));
	}
	world_carry_out(w, steps);
	wish_note(w);
	json_decref(steps);
	json_decref(again);
	json_decref(running);
	return count;
}

static void round_with_faults(struct world *w)
{
	w->fail_pct = (uint32_t)world_random(w, 3) * 15;
	w->is_filterd_up = world_random(w, 8) != 0;
	w->is_tgtd_up = world_random(w, 8) != 0;
	for (uint64_t n = world_random(w, 4); n > 0; n--)
		wish_change(w);
	if (world_random(w, 6) == 0)
		world_mischief(w);
	if (world_random(w, 8) == 0)
		world_restart_tgtd(w);
	world_log_in(w);
	if (is_loud)
		fprintf(stderr, "round: filterd %d, tgtd %d\n", w->is_filterd_up, w->is_tgtd_up);
	plan_and_carry_out(w);
}

static void converge(struct world *w)
{
	int rounds = 0;

	w->fail_pct = 0;
	w->is_filterd_up = w->is_tgtd_up = true;
	if (is_loud)
		fprintf(stderr, "no more faults\n");
	while (!w->fault[0] && plan_and_carry_out(w) > 0)
		if (++rounds > ROUNDS_TO_CONVERGE)
			world_fault(w, "no end of steps");
	wish_check(w);
	json_object_clear(w->granted);
	wish_note(w);
}

static bool run_seed(uint64_t seed)
{
	struct world w;
	bool is_good;

	world_init(&w, seed);
	for (int phase = 0; phase < 2; phase++) {
		for (int i = 0; i < ROUNDS_WITH_FAULTS / 2 && !w.fault[0]; i++)
			round_with_faults(&w);
		converge(&w);
	}
	is_good = w.fault[0] == '\0';
	if (!is_good)
		fprintf(stderr, "seed %llu: %s\n", (unsigned long long)seed, w.fault);
	world_fini(&w);
	return is_good;
}

static uint64_t from_environment(const char *name, uint64_t value)
{
	const char *text = getenv(name);

	if (text && parse_u64(name, text, 0, UINT64_MAX, &value, NULL) < 0)
		fail_msg("%s=%s is no number", name, text);
	return value;
}

static void every_seed_converges_and_nothing_forbidden_happens(void **state)
{
	uint64_t count = from_environment("SEEDS", SEEDS_DEFAULT), bad = 0;

	if (getenv("SEED")) {
		is_loud = true;
		assert_true(run_seed(from_environment("SEED", 0)));
		return;
	}
	for (uint64_t seed = 1; seed <= count && bad < 5; seed++)
		bad += !run_seed(seed);
	assert_int_equal(bad, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_seed_converges_and_nothing_forbidden_happens),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
