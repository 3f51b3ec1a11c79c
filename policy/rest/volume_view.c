/* SPDX-License-Identifier: MIT */
/* volume_view.c - a volume as REST shows it. A file of its own, because every resource that changes
 * volumes answers with one. Thread: main. */
#include "volume_view.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "app.h"
#include "json.h"
#include "store_link.h"
#include "store_snapshots.h"
#include "tgt_ops.h"
#include "volume_rows.h"

#define TGT_LIMIT_MS 500u /* main waits for it */

static json_t *target_view(struct request *q, int64_t volume_id)
{
	struct err err;
	cleanup_json json_t *t = store_target(q->store, volume_id, &err);

	if (!t)
		return json_null();
	return json_pack("{s:O?, s:O?, s:O?, s:b}", "iqn", json_object_get(t, "iqn"), "lun",
			 json_object_get(t, "lun"), "mutual_user",
			 json_object_get(t, "mutual_user"), "has_mutual_secret",
			 rows_text(t, "mutual_user")[0] != '\0');
}

static void add(json_t *row, const char *member, json_t *value)
{
	json_object_set_new(row, member, value ? value : json_null());
}

void volume_view_add(struct request *q, json_t *row)
{
	struct err err;
	int64_t id = store_id_of(q->store, &table_volumes, rows_text(row, "name"), &err);

	add(row, "target", target_view(q, id));
	add(row, "access", store_access(q->store, id, &err));
	add(row, "assignment", store_assignment(q->store, id, &err));
	add(row, "compliance", store_compliance(q->store, id, &err));
	add(row, "origin", store_volume_origin(q->store, id, &err));
	add(row, "snapshots", store_snapshots_sum(q->store, id, &err));
}

json_t *volume_view_wanted(struct request *q, struct err *err)
{
	json_t *row = store_get(q->store, &table_volumes, q->segments[0], err);

	if (row && rest_match(q, row, err)) {
		json_decref(row);
		return NULL;
	}
	return row;
}

json_t *volume_view_to_change(struct request *q, struct err *err)
{
	json_t *row = volume_view_wanted(q, err);

	if (row && strcmp(rows_text(row, "desired_state"), "deleting") == 0) {
		err_set(err, EBUSY, "", "volume %s is being deleted", rows_text(row, "name"));
		json_decref(row);
		return NULL;
	}
	return row;
}

/* What the sampler saw, half a minute ago at worst. */
static json_t *sessions_seen(struct request *q, const char *volume)
{
	cleanup_json json_t *all = NULL;
	json_t *mine = json_array(), *s;
	size_t i;

	if (q->app->sampler)
		all = sampler_sessions(q->app->sampler);
	json_array_foreach(all, i, s)
	{
		if (strcasecmp(rows_text(s, "volume"), volume) == 0)
			json_array_append(mine, s);
	}
	return mine;
}

/* tgtd's number of the volume's target; 0: none is known. */
static uint64_t target_number(struct request *q, const char *volume)
{
	struct err err;
	int64_t id = store_id_of(q->store, &table_volumes, volume, &err);
	cleanup_json json_t *target = id ? store_target(q->store, id, &err) : NULL;

	return target && q->app->reconciler
		   ? reconciler_tid(q->app->reconciler, rows_text(target, "iqn"))
		   : 0;
}

json_t *volume_view_sessions(struct request *q, const char *volume)
{
	struct tgt_client tgt = {.path = q->app->cfg->tgt_socket, .timeout_ms = TGT_LIMIT_MS};
	uint64_t tid = target_number(q, volume);
	json_t *now = NULL;
	struct err err;

	/* One target's list is short and at hand in a millisecond; who deletes a volume must not
	 * act on what was true half a minute ago. */
	if (tgt.path && tid && tgt_connections(&tgt, (int32_t)tid, &now, &err) == 0)
		return now;
	return sessions_seen(q, volume);
}

/* ?force=0|1. */
static int is_forced(const struct request *q, bool *out, struct err *err)
{
	const char *force = request_query(q, "force");

	*out = force && strcmp(force, "1") == 0;
	if (!force || *out || strcmp(force, "0") == 0)
		return 0;
	return err_set(err, EINVAL, "force", "force must be 0 or 1, not %.20s", force);
}

int volume_view_nobody(struct request *q, const char *volume, const char *what, struct err *err)
{
	cleanup_json json_t *sessions = NULL;
	char names[ROWS_NAMES_TEXT];
	bool forced = false;
	int rc = what ? is_forced(q, &forced, err) : 0;

	if (rc || forced)
		return rc;
	sessions = volume_view_sessions(q, volume);
	if (json_array_size(sessions) == 0)
		return 0;
	rows_names_text(sessions, "initiator", names);
	if (!what)
		return err_set(
		    err, EBUSY, "",
		    "logged in to volume %s: %s; while it is copied nobody may use it, so "
		    "log out there first",
		    volume, names);
	return err_set(err, EBUSY, "force",
		       "logged in to volume %s: %s; log out there first, or say force=1: %s",
		       volume, names, what);
}

int volume_view_no_transfer(const json_t *row, struct err *err)
{
	const char *transfer = rows_text(row, "transfer");

	if (!transfer[0])
		return 0;
	return err_set(err, EBUSY, "",
		       "an %s runs on volume %s; wait for its task to end, or cancel it", transfer,
		       rows_text(row, "name"));
}

json_t *volume_view_running(struct request *q, const char *volume)
{
	return q->app->reconciler ? reconciler_volume(q->app->reconciler, volume) : NULL;
}
