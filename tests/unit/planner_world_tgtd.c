/* SPDX-License-Identifier: MIT */
/* planner_world_tgtd.c - a tgtd that does what 1.0.85 was seen or read to do, and its initiators.
 */
#include "planner_world.h"

#include <stdio.h>
#include <string.h>

static json_t *target_of(struct world *w, const json_t *a)
{
	return world_find(world_list(w->tgtd, "targets"), "iqn", world_text(a, "iqn"));
}

static bool portal_add(struct world *w, const json_t *a)
{
	if (world_index(world_list(w->tgtd, "portals"), world_text(a, "name")) != SIZE_MAX)
		return false;
	json_array_append(world_list(w->tgtd, "portals"), json_object_get(a, "name"));
	return true;
}

/* Of an array of texts. */
static bool drop_text(json_t *array, const char *text)
{
	size_t i = world_index(array, text);

	return i != SIZE_MAX && json_array_remove(array, i) == 0;
}

static bool portal_remove(struct world *w, const json_t *a)
{
	return drop_text(world_list(w->tgtd, "portals"), world_text(a, "name"));
}

static json_t *new_target(const char *iqn)
{
	return json_pack("{s:s, s:s, s:[{s:i, s:s, s:s}], s:[], s:[], s:[], s:n, s:[]}", "iqn", iqn,
			 "state", "ready", "luns", "lun", 0, "bstype", "None", "path", "None",
			 "addresses", "initiators", "accounts", "outgoing", "sessions");
}

static bool target_create(struct world *w, const json_t *a)
{
	if (target_of(w, a))
		return false;
	json_array_append_new(world_list(w->tgtd, "targets"), new_target(world_text(a, "iqn")));
	return true;
}

static bool target_delete(struct world *w, const json_t *a)
{
	json_t *t = target_of(w, a);

	if (!t || json_array_size(world_list(t, "sessions")) > 0)
		return false;
	world_take_out(world_list(w->tgtd, "targets"), t);
	return true;
}

static json_t *lun_at(const json_t *target, const json_t *number)
{
	json_t *lun;
	size_t i;

	json_array_foreach(world_list(target, "luns"), i, lun)
	{
		if (json_equal(json_object_get(lun, "lun"), number))
			return lun;
	}
	return NULL;
}

static bool lun_create(struct world *w, const json_t *a)
{
	json_t *t = target_of(w, a), *lun = json_object_get(a, "lun");
	const json_t *v =
	    world_find(world_list(w->filterd, "volumes"), "name", world_text(a, "volume"));

	if (!t || lun_at(t, lun) || !w->is_filterd_up ||
	    strcmp(world_text(v, "state"), "serving") != 0)
		return false;
	json_array_append_new(world_list(t, "luns"),
			      json_pack("{s:O, s:s, s:s}", "lun", lun, "bstype", "sluice", "path",
					world_text(a, "volume")));
	return true;
}

static bool lun_delete(struct world *w, const json_t *a)
{
	json_t *t = target_of(w, a);
	json_t *lun = lun_at(t, json_object_get(a, "lun"));

	if (!lun || json_integer_value(json_object_get(lun, "lun")) == 0)
		return false;
	world_take_out(world_list(t, "luns"), lun);
	return true;
}

static bool account_create(struct world *w, const json_t *a)
{
	if (world_find(world_list(w->tgtd, "accounts"), "user", world_text(a, "user")))
		return false;
	json_array_append_new(world_list(w->tgtd, "accounts"),
			      json_pack("{s:s, s:O}", "user", world_text(a, "user"), "changed_ms",
					json_object_get(a, "changed_ms")));
	return true;
}

static bool account_delete(struct world *w, const json_t *a)
{
	const char *user = world_text(a, "user");
	json_t *account = world_find(world_list(w->tgtd, "accounts"), "user", user);
	const json_t *t;
	size_t i;

	if (!account)
		return false;
	json_array_foreach(world_list(w->tgtd, "targets"), i, t)
	{
		if (world_index(world_list(t, "accounts"), user) != SIZE_MAX ||
		    strcmp(world_text(t, "outgoing"), user) == 0)
			world_fault(w, "account %s is deleted while %s has it", user,
				    world_text(t, "iqn"));
	}
	world_take_out(world_list(w->tgtd, "accounts"), account);
	return true;
}

static bool account_bind(struct world *w, const json_t *a)
{
	const char *user = world_text(a, "user");
	json_t *t = target_of(w, a);

	if (!t || !world_find(world_list(w->tgtd, "accounts"), "user", user))
		return false;
	if (json_is_true(json_object_get(a, "is_outgoing"))) {
		if (*world_text(t, "outgoing"))
			return false;
		json_object_set_new(t, "outgoing", json_string(user));
		return true;
	}
	if (world_index(world_list(t, "accounts"), user) != SIZE_MAX)
		return false;
	json_array_append_new(world_list(t, "accounts"), json_string(user));
	return true;
}

