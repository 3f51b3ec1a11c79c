/* SPDX-License-Identifier: MIT */
/*
 * seal.c - sealing keys for the filter above that sees clear data; see sluice/seal.h.
 *
 * The volume's keys are fetched from the host's keyring for the moment of a wrap or an unwrap. A
 * handle has nothing of them and nothing of the volume, so it outlives both.
 */
#include "seal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "reencrypt.h"
#include "seal_keys.h"
#include "secret.h"

struct sluice_seal {
	const struct sluice_seal_ops *ops; /* first */
	struct seal_keys *keys;            /* secret */
	struct xts *xts[SLUICE_SEAL_KEYS];
};

static const struct sluice_seal_ops ops;

static enum sluice_seal_state state(const struct sluice_filter *f)
{
	const struct encryption *e = sluice_state(f);

	if (e->re && e->re->kind != REENCRYPT_REKEY)
		return SLUICE_SEAL_CHANGING;
	if (e->state == STATE_CLEAR)
		return SLUICE_SEAL_NONE;
	return e->state == STATE_UNLOCKED ? SLUICE_SEAL_READY : SLUICE_SEAL_LOCKED;
}

/* ---------------------------------------------------------------- the volume's keys */

static void add(struct seal_deks *deks, const struct kept *kept)
{
	if (deks->count && memcmp(deks->deks[0], kept->dek, LUKS_DEK_BYTES) == 0)
		return;
	memcpy(deks->deks[deks->count++], kept->dek, LUKS_DEK_BYTES);
}

/* Secret memory; free it so. -ENOKEY: it is not unlocked. */
static int deks_get(struct encryption *e, struct seal_deks **out)
{
	struct seal_deks *deks = secret_alloc(sizeof(*deks));
	struct kept *kept = secret_alloc(sizeof(*kept));
	size_t size_bytes = 0;
	int rc = deks && kept ? 0 : -ENOMEM;

	if (rc == 0)
		rc = e->state == STATE_UNLOCKED && key_kept(e, kept) ? 0 : -ENOKEY;
	if (rc == 0)
		add(deks, kept);
	if (rc == 0 && reencrypt_has_next(e) &&
	    sluice_key_get(e->f, REENCRYPT_NEXT_KEY, kept, sizeof(*kept), &size_bytes) == 0 &&
	    size_bytes == sizeof(*kept))
		add(deks, kept);
	secret_free(kept);
	if (rc < 0)
		secret_free(deks);
	else
		*out = deks;
	return rc;
}

/* ---------------------------------------------------------------- handles */

static void seal_close(struct sluice_seal *s)
{
	for (uint32_t i = 0; i < SLUICE_SEAL_KEYS; i++)
		xts_free(s->xts[i]);
	secret_free(s->keys);
	free(s);
}

/* wrapped: NULL for new keys. */
static int seal_new(struct encryption *e, const void *wrapped, size_t size_bytes,
		    struct sluice_seal **out)
{
	struct sluice_seal *s = calloc(1, sizeof(*s));
	struct seal_deks *deks = NULL;
	int rc = s ? deks_get(e, &deks) : -ENOMEM;

	if (rc == 0) {
		s->ops = &ops;
		s->keys = secret_alloc(sizeof(*s->keys));
		rc = s->keys ? 0 : -ENOMEM;
	}
	if (rc == 0)
		rc = wrapped ? seal_keys_unwrap(wrapped, size_bytes, deks, s->keys)
			     : seal_keys_make(s->keys);
	for (uint32_t i = 0; i < SLUICE_SEAL_KEYS && rc == 0; i++)
		rc = xts_new(s->keys->keys[i], 4096, &s->xts[i]);
	secret_free(deks);
	if (rc == 0)
		*out = s;
	else if (s)
		seal_close(s);
	return rc;
}

static int make(struct sluice_filter *f, struct sluice_seal **out)
{
	return seal_new(sluice_state(f), NULL, 0, out);
}

static int open(struct sluice_filter *f, const void *wrapped, size_t size_bytes,
		struct sluice_seal **out)
{
	return seal_new(sluice_state(f), wrapped, size_bytes, out);
}

static int wrap(struct sluice_filter *f, const struct sluice_seal *s, void *wrapped,
		size_t *size_bytes)
{
	struct seal_deks *deks = NULL;
	int rc = deks_get(sluice_state(f), &deks);

	if (rc == 0)
		rc = seal_keys_wrap(s->keys, deks, wrapped, size_bytes);
	secret_free(deks);
	return rc;
}

/* ---------------------------------------------------------------- data */

static int put(struct sluice_seal *s, uint32_t key, const uint8_t tweak[SLUICE_SEAL_TWEAK_BYTES],
	       const void *from, void *to, uint32_t len_bytes)
{
	return xts_unit_encrypt(s->xts[key], tweak, from, to, len_bytes);
}

static int get(struct sluice_seal *s, uint32_t key, const uint8_t tweak[SLUICE_SEAL_TWEAK_BYTES],
	       void *buf, uint32_t len_bytes)
{
	return xts_unit_decrypt(s->xts[key], tweak, buf, len_bytes);
}

static const struct sluice_seal_ops ops = {
    .state = state,
    .make = make,
    .open = open,
    .wrap = wrap,
    .seal = put,
    .unseal = get,
    .close = seal_close,
};

void seal_attach(struct encryption *e)
{
	sluice_seal_provide(e->f, &ops);
}

int seal_rekey(struct encryption *e)
{
	return sluice_seal_rekey(e->f);
}

int seal_check_stays(const struct encryption *e, struct sluice_error *err)
{
	if (sluice_filter_place(e->f, SLUICE_CLASS_REPLICATION) >= 0)
		return 0;
	return encryption_refuse(
	    err, "", -EBUSY,
	    "replication stands above, and its logs would hold the volume both "
	    "sealed and in clear; take the replication away first, and set it "
	    "up anew afterwards");
}
