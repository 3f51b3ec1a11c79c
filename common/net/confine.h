/* SPDX-License-Identifier: MIT */
/*
 * confine.h - what a daemon on a network gives up once its sockets are bound.
 *
 * confine_drop()      another user, without capabilities, unable to gain any again; not dumpable,
 * so that no other process of that user reads its memory confine_syscalls()  no program is started,
 * no process is traced, nothing is mounted or loaded, and sockets are Unix, IPv4 or IPv6
 *
 * Order of calls: find, drop, syscalls; before any thread starts. Thread: main.
 */
#ifndef COMMON_CONFINE_H
#define COMMON_CONFINE_H

#include <stdbool.h>
#include <sys/types.h>

#include "err.h"

struct confine_user {
	bool is_set; /* a user was named */
	uid_t uid;
	gid_t gid;
};

/* name NULL: stays who it is. */
int must_check confine_find(const char *name, struct confine_user *out, struct err *err);
int must_check confine_drop(const struct confine_user *user, struct err *err);
int must_check confine_syscalls(struct err *err);

#endif
