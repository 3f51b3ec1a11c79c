/* SPDX-License-Identifier: MIT */
/*
 * transfer_note.c - what the database is told of a transfer: how far it is, how it ended, and what
 * an earlier policyd left half done. Thread: the job's, the dispatcher's.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "json.h"
#include "log.h"
#include "store_link.h"
#include "transfer_int.h"

static const char *text_of(const json_t *row, const char *member)
{
	const char *text = json_string_value(json_object_get(row, member));

	return text ? text : "";
}

static int note_row(struct store *s, const struct store_table *t, int64_t id, json_t *changes,
		    struct err *err)
{
	int rc = store_begin(s, err);

	if (!rc)
		rc = store_note(s, t, id, changes, err);
	if (!rc)
		rc = store_commit(s, err);
	if (rc)
		store_rollback(s);
	json_decref(changes);
	return rc;
}

static void note_task(struct job *j, json_t *changes)
{
	struct err err;

	if (note_row(j->store, &table_tasks, j->task_id, changes, &err))
		log_warn("task %lld: its progress could not be noted: %s", (long long)j->task_id,
			 err.text);
}

void transfer_note_running(struct job *j)
{
	note_task(j, json_pack("{s:s, s:I}", "state", "running", "started_ms",
			       (json_int_t)clock_wall_ms()));
}

void transfer_note_progress(struct job *j, uint32_t pct, const char *text)
{
	if (pct == j->progress_pct && strcmp(text, j->text) == 0)
		return;
	j->progress_pct = pct;
	snprintf(j->text, sizeof(j->text), "%s", text);
	note_task(j, json_pack("{s:i, s:s}", "progress_pct", (int)pct, "text", text));
}

int transfer_note_beginning(struct job *j, const struct flow *f, struct err *err)
{
	if (strcmp(f->direction, "import") != 0 || json_object_get(j->parameters, "may_have_begun"))
		return 0;
	json_object_set_new(j->parameters, "may_have_begun", json_true());
	return note_row(j->store, &table_tasks, j->task_id,
			json_pack("{s:O}", "parameters", j->parameters), err);
}

/* Kept in the task, so that the next policyd can cancel what this one began. */
void transfer_note_filterd_id(struct job *j, uint64_t id)
{
	json_t *ids = json_object_get(j->parameters, "filterd_transfers");

	if (!ids) {
		ids = json_array();
		json_object_set_new(j->parameters, "filterd_transfers", ids);
	}
	json_array_append_new(ids, json_integer((json_int_t)id));
	note_task(j, json_pack("{s:O}", "parameters", j->parameters));
}

bool transfer_note_is_cancel_wanted(struct job *j)
{
	struct err err;
	cleanup_json json_t *row = store_get_id(j->store, &table_tasks, j->task_id, &err);

	return json_is_true(json_object_get(row, "is_cancel_wanted"));
}

/* ---------------------------------------------------------------- the end */

static int set_volume(struct store *s, const char *name, json_t *changes, struct err *err)
{
	cleanup_json json_t *owned = changes;
	int64_t id = store_id_of(s, &table_volumes, name, err);

	/* Somebody may have taken the row away by hand: nothing is left to be noted then. */
	return id ? store_note(s, &table_volumes, id, owned, err) : 0;
}

/* A change of what is wanted, so the volume's ETag moves. */
static int stop_volume(struct store *s, const char *name, struct err *err)
{
	cleanup_json json_t *row = store_get(s, &table_volumes, name, err), *changed = NULL;
	cleanup_json json_t *state = json_pack("{s:s}", "desired_state", "offline");

	if (!row || strcmp(text_of(row, "desired_state"), "online") != 0)
		return 0;
	changed = store_update(s, &table_volumes, json_integer_value(json_object_get(row, "id")),
			       state, 0, err);
	return changed ? 0 : -err->code;
}

/* The content is neither the old nor the new: nobody shall use it by mistake. */
static int spoil(struct store *s, const char *kind, const char *volume, const char *why,
		 struct err *err)
{
	bool is_clone = strcmp(kind, "volume.clone") == 0;
	char text[500];
	int64_t id;
	int rc;

	snprintf(text, sizeof(text),
		 "the content of volume %s is not usable: %s did not come to its end (%.300s). It "
		 "was stopped; %s",
		 volume, is_clone ? "the clone" : "the import", why,
		 is_clone ? "delete it and clone again" : "import again, or delete it");
	if ((rc = stop_volume(s, volume, err)))
		return rc;
	rc = set_volume(s, volume, json_pack("{s:s}", "running_error", text), err);
	if (rc)
		return rc;
	id = store_event_add(s, "error", "volume.content_incomplete", "volume", volume, text, NULL,
			     err);
	return id < 0 ? (int)id : 0;
}

struct ending {
	int64_t task_id;
	const char *kind, *object, *source; /* source: "" no clone */
	bool is_spoilt;
	int rc;
	const struct err *error;
};

