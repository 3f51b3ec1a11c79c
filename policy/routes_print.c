/* SPDX-License-Identifier: MIT */
/* routes_print.c - --routes: what this program serves, one route a line, for those who compare it
 * with the documentation: "POST /api/v1/policies/check viewer reads -". */
#include "routes_print.h"

#include "rest.h"

static void print_query(const struct route *r, FILE *to)
{
	if (!r->query || !r->query[0]) {
		fputs("-\n", to);
		return;
	}
	for (const char *const *q = r->query; *q; q++)
		fprintf(to, "%s%s", q == r->query ? "" : ",", *q);
	fputc('\n', to);
}

void routes_print(FILE *to)
{
	static const char *const roles[] = {"public", "viewer", "operator", "admin"};

	for (const struct route *const *t = rest_tables; *t; t++)
		for (const struct route *r = *t; r->method; r++) {
			fprintf(to, "%s %s%s %s %s ", r->method,
				r->flags & ROUTE_TOP ? "" : "/api/v1", r->path, roles[r->role],
				r->flags & ROUTE_READS ? "reads" : "-");
			print_query(r, to);
		}
}
