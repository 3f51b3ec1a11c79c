/* SPDX-License-Identifier: MIT */
/*
 * hosts.h - what hosts and host groups share: whom a deletion would take volumes from.
 *
 * Thread: main.
 */
#ifndef REST_HOSTS_H
#define REST_HOSTS_H

#include "rest.h"

/* -ENOTEMPTY with the volumes (an array of names) that what ("host esx-1") may still reach. */
int must_check hosts_reaches_nothing(const char *what, const json_t *volumes, struct err *err);

#endif
