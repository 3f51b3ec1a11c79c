/* SPDX-License-Identifier: MIT */
#include "auth.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "clock.h"
#include "json.h"
#include "store.h"

#define SECRET_BYTES 32u /* 256 bits */

static const char *const words[] = {"public", "viewer", "operator", "admin"};

const char *auth_role_word(enum rest_role role)
{
	return words[role];
}

enum rest_role auth_role(const char *word)
{
	for (enum rest_role r = REST_VIEWER; word && r <= REST_ADMIN; r++)
		if (strcmp(word, words[r]) == 0)
			return r;
	return REST_PUBLIC;
}

int auth_start(struct loop *loop, struct store *store, uint32_t log_n, struct auth **out,
	       struct err *err)
{
	struct auth *a = calloc(1, sizeof(*a));
	int rc;

	if (!a)
		return err_set(err, ENOMEM, "", "no memory for authentication");
	a->store = store;
	a->log_n = log_n;
	a->lockout = lockout_create();
	rc = a->lockout ? password_pool_start(loop, log_n, &a->pool, err)
			: err_set(err, ENOMEM, "", "no memory for authentication");
	if (rc < 0) {
		auth_stop(a);
		return rc;
	}
	password_nobody(log_n, a->nobody);
	*out = a;
	return 0;
}

void auth_stop(struct auth *a)
{
	if (!a)
		return;
	password_pool_stop(a->pool);
	lockout_free(a->lockout);
	free(a);
}

/* ---------------------------------------------------------------- secrets */

void auth_hash(const char *secret, char hash[65])
{
	unsigned char digest[EVP_MAX_MD_SIZE] = {0};
	unsigned len = 0;

	EVP_Digest(secret, strlen(secret), digest, &len, EVP_sha256(), NULL);
	for (size_t i = 0; i < 32; i++)
		snprintf(hash + 2 * i, 3, "%02x", digest[i]);
}

bool auth_hash_equal(const char *a, const char *b)
{
	size_t len = strlen(a);

	return len == strlen(b) && CRYPTO_memcmp(a, b, len) == 0;
}

int auth_secret_make(const char *prefix, char secret[AUTH_SECRET_MAX], char hash[65],
		     struct err *err)
{
	unsigned char bytes[SECRET_BYTES], text[48];
	size_t used;

	if (RAND_bytes(bytes, sizeof(bytes)) != 1)
		return err_set(err, EIO, "", "the system has no random numbers");
	EVP_EncodeBlock(text, bytes, sizeof(bytes));
	snprintf(secret, AUTH_SECRET_MAX, "%s%.43s", prefix, (char *)text);
	for (used = strlen(prefix); secret[used]; used++) /* base64 for URLs and cookies */
		secret[used] = secret[used] == '+' ? '-' : secret[used] == '/' ? '_' : secret[used];
	OPENSSL_cleanse(bytes, sizeof(bytes));
	OPENSSL_cleanse(text, sizeof(text));
	auth_hash(secret, hash);
	return 0;
}

/* ---------------------------------------------------------------- tokens */

static int not_good(struct err *err)
{
	return err_set(err, EPERM, "", "this token is not known, or has expired");
}

/* The tokens' table seen by its hashes. */
static json_t *find_token(struct store *s, const char *hash, struct err *err)
{
	static struct store_table by_hash;

	by_hash = table_tokens;
	by_hash.key = "token_hash";
	return store_get(s, &by_hash, hash, err);
}

/* A token may never do more than who made it, today. */
static int cap_by_user(struct auth *a, const json_t *token, struct actor *out, struct err *err)
{
	const char *name = json_string_value(json_object_get(token, "user"));
	cleanup_json json_t *user = NULL;
	enum rest_role role;

	if (!name)
		return 0;
	user = store_get(a->store, &table_users, name, err);
	if (!user)
		return err->code == ENOENT ? not_good(err) : -err->code;
	if (!json_is_true(json_object_get(user, "is_enabled")))
		return not_good(err);
	role = auth_role(json_string_value(json_object_get(user, "role")));
	out->role = role < out->role ? role : out->role;
	out->user_id = json_integer_value(json_object_get(user, "id"));
	return 0;
}

/* Notes that it was used; what goes wrong with that is of no matter. */
static void note_used(struct auth *a, const struct store_table *t, const json_t *row,
		      const char *column, int64_t now_ms)
{
	cleanup_json json_t *changes = NULL;
	int64_t id = json_integer_value(json_object_get(row, "id"));
	int64_t before_ms = json_integer_value(json_object_get(row, column));

	if (now_ms >= before_ms && now_ms - before_ms < AUTH_NOTE_MS)
		return;
	changes = json_pack("{s:I}", column, (json_int_t)now_ms);
	if (store_begin(a->store, NULL) < 0 || store_note(a->store, t, id, changes, NULL) < 0 ||
	    store_commit(a->store, NULL) < 0)
		store_rollback(a->store);
}

