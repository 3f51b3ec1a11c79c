/* SPDX-License-Identifier: MIT */
#include "outcome.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "apply_failures.h"
#include "json.h"
#include "store_link.h"

int outcome_init(struct outcome *o, struct store *store, const struct apply_cfg *cfg,
		 struct err *err)
{
	*o = (struct outcome){.store = store,
			      .history_path = cfg->history_path,
			      .iqn_base = cfg->iqn_base,
			      .verdicts = json_object()};
	return o->verdicts ? 0 : err_set(err, ENOMEM, "", "no memory for the reconciler");
}

void outcome_fini(struct outcome *o)
{
	json_decref(o->verdicts);
}

const char *outcome_text(const json_t *row, const char *key)
{
	const char *text = json_string_value(json_object_get(row, key));

	return text ? text : "";
}

/* ---------------------------------------------------------------- writing */

int outcome_begin(struct outcome *o, struct err *err)
{
	o->has_changed = true;
	return store_in_transaction(o->store) ? 0 : store_begin(o->store, err);
}

int outcome_fields(struct outcome *o, const struct store_table *t, const json_t *row,
		   json_t *fields, struct err *err)
{
	const char *key;
	json_t *value;
	void *tmp;
	int rc = 0;

	json_object_foreach_safe(fields, tmp, key, value)
	{
		if (json_equal(value, json_object_get(row, key)))
			json_object_del(fields, key);
	}
	if (json_object_size(fields)) {
		rc = outcome_begin(o, err);
		if (rc == 0)
			rc = store_note(o->store, t, json_integer_value(json_object_get(row, "id")),
					fields, err);
	}
	json_decref(fields);
	return rc;
}

int outcome_event(struct outcome *o, const char *severity, const char *kind,
		  const char *object_type, const char *object_name, struct err *err,
		  const char *fmt, ...)
{
	char text[512];
	int64_t id;
	va_list ap;
	int rc = outcome_begin(o, err);

	if (rc)
		return rc;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	id = store_event_add(o->store, severity, kind, object_type, object_name, text, NULL, err);
	return id < 0 ? (int)id : 0;
}

/* ---------------------------------------------------------------- what the pass left */

static void key_of(const char *type, const char *name, char key[FAILURES_KEY_BYTES])
{
	snprintf(key, FAILURES_KEY_BYTES, "%s/%s", type, name);
}

const char *outcome_busy(const struct outcome_view *v, const char *type, const char *name)
{
	char key[FAILURES_KEY_BYTES];

	key_of(type, name, key);
	return json_string_value(json_object_get(v->busy, key));
}

const char *outcome_trouble(const struct outcome_view *v, const char *type, const char *name,
			    bool *is_final)
{
	char key[FAILURES_KEY_BYTES];
	const json_t *failure;

	key_of(type, name, key);
	failure = json_object_get(v->failures, key);
	if (is_final)
		*is_final = json_is_true(json_object_get(failure, "is_final"));
	return failure ? outcome_text(failure, "text") : outcome_text(v->troubles, key);
}

int outcome_tell(struct outcome *o, struct outcome_view *v, const char *type, const char *name,
		 struct err *err)
{
	char key[FAILURES_KEY_BYTES], kind[80];

	key_of(type, name, key);
	if (!failures_tell(v->failures, key))
		return 0;
	snprintf(kind, sizeof(kind), "%s.failed", type);
	return outcome_event(o, "error", kind, type, name, err, "%s %s: %s", type, name,
			     outcome_trouble(v, type, name, NULL));
}

bool outcome_is_up(const struct outcome_view *v, const char *daemon)
{
	return json_is_true(json_object_get(json_object_get(v->running, daemon), "is_up"));
}

static json_t *index_by(const json_t *array, const char *key)
{
	json_t *index = json_object(), *j;
	size_t i;

	json_array_foreach(array, i, j)
	{
		json_object_set(index, outcome_text(j, key), j);
	}
	return index;
}

/* {"type/name": text} of the first one for each. */
static json_t *index_objects(const json_t *array)
{
	json_t *index = json_object(), *j;
	char key[FAILURES_KEY_BYTES];
	size_t i;

	json_array_foreach(array, i, j)
	{
		failures_key(j, key);
		if (!json_object_get(index, key))
			json_object_set(index, key, json_object_get(j, "text"));
	}
	return index;
}

