/* SPDX-License-Identifier: MIT */
/*
 * fuzz_repl_frame.c - a peer's bytes as frames of the replication's wire, whole and in pieces,
 * decompressed.
 *
 * The first byte says which channel it is, and whether the checksums are made right, as a peer
 * would that means harm.
 *
 * fuzz-units: replication_wire log fake_env common
 */
#include <assert.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "compress.h"
#include "frame.h"
#include "sluice/crc32c.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* All header checksums of a chain of frames, and the payloads' where they are plain. */
static void make_right(uint8_t *p, size_t size)
{
	struct repl_header h;

	while (size >= sizeof(h)) {
		size_t payload;

		memcpy(&h, p, sizeof(h));
		h.magic = REPL_MAGIC;
		payload = size - sizeof(h) < h.stored_bytes ? size - sizeof(h) : h.stored_bytes;
		if (h.comp == REPL_COMP_NONE)
			h.payload_crc32c = sluice_crc32c(0, p + sizeof(h), payload);
		frame_seal(&h);
		memcpy(p, &h, sizeof(h));
		p += sizeof(h) + payload;
		size -= sizeof(h) + payload;
	}
}

static void look_at(struct compress *c, const struct frame *f)
{
	static const uint64_t sizes[2] = {1 << 20, 12800};
	static const struct frame_limits limits = {
	    .member_count = 2, .block_bytes = 512, .member_size_bytes = sizes};
	const struct repl_header *h = &f->header;
	char why[FRAME_WHY_BYTES];
	uint8_t *room = malloc(h->raw_bytes ? h->raw_bytes : 1);

	assert(h->raw_bytes <= REPL_PAYLOAD_MAX && h->stored_bytes <= REPL_PAYLOAD_MAX);
	if (frame_check_range(&limits, h, why) && h->type == REPL_WRITE)
		assert(h->member < 2 && h->offset_bytes + h->len_bytes <= sizes[h->member] &&
		       h->len_bytes == h->raw_bytes);
	assert(frame_cost_bytes(h) <= REPL_PAYLOAD_MAX + REPL_FRAME_COST_BYTES);
	if (room && compress_plain(c, f, room))
		assert(frame_type_name(h->type)[0]);
	free(room);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	enum sluice_link_channel ch;
	struct compress *c = compress_new();
	uint8_t *copy;
	size_t at = 0;

	if (size < 1 || !c) {
		compress_free(c);
		return 0;
	}
	ch = data[0] & 1 ? SLUICE_LINK_CONTROL : SLUICE_LINK_DATA;
	copy = malloc(size);
	assert(copy);
	memcpy(copy, data + 1, --size);
	if (data[0] & 2)
		make_right(copy, size);
	for (;;) {
		char why[FRAME_WHY_BYTES], why_half[FRAME_WHY_BYTES];
		size_t used = 0, half = (size - at) / 2;
		struct frame f, g;
		enum frame_result rc = frame_next(ch, copy + at, size - at, &f, &used, why);
		enum frame_result part = frame_next(ch, copy + at, half, &g, &used, why_half);

		/* A part of it says the same, or that it is a part. */
		assert(part == FRAME_MORE || part == rc);
		if (rc != FRAME_OK)
			break;
		look_at(c, &f);
		at += sizeof(f.header) + f.header.stored_bytes;
		assert(at <= size);
	}
	free(copy);
	compress_free(c);
	return 0;
}
