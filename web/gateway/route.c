/* SPDX-License-Identifier: MIT */
#include "route.h"

#include <string.h>

static const char *const methods[] = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"};
static const char *const exact[] = {"/healthz", "/readyz", "/metrics"};

/* Paths that are not like the others. "*" stands for one segment. */
static const struct {
	const char *method, *pattern;
	struct route route;
} special[] = {
    {"POST", "/api/v1/login", {.is_attempt = true, .session = ROUTE_SESSION_BEGINS}},
    {"POST", "/api/v1/logout", {.session = ROUTE_SESSION_ENDS}},
    {"POST", "/api/v1/setup", {.is_attempt = true}},
    {"POST", "/api/v1/users/me/password", {.is_attempt = true}},
    {"POST", "/api/v1/config/apply", {.body_max = ROUTE_BIG_BODY_BYTES}},
    {"POST", "/api/v1/config/diff", {.body_max = ROUTE_BIG_BODY_BYTES}},
    {"PUT", "/api/v1/volumes/*/content", {.body_max = UINT64_MAX, .is_stream = true}},
    {"GET", "/api/v1/volumes/*/content", {.is_stream = true}},
};

/* path ends at a question mark or its end */
static bool fits(const char *pattern, const char *path)
{
	for (; *pattern; pattern++) {
		if (*pattern == '*') {
			size_t len = strcspn(path, "/?");

			if (len == 0)
				return false;
			path += len;
		} else if (*pattern != *path++) {
			return false;
		}
	}
	return *path == '\0' || *path == '?';
}

static bool is_known(const char *method)
{
	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++)
		if (strcmp(method, methods[i]) == 0)
			return true;
	return false;
}

bool route_of(const char *method, const char *uri, struct route *out)
{
	bool is_read = strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0;

	*out = (struct route){.is_change = !is_read};
	if (!is_known(method))
		return false;
	for (size_t i = 0; i < sizeof(special) / sizeof(special[0]); i++)
		if (strcmp(method, special[i].method) == 0 && fits(special[i].pattern, uri))
			*out = special[i].route;
	out->is_change = !is_read;
	out->is_forwarded = strncmp(uri, "/api/", 5) == 0;
	for (size_t i = 0; i < sizeof(exact) / sizeof(exact[0]); i++)
		out->is_forwarded |= fits(exact[i], uri);
	if (!out->body_max)
		out->body_max = ROUTE_BODY_BYTES;
	return true;
}