static int token_who(struct auth *a, const char *token, struct actor *out, struct err *err)
{
	cleanup_json json_t *row = NULL;
	int64_t now_ms = (int64_t)clock_wall_ms();
	char hash[65];

	if (strncmp(token, AUTH_TOKEN_PREFIX, strlen(AUTH_TOKEN_PREFIX)) != 0 ||
	    strlen(token) >= AUTH_SECRET_MAX)
		return not_good(err);
	auth_hash(token, hash);
	row = find_token(a->store, hash, err);
	if (!row)
		return err->code == ENOENT ? not_good(err) : -err->code;
	snprintf(out->name, sizeof(out->name), "token:%.80s",
		 json_string_value(json_object_get(row, "name")));
	if (json_integer_value(json_object_get(row, "expires_ms")) <= now_ms)
		return not_good(err);
	out->role = auth_role(json_string_value(json_object_get(row, "role")));
	out->token_id = json_integer_value(json_object_get(row, "id"));
	if (cap_by_user(a, row, out, err) < 0)
		return -err->code;
	note_used(a, &table_tokens, row, "last_used_ms", now_ms);
	return 0;
}

/* ---------------------------------------------------------------- sessions */

/* The value of our cookie in "a=1; __Host-sluice=...; b=2". */
static bool take_cookie(const char *header, char out[AUTH_SECRET_MAX])
{
	static const char name[] = AUTH_COOKIE "=";
	const char *at = header;

	while (at && *at) {
		at += strspn(at, " ;");
		if (strncmp(at, name, sizeof(name) - 1) == 0) {
			size_t len = strcspn(at + sizeof(name) - 1, "; ");

			if (len == 0 || len >= AUTH_SECRET_MAX)
				return false;
			memcpy(out, at + sizeof(name) - 1, len);
			out[len] = '\0';
			return true;
		}
		at = strchr(at, ';');
	}
	return false;
}

static int cookie_who(struct auth *a, const struct auth_headers *h, const char *session,
		      struct actor *out, struct err *err)
{
	cleanup_json json_t *row = NULL;
	int rc = session_who(a, session, h->csrf, h->is_change, out, &row, err);

	if (rc == 0)
		note_used(a, &table_sessions, row, "last_seen_ms", (int64_t)clock_wall_ms());
	return rc;
}

/* What is no address is none: it will stand in records and be compared. */
static void take_address(const char *text, char out[64])
{
	size_t len = text ? strlen(text) : 0;

	if (len > 0 && len < 64 && strspn(text, "0123456789abcdefABCDEF:.") == len)
		memcpy(out, text, len + 1);
	else
		out[0] = '\0';
}

int auth_who(struct auth *a, const struct auth_headers *h, struct actor *out, struct err *err)
{
	char session[AUTH_SECRET_MAX];
	int rc = 0;

	memset(out, 0, sizeof(*out));
	take_address(h->address, out->address);
	if (h->authorization && strncasecmp(h->authorization, "Bearer ", 7) == 0)
		rc = token_who(a, h->authorization + 7, out, err);
	else if (h->authorization)
		rc = err_set(err, EPERM, "", "Authorization must be: Bearer slc_...");
	else if (h->cookie && take_cookie(h->cookie, session))
		rc = cookie_who(a, h, session, out, err);
	else if (h->is_local_root) {
		snprintf(out->name, sizeof(out->name), "root (local)");
		out->role = REST_ADMIN;
	}
	if (rc < 0)
		out->role = REST_PUBLIC;
	return rc;
}

/* Whether the session's or token's user may still do what role means. */
static bool is_role_still(struct auth *a, const json_t *row, enum rest_role role)
{
	const char *name = json_string_value(json_object_get(row, "user"));
	cleanup_json json_t *user = NULL;
	struct err err = {0};

	if (!name) /* a token of root's */
		return true;
	user = store_get(a->store, &table_users, name, &err);
	if (!user)
		return err.code != ENOENT;
	return json_is_true(json_object_get(user, "is_enabled")) &&
	       auth_role(json_string_value(json_object_get(user, "role"))) >= role;
}

/* SQLite gives the number of a row that was deleted to the next one. */
static bool is_same(const json_t *row, const struct actor *who)
{
	const char *key = who->session_id ? "user" : "name";
	const char *name = json_string_value(json_object_get(row, key));
	const char *mine = strchr(who->name, ':');

	return name && mine && strcmp(mine + 1, name) == 0;
}

bool auth_is_still(struct auth *a, const struct actor *who)
{
	const struct store_table *t = who->session_id ? &table_sessions : &table_tokens;
	int64_t id = who->session_id ? who->session_id : who->token_id;
	int64_t now_ms = (int64_t)clock_wall_ms();
	cleanup_json json_t *row = NULL;
	struct err err = {0};

	if (id == 0)
		return true; /* root, or nobody */
	row = store_get_id(a->store, t, id, &err);
	if (!row)
		return err.code != ENOENT; /* a busy database ends no stream */
	if (!is_same(row, who) || !is_role_still(a, row, who->role))
		return false;
	if (t == &table_sessions)
		return session_is_alive(a, row, now_ms);
	return json_integer_value(json_object_get(row, "expires_ms")) > now_ms;
}
