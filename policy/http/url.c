/* SPDX-License-Identifier: MIT */
#include "url.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* Length of the UTF-8 sequence at p, 0: none. */
static size_t utf8_sequence(const unsigned char *p, size_t left)
{
	size_t len = p[0] < 0x80 ? 1 : p[0] < 0xc2 ? 0 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
	size_t i;

	if (len == 0 || p[0] > 0xf4 || len > left)
		return 0;
	for (i = 1; i < len; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) ||
	    (p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f))
		return 0;
	return len;
}

bool url_is_utf8(const char *text, size_t len)
{
	const unsigned char *p = (const unsigned char *)text;
	size_t at = 0;

	while (at < len) {
		size_t n = utf8_sequence(p + at, len - at);

		if (n == 0)
			return false;
		at += n;
	}
	return true;
}

/* In place. */
static int decode(char *text, bool is_query, struct err *err)
{
	const char *from = text;
	char *to = text;

	while (*from) {
		char c = *from++;

		if (c == '%') {
			int high = hex_digit(from[0]), low = high < 0 ? -1 : hex_digit(from[1]);

			if (low < 0)
				return err_set(err, EBADMSG, "",
					       "the address has a '%%' without two hex digits");
			c = (char)(high * 16 + low);
			from += 2;
			if (c == '/' && !is_query)
				return err_set(err, EBADMSG, "",
					       "the address has an encoded slash");
		} else if (c == '+' && is_query) {
			c = ' ';
		}
		if ((unsigned char)c < 0x20 || c == 0x7f)
			return err_set(err, EBADMSG, "", "the address has a control character");
		*to++ = c;
	}
	*to = '\0';
	if (!url_is_utf8(text, (size_t)(to - text)))
		return err_set(err, EBADMSG, "", "the address is not UTF-8");
	return 0;
}

static int take_path(char *path, struct url *u, struct err *err)
{
	char *at = path;

	if (*at != '/')
		return err_set(err, EBADMSG, "", "the address must begin with '/'");
	if (!at[1])
		return 0; /* the root: nothing is there */
	do {
		char *end;

		at++;
		end = strchr(at, '/');
		if (end)
			*end = '\0';
		if (u->segment_count == URL_SEGMENTS_MAX)
			return err_set(err, EBADMSG, "", "the address has more than %u parts",
				       URL_SEGMENTS_MAX);
		if (decode(at, false, err) < 0)
			return -err->code;
		if (!*at || strcmp(at, ".") == 0 || strcmp(at, "..") == 0)
			return err_set(err, EBADMSG, "",
				       "the address has an empty part, '.' or '..'");
		u->segments[u->segment_count++] = at;
		at = end;
	} while (at);
	return 0;
}

static int take_query(char *query, struct url *u, struct err *err)
{
	char *at = query;

	while (at && *at) {
		char *end = strchr(at, '&'), *equals;

		if (end)
			*end = '\0';
		equals = strchr(at, '=');
		if (equals)
			*equals = '\0';
		if (decode(at, true, err) < 0 || (equals && decode(equals + 1, true, err) < 0))
			return -err->code;
		if (url_query(u, at))
			return err_set(err, EBADMSG, at, "?%.40s is given twice", at);
		if (u->query_count == URL_QUERY_MAX)
			return err_set(err, EBADMSG, "", "more than %u members after '?'",
				       URL_QUERY_MAX);
		u->query[u->query_count].name = at;
		u->query[u->query_count++].value = equals ? equals + 1 : "";
		at = end ? end + 1 : NULL;
	}
	return 0;
}

int url_parse(const char *target, struct url *out, struct err *err)
{
	struct err local;
	char *mark;
	int rc;

	memset(out, 0, sizeof(*out));
	err = err ? err : &local;
	if (strlen(target) > URL_BYTES_MAX)
		return err_set(err, EBADMSG, "", "the address is longer than %u bytes",
			       URL_BYTES_MAX);
	out->text = strdup(target);
	if (!out->text)
		return err_set(err, ENOMEM, "", "no memory for an address");
	mark = strchr(out->text, '?');
	if (mark)
		*mark++ = '\0';
	rc = take_path(out->text, out, err);
	return rc < 0 ? rc : take_query(mark, out, err);
}

void url_free(struct url *u)
{
	free(u->text);
	memset(u, 0, sizeof(*u));
}

const char *url_query(const struct url *u, const char *name)
{
	for (uint32_t i = 0; i < u->query_count; i++)
		if (strcmp(u->query[i].name, name) == 0)
			return u->query[i].value;
	return NULL;
}
