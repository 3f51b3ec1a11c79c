/* SPDX-License-Identifier: MIT */
/*
 * volumes.h - what creates and changes volumes, for the resources that do.
 *
 * Thread: main.
 */
#ifndef REST_VOLUMES_H
#define REST_VOLUMES_H

#include "rest.h"

#define VOLUMES_MIN_BYTES (1ull << 20)
#define VOLUMES_MAX_BYTES (1ull << 50)

int must_check volumes_size_check(uint64_t size_bytes, uint64_t block_bytes, struct err *err);
/* desired_state in a body: online or offline, never deleting. */
int must_check volumes_state_check(const json_t *body, struct err *err);

/* POST /volumes. */
int volumes_create(struct request *q, struct reply *r, struct err *err);

/* Writes checked changes into the row, answers with the volume, and makes event and task where
 * something that runs changes. old: the row as it was. */
int must_check volumes_change(struct request *q, struct reply *r, const json_t *old,
			      const json_t *changes, struct err *err);

#endif
