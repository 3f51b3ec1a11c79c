/* SPDX-License-Identifier: MIT */
/* portals.c - /portals: the addresses at which initiators log in. A portal has no members to
 * change: another address is another portal. Thread: main. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "json.h"
#include "model.h"
#include "tables.h"
#include "volume_rows.h"

#define ISCSI_PORT 3260u

static int list(struct request *q, struct reply *r, struct err *err)
{
	return rest_list(q, r, &table_portals, NULL, err);
}

static int get(struct request *q, struct reply *r, struct err *err)
{
	json_t *row = store_get(q->store, &table_portals, q->segments[0], err);

	if (!row)
		return -err->code;
	rest_row(q, r, &table_portals, row, NULL);
	return 0;
}

static bool is_wildcard(const char *address)
{
	return strcmp(address, "0.0.0.0") == 0 || strcmp(address, "::") == 0;
}

/* tgtd cannot bind one address beside all addresses of its family on the same port. */
static int overlaps(struct request *q, const char *address, uint64_t port, struct err *err)
{
	cleanup_json json_t *all = rows_all(q->store, &table_portals, NULL, err);
	bool is_v6 = strchr(address, ':') != NULL;
	const json_t *row;
	size_t i;

	if (!all)
		return -err->code;
	json_array_foreach(all, i, row)
	{
		const char *other = rows_text(row, "address");

		if (rows_u64(row, "port") != port || (strchr(other, ':') != NULL) != is_v6 ||
		    is_wildcard(other) == is_wildcard(address))
			continue;
		return err_set(
		    err, EEXIST, "address",
		    "%s stands for every address, so it cannot be used beside %s; delete "
		    "portal %s first, or take another port",
		    is_v6 ? "[::]" : "0.0.0.0", is_wildcard(address) ? other : address,
		    rows_text(row, "name"));
	}
	return 0;
}

/* The canonical address stands in the portal's name: "10.0.0.1:3260", "[::]:3260". */
static void address_of(const char *name, char address[80])
{
	bool is_v6 = name[0] == '[';
	const char *end = is_v6 ? strchr(name, ']') : strrchr(name, ':');

	snprintf(address, 80, "%.*s", end ? (int)(end - name) - is_v6 : 0, name + is_v6);
}

static int create(struct request *q, struct reply *r, struct err *err)
{
	cleanup_json json_t *body = rows_body(q, false, err), *row = NULL;
	char name[80], address[80];
	uint64_t port = ISCSI_PORT;
	json_t *made;
	int rc;

	if (!body)
		return -err->code;
	if ((rc = table_check(&table_portals, body, TABLE_CREATE, err)) ||
	    (rc = json_opt_u64(body, "port", 1, 65535, &port, err)) ||
	    (rc = model_portal_check(rows_text(body, "address"), port, name, err)))
		return rc;
	address_of(name, address);
	if ((rc = overlaps(q, address, port, err)))
		return rc;
	row = json_pack("{s:s, s:s, s:I}", "name", name, "address", address, "port",
			(json_int_t)port);
	made = store_insert(q->store, &table_portals, row, err);
	if (!made)
		return -err->code;
	rows_object(r, name);
	rest_row(q, r, &table_portals, made, NULL);
	rc = rest_event(q, "info", "portal.created", "portal", name, err, "portal %s was added",
			name);
	return rc ? rc : rest_task(q, r, "portal.create", "portal", name, false, NULL, err);
}

static int delete (struct request *q, struct reply *r, struct err *err)
{
	cleanup_json json_t *old = store_get(q->store, &table_portals, q->segments[0], err);
	const char *name;
	int rc;

	if (!old)
		return -err->code;
	name = rows_text(old, "name");
	if ((rc = rest_match(q, old, err)) ||
	    (rc = store_delete(q->store, &table_portals, rows_id(old), q->if_match, err)))
		return rc;
	r->body = json_object();
	rc = rest_event(q, "info", "portal.deleted", "portal", name, err, "portal %s was deleted",
			name);
	return rc ? rc : rest_task(q, r, "portal.delete", "portal", name, false, NULL, err);
}

const struct route portals_routes[] = {
    {"GET", "/portals", REST_VIEWER, 0, list, "portal", rest_list_query},
    {"POST", "/portals", REST_ADMIN, 0, create, "portal", NULL},
    {"GET", "/portals/{name}", REST_VIEWER, 0, get, "portal", NULL},
    {"DELETE", "/portals/{name}", REST_ADMIN, 0, delete, "portal", NULL},
    {0},
};
