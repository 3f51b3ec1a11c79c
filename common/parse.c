/* SPDX-License-Identifier: MIT */
#include "parse.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const char units[] = "BKMGTP";

/* Reads digits; returns how many characters, or 0 with *out undefined when there is none or it
 * overflows. */
static size_t digits(const char *text, uint64_t *out)
{
	uint64_t v = 0;
	size_t n = 0;

	for (; text[n] >= '0' && text[n] <= '9'; n++) {
		uint64_t d = (uint64_t)(text[n] - '0');

		if (v > (UINT64_MAX - d) / 10)
			return 0;
		v = v * 10 + d;
	}
	*out = v;
	return n;
}

int parse_u64(const char *field, const char *text, uint64_t min, uint64_t max, uint64_t *out,
	      struct err *err)
{
	uint64_t v = 0;
	size_t n = digits(text, &v);

	if (n == 0 || text[n] != '\0')
		return err_set(err, EINVAL, field, "%s: '%.60s' is not a whole number", field,
			       text);
	if (v < min || v > max)
		return err_set(err, ERANGE, field, "%s: %llu is outside %llu to %llu", field,
			       (unsigned long long)v, (unsigned long long)min,
			       (unsigned long long)max);
	*out = v;
	return 0;
}

/* Shift of a unit like "G", "GB" or "GiB"; -1: none. */
static int unit_shift(const char *u)
{
	const char *at;
	char c = *u;

	if (c == '\0')
		return 0;
	if (c >= 'a' && c <= 'z')
		c = (char)(c - 'a' + 'A');
	at = strchr(units, c);
	if (!at)
		return -1;
	u++;
	if (at != units && (strcmp(u, "iB") == 0 || strcmp(u, "B") == 0))
		u = "";
	return *u == '\0' ? (int)(at - units) * 10 : -1;
}

int parse_size(const char *field, const char *text, uint64_t min_bytes, uint64_t max_bytes,
	       uint64_t *out_bytes, struct err *err)
{
	uint64_t v = 0;
	size_t n = digits(text, &v);
	int shift = n ? unit_shift(text + n) : -1;
	char lo[32], hi[32];

	if (shift < 0)
		return err_set(err, EINVAL, field,
			       "%s: '%.60s' is not a size; write it like 512M, 10G or 2T", field,
			       text);
	parse_size_format(min_bytes, lo, sizeof(lo));
	parse_size_format(max_bytes, hi, sizeof(hi));
	if (v > (UINT64_MAX >> shift) || v << shift < min_bytes || v << shift > max_bytes)
		return err_set(err, ERANGE, field, "%s: %.60s is outside %s to %s", field, text, lo,
			       hi);
	*out_bytes = v << shift;
	return 0;
}

int parse_bool(const char *field, const char *text, bool *out, struct err *err)
{
	static const char *const yes[] = {"yes", "true", "on", "1"};
	static const char *const no[] = {"no", "false", "off", "0"};

	for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++) {
		if (strcmp(text, yes[i]) == 0 || strcmp(text, no[i]) == 0) {
			*out = strcmp(text, yes[i]) == 0;
			return 0;
		}
	}
	return err_set(err, EINVAL, field, "%s: '%.60s' is neither yes nor no", field, text);
}

static bool is_alnum(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

int parse_name(const char *field, const char *text, struct err *err)
{
	size_t len = strnlen(text, PARSE_NAME_MAX + 1);

	if (len == 0 || len > PARSE_NAME_MAX)
		return err_set(err, EINVAL, field, "%s: a name has 1 to %u characters", field,
			       PARSE_NAME_MAX);
	for (size_t i = 0; i < len; i++) {
		if (is_alnum(text[i]) || (i > 0 && strchr("._-", text[i])))
			continue;
		return err_set(
		    err, EINVAL, field,
		    "%s: '%s' may hold letters, digits, '.', '_' and '-', and begins with a letter "
		    "or digit",
		    field, text);
	}
	return 0;
}

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

int parse_uuid(const char *field, const char *text, uint8_t uuid[16], struct err *err)
{
	size_t at = 0;

	for (int i = 0; i < 16; i++) {
		int hi, lo;

		if (i == 4 || i == 6 || i == 8 || i == 10)
			if (text[at++] != '-')
				goto bad;
		hi = hex(text[at]);
		lo = hi < 0 ? -1 : hex(text[at + 1]);
		if (lo < 0)
			goto bad;
		uuid[i] = (uint8_t)(hi << 4 | lo);
		at += 2;
	}
	if (text[at] == '\0')
		return 0;
bad:
	return err_set(err, EINVAL, field, "%s: '%.60s' is not a UUID", field, text);
}

void parse_uuid_format(const uint8_t uuid[16], char text[37])
{
	static const char hexdigits[] = "0123456789abcdef";
	size_t at = 0;

	for (int i = 0; i < 16; i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			text[at++] = '-';
		text[at++] = hexdigits[uuid[i] >> 4];
		text[at++] = hexdigits[uuid[i] & 15];
	}
	text[at] = '\0';
}

void parse_size_format(uint64_t bytes, char *text, uint32_t text_bytes)
{
	int unit = 0;

	while (bytes && bytes % 1024 == 0 && units[unit + 1]) {
		bytes /= 1024;
		unit++;
	}
	if (unit == 0)
		snprintf(text, text_bytes, "%llu", (unsigned long long)bytes);
	else
		snprintf(text, text_bytes, "%llu%c", (unsigned long long)bytes, units[unit]);
}
