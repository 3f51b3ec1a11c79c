/* SPDX-License-Identifier: MIT */
/*
 * carrier.c - one request as libmicrohttpd brings it: its head, its body piece by piece, its
 * answer.
 */
#include <errno.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "app.h"
#include "server_int.h"

static const char *header_of(const struct exchange *x, const char *name)
{
	const struct carrier *c = x->carrier;

	return MHD_lookup_connection_value(c->mhd, MHD_HEADER_KIND, name);
}

static void on_ready(struct exchange *x)
{
	struct carrier *c = x->carrier;

	c->state = CARRIER_READY;
	carrier_resume(c);
}

/* ---------------------------------------------------------------- answers */

static enum MHD_Result send_response(struct carrier *c, struct MHD_Response *response)
{
	const struct answer *a = &c->x.answer;
	enum MHD_Result rc;
	char number[16];

	if (!response)
		return MHD_NO;
	if (a->content_type)
		MHD_add_response_header(response, "Content-Type", a->content_type);
	if (a->etag[0])
		MHD_add_response_header(response, "ETag", a->etag);
	if (a->location[0])
		MHD_add_response_header(response, "Location", a->location);
	if (a->allow[0])
		MHD_add_response_header(response, "Allow", a->allow);
	if (a->is_bearer_asked)
		MHD_add_response_header(response, "WWW-Authenticate", "Bearer realm=\"sluice\"");
	if (a->retry_after_s) {
		snprintf(number, sizeof(number), "%u", a->retry_after_s);
		MHD_add_response_header(response, "Retry-After", number);
	}
	MHD_add_response_header(response, "Cache-Control", "no-store");
	MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
	rc = MHD_queue_response(c->mhd, (unsigned)a->status, response);
	MHD_destroy_response(response);
	return rc;
}

static enum MHD_Result send_answer(struct carrier *c)
{
	const struct answer *a = &c->x.answer;

	return send_response(c, MHD_create_response_from_buffer(a->text_bytes,
								a->text ? a->text : (char[1]){0},
								MHD_RESPMEM_MUST_COPY));
}

static enum MHD_Result refuse(struct carrier *c, int status, const char *code,
			      const struct err *err)
{
	exchange_refuse(&c->x, status, code, err);
	return send_answer(c);
}

static enum MHD_Result send_events(struct carrier *c)
{
	struct exchange *x = &c->x;
	struct err err = {0};

	if (sse_client_add(x->app->sse, x->r.text ? x->r.text : "", header_of(x, "Last-Event-ID"),
			   &x->q.actor, (void (*)(void *))carrier_resume, c, &c->sse, &err) < 0)
		return refuse(c, 0, NULL, &err);
	conn_deadline(c->conn, 0);
	x->answer.content_type = "text/event-stream";
	return send_response(c, stream_sse(c));
}

static enum MHD_Result go_on(struct carrier *c, enum exchange_next next)
{
	switch (next) {
	case EXCHANGE_ANSWER:
		return send_answer(c);
	case EXCHANGE_BODY:
		c->state = CARRIER_BODY;
		return MHD_YES;
	case EXCHANGE_STREAM_IN:
		c->state = CARRIER_STREAM_IN;
		conn_deadline(c->conn, 0);
		return MHD_YES;
	case EXCHANGE_STREAM_OUT:
		conn_deadline(c->conn, 0);
		return send_response(c, stream_out(c));
	case EXCHANGE_SSE:
		return send_events(c);
	case EXCHANGE_WAIT:
		c->state = CARRIER_WAIT;
		conn_deadline(c->conn, 0);
		carrier_suspend(c);
		return MHD_YES;
	}
	return MHD_NO;
}

/* ---------------------------------------------------------------- head */

struct head {
	uint64_t bytes;
	uint32_t count;
	const char *twice; /* a header that may stand once only, and stands twice */
	uint32_t seen;
};

static const char *const once[] = {
    "Authorization", "Content-Length",        "Content-Type", "Host",
    "If-Match",      "Idempotency-Key",       "Cookie",       "Transfer-Encoding",
    "X-CSRF-Token",  "Sluice-Client-Address", "Last-Event-ID"};

static enum MHD_Result count_header(void *cls, enum MHD_ValueKind kind, const char *name,
				    const char *value)
{
	struct head *head = cls;

	head->bytes += strlen(name) + (value ? strlen(value) : 0) + 4;
	head->count++;
	for (size_t i = 0; i < sizeof(once) / sizeof(once[0]); i++) {
		if (strcasecmp(name, once[i]) != 0)
			continue;
		if (head->seen & (1u << i))
			head->twice = once[i];
		head->seen |= 1u << i;
	}
	return MHD_YES;
}

