/* SPDX-License-Identifier: MIT */
/*
 * sdk_seal.c - sluice/seal.h: brings the encryption of a chain and the one filter above it that
 * seals what it keeps together. Calls go straight through.
 */
#include <errno.h>

#include "chain_int.h"
#include "sluice/seal.h"

void sdk_seal_link(void) {}

static const struct sluice_seal_ops *ops_of(const struct sluice_seal *s)
{
	return *(const struct sluice_seal_ops *const *)(const void *)s;
}

/* NULL: none, or it stands above. */
static struct sluice_filter *provider_of(const struct sluice_filter *user)
{
	struct sluice_filter *p = user->chain->seals.provider;

	return p && p->position > user->position ? p : NULL;
}

/* NULL: none, or it stands below. */
static struct sluice_filter *user_of(const struct sluice_filter *provider)
{
	struct sluice_filter *u = provider->chain->seals.user;

	return u && u->position < provider->position ? u : NULL;
}

void sluice_seal_provide(struct sluice_filter *provider, const struct sluice_seal_ops *ops)
{
	provider->chain->seals.provider = provider;
	provider->chain->seals.ops = ops;
}

void sluice_seal_tell(struct sluice_filter *provider)
{
	struct sluice_filter *u = user_of(provider);

	if (u)
		u->chain->seals.changed(u);
}

int sluice_seal_rekey(struct sluice_filter *provider)
{
	struct sluice_filter *u = user_of(provider);

	return u ? u->chain->seals.rekeyed(u) : 0;
}

void sluice_seal_use(struct sluice_filter *user, void (*changed)(struct sluice_filter *user),
		     int (*rekeyed)(struct sluice_filter *user))
{
	user->chain->seals.user = user;
	user->chain->seals.changed = changed;
	user->chain->seals.rekeyed = rekeyed;
}

enum sluice_seal_state sluice_seal_state(const struct sluice_filter *user)
{
	const struct sluice_filter *p = provider_of(user);

	return p ? user->chain->seals.ops->state(p) : SLUICE_SEAL_NONE;
}

int sluice_seal_make(struct sluice_filter *user, struct sluice_seal **out)
{
	struct sluice_filter *p = provider_of(user);

	return p ? user->chain->seals.ops->make(p, out) : -ENOKEY;
}

int sluice_seal_open(struct sluice_filter *user, const void *wrapped, size_t size_bytes,
		     struct sluice_seal **out)
{
	struct sluice_filter *p = provider_of(user);

	return p ? user->chain->seals.ops->open(p, wrapped, size_bytes, out) : -ENOKEY;
}

int sluice_seal_wrap(struct sluice_filter *user, const struct sluice_seal *s, void *wrapped,
		     size_t *size_bytes)
{
	struct sluice_filter *p = provider_of(user);

	return p ? user->chain->seals.ops->wrap(p, s, wrapped, size_bytes) : -ENOKEY;
}

void sluice_seal_close(struct sluice_seal *s)
{
	if (s)
		ops_of(s)->close(s);
}

int sluice_seal_put(struct sluice_seal *s, uint32_t key,
		    const uint8_t tweak[SLUICE_SEAL_TWEAK_BYTES], const void *from, void *to,
		    uint32_t len_bytes)
{
	return ops_of(s)->seal(s, key, tweak, from, to, len_bytes);
}

int sluice_seal_get(struct sluice_seal *s, uint32_t key,
		    const uint8_t tweak[SLUICE_SEAL_TWEAK_BYTES], void *buf, uint32_t len_bytes)
{
	return ops_of(s)->unseal(s, key, tweak, buf, len_bytes);
}

void seal_leave(struct sluice_filter *f)
{
	struct seals *m = &f->chain->seals;

	if (m->user == f)
		m->user = NULL;
	if (m->provider == f)
		m->provider = NULL;
}
