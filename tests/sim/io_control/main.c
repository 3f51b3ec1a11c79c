// SPDX-License-Identifier: MIT
// main.c - sim_io_control: the goals of I/O control and its properties, on a virtual clock.
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "goals.h"
#include "properties.h"

#define SHORT_COUNT 200u

static int usage(void)
{
	fprintf(stderr, "usage: sim_io_control [--scenario NAME] [--seed N] [--list]\n"
			"       sim_io_control --properties [--seed N] [--count N]\n"
			"Without arguments: every scenario and a short run of the properties.\n");
	return 2;
}

static bool run_scenarios(const char *only, uint64_t seed, uint32_t *run)
{
	bool is_met = true;

	for (uint32_t i = 0; i < goals_count; i++) {
		if (only && strcmp(only, goals[i].name) != 0)
			continue;
		is_met = goals[i].run(&goals[i], seed) && is_met;
		(*run)++;
	}
	return is_met;
}

static int list(void)
{
	for (uint32_t i = 0; i < goals_count; i++)
		printf("%-13s %s\n", goals[i].name, goals[i].what);
	return 0;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
	    {"scenario", required_argument, NULL, 's'}, {"seed", required_argument, NULL, 'n'},
	    {"properties", no_argument, NULL, 'p'},     {"count", required_argument, NULL, 'c'},
	    {"list", no_argument, NULL, 'l'},           {NULL, 0, NULL, 0}};
	uint64_t seed = 1, count = SHORT_COUNT;
	const char *only = NULL;
	bool is_properties = false, is_met = true;
	uint32_t run = 0;
	int o;

	while ((o = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (o) {
		case 's':
			only = optarg;
			break;
		case 'n':
			seed = strtoull(optarg, NULL, 10);
			break;
		case 'p':
			is_properties = true;
			break;
		case 'c':
			count = strtoull(optarg, NULL, 10);
			break;
		case 'l':
			return list();
		default:
			return usage();
		}
	}
	if (optind < argc)
		return usage();
	if (!is_properties) {
		is_met = run_scenarios(only, seed, &run);
		if (run == 0)
			return usage();
	}
	if (!only)
		is_met = properties_run(seed, count) && is_met;
	return is_met ? 0 : 1;
}
