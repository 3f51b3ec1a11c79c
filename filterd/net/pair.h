/* SPDX-License-Identifier: MIT */
/*
 * pair.h - the one-time code and what is proved with it (wire/peer.h). Pure but for the random
 * numbers of a new code.
 *
 * The code is as strong as a key (100 bits), so a proof under it can be shown to anybody: nobody
 * finds the code behind it. It covers both public keys and this very TLS session, so one who sits
 * in between, with a key of their own on either side, has nothing to pass on.
 */
#ifndef NET_PAIR_H
#define NET_PAIR_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdint.h>

#include "err.h"
#include "wire/peer.h"

#define PAIR_CODE_CHARS 20u                   /* of 5 bits */
#define PAIR_CODE_BYTES (PAIR_CODE_CHARS + 4) /* in groups of five, and a zero */
#define PAIR_VALID_S    600u
#define PAIR_TRIES      3u

/* "7K3PQ-0ABCD-..." */
int must_check pair_code_make(char code[PAIR_CODE_BYTES], struct err *err);
/* As people type it: small letters, blanks, dashes anywhere, O for 0, I and L for 1. */
int must_check pair_code_normalise(const char *text, char code[PAIR_CODE_BYTES], struct err *err);

struct pair_key {
	uint8_t k[32];
};
int must_check pair_key_derive(const char code[PAIR_CODE_BYTES], struct pair_key *out);

/* What both sides know of the session they are in. */
struct pair_session {
	uint8_t joiner_fingerprint[32], offerer_fingerprint[32];
	uint8_t exported[32];
};
int must_check pair_session_export(SSL *ssl, struct pair_session *s);

/* The proof that stands in first (the joiner's message), or in second (the offerer's, after it).
 * proof[] in the message itself does not count. */
int must_check pair_prove(const struct pair_key *k, const struct pair_session *s,
			  const struct peer_pair *first, const struct peer_pair *second,
			  uint8_t proof[32]);
bool pair_is_proved(const struct pair_key *k, const struct pair_session *s,
		    const struct peer_pair *first, const struct peer_pair *second);

#endif
