/* SPDX-License-Identifier: MIT */
/*
 * kmip_ttlv.h - KMIP's encoding: tag (3 bytes), type (1), length (4), value, padded to 8 bytes; all
 * in network order. Pure.
 *
 *   +-------------+------+-----------+-----------------------+- - - -+
 *   | tag         | type | length    | value                 | zeros |
 *   +-------------+------+-----------+-----------------------+- - - -+
 *
 * A reader trusts nobody: ttlv_check() looks at a whole message once, with limits; behind it
 * lengths are right and every item is inside of its parent.
 *
 * Source: KMIP 1.2, 9.1
 */
#ifndef POLICY_KEYS_KMIP_TTLV_H
#define POLICY_KEYS_KMIP_TTLV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TTLV_HEAD_BYTES    8u
#define TTLV_MESSAGE_BYTES 32768u /* more than any answer that is asked for here */
#define TTLV_DEPTH_MAX     12u
#define TTLV_ITEMS_MAX     1024u

enum ttlv_type {
	TTLV_STRUCTURE = 1,
	TTLV_INTEGER = 2,
	TTLV_LONG = 3,
	TTLV_BIG = 4,
	TTLV_ENUM = 5,
	TTLV_BOOL = 6,
	TTLV_TEXT = 7,
	TTLV_BYTES = 8,
	TTLV_TIME = 9,
	TTLV_INTERVAL = 10,
};

/* ---------------------------------------------------------------- writing
 * What does not fit, and too many levels, are remembered: ttlv_finish() says it. */

struct ttlv_writer {
	uint8_t *data;
	size_t room, used;
	size_t open[TTLV_DEPTH_MAX]; /* where the structures begin that are not ended */
	uint32_t depth;
	bool has_failed;
};

void ttlv_start(struct ttlv_writer *w, uint8_t *data, size_t room);
void ttlv_begin(struct ttlv_writer *w, uint32_t tag);
void ttlv_end(struct ttlv_writer *w);
void ttlv_integer(struct ttlv_writer *w, uint32_t tag, int32_t value);
void ttlv_enumeration(struct ttlv_writer *w, uint32_t tag, uint32_t value);
void ttlv_text(struct ttlv_writer *w, uint32_t tag, const char *text);
void ttlv_bytes(struct ttlv_writer *w, uint32_t tag, const void *bytes, size_t len);
/* Bytes of the message, or -ENOSPC; -EINVAL: begin and end do not match. */
long ttlv_finish(const struct ttlv_writer *w);

/* ---------------------------------------------------------------- reading */

struct ttlv_item {
	uint32_t tag;
	enum ttlv_type type;
	const uint8_t *value;
	uint32_t len;
};

/* The length of the whole message from its first TTLV_HEAD_BYTES. -EPROTO: no structure of this
 * tag; -EMSGSIZE: over TTLV_MESSAGE_BYTES. */
long ttlv_message_bytes(const uint8_t head[TTLV_HEAD_BYTES], uint32_t tag);
/* One structure that fills len bytes, and all inside of it. 0 with the structure, or -EPROTO. */
int ttlv_check(const uint8_t *data, size_t len, struct ttlv_item *out)
    __attribute__((warn_unused_result));

/* The item behind *after (NULL: the first) of a structure that was checked. False: none. out may be
 * after. */
bool ttlv_next(const struct ttlv_item *parent, const struct ttlv_item *after,
	       struct ttlv_item *out);
/* The first of this tag and type. */
bool ttlv_find(const struct ttlv_item *parent, uint32_t tag, enum ttlv_type type,
	       struct ttlv_item *out);
/* Of an INTEGER, an ENUM; 0 otherwise. */
uint32_t ttlv_number(const struct ttlv_item *item);
/* A TEXT, cut at size, with '?' for what is not printable ASCII. */
void ttlv_string(const struct ttlv_item *item, char *text, size_t size);

#endif
