/* SPDX-License-Identifier: GPL-2.0-only */
#include "lun.h"

#include <stdio.h>
#include <string.h>

#include "bytes.h"

#define ASC_CAPACITY_DATA_HAS_CHANGED 0x2a09
#define ASC_SOFT_THRESHOLD_REACHED    0x3807

#define LUN_PRODUCT_REVISION "0100"

/* tgtadm's updates run these again and would bring tgtd's pages back; ours come from filterd. */
static void keep_vpd(struct scsi_lu *lu, void *data) {}

/* tgtd and tgtadm call it; a LUN is online only once its volume has answered. */
static tgtadm_err lun_online(struct scsi_lu *lu)
{
	lu->attrs.online = lun_of(lu)->was_welcomed;
	return TGTADM_SUCCESS;
}

void lun_init(struct scsi_lu *lu)
{
	struct lu_phy_attr *a = &lu->attrs;

	snprintf(a->vendor_id, sizeof(a->vendor_id), "SLUICE");
	snprintf(a->product_id, sizeof(a->product_id), "VIRTUAL DISK");
	snprintf(a->product_rev, sizeof(a->product_rev), LUN_PRODUCT_REVISION);
	for (size_t i = 0; i < sizeof(a->lu_vpd) / sizeof(a->lu_vpd[0]); i++)
		if (a->lu_vpd[i])
			a->lu_vpd[i]->vpd_update = keep_vpd;
	lu->dev_type_template.lu_online = lun_online;
	a->online = 0;
}

/* The same unit attention twice in one nexus's list says nothing new, and nobody may ever read it.
 */
void lun_unit_attention(struct scsi_lu *lu, uint64_t except_nexus_id, uint16_t asc)
{
	tgt_for_each(node, &lu->lu_itl_info_list)
	{
		struct it_nexus_lu_info *info =
		    tgt_entry(node, struct it_nexus_lu_info, lu_itl_info_siblings);

		if (info->itn_id != except_nexus_id)
			ua_sense_clear(info, asc);
	}
	ua_sense_add_other_it_nexus(except_nexus_id, lu, asc);
}

static void set_size(struct scsi_lu *lu, uint64_t size_bytes)
{
	uint64_t blocks = size_bytes >> lu->blk_shift;

	lu->size = size_bytes;
	put_be32(lu->mode_block_descriptor, blocks >> 32 ? UINT32_MAX : (uint32_t)blocks);
	put_be32(lu->mode_block_descriptor + 4, 1u << lu->blk_shift);
}

/* What `tgtadm --op show` prints; initiators get INQUIRY and its pages from filterd. */
static void set_identity(struct scsi_lu *lu, const uint8_t uuid[16])
{
	char hex[33];

	for (unsigned i = 0; i < 16; i++)
		snprintf(hex + 2 * i, 3, "%02x", uuid[i]);
	snprintf(lu->attrs.scsi_sn, sizeof(lu->attrs.scsi_sn), "%s", hex);
	snprintf(lu->attrs.scsi_id, sizeof(lu->attrs.scsi_id), "SLUICE  %.28s", hex);
}

static bool is_same_volume(const struct scsi_lu *lu, const struct ring_msg_welcome *w)
{
	char hex[3];

	for (unsigned i = 0; i < 16; i++) {
		snprintf(hex, sizeof(hex), "%02x", w->uuid[i]);
		if (memcmp(lu->attrs.scsi_sn + 2 * i, hex, 2) != 0)
			return false;
	}
	return w->block_bytes == 1u << lu->blk_shift;
}

bool lun_welcome(struct scsi_lu *lu, const struct ring_msg_welcome *w)
{
	struct lun *l = lun_of(lu);
	unsigned shift = 0;

	while (shift < 31 && 1u << shift < w->block_bytes)
		shift++;
	if (w->block_bytes < 512 || 1u << shift != w->block_bytes || w->size_bytes == 0)
		return false;
	if (l->was_welcomed) {
		if (!is_same_volume(lu, w))
			return false;
		if (w->size_bytes != lu->size)
			lun_unit_attention(lu, 0, ASC_CAPACITY_DATA_HAS_CHANGED);
		set_size(lu, w->size_bytes);
		return true;
	}
	lu->blk_shift = shift;
	set_size(lu, w->size_bytes);
	set_identity(lu, w->uuid);
	lu->attrs.readonly = (w->flags & RING_VOLUME_READONLY) != 0;
	lu->attrs.thinprovisioning = (w->flags & RING_VOLUME_THIN) != 0;
	l->was_welcomed = true;
	lun_online(lu);
	/* Whoever looked before saw a LUN without a device. */
	lun_unit_attention(lu, 0, ASC_INQUIRY_DATA_HAS_CHANGED);
	return true;
}

void lun_notice(struct scsi_lu *lu, const struct ring_msg_notice *n)
{
	switch (n->notice) {
	case RING_NOTICE_CAPACITY:
		set_size(lu, n->value);
		lun_unit_attention(lu, 0, ASC_CAPACITY_DATA_HAS_CHANGED);
		break;
	case RING_NOTICE_THRESHOLD:
		lun_unit_attention(lu, 0, ASC_SOFT_THRESHOLD_REACHED);
		break;
	case RING_NOTICE_INQUIRY:
		lun_unit_attention(lu, 0, ASC_INQUIRY_DATA_HAS_CHANGED);
		break;
	case RING_NOTICE_ATTENTION:
		lun_unit_attention(lu, 0, (uint16_t)n->value);
		break;
	default:
		break; /* of a newer filterd: nothing that this module could tell anybody */
	}
}
