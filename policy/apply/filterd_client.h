/* SPDX-License-Identifier: MIT */
/*
 * filterd_client.h - what policyd asks of sluice-filterd, over the control protocol.
 *
 * One connection is kept; that it broke is how a restart is noticed at once and without asking for
 * anything (filterd_look()).
 *
 * Thread: one at a time per client; each thread has its own.
 */
#ifndef POLICY_FILTERD_CLIENT_H
#define POLICY_FILTERD_CLIENT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "ctl_client.h"
#include "err.h"

#define FILTERD_PAGE 100u /* volumes per answer */

struct filterd_client {
	struct ctl_client ctl;
	bool was_connected;
};

int must_check filterd_client_init(struct filterd_client *f, const char *socket,
				   uint32_t timeout_ms, struct err *err);
void filterd_client_fini(struct filterd_client *f);

/* A request without descriptors; "request" is added to arguments (NULL: none). New reference, or
 * NULL with err. */
json_t *filterd_ask(struct filterd_client *f, const char *request, const json_t *arguments,
		    struct err *err);
/* The error says that filterd is not there or went away, not that it refused something. */
bool filterd_is_gone(const struct err *err);

/* Answers, and is the one that answered last time? 1: yes; 0: another one, or the first; -errno. */
int must_check filterd_look(struct filterd_client *f, struct err *err);

/*
 * planner.h's "filterd": {"is_up": true, "incarnation", "datastores", "volumes"}, page by page.
 * New reference, or NULL with err.
 */
json_t *filterd_observe(struct filterd_client *f, struct err *err);
/* What filterd's request "filters" answers: [{"filter", "version", ...}]. New reference. */
json_t *filterd_filters(struct filterd_client *f, struct err *err);

#endif
