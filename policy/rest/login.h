/* SPDX-License-Identifier: MIT */
/* login.h - asking for a password, wherever that is done: who has to wait first. */
#ifndef REST_LOGIN_H
#define REST_LOGIN_H

#include "rest.h"

/* -EDQUOT with Retry-After: not now. 0: the attempt is counted as failed until it was right. */
int must_check login_wait(struct request *q, struct reply *r, const char *account, struct err *err);
void login_was_right(struct request *q, const char *account);

#endif
