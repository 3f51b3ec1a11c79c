/* SPDX-License-Identifier: MIT */
/* http.c - see http.h. */
#include "http.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "durable.h"

#define REPLY_BYTES_MAX (256u << 20)
#define TOKEN_FILE_MAX  4096u

struct http {
	CURL *curl;
	const struct http_cfg *cfg;
	char *base; /* "http://localhost" or the URL without a slash at its end */
	char *token;
	uint8_t pin[32];
	char curl_error[CURL_ERROR_SIZE];
};

/* ---------------------------------------------------------------- opening */

static char *token_take(const char *file, struct err *err)
{
	const char *env = getenv("SLUICE_TOKEN");
	char *text = NULL;
	size_t len = 0;

	if (!file)
		return strdup(env ? env : "");
	if (durable_read(file, TOKEN_FILE_MAX, &text, &len, err) < 0) {
		err_prefix(err, "--token-file");
		return NULL;
	}
	text[strcspn(text, "\r\n")] = '\0';
	if (text[0])
		return text;
	err_set(err, EINVAL, "--token-file", "%s is empty; it has to hold a token", file);
	free(text);
	return NULL;
}

static int base_make(struct http *h, struct err *err)
{
	const char *url = h->cfg->url;
	size_t len;

	if (!url)
		h->base = strdup("http://localhost");
	else if (strncmp(url, "https://", 8) == 0)
		h->base = strdup(url);
	else
		return err_set(err, EINVAL, "--url",
			       "--url: '%.80s' does not begin with https://; a token must not "
			       "cross the network in clear",
			       url);
	if (!h->base)
		return err_set(err, ENOMEM, "", "no memory");
	len = strlen(h->base);
	while (len > 8 && h->base[len - 1] == '/')
		h->base[--len] = '\0';
	return 0;
}

int http_open(const struct http_cfg *cfg, struct http **out, struct err *err)
{
	struct http *h = calloc(1, sizeof(*h));

	if (!h)
		return err_set(err, ENOMEM, "", "no memory");
	h->cfg = cfg;
	if (base_make(h, err) < 0)
		goto fail;
	h->token = token_take(cfg->token_file, err);
	if (!h->token)
		goto fail;
	h->curl = curl_easy_init();
	if (!h->curl) {
		err_set(err, ENOMEM, "", "libcurl does not start");
		goto fail;
	}
	*out = h;
	return 0;
fail:
	http_close(h);
	return -err->code;
}

void http_close(struct http *h)
{
	if (!h)
		return;
	if (h->curl)
		curl_easy_cleanup(h->curl);
	if (h->token)
		explicit_bzero(h->token, strlen(h->token));
	free(h->token);
	free(h->base);
	free(h);
}

/* ---------------------------------------------------------------- one request */

struct exchange {
	struct http *h;
	const struct http_request *q;
	struct http_reply *reply;
	char *body;
	bool is_ended_by_us, is_too_long;
};

static bool is_good(struct exchange *x)
{
	long status = 0;

	curl_easy_getinfo(x->h->curl, CURLINFO_RESPONSE_CODE, &status);
	return status >= 200 && status < 300;
}

static size_t take_bytes(char *data, size_t size, size_t count, void *ctx)
{
	struct exchange *x = ctx;
	size_t len = size * count;
	char *grown;

	if (x->q->chunk && is_good(x)) {
		if (x->q->chunk(x->q->ctx, data, len))
			return len;
		x->is_ended_by_us = true;
		return 0;
	}
	if (x->reply->len + len > REPLY_BYTES_MAX) {
		x->is_too_long = true;
		return 0;
	}
	grown = realloc(x->reply->text, x->reply->len + len + 1);
	if (!grown)
		return 0;
	memcpy(grown + x->reply->len, data, len);
	x->reply->text = grown;
	x->reply->len += len;
	grown[x->reply->len] = '\0';
	return len;
}

static size_t give_bytes(char *to, size_t size, size_t count, void *ctx)
{
	struct exchange *x = ctx;
	ssize_t n;

	do
		n = read(x->q->body_fd, to, size * count);
	while (n < 0 && errno == EINTR);
	return n < 0 ? CURL_READFUNC_ABORT : (size_t)n;
}

static int headers_make(struct exchange *x, struct curl_slist **out, struct err *err)
{
	struct curl_slist *list = NULL, *more;
	cleanup_free char *auth = NULL, *match = NULL;
	const char *lines[5];
	int n = 0;

	lines[n++] = "Accept: application/json";
	lines[n++] = x->q->is_stream ? "Content-Type: application/octet-stream"
				     : "Content-Type: application/json";
	lines[n++] = "Expect:";
	if (x->h->token[0]) {
		if (asprintf(&auth, "Authorization: Bearer %s", x->h->token) < 0)
			return err_set(err, ENOMEM, "", "no memory");
		lines[n++] = auth;
	}
	if (x->q->if_match) {
		if (asprintf(&match, "If-Match: \"%s\"", x->q->if_match) < 0)
			return err_set(err, ENOMEM, "", "no memory");
		lines[n++] = match;
	}
	for (int i = 0; i < n; i++) {
		more = curl_slist_append(list, lines[i]);
		if (!more) {
			curl_slist_free_all(list);
			return err_set(err, ENOMEM, "", "no memory");
		}
		list = more;
	}
	if (auth)
		explicit_bzero(auth, strlen(auth));
	*out = list;
	return 0;
}

