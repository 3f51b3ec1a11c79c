/* SPDX-License-Identifier: GPL-2.0-only */
/* Which commands another nexus's reservation keeps out: the standard's table, and where tgtd's own
 * differs from it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "conflict.h"

static void test_everything_that_writes_conflicts_with_write_exclusive(void **state)
{
	static const uint8_t writes[] = {0x04, 0x0a, 0x15, 0x2a, 0x2e, 0x35, 0x41, 0x42, 0x55,
					 0x83, 0x89, 0x8a, 0x8b, 0x8e, 0x91, 0x93, 0xaa, 0xae};

	for (size_t i = 0; i < sizeof(writes); i++)
		assert_int_equal(conflict_of_opcode(writes[i]), CONFLICT_WRITE);
}

static void test_everything_that_reads_conflicts_with_exclusive_access_only(void **state)
{
	static const uint8_t reads[] = {0x08, 0x1a, 0x28, 0x2f, 0x34, 0x5a,
					0x84, 0x88, 0x8f, 0x90, 0xa8, 0xaf};

	for (size_t i = 0; i < sizeof(reads); i++)
		assert_int_equal(conflict_of_opcode(reads[i]), CONFLICT_READ);
}

static void test_what_describes_the_lun_is_free(void **state)
{
	static const uint8_t free_ops[] = {0x00, 0x03, 0x12, 0x25, 0x4d, 0x5e, 0x5f, 0xa0};

	for (size_t i = 0; i < sizeof(free_ops); i++)
		assert_int_equal(conflict_of_opcode(free_ops[i]), CONFLICT_NEVER);
}

static enum conflict of(uint8_t op, uint8_t byte1, uint8_t byte4)
{
	const uint8_t cdb[16] = {op, byte1, 0, 0, byte4};

	return conflict_of_cdb(cdb);
}

static void test_service_actions_and_bits_decide(void **state)
{
	assert_int_equal(conflict_of_opcode(0x9e), CONFLICT_BY_CDB);
	assert_int_equal(of(0x9e, 0x10, 0), CONFLICT_NEVER); /* READ CAPACITY(16) */
	assert_int_equal(of(0x9e, 0x12, 0), CONFLICT_READ);  /* GET LBA STATUS */
	assert_int_equal(of(0xa3, 0x0a, 0), CONFLICT_NEVER); /* REPORT TARGET PORT GROUPS */
	assert_int_equal(of(0xa3, 0x0c, 0), CONFLICT_READ);  /* REPORT SUPPORTED OPERATION CODES */
	assert_int_equal(of(0x1b, 0, 0x01), CONFLICT_NEVER); /* start */
	assert_int_equal(of(0x1b, 0, 0x00), CONFLICT_WRITE); /* stop */
	assert_int_equal(of(0x1b, 0, 0x11), CONFLICT_WRITE); /* power condition */
	assert_int_equal(of(0x1e, 0, 0x00), CONFLICT_NEVER); /* allow removal */
	assert_int_equal(of(0x1e, 0, 0x01), CONFLICT_WRITE);
	for (unsigned op = 0; op < 256; op++)
		assert_int_not_equal(of((uint8_t)op, 0, 0), CONFLICT_BY_CDB);
}

static void test_reserve6_keeps_all_but_descriptions_out(void **state)
{
	static const uint8_t inquiry[16] = {0x12}, capacity[16] = {0x25},
			     capacity16[16] = {0x9e, 0x10};
	static const uint8_t tur[16], read10[16] = {0x28}, unmap[16] = {0x42}, sense[16] = {0x1a};

	assert_false(conflict_with_reserve(inquiry));
	assert_false(conflict_with_reserve(capacity));
	assert_false(conflict_with_reserve(capacity16));
	assert_true(conflict_with_reserve(tur));
	assert_true(conflict_with_reserve(read10));
	assert_true(conflict_with_reserve(unmap));
	assert_true(conflict_with_reserve(sense));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_everything_that_writes_conflicts_with_write_exclusive),
	    cmocka_unit_test(test_everything_that_reads_conflicts_with_exclusive_access_only),
	    cmocka_unit_test(test_what_describes_the_lun_is_free),
	    cmocka_unit_test(test_service_actions_and_bits_decide),
	    cmocka_unit_test(test_reserve6_keeps_all_but_descriptions_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
