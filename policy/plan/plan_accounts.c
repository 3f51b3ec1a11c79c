/* SPDX-License-Identifier: MIT */
/*
 * plan_accounts.c - CHAP accounts of the whole tgtd: one name has one secret there, whoever uses
 * it.
 *
 * A secret is changed by deleting the account and making it anew. tgtd takes a deleted account out
 * of every target's list and leaves a gap there (see plan_access.c), so it is deleted only when no
 * target was seen to have it: first all let go of it, and the next plan does the rest.
 *
 * plan.accounts: user -> {"type", "name": who owns it, "changed_ms": its secret's time,
 *   "has_changed_ms": tgtd's, -1: tgtd does not have it, "is_bound": in a list of ours,
 *   "is_foreign": in a list of somebody else's}
 */
#include <string.h>

#include "plan_int.h"

static json_t *entry(struct plan *p, const char *user)
{
	json_t *e = json_object_get(p->accounts, user);

	if (!e) {
		e = json_pack("{s:s, s:s, s:I, s:I, s:b, s:b}", "type", "", "name", "",
			      "changed_ms", (json_int_t)0, "has_changed_ms", (json_int_t)-1,
			      "is_bound", 0, "is_foreign", 0);
		json_object_set_new(p->accounts, user, e);
	}
	return e;
}

static bool flag(const json_t *e, const char *key)
{
	return json_is_true(json_object_get(e, key));
}

/* ---------------------------------------------------------------- what tgtd has */

static void note_bound(struct plan *p, const json_t *target)
{
	const char *key = plan_is_our_target(p, target) ? "is_bound" : "is_foreign";
	const json_t *j;
	size_t i;

	json_array_foreach(json_object_get(target, "accounts"), i, j)
	{
		json_object_set_new(entry(p, json_string_value(j)), key, json_true());
	}
	if (*plan_text(target, "outgoing"))
		json_object_set_new(entry(p, plan_text(target, "outgoing")), key, json_true());
}

/* ---------------------------------------------------------------- what the database wants */

/* The first who asks owns the name; hosts ask before volumes. */
static void claim(struct plan *p, const char *user, struct object owner, json_int_t changed_ms)
{
	json_t *e = entry(p, user);
	const char *type = plan_text(e, "type"), *name = plan_text(e, "name");

	if (*type && (strcmp(type, owner.type) != 0 || strcmp(name, owner.name) != 0)) {
		plan_problem(p, owner,
			     "CHAP user %s of %s %s is used by %s %s already, and tgtd has one "
			     "secret for each name; choose another name",
			     user, owner.type, owner.name, type, name);
		return;
	}
	if (*type)
		return;
	json_object_set_new(e, "type", json_string(owner.type));
	json_object_set_new(e, "name", json_string(owner.name));
	json_object_set_new(e, "changed_ms", json_integer(changed_ms > 0 ? changed_ms : 1));
	if (flag(e, "is_foreign"))
		plan_problem(p, owner,
			     "CHAP user %s of %s %s is used by a target of tgtd's that is not "
			     "managed here, so it is left alone; choose another name",
			     user, owner.type, owner.name);
}

static void claim_hosts(struct plan *p, const struct view *v)
{
	const json_t *host;
	size_t i;

	json_array_foreach(v->allowed, i, host)
	{
		claim(p, plan_text(host, "chap_user"),
		      (struct object){"host", plan_text(host, "name")},
		      plan_number(host, "chap_changed_ms"));
	}
}

static void claim_mutual(struct plan *p, const struct view *v)
{
	if (v->has_chap)
		claim(p, v->mutual_user, plan_volume_of(v),
		      plan_number(json_object_get(v->row, "target"), "mutual_changed_ms"));
	else if (json_array_size(v->allowed) > 0)
		plan_problem(
		    p, plan_volume_of(v),
		    "volume %s has mutual CHAP and none of its hosts has a CHAP user, so it "
		    "is without effect; give its hosts CHAP",
		    v->name);
}

static bool needs_accounts(const struct view *v)
{
	return v->export == EXPORT_YES || (v->export == EXPORT_KEEP && v->target);
}

