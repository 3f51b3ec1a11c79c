/* SPDX-License-Identifier: MIT */
/*
 * ctl_client.h - the asking side of the control protocol: one connection, one request at a time.
 *
 * Blocks, each call for at most the connection's timeout (0: as long as it takes). A connection
 * that failed is closed, and the next call opens a new one; nothing is sent twice by itself.
 *
 * Order of calls: init, ask as often as wanted, fini. Thread: one at a time.
 */
#ifndef COMMON_CTL_CLIENT_H
#define COMMON_CTL_CLIENT_H

#include <jansson.h>
#include <stdint.h>

#include "err.h"

struct ctl_client {
	char *path;
	const char *program; /* whom to name in a refusal: "sluice-filterd" */
	uint32_t timeout_ms;
	uint32_t last_id;
	int fd; /* -1: not connected */
};

int must_check ctl_client_init(struct ctl_client *c, const char *path, const char *program,
			       uint32_t timeout_ms, struct err *err);
void ctl_client_fini(struct ctl_client *c);

/*
 * Asks and waits for the answer; pass_fd goes along with the request, -1: none, and stays the
 * caller's. New reference, or NULL with err set:
 *   an error answer: its own code, field and text;
 *   ENOENT, ECONNREFUSED, EACCES: nobody there; ETIMEDOUT, ECONNRESET: what became of the request
 *   is not known; EFBIG.
 */
json_t *ctl_client_ask(struct ctl_client *c, const json_t *request, int pass_fd, struct err *err);

/* The other direction of ctl_errno_name(); EREMOTEIO for what has no number here. */
int ctl_errno_from_name(const char *name);

#endif
