/* SPDX-License-Identifier: MIT */
#include "exchange.h"

#include <errno.h>
#include <limits.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "app.h"
#include "auth.h"
#include "body.h"
#include "log.h"
#include "parse.h"
#include "problem.h"

const char *request_query(const struct request *q, const char *name)
{
	const struct exchange *x = q->http;

	return url_query(&x->url, name);
}

const char *request_header(const struct request *q, const char *name)
{
	const struct exchange *x = q->http;

	return x->header(x, name);
}

bool exchange_is_change(const struct exchange *x)
{
	return strcmp(x->method, "GET") != 0 && strcmp(x->method, "HEAD") != 0 &&
	       !(x->match.route && (x->match.route->flags & ROUTE_READS));
}

/* ---------------------------------------------------------------- answers */

static void answer_json(struct exchange *x, int status, const json_t *body, const char *type)
{
	free(x->answer.text);
	x->answer.text = json_dumps(body, JSON_COMPACT);
	x->answer.text_bytes = x->answer.text ? strlen(x->answer.text) : 0;
	x->answer.content_type = type;
	x->answer.status = x->answer.text ? status : 500;
}

static enum exchange_next problem(struct exchange *x, int status, const char *code,
				  const struct err *err)
{
	json_t *j = problem_json(status, code, err);

	if (status == 0)
		status = problem_status(err->code);
	if (status == 500)
		log_error("%s %.200s: %s", x->method, x->target, err->text);
	x->answer.etag[0] = x->answer.location[0] = '\0';
	if (x->answer.retry_after_s == 0)
		x->answer.retry_after_s = problem_retry_s(status);
	x->answer.is_bearer_asked = status == 401;
	answer_json(x, status, j, "application/problem+json");
	json_decref(j);
	return EXCHANGE_ANSWER;
}

void exchange_refuse(struct exchange *x, int status, const char *code, const struct err *err)
{
	problem(x, status, code, err);
	if (exchange_is_change(x) && !x->q.is_dry_run)
		trail_add_refused(x, x->answer.status);
	else if (x->answer.status == 401 || x->answer.status == 403)
		trail_add_refused(x, x->answer.status);
}

static enum exchange_next refuse(struct exchange *x, int status, const char *code,
				 const struct err *err)
{
	exchange_refuse(x, status, code, err);
	return EXCHANGE_ANSWER;
}

static int status_of(const struct reply *r)
{
	if (r->status)
		return r->status;
	if (r->task_id)
		return 202;
	if (r->location[0])
		return 201;
	return r->body || r->text || r->body_fd >= 0 || r->is_sse ? 200 : 204;
}

int exchange_render(struct exchange *x, struct err *err)
{
	struct reply *r = &x->r;
	struct answer *a = &x->answer;

	a->status = status_of(r);
	if (r->task_id) {
		if (!r->body)
			r->body = json_object();
		json_object_set_new(r->body, "task_id", json_integer(r->task_id));
		snprintf(a->location, sizeof(a->location), "/api/v1/tasks/%lld",
			 (long long)r->task_id);
	} else {
		snprintf(a->location, sizeof(a->location), "%s", r->location);
	}
	if (r->revision)
		snprintf(a->etag, sizeof(a->etag), "\"%lld\"", (long long)r->revision);
	if (r->body) {
		answer_json(x, a->status, r->body, "application/json");
		if (!a->text)
			return err_set(err, ENOMEM, "", "the answer cannot be written as JSON");
	} else if (r->text && !r->is_sse) {
		a->text = r->text;
		a->text_bytes = strlen(r->text);
		a->content_type = r->content_type ? r->content_type : "text/plain";
		r->text = NULL;
	} else if (r->content_type) {
		a->content_type = r->content_type;
	}
	return 0;
}

/* ---------------------------------------------------------------- head */

static int read_if_match(struct exchange *x, struct err *err)
{
	const char *text = x->header(x, "If-Match");
	char digits[24] = "";
	uint64_t revision;
	size_t len;

	if (!text || strcmp(text, "*") == 0)
		return 0;
	len = strlen(text);
	if (len < 3 || len > 22 || text[0] != '"' || text[len - 1] != '"')
		return err_set(err, EBADMSG, "If-Match",
			       "If-Match must be an ETag as it was given: \"7\"");
	memcpy(digits, text + 1, len - 2);
	if (parse_u64("If-Match", digits, 1, INT64_MAX, &revision, NULL) < 0)
		return err_set(err, EBADMSG, "If-Match",
			       "If-Match must be an ETag as it was given: \"7\"");
	x->q.if_match = (int64_t)revision;
	return 0;
}

