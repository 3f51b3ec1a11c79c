/* SPDX-License-Identifier: MIT */
#include "observe.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "json.h"
#include "tgt_ops.h"

/* A step of filterd's may make a whole image, or wait for one that a dying filterd still holds. */
#define FILTERD_TIMEOUT_MS 30000u
#define TGT_TIMEOUT_MS     10000u

int observer_init(struct observer *o, const struct apply_cfg *cfg, struct err *err)
{
	*o = (struct observer){
	    .tgt_client = {.path = cfg->tgt_socket, .timeout_ms = TGT_TIMEOUT_MS},
	    .filterd = {.name = "sluice-filterd", .since_ms = clock_wall_ms()},
	    .tgtd = {.name = "tgtd", .since_ms = clock_wall_ms()},
	    .secrets = json_object(),
	};
	if (!o->secrets)
		return err_set(err, ENOMEM, "", "no memory for the reconciler");
	return filterd_client_init(&o->filterd_client, cfg->filterd_socket, FILTERD_TIMEOUT_MS,
				   err);
}

void observer_fini(struct observer *o)
{
	filterd_client_fini(&o->filterd_client);
	json_decref(o->secrets);
	json_decref(o->filters);
}

json_t *observer_memory(const struct observer *o)
{
	return json_pack("{s:i, s:I, s:O}", "pid", (int)o->life.pid, "socket_made_ns",
			 (json_int_t)o->life.socket_made_ns, "accounts", o->secrets);
}

void observer_remember(struct observer *o, const json_t *memory)
{
	json_t *accounts = json_object_get(memory, "accounts");

	if (!json_is_object(accounts))
		return;
	o->life.pid = (pid_t)json_integer_value(json_object_get(memory, "pid"));
	o->life.socket_made_ns =
	    (uint64_t)json_integer_value(json_object_get(memory, "socket_made_ns"));
	json_object_update(o->secrets, accounts);
}

/* ---------------------------------------------------------------- up and down */

static void note(struct observer_daemon *d, bool is_up, bool is_new_life, const char *text)
{
	if (d->is_seen && d->is_up && is_up && is_new_life)
		d->news = NEWS_RESTARTED;
	else if (d->is_up != is_up)
		d->news = is_up ? (d->is_seen ? NEWS_UP : NEWS_NONE) : NEWS_DOWN;
	else if (!d->is_seen && !is_up)
		d->news = NEWS_DOWN;
	if (d->is_up != is_up || is_new_life)
		d->since_ms = clock_wall_ms();
	d->is_up = is_up;
	d->is_seen = true;
	snprintf(d->text, sizeof(d->text), "%s", text);
}

static json_t *down(struct observer_daemon *d, const struct err *err)
{
	note(d, false, false, err->text);
	return json_pack("{s:b, s:s}", "is_up", 0, "text", d->text);
}

/* ---------------------------------------------------------------- filterd */

static void fetch_filters(struct observer *o)
{
	struct err err;
	json_t *filters = filterd_filters(&o->filterd_client, &err);

	if (!filters)
		return; /* filterd will be seen as down the next time */
	json_decref(o->filters);
	o->filters = filters;
	o->are_filters_new = true;
}

static bool is_replication(const json_t *filter)
{
	const char *is = json_string_value(json_object_get(filter, "filter"));

	return is && strcmp(is, "replication") == 0;
}

/* What the replication in a chain says of itself: the planner exports by it. */
static void add_replication(struct observer *o, json_t *volume)
{
	cleanup_json json_t *name = json_pack("{s:O}", "name", json_object_get(volume, "name")),
			    *answer = NULL;
	const json_t *f;
	struct err err;
	size_t i;

	json_array_foreach(json_object_get(volume, "filters"), i, f)
	{
		if (is_replication(f))
			break;
	}
	if (i == json_array_size(json_object_get(volume, "filters")))
		return;
	answer = filterd_ask(&o->filterd_client, "volume.show", name, &err);
	json_array_foreach(json_object_get(json_object_get(answer, "volume"), "filters"), i, f)
	{
		if (is_replication(f))
			json_object_set(volume, "replication", json_object_get(f, "status"));
	}
}

