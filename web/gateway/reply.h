/* SPDX-License-Identifier: MIT */
/*
 * reply.h - what every answer carries, and the answers that webd gives itself.
 *
 * Thread: main.
 */
#ifndef GATEWAY_REPLY_H
#define GATEWAY_REPLY_H

#include <microhttpd.h>
#include <stdbool.h>

/* The security headers; is_private: nothing between here and the client may keep it. */
void reply_harden(struct MHD_Response *response, bool is_private);

/* problem+json; title and code follow from the status. retry_s 0: no Retry-After. A connection that
 * sent something malformed ends with it, since nobody knows where its next request begins. */
enum MHD_Result reply_problem(struct MHD_Connection *mhd, int status, const char *detail,
			      unsigned retry_s);

/* The status for an error of check.h. */
int reply_status_of(int code);

#endif
