/* SPDX-License-Identifier: MIT */
/* frame.c - one table says what each type may look like. */
#include "frame.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "sluice/crc32c.h"

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "frames are copied as they are");

#define ON_DATA    (1u << SLUICE_LINK_DATA)
#define ON_CONTROL (1u << SLUICE_LINK_CONTROL)
#define ON_BOTH    (ON_DATA | ON_CONTROL)

enum range {
	RANGE_NONE,
	RANGE_BLOCKS, /* of volumes' blocks */
	RANGE_UNITS,  /* of REPL_UNIT_BYTES */
};

struct rule {
	const char *name;
	uint8_t channels;
	uint8_t range;
	bool is_data;  /* the payload is the range's content */
	bool has_cost; /* it needs credit */
	uint32_t payload_min, payload_max,
	    payload_unit; /* min, and any number of units beyond it */
};

#define EXACTLY(bytes) .payload_min = (bytes), .payload_max = (bytes), .payload_unit = 1
#define DATA(kind)                                                                                 \
	.channels = ON_DATA, .range = (kind), .is_data = true, .has_cost = true, .payload_min = 1, \
	.payload_max = REPL_PAYLOAD_MAX, .payload_unit = 1
#define RANGE(kind) .channels = ON_DATA, .range = (kind), .has_cost = true

static const struct rule rules[] = {
    [REPL_HELLO] = {"HELLO", ON_BOTH, EXACTLY(sizeof(struct repl_hello))},
    [REPL_STATE] = {"STATE", ON_CONTROL, .payload_min = sizeof(struct repl_state),
		    .payload_unit = sizeof(struct repl_reign),
		    .payload_max =
			sizeof(struct repl_state) + REPL_LINEAGE_MAX * sizeof(struct repl_reign)},
    [REPL_PING] = {.name = "PING", .channels = ON_CONTROL},
    [REPL_PONG] = {.name = "PONG", .channels = ON_CONTROL},
    [REPL_ROLE] = {"ROLE", ON_CONTROL, EXACTLY(sizeof(struct repl_role))},
    [REPL_META] = {"META", ON_CONTROL, .payload_min = sizeof(struct repl_meta), .payload_unit = 1,
		   .payload_max = REPL_PAYLOAD_MAX},
    [REPL_META_ACK] = {"META_ACK", ON_CONTROL, EXACTLY(sizeof(struct repl_meta))},
    [REPL_ERROR] = {"ERROR", ON_BOTH, .payload_unit = 1, .payload_max = REPL_ERROR_TEXT_MAX},
    [REPL_BYE] = {.name = "BYE", .channels = ON_BOTH},

    [REPL_WRITE] = {"WRITE", DATA(RANGE_BLOCKS)},
    [REPL_ZERO] = {"ZERO", RANGE(RANGE_BLOCKS)},
    [REPL_FLUSH] = {"FLUSH", ON_DATA, .has_cost = true},
    [REPL_WIN_BEGIN] = {"WIN_BEGIN", ON_DATA, .has_cost = true},
    [REPL_WIN_DATA] = {"WIN_DATA", DATA(RANGE_UNITS)},
    [REPL_WIN_ZERO] = {"WIN_ZERO", RANGE(RANGE_UNITS)},
    [REPL_WIN_END] = {"WIN_END", ON_DATA, .has_cost = true},
    [REPL_RS_BEGIN] = {"RS_BEGIN", ON_DATA, .has_cost = true, EXACTLY(sizeof(struct repl_rs))},
    [REPL_RS_DATA] = {"RS_DATA", DATA(RANGE_UNITS)},
    [REPL_RS_ZERO] = {"RS_ZERO", RANGE(RANGE_UNITS)},
    [REPL_RS_END] = {"RS_END", ON_DATA, .has_cost = true},
    [REPL_DIGEST_ASK] = {"DIGEST_ASK", RANGE(RANGE_BLOCKS),
			 EXACTLY(sizeof(struct repl_digest_ask))},
    [REPL_MARK] = {"MARK", ON_DATA, EXACTLY(sizeof(struct repl_mark))},

    [REPL_ACK] = {.name = "ACK", .channels = ON_DATA},
    [REPL_WIN_ACK] = {.name = "WIN_ACK", .channels = ON_DATA},
    [REPL_RS_ACK] = {.name = "RS_ACK", .channels = ON_DATA},
    [REPL_DIGEST] = {"DIGEST", ON_DATA, .range = RANGE_BLOCKS,
		     .payload_unit = REPL_DIGEST_SUM_BYTES, .payload_max = REPL_PAYLOAD_MAX},
    [REPL_BITMAP] = {"BITMAP", ON_DATA, .payload_unit = sizeof(struct repl_range),
		     .payload_max = REPL_PAYLOAD_MAX},
    [REPL_CREDIT] = {.name = "CREDIT", .channels = ON_DATA},
    [REPL_MARK_ACK] = {"MARK_ACK", ON_DATA, .payload_min = sizeof(struct repl_mark),
		       .payload_unit = 1,
		       .payload_max = sizeof(struct repl_mark) + REPL_ERROR_TEXT_MAX},
};

static const struct rule *rule_of(uint8_t type)
{
	if (type >= sizeof(rules) / sizeof(rules[0]) || !rules[type].name)
		return NULL;
	return &rules[type];
}

const char *frame_type_name(uint8_t type)
{
	const struct rule *r = rule_of(type);

	return r ? r->name : "a frame of unknown type";
}

/* ---------------------------------------------------------------- make */

void frame_begin(struct repl_header *h, enum repl_type type, uint64_t term, uint64_t value)
{
	*h = (struct repl_header){.magic = REPL_MAGIC,
				  .version = REPL_VERSION_HEADER,
				  .type = (uint8_t)type,
				  .term = term,
				  .value = value};
}

