/* SPDX-License-Identifier: MIT */
/*
 * run_lock.h - one sluice-filterd in one run directory: a lock on a file there.
 *
 * A predecessor that was killed holds its lock until the kernel has ended it, which may take as
 * long as its last I/O; so the lock is waited for. Thread: the parent's only one, before it has
 * children.
 */
#ifndef FILTERD_RUN_LOCK_H
#define FILTERD_RUN_LOCK_H

#include "err.h"

#define RUN_LOCK_WAIT_MS 5000u

/* The descriptor that holds the lock. Errors: -EBUSY after RUN_LOCK_WAIT_MS; those of open(). */
int must_check run_lock_take(const char *run_dir, int *out_fd, struct err *err);

#endif
