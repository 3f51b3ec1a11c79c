/* SPDX-License-Identifier: MIT */
/*
 * replications.c - /replications: which volumes have a copy on a paired appliance, and how. What is
 * asked of one is in replication_ops.c. Thread: main.
 */
#include "replications.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "app.h"
#include "json.h"
#include "parse.h"
#include "replicator.h"
#include "store_link.h"
#include "store_replication.h"
#include "tables.h"
#include "uuid.h"
#include "volume_rows.h"

void replications_view(struct request *q, json_t *row)
{
	cleanup_json json_t *full =
	    store_get(q->store, &table_replications, rows_text(row, "name"), NULL);
	json_t *members = full ? store_replication_members(q->store, rows_id(full), NULL) : NULL;
	json_t *names = json_array(), *status, *m;
	size_t i;

	json_array_foreach(members, i, m)
	{
		json_array_append(names, json_object_get(m, "volume"));
	}
	json_decref(members);
	json_object_set_new(row, "volumes", names);
	status = replicator_status(q->app->replicator, rows_text(row, "name"));
	json_object_set_new(row, "status", status ? status : json_null());
}

static int list(struct request *q, struct reply *r, struct err *err)
{
	return rest_list(q, r, &table_replications, replications_view, err);
}

static int get(struct request *q, struct reply *r, struct err *err)
{
	json_t *row = store_get(q->store, &table_replications, q->segments[0], err);

	if (!row)
		return -err->code;
	rest_row(q, r, &table_replications, row, replications_view);
	return 0;
}

json_t *replications_wanted(struct request *q, struct err *err)
{
	cleanup_json json_t *row = store_get(q->store, &table_replications, q->segments[0], err);

	return row && rest_match(q, row, err) == 0 ? json_incref(row) : NULL;
}

int replications_task(struct request *q, struct reply *r, const json_t *row, const char *kind,
		      bool is_cancellable, json_t *parameters, struct err *err)
{
	cleanup_json json_t *owned = parameters;
	int rc = rest_task(q, r, kind, "replication", rows_text(row, "name"), is_cancellable, owned,
			   err);

	if (rc == 0)
		rest_row(q, r, &table_replications, json_deep_copy(row), replications_view);
	return rc;
}

int replications_is_free(struct request *q, const char *name, struct err *err)
{
	cleanup_json json_t *ids = store_tasks_open(q->store, "replication", name, err);
	cleanup_json json_t *task = NULL;

	if (!ids)
		return -err->code;
	if (json_array_size(ids) == 0)
		return 0;
	task =
	    store_get_id(q->store, &table_tasks, json_integer_value(json_array_get(ids, 0)), err);
	return err_set(err, EBUSY, "", "task %lld (%s) of replication %s is not over yet",
		       (long long)json_integer_value(json_array_get(ids, 0)),
		       rows_text(task, "kind"), name);
}

/* ---------------------------------------------------------------- POST */

static int paired(struct request *q, const char *field, const char *name, struct err *err)
{
	cleanup_json json_t *peer = store_get(q->store, &table_peers, name, err);

	if (!peer)
		return rows_named_in_body(-err->code, field, err);
	if (strcmp(rows_text(peer, "state"), "paired") != 0 || rows_is(peer, "is_deleting"))
		return err_set(err, EINVAL, field,
			       "%s is not paired with this appliance: get a code there (sluice "
			       "peer offer) and give it here (sluice peer create --code)",
			       rows_text(peer, "name"));
	return 0;
}

/* Every volume is there, free, and on the datastore of the first: a group has one order of its
 * writes, which one worker makes. */
static int volume_check(struct request *q, const char *name, char datastore[128], json_t *ids,
			struct err *err)
{
	cleanup_json json_t *row = store_get(q->store, &table_volumes, name, err);
	cleanup_json json_t *in = NULL;

