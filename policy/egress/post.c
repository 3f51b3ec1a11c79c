/* SPDX-License-Identifier: MIT */
#include "post.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "address.h"
#include "clock.h"
#include "json.h"

static void post_free(struct post *p)
{
	if (p->easy)
		curl_easy_cleanup(p->easy);
	curl_slist_free_all(p->headers);
	curl_url_cleanup(p->url);
	free(p);
}

/* ---------------------------------------------------------------- headers */

/* What frames the message or names its destination is libcurl's. */
static bool is_ours(const char *name)
{
	static const char *const ours[] = {"Host",    "Content-Length", "Transfer-Encoding",
					   "Expect",  "Connection",     "Upgrade",
					   "Trailer", "Keep-Alive",     "TE"};

	for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
		if (strcasecmp(name, ours[i]) == 0)
			return true;
	return strncasecmp(name, "Proxy-", 6) == 0;
}

static bool is_token(const char *s)
{
	size_t len = strlen(s);

	return len && len <= 64 &&
	       strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") == len;
}

static bool is_printable(const char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s < 0x20 || *s == 0x7f)
			return false;
	return true;
}

static int append(struct curl_slist **list, const char *line)
{
	struct curl_slist *longer = curl_slist_append(*list, line);

	if (!longer)
		return -ENOMEM;
	*list = longer;
	return 0;
}

static int headers_make(struct post *p, json_t *headers, struct err *err)
{
	const char *name;
	json_t *value;
	char line[1200];

	/* no pause for a "100 Continue" */
	if (append(&p->headers, "Expect:") < 0)
		goto no_memory;
	if (json_object_size(headers) > POST_HEADERS_MAX)
		return err_set(err, E2BIG, "headers", "%zu headers; %u are the most",
			       json_object_size(headers), POST_HEADERS_MAX);
	json_object_foreach(headers, name, value)
	{
		const char *text = json_string_value(value);

		if (!is_token(name) || is_ours(name))
			return err_set(err, EINVAL, "headers", "the header '%.64s' cannot be set",
				       name);
		if (!text || !*text || strlen(text) > 1024 || !is_printable(text))
			return err_set(err, EINVAL, "headers",
				       "the header %s needs a text of 1 to 1024 printable "
				       "characters",
				       name);
		snprintf(line, sizeof(line), "%s: %s", name, text);
		if (append(&p->headers, line) < 0)
			goto no_memory;
	}
	return 0;
no_memory:
	return err_set(err, ENOMEM, "headers", "no memory");
}

/* ---------------------------------------------------------------- libcurl's callbacks */

/* The address that was judged is the one that is connected to: nothing looks the name up again in
 * between. */
static curl_socket_t open_socket(void *ctx, curlsocktype purpose, struct curl_sockaddr *a)
{
	struct post *p = ctx;

	if (!p->destination.may_be_private && !address_is_public(&a->addr)) {
		p->is_not_public = true;
		return CURL_SOCKET_BAD;
	}
	return socket(a->family, a->socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, a->protocol);
}

/* Nobody wants the reply's body. It is read to its end so that the sender sees an orderly close,
 * but not without end. */
static size_t reply_arrived(char *data, size_t size, size_t count, void *ctx)
{
	struct post *p = ctx;

	p->reply_bytes += size * count;
	p->is_cut = p->reply_bytes > POST_REPLY_BYTES_MAX;
	return p->is_cut ? 0 : size * count;
}

/* ---------------------------------------------------------------- a post's life */

static void set_up(struct post *p, const char *body, size_t body_bytes, uint64_t timeout_ms,
		   const char *ca_file)
{
	CURL *e = p->easy;

	curl_easy_setopt(e, CURLOPT_CURLU, p->url);
	curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, p->destination.is_plain ? "http" : "https");
	curl_easy_setopt(e, CURLOPT_PROXY, ""); /* whatever the environment says */
	curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
	/* a name server that does not answer must not hold up the others when time is up */
	curl_easy_setopt(e, CURLOPT_QUICK_EXIT, 1L);
	curl_easy_setopt(e, CURLOPT_FRESH_CONNECT, 1L); /* each address is judged each time */
	curl_easy_setopt(e, CURLOPT_FORBID_REUSE, 1L);
	curl_easy_setopt(e, CURLOPT_DNS_CACHE_TIMEOUT, 0L);
	curl_easy_setopt(e, CURLOPT_OPENSOCKETFUNCTION, open_socket);
	curl_easy_setopt(e, CURLOPT_OPENSOCKETDATA, p);
	curl_easy_setopt(e, CURLOPT_SSL_VERIFYPEER, 1L);
	curl_easy_setopt(e, CURLOPT_SSL_VERIFYHOST, 2L);
	curl_easy_setopt(e, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	if (ca_file)
		curl_easy_setopt(e, CURLOPT_CAINFO, ca_file);
	curl_easy_setopt(e, CURLOPT_USERAGENT, "sluice");
	curl_easy_setopt(e, CURLOPT_HTTPHEADER, p->headers);
	curl_easy_setopt(e, CURLOPT_POST, 1L);
	curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body_bytes);
	curl_easy_setopt(e, CURLOPT_POSTFIELDS, body);
	curl_easy_setopt(e, CURLOPT_TIMEOUT_MS, (long)timeout_ms);
	curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, reply_arrived);
	curl_easy_setopt(e, CURLOPT_WRITEDATA, p);
	curl_easy_setopt(e, CURLOPT_ERRORBUFFER, p->text);
	curl_easy_setopt(e, CURLOPT_PRIVATE, p);
}