static int where_set(struct http *h, struct err *err)
{
	const struct http_cfg *cfg = h->cfg;

	curl_easy_setopt(h->curl, CURLOPT_ERRORBUFFER, h->curl_error);
	curl_easy_setopt(h->curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(h->curl, CURLOPT_NOPROXY, "*");
	curl_easy_setopt(h->curl, CURLOPT_PROTOCOLS_STR, cfg->url ? "https" : "http");
	curl_easy_setopt(h->curl, CURLOPT_CONNECTTIMEOUT_MS,
			 (long)(cfg->connect_ms ? cfg->connect_ms : 10000));
	if (!cfg->url)
		curl_easy_setopt(h->curl, CURLOPT_UNIX_SOCKET_PATH, cfg->socket_path);
	if (cfg->cacert)
		curl_easy_setopt(h->curl, CURLOPT_CAINFO, cfg->cacert);
	return cfg->fingerprint ? pin_set(h->curl, cfg->fingerprint, h->pin, err) : 0;
}

static int body_set(struct exchange *x, struct err *err)
{
	CURL *c = x->h->curl;

	curl_easy_setopt(c, CURLOPT_CUSTOMREQUEST, x->q->method);
	if (x->q->is_stream) {
		curl_easy_setopt(c, CURLOPT_UPLOAD, 1L);
		curl_easy_setopt(c, CURLOPT_READFUNCTION, give_bytes);
		curl_easy_setopt(c, CURLOPT_READDATA, x);
	} else if (x->q->body) {
		x->body = json_dumps(x->q->body, JSON_COMPACT);
		if (!x->body)
			return err_set(err, ENOMEM, "", "no memory");
		curl_easy_setopt(c, CURLOPT_POSTFIELDS, x->body);
		curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)strlen(x->body));
	} else if (strcmp(x->q->method, "POST") == 0 || strcmp(x->q->method, "PUT") == 0) {
		curl_easy_setopt(c, CURLOPT_POSTFIELDS, "");
	}
	return 0;
}

/* What libcurl says into an error of ours. */
static int failed(struct exchange *x, CURLcode code, struct err *err)
{
	const char *where = x->h->cfg->url ? x->h->cfg->url : x->h->cfg->socket_path;
	const char *why = x->h->curl_error[0] ? x->h->curl_error : curl_easy_strerror(code);

	switch (code) {
	case CURLE_COULDNT_CONNECT:
	case CURLE_COULDNT_RESOLVE_HOST:
		return err_set(err, ECONNREFUSED, "", "nobody answers at %.120s: %.160s", where,
			       why);
	case CURLE_OPERATION_TIMEDOUT:
		return err_set(err, ETIMEDOUT, "", "%.120s gave no answer in time: %.160s", where,
			       why);
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_SSL_CONNECT_ERROR:
		return err_set(err, EPROTO, "", "the connection to %.120s is not trusted: %.160s",
			       where, why);
	default:
		if (x->is_too_long)
			return err_set(err, EFBIG, "", "the answer is longer than %u MiB",
				       REPLY_BYTES_MAX >> 20);
		return err_set(err, ECONNRESET, "", "%.120s: %.160s", where, why);
	}
}

static int carry_out(struct exchange *x, struct curl_slist *headers, struct err *err)
{
	cleanup_free char *url = NULL;
	CURL *c = x->h->curl;
	CURLcode code;

	if (asprintf(&url, "%s%s", x->h->base, x->q->target) < 0)
		return err_set(err, ENOMEM, "", "no memory");
	curl_easy_setopt(c, CURLOPT_URL, url);
	curl_easy_setopt(c, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, take_bytes);
	curl_easy_setopt(c, CURLOPT_WRITEDATA, x);
	curl_easy_setopt(c, CURLOPT_TIMEOUT, x->q->is_endless ? 0L : (long)HTTP_TIMEOUT_S);
	code = curl_easy_perform(c);
	curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &x->reply->status);
	if (code != CURLE_OK && !x->is_ended_by_us)
		return failed(x, code, err);
	if (x->reply->text)
		x->reply->json = json_loadb(x->reply->text, x->reply->len, JSON_DECODE_ANY, NULL);
	return 0;
}

int http_ask(struct http *h, const struct http_request *q, struct http_reply *out, struct err *err)
{
	struct exchange x = {.h = h, .q = q, .reply = out};
	struct curl_slist *headers = NULL;
	int rc;

	memset(out, 0, sizeof(*out));
	curl_easy_reset(h->curl);
	h->curl_error[0] = '\0';
	rc = where_set(h, err);
	if (rc == 0)
		rc = body_set(&x, err);
	if (rc == 0)
		rc = headers_make(&x, &headers, err);
	if (rc == 0)
		rc = carry_out(&x, headers, err);
	curl_slist_free_all(headers);
	if (x.body) /* it may hold a secret */
		explicit_bzero(x.body, strlen(x.body));
	free(x.body);
	if (rc < 0)
		http_reply_free(out);
	return rc;
}

void http_reply_free(struct http_reply *r)
{
	if (r->text)
		explicit_bzero(r->text, r->len);
	free(r->text);
	json_decref(r->json);
	memset(r, 0, sizeof(*r));
}

int http_refusal(const struct http_reply *r, const char **code, struct err *err)
{
	const char *detail = json_string_value(json_object_get(r->json, "detail"));
	const char *field = json_string_value(json_object_get(r->json, "field"));
	int number;

	if (r->status >= 200 && r->status < 400)
		return 0;
	*code = json_string_value(json_object_get(r->json, "code"));
	switch (r->status) {
	case 401:
		number = EPERM;
		break;
	case 403:
		number = EACCES;
		break;
	case 404:
		number = ENOENT;
		break;
	case 412:
		number = ESTALE;
		break;
	case 429:
	case 503:
		number = EAGAIN;
		break;
	default:
		number = EINVAL;
	}
	return err_set(err, number, field ? field : "", "%s",
		       detail ? detail : "the appliance refused without saying why");
}