	if (!row)
		return rows_named_in_body(-err->code, "volumes", err);
	in = store_volume_replication(q->store, rows_id(row), err);
	if (json_is_object(in))
		return err_set(err, EBUSY, "volumes", "volume %s is in replication %s already",
			       rows_text(row, "name"), rows_text(in, "name"));
	if (strcmp(rows_text(row, "desired_state"), "online") != 0)
		return err_set(err, EBUSY, "volumes", "volume %s is not online",
			       rows_text(row, "name"));
	if (!datastore[0])
		snprintf(datastore, 128, "%s", rows_text(row, "datastore"));
	if (strcmp(datastore, rows_text(row, "datastore")) != 0)
		return err_set(err, EINVAL, "volumes",
			       "volume %s is on datastore %s and the first one on %s: a group has "
			       "its volumes on one datastore",
			       rows_text(row, "name"), rows_text(row, "datastore"), datastore);
	json_array_append_new(ids, json_integer(rows_id(row)));
	return 0;
}

static int volumes_check(struct request *q, const json_t *names, json_t *ids, struct err *err)
{
	char datastore[128] = "";
	const json_t *name;
	size_t i;
	int rc = rows_names_check("volumes", names, err);

	if (rc)
		return rc;
	if (json_array_size(names) == 0 || json_array_size(names) > STORE_REPLICATION_MEMBERS_MAX)
		return err_set(err, EINVAL, "volumes", "volumes must name 1 to %u volumes",
			       STORE_REPLICATION_MEMBERS_MAX);
	json_array_foreach(names, i, name)
	{
		rc = volume_check(q, json_string_value(name), datastore, ids, err);
		if (rc)
			return rc;
	}
	return 0;
}

static int insert(struct request *q, const json_t *body, const json_t *ids, json_t **made,
		  struct err *err)
{
	const json_t *id;
	size_t i;
	int rc = 0;

	*made = store_insert(q->store, &table_replications, body, err);
	if (!*made)
		return -err->code;
	json_array_foreach(ids, i, id)
	{
		if (rc == 0)
			rc = store_replication_member_add(q->store, rows_id(*made),
							  json_integer_value(id), (int64_t)i, err);
	}
	return rc;
}

static int create(struct request *q, struct reply *r, struct err *err)
{
	cleanup_json json_t *body = rows_body(q, false, err), *volumes = NULL, *made = NULL;
	cleanup_json json_t *ids = json_array();
	char uuid[37];
	const char *name;
	int rc;

	if (!body)
		return -err->code;
	volumes = rows_take(body, "volumes");
	if ((rc = table_check(&table_replications, body, TABLE_CREATE, err)) ||
	    (rc = paired(q, "peer", rows_text(body, "peer"), err)) ||
	    (*rows_text(body, "witness") &&
	     (rc = paired(q, "witness", rows_text(body, "witness"), err))) ||
	    (rc = volumes_check(q, volumes, ids, err)) || (rc = uuid_make(uuid, err)))
		return rc;
	if (strcmp(rows_text(body, "witness"), rows_text(body, "peer")) == 0)
		return err_set(err, EINVAL, "witness",
			       "a witness is a third appliance: the peer cannot be it");
	json_object_set_new(body, "group_uuid", json_string(uuid));
	rc = insert(q, body, ids, &made, err);
	if (rc)
		return rc;
	name = rows_text(body, "name");
	rows_object(r, name);
	rc = rest_event(q, "info", "replication.created", "replication", name, err,
			"replication %s to %s was made by %s", name, rows_text(body, "peer"),
			q->actor.name);
	return rc ? rc : replications_task(q, r, made, "replication.create", false, NULL, err);
}

/* ---------------------------------------------------------------- PATCH, DELETE */

static int change(struct request *q, struct reply *r, struct err *err)
{
	cleanup_json json_t *old = replications_wanted(q, err);
	cleanup_json json_t *body = old ? rows_body(q, false, err) : NULL;
	json_t *row;

	if (!body || table_check(&table_replications, body, TABLE_CHANGE, err) < 0)
		return -err->code;
	if (strcmp(rows_text(old, "role"), "secondary") == 0)
		return err_set(err, EBUSY, "",
			       "this side is the replica: change it at %s, which tells it here",
			       rows_text(old, "peer"));
	row = store_update(q->store, &table_replications, rows_id(old), body, q->if_match, err);
	if (!row)
		return -err->code;
	rest_row(q, r, &table_replications, row, replications_view);
	return rest_event(q, "info", "replication.changed", "replication", rows_text(old, "name"),
			  err, "replication %s was changed by %s", rows_text(old, "name"),
			  q->actor.name);
}

