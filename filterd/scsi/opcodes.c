/* SPDX-License-Identifier: MIT */
/*
 * opcodes.c - REPORT SUPPORTED OPERATION CODES, out of the table that the parser uses.
 *
 * What tgtd answers itself is told here too: the initiator sees one device. What the chain cannot
 * serve is not told. Source: SPC-4 6.34.
 */
#include <string.h>

#include "bytes.h"
#include "task.h"

#define OPTION_ALL         0
#define OPTION_OPCODE      1
#define OPTION_ACTION      2
#define OPTION_EITHER      3
#define SUPPORT_NONE       1
#define SUPPORT_STANDARD   3
#define DESCRIPTOR_BYTES   8u
#define TIMEOUTS_BYTES     12u
#define NOMINAL_S          1u
#define RECOMMENDED_S      60u
#define ANSWER_BYTES_MAX   2048u
#define ACTION_CTDP        0x80
#define DESCRIPTOR_CTDP    0x02
#define DESCRIPTOR_SERVACT 0x01

static uint32_t put_timeouts(uint8_t *p)
{
	memset(p, 0, TIMEOUTS_BYTES);
	put_be16(p, TIMEOUTS_BYTES - 2);
	put_be32(p + 4, NOMINAL_S);
	put_be32(p + 8, RECOMMENDED_S);
	return TIMEOUTS_BYTES;
}

static uint32_t put_command(uint8_t *p, const struct command *c, bool is_rctd)
{
	bool has_action = c->flags & COMMAND_HAS_SA;

	memset(p, 0, DESCRIPTOR_BYTES);
	p[0] = c->opcode;
	put_be16(p + 2, has_action ? c->service_action : 0);
	p[5] = (uint8_t)((is_rctd ? DESCRIPTOR_CTDP : 0) | (has_action ? DESCRIPTOR_SERVACT : 0));
	put_be16(p + 6, c->cdb_bytes);
	return DESCRIPTOR_BYTES + (is_rctd ? put_timeouts(p + DESCRIPTOR_BYTES) : 0);
}

static void report_all(struct task_state *s)
{
	uint8_t p[ANSWER_BYTES_MAX];
	uint32_t n = 4;
	const struct command *c;

	for (uint32_t i = 0; (c = command_at(i)) != NULL; i++) {
		if (!command_is_supported(c, s->lun->op_mask))
			continue;
		if (n + DESCRIPTOR_BYTES + TIMEOUTS_BYTES > sizeof(p))
			break;
		n += put_command(p + n, c, s->cdb.is_rctd);
	}
	put_be32(p, n - 4);
	task_end_data(s, p, n, s->cdb.alloc_bytes);
}

static void report_one(struct task_state *s, const struct command *c)
{
	uint8_t p[4 + COMMAND_CDB_MAX + TIMEOUTS_BYTES] = {0};
	uint32_t n = 4;

	if (!c || !command_is_supported(c, s->lun->op_mask)) {
		p[1] = SUPPORT_NONE;
		task_end_data(s, p, n, s->cdb.alloc_bytes);
		return;
	}
	p[1] = SUPPORT_STANDARD | (s->cdb.is_rctd ? ACTION_CTDP : 0);
	put_be16(p + 2, c->cdb_bytes);
	memcpy(p + n, c->usage, c->cdb_bytes);
	n += c->cdb_bytes;
	if (s->cdb.is_rctd)
		n += put_timeouts(p + n);
	task_end_data(s, p, n, s->cdb.alloc_bytes);
}

void opcodes_report(struct task_state *s)
{
	uint8_t cdb[2] = {s->cdb.opcode_asked, (uint8_t)(s->cdb.action_asked & 0x1f)};
	const struct command *c, *any = NULL;
	bool has_opcode, has_actions;

	if (s->cdb.control == OPTION_ALL) {
		report_all(s);
		return;
	}
	for (uint32_t i = 0; !any && (c = command_at(i)) != NULL; i++)
		any = c->opcode == s->cdb.opcode_asked ? c : NULL;
	has_actions = any && any->flags & COMMAND_HAS_SA;
	if ((s->cdb.control == OPTION_OPCODE && has_actions) ||
	    (s->cdb.control == OPTION_ACTION && any && !has_actions)) {
		task_end_sense(s, SENSE_INVALID_FIELD_CDB);
		return;
	}
	c = command_find(cdb, &has_opcode);
	if (s->cdb.action_asked > 0x1f ||
	    (s->cdb.control == OPTION_EITHER && !has_actions && s->cdb.action_asked))
		c = NULL;
	report_one(s, c);
}
