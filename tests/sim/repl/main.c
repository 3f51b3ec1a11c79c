// SPDX-License-Identifier: MIT
/* main.c - sim_repl [--count N] [--first N] [--seed N] [--jobs N] [--verbose]: two nodes, from
 * seeds. */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "world.h"
#ifdef REPL_MUTATION
#include "mutation.h"
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

/* An assertion of the engine: which seed it was. */
static void died(int sig)
{
	char text[64];
	int n = snprintf(text, sizeof(text), "FAILED seed %llu: signal %d\n",
			 (unsigned long long)seed_now, sig);

	(void)!write(STDOUT_FILENO, text, (size_t)n);
	signal(sig, SIG_DFL);
	raise(sig);
}

static int run(const struct options *opt, uint64_t first, uint64_t count, uint64_t step)
{
	for (uint64_t i = 0; count == 0 || i < count; i += step) {
		seed_now = first + i;
		if (run_seed(opt, seed_now))
			return 1;
	}
	return 0;
}

static int run_jobs(const struct options *opt, uint64_t first, uint64_t count, int jobs)
{
	int bad = 0, status;

	if (jobs <= 1)
		return run(opt, first, count, 1);
	for (int j = 0; j < jobs; j++) {
		fflush(stdout);
		if (fork() == 0) {
			int rc = run(opt, first + (uint64_t)j, count ? count - (uint64_t)j : 0,
				     (uint64_t)jobs);

			fflush(stdout);
			_exit(rc);
		}
	}
	while (wait(&status) > 0)
		bad |= status;
	return bad != 0;
}

static int usage(void)
{
	fprintf(stderr, "usage: sim_repl [--count N] [--first N] [--seed N] [--jobs N] [--ops N] "
			"[--fault-ms N] [--endless] [--splits] [--slow-reads] "
			"[--slow-disks] [--cut-resyncs] [--verbose]\n");
	return 2;
}

struct run {
	uint64_t count, first;
	int jobs;
};

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
		r->jobs = (int)n;
		return true;
	case 'e':
		r->count = 0;
		return true;
	case 'v':
		opt->is_verbose = true;
		return true;
	case 'p':
		opt->splits = true;
		return true;
	case 'r':
		opt->slow_reads = true;
		return true;
	case 'd':
		opt->slow_disks = true;
		return true;
	case 'u':
		opt->cut_resyncs = true;
		return true;
	case 'o':
		opt->ops = (uint32_t)n;
		return true;
	case 't':
		opt->fault_ms = (uint32_t)n;
		return true;
#ifdef REPL_MUTATION
	case 'm':
		mutation_now = (int)n;
		return true;
#endif
	default:
		return false;
	}
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
	    {"count", required_argument, NULL, 'c'},    {"first", required_argument, NULL, 'f'},
	    {"seed", required_argument, NULL, 's'},     {"jobs", required_argument, NULL, 'j'},
	    {"endless", no_argument, NULL, 'e'},        {"verbose", no_argument, NULL, 'v'},
	    {"splits", no_argument, NULL, 'p'},         {"slow-reads", no_argument, NULL, 'r'},
	    {"ops", required_argument, NULL, 'o'},      {"fault-ms", required_argument, NULL, 't'},
	    {"slow-disks", no_argument, NULL, 'd'},     {"cut-resyncs", no_argument, NULL, 'u'},
	    {"mutation", required_argument, NULL, 'm'}, {0}};
	struct options opt = {.ops = 70, .fault_ms = 40000};
	struct run r = {.count = 200, .first = 1, .jobs = 1};
	int o, rc;

	while ((o = getopt_long(argc, argv, "", options, NULL)) >= 0)
		if (!take(&opt, &r, o, optarg ? strtoull(optarg, NULL, 10) : 0))
			return usage();
	signal(SIGABRT, died);
	signal(SIGSEGV, died);
	rc = run_jobs(&opt, r.first, r.count, r.jobs);
	if (rc == 0)
		printf("sim_repl: seeds %llu to %llu: all is well\n", (unsigned long long)r.first,
		       (unsigned long long)(r.first + r.count - 1));
	return rc;
}
