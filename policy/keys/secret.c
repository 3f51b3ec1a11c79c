/* SPDX-License-Identifier: MIT */
#include "secret.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>

#include "log.h"

void *secret_alloc(size_t size_bytes)
{
	static atomic_bool is_told;
	void *p =
	    mmap(NULL, size_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	bool is_hidden;

	if (p == MAP_FAILED)
		return NULL;
	/* both, whatever comes of the other */
	is_hidden = madvise(p, size_bytes, MADV_DONTDUMP) == 0;
	is_hidden = mlock(p, size_bytes) == 0 && is_hidden;
	if (!is_hidden && !atomic_exchange(&is_told, true))
		log_warn("memory for keys cannot be locked (%s); it may be swapped out: raise the "
			 "limit RLIMIT_MEMLOCK of sluice-policyd",
			 strerror(errno));
	return p;
}

void secret_free(void *p, size_t size_bytes)
{
	if (!p)
		return;
	secret_wipe(p, size_bytes);
	munmap(p, size_bytes);
}

void secret_wipe(void *p, size_t size_bytes)
{
	OPENSSL_cleanse(p, size_bytes);
}

int secret_random(void *p, size_t size_bytes)
{
	return getrandom(p, size_bytes, 0) == (ssize_t)size_bytes ? 0 : -EIO;
}
