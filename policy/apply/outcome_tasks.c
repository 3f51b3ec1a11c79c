/* SPDX-License-Identifier: MIT */
/*
 * outcome_tasks.c - when a task is over.
 *
 * A change of one object is over when no step is left for it; a change of something that volumes
 * hang on (a host, a group, a policy, a datastore's filters) when no step is left for these
 * volumes. It fails with the daemon's own sentence when the daemon has refused a step, and goes on
 * with a text while a daemon is down or busy. What is refused stays wanted and is tried again; the
 * task only says how it went.
 *
 * Transfers, snapshots, backups and webhooks' tests have tasks of their own, which whoever carries
 * them out ends.
 *
 * Thread: the reconciler's.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "apply_failures.h"
#include "clock.h"
#include "json.h"
#include "outcome.h"
#include "store_link.h"
#include "transfer.h"

#define LETTING_GO_MS 5000

enum ending { ENDING_NOT_YET, ENDING_WELL, ENDING_FAILED };

struct verdict {
	enum ending ending;
	char text[512]; /* what it waits for */
	bool is_untold; /* nobody says when that is over: it has to be looked for */
	struct err err; /* why it failed */
};

static bool is_text(const json_t *row, const char *key, const char *text)
{
	return strcmp(outcome_text(row, key), text) == 0;
}

static bool is_ours(const json_t *task)
{
	static const char *const types[] = {"volume",     "datastore", "portal",     "host",
					    "host_group", "policy",    "compliance", "config"};

	if (transfer_is_kind(outcome_text(task, "kind")) ||
	    strncmp(outcome_text(task, "kind"), "snapshot.", 9) == 0)
		return false;
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (is_text(task, "object_type", types[i]))
			return true;
	return false;
}

/* ---------------------------------------------------------------- one object */

static void waits(struct verdict *out, const char *text)
{
	if (out->ending == ENDING_FAILED)
		return;
	out->ending = ENDING_NOT_YET;
	snprintf(out->text, sizeof(out->text), "%s", text);
}

static void fails(struct verdict *out, const struct err *err)
{
	out->ending = ENDING_FAILED;
	out->err = *err;
}

/* What is left of an object: a step that was refused, one that is still to be done, or nothing. */
static void judge(const struct outcome_view *v, const json_t *task, const char *type,
		  const char *name, struct verdict *out)
{
	const char *busy = outcome_busy(v, type, name);
	char key[FAILURES_KEY_BYTES];
	bool is_final = false;
	const char *slow;
	struct err err;

	snprintf(key, sizeof(key), "%s/%s", type, name);
	if (!busy)
		return;
	slow = json_string_value(json_object_get(v->slow, key));
	if (slow) {
		waits(out, slow);
		return;
	}
	if (!failures_get(v->failures, key, &err, &is_final)) {
		waits(out, busy);
		return;
	}
	/* A refusal from before the task was made says nothing of it. */
	if (is_final &&
	    json_integer_value(json_object_get(json_object_get(v->failures, key), "at_ms")) >=
		json_integer_value(json_object_get(task, "created_ms")))
		fails(out, &err);
	else
		waits(out, err.text);
}

/* What tgtd and filterd show is of two moments: just after a LUN has gone its ring may still be
 * seen.
 */
static bool is_letting_go(const json_t *task)
{
	return strcmp(outcome_text(task, "kind"), "volume.delete") == 0 &&
	       (json_int_t)clock_wall_ms() <
		   json_integer_value(json_object_get(task, "created_ms")) + LETTING_GO_MS;
}

/* A volume without steps may still not be what was asked for. */
static void judge_volume(const struct outcome_view *v, const json_t *task, const char *name,
			 struct verdict *out)
{
	const json_t *r = json_object_get(v->volumes, name);
	const char *state = outcome_text(r, "state");
	char key[FAILURES_KEY_BYTES];
	const char *problem;
	struct err err;

	judge(v, task, "volume", name, out);
	if (out->ending != ENDING_WELL)
		return;
	snprintf(key, sizeof(key), "volume/%s", name);
	problem = outcome_text(v->troubles, key);
	if (strcmp(state, "opening") == 0 || strcmp(state, "draining") == 0) {
		waits(out, *outcome_text(r, "reason") ? outcome_text(r, "reason") : state);
	} else if (strcmp(state, "failed") == 0 || strcmp(state, "quarantined") == 0) {
		err_set(&err, EIO, "", "%s", outcome_text(r, "reason"));
		fails(out, &err);
	} else if (*problem && is_letting_go(task)) {
		waits(out, problem);
		out->is_untold = true;
	} else if (*problem) {
		err_set(&err, EUCLEAN, "", "%s", problem);
		fails(out, &err);
	}
}

