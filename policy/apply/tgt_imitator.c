/* SPDX-License-Identifier: MIT */
#include "tgt_imitator.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define LINE_BYTES 400u

struct walk {
	const char *at;
	json_t *last; /* whose alias was passed last */
	json_int_t last_tid;
};

static void skip_line(struct walk *w)
{
	w->at = strchrnul(w->at, '\n');
	w->at += *w->at == '\n';
}

static bool begins(const struct walk *w, const char *text)
{
	return strncmp(w->at, text, strlen(text)) == 0;
}

/* The line begins so; with a newline at the end of the text: it is so. It is passed then. */
static bool take(struct walk *w, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static bool take(struct walk *w, const char *fmt, ...)
{
	char text[LINE_BYTES];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (!begins(w, text))
		return false;
	skip_line(w);
	return true;
}

static const char *text_of(const json_t *j, const char *key)
{
	const char *text = json_string_value(json_object_get(j, key));

	return text ? text : "";
}

static json_int_t number_of(const json_t *j, const char *key)
{
	return json_integer_value(json_object_get(j, key));
}

/* The session that the text goes on with; NULL: it is none that is there. */
static json_t *next_session(struct walk *w, const json_t *sessions)
{
	json_t *s;
	size_t i;

	json_array_foreach((json_t *)(uintptr_t)sessions, i, s)
	{
		if (take(w, "        I_T nexus: %" JSON_INTEGER_FORMAT "\n", number_of(s, "sid")))
			return s;
	}
	return NULL;
}

/* false: the text is not what it should be. */
static bool take_sessions(struct walk *w, json_int_t tid, const json_t *sessions)
{
	for (size_t left = json_array_size(sessions); left; left--) {
		json_t *s = next_session(w, sessions);

		if (!s || !take(w, "            Initiator: %s alias: ", text_of(s, "initiator")))
			return false;
		w->last = s;
		w->last_tid = tid;
		if (!take(w, "            Connection: %" JSON_INTEGER_FORMAT "\n",
			  number_of(s, "cid")) ||
		    !take(w, "                IP Address: %s\n", text_of(s, "address")))
			return false;
	}
	return begins(w, "    LUN information:\n");
}

json_t *tgt_imitator_find(const char *text, const json_t *targets, json_int_t *tid)
{
	struct walk w = {.at = text};
	const json_t *t;
	size_t i;

	json_array_foreach((json_t *)(uintptr_t)targets, i, t)
	{
		if (!take(&w, "Target %" JSON_INTEGER_FORMAT ": %s\n", number_of(t, "tid"),
			  text_of(t, "iqn")))
			break;
		while (*w.at && !begins(&w, "    I_T nexus information:\n"))
			skip_line(&w);
		skip_line(&w);
		if (!take_sessions(&w, number_of(t, "tid"), json_object_get(t, "sessions")))
			break;
		while (*w.at && !begins(&w, "Target "))
			skip_line(&w);
	}
	if (i == json_array_size(targets) && !*w.at)
		return NULL;
	*tid = w.last_tid;
	return json_incref(w.last);
}
