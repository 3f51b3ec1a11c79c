/* SPDX-License-Identifier: MIT */
/*
 * headers.h - which headers pass through, in either direction. Whatever is not in a table here does
 * not: neither what belongs to one connection (hop-by-hop) nor what nobody has thought of.
 *
 * Thread: main.
 */
#ifndef GATEWAY_HEADERS_H
#define GATEWAY_HEADERS_H

#include <microhttpd.h>
#include <stdbool.h>
#include <stdint.h>

#include "err.h"

enum header {
	/* passed on to policyd */
	HEADER_ACCEPT,
	HEADER_AUTHORIZATION,
	HEADER_CONTENT_TYPE,
	HEADER_CSRF_TOKEN,
	HEADER_IDEMPOTENCY_KEY,
	HEADER_IF_MATCH,
	HEADER_IF_NONE_MATCH,
	HEADER_LAST_EVENT_ID,
	HEADER_RANGE,
	HEADER_USER_AGENT,
	HEADER_FORWARDED_COUNT,
	/* for webd itself */
	HEADER_CONTENT_LENGTH = HEADER_FORWARDED_COUNT,
	HEADER_COOKIE,
	HEADER_HOST,
	HEADER_ORIGIN,
	HEADER_SEC_FETCH_SITE,
	HEADER_TRANSFER_ENCODING,
	HEADER_COUNT
};

struct headers {
	const char *value[HEADER_COUNT]; /* NULL: not sent; live as long as the request */
};

const char *headers_name(enum header h);

/* Those of a request. Errors: -E2BIG too many or too long; -EBADMSG one of the above twice, a value
 * that is not printable, no Host, a body that is framed in two ways or in one that is not known. */
int must_check headers_read(struct MHD_Connection *mhd, struct headers *out, struct err *err);
/* What the framing says: 0 none, UINT64_MAX not known before its end. */
uint64_t headers_body_bytes(const struct headers *h);

/* Those of policyd's answer that the client gets; -1: not this one. */
#define HEADERS_ANSWER_COUNT 11
int headers_answer(const char *line, size_t len);
const char *headers_answer_name(int which);

#endif
