/* SPDX-License-Identifier: MIT */
/*
 * targets.h - who is logged in, with the numbers that tgtd knows a session by.
 *
 * Thread: main.
 */
#ifndef REST_TARGETS_H
#define REST_TARGETS_H

#include "rest.h"

/* [{"id": "tid-sid-cid", "volume", "iqn", "initiator", "address", "host": name or null}] of a
 * running document; hosts: rows, to find names by IQN; targets: rows, to find volumes. Pure. New
 * reference. */
json_t *targets_sessions(const json_t *running, const json_t *targets, const json_t *hosts);

#endif
