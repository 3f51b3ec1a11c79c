/* SPDX-License-Identifier: MIT */
/*
 * status.c - sluice status: what is wrong, one sentence each, and what to do about it. All is well
 * is one line.
 */
#include <string.h>

#include "json.h"
#include "print.h"
#include "run.h"
#include "value.h"

struct report {
	struct cli *c;
	unsigned count;
};

static const char *text_of(const json_t *row, const char *member)
{
	const char *text = json_string_value(json_object_get(row, member));

	return text ? text : "";
}

static void say(struct report *r, const char *what, const char *advice)
{
	print_line(r->c->out, "%u. %s", ++r->count, what);
	if (advice[0])
		print_line(r->c->out, "   %s", advice);
}

/* ---------------------------------------------------------------- daemons */

static const struct {
	const char *key, *name, *meaning, *advice;
} daemons[] = {
    {"filterd", "sluice-filterd", "no volume is served, hosts wait for their I/O",
     "To do: systemctl start sluice-filterd; journalctl -u sluice-filterd says why it ended."},
    {"tgtd", "tgtd", "no host can log in or reach its volumes",
     "To do: systemctl start tgt; journalctl -u tgt says why it ended."},
};

static void say_daemons(struct report *r, const json_t *health)
{
	for (size_t i = 0; i < sizeof(daemons) / sizeof(daemons[0]); i++) {
		const json_t *daemon = json_object_get(health, daemons[i].key);
		char since[32], line[2 * VALUE_BYTES_MAX];

		if (json_is_true(json_object_get(daemon, "is_up")))
			continue;
		value_time(json_integer_value(json_object_get(daemon, "since_ms")), since,
			   sizeof(since));
		snprintf(line, sizeof(line), "%s does not answer%s%s: %s.", daemons[i].name,
			 since[0] == '-' ? "" : " since ", since[0] == '-' ? "" : since,
			 daemons[i].meaning);
		say(r, line, daemons[i].advice);
	}
}

/* ---------------------------------------------------------------- lists of things at fault */

static void each(struct report *r, const char *path,
		 void (*fn)(struct report *r, const json_t *row))
{
	int exit_code;
	json_t *reply = run_get(r->c, path, true, &exit_code);
	const json_t *row;
	size_t i;

	json_array_foreach(json_object_get(reply, "items"), i, row)
	{
		fn(r, row);
	}
	json_decref(reply);
}

static void say_alert(struct report *r, const json_t *row)
{
	char line[2 * VALUE_BYTES_MAX], advice[160];

	snprintf(line, sizeof(line), "Alert: %s", text_of(row, "text"));
	snprintf(advice, sizeof(advice),
		 "To do: mend it, or say that you know: sluice alert "
		 "acknowledge %lld",
		 (long long)json_integer_value(json_object_get(row, "id")));
	say(r, line, advice);
}

static void say_failed(struct report *r, const json_t *row, const char *kind)
{
	char line[2 * VALUE_BYTES_MAX], advice[160];

	snprintf(line, sizeof(line), "The %s %s failed: %s", kind, text_of(row, "name"),
		 text_of(row, "running_error"));
	snprintf(advice, sizeof(advice),
		 "To do: mend the cause; it is tried again by itself. More: "
		 "sluice %s show %s",
		 kind, text_of(row, "name"));
	say(r, line, advice);
}
static void say_volume(struct report *r, const json_t *row)
{
	say_failed(r, row, "volume");
}
static void say_datastore(struct report *r, const json_t *row)
{
	say_failed(r, row, "datastore");
}
static void say_portal(struct report *r, const json_t *row)
{
	say_failed(r, row, "portal");
}

static void say_compliance(struct report *r, const json_t *row)
{
	const char *status = text_of(row, "status");
	char line[2 * VALUE_BYTES_MAX], causes[VALUE_BYTES_MAX], advice[160];

	if (strcmp(status, "non_compliant") != 0 && strcmp(status, "out_of_date") != 0)
		return;
	value_text("causes", json_object_get(row, "causes"), causes, sizeof(causes));
	snprintf(line, sizeof(line), "The volume %s does not run what its policy %s says: %s",
		 text_of(row, "volume"), text_of(row, "policy"), causes);
	snprintf(advice, sizeof(advice), "To do: sluice policy apply %s", text_of(row, "policy"));
	say(r, line, advice);
}