static int read_dry_run(struct exchange *x, struct err *err)
{
	const char *text = url_query(&x->url, "dry_run");
	int rc;

	if (!text)
		return 0;
	rc = parse_bool("dry_run", text, &x->q.is_dry_run, err);
	if (rc == 0 && x->q.is_dry_run &&
	    (!exchange_is_change(x) || (x->match.route->flags & (ROUTE_SLOW | ROUTE_STREAM_IN))))
		return err_set(err, EINVAL, "dry_run", "there is no dry run of this request");
	return rc;
}

static int check_query_names(const struct exchange *x, struct err *err)
{
	const char *const *allowed = x->match.route->query;

	for (uint32_t i = 0; i < x->url.query_count; i++) {
		const char *name = x->url.query[i].name;
		bool is_known = strcmp(name, "dry_run") == 0;

		for (const char *const *a = allowed; a && *a && !is_known; a++)
			is_known = strcmp(*a, "*") == 0 || strcmp(*a, name) == 0;
		if (!is_known)
			return err_set(err, EINVAL, name, "?%.40s is not known here", name);
	}
	return 0;
}

/* Whether type is wanted, parameters such as charset aside. */
static bool is_type(const char *type, const char *wanted)
{
	size_t len = strlen(wanted);

	return type && strncasecmp(type, wanted, len) == 0 &&
	       (type[len] == '\0' || type[len] == ';' || type[len] == ' ');
}

/* What the head says of a body. Returns a status that refuses, or 0. */
static int check_body_head(struct exchange *x, struct err *err)
{
	const struct route *route = x->match.route;
	const char *length = x->header(x, "Content-Length");
	const char *type = x->header(x, "Content-Type");
	uint64_t bytes = 0;
	bool has_body = x->header(x, "Transfer-Encoding") != NULL;

	x->body_max_bytes = route->flags & ROUTE_BIG_BODY ? BODY_BIG_BYTES_MAX : BODY_BYTES_MAX;
	if (length && parse_u64("Content-Length", length, 0, INT64_MAX, &bytes, err) < 0)
		return 400;
	has_body = has_body || bytes > 0;
	if (route->flags & ROUTE_STREAM_IN) {
		x->body_max_bytes = UINT64_MAX;
		if (is_type(type, "application/octet-stream"))
			return 0;
		err_set(err, EINVAL, "Content-Type", "the body must be application/octet-stream");
		return 415;
	}
	if (!has_body)
		return 0;
	if (strcmp(x->method, "GET") == 0 || strcmp(x->method, "DELETE") == 0) {
		err_set(err, EBADMSG, "", "%s takes no body", x->method);
		return 400;
	}
	if (bytes > x->body_max_bytes) {
		err_set(err, EFBIG, "", "the body has %llu bytes; at most %llu are taken",
			(unsigned long long)bytes, (unsigned long long)x->body_max_bytes);
		return 413;
	}
	if (is_type(type, "application/json"))
		return 0;
	err_set(err, EINVAL, "Content-Type", "the body must be application/json");
	return 415;
}

static int who_asks(struct exchange *x, struct err *err)
{
	struct auth_headers h = {
	    .authorization = x->header(x, "Authorization"),
	    .cookie = x->header(x, "Cookie"),
	    .csrf = x->header(x, "X-CSRF-Token"),
	    /* a client of the local socket may be anybody's program: only webd says addresses */
	    .address = x->is_local ? NULL : x->header(x, "Sluice-Client-Address"),
	    .is_local_root = x->is_local && x->uid == 0,
	    .is_change = strcmp(x->method, "GET") != 0,
	};
	int rc;

	if (x->is_local && x->uid != 0)
		return err_set(err, EACCES, "", "only root may use this socket");
	rc = auth_who(x->app->auth, &h, &x->q.actor, err);
	/* login with an old cookie, logout of an ended session: public means public */
	if (rc < 0 && x->match.route->role == REST_PUBLIC) {
		memset(err, 0, sizeof(*err));
		x->q.actor.name[0] = '\0';
		return 0;
	}
	return rc;
}

/* The one place where it is decided who may do what. */
static int may_ask(const struct exchange *x, struct err *err)
{
	enum rest_role least = x->match.route->role, is = x->q.actor.role;

	if (is >= least)
		return 0;
	if (is == REST_PUBLIC)
		return err_set(err, EPERM, "",
			       "sign in, or send a token: Authorization: Bearer slc_...");
	return err_set(err, EACCES, "", "this needs the role %s, and %s is %s",
		       auth_role_word(least), x->q.actor.name, auth_role_word(is));
}

static enum exchange_next find_route(struct exchange *x, struct err *err)
{
	int rc = url_parse(x->target, &x->url, err);

	if (rc < 0)
		return refuse(x, 0, NULL, err);
	rc = router_find(rest_tables, x->method, &x->url, &x->match);
	if (rc == -ENOENT) {
		err_set(err, ENOENT, "", "there is nothing at this address");
		return refuse(x, 404, "unknown_path", err);
	}
	if (rc < 0) {
		snprintf(x->answer.allow, sizeof(x->answer.allow), "%s", x->match.allow);
		err_set(err, EINVAL, "", "%.16s is not for this address; %s is", x->method,
			x->match.allow);
		return refuse(x, 405, "method_not_allowed", err);
	}
	return EXCHANGE_BODY;
}

