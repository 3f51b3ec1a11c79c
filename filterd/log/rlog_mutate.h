/* SPDX-License-Identifier: MIT */
/*
 * rlog_mutate.h - deliberate faults of the record log, one at a time, chosen when compiling, to
 * prove that its tests see them. A product build has none. The letters are those of the crash
 * enumeration of the format; tests/sim/log/mutants.sh reads this list.
 */
#ifndef RLOG_MUTATE_H
#define RLOG_MUTATE_H

#ifdef RLOG_MUTATION
#define RLOG_MUTATE(name) (RLOG_MUTATION == RLOG_MUTATION_##name)
#else
#define RLOG_MUTATE(name) 0
#endif

enum rlog_mutation {
	RLOG_MUTATION_NONE,
	RLOG_MUTATION_OVERWRITE_IN_PLACE,      /* W1 f: a block that the log has is written there */
	RLOG_MUTATION_REUSE_BEFORE_SUPERBLOCK, /* W2 b: space is free when the tail moves in memory
						*/
	RLOG_MUTATION_ONE_SUPERBLOCK,          /* W2: the other one keeps what it said */
	RLOG_MUTATION_TAIL_BEFORE_SINK_FLUSH,  /* W3 c: the sink is not flushed */
	RLOG_MUTATION_DESTAGE_NOT_DURABLE,     /* W4: records that are only written are destaged */
	RLOG_MUTATION_DESTAGE_NEWER,           /* W9: the newest copy of all, not of the window */
	RLOG_MUTATION_ACK_BEFORE_FLUSH,        /* W5 d: D2 is acknowledged when it is written */
	RLOG_MUTATION_ACK_OUT_OF_ORDER,  /* W5: a record's end does not wait for those before */
	RLOG_MUTATION_JOIN_RUNNING_SYNC, /* W5: a flush counts on a sync that began before it */
	RLOG_MUTATION_COMMIT_VOUCHES_FOR_ALL,  /* W5: a durable write counts for those before it */
	RLOG_MUTATION_NO_FLUSH_AT_RECOVERY,    /* W6 i */
	RLOG_MUTATION_EPOCH_NOT_IN_SUPERBLOCK, /* W7 h: the new epoch is not made durable */
	RLOG_MUTATION_NO_EPOCH_RECORD,         /* W7 k */
	RLOG_MUTATION_UNSEEDED,           /* W8 a: no seed; sequence, epoch, chain not compared */
	RLOG_MUTATION_NO_DATA_CRC,        /* W8 e: replay does not look at the data */
	RLOG_MUTATION_NO_ANCHOR,          /* W8 j: the first record's chain is not compared */
	RLOG_MUTATION_REPLAY_OLDEST_WINS, /* W9: replay leaves a block where it was first */
	RLOG_MUTATION_CHECKPOINT_NOT_SYNCED,   /* W9: named before it is durable */
	RLOG_MUTATION_CHECKPOINT_TORN_TRUSTED, /* W9: a checkpoint's checksum is not looked at */
	RLOG_MUTATION_CHECKPOINT_STALE_KEPT,   /* W9: what was trimmed since it is not left out */
	RLOG_MUTATION_NO_CORRUPTION_SCAN,      /* W10 g */
	RLOG_MUTATION_READ_NOT_CHECKED,        /* W11 */
	RLOG_MUTATION_READ_NOT_PINNED,         /* space under a read is written */
	RLOG_MUTATION_FAILED_FLUSH_FORGIVEN,   /* W13 */
	RLOG_MUTATION_ANY_GENERATION,          /* W14 */
	RLOG_MUTATION_NO_RESERVE,              /* W15 */
	RLOG_MUTATION_EPOCH_RECYCLED,          /* l: a trailing EPOCH record is written over */
	RLOG_MUTATION_JOURNAL_NOT_DURABLE,   /* the sink is touched before the journal is durable */
	RLOG_MUTATION_JOURNAL_HALF_REPLAYED, /* a window without its end goes to the sink */
	RLOG_MUTATION_SEAL_PLACE_IN_RECORD,  /* a block is sealed for its place in the record */
	RLOG_MUTATION_SEAL_OPENED_TWICE,     /* by the journal, and again on the way to the sink */
	RLOG_MUTATION_END,
};

#endif
