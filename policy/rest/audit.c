/* SPDX-License-Identifier: MIT */
/* audit.c - /audit: who changed what; and whether the record is whole. */
#include <errno.h>
#include <stdint.h>

#include "json.h"
#include "store_link.h"
#include "tables.h"

static int list(struct request *q, struct reply *r, struct err *err)
{
	return rest_list(q, r, &table_audit, NULL, err);
}

static int verify(struct request *q, struct reply *r, struct err *err)
{
	int64_t bad_id = 0;
	int rc = store_audit_verify(q->store, &bad_id, err);

	if (rc < 0 && rc != -EUCLEAN)
		return rc;
	r->body = json_pack("{s:b, s:o, s:s}", "is_whole", rc == 0, "broken_at_id",
			    rc == 0 ? json_null() : json_integer(bad_id), "detail",
			    rc == 0 ? "" : err->text);
	return 0;
}

const struct route audit_routes[] = {
    {"GET", "/audit", REST_ADMIN, 0, list, "audit", rest_list_query},
    {"POST", "/audit/verify", REST_ADMIN, ROUTE_READS, verify, "audit", NULL},
    {.method = NULL},
};
