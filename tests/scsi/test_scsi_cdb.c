/* SPDX-License-Identifier: MIT */
/* test_scsi_cdb.c - every opcode and what the parser makes of it; no device is involved. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "bytes.h"
#include "cdb.h"

struct row {
	const char *what;
	uint8_t cdb[16];
	uint8_t cdb_bytes;
	enum sense_id id;
	uint8_t op;
	uint64_t lba, blocks;
};

#define OK  SENSE_NONE
#define BAD SENSE_INVALID_FIELD_CDB

static const struct row rows[] = {
    {"READ(6), 21 bits of LBA", {0x08, 0xff, 0xff, 0xff, 9}, 6, OK, COMMAND_READ, 0x1fffff, 9},
    {"READ(6), 0 is 256", {0x08, 0, 0, 1, 0}, 6, OK, COMMAND_READ, 1, 256},
    {"WRITE(6), 0 is 256", {0x0a, 0, 0, 2, 0}, 6, OK, COMMAND_WRITE, 2, 256},
    {"READ(10)", {0x28, 0, 1, 2, 3, 4, 0, 5, 6}, 10, OK, COMMAND_READ, 0x01020304, 0x0506},
    {"READ(10), DPO FUA RARC group",
     {0x28, 0x1c, 0, 0, 0, 1, 0x1f, 0, 1},
     10,
     OK,
     COMMAND_READ,
     1,
     1},
    {"READ(10), RDPROTECT 1", {0x28, 0x20, 0, 0, 0, 0, 0, 0, 1}, 10, BAD, 0, 0, 0},
    {"READ(10), RDPROTECT 7", {0x28, 0xe0, 0, 0, 0, 0, 0, 0, 1}, 10, BAD, 0, 0, 0},
    {"READ(10), NACA", {0x28, 0, 0, 0, 0, 0, 0, 0, 1, 0x04}, 10, BAD, 0, 0, 0},
    {"READ(10), cut off", {0x28}, 9, BAD, 0, 0, 0},
    {"READ(12)",
     {0xa8, 0, 0xff, 0xff, 0xff, 0xff, 1, 2, 3, 4},
     12,
     OK,
     COMMAND_READ,
     0xffffffff,
     0x01020304},
    {"READ(12), RDPROTECT", {0xa8, 0x40}, 12, BAD, 0, 0, 0},
    {"READ(16)",
     {0x88, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff},
     16,
     OK,
     COMMAND_READ,
     UINT64_MAX,
     0xffffffff},
    {"READ(16), RDPROTECT", {0x88, 0x80}, 16, BAD, 0, 0, 0},
    {"WRITE(10)", {0x2a, 0x08, 0, 0, 0, 1, 0, 0, 2}, 10, OK, COMMAND_WRITE, 1, 2},
    {"WRITE(10), WRPROTECT", {0x2a, 0x20}, 10, BAD, 0, 0, 0},
    {"WRITE(12), WRPROTECT", {0xaa, 0x60}, 12, BAD, 0, 0, 0},
    {"WRITE(16), WRPROTECT", {0x8a, 0xa0}, 16, BAD, 0, 0, 0},
    {"WRITE AND VERIFY(10), BYTCHK 1",
     {0x2e, 2, 0, 0, 0, 1, 0, 0, 2},
     10,
     OK,
     COMMAND_WRITE_VERIFY,
     1,
     2},
    {"WRITE AND VERIFY(10), BYTCHK 2", {0x2e, 4}, 10, BAD, 0, 0, 0},
    {"WRITE AND VERIFY(10), BYTCHK 3", {0x2e, 6}, 10, BAD, 0, 0, 0},
    {"WRITE AND VERIFY(12)",
     {0xae, 0x10, 0, 0, 0, 1, 0, 0, 0, 2},
     12,
     OK,
     COMMAND_WRITE_VERIFY,
     1,
     2},
    {"WRITE AND VERIFY(16), WRPROTECT", {0x8e, 0x20}, 16, BAD, 0, 0, 0},
    {"VERIFY(10), DPO", {0x2f, 0x10, 0, 0, 0, 1, 0, 0, 2}, 10, OK, COMMAND_VERIFY, 1, 2},
    {"VERIFY(10), BYTCHK 2", {0x2f, 4}, 10, BAD, 0, 0, 0},
    {"VERIFY(10), BYTCHK 3", {0x2f, 6, 0, 0, 0, 1, 0, 0, 2}, 10, OK, COMMAND_VERIFY, 1, 2},
    {"VERIFY(12), VRPROTECT", {0xaf, 0x20}, 12, BAD, 0, 0, 0},
    {"VERIFY(16)", {0x8f, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2}, 16, OK, COMMAND_VERIFY, 1, 2},
    {"PRE-FETCH(10)", {0x34, 2, 0, 0, 0, 1, 0, 0, 2}, 10, OK, COMMAND_PREFETCH, 1, 2},
    {"PRE-FETCH(16)",
     {0x90, 2, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2},
     16,
     OK,
     COMMAND_PREFETCH,
     1,
     2},
    {"SYNCHRONIZE CACHE(10)", {0x35, 6, 0, 0, 0, 1, 0, 0, 2}, 10, OK, COMMAND_SYNC_CACHE, 1, 2},
    {"SYNCHRONIZE CACHE(16)",
     {0x91, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2},
     16,
     OK,
     COMMAND_SYNC_CACHE,
     1,
     2},
    {"WRITE SAME(10)", {0x41, 8, 0, 0, 0, 1, 0, 0, 2}, 10, OK, COMMAND_WRITE_SAME, 1, 2},
    {"WRITE SAME(10), ANCHOR", {0x41, 0x10}, 10, BAD, 0, 0, 0},
    {"WRITE SAME(10), ANCHOR UNMAP", {0x41, 0x18}, 10, BAD, 0, 0, 0},
    {"WRITE SAME(10), LBDATA", {0x41, 0x02}, 10, BAD, 0, 0, 0},
    {"WRITE SAME(10), PBDATA", {0x41, 0x04}, 10, BAD, 0, 0, 0},
    {"WRITE SAME(10), WRPROTECT", {0x41, 0x20}, 10, BAD, 0, 0, 0},
    {"WRITE SAME(16), NDOB",
     {0x93, 9, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2},
     16,
     OK,
     COMMAND_WRITE_SAME,
     1,
     2},
    {"WRITE SAME(16), ANCHOR", {0x93, 0x10}, 16, BAD, 0, 0, 0},
    {"UNMAP", {0x42, 0, 0, 0, 0, 0, 0x1f, 0, 24}, 10, OK, COMMAND_UNMAP, 0, 0},
    {"UNMAP, ANCHOR", {0x42, 1}, 10, BAD, 0, 0, 0},
    {"COMPARE AND WRITE",
     {0x89, 0x18, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2},
     16,
     OK,
     COMMAND_COMPARE_WRITE,
     1,
     2},
    {"COMPARE AND WRITE, WRPROTECT", {0x89, 0x20}, 16, BAD, 0, 0, 0},
    {"ORWRITE(16)",
     {0x8b, 0x18, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2},
     16,
     OK,
     COMMAND_ORWRITE,
     1,
     2},
    {"ORWRITE(16), ORPROTECT", {0x8b, 0x20}, 16, BAD, 0, 0, 0},
    {"GET LBA STATUS", {0x9e, 0x12, 0, 0, 0, 0, 0, 0, 0, 5}, 16, OK, COMMAND_GET_LBA_STATUS, 5, 1},
    {"READ CAPACITY(10)", {0x25}, 10, OK, COMMAND_READ_CAPACITY_10, 0, 0},
    {"READ CAPACITY(10), LBA without PMI", {0x25, 0, 0, 0, 0, 1}, 10, BAD, 0, 0, 0},
    {"READ CAPACITY(10), LBA with PMI",
     {0x25, 0, 0, 0, 0, 1, 0, 0, 1},
     10,
     OK,
     COMMAND_READ_CAPACITY_10,
     0,
     0},
    {"READ CAPACITY(16)", {0x9e, 0x10}, 16, OK, COMMAND_READ_CAPACITY_16, 0, 0},
    {"SERVICE ACTION IN(16), unknown", {0x9e, 0x11}, 16, BAD, 0, 0, 0},
    {"TEST UNIT READY", {0x00}, 6, OK, COMMAND_TEST_UNIT_READY, 0, 0},
    {"TEST UNIT READY, NACA", {0, 0, 0, 0, 0, 4}, 6, BAD, 0, 0, 0},
    {"INQUIRY", {0x12}, 6, OK, COMMAND_INQUIRY, 0, 0},
    {"INQUIRY, page without EVPD", {0x12, 0, 0x83}, 6, BAD, 0, 0, 0},
    {"INQUIRY, page with EVPD", {0x12, 1, 0x83}, 6, OK, COMMAND_INQUIRY, 0, 0},
    {"MODE SENSE(6)", {0x1a, 0, 0x3f}, 6, OK, COMMAND_MODE_SENSE, 0, 0},
    {"MODE SENSE(10)", {0x5a, 0, 0x3f}, 10, OK, COMMAND_MODE_SENSE, 0, 0},
    {"MODE SELECT(6)", {0x15, 0x10}, 6, OK, COMMAND_MODE_SELECT, 0, 0},
    {"MODE SELECT(10)", {0x55, 0x10}, 10, OK, COMMAND_MODE_SELECT, 0, 0},
    {"LOG SENSE", {0x4d, 0, 0x4c}, 10, OK, COMMAND_LOG_SENSE, 0, 0},
    {"LOG SENSE, SP", {0x4d, 1, 0x4c}, 10, BAD, 0, 0, 0},
    {"START STOP UNIT", {0x1b, 0, 0, 0, 1}, 6, OK, COMMAND_START_STOP, 0, 0},
    {"SEND DIAGNOSTIC", {0x1d, 4}, 6, OK, COMMAND_SEND_DIAGNOSTIC, 0, 0},
    {"PREVENT ALLOW MEDIUM REMOVAL", {0x1e}, 6, OK, COMMAND_PREVENT_ALLOW, 0, 0},
    {"REPORT OPCODES", {0xa3, 0x0c}, 12, OK, COMMAND_REPORT_OPCODES, 0, 0},
    {"REPORT OPCODES, option 4", {0xa3, 0x0c, 4}, 12, BAD, 0, 0, 0},
    {"REPORT TARGET PORT GROUPS", {0xa3, 0x2a}, 12, OK, COMMAND_REPORT_TARGET_PORT_GROUPS, 0, 0},
    {"REPORT TARGET PORT GROUPS, format 2", {0xa3, 0x4a}, 12, BAD, 0, 0, 0},
    {"MAINTENANCE IN, unknown", {0xa3, 0x1f}, 12, BAD, 0, 0, 0},
    {"EXTENDED COPY(LID1)", {0x83, 0}, 16, OK, COMMAND_EXTENDED_COPY, 0, 0},
    {"EXTENDED COPY(LID4)", {0x83, 1}, 16, BAD, 0, 0, 0},
    {"RECEIVE COPY STATUS", {0x84, 0}, 16, OK, COMMAND_RECEIVE_COPY_RESULTS, 0, 0},
    {"RECEIVE COPY DATA", {0x84, 1}, 16, BAD, 0, 0, 0},
    {"RECEIVE COPY OPERATING PARAMETERS", {0x84, 3}, 16, OK, COMMAND_RECEIVE_COPY_RESULTS, 0, 0},
    {"FORMAT UNIT", {0x04}, 6, SENSE_INVALID_OPCODE, 0, 0, 0},
    {"SANITIZE", {0x48}, 10, SENSE_INVALID_OPCODE, 0, 0, 0},
    {"WRITE ATOMIC(16)",
     {0x9c, 0x18, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2},
     16,
     OK,
     COMMAND_WRITE,
     1,
     2},
    {"WRITE ATOMIC(16), boundary", {0x9c, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 8, 0, 2}, 16, BAD, 0, 0, 0},
    {"WRITE ATOMIC(16), WRPROTECT", {0x9c, 0x20}, 16, BAD, 0, 0, 0},
    {"READ DEFECT DATA(10)", {0x37, 0, 0x1d}, 10, OK, COMMAND_READ_DEFECTS, 0, 0},
    {"READ DEFECT DATA(12)", {0xb7, 0x1d}, 12, OK, COMMAND_READ_DEFECTS, 0, 0},
    {"REPORT LUNS, tgtd's", {0xa0}, 12, SENSE_INVALID_OPCODE, 0, 0, 0},
    {"PERSISTENT RESERVE IN, tgtd's", {0x5e}, 10, SENSE_INVALID_OPCODE, 0, 0, 0},
    {"no bytes at all", {0x28}, 0, SENSE_INVALID_OPCODE, 0, 0, 0},
};

static void test_each_row(void **state)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *r = &rows[i];
		struct cdb out;
		enum sense_id id = cdb_parse(r->cdb, r->cdb_bytes, &out);

		if (id != r->id)
			fail_msg("%s: %d, not %d", r->what, id, r->id);
		if (id != SENSE_NONE)
			continue;
		if (out.command->op != r->op || out.lba != r->lba || out.blocks != r->blocks)
			fail_msg("%s: op %u, LBA %llx, %llu blocks", r->what, out.command->op,
				 (unsigned long long)out.lba, (unsigned long long)out.blocks);
	}
}

static void test_each_opcode_is_known_iff_the_table_has_it(void **state)
{
	for (unsigned opcode = 0; opcode < 256; opcode++) {
		const struct command *c, *row = NULL;
		struct cdb out;

		for (uint32_t i = 0; (c = command_at(i)) != NULL; i++)
			row = c->opcode == opcode ? c : row;
		if (row && row->op == COMMAND_NONE) /* tgtd's: refused, one way or the other */
			continue;
		for (unsigned action = 0; action < 32; action++) {
			uint8_t cdb[16] = {(uint8_t)opcode, (uint8_t)action};

			if (!row)
				assert_int_equal(cdb_parse(cdb, 16, &out), SENSE_INVALID_OPCODE);
			else
				assert_int_not_equal(cdb_parse(cdb, 16, &out),
						     SENSE_INVALID_OPCODE);
		}
	}
}