/* force: the peer is lost for good, and is not told. */
static int delete (struct request *q, struct reply *r, struct err *err)
{
	cleanup_json json_t *old = replications_wanted(q, err), *fields = NULL, *now = NULL;
	const char *force = request_query(q, "force");
	const char *confirm = request_query(q, "confirm");
	bool is_forced = force && strcmp(force, "1") == 0;
	const char *name;
	int rc;

	if (!old)
		return -err->code;
	name = rows_text(old, "name");
	if (confirm && strcmp(confirm, name) != 0)
		return err_set(err, EINVAL, "confirm", "confirm names %.80s, and this is %s",
			       confirm, name);
	fields = json_pack("{s:s}", "phase", "ending");
	now = store_update(q->store, &table_replications, rows_id(old), fields, q->if_match, err);
	if (!now)
		return -err->code;
	if (is_forced) {
		cleanup_json json_t *told =
		    json_pack("{s:O}", "told_revision", json_object_get(now, "revision"));

		rc = store_note(q->store, &table_replications, rows_id(old), told, err);
		if (rc)
			return rc;
	}
	rc = rest_event(q, "warning", "replication.ending", "replication", name, err,
			"replication %s is ended by %s%s", name, q->actor.name,
			is_forced ? "; its peer is not told" : "");
	return rc ? rc : replications_task(q, r, now, "replication.delete", false, NULL, err);
}

/* ---------------------------------------------------------------- for /volumes */

int replications_refuse(struct request *q, int64_t volume_id, const char *what, struct err *err)
{
	cleanup_json json_t *in = store_volume_replication(q->store, volume_id, err);

	if (!in)
		return -err->code;
	if (!json_is_object(in))
		return 0;
	return err_set(err, EBUSY, "", "the volume is in replication %s with %s; %s",
		       rows_text(in, "name"), rows_text(in, "peer"), what);
}

int replications_refuse_replica(struct request *q, int64_t volume_id, const char *what,
				struct err *err)
{
	cleanup_json json_t *in = store_volume_replication(q->store, volume_id, err);

	if (!in)
		return -err->code;
	if (!json_is_object(in) || strcmp(rows_text(in, "role"), "secondary") != 0 ||
	    strcmp(rows_text(in, "phase"), "ending") == 0)
		return 0;
	return err_set(err, EBUSY, "",
		       "the volume is the replica of replication %s: %s at %s, and it comes here",
		       rows_text(in, "name"), what, rows_text(in, "peer"));
}

int replications_grow(struct request *q, struct reply *r, const json_t *volume, uint64_t size_bytes,
		      struct err *err)
{
	cleanup_json json_t *in = store_volume_replication(q->store, rows_id(volume), err);
	cleanup_json json_t *row = NULL;
	int rc;

	if (!in)
		return -err->code;
	if (!json_is_object(in) || strcmp(rows_text(in, "phase"), "pending") == 0 ||
	    strcmp(rows_text(in, "phase"), "ending") == 0)
		return 0;
	if (strcmp(rows_text(in, "role"), "primary") != 0)
		return err_set(err, EBUSY, "size_bytes",
			       "this side is not primary: grow the volume at %s, and the copy here "
			       "grows with it",
			       rows_text(in, "peer"));
	row = store_get(q->store, &table_replications, rows_text(in, "name"), err);
	if (!row)
		return -err->code;
	rc = rest_task(q, r, "replication.grow", "replication", rows_text(in, "name"), true,
		       json_pack("{s:s, s:I}", "volume", rows_text(volume, "name"), "size_bytes",
				 (json_int_t)size_bytes),
		       err);
	return rc ? rc : 1;
}

static const char *const delete_query[] = {"force", "confirm", NULL};

const struct route replications_routes[] = {
    {"GET", "/replications", REST_VIEWER, 0, list, "replication", rest_list_query},
    {"POST", "/replications", REST_OPERATOR, 0, create, "replication", NULL},
    {"GET", "/replications/{name}", REST_VIEWER, 0, get, "replication", NULL},
    {"PATCH", "/replications/{name}", REST_OPERATOR, 0, change, "replication", NULL},
    {"DELETE", "/replications/{name}", REST_ADMIN, 0, delete, "replication", delete_query},
    {.method = NULL},
};
