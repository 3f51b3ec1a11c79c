/* SPDX-License-Identifier: MIT */
#include "reply.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const security[][2] = {
    {"Strict-Transport-Security", "max-age=31536000"},
    {"Content-Security-Policy",
     "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"},
    {"X-Content-Type-Options", "nosniff"},
    {"X-Frame-Options", "DENY"},
    {"Referrer-Policy", "no-referrer"},
    {"Cross-Origin-Opener-Policy", "same-origin"},
    {"Cross-Origin-Resource-Policy", "same-origin"},
};

static const struct {
	int status;
	const char *code, *title;
} problems[] = {
    {400, "malformed", "The request is malformed"},
    {403, "forbidden", "Not allowed"},
    {404, "not_found", "Not found"},
    {405, "method_not_allowed", "The method is not for this path"},
    {413, "too_large", "The body is too large"},
    {414, "address_too_long", "The address is too long"},
    {429, "too_many_requests", "Too many requests"},
    {431, "headers_too_large", "The headers are too large"},
    {500, "internal", "Something went wrong here"},
    {502, "bad_gateway", "sluice-policyd broke off"},
    {503, "daemon_down", "sluice-policyd is down"},
    {504, "timeout", "sluice-policyd does not answer"},
};
#define PROBLEMS (sizeof(problems) / sizeof(problems[0]))

void reply_harden(struct MHD_Response *response, bool is_private)
{
	for (size_t i = 0; i < sizeof(security) / sizeof(security[0]); i++)
		MHD_add_response_header(response, security[i][0], security[i][1]);
	MHD_add_response_header(response, "Cache-Control", is_private ? "no-store" : "no-cache");
}

static char *problem_text(size_t which, const char *detail)
{
	char type[64];
	json_t *j;
	char *text;

	snprintf(type, sizeof(type), "urn:sluice:problem:%s", problems[which].code);
	j = json_pack("{s:s, s:s, s:i, s:s, s:s}", "type", type, "title", problems[which].title,
		      "status", problems[which].status, "code", problems[which].code, "detail",
		      detail);
	text = j ? json_dumps(j, JSON_COMPACT) : NULL;
	json_decref(j);
	return text;
}

enum MHD_Result reply_problem(struct MHD_Connection *mhd, int status, const char *detail,
			      unsigned retry_s)
{
	struct MHD_Response *response;
	enum MHD_Result result;
	size_t which = 0;
	char number[16];
	char *text;

	while (which < PROBLEMS - 1 && problems[which].status != status)
		which++;
	text = problem_text(which, detail);
	if (!text)
		return MHD_NO;
	response = MHD_create_response_from_buffer(strlen(text), text, MHD_RESPMEM_MUST_FREE);
	if (!response) {
		free(text);
		return MHD_NO;
	}
	MHD_add_response_header(response, "Content-Type", "application/problem+json");
	if (retry_s) {
		snprintf(number, sizeof(number), "%u", retry_s);
		MHD_add_response_header(response, "Retry-After", number);
	}
	if (status == 405)
		MHD_add_response_header(response, "Allow", "GET, HEAD, POST, PUT, PATCH, DELETE");
	if (status == 400 || status == 413 || status == 414 || status == 431)
		MHD_add_response_header(response, "Connection", "close");
	reply_harden(response, true);
	result = MHD_queue_response(mhd, (unsigned)status, response);
	MHD_destroy_response(response);
	return result;
}

int reply_status_of(int code)
{
	switch (code) {
	case EBADMSG:
		return 400;
	case EACCES:
		return 403;
	case EFBIG:
		return 413;
	case ENAMETOOLONG:
		return 414;
	case E2BIG:
		return 431;
	default:
		return 500;
	}
}
