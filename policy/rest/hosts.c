/* SPDX-License-Identifier: MIT */
/*
 * hosts.c - /hosts: initiators, by IQN, addresses and CHAP. Thread: main.
 *
 * A host has a secret exactly when it has a CHAP user. The secret is sealed before it reaches the
 * database and never read back; one that was generated is shown in that one reply.
 */
#include "hosts.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "access.h"
#include "clock.h"
#include "json.h"
#include "model.h"
#include "store_link.h"
#include "tables.h"
#include "volume_rows.h"

int hosts_reaches_nothing(const char *what, const json_t *volumes, struct err *err)
{
	char names[ROWS_NAMES_TEXT];

	if (json_array_size(volumes) == 0)
		return 0;
	rows_names_text(volumes, NULL, names);
	return err_set(err, ENOTEMPTY, "",
		       "%s may reach %zu volumes: %s; take it out of their access lists first",
		       what, json_array_size(volumes), names);
}

static void show(struct request *q, json_t *row)
{
	struct err err;
	int64_t id = store_id_of(q->store, &table_hosts, rows_text(row, "name"), &err);
	json_t *volumes = store_host_volumes(q->store, id, &err);

	json_object_set_new(row, "has_chap_secret",
			    json_boolean(rows_text(row, "chap_user")[0] != '\0'));
	json_object_set_new(row, "volumes", volumes ? volumes : json_array());
}

static int list(struct request *q, struct reply *r, struct err *err)
{
	return rest_list(q, r, &table_hosts, show, err);
}

static int get(struct request *q, struct reply *r, struct err *err)
{
	json_t *row = store_get(q->store, &table_hosts, q->segments[0], err);

	if (!row)
		return -err->code;
	rest_row(q, r, &table_hosts, row, show);
	return 0;
}

/* ---------------------------------------------------------------- what a body may say */

static int addresses_check(json_t *body, struct err *err)
{
	json_t *addresses = json_object_get(body, "addresses"), *canonical, *address;
	char field[32], text[64];
	size_t i;

	if (!addresses || json_is_null(addresses))
		return 0;
	canonical = json_array();
	json_array_foreach(addresses, i, address)
	{
		int rc;

		snprintf(field, sizeof(field), "addresses[%zu]", i);
		rc = model_address_check(field, json_string_value(address), text, err);
		if (rc) {
			json_decref(canonical);
			return rc;
		}
		json_array_append_new(canonical, json_string(text));
	}
	return json_object_set_new(body, "addresses", canonical);
}

/* What the table's columns cannot say of themselves. */
static int members_check(json_t *body, struct err *err)
{
	const char *iqn = NULL, *user = NULL;
	char canonical[224];
	int rc;

	if ((rc = json_opt_string(body, "iqn", &iqn, err)) ||
	    (rc = json_opt_string(body, "chap_user", &user, err)))
		return rc;
	if (iqn) {
		if ((rc = model_iqn_check("iqn", iqn, canonical, err)))
			return rc;
		json_object_set_new(body, "iqn", json_string(canonical));
	}
	if (user && user[0] && (rc = model_chap_user_check("chap_user", user, err)))
		return rc;
	return addresses_check(body, err);
}

/* The user of mutual CHAP lives in the same list of tgtd's as the hosts' users. */
static int user_is_free(struct request *q, const char *user, struct err *err)
{
	cleanup_json json_t *targets = rows_all(q->store, &table_targets, NULL, err);
	const json_t *t;
	size_t i;

	if (!targets)
		return -err->code;
	json_array_foreach(targets, i, t)
	{
		if (strcmp(rows_text(t, "mutual_user"), user) == 0)
			return err_set(err, EEXIST, "chap_user",
				       "%s is the mutual CHAP user of target %s; take another one",
				       user, rows_text(t, "iqn"));
	}
	return 0;
}

struct chap {
	const char *secret;
	bool is_generated;
	char made[17];
};

/*
 * Turns chap_user, chap_secret and generate_chap_secret into the columns that change. old: the
 * host's row, NULL: a new one.
 */
static int chap_apply(struct request *q, const char *name, const json_t *old, struct chap *c,
		      json_t *body, struct err *err)
{
	bool is_named = json_object_get(body, "chap_user") != NULL;
	bool has_new_secret = c->secret || c->is_generated;
	const char *user = is_named ? rows_text(body, "chap_user") : rows_text(old, "chap_user");
	char box_name[128], *sealed;
	int rc;

	if (!is_named && !has_new_secret)
		return 0;
	if (is_named && !user[0]) {
		if (has_new_secret)
			return err_set(err, EINVAL, "chap_user",
				       "a secret without a chap_user is of no use");
		json_object_set_new(body, "chap_secret_sealed", json_null());
	} else {
		if (!user[0])
			user = name;
		if ((rc = user_is_free(q, user, err)))
			return rc;
		json_object_set_new(body, "chap_user", json_string(user));
		if (!has_new_secret && !rows_text(old, "chap_secret_sealed")[0])
			return err_set(err, EINVAL, "chap_secret",
				       "give a chap_secret of 12 to 16 characters, or say "
				       "generate_chap_secret: true");
	}
	if (has_new_secret) {
		snprintf(box_name, sizeof(box_name), "host:%s:chap", name);
		sealed = access_seal(q, "chap_secret", c->secret, c->is_generated, box_name,
				     c->made, err);
		if (!sealed)
			return -err->code;
		json_object_set_new(body, "chap_secret_sealed", json_string(sealed));
		free(sealed);
	}
	json_object_set_new(body, "chap_changed_ms", json_integer((json_int_t)clock_wall_ms()));
	return 0;
}