static void test_table_is_sorted_and_its_usage_begins_with_the_opcode(void **state)
{
	const struct command *c, *last = NULL;

	for (uint32_t i = 0; (c = command_at(i)) != NULL; i++) {
		assert_int_equal(c->usage[0], c->opcode);
		if (c->flags & COMMAND_HAS_SA)
			assert_int_equal(c->usage[1] & 0x1f, c->service_action);
		for (uint32_t at = c->cdb_bytes; at < COMMAND_CDB_MAX; at++)
			assert_int_equal(c->usage[at], 0);
		assert_int_equal(c->usage[c->cdb_bytes - 1], 0x04);
		assert_true(
		    !last || last->opcode < c->opcode ||
		    (last->opcode == c->opcode && last->service_action < c->service_action));
		last = c;
	}
}

/* The usage map is honest: a bit that is not in it changes nothing about what the parser says. */
static void test_bits_outside_the_usage_map_change_nothing(void **state)
{
	const struct command *c;

	for (uint32_t i = 0; (c = command_at(i)) != NULL; i++) {
		uint8_t cdb[16] = {0};
		struct cdb plain, out;
		enum sense_id id;

		cdb[0] = c->opcode;
		cdb[1] = c->service_action;
		id = cdb_parse(cdb, 16, &plain);
		for (uint32_t bit = 8; bit < c->cdb_bytes * 8u; bit++) {
			uint8_t mask = (uint8_t)(1u << bit % 8);

			if (c->usage[bit / 8] & mask || (c->flags & COMMAND_HAS_SA && bit < 13))
				continue;
			cdb[bit / 8] ^= mask;
			if (cdb_parse(cdb, 16, &out) != id ||
			    memcmp(&plain, &out, sizeof(out)) != 0)
				fail_msg("opcode %02x: bit %u counts but is not in the map",
					 c->opcode, bit);
			cdb[bit / 8] ^= mask;
		}
	}
}

static void test_ranges_do_not_wrap_around(void **state)
{
	assert_true(cdb_is_in_range(0, 100, 100));
	assert_true(cdb_is_in_range(99, 1, 100));
	assert_true(cdb_is_in_range(100, 0, 100));
	assert_false(cdb_is_in_range(100, 1, 100));
	assert_false(cdb_is_in_range(101, 0, 100));
	assert_false(cdb_is_in_range(1, 100, 100));
	assert_false(cdb_is_in_range(UINT64_MAX, 1, 100));
	assert_false(cdb_is_in_range(UINT64_MAX, 2, UINT64_MAX));
	assert_false(cdb_is_in_range(UINT64_MAX - 1, UINT64_MAX, UINT64_MAX));
	assert_false(cdb_is_in_range(1ull << 63, 1ull << 63, 100));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_each_row),
	    cmocka_unit_test(test_each_opcode_is_known_iff_the_table_has_it),
	    cmocka_unit_test(test_table_is_sorted_and_its_usage_begins_with_the_opcode),
	    cmocka_unit_test(test_bits_outside_the_usage_map_change_nothing),
	    cmocka_unit_test(test_ranges_do_not_wrap_around),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
