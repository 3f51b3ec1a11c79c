/* SPDX-License-Identifier: MIT */
/* key_rows.h - what the resources about keys and their providers share. Thread: main. */
#ifndef REST_KEY_ROWS_H
#define REST_KEY_ROWS_H

#include "rest.h"

/* -EINVAL unless it is a text of a decent length. NULL: it is missing. */
int must_check key_rows_passphrase_check(const json_t *passphrase, struct err *err);
/* A task of a provider. Owns: takes parameters (may be NULL). passphrase (may be NULL) is handed
 * over in memory, never in the task, and overwritten in the request's body. */
int must_check key_rows_task(struct request *q, struct reply *r, const char *kind,
			     const char *provider, json_t *parameters, json_t *passphrase,
			     struct err *err);
/* A secret of the body, which lives on until the answer is sent, in memory that may be swapped out.
 * NULL is fine. */
void key_rows_overwrite(json_t *text);
/* What is asked for is gone: its open tasks fail. */
int must_check key_rows_end_tasks(struct request *q, const char *type, const char *name,
				  struct err *err);

/* As rest_task(), for what a provider's worker does: also as a part of a configuration document,
 * whose own task is the reconciler's. Not cancellable. */
int must_check key_rows_queue(struct request *q, struct reply *r, const char *kind,
			      const char *object_type, const char *object_name,
			      const json_t *parameters, struct err *err);

#endif
