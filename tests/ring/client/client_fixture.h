/* SPDX-License-Identifier: MIT */
/*
 * client_fixture.h - a ring client with 8 slots and a 64 KiB arena, its host, and a server by hand:
 * the test itself claims, answers and forgets.
 */
#ifndef CLIENT_FIXTURE_H
#define CLIENT_FIXTURE_H

#include <stdbool.h>
#include <stdint.h>

#include "ring_client.h"

#define FIX_SLOTS       8u
#define FIX_ARENA_BYTES 65536u
#define FIX_COMMANDS    64u
#define FIX_S           1000000000ull
#define FIX_MS          1000000ull

struct fix_command {
	uint8_t in[8192], out[8192];
	unsigned ends; /* how often complete() was called */
	struct ring_client_result result;
};

struct fix {
	void *base;
	struct ring_client *client;
	struct ring_header h;
	struct ring_control *control;
	struct ring_slot *slots;
	_Atomic uint32_t *sq, *cq;
	uint32_t cq_tail;
	uint64_t now_ns;
	unsigned kicks;
	unsigned order[FIX_COMMANDS], order_count; /* completions in order */
	bool abort_wanted[FIX_COMMANDS];
	int submit_on_complete; /* command to submit from inside complete(), -1: none */
	unsigned chain_until;   /* each submits the next one there, up to this one */
	bool answers_at_once;   /* the server, whatever it is rung for */
	struct fix_command commands[FIX_COMMANDS];
};

/* cmocka's setup and teardown. Starts attached to incarnation 1. */
int fix_setup(void **state);
int fix_teardown(void **state);

/* Command id with so much data each way; its out data is the byte id. Asserts that it is taken. */
void fix_submit(struct fix *f, unsigned id, uint32_t out_bytes, uint32_t in_bytes);

/* The slot that holds command id now; fails the test if there is none. Commands are known by CDB
 * byte 2. */
uint32_t fix_slot(struct fix *f, unsigned id);
unsigned fix_state(struct fix *f, uint32_t slot);
/* SUBMITTED to CLAIMED by that incarnation. False: it was not SUBMITTED. */
bool fix_claim(struct fix *f, uint32_t slot, uint64_t incarnation);
/* DONE with GOOD, without a hint. */
void fix_done(struct fix *f, uint32_t slot, uint32_t in_bytes);
void fix_hint(struct fix *f, uint32_t index);
/* Claim, done and hint. */
void fix_answer(struct fix *f, unsigned id, uint32_t in_bytes);

/* Time goes on by that much, tick by tick. */
void fix_run(struct fix *f, uint64_t ns);

unsigned fix_ends(const struct fix *f, unsigned id);

#endif
