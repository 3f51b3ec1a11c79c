/* SPDX-License-Identifier: MIT */
#include "sse.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auth.h"
#include "clock.h"
#include "json.h"
#include "list.h"
#include "parse.h"
#include "store.h"

#define POKE_MS  50u  /* several changes in a row are one look */
#define ROWS_MAX 200u /* of a topic and look */

enum topic { TOPIC_EVENTS, TOPIC_TASKS, TOPIC_FIGURES, TOPIC_ALERTS, TOPIC_COUNT };

static const char *const topic_words[TOPIC_COUNT] = {"events", "tasks", "figures", "alerts"};
/* The event's name in the stream. */
static const char *const topic_names[TOPIC_COUNT] = {"event", "task", "figures", "alert"};

struct sse_client {
	struct sse *sse;
	struct list_node node;
	uint32_t topics; /* bits */
	struct actor who;
	char *text; /* not read yet */
	size_t text_bytes, text_size;
	bool is_over;       /* did not read, or is not let in any more */
	int64_t past_until; /* events up to this id have been caught up with */
	void (*wake)(void *ctx);
	void *ctx;
};

struct sse {
	struct app *app;
	struct list_node clients;
	uint32_t client_count;
	struct loop_timer look, heartbeat;
	int64_t last_event_id;
	json_t *seen[TOPIC_COUNT]; /* of tasks and alerts: id -> the row as it was told */
	int64_t figures_ms;
};

/* ---------------------------------------------------------------- one client's text */

static void append(struct sse_client *c, const char *text, size_t bytes)
{
	size_t size = c->text_size ? c->text_size : 4096;
	char *more;

	if (c->is_over)
		return;
	if (c->text_bytes + bytes > SSE_BUFFER_MAX) {
		c->is_over = true;
		return;
	}
	while (size < c->text_bytes + bytes)
		size *= 2;
	if (size != c->text_size) {
		more = realloc(c->text, size);
		if (!more) {
			c->is_over = true;
			return;
		}
		c->text = more;
		c->text_size = size;
	}
	memcpy(c->text + c->text_bytes, text, bytes);
	c->text_bytes += bytes;
}

static void say(struct sse_client *c, enum topic topic, int64_t id, const json_t *data)
{
	char *json = json_dumps(data, JSON_COMPACT), *text = NULL;
	char id_line[40] = "";
	int len;

	if (id)
		snprintf(id_line, sizeof(id_line), "id: %lld\n", (long long)id);
	len = json ? asprintf(&text, "%sevent: %s\ndata: %s\n\n", id_line, topic_names[topic], json)
		   : -1;
	if (len > 0) {
		append(c, text, (size_t)len);
		free(text);
	}
	free(json);
}

static bool wants(const struct sse_client *c, enum topic topic)
{
	return c->topics & (1u << topic);
}

static void say_all(struct sse *s, enum topic topic, int64_t id, const json_t *data)
{
	struct list_node *at;

	list_for_each (at, &s->clients) {
		struct sse_client *c = list_entry(at, struct sse_client, node);

		if (!wants(c, topic) || (topic == TOPIC_EVENTS && id <= c->past_until))
			continue;
		/* figures that nobody has read yet are worth nothing once there are newer ones */
		if (topic == TOPIC_FIGURES && c->text_bytes > SSE_BUFFER_MAX / 4)
			continue;
		say(c, topic, id, data);
	}
}

static void wake_all(struct sse *s)
{
	struct list_node *at, *next;

	list_for_each_safe (at, next, &s->clients) {
		struct sse_client *c = list_entry(at, struct sse_client, node);

		if (c->text_bytes || c->is_over)
			c->wake(c->ctx);
	}
}

/* ---------------------------------------------------------------- what is new */

static bool anybody_wants(const struct sse *s, enum topic topic)
{
	const struct list_node *at;

	list_for_each (at, &s->clients)
		if (wants(list_entry(at, struct sse_client, node), topic))
			return true;
	return false;
}

static json_t *rows_of(struct sse *s, const struct store_table *t, const char *sort,
		       int64_t after_id)
{
	struct store_query query = {.sort = sort, .after_id = after_id, .limit = ROWS_MAX};
	json_t *list = store_list(s->app->store, t, &query, NULL);
	json_t *items = json_incref(json_object_get(list, "items"));

	json_decref(list);
	return items;
}

