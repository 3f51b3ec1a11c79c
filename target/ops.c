/* SPDX-License-Identifier: GPL-2.0-only */
#include "ops.h"

#include <errno.h>
#include <string.h>

#include "bytes.h"
#include "conflict.h"
#include "conn.h"
#include "lun.h"
#include "pr.h"

#define QUALIFIER_NOT_CONNECTED 0x20 /* the LUN is known, its device is not there */
#define INQUIRY_BYTES           36u

static void no_data(struct scsi_cmd *cmd)
{
	scsi_set_in_resid_by_actual(cmd, 0);
	scsi_set_out_resid_by_actual(cmd, 0);
}

int ops_sense(struct scsi_cmd *cmd, uint8_t key, uint16_t asc)
{
	no_data(cmd);
	sense_data_build(cmd, key, asc);
	return SAM_STAT_CHECK_CONDITION;
}

/* ------------------------------------------------------------------ before the volume answers */

static void pad_text(uint8_t *to, size_t size, const char *text)
{
	size_t len = strlen(text);

	memset(to, ' ', size);
	memcpy(to, text, len < size ? len : size);
}

/* Who asks now learns that something is coming, and no identity that could turn out to be
 * another's. */
static int inquiry_offline(struct scsi_cmd *cmd)
{
	uint8_t data[INQUIRY_BYTES] = {QUALIFIER_NOT_CONNECTED};
	const struct lu_phy_attr *a = &cmd->dev->attrs;
	bool is_vpd = cmd->scb[1] & 0x01;
	uint32_t avail = is_vpd ? 5 : sizeof(data), room = get_be16(cmd->scb + 3);

	if (cmd->scb[2] != 0)
		return ops_sense(cmd, ILLEGAL_REQUEST, ASC_INVALID_FIELD_IN_CDB);
	if (is_vpd) {
		data[3] = 1; /* one page: 00h, this list */
	} else {
		data[2] = 6;    /* SPC-4 */
		data[3] = 0x12; /* HISUP, format 2 */
		data[4] = INQUIRY_BYTES - 5;
		data[7] = 0x02; /* CMDQUE */
		pad_text(data + 8, 8, a->vendor_id);
		pad_text(data + 16, 16, a->product_id);
		pad_text(data + 32, 4, a->product_rev);
	}
	if (avail > room)
		avail = room;
	if (avail > scsi_get_in_length(cmd))
		avail = scsi_get_in_length(cmd);
	if (avail > 0)
		memcpy(scsi_get_in_buffer(cmd), data, avail);
	no_data(cmd);
	scsi_set_in_resid_by_actual(cmd, avail);
	return SAM_STAT_GOOD;
}

static int perform_offline(struct scsi_cmd *cmd)
{
	if (cmd->scb[0] == INQUIRY)
		return inquiry_offline(cmd);
	if (!lun_of(cmd->dev)->conn)
		return ops_sense(cmd, NOT_READY, ASC_MEDIUM_NOT_PRESENT);
	return ops_sense(cmd, NOT_READY, ASC_BECOMING_READY);
}

/* ------------------------------------------------------------------ reservations */

static uint8_t pr_bits(enum conflict conflict)
{
	switch (conflict) {
	case CONFLICT_READ:
		return PR_EA_FA | PR_EA_FN;
	case CONFLICT_WRITE:
		return PR_WE_FA | PR_EA_FA | PR_WE_FN | PR_EA_FN;
	default:
		return 0;
	}
}

/* tgtd has checked what follows from the opcode. The rest, by its own function with this CDB's
 * bits. */
static bool is_reserved_by_another(struct scsi_cmd *cmd)
{
	struct device_type_operations *op = &cmd->dev->dev_type_template.ops[cmd->scb[0]];
	bool conflicts = false;

	if (cmd->dev->pr_holder && conflict_of_opcode(cmd->scb[0]) == CONFLICT_BY_CDB) {
		op->pr_conflict_bits = pr_bits(conflict_of_cdb(cmd->scb));
		conflicts = spc_access_check(cmd) != 0;
		op->pr_conflict_bits = 0;
	}
	return conflicts ||
	       (cmd->dev->reserve_id && conflict_with_reserve(cmd->scb) && device_reserved(cmd));
}

/* ------------------------------------------------------------------ there and back */

int ops_perform(int host_no, struct scsi_cmd *cmd)
{
	struct lun *l = lun_of(cmd->dev);

	/* A LUN that does not exist is answered in the name of another one. */
	if (cmd->dev->lun != cmd->dev_id)
		return spc_inquiry(host_no, cmd);
	if (is_reserved_by_another(cmd)) {
		no_data(cmd);
		return SAM_STAT_RESERVATION_CONFLICT;
	}
	if (!l->conn || !cmd->dev->attrs.online)
		return perform_offline(cmd);
	if (cmd->scb_len > (int)RING_CDB_BYTES)
		return ops_sense(cmd, ILLEGAL_REQUEST, ASC_INVALID_OP_CODE);
	switch (conn_submit(l->conn, cmd)) {
	case 0:
		set_cmd_async(cmd);
		return SAM_STAT_GOOD;
	case -EMSGSIZE:
		return ops_sense(cmd, ILLEGAL_REQUEST, ASC_INVALID_FIELD_IN_CDB);
	default:
		no_data(cmd);
		return SAM_STAT_BUSY;
	}
}

void ops_complete(struct scsi_cmd *cmd, const struct ring_client_result *result)
{
	struct scsi_lu *lu = cmd->dev;

	scsi_set_in_resid_by_actual(cmd, result->in_called_bytes);
	scsi_set_out_resid_by_actual(cmd, result->out_called_bytes);
	memcpy(cmd->sense_buffer, result->sense, result->sense_bytes);
	cmd->sense_len = result->sense_bytes;
	if (result->ua_others_asc)
		lun_unit_attention(lu, cmd->cmd_itn_id, result->ua_others_asc);
	/* tgtd answers the ABORT TASK of a command that was in flight with "no such task", which is
	 * right if the command ended by itself meanwhile. Where it ended by the abort the answer is
	 * FUNCTION COMPLETE; tgtd distinguishes by this field alone. */
	if (cmd->mreq && cmd->mreq->function == ABORT_TASK &&
	    result->status == SAM_STAT_TASK_ABORTED)
		cmd->mreq->function = ABORT_TASK_SET;
	pr_command_ended(lu, cmd);
	target_cmd_io_done(cmd, result->status);
	pr_finish(lu);
}

static bool stays_with_tgtd(unsigned opcode)
{
	switch (opcode) {
	case REQUEST_SENSE:
	case RESERVE:
	case RELEASE:
	case PERSISTENT_RESERVE_IN:
	case PERSISTENT_RESERVE_OUT:
	case REPORT_LUNS:
		return true;
	default:
		return false;
	}
}

void ops_init(struct scsi_lu *lu)
{
	for (unsigned i = 0; i < NR_SCSI_OPCODES; i++) {
		struct device_type_operations *op = &lu->dev_type_template.ops[i];

		if (stays_with_tgtd(i))
			continue;
		op->cmd_perform = ops_perform;
		op->service_actions = NULL;
		op->pr_conflict_bits = pr_bits(conflict_of_opcode((uint8_t)i));
	}
}
