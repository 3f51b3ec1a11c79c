/* SPDX-License-Identifier: MIT */
/* follow.c - sluice event follow: Server-Sent Events, one line each, as they come. */
#include "follow.h"

#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "print.h"
#include "run.h"
#include "value.h"

/* ---------------------------------------------------------------- the format */

static void data_add(struct follow *f, const char *text)
{
	size_t len = strlen(text);
	char *grown = realloc(f->data, f->data_len + len + 2);

	if (!grown)
		return;
	if (f->data_len)
		grown[f->data_len++] = '\n';
	memcpy(grown + f->data_len, text, len + 1);
	f->data_len += len;
	f->data = grown;
}

/* An empty line ends an event. */
static bool event_end(struct follow *f)
{
	bool goes_on = true;

	if (f->data)
		goes_on = f->fn(f->ctx, f->topic[0] ? f->topic : "message", f->data);
	follow_end(f);
	f->topic[0] = '\0';
	return goes_on;
}

static const char *after(const char *line, const char *name)
{
	size_t len = strlen(name);

	if (strncmp(line, name, len) != 0 || line[len] != ':')
		return NULL;
	line += len + 1;
	return *line == ' ' ? line + 1 : line;
}

static bool line_end(struct follow *f)
{
	const char *value;

	f->line[f->line_len] = '\0';
	if (f->line_len && f->line[f->line_len - 1] == '\r')
		f->line[--f->line_len] = '\0';
	if (f->is_skipping) {
		f->is_skipping = false;
		f->line_len = 0;
		return true;
	}
	if (f->line_len == 0)
		return event_end(f);
	value = after(f->line, "event");
	if (value)
		snprintf(f->topic, sizeof(f->topic), "%s", value);
	value = after(f->line, "data");
	if (value)
		data_add(f, value);
	f->line_len = 0;
	return true;
}

bool follow_feed(struct follow *f, const char *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (bytes[i] == '\n') {
			if (!line_end(f))
				return false;
		} else if (f->line_len + 1 < FOLLOW_LINE_MAX) {
			f->line[f->line_len++] = bytes[i];
		} else {
			f->is_skipping = true;
		}
	}
	return true;
}

void follow_end(struct follow *f)
{
	free(f->data);
	f->data = NULL;
	f->data_len = 0;
}

/* ---------------------------------------------------------------- the command */

static bool print_event(void *ctx, const char *topic, const char *data)
{
	struct cli *c = ctx;
	json_t *event = json_loads(data, 0, NULL);
	char at[32], text[VALUE_BYTES_MAX];

	if (c->is_json) {
		fprintf(c->out, "%s\n", data);
	} else if (json_object_get(event, "severity") && json_object_get(event, "at_ms")) {
		value_time(json_integer_value(json_object_get(event, "at_ms")), at, sizeof(at));
		value_text("text", json_object_get(event, "text"), text, sizeof(text));
		print_line(c->out, "%s  %-8s  %s", at, print_word(event, "severity"), text);
	} else {
		value_text("", event, text, sizeof(text));
		print_line(c->out, "%s: %s", topic, text);
	}
	json_decref(event);
	return fflush(c->out) == 0 && !ferror(c->out);
}

static bool take(void *ctx, const char *bytes, size_t len)
{
	return follow_feed(ctx, bytes, len);
}

int follow_run(struct cli *c, const struct call *call)
{
	struct follow *f = calloc(1, sizeof(*f));
	struct http_request q = {.chunk = take, .ctx = f, .is_endless = true};
	struct call own = *call;
	struct http_reply reply;
	int rc;

	if (!f)
		return CLI_REFUSED;
	f->fn = print_event;
	f->ctx = c;
	own.query = call->query ? json_copy(call->query) : json_object();
	if (!json_object_get(own.query, "topics"))
		json_object_set_new(own.query, "topics", json_string("events"));
	rc = run_ask(c, &own, &q, &reply);
	if (rc == CLI_OK)
		http_reply_free(&reply);
	json_decref(own.query);
	follow_end(f);
	free(f);
	return rc;
}