static int64_t id_of(const json_t *row)
{
	return json_integer_value(json_object_get(row, "id"));
}

static void look_at_events(struct sse *s)
{
	cleanup_json json_t *rows = rows_of(s, &table_events, "id", s->last_event_id);
	json_t *row;
	size_t i;

	json_array_foreach(rows, i, row)
	{
		cleanup_json json_t *shown = table_public(&table_events, row);

		s->last_event_id = id_of(row);
		say_all(s, TOPIC_EVENTS, s->last_event_id, shown);
	}
	if (json_array_size(rows) == ROWS_MAX)
		sse_poke(s);
}

/* Rows that change: those are told that differ from what was told last. */
static void look_at_rows(struct sse *s, enum topic topic, const struct store_table *t,
			 const char *sort, bool is_first)
{
	cleanup_json json_t *rows = rows_of(s, t, sort, 0);
	json_t *now = json_object(), *row;
	size_t i = json_array_size(rows);

	while (i-- > 0) {
		cleanup_json json_t *shown = NULL;
		char key[24];

		row = json_array_get(rows, i);
		shown = table_public(t, row);
		snprintf(key, sizeof(key), "%lld", (long long)id_of(row));
		if (!is_first && !json_equal(shown, json_object_get(s->seen[topic], key)))
			say_all(s, topic, 0, shown);
		json_object_set(now, key, shown);
	}
	json_decref(s->seen[topic]);
	s->seen[topic] = now;
}

static void look_at_figures(struct sse *s)
{
	cleanup_json json_t *figures = NULL;
	int64_t at_ms;

	if (!s->app->sampler)
		return;
	figures = sampler_figures(s->app->sampler);
	at_ms = json_integer_value(json_object_get(figures, "at_ms"));
	if (!figures || at_ms == s->figures_ms)
		return;
	s->figures_ms = at_ms;
	say_all(s, TOPIC_FIGURES, 0, figures);
}

static void on_look(struct loop_timer *t)
{
	struct sse *s = t->ctx;

	if (s->client_count == 0)
		return;
	if (anybody_wants(s, TOPIC_EVENTS))
		look_at_events(s);
	if (anybody_wants(s, TOPIC_TASKS))
		look_at_rows(s, TOPIC_TASKS, &table_tasks, "-id", false);
	if (anybody_wants(s, TOPIC_ALERTS))
		look_at_rows(s, TOPIC_ALERTS, &table_alerts, "-id", false);
	if (anybody_wants(s, TOPIC_FIGURES))
		look_at_figures(s);
	wake_all(s);
}

void sse_poke(struct sse *s)
{
	if (s->client_count && !s->look.is_set)
		loop_timer_set(s->app->loop, &s->look, clock_now_ns() + POKE_MS * CLOCK_NS_PER_MS);
}

static void on_heartbeat(struct loop_timer *t)
{
	struct sse *s = t->ctx;
	struct list_node *at;

	list_for_each (at, &s->clients) {
		struct sse_client *c = list_entry(at, struct sse_client, node);

		if (!auth_is_still(s->app->auth, &c->who))
			c->is_over = true;
		append(c, ": \n\n", 4);
	}
	wake_all(s);
	loop_timer_set(s->app->loop, t, clock_now_ns() + SSE_HEARTBEAT_S * CLOCK_NS_PER_S);
}

/* ---------------------------------------------------------------- clients */

int sse_create(struct app *app, struct sse **out, struct err *err)
{
	struct sse *s = calloc(1, sizeof(*s));

	if (!s)
		return err_set(err, ENOMEM, "", "no memory for event streams");
	s->app = app;
	list_init(&s->clients);
	s->look = (struct loop_timer){.fn = on_look, .ctx = s};
	s->heartbeat = (struct loop_timer){.fn = on_heartbeat, .ctx = s};
	loop_timer_set(app->loop, &s->heartbeat, clock_now_ns() + SSE_HEARTBEAT_S * CLOCK_NS_PER_S);
	*out = s;
	return 0;
}

void sse_free(struct sse *s)
{
	if (!s)
		return;
	loop_timer_cancel(s->app->loop, &s->look);
	loop_timer_cancel(s->app->loop, &s->heartbeat);
	for (enum topic t = 0; t < TOPIC_COUNT; t++)
		json_decref(s->seen[t]);
	free(s);
}

