// SPDX-License-Identifier: MIT
// main.c - sim_log: crash-point enumeration of the record log on simulated devices.
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "exhaustive.h"
#include "faults.h"
#include "mutation.h"
#include "run.h"

#define SHORT_COUNT 3000u
#define SAID_MAX    10u

static struct lab lab;

struct arguments {
	uint64_t seed, count, jobs;
	uint32_t ops, nested_ops;
	bool is_verbose, is_exhaustive, is_faults, is_all;
};

static int usage(void)
{
	fprintf(
	    stderr,
	    "usage: sim_log [--seed N] [--count N] [--jobs N] [--verbose]\n"
	    "       --blind: only what is found after a crash counts, not the order of I/O\n"
	    "       sim_log --exhaustive OPS [--nested OPS]   every workload, death and outcome\n"
	    "       sim_log --faults [--seed N] [--count N]   the n-th operation fails; crash loops\n"
	    "Without arguments: a short run of each.\n");
	return 2;
}

/* ---------------------------------------------------------------- seeds */

struct tally {
	uint64_t seeds, recoveries, failed, first_failed;
};

static void run_seeds(uint64_t first, uint64_t count, uint64_t step, bool is_verbose,
		      struct tally *t)
{
	lab.is_verbose = is_verbose;
	for (uint64_t i = 0; i < count; i += step) {
		bool is_fine = run_seed(&lab, first + i);

		t->seeds++;
		t->recoveries += lab.recoveries;
		if (is_fine)
			continue;
		if (t->failed++ == 0)
			t->first_failed = first + i;
		if (t->failed <= SAID_MAX)
			printf("FAILED seed %llu: %s\n", (unsigned long long)(first + i),
			       lab.failure);
		/* A mutation is caught; the rest would only take time. */
		if (mutation_now)
			return;
	}
}

/* One process per job; each sends its tally through the pipe. */
static int start_job(const struct arguments *a, uint64_t job, int fd)
{
	struct tally t = {0};

	run_seeds(a->seed + job, a->count - job, a->jobs, a->is_verbose, &t);
	fflush(stdout);
	return write(fd, &t, sizeof(t)) == sizeof(t) ? 0 : 1;
}

static bool take_tallies(int fd, uint64_t jobs, struct tally *sum)
{
	struct tally t;

	for (uint64_t i = 0; i < jobs; i++) {
		if (read(fd, &t, sizeof(t)) != sizeof(t))
			return false;
		sum->seeds += t.seeds;
		sum->recoveries += t.recoveries;
		if (t.failed && (!sum->failed || t.first_failed < sum->first_failed))
			sum->first_failed = t.first_failed;
		sum->failed += t.failed;
	}
	return true;
}

static bool run_random(const struct arguments *a)
{
	uint64_t began_ns = clock_now_ns();
	struct tally sum = {0};
	double took_s;
	int fds[2];

	if (a->jobs == 1) {
		run_seeds(a->seed, a->count, 1, a->is_verbose, &sum);
	} else {
		if (pipe(fds))
			return false;
		fflush(stdout);
		for (uint64_t job = 0; job < a->jobs; job++)
			if (fork() == 0)
				_exit(start_job(a, job, fds[1]));
		close(fds[1]);
		if (!take_tallies(fds[0], a->jobs, &sum)) {
			fprintf(stderr, "sim_log: a job died; run with --jobs 1\n");
			return false;
		}
		close(fds[0]);
		while (wait(NULL) > 0)
			;
	}
	took_s = (double)(clock_now_ns() - began_ns) / 1e9;
	printf(
	    "sim_log: %llu seeds from %llu, %llu recoveries, %llu failed, %.1f s, %.0f seeds/min\n",
	    (unsigned long long)sum.seeds, (unsigned long long)a->seed,
	    (unsigned long long)sum.recoveries, (unsigned long long)sum.failed, took_s,
	    (double)sum.seeds / took_s * 60);
	if (sum.failed)
		printf("sim_log: first failed seed %llu\n", (unsigned long long)sum.first_failed);
	return sum.failed == 0;
}

