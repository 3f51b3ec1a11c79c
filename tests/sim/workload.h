/* SPDX-License-Identifier: MIT */
/*
 * workload.h - the commands that a simulated initiator sends, and what their answers must look
 * like.
 *
 * A block's content is one 64-bit value V: its word k is V rotated left by k bits. So a block names
 * itself, a torn or misplaced one is seen, and OR of contents is OR of values. V = 0 is a block of
 * zeros.
 *
 * Thread: one.
 */
#ifndef SIM_WORKLOAD_H
#define SIM_WORKLOAD_H

#include "oracle.h"
#include "ring_client.h"
#include "world.h"

enum workload_op {
	WORKLOAD_READ,
	WORKLOAD_WRITE,
	WORKLOAD_WRITE_FUA,
	WORKLOAD_CAW,
	WORKLOAD_ORWRITE,
	WORKLOAD_WRITE_SAME,
	WORKLOAD_UNMAP,
	WORKLOAD_SYNC,
	WORKLOAD_XCOPY,
	WORKLOAD_TUR,
	WORKLOAD_INQUIRY,
	WORKLOAD_LBA_STATUS,
	WORKLOAD_OP_COUNT
};

#define WORKLOAD_BLOCKS_MAX 4u
#define WORKLOAD_DATA_BYTES (2 * WORKLOAD_BLOCKS_MAX * 512)

/* One command in flight of one tgtd. */
struct command {
	bool is_busy;
	uint8_t op;      /* enum workload_op */
	bool is_durable; /* its success means stable storage */
	uint32_t lba, blocks;
	uint64_t sent_ns;
	uint64_t number;
	bool is_abort_sent;
	struct oracle_op *oracle; /* NULL: says nothing about blocks */
	uint64_t flush_tick;
	uint8_t cdb[32];
	uint32_t cdb_bytes, out_bytes, in_bytes;
	uint8_t out[WORKLOAD_DATA_BYTES], in[WORKLOAD_DATA_BYTES];
};

const char *workload_op_name(uint32_t op);
/* Draws a command that the oracle has room for. source: the tgtd's generation. False: none now. */
bool workload_draw(struct world *w, struct command *c, uint64_t source);
/* A READ for the last check. */
void workload_read(struct world *w, struct command *c, uint32_t lba, uint32_t blocks);
/* Checks the answer and tells the oracle. */
void workload_ended(struct world *w, struct command *c, const struct ring_client_result *r);

#endif
