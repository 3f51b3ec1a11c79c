/* SPDX-License-Identifier: MIT */
/*
 * child.h - the serving child: everything but the watching.
 *
 *   plug-ins, plan -> workers and volumes -> ring and control sockets -> loop until asked to end
 *
 * Thread: becomes main of the child; makes the workers.
 */
#ifndef FILTERD_CHILD_H
#define FILTERD_CHILD_H

#include <stdint.h>
#include <sys/types.h>

#include "peer_listen.h"
#include "shared.h"

struct keyring;

#define CHILD_STOP_MS 10000u /* an orderly end takes at most this long */

struct child_cfg {
	struct shared *shared;
	struct keyring *keyring;
	const char *state_dir;
	const char *filter_dir;
	uint32_t worker_count;
	uid_t ring_uid; /* (uid_t)-1: none */
	int ring_listen_fd;
	int control_listen_fd;
	struct peer_listen peer_listen;
};

enum child_end {
	CHILD_STOPPED = 0, /* asked to, and all volumes are closed */
	CHILD_CANNOT = 3, /* could not begin: what is wrong is in the log; another try is as good */
	CHILD_HURRIED =
	    4, /* asked to, but something did not drain: the process must end without tidying up */
};

/* Signals SIGTERM and SIGINT are blocked when it is called. */
enum child_end child_run(const struct child_cfg *cfg);

#endif
