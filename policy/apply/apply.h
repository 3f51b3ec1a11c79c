/* SPDX-License-Identifier: MIT */
/*
 * apply.h - one of the planner's steps carried out, by a table of step names.
 *
 *   apply.c           the table, and filterd's part
 *   apply_targets.c   targets, logical units, portals, access, sessions
 *   apply_accounts.c  accounts and what tgtd needs around them
 *
 * A pass is: apply_begin(), apply_step() for each step in the planner's order, apply_end().
 * Thread: the reconciler's.
 */
#ifndef POLICY_APPLY_H
#define POLICY_APPLY_H

#include <jansson.h>
#include <stdbool.h>

#include "filterd_client.h"
#include "reconciler.h"
#include "tgt_client.h"

enum apply_daemon { APPLY_FILTERD, APPLY_TGTD };

struct apply {
	const struct apply_cfg *cfg;
	struct filterd_client *filterd;
	struct tgt_client *tgt;
	const json_t *desired;
	json_t *secrets; /* {user: changed_ms}: which ones we gave to this life of tgtd; the
			    reconciler's */
	/* apply's: */
	json_t *targets; /* {iqn: {"tid", "addresses", "initiators", "accounts", "outgoing"}}, kept
			    as it becomes */
	json_t *hosts, *volumes; /* desired, by name */
	int32_t next_tid;
};

/* All but apply's own members are set. running is only read. */
int must_check apply_begin(struct apply *a, const json_t *running, struct err *err);
void apply_end(struct apply *a);

/*
 * Errors: those of the daemon, with its sentence; -EINVAL: a step that nobody knows.
 * filterd_is_gone() or tgt_client_is_gone(), by apply_daemon(): try when it is back.
 */
int must_check apply_step(struct apply *a, const json_t *step, struct err *err);

/* Who carries this step out; -1: nobody knows it. */
int apply_daemon(const char *step);
/* It takes somebody's access away: done even where an earlier step of the same object failed. */
bool apply_withdraws(const char *step);

/* ---------------------------------------------------------------- for the other files of apply */

const char *apply_text(const json_t *arguments, const char *key); /* "" if it is not there */
/* The target of arguments.iqn. NULL with -ENOENT. Borrowed. */
json_t *apply_target(const struct apply *a, const json_t *arguments, struct err *err);
int32_t apply_tid(const json_t *target);
void apply_list_add(json_t *target, const char *list, const char *text);

typedef int (*apply_fn)(struct apply *a, const json_t *arguments, struct err *err);
int apply_portal_add(struct apply *a, const json_t *arguments, struct err *err);
int apply_portal_remove(struct apply *a, const json_t *arguments, struct err *err);
int apply_target_create(struct apply *a, const json_t *arguments, struct err *err);
int apply_target_delete(struct apply *a, const json_t *arguments, struct err *err);
int apply_lun_create(struct apply *a, const json_t *arguments, struct err *err);
int apply_lun_delete(struct apply *a, const json_t *arguments, struct err *err);
int apply_acl_bind(struct apply *a, const json_t *arguments, struct err *err);
int apply_acl_unbind(struct apply *a, const json_t *arguments, struct err *err);
int apply_session_close(struct apply *a, const json_t *arguments, struct err *err);
int apply_account_create(struct apply *a, const json_t *arguments, struct err *err);
int apply_account_delete(struct apply *a, const json_t *arguments, struct err *err);
int apply_account_bind(struct apply *a, const json_t *arguments, struct err *err);
int apply_account_unbind(struct apply *a, const json_t *arguments, struct err *err);

#endif
