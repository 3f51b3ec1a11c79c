/* SPDX-License-Identifier: MIT */
#include "router.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define PARAMETERS_MAX 4u

/* Literal segments that fit, -1: the path is another. */
static int fits(const struct route *route, const struct url *url, const char **parameters)
{
	static const char *const below[] = {"api", "v1"};
	const char *at = route->path;
	uint32_t i = 0, found = 0;
	int literals = 0;

	if (!(route->flags & ROUTE_TOP))
		for (; i < 2; i++)
			if (i >= url->segment_count || strcmp(url->segments[i], below[i]) != 0)
				return -1;
	while (*at == '/') {
		size_t len = strcspn(++at, "/");

		if (i == url->segment_count)
			return -1;
		if (*at == '{') {
			if (found == PARAMETERS_MAX)
				return -1;
			parameters[found++] = url->segments[i];
		} else if (strlen(url->segments[i]) == len &&
			   memcmp(url->segments[i], at, len) == 0) {
			literals++;
		} else {
			return -1;
		}
		i++;
		at += len;
	}
	return i == url->segment_count ? literals : -1;
}

static void allow_add(char *allow, size_t size, const char *method)
{
	size_t used = strlen(allow);

	if (strstr(allow, method))
		return;
	snprintf(allow + used, size - used, "%s%s", used ? ", " : "", method);
}

int router_find(const struct route *const *tables, const char *method, const struct url *url,
		struct router_match *out)
{
	bool is_path = false;
	int best = -1;

	memset(out, 0, sizeof(*out));
	for (; *tables; tables++) {
		for (const struct route *r = *tables; r->method; r++) {
			const char *parameters[PARAMETERS_MAX] = {NULL};
			int literals = fits(r, url, parameters);

			if (literals < 0)
				continue;
			is_path = true;
			allow_add(out->allow, sizeof(out->allow), r->method);
			if (strcmp(r->method, method) != 0 || literals <= best)
				continue;
			best = literals;
			out->route = r;
			memcpy(out->parameters, parameters, sizeof(parameters));
		}
	}
	if (!is_path)
		return -ENOENT;
	return out->route ? 0 : -ENOSYS;
}
