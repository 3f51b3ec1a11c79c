/* SPDX-License-Identifier: MIT */
/* forward_answer.c - policyd's answer on its way to the client. */
#include <stdlib.h>
#include <string.h>

#include "forward.h"
#include "reply.h"
#include "request.h"
#include "session.h"

/* libmicrohttpd has sent what it had and asks for more. */
static ssize_t more_body(void *cls, uint64_t at, char *out, size_t max)
{
	struct request *r = cls;
	struct forward *f = r->forward;
	size_t n = pipe_take(&f->down, out, max);

	if (f->is_receive_paused && pipe_room(&f->down) >= FORWARD_DOWN_BYTES / 2)
		forward_ease(f);
	if (n)
		return (ssize_t)n;
	if (f->is_over)
		return f->failure ? MHD_CONTENT_READER_END_WITH_ERROR
				  : MHD_CONTENT_READER_END_OF_STREAM;
	request_suspend(r);
	return 0;
}

static enum MHD_Result answer_failure(const struct forward *f)
{
	const char *detail = "sluice-policyd broke off; ask again whether the change was made.";

	if (f->failure == 503)
		detail = "sluice-policyd is not running. Volumes go on; try again when it is back.";
	else if (f->failure == 504)
		detail = "sluice-policyd did not answer in time; the change may still be made.";
	return reply_problem(f->request->mhd, f->failure, detail, f->failure == 503 ? 5 : 0);
}

/* A login's answer: the session moves from the body into the cookie. */
static struct MHD_Response *whole_response(struct forward *f, char cookie[SESSION_HEADER_MAX])
{
	struct MHD_Response *response;
	char *raw = malloc(f->down.fill + 1), *text = NULL;
	size_t len;

	if (!raw)
		return NULL;
	len = pipe_take(&f->down, raw, f->down.fill);
	raw[len] = '\0';
	if (session_begin(raw, len, &text, cookie) < 0)
		text = NULL;
	memset(raw, 0, len);
	free(raw);
	if (!text)
		return NULL;
	response = MHD_create_response_from_buffer(strlen(text), text, MHD_RESPMEM_MUST_FREE);
	if (!response)
		free(text);
	return response;
}

static struct MHD_Response *response_make(struct forward *f, char cookie[SESSION_HEADER_MAX])
{
	if (f->is_whole_wanted)
		return whole_response(f, cookie);
	if (f->status == 204 || f->status == 304)
		return MHD_create_response_from_buffer(0, (void *)"", MHD_RESPMEM_PERSISTENT);
	return MHD_create_response_from_callback(f->answer_bytes == UINT64_MAX ? MHD_SIZE_UNKNOWN
									       : f->answer_bytes,
						 65536, more_body, f->request, NULL);
}

enum MHD_Result forward_answer(struct forward *f)
{
	struct request *r = f->request;
	char cookie[SESSION_HEADER_MAX] = "";
	struct MHD_Response *response;
	enum MHD_Result result;

	if (f->is_over && f->failure && (!f->has_headers || f->is_whole_wanted))
		return answer_failure(f);
	response = response_make(f, cookie);
	if (!response)
		return reply_problem(r->mhd, 502, "sluice-policyd sent what cannot be passed on.",
				     0);
	for (int i = 0; i < HEADERS_ANSWER_COUNT; i++)
		if (f->answer[i])
			MHD_add_response_header(response, headers_answer_name(i), f->answer[i]);
	if (r->route.session == ROUTE_SESSION_ENDS)
		MHD_add_response_header(response, "Set-Cookie", session_forget());
	else if (cookie[0])
		MHD_add_response_header(response, "Set-Cookie", cookie);
	reply_harden(response, true);
	result = MHD_queue_response(r->mhd, (unsigned)f->status, response);
	MHD_destroy_response(response);
	return result;
}
