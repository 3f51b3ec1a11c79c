/* SPDX-License-Identifier: MIT */
/*
 * supervisor.h - the watching parent: sockets, lock, children. It has one thread and no other work,
 * so little can go wrong in it; what it decides stands in supervise.c.
 *
 * The listening sockets are its own and are inherited, so that clients queue in the backlog while a
 * child is replaced. A child dies with its parent (PDEATHSIG): nothing ever serves unseen.
 */
#ifndef FILTERD_SUPERVISOR_H
#define FILTERD_SUPERVISOR_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "err.h"
#include "peer_listen.h"

struct supervisor_cfg {
	const char *run_dir;
	const char *state_dir;
	const char *filter_dir;
	uint32_t worker_count;
	uid_t ring_uid;
	struct peer_listen peer_listen; /* addresses; the rest is set here */
	bool has_no_parent; /* serve in this process, unwatched: for debuggers and sanitizers */
};

/* Until an orderly end. Returns the process's exit status. */
int supervisor_run(const struct supervisor_cfg *cfg);

#endif
