/* SPDX-License-Identifier: MIT */
/* forward.c - the way to policyd: the request, and libcurl's callbacks. Back: forward_answer.c. */
#include "forward.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "parse.h"
#include "request.h"
#include "session.h"

/* ---------------------------------------------------------------- going on after a pause */

void forward_ease(struct forward *f)
{
	if (f->is_eased || !f->is_running)
		return;
	f->is_eased = true;
	list_push_back(&f->request->gateway->eased, &f->node);
}

static void ease_now(struct forward *f)
{
	if (f->up.fill || f->is_up_ended)
		f->is_send_paused = false;
	if (pipe_room(&f->down) >= FORWARD_DOWN_BYTES / 2)
		f->is_receive_paused = false;
	curl_easy_pause(f->easy, (f->is_send_paused ? CURLPAUSE_SEND : 0) |
				     (f->is_receive_paused ? CURLPAUSE_RECV : 0));
}

void forward_ease_all(struct gateway *g)
{
	while (!list_is_empty(&g->eased)) {
		struct forward *f = list_entry(list_pop_front(&g->eased), struct forward, node);

		f->is_eased = false;
		if (f->is_running)
			ease_now(f);
	}
}

/* ---------------------------------------------------------------- the client's body */

static void answer_within(struct forward *f, uint64_t wait_ms)
{
	f->deadline_ns = clock_now_ns() + wait_ms * CLOCK_NS_PER_MS;
}

size_t forward_feed(struct forward *f, const char *data, size_t len)
{
	size_t n = pipe_put(&f->up, data, len);

	if (n < len) /* policyd has to take something before the client goes on */
		answer_within(f, f->request->gateway->cfg.answer_timeout_ms);
	if (f->is_send_paused)
		forward_ease(f);
	return n;
}

void forward_feed_end(struct forward *f)
{
	uint64_t wait_ms = f->request->gateway->cfg.answer_timeout_ms;

	if (f->is_up_ended)
		return;
	f->is_up_ended = true;
	if (f->request->route.is_stream)
		wait_ms = GATEWAY_CONTENT_ANSWER_S * 1000;
	answer_within(f, wait_ms);
	if (f->is_send_paused)
		forward_ease(f);
}

static size_t want_body(char *out, size_t size, size_t count, void *ctx)
{
	struct forward *f = ctx;
	size_t n = pipe_take(&f->up, out, size * count);

	if (!f->is_up_ended)
		f->deadline_ns = 0; /* it is the client's turn now */
	/* The first time this says that policyd takes the body, later that there is room again. */
	if (n || f->request->waits_for_go)
		request_wake(f->request);
	if (n || f->is_up_ended)
		return n;
	f->is_send_paused = true;
	return CURL_READFUNC_PAUSE;
}

/* ---------------------------------------------------------------- policyd's answer */

static void forget_answer(struct forward *f)
{
	for (int i = 0; i < HEADERS_ANSWER_COUNT; i++) {
		free(f->answer[i]);
		f->answer[i] = NULL;
	}
	f->answer_bytes = UINT64_MAX;
}

static char *value_of(const char *line, size_t len, size_t name_len)
{
	const char *p = line + name_len + 1, *end = line + len;

	while (p < end && (*p == ' ' || *p == '\t'))
		p++;
	while (end > p && (end[-1] == '\r' || end[-1] == '\n' || end[-1] == ' '))
		end--;
	return strndup(p, (size_t)(end - p));
}

static void got_length(struct forward *f, const char *line, size_t len)
{
	static const char name[] = "Content-Length:";
	char *text;

	if (len < strlen(name) || strncasecmp(line, name, strlen(name)) != 0)
		return;
	text = value_of(line, len, strlen(name) - 1);
	if (!text || parse_u64("", text, 0, INT64_MAX, &f->answer_bytes, NULL) < 0)
		f->answer_bytes = UINT64_MAX;
	free(text);
}

