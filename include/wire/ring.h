/* SPDX-License-Identifier: MIT */
/*
 * ring.h - the contract between the module inside tgtd (the client) and sluice-filterd (the
 * server): shared memory that carries SCSI commands, and the socket on which it is handed over.
 *
 *   memfd, made and sealed by the client, one per LUN:
 *
 *   0            4096          +slot_count*512                                  arena_off
 *   +------------+-------------+-----------------+-----------------+------------+------------------+
 *   | header     | control     | slot table      | SQ index queue  | CQ index q | data arena | |
 * (constant) | 2 doorbells | *** truth ***   | (hints)         | (hints)    | (4096-aligned)   |
 *   +------------+-------------+-----------------+-----------------+------------+------------------+
 *
 * The slot table is the truth; whatever the queues and eventfds lose, a scan of the table restores.
 *
 *   FREE --client--> SUBMITTED --server, CAS--> CLAIMED --> [COMPARED] --> DONE --client--> FREE
 *                        |                         |            |
 *                        +--client, CAS--> CANCELLED <----------+   (from CLAIMED and COMPARED only
 *                                              |                     while no server is attached,
 * that
 *                                              +--client--> FREE     is, its process and its I/O
 * are gone)
 *
 * At the hang-up of a server the client sets the incarnation of CLAIMED and COMPARED slots to 0:
 * their owner is dead. Only SUBMITTED slots and such may be cancelled.
 *
 * Doorbells: publish; full fence; read the peer's need_kick; write its eventfd only if it is set.
 * Consumer: set need_kick; full fence; look again; sleep. Acquire and release alone lose wake-ups.
 *
 * Hostility: each side copies what the other wrote once, into private memory, and validates the
 * copy. Byte order: the host's, both sides are on one machine. Source: DESIGN 4, reliability 5.
 */
#ifndef WIRE_RING_H
#define WIRE_RING_H

#include <assert.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#define RING_MAGIC      0x474e495245434c53ull /* "SLCERING" */
#define RING_ABI        1u                    /* newest spoken */
#define RING_ABI_OLDEST 1u                    /* oldest spoken: N-1 once there is an N-1 */

#define RING_PAGE_BYTES     4096u
#define RING_SLOT_BYTES     512u
#define RING_SLOTS_MIN      2u
#define RING_SLOTS_MAX      1024u
#define RING_SLOTS_DEFAULT  256u
#define RING_ARENA_DEFAULT  (64ull << 20)
#define RING_ARENA_MAX      (1ull << 30)
#define RING_CDB_BYTES      32u
#define RING_SENSE_BYTES    96u
#define RING_VOLUME_BYTES   112u        /* a volume's name with its final zero */
#define RING_TRANSFER_MAX   (32u << 20) /* one command's data; what VPD B0 advertises */
#define RING_SOCKET_DEFAULT "/run/sluice/ring.sock"

enum ring_state {
	RING_FREE = 0,
	RING_SUBMITTED = 1,
	RING_CLAIMED = 2,
	RING_COMPARED = 3, /* COMPARE AND WRITE: the compare succeeded; a replay skips it */
	RING_DONE = 4,
	RING_CANCELLED = 5,
};

/* A slot's state word: the state in the low 8 bits, above it the incarnation of the claiming
 * server. */
#define RING_WORD(state, incarnation) ((uint64_t)(incarnation) << 8 | (uint64_t)(state))
#define RING_WORD_STATE(word)         ((unsigned)((word)&0xff))
#define RING_WORD_INCARNATION(word)   ((word) >> 8)

/* The constant part. Written by the client before the hand-over, never after. */
struct ring_header {
	uint64_t magic;
	uint32_t abi;
	uint32_t slot_count; /* power of two */
	uint64_t generation; /* differs for each hand-over of a new memfd; kept over a reconnect */
	uint64_t total_bytes;
	uint64_t control_off;
	uint64_t slots_off;
	uint64_t sq_off; /* uint32_t[slot_count] */
	uint64_t cq_off; /* uint32_t[slot_count] */
	uint64_t arena_off;
	uint64_t arena_bytes;
};

/* Each word on a cache line of its own, as each has one writer. */
struct ring_control {
	_Alignas(64) _Atomic uint32_t sq_tail;      /* client: entries ever put */
	_Alignas(64) _Atomic uint32_t sq_need_kick; /* server: 1 = asleep, ring me */
	_Alignas(64) _Atomic uint32_t cq_tail;      /* server: entries ever put */
	_Alignas(64) _Atomic uint32_t cq_need_kick; /* client: 1 = asleep, ring me */
};

/* Flags of a request. */
#define RING_REQ_LUN_OFFLINE 1u /* reserved */

/* Written by the client before SUBMITTED, then constant until FREE. */
struct ring_request {
	uint64_t cmd_seq;    /* arrival order, +1 per command of this ring */
	uint64_t nexus_id;   /* who sent it; unique within one tgtd */
	uint64_t data_off;   /* into the arena, multiple of 4096 */
	uint32_t data_bytes; /* room at data_off; >= max(out_bytes, in_bytes) */
	uint32_t out_bytes;  /* data that came with the command */
	uint32_t in_bytes;   /* data that the initiator takes */
	uint16_t cdb_bytes;
	uint16_t flags;
	uint8_t cdb[RING_CDB_BYTES];
	uint8_t reserved[56];
};