void plan_accounts_build(struct plan *p)
{
	const json_t *j;
	size_t i;

	json_array_foreach(json_object_get(p->tgtd, "accounts"), i, j)
	{
		json_object_set_new(entry(p, plan_text(j, "user")), "has_changed_ms",
				    json_integer(plan_number(j, "changed_ms")));
	}
	json_array_foreach(json_object_get(p->tgtd, "targets"), i, j)
	{
		note_bound(p, j);
	}
	for (i = 0; i < p->view_count; i++) {
		if (needs_accounts(&p->views[i]) && p->views[i].has_chap)
			claim_hosts(p, &p->views[i]);
		if (needs_accounts(&p->views[i]) && p->views[i].wants_guard)
			claim(p, MODEL_CHAP_GUARD, (struct object){"account", MODEL_CHAP_GUARD}, 1);
	}
	for (i = 0; i < p->view_count; i++)
		if (needs_accounts(&p->views[i]) && p->views[i].mutual_user)
			claim_mutual(p, &p->views[i]);
}

bool plan_accounts_usable(const struct plan *p, const char *user, struct object owner)
{
	const json_t *e = json_object_get(p->accounts, user);

	return e && !flag(e, "is_foreign") && strcmp(plan_text(e, "type"), owner.type) == 0 &&
	       strcmp(plan_text(e, "name"), owner.name) == 0;
}

static bool is_guard(const char *user)
{
	return strcmp(user, MODEL_CHAP_GUARD) == 0;
}

static bool is_there(const json_t *e)
{
	return plan_number(e, "has_changed_ms") >= 0;
}

/* Which secret the guard has does not matter: nobody knows any. */
static bool is_ready(const json_t *e, const char *user)
{
	return is_there(e) &&
	       (is_guard(user) || plan_number(e, "has_changed_ms") == plan_number(e, "changed_ms"));
}

bool plan_accounts_is_ready(const struct plan *p, const char *user)
{
	return is_ready(json_object_get(p->accounts, user), user);
}

bool plan_accounts_may_bind(const struct plan *p, const char *user)
{
	const json_t *e = json_object_get(p->accounts, user);

	return !is_there(e) || is_ready(e, user) || !flag(e, "is_bound");
}

static bool is_wanted(const json_t *e)
{
	return *plan_text(e, "type") && !flag(e, "is_foreign");
}

/* Ours is what is wanted, and what we remember to have put there. */
static bool must_delete(const json_t *e, const char *user)
{
	if (!is_there(e) || is_guard(user) || flag(e, "is_bound") || flag(e, "is_foreign"))
		return false;
	return is_wanted(e) ? !is_ready(e, user) : plan_number(e, "has_changed_ms") > 0;
}

static struct object owner_of(const json_t *e, const char *user)
{
	if (!is_wanted(e))
		return (struct object){"account", user};
	return (struct object){plan_text(e, "type"), plan_text(e, "name")};
}

void plan_accounts_delete(struct plan *p)
{
	const char *user;
	json_t *e;

	json_object_foreach(p->accounts, user, e)
	{
		if (must_delete(e, user))
			plan_step(p, owner_of(e, user), "account.delete",
				  json_pack("{s:s}", "user", user), "delete CHAP user %s", user);
	}
}

void plan_accounts_create(struct plan *p)
{
	const char *user;
	json_t *e;

	json_object_foreach(p->accounts, user, e)
	{
		json_t *arguments;
		bool is_host = strcmp(plan_text(e, "type"), "host") == 0;

		if (!is_wanted(e) || (is_there(e) && !must_delete(e, user)))
			continue;
		arguments = json_pack("{s:s, s:I}", "user", user, "changed_ms",
				      plan_number(e, "changed_ms"));
		if (is_guard(user))
			json_object_set_new(arguments, "guard", json_true());
		else
			json_object_set_new(arguments, is_host ? "host" : "volume",
					    json_string(plan_text(e, "name")));
		plan_step(p, owner_of(e, user), "account.create", arguments, "create CHAP user %s",
			  user);
	}
}