static int free_volumes(struct store *s, const struct ending *e, struct err *err)
{
	int rc;

	if (!transfer_has_content(e->kind))
		return 0;
	rc = set_volume(s, e->object, json_pack("{s:s}", "transfer", ""), err);
	if (!rc && e->source[0])
		rc = set_volume(s, e->source, json_pack("{s:s}", "transfer", ""), err);
	if (!rc && e->is_spoilt)
		rc = spoil(s, e->kind, e->object, e->error->text, err);
	return rc;
}

static int tell(struct store *s, const struct ending *e, struct err *err)
{
	char text[500], kind[64];
	int64_t id;

	if (!transfer_has_content(e->kind) || e->rc == -ECANCELED)
		return 0;
	snprintf(kind, sizeof(kind), "%s_%s", e->kind, e->rc ? "failed" : "ended");
	snprintf(text, sizeof(text), "%s of volume %s %s%.300s", e->kind + strlen("volume."),
		 e->object, e->rc ? "failed: " : "is done", e->rc ? e->error->text : "");
	id = store_event_add(s, e->rc ? "error" : "info", kind, "volume", e->object, text, NULL,
			     err);
	return id < 0 ? (int)id : 0;
}

static int end_once(struct store *s, const struct ending *e, struct err *err)
{
	const char *state = e->rc == 0 ? "succeeded" : e->rc == -ECANCELED ? "cancelled" : "failed";
	cleanup_json json_t *done = json_pack("{s:i, s:s}", "progress_pct", 100, "text", "");
	int rc = store_begin(s, err);

	if (!rc && e->rc == 0)
		rc = store_note(s, &table_tasks, e->task_id, done, err);
	if (!rc)
		rc = store_task_end(s, e->task_id, state, e->rc ? e->error : NULL, err);
	if (!rc)
		rc = free_volumes(s, e, err);
	if (!rc)
		rc = tell(s, e, err);
	if (!rc)
		rc = store_commit(s, err);
	if (rc)
		store_rollback(s);
	return rc;
}

/* A busy database or a full disk passes, and until then the volume is nobody's. What is still open
 * when policyd stops is ended by the next start. */
static void end(struct transfers *t, struct store *s, const struct ending *e)
{
	bool is_told = false;
	struct err err;

	while (end_once(s, e, &err) != 0) {
		if (!is_told)
			log_error("task %lld: its end cannot be noted yet: %s",
				  (long long)e->task_id, err.text);
		is_told = true;
		if (!transfers_wait(t, 500))
			return;
	}
}

void transfer_note_end(struct job *j, int rc, const struct err *error)
{
	struct ending e = {.task_id = j->task_id,
			   .kind = j->kind,
			   .object = j->object,
			   .source = text_of(j->parameters, "source"),
			   .is_spoilt = rc && j->has_begun,
			   .rc = rc,
			   .error = error};

	end(j->owner, j->store, &e);
}

/* ---------------------------------------------------------------- after a start */

static void recover_task(struct transfers *t, struct store *s, const json_t *task,
			 void (*cancel)(void *ctx, uint64_t id), void *ctx)
{
	const json_t *parameters = json_object_get(task, "parameters"), *id;
	const json_t *ids = json_object_get(parameters, "filterd_transfers");
	const char *kind = text_of(task, "kind");
	struct err why;
	struct ending e = {.task_id = json_integer_value(json_object_get(task, "id")),
			   .kind = kind,
			   .object = text_of(task, "object_name"),
			   .source = text_of(parameters, "source"),
			   .error = &why};
	size_t i;

	json_array_foreach(ids, i, id)
	{
		cancel(ctx, (uint64_t)json_integer_value(id));
	}
	/* An export only reads; an import that was not begun has changed nothing. */
	e.is_spoilt = strcmp(kind, "volume.clone") == 0 ||
		      (strcmp(kind, "volume.import") == 0 &&
		       json_is_true(json_object_get(parameters, "may_have_begun")));
	e.rc = err_set(&why, EINTR, "",
		       "sluice-policyd was restarted in the middle of it; begin it again");
	end(t, s, &e);
}

static bool is_to_end(const json_t *task)
{
	const json_t *parameters = json_object_get(task, "parameters");

	/* A queued one with a file or a source has not begun: it simply runs now. */
	return transfer_is_kind(text_of(task, "kind")) &&
	       !transfer_is_lasting(text_of(task, "kind")) &&
	       (strcmp(text_of(task, "state"), "running") == 0 ||
		json_is_true(json_object_get(parameters, "is_stream")));
}

void transfer_note_recover(struct transfers *t, struct store *s,
			   void (*cancel)(void *ctx, uint64_t id), void *ctx)
{
	static const char *const object_types[] = {"volume", "session"};
	struct err err;

	for (size_t o = 0; o < sizeof(object_types) / sizeof(object_types[0]); o++) {
		cleanup_json json_t *ids = store_tasks_open(s, object_types[o], NULL, &err);
		const json_t *id;
		size_t i;

		json_array_foreach(ids, i, id)
		{
			cleanup_json json_t *task =
			    store_get_id(s, &table_tasks, json_integer_value(id), &err);

			if (task && is_to_end(task))
				recover_task(t, s, task, cancel, ctx);
		}
	}
}
