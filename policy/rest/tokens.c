/* SPDX-License-Identifier: MIT */
/* tokens.c - /tokens: for programs. The token itself is shown once, when it is made. */
#include <errno.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>

#include "auth.h"
#include "clock.h"
#include "json.h"
#include "tables.h"

#define LIFE_MIN_S 60u
#define LIFE_MAX_S (5ull * 366 * 86400)

static int list(struct request *q, struct reply *r, struct err *err)
{
	return rest_list(q, r, &table_tokens, NULL, err);
}

static int get(struct request *q, struct reply *r, struct err *err)
{
	json_t *row = store_get(q->store, &table_tokens, q->segments[0], err);

	if (!row)
		return -err->code;
	rest_row(q, r, &table_tokens, row, NULL);
	return 0;
}

/* What the client gave, and what is ours of the row. */
static int fill(struct request *q, json_t *row, uint64_t life_s, const char *hash, struct err *err)
{
	cleanup_json json_t *user = NULL;
	int64_t now_ms = (int64_t)clock_wall_ms();

	if (q->actor.user_id) {
		user = store_get_id(q->store, &table_users, q->actor.user_id, err);
		if (!user)
			return -err->code;
		json_object_set(row, "user", json_object_get(user, "name"));
	}
	json_object_set_new(row, "token_hash", json_string(hash));
	json_object_set_new(row, "expires_ms", json_integer(now_ms + (json_int_t)life_s * 1000));
	return 0;
}

static int create(struct request *q, struct reply *r, struct err *err)
{
	cleanup_json json_t *row = json_copy(q->body);
	char token[AUTH_SECRET_MAX], hash[65];
	uint64_t life_s = 0;
	json_t *made;

	if (json_get_u64(q->body, "expires_in_s", LIFE_MIN_S, LIFE_MAX_S, &life_s, err) < 0)
		return -err->code;
	json_object_del(row, "expires_in_s");
	if (table_check(&table_tokens, row, TABLE_CREATE, err) < 0)
		return -err->code;
	if (auth_role(json_string_value(json_object_get(row, "role"))) > q->actor.role)
		return err_set(err, EACCES, "role", "a token cannot do more than who makes it: %s",
			       auth_role_word(q->actor.role));
	if (auth_secret_make(AUTH_TOKEN_PREFIX, token, hash, err) < 0 ||
	    fill(q, row, life_s, hash, err) < 0)
		return -err->code;
	made = store_insert(q->store, &table_tokens, row, err);
	if (!made)
		return -err->code;
	rest_row(q, r, &table_tokens, made, NULL);
	json_object_set_new(r->body, "token", json_string(token));
	OPENSSL_cleanse(token, sizeof(token));
	snprintf(r->location, sizeof(r->location), "/api/v1/tokens/%s", r->object_name);
	return 0;
}

static int erase(struct request *q, struct reply *r, struct err *err)
{
	cleanup_json json_t *row = store_get(q->store, &table_tokens, q->segments[0], err);

	if (!row || rest_match(q, row, err) < 0)
		return -err->code;
	return store_delete(q->store, &table_tokens, json_integer_value(json_object_get(row, "id")),
			    q->if_match, err);
}

const struct route tokens_routes[] = {
    {"GET", "/tokens", REST_ADMIN, 0, list, "token", rest_list_query},
    {"POST", "/tokens", REST_ADMIN, ROUTE_NO_RECONCILE, create, "token", NULL},
    {"GET", "/tokens/{name}", REST_ADMIN, 0, get, "token", NULL},
    {"DELETE", "/tokens/{name}", REST_ADMIN, ROUTE_NO_RECONCILE, erase, "token", NULL},
    {.method = NULL},
};