static void add_replications(struct observer *o, json_t *seen)
{
	json_t *volume;
	size_t i;

	json_array_foreach(json_object_get(seen, "volumes"), i, volume)
	{
		add_replication(o, volume);
	}
}

static json_t *observe_filterd(struct observer *o)
{
	struct err err = {0};
	json_t *seen = filterd_observe(&o->filterd_client, &err);
	bool is_new;

	if (!seen && err.code == ECONNRESET) /* the old one's end; there may be a new one */
		seen = filterd_observe(&o->filterd_client, &err);
	if (!seen)
		return down(&o->filterd, &err);
	is_new = json_integer_value(json_object_get(seen, "incarnation")) != o->incarnation;
	note(&o->filterd, true, is_new && o->incarnation, "");
	o->incarnation = json_integer_value(json_object_get(seen, "incarnation"));
	if (is_new || !o->filters)
		fetch_filters(o);
	add_replications(o, seen);
	return seen;
}

/* ---------------------------------------------------------------- tgtd */

/* Users with the time of the secret that they were given by us; 0: by somebody else, or before. */
static json_t *with_secrets(const struct observer *o, const json_t *users)
{
	json_t *accounts = json_array();
	const json_t *user;
	size_t i;

	json_array_foreach(users, i, user)
	{
		json_t *changed_ms = json_object_get(o->secrets, json_string_value(user));

		json_array_append_new(accounts,
				      json_pack("{s:O, s:I}", "user", user, "changed_ms",
						changed_ms ? json_integer_value(changed_ms) : 0));
	}
	return accounts;
}

static json_t *observe_tgtd(struct observer *o)
{
	struct tgt_client *c = &o->tgt_client;
	cleanup_json json_t *targets = NULL, *users = NULL, *portals = NULL;
	struct tgt_life first;
	struct err err = {0};
	bool is_new;

	if (tgt_portals(c, &portals, &err) < 0)
		return down(&o->tgtd, &err);
	first = c->life;
	if (tgt_targets(c, &targets, &err) < 0 || tgt_accounts(c, &users, &err) < 0)
		return down(&o->tgtd, &err);
	if (!tgt_life_equal(&first, &c->life)) {
		err_set(&err, EAGAIN, "", "tgtd is just being restarted");
		return down(&o->tgtd, &err);
	}
	is_new = !tgt_life_equal(&o->life, &c->life);
	if (is_new)
		json_object_clear(o->secrets);
	note(&o->tgtd, true, is_new && o->life.pid, "");
	o->life = c->life;
	return json_pack("{s:b, s:i, s:O, s:o, s:O}", "is_up", 1, "pid", (int)c->life.pid,
			 "targets", targets, "accounts", with_secrets(o, users), "portals",
			 portals);
}

/* ---------------------------------------------------------------- both */

json_t *observer_observe(struct observer *o)
{
	json_t *filterd = observe_filterd(o), *tgtd = observe_tgtd(o);

	return json_pack("{s:o, s:o, s:I}", "filterd", filterd, "tgtd", tgtd, "observed_ms",
			 (json_int_t)clock_wall_ms());
}

bool observer_has_news(struct observer *o)
{
	json_t *portals = NULL;
	struct err err;
	int same = filterd_look(&o->filterd_client, &err);
	bool is_tgtd_up = tgt_portals(&o->tgt_client, &portals, &err) == 0;

	json_decref(portals);
	return same == 0 || (same > 0) != o->filterd.is_up || is_tgtd_up != o->tgtd.is_up ||
	       (is_tgtd_up && !tgt_life_equal(&o->life, &o->tgt_client.life));
}
