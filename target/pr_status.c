/* SPDX-License-Identifier: GPL-2.0-only */
/* pr_status.c - PERSISTENT RESERVE IN, READ FULL STATUS: every registration with its initiator
 * port. */
#include <stdio.h>
#include <string.h>

#include "bytes.h"
#include "ops.h"
#include "pr.h"

#define HEADER_BYTES     8u
#define DESCRIPTOR_BYTES 24u /* without the TransportID */
#define TRANSPORT_BYTES  300u

#define ISID_MARK            ",i,0x"
#define ISID_MARK_CHARS      5u
#define TRANSPORT_NAME_CHARS 223u /* of an iSCSI name */

/* Bytes for the initiator, which may take fewer than there are. */
struct out {
	uint8_t *data;
	uint32_t room, avail;
};

static void put(struct out *o, const uint8_t *bytes, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++, o->avail++)
		if (o->avail < o->room)
			o->data[o->avail] = bytes[i];
}

/*
 * From tgtd's own TransportID: header of 4, name, a zero, ",i,0x" and the ISID as six bytes, where
 * the standard wants name, ",i,0x" and twelve hexadecimal digits (SPC-4 7.6.4.6). Returns its
 * length, 0 if the nexus is gone.
 */
static uint32_t transport_id(const struct scsi_lu *lu, const struct registration *reg, uint8_t *id)
{
	int (*ask)(int, uint64_t, char *, int) = tgt_drivers[lu->tgt->lid]->transportid;
	const struct it_nexus *nexus = it_nexus_lookup(lu->tgt->tid, reg->nexus_id);
	char raw[TRANSPORT_BYTES] = {0};
	const uint8_t *isid;
	size_t name_chars;
	uint32_t len;
	int n;

	if (!ask || !nexus || nexus->ctime != reg->ctime)
		return 0;
	n = ask(lu->tgt->tid, reg->nexus_id, raw, (int)sizeof(raw));
	name_chars = strlen(raw + 4);
	if (n < 4 || name_chars > TRANSPORT_NAME_CHARS ||
	    memcmp(raw + 4 + name_chars + 1, ISID_MARK, ISID_MARK_CHARS) != 0)
		return 0;
	isid = (const uint8_t *)raw + 4 + name_chars + 1 + ISID_MARK_CHARS;
	memset(id, 0, TRANSPORT_BYTES);
	id[0] = (uint8_t)raw[0];
	len = 4 + (uint32_t)snprintf((char *)id + 4, TRANSPORT_BYTES - 4,
				     "%s%s%02x%02x%02x%02x%02x%02x", raw + 4, ISID_MARK, isid[0],
				     isid[1], isid[2], isid[3], isid[4], isid[5]);
	len = (len + 1 + 3) / 4 * 4; /* a final zero, padded to four */
	put_be16(id + 2, (uint16_t)(len - 4));
	return len;
}

static bool is_holder(const struct scsi_lu *lu, const struct registration *reg)
{
	const struct registration *holder = lu->pr_holder;

	return holder && (holder == reg || holder->pr_type == PR_TYPE_WRITE_EXCLUSIVE_ALLREG ||
			  holder->pr_type == PR_TYPE_EXCLUSIVE_ACCESS_ALLREG);
}

static void put_descriptor(struct out *o, const struct scsi_lu *lu, const struct registration *reg)
{
	uint8_t d[DESCRIPTOR_BYTES] = {0}, id[TRANSPORT_BYTES];
	uint32_t id_bytes = transport_id(lu, reg, id);

	put_be64(d, reg->key);
	if (is_holder(lu, reg)) {
		d[12] = 0x01; /* R_HOLDER */
		d[13] = (uint8_t)(lu->pr_holder->pr_scope << 4 | (lu->pr_holder->pr_type & 0x0f));
	}
	put_be16(d + 18, 1); /* relative target port: tgtd's targets have one */
	put_be32(d + 20, id_bytes);
	put(o, d, sizeof(d));
	put(o, id, id_bytes);
}

int pr_read_full_status(int host_no, struct scsi_cmd *cmd)
{
	const struct scsi_lu *lu = cmd->dev;
	struct out o = {.data = scsi_get_in_buffer(cmd), .room = get_be16(cmd->scb + 7)};
	uint8_t header[HEADER_BYTES] = {0};
	uint32_t total;

	if (o.room > scsi_get_in_length(cmd))
		o.room = scsi_get_in_length(cmd);
	if (get_be16(cmd->scb + 7) < HEADER_BYTES)
		return ops_sense(cmd, ILLEGAL_REQUEST, ASC_INVALID_FIELD_IN_CDB);
	put_be32(header, lu->prgeneration);
	put(&o, header, sizeof(header));
	tgt_for_each(node, &lu->registration_list)
	{
		put_descriptor(&o, lu, tgt_entry(node, struct registration, registration_siblings));
	}
	total = o.avail;
	put_be32(header + 4, total - HEADER_BYTES);
	memcpy(o.data, header, o.room < HEADER_BYTES ? o.room : HEADER_BYTES);
	scsi_set_in_resid_by_actual(cmd, total < o.room ? total : o.room);
	return SAM_STAT_GOOD;
}
