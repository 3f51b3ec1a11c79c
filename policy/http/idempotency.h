/* SPDX-License-Identifier: MIT */
/*
 * idempotency.h - a POST that bears an Idempotency-Key is carried out once; repeated, it gives the
 * answer of the first time, for a day. The answer is kept in the transaction of the change, sealed:
 * it may bear a secret that is shown once.
 */
#ifndef POLICY_IDEMPOTENCY_H
#define POLICY_IDEMPOTENCY_H

#include "exchange.h"

/* *out NULL: none was sent, or not for this method. Errors: -EBADMSG. */
int must_check idempotency_key(const struct exchange *x, const char **out, struct err *err);
/* 1: x->answer is what was answered then; 0: this is the first time; -EINVAL another request has
 * had this key. */
int must_check idempotency_replay(struct exchange *x, const char *key, struct err *err);
int must_check idempotency_keep(struct exchange *x, const char *key, struct err *err);

#endif
