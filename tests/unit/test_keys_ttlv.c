/* SPDX-License-Identifier: MIT */
/* What is written is read again; what is broken in any way is refused as a whole. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "bytes.h"
#include "kmip_ttlv.h"

#define TAG(n) (0x420000u + (n))

static size_t sample(uint8_t *data, size_t room)
{
	struct ttlv_writer w;
	long len;

	ttlv_start(&w, data, room);
	ttlv_begin(&w, TAG(1));
	ttlv_integer(&w, TAG(2), -7);
	ttlv_begin(&w, TAG(3));
	ttlv_text(&w, TAG(4), "a text");
	ttlv_bytes(&w, TAG(5), "0123456789abcdef", 16);
	ttlv_end(&w);
	ttlv_enumeration(&w, TAG(6), 9);
	ttlv_end(&w);
	len = ttlv_finish(&w);
	assert_true(len > 0);
	return (size_t)len;
}

static void what_is_written_is_read(void **state)
{
	uint8_t data[256];
	struct ttlv_item all, inner, i;
	size_t len = sample(data, sizeof(data));
	char text[32];

	assert_int_equal(ttlv_message_bytes(data, TAG(1)), len);
	assert_int_equal(ttlv_check(data, len, &all), 0);
	assert_int_equal(all.tag, TAG(1));
	assert_true(ttlv_find(&all, TAG(2), TTLV_INTEGER, &i));
	assert_int_equal((int32_t)ttlv_number(&i), -7);
	assert_true(ttlv_find(&all, TAG(3), TTLV_STRUCTURE, &inner));
	assert_true(ttlv_find(&inner, TAG(4), TTLV_TEXT, &i));
	ttlv_string(&i, text, sizeof(text));
	assert_string_equal(text, "a text");
	ttlv_string(&i, text, 4);
	assert_string_equal(text, "a t");
	assert_true(ttlv_next(&inner, &i, &i));
	assert_int_equal(i.len, 16);
	assert_memory_equal(i.value, "0123456789abcdef", 16);
	assert_false(ttlv_next(&inner, &i, &i));
	assert_true(ttlv_find(&all, TAG(6), TTLV_ENUM, &i));
	assert_int_equal(ttlv_number(&i), 9);
	/* another type under the same tag is not found */
	assert_false(ttlv_find(&all, TAG(6), TTLV_INTEGER, &i));
}

static void what_is_cut_short_is_refused(void **state)
{
	uint8_t data[256];
	struct ttlv_item all;
	size_t len = sample(data, sizeof(data));

	for (size_t n = 0; n < len; n++)
		assert_int_equal(ttlv_check(data, n, &all), -EPROTO);
	assert_int_equal(ttlv_check(data, len + 8, &all), -EPROTO);
}

static void lengths_and_padding_are_checked(void **state)
{
	uint8_t data[256], copy[256];
	struct ttlv_item all;
	size_t len = sample(data, sizeof(data));

	/* the integer's length, the text's length, a byte of padding, a type that there is not */
	static const struct {
		size_t at;
		uint8_t value;
	} faults[] = {{15, 5}, {15, 255}, {39, 200}, {47, 1}, {11, 11}, {11, 0}, {31, 64}, {7, 1}};

	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
		memcpy(copy, data, len);
		copy[faults[i].at] = faults[i].value;
		assert_int_equal(ttlv_check(copy, len, &all), -EPROTO);
	}
}

static void too_deep_and_too_many_is_refused(void **state)
{
	static uint8_t data[TTLV_MESSAGE_BYTES];
	struct ttlv_writer w;
	struct ttlv_item all;
	uint32_t count = TTLV_ITEMS_MAX + 1;

	ttlv_start(&w, data, sizeof(data));
	for (uint32_t i = 0; i <= TTLV_DEPTH_MAX; i++)
		ttlv_begin(&w, TAG(1));
	assert_int_equal(ttlv_finish(&w), -ENOSPC);
	/* one structure inside of another, deeper than it may be */
	for (uint32_t i = 0; i < 20; i++) {
		put_be32(data + (size_t)i * 8, TAG(1) << 8 | TTLV_STRUCTURE);
		put_be32(data + (size_t)i * 8 + 4, (20 - i - 1) * 8);
	}
	assert_int_equal(ttlv_check(data, (size_t)20 * 8, &all), -EPROTO);
	/* very many empty ones */
	put_be32(data, TAG(1) << 8 | TTLV_STRUCTURE);
	put_be32(data + 4, count * 8);
	for (uint32_t i = 1; i <= count; i++) {
		put_be32(data + (size_t)i * 8, TAG(2) << 8 | TTLV_TEXT);
		put_be32(data + (size_t)i * 8 + 4, 0);
	}
	assert_int_equal(ttlv_check(data, (size_t)(count + 1) * 8, &all), -EPROTO);
	assert_int_equal(ttlv_check(data, (size_t)(count + 1) * 8 - 8, &all), -EPROTO);
}

static void what_does_not_fit_is_said(void **state)
{
	uint8_t data[256];
	struct ttlv_writer w;

	for (size_t room = 0; room < 80; room++) {
		ttlv_start(&w, data, room);
		ttlv_begin(&w, TAG(1));
		ttlv_text(&w, TAG(2), "0123456789012345678901234567890123456789012345678901234567");
		ttlv_end(&w);
		assert_int_equal(ttlv_finish(&w), room < 80 ? -ENOSPC : 80);
	}
	ttlv_start(&w, data, sizeof(data));
	ttlv_end(&w);
	assert_int_equal(ttlv_finish(&w), -ENOSPC);
	ttlv_start(&w, data, sizeof(data));
	ttlv_begin(&w, TAG(1));
	assert_int_equal(ttlv_finish(&w), -EINVAL);
}

static void a_messages_length_has_a_limit(void **state)
{
	uint8_t head[8];

	put_be32(head, TAG(1) << 8 | TTLV_STRUCTURE);
	put_be32(head + 4, TTLV_MESSAGE_BYTES);
	assert_int_equal(ttlv_message_bytes(head, TAG(1)), -EMSGSIZE);
	put_be32(head + 4, 0xfffffff8u);
	assert_int_equal(ttlv_message_bytes(head, TAG(1)), -EMSGSIZE);
	put_be32(head + 4, 16);
	assert_int_equal(ttlv_message_bytes(head, TAG(1)), 24);
	assert_int_equal(ttlv_message_bytes(head, TAG(2)), -EPROTO);
	memcpy(head, "HTTP/1.1", 8);
	assert_int_equal(ttlv_message_bytes(head, TAG(1)), -EPROTO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_is_written_is_read),
	    cmocka_unit_test(what_is_cut_short_is_refused),
	    cmocka_unit_test(lengths_and_padding_are_checked),
	    cmocka_unit_test(too_deep_and_too_many_is_refused),
	    cmocka_unit_test(what_does_not_fit_is_said),
	    cmocka_unit_test(a_messages_length_has_a_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
