/* SPDX-License-Identifier: MIT */
#include "session.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"

#define ATTRIBUTES "; Secure; HttpOnly; SameSite=Strict; Path=/"

static bool is_value(const char *s, size_t len)
{
	return len > 0 && len < SESSION_VALUE_MAX &&
	       strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._~+/=-") >=
		   len;
}

int session_begin(const char *body, size_t len, char **out, char set_cookie[SESSION_HEADER_MAX])
{
	cleanup_json json_t *j = json_parse(body, len, "the reply", NULL);
	const char *value;

	set_cookie[0] = '\0';
	if (!json_is_object(j))
		return -EPROTO;
	value = json_string_value(json_object_get(j, "session"));
	if (value && !is_value(value, strlen(value)))
		return -EPROTO;
	if (value)
		snprintf(set_cookie, SESSION_HEADER_MAX, SESSION_COOKIE "=%s" ATTRIBUTES, value);
	json_object_del(j, "session");
	*out = json_dumps(j, JSON_COMPACT);
	return *out ? 0 : -ENOMEM;
}

const char *session_forget(void)
{
	return SESSION_COOKIE "=; Max-Age=0" ATTRIBUTES;
}

int session_find(const char *cookies, char value[SESSION_VALUE_MAX])
{
	static const char name[] = SESSION_COOKIE "=";
	int found = 0;

	for (;;) {
		size_t len;

		cookies += strspn(cookies, " \t;");
		if (!*cookies)
			return found;
		len = strcspn(cookies, ";");
		if (strncmp(cookies, name, strlen(name)) == 0) {
			const char *v = cookies + strlen(name);
			size_t value_len = strcspn(v, "; \t");

			if (found || !is_value(v, value_len))
				return -EINVAL;
			memcpy(value, v, value_len);
			value[value_len] = '\0';
			found = 1;
		}
		cookies += len;
	}
}
