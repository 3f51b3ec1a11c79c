/* SPDX-License-Identifier: MIT */
/* Numbers, sizes, names and UUIDs: what is taken, and that a refusal names the field. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "parse.h"

static void size_with_unit_is_taken(void **state)
{
	static const struct {
		const char *text;
		uint64_t bytes;
	} good[] = {
	    {"0", 0},
	    {"512", 512},
	    {"512B", 512},
	    {"1K", 1024},
	    {"10G", 10ull << 30},
	    {"10g", 10ull << 30},
	    {"3MiB", 3ull << 20},
	    {"2TB", 2ull << 40},
	    {"1P", 1ull << 50},
	    {"0010k", 10240},
	};

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		uint64_t v = 77;

		assert_int_equal(parse_size("size", good[i].text, 0, UINT64_MAX, &v, NULL), 0);
		assert_int_equal(v, good[i].bytes);
	}
}

static void size_that_is_none_is_refused_with_the_field(void **state)
{
	static const char *const bad[] = {
	    "",   "G",   "-1",  "+1",   " 1",  "1 ",  "1.5G",
	    "1X", "1GG", "1Gi", "0x10", "1BB", "1e3", "99999999999999999999"};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct err err = {0};
		uint64_t v = 77;

		assert_int_equal(parse_size("size", bad[i], 0, UINT64_MAX, &v, &err), -EINVAL);
		assert_int_equal(v, 77);
		assert_string_equal(err.field, "size");
	}
}

static void size_outside_its_limits_or_past_64_bits_is_refused(void **state)
{
	struct err err = {0};
	uint64_t v = 77;

	assert_int_equal(parse_size("size", "1G", 0, 1 << 20, &v, &err), -ERANGE);
	assert_non_null(strstr(err.text, "1M"));
	assert_int_equal(parse_size("size", "16384P", 0, UINT64_MAX, &v, NULL), -ERANGE);
	assert_int_equal(parse_size("size", "18446744073709551615P", 0, UINT64_MAX, &v, NULL),
			 -ERANGE);
	assert_int_equal(v, 77);
}

static void printed_size_reads_back_the_same(void **state)
{
	static const uint64_t sizes[] = {
	    0, 1, 511, 512, 1024, 1536, 10ull << 30, (1ull << 40) + 512, UINT64_MAX};

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		char text[32];
		uint64_t v;

		parse_size_format(sizes[i], text, sizeof(text));
		assert_int_equal(parse_size("size", text, 0, UINT64_MAX, &v, NULL), 0);
		assert_int_equal(v, sizes[i]);
	}
}

static void whole_number_in_range_only(void **state)
{
	uint64_t v = 77;

	assert_int_equal(parse_u64("n", "18446744073709551615", 0, UINT64_MAX, &v, NULL), 0);
	assert_int_equal(v, UINT64_MAX);
	assert_int_equal(parse_u64("n", "18446744073709551616", 0, UINT64_MAX, &v, NULL), -EINVAL);
	assert_int_equal(parse_u64("n", "5", 6, 7, &v, NULL), -ERANGE);
	assert_int_equal(parse_u64("n", "", 0, 7, &v, NULL), -EINVAL);
	assert_int_equal(parse_u64("n", "5x", 0, 7, &v, NULL), -EINVAL);
}

static void name_is_safe_as_a_file_name(void **state)
{
	static const char *const bad[] = {"",    ".",   "..",   ".a",       "-a",
					  "a/b", "a b", "a\nb", "\xc3\xa4", "_x"};
	char long_name[PARSE_NAME_MAX + 2];

	assert_int_equal(parse_name("name", "vm-1.disk_0", NULL), 0);
	assert_int_equal(parse_name("name", "0", NULL), 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(parse_name("name", bad[i], NULL), -EINVAL);
	memset(long_name, 'a', sizeof(long_name));
	long_name[PARSE_NAME_MAX + 1] = '\0';
	assert_int_equal(parse_name("name", long_name, NULL), -EINVAL);
	long_name[PARSE_NAME_MAX] = '\0';
	assert_int_equal(parse_name("name", long_name, NULL), 0);
}

static void uuid_reads_back_the_same(void **state)
{
	static const char text[] = "01234567-89ab-cdef-0123-456789abcdef";
	static const char *const bad[] = {
	    "", "01234567-89ab-cdef-0123-456789abcde", "01234567-89ab-cdef-0123-456789abcdef0",
	    "0123456789abcdef0123456789abcdef", "01234567-89ab-cdef-0123-456789abcdeg"};
	uint8_t uuid[16];
	char back[37];

	assert_int_equal(parse_uuid("uuid", text, uuid, NULL), 0);
	assert_int_equal(uuid[0], 0x01);
	assert_int_equal(uuid[15], 0xef);
	parse_uuid_format(uuid, back);
	assert_string_equal(back, text);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(parse_uuid("uuid", bad[i], uuid, NULL), -EINVAL);
}

static void yes_and_no_in_four_words_each(void **state)
{
	bool b = false;

	assert_int_equal(parse_bool("x", "on", &b, NULL), 0);
	assert_true(b);
	assert_int_equal(parse_bool("x", "0", &b, NULL), 0);
	assert_false(b);
	assert_int_equal(parse_bool("x", "maybe", &b, NULL), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(size_with_unit_is_taken),
	    cmocka_unit_test(size_that_is_none_is_refused_with_the_field),
	    cmocka_unit_test(size_outside_its_limits_or_past_64_bits_is_refused),
	    cmocka_unit_test(printed_size_reads_back_the_same),
	    cmocka_unit_test(whole_number_in_range_only),
	    cmocka_unit_test(name_is_safe_as_a_file_name),
	    cmocka_unit_test(uuid_reads_back_the_same),
	    cmocka_unit_test(yes_and_no_in_four_words_each),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
