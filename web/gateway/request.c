/* SPDX-License-Identifier: MIT */
#include "request.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cert_show.h"
#include "check.h"
#include "clock.h"
#include "forward.h"
#include "reply.h"
#include "static.h"

void *request_first_line(void *cls, const char *uri, struct MHD_Connection *mhd)
{
	struct request *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->gateway = cls;
	r->mhd = mhd;
	r->conn = conns_of(mhd);
	r->uri = strdup(uri);
	if (r->conn)
		r->conn->request = r;
	return r;
}

void request_completed(void *cls, struct MHD_Connection *mhd, void **context,
		       enum MHD_RequestTerminationCode why)
{
	struct request *r = *context;

	if (!r)
		return;
	*context = NULL;
	if (r->conn) {
		r->conn->request = NULL;
		r->conn->deadline_ns = clock_now_ns() + GATEWAY_IDLE_S * CLOCK_NS_PER_S;
	}
	forward_free(r->forward);
	free(r->uri);
	free(r);
}

/* ---------------------------------------------------------------- waiting */

void request_suspend(struct request *r)
{
	r->is_suspended = true;
	MHD_suspend_connection(r->mhd);
}

void request_wake(struct request *r)
{
	if (!r->is_suspended)
		return;
	r->is_suspended = false;
	MHD_resume_connection(r->mhd);
}

bool request_is_suspended(const struct request *r)
{
	return r->is_suspended;
}

void request_tick(struct request *r, uint64_t now_ns)
{
	if (r->forward)
		forward_tick(r->forward, now_ns);
}

void request_drop(struct request *r)
{
	if (r->forward)
		forward_fail(r->forward, 502);
	request_wake(r);
}

/* ---------------------------------------------------------------- the headers */

static enum MHD_Result refuse(struct request *r, int status, const char *detail, unsigned retry_s)
{
	r->is_answered = true;
	return reply_problem(r->mhd, status, detail, retry_s);
}

static enum MHD_Result refuse_rate(struct request *r, const char *what, uint64_t wait_ns)
{
	unsigned wait_s = (unsigned)(wait_ns / CLOCK_NS_PER_S) + 1;
	char detail[160];

	if (log_limit_pass(&r->gateway->refusals, 2))
		log_warn("%s: too many %s", r->conn->address, what);
	snprintf(detail, sizeof(detail), "Too many %s from your address; try again in %u s.", what,
		 wait_s);
	return refuse(r, 429, detail, wait_s);
}

/* True: answered. */
static bool is_too_often(struct request *r, enum MHD_Result *result)
{
	uint64_t now_ns = clock_now_ns(), wait_ns;
	const struct ratelimit_key *key = &r->conn->key;

	if (!ratelimit_take(r->gateway->requests, key, now_ns, &wait_ns)) {
		*result = refuse_rate(r, "requests", wait_ns);
		return true;
	}
	if (r->route.is_attempt && !ratelimit_take(r->gateway->attempts, key, now_ns, &wait_ns)) {
		*result = refuse_rate(r, "attempts to log in", wait_ns);
		return true;
	}
	return false;
}

static int check(struct request *r, const char *method, struct err *err)
{
	const struct headers *h = &r->headers;
	uint64_t body_bytes = headers_body_bytes(h);

	if (r->route.is_change &&
	    !check_is_own_site(h->value[HEADER_ORIGIN], h->value[HEADER_SEC_FETCH_SITE],
			       h->value[HEADER_HOST])) {
		if (log_limit_pass(&r->gateway->refusals, 2))
			log_warn("%s: a change from another site's page was refused",
				 r->conn->address);
		return err_set(err, EACCES, "",
			       "A page of another site asked for this change; only this "
			       "appliance's own pages may.");
	}
	if (body_bytes && !r->route.is_change)
		return err_set(err, EBADMSG, "", "%s has no body", method);
	if (body_bytes != UINT64_MAX && body_bytes > r->route.body_max)
		return err_set(err, EFBIG, "", "The body has %llu bytes; %llu are the most here.",
			       (unsigned long long)body_bytes,
			       (unsigned long long)r->route.body_max);
	return 0;
}

