/* SPDX-License-Identifier: MIT */
/* Frames come out as they went in, in pieces or not; what a type cannot have is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "frame.h"
#include "sluice/crc32c.h"

#define VOLUME (10ull << 20)

static const uint64_t sizes[2] = {VOLUME, 4096 * 3 + 512};
static const struct frame_limits limits = {
    .member_count = 2, .block_bytes = 512, .member_size_bytes = sizes};
static uint8_t wire[REPL_PAYLOAD_MAX + 64];
static char why[FRAME_WHY_BYTES];

/* The frame on the wire, sealed; its length. */
static size_t put(struct repl_header *h, const void *payload)
{
	frame_seal(h);
	memcpy(wire, h, sizeof(*h));
	if (h->stored_bytes && h->stored_bytes <= REPL_PAYLOAD_MAX && payload)
		memcpy(wire + sizeof(*h), payload, h->stored_bytes);
	return sizeof(*h) + h->stored_bytes;
}

static enum frame_result take(enum sluice_link_channel ch, size_t len, struct frame *f)
{
	size_t used = 0;
	enum frame_result rc;

	why[0] = '\0';
	rc = frame_next(ch, wire, len, f, &used, why);
	assert_true((rc == FRAME_BAD) == (why[0] != '\0'));
	if (rc == FRAME_OK)
		assert_int_equal(used, sizeof(f->header) + f->header.stored_bytes);
	return rc;
}

static void write_of(struct repl_header *h, const void *data, size_t len)
{
	frame_begin(h, REPL_WRITE, 7, 1234);
	frame_set_range(h, 1, 512, len);
	frame_set_payload(h, data, len);
}

static void crc_is_the_one_of_iscsi(void **state)
{
	assert_int_equal(sluice_crc32c(0, "123456789", 9), 0xe3069283u);
	assert_int_equal(sluice_crc32c(sluice_crc32c(0, "12345", 5), "6789", 4), 0xe3069283u);
	assert_int_equal(sluice_crc32c(0, "", 0), 0);
}

static void comes_out_as_it_went_in(void **state)
{
	static uint8_t data[4096];
	struct repl_header h;
	struct frame f;
	size_t len;

	memset(data, 0x5a, sizeof(data));
	write_of(&h, data, sizeof(data));
	frame_set_status(&h, 9);
	len = put(&h, data);
	for (size_t part = 0; part < len; part += 61)
		assert_int_equal(take(SLUICE_LINK_DATA, part, &f), FRAME_MORE);
	assert_int_equal(take(SLUICE_LINK_DATA, len, &f), FRAME_OK);
	assert_memory_equal(&f.header, &h, sizeof(h));
	assert_ptr_equal(f.stored, wire + sizeof(h));
	assert_int_equal(frame_status(&f.header), 9);
	assert_true(frame_plain_is_right(&f.header, f.stored));
	assert_true(frame_check_range(&limits, &f.header, why));
	wire[sizeof(h) + 99] ^= 1;
	assert_false(frame_plain_is_right(&f.header, f.stored));
}

