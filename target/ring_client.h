/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ring_client.h - tgtd's end of one ring: submit, complete, cancel, abort, survive the server.
 *
 * Knows slots, not SCSI and not tgtd: its host (the module, a test, the simulator) is a table of
 * callbacks. No system calls, no clock (time is an argument), no threads: the same calls give the
 * same result. Whatever decides about a command lives in private memory (its "entry"); the shared
 * slot is only read, once, and checked (I6).
 *
 *   submit --> [FIFO, if slots or arena are full] --> slot SUBMITTED ... slot DONE --> complete()
 * once |                                        |
 *                 +------- 6 s without a claim, abort -----+--> slot CANCELLED --> complete() once
 *
 * What may be cancelled (always by compare-and-swap): SUBMITTED at any time; CLAIMED and COMPARED
 * only if their incarnation is 0. ring_client_detached() sets it to 0 in every slot that the dead
 * server had claimed, while no server holds the memory; a later server that replays the slot puts
 * its own incarnation there, and from then on the cancel fails. So a claim that somebody may still
 * execute is never answered by us (RING-4).
 *
 * Order of calls:
 *   ring_client_new, hand the memory over, then in any order
 *     ring_client_attached  when WELCOME was received
 *     ring_client_detached  when the connection is proven gone (HUP), before the next hand-over
 *     ring_client_submit    then ring_client_flush once per turn of the host's loop
 *     ring_client_poll      when the wake eventfd was rung, and again while it says so
 *     ring_client_tick      by a timer, every RING_CLIENT_TICK_NS while ring_client_in_flight() > 0
 *   ring_client_free when ring_client_in_flight() is 0.
 * Thread: one, the host's event loop.
 */
#ifndef TARGET_RING_CLIENT_H
#define TARGET_RING_CLIENT_H

#include <stdbool.h>
#include <stdint.h>

#include "wire/ring.h"

#define RING_CLIENT_DEADLINE_NS 6000000000ull /* not claimed for so long: BUSY */
#define RING_CLIENT_COMPARED_EXTRA_NS                                                              \
	24000000000ull /* so much longer when a compare had succeeded: 30 s in all */
#define RING_CLIENT_RESCAN_NS 100000000ull /* the net below the doorbells */
#define RING_CLIENT_TICK_NS   50000000ull  /* how often the host should call ring_client_tick() */

#define RING_CLIENT_STATUS_BUSY         0x08 /* SAM status codes that this file gives by itself */
#define RING_CLIENT_STATUS_TASK_ABORTED 0x40

struct ring_client;

/* How a command ended. */
enum ring_client_end {
	RING_CLIENT_ANSWERED, /* by the server */
	RING_CLIENT_EXPIRED,  /* BUSY: not claimed in time, or claimed by a server that is dead */
	RING_CLIENT_ABORTED,  /* TASK ABORTED: cancelled by ring_client_abort() or wants_abort() */
};

struct ring_client_result {
	enum ring_client_end end;
	uint8_t status;            /* SAM status */
	uint8_t sense_bytes;       /* at most RING_SENSE_BYTES */
	uint16_t ua_others_asc;    /* as in ring_response */
	uint32_t in_bytes;         /* copied into the command's in buffer; at most its in_bytes */
	uint32_t in_called_bytes;  /* what the command had to give: more than in_bytes is a residual
				      overflow */
	uint32_t out_called_bytes; /* what the command took: may exceed its out_bytes likewise */
	uint8_t sense[RING_SENSE_BYTES];
};

/* What the client asks of its host. */
struct ring_client_host {
	/*
	 * The command of that cookie has ended; its buffers are no longer touched. Called exactly
	 * once for each submitted command, never from inside ring_client_submit(). May call
	 * ring_client_submit() and ring_client_abort(), nothing else of this header.
	 */
	void (*complete)(void *ctx, void *cookie, const struct ring_client_result *result);
	/* Rings the server's eventfd. Must not call back. */
	void (*kick)(void *ctx);
	/* Asked by ring_client_tick() for each command that is not yet aborted: does a task
	 * management function wait for it? NULL: never. Must not call back. */
	bool (*wants_abort)(void *ctx, void *cookie);
};

