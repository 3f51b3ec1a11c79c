/* SPDX-License-Identifier: MIT */
/*
 * secret.h - memory for keys: locked, left out of core files, wiped when it is given back.
 *
 * OpenSSL keeps expanded keys in its own allocations, and an AES key schedule begins with the key
 * itself. So secret_begin() .. secret_end() makes all that OpenSSL allocates on this thread come
 * from here; what it frees later is wiped wherever it came from. That has to be arranged before
 * anybody has used OpenSSL in this process; if somebody has, secret_set_up() says so, and the
 * schedules stay in ordinary memory (PR_SET_DUMPABLE still keeps them out of cores).
 *
 * Thread: any.
 */
#ifndef ENCRYPTION_SECRET_H
#define ENCRYPTION_SECRET_H

#include <stdbool.h>
#include <stddef.h>

/* Once, when the plug-in is loaded. False: OpenSSL was in use already. */
bool secret_set_up(void);
/* OpenSSL's allocations come from here; asked for the status. */
bool secret_covers_openssl(void);

/* Zeroed; NULL: no memory, or the limit RLIMIT_MEMLOCK is reached. At most SECRET_MAX_BYTES. */
#define SECRET_MAX_BYTES 8192u
void *secret_alloc(size_t size_bytes);
void secret_free(void *p);

/* They nest. */
void secret_begin(void);
void secret_end(void);

#endif
