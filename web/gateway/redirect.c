/* SPDX-License-Identifier: MIT */
#include "redirect.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "clock.h"
#include "conns.h"
#include "gateway.h"
#include "reply.h"

void *redirect_first_line(void *cls, const char *uri, struct MHD_Connection *mhd)
{
	return strdup(uri);
}

void redirect_completed(void *cls, struct MHD_Connection *mhd, void **context,
			enum MHD_RequestTerminationCode why)
{
	free(*context);
	*context = NULL;
}

/* The name without its port; an IPv6 address keeps its brackets. */
static size_t name_length(const char *host)
{
	const char *colon = strrchr(host, ':');
	const char *bracket = strrchr(host, ']');

	return colon && (!bracket || colon > bracket) ? (size_t)(colon - host) : strlen(host);
}

enum MHD_Result redirect_handle(void *cls, struct MHD_Connection *mhd, const char *url,
				const char *method, const char *version, const char *data,
				size_t *size, void **context)
{
	struct gateway *g = cls;
	const char *host = MHD_lookup_connection_value(mhd, MHD_HEADER_KIND, "Host");
	const char *uri = *context;
	struct conn *c = conns_of(mhd);
	struct MHD_Response *response;
	char target[CHECK_URI_BYTES_MAX + 300];
	enum MHD_Result result;

	if (c)
		c->deadline_ns = clock_now_ns() + g->cfg.header_timeout_ms * CLOCK_NS_PER_MS;
	if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0)
		return reply_problem(
		    mhd, 403, "This port is not encrypted. Use https; change what you just sent.",
		    0);
	if (!host || !check_host(host) || !uri || check_uri(uri, NULL) < 0)
		return reply_problem(mhd, 400, "The request names no host or no valid address.", 0);
	snprintf(target, sizeof(target), "https://%.*s%s%s%s", (int)name_length(host), host,
		 strcmp(g->cfg.https_port, "443") == 0 ? "" : ":",
		 strcmp(g->cfg.https_port, "443") == 0 ? "" : g->cfg.https_port, uri);
	response = MHD_create_response_from_buffer(0, (void *)"", MHD_RESPMEM_PERSISTENT);
	if (!response)
		return MHD_NO;
	MHD_add_response_header(response, "Location", target);
	MHD_add_response_header(response, "Connection", "close");
	reply_harden(response, true);
	result = MHD_queue_response(mhd, MHD_HTTP_PERMANENT_REDIRECT, response);
	MHD_destroy_response(response);
	return result;
}
