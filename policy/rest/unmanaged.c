/* SPDX-License-Identifier: MIT */
/*
 * unmanaged.c - /volumes-unmanaged: volumes that sluice-filterd has and the database does not know.
 * They are never exported and never touched; adopting one gives it a row, with its own UUID and its
 * filters left to a policy that is assigned afterwards. Thread: main.
 */
#include <errno.h>
#include <string.h>

#include "app.h"
#include "json.h"
#include "model.h"
#include "planner.h"
#include "store_link.h"
#include "tables.h"
#include "volume_rows.h"
#include "volume_view.h"

static json_t *strangers(struct request *q, struct err *err)
{
	cleanup_json json_t *desired = store_desired(q->store, err), *running = NULL;

	if (!desired)
		return NULL;
	running = q->app->reconciler ? reconciler_running(q->app->reconciler) : json_object();
	return planner_strangers(desired, running);
}

static int list(struct request *q, struct reply *r, struct err *err)
{
	json_t *items = strangers(q, err);

	if (!items)
		return -err->code;
	r->body = json_pack("{s:n, s:i, s:o}", "next_cursor", "total", (int)json_array_size(items),
			    "items", items);
	return 0;
}

/* What filterd says of it becomes the row; only its description is the administrator's. */
static json_t *row_of(const json_t *running, struct err *err)
{
	const char *state = rows_text(running, "state"), *uuid = rows_text(running, "uuid");
	json_t *write_cache = json_object_get(running, "write_cache");
	json_t *block_bytes = json_object_get(running, "block_bytes");

	if (strlen(uuid) != 36 || rows_u64(running, "size_bytes") == 0) {
		err_set(err, EAGAIN, "",
			"sluice-filterd has not told the UUID and size of volume %s yet (it is "
			"%s); try again",
			rows_text(running, "name"), state[0] ? state : "not open");
		return NULL;
	}
	return json_pack("{s:O, s:s, s:O, s:O, s:O*, s:O*, s:b, s:s, s:s}", "name",
			 json_object_get(running, "name"), "uuid", uuid, "datastore",
			 json_object_get(running, "datastore"), "size_bytes",
			 json_object_get(running, "size_bytes"), "block_bytes", block_bytes,
			 "write_cache", write_cache, "is_created", 1, "desired_state", "offline",
			 "description", "");
}

static int is_stranger(struct request *q, const char *name, struct err *err)
{
	cleanup_json json_t *all = strangers(q, err);
	const json_t *s;
	size_t i;

	if (!all)
		return -err->code;
	json_array_foreach(all, i, s)
	{
		if (strcmp(rows_text(s, "name"), name) == 0)
			return 0;
	}
	return err_set(err, ENOENT, "",
		       "sluice-filterd has no volume %s that the database does not know", name);
}

/* A row begins without a policy, and a volume without a policy gets no filters: taking an
 * encrypting one away from under the data would be the end of it. */
static int has_no_filters(const json_t *running, struct err *err)
{
	const json_t *filters = json_object_get(running, "filters");
	char names[ROWS_NAMES_TEXT];

	if (json_array_size(filters) == 0)
		return 0;
	rows_names_text(filters, "filter", names);
	return err_set(err, EBUSY, "",
		       "volume %s has filters of its own in sluice-filterd (%s), which adopting it "
		       "would take away; if it can do without them, detach them with "
		       "sluice-filterctl first",
		       rows_text(running, "name"), names);
}

static int adopt(struct request *q, struct reply *r, struct err *err)
{
	static const char *const none[] = {NULL};
	const char *name = q->segments[0];
	cleanup_json json_t *running = NULL, *row = NULL;
	char iqn[224];
	json_t *made;
	int rc;

	if ((q->body && (rc = json_only(q->body, none, err))) || (rc = is_stranger(q, name, err)))
		return rc;
	running = volume_view_running(q, name);
	if (!running)
		return err_set(err, EAGAIN, "", "sluice-filterd does not show volume %s now", name);
	if ((rc = has_no_filters(running, err)))
		return rc;
	row = row_of(running, err);
	if (!row)
		return -err->code;
	made = store_insert(q->store, &table_volumes, row, err);
	if (!made) {
		rc = rows_named_in_body(-err->code, "datastore", err);
		return err->code == EINVAL
			   ? err_prefix(err, "add the datastore that holds it first")
			   : rc;
	}
	model_iqn_make(q->app->cfg->iqn_base, name, rows_text(made, "uuid"), iqn);
	rc = store_target_put(q->store, rows_id(made), iqn, err);
	rest_row(q, r, &table_volumes, made, volume_view_add);
	if (rc)
		return rc;
	rc = rest_event(q, "warning", "volume.adopted", "volume", name, err,
			"volume %s, which sluice-filterd had and the database did not know, was "
			"adopted; it is offline until somebody starts it",
			name);
	return rc ? rc : rest_task(q, r, "volume.adopt", "volume", name, false, NULL, err);
}

const struct route unmanaged_routes[] = {
    {"GET", "/volumes-unmanaged", REST_VIEWER, 0, list, "volume", NULL},
    {"POST", "/volumes-unmanaged/{name}/adopt", REST_ADMIN, 0, adopt, "volume", NULL},
    {0},
};