/* ---------------------------------------------------------------- what hangs on others */

static void judge_volumes(const struct outcome_view *v, const json_t *task, const json_t *names,
			  struct verdict *out)
{
	const json_t *name;
	size_t i;

	json_array_foreach(names, i, name)
	{
		judge(v, task, "volume", json_string_value(name), out);
	}
}

static void judge_host(struct outcome *o, const struct outcome_view *v, const json_t *task,
		       const char *name, struct verdict *out)
{
	const json_t *row = outcome_row(v, "hosts", name);
	cleanup_json json_t *names = NULL;

	if (row)
		names = store_host_volumes(o->store, json_integer_value(json_object_get(row, "id")),
					   NULL);
	judge(v, task, "host", name, out);
	judge_volumes(v, task, names, out);
}

static void judge_group(struct outcome *o, const struct outcome_view *v, const json_t *task,
			const char *name, struct verdict *out)
{
	int64_t id = store_id_of(o->store, &table_host_groups, name, NULL);
	cleanup_json json_t *names = id ? store_group_volumes(o->store, id, NULL) : NULL;

	judge_volumes(v, task, names, out);
}

static void judge_policy(const struct outcome_view *v, const json_t *task, const char *name,
			 struct verdict *out)
{
	const json_t *row;
	size_t i;

	json_array_foreach(json_object_get(v->desired, "volumes"), i, row)
	{
		if (is_text(row, "policy", name))
			judge(v, task, "volume", outcome_text(row, "name"), out);
	}
}

/* A filter of a whole datastore stands in the chain of every volume there. */
static void judge_datastore(const struct outcome_view *v, const json_t *task, const char *name,
			    struct verdict *out)
{
	const json_t *row;
	size_t i;

	judge(v, task, "datastore", name, out);
	if (!is_text(task, "kind", "datastore.filter"))
		return;
	json_array_foreach(json_object_get(v->desired, "volumes"), i, row)
	{
		if (is_text(row, "datastore", name))
			judge(v, task, "volume", outcome_text(row, "name"), out);
	}
}

static void judge_all(const struct outcome_view *v, const json_t *task, struct verdict *out)
{
	const json_t *step;
	size_t i;

	json_array_foreach(v->steps, i, step)
	{
		judge(v, task, outcome_text(step, "object_type"), outcome_text(step, "object_name"),
		      out);
	}
}

/* ---------------------------------------------------------------- by kind */

static bool needs_tgtd(const struct outcome_view *v, const json_t *task)
{
	const char *type = outcome_text(task, "object_type");
	const json_t *row;

	if (is_text(task, "kind", "volume.policy") || strcmp(type, "policy") == 0 ||
	    strcmp(type, "datastore") == 0)
		return false;
	if (strcmp(type, "volume") != 0)
		return true;
	row = outcome_row(v, "volumes", outcome_text(task, "object_name"));
	return !is_text(row, "desired_state", "offline");
}

static bool needs_filterd(const json_t *task)
{
	const char *type = outcome_text(task, "object_type");

	return strcmp(type, "portal") != 0 && strcmp(type, "host") != 0 &&
	       strcmp(type, "host_group") != 0;
}

static struct verdict verdict_of(struct outcome *o, const struct outcome_view *v,
				 const json_t *task)
{
	const char *type = outcome_text(task, "object_type");
	const char *name = outcome_text(task, "object_name");
	struct verdict out = {.ending = ENDING_WELL};

	if (strcmp(type, "volume") == 0)
		judge_volume(v, task, name, &out);
	else if (strcmp(type, "host") == 0)
		judge_host(o, v, task, name, &out);
	else if (strcmp(type, "host_group") == 0)
		judge_group(o, v, task, name, &out);
	else if (strcmp(type, "policy") == 0)
		judge_policy(v, task, name, &out);
	else if (strcmp(type, "datastore") == 0)
		judge_datastore(v, task, name, &out);
	else if (strcmp(type, "portal") == 0)
		judge(v, task, type, name, &out);
	else if (strcmp(type, "compliance") != 0)
		judge_all(v, task, &out);
	if (out.ending == ENDING_FAILED || strcmp(type, "compliance") == 0)
		return out;
	if (needs_filterd(task) && !outcome_is_up(v, "filterd"))
		waits(&out, "waiting for sluice-filterd");
	else if (needs_tgtd(v, task) && !outcome_is_up(v, "tgtd"))
		waits(&out, "waiting for tgtd");
	return out;
}