/* Written by the server before DONE. */
struct ring_response {
	uint8_t status; /* SAM status */
	uint8_t sense_bytes;
	uint16_t ua_others_asc;  /* unit attention to raise for every other nexus of the LUN:
				    ASC<<8|ASCQ; 0 = none */
	uint32_t in_bytes;       /* data actually put into the arena for the initiator */
	uint32_t out_used_bytes; /* of out_bytes, those that the command called for (residuals) */
	uint32_t reserved;
	uint8_t sense[RING_SENSE_BYTES];
	uint8_t pad[16];
};

struct ring_slot {
	_Atomic uint64_t state;    /* RING_WORD */
	_Atomic uint64_t progress; /* server, while CLAIMED: what a replay must not do again
				      (EXTENDED COPY: bytes) */
	_Atomic uint32_t abort; /* client: 1 = a task management function waits for this command */
	uint32_t pad0;
	_Atomic uint64_t claim_seq; /* server, while CLAIMED: order of claims over all rings of the
				       volume; 0 = not begun */
	uint32_t pad2[8];
	struct ring_request req;  /* at 64 */
	struct ring_response rsp; /* at 192 */
	uint8_t pad1[192];
};

static_assert(sizeof(struct ring_header) == 80, "ring ABI");
static_assert(sizeof(struct ring_control) == 256, "ring ABI");
static_assert(sizeof(struct ring_request) == 128, "ring ABI");
static_assert(sizeof(struct ring_response) == 128, "ring ABI");
static_assert(sizeof(struct ring_slot) == RING_SLOT_BYTES, "ring ABI");
static_assert(offsetof(struct ring_slot, claim_seq) == 24, "ring ABI");
static_assert(offsetof(struct ring_slot, req) == 64, "ring ABI");
static_assert(offsetof(struct ring_slot, rsp) == 192, "ring ABI");

/* The one geometry both sides use: everything follows from two numbers. Pure. */
static inline void ring_layout(struct ring_header *h, uint32_t slot_count, uint64_t arena_bytes)
{
	uint64_t queue =
	    ((uint64_t)slot_count * 4 + RING_PAGE_BYTES - 1) / RING_PAGE_BYTES * RING_PAGE_BYTES;
	uint64_t slots = ((uint64_t)slot_count * RING_SLOT_BYTES + RING_PAGE_BYTES - 1) /
			 RING_PAGE_BYTES * RING_PAGE_BYTES;

	h->slot_count = slot_count;
	h->control_off = RING_PAGE_BYTES;
	h->slots_off = 2 * RING_PAGE_BYTES;
	h->sq_off = h->slots_off + slots;
	h->cq_off = h->sq_off + queue;
	h->arena_off = h->cq_off + queue;
	h->arena_bytes = arena_bytes;
	h->total_bytes = h->arena_off + arena_bytes;
}

/* ------------------------------------------------------------------ the socket (SEQPACKET) */

enum ring_msg_type {
	RING_MSG_HELLO = 1,   /* client: with SCM_RIGHTS {memfd, kick eventfd, wake eventfd} */
	RING_MSG_WELCOME = 2, /* server: the ring is live */
	RING_MSG_REFUSE = 3,  /* server: why not; the client closes, and tries again if may_retry */
	RING_MSG_NOTICE = 4,  /* server: something about the volume changed */
	RING_MSG_BYE = 5,     /* client: no command is in flight, the LUN goes */
};

struct ring_msg_hello {
	uint32_t type;
	uint32_t abi_newest;
	uint32_t abi_oldest;
	uint32_t tgtd_pid; /* for messages to people; the peer credentials count */
	uint64_t generation;
	uint64_t tgtd_instance; /* random, one per run of tgtd */
	char volume[RING_VOLUME_BYTES];
	/* Of the volume that this ring has served; zeros: none yet. Another volume of that name
	 * must refuse: what waits in the slots is not for it, and is executed before WELCOME is
	 * sent. */
	uint8_t uuid[16];
};

#define RING_VOLUME_READONLY 1u
#define RING_VOLUME_THIN     2u
#define RING_VOLUME_WCE      4u

struct ring_msg_welcome {
	uint32_t type;
	uint32_t abi;
	uint64_t incarnation; /* of the server; greater after each restart */
	uint8_t uuid[16];
	uint64_t size_bytes;
	uint32_t block_bytes;
	uint32_t flags; /* RING_VOLUME_* */
};

struct ring_msg_refuse {
	uint32_t type;
	uint32_t
	    may_retry; /* 1: the reason passes (volume not open yet, last ring still draining) */
	uint32_t abi_newest;
	uint32_t abi_oldest;
	char text[240];
};

enum ring_notice {
	RING_NOTICE_CAPACITY = 1,  /* value: the new size in bytes; raise 6/2A/09 */
	RING_NOTICE_THRESHOLD = 2, /* value: percent used; raise 6/38/07 */
	RING_NOTICE_INQUIRY = 3,   /* raise 6/3F/03 */
	RING_NOTICE_ATTENTION = 4, /* value: ASC << 8 | ASCQ of the unit attention to raise */
};

struct ring_msg_notice {
	uint32_t type;
	uint32_t notice;
	uint64_t value;
};

struct ring_msg_bye {
	uint32_t type;
	uint32_t reserved;
	uint64_t generation;
};

union ring_msg {
	uint32_t type;
	struct ring_msg_hello hello;
	struct ring_msg_welcome welcome;
	struct ring_msg_refuse refuse;
	struct ring_msg_notice notice;
	struct ring_msg_bye bye;
};

static_assert(sizeof(struct ring_msg_hello) == 160, "ring ABI");
static_assert(sizeof(struct ring_msg_welcome) == 48, "ring ABI");
static_assert(sizeof(struct ring_msg_refuse) == 256, "ring ABI");

#endif
