/* SPDX-License-Identifier: MIT */
/*
 * targets.c - /targets and /iscsi-sessions: what tgtd exports and who is logged in, as the
 * reconciler has seen it last. Thread: main.
 *
 * Closing a session is a task: tgtd is asked by a thread that may wait. An initiator that is still
 * allowed logs in again at once; to keep it out, take it off the access list.
 */
#include "targets.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "app.h"
#include "json.h"
#include "parse.h"
#include "store_link.h"
#include "tables.h"
#include "volume_rows.h"

/* As last observed. That somebody looks is a reason to observe: with a thousand targets it is too
 * dear to be done all the time, and who looks looks again. */
static json_t *running_of(struct request *q)
{
	if (!q->app->reconciler)
		return json_object();
	reconciler_wake(q->app->reconciler);
	return reconciler_running(q->app->reconciler);
}

static const json_t *by_iqn(const json_t *rows, const char *iqn)
{
	const json_t *row;
	size_t i;

	json_array_foreach(rows, i, row)
	{
		if (strcasecmp(rows_text(row, "iqn"), iqn) == 0)
			return row;
	}
	return NULL;
}

/* ---------------------------------------------------------------- targets */

static int list(struct request *q, struct reply *r, struct err *err)
{
	cleanup_json json_t *running = running_of(q);
	const json_t *seen = json_object_get(json_object_get(running, "tgtd"), "targets");
	json_t *row;
	size_t i;
	int rc = rest_list(q, r, &table_targets, NULL, err);

	if (rc)
		return rc;
	json_array_foreach(json_object_get(r->body, "items"), i, row)
	{
		const json_t *t = by_iqn(seen, rows_text(row, "iqn"));
		const char *state = t ? rows_text(t, "state") : "absent";

		json_object_set_new(row, "state", json_string(state[0] ? state : "ready"));
		json_object_set_new(
		    row, "session_count",
		    json_integer((json_int_t)json_array_size(json_object_get(t, "sessions"))));
		json_object_set_new(
		    row, "has_accounts",
		    json_boolean(json_array_size(json_object_get(t, "accounts")) > 0));
	}
	return 0;
}

/* ---------------------------------------------------------------- sessions */

static json_t *session_view(const json_t *target, const json_t *session, const json_t *row,
			    const json_t *host)
{
	char id[80];

	snprintf(id, sizeof(id), "%" PRIu64 "-%" PRIu64 "-%" PRIu64, rows_u64(target, "tid"),
		 rows_u64(session, "sid"), rows_u64(session, "cid"));
	return json_pack("{s:s, s:O?, s:O?, s:O?, s:O?, s:O?}", "id", id, "volume",
			 json_object_get(row, "volume"), "iqn", json_object_get(target, "iqn"),
			 "initiator", json_object_get(session, "initiator"), "address",
			 json_object_get(session, "address"), "host",
			 json_object_get(host, "name"));
}

json_t *targets_sessions(const json_t *running, const json_t *targets, const json_t *hosts)
{
	const json_t *seen = json_object_get(json_object_get(running, "tgtd"), "targets");
	json_t *all = json_array();
	const json_t *t, *s;
	size_t i, k;

	json_array_foreach(seen, i, t)
	{
		const json_t *row = by_iqn(targets, rows_text(t, "iqn"));

		if (!row) /* another's: none of ours to show or to close */
			continue;
		json_array_foreach(json_object_get(t, "sessions"), k, s)
		{
			json_array_append_new(
			    all, session_view(t, s, row, by_iqn(hosts, rows_text(s, "initiator"))));
		}
	}
	return all;
}

static json_t *sessions_now(struct request *q, struct err *err)
{
	cleanup_json json_t *running = running_of(q);
	cleanup_json json_t *targets = rows_all(q->store, &table_targets, NULL, err), *hosts = NULL;

	if (!targets)
		return NULL;
	hosts = rows_all(q->store, &table_hosts, NULL, err);
	return hosts ? targets_sessions(running, targets, hosts) : NULL;
}

static int sessions(struct request *q, struct reply *r, struct err *err)
{
	static const char *const filters[] = {"volume", "host", "initiator"};
	json_t *all = sessions_now(q, err), *s;
	size_t i;

	if (!all)
		return -err->code;
	for (size_t f = 0; f < sizeof(filters) / sizeof(filters[0]); f++) {
		const char *wanted = request_query(q, filters[f]);

		for (i = json_array_size(all); wanted && i-- > 0;) {
			s = json_array_get(all, i);
			if (strcasecmp(rows_text(s, filters[f]), wanted) != 0)
				json_array_remove(all, i);
		}
	}
	r->body = json_pack("{s:n, s:i, s:o}", "next_cursor", "total", (int)json_array_size(all),
			    "items", all);
	return 0;
}

/* "tid-sid-cid" into numbers: what is written another way is another session. */
static int id_parse(const char *id, uint64_t n[3], struct err *err)
{
	char part[24];

	for (int i = 0; i < 3; i++) {
		size_t len = strcspn(id, "-");

		snprintf(part, sizeof(part), "%.*s", len < 23 ? (int)len : 23, id);
		if (parse_u64("id", part, 0, UINT32_MAX, &n[i], err) < 0 ||
		    (id[len] == '-') != (i < 2))
			return err_set(err, ENOENT, "id",
				       "there is no session of that id; an id is three numbers, "
				       "tid-sid-cid, as in the list of sessions");
		id += len + (i < 2);
	}
	return 0;
}

static int close_session(struct request *q, struct reply *r, struct err *err)
{
	cleanup_json json_t *all = NULL, *parameters = NULL;
	const json_t *s, *found = NULL;
	uint64_t n[3];
	size_t i;
	int rc;

	if ((rc = id_parse(q->segments[0], n, err)))
		return rc;
	all = sessions_now(q, err);
	if (!all)
		return -err->code;
	json_array_foreach(all, i, s)
	{
		if (strcmp(rows_text(s, "id"), q->segments[0]) == 0)
			found = s;
	}
	if (!found)
		return err_set(err, ENOENT, "id", "there is no session %s any more",
			       q->segments[0]);
	parameters =
	    json_pack("{s:I, s:I, s:I, s:s}", "tid", (json_int_t)n[0], "sid", (json_int_t)n[1],
		      "cid", (json_int_t)n[2], "initiator", rows_text(found, "initiator"));
	r->body = json_deep_copy(found);
	rc = rest_event(q, "info", "session.closing", "volume", rows_text(found, "volume"), err,
			"the session of %s with volume %s is closed by hand",
			rows_text(found, "initiator"), rows_text(found, "volume"));
	return rc ? rc
		  : rest_task(q, r, "session.close", "session", q->segments[0], false, parameters,
			      err);
}

static const char *const sessions_query[] = {"volume", "host", "initiator", NULL};

const struct route targets_routes[] = {
    {"GET", "/targets", REST_VIEWER, 0, list, "target", rest_list_query},
    {"GET", "/iscsi-sessions", REST_VIEWER, 0, sessions, "session", sessions_query},
    {"DELETE", "/iscsi-sessions/{id}", REST_OPERATOR, 0, close_session, "session", NULL},
    {0},
};
