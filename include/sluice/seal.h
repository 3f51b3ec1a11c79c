/* SPDX-License-Identifier: MIT */
/*
 * seal.h - keys for what a filter above an encryption keeps of the volume's data outside of it.
 *
 * A filter that stands above the volume's encryption sees clear data. What it writes elsewhere
 * (replication: journals, stages) would hold the volume in clear; so it seals that with keys of its
 * own, which only the volume's encryption opens. Neither the volume's key nor a sealing key leaves
 * the encryption: the user has a handle, and a wrapped form to store, whose bytes open nothing by
 * themselves.
 *
 *     user (above)                                    provider (below): encryption
 *       sluice_seal_make()  --> handle                  random keys
 *       sluice_seal_wrap()  --> bytes to be stored      wrapped by each key that the volume has now
 *       sluice_seal_open()  <-- those bytes             -ENOKEY while it is locked
 *       rekeyed()   <-- the volume gets another key, or has got it: store what wrap() says now
 *       changed()   <-- another state, see below
 *
 * A deep rekey: rekeyed() comes before its first block, and wrap() then wraps by both keys; and
 * when it is over, and wrap() wraps by the new one alone. So at any moment between, the stored
 * bytes open with whatever key the volume comes back with.
 *
 * Handles outlive the provider's lock and detachment, so that what is under way can end; the user
 * closes them as soon as it has.
 *
 * Thread: owner worker; a datastore's volumes share it.
 */
#ifndef SLUICE_SEAL_H
#define SLUICE_SEAL_H

#include "sluice/filter.h"

#define SLUICE_SEAL_KEYS        4u /* of one handle, 0 to 3: one for each place that is written */
#define SLUICE_SEAL_TWEAK_BYTES 16u
#define SLUICE_SEAL_WRAP_BYTES  1024u /* at most */

struct sluice_seal; /* begins with a const struct sluice_seal_ops * */

enum sluice_seal_state {
	SLUICE_SEAL_NONE,     /* nothing below encrypts the volume: there is nothing to seal */
	SLUICE_SEAL_LOCKED,   /* it is encrypted, and its key is not there */
	SLUICE_SEAL_CHANGING, /* it is being encrypted or decrypted in place */
	SLUICE_SEAL_READY,
};

/* The provider's side; as the user's functions below. */
struct sluice_seal_ops {
	enum sluice_seal_state (*state)(const struct sluice_filter *provider);
	int (*make)(struct sluice_filter *provider, struct sluice_seal **out);
	int (*open)(struct sluice_filter *provider, const void *wrapped, size_t size_bytes,
		    struct sluice_seal **out);
	int (*wrap)(struct sluice_filter *provider, const struct sluice_seal *s, void *wrapped,
		    size_t *size_bytes);
	int (*seal)(struct sluice_seal *s, uint32_t key,
		    const uint8_t tweak[SLUICE_SEAL_TWEAK_BYTES], const void *from, void *to,
		    uint32_t len_bytes);
	int (*unseal)(struct sluice_seal *s, uint32_t key,
		      const uint8_t tweak[SLUICE_SEAL_TWEAK_BYTES], void *buf, uint32_t len_bytes);
	void (*close)(struct sluice_seal *s);
};

/* Once, in attach(); ends with detach(). */
void sluice_seal_provide(struct sluice_filter *provider, const struct sluice_seal_ops *ops);
/* Its state is another one. */
void sluice_seal_tell(struct sluice_filter *provider);
/* 0 when what the user has stored opens with each key that the volume has now, or there is no user;
 * -errno: it could not be stored. */
int sluice_seal_rekey(struct sluice_filter *provider);

/*
 * The user's side; once, in attach(). changed() may only take note, it comes from within calls of
 * the provider's. rekeyed() stores durably before it returns 0.
 */
void sluice_seal_use(struct sluice_filter *user, void (*changed)(struct sluice_filter *user),
		     int (*rekeyed)(struct sluice_filter *user));
enum sluice_seal_state sluice_seal_state(const struct sluice_filter *user);
/* Errors: -ENOKEY not READY; -ENOMEM no locked memory. */
int sluice_seal_make(struct sluice_filter *user, struct sluice_seal **out);
/* Errors: -ENOKEY; -ENOMEM; -EKEYREJECTED another key's, or changed; -EINVAL no wrapped keys. */
int sluice_seal_open(struct sluice_filter *user, const void *wrapped, size_t size_bytes,
		     struct sluice_seal **out);
/* wrapped has SLUICE_SEAL_WRAP_BYTES. Errors: -ENOKEY; -ENOMEM. */
int sluice_seal_wrap(struct sluice_filter *user, const struct sluice_seal *s, void *wrapped,
		     size_t *size_bytes);
void sluice_seal_close(struct sluice_seal *s); /* NULL: nothing; its keys are wiped */

/*
 * AES-256-XTS over 16 bytes or more, a block at a time. A tweak that comes again with the same key
 * tells whether the same 16 bytes stand at the same place of the block, and nothing else.
 * Errors: -EIO
 */
int sluice_seal_put(struct sluice_seal *s, uint32_t key,
		    const uint8_t tweak[SLUICE_SEAL_TWEAK_BYTES], const void *from, void *to,
		    uint32_t len_bytes);
int sluice_seal_get(struct sluice_seal *s, uint32_t key,
		    const uint8_t tweak[SLUICE_SEAL_TWEAK_BYTES], void *buf, uint32_t len_bytes);

#endif