static void body_deadline(struct request *r)
{
	if (!r->conn)
		return;
	r->conn->deadline_ns =
	    r->route.is_stream ? 0
			       : clock_now_ns() + r->gateway->cfg.body_timeout_ms * CLOCK_NS_PER_MS;
}

static enum MHD_Result begin(struct request *r, const char *method)
{
	enum MHD_Result result = MHD_NO;
	struct err err = {0};
	bool is_known;

	r->has_begun = true;
	if (!r->uri || !r->conn)
		return refuse(r, 500, "There is no memory left for this request.", 1);
	if (headers_read(r->mhd, &r->headers, &err) < 0 || check_uri(r->uri, &err) < 0)
		return refuse(r, reply_status_of(err.code), err.text, 0);
	is_known = route_of(method, r->uri, &r->route);
	if (is_too_often(r, &result))
		return result;
	if (!is_known)
		return refuse(r, 405, "There is no such method here.", 0);
	if (check(r, method, &err) < 0)
		return refuse(r, reply_status_of(err.code), err.text, 0);
	if (!r->route.is_forwarded) {
		r->conn->deadline_ns = 0;
		return r->route.is_change
			   ? refuse(r, 405, "A file of the console can only be read.", 0)
			   : MHD_YES;
	}
	if (forward_start(r, method, &err) < 0)
		return refuse(r, reply_status_of(err.code), err.text, 0);
	body_deadline(r);
	if (r->waits_for_go)
		request_suspend(r);
	return MHD_YES;
}

/* ---------------------------------------------------------------- the body, the answer */

static enum MHD_Result discard(struct request *r, size_t *size)
{
	r->discarded_bytes += *size;
	*size = 0;
	return r->discarded_bytes > REQUEST_DISCARD_BYTES ? MHD_NO : MHD_YES;
}

static enum MHD_Result body(struct request *r, const char *data, size_t *size)
{
	size_t taken;

	if (r->refusal || forward_is_over(r->forward))
		return discard(r, size);
	taken = forward_feed(r->forward, data, *size);
	r->body_bytes += taken;
	if (r->body_bytes > r->route.body_max) { /* it came in chunks and did not say */
		r->refusal = 413;
		forward_fail(r->forward, 413);
		return discard(r, size);
	}
	*size -= taken;
	if (*size)
		request_suspend(r);
	return MHD_YES;
}

static enum MHD_Result answer(struct request *r)
{
	if (!r->forward) {
		r->is_answered = true;
		if (strcmp(r->uri, CERT_SHOW_PATH) == 0)
			return cert_show_answer(r->mhd);
		return static_answer(r->gateway->cfg.files, r->mhd, r->uri);
	}
	if (r->refusal)
		return refuse(r, r->refusal, "The body is larger than what is taken here.", 0);
	if (!forward_is_ready(r->forward)) {
		forward_feed_end(r->forward);
		if (r->conn)
			r->conn->deadline_ns = 0;
		request_suspend(r);
		return MHD_YES;
	}
	r->is_answered = true;
	if (r->conn)
		r->conn->deadline_ns = 0;
	return forward_answer(r->forward);
}

enum MHD_Result request_handle(void *cls, struct MHD_Connection *mhd, const char *url,
			       const char *method, const char *version, const char *data,
			       size_t *size, void **context)
{
	struct request *r = *context;

	if (!r)
		return MHD_NO;
	if (!r->has_begun)
		return begin(r, method);
	if (r->is_answered)
		return MHD_YES;
	if (r->waits_for_go) {
		/* Still at the headers: an answer now means that the body is not wanted. */
		r->waits_for_go = false;
		body_deadline(r);
		return forward_is_ready(r->forward) ? answer(r) : MHD_YES;
	}
	return *size ? body(r, data, size) : answer(r);
}
