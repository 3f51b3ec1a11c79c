/* SPDX-License-Identifier: MIT */
/*
 * samples.h - the policies that come with Sluice: files name.json in one folder, {"name",
 * "description", "rules"}. They are for reading and cloning.
 *
 * Thread: any, with its own store.
 */
#ifndef REST_SAMPLES_H
#define REST_SAMPLES_H

#include "store.h"

/*
 * Inserts each sample whose filters are all installed and that is not there yet; one that has
 * changed with an update of Sluice gets a new version. Cheap when there is nothing to do, so it may
 * be called after each look at the filters. A policy of a user's own with that name stays. A folder
 * that is not there is no error; a file that is damaged is, and the others are still taken.
 * In a transaction of its own.
 */
int must_check samples_load(struct store *s, const char *dir, struct err *err);

#endif
