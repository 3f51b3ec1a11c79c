/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * conn_memory.h - the ring's memory and its two bells, as tgtd makes them: a sealed memfd and two
 * eventfds. Knows nothing of tgtd. Thread: any.
 */
#ifndef TARGET_CONN_MEMORY_H
#define TARGET_CONN_MEMORY_H

#include <stdint.h>

struct conn_memory {
	int memfd;   /* -1: none */
	int kick_fd; /* we ring, filterd waits */
	int wake_fd; /* filterd rings, we wait */
	void *base;
	uint64_t size_bytes;
};

/* size_bytes of zeros that can neither shrink nor grow. 0 or -errno; on error nothing is left open.
 */
int conn_memory_open(struct conn_memory *m, uint64_t size_bytes)
    __attribute__((warn_unused_result));
void conn_memory_close(struct conn_memory *m);

/* A random number that is not 0. */
uint64_t conn_memory_random(void);

#endif
