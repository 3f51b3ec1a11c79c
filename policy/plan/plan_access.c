/* SPDX-License-Identifier: MIT */
/*
 * plan_access.c - who gets into a volume's target.
 *
 * What tgtd 1.0.85 does, as read in its source, and what follows:
 *
 * - A target has a list of addresses and a list of initiators' names, and lets in whom EITHER
 *   names. Both empty: nobody. "This name and only from this address" cannot be said. Were a host's
 *   addresses bound, everybody there would get in under any name, and with a network like
 *   10.0.0.0/24 that is everybody. So only names are bound, never an address, and an address that
 * is found there is taken away. A host's addresses are enforced by ending sessions that come from
 *   elsewhere, each time we look: a host's name from a wrong address gets in until then. Who must
 *   shut that out for good uses CHAP. And host A's name from host B's address looks like any other
 *   wrong address: told apart by A's own list alone.
 * - Accounts hang on the target, not on the initiator: who knows any of them gets in under any of
 *   the bound names. An empty list of accounts means that no secret is asked for, and it is looked
 *   at late in a login, the names early. So the guard, an account whose secret nobody knows, stands
 *   first wherever CHAP is used or no host is allowed: the list is never empty while others come
 *   and go, and a login that is half way when its name is taken away comes to nothing.
 * - Taking an account out of the middle of the list leaves a gap: accounts behind it are not found
 *   any more, and tgtd crashes when it prints the list. So they are only taken from the end, and
 *   those behind the one that must go are bound again.
 * - Secrets are asked for at login only. So when a target that had no CHAP gets it, everybody's
 *   binding and session goes and the guard comes; who came in after we looked is seen by the next
 *   plan, and only that one lets people in again.
 */
#include <string.h>

#include "plan_int.h"

/* ---------------------------------------------------------------- accounts */

static const json_t *accounts_of(const struct view *v)
{
	return json_object_get(v->target, "accounts");
}

static const char *account_at(const struct view *v, size_t i)
{
	const char *user = json_string_value(json_array_get(accounts_of(v), i));

	return user ? user : "";
}

static bool has_guard(const struct view *v)
{
	return strcmp(account_at(v, 0), MODEL_CHAP_GUARD) == 0;
}

static struct object owner_of(const json_t *host)
{
	return (struct object){"host", plan_text(host, "name")};
}

/* Should stay in the target's list as it is. */
static bool is_kept(const struct plan *p, const struct view *v, const char *user)
{
	const json_t *host;
	size_t i;

	if (strcmp(user, MODEL_CHAP_GUARD) == 0)
		return v->wants_guard;
	if (!v->has_chap)
		return false;
	json_array_foreach(v->allowed, i, host)
	{
		if (strcmp(plan_text(host, "chap_user"), user) == 0)
			return plan_accounts_usable(p, user, owner_of(host)) &&
			       plan_accounts_is_ready(p, user);
	}
	return false;
}

static size_t count_kept(const struct plan *p, const struct view *v)
{
	size_t i = 0;

	while (has_guard(v) && i < json_array_size(accounts_of(v)) &&
	       is_kept(p, v, account_at(v, i)))
		i++;
	return i;
}

/* The user of mutual CHAP, or NULL. It means nothing where the initiator proves nothing. */
static const char *outgoing_of(const struct plan *p, const struct view *v)
{
	return v->has_chap && v->mutual_user &&
		       plan_accounts_usable(p, v->mutual_user, plan_volume_of(v))
		   ? v->mutual_user
		   : NULL;
}

static bool is_outgoing_kept(const struct plan *p, const struct view *v)
{
	const char *wanted = outgoing_of(p, v), *is = plan_text(v->target, "outgoing");

	return wanted && strcmp(wanted, is) == 0 && plan_accounts_is_ready(p, wanted);
}

static void account_step(struct plan *p, const struct view *v, const char *step, const char *user,
			 bool is_outgoing)
{
	bool is_bind = strcmp(step, "account.bind") == 0;

	plan_step(
	    p, plan_volume_of(v), step,
	    json_pack("{s:s, s:s, s:b}", "iqn", v->iqn, "user", user, "is_outgoing", is_outgoing),
	    "%s%s CHAP user %s %s target %s", is_bind ? "take" : "drop",
	    is_outgoing ? " mutual" : "", user, is_bind ? "at" : "from", v->iqn);
}

static void unbind_accounts(struct plan *p, struct view *v)
{
	for (size_t i = json_array_size(accounts_of(v)); i > v->kept_accounts; i--)
		account_step(p, v, "account.unbind", account_at(v, i - 1), false);
	if (*plan_text(v->target, "outgoing") && !is_outgoing_kept(p, v))
		account_step(p, v, "account.unbind", plan_text(v->target, "outgoing"), true);
}

