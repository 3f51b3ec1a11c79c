/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ring_client_int.h - what the files of the ring client share. Nobody else includes it.
 *
 *   ring_client.c    life, submit, slots, doorbell
 *   ring_complete.c  from a DONE slot to complete()
 *   ring_cancel.c    deadlines, aborts, the loss of the server
 *
 * Where an entry is:  spare -> waiting (FIFO) -> active (has a slot) -> finished -> spare
 */
#ifndef TARGET_RING_CLIENT_INT_H
#define TARGET_RING_CLIENT_INT_H

#include "arena.h"
#include "list.h"
#include "ring_client.h"

#define ENTRY_NO_SLOT UINT32_MAX

/* One command: the private truth about it. */
struct ring_entry {
	struct list_node node;
	struct ring_client_cmd cmd; /* cmd.cdb points to cdb */
	uint8_t cdb[RING_CDB_BYTES];
	uint64_t cmd_seq;
	uint64_t deadline_ns;
	uint32_t slot;                    /* ENTRY_NO_SLOT unless active */
	bool is_aborted;                  /* a task management function waits */
	bool is_seen_done;                /* the last rescan found its slot DONE */
	struct ring_client_result result; /* finished only */
};

struct ring_entry_chunk {
	struct ring_entry_chunk *next;
	struct ring_entry entries[];
};

struct ring_client {
	const struct ring_client_host *host;
	void *ctx;
	uint8_t *base;
	struct ring_header h; /* private copy */
	struct ring_control *control;
	struct ring_slot *slots;
	_Atomic uint32_t *sq;
	const _Atomic uint32_t *cq;
	uint32_t sq_tail, cq_head;
	uint32_t
	    early_takes; /* DONE slots that were found without their hints, which may come yet */
	uint64_t next_seq;
	struct arena arena;
	struct ring_entry **of_slot; /* NULL: the slot is FREE */
	uint32_t *unit_of_slot;      /* ARENA_NONE: no data */
	uint32_t *free_slots;        /* stack */
	uint32_t free_slot_count;
	void **last_cookie; /* of each slot; only a mutation reads it */
	struct list_node waiting, active, finished, spare;
	struct ring_entry_chunk *chunks;
	bool is_attached;
	bool is_delivering;
	bool has_news; /* since the last doorbell */
	uint64_t next_rescan_ns;
	struct ring_client_stats stats;
};

/* ring_client.c */
void ring_client_place_waiting(struct ring_client *c);
void ring_client_release_slot(struct ring_client *c, struct ring_entry *e);

/* ring_complete.c */
/* Slot is DONE and has an entry: finishes it, true. Anything else is a stale hint: false. */
bool ring_client_take_done(struct ring_client *c, uint32_t slot);
/* take_done() of every slot after the server changed: nothing that the old one finished is
 * forgotten. */
void ring_client_scan(struct ring_client *c);
/* Ends an entry by ourselves, without data. Its slot, if it has one, is FREE afterwards. */
void ring_client_finish_locally(struct ring_client *c, struct ring_entry *e,
				enum ring_client_end end);
void ring_client_rescan(struct ring_client *c, uint64_t now_ns);
/* Calls complete() for what is finished; a call from inside complete() leaves it to the outer one.
 */
void ring_client_deliver(struct ring_client *c);

#endif
