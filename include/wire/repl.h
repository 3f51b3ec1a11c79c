/* SPDX-License-Identifier: MIT */
/*
 * repl.h - what two appliances say to each other about one group of replicated volumes.
 *
 *   stream := frame*         frame := header (64 bytes) payload (stored_bytes)
 *
 * Little-endian. Two connections per group: data and control. The header's checksum is CRC-32C over
 * its first 60 bytes; the payload's is over the plain bytes, so it is end to end, and it is checked
 * after decompression. Neither side trusts the other's lengths: stored_bytes and raw_bytes are
 * checked against REPL_PAYLOAD_MAX before anything is allocated.
 *
 * A version is agreed by HELLO; a node speaks REPL_VERSION and REPL_VERSION_OLDEST. Headers have
 * had one form since the beginning, and say so in their version. Since 2: MARK as it is here.
 * Source: the layout follows DRBD's and Zerto's public descriptions in spirit, in nothing literal.
 */
#ifndef WIRE_REPL_H
#define WIRE_REPL_H

#include <assert.h>
#include <stdint.h>

#define REPL_MAGIC          0x50524653u /* "SFRP" */
#define REPL_VERSION        2u
#define REPL_VERSION_OLDEST 1u
#define REPL_VERSION_HEADER 1u
#define REPL_VERSION_MARK   2u
#define REPL_PAYLOAD_MAX    (1u << 20)
#define REPL_PORT           3262

/* WIN_* and RS_* speak of whole units; only a volume's last one may be short. */
#define REPL_UNIT_BYTES 4096u
/* A frame from primary to secondary takes raw_bytes and this much of the receiver's credit. */
#define REPL_FRAME_COST_BYTES 512u
/* A window's plain payload at most: what a secondary can always keep until it is complete. */
#define REPL_WINDOW_MAX_BYTES (16u << 20)
/* In the value of a WRITE, ZERO or FLUSH that is no initiator's: not an lsn. */
#define REPL_NO_LSN           (1ull << 63)
#define REPL_ERROR_TEXT_MAX   256u
#define REPL_DIGEST_SUM_BYTES 16u

#define REPL_HEARTBEAT_MS 1000u
#define REPL_SILENCE_MS   5000u /* then the peer counts as lost */

enum repl_type {
	/* control channel */
	REPL_HELLO = 1, /* first frame on both channels; payload repl_hello */
	REPL_STATE = 2, /* payload repl_state and the lineage */
	REPL_PING = 3,  /* value: the sender's clock, comes back in PONG */
	REPL_PONG = 4,
	REPL_ROLE = 5, /* payload repl_role: hand-over, demotion, re-admission */
	REPL_META =
	    6, /* payload: repl_meta, then its bytes; durable at the peer when acknowledged */
	REPL_META_ACK = 7, /* payload repl_meta of what was made durable; status as in ACK */
	REPL_ERROR = 8,    /* payload: a sentence; the connection ends */
	REPL_BYE = 9,      /* clean stop */

	/* data channel, primary to secondary */
	REPL_WRITE = 16,     /* sync: value = lsn; persisted, then acknowledged */
	REPL_ZERO = 17,      /* the same, no payload; flags: REPL_MAY_UNMAP */
	REPL_FLUSH = 18,     /* value = lsn; everything before it is persistent */
	REPL_WIN_BEGIN = 20, /* async: a window; value = window number, time_ms */
	REPL_WIN_DATA = 21,
	REPL_WIN_ZERO = 22,
	REPL_WIN_END = 23,  /* value = window number; the replica is a point in time again */
	REPL_RS_BEGIN = 24, /* resync; value = resync id; payload repl_rs: what it may amount to */
	REPL_RS_DATA = 25,
	REPL_RS_ZERO = 26,
	REPL_RS_END = 27,
	REPL_DIGEST_ASK = 28, /* digests of the blocks of a range, please; value = tag; payload
				 repl_digest_ask */
	REPL_MARK = 29,       /* a snapshot at this place of the stream; value = lsn; payload
				 repl_mark */

	/* data channel, secondary to primary */
	REPL_ACK = 32, /* value = lsn of one WRITE, ZERO or FLUSH; status in flags' upper half */
	REPL_WIN_ACK = 33,  /* value = window number, persisted */
	REPL_RS_ACK = 34,   /* value = resync id, persisted */
	REPL_DIGEST = 35,   /* answers DIGEST_ASK, same value and range: 16 bytes of XXH3-128 per
			       block, all zero for a block of zeros; status as in ACK */
	REPL_BITMAP = 36,   /* blocks of mine that may differ from the point we have in common:
			       payload repl_range[]; value: 1 in the last one */
	REPL_CREDIT = 37,   /* value: payload bytes that may be sent beyond what was */
	REPL_MARK_ACK = 38, /* answers MARK; status as in ACK; payload: the MARK's, then a sentence
			       if it was not to be */
};

