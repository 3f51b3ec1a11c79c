/* SPDX-License-Identifier: MIT */
/*
 * main.c - sluice-filterd: what the command line says, then supervisor_run().
 */
#include <getopt.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "log.h"
#include "parse.h"
#include "shared.h"
#include "supervisor.h"
#include "release.h"
#include "wire/ctl.h"

#define STATE_DIR "/var/lib/sluice/filterd"

static const char usage[] =
    "usage: sluice-filterd [option...]\n"
    "  --run-dir DIR      sockets and lock (default " CTL_RUN_DIR ")\n"
    "  --state-dir DIR    plan, incarnation, filters' records (default " STATE_DIR ")\n"
    "  --filter-dir DIR   filters, *.so (default: ../filters beside this program, then /usr/lib/sluice/filters)\n"
    "  --workers N        serving threads, 1 to 16 (default 1)\n"
    "  --ring-uid UID     one more user who may hand over rings, besides root and our own\n"
    "  --peer-listen ADDRESS[:PORT]  where other appliances find this one (default: nowhere); up to 4 times\n"
    "  --no-parent        serve in this process, without the watching parent\n"
    "  --version, --help\n";

/* ../filters beside the program as it stands in a build tree, else where packages put them. */
static char *default_filter_dir(void)
{
	char path[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);
	char *dir = NULL;
	struct stat st;

	if (n > 0) {
		path[n] = '\0';
		if (asprintf(&dir, "%s/../filters", dirname(path)) >= 0 && stat(dir, &st) == 0)
			return dir;
		free(dir);
	}
	return strdup("/usr/lib/sluice/filters");
}

enum {
	OPT_RUN = 256,
	OPT_STATE,
	OPT_FILTER,
	OPT_WORKERS,
	OPT_RING_UID,
	OPT_PEER_LISTEN,
	OPT_NO_PARENT,
	OPT_VERSION,
	OPT_HELP
};

static const struct option options[] = {
    {"run-dir", required_argument, NULL, OPT_RUN},
    {"state-dir", required_argument, NULL, OPT_STATE},
    {"filter-dir", required_argument, NULL, OPT_FILTER},
    {"workers", required_argument, NULL, OPT_WORKERS},
    {"ring-uid", required_argument, NULL, OPT_RING_UID},
    {"peer-listen", required_argument, NULL, OPT_PEER_LISTEN},
    {"no-parent", no_argument, NULL, OPT_NO_PARENT},
    {"version", no_argument, NULL, OPT_VERSION},
    {"help", no_argument, NULL, OPT_HELP},
    {NULL, 0, NULL, 0},
};

static int wrong(const struct err *err)
{
	fprintf(stderr, "sluice-filterd: %s\n", err->text);
	return 2;
}

int main(int argc, char **argv)
{
	struct supervisor_cfg cfg = {.run_dir = CTL_RUN_DIR,
				     .state_dir = STATE_DIR,
				     .worker_count = 1,
				     .ring_uid = (uid_t)-1};
	cleanup_free char *filter_dir = NULL;
	struct err err = {0};
	uint64_t number;
	int opt;

	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (opt) {
		case OPT_RUN:
			cfg.run_dir = optarg;
			break;
		case OPT_STATE:
			cfg.state_dir = optarg;
			break;
		case OPT_FILTER:
			cfg.filter_dir = optarg;
			break;
		case OPT_WORKERS:
			if (parse_u64("--workers", optarg, 1, SHARED_WORKERS_MAX, &number, &err) <
			    0)
				return wrong(&err);
			cfg.worker_count = (uint32_t)number;
			break;
		case OPT_RING_UID:
			if (parse_u64("--ring-uid", optarg, 0, UINT32_MAX - 1, &number, &err) < 0)
				return wrong(&err);
			cfg.ring_uid = (uid_t)number;
			break;
		case OPT_PEER_LISTEN:
			if (peer_listen_add(&cfg.peer_listen, optarg, &err) < 0)
				return wrong(&err);
			break;
		case OPT_NO_PARENT:
			cfg.has_no_parent = true;
			break;
		case OPT_VERSION:
			return puts("sluice-filterd " SLUICE_VERSION) < 0;
		case OPT_HELP:
			fputs(usage, stdout);
			return 0;
		default:
			fputs(usage, stderr);
			return 2;
		}
	}
	if (optind != argc) {
		fprintf(stderr, "sluice-filterd: '%s' is not an option\n%s", argv[optind], usage);
		return 2;
	}
	if (!cfg.filter_dir)
		cfg.filter_dir = filter_dir = default_filter_dir();
	log_open("sluice-filterd", LOG_LEVEL_INFO);
	return supervisor_run(&cfg);
}
