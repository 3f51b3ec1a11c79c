/* SPDX-License-Identifier: MIT */
/*
 * http.h - requests of the REST interface by libcurl: over policyd's Unix socket, or HTTPS with a
 * bearer token and a certificate that is checked against an authority or pinned.
 *
 * Thread: one. Errors: -ECONNREFUSED nobody is there, -ETIMEDOUT, -EPROTO the certificate is not
 * the one expected, -EBADMSG no JSON came; a reply that refuses is no error here.
 */
#ifndef CLI_HTTP_H
#define CLI_HTTP_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"

#define HTTP_TIMEOUT_S 120u

struct http;
struct http_cfg {
	const char *socket_path; /* or */
	const char *url;         /* https://host:8443; NULL: the socket */
	const char *token_file;  /* NULL: SLUICE_TOKEN of the environment, if there is one */
	const char *cacert;      /* NULL: the system's */
	const char
	    *fingerprint;    /* SHA-256 of the certificate in hex; NULL: the authorities decide */
	uint32_t connect_ms; /* 0: 10 s */
};

int must_check http_open(const struct http_cfg *cfg, struct http **out, struct err *err);
void http_close(struct http *h);

struct http_request {
	const char *method, *target; /* "/api/v1/volumes?limit=5" */
	const json_t *body;          /* may be NULL */
	const char *if_match;        /* revision; NULL: none */
	bool is_stream;              /* body_fd instead of body */
	int body_fd;
	/* What comes with a 2xx status goes here as it comes, if set; false: enough, end it. */
	bool (*chunk)(void *ctx, const char *data, size_t len);
	void *ctx;
	bool is_endless; /* no time limit */
};

struct http_reply {
	long status;
	char *text; /* zero-terminated; freed by http_reply_free() */
	size_t len;
	json_t *json; /* NULL if it is not JSON */
};

int must_check http_ask(struct http *h, const struct http_request *q, struct http_reply *out,
			struct err *err);
void http_reply_free(struct http_reply *r);

/* A refusal's problem document into err: its detail, code in *code (borrowed from r). Returns
 * -errno that fits the status; 0 for 2xx and 3xx. */
int http_refusal(const struct http_reply *r, const char **code, struct err *err);

/* pin.c: lets a connection through if the certificate's SHA-256 is fingerprint, and only then.
 * Errors: -EINVAL not 64 hex digits. */
int must_check pin_set(void *curl, const char *fingerprint, uint8_t sha256[32], struct err *err);

#endif
