/* SPDX-License-Identifier: MIT */
#include "explain.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "parse.h"
#include "sluice/rlog.h"

int explain_look(struct report *r, struct err *err)
{
	int rc;

	memset(&r->end, 0, sizeof(r->end));
	memset(&r->proof, 0, sizeof(r->proof));
	memset(&r->checkpoint, 0, sizeof(r->checkpoint));
	r->is_damaged = false;
	if (!r->m.super)
		return 0;
	rc = image_walk(&r->m, NULL, NULL, &r->end, err);
	if (rc == 0)
		rc = image_scan(&r->m, &r->end, &r->proof, err);
	if (rc == 0)
		rc = image_checkpoint(&r->m, &r->checkpoint, err);
	r->is_damaged = r->proof.is_found || r->end.is_over_full;
	return rc;
}

static uint64_t lost_at(const struct report *r)
{
	return image_offset(&r->m, r->end.pos);
}

void explain_verify(const struct report *r)
{
	if (!r->m.super)
		printf("%s: no log\n", r->m.path);
	else if (r->is_damaged)
		printf("%s: damaged at byte %" PRIu64 ": record %" PRIu64 " is missing\n",
		       r->m.path, lost_at(r), r->end.seq);
	else
		printf("%s: good: %" PRIu64 " records with %" PRIu64 " data blocks, %s\n",
		       r->m.path, r->end.records, r->end.data_blocks,
		       r->m.super->is_clean ? "closed properly" : "not closed properly");
}

/* ---------------------------------------------------------------- for a person */

static void print_no_log(const struct report *r)
{
	static const char *const texts[] = {
	    [RLOG_SUPER_VALID] = "good",
	    [RLOG_SUPER_BLANK] = "all zeros",
	    [RLOG_SUPER_UNKNOWN] = "something that is no log",
	    [RLOG_SUPER_NEWER] = "of a version that this program does not know",
	    [RLOG_SUPER_DAMAGED] = "damaged",
	};

	printf("%s is not a log that can be opened.\n", r->m.path);
	printf("Its first superblock is %s, its second %s.\n", texts[r->m.is[0]],
	       texts[r->m.is[1]]);
	if (r->m.is[0] == RLOG_SUPER_BLANK)
		printf("It may have been cut off while it was being made; then it never held "
		       "anything.\n");
}

static void print_damage(const struct report *r)
{
	printf("\nDAMAGE: record %" PRIu64 " should begin at byte %" PRIu64 ", and %s.\n",
	       r->end.seq, lost_at(r), r->end.reason);
	if (r->end.has_bad_data)
		printf("Data block %u of it, at byte %" PRIu64 ", is the first wrong one.\n",
		       r->end.bad_block,
		       lost_at(r) + ((uint64_t)r->end.bad_block + 1) * r->m.block_bytes);
	if (r->proof.is_found && r->proof.is_superblock)
		printf("The superblock says that it was durable.\n");
	else if (r->proof.is_found)
		printf("Record %" PRIu64 " at byte %" PRIu64 " says that it was durable.\n",
		       r->proof.seq, image_offset(&r->m, r->proof.pos));
	printf("So writes that were acknowledged are missing from there on.\n");
	/* Opening does not look at what the checkpoint covers. */
	if (r->checkpoint.is_used && r->end.seq <= r->checkpoint.head.seq)
		printf(
		    "Opening takes its map from the checkpoint and does not see it; reading what "
		    "is damaged ends\nin a medium error, and destaging stops there.\n");
	else
		printf("Opening refuses and changes nothing.\n");
	printf("The volume below is older than its log: copy the log away before you do anything; "
	       "restore the\nvolume from a copy, or drop the log and accept that everything in it "
	       "is lost.\n");
}

static void print_state(const struct report *r)
{
	const struct rlog_super *s = r->m.super;

	printf("\nIt was %s.\n", s->is_clean ? "closed properly"
					     : "not closed: its user was killed, "
					       "or has it open now");
	printf("From record %" PRIu64 " on it holds %" PRIu64 " records with %" PRIu64
	       " data blocks that are not below yet\n(%" PRIu64 " bytes; a block that was written "
	       "twice counts twice).\n",
	       s->tail_seq, r->end.records, r->end.data_blocks,
	       r->end.data_blocks * r->m.block_bytes);
	printf("%" PRIu64 " of %u blocks of the circle are in use.\n", r->end.blocks,
	       s->geo.log_blocks);
	if (r->checkpoint.is_used)
		printf("Opening takes the map of record %" PRIu64 " and replays what follows.\n",
		       r->checkpoint.head.seq);
	else if (r->checkpoint.is_there && !r->checkpoint.is_good)
		printf("The checkpoint is useless (%s); opening replays everything.\n",
		       r->checkpoint.reason);
	else
		printf("Opening replays everything.\n");
	if (!r->is_damaged)
		printf("\nIt ends before record %" PRIu64
		       ": %s.\nNothing says that anything durable "
		       "is missing. It can be opened.\n",
		       r->end.seq, r->end.reason);
}

void explain_print(const struct report *r)
{
	const struct rlog_super *s = r->m.super;
	char owner[37], uuid[37];

	if (!s) {
		print_no_log(r);
		return;
	}
	parse_uuid_format(s->owner_uuid, owner);
	parse_uuid_format(s->uuid, uuid);
	printf("%s is a record log of Sluice, version %u.\n", r->m.path, RLOG_VERSION);
	printf("It belongs to volume %s, generation %" PRIu64 "; its own number is %s.\n", owner,
	       s->generation, uuid);
	printf("Blocks have %u bytes; it is in its epoch %u, which grows with each opening.\n",
	       s->geo.block_bytes, s->epoch);
	if (r->m.is[0] != RLOG_SUPER_VALID || r->m.is[1] != RLOG_SUPER_VALID)
		printf("One of its two superblocks is not readable; the other one is used.\n");
	print_state(r);
	if (r->is_damaged)
		print_damage(r);
}