/* ---------------------------------------------------------------- the rest */

static bool run_exhaustive(const struct arguments *a)
{
	uint64_t began_ns = clock_now_ns();
	struct exhaustive_count n = {0};
	bool is_fine = exhaustive_run(&lab, a->ops, a->nested_ops, &n);

	if (!is_fine)
		printf("FAILED exhaustive: %s\n", lab.failure);
	printf("sim_log: exhaustive, up to %u operations: %llu workloads, %llu crash points, "
	       "%llu outcomes, %llu nested ones, %.1f s\n",
	       a->ops, (unsigned long long)n.workloads, (unsigned long long)n.crash_points,
	       (unsigned long long)n.outcomes, (unsigned long long)n.nested_outcomes,
	       (double)(clock_now_ns() - began_ns) / 1e9);
	return is_fine;
}

static bool run_faults(uint64_t seed, uint64_t count)
{
	uint64_t began_ns = clock_now_ns();
	struct faults_count n = {0};
	bool is_fine = faults_sweep(&lab, seed, count, &n) &&
		       faults_sweep_memory(&lab, seed, count, &n) &&
		       faults_crash_loops(&lab, seed, count * 4, &n);

	if (!is_fine)
		printf("FAILED faults, seed %llu: %s\n", (unsigned long long)lab.seed, lab.failure);
	printf("sim_log: faults: %llu runs, %llu faults struck, %llu crash loops, %.1f s\n",
	       (unsigned long long)n.runs, (unsigned long long)n.strikes,
	       (unsigned long long)n.loops, (double)(clock_now_ns() - began_ns) / 1e9);
	return is_fine;
}

static bool take_option(int o, struct arguments *a)
{
	switch (o) {
	case 'n':
		a->seed = strtoull(optarg, NULL, 10);
		return true;
	case 'c':
		a->count = strtoull(optarg, NULL, 10);
		return a->count > 0;
	case 'j':
		a->jobs = strtoull(optarg, NULL, 10);
		return a->jobs > 0;
	case 'v':
		a->is_verbose = lab.is_verbose = true;
		return true;
	case 'e':
		a->is_exhaustive = true;
		a->ops = (uint32_t)strtoul(optarg, NULL, 10);
		return a->ops <= 4;
	case 'd':
		a->nested_ops = (uint32_t)strtoul(optarg, NULL, 10);
		return true;
	case 'f':
		a->is_faults = true;
		return true;
	case 'b':
		lab.is_blind = true;
		return true;
	case 'm':
		mutation_now = (int)strtol(optarg, NULL, 10);
		return true;
	default:
		return false;
	}
}

int main(int argc, char **argv)
{
	static const struct option options[] = {{"seed", required_argument, NULL, 'n'},
						{"count", required_argument, NULL, 'c'},
						{"jobs", required_argument, NULL, 'j'},
						{"verbose", no_argument, NULL, 'v'},
						{"exhaustive", required_argument, NULL, 'e'},
						{"nested", required_argument, NULL, 'd'},
						{"faults", no_argument, NULL, 'f'},
						{"mutation", required_argument, NULL, 'm'},
						{"blind", no_argument, NULL, 'b'},
						{NULL, 0, NULL, 0}};
	struct arguments a = {.seed = 1, .count = SHORT_COUNT, .jobs = 1, .is_all = argc == 1};
	bool is_fine = true;
	int o;

	setvbuf(stdout, NULL, _IOLBF, 0);
	while ((o = getopt_long(argc, argv, "", options, NULL)) != -1)
		if (!take_option(o, &a))
			return usage();
	if (optind < argc)
		return usage();
	if (a.is_all)
		return run_random(&a) && run_faults(1, 2) &&
			       run_exhaustive(&(struct arguments){.ops = 1, .nested_ops = 0})
			   ? 0
			   : 1;
	if (a.is_exhaustive)
		is_fine = run_exhaustive(&a);
	else if (a.is_faults)
		is_fine = run_faults(a.seed, a.count);
	else
		is_fine = run_random(&a);
	return is_fine ? 0 : 1;
}