static void each_bit_of_a_header_counts(void **state)
{
	struct repl_header h;
	struct frame f;
	size_t len;

	write_of(&h, "sixteen bytes...", 16);
	len = put(&h, "sixteen bytes...");
	for (uint32_t bit = 0; bit < 8 * sizeof(h); bit++) {
		wire[bit / 8] ^= (uint8_t)(1u << bit % 8);
		assert_int_equal(take(SLUICE_LINK_DATA, len, &f), FRAME_BAD);
		wire[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	assert_int_equal(take(SLUICE_LINK_DATA, len, &f), FRAME_OK);
}

static void expect_bad(struct repl_header *h, enum sluice_link_channel ch, const char *word)
{
	struct frame f;

	put(h, NULL);
	assert_int_equal(take(ch, sizeof(wire), &f), FRAME_BAD);
	if (!strstr(why, word))
		fail_msg("\"%s\" does not say \"%s\"", why, word);
}

static void lengths_of_strangers_are_not_believed(void **state)
{
	struct repl_header h;

	write_of(&h, "sixteen bytes...", 16);
	h.stored_bytes = UINT32_MAX;
	expect_bad(&h, SLUICE_LINK_DATA, "too long");
	h.stored_bytes = 8;
	h.comp = REPL_COMP_LZ4;
	h.raw_bytes = REPL_PAYLOAD_MAX + 1;
	h.len_bytes = h.raw_bytes;
	expect_bad(&h, SLUICE_LINK_DATA, "too long");
	write_of(&h, "sixteen bytes...", 16);
	h.len_bytes = 17;
	expect_bad(&h, SLUICE_LINK_DATA, "range");
	write_of(&h, "sixteen bytes...", 16);
	h.stored_bytes = 15;
	expect_bad(&h, SLUICE_LINK_DATA, "compression");
	h.comp = 77;
	expect_bad(&h, SLUICE_LINK_DATA, "compression");
	h.comp = REPL_COMP_ZSTD;
	h.stored_bytes = 0;
	expect_bad(&h, SLUICE_LINK_DATA, "compression");
	frame_begin(&h, REPL_STATE, 1, 0);
	h.raw_bytes = h.stored_bytes = sizeof(struct repl_state) + 5;
	expect_bad(&h, SLUICE_LINK_CONTROL, "length");
	frame_begin(&h, REPL_PING, 1, 0);
	h.raw_bytes = h.stored_bytes = 1;
	expect_bad(&h, SLUICE_LINK_CONTROL, "length");
	frame_begin(&h, REPL_HELLO, 1, 0);
	expect_bad(&h, SLUICE_LINK_DATA, "HELLO");
}

static void types_keep_to_their_channel(void **state)
{
	struct repl_header h;
	struct frame f;

	write_of(&h, "sixteen bytes...", 16);
	expect_bad(&h, SLUICE_LINK_CONTROL, "connection");
	frame_begin(&h, REPL_PING, 1, 0);
	expect_bad(&h, SLUICE_LINK_DATA, "connection");
	frame_begin(&h, (enum repl_type)19, 1, 0);
	expect_bad(&h, SLUICE_LINK_DATA, "unknown type");
	frame_begin(&h, (enum repl_type)255, 1, 0);
	expect_bad(&h, SLUICE_LINK_DATA, "unknown type");
	frame_begin(&h, REPL_PING, 1, 0);
	h.version = REPL_VERSION + 1;
	expect_bad(&h, SLUICE_LINK_CONTROL, "version");
	/* A peer of another version can at least say so. */
	frame_begin(&h, REPL_HELLO, 1, 0);
	h.version = REPL_VERSION + 1;
	h.raw_bytes = h.stored_bytes = sizeof(struct repl_hello);
	put(&h, NULL);
	assert_int_equal(take(SLUICE_LINK_CONTROL, sizeof(wire), &f), FRAME_OK);
}

static bool fits(enum repl_type type, uint16_t member, uint64_t offset, uint64_t len)
{
	struct repl_header h;

	frame_begin(&h, type, 1, 0);
	frame_set_range(&h, member, offset, len);
	return frame_check_range(&limits, &h, why);
}

static void ranges_stay_inside_their_volume(void **state)
{
	assert_true(fits(REPL_ZERO, 0, 0, VOLUME));
	assert_false(fits(REPL_ZERO, 0, 0, 0));
	assert_false(fits(REPL_ZERO, 0, 512, VOLUME));
	assert_false(fits(REPL_ZERO, 0, VOLUME, 512));
	assert_false(fits(REPL_ZERO, 2, 0, 512));
	assert_false(fits(REPL_ZERO, 0, 512, UINT64_MAX - 511));
	assert_false(fits(REPL_ZERO, 0, UINT64_MAX - 511, 512));
	assert_false(fits(REPL_ZERO, 0, 100, 512));
	assert_false(fits(REPL_ZERO, 0, 512, 100));
	/* Units, and the volume's end that is none. */
	assert_true(fits(REPL_WIN_ZERO, 1, 8192, 4096 + 512));
	assert_false(fits(REPL_WIN_ZERO, 1, 8192, 4096 - 512));
	assert_false(fits(REPL_WIN_ZERO, 0, 512, 4096));
	assert_true(fits(REPL_FLUSH, 99, 1, 1)); /* it has no range */
}

static void cost_is_counted_where_credit_is_needed(void **state)
{
	struct repl_header h;

	write_of(&h, "sixteen bytes...", 16);
	assert_int_equal(frame_cost_bytes(&h), 16 + REPL_FRAME_COST_BYTES);
	frame_begin(&h, REPL_ACK, 1, 0);
	assert_int_equal(frame_cost_bytes(&h), 0);
	frame_begin(&h, REPL_CREDIT, 1, 0);
	assert_int_equal(frame_cost_bytes(&h), 0);
	assert_string_equal(frame_type_name(REPL_WIN_DATA), "WIN_DATA");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(crc_is_the_one_of_iscsi),
	    cmocka_unit_test(comes_out_as_it_went_in),
	    cmocka_unit_test(each_bit_of_a_header_counts),
	    cmocka_unit_test(lengths_of_strangers_are_not_believed),
	    cmocka_unit_test(types_keep_to_their_channel),
	    cmocka_unit_test(ranges_stay_inside_their_volume),
	    cmocka_unit_test(cost_is_counted_where_credit_is_needed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
