/* SPDX-License-Identifier: MIT */
/*
 * fake_snapshots.h - filterd's requests about snapshots on lists in memory, for fake_control.c.
 *
 * all: {volume: {"items": [as in snapshot.list], "is_degraded", "problem", "steps": [text] of a
 * repair, "is_slow": a deletion goes on until it is cancelled}}. A deletion that is not slow is
 * done when it was listed twice.
 *
 * Thread: any, one at a time.
 */
#ifndef TESTS_FAKE_SNAPSHOTS_H
#define TESTS_FAKE_SNAPSHOTS_H

#include <jansson.h>

#include "err.h"

int must_check fake_snapshots(json_t *all, const char *request, const json_t *body, json_t **answer,
			      struct err *err);
/* The volume's object, made if there is none. Borrowed. */
json_t *fake_snapshots_of(json_t *all, const char *volume);

#endif
