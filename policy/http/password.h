/* SPDX-License-Identifier: MIT */
/*
 * password.h - passwords: what may be one, scrypt, and the two threads that work it out.
 *
 *   password.c          hash and verify; "scrypt$17$8$1$salt$hash"
 *   password_rules.c    what may be a password
 *   password_pool.c     two threads, a bounded queue
 *
 * scrypt with N=2^17, r=8 takes 128 MiB and about half a second: an open login would be a way to
 * take the machine's memory, so that never more than PASSWORD_THREADS run at once.
 */
#ifndef POLICY_PASSWORD_H
#define POLICY_PASSWORD_H

#include <stdbool.h>
#include <stdint.h>

#include "err.h"
#include "loop.h"

#define PASSWORD_MIN       12u  /* characters */
#define PASSWORD_MAX       512u /* bytes; 128 characters of four */
#define PASSWORD_CHARS_MAX 128u
#define PASSWORD_HASH_MAX  160u
#define PASSWORD_LOG_N     17u
#define PASSWORD_THREADS   2u
#define PASSWORD_QUEUE     16u /* waiting, besides those that run */

/* Pure. Errors: -EINVAL, -ENAMETOOLONG, field "password". */
int must_check password_check(const char *field, const char *password, const char *user,
			      struct err *err);

/* log_n: PASSWORD_LOG_N, less in tests. Errors: -ENOMEM, -EIO. Thread: any; takes 128 << log_n
 * times 8 bytes. */
int must_check password_hash(const char *password, uint32_t log_n, char out[PASSWORD_HASH_MAX]);
/* Takes the same time whether it fits or not. */
bool password_verify(const char *password, const char *hash);
/* A hash that no password has, so that an unknown user costs what a known one does. */
void password_nobody(uint32_t log_n, char out[PASSWORD_HASH_MAX]);

struct slow;
struct password_pool;
struct password_job {
	struct slow *slow;
	void (*done)(struct password_job *job); /* on the loop's thread */
	void *ctx;
	struct loop_msg msg;       /* pool's */
	struct password_job *next; /* pool's */
};

int must_check password_pool_start(struct loop *loop, uint32_t log_n, struct password_pool **out,
				   struct err *err);
/* Jobs under way end, and their done() is still posted; those that wait are forgotten, later ones
 * refused. */
void password_pool_end(struct password_pool *p);
/* Ends it if it has not ended. What was posted must have been run, or never will be. */
void password_pool_stop(struct password_pool *p);
/* Errors: -EDQUOT the queue is full. */
int must_check password_pool_add(struct password_pool *p, struct password_job *job,
				 struct err *err);
/* Whether add would be refused now. Only main adds, so that it stays right until main adds. */
bool password_pool_is_full(struct password_pool *p);
/* Most that ever ran side by side; for tests. */
uint32_t password_pool_peak(const struct password_pool *p);

#endif
