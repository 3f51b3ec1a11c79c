/* SPDX-License-Identifier: MIT */
/*
 * ring_server.h - filterd's end of one ring: claim, replay, note, complete, doorbell.
 *
 * Knows slots, not SCSI. Treats the memory as hostile (RING-5): reads each word once, checks the
 * copy; what cannot be right makes the ring "broken", and the owner closes it with a log line.
 *
 * Order of calls: init, recover (once), then poll / note / done; before_sleep when there is nothing
 * to do; fini when in_flight is 0. Thread: owner worker.
 */
#ifndef FILTERD_RING_SERVER_H
#define FILTERD_RING_SERVER_H

#include <stdbool.h>
#include <stdint.h>

#include "env.h"
#include "err.h"
#include "wire/ring.h"

/* A claimed command: a private, validated copy. */
struct ring_cmd {
	uint32_t slot;
	uint64_t cmd_seq;
	uint64_t nexus_id;
	void *data; /* in the arena, data_bytes long, shared with the client */
	uint32_t data_bytes;
	uint32_t out_bytes;
	uint32_t in_bytes;
	uint32_t cdb_bytes;
	uint8_t cdb[RING_CDB_BYTES];
	bool is_compared;  /* replay of a COMPARE AND WRITE whose compare had succeeded */
	uint64_t progress; /* replay: what ring_server_progress() last said, else 0 */
};

struct ring_server {
	struct env *env;
	struct env_bell *wake; /* rings the client; NULL in tests that poll */
	uint8_t *base;
	struct ring_header h; /* private copy */
	struct ring_control *control;
	struct ring_slot *slots;
	const _Atomic uint32_t *sq;
	_Atomic uint32_t *cq;
	uint64_t incarnation;
	uint32_t sq_head;
	uint32_t cq_tail;
	uint32_t in_flight;
	bool is_broken;       /* garbage seen; broken_text says what */
	bool has_completions; /* since the last ring_server_kick() */
	char broken_text[120];
	uint64_t next_seq; /* cmd_seq that the queue should name next */
	uint64_t commands;
	uint64_t rescues;    /* found by the rescan, not by the queue; 0 in every test */
	uint8_t *is_claimed; /* [slot_count] by us */
	uint8_t *is_seen;    /* [slot_count] waiting at the last rescan, not claimed since */
	uint32_t seen_count; /* at the last rescan */
	uint64_t *claims;    /* counts claims; the owner shares one among the rings of a volume */
	uint64_t own_claims; /* what claims points to unless the owner says otherwise */
	struct ring_order_entry *order; /* [slot_count] scratch: claimed, to be taken in order */
	uint32_t order_at, order_count; /* recovery in steps: the rest of it */
};

typedef void (*ring_take_fn)(void *ctx, const struct ring_cmd *cmd);

/* base is size_bytes of mapped memory that outlives the server. -EPROTO with the field named for a
 * header that does not fit. */
int must_check ring_server_init(struct ring_server *r, struct env *env, void *base,
				uint64_t size_bytes, struct env_bell *wake, uint64_t incarnation,
				struct err *err);
void ring_server_fini(struct ring_server *r);

/*
 * Claims everything submitted or left by an earlier incarnation: what was begun first, in the order
 * in which it was, as the one that held the range lock must hold it again before any other command
 * gets a chance to write there; then the rest in cmd_seq order. Returns the count. Two slots with
 * one cmd_seq, or a claim that is not older than ours, break the ring.
 */
uint32_t ring_server_recover(struct ring_server *r, ring_take_fn take, void *ctx);
/*
 * The same in steps, for a volume with several rings: begin for each of them, then always take from
 * the ring whose next command has the least claim, until none has any. Nothing of any ring may run
 * before.
 */
void ring_server_recover_begin(struct ring_server *r);
/* The claim of the command that comes next, UINT64_MAX for one that was not begun. False: there is
 * none. */
bool ring_server_recover_next(const struct ring_server *r, uint64_t *claim);
uint32_t ring_server_recover_take(struct ring_server *r, ring_take_fn take, void *ctx);
/* Claims what the submission queue names, in cmd_seq order, about as many as budget. Returns the
 * count. */
uint32_t ring_server_poll(struct ring_server *r, uint32_t budget, ring_take_fn take, void *ctx);
/* Scans the table for what the queue lost; counts rescues. Every 100 ms. Takes what two scans in a
 * row have seen waiting: a client that is just between its slot and its queue entry is not a
 * rescue. */
uint32_t ring_server_rescan(struct ring_server *r, ring_take_fn take, void *ctx);

/* Nothing runs, waits or is to be told; what the queue has lost, only a rescan sees. */
bool ring_server_is_quiet(const struct ring_server *r);

void ring_server_compared(struct ring_server *r, uint32_t slot);
void ring_server_progress(struct ring_server *r, uint32_t slot, uint64_t progress);
bool ring_server_is_aborted(const struct ring_server *r, uint32_t slot);
/* Publishes the response. rsp is copied. Effects of the command are applied before the call, locks
 * released after. */
void ring_server_done(struct ring_server *r, uint32_t slot, const struct ring_response *rsp);
/* Rings the client if it sleeps and there is news: once per loop turn. */
void ring_server_kick(struct ring_server *r);

/* Says that the owner is about to sleep. True: there is work after all, do not. */
bool ring_server_before_sleep(struct ring_server *r);
void ring_server_awake(struct ring_server *r);

#endif