static int read_topics(const char *text, uint32_t *out, struct err *err)
{
	*out = *text ? 0 : (1u << TOPIC_COUNT) - 1;
	while (*text) {
		size_t len = strcspn(text, ",");
		enum topic t = 0;

		while (t < TOPIC_COUNT &&
		       (strlen(topic_words[t]) != len || strncmp(topic_words[t], text, len) != 0))
			t++;
		if (t == TOPIC_COUNT)
			return err_set(err, EINVAL, "topics",
				       "'%.*s' is no topic; there are events, tasks, figures and "
				       "alerts",
				       (int)(len < 40 ? len : 40), text);
		*out |= 1u << t;
		text += len + (text[len] == ',');
	}
	return 0;
}

static int64_t newest_event_id(struct sse *s)
{
	cleanup_json json_t *rows = rows_of(s, &table_events, "-id", 0);

	return id_of(json_array_get(rows, 0));
}

/* Events since last_event_id, as far as they are kept: at most ROWS_MAX pages of them. */
static void catch_up(struct sse_client *c, const char *last_event_id)
{
	uint64_t id = 0;
	size_t count;

	if (!last_event_id || parse_u64("", last_event_id, 0, INT64_MAX, &id, NULL) < 0)
		return;
	do {
		cleanup_json json_t *rows = rows_of(c->sse, &table_events, "id", (int64_t)id);
		json_t *row;
		size_t i;

		count = json_array_size(rows);
		json_array_foreach(rows, i, row)
		{
			cleanup_json json_t *shown = table_public(&table_events, row);

			id = (uint64_t)id_of(row);
			say(c, TOPIC_EVENTS, (int64_t)id, shown);
		}
		if (count)
			c->past_until = (int64_t)id;
	} while (count == ROWS_MAX && c->text_bytes < SSE_BUFFER_MAX / 2);
}

static void first_client(struct sse *s)
{
	s->last_event_id = newest_event_id(s);
	look_at_rows(s, TOPIC_TASKS, &table_tasks, "-id", true);
	look_at_rows(s, TOPIC_ALERTS, &table_alerts, "-id", true);
}

/* Streams of the same user or token; local root has no limit. */
static uint32_t count_of(const struct sse *s, const struct actor *who)
{
	const struct list_node *at;
	uint32_t count = 0;

	list_for_each (at, &s->clients) {
		const struct actor *other = &list_entry(at, struct sse_client, node)->who;

		count += (who->session_id || who->token_id) && strcmp(other->name, who->name) == 0;
	}
	return count;
}

int sse_client_add(struct sse *s, const char *topics, const char *last_event_id,
		   const struct actor *who, void (*wake)(void *ctx), void *ctx,
		   struct sse_client **out, struct err *err)
{
	struct sse_client *c;
	uint32_t bits;

	if (read_topics(topics, &bits, err) < 0)
		return -err->code;
	if (s->client_count == SSE_CLIENTS_MAX)
		return err_set(err, EDQUOT, "", "%u clients are listening already",
			       SSE_CLIENTS_MAX);
	if (count_of(s, who) >= SSE_OF_ONE_MAX)
		return err_set(err, EDQUOT, "", "%s has %u event streams open already", who->name,
			       SSE_OF_ONE_MAX);
	c = calloc(1, sizeof(*c));
	if (!c)
		return err_set(err, ENOMEM, "", "no memory for an event stream");
	c->sse = s;
	c->topics = bits;
	c->who = *who;
	c->wake = wake;
	c->ctx = ctx;
	if (s->client_count == 0)
		first_client(s);
	append(c, "retry: 2000\n\n", 13);
	if (wants(c, TOPIC_EVENTS))
		catch_up(c, last_event_id);
	list_push_back(&s->clients, &c->node);
	s->client_count++;
	s->figures_ms = 0;
	sse_poke(s);
	*out = c;
	return 0;
}

void sse_client_free(struct sse_client *c)
{
	if (!c)
		return;
	list_del(&c->node);
	c->sse->client_count--;
	free(c->text);
	free(c);
}

ptrdiff_t sse_client_read(struct sse_client *c, char *buf, size_t size)
{
	size_t bytes = c->text_bytes < size ? c->text_bytes : size;

	if (c->is_over)
		return -1;
	memcpy(buf, c->text, bytes);
	memmove(c->text, c->text + bytes, c->text_bytes - bytes);
	c->text_bytes -= bytes;
	return (ptrdiff_t)bytes;
}
