/* SPDX-License-Identifier: MIT */
/*
 * watch.h - looks at every write and flush of the log, the journal and the datastore, and checks
 * the rules that speak of the order of I/O while it happens, before a crash could show it:
 *
 *   W1, W2  a write to the circle begins at the head and ends before the tail that the
 *           durable superblock names at that moment
 *   W3      a superblock moves the tail over a record: the datastore durably has it or newer
 *   W4      what goes to the datastore is durable in the log, and in the journal if there is one
 *   W5      an acknowledgement: everything up to it is written, or durable
 *   W6      the first thing a process does with a log is to flush it
 *   W7      a process begins with an EPOCH record, after a durable superblock that names its
 *           epoch; it is durable before any other record
 *   W8      that record stands right behind the last one that replay may accept
 *   W15     only EPOCH records use the reserve
 *   and     a superblock is never written over the only durable one
 *
 * Thread: one. Nothing is allocated.
 */
#ifndef SIM_LOG_WATCH_H
#define SIM_LOG_WATCH_H

#include "log_env.h"
#include "oracle.h"
#include "rlog_format.h"

#define WATCH_RECORDS      64u /* more than a log holds; power of two */
#define WATCH_VERSIONS     ORACLE_VERSIONS_MAX
#define WATCH_RECORD_PARTS 48u

struct lab;

/* One extent's block of a record. */
struct watch_part {
	uint8_t block;
	bool is_zero;
	uint32_t version;
};

struct watch_record {
	uint64_t seq;
	uint32_t part_count;
	uint32_t data_count, data_seen; /* blocks of data, and those that came by */
	uint32_t version_floor;         /* the newest version of the records before it */
	struct watch_part parts[WATCH_RECORD_PARTS];
};

/* One log, the main one or the journal. */
struct watch_log {
	bool is_flushed, has_failed; /* W6, W13: by this process */
	bool has_super;              /* one is durable */
	struct rlog_super super;
	uint32_t record_count; /* written by this process */
	uint32_t head_pos;     /* where the next record must begin */
	uint32_t rest;         /* blocks of the last record that have not been submitted */
	uint64_t epoch_write; /* the EPOCH record's number as a write of the device; 0: not ended */
	bool is_epoch_durable; /* by its own write */
	uint64_t last_seq, tail_seq;
	uint32_t newest_version;
	struct watch_record records[WATCH_RECORDS]; /* by seq */
	uint64_t zeroed_seq[ORACLE_BLOCKS];         /* newest record that zeroes it */
	/* The number of the write that brought a version, or of the last one of a process that died
	 * with it under way; 0: not written. */
	uint64_t where[WATCH_VERSIONS];
	bool is_itself_durable[WATCH_VERSIONS]; /* that write was a durable one */
};

struct watch {
	struct lab *lab;
	struct watch_log logs[2]; /* DEVICE_LOG, DEVICE_JOURNAL */
	bool is_dropping;         /* the tail may move over anything */
	uint32_t first_version;   /* of this process */
	uint32_t acked_upto[2];   /* D1, D2: versions before it need no look any more */
};

void watch_init(struct watch *w, struct lab *l);
void watch_process(struct watch *w); /* a process begins */
void watch_killed(struct watch *w);  /* it ended, with some of its writes landed unseen */
/* A flush of that log has covered it, and did not fail. */
bool watch_is_durable(const struct watch *w, enum log_env_device which, uint32_t version);
/* W5: the append whose last version is this one is acknowledged. */
void watch_acked(struct watch *w, uint32_t last_version, bool is_d2);

#endif