static bool account_unbind(struct world *w, const json_t *a)
{
	const char *user = world_text(a, "user");
	json_t *t = target_of(w, a);
	size_t i = world_index(world_list(t, "accounts"), user);

	if (json_is_true(json_object_get(a, "is_outgoing"))) {
		if (!t || strcmp(world_text(t, "outgoing"), user) != 0)
			return false;
		json_object_set_new(t, "outgoing", json_null());
		return true;
	}
	if (i == SIZE_MAX)
		return false;
	if (i + 1 != json_array_size(world_list(t, "accounts")))
		world_fault(w, "taking %s out of the list of %s leaves a gap", user,
			    world_text(t, "iqn"));
	return json_array_remove(world_list(t, "accounts"), i) == 0;
}

/* The list and the entry that an acl step is about. */
static json_t *acl_of(struct world *w, const json_t *a, const char **who)
{
	bool is_address = json_object_get(a, "address") != NULL;

	*who = world_text(a, is_address ? "address" : "initiator");
	return world_list(target_of(w, a), is_address ? "addresses" : "initiators");
}

static bool acl_bind(struct world *w, const json_t *a)
{
	const char *who;
	json_t *acl = acl_of(w, a, &who);

	return acl && world_index(acl, who) == SIZE_MAX &&
	       json_array_append_new(acl, json_string(who)) == 0;
}

static bool acl_unbind(struct world *w, const json_t *a)
{
	const char *who;
	json_t *acl = acl_of(w, a, &who);

	return drop_text(acl, who);
}

static bool session_close(struct world *w, const json_t *a)
{
	json_t *sessions = world_list(target_of(w, a), "sessions"), *s;
	size_t i;

	json_array_foreach(sessions, i, s)
	{
		if (json_equal(json_object_get(s, "sid"), json_object_get(a, "sid")))
			return json_array_remove(sessions, i) == 0;
	}
	return false;
}

const struct world_op world_tgtd_ops[] = {
    {"portal.add", portal_add},
    {"portal.remove", portal_remove},
    {"target.create", target_create},
    {"target.delete", target_delete},
    {"lun.create", lun_create},
    {"lun.delete", lun_delete},
    {"account.create", account_create},
    {"account.delete", account_delete},
    {"account.bind", account_bind},
    {"account.unbind", account_unbind},
    {"acl.bind", acl_bind},
    {"acl.unbind", acl_unbind},
    {"session.close", session_close},
    {NULL, NULL},
};

/* ---------------------------------------------------------------- what happens to them */

void world_restart_tgtd(struct world *w)
{
	w->has_foreign = false;
	json_array_clear(w->half_open);
	json_decref(w->tgtd);
	w->tgtd = json_pack("{s:b, s:[], s:[], s:[s, s]}", "is_up", 1, "targets", "accounts",
			    "portals", "0.0.0.0:3260", "[::]:3260");
}

/* The second half: tgtd looks at the accounts only now. */
static void log_in(struct world *w, json_t *target, const json_t *host)
{
	const char *user = world_text(host, "chap_user");
	const json_t *account = world_find(world_list(w->tgtd, "accounts"), "user", user);
	bool has_list = json_array_size(world_list(target, "accounts")) > 0;
	char address[32];

	if (!target ||
	    (has_list && (world_index(world_list(target, "accounts"), user) == SIZE_MAX ||
			  !json_equal(json_object_get(account, "changed_ms"),
				      json_object_get(host, "chap_changed_ms")))))
		return;
	snprintf(address, sizeof(address), world_random(w, 3) ? "10.0.0.%d" : "10.9.9.%d",
		 (int)json_integer_value(json_object_get(host, "id")));
	json_array_append_new(world_list(target, "sessions"),
			      json_pack("{s:I, s:i, s:s, s:s, s:b}", "sid", ++w->last_id, "cid", 0,
					"initiator", world_text(host, "iqn"), "address", address,
					"with_chap", has_list));
}

/* What is half open goes on when it likes to; a restart of tgtd ends it. */
static void go_on(struct world *w)
{
	const json_t *l = json_array_get(w->half_open, 0);
	json_t *target = world_find(world_list(w->tgtd, "targets"), "iqn", world_text(l, "iqn"));

	if (l && world_random(w, 2) == 0) {
		log_in(w, target, json_object_get(l, "host"));
		json_array_remove(w->half_open, 0);
	}
}

void world_log_in(struct world *w)
{
	const json_t *hosts = world_list(w->desired, "hosts");
	json_t *target, *host;
	size_t i;

	go_on(w);
	json_array_foreach(world_list(w->tgtd, "targets"), i, target)
	{
		host = json_array_get(hosts, world_random(w, WORLD_HOSTS));
		if (world_index(world_list(target, "initiators"), world_text(host, "iqn")) ==
		    SIZE_MAX)
			continue;
		if (world_random(w, 4))
			log_in(w, target, host);
		else
			json_array_append_new(w->half_open,
					      json_pack("{s:s, s:O}", "iqn",
							world_text(target, "iqn"), "host", host));
	}
}

