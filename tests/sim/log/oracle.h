/* SPDX-License-Identifier: MIT */
/*
 * oracle.h - what the blocks may be: the history of the volume in the order of the appends.
 *
 * The history is a list of states, one for each append. A state is the version of every block: the
 * number of the write that made it, 0 for zeros. What is found after a crash must be one of the
 * states, and none older than what was acknowledged; what came after it then never happened. A
 * version is never used again, so what comes back from a history that was given up is known at
 * once.
 *
 *     states   0 .. acknowledged at D2 .. at D1 .. newest
 *
 * An append that needs several records is a state per block; it is whole once it is acknowledged.
 *
 * Thread: one. Nothing is allocated.
 */
#ifndef SIM_LOG_ORACLE_H
#define SIM_LOG_ORACLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ORACLE_BLOCKS       8u
#define ORACLE_STATES_MAX   2048u
#define ORACLE_VERSIONS_MAX 4096u
#define ORACLE_TORN         UINT32_MAX

struct oracle_state {
	uint32_t version[ORACLE_BLOCKS];
};

struct oracle {
	uint32_t count;              /* states */
	uint32_t acked_d1, acked_d2; /* the oldest state that may be found */
	uint32_t next_version;
	struct oracle_state states[ORACLE_STATES_MAX];
};

void oracle_init(struct oracle *o);
bool oracle_has_room(const struct oracle *o);
/* Both return the newest state's index: the append has that one when it is whole. */
/* is_whole: it is in the log wholly or not at all. */
uint32_t oracle_write(struct oracle *o, uint32_t block, uint32_t block_count, bool is_whole,
		      uint32_t *first_version);
uint32_t oracle_zero(struct oracle *o, uint32_t block, uint32_t block_count);
/* The blocks become what the datastore has. */
uint32_t oracle_drop(struct oracle *o, const struct oracle_state *now);
uint32_t oracle_newest(const struct oracle *o);
void oracle_acked(struct oracle *o, uint32_t state, bool is_d2);

/* The newest state that equals found; -1: none between the two. */
int64_t oracle_find(const struct oracle *o, const struct oracle_state *found, uint32_t oldest,
		    uint32_t newest);
/* The history after that state never happened, and the state is durable. */
void oracle_cut(struct oracle *o, uint32_t state);
/* May a read of block have seen version: of the acknowledged state or of a newer one? */
bool oracle_may_read(const struct oracle *o, uint32_t block, uint32_t version);

/* A block's content: its version and number in every word. */
void oracle_fill(void *buf, uint32_t block_bytes, uint32_t block, uint32_t version);
/* ORACLE_TORN: no block that was ever written there. */
uint32_t oracle_version(const void *buf, uint32_t block_bytes, uint32_t block);
void oracle_print(const struct oracle_state *s, char *text, size_t size_bytes);

#endif