/* 0: fine. */
static int check_head(struct carrier *c, struct err *err)
{
	struct head head = {0};

	MHD_get_connection_values(c->mhd, MHD_HEADER_KIND, count_header, &head);
	if (head.bytes > SERVER_HEADER_BYTES || head.count > 64) {
		err_set(err, EFBIG, "",
			"the headers have %llu bytes in %u lines; %u in 64 are taken",
			(unsigned long long)head.bytes, head.count, SERVER_HEADER_BYTES);
		return 431;
	}
	if (head.twice) {
		err_set(err, EBADMSG, "", "the header %s is there twice", head.twice);
		return 400;
	}
	if (header_of(&c->x, "Transfer-Encoding") && header_of(&c->x, "Content-Length")) {
		err_set(err, EBADMSG, "",
			"Content-Length and Transfer-Encoding exclude each other");
		return 400;
	}
	return 0;
}

static enum MHD_Result on_head(struct carrier *c, const char *method)
{
	struct exchange *x = &c->x;
	enum exchange_next next;
	struct err err = {0};
	int status;

	snprintf(c->method, sizeof(c->method), "%s", method);
	x->app = c->listener->server->cfg.app;
	x->is_local = c->listener->is_local;
	x->uid = c->conn->uid;
	x->method = c->method;
	x->target = c->target;
	x->header = header_of;
	x->done = on_ready;
	x->carrier = c;
	conn_deadline(c->conn, c->listener->server->cfg.answer_s);
	status = check_head(c, &err);
	if (status) {
		x->q.store = x->app->store;
		return refuse(c, status, status == 431 ? "headers_too_large" : NULL, &err);
	}
	next = exchange_begin(x);
	/* An answer before a body's end closes the connection; without a body it need not. */
	if (next == EXCHANGE_ANSWER && !header_of(x, "Content-Length") &&
	    !header_of(x, "Transfer-Encoding")) {
		c->state = CARRIER_REFUSED;
		return MHD_YES;
	}
	return go_on(c, next);
}

/* ---------------------------------------------------------------- body */

/* The library sends no answer while a body comes in: what is too much is read and forgotten. */
static void keep_body(struct carrier *c, const char *upload, size_t bytes)
{
	size_t size = c->body_size ? c->body_size : 4096;
	char *more;

	if (c->is_too_large || c->body_bytes + bytes > c->x.body_max_bytes) {
		c->is_too_large = true;
		return;
	}
	while (size < c->body_bytes + bytes)
		size *= 2;
	if (size != c->body_size) {
		more = realloc(c->body, size);
		if (!more) {
			c->is_too_large = true;
			return;
		}
		c->body = more;
		c->body_size = size;
	}
	memcpy(c->body + c->body_bytes, upload, bytes);
	c->body_bytes += bytes;
}

static enum MHD_Result on_body_end(struct carrier *c)
{
	struct err err = {0};

	if (c->is_too_large) {
		err_set(&err, EFBIG, "", "the body has more than %llu bytes",
			(unsigned long long)c->x.body_max_bytes);
		return refuse(c, 0, NULL, &err);
	}
	return go_on(c, exchange_run(&c->x, c->body, c->body_bytes));
}

enum MHD_Result carrier_access(void *cls, struct MHD_Connection *mhd, const char *url,
			       const char *method, const char *version, const char *upload,
			       size_t *upload_bytes, void **con_cls)
{
	struct carrier *c = *con_cls;

	if (!c || !c->conn || c->listener->server->is_stopping)
		return MHD_NO;
	switch (c->state) {
	case CARRIER_HEAD:
		return on_head(c, method);
	case CARRIER_BODY:
		if (*upload_bytes == 0)
			return on_body_end(c);
		keep_body(c, upload, *upload_bytes);
		*upload_bytes = 0;
		return MHD_YES;
	case CARRIER_REFUSED:
		return send_answer(c);
	case CARRIER_STREAM_IN:
		if (*upload_bytes)
			return stream_in(c, upload, upload_bytes) ? MHD_YES : MHD_NO;
		stream_end(c, true);
		return send_answer(c);
	case CARRIER_READY:
		conn_deadline(c->conn, c->listener->server->cfg.answer_s);
		return go_on(c, exchange_ready(&c->x));
	case CARRIER_WAIT:
		return MHD_NO;
	}
	return MHD_NO;
}

void *carrier_begin(void *cls, const char *uri, struct MHD_Connection *mhd)
{
	const union MHD_ConnectionInfo *info =
	    MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
	struct carrier *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->listener = cls;
	c->conn = info ? info->socket_context : NULL;
	c->mhd = mhd;
	c->target = strdup(uri);
	c->stream.fd = -1;
	c->x.r.body_fd = -1;
	if (!c->target) {
		free(c);
		return NULL;
	}
	return c;
}

void carrier_end(void *cls, struct MHD_Connection *mhd, void **con_cls,
		 enum MHD_RequestTerminationCode toe)
{
	struct carrier *c = *con_cls;

	if (!c)
		return;
	*con_cls = NULL;
	stream_end(c, c->is_whole || c->streamed_bytes == c->x.r.body_bytes);
	sse_client_free(c->sse);
	exchange_free(&c->x);
	if (c->body) /* may bear a password */
		OPENSSL_cleanse(c->body, c->body_bytes);
	free(c->body);
	free(c->target);
	if (c->conn)
		conn_deadline(c->conn, c->listener->server->cfg.head_s);
	free(c);
}
