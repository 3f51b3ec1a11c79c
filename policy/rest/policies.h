/* SPDX-License-Identifier: MIT */
/*
 * policies.h - what policies' two files share: policies.c is the policy as an object and the
 * table of routes, policy_versions.c its history, comparing, and bringing it to volumes.
 *
 * Thread: main.
 */
#ifndef REST_POLICIES_H
#define REST_POLICIES_H

#include "rest.h"

/* Checks rules against the filters that there are; the normalised copy, or NULL with err. */
json_t *policies_check_rules(struct store *s, const json_t *rules, struct err *err);
/* [names] of the volumes that have it, whichever version. */
json_t *policies_volumes(struct store *s, const char *policy, struct err *err);

int policy_versions_list(struct request *q, struct reply *r, struct err *err);
int policy_versions_get(struct request *q, struct reply *r, struct err *err);
int policy_versions_diff(struct request *q, struct reply *r, struct err *err);
int policy_versions_apply(struct request *q, struct reply *r, struct err *err);
extern const char *const policy_versions_diff_query[];

#endif
