/* SPDX-License-Identifier: MIT */
/* key_state.h - what can be said of a key, or of who keeps it. */
#ifndef POLICY_KEYS_KEY_STATE_H
#define POLICY_KEYS_KEY_STATE_H

enum key_state {
	KEY_OK,
	KEY_PENDING,     /* not asked yet */
	KEY_LOCKED,      /* the keystore waits for its passphrase, key file or credential */
	KEY_UNREACHABLE, /* nobody answers, or not in time, or not KMIP */
	KEY_REFUSED,   /* certificates, rights or destinations: somebody has to change something */
	KEY_REVOKED,   /* its provider says that it must not be used any more */
	KEY_DESTROYED, /* it is gone for good */
	KEY_UNKNOWN,   /* its provider does not have it */
	KEY_FAILED,    /* anything else; the sentence says what */
};

/* "ok", "pending", "locked" ...: as in REST. */
const char *key_state_word(enum key_state state);

#endif