/* Takes out of the body what is no column, then checks the rest as the table wants it. */
static int body_check(json_t *body, enum table_use use, struct chap *c, json_t **secret,
		      struct err *err)
{
	cleanup_json json_t *generate = rows_take(body, "generate_chap_secret");
	int rc;

	*secret = rows_take(body, "chap_secret");
	if (generate && !json_is_boolean(generate))
		return err_set(err, EINVAL, "generate_chap_secret",
			       "generate_chap_secret must be true or false");
	if (*secret && !json_is_string(*secret))
		return err_set(err, EINVAL, "chap_secret", "chap_secret must be a string");
	c->secret = json_string_value(*secret);
	c->is_generated = json_is_true(generate);
	rc = table_check(&table_hosts, body, use, err);
	return rc ? rc : members_check(body, err);
}

/* The reply, with a generated secret this one time. */
static void reply_row(struct request *q, struct reply *r, json_t *row, struct chap *c)
{
	rest_row(q, r, &table_hosts, row, show);
	if (c->made[0])
		json_object_set_new(r->body, "chap_secret", json_string(c->made));
	OPENSSL_cleanse(c->made, sizeof(c->made));
}

/* ---------------------------------------------------------------- changes */

static int create(struct request *q, struct reply *r, struct err *err)
{
	cleanup_json json_t *body = rows_body(q, false, err), *secret = NULL;
	struct chap c = {0};
	const char *name;
	json_t *row;
	int rc;

	if (!body)
		return -err->code;
	if ((rc = body_check(body, TABLE_CREATE, &c, &secret, err)))
		return rc;
	name = rows_text(body, "name");
	if ((rc = chap_apply(q, name, NULL, &c, body, err)))
		return rc;
	row = store_insert(q->store, &table_hosts, body, err);
	if (!row)
		return -err->code;
	rows_object(r, name);
	reply_row(q, r, row, &c);
	rc = rest_event(q, "info", "host.created", "host", name, err, "host %s, %s, was added",
			name, rows_text(body, "iqn"));
	return rc ? rc : rest_task(q, r, "host.create", "host", name, false, NULL, err);
}

static int change(struct request *q, struct reply *r, struct err *err)
{
	cleanup_json json_t *body = rows_body(q, false, err), *secret = NULL, *old = NULL;
	cleanup_json json_t *volumes = NULL;
	struct chap c = {0};
	const char *name;
	json_t *row;
	int rc;

	if (!body)
		return -err->code;
	old = store_get(q->store, &table_hosts, q->segments[0], err);
	if (!old)
		return -err->code;
	name = rows_text(old, "name");
	if ((rc = rest_match(q, old, err)) ||
	    (rc = body_check(body, TABLE_CHANGE, &c, &secret, err)) ||
	    (rc = chap_apply(q, name, old, &c, body, err)))
		return rc;
	row = store_update(q->store, &table_hosts, rows_id(old), body, q->if_match, err);
	if (!row)
		return -err->code;
	reply_row(q, r, row, &c);
	volumes = store_host_volumes(q->store, rows_id(old), err);
	if (!volumes)
		return -err->code;
	if ((rc = access_check_all(q, volumes, err)))
		return rc;
	rc = rest_event(q, "info", "host.changed", "host", name, err, "host %s was changed", name);
	return rc ? rc : rest_task(q, r, "host.update", "host", name, false, NULL, err);
}

static int delete (struct request *q, struct reply *r, struct err *err)
{
	cleanup_json json_t *old = NULL, *volumes = NULL;
	const char *name;
	char what[100];
	int rc;

	old = store_get(q->store, &table_hosts, q->segments[0], err);
	if (!old)
		return -err->code;
	name = rows_text(old, "name");
	if ((rc = rest_match(q, old, err)))
		return rc;
	volumes = store_host_volumes(q->store, rows_id(old), err);
	if (!volumes)
		return -err->code;
	snprintf(what, sizeof(what), "host %s", name);
	if ((rc = hosts_reaches_nothing(what, volumes, err)) ||
	    (rc = store_delete(q->store, &table_hosts, rows_id(old), q->if_match, err)))
		return rc;
	r->body = json_object();
	rc = rest_event(q, "info", "host.deleted", "host", name, err, "host %s was deleted", name);
	return rc ? rc : rest_task(q, r, "host.delete", "host", name, false, NULL, err);
}

const struct route hosts_routes[] = {
    {"GET", "/hosts", REST_VIEWER, 0, list, "host", rest_list_query},
    {"POST", "/hosts", REST_OPERATOR, 0, create, "host", NULL},
    {"GET", "/hosts/{name}", REST_VIEWER, 0, get, "host", NULL},
    {"PATCH", "/hosts/{name}", REST_OPERATOR, 0, change, "host", NULL},
    {"DELETE", "/hosts/{name}", REST_OPERATOR, 0, delete, "host", NULL},
    {0},
};
