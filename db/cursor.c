/* SPDX-License-Identifier: MIT */
#include "cursor.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "json.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/* 3 bytes to 4 characters, what is left over to 2 or 3. */
static char *encode(const unsigned char *data, size_t size)
{
	char *text = malloc(size / 3 * 4 + 5), *to = text;

	if (!text)
		return NULL;
	for (size_t i = 0; i < size; i += 3) {
		size_t n = size - i < 3 ? size - i : 3;
		uint32_t bits = (uint32_t)data[i] << 16;

		bits |= n > 1 ? (uint32_t)data[i + 1] << 8 : 0;
		bits |= n > 2 ? data[i + 2] : 0;
		for (size_t k = 0; k <= n; k++)
			*to++ = alphabet[bits >> (18 - 6 * k) & 63];
	}
	*to = '\0';
	return text;
}

static char *decode(const char *text, size_t *size)
{
	size_t len = strlen(text);
	char *data = malloc(len + 1);
	uint32_t bits = 0, have = 0;

	*size = 0;
	for (size_t i = 0; data && i < len; i++) {
		const char *at = strchr(alphabet, text[i]);

		if (!at) {
			free(data);
			return NULL;
		}
		bits = (bits << 6 | (uint32_t)(at - alphabet)) & 0xffffff;
		have += 6;
		if (have < 8)
			continue;
		have -= 8;
		data[(*size)++] = (char)(bits >> have & 0xff);
	}
	return data;
}

json_t *cursor_write(const char *sort, const json_t *value, int64_t id)
{
	cleanup_json json_t *pair =
	    json_pack("{s:s, s:O, s:I}", "s", sort, "v", value, "i", (json_int_t)id);
	cleanup_free char *plain = json_dumps(pair, JSON_COMPACT);
	cleanup_free char *text = plain ? encode((unsigned char *)plain, strlen(plain)) : NULL;

	return text ? json_string(text) : NULL;
}

int cursor_read(const char *cursor, const char *sort, bool is_number, json_t **value, int64_t *id,
		struct err *err)
{
	size_t size;
	cleanup_free char *plain = decode(cursor, &size);
	cleanup_json json_t *pair = plain ? json_loadb(plain, size, 0, NULL) : NULL;
	const char *made_for = json_string_value(json_object_get(pair, "s"));
	json_t *v = json_object_get(pair, "v"), *i = json_object_get(pair, "i");

	if (!made_for || !json_is_integer(i) ||
	    !(is_number ? json_is_number(v) : json_is_string(v)))
		return err_set(
		    err, EINVAL, "cursor",
		    "the cursor is not one of ours: take next_cursor of the page before, "
		    "or leave it out for the first page");
	if (strcmp(made_for, sort) != 0)
		return err_set(err, EINVAL, "cursor",
			       "the cursor belongs to a list sorted by '%.60s': sort the same way, "
			       "or begin anew without a cursor",
			       made_for);
	*value = json_incref(v);
	*id = json_integer_value(i);
	return 0;
}
