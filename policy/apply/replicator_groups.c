/* SPDX-License-Identifier: MIT */
/*
 * replicator_groups.c - each replication, twice a second: what its filter says is noted, and the
 * reconciler woken where that changes who is exported; and its phases.
 *
 *   pending ─ the peer has made its side ─▶ attaching ─ the filter speaks ─▶ active
 *   any ─ DELETE, or the peer's word ─▶ ending ─ the peer knows, no chain has it ─▶ (gone)
 *
 * Each step is repeated until it is seen to be done, so it does not matter when either policyd is
 * killed.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "json.h"
#include "log.h"
#include "replicator_int.h"
#include "store_link.h"
#include "store_replication.h"

#define CALL_MS  4000u
#define AGAIN_MS 2000u

/* ---------------------------------------------------------------- calling the peer */

/* One call to the peer for this replication, not more often than is good. */
static json_t *tell(struct replicator *r, const json_t *row, const char *call, json_t *arguments,
		    struct err *err)
{
	const char *name = replicator_text(row, "name");
	json_t *answer;

	if ((json_int_t)clock_wall_ms() < replicator_number(r->told, name)) {
		json_decref(arguments);
		err_set(err, EALREADY, "", "it was called a moment ago");
		return NULL;
	}
	answer = replicator_call(&r->filterd, replicator_text(row, "peer"), call, arguments,
				 CALL_MS, err);
	json_object_set_new(r->told, name, json_integer((json_int_t)clock_wall_ms() + AGAIN_MS));
	return answer;
}

static void note(struct replicator *r, const json_t *row, json_t *fields)
{
	struct err err = {0};

	if (replicator_note(r, &table_replications, row, fields, &err) < 0)
		log_warn("replication %s: %s", replicator_text(row, "name"), err.text);
}

static void note_trouble(struct replicator *r, const json_t *row, const struct err *error)
{
	if (error->code != EALREADY && !replicator_is_text(row, "state_text", error->text))
		note(r, row, json_pack("{s:s}", "state_text", error->text));
}

/* ---------------------------------------------------------------- pending */

static void end_tasks(struct replicator *r, const json_t *row, const char *kind,
		      const struct err *error)
{
	struct err err = {0};
	cleanup_json json_t *tasks =
	    replicator_open_tasks(r->store, "replication", replicator_text(row, "name"), &err);
	const json_t *task;
	size_t i;

	json_array_foreach(tasks, i, task)
	{
		if (!kind || replicator_is_text(task, "kind", kind))
			replicator_end(r, task, error);
	}
}

/* What time alone will not mend ends the task; what is wanted stays wanted. */
static bool is_final(const struct err *err)
{
	switch (err->code) {
	case EINVAL:
	case ERANGE:
	case EEXIST:
	case ENOENT:
	case EPROTO:
	case EPERM:
	case EACCES:
		return true;
	default:
		return false;
	}
}

static void prepare(struct replicator *r, const json_t *row)
{
	struct err err = {0};
	json_t *told = replicator_describe(r->store, row, &err);
	cleanup_json json_t *answer = NULL;

	if (told)
		answer = tell(r, row, "replication.prepare", told, &err);
	if (!answer) {
		note_trouble(r, row, &err);
		if (is_final(&err) && !filterd_is_gone(&err))
			end_tasks(r, row, "replication.create", &err);
		return;
	}
	if (!json_is_true(json_object_get(answer, "is_ready"))) {
		err_set(&err, EAGAIN, "", "the peer is making its volumes");
		note_trouble(r, row, &err);
		return;
	}
	note(r, row,
	     json_pack("{s:s, s:s, s:I}", "phase", "attaching", "state_text", "", "told_revision",
		       replicator_number(row, "revision")));
	reconciler_wake(r->cfg.reconciler);
}

/* ---------------------------------------------------------------- attaching, active */

static bool speaks(const json_t *status)
{
	return status && json_object_get(status, "term");
}

static void attached(struct replicator *r, const json_t *row)
{
	struct err err = {0};

	note(r, row, json_pack("{s:s}", "phase", "active"));
	replicator_event(r, "info", "replication.active", "replication",
			 replicator_text(row, "name"), "the replication has begun", &err);
	end_tasks(r, row, "replication.create", NULL);
	reconciler_wake(r->cfg.reconciler);
}

