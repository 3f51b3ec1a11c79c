/* SPDX-License-Identifier: MIT */
/* dump.c - every structure of the log, one per line. */
#include <inttypes.h>
#include <stdio.h>

#include "explain.h"
#include "parse.h"
#include "sluice/rlog.h"

static void dump_super(const struct image *m, uint32_t i)
{
	const struct rlog_super *s = &m->supers[i];
	char owner[37], uuid[37];

	if (m->is[i] != RLOG_SUPER_VALID) {
		printf("superblock %c: not valid\n", 'A' + (char)i);
		return;
	}
	parse_uuid_format(s->owner_uuid, owner);
	parse_uuid_format(s->uuid, uuid);
	printf("superblock %c: number %" PRIu64 "%s uuid %s owner %s generation %" PRIu64
	       " epoch %u%s\n",
	       'A' + (char)i, s->sb_seq, s == m->super ? " (counts)" : "", uuid, owner,
	       s->generation, s->epoch, s->is_clean ? " clean" : "");
	printf("  tail: record %" PRIu64 " at %u, epoch %u, after %08x; durable up to %" PRIu64
	       "\n",
	       s->tail_seq, s->tail_pos, s->tail_epoch, s->tail_prev_crc, s->durable_seq);
	printf("  geometry: blocks of %u bytes, checkpoints 2 * %u at %u, circle %u at %u\n",
	       s->geo.block_bytes, s->geo.checkpoint_blocks, s->geo.checkpoint_start,
	       s->geo.log_blocks, s->geo.log_start);
	if (s->has_checkpoint)
		printf("  checkpoint: area %u, record %" PRIu64 ", %" PRIu64 " bytes, sum %08x\n",
		       s->checkpoint_slot, s->checkpoint_seq, s->checkpoint_bytes,
		       s->checkpoint_crc);
}

static void dump_extent(const struct rlog_extent *x)
{
	static const char *const kinds[] = {
	    [SLUICE_RLOG_DATA] = "data", [SLUICE_RLOG_ZERO] = "zero", [SLUICE_RLOG_MARK] = "mark"};

	if (x->kind == SLUICE_RLOG_MARK)
		printf("  mark %" PRIu64 "\n", x->block);
	else
		printf("  %s %" PRIu64 " + %" PRIu64 "%s\n", kinds[x->kind], x->block,
		       x->block_count, x->may_unmap ? " may unmap" : "");
}

static void dump_record(void *ctx, const struct image *m, const struct image_record *r)
{
	static const char *const types[] = {[RLOG_RECORD_ENTRIES] = "entries",
					    [RLOG_RECORD_EPOCH] = "epoch",
					    [RLOG_RECORD_IDLE] = "idle"};
	struct rlog_extent x;

	printf("record %" PRIu64 " at %u (byte %" PRIu64
	       "): %s, epoch %u, %u data blocks, durable up "
	       "to %" PRIu64 ", sum %08x after %08x%s\n",
	       r->head.seq, r->pos, image_offset(m, r->pos), types[r->head.type], r->head.epoch,
	       r->head.data_blocks, r->head.durable_seq, r->head.crc, r->head.prev_crc,
	       r->bad_block == UINT32_MAX ? "" : " DATA DAMAGED");
	for (uint32_t i = 0; i < r->head.extent_count; i++) {
		rlog_record_extent(r->header, i, &x);
		dump_extent(&x);
	}
}

int explain_dump(struct report *r, struct err *err)
{
	int rc;

	dump_super(&r->m, 0);
	dump_super(&r->m, 1);
	rc = image_walk(&r->m, dump_record, NULL, &r->end, err);
	if (rc)
		return rc;
	printf("end: record %" PRIu64 " would be at %u (byte %" PRIu64 "): %s\n", r->end.seq,
	       r->end.pos, image_offset(&r->m, r->end.pos), r->end.reason);
	return explain_look(r, err);
}
