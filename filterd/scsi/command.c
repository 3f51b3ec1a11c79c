/* SPDX-License-Identifier: MIT */
/* command.c - see command.h. */
#include "command.h"

#include <assert.h>
#include <stddef.h>

#include "sluice/io.h"

#define R       SLUICE_OP_BIT(SLUICE_OP_READ)
#define W       SLUICE_OP_BIT(SLUICE_OP_WRITE)
#define F       SLUICE_OP_BIT(SLUICE_OP_FLUSH)
#define U       SLUICE_OP_BIT(SLUICE_OP_UNMAP)
#define E       SLUICE_OP_BIT(SLUICE_OP_EXTENT)
#define ATOMIC  COMMAND_NEEDS_ATOMIC
#define MED     COMMAND_IS_MEDIUM
#define RANGE   (COMMAND_IS_MEDIUM | COMMAND_HAS_RANGE)
#define WRANGE  (RANGE | COMMAND_IS_WRITE)
#define SA      COMMAND_HAS_SA
#define LBA4    0xff, 0xff, 0xff, 0xff
#define LBA8    LBA4, LBA4
#define LEN4    LBA4
#define CONTROL 0x04 /* NACA is looked at, and refused */
#define GROUP   0x3f

/* clang-format off */
static const struct command table[] = {
    {0x00, 0, 6, COMMAND_TEST_UNIT_READY, 0, 0, {0x00, 0, 0, 0, 0, CONTROL}},
    {0x03, 0, 6, COMMAND_NONE, 0, 0, {0x03, 0x01, 0, 0, 0xff, CONTROL}}, /* REQUEST SENSE */
    {0x08, 0, 6, COMMAND_READ, RANGE, R, {0x08, 0x1f, 0xff, 0xff, 0xff, CONTROL}},
    {0x0a, 0, 6, COMMAND_WRITE, WRANGE, W, {0x0a, 0x1f, 0xff, 0xff, 0xff, CONTROL}},
    {0x12, 0, 6, COMMAND_INQUIRY, 0, 0, {0x12, 0x01, 0xff, 0xff, 0xff, CONTROL}},
    {0x15, 0, 6, COMMAND_MODE_SELECT, 0, 0, {0x15, 0x11, 0, 0, 0xff, CONTROL}},
    {0x16, 0, 6, COMMAND_NONE, 0, 0, {0x16, 0, 0, 0, 0, CONTROL}}, /* RESERVE(6) */
    {0x17, 0, 6, COMMAND_NONE, 0, 0, {0x17, 0, 0, 0, 0, CONTROL}}, /* RELEASE(6) */
    {0x1a, 0, 6, COMMAND_MODE_SENSE, 0, 0, {0x1a, 0x08, 0xff, 0xff, 0xff, CONTROL}},
    {0x1b, 0, 6, COMMAND_START_STOP, 0, 0, {0x1b, 0x01, 0, 0, 0xf7, CONTROL}},
    {0x1d, 0, 6, COMMAND_SEND_DIAGNOSTIC, 0, 0, {0x1d, 0xf7, 0, 0xff, 0xff, CONTROL}},
    {0x1e, 0, 6, COMMAND_PREVENT_ALLOW, 0, 0, {0x1e, 0, 0, 0, 0x03, CONTROL}},
    {0x25, 0, 10, COMMAND_READ_CAPACITY_10, 0, 0, {0x25, 0, LBA4, 0, 0, 0x01, CONTROL}},
    {0x28, 0, 10, COMMAND_READ, RANGE, R, {0x28, 0xf8, LBA4, GROUP, 0xff, 0xff, CONTROL}},
    {0x2a, 0, 10, COMMAND_WRITE, WRANGE, W, {0x2a, 0xf8, LBA4, GROUP, 0xff, 0xff, CONTROL}},
    {0x2e, 0, 10, COMMAND_WRITE_VERIFY, WRANGE, R | W, {0x2e, 0xf6, LBA4, GROUP, 0xff, 0xff, CONTROL}},
    {0x2f, 0, 10, COMMAND_VERIFY, RANGE, R, {0x2f, 0xf6, LBA4, GROUP, 0xff, 0xff, CONTROL}},
    {0x34, 0, 10, COMMAND_PREFETCH, RANGE, R, {0x34, 0x02, LBA4, GROUP, 0xff, 0xff, CONTROL}},
    {0x35, 0, 10, COMMAND_SYNC_CACHE, RANGE, F, {0x35, 0x02, LBA4, GROUP, 0xff, 0xff, CONTROL}},
    {0x37, 0, 10, COMMAND_READ_DEFECTS, 0, 0, {0x37, 0, 0x1f, 0, 0, 0, 0, 0xff, 0xff, CONTROL}},
    {0x41, 0, 10, COMMAND_WRITE_SAME, WRANGE, W, {0x41, 0xfe, LBA4, GROUP, 0xff, 0xff, CONTROL}},
    {0x42, 0, 10, COMMAND_UNMAP, MED | COMMAND_IS_WRITE | COMMAND_IS_THIN, U | W,
	{0x42, 0x01, 0, 0, 0, 0, GROUP, 0xff, 0xff, CONTROL}},
    {0x4d, 0, 10, COMMAND_LOG_SENSE, 0, 0, {0x4d, 0x01, 0xff, 0xff, 0, 0xff, 0xff, 0xff, 0xff, CONTROL}},
    {0x55, 0, 10, COMMAND_MODE_SELECT, 0, 0, {0x55, 0x11, 0, 0, 0, 0, 0, 0xff, 0xff, CONTROL}},
    {0x5a, 0, 10, COMMAND_MODE_SENSE, 0, 0, {0x5a, 0x18, 0xff, 0xff, 0, 0, 0, 0xff, 0xff, CONTROL}},
    /* PERSISTENT RESERVE IN and OUT */
    {0x5e, 0, 10, COMMAND_NONE, SA, 0, {0x5e, 0x00, 0, 0, 0, 0, 0, 0xff, 0xff, CONTROL}},
    {0x5e, 1, 10, COMMAND_NONE, SA, 0, {0x5e, 0x01, 0, 0, 0, 0, 0, 0xff, 0xff, CONTROL}},
    {0x5e, 2, 10, COMMAND_NONE, SA, 0, {0x5e, 0x02, 0, 0, 0, 0, 0, 0xff, 0xff, CONTROL}},
    {0x5e, 3, 10, COMMAND_NONE, SA, 0, {0x5e, 0x03, 0, 0, 0, 0, 0, 0xff, 0xff, CONTROL}},
    {0x5f, 0, 10, COMMAND_NONE, SA, 0, {0x5f, 0x00, 0xff, 0, 0, LEN4, CONTROL}},
    {0x5f, 1, 10, COMMAND_NONE, SA, 0, {0x5f, 0x01, 0xff, 0, 0, LEN4, CONTROL}},
    {0x5f, 2, 10, COMMAND_NONE, SA, 0, {0x5f, 0x02, 0xff, 0, 0, LEN4, CONTROL}},
    {0x5f, 3, 10, COMMAND_NONE, SA, 0, {0x5f, 0x03, 0xff, 0, 0, LEN4, CONTROL}},
    {0x5f, 4, 10, COMMAND_NONE, SA, 0, {0x5f, 0x04, 0xff, 0, 0, LEN4, CONTROL}},
    {0x5f, 5, 10, COMMAND_NONE, SA, 0, {0x5f, 0x05, 0xff, 0, 0, LEN4, CONTROL}},
    {0x5f, 6, 10, COMMAND_NONE, SA, 0, {0x5f, 0x06, 0xff, 0, 0, LEN4, CONTROL}},
    {0x5f, 7, 10, COMMAND_NONE, SA, 0, {0x5f, 0x07, 0xff, 0, 0, LEN4, CONTROL}},
    {0x83, 0, 16, COMMAND_EXTENDED_COPY, SA | MED, R | W,
	{0x83, 0x00, 0, 0, 0, 0, 0, 0, 0, 0, LEN4, 0, CONTROL}},
    {0x84, 0, 16, COMMAND_RECEIVE_COPY_RESULTS, SA, R | W,
	{0x84, 0x00, 0xff, 0, 0, 0, 0, 0, 0, 0, LEN4, 0, CONTROL}},
    {0x84, 3, 16, COMMAND_RECEIVE_COPY_RESULTS, SA, R | W,
	{0x84, 0x03, 0, 0, 0, 0, 0, 0, 0, 0, LEN4, 0, CONTROL}},
    {0x84, 4, 16, COMMAND_RECEIVE_COPY_RESULTS, SA, R | W,
	{0x84, 0x04, 0xff, 0, 0, 0, 0, 0, 0, 0, LEN4, 0, CONTROL}},
    {0x88, 0, 16, COMMAND_READ, RANGE, R, {0x88, 0xf8, LBA8, LEN4, GROUP, CONTROL}},
    {0x89, 0, 16, COMMAND_COMPARE_WRITE, WRANGE, R | W, {0x89, 0xf8, LBA8, 0, 0, 0, 0xff, GROUP, CONTROL}},
    {0x8a, 0, 16, COMMAND_WRITE, WRANGE, W, {0x8a, 0xf8, LBA8, LEN4, GROUP, CONTROL}},
    {0x8b, 0, 16, COMMAND_ORWRITE, WRANGE, R | W, {0x8b, 0xf8, LBA8, LEN4, GROUP, CONTROL}},
    {0x8e, 0, 16, COMMAND_WRITE_VERIFY, WRANGE, R | W, {0x8e, 0xf6, LBA8, LEN4, GROUP, CONTROL}},
    {0x8f, 0, 16, COMMAND_VERIFY, RANGE, R, {0x8f, 0xf6, LBA8, LEN4, GROUP, CONTROL}},
    {0x90, 0, 16, COMMAND_PREFETCH, RANGE, R, {0x90, 0x02, LBA8, LEN4, GROUP, CONTROL}},
    {0x91, 0, 16, COMMAND_SYNC_CACHE, RANGE, F, {0x91, 0x02, LBA8, LEN4, GROUP, CONTROL}},
    {0x93, 0, 16, COMMAND_WRITE_SAME, WRANGE, W, {0x93, 0xff, LBA8, LEN4, GROUP, CONTROL}},
    {0x9c, 0, 16, COMMAND_WRITE, WRANGE, W | ATOMIC, {0x9c, 0xf8, LBA8, 0xff, 0xff, 0xff, 0xff, GROUP, CONTROL}},
    {0x9e, 0x10, 16, COMMAND_READ_CAPACITY_16, SA, 0, {0x9e, 0x10, LBA8, LEN4, 0x01, CONTROL}},
    {0x9e, 0x12, 16, COMMAND_GET_LBA_STATUS, SA | RANGE, E, {0x9e, 0x12, LBA8, LEN4, 0, CONTROL}},
    {0xa0, 0, 12, COMMAND_NONE, 0, 0, {0xa0, 0, 0xff, 0, 0, 0, LEN4, 0, CONTROL}}, /* REPORT LUNS */
    {0xa3, 0x0a, 12, COMMAND_REPORT_TARGET_PORT_GROUPS, SA, 0, {0xa3, 0xea, 0, 0, 0, 0, LEN4, 0, CONTROL}},
    {0xa3, 0x0c, 12, COMMAND_REPORT_OPCODES, SA, 0, {0xa3, 0x0c, 0x87, 0xff, 0xff, 0xff, LEN4, 0, CONTROL}},
    {0xa8, 0, 12, COMMAND_READ, RANGE, R, {0xa8, 0xf8, LBA4, LEN4, GROUP, CONTROL}},
    {0xaa, 0, 12, COMMAND_WRITE, WRANGE, W, {0xaa, 0xf8, LBA4, LEN4, GROUP, CONTROL}},
    {0xae, 0, 12, COMMAND_WRITE_VERIFY, WRANGE, R | W, {0xae, 0xf6, LBA4, LEN4, GROUP, CONTROL}},
    {0xaf, 0, 12, COMMAND_VERIFY, RANGE, R, {0xaf, 0xf6, LBA4, LEN4, GROUP, CONTROL}},
    {0xb7, 0, 12, COMMAND_READ_DEFECTS, 0, 0, {0xb7, 0x1f, 0, 0, 0, 0, LEN4, 0, CONTROL}},
};
/* clang-format on */