void frame_set_range(struct repl_header *h, uint16_t member, uint64_t offset_bytes,
		     uint64_t len_bytes)
{
	h->member = member;
	h->offset_bytes = offset_bytes;
	h->len_bytes = len_bytes;
}

void frame_set_payload(struct repl_header *h, const void *plain, size_t bytes)
{
	assert(bytes <= REPL_PAYLOAD_MAX);
	h->raw_bytes = h->stored_bytes = (uint32_t)bytes;
	h->comp = REPL_COMP_NONE;
	h->payload_crc32c = sluice_crc32c(0, plain, bytes);
}

void frame_set_status(struct repl_header *h, uint8_t status)
{
	h->flags = (uint16_t)((h->flags & 0xffu) | (uint16_t)(status << 8));
}

uint8_t frame_status(const struct repl_header *h)
{
	return (uint8_t)(h->flags >> 8);
}

static uint32_t header_crc(const struct repl_header *h)
{
	return sluice_crc32c(0, h, offsetof(struct repl_header, header_crc32c));
}

void frame_seal(struct repl_header *h)
{
	h->header_crc32c = header_crc(h);
}

/* ---------------------------------------------------------------- take apart */

static enum frame_result bad(char why[FRAME_WHY_BYTES], const struct repl_header *h,
			     const char *what)
{
	snprintf(why, FRAME_WHY_BYTES, "the peer sent %s with %s", frame_type_name(h->type), what);
	return FRAME_BAD;
}

static bool payload_fits(const struct rule *r, const struct repl_header *h)
{
	uint32_t raw = h->raw_bytes;

	if (r->payload_max == 0)
		return raw == 0;
	return raw >= r->payload_min && raw <= r->payload_max &&
	       (raw - r->payload_min) % r->payload_unit == 0;
}

/* Lengths first: nothing of a frame is waited for that is longer than any frame may be. */
static enum frame_result check_header(enum sluice_link_channel channel, const struct repl_header *h,
				      char why[FRAME_WHY_BYTES])
{
	const struct rule *r = rule_of(h->type);

	if (h->type != REPL_HELLO &&
	    (h->version < REPL_VERSION_OLDEST || h->version > REPL_VERSION))
		return bad(why, h, "a version that was not agreed");
	if (!r)
		return bad(why, h, "a right checksum");
	if (!(r->channels & 1u << channel))
		return bad(why, h, "the wrong connection for it");
	if (h->stored_bytes > REPL_PAYLOAD_MAX || h->raw_bytes > REPL_PAYLOAD_MAX)
		return bad(why, h, "a payload that is too long");
	if (!payload_fits(r, h))
		return bad(why, h, "a payload of a length that it cannot have");
	if (r->is_data && h->len_bytes != h->raw_bytes)
		return bad(why, h, "a payload that is not as long as its range");
	if (h->comp > REPL_COMP_ZSTD ||
	    (h->comp == REPL_COMP_NONE && h->stored_bytes != h->raw_bytes) ||
	    (h->comp != REPL_COMP_NONE && h->stored_bytes >= h->raw_bytes) ||
	    (h->raw_bytes > 0 && h->stored_bytes == 0))
		return bad(why, h, "a compression that cannot be");
	return FRAME_OK;
}

enum frame_result frame_next(enum sluice_link_channel channel, const uint8_t *data, size_t len,
			     struct frame *f, size_t *used_bytes, char why[FRAME_WHY_BYTES])
{
	struct repl_header *h = &f->header;
	enum frame_result rc;

	if (len < sizeof(*h))
		return FRAME_MORE;
	memcpy(h, data, sizeof(*h));
	if (h->magic != REPL_MAGIC || h->header_crc32c != header_crc(h)) {
		snprintf(why, FRAME_WHY_BYTES, "the peer sent what is no frame, or a damaged one");
		return FRAME_BAD;
	}
	rc = check_header(channel, h, why);
	if (rc != FRAME_OK)
		return rc;
	if (len - sizeof(*h) < h->stored_bytes)
		return FRAME_MORE;
	f->stored = data + sizeof(*h);
	*used_bytes = sizeof(*h) + h->stored_bytes;
	return FRAME_OK;
}

bool frame_range_is_inside(const struct frame_limits *l, uint32_t member, uint64_t offset_bytes,
			   uint64_t len_bytes)
{
	uint64_t size;

	if (member >= l->member_count || len_bytes == 0)
		return false;
	size = l->member_size_bytes[member];
	return offset_bytes < size && len_bytes <= size - offset_bytes;
}

bool frame_check_range(const struct frame_limits *l, const struct repl_header *h,
		       char why[FRAME_WHY_BYTES])
{
	const struct rule *r = rule_of(h->type);
	uint64_t unit = r->range == RANGE_UNITS ? REPL_UNIT_BYTES : l->block_bytes;
	uint64_t end = h->offset_bytes + h->len_bytes;

	if (r->range == RANGE_NONE)
		return true;
	if (!frame_range_is_inside(l, h->member, h->offset_bytes, h->len_bytes)) {
		bad(why, h, "a range outside of its volume");
		return false;
	}
	if (h->offset_bytes % unit ||
	    (end % unit && (r->range != RANGE_UNITS || end != l->member_size_bytes[h->member]))) {
		bad(why, h, "a range that is not aligned");
		return false;
	}
	return true;
}

bool frame_plain_is_right(const struct repl_header *h, const void *plain)
{
	return sluice_crc32c(0, plain, h->raw_bytes) == h->payload_crc32c;
}

uint64_t frame_cost_bytes(const struct repl_header *h)
{
	return rules[h->type].has_cost ? (uint64_t)h->raw_bytes + REPL_FRAME_COST_BYTES : 0;
}
