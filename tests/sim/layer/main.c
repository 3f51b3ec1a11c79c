// SPDX-License-Identifier: MIT
// main.c - sim_layer: volumes with snapshots on simulated files, killed anywhere.
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "lab.h"
#include "mutation.h"

#define SHORT_COUNT 200u /* make check-sim has more */

int mutation_now;

static struct lab lab;

struct arguments {
	uint64_t seed, count, jobs, scripts;
};

struct tally {
	uint64_t seeds, deaths, checks, lost, failed, first_failed;
};

/* What a killed process had is not looked for. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "detect_leaks=0";
}

static int usage(void)
{
	fprintf(stderr,
		"usage: sim_layer [--seed N] [--count N] [--jobs N] [--verbose]\n"
		"       sim_layer --enumerate N   N scripts, death at each of their calls\n");
	return 2;
}

static void run_seeds(uint64_t first, uint64_t count, uint64_t step, struct tally *t)
{
	for (uint64_t i = 0; i < count; i += step) {
		t->seeds++;
		if (lab_run(&lab, first + i))
			continue;
		if (t->failed++ == 0)
			t->first_failed = first + i;
		if (t->failed <= 10)
			printf("FAILED seed %llu: %s\n", (unsigned long long)(first + i),
			       lab.failure);
		if (mutation_now)
			break;
	}
	t->deaths = lab.deaths;
	t->checks = lab.checks;
	t->lost = lab.lost;
}

static bool run_random(const struct arguments *a)
{
	uint64_t began_ns = clock_now_ns();
	struct tally sum = {0}, t;
	int fds[2];

	if (pipe(fds))
		return false;
	fflush(stdout);
	for (uint64_t job = 0; job < a->jobs; job++) {
		if (fork() != 0)
			continue;
		t = (struct tally){0};
		run_seeds(a->seed + job, a->count - job, a->jobs, &t);
		fflush(stdout);
		_exit(write(fds[1], &t, sizeof(t)) == sizeof(t) ? 0 : 1);
	}
	close(fds[1]);
	for (uint64_t job = 0; job < a->jobs; job++) {
		if (read(fds[0], &t, sizeof(t)) != sizeof(t)) {
			fprintf(stderr, "sim_layer: a job died\n");
			return false;
		}
		sum.seeds += t.seeds;
		sum.deaths += t.deaths;
		sum.checks += t.checks;
		sum.lost += t.lost;
		if (t.failed && (!sum.failed || t.first_failed < sum.first_failed))
			sum.first_failed = t.first_failed;
		sum.failed += t.failed;
	}
	close(fds[0]);
	while (wait(NULL) > 0)
		;
	printf("sim_layer: %llu seeds from %llu, %llu deaths, %llu manifests lost, %llu images "
	       "compared, %llu failed, %.1f s\n",
	       (unsigned long long)sum.seeds, (unsigned long long)a->seed,
	       (unsigned long long)sum.deaths, (unsigned long long)sum.lost,
	       (unsigned long long)sum.checks, (unsigned long long)sum.failed,
	       (double)(clock_now_ns() - began_ns) / 1e9);
	if (sum.failed)
		printf("sim_layer: first failed seed %llu\n", (unsigned long long)sum.first_failed);
	return sum.failed == 0;
}

/* Each script once for each call that it makes: death there, with the power and without. */
static bool run_enumerated(const struct arguments *a)
{
	uint64_t runs = 0;

	for (uint64_t s = 0; s < a->scripts; s++)
		for (uint32_t cut = 0; cut < 2; cut++)
			for (uint64_t nth = 1;; nth++) {
				bool has_died = lab_run_enumerated(&lab, a->seed + s, nth, cut);

				runs++;
				if (!lab_is_fine(&lab)) {
					printf("FAILED script %llu, call %llu, power cut %u: %s\n",
					       (unsigned long long)(a->seed + s),
					       (unsigned long long)nth, cut, lab.failure);
					return false;
				}
				if (!has_died)
					break;
			}
	printf("sim_layer: %llu scripts, death at each of their calls: %llu runs\n",
	       (unsigned long long)a->scripts, (unsigned long long)runs);
	return true;
}

static bool take_option(int o, struct arguments *a)
{
	uint64_t *numbers[] = {
	    ['s'] = &a->seed, ['c'] = &a->count, ['j'] = &a->jobs, ['e'] = &a->scripts};

	if (o == 'm')
		mutation_now = (int)strtol(optarg, NULL, 10);
	else if (o == 'v')
		lab.is_verbose = true;
	else if (o == '?')
		return false;
	else
		*numbers[o] = strtoull(optarg, NULL, 10);
	return a->jobs > 0 && a->count > 0;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {{"seed", required_argument, NULL, 's'},
						{"count", required_argument, NULL, 'c'},
						{"jobs", required_argument, NULL, 'j'},
						{"enumerate", required_argument, NULL, 'e'},
						{"mutation", required_argument, NULL, 'm'},
						{"verbose", no_argument, NULL, 'v'},
						{NULL, 0, NULL, 0}};
	struct arguments a = {.seed = 1, .count = SHORT_COUNT, .jobs = 1};
	int o;

	setvbuf(stdout, NULL, _IOLBF, 0);
	while ((o = getopt_long(argc, argv, "", options, NULL)) != -1)
		if (!take_option(o, &a))
			return usage();
	if (optind < argc)
		return usage();
	if (argc == 1)
		a.scripts = 1;
	if (a.scripts && !run_enumerated(&a))
		return 1;
	return (a.scripts && argc > 1) || run_random(&a) ? 0 : 1;
}
