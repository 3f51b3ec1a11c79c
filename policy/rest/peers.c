/* SPDX-License-Identifier: MIT */
/*
 * peers.c - /peers: other appliances, paired by a one-time code, that keep replicas.
 * Thread: main.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app.h"
#include "clock.h"
#include "json.h"
#include "parse.h"
#include "replicator.h"
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

/* Used once, by the replicator; until then nobody reads it. */
static int code_put(struct request *q, json_t *body, const char *name, const json_t *code,
		    struct err *err)
{
	const char *text = json_string_value(code);
	char place[100];
	char *box;

	if (!text || strlen(text) < 8 || strlen(text) > 100)
		return err_set(err, EINVAL, "code",
			       "code must be what the other appliance showed: sluice peer offer");
	snprintf(place, sizeof(place), "peer:%s:code", name);
	box = sealer_seal(q->app->sealer, place, text, err);
	if (!box)
		return -err->code;
	json_object_set_new(body, "code_sealed", json_string(box));
	free(box);
	return 0;
}

/* filterd answers at once, as it asks nobody for it. */
static int offer(struct request *q, struct reply *r, struct err *err)
{
	static const char *const keys[] = {"name", NULL};
	cleanup_json json_t *body = rows_body(q, false, err), *there = NULL, *offered = NULL;
	struct err none = {0};
	const char *name;

	if (!body || json_only(body, keys, err) < 0 ||
	    json_get_string(body, "name", &name, err) < 0 || parse_name("name", name, err) < 0)
		return -err->code;
	there = store_get(q->store, &table_peers, name, &none);
	if (strcmp(rows_text(there, "state"), "paired") == 0)
		return err_set(err, EEXIST, "name", "%s is paired already", name);
	rows_object(r, name);
	if (q->is_dry_run)
		return 0;
	offered = replicator_offer(q->app->cfg, name, err);
	if (!offered)
		return -err->code;
	r->body = json_pack("{s:s, s:O, s:I, s:O}", "name", name, "code",
			    json_object_get(offered, "code"), "expires_ms",
			    (json_int_t)clock_wall_ms() +
				1000 * (json_int_t)rows_u64(offered, "expires_in_s"),
			    "fingerprint", json_object_get(offered, "fingerprint"));
	return r->body ? rest_event(q, "info", "peer.offered", "peer", name, err,
				    "%s got a code for %s to pair with this appliance",
				    q->actor.name, name)
		       : err_set(err, EPROTO, "", "sluice-filterd's offer lacks its code");
}

static int create(struct request *q, struct reply *r, struct err *err)
{
	cleanup_json json_t *body = rows_body(q, false, err), *code = NULL;
	const char *name;
	json_t *row;

	if (!body)
		return -err->code;
	code = rows_take(body, "code");
	if (table_check(&table_peers, body, TABLE_CREATE, err) < 0 ||
	    fingerprint_check(body, err) < 0)
		return -err->code;
	name = rows_text(body, "name");
	if (code && code_put(q, body, name, code, err) < 0)
		return -err->code;
	row = store_insert(q->store, &table_peers, body, err);
	if (!row)
		return -err->code;
	snprintf(r->location, sizeof(r->location), "/api/v1/peers/%s", name);
	rows_object(r, name);
	r->status = 201;
	rest_row(q, r, &table_peers, row, NULL);
	if (code && rest_task(q, r, "peer.join", "peer", name, false, NULL, err) < 0)
		return -err->code;
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

/* As a peer, or as a witness. */
static int unused(struct request *q, const json_t *peer, struct err *err)
{
	cleanup_json json_t *rows = rows_all(q->store, &table_replications, NULL, err);
	const char *name = rows_text(peer, "name");
	const json_t *row;
	size_t i;

	if (!rows)
		return -err->code;
	json_array_foreach(rows, i, row)
	{
		if (strcmp(rows_text(row, "peer"), name) == 0 ||
		    strcmp(rows_text(row, "witness"), name) == 0)
			return err_set(err, EBUSY, "",
				       "replication %s needs peer %s: end that first",
				       rows_text(row, "name"), name);
	}
	return 0;
}

static int delete (struct request *q, struct reply *r, struct err *err)
{
	cleanup_json json_t *old = wanted(q, err);

	cleanup_json json_t *fields = json_pack("{s:b}", "is_deleting", 1), *now = NULL;

	if (!old || unused(q, old, err) < 0)
		return -err->code;
	if (*rows_text(old, "appliance_uuid")) {
		now = store_update(q->store, &table_peers, rows_id(old), fields, q->if_match, err);
		if (!now ||
		    rest_task(q, r, "peer.delete", "peer", q->segments[0], false, NULL, err) < 0)
			return -err->code;
		rest_row(q, r, &table_peers, json_incref(now), NULL);
	} else {
		if (store_delete(q->store, &table_peers, rows_id(old), q->if_match, err) < 0)
			return -err->code;
		r->status = 204;
	}
	return rest_event(q, "info", "peer.deleted", "peer", q->segments[0], err,
			  "peer %s was deleted by %s", q->segments[0], q->actor.name);
}

#define IDLE ROUTE_NO_RECONCILE
const struct route peers_routes[] = {
    {"GET", "/peers", REST_VIEWER, 0, list, "peer", rest_list_query},
    {"POST", "/peers", REST_ADMIN, IDLE, create, "peer", NULL},
    {"POST", "/peers/offers", REST_ADMIN, IDLE, offer, "peer", NULL},
    {"GET", "/peers/{name}", REST_VIEWER, 0, get, "peer", NULL},
    {"PATCH", "/peers/{name}", REST_ADMIN, IDLE, change, "peer", NULL},
    {"DELETE", "/peers/{name}", REST_ADMIN, IDLE, delete, "peer", NULL},
    {.method = NULL},
};
