/* SPDX-License-Identifier: MIT */
#include "headers.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "check.h"
#include "parse.h"

static const char *const names[HEADER_COUNT] = {
    [HEADER_ACCEPT] = "Accept",
    [HEADER_AUTHORIZATION] = "Authorization",
    [HEADER_CONTENT_TYPE] = "Content-Type",
    [HEADER_CSRF_TOKEN] = "X-CSRF-Token",
    [HEADER_IDEMPOTENCY_KEY] = "Idempotency-Key",
    [HEADER_IF_MATCH] = "If-Match",
    [HEADER_IF_NONE_MATCH] = "If-None-Match",
    [HEADER_LAST_EVENT_ID] = "Last-Event-ID",
    [HEADER_RANGE] = "Range",
    [HEADER_USER_AGENT] = "User-Agent",
    [HEADER_CONTENT_LENGTH] = "Content-Length",
    [HEADER_COOKIE] = "Cookie",
    [HEADER_HOST] = "Host",
    [HEADER_ORIGIN] = "Origin",
    [HEADER_SEC_FETCH_SITE] = "Sec-Fetch-Site",
    [HEADER_TRANSFER_ENCODING] = "Transfer-Encoding",
};

static const char *const answers[HEADERS_ANSWER_COUNT] = {
    "Accept-Ranges", "Allow",       "Content-Disposition", "Content-Range",
    "Content-Type",  "ETag",        "Last-Modified",       "Link",
    "Location",      "Retry-After", "WWW-Authenticate",
};

const char *headers_name(enum header h)
{
	return names[h];
}

struct reading {
	struct headers *out;
	uint32_t count;
	size_t bytes;
	const char *twice, *unprintable;
};

static enum MHD_Result read_one(void *cls, enum MHD_ValueKind kind, const char *name,
				const char *value)
{
	struct reading *r = cls;

	r->count++;
	r->bytes += strlen(name) + (value ? strlen(value) : 0) + 4;
	for (int i = 0; i < HEADER_COUNT; i++) {
		if (strcasecmp(name, names[i]) != 0)
			continue;
		if (r->out->value[i])
			r->twice = names[i];
		r->out->value[i] = value ? value : "";
		if (!check_value(r->out->value[i]))
			r->unprintable = names[i];
	}
	return MHD_YES;
}

static int check_framing(const struct headers *h, struct err *err)
{
	const char *length = h->value[HEADER_CONTENT_LENGTH];
	const char *encoding = h->value[HEADER_TRANSFER_ENCODING];
	uint64_t number;

	if (length && encoding)
		return err_set(err, EBADMSG, "",
			       "the body is framed by Content-Length and by Transfer-Encoding; "
			       "one of them is right");
	if (encoding && strcasecmp(encoding, "chunked") != 0)
		return err_set(err, EBADMSG, "", "the only Transfer-Encoding here is chunked");
	if (length && parse_u64("", length, 0, INT64_MAX, &number, NULL) < 0)
		return err_set(err, EBADMSG, "", "Content-Length is a number of bytes");
	return 0;
}

int headers_read(struct MHD_Connection *mhd, struct headers *out, struct err *err)
{
	struct reading r = {.out = out};

	memset(out, 0, sizeof(*out));
	MHD_get_connection_values(mhd, MHD_HEADER_KIND, read_one, &r);
	if (r.count > CHECK_HEADERS_MAX || r.bytes > CHECK_HEADER_BYTES_MAX)
		return err_set(err, E2BIG, "",
			       "%u headers of %zu bytes; %u of %u bytes are the most", r.count,
			       r.bytes, CHECK_HEADERS_MAX, CHECK_HEADER_BYTES_MAX);
	if (r.twice)
		return err_set(err, EBADMSG, "", "the header %s is there twice", r.twice);
	if (r.unprintable)
		return err_set(err, EBADMSG, "", "the header %s has a character that is not text",
			       r.unprintable);
	if (!out->value[HEADER_HOST] || !check_host(out->value[HEADER_HOST]))
		return err_set(err, EBADMSG, "", "the header Host names no host");
	return check_framing(out, err);
}

uint64_t headers_body_bytes(const struct headers *h)
{
	uint64_t number = 0;

	if (h->value[HEADER_TRANSFER_ENCODING])
		return UINT64_MAX;
	if (h->value[HEADER_CONTENT_LENGTH] &&
	    parse_u64("", h->value[HEADER_CONTENT_LENGTH], 0, INT64_MAX, &number, NULL) < 0)
		return UINT64_MAX;
	return number;
}

int headers_answer(const char *line, size_t len)
{
	for (int i = 0; i < HEADERS_ANSWER_COUNT; i++) {
		size_t n = strlen(answers[i]);

		if (len > n && line[n] == ':' && strncasecmp(line, answers[i], n) == 0)
			return i;
	}
	return -1;
}

const char *headers_answer_name(int which)
{
	return answers[which];
}
