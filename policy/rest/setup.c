/* SPDX-License-Identifier: MIT */
/*
 * setup.c - GET and POST /setup: an appliance begins without users and without a password that
 * everybody knows. Each start without users makes a token of 256 random bits, of which the database
 * has the hash; whoever reads the log or the file (root) makes the first administrator with it.
 */
#include "setup.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "app.h"
#include "auth.h"
#include "cleanup.h"
#include "durable.h"
#include "json.h"
#include "log.h"
#include "parse.h"
#include "slow.h"
#include "tables.h"

#define SETTING "setup_token_hash"

/* 1: there is nobody. */
static int is_needed(struct store *s, struct err *err)
{
	struct store_query query = {.limit = 1};
	cleanup_json json_t *list = store_list(s, &table_users, &query, err);

	if (!list)
		return -err->code;
	return json_array_size(json_object_get(list, "items")) == 0;
}

static int keep_hash(struct store *s, const char *hash, struct err *err)
{
	cleanup_json json_t *value = json_string(hash);
	int rc = store_begin(s, err);

	if (rc == 0)
		rc = store_setting_put(s, SETTING, value, err);
	if (rc == 0)
		rc = store_commit(s, err);
	if (rc < 0)
		store_rollback(s);
	return rc;
}

int setup_prepare(struct store *s, const char *path, struct err *err)
{
	char token[AUTH_SECRET_MAX], hash[65];
	int rc = is_needed(s, err);

	if (rc < 0)
		return rc;
	if (rc == 0) {
		unlink(path);
		return 0;
	}
	rc = auth_secret_make("", token, hash, err);
	if (rc == 0)
		rc = keep_hash(s, hash, err);
	if (rc == 0)
		rc = durable_write(path, token, strlen(token), err);
	if (rc == 0)
		log_info("nobody may sign in yet; the set-up token for the first administrator: %s",
			 token);
	OPENSSL_cleanse(token, sizeof(token));
	return rc;
}

static int check_token(struct request *q, struct err *err)
{
	cleanup_json json_t *kept = store_setting(q->store, SETTING);
	const char *wanted = json_string_value(kept), *token = NULL;
	char hash[65];

	if (json_get_string(q->body, "setup_token", &token, err) < 0)
		return -err->code;
	auth_hash(token, hash);
	if (!wanted || !auth_hash_equal(hash, wanted))
		return err_set(err, EACCES, "setup_token",
			       "this is not the set-up token; it stands in the log of "
			       "sluice-policyd and in setup-token in its run directory");
	return 0;
}

static int check(struct request *q, struct err *err)
{
	static const char *const members[] = {"setup_token", "user", "password", NULL};
	const char *user = NULL, *password = NULL;
	int rc = is_needed(q->store, err);

	if (rc < 0)
		return rc;
	if (rc == 0)
		return err_set(err, EEXIST, "", "the set-up is done: sign in as a user");
	if (json_only(q->body, members, err) < 0 || check_token(q, err) < 0 ||
	    json_get_string(q->body, "user", &user, err) < 0 || parse_name("user", user, err) < 0 ||
	    json_get_string(q->body, "password", &password, err) < 0 ||
	    password_check("password", password, user, err) < 0)
		return -err->code;
	snprintf(q->slow->new_password, sizeof(q->slow->new_password), "%s", password);
	return 0;
}

static int make(struct request *q, struct reply *r, struct err *err)
{
	cleanup_json json_t *gone = json_string(""), *row = NULL;
	const char *user = json_string_value(json_object_get(q->body, "user"));
	cleanup_free char *path = NULL;
	json_t *made;

	if (check(q, err) < 0) /* somebody else may have been faster */
		return -err->code;
	if (!q->slow->new_hash[0])
		return err_set(err, EAGAIN, "", "no memory to work the password out; try again");
	row = json_pack("{s:s, s:s, s:s}", "name", user, "role", "admin", "password_hash",
			q->slow->new_hash);
	made = store_insert(q->store, &table_users, row, err);
	if (!made || store_setting_put(q->store, SETTING, gone, err) < 0) {
		json_decref(made);
		return -err->code;
	}
	if (asprintf(&path, "%s/setup-token", q->app->run_dir) > 0)
		unlink(path);
	snprintf(q->actor.name, sizeof(q->actor.name), "user:%.80s", user);
	snprintf(r->location, sizeof(r->location), "/api/v1/users/%s", user);
	rest_row(q, r, &table_users, made, NULL);
	return 0;
}

static int post(struct request *q, struct reply *r, struct err *err)
{
	return q->slow->is_second ? make(q, r, err) : check(q, err);
}

static int get(struct request *q, struct reply *r, struct err *err)
{
	int rc = is_needed(q->store, err);

	if (rc < 0)
		return rc;
	r->body = json_pack("{s:b}", "is_needed", rc);
	return 0;
}

const struct route setup_routes[] = {
    {"GET", "/setup", REST_PUBLIC, 0, get, "setup", NULL},
    {"POST", "/setup", REST_PUBLIC, ROUTE_SLOW | ROUTE_NO_RECONCILE, post, "setup", NULL},
    {.method = NULL},
};
