/* SPDX-License-Identifier: MIT */
/*
 * sdk_key.c - the volume's keyring as its filters see it; what keeps the secrets is the host's
 * (keyring.h).
 */
#include <errno.h>
#include <string.h>

#include "chain_int.h"

#define NAME_MAX_CHARS   32u
#define SECRET_MAX_BYTES 256u

void sdk_key_link(void) {}

static bool is_name(const char *name)
{
	size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_");

	return n >= 1 && n <= NAME_MAX_CHARS && name[n] == '\0';
}

int sluice_key_put(struct sluice_filter *f, const char *name, const void *key, size_t size_bytes)
{
	const struct chain_host *h = &f->chain->host;

	if (!is_name(name) || size_bytes == 0 || size_bytes > SECRET_MAX_BYTES)
		return -EINVAL;
	if (!h->key_put)
		return -ENOSPC;
	return h->key_put(h->ctx, f->ops->name, name, key, size_bytes);
}

int sluice_key_get(struct sluice_filter *f, const char *name, void *key, size_t room_bytes,
		   size_t *size_bytes)
{
	const struct chain_host *h = &f->chain->host;

	if (!is_name(name))
		return -EINVAL;
	if (!h->key_get)
		return -ENOKEY;
	return h->key_get(h->ctx, f->ops->name, name, key, room_bytes, size_bytes);
}

void sluice_key_forget(struct sluice_filter *f, const char *name)
{
	const struct chain_host *h = &f->chain->host;

	if (is_name(name) && h->key_forget)
		h->key_forget(h->ctx, f->ops->name, name);
}
