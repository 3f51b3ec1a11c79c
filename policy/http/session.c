/* SPDX-License-Identifier: MIT */
/*
 * session.c - browser sessions. A session is a reference token of 256 random bits, and a second one
 * against forged requests, which every change must bear in X-CSRF-Token. Both are new at each
 * login. It ends after 15 minutes without a request and after 12 hours in any case (settings
 * session_idle_s and session_max_s), at logout, and when its user is disabled, removed or gets
 * another password.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "auth.h"
#include "clock.h"
#include "json.h"
#include "store.h"

static int64_t setting_s(struct store *s, const char *key, int64_t otherwise)
{
	cleanup_json json_t *value = store_setting(s, key);
	int64_t seconds = json_integer_value(value);

	return seconds > 0 ? seconds : otherwise;
}

int session_make(struct auth *a, int64_t user_id, const char *address, const char *agent,
		 char session[AUTH_SECRET_MAX], char csrf[AUTH_SECRET_MAX], struct err *err)
{
	int64_t now_ms = (int64_t)clock_wall_ms();
	int64_t max_s = setting_s(a->store, "session_max_s", AUTH_SESSION_MAX_S);
	cleanup_json json_t *user = store_get_id(a->store, &table_users, user_id, err);
	cleanup_json json_t *made = NULL, *row = NULL;
	char session_hash[65], csrf_hash[65];

	if (!user)
		return -err->code;
	if (auth_secret_make("", session, session_hash, err) < 0 ||
	    auth_secret_make("", csrf, csrf_hash, err) < 0)
		return -err->code;
	row = json_pack("{s:s, s:s, s:O, s:s, s:s, s:I, s:I}", "session_hash", session_hash,
			"csrf_hash", csrf_hash, "user", json_object_get(user, "name"), "address",
			address, "agent", agent, "last_seen_ms", (json_int_t)now_ms, "expires_ms",
			(json_int_t)(now_ms + max_s * 1000));
	if (!row)
		return err_set(err, EINVAL, "User-Agent", "the User-Agent is not UTF-8");
	made = store_insert(a->store, &table_sessions, row, err);
	return made ? 0 : -err->code;
}

bool session_is_alive(struct auth *a, const json_t *row, int64_t now_ms)
{
	int64_t idle_s = setting_s(a->store, "session_idle_s", AUTH_SESSION_IDLE_S);
	int64_t seen_ms = json_integer_value(json_object_get(row, "last_seen_ms"));

	return json_integer_value(json_object_get(row, "expires_ms")) > now_ms &&
	       now_ms - seen_ms < idle_s * 1000;
}

/* The sessions' table seen by its hashes. */
static json_t *find_session(struct store *s, const char *session, struct err *err)
{
	static struct store_table by_hash;
	char hash[65];

	auth_hash(session, hash);
	by_hash = table_sessions;
	by_hash.key = "session_hash";
	return store_get(s, &by_hash, hash, err);
}

static int ended(struct err *err)
{
	return err_set(err, EPERM, "", "the session has ended; sign in again");
}

static int check_csrf(const json_t *row, const char *csrf, struct err *err)
{
	const char *wanted = json_string_value(json_object_get(row, "csrf_hash"));
	char hash[65];

	if (csrf && wanted) {
		auth_hash(csrf, hash);
		if (auth_hash_equal(hash, wanted))
			return 0;
	}
	return err_set(err, EACCES, "X-CSRF-Token",
		       "a change by a browser session needs its token in X-CSRF-Token");
}

int session_who(struct auth *a, const char *session, const char *csrf, bool is_change,
		struct actor *out, json_t **row_out, struct err *err)
{
	cleanup_json json_t *row = find_session(a->store, session, err), *user = NULL;
	const char *name = json_string_value(json_object_get(row, "user"));

	if (!row)
		return err->code == ENOENT ? ended(err) : -err->code;
	snprintf(out->name, sizeof(out->name), "user:%.80s", name ? name : "");
	user = store_get(a->store, &table_users, name ? name : "", err);
	if (!user)
		return err->code == ENOENT ? ended(err) : -err->code;
	if (!session_is_alive(a, row, (int64_t)clock_wall_ms()) ||
	    !json_is_true(json_object_get(user, "is_enabled")))
		return ended(err);
	if (is_change && check_csrf(row, csrf, err) < 0)
		return -err->code;
	out->role = auth_role(json_string_value(json_object_get(user, "role")));
	out->user_id = json_integer_value(json_object_get(user, "id"));
	out->session_id = json_integer_value(json_object_get(row, "id"));
	*row_out = json_incref(row);
	return 0;
}

int session_end_all(struct store *s, int64_t user_id, int64_t but_id, struct err *err)
{
	cleanup_json json_t *user = store_get_id(s, &table_users, user_id, err);
	const char *name = json_string_value(json_object_get(user, "name"));
	const char *filters[] = {"user", name, NULL};
	struct store_query query = {.filters = filters, .limit = STORE_PAGE_MAX};
	cleanup_json json_t *list = NULL;
	size_t i;
	json_t *row;

	if (!user)
		return -err->code;
	list = store_list(s, &table_sessions, &query, err);
	if (!list)
		return -err->code;
	json_array_foreach(json_object_get(list, "items"), i, row)
	{
		int64_t id = json_integer_value(json_object_get(row, "id"));

		if (id != but_id && store_delete(s, &table_sessions, id, 0, err) < 0)
			return -err->code;
	}
	return 0;
}