/* Somebody's own volume under the name of one of ours that is not there; or one of ours is lost; or
 * a filter of a whole datastore that nobody here wants. */
static void tamper_filterd(struct world *w)
{
	json_t *volumes = world_list(w->filterd, "volumes"), *v;
	json_t *datastore = json_array_get(world_list(w->filterd, "datastores"), 0);
	char name[16];

	if (datastore && world_random(w, 4) == 0)
		json_object_set_new(datastore, "filters",
				    json_pack("[{s:s, s:{s:s}}]", "filter",
					      world_random(w, 2) ? "shares" : "trace", "params",
					      "m", "9"));
	snprintf(name, sizeof(name), "v%d", (int)world_random(w, WORLD_VOLUMES));
	v = world_find(volumes, "name", name);
	if (v && world_random(w, 2)) { /* grown by hand */
		json_object_set_new(
		    v, "size_bytes",
		    json_integer(json_integer_value(json_object_get(v, "size_bytes")) + 8192));
	} else if (v && *world_text(v, "uuid") == '0') {
		json_object_set_new(w->lost, world_text(v, "uuid"), json_true());
		world_take_out(volumes, v);
	} else if (!v) {
		json_array_append_new(volumes,
				      json_pack("{s:s, s:s, s:s, s:s, s:i, s:[]}", "name", name,
						"uuid", "ffff", "datastore", "d0", "state",
						"serving", "size_bytes", 4096, "filters"));
	}
}

static void tamper_target(struct world *w, json_t *target)
{
	if (strcmp(world_text(target, "iqn"), WORLD_FOREIGN) == 0)
		return;
	json_object_set_new(target, "is_tampered", json_true());
	switch (world_random(w, 7)) {
	case 0:
		json_array_append_new(world_list(target, "addresses"), json_string("ALL"));
		return;
	case 4:
		json_array_remove(world_list(target, "accounts"), 0);
		return;
	case 5:
		json_array_append_new(world_list(target, "luns"),
				      json_pack("{s:i, s:s, s:s}", "lun", 5, "bstype",
						world_random(w, 2) ? "sluice" : "rdwr", "path",
						"v2"));
		return;
	case 1:
		json_array_clear(world_list(target, "initiators"));
		return;
	case 2:
		json_array_append_new(world_list(target, "initiators"),
				      json_string("iqn.2000-01.com.other:me"));
		return;
	case 3:
		json_array_clear(world_list(target, "accounts"));
		return;
	default:
		if (json_array_size(world_list(target, "luns")) > 1)
			json_array_remove(world_list(target, "luns"), 1);
	}
}

static json_t *stray_target(struct world *w)
{
	json_t *t = new_target(WORLD_BASE ":stray");

	json_array_append_new(world_list(t, "initiators"), json_string("iqn.2000-01.com.other:me"));
	json_array_append_new(world_list(t, "sessions"),
			      json_pack("{s:I, s:i, s:s, s:s}", "sid", ++w->last_id, "cid", 0,
					"initiator", "iqn.2000-01.com.other:me", "address",
					"10.9.9.9"));
	return t;
}

/* Somebody works with tgtadm and filterctl by hand. */
void world_mischief(struct world *w)
{
	json_t *targets = world_list(w->tgtd, "targets"), *foreign;

	switch (world_random(w, 5)) {
	case 4:
		tamper_filterd(w);
		return;
	case 0:
		if (json_array_size(targets))
			tamper_target(
			    w, json_array_get(targets, world_random(w, json_array_size(targets))));
		return;
	case 1:
		if (!world_find(targets, "iqn", WORLD_BASE ":stray"))
			json_array_append_new(targets, stray_target(w));
		return;
	case 2: /* with one of our volumes in it */
		if (world_find(targets, "iqn", WORLD_FOREIGN))
			return;
		w->has_foreign = true;
		foreign = new_target(WORLD_FOREIGN);
		json_array_append_new(world_list(foreign, "addresses"), json_string("ALL"));
		json_array_append_new(
		    world_list(foreign, "luns"),
		    json_pack("{s:i, s:s, s:s}", "lun", 1, "bstype", "rdwr", "path", "/dev/other"));
		if (world_random(w, 2))
			json_array_append_new(world_list(foreign, "luns"),
					      json_pack("{s:i, s:s, s:s}", "lun", 2, "bstype",
							"sluice", "path", "v1"));
		json_array_append_new(targets, foreign);
		return;
	default: /* a policyd that was restarted does not know whose secrets these are */
		for (size_t i = 0; i < json_array_size(world_list(w->tgtd, "accounts")); i++)
			json_object_set_new(json_array_get(world_list(w->tgtd, "accounts"), i),
					    "changed_ms", json_integer(0));
	}
}