static_assert(SLUICE_OPS_ALL < COMMAND_NEEDS_ATOMIC, "the bit is free");

#define TABLE_ROWS (sizeof(table) / sizeof(table[0]))

const struct command *command_at(uint32_t index)
{
	return index < TABLE_ROWS ? &table[index] : NULL;
}

/* The table is sorted by opcode: its first row, by halving. */
static const struct command *find_opcode(uint8_t opcode)
{
	uint32_t low = 0, high = TABLE_ROWS;

	while (low < high) {
		uint32_t middle = (low + high) / 2;

		if (table[middle].opcode < opcode)
			low = middle + 1;
		else
			high = middle;
	}
	return low < TABLE_ROWS && table[low].opcode == opcode ? &table[low] : NULL;
}

const struct command *command_find(const uint8_t *cdb, bool *has_opcode)
{
	const struct command *c = find_opcode(cdb[0]);

	*has_opcode = c != NULL;
	if (!c || !(c->flags & COMMAND_HAS_SA))
		return c;
	for (; c < table + TABLE_ROWS && c->opcode == cdb[0]; c++) {
		if (c->service_action == (cdb[1] & 0x1f))
			return c;
	}
	return NULL;
}

bool command_is_supported(const struct command *c, uint32_t op_mask)
{
	return (c->ops_needed & ~op_mask) == 0;
}
