/* SPDX-License-Identifier: MIT */
#include "check.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* One character, escaped or not; -1: a broken escape. */
static int character(const char **p)
{
	const char *s = *p;
	int high, low;

	if (*s != '%') {
		*p = s + 1;
		return (unsigned char)*s;
	}
	high = hex(s[1]);
	low = high < 0 ? -1 : hex(s[2]);
	*p = s + 3;
	return low < 0 ? -1 : high * 16 + low;
}

/* "." and "..", however their dots are written; s ends at a slash, a question mark or the end. */
static bool is_dots(const char *s)
{
	int dots = 0;

	while (*s && *s != '/' && *s != '?') {
		if (character(&s) != '.')
			return false;
		dots++;
	}
	return dots == 1 || dots == 2;
}

/* What needs no escape. Escaped it would make a second spelling of a path, which route.c would not
 * know and policyd would. */
static bool is_unreserved(int c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '-' || c == '.' || c == '_' || c == '~';
}

static int check_path(const char *path, struct err *err)
{
	const char *p = path;

	while (*p && *p != '?') {
		bool is_slash = *p == '/', is_escaped = *p == '%';
		int c;

		if (is_slash && (is_dots(p + 1) || p[1] == '/'))
			return err_set(err, EBADMSG, "", "the path has an empty or a dot segment");
		c = character(&p);
		if (c < 0)
			return err_set(err, EBADMSG, "", "the path has a broken %% escape");
		if (is_escaped && is_unreserved(c))
			return err_set(err, EBADMSG, "",
				       "the path has an escape that is not needed; write the "
				       "character itself");
		if (c < 0x20 || c == 0x7f || c == '\\' || (is_escaped && c == '/'))
			return err_set(err, EBADMSG, "",
				       "the path has a character that no path of this "
				       "appliance has");
	}
	return 0;
}

int check_uri(const char *uri, struct err *err)
{
	size_t len = strlen(uri);

	if (len > CHECK_URI_BYTES_MAX)
		return err_set(err, ENAMETOOLONG, "",
			       "the address has %zu characters; %u are the most", len,
			       CHECK_URI_BYTES_MAX);
	if (uri[0] != '/')
		return err_set(err, EBADMSG, "", "the address does not begin with a slash");
	for (const char *p = uri; *p; p++)
		if (*p <= 0x20 || *p == 0x7f || *p == '"' || *p == '<' || *p == '>' || *p == '#')
			return err_set(err, EBADMSG, "",
				       "the address has a character that must be escaped");
	return check_path(uri, err);
}

bool check_is_own_site(const char *origin, const char *fetch_site, const char *host)
{
	static const char scheme[] = "https://";

	if (fetch_site && strcmp(fetch_site, "same-origin") != 0 && strcmp(fetch_site, "none") != 0)
		return false;
	if (!origin)
		return true;
	return host && strncmp(origin, scheme, strlen(scheme)) == 0 &&
	       strcasecmp(origin + strlen(scheme), host) == 0;
}

bool check_host(const char *host)
{
	size_t len = strlen(host);

	return len > 0 && len <= 255 &&
	       strspn(host,
		      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_:[]") ==
		   len;
}

bool check_value(const char *value)
{
	for (; *value; value++)
		if ((unsigned char)*value < 0x20 ? *value != '\t' : *value == 0x7f)
			return false;
	return true;
}
