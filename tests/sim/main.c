/* SPDX-License-Identifier: MIT */
/*
 * main.c - sim: runs seeds. One seed is one run; the same seed is the same run.
 *
 *     sim [--seed S] [--count N] [--jobs J] [-v] [--mutation-expect]
 *
 * Jobs are processes: job j runs the seeds S+j, S+j+J, ... A seed that fails, or ends in an
 * assertion, is printed with its options and the command that runs it again. --mutation-expect
 * turns the verdict round: a failure within N seeds is what is wanted, and the number of seeds
 * until then is printed.
 */
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "memory.h"
#include "run.h"

#define JOBS_MAX 64u

struct args {
	uint64_t seed, count, jobs;
	bool is_verbose, is_failure_expected;
};

/* Shared by parent and jobs. */
struct board {
	_Atomic uint64_t seeds[JOBS_MAX]; /* under way */
	_Atomic uint64_t done, events, virtual_ms, commands, fault_seeds, given_up;
	_Atomic bool is_stopping;
};

static const char *program;

static void explain(const struct run_result *r, uint64_t seed)
{
	char text[1024];

	options_print(&r->opt, text, sizeof(text));
	printf("seed %" PRIu64 " FAILED after %" PRIu64
	       " events, %.3f ms: %s\n  %s\n  again: %s --seed %" PRIu64 " -v\n",
	       seed, r->events, (double)r->virtual_ns / 1e6, r->failure, text, program, seed);
}

/* Exit status: 0 fine, 1 a seed failed. */
static int job(const struct args *a, struct board *b, uint64_t index)
{
	struct run_result r;

	for (uint64_t i = index; i < a->count && !b->is_stopping; i += a->jobs) {
		uint64_t seed = a->seed + i;

		b->seeds[index] = seed;
		memory_begin();
		memory_on(false);
		run_seed(seed, a->is_verbose, &r);
		memory_off();
		b->done++;
		b->events += r.events;
		b->virtual_ms += r.virtual_ns / 1000000;
		b->commands += r.commands;
		b->fault_seeds += r.opt.fault_count > 0;
		b->given_up += r.has_given_up;
		if (r.has_failed) {
			b->is_stopping = true;
			explain(&r, seed);
			fflush(stdout);
			return 1;
		}
	}
	return 0;
}

static bool wait_for_jobs(const struct args *a, struct board *b, const pid_t *pids)
{
	bool has_failed = false;

	for (uint64_t j = 0; j < a->jobs; j++) {
		int status = 0;

		waitpid(pids[j], &status, 0);
		if (WIFSIGNALED(status)) {
			b->is_stopping = true;
			printf("seed %" PRIu64
			       " FAILED: killed by signal %d (%s)\n  again: %s --seed %" PRIu64
			       " -v\n",
			       b->seeds[j], WTERMSIG(status), strsignal(WTERMSIG(status)), program,
			       b->seeds[j]);
		}
		has_failed |= status != 0;
	}
	return has_failed;
}

static int run(const struct args *a)
{
	struct board *b =
	    mmap(NULL, sizeof(*b), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t pids[JOBS_MAX];
	uint64_t began_ns = clock_now_ns();
	bool has_failed;
	double seconds;

	if (b == MAP_FAILED)
		return 2;
	fflush(stdout);
	for (uint64_t j = 0; j < a->jobs; j++) {
		pids[j] = fork();
		if (pids[j] < 0)
			return 2;
		if (pids[j] == 0)
			_exit(job(a, b, j));
	}
	has_failed = wait_for_jobs(a, b, pids);
	seconds = (double)(clock_now_ns() - began_ns) / 1e9;
	printf("sim: seeds %" PRIu64 "..%" PRIu64 ": %" PRIu64
	       " run, %s; %.1f s, %.0f seeds a minute, %.0f events and "
	       "%.0f commands a seed, %.1f s of virtual time a seed, %" PRIu64
	       " with faults, %" PRIu64 " without a verdict\n",
	       a->seed, a->seed + a->count - 1, b->done, has_failed ? "FAILED" : "0 failures",
	       seconds, (double)b->done / seconds * 60,
	       (double)b->events / (double)(b->done + !b->done),
	       (double)b->commands / (double)(b->done + !b->done),
	       (double)b->virtual_ms / 1000 / (double)(b->done + !b->done), b->fault_seeds,
	       b->given_up);
	if (a->is_failure_expected)
		printf("sim: mutation %s after %" PRIu64 " seeds\n",
		       has_failed ? "caught" : "NOT CAUGHT", b->done + !b->done);
	return has_failed != a->is_failure_expected;
}

static uint64_t number(const char *text)
{
	char *end;
	uint64_t value = strtoull(text, &end, 0);

	if (*end || !*text) {
		fprintf(stderr, "%s: '%s' is not a number\n", program, text);
		_exit(2);
	}
	return value;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
	    {"seed", required_argument, NULL, 's'}, {"count", required_argument, NULL, 'c'},
	    {"jobs", required_argument, NULL, 'j'}, {"mutation-expect", no_argument, NULL, 'm'},
	    {"verbose", no_argument, NULL, 'v'},    {0},
	};
	struct args a = {.seed = 1, .count = 2000, .jobs = 2};
	bool has_seed = false, has_count = false;
	int c;

	program = argv[0];
	while ((c = getopt_long(argc, argv, "s:c:j:v", options, NULL)) != -1) {
		switch (c) {
		case 's':
			a.seed = number(optarg);
			has_seed = true;
			break;
		case 'c':
			a.count = number(optarg);
			has_count = true;
			break;
		case 'j':
			a.jobs = number(optarg);
			break;
		case 'm':
			a.is_failure_expected = true;
			break;
		case 'v':
			a.is_verbose = true;
			break;
		default:
			fprintf(
			    stderr,
			    "usage: %s [--seed S] [--count N] [--jobs J] [-v] [--mutation-expect]\n",
			    program);
			return 2;
		}
	}
	if (has_seed && !has_count)
		a.count = 1;
	if (a.jobs == 0 || a.jobs > JOBS_MAX || a.count == 0) {
		fprintf(stderr, "%s: --jobs is 1 to %u, --count at least 1\n", program, JOBS_MAX);
		return 2;
	}
	if (a.jobs > a.count)
		a.jobs = a.count;
	return run(&a);
}
