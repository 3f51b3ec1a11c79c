/* SPDX-License-Identifier: MIT */
/*
 * trail.c - the audit trail: a row for each change in the change's own transaction, and one for
 * each that was refused.
 *
 * Whoever reaches a socket can be refused as often as he likes, and each row costs a sync of the
 * disk; so at most TRAIL_BURST rows of people who are not known are written at once and
 * TRAIL_PER_S after that. What is left out is counted, and the next row that is written says how
 * many.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app.h"
#include "auth.h"
#include "cleanup.h"
#include "clock.h"
#include "exchange.h"
#include "json.h"
#include "log.h"
#include "store_link.h"

#define SUMMARY_MAX 1000u
#define PATH_BYTES  300
#define TRAIL_BURST 60.0
#define TRAIL_PER_S 2.0

static bool is_secret(const char *name)
{
	static const char *const parts[] = {"secret",  "password",   "token",     "csrf",
					    "session", "passphrase", "client_key"};
	char lower[64];
	size_t i;

	for (i = 0; name[i] && i < sizeof(lower) - 1; i++)
		lower[i] = (char)tolower((unsigned char)name[i]);
	lower[i] = '\0';
	for (i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		if (strstr(lower, parts[i]))
			return true;
	return false;
}

/* A copy without secrets. The depth is limited by body.h. */
static json_t *without_secrets(const json_t *from)
{
	json_t *to, *v, *mutable = (json_t *)(uintptr_t)from;
	const char *name;
	size_t i;

	if (json_is_array(from)) {
		to = json_array();
		json_array_foreach(mutable, i, v) json_array_append_new(to, without_secrets(v));
		return to;
	}
	if (!json_is_object(from))
		return json_incref(mutable);
	to = json_object();
	json_object_foreach(mutable, name, v)
	{
		bool is_hidden = is_secret(name) && !json_is_boolean(v) && !json_is_null(v);

		json_object_set_new(to, name, is_hidden ? json_string("***") : without_secrets(v));
	}
	return to;
}

/* Cuts at a whole UTF-8 character. */
static void cut(char *text, size_t max)
{
	if (strlen(text) <= max)
		return;
	while (max > 0 && ((unsigned char)text[max] & 0xc0) == 0x80)
		max--;
	text[max] = '\0';
}

static char *summary_of(const struct exchange *x)
{
	cleanup_json json_t *clean = x->q.body ? without_secrets(x->q.body) : NULL;
	char *text = clean ? json_dumps(clean, JSON_COMPACT) : strdup("");

	if (text)
		cut(text, SUMMARY_MAX);
	return text;
}

static int add(struct exchange *x, int status, const char *summary, struct err *err)
{
	char path[PATH_BYTES];
	const char *name = x->r.object_name[0] ? x->r.object_name : x->q.segments[0];
	const struct route *route = x->match.route;
	struct store_audit a;

	if (!name)
		name = json_string_value(json_object_get(x->q.body, "name"));
	snprintf(path, sizeof(path), "%.*s", (int)strcspn(x->target, "?"), x->target);
	/* a target that was refused for its bytes must not be refused again by the database */
	for (char *p = path; *p; p++)
		if ((unsigned char)*p < 0x20 || (unsigned char)*p > 0x7e)
			*p = '?';
	a = (struct store_audit){
	    .actor = x->q.actor.name[0] ? x->q.actor.name : "nobody",
	    .role = auth_role_word(x->q.actor.role),
	    .address = x->q.actor.address,
	    .method = x->method,
	    .path = path,
	    .object_type = route && route->object ? route->object : "",
	    .object_name = name ? name : "",
	    .summary = summary,
	    .status = status,
	};
	return store_audit_add(x->q.store, &a, err);
}

int trail_add(struct exchange *x, int status, struct err *err)
{
	cleanup_free char *summary = summary_of(x);

	return add(x, status, summary ? summary : "", err);
}

/* Whether one more row of nobody's may be written. */
static bool may_write(struct trail *t)
{
	uint64_t now_ns = clock_now_ns();

	if (t->last_ns)
		t->rows += (double)(now_ns - t->last_ns) / (double)CLOCK_NS_PER_S * TRAIL_PER_S;
	else
		t->rows = TRAIL_BURST;
	t->last_ns = now_ns;
	if (t->rows > TRAIL_BURST)
		t->rows = TRAIL_BURST;
	if (t->rows < 1.0)
		return false;
	t->rows -= 1.0;
	return true;
}

void trail_add_refused(struct exchange *x, int status)
{
	struct trail *t = &x->app->auth->trail;
	cleanup_free char *summary = summary_of(x);
	cleanup_free char *text = NULL;
	bool is_nobody = x->q.actor.role == REST_PUBLIC;
	uint32_t held = is_nobody ? t->held_back : 0;
	struct err err = {0};

	if (is_nobody && !may_write(t)) {
		t->held_back++;
		return;
	}
	if (held && asprintf(&text, "(%u refused requests before this one are not listed) %s", held,
			     summary ? summary : "") < 0)
		text = NULL;
	if (store_begin(x->q.store, &err) < 0 ||
	    add(x, status,
		text      ? text
		: summary ? summary
			  : "",
		&err) < 0 ||
	    store_commit(x->q.store, &err) < 0) {
		store_rollback(x->q.store);
		t->held_back++; /* what a busy or full database did not take is told of later */
		log_warn("no audit row for a refused %s: %s", x->method, err.text);
	} else if (text) {
		t->held_back -= held;
	}
}
