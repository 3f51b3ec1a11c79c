/* SPDX-License-Identifier: MIT */
/*
 * auth.h - who asks: bearer tokens, browser sessions, root on this machine.
 *
 *   auth.c       a request's headers to an actor
 *   session.c    sessions: made at login, ended, aged
 *   lockout.c    how long to wait after failed logins; pure
 *   password*.c  see password.h
 *
 * Tokens and sessions are 256 random bits, of which only the SHA-256 is kept: nothing in the
 * database lets anybody in.
 *
 * Thread: main.
 */
#ifndef POLICY_AUTH_H
#define POLICY_AUTH_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "err.h"
#include "lockout.h"
#include "password.h"
#include "rest.h"

#define AUTH_SECRET_MAX     64u
#define AUTH_COOKIE         "__Host-sluice"
#define AUTH_TOKEN_PREFIX   "slc_"
#define AUTH_SESSION_IDLE_S (15u * 60u)
#define AUTH_SESSION_MAX_S  (12u * 3600u)
#define AUTH_NOTE_MS        30000u /* last_used and last_seen are written so often at most */

/* How many refused requests of people who are not known may be noted: see trail.c. */
struct trail {
	uint64_t last_ns;
	double rows;
	uint32_t held_back;
};

struct auth {
	struct store *store;
	struct password_pool *pool;
	struct lockout *lockout;
	uint32_t log_n;
	char nobody[PASSWORD_HASH_MAX];
	struct trail trail;
};

int must_check auth_start(struct loop *loop, struct store *store, uint32_t log_n, struct auth **out,
			  struct err *err);
void auth_stop(struct auth *a);

struct auth_headers {
	const char *authorization, *cookie, *csrf, *address;
	bool is_local_root;
	bool is_change; /* anything but GET: a session needs its CSRF token */
};
/* Nobody is no error: role REST_PUBLIC. Errors: -EPERM a token or session that is not (any more)
 * good; -EACCES the CSRF token is missing or wrong; -EAGAIN the database. */
int must_check auth_who(struct auth *a, const struct auth_headers *h, struct actor *out,
			struct err *err);
/* Whether an actor of before is still let in, with the role that he had: for streams that last, and
 * for changes whose body or password took its time. */
bool auth_is_still(struct auth *a, const struct actor *who);

const char *auth_role_word(enum rest_role role);
/* REST_PUBLIC: no such word. */
enum rest_role auth_role(const char *word);

/* prefix and 43 characters of 256 random bits; its SHA-256 in hex. */
int must_check auth_secret_make(const char *prefix, char secret[AUTH_SECRET_MAX], char hash[65],
				struct err *err);
void auth_hash(const char *secret, char hash[65]);
bool auth_hash_equal(const char *a, const char *b); /* constant time */

/* In the caller's transaction. */
int must_check session_make(struct auth *a, int64_t user_id, const char *address, const char *agent,
			    char session[AUTH_SECRET_MAX], char csrf[AUTH_SECRET_MAX],
			    struct err *err);
int must_check session_who(struct auth *a, const char *session, const char *csrf, bool is_change,
			   struct actor *out, json_t **row, struct err *err);
bool session_is_alive(struct auth *a, const json_t *row, int64_t now_ms);
/* Every session of a user but one (0: every). */
int must_check session_end_all(struct store *s, int64_t user_id, int64_t but_id, struct err *err);
int64_t session_setting_s(struct store *s, const char *key, int64_t otherwise);

#endif
