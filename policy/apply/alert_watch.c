/* SPDX-License-Identifier: MIT */
/*
 * alert_watch.c - see alert_watch.h.
 *
 * A round: read rules and facts; measure, stepping the state of each object; write what has changed
 * in one transaction. Only objects that are not well have a state, so a thousand healthy volumes
 * cost a comparison each.
 */
#include "alert_watch.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alert_rows.h"
#include "json.h"
#include "store_link.h"
#include "store_snapshots.h"

/* What the emit function works on. */
struct round {
	struct alert_watch *watch;
	const char *rule;
	struct model_alert_rule numbers;
	int64_t now_ms;
};

static struct alert_state *find(struct alert_watch *w, const char *rule, const char *type,
				const char *name)
{
	for (uint32_t i = 0; i < w->count; i++) {
		struct alert_state *s = &w->states[i];

		if (strcmp(s->rule, rule) == 0 && strcmp(s->object_type, type) == 0 &&
		    strcmp(s->object_name, name) == 0)
			return s;
	}
	return NULL;
}

/* NULL without memory: then this object is not watched this time. */
static struct alert_state *add(struct alert_watch *w, const char *rule, const char *type,
			       const char *name)
{
	struct alert_state *s;

	if (w->count == w->room) {
		uint32_t room = w->room ? w->room * 2 : 64;
		struct alert_state *more = realloc(w->states, room * sizeof(*more));

		if (!more)
			return NULL;
		w->states = more;
		w->room = room;
	}
	s = &w->states[w->count++];
	memset(s, 0, sizeof(*s));
	snprintf(s->rule, sizeof(s->rule), "%s", rule);
	snprintf(s->object_type, sizeof(s->object_type), "%s", type);
	snprintf(s->object_name, sizeof(s->object_name), "%s", name);
	return s;
}

static void step(struct alert_state *s, const struct round *r, double value)
{
	if (model_alert_step(&s->alert, &r->numbers, value, (uint64_t)r->now_ms))
		s->is_changed = true;
	s->value = value;
	s->threshold = s->alert.level == MODEL_LEVEL_ERROR ? r->numbers.error : r->numbers.warning;
}

static void measured(void *ctx, const char *type, const char *name, double value, const char *text)
{
	struct round *r = ctx;
	bool is_well = !(value >= r->numbers.warning) && !(value >= r->numbers.error);
	struct alert_state *s = find(r->watch, r->rule, type, name);

	/* Several of one object: the first counts. */
	if (s && s->is_measured)
		return;
	if (!s && is_well)
		return;
	if (!s)
		s = add(r->watch, r->rule, type, name);
	if (!s)
		return;
	s->is_measured = true;
	snprintf(s->text, sizeof(s->text), "%s", text);
	step(s, r, value);
}

/* What was not measured this time is gone, or well: as if it were 0. */
static void settle(struct round *r)
{
	for (uint32_t i = 0; i < r->watch->count; i++) {
		struct alert_state *s = &r->watch->states[i];

		if (strcmp(s->rule, r->rule) == 0 && !s->is_measured)
			step(s, r, 0);
	}
}

static double number_or_never(const json_t *row, const char *key)
{
	const json_t *v = json_object_get(row, key);

	return json_is_number(v) ? json_number_value(v) : NAN;
}

static uint32_t seconds(const json_t *row, const char *key)
{
	json_int_t v = json_integer_value(json_object_get(row, key));

	return v > 0 && v < UINT32_MAX ? (uint32_t)v : 0;
}

static void run_rule(struct alert_watch *w, const struct alert_rule *rule, const json_t *row,
		     const struct alert_facts *f)
{
	bool is_on = json_is_true(json_object_get(row, "is_enabled"));
	struct round r = {.watch = w, .rule = rule->name, .now_ms = f->now_ms};

	r.numbers = (struct model_alert_rule){.warning = NAN, .error = NAN};
	if (is_on) {
		r.numbers.warning = number_or_never(row, "warning");
		r.numbers.error = number_or_never(row, "error");
		r.numbers.clear_margin_pct =
		    json_number_value(json_object_get(row, "clear_margin_pct"));
		r.numbers.raise_after_s = seconds(row, "raise_after_s");
		r.numbers.clear_after_s = seconds(row, "clear_after_s");
		if (!rule->measure(f, measured, &r))
			return;
	}
	settle(&r);
}

static void forget_well(struct alert_watch *w)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < w->count; i++) {
		struct alert_state *s = &w->states[i];

		s->is_measured = s->is_changed = false;
		if (s->alert.level != MODEL_LEVEL_OK || s->alert.candidate != MODEL_LEVEL_OK)
			w->states[kept++] = *s;
	}
	w->count = kept;
}

