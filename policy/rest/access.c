/* SPDX-License-Identifier: MIT */
/*
 * access.c - /volumes/{name}/access and /volumes/{name}/mutual-chap: nobody reaches a volume before
 * he stands in its list. Thread: main.
 */
#include "access.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "json.h"
#include "model.h"
#include "store_link.h"
#include "tables.h"
#include "volume_rows.h"
#include "volume_view.h"

int access_set(struct request *q, int64_t volume_id, const char *volume, const json_t *hosts,
	       const json_t *groups, struct err *err)
{
	int rc;

	if ((rc = rows_names_check("hosts", hosts, err)) ||
	    (rc = rows_names_check("host_groups", groups, err)))
		return rc;
	rc = store_access_set(q->store, volume_id, hosts, groups, err);
	if (rc)
		return rows_named_in_body(rc, "hosts", err);
	return access_check(q, volume_id, volume, err);
}

/* Everything here belongs to the volume's object, so its ETag moves. */
static int touch(struct request *q, const json_t *old, struct reply *r, struct err *err)
{
	cleanup_json json_t *nothing = json_object();
	cleanup_json json_t *row =
	    store_update(q->store, &table_volumes, rows_id(old), nothing, q->if_match, err);

	if (!row)
		return -err->code;
	r->revision = (int64_t)rows_u64(row, "revision");
	return 0;
}

static int get(struct request *q, struct reply *r, struct err *err)
{
	cleanup_json json_t *row = store_get(q->store, &table_volumes, q->segments[0], err);

	if (!row)
		return -err->code;
	r->body = store_access(q->store, rows_id(row), err);
	r->revision = (int64_t)rows_u64(row, "revision");
	return r->body ? 0 : -err->code;
}

static int put(struct request *q, struct reply *r, struct err *err)
{
	static const char *const members[] = {"hosts", "host_groups", NULL};
	cleanup_json json_t *body = rows_body(q, false, err), *old = NULL, *none = json_array();
	const json_t *hosts, *groups;
	const char *name;
	int rc;

	if (!body)
		return -err->code;
	if ((rc = json_only(body, members, err)))
		return rc;
	old = volume_view_to_change(q, err);
	if (!old)
		return -err->code;
	name = rows_text(old, "name");
	hosts = json_object_get(body, "hosts");
	groups = json_object_get(body, "host_groups");
	/* PUT replaces the whole list; what is left out is empty. */
	if ((rc = access_set(q, rows_id(old), name, hosts ? hosts : none, groups ? groups : none,
			     err)) ||
	    (rc = touch(q, old, r, err)))
		return rc;
	r->body = store_access(q->store, rows_id(old), err);
	if (!r->body)
		return -err->code;
	rc = rest_event(q, "info", "volume.access_changed", "volume", name, err,
			"who may reach volume %s was changed", name);
	return rc ? rc : rest_task(q, r, "volume.access", "volume", name, false, NULL, err);
}

/* ---------------------------------------------------------------- mutual CHAP */

/* tgtd knows accounts by their user alone: one user, one secret, whatever it is for. */
static int user_is_free(struct request *q, const char *user, const char *volume, struct err *err)
{
	cleanup_json json_t *hosts = rows_all(q->store, &table_hosts, NULL, err), *targets = NULL;
	const json_t *row;
	size_t i;

	if (!hosts)
		return -err->code;
	json_array_foreach(hosts, i, row)
	{
		if (strcmp(rows_text(row, "chap_user"), user) == 0)
			return err_set(err, EEXIST, "user",
				       "%s is the CHAP user of host %s; take another one", user,
				       rows_text(row, "name"));
	}
	targets = rows_all(q->store, &table_targets, NULL, err);
	if (!targets)
		return -err->code;
	json_array_foreach(targets, i, row)
	{
		const char *other = rows_text(row, "volume");

		if (strcmp(rows_text(row, "mutual_user"), user) == 0 &&
		    strcasecmp(other, volume) != 0)
			return err_set(err, EEXIST, "user",
				       "%s is the mutual CHAP user of volume %s; take another one",
				       user, other);
	}
	return 0;
}

static int mutual_put(struct request *q, struct reply *r, struct err *err)
{
	static const char *const members[] = {"user", "secret", NULL};
	cleanup_json json_t *body = rows_body(q, false, err), *old = NULL;
	const char *user = NULL, *secret = NULL, *name;
	char box_name[128], made[17];
	char *sealed;
	int rc;

	if (!body)
		return -err->code;
	if ((rc = json_only(body, members, err)) ||
	    (rc = json_get_string(body, "user", &user, err)) ||
	    (rc = json_opt_string(body, "secret", &secret, err)) ||
	    (rc = model_chap_user_check("user", user, err)))
		return rc;
	old = volume_view_to_change(q, err);
	if (!old)
		return -err->code;
	name = rows_text(old, "name");
	if ((rc = user_is_free(q, user, name, err)))
		return rc;
	snprintf(box_name, sizeof(box_name), "target:%s:mutual", name);
	sealed = access_seal(q, "secret", secret, false, box_name, made, err);
	if (!sealed)
		return -err->code;
	rc = store_target_mutual(q->store, rows_id(old), user, sealed, err);
	free(sealed);
	if (rc || (rc = access_check(q, rows_id(old), name, err)) || (rc = touch(q, old, r, err)))
		return rc;
	r->body = json_pack("{s:s}", "user", user);
	if (made[0])
		json_object_set_new(r->body, "secret", json_string(made));
	OPENSSL_cleanse(made, sizeof(made));
	rc = rest_event(q, "info", "volume.mutual_chap", "volume", name, err,
			"volume %s proves itself by mutual CHAP as %s", name, user);
	return rc ? rc : rest_task(q, r, "volume.access", "volume", name, false, NULL, err);
}

static int mutual_delete(struct request *q, struct reply *r, struct err *err)
{
	cleanup_json json_t *old = volume_view_to_change(q, err);
	const char *name;
	json_t *row;
	int rc;

	if (!old)
		return -err->code;
	name = rows_text(old, "name");
	if ((rc = store_target_mutual(q->store, rows_id(old), "", NULL, err)) ||
	    (rc = touch(q, old, r, err)))
		return rc;
	row = store_get(q->store, &table_volumes, name, err);
	if (!row)
		return -err->code;
	rest_row(q, r, &table_volumes, row, volume_view_add);
	rc = rest_event(q, "info", "volume.mutual_chap", "volume", name, err,
			"volume %s does not prove itself by mutual CHAP any more", name);
	return rc ? rc : rest_task(q, r, "volume.access", "volume", name, false, NULL, err);
}

const struct route access_routes[] = {
    {"GET", "/volumes/{name}/access", REST_VIEWER, 0, get, "volume", NULL},
    {"PUT", "/volumes/{name}/access", REST_OPERATOR, 0, put, "volume", NULL},
    {"PUT", "/volumes/{name}/mutual-chap", REST_OPERATOR, 0, mutual_put, "volume", NULL},
    {"DELETE", "/volumes/{name}/mutual-chap", REST_OPERATOR, 0, mutual_delete, "volume", NULL},
    {0},
};
