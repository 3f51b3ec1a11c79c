/* SPDX-License-Identifier: MIT */
/*
 * rlog_rig.h - the record log over a disk and a sink in memory, under the test's control.
 *
 * The disk has two images: what reads see, and what a flush has made stable; in between, each
 * sector of a write may or may not survive a power cut. I/O ends in an order that the seed chooses.
 * The sink is the same kind of disk.
 *
 *     rig_init(&r, seed, log_blocks);
 *     rig_open(&r) ... rig_put(&r, block, version, is_durable) ... rig_destage(&r, bytes)
 *     rig_crash(&r, is_power_cut); rig_open(&r); ...
 *     rig_fini(&r);
 *
 * Thread: the test's.
 */
#ifndef RLOG_RIG_H
#define RLOG_RIG_H

#include "fake_env.h"
#include "rlog_open.h"

#define RIG_BLOCK_BYTES 128u
#define RIG_SECTOR      16u
#define RIG_FILES       4u
#define RIG_SINK_BLOCKS 4096u

struct rig_file {
	struct env_file f; /* first */
	struct rig *rig;
	char path[64];
	bool exists, is_open, is_failing; /* every I/O fails */
	uint8_t *now, *stable;
	uint64_t writes, syncs, reads, durable_writes;
};

struct rig {
	struct fake_env fe; /* first */
	struct env_ops ops;
	struct rig_file files[RIG_FILES];
	struct list_node ios; /* submitted */
	uint64_t io_count;
	uint64_t fail_at; /* the I/O with this number fails; 0: none */
	int fail_with;
	bool is_manual;          /* nothing ends by itself */
	bool has_durable_writes; /* of files that are made from now on */
	struct sluice_rlog_cfg cfg;
	struct sluice_rlog *log;
	struct sluice_rlog_opened how;
	bool is_opened, is_closed;
	/* The sink. */
	uint8_t sink_now[RIG_SINK_BLOCKS][8], sink_stable[RIG_SINK_BLOCKS][8];
	uint64_t sink_writes, sink_zeros, sink_flushes, sink_last_block;
	uint64_t sink_fail_at, sink_count; /* as fail_at */
	bool sink_is_late;                 /* answers by a message */
	bool is_sink_ascending;
	struct list_node sink_ios;
	uint32_t want_space;
	uint32_t acks;
};

/* An append that the rig owns. */
struct rig_entry {
	struct sluice_rlog_entry e; /* first */
	struct rig *rig;
	bool is_done;
	uint8_t *data;
};

void rig_init(struct rig *r, uint64_t seed, uint32_t log_blocks);
void rig_fini(struct rig *r);
/* Ends I/O and runs messages until nothing is left to do. */
void rig_run(struct rig *r);
/* One I/O. False: there is none. */
bool rig_step(struct rig *r);
/* Opens r->log with r->cfg and runs; returns the result. */
int rig_open(struct rig *r);
void rig_close(struct rig *r);
void rig_crash(struct rig *r, bool is_power_cut);
struct rig_file *rig_file(struct rig *r, const char *path);

/* Each block's data is made of its number and its version. */
void rig_fill(uint8_t *data, uint64_t block, uint64_t version);
/* Begins; free with rig_entry_free() after it is done. */
struct rig_entry *rig_begin(struct rig *r, uint8_t kind, uint64_t block, uint64_t block_count,
			    uint64_t version, bool is_durable);
void rig_entry_free(struct rig_entry *e);
/* Append and run; the entry's result. */
int rig_put(struct rig *r, uint64_t block, uint64_t version, bool is_durable);
int rig_put_many(struct rig *r, uint64_t block, uint64_t block_count, uint64_t version);
int rig_zero(struct rig *r, uint64_t block, uint64_t block_count);
int rig_flush(struct rig *r);
int rig_drop(struct rig *r);
/* Version of a block as the log has it: 0 for ZERO, UINT64_MAX for absent, -errno as INT64. */
#define RIG_ABSENT UINT64_MAX
uint64_t rig_get(struct rig *r, uint64_t block);
/* Version of a block in log and sink together. */
uint64_t rig_see(struct rig *r, uint64_t block);
uint64_t rig_sink_version(struct rig *r, uint64_t block);
int rig_destage(struct rig *r, uint64_t max_bytes);
struct sluice_rlog_sink rig_sink(struct rig *r);
struct sluice_rlog_stats rig_stats(struct rig *r);

#endif
