/* SPDX-License-Identifier: MIT */
/* outcome_volumes.c - volumes: state, compliance, and the end of those that are being deleted.
 * Thread: the reconciler's. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "history.h"
#include "json.h"
#include "log.h"
#include "model.h"
#include "outcome.h"
#include "store_link.h"

#define WHY_BYTES 512u

struct state {
	const char *word;
	char why[WHY_BYTES];
};

static bool is_text(const json_t *row, const char *key, const char *text)
{
	return strcmp(outcome_text(row, key), text) == 0;
}

/* filterd's volume of this name, if it is the same one. */
static const json_t *runs(const struct outcome_view *v, const json_t *row)
{
	const json_t *r = json_object_get(v->volumes, outcome_text(row, "name"));

	return r && is_text(r, "uuid", outcome_text(row, "uuid")) ? r : NULL;
}

static bool is_exported(const struct outcome_view *v, const json_t *row)
{
	const char *iqn = outcome_text(json_object_get(row, "target"), "iqn");
	const json_t *target = json_object_get(v->targets, iqn), *lun;
	size_t i;

	json_array_foreach(json_object_get(target, "luns"), i, lun)
	{
		if (is_text(lun, "path", outcome_text(row, "name")))
			return true;
	}
	return false;
}

/* ---------------------------------------------------------------- state */

static struct state pending(const char *why)
{
	struct state s = {.word = "pending"};

	snprintf(s.why, sizeof(s.why), "%s", why);
	return s;
}

static struct state trouble_or(const char *trouble, const char *word)
{
	struct state s = {.word = *trouble ? "failed" : word};

	snprintf(s.why, sizeof(s.why), "%s", trouble);
	return s;
}

