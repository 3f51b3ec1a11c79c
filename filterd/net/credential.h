/* SPDX-License-Identifier: MIT */
/*
 * credential.h - who this appliance is to others: an Ed25519 key, its certificate, a UUID.
 *
 * Made at the first start and kept in one file of the state folder, mode 0600. The certificate is
 * signed by its own key and never expires, since nobody asks who signed it or when: peers know it
 * by the SHA-256 of its public key ("fingerprint", of the SubjectPublicKeyInfo), which pairing left
 * with them. Its subject is the UUID.
 *
 * Thread: main, at the start; const afterwards.
 */
#ifndef NET_CREDENTIAL_H
#define NET_CREDENTIAL_H

#include <openssl/x509.h>
#include <stdint.h>

#include "err.h"

#define CREDENTIAL_FINGERPRINT_BYTES 32u

struct credential {
	EVP_PKEY *key;
	X509 *cert;
	uint8_t uuid[16];
	uint8_t fingerprint[CREDENTIAL_FINGERPRINT_BYTES];
};

/* Errors: -EBADMSG the file is damaged: it is never replaced, since all pairings would end with it.
 */
int must_check credential_load_or_make(const char *path, struct credential *out, struct err *err);
void credential_fini(struct credential *c);

/* 0 or -EINVAL. */
int must_check credential_fingerprint_of(const X509 *cert, uint8_t fingerprint[32]);

#endif
