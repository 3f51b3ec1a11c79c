/* SPDX-License-Identifier: MIT */
/*
 * compress.h - payloads made smaller by lz4 or zstd, when that is worth it.
 *
 * A payload that would not become COMPRESS_GAIN_PCT smaller goes as it is, so ciphertext and
 * pictures cost the peer nothing. Where tries fail again and again, only some payloads are tried.
 *
 * Pure but for memory. Thread: one at a time for each struct compress.
 */
#ifndef REPLICATION_COMPRESS_H
#define REPLICATION_COMPRESS_H

#include <stddef.h>
#include <stdint.h>

#include "frame.h"

#define COMPRESS_GAIN_PCT  6u
#define COMPRESS_MIN_BYTES 256u /* shorter payloads are not tried */

struct compress;

/* NULL: no memory. */
struct compress *compress_new(void);
void compress_free(struct compress *c);

/*
 * After frame_set_payload(h, plain): what to send, h->stored_bytes of it: plain itself or, with
 * h->comp and h->stored_bytes changed, room. room holds h->raw_bytes.
 */
const void *compress_payload(struct compress *c, uint8_t comp, struct repl_header *h,
			     const void *plain, void *room);
/*
 * The plain payload of a frame that came, its checksum right: f->stored itself or room, which holds
 * f->header.raw_bytes. NULL: it is damaged.
 */
const void *compress_plain(struct compress *c, const struct frame *f, void *room);

#endif
