/* SPDX-License-Identifier: MIT */
#include "body.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "url.h"

/* What parsing would cost is seen before it is paid: 16 MiB of empty lists are a gigabyte of them.
 */
static bool is_too_much(const char *text, size_t len, uint32_t *values)
{
	uint32_t depth = 0;
	bool is_string = false;

	for (size_t i = 0; i < len; i++) {
		char c = text[i];

		if (!is_string && (c == ',' || c == '{' || c == '[') && ++*values > BODY_VALUES_MAX)
			return true;
		if (is_string) {
			if (c == '\\')
				i++;
			else if (c == '"')
				is_string = false;
		} else if (c == '"') {
			is_string = true;
		} else if (c == '{' || c == '[') {
			if (++depth > BODY_DEPTH_MAX)
				return true;
		} else if ((c == '}' || c == ']') && depth > 0) {
			depth--;
		}
	}
	return false;
}

json_t *body_parse(const char *text, size_t len, struct err *err)
{
	uint32_t values = 0;
	json_error_t at;
	json_t *body;

	if (!url_is_utf8(text, len)) {
		err_set(err, EBADMSG, "", "the body is not UTF-8");
		return NULL;
	}
	if (is_too_much(text, len, &values)) {
		if (values > BODY_VALUES_MAX)
			err_set(err, EFBIG, "", "the body has more than %u values",
				BODY_VALUES_MAX);
		else
			err_set(err, EBADMSG, "", "the body is nested more than %u levels deep",
				BODY_DEPTH_MAX);
		return NULL;
	}
	body = json_loadb(text, len, JSON_REJECT_DUPLICATES, &at);
	if (!body) {
		bool is_number = json_error_code(&at) == json_error_numeric_overflow;

		err_set(err, is_number ? ERANGE : EBADMSG, "",
			"the body is not JSON that can be taken: %s in line %d, column %d", at.text,
			at.line, at.column);
		return NULL;
	}
	if (!json_is_object(body)) {
		err_set(err, EBADMSG, "", "the body must be a JSON object: {...}");
		json_decref(body);
		return NULL;
	}
	return body;
}