/*
 * Settings and policies are the primary's to tell; whoever is that. The peer is told when what it
 * would be told has changed, and once after a start of this daemon, as that is not written down.
 */
static void tell_settings(struct replicator *r, const json_t *row)
{
	const char *name = replicator_text(row, "name");
	struct err err = {0};
	cleanup_json json_t *described = NULL, *answer = NULL;

	if (!replicator_is_text(row, "role", "primary"))
		return;
	described = replicator_describe(r->store, row, &err);
	if (!described || json_equal(described, json_object_get(r->described, name)))
		return;
	answer = tell(r, row, "replication.change", json_deep_copy(described), &err);
	if (!answer)
		return;
	json_object_set(r->described, name, described);
	if (replicator_number(row, "told_revision") != replicator_number(row, "revision"))
		note(r, row,
		     json_pack("{s:I}", "told_revision", replicator_number(row, "revision")));
}

/* ---------------------------------------------------------------- ending */

static bool is_gone(const struct err *err)
{
	return err->code == ENOENT && !filterd_is_gone(err);
}

static bool tell_end(struct replicator *r, const json_t *row)
{
	struct err err = {0};
	cleanup_json json_t *answer = NULL;

	if (replicator_number(row, "told_revision") == replicator_number(row, "revision"))
		return true;
	answer = tell(r, row, "replication.end",
		      json_pack("{s:s}", "group", replicator_text(row, "group_uuid")), &err);
	if (!answer && !is_gone(&err)) {
		note_trouble(r, row, &err);
		return false;
	}
	note(r, row,
	     json_pack("{s:I, s:s}", "told_revision", replicator_number(row, "revision"),
		       "state_text", ""));
	reconciler_wake(r->cfg.reconciler);
	return true;
}

static bool is_in_a_chain(struct replicator *r, const json_t *members)
{
	const json_t *m;
	size_t i;

	json_array_foreach(members, i, m)
	{
		struct err err = {0};
		bool is_there;
		cleanup_json json_t *status = replicator_filter_status(
		    &r->filterd, replicator_text(m, "volume"), &is_there, NULL, &err);

		if (is_there || (!status && err.code != ENODATA && !is_gone(&err)))
			return true;
	}
	return false;
}

/* What was the replica stays where it is, and nobody sees it: its twin has the same serial. */
static int put_away(struct replicator *r, const json_t *row, const json_t *members, struct err *err)
{
	bool is_kept = replicator_is_text(row, "role", "primary") ||
		       (replicator_is_text(row, "role", "none") &&
			replicator_is_text(row, "initial_role", "primary"));
	cleanup_json json_t *offline = json_pack("{s:s}", "desired_state", "offline");
	const json_t *m;
	int rc = 0;
	size_t i;

	json_array_foreach(members, i, m)
	{
		cleanup_json json_t *now = NULL;

		if (is_kept || rc)
			continue;
		now = store_update(r->store, &table_volumes, replicator_number(m, "volume_id"),
				   offline, 0, err);
		rc = now ? 0 : -err->code;
	}
	return rc;
}

static void drop(struct replicator *r, const json_t *row, const json_t *members)
{
	const char *name = replicator_text(row, "name");
	struct err err = {0};
	int rc = store_begin(r->store, &err);
	char text[200];

	if (rc == 0)
		rc = put_away(r, row, members, &err);
	if (rc == 0)
		rc = store_replication_drop(r->store, replicator_number(row, "id"), &err);
	if (rc == 0)
		rc = store_commit(r->store, &err);
	if (rc < 0) {
		store_rollback(r->store);
		log_warn("replication %s does not go: %s", name, err.text);
		return;
	}
	json_object_del(r->described, name);
	snprintf(text, sizeof(text), "replication %s has ended; its volumes stay", name);
	replicator_event(r, "info", "replication.deleted", "replication", name, text, &err);
	end_tasks(r, row, "replication.delete", NULL);
	err_set(&err, ECANCELED, "", "the replication was ended");
	end_tasks(r, row, NULL, &err);
	reconciler_wake(r->cfg.reconciler);
}

/* ---------------------------------------------------------------- what its filter says */