int post_make(struct ctl_call *call, const struct allow_list *allowed, const char *ca_file,
	      struct post **out, struct err *err)
{
	static const char *const members[] = {"request", "url",        "headers",
					      "body",    "timeout_ms", NULL};
	const char *url, *body = "";
	uint64_t timeout_ms = POST_TIMEOUT_DEFAULT_MS;
	json_t *headers = json_object_get(call->body, "headers");
	struct post *p;
	int rc;

	if (json_only(call->body, members, err) < 0 ||
	    json_get_string(call->body, "url", &url, err) < 0 ||
	    json_opt_string(call->body, "body", &body, err) < 0 ||
	    json_opt_u64(call->body, "timeout_ms", 100, POST_TIMEOUT_MAX_MS, &timeout_ms, err) < 0)
		return -EINVAL;
	if (headers && !json_is_object(headers) && !json_is_null(headers))
		return err_set(err, EINVAL, "headers", "headers is an object of texts");
	p = calloc(1, sizeof(*p));
	if (!p)
		return err_set(err, ENOMEM, "", "no memory");
	rc = allow_url(allowed, url, &p->url, &p->destination, err);
	if (rc == 0)
		rc = headers_make(p, headers, err);
	if (rc == 0 && !(p->easy = curl_easy_init()))
		rc = err_set(err, ENOMEM, "", "no memory");
	if (rc < 0) {
		post_free(p);
		return rc;
	}
	p->call = call; /* owns url and body as long as it is not answered */
	set_up(p, body, strlen(body), timeout_ms, ca_file);
	*out = p;
	return 0;
}

int post_start(struct post *p, struct curl_loop *curl, struct err *err)
{
	p->started_ns = clock_now_ns();
	if (curl_loop_add(curl, p->easy) < 0)
		return err_set(err, ENOMEM, "", "no memory for a transfer");
	return 0;
}

static int error_of(const struct post *p, CURLcode result, struct err *err)
{
	const struct allow_entry *d = &p->destination;

	if (p->is_not_public)
		return err_set(err, EACCES, "url",
			       "%s leads to an address that is not public; if that is right, allow "
			       "%s%s:%u!private",
			       d->host, d->is_plain ? "http://" : "", d->host, d->port);
	switch (result) {
	case CURLE_OPERATION_TIMEDOUT:
		return err_set(err, ETIMEDOUT, "url", "%s:%u did not answer in time: %.200s",
			       d->host, d->port, p->text);
	case CURLE_COULDNT_RESOLVE_HOST:
		return err_set(err, ENOENT, "url", "the name %s is not known: %.200s", d->host,
			       p->text);
	case CURLE_COULDNT_CONNECT:
		return err_set(err, ECONNREFUSED, "url", "%s:%u cannot be reached: %.200s", d->host,
			       d->port, p->text);
	case CURLE_PEER_FAILED_VERIFICATION:
		return err_set(err, EACCES, "url",
			       "the certificate of %s:%u is not trusted: %.200s", d->host, d->port,
			       p->text);
	default:
		return err_set(err, EIO, "url", "%s:%u: %.200s", d->host, d->port,
			       p->text[0] ? p->text : curl_easy_strerror(result));
	}
}

void post_finish(struct post *p, CURLcode result)
{
	uint64_t ms = (clock_now_ns() - p->started_ns) / CLOCK_NS_PER_MS;
	struct ctl_call *call = p->call;
	struct err err = {0};
	long status = 0;

	curl_easy_getinfo(p->easy, CURLINFO_RESPONSE_CODE, &status);
	if (result == CURLE_OK || (p->is_cut && status)) {
		ctl_answer(call, json_pack("{s:I, s:I, s:b}", "status", (json_int_t)status, "ms",
					   (json_int_t)ms, "is_cut", p->is_cut));
	} else {
		(void)error_of(p, result, &err);
		ctl_answer_error(call, &err);
	}
	post_free(p);
}

void post_fail(struct post *p, const struct err *err)
{
	ctl_answer_error(p->call, err);
	post_free(p);
}
