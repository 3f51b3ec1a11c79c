/* SPDX-License-Identifier: MIT */
/*
 * peers.c - /peers: other appliances that receive replicas, as far as this one is told of them.
 * Thread: main.
 */
#include <errno.h>
#include <stdio.h>

#include "json.h"
#include "tables.h"
#include "volume_rows.h"

static int list(struct request *q, struct reply *r, struct err *err)
{
	return rest_list(q, r, &table_peers, NULL, err);
}

static int get(struct request *q, struct reply *r, struct err *err)
{
	json_t *row = store_get(q->store, &table_peers, q->segments[0], err);

	if (!row)
		return -err->code;
	rest_row(q, r, &table_peers, row, NULL);
	return 0;
}

/* A SHA-256 in hex, or nothing yet. */
static int fingerprint_check(const json_t *body, struct err *err)
{
	const char *text = rows_text(body, "fingerprint_sha256");
	size_t n = 0;

	while ((text[n] >= '0' && text[n] <= '9') || (text[n] >= 'a' && text[n] <= 'f'))
		n++;
	if (text[n] == '\0' && (n == 0 || n == 64))
		return 0;
	return err_set(err, EINVAL, "fingerprint_sha256",
		       "fingerprint_sha256 must be 64 hexadecimal digits in lower case, as openssl "
		       "x509 -fingerprint -sha256 prints without the colons");
}

static int create(struct request *q, struct reply *r, struct err *err)
{
	cleanup_json json_t *body = rows_body(q, false, err);
	const char *name;
	json_t *row;

	if (!body || table_check(&table_peers, body, TABLE_CREATE, err) < 0 ||
	    fingerprint_check(body, err) < 0)
		return -err->code;
	row = store_insert(q->store, &table_peers, body, err);
	if (!row)
		return -err->code;
	name = rows_text(body, "name");
	snprintf(r->location, sizeof(r->location), "/api/v1/peers/%s", name);
	rows_object(r, name);
	r->status = 201;
	rest_row(q, r, &table_peers, row, NULL);
	return rest_event(q, "info", "peer.created", "peer", name, err, "peer %s was made by %s",
			  name, q->actor.name);
}

static json_t *wanted(struct request *q, struct err *err)
{
	cleanup_json json_t *row = store_get(q->store, &table_peers, q->segments[0], err);

	return row && rest_match(q, row, err) == 0 ? json_incref(row) : NULL;
}

static int change(struct request *q, struct reply *r, struct err *err)
{
	cleanup_json json_t *old = wanted(q, err);
	cleanup_json json_t *body = old ? rows_body(q, false, err) : NULL;
	json_t *row;

	if (!body || table_check(&table_peers, body, TABLE_CHANGE, err) < 0 ||
	    fingerprint_check(body, err) < 0)
		return -err->code;
	row = store_update(q->store, &table_peers, rows_id(old), body, q->if_match, err);
	if (!row)
		return -err->code;
	rest_row(q, r, &table_peers, row, NULL);
	return 0;
}

static int delete (struct request *q, struct reply *r, struct err *err)
{
	cleanup_json json_t *old = wanted(q, err);

	if (!old || store_delete(q->store, &table_peers, rows_id(old), q->if_match, err) < 0)
		return -err->code;
	r->status = 204;
	return rest_event(q, "info", "peer.deleted", "peer", q->segments[0], err,
			  "peer %s was deleted by %s", q->segments[0], q->actor.name);
}

#define IDLE ROUTE_NO_RECONCILE
const struct route peers_routes[] = {
    {"GET", "/peers", REST_VIEWER, 0, list, "peer", rest_list_query},
    {"POST", "/peers", REST_ADMIN, IDLE, create, "peer", NULL},
    {"GET", "/peers/{name}", REST_VIEWER, 0, get, "peer", NULL},
    {"PATCH", "/peers/{name}", REST_ADMIN, IDLE, change, "peer", NULL},
    {"DELETE", "/peers/{name}", REST_ADMIN, IDLE, delete, "peer", NULL},
    {.method = NULL},
};
