/* SPDX-License-Identifier: MIT */
/*
 * login.c - POST /login and /logout, GET /me. A user that does not exist costs the same time and
 * gets the same answer as a wrong password; lockout.h says who has to wait and for how long.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "app.h"
#include "auth.h"
#include "clock.h"
#include "json.h"
#include "login.h"
#include "slow.h"
#include "tables.h"

#define SESSIONS_OF_USER_MAX 20u

static const char *place_of(const struct request *q)
{
	return q->actor.address[0] ? q->actor.address : "local";
}

int login_wait(struct request *q, struct reply *r, const char *account, struct err *err)
{
	uint64_t wait_ms;

	if (password_pool_is_full(q->app->auth->pool))
		return err_set(err, EDQUOT, "",
			       "too many people sign in at once; try again shortly");
	wait_ms = lockout_try(q->app->auth->lockout, account, place_of(q),
			      clock_now_ns() / CLOCK_NS_PER_MS);
	if (wait_ms == 0)
		return 0;
	r->retry_after_s = (unsigned)((wait_ms + 999) / 1000);
	r->problem = "locked_out";
	return err_set(err, EDQUOT, "", "too many passwords were wrong; try again in %u s",
		       r->retry_after_s);
}

void login_was_right(struct request *q, const char *account)
{
	lockout_success(q->app->auth->lockout, account, place_of(q),
			clock_now_ns() / CLOCK_NS_PER_MS);
}

/* ---------------------------------------------------------------- login */

static int first(struct request *q, struct reply *r, struct err *err)
{
	static const char *const members[] = {"user", "password", NULL};
	const char *name = NULL, *password = NULL, *hash = q->app->auth->nobody;
	cleanup_json json_t *user = NULL;
	struct err none = {0};

	if (json_only(q->body, members, err) < 0 ||
	    json_get_string(q->body, "user", &name, err) < 0 ||
	    json_get_string(q->body, "password", &password, err) < 0)
		return -err->code;
	if (!*password || strlen(password) > PASSWORD_MAX || !*name || strlen(name) > 80)
		return err_set(err, EPERM, "", "the user's name or the password is wrong");
	user = store_get(q->store, &table_users, name, &none);
	if (!user && none.code != ENOENT) {
		*err = none;
		return -err->code;
	}
	if (user)
		snprintf(q->actor.name, sizeof(q->actor.name), "user:%.80s",
			 json_string_value(json_object_get(user, "name")));
	if (login_wait(q, r, name, err) < 0)
		return -err->code;
	if (user) {
		hash = json_string_value(json_object_get(user, "password_hash"));
		q->slow->user_id = json_integer_value(json_object_get(user, "id"));
	}
	snprintf(q->slow->verify_hash, sizeof(q->slow->verify_hash), "%s", hash ? hash : "");
	snprintf(q->slow->verify_password, sizeof(q->slow->verify_password), "%s", password);
	return 0;
}

/* Sessions that have ended go, and the oldest where somebody has very many. */
static int make_room(struct request *q, const char *user, struct err *err)
{
	const char *filters[] = {"user", user, NULL};
	struct store_query query = {
	    .filters = filters, .sort = "-last_seen_ms", .limit = STORE_PAGE_MAX};
	cleanup_json json_t *list = store_list(q->store, &table_sessions, &query, err);
	int64_t now_ms = (int64_t)clock_wall_ms();
	json_t *row;
	size_t i;

	if (!list)
		return -err->code;
	json_array_foreach(json_object_get(list, "items"), i, row)
	{
		int64_t id = json_integer_value(json_object_get(row, "id"));
		bool is_old = id == q->actor.session_id || i + 1 >= SESSIONS_OF_USER_MAX ||
			      !session_is_alive(q->app->auth, row, now_ms);

		if (is_old && store_delete(q->store, &table_sessions, id, 0, err) < 0)
			return -err->code;
	}
	return 0;
}

static int note_login(struct request *q, int64_t user_id, struct err *err)
{
	cleanup_json json_t *changes =
	    json_pack("{s:I, s:i, s:i}", "last_login_ms", (json_int_t)clock_wall_ms(),
		      "failed_logins", 0, "locked_until_ms", 0);

	return store_note(q->store, &table_users, user_id, changes, err);
}

static int second(struct request *q, struct reply *r, struct err *err)
{
	int64_t id = q->slow->user_id;
	cleanup_json json_t *user = id ? store_get_id(q->store, &table_users, id, err) : NULL;
	const char *name = json_string_value(json_object_get(user, "name"));
	const char *agent = request_header(q, "User-Agent");
	const char *hash = json_string_value(json_object_get(user, "password_hash"));
	char session[AUTH_SECRET_MAX], csrf[AUTH_SECRET_MAX], short_agent[200];

	if (!user || !q->slow->is_verified || strcmp(hash, q->slow->verify_hash) != 0 ||
	    !json_is_true(json_object_get(user, "is_enabled")))
		return err_set(err, EPERM, "", "the user's name or the password is wrong");
	snprintf(short_agent, sizeof(short_agent), "%s", agent ? agent : "");
	for (char *p = short_agent; *p; p++)
		*p = *p < ' ' || *p > '~' ? '?' : *p;
	if (make_room(q, name, err) < 0 ||
	    session_make(q->app->auth, id, q->actor.address, short_agent, session, csrf, err) < 0 ||
	    note_login(q, id, err) < 0)
		return -err->code;
	login_was_right(q, json_string_value(json_object_get(q->body, "user")));
	snprintf(r->object_name, sizeof(r->object_name), "%s", name);
	r->status = 200;
	r->body = json_pack("{s:s, s:s, s:s, s:O}", "session", session, "csrf_token", csrf, "user",
			    name, "role", json_object_get(user, "role"));
	return 0;
}

static int login(struct request *q, struct reply *r, struct err *err)
{
	return q->slow->is_second ? second(q, r, err) : first(q, r, err);
}

/* ---------------------------------------------------------------- logout, me */

static int logout(struct request *q, struct reply *r, struct err *err)
{
	if (q->actor.session_id == 0)
		return 0;
	return store_delete(q->store, &table_sessions, q->actor.session_id, 0, err);
}

static int me(struct request *q, struct reply *r, struct err *err)
{
	const struct actor *a = &q->actor;
	const char *kind = a->session_id ? "session" : a->token_id ? "token" : "local";
	const char *name = strchr(a->name, ':');

	r->body = json_pack("{s:s, s:s, s:s, s:s}", "name", name ? name + 1 : a->name, "kind", kind,
			    "role", auth_role_word(a->role), "address", a->address);
	return 0;
}

const struct route login_routes[] = {
    {"POST", "/login", REST_PUBLIC, ROUTE_SLOW | ROUTE_NO_RECONCILE, login, "user", NULL},
    {"POST", "/logout", REST_VIEWER, ROUTE_NO_RECONCILE, logout, "session", NULL},
    {"GET", "/me", REST_VIEWER, 0, me, "user", NULL},
    {.method = NULL},
};
