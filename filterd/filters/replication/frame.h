/* SPDX-License-Identifier: MIT */
/*
 * frame.h - frames of wire/repl.h: make them, and take apart what a stranger sent. Pure.
 *
 *   out:  frame_begin() -> frame_set_payload() -> [compress_payload()] -> frame_out_push(), which
 * seals in:   frame_next() -> frame_check_range() -> compress_plain() or frame_plain_is_right()
 *
 * A frame that came through frame_next() has a type that belongs on this channel and lengths that
 * its type allows; what it says about volumes is checked by frame_check_range().
 *
 * Thread: any.
 */
#ifndef REPLICATION_FRAME_H
#define REPLICATION_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sluice/link.h"
#include "wire/repl.h"

#define FRAME_WHY_BYTES 160u

/* ---------------------------------------------------------------- make */

/* All other fields are zero. */
void frame_begin(struct repl_header *h, enum repl_type type, uint64_t term, uint64_t value);
/* The range of a WRITE, ZERO, WIN_*, RS_*, DIGEST*. */
void frame_set_range(struct repl_header *h, uint16_t member, uint64_t offset_bytes,
		     uint64_t len_bytes);
/* Lengths and checksum of a payload that is sent as it is. bytes <= REPL_PAYLOAD_MAX. */
void frame_set_payload(struct repl_header *h, const void *plain, size_t bytes);
/* How an ACK, WIN_ACK, RS_ACK, DIGEST or META_ACK ended; enum sluice_status. */
void frame_set_status(struct repl_header *h, uint8_t status);
uint8_t frame_status(const struct repl_header *h);
/* The header's own checksum, last of all. */
void frame_seal(struct repl_header *h);

/* ---------------------------------------------------------------- take apart */

struct frame {
	struct repl_header header;
	const uint8_t
	    *stored; /* header.stored_bytes of payload, inside what was given; any alignment */
};

enum frame_result {
	FRAME_OK,
	FRAME_MORE, /* its rest has not come yet */
	FRAME_BAD,  /* why says what is wrong; the connection is of no use any more */
};

/*
 * The first frame of len bytes at data. *used_bytes: its length, with FRAME_OK only. In HELLO alone
 * the version may be one that this node does not speak, so that it can say so.
 */
enum frame_result frame_next(enum sluice_link_channel channel, const uint8_t *data, size_t len,
			     struct frame *f, size_t *used_bytes, char why[FRAME_WHY_BYTES]);

/* What the frames of a group may speak about. */
struct frame_limits {
	uint32_t member_count, block_bytes;
	const uint64_t *member_size_bytes;
};

/*
 * The range of a frame whose type has one lies inside its volume and is aligned: to the volumes'
 * blocks, or for WIN_* and RS_* to REPL_UNIT_BYTES (a volume's last one may be short). True for
 * types without a range.
 */
bool frame_check_range(const struct frame_limits *l, const struct repl_header *h,
		       char why[FRAME_WHY_BYTES]);
/* The same for a range that is not in a header (BITMAP). */
bool frame_range_is_inside(const struct frame_limits *l, uint32_t member, uint64_t offset_bytes,
			   uint64_t len_bytes);
/* The payload's checksum, over the plain bytes. */
bool frame_plain_is_right(const struct repl_header *h, const void *plain);

/* "WIN_DATA"; "type 77" for one that does not exist. For logs and errors. */
const char *frame_type_name(uint8_t type);
/* What a frame takes of the receiver's credit: 0 for types that need none. */
uint64_t frame_cost_bytes(const struct repl_header *h);

#endif
