// SPDX-License-Identifier: MIT
/*
 * main.c - sim_whole [--count N] [--first N] [--seed N] [--jobs N] [--verbose]: two appliances with
 * all filters, from seeds.
 *
 * Seeds run in processes of a few hundred: what a killed process had from libraries (cipher
 * contexts) is given back by the end of such a process alone.
 */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "log.h"
#include "seam.h"
#include "world.h"

#ifdef SLUICE_ASAN /* nothing is given back before */
#define BATCH 4u
#define COUNT 40u
#else
#define BATCH 250u
#define COUNT 400u
#endif

static uint64_t seed_now;

#ifdef SLUICE_ASAN
/* What killed processes had is not freed by anybody. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "detect_leaks=0";
}
#endif

/* An assertion of the product: which seed it was. */
static void died(int sig)
{
	char text[64];
	int n = snprintf(text, sizeof(text), "FAILED seed %llu: signal %d\n",
			 (unsigned long long)seed_now, sig);

	(void)!write(STDOUT_FILENO, text, (size_t)n);
	signal(sig, SIG_DFL);
	raise(sig);
}

struct run {
	uint64_t count, first;
	int jobs;
};

static int run_batch(const struct options *opt, uint64_t first, uint64_t count, uint64_t step)
{
	int bad = 0;

	for (uint64_t i = 0; i < count && !bad; i++) {
		seed_now = first + i * step;
		bad = run_seed(opt, seed_now);
	}
	return bad;
}

static int run_job(const struct options *opt, const struct run *r, uint64_t job)
{
	uint64_t left =
	    r->count > job ? (r->count - job + (uint64_t)r->jobs - 1) / (uint64_t)r->jobs : 0;
	uint64_t at = r->first + job;
	int status = 0;

	files_begin();
	while (left && !status) {
		uint64_t count = left < BATCH ? left : BATCH;

		fflush(stdout);
		if (fork() == 0) {
			int bad = run_batch(opt, at, count, (uint64_t)r->jobs);

			fflush(stdout);
			_exit(bad);
		}
		if (wait(&status) < 0)
			status = 1;
		at += count * (uint64_t)r->jobs;
		left -= count;
	}
	files_end(); /* also of one that was aborted */
	return status != 0;
}

static int run_jobs(const struct options *opt, const struct run *r)
{
	int bad = 0, status;

	for (int j = 0; j < r->jobs; j++) {
		fflush(stdout);
		if (fork() == 0)
			_exit(run_job(opt, r, (uint64_t)j));
	}
	while (wait(&status) > 0)
		bad |= status;
	return bad != 0;
}

static int usage(void)
{
	fprintf(stderr, "usage: sim_whole [--count N] [--first N] [--seed N] [--jobs N] [--ops N] "
			"[--fault-ms N] [--verbose]\n");
	return 2;
}

/* False: there is no such option. */
static bool take(struct options *opt, struct run *r, int o, uint64_t n)
{
	switch (o) {
	case 'c':
		r->count = n;
		return true;
	case 'f':
		r->first = n;
		return true;
	case 's':
		r->first = n;
		r->count = 1;
		return true;
	case 'j':
		r->jobs = n ? (int)n : 1;
		return true;
	case 'v':
		opt->is_verbose = true;
		return true;
	case 'o':
		opt->ops = (uint32_t)n;
		return true;
	case 't':
		opt->fault_ms = (uint32_t)n;
		return true;
	case 'm':
		seam_mutation = (int)n;
		return true;
	default:
		return false;
	}
}

int main(int argc, char **argv)
{
	static const struct option options[] = {{"count", required_argument, NULL, 'c'},
						{"first", required_argument, NULL, 'f'},
						{"seed", required_argument, NULL, 's'},
						{"jobs", required_argument, NULL, 'j'},
						{"verbose", no_argument, NULL, 'v'},
						{"ops", required_argument, NULL, 'o'},
						{"fault-ms", required_argument, NULL, 't'},
						{"mutation", required_argument, NULL, 'm'},
						{NULL, 0, NULL, 0}};
	struct options opt = {.ops = 240, .fault_ms = 20000};
	struct run r = {.count = COUNT, .first = 1, .jobs = 1};
	int o;

	while ((o = getopt_long(argc, argv, "", options, NULL)) != -1)
		if (!take(&opt, &r, o, optarg ? strtoull(optarg, NULL, 10) : 0))
			return usage();
	signal(SIGABRT, died);
	signal(SIGSEGV, died);
	log_open("sim_whole", (enum log_level)0); /* faults are expected; world_say() tells them */
	filters_load();
	if (run_jobs(&opt, &r))
		return 1;
	printf("whole chain: %llu seeds, from %llu: ok\n", (unsigned long long)r.count,
	       (unsigned long long)r.first);
	return 0;
}