/* One command. cdb is copied; out_data and in_data stay valid until complete(). */
struct ring_client_cmd {
	void *cookie; /* unique among the commands in flight */
	uint64_t nexus_id;
	const uint8_t *cdb;
	uint32_t cdb_bytes;
	const void *out_data; /* from the initiator */
	uint32_t out_bytes;
	void *in_data; /* to the initiator */
	uint32_t in_bytes;
};

struct ring_client_stats {
	uint64_t submitted, completed; /* completed counts every end */
	uint64_t expired, aborted;
	uint64_t queued;    /* went through the FIFO */
	uint64_t kicks;     /* doorbells written */
	uint64_t rescues;   /* completions that only the rescan found: 0 in every test */
	uint64_t garbage;   /* completion queue entries that could not be right */
	uint64_t stale;     /* hints of a server that is gone ran over the queue; no fault */
	uint32_t in_flight; /* FIFO and slots */
	uint32_t in_slots;
};

/* Bytes of shared memory for that geometry. */
uint64_t ring_client_memory_bytes(uint32_t slot_count, uint64_t arena_bytes);

/*
 * Makes a client on zeroed shared memory and writes the header into it. Starts detached.
 * slot_count: power of two, RING_SLOTS_MIN..RING_SLOTS_MAX; arena_bytes: multiple of 4096, at most
 * RING_ARENA_MAX. base has ring_client_memory_bytes() and outlives the client. NULL: no memory, or
 * geometry out of range.
 */
struct ring_client *ring_client_new(const struct ring_client_host *host, void *ctx, void *base,
				    uint32_t slot_count, uint64_t arena_bytes, uint64_t generation);
/* in_flight must be 0 (asserted). The shared memory stays with the caller. */
void ring_client_free(struct ring_client *c);

/*
 * Takes a command; never completes it before return. Full slots or arena are no failure: it waits
 * in the FIFO. Works in every state, also detached. Follow with ring_client_flush() at the end of
 * the loop's turn. Errors: -EMSGSIZE data over RING_TRANSFER_MAX or over the arena, or a CDB not
 * of 6..RING_CDB_BYTES bytes; -ENOMEM. On error the command stays with the caller and complete() is
 * not called.
 */
int ring_client_submit(struct ring_client *c, const struct ring_client_cmd *cmd, uint64_t now_ns)
    __attribute__((warn_unused_result));

/* Rings the server if there is news and it sleeps: publish, full fence, look at its flag. */
void ring_client_flush(struct ring_client *c);

/*
 * Completes what the completion queue names, moves waiting commands into slots, then declares sleep
 * (I7). True: it did as much as one call may, and the queue names more, for which no bell may come;
 * call it again after others had their turn.
 */
bool ring_client_poll(struct ring_client *c, uint64_t now_ns);

/* Aborts that wait, deadlines, and every RING_CLIENT_RESCAN_NS the rescan. Cheap; any period works.
 */
void ring_client_tick(struct ring_client *c, uint64_t now_ns);

/*
 * A task management function waits for that command. Not claimed: cancelled, TASK ABORTED. Claimed
 * by a living server: its slot's abort word is set, the server rung, and the command ends when the
 * server answers, or is cancelled when the server is proven dead. False: no such command.
 */
bool ring_client_abort(struct ring_client *c, void *cookie, uint64_t now_ns);

/* The server lives and has recovered the ring: completes every DONE slot, wherever the queues
 * stand. */
void ring_client_attached(struct ring_client *c, uint64_t now_ns);

/*
 * The server's process and its I/O are proven gone, and no other has the memory yet. Completes what
 * is DONE, disowns what was claimed, answers aborts and deadlines that waited for the dead.
 * Everything else stays for the next server. Also right after a hand-over that was refused.
 */
void ring_client_detached(struct ring_client *c, uint64_t now_ns);

uint32_t ring_client_in_flight(const struct ring_client *c);
struct ring_client_stats ring_client_stats(const struct ring_client *c);

#endif
