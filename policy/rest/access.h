/* SPDX-License-Identifier: MIT */
/*
 * access.h - who may reach which volume, and whether what they authenticate with fits together.
 *
 * Secrets are sealed under "host:<name>:chap" and "target:<volume>:mutual"; names never change.
 * Thread: main.
 */
#ifndef REST_ACCESS_H
#define REST_ACCESS_H

#include "rest.h"

/* Sets the lists (NULL: left as they are), which may come straight from a body, and checks. */
int must_check access_set(struct request *q, int64_t volume_id, const char *volume,
			  const json_t *hosts, const json_t *groups, struct err *err);

/*
 * To be called after every change of access, groups or secrets, inside the transaction. One target
 * has one list of accounts for all: so either all hosts of a volume have CHAP or none, mutual CHAP
 * needs CHAP, and no host has the secret that the target proves itself with. -EINVAL with names.
 */
int must_check access_check(struct request *q, int64_t volume_id, const char *volume,
			    struct err *err);
/* access_check() for each volume of the array of names. */
int must_check access_check_all(struct request *q, const json_t *volumes, struct err *err);

/* A CHAP secret from a body ("chap_secret" or "secret") or, where generate is set, one that nobody
 * has seen; sealed under box_name. made: "" or the generated secret, to be shown once. Returns the
 * sealed box (caller frees) or NULL. */
char *access_seal(struct request *q, const char *field, const char *given, bool is_generated,
		  const char *box_name, char made[17], struct err *err);

#endif
