/* SPDX-License-Identifier: MIT */
/* setup.h - the first administrator: who has the set-up token makes him. */
#ifndef REST_SETUP_H
#define REST_SETUP_H

#include "store.h"

/* At start, on main's store: without users a new token is made, said once in the log and written to
 * path (0600); with users what is left of one is removed. */
int must_check setup_prepare(struct store *s, const char *path, struct err *err);

#endif