static size_t got_header(char *line, size_t size, size_t count, void *ctx)
{
	struct forward *f = ctx;
	size_t len = size * count;
	long status = 0;
	int which;

	if (len >= 5 && memcmp(line, "HTTP/", 5) == 0) { /* one more head: "100 Continue" first */
		curl_easy_getinfo(f->easy, CURLINFO_RESPONSE_CODE, &status);
		f->status = (int)status;
		forget_answer(f);
		return len;
	}
	if (len <= 2) {
		curl_easy_getinfo(f->easy, CURLINFO_RESPONSE_CODE, &status);
		f->status = (int)status;
		f->has_headers = status >= 200;
		if (forward_is_ready(f))
			request_wake(f->request);
		return len;
	}
	got_length(f, line, len);
	which = headers_answer(line, len);
	if (which >= 0 && !f->has_headers) { /* after the body come trailers: not for us */
		free(f->answer[which]);
		f->answer[which] = value_of(line, len, strlen(headers_answer_name(which)));
		if (!f->answer[which])
			return 0;
	}
	return len;
}

static size_t got_body(char *data, size_t size, size_t count, void *ctx)
{
	struct forward *f = ctx;
	size_t len = size * count;

	if (pipe_room(&f->down) < len) {
		if (f->is_whole_wanted) /* it can never be whole */
			return 0;
		f->is_receive_paused = true;
		return CURL_WRITEFUNC_PAUSE;
	}
	len = pipe_put(&f->down, data, len);
	if (forward_is_ready(f))
		request_wake(f->request);
	return len;
}

void forward_ended(void *ctx, CURL *easy, CURLcode result)
{
	struct forward *f = NULL;

	curl_easy_getinfo(easy, CURLINFO_PRIVATE, &f);
	f->is_running = false;
	f->is_over = true;
	if (result == CURLE_COULDNT_CONNECT)
		f->failure = 503;
	else if (result != CURLE_OK || !f->has_headers)
		f->failure = 502;
	request_wake(f->request);
}

bool forward_is_over(const struct forward *f)
{
	return f->is_over;
}

bool forward_is_ready(const struct forward *f)
{
	return f->is_over || (f->has_headers && !f->is_whole_wanted);
}

/* ---------------------------------------------------------------- making the request */

static int add_line(struct forward *f, const char *name, const char *value)
{
	struct curl_slist *longer;
	char *line;

	if (asprintf(&line, "%s: %s", name, value) < 0)
		return -ENOMEM;
	longer = curl_slist_append(f->headers, line);
	free(line);
	if (!longer)
		return -ENOMEM;
	f->headers = longer;
	return 0;
}

static int add_cookie(struct forward *f, const char *cookies, struct err *err)
{
	char value[SESSION_VALUE_MAX], line[SESSION_HEADER_MAX];
	int rc = cookies ? session_find(cookies, value) : 0;

	if (rc < 0)
		return err_set(err, EBADMSG, "",
			       "the cookie " SESSION_COOKIE " is not one of ours");
	if (rc == 0)
		return 0;
	snprintf(line, sizeof(line), SESSION_COOKIE "=%s", value);
	return add_line(f, "Cookie", line);
}

static int add_headers(struct forward *f, uint64_t body_bytes, struct err *err)
{
	const struct request *r = f->request;
	bool is_big = body_bytes > FORWARD_EXPECT_OVER;
	int rc = add_line(f, "Host", "localhost");

	for (int i = 0; i < HEADER_FORWARDED_COUNT && rc == 0; i++)
		if (r->headers.value[i] && r->headers.value[i][0])
			rc = add_line(f, headers_name((enum header)i), r->headers.value[i]);
	if (rc == 0)
		rc = add_line(f, "Sluice-Client-Address", r->conn->address);
	if (rc == 0)
		rc = add_line(f, "Expect", is_big ? "100-continue" : "");
	if (rc == 0 && body_bytes == UINT64_MAX)
		rc = add_line(f, "Transfer-Encoding", "chunked");
	if (rc < 0)
		return err_set(err, ENOMEM, "", "no memory for a request");
	return add_cookie(f, r->headers.value[HEADER_COOKIE], err);
}

static void set_method(struct forward *f, const char *method, uint64_t body_bytes)
{
	bool has_framing = strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0 &&
			   (body_bytes || strcmp(method, "DELETE") != 0);

	if (strcmp(method, "HEAD") == 0)
		curl_easy_setopt(f->easy, CURLOPT_NOBODY, 1L);
	if (has_framing) {
		curl_easy_setopt(f->easy, CURLOPT_UPLOAD, 1L);
		curl_easy_setopt(f->easy, CURLOPT_INFILESIZE_LARGE,
				 body_bytes == UINT64_MAX ? (curl_off_t)-1
							  : (curl_off_t)body_bytes);
	}
	curl_easy_setopt(f->easy, CURLOPT_CUSTOMREQUEST, method);
}

