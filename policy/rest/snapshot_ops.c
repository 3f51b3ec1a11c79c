/* SPDX-License-Identifier: MIT */
/* snapshot_ops.c - going back to a snapshot, putting a volume's layers in order, and the tree of it
 * all. Thread: main. */
#include <errno.h>
#include <string.h>

#include "app.h"
#include "filterd_client.h"
#include "json.h"
#include "replications.h"
#include "snapshots.h"
#include "snapshotter.h"
#include "store_link.h"
#include "store_snapshots.h"
#include "tables.h"
#include "volume_rows.h"
#include "volume_view.h"

#define FILTERD_MS 2000u /* main waits for it */

/* ---------------------------------------------------------------- revert */

static int confirmed(const json_t *body, const char *name, struct err *err)
{
	static const char *const members[] = {"confirm", NULL};
	const char *confirm = rows_text(body, "confirm");
	int rc = json_only(body, members, err);

	if (rc || strcmp(confirm, name) == 0)
		return rc;
	return err_set(
	    err, EINVAL, "confirm",
	    "what was written to volume %s since the snapshot will be gone: say confirm, "
	    "with the volume's name, %s",
	    name, name);
}

static int revert(struct request *q, struct reply *r, struct err *err)
{
	cleanup_json json_t *row = snapshots_ready(q, err), *body = NULL, *volume = NULL;
	cleanup_json json_t *parameters = NULL;
	const char *name;
	int rc;

	if (!row)
		return -err->code;
	name = rows_text(row, "volume");
	body = rows_body(q, true, err);
	volume = store_get(q->store, &table_volumes, name, err);
	if (!body || !volume)
		return -err->code;
	if ((rc = confirmed(body, name, err)) || (rc = snapshots_may_take(q, volume, "", err)) ||
	    (rc = replications_refuse(q, rows_id(volume),
				      "its copy would not go back with it; end that first", err)))
		return rc;
	rest_row(q, r, &table_snapshots, json_incref(row), snapshots_view);
	rows_object(r, name);
	rc = rest_event(q, "warning", "volume.reverting", "volume", name, err,
			"volume %s is to go back to its snapshot %s", name, rows_text(row, "name"));
	parameters =
	    json_pack("{s:s, s:O}", "volume", name, "snapshot", json_object_get(row, "uuid"));
	return rc ? rc : rest_task(q, r, "snapshot.revert", "volume", name, false, parameters, err);
}

/* ---------------------------------------------------------------- repair */

static int plan(struct request *q, struct reply *r, struct err *err)
{
	cleanup_json json_t *volume = store_get(q->store, &table_volumes, q->segments[0], err);
	cleanup_json json_t *question = NULL, *answer = NULL;
	struct filterd_client f;
	json_t *steps;

	if (!volume || filterd_client_init(&f, q->app->cfg->filterd_socket, FILTERD_MS, err) < 0)
		return -err->code;
	question = json_pack("{s:O, s:b}", "volume", json_object_get(volume, "name"), "apply", 0);
	answer = filterd_ask(&f, "snapshot.repair", question, err);
	filterd_client_fini(&f);
	if (!answer)
		return filterd_is_gone(err)
			   ? err_set(err, EAGAIN, "", "sluice-filterd does not answer now")
			   : -err->code;
	steps = json_object_get(answer, "steps");
	r->body = json_pack("{s:O, s:o}", "volume", json_object_get(volume, "name"), "steps",
			    json_is_array(steps) ? json_incref(steps) : json_array());
	return r->body ? 0 : err_set(err, ENOMEM, "", "no memory for the answer");
}

static int repair(struct request *q, struct reply *r, struct err *err)
{
	static const char *const none[] = {NULL};
	cleanup_json json_t *volume = volume_view_to_change(q, err), *body = NULL;
	cleanup_json json_t *parameters = NULL;
	int rc;

	if (!volume)
		return -err->code;
	body = rows_body(q, true, err);
	if (!body)
		return -err->code;
	rc = json_only(body, none, err);
	if (rc)
		return rc;
	rest_row(q, r, &table_volumes, json_incref(volume), volume_view_add);
	parameters = json_pack("{s:O}", "volume", json_object_get(volume, "name"));
	return rest_task(q, r, "snapshot.repair", "volume", rows_text(volume, "name"), false,
			 parameters, err);
}

/* ---------------------------------------------------------------- the tree */

static json_t *node_of(struct request *q, const json_t *row)
{
	json_t *node = table_public(&table_snapshots, row);

	snapshots_view(q, node);
	json_object_set_new(node, "children", json_array());
	return node;
}

/* Each below its parent; what has none that is known, at the top. Rows are oldest first, and a
 * parent is older than its children, but a clock may have gone back: so first all nodes, then their
 * places. */
static json_t *grown(struct request *q, const json_t *rows)
{
	cleanup_json json_t *nodes = json_object();
	json_t *top = json_array(), *node;
	const json_t *row;
	size_t i;

	json_array_foreach(rows, i, row)
	{
		json_object_set_new(nodes, rows_text(row, "uuid"), node_of(q, row));
	}
	json_array_foreach(rows, i, row)
	{
		json_t *parent = json_object_get(nodes, rows_text(row, "parent"));

		node = json_object_get(nodes, rows_text(row, "uuid"));
		json_array_append(
		    parent && parent != node ? json_object_get(parent, "children") : top, node);
	}
	return top;
}

static int tree(struct request *q, struct reply *r, struct err *err)
{
	cleanup_json json_t *volume = store_get(q->store, &table_volumes, q->segments[0], err);
	cleanup_json json_t *rows = NULL, *sum = NULL, *seen = NULL;
	json_t *head;

	if (!volume)
		return -err->code;
	rows = store_snapshots_of_volume(q->store, rows_id(volume), err);
	sum = rows ? store_snapshots_sum(q->store, rows_id(volume), err) : NULL;
	if (!sum)
		return -err->code;
	seen = snapshotter_volume(q->app->snapshotter, rows_text(volume, "name"));
	head = json_object_get(seen, "head");
	r->body = json_pack("{s:O, s:O, s:O, s:b, s:s, s:o, s:o, s:o}", "volume",
			    json_object_get(volume, "name"), "count", json_object_get(sum, "count"),
			    "own_bytes", json_object_get(sum, "own_bytes"), "is_degraded",
			    rows_is(seen, "is_degraded"), "problem", rows_text(seen, "problem"),
			    "head", head ? json_deep_copy(head) : json_null(), "origin",
			    snapshots_origin(q, rows_id(volume)), "items", grown(q, rows));
	return r->body ? 0 : err_set(err, ENOMEM, "", "no memory for the answer");
}

const struct route snapshot_ops_routes[] = {
    {"POST", "/volumes/{name}/snapshots/{snapshot}/revert", REST_OPERATOR, 0, revert, "volume",
     NULL},
    {"GET", "/volumes/{name}/snapshot-tree", REST_VIEWER, 0, tree, "volume", NULL},
    {"GET", "/volumes/{name}/repair", REST_VIEWER, 0, plan, "volume", NULL},
    {"POST", "/volumes/{name}/repair", REST_OPERATOR, 0, repair, "volume", NULL},
    {.method = NULL},
};
