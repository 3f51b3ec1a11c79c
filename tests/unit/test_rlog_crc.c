/* SPDX-License-Identifier: MIT */
/* test_rlog_crc.c - CRC32C: the known value, both ways of computing it, and that it is linear. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "rlog_crc.h"

static void the_known_value_comes_out(void **state)
{
	assert_int_equal(~rlog_crc(UINT32_MAX, "123456789", 9), 0xe3069283);
	assert_int_equal(~rlog_crc_plain(UINT32_MAX, "123456789", 9), 0xe3069283);
}

static void both_ways_agree_at_every_length_and_alignment(void **state)
{
	uint8_t data[300];

	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i * 37 + i / 7);
	for (size_t from = 0; from < 9; from++)
		for (size_t len = 0; from + len <= sizeof(data); len++)
			assert_int_equal(rlog_crc(0x1234567, data + from, len),
					 rlog_crc_plain(0x1234567, data + from, len));
}

/* Long ones go in several lanes. */
static void both_ways_agree_at_every_size_of_a_block(void **state)
{
	static const size_t around[] = {1360, 4080, 4096, 8160, 65536};
	uint8_t *data = malloc(70000);

	assert_non_null(data);
	for (size_t i = 0; i < 70000; i++)
		data[i] = (uint8_t)(i * 37 + i / 251);
	for (size_t i = 0; i < sizeof(around) / sizeof(around[0]); i++) {
		for (size_t len = around[i] - 9; len < around[i] + 10; len++) {
			for (size_t from = 0; from < 3; from++)
				assert_int_equal(rlog_crc(0xf1234567, data + from, len),
						 rlog_crc_plain(0xf1234567, data + from, len));
		}
	}
	for (size_t len = 0; len < 70000; len += 679) {
		memset(data, 0, len);
		assert_int_equal(rlog_crc_zeros(0xf1234567, len),
				 rlog_crc_plain(0xf1234567, data, len));
	}
	free(data);
}

static void a_seed_may_be_added_afterwards(void **state)
{
	uint8_t data[4096];

	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i * 131);
	for (uint32_t seed = 1; seed; seed <<= 1)
		assert_int_equal(rlog_crc(seed, data, sizeof(data)),
				 rlog_crc(0, data, sizeof(data)) ^
				     rlog_crc_zeros(seed, sizeof(data)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_known_value_comes_out),
	    cmocka_unit_test(both_ways_agree_at_every_length_and_alignment),
	    cmocka_unit_test(both_ways_agree_at_every_size_of_a_block),
	    cmocka_unit_test(a_seed_may_be_added_afterwards),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
