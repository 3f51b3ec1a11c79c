/* SPDX-License-Identifier: MIT */
/* options.h - sluice-webd's command line. Thread: main. */
#ifndef GATEWAY_OPTIONS_H
#define GATEWAY_OPTIONS_H

#include "err.h"
#include "gateway.h"

enum options_job { OPTIONS_SERVE, OPTIONS_FINGERPRINT, OPTIONS_VERSION, OPTIONS_HELP };

struct options {
	enum options_job job;
	const char *listen, *http; /* http NULL: no redirect */
	const char *static_dir, *state_dir, *user;
	struct gateway_cfg gateway; /* limits and policyd's socket */
};

extern const char options_usage[];

int must_check options_read(int argc, char **argv, struct options *out, struct err *err);

#endif
