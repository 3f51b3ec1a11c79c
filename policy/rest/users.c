/* SPDX-License-Identifier: MIT */
/*
 * users.c - /users, and the change of one's own password. Whoever loses a right loses his sessions
 * at once; the last administrator who may sign in cannot be taken away.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "app.h"
#include "auth.h"
#include "clock.h"
#include "json.h"
#include "login.h"
#include "slow.h"
#include "tables.h"

/* Failures are counted in memory: the database need not be written for somebody who guesses. */
static void show(struct request *q, json_t *row)
{
	const char *name = json_string_value(json_object_get(row, "name"));
	uint64_t until_ms;
	uint32_t failures = lockout_account(q->app->auth->lockout, name, &until_ms);
	uint64_t now_ms = clock_now_ns() / CLOCK_NS_PER_MS;

	json_object_set_new(row, "failed_logins", json_integer(failures));
	if (until_ms > now_ms)
		json_object_set_new(
		    row, "locked_until_ms",
		    json_integer((json_int_t)(clock_wall_ms() + until_ms - now_ms)));
}

static int list(struct request *q, struct reply *r, struct err *err)
{
	return rest_list(q, r, &table_users, show, err);
}

static int get(struct request *q, struct reply *r, struct err *err)
{
	json_t *row = store_get(q->store, &table_users, q->segments[0], err);

	if (!row)
		return -err->code;
	rest_row(q, r, &table_users, row, show);
	return 0;
}

/* The body without its password, which is no column. *password NULL: there is none. New reference.
 */
static json_t *without_password(const json_t *body, const char **password, struct err *err)
{
	json_t *rest = json_copy((json_t *)(uintptr_t)body);

	*password = NULL;
	if (json_opt_string(body, "password", password, err) < 0) {
		json_decref(rest);
		return NULL;
	}
	json_object_del(rest, "password");
	return rest ? rest : json_object();
}

static int take_password(struct request *q, const char *password, const char *user, struct err *err)
{
	if (!password)
		return 0;
	if (password_check("password", password, user, err) < 0)
		return -err->code;
	snprintf(q->slow->new_password, sizeof(q->slow->new_password), "%s", password);
	return 0;
}

static int add_hash(const struct request *q, json_t *row, struct err *err)
{
	if (!q->slow->new_password[0])
		return 0;
	if (!q->slow->new_hash[0])
		return err_set(err, EAGAIN, "", "no memory to work the password out; try again");
	json_object_set_new(row, "password_hash", json_string(q->slow->new_hash));
	return 0;
}

/* ---------------------------------------------------------------- create */

static int create(struct request *q, struct reply *r, struct err *err)
{
	const char *password, *name;
	cleanup_json json_t *row = without_password(q->body, &password, err);
	json_t *made;

	if (!row || table_check(&table_users, row, TABLE_CREATE, err) < 0)
		return -err->code;
	name = json_string_value(json_object_get(row, "name"));
	if (!password)
		return err_set(err, EINVAL, "password", "password is missing");
	if (strcasecmp(name, "me") == 0)
		return err_set(err, EINVAL, "name", "'me' stands for whoever asks");
	if (!q->slow->is_second)
		return take_password(q, password, name, err);
	if (add_hash(q, row, err) < 0)
		return -err->code;
	made = store_insert(q->store, &table_users, row, err);
	if (!made)
		return -err->code;
	snprintf(r->location, sizeof(r->location), "/api/v1/users/%s", name);
	rest_row(q, r, &table_users, made, show);
	return 0;
}

/* ---------------------------------------------------------------- change, remove */

static bool is_active_admin(const json_t *user)
{
	const char *role = json_string_value(json_object_get(user, "role"));

	return role && strcmp(role, "admin") == 0 &&
	       json_is_true(json_object_get(user, "is_enabled"));
}

/* After the change, within its transaction. */
static int check_admin_is_left(struct request *q, struct reply *r, struct err *err)
{
	static const char *const filters[] = {"role", "admin", "is_enabled", "true", NULL};
	struct store_query query = {.filters = filters, .limit = 1};
	cleanup_json json_t *rows = store_list(q->store, &table_users, &query, err);

	if (!rows)
		return -err->code;
	if (json_array_size(json_object_get(rows, "items")) > 0)
		return 0;
	r->problem = "last_admin";
	return err_set(err, EBUSY, "",
		       "this is the last administrator who may sign in; make another one first");
}

static int end_sessions(struct request *q, const json_t *before, const json_t *now, struct err *err)
{
	int64_t id = json_integer_value(json_object_get(now, "id"));
	bool is_less = !json_equal(json_object_get(before, "role"), json_object_get(now, "role")) ||
		       !json_is_true(json_object_get(now, "is_enabled")) ||
		       q->slow->new_password[0];

	return is_less ? session_end_all(q->store, id, q->actor.session_id, err) : 0;
}