static int set_up(struct forward *f, const char *method, uint64_t body_bytes)
{
	const struct gateway_cfg *cfg = &f->request->gateway->cfg;
	CURL *e = f->easy;
	char *url;

	if (asprintf(&url, "http://localhost%s", f->request->uri) < 0)
		return -ENOMEM;
	curl_easy_setopt(e, CURLOPT_URL, url);
	free(url);
	curl_easy_setopt(e, CURLOPT_PATH_AS_IS, 1L);
	curl_easy_setopt(e, CURLOPT_UNIX_SOCKET_PATH, cfg->policyd_socket);
	curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http");
	curl_easy_setopt(e, CURLOPT_PROXY, "");
	curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(e, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(e, CURLOPT_FRESH_CONNECT, 1L);
	curl_easy_setopt(e, CURLOPT_FORBID_REUSE, 1L);
	curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS, 5000L);
	curl_easy_setopt(e, CURLOPT_EXPECT_100_TIMEOUT_MS, 5000L);
	curl_easy_setopt(e, CURLOPT_BUFFERSIZE, 65536L);
	curl_easy_setopt(e, CURLOPT_HTTPHEADER, f->headers);
	curl_easy_setopt(e, CURLOPT_READFUNCTION, want_body);
	curl_easy_setopt(e, CURLOPT_READDATA, f);
	curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, got_header);
	curl_easy_setopt(e, CURLOPT_HEADERDATA, f);
	curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, got_body);
	curl_easy_setopt(e, CURLOPT_WRITEDATA, f);
	curl_easy_setopt(e, CURLOPT_PRIVATE, f);
	set_method(f, method, body_bytes);
	return curl_loop_add(f->request->gateway->curl, e);
}

int forward_start(struct request *r, const char *method, struct err *err)
{
	uint64_t body_bytes = headers_body_bytes(&r->headers);
	struct forward *f = calloc(1, sizeof(*f));
	int rc;

	if (!f)
		return err_set(err, ENOMEM, "", "no memory for a request");
	f->request = r;
	f->answer_bytes = UINT64_MAX;
	f->is_whole_wanted = r->route.session == ROUTE_SESSION_BEGINS;
	f->easy = curl_easy_init();
	if (!f->easy || pipe_init(&f->down, FORWARD_DOWN_BYTES) < 0 ||
	    (body_bytes && pipe_init(&f->up, FORWARD_UP_BYTES) < 0))
		rc = err_set(err, ENOMEM, "", "no memory for a request");
	else
		rc = add_headers(f, body_bytes, err);
	if (rc == 0 && set_up(f, method, body_bytes) < 0)
		rc = err_set(err, ENOMEM, "", "no memory for a request");
	if (rc < 0) {
		forward_free(f);
		return rc;
	}
	f->is_running = true;
	r->waits_for_go = body_bytes > FORWARD_EXPECT_OVER;
	if (r->waits_for_go)
		answer_within(f, r->gateway->cfg.answer_timeout_ms);
	r->forward = f;
	return 0;
}

/* ---------------------------------------------------------------- its end */

static void stop(struct forward *f)
{
	if (f->is_eased)
		list_del(&f->node);
	f->is_eased = false;
	if (f->is_running)
		curl_loop_remove(f->request->gateway->curl, f->easy);
	f->is_running = false;
}

void forward_fail(struct forward *f, int status)
{
	if (f->is_over)
		return;
	stop(f);
	f->is_over = true;
	f->failure = status;
	request_wake(f->request);
}

void forward_tick(struct forward *f, uint64_t now_ns)
{
	if (f->deadline_ns && !f->has_headers && f->deadline_ns <= now_ns)
		forward_fail(f, 504);
}

void forward_free(struct forward *f)
{
	if (!f)
		return;
	stop(f);
	if (f->easy)
		curl_easy_cleanup(f->easy);
	curl_slist_free_all(f->headers);
	forget_answer(f);
	pipe_fini(&f->up);
	pipe_fini(&f->down);
	free(f);
}
