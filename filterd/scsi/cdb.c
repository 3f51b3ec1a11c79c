/* SPDX-License-Identifier: MIT */
/* cdb.c - see cdb.h. */
#include "cdb.h"

#include <stddef.h>

#include "bytes.h"

#define CONTROL_NACA     0x04u
#define WRITE_ATOMIC_16  0x9cu
#define PROTECT_MASK     0xe0u
#define RW_FUA           0x08u
#define WS_ANCHOR        0x10u
#define WS_UNMAP         0x08u
#define WS_OBSOLETE_DATA 0x06u /* PBDATA, LBDATA */
#define WS_NDOB          0x01u

bool cdb_is_in_range(uint64_t lba, uint64_t blocks, uint64_t capacity_blocks)
{
	return lba <= capacity_blocks && blocks <= capacity_blocks - lba;
}

/* The opcode's group says where LBA and length stand. */
static void parse_range(const uint8_t *cdb, struct cdb *out)
{
	switch (out->command->cdb_bytes) {
	case 6:
		out->lba = get_be24(cdb + 1) & 0x1fffff;
		out->blocks = cdb[4] ? cdb[4] : 256;
		break;
	case 10:
		out->lba = get_be32(cdb + 2);
		out->blocks = get_be16(cdb + 7);
		break;
	case 12:
		out->lba = get_be32(cdb + 2);
		out->blocks = get_be32(cdb + 6);
		break;
	default:
		out->lba = get_be64(cdb + 2);
		out->blocks = get_be32(cdb + 10);
		break;
	}
}

static enum sense_id parse_read_write(const uint8_t *cdb, struct cdb *out)
{
	parse_range(cdb, out);
	if (cdb[0] == WRITE_ATOMIC_16) {
		out->is_atomic = true;
		out->blocks = get_be16(cdb + 12);
		if (get_be16(cdb + 10) != 0) /* atomic boundary */
			return SENSE_INVALID_FIELD_CDB;
	}
	if (out->command->cdb_bytes == 6)
		return SENSE_NONE;
	if (cdb[1] & PROTECT_MASK)
		return SENSE_INVALID_FIELD_CDB;
	out->is_fua = (cdb[1] & RW_FUA) != 0;
	return SENSE_NONE;
}

static enum sense_id parse_verify(const uint8_t *cdb, struct cdb *out)
{
	parse_range(cdb, out);
	out->bytchk = cdb[1] >> 1 & 3;
	if (cdb[1] & PROTECT_MASK || out->bytchk == 2)
		return SENSE_INVALID_FIELD_CDB;
	if (out->command->op == COMMAND_WRITE_VERIFY && out->bytchk == CDB_BYTCHK_ONE_BLOCK)
		return SENSE_INVALID_FIELD_CDB;
	return SENSE_NONE;
}

static enum sense_id parse_write_same(const uint8_t *cdb, struct cdb *out)
{
	parse_range(cdb, out);
	if (cdb[1] & (PROTECT_MASK | WS_ANCHOR | WS_OBSOLETE_DATA))
		return SENSE_INVALID_FIELD_CDB;
	out->is_unmap = (cdb[1] & WS_UNMAP) != 0;
	out->is_ndob = out->command->cdb_bytes == 16 && cdb[1] & WS_NDOB;
	return SENSE_NONE;
}

static enum sense_id parse_medium(const uint8_t *cdb, struct cdb *out)
{
	switch (out->command->op) {
	case COMMAND_READ:
	case COMMAND_WRITE:
	case COMMAND_ORWRITE:
		return parse_read_write(cdb, out);
	case COMMAND_COMPARE_WRITE:
		out->lba = get_be64(cdb + 2);
		out->blocks = cdb[13];
		out->is_fua = (cdb[1] & RW_FUA) != 0;
		return cdb[1] & PROTECT_MASK ? SENSE_INVALID_FIELD_CDB : SENSE_NONE;
	case COMMAND_WRITE_VERIFY:
	case COMMAND_VERIFY:
		return parse_verify(cdb, out);
	case COMMAND_WRITE_SAME:
		return parse_write_same(cdb, out);
	case COMMAND_UNMAP:
		out->alloc_bytes = get_be16(cdb + 7);
		return cdb[1] & 1 ? SENSE_INVALID_FIELD_CDB : SENSE_NONE; /* ANCHOR */
	case COMMAND_GET_LBA_STATUS:
		out->lba = get_be64(cdb + 2);
		out->blocks = 1;
		out->alloc_bytes = get_be32(cdb + 10);
		return SENSE_NONE;
	case COMMAND_EXTENDED_COPY:
		out->alloc_bytes = get_be32(cdb + 10);
		return SENSE_NONE;
	default: /* PRE-FETCH, SYNCHRONIZE CACHE */
		parse_range(cdb, out);
		out->is_immed = (cdb[1] & 2) != 0;
		return SENSE_NONE;
	}
}

static enum sense_id parse_mode_sense(const uint8_t *cdb, struct cdb *out)
{
	bool is_ten = out->command->cdb_bytes == 10;

	out->is_dbd = (cdb[1] & 0x08) != 0;
	out->is_long = is_ten && cdb[1] & 0x10;
	out->control = cdb[2] >> 6;
	out->page = cdb[2] & 0x3f;
	out->subpage = cdb[3];
	out->alloc_bytes = is_ten ? get_be16(cdb + 7) : cdb[4];
	return SENSE_NONE;
}

