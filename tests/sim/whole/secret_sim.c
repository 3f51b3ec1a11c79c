// SPDX-License-Identifier: MIT
/*
 * secret_sim.c - secret.h in plain memory: locking pages is not what is simulated, and OpenSSL,
 * which outlives a simulated process, keeps its own allocator.
 */
#include "secret.h"

#include <stdlib.h>

bool secret_set_up(void)
{
	return true;
}

bool secret_covers_openssl(void)
{
	return false;
}

void *secret_alloc(size_t size_bytes)
{
	return calloc(1, size_bytes);
}

void secret_free(void *p)
{
	free(p);
}

void secret_begin(void) {}

void secret_end(void) {}