static void request_fill(struct exchange *x)
{
	x->q.app = x->app;
	x->q.store = x->app->store;
	x->q.method = x->method;
	x->q.path = x->target;
	x->q.http = x;
	x->r.body_fd = -1;
	x->r.body_bytes = UINT64_MAX;
}

enum exchange_next exchange_begin(struct exchange *x)
{
	struct err err = {0};
	int status;

	request_fill(x);
	if (find_route(x, &err) == EXCHANGE_ANSWER)
		return EXCHANGE_ANSWER;
	x->q.route = x->match.route;
	memcpy(x->q.segments, x->match.parameters, sizeof(x->q.segments));
	if (who_asks(x, &err) < 0 || may_ask(x, &err) < 0)
		return refuse(x, 0, NULL, &err);
	if (check_query_names(x, &err) < 0 || read_if_match(x, &err) < 0 ||
	    read_dry_run(x, &err) < 0)
		return refuse(x, 0, NULL, &err);
	status = check_body_head(x, &err);
	if (status)
		return refuse(x, status, status == 415 ? "unsupported_media_type" : NULL, &err);
	if (x->match.route->flags & ROUTE_STREAM_IN)
		return change_run(x);
	return EXCHANGE_BODY;
}

/* ---------------------------------------------------------------- body, run */

static enum exchange_next run_reading(struct exchange *x)
{
	struct err err = {0};
	int rc = x->match.route->fn(&x->q, &x->r, &err);

	if (rc < 0 || (rc = exchange_render(x, &err)) < 0) {
		err.code = err.code ? err.code : -rc;
		x->answer.retry_after_s = x->r.retry_after_s;
		return refuse(x, 0, x->r.problem, &err);
	}
	if (x->r.is_sse)
		return EXCHANGE_SSE;
	return x->r.body_fd >= 0 ? EXCHANGE_STREAM_OUT : EXCHANGE_ANSWER;
}

static void slow_done(struct password_job *job)
{
	struct exchange *x = job->ctx;

	free(job);
	x->done(x);
}

/* First call of a slow route: what is to be worked out. */
static enum exchange_next run_slow(struct exchange *x)
{
	struct password_job *job;
	struct err err = {0};

	x->q.slow = &x->slow;
	if (x->match.route->fn(&x->q, &x->r, &err) < 0) {
		x->answer.retry_after_s = x->r.retry_after_s;
		return refuse(x, 0, x->r.problem, &err);
	}
	if (!x->slow.verify_password[0] && !x->slow.new_password[0])
		return exchange_ready(x);
	job = calloc(1, sizeof(*job));
	if (!job) {
		err_set(&err, EAGAIN, "", "no memory for this now");
		return refuse(x, 0, NULL, &err);
	}
	job->slow = &x->slow;
	job->done = slow_done;
	job->ctx = x;
	if (password_pool_add(x->app->auth->pool, job, &err) < 0) {
		free(job);
		return refuse(x, 0, NULL, &err);
	}
	return EXCHANGE_WAIT;
}

enum exchange_next exchange_ready(struct exchange *x)
{
	x->slow.is_second = true;
	return change_run(x);
}

enum exchange_next exchange_run(struct exchange *x, const char *body, size_t body_bytes)
{
	struct err err = {0};

	x->body_text = body;
	x->body_bytes = body_bytes;
	if (body_bytes) {
		x->q.body = body_parse(body, body_bytes, &err);
		if (!x->q.body)
			return refuse(x, 0, NULL, &err);
	} else if (strcmp(x->method, "PATCH") == 0 || strcmp(x->method, "PUT") == 0) {
		err_set(&err, EBADMSG, "", "a body is needed: a JSON object");
		return refuse(x, 0, NULL, &err);
	}
	if (!exchange_is_change(x))
		return run_reading(x);
	return x->match.route->flags & ROUTE_SLOW ? run_slow(x) : change_run(x);
}

void exchange_streamed(struct exchange *x, bool is_whole)
{
	struct err err = {0};

	if (x->r.ended)
		x->r.ended(x->r.ended_ctx, is_whole, &x->r);
	x->r.ended = NULL;
	if (exchange_render(x, &err) < 0)
		problem(x, 0, NULL, &err);
}

void exchange_free(struct exchange *x)
{
	json_decref(x->q.body);
	json_decref(x->r.body);
	free(x->r.text);
	if (x->answer.text) /* may bear a secret that is shown once */
		OPENSSL_cleanse(x->answer.text, x->answer.text_bytes);
	free(x->answer.text);
	OPENSSL_cleanse(&x->slow, sizeof(x->slow));
	url_free(&x->url);
}