static bool is_among_kept(const struct view *v, const char *user)
{
	for (size_t i = 0; i < v->kept_accounts; i++)
		if (strcmp(account_at(v, i), user) == 0)
			return true;
	return false;
}

static void bind_accounts(struct plan *p, const struct view *v)
{
	const char *outgoing = outgoing_of(p, v);
	const json_t *host;
	size_t i;

	if (v->wants_guard && v->kept_accounts == 0)
		account_step(p, v, "account.bind", MODEL_CHAP_GUARD, false);
	if (!v->has_chap)
		return;
	json_array_foreach(v->allowed, i, host)
	{
		const char *user = plan_text(host, "chap_user");

		if (!is_among_kept(v, user) && plan_accounts_usable(p, user, owner_of(host)) &&
		    plan_accounts_may_bind(p, user))
			account_step(p, v, "account.bind", user, false);
	}
	if (outgoing && !is_outgoing_kept(p, v) && plan_accounts_may_bind(p, outgoing))
		account_step(p, v, "account.bind", outgoing, true);
}

/* ---------------------------------------------------------------- the list and the sessions */

static void acl_step(struct plan *p, const struct view *v, bool is_bind, const char *kind,
		     const char *who)
{
	plan_step(p, plan_volume_of(v), is_bind ? "acl.bind" : "acl.unbind",
		  json_pack("{s:s, s:s}", "iqn", v->iqn, kind, who),
		  is_bind ? "let %s into target %s" : "let %s no longer into target %s", who,
		  v->iqn);
}

static bool is_from_allowed_address(const json_t *host, const char *address)
{
	const json_t *addresses = json_object_get(host, "addresses"), *j;
	size_t i;

	json_array_foreach(addresses, i, j)
	{
		if (json_is_string(j) && model_address_matches(json_string_value(j), address))
			return true;
	}
	return json_array_size(addresses) == 0;
}

/* Whose name is not bound has no business there: it slipped in while its binding was taken away. */
static bool is_session_allowed(const struct view *v, const json_t *session)
{
	const char *initiator = plan_text(session, "initiator");
	const json_t *host = plan_allowed_host(v, initiator);

	return !v->is_stripped && host &&
	       plan_has_text(json_object_get(v->target, "initiators"), initiator) &&
	       is_from_allowed_address(host, plan_text(session, "address"));
}

static void close_sessions(struct plan *p, const struct view *v)
{
	const json_t *s;
	size_t i;

	json_array_foreach(json_object_get(v->target, "sessions"), i, s)
	{
		if (is_session_allowed(v, s))
			continue;
		plan_step(p, plan_volume_of(v), "session.close",
			  json_pack("{s:s, s:I, s:I, s:s}", "iqn", v->iqn, "sid",
				    plan_number(s, "sid"), "cid", plan_number(s, "cid"),
				    "initiator", plan_text(s, "initiator")),
			  "end the session of %s from %s at target %s", plan_text(s, "initiator"),
			  plan_text(s, "address"), v->iqn);
	}
}

/* LUNs besides 0 that are not the volume's. */
static bool has_wrong_lun(const struct view *v)
{
	const json_t *lun;
	size_t i;

	json_array_foreach(json_object_get(v->target, "luns"), i, lun)
	{
		if (plan_number(lun, "lun") == 0)
			continue;
		if (!plan_is_our_lun(lun) || plan_number(lun, "lun") != v->lun ||
		    strcmp(plan_text(lun, "path"), v->name) != 0)
			return true;
	}
	return false;
}

void plan_access_withdraw(struct plan *p, struct view *v)
{
	const json_t *j;
	size_t i;

	if (!v->target)
		return;
	v->kept_accounts = count_kept(p, v);
	v->is_stripped =
	    v->export == EXPORT_NO || (v->wants_guard && v->kept_accounts == 0) || has_wrong_lun(v);
	json_array_foreach(json_object_get(v->target, "addresses"), i, j)
	{
		acl_step(p, v, false, "address", json_string_value(j));
	}
	json_array_foreach(json_object_get(v->target, "initiators"), i, j)
	{
		if (v->is_stripped || !plan_allowed_host(v, json_string_value(j)))
			acl_step(p, v, false, "initiator", json_string_value(j));
	}
	close_sessions(p, v);
	if (v->export != EXPORT_NO) /* else they go with the target */
		unbind_accounts(p, v);
}

void plan_access_grant(struct plan *p, struct view *v)
{
	const json_t *host;
	size_t i;

	bind_accounts(p, v);
	if (v->is_stripped)
		return;
	json_array_foreach(v->allowed, i, host)
	{
		const char *iqn = plan_text(host, "iqn");

		if (!plan_has_text(json_object_get(v->target, "initiators"), iqn))
			acl_step(p, v, true, "initiator", iqn);
	}
}