static enum sense_id parse_capacity_10(const uint8_t *cdb)
{
	bool is_pmi = cdb[8] & 1;

	return !is_pmi && get_be32(cdb + 2) != 0 ? SENSE_INVALID_FIELD_CDB : SENSE_NONE;
}

static enum sense_id parse_report_opcodes(const uint8_t *cdb, struct cdb *out)
{
	out->is_rctd = (cdb[2] & 0x80) != 0;
	out->control = cdb[2] & 7;
	out->opcode_asked = cdb[3];
	out->action_asked = get_be16(cdb + 4);
	out->alloc_bytes = get_be32(cdb + 6);
	return out->control > 3 ? SENSE_INVALID_FIELD_CDB : SENSE_NONE;
}

static enum sense_id parse_log_sense(const uint8_t *cdb, struct cdb *out)
{
	out->is_sp = cdb[1] & 1;
	out->control = cdb[2] >> 6;
	out->page = cdb[2] & 0x3f;
	out->subpage = cdb[3];
	out->alloc_bytes = get_be16(cdb + 7);
	return out->is_sp ? SENSE_INVALID_FIELD_CDB : SENSE_NONE;
}

static void parse_mode_select(const uint8_t *cdb, struct cdb *out)
{
	out->is_pf = (cdb[1] & 0x10) != 0;
	out->is_sp = cdb[1] & 1;
	out->alloc_bytes = out->command->cdb_bytes == 10 ? get_be16(cdb + 7) : cdb[4];
}

static void parse_start_stop(const uint8_t *cdb, struct cdb *out)
{
	out->is_immed = cdb[1] & 1;
	out->control = cdb[4] >> 4; /* power condition */
	out->is_no_flush = (cdb[4] & 4) != 0;
	out->is_loej = (cdb[4] & 2) != 0;
	out->is_start = cdb[4] & 1;
}

static enum sense_id parse_control(const uint8_t *cdb, struct cdb *out)
{
	switch (out->command->op) {
	case COMMAND_INQUIRY:
		out->is_evpd = cdb[1] & 1;
		out->page = cdb[2];
		out->alloc_bytes = get_be16(cdb + 3);
		return !out->is_evpd && out->page ? SENSE_INVALID_FIELD_CDB : SENSE_NONE;
	case COMMAND_MODE_SENSE:
		return parse_mode_sense(cdb, out);
	case COMMAND_MODE_SELECT:
		parse_mode_select(cdb, out);
		return SENSE_NONE;
	case COMMAND_START_STOP:
		parse_start_stop(cdb, out);
		return SENSE_NONE;
	case COMMAND_SEND_DIAGNOSTIC:
		out->control = cdb[1] >> 5;
		out->is_selftest = (cdb[1] & 4) != 0;
		out->alloc_bytes = get_be16(cdb + 3);
		return SENSE_NONE;
	case COMMAND_READ_CAPACITY_10:
		return parse_capacity_10(cdb);
	case COMMAND_READ_CAPACITY_16:
		out->alloc_bytes = get_be32(cdb + 10);
		return SENSE_NONE;
	case COMMAND_LOG_SENSE:
		return parse_log_sense(cdb, out);
	case COMMAND_REPORT_OPCODES:
		return parse_report_opcodes(cdb, out);
	case COMMAND_REPORT_TARGET_PORT_GROUPS:
		out->control = cdb[1] >> 5;
		out->alloc_bytes = get_be32(cdb + 6);
		return out->control > 1 ? SENSE_INVALID_FIELD_CDB : SENSE_NONE;
	case COMMAND_READ_DEFECTS:
		out->control =
		    cdb[out->command->cdb_bytes == 10 ? 2 : 1] & 0x1f; /* lists and format */
		out->alloc_bytes =
		    out->command->cdb_bytes == 10 ? get_be16(cdb + 7) : get_be32(cdb + 6);
		return SENSE_NONE;
	case COMMAND_RECEIVE_COPY_RESULTS:
		out->list_id =
		    cdb[2] & out->command->usage[2]; /* operating parameters belong to no list */
		out->alloc_bytes = get_be32(cdb + 10);
		return SENSE_NONE;
	default: /* TEST UNIT READY, PREVENT ALLOW MEDIUM REMOVAL */
		return SENSE_NONE;
	}
}

enum sense_id cdb_parse(const uint8_t *cdb, uint32_t cdb_bytes, struct cdb *out)
{
	bool has_opcode = false;
	const struct command *c = cdb_bytes >= 6 ? command_find(cdb, &has_opcode) : NULL;

	*out = (struct cdb){.command = c};
	if (!c)
		return has_opcode ? SENSE_INVALID_FIELD_CDB : SENSE_INVALID_OPCODE;
	if (c->op == COMMAND_NONE)
		return SENSE_INVALID_OPCODE; /* tgtd's own: it never comes here */
	if (cdb_bytes < c->cdb_bytes || cdb[c->cdb_bytes - 1] & CONTROL_NACA)
		return SENSE_INVALID_FIELD_CDB;
	if (c->flags & (COMMAND_IS_MEDIUM | COMMAND_HAS_RANGE))
		return parse_medium(cdb, out);
	return parse_control(cdb, out);
}
