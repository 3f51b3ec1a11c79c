/* SPDX-License-Identifier: MIT */
/*
 * slow.h - what a ROUTE_SLOW function wants of the password threads.
 *
 * Such a function is called twice. First outside a transaction, with slow->is_second false: it
 * checks what it can and says in verify and hash what is to be worked out (both may stay empty:
 * then nothing is waited for). Then in the transaction with is_second and the results. It finds
 * everything anew: the database may have changed in between.
 */
#ifndef POLICY_SLOW_H
#define POLICY_SLOW_H

#include <stdbool.h>
#include <stdint.h>

#include "password.h"

struct slow {
	bool is_second;
	char verify_hash[PASSWORD_HASH_MAX];    /* what verify_password is held against */
	char verify_password[PASSWORD_MAX + 1]; /* "": nothing to verify */
	bool is_verified;                       /* result */
	char new_password[PASSWORD_MAX + 1];    /* "": nothing to hash */
	char new_hash[PASSWORD_HASH_MAX];       /* result; "": it failed */
	int64_t user_id;                        /* the function's own, from call to call */
};

#endif
