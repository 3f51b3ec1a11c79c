/* SPDX-License-Identifier: MIT */
/* keys_note.c - what the database is told of providers, keys and tasks; each in a transaction of
 * its own, during which no provider is asked. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "json.h"
#include "keys_int.h"
#include "log.h"

static const char *text_of(const json_t *row, const char *member)
{
	const char *text = json_string_value(json_object_get(row, member));

	return text ? text : "";
}

int note_task(struct worker *w, int64_t task_id, const struct err *error,
	      int (*fn)(struct worker *w, void *ctx, struct err *err), void *ctx, struct err *err)
{
	int rc = store_begin(w->store, err);

	if (rc < 0)
		return rc;
	if (fn)
		rc = fn(w, ctx, err);
	if (rc == 0 && task_id)
		rc = store_task_end(w->store, task_id, error ? "failed" : "succeeded", error, err);
	if (rc == 0)
		rc = store_commit(w->store, err);
	if (rc < 0)
		store_rollback(w->store);
	else
		keys_changed(w->keys);
	return rc;
}

void note_waiting(struct worker *w, const json_t *task, const char *text)
{
	cleanup_json json_t *changes = json_pack("{s:s, s:s}", "state", "running", "text", text);
	struct err err;
	int rc;

	if (strcmp(text_of(task, "text"), text) == 0)
		return;
	rc = store_begin(w->store, &err);
	if (rc == 0)
		rc = store_note(w->store, &table_tasks,
				json_integer_value(json_object_get(task, "id")), changes, &err);
	if (rc == 0)
		rc = store_commit(w->store, &err);
	if (rc < 0)
		store_rollback(w->store);
	else
		keys_changed(w->keys);
}

/* ---------------------------------------------------------------- the provider */

struct provider_news {
	const char *word, *text, *before;
};

static int write_provider(struct worker *w, void *ctx, struct err *err)
{
	const struct provider_news *n = ctx;
	bool is_ok = strcmp(n->word, "ok") == 0, is_change = strcmp(n->word, n->before) != 0;
	cleanup_json json_t *changes =
	    json_pack("{s:s, s:s}", "state", n->word, "state_text", n->text);
	char text[600];
	int64_t id;
	int rc;

	if (is_change)
		json_object_set_new(changes, "state_since_ms",
				    json_integer((json_int_t)clock_wall_ms()));
	rc = store_note(w->store, &table_key_providers, w->provider_id, changes, err);
	if (rc < 0 || !is_change)
		return rc;
	if (is_ok)
		snprintf(text, sizeof(text), "key provider %s serves: %s", w->name, n->text);
	else
		snprintf(text, sizeof(text),
			 "key provider %s does not serve (%s): %s; volumes that are open run on",
			 w->name, n->word, n->text);
	id = store_event_add(w->store, is_ok ? "info" : "error",
			     is_ok ? "key_provider.up" : "key_provider.down", "key_provider",
			     w->name, text, NULL, err);
	return id < 0 ? (int)id : 0;
}

int note_provider(struct worker *w, enum key_state state, const char *text, struct err *err)
{
	cleanup_json json_t *row =
	    store_get_id(w->store, &table_key_providers, w->provider_id, err);
	struct provider_news news = {
	    .word = key_state_word(state), .text = text, .before = text_of(row, "state")};

	if (!row)
		return err->code == ENOENT ? 0 : -err->code;
	if (strcmp(news.word, news.before) == 0 && strcmp(text, text_of(row, "state_text")) == 0)
		return 0;
	return note_task(w, 0, NULL, write_provider, &news, err);
}

/* ---------------------------------------------------------------- one key */

struct key_news {
	const json_t *row;
	const char *word, *text;
};

static int write_key(struct worker *w, void *ctx, struct err *err)
{
	const struct key_news *n = ctx;
	bool is_active = strcmp(n->word, "active") == 0;
	const char *name = text_of(n->row, "name");
	cleanup_json json_t *changes =
	    json_pack("{s:s, s:s}", "state", n->word, "state_text", n->text);
	char text[600];
	int64_t id;
	int rc = store_note(w->store, &table_keys,
			    json_integer_value(json_object_get(n->row, "id")), changes, err);

	if (rc < 0)
		return rc;
	if (is_active)
		snprintf(text, sizeof(text), "key %s can be had again", name);
	else
		snprintf(text, sizeof(text),
			 "key %s cannot be had any more (%s): %s; volumes that are open run on, "
			 "and stay locked after their next start",
			 name, n->word, n->text);
	id = store_event_add(w->store, is_active ? "info" : "critical",
			     is_active ? "key.usable" : "key.unusable", "key", name, text, NULL,
			     err);
	return id < 0 ? (int)id : 0;
}

int note_key(struct worker *w, const json_t *row, enum key_state state, const char *text,
	     struct err *err)
{
	struct key_news news = {.row = row, .text = state == KEY_OK ? "" : text};
	const char *before = text_of(row, "state");

	news.word = state == KEY_OK ? "active" : key_state_word(state);
	if (strcmp(before, "destroying") == 0 || strcmp(before, "pending") == 0 ||
	    strcmp(before, news.word) == 0)
		return 0;
	return note_task(w, 0, NULL, write_key, &news, err);
}