static int load(struct alert_watch *w, struct store *s, struct err *err)
{
	cleanup_json json_t *rows = alert_rows_open(s, err);
	const json_t *row;
	size_t i;

	if (!rows)
		return -err->code;
	w->count = 0;
	json_array_foreach(rows, i, row)
	{
		struct alert_state *st =
		    add(w, json_string_value(json_object_get(row, "rule")),
			json_string_value(json_object_get(row, "object_type")),
			json_string_value(json_object_get(row, "object_name")));

		if (st)
			alert_rows_to_state(row, st);
	}
	w->is_loaded = true;
	return 0;
}

/* ---------------------------------------------------------------- facts */

/* The events since the last time are added, those that are too old go. */
static int recent_events(struct alert_watch *w, struct store *s, int64_t now_ms, struct err *err)
{
	struct store_query q = {.limit = STORE_PAGE_MAX, .sort = "-id"};
	cleanup_json json_t *page = NULL;
	json_t *keep, *e;
	size_t i;

	q.after_id = w->last_event_id;
	page = store_list(s, &table_events, &q, err);
	if (!page)
		return -err->code;
	keep = json_copy(json_object_get(page, "items"));
	json_array_extend(keep, w->events);
	for (i = json_array_size(keep); i-- > 0;)
		if (json_integer_value(json_object_get(json_array_get(keep, i), "at_ms")) <
		    now_ms - (int64_t)ALERT_EVENTS_MS)
			json_array_remove(keep, i);
	json_decref(w->events);
	w->events = keep;
	e = json_array_get(json_object_get(page, "items"), 0);
	if (e)
		w->last_event_id = json_integer_value(json_object_get(e, "id"));
	return 0;
}

static json_t *failed_tasks(struct store *s, struct err *err)
{
	static const char *const failed[] = {"state", "failed", NULL};
	struct store_query q = {.filters = failed, .sort = "-id", .limit = 100};
	cleanup_json json_t *page = store_list(s, &table_tasks, &q, err);

	return page ? json_incref(json_object_get(page, "items")) : NULL;
}

static const json_t *row_of(const json_t *rows, const char *rule)
{
	const json_t *row;
	size_t i;

	json_array_foreach(rows, i, row)
	{
		const char *name = json_string_value(json_object_get(row, "name"));

		if (name && strcmp(name, rule) == 0)
			return row;
	}
	return NULL;
}

static int look(struct alert_watch *w, struct store *s, struct alert_facts *f, struct err *err)
{
	cleanup_json json_t *rules = alert_rows_all(s, &table_alert_rules, err);
	cleanup_json json_t *datastores = rules ? alert_rows_all(s, &table_datastores, err) : NULL;
	cleanup_json json_t *volumes = datastores ? alert_rows_all(s, &table_volumes, err) : NULL;
	cleanup_json json_t *tasks = volumes ? failed_tasks(s, err) : NULL;
	cleanup_json json_t *providers =
	    tasks ? alert_rows_all(s, &table_key_providers, err) : NULL;
	cleanup_json json_t *keys = providers ? alert_rows_all(s, &table_keys, err) : NULL;
	cleanup_json json_t *snapshots = keys ? store_snapshots_sums(s, err) : NULL;

	if (!snapshots || recent_events(w, s, f->now_ms, err) < 0)
		return -err->code;
	f->datastores = datastores;
	f->volumes = volumes;
	f->failed_tasks = tasks;
	f->key_providers = providers;
	f->keys = keys;
	f->snapshots = snapshots;
	f->events = w->events;
	for (uint32_t i = 0; i < alert_rules_count; i++) {
		const json_t *row = row_of(rules, alert_rules[i].name);

		if (row)
			run_rule(w, &alert_rules[i], row, f);
	}
	return 0;
}

int alert_watch_step(struct alert_watch *w, struct store *s, const json_t *figures,
		     const json_t *chains, const json_t *running, int64_t now_ms, uint32_t *changed,
		     struct err *err)
{
	struct alert_facts f = {
	    .now_ms = now_ms, .figures = figures, .chains = chains, .running = running};
	int rc;

	*changed = 0;
	if (!w->is_loaded) {
		rc = load(w, s, err);
		if (rc < 0)
			return rc;
	}
	rc = look(w, s, &f, err);
	if (rc == 0)
		rc = alert_rows_write(s, w->states, w->count, now_ms, changed, err);
	if (rc < 0) {
		w->is_loaded = false;
		return rc;
	}
	forget_well(w);
	return 0;
}

void alert_watch_free(struct alert_watch *w)
{
	free(w->states);
	json_decref(w->events);
	memset(w, 0, sizeof(*w));
}