static json_t *index_rows(const json_t *desired)
{
	static const char *const lists[] = {"volumes", "datastores", "hosts"};
	json_t *index = json_object(), *row;
	char key[FAILURES_KEY_BYTES];
	size_t i;

	for (size_t k = 0; k < 3; k++) {
		json_array_foreach(json_object_get(desired, lists[k]), i, row)
		{
			key_of(lists[k], outcome_text(row, "name"), key);
			json_object_set(index, key, row);
		}
	}
	return index;
}

const json_t *outcome_row(const struct outcome_view *v, const char *list, const char *name)
{
	char key[FAILURES_KEY_BYTES];

	key_of(list, name, key);
	return json_object_get(v->rows, key);
}

static void build(struct outcome_view *v)
{
	const json_t *filterd = json_object_get(v->running, "filterd");
	const json_t *tgtd = json_object_get(v->running, "tgtd");

	v->volumes = index_by(json_object_get(filterd, "volumes"), "name");
	v->datastores = index_by(json_object_get(filterd, "datastores"), "name");
	v->targets = index_by(json_object_get(tgtd, "targets"), "iqn");
	v->busy = index_objects(v->steps);
	v->troubles = index_objects(v->problems);
	v->rows = index_rows(v->desired);
	v->removed = json_object();
}

static void drop(struct outcome_view *v)
{
	json_decref(v->volumes);
	json_decref(v->datastores);
	json_decref(v->targets);
	json_decref(v->busy);
	json_decref(v->troubles);
	json_decref(v->rows);
	json_decref(v->removed);
}

/* ---------------------------------------------------------------- one pass */

static int commit(struct outcome *o, int rc, struct err *err)
{
	if (!store_in_transaction(o->store))
		return rc;
	if (rc == 0)
		rc = store_commit(o->store, err);
	if (rc < 0)
		store_rollback(o->store);
	return rc;
}

int outcome_note(struct outcome *o, struct outcome_view *v, struct err *err)
{
	int rc;

	o->has_changed = o->must_look = false;
	build(v);
	if ((rc = outcome_daemons(o, v, err)) || (rc = outcome_filters(o, v, err)) ||
	    (rc = outcome_datastores(o, v, err)) || (rc = outcome_portals(o, v, err)) ||
	    (rc = outcome_volumes(o, v, err)) || (rc = outcome_tasks(o, v, err))) {
		/* The next pass sees the same again. */
	}
	o->has_removed = json_object_size(v->removed) > 0;
	drop(v);
	rc = commit(o, rc, err);
	if (rc < 0) {
		json_object_clear(o->verdicts);
		return rc;
	}
	v->observer->filterd.news = v->observer->tgtd.news = NEWS_NONE;
	v->observer->are_filters_new = false;
	return 0;
}

int outcome_created(struct outcome *o, const json_t *desired, const json_t *names, struct err *err)
{
	const json_t *row;
	size_t i;
	int rc = 0;

	json_array_foreach(json_object_get(desired, "volumes"), i, row)
	{
		const char *name = outcome_text(row, "name");

		if (rc || !json_object_get(names, name))
			continue;
		rc = outcome_fields(o, &table_volumes, row, json_pack("{s:b}", "is_created", 1),
				    err);
	}
	return commit(o, rc, err);
}

/* All pages of the tasks in this state, behind those that are in tasks already. */
static int add_tasks(struct outcome *o, const char *state, json_t *tasks, struct err *err)
{
	const char *const filters[] = {"state", state, NULL};
	struct store_query q = {.filters = filters, .limit = STORE_PAGE_MAX};
	cleanup_json json_t *page = NULL;

	do {
		json_t *next = store_list(o->store, &table_tasks, &q, err);

		json_decref(page);
		page = next;
		if (!page)
			return -err->code;
		json_array_extend(tasks, json_object_get(page, "items"));
		q.cursor = json_string_value(json_object_get(page, "next_cursor"));
	} while (q.cursor);
	return 0;
}

json_t *outcome_open_tasks(struct outcome *o, struct err *err)
{
	json_t *tasks = json_array();

	if (add_tasks(o, "queued", tasks, err) == 0 && add_tasks(o, "running", tasks, err) == 0)
		return tasks;
	json_decref(tasks);
	return NULL;
}