/* What its encryption says: it is open and answers NOT READY. False: nothing of that. */
static bool is_closed_by_filter(const json_t *runs, struct state *s)
{
	static const struct {
		const char *is, *word, *why;
	} words[] = {
	    {"locked", "locked",
	     "it waits for its key: sluice encryption show tells which, sluice key-provider list "
	     "who has it"},
	    {"damaged", "failed",
	     "its LUKS header cannot be used, and nothing is served: sluice encryption show"},
	    {"erased", "failed",
	     "its encryption was erased: nothing opens its data any more; delete it"},
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (is_text(runs, "filter_state", words[i].is)) {
			s->word = words[i].word;
			snprintf(s->why, sizeof(s->why), "%s", words[i].why);
			return true;
		}
	return false;
}

static struct state serving(const struct outcome_view *v, const json_t *row, const char *trouble)
{
	const char *name = outcome_text(row, "name");
	bool is_left_alone = !outcome_busy(v, "volume", name);
	struct state s = {.word = "online"};

	snprintf(s.why, sizeof(s.why), "%s", trouble);
	if (!is_text(row, "desired_state", "online"))
		return trouble_or(trouble, "pending");
	if (!*trouble && is_closed_by_filter(runs(v, row), &s))
		return s;
	if (*outcome_text(row, "transfer"))
		return s;
	if (!outcome_is_up(v, "tgtd"))
		return pending("waiting for tgtd");
	return is_exported(v, row) || is_left_alone ? s : trouble_or(trouble, "pending");
}

static struct state state_of(const struct outcome_view *v, const json_t *row)
{
	const char *trouble = outcome_trouble(v, "volume", outcome_text(row, "name"), NULL);
	const json_t *r = runs(v, row);
	const char *is = outcome_text(r, "state");

	if (!outcome_is_up(v, "filterd"))
		return pending("waiting for sluice-filterd");
	if (!r)
		return trouble_or(trouble, "pending");
	if (strcmp(is, "serving") == 0 || strcmp(is, "open") == 0)
		return serving(v, row, trouble);
	if (strcmp(is, "closed") == 0)
		return trouble_or(trouble,
				  is_text(row, "desired_state", "offline") ? "offline" : "pending");
	if (strcmp(is, "failed") == 0 || strcmp(is, "quarantined") == 0)
		return trouble_or(*outcome_text(r, "reason") ? outcome_text(r, "reason") : is, is);
	return pending(outcome_text(r, "reason"));
}

static int note_state(struct outcome *o, struct outcome_view *v, const json_t *row, struct err *err)
{
	const char *name = outcome_text(row, "name");
	const json_t *r = runs(v, row);
	struct state s = state_of(v, row);
	json_t *fields = json_pack("{s:s, s:s}", "running_state", s.word, "running_error", s.why);
	int rc;

	if (r) {
		json_object_set(fields, "allocated_bytes", json_object_get(r, "allocated_bytes"));
		json_object_set_new(fields, "is_created", json_true());
	}
	rc = outcome_fields(o, &table_volumes, row, fields, err);
	return rc ? rc : outcome_tell(o, v, "volume", name, err);
}

/* ---------------------------------------------------------------- compliance */

static bool is_check_wanted(const struct outcome_view *v)
{
	const json_t *task;
	size_t i;

	json_array_foreach(v->tasks, i, task)
	{
		if (is_text(task, "kind", "compliance.check"))
			return true;
	}
	return false;
}

/* Of what does not comply, first why nothing is done about it. */
static enum model_status compliance_of(const struct outcome_view *v, const json_t *row,
				       json_t *causes)
{
	const char *trouble = outcome_trouble(v, "volume", outcome_text(row, "name"), NULL);
	enum model_status status =
	    model_compliance(row, runs(v, row), outcome_is_up(v, "filterd"), causes);

	if (status == MODEL_NON_COMPLIANT && *trouble)
		json_array_insert_new(causes, 0, json_string(trouble));
	return status;
}

static int note_compliance(struct outcome *o, const struct outcome_view *v, const json_t *row,
			   bool is_wanted, struct err *err)
{
	const char *name = outcome_text(row, "name");
	json_t *causes = json_array();
	enum model_status status = compliance_of(v, row, causes);
	cleanup_json json_t *verdict =
	    json_pack("{s:s, s:o}", "status", model_status_word(status), "causes", causes);
	const json_t *old = json_object_get(o->verdicts, name);
	int rc;

	if (!is_wanted && old && json_equal(verdict, old))
		return 0;
	rc = outcome_begin(o, err);
	if (rc == 0)
		rc = store_compliance_put(o->store, json_integer_value(json_object_get(row, "id")),
					  model_status_word(status), causes, err);
	if (rc == 0 && old && status == MODEL_NON_COMPLIANT &&
	    !is_text(old, "status", "non_compliant"))
		rc = outcome_event(o, "warning", "volume.non_compliant", "volume", name, err,
				   "volume %s does not comply with its policy: %s", name,
				   json_array_size(causes)
				       ? json_string_value(json_array_get(causes, 0))
				       : "see its causes");
	if (rc == 0)
		json_object_set(o->verdicts, name, verdict);
	return rc;
}

/* ---------------------------------------------------------------- deleted */

static void forget_history(const struct outcome *o, int64_t volume_id)
{
	struct history *h = NULL;
	struct err err;

	if (!o->history_path)
		return;
	if (history_open(o->history_path, &h, &err) < 0 || history_forget(h, volume_id, &err) < 0)
		log_warn("a deleted volume's figures stay until they are overwritten: %s",
			 err.text);
	if (h)
		history_close(h);
}

/* Wanted gone, and gone wherever it could be. */
static bool is_gone(const struct outcome_view *v, const json_t *row)
{
	const char *iqn = outcome_text(json_object_get(row, "target"), "iqn");

	return is_text(row, "desired_state", "deleting") && outcome_is_up(v, "filterd") &&
	       outcome_is_up(v, "tgtd") && !runs(v, row) && !json_object_get(v->targets, iqn) &&
	       !outcome_busy(v, "volume", outcome_text(row, "name"));
}

static int remove_row(struct outcome *o, const struct outcome_view *v, const json_t *row,
		      struct err *err)
{
	const char *name = outcome_text(row, "name");
	int64_t id = json_integer_value(json_object_get(row, "id"));
	int rc = outcome_begin(o, err);

	if (rc == 0)
		rc = store_delete(o->store, &table_volumes, id, 0, err);
	if (rc == 0)
		rc = outcome_event(o, "info", "volume.deleted", "volume", name, err,
				   "volume %s is deleted", name);
	if (rc == 0)
		rc = outcome_tasks_gone(o, v, "volume", name, err);
	if (rc == 0) {
		json_object_del(o->verdicts, name);
		forget_history(o, id);
	}
	return rc;
}

int outcome_volumes(struct outcome *o, struct outcome_view *v, struct err *err)
{
	bool is_wanted = is_check_wanted(v);
	const json_t *row;
	size_t i;

	json_array_foreach(json_object_get(v->desired, "volumes"), i, row)
	{
		int rc;

		if (is_gone(v, row)) {
			rc = remove_row(o, v, row, err);
		} else {
			rc = note_state(o, v, row, err);
			if (rc == 0)
				rc = note_compliance(o, v, row, is_wanted, err);
		}
		if (rc < 0)
			return rc;
	}
	return 0;
}