static int change(struct request *q, struct reply *r, struct err *err)
{
	const char *password, *name;
	cleanup_json json_t *changes = without_password(q->body, &password, err);
	cleanup_json json_t *before = NULL;
	json_t *now;

	if (!changes || table_check(&table_users, changes, TABLE_CHANGE, err) < 0)
		return -err->code;
	before = store_get(q->store, &table_users, q->segments[0], err);
	if (!before || rest_match(q, before, err) < 0)
		return -err->code;
	name = json_string_value(json_object_get(before, "name"));
	if (!q->slow->is_second)
		return take_password(q, password, name, err);
	if (add_hash(q, changes, err) < 0)
		return -err->code;
	now =
	    store_update(q->store, &table_users, json_integer_value(json_object_get(before, "id")),
			 changes, q->if_match, err);
	if (!now)
		return -err->code;
	if ((is_active_admin(before) && !is_active_admin(now) &&
	     check_admin_is_left(q, r, err) < 0) ||
	    end_sessions(q, before, now, err) < 0) {
		json_decref(now);
		return -err->code;
	}
	if (password)
		lockout_forget(q->app->auth->lockout, name);
	rest_row(q, r, &table_users, now, show);
	return 0;
}

static int erase(struct request *q, struct reply *r, struct err *err)
{
	cleanup_json json_t *row = store_get(q->store, &table_users, q->segments[0], err);

	if (!row || rest_match(q, row, err) < 0)
		return -err->code;
	if (store_delete(q->store, &table_users, json_integer_value(json_object_get(row, "id")),
			 q->if_match, err) < 0)
		return -err->code;
	return is_active_admin(row) ? check_admin_is_left(q, r, err) : 0;
}

/* ---------------------------------------------------------------- one's own password */

static int own_first(struct request *q, struct reply *r, const json_t *user, struct err *err)
{
	static const char *const members[] = {"old_password", "new_password", NULL};
	const char *name = json_string_value(json_object_get(user, "name"));
	const char *hash = json_string_value(json_object_get(user, "password_hash"));
	const char *old = NULL, *new = NULL;

	if (json_only(q->body, members, err) < 0 ||
	    json_get_string(q->body, "old_password", &old, err) < 0 ||
	    json_get_string(q->body, "new_password", &new, err) < 0 ||
	    password_check("new_password", new, name, err) < 0)
		return -err->code;
	if (!*old || strlen(old) > PASSWORD_MAX)
		return err_set(err, EACCES, "old_password", "the old password is wrong");
	if (login_wait(q, r, name, err) < 0)
		return -err->code;
	snprintf(q->slow->verify_hash, sizeof(q->slow->verify_hash), "%s", hash);
	snprintf(q->slow->verify_password, sizeof(q->slow->verify_password), "%s", old);
	snprintf(q->slow->new_password, sizeof(q->slow->new_password), "%s", new);
	return 0;
}

static int own_password(struct request *q, struct reply *r, struct err *err)
{
	cleanup_json json_t *user = NULL, *changes = json_object(), *now = NULL;

	if (!q->actor.session_id)
		return err_set(err, EACCES, "",
			       "only a user who has signed in has a password here");
	user = store_get_id(q->store, &table_users, q->actor.user_id, err);
	if (!user)
		return -err->code;
	if (!q->slow->is_second)
		return own_first(q, r, user, err);
	if (!q->slow->is_verified)
		return err_set(err, EACCES, "old_password", "the old password is wrong");
	if (add_hash(q, changes, err) < 0)
		return -err->code;
	now = store_update(q->store, &table_users, q->actor.user_id, changes, 0, err);
	if (!now || session_end_all(q->store, q->actor.user_id, q->actor.session_id, err) < 0)
		return -err->code;
	login_was_right(q, json_string_value(json_object_get(user, "name")));
	snprintf(r->object_name, sizeof(r->object_name), "%s",
		 json_string_value(json_object_get(user, "name")));
	return 0;
}

#define SLOW (ROUTE_SLOW | ROUTE_NO_RECONCILE)

const struct route users_routes[] = {
    {"GET", "/users", REST_ADMIN, 0, list, "user", rest_list_query},
    {"POST", "/users", REST_ADMIN, SLOW, create, "user", NULL},
    {"GET", "/users/{name}", REST_ADMIN, 0, get, "user", NULL},
    {"PATCH", "/users/{name}", REST_ADMIN, SLOW, change, "user", NULL},
    {"DELETE", "/users/{name}", REST_ADMIN, ROUTE_NO_RECONCILE, erase, "user", NULL},
    {"POST", "/users/me/password", REST_VIEWER, SLOW, own_password, "user", NULL},
    {.method = NULL},
};
