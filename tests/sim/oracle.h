/* SPDX-License-Identifier: MIT */
/*
 * oracle.h - what may be true: linearizability per block, with commands whose fate is unknown, and
 * what a power cut may leave.
 *
 * Per block there is a set of configurations: a value, and which of the commands in flight have
 * taken effect already. An answer removes the configurations that contradict it; none left is a
 * failure. A command that was answered with BUSY, an abort or an error has taken effect before its
 * answer or never will (RING-4). Overlapping commands of one tgtd take effect in the order of
 * sending (I2): what is overtaken never does. Beside it stand the values that the block may have
 * had since its last durable point: one of them must be there after a power cut (RING-2).
 *
 * Thread: one.
 */
#ifndef SIM_ORACLE_H
#define SIM_ORACLE_H

#include "world.h"

#define ORACLE_OP_BLOCKS 4u

enum oracle_kind { ORACLE_READ, ORACLE_WRITE, ORACLE_OR, ORACLE_CAW, ORACLE_COPY };

struct oracle_op {
	enum oracle_kind kind;
	uint32_t lba, blocks;
	uint32_t from_lba; /* COPY */
	uint64_t values[ORACLE_OP_BLOCKS];
	uint64_t expected[ORACLE_OP_BLOCKS]; /* CAW */
	uint64_t source; /* whose commands take effect in the order of sending (I2) */
	uint64_t began;  /* tick */
	uint8_t index[ORACLE_OP_BLOCKS]; /* in each block's list of active ones */
};

struct oracle *oracle_new(struct world *w);

/* May a command on these blocks begin? Each block has few at a time. */
bool oracle_has_room(struct oracle *o, enum oracle_kind kind, uint32_t lba, uint32_t blocks,
		     uint32_t from_lba);
/* A value that the block may have now, for a COMPARE AND WRITE that has a chance. */
uint64_t oracle_guess(struct oracle *o, uint32_t lba);
/* Owns: op stays the oracle's until one of the ends below. */
void oracle_begin(struct oracle *o, struct oracle_op *op);

/* Ends. */
void oracle_read_is(struct oracle *o, struct oracle_op *op, const uint64_t *values);
void oracle_succeeded(struct oracle *o, struct oracle_op *op, bool is_durable);
void oracle_miscompared(struct oracle *o, struct oracle_op *op, uint32_t at_block);
void oracle_unknown(struct oracle *o,
		    struct oracle_op *op); /* from now on it does not take effect any more */

/* SYNCHRONIZE CACHE. */
uint64_t oracle_tick(struct oracle *o);
void oracle_flushed(struct oracle *o, uint32_t lba, uint32_t blocks, uint64_t since_tick);

/* All commands in flight are gone, and what was not durable may be. */
void oracle_power_cut(struct oracle *o);

#endif
