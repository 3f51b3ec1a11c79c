/* SPDX-License-Identifier: MIT */
/*
 * kmip_message.h - the few KMIP requests that are made here, and what is read out of the answers.
 * Pure; one request to a message.
 *
 * A maker returns the message's bytes or -errno. An answer's structs point into its bytes, which
 * are the caller's, in locked memory: one of them may bear a key.
 *
 * Source: KMIP 1.2, 4 (operations), 9.1.3 (tags and enumerations)
 */
#ifndef POLICY_KEYS_KMIP_MESSAGE_H
#define POLICY_KEYS_KMIP_MESSAGE_H

#include "err.h"
#include "kmip_ttlv.h"
#include "secret.h"

#define KMIP_ID_MAX       128u
#define KMIP_REQUEST_TAG  0x420078u
#define KMIP_RESPONSE_TAG 0x42007bu
#define KMIP_VERSIONS     3u /* that we speak: 1.4, 1.3, 1.2 */

struct kmip_version {
	uint8_t major, minor;
};
extern const struct kmip_version kmip_versions[KMIP_VERSIONS]; /* the best first */

enum kmip_operation {
	KMIP_CREATE = 0x01,
	KMIP_LOCATE = 0x08,
	KMIP_GET = 0x0a,
	KMIP_GET_ATTRIBUTES = 0x0b,
	KMIP_ACTIVATE = 0x12,
	KMIP_REVOKE = 0x13,
	KMIP_DESTROY = 0x14,
	KMIP_QUERY = 0x18,
	KMIP_DISCOVER_VERSIONS = 0x1e,
};

enum kmip_state {
	KMIP_PRE_ACTIVE = 1,
	KMIP_ACTIVE = 2,
	KMIP_DEACTIVATED = 3,
	KMIP_COMPROMISED = 4,
	KMIP_DESTROYED = 5,
	KMIP_DESTROYED_COMPROMISED = 6,
};

enum kmip_reason {
	KMIP_ITEM_NOT_FOUND = 0x01,
	KMIP_NOT_AUTHENTICATED = 0x03,
	KMIP_INVALID_MESSAGE = 0x04,
	KMIP_NOT_SUPPORTED = 0x05,
	KMIP_PERMISSION_DENIED = 0x0c,
};

/* ---------------------------------------------------------------- requests */

long kmip_make_discover(uint8_t *data, size_t room, struct kmip_version v);
long kmip_make_query(uint8_t *data, size_t room, struct kmip_version v);
/* An AES key of 256 bits, to encrypt and decrypt, with this name. */
long kmip_make_create(uint8_t *data, size_t room, struct kmip_version v, const char *name);
long kmip_make_locate(uint8_t *data, size_t room, struct kmip_version v, const char *name);
/* KMIP_ACTIVATE, KMIP_DESTROY, KMIP_REVOKE (it is not used any more), KMIP_GET (raw bytes),
 * KMIP_GET_ATTRIBUTES (its state). */
long kmip_make_about(uint8_t *data, size_t room, struct kmip_version v,
		     enum kmip_operation operation, const char *id);

/* ---------------------------------------------------------------- answers */

struct kmip_answer {
	bool has_failed;
	uint32_t reason;   /* enum kmip_reason and more; 0: none was given */
	char message[160]; /* the server's words, printable */
	struct ttlv_item payload;
};

/* Errors: -EPROTO: not a well-formed answer to this operation. */
int must_check kmip_parse(const uint8_t *data, size_t len, enum kmip_operation operation,
			  struct kmip_answer *out, struct err *err);

/* Of Create and the like. -EPROTO: none, empty, or too long. */
int must_check kmip_answer_id(const struct kmip_answer *a, char id[KMIP_ID_MAX + 1],
			      struct err *err);
/* Of Locate: 0 none, 1 with its id; -EEXIST: several have that name. */
int must_check kmip_answer_located(const struct kmip_answer *a, char id[KMIP_ID_MAX + 1],
				   struct err *err);
int must_check kmip_answer_state(const struct kmip_answer *a, enum kmip_state *out,
				 struct err *err);
/* Of Get: -EPROTO: it is not 32 raw bytes of an AES key. */
int must_check kmip_answer_key(const struct kmip_answer *a, uint8_t key[SECRET_KEY_BYTES],
			       struct err *err);
/* Of Discover Versions: the best that both speak. -EPROTONOSUPPORT: none. */
int must_check kmip_answer_version(const struct kmip_answer *a, struct kmip_version *out,
				   struct err *err);
/* Of Query: which of the operations that we need it does not have, "" all there; and who it says
 * it is, printable, may be "". */
void kmip_answer_server(const struct kmip_answer *a, char *missing, size_t missing_size,
			char *vendor, size_t vendor_size);

#endif