static void publish(struct replicator *r, const char *name, json_t *status)
{
	pthread_mutex_lock(&r->lock);
	if (status)
		json_object_set_new(r->statuses, name, json_deep_copy(status));
	else
		json_object_del(r->statuses, name);
	pthread_mutex_unlock(&r->lock);
}

static void note_status(struct replicator *r, const json_t *row, const json_t *status)
{
	const char *name = replicator_text(row, "name"), *role = replicator_text(status, "role");
	bool is_new = !replicator_is_text(row, "state", replicator_text(status, "state"));
	struct replicator_words words;
	struct err err = {0};

	replicator_words(row, status, &words);
	if (!is_new && replicator_is_text(row, "role", role) &&
	    replicator_is_text(row, "state_text", words.text))
		return;
	note(r, row,
	     json_pack("{s:s, s:s, s:s, s:I}", "state", replicator_text(status, "state"), "role",
		       *role ? role : "none", "state_text", words.text, "state_since_ms",
		       (json_int_t)clock_wall_ms()));
	if (speaks(status) && !replicator_is_text(row, "state_text", words.text)) {
		char text[700];

		snprintf(text, sizeof(text), "replication %s is %s: %s", name,
			 replicator_text(status, "state"), words.text);
		replicator_event(r, words.severity,
				 replicator_is_text(status, "state", "diverged")
				     ? "replication.split_brain"
				     : "replication.state",
				 "replication", name, text, &err);
	}
}

static bool is_same(const json_t *a, const json_t *b, const char *member)
{
	const json_t *x = json_object_get(a, member), *y = json_object_get(b, member);

	return x == y || json_equal(x, y);
}

/* In something that exports or alerts depend on. */
static bool is_other(const json_t *before, const json_t *status)
{
	static const char *const members[] = {"is_serving", "state", "peer_up", "is_consistent",
					      "gap_since_ms"};

	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++)
		if (!is_same(before, status, members[i]))
			return true;
	return false;
}

/* Exports follow the role: the reconciler looks at once. */
static void follow(struct replicator *r, const json_t *row, const json_t *status)
{
	const char *name = replicator_text(row, "name");
	cleanup_json json_t *before = replicator_status(r, name);

	publish(r, name, (json_t *)(uintptr_t)status);
	if (!status)
		return;
	if (is_other(before, status))
		reconciler_wake(r->cfg.reconciler);
	note_status(r, row, status);
}

static void tasks_step(struct replicator *r, const json_t *row, const char *leader,
		       const json_t *status)
{
	struct err err = {0};
	cleanup_json json_t *tasks =
	    replicator_open_tasks(r->store, "replication", replicator_text(row, "name"), &err);
	const json_t *task;
	size_t i;

	json_array_foreach(tasks, i, task)
	{
		if (!replicator_is_stopping(r))
			replicator_task_step(r, row, leader, status, task);
	}
}

static void look_at(struct replicator *r, const json_t *row)
{
	struct err err = {0};
	cleanup_json json_t *members =
	    store_replication_members(r->store, replicator_number(row, "id"), &err);
	const char *leader = replicator_text(json_array_get(members, 0), "volume");
	cleanup_json json_t *status = NULL;
	bool is_there = false;

	if (!members || !*leader)
		return;
	status = replicator_filter_status(&r->filterd, leader, &is_there, NULL, &err);
	if (!status && filterd_is_gone(&err))
		return;
	follow(r, row, status);
	if (replicator_is_text(row, "phase", "pending"))
		prepare(r, row);
	else if (replicator_is_text(row, "phase", "attaching") && speaks(status))
		attached(r, row);
	else if (replicator_is_text(row, "phase", "active"))
		tell_settings(r, row);
	else if (replicator_is_text(row, "phase", "ending") && tell_end(r, row) &&
		 !is_in_a_chain(r, members))
		drop(r, row, members);
	tasks_step(r, row, leader, status);
}

void replicator_groups_round(struct replicator *r)
{
	struct err err = {0};
	cleanup_json json_t *rows = replicator_rows(r->store, &table_replications, &err);
	const json_t *row;
	size_t i;

	json_array_foreach(rows, i, row)
	{
		if (!replicator_is_stopping(r))
			look_at(r, row);
	}
}
