/* SPDX-License-Identifier: MIT */
/*
 * passing.h - I/O of the modes that keep nothing back, and of a write-back volume whose log is
 * still being made: changes go to the datastore, and the cache follows.
 *
 * Thread: owner worker.
 */
#ifndef CACHE_PASSING_H
#define CACHE_PASSING_H

#include "request.h"

enum sluice_verdict passing_start(struct request *r);
/* A change has ended below, well or not. */
void passing_ended(struct request *r, enum sluice_status status);

#endif