/* ---------------------------------------------------------------- noting it */

static int64_t id_of(const json_t *task)
{
	return json_integer_value(json_object_get(task, "id"));
}

static int end(struct outcome *o, const json_t *task, const char *state, const struct err *error,
	       struct err *err)
{
	int rc = outcome_begin(o, err);

	return rc ? rc : store_task_end(o->store, id_of(task), state, error, err);
}

static int go_on(struct outcome *o, const json_t *task, const char *text, struct err *err)
{
	json_t *fields = json_pack("{s:s, s:s}", "state", "running", "text", text);
	int rc = 0;

	if (!is_text(task, "text", text)) {
		rc = outcome_begin(o, err);
		if (rc == 0)
			rc = store_task_log(o->store, id_of(task), text, err);
	}
	if (is_text(task, "state", "queued"))
		json_object_set_new(fields, "started_ms",
				    json_integer((json_int_t)clock_wall_ms()));
	if (rc) {
		json_decref(fields);
		return rc;
	}
	return outcome_fields(o, &table_tasks, task, fields, err);
}

static bool is_deletion(const json_t *task)
{
	const char *dot = strrchr(outcome_text(task, "kind"), '.');

	return dot && strcmp(dot, ".delete") == 0;
}

/* Volumes and datastores have a row until they are gone. */
static bool has_lost_row(const struct outcome_view *v, const json_t *task)
{
	const char *type = outcome_text(task, "object_type");
	const char *list = strcmp(type, "volume") == 0      ? "volumes"
			   : strcmp(type, "datastore") == 0 ? "datastores"
							    : NULL;

	return list && !outcome_row(v, list, outcome_text(task, "object_name"));
}

static bool waits_for_row(const struct outcome_view *v, const json_t *task)
{
	const char *type = outcome_text(task, "object_type");

	return is_deletion(task) && (strcmp(type, "volume") == 0 || strcmp(type, "datastore") == 0);
}

static int note_task(struct outcome *o, const struct outcome_view *v, const json_t *task,
		     struct err *err)
{
	struct verdict verdict;
	char key[FAILURES_KEY_BYTES];

	failures_key(task, key);
	if (!is_ours(task) || json_object_get(v->removed, key))
		return 0;
	if (json_is_true(json_object_get(task, "is_cancel_wanted")))
		return end(o, task, "cancelled", NULL, err);
	if (has_lost_row(v, task))
		return end(o, task, is_deletion(task) ? "succeeded" : "cancelled", NULL, err);
	verdict = verdict_of(o, v, task);
	o->must_look |= verdict.is_untold;
	if (verdict.ending == ENDING_FAILED)
		return end(o, task, "failed", &verdict.err, err);
	if (verdict.ending == ENDING_NOT_YET)
		return go_on(o, task, verdict.text, err);
	if (waits_for_row(v, task)) /* outcome_tasks_gone() ends it */
		return go_on(o, task, "waiting until nothing of it is left", err);
	return end(o, task, "succeeded", NULL, err);
}

int outcome_tasks(struct outcome *o, struct outcome_view *v, struct err *err)
{
	const json_t *task;
	size_t i;

	json_array_foreach(v->tasks, i, task)
	{
		int rc = note_task(o, v, task, err);

		if (rc < 0)
			return rc;
	}
	return 0;
}

int outcome_tasks_gone(struct outcome *o, const struct outcome_view *v, const char *type,
		       const char *name, struct err *err)
{
	char key[FAILURES_KEY_BYTES];
	const json_t *task;
	size_t i;

	snprintf(key, sizeof(key), "%s/%s", type, name);
	json_object_set_new(v->removed, key, json_true());
	json_array_foreach(v->tasks, i, task)
	{
		int rc = 0;

		if (is_text(task, "object_type", type) && is_text(task, "object_name", name))
			rc = end(o, task, is_deletion(task) ? "succeeded" : "cancelled", NULL, err);
		if (rc < 0)
			return rc;
	}
	return 0;
}
