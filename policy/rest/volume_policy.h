/* SPDX-License-Identifier: MIT */
/*
 * volume_policy.h - which policy a volume has.
 *
 * Thread: main.
 */
#ifndef REST_VOLUME_POLICY_H
#define REST_VOLUME_POLICY_H

#include "rest.h"

/*
 * Assigns the policy of this name; version 0: its newest. Its filters must be installed and enabled
 * now. Errors: -EINVAL no such policy or version, or what model_rules_check() says, field "policy"
 * or "version".
 */
int must_check volume_policy_assign(struct request *q, int64_t volume_id, const char *policy,
				    uint64_t version, struct err *err);

#endif
