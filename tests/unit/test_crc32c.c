/* SPDX-License-Identifier: MIT */
/* test_crc32c.c - the checksum of known texts, in one piece and in two, from any alignment. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "crc32c.h"

/* Source: RFC 3720 B.4 */
static void known_texts_have_their_checksum(void **state)
{
	uint8_t zeros[32] = {0}, ones[32], up[32];

	memset(ones, 0xff, sizeof(ones));
	for (uint8_t i = 0; i < sizeof(up); i++)
		up[i] = i;
	assert_int_equal(crc32c(0, zeros, sizeof(zeros)), 0x8a9136aa);
	assert_int_equal(crc32c(0, ones, sizeof(ones)), 0x62a8ab43);
	assert_int_equal(crc32c(0, up, sizeof(up)), 0x46dd794e);
	assert_int_equal(crc32c(0, "123456789", 9), 0xe3069283);
	assert_int_equal(crc32c(0, "", 0), 0);
}

static void pieces_have_the_checksum_of_the_whole(void **state)
{
	uint8_t data[64];

	for (uint32_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i * 37 + 11);
	for (size_t from = 0; from < 9; from++)
		for (size_t cut = from; cut <= sizeof(data); cut++)
			assert_int_equal(crc32c(crc32c(0, data + from, cut - from), data + cut,
						sizeof(data) - cut),
					 crc32c(0, data + from, sizeof(data) - from));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(known_texts_have_their_checksum),
	    cmocka_unit_test(pieces_have_the_checksum_of_the_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
