/* SPDX-License-Identifier: MIT */
/*
 * pins.h - the paired appliances: name, UUID, fingerprint, address; durable in one file.
 *
 * A peer is whoever holds the key of the fingerprint; name and address are only ours. Pairing adds
 * it, forgetting takes it away, nothing else trusts anybody.
 *
 * Thread: main; those that say any take the table's lock.
 */
#ifndef NET_PINS_H
#define NET_PINS_H

#include <jansson.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "err.h"
#include "parse.h"

#define PINS_MAX           64u
#define PINS_ADDRESS_BYTES 48u /* of an IPv6 address as text */

enum pin_dials { PIN_DIALS_AUTO, PIN_DIALS_ALWAYS, PIN_DIALS_NEVER };

struct pin {
	char name[PARSE_NAME_MAX + 1];
	uint8_t uuid[16];
	uint8_t fingerprint[32];
	char address[PINS_ADDRESS_BYTES]; /* "": not known; it comes to us */
	uint16_t port;
	enum pin_dials dials;
};

struct pins {
	const char *path;     /* the owner's */
	pthread_mutex_t lock; /* leaf; of what follows */
	struct pin peers[PINS_MAX];
	uint32_t count;
};

/* No file: no peers. Errors: -EBADMSG it is damaged. */
int must_check pins_load(struct pins *p, const char *path, struct err *err);
void pins_fini(struct pins *p);

/* Durable when it returns 0; else nothing has changed. An entry of that name is replaced; another
 * one with the same UUID or fingerprint is refused: -EEXIST. -ENOSPC */
int must_check pins_put(struct pins *p, const struct pin *peer, struct err *err);
int must_check pins_remove(struct pins *p, const char *name, struct err *err); /* -ENOENT */

/* Thread: any, these three. True and a copy, or false. */
bool pins_by_name(struct pins *p, const char *name, struct pin *out);
bool pins_by_fingerprint(struct pins *p, const uint8_t fingerprint[32], struct pin *out);
bool pins_by_uuid(struct pins *p, const uint8_t uuid[16], struct pin *out);

/* An IP address in its usual form, no name. -EINVAL */
int must_check pins_parse_address(const char *text, char address[PINS_ADDRESS_BYTES],
				  struct err *err);
const char *pins_dials_word(enum pin_dials dials);
int must_check pins_parse_dials(const char *word, enum pin_dials *out, struct err *err);
/* 64 hex digits and a zero. */
void pins_fingerprint_format(const uint8_t fingerprint[32], char text[65]);
/* A reply's object: name, uuid, fingerprint, address, port, dials. */
json_t *pins_to_json(const struct pin *peer);

#endif