static void say_notes(struct report *r, const json_t *health)
{
	const json_t *row;
	size_t i;

	json_array_foreach(json_object_get(health, "problems"), i, row)
	{
		say(r, text_of(row, "text"), "");
	}
	json_array_foreach(json_object_get(health, "strangers"), i, row)
	{
		char line[2 * VALUE_BYTES_MAX], advice[160];

		snprintf(line, sizeof(line),
			 "sluice-filterd has a volume %s that nobody here knows; it is left alone.",
			 text_of(row, "name"));
		snprintf(advice, sizeof(advice), "To do: sluice volume adopt %s, if it is yours",
			 text_of(row, "name"));
		say(r, line, advice);
	}
}

/* ---------------------------------------------------------------- the whole */

static void say_head(struct cli *c, const json_t *system)
{
	const json_t *counts = json_object_get(system, "counts");
	const json_t *capacity = json_object_get(system, "capacity");
	long long volumes = json_integer_value(json_object_get(counts, "volumes"));
	long long datastores = json_integer_value(json_object_get(counts, "datastores"));
	char used[32], available[32], up[48];

	value_size(json_number_value(json_object_get(capacity, "used_bytes")), used, sizeof(used));
	value_size(json_number_value(json_object_get(capacity, "available_bytes")), available,
		   sizeof(available));
	value_duration(json_integer_value(json_object_get(system, "uptime_s")), up, sizeof(up));
	print_line(
	    c->out, "%s, Sluice %s, up %s: %lld volume%s on %lld datastore%s, %s used, %s free",
	    text_of(system, "appliance_name"), text_of(system, "version"), up, volumes,
	    volumes == 1 ? "" : "s", datastores, datastores == 1 ? "" : "s", used, available);
}

static void say_all(struct report *r, const json_t *system)
{
	const json_t *health = json_object_get(system, "health");
	long long pending = json_integer_value(json_object_get(health, "pending"));

	say_head(r->c, system);
	say_daemons(r, health);
	say_notes(r, health);
	each(r, "/datastores?running_state=failed", say_datastore);
	each(r, "/volumes?running_state=failed", say_volume);
	each(r, "/portals?running_state=failed", say_portal);
	each(r, "/compliance?limit=1000", say_compliance);
	each(r, "/alerts?state=active", say_alert);
	if (pending > 0)
		fprintf(r->c->out,
			"What is wanted and not done yet: %lld. 'sluice task list --where "
			"state=running' shows it.\n",
			pending);
	if (r->count == 0)
		fputs(pending > 0 ? "Nothing is wrong.\n" : "All is well.\n", r->c->out);
}

int status_run(struct cli *c, const struct call *call)
{
	struct report r = {.c = c};
	struct http_reply reply;
	int rc = run_ask(c, call, NULL, &reply);

	if (rc != CLI_OK)
		return rc;
	if (c->is_json)
		print_json(c->out, reply.json);
	else
		say_all(&r, reply.json);
	http_reply_free(&reply);
	return r.count ? CLI_REFUSED : CLI_OK;
}

/* 503 with its checks is an answer here, not a refusal. */
int health_run(struct cli *c, const struct call *call)
{
	struct http_request q = {.method = "GET", .target = call->path};
	struct http_reply reply;
	struct err err = {0};
	bool is_ready;
	int rc = run_connect(c);

	if (rc != CLI_OK)
		return rc;
	if (http_ask(c->http, &q, &reply, &err) < 0)
		return run_fail(c, NULL, &err);
	is_ready = reply.status == 200;
	if (c->is_json && reply.json)
		print_json(c->out, reply.json);
	else
		print_object(c->out, reply.json);
	http_reply_free(&reply);
	return is_ready ? CLI_OK : CLI_REFUSED;
}
