/* SPDX-License-Identifier: MIT */
/*
 * ring_map.h - the memfd that a client handed over: is it safe to map, and the mapping.
 *
 * Safe means that nobody can shrink it under us (SIGBUS) or grow it past its header, for ever. What
 * is inside is ring_server_init()'s business. A file of its own: the ring's only system calls.
 *
 * Thread: main, or the owner worker while no command runs.
 */
#ifndef FILTERD_RING_MAP_H
#define FILTERD_RING_MAP_H

#include <stdint.h>

#include "err.h"

struct ring_map {
	void *base;
	uint64_t size_bytes;
};

/*
 * Owns:    memfd stays with the caller and may be closed after the call
 * Errors:  -EPROTO not a memfd, seals missing, or a size that no ring has; -ENOMEM and others of
 * mmap()
 */
int must_check ring_map_open(struct ring_map *m, int memfd, struct err *err);
void ring_map_close(struct ring_map *m);

#endif