#define REPL_MAY_UNMAP 1u
#define REPL_FUA       2u
#define REPL_PROMISE   4u /* PONG: the sender is not promoted for REPL_SILENCE_MS and the margin */
#define REPL_COMP_NONE 0u
#define REPL_COMP_LZ4  1u
#define REPL_COMP_ZSTD 2u

struct repl_header {
	uint32_t magic;
	uint8_t version;
	uint8_t type;   /* enum repl_type */
	uint16_t flags; /* REPL_MAY_UNMAP...; of an ACK the upper 8 bits: enum sluice_status */
	uint64_t term;
	uint64_t value; /* by type: lsn, window, resync id, tag */
	uint64_t offset_bytes;
	uint64_t len_bytes;               /* of the range; of payloads see raw_bytes */
	uint32_t raw_bytes, stored_bytes; /* of the payload, plain and as it is sent */
	uint16_t member;                  /* volume of the group */
	uint8_t comp;                     /* REPL_COMP_* */
	uint8_t reserved;
	uint32_t payload_crc32c;
	uint32_t time_ms; /* the sender's clock, its lower half: for lag */
	uint32_t header_crc32c;
};
static_assert(sizeof(struct repl_header) == 64, "replication ABI");

#define REPL_LINEAGE_MAX 64u

/* One reign: from start_lsn on, writes are of this writer in this term. */
struct repl_reign {
	uint64_t term, start_lsn;
	uint8_t writer_uuid[16];
};

struct repl_hello {
	uint8_t group_uuid[16], appliance_uuid[16];
	uint8_t version_newest, version_oldest, channel, member_count;
	uint32_t block_bytes;
	uint64_t credit_bytes; /* data channel: what the other may send at first */
	uint64_t session;      /* random, the same on both channels of one life of a node's side */
	uint64_t member_size_bytes[64];
};

struct repl_state {
	uint8_t state;          /* enum repl_node_state */
	uint8_t insync;         /* as the node knows it, at its term */
	uint8_t is_consistent;  /* its data is a point in time */
	uint8_t wrote_alone;    /* it has acknowledged writes that the other side may lack */
	uint32_t lineage_count; /* reigns follow, oldest first */
	uint64_t term, head_lsn, persisted_lsn;
};

enum repl_role_what {
	REPL_ROLE_HANDOVER =
	    1,               /* you are primary from this term on; I have stopped, we are equal */
	REPL_ROLE_TAKEN = 2, /* I am */
	REPL_ROLE_ADMIT = 3, /* you are in sync from this term on */
	REPL_ROLE_ADMITTED = 4,
	REPL_ROLE_EXCLUDED = 5, /* you are not, from this term on */
	REPL_ROLE_DISCARD = 6,  /* an operator decided: what you wrote alone goes */
	REPL_ROLE_KEEP = 7,     /* ... what you wrote alone stays: I gave up mine */
};

struct repl_role {
	uint8_t what;
	uint8_t reserved[3];
	/* DISCARD: which of the receiver's reigns was its newest when the operator decided; lower
	 * half of the term. 0: an older sender does not say. */
	uint32_t about_reign;
	uint64_t term;
};
static_assert(sizeof(struct repl_role) == 16, "replication ABI");

struct repl_rs {
	uint64_t bytes_max; /* what may be sent until RS_END */
	uint8_t is_whole;   /* the replica knows nothing of use before */
	uint8_t reserved[7];
};

/* The range is a multiple of block_bytes but for the volume's end; block_bytes: a power of two from
 * 4096 to 1 MiB; at most 65536 blocks. */
struct repl_digest_ask {
	uint32_t block_bytes;
	uint32_t reserved;
};

struct repl_range {
	uint64_t offset_bytes, len_bytes;
	uint16_t member;
	uint16_t reserved[3];
};

enum repl_mark_what {
	REPL_MARK_MAKE = 1,   /* the member's content as of here becomes that snapshot */
	REPL_MARK_FIND = 2,   /* is it there? */
	REPL_MARK_DELETE = 3, /* the primary's was deleted */
};

#define REPL_MARK_NAME_BYTES 128u

/* Between MAKE and its answer the receiver takes no other frame of the data channel. */
struct repl_mark {
	uint8_t snapshot[16]; /* its UUID */
	uint32_t what;        /* enum repl_mark_what */
	uint32_t settle_ms;   /* MAKE: filters there may bring dirty data down for so long */
	char name[REPL_MARK_NAME_BYTES];
};
static_assert(sizeof(struct repl_mark) == 152, "replication ABI");

/* key: [a-z0-9_]; such as "luks" (a header), "policy", "size". */
struct repl_meta {
	char key[32];
	uint64_t version; /* grows; an older one is ignored */
};

#endif
