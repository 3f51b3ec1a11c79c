/* SPDX-License-Identifier: MIT */
/*
 * ring_check.h - what a client of the ring may have written (RING-5): pure checks on private
 * copies.
 *
 * A file of its own because it is the whole attack surface of the ring and needs no mocks to be
 * tested. Callers copy first, with ring_copy(), and never look at the shared original again.
 *
 * Thread: any.
 */
#ifndef FILTERD_RING_CHECK_H
#define FILTERD_RING_CHECK_H

#include <stddef.h>
#include <stdint.h>

#include "err.h"
#include "wire/ring.h"

/*
 * Copies shared memory once. Each word is read by exactly one load which the compiler can neither
 * repeat nor leave out; a peer that keeps on writing produces some copy, but only one. Units: bytes
 * is a multiple of 8, both addresses are 8-aligned
 */
void ring_copy(void *to, const void *shared, size_t bytes);

/* h is a copy. -EPROTO with the field and both values for a header that is not exactly what
 * ring_layout() makes of its two numbers, or does not fill size_bytes. */
int must_check ring_check_header(const struct ring_header *h, uint64_t size_bytes, struct err *err);

/* q is a copy. NULL: fine. Else which rule it breaks. */
const char *ring_check_request(const struct ring_request *q, uint64_t arena_bytes);

#endif
