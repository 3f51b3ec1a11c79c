/* SPDX-License-Identifier: MIT */
/*
 * peer.h - how two paired appliances begin to speak: what stands in a TLS connection before, or
 * instead of, the frames of repl.h.
 *
 *   TLS 1.3, both with a certificate, one of three ALPN names:
 *     frp/1          dialer: peer_hello; acceptor: peer_answer; then a filter's bytes (repl.h)
 *     sluice-call/1  requests and answers between the two daemons: peer_frame, JSON
 *     sluice-pair/1  strangers, once: the dialer proves that it knows a code, see peer_pair
 *
 * Little-endian. Lengths are fixed, or checked against their limit before anything is kept.
 */
#ifndef WIRE_PEER_H
#define WIRE_PEER_H

#include <assert.h>
#include <stdint.h>

#define PEER_PORT 3262u

#define PEER_ALPN_LINK "frp/1"
#define PEER_ALPN_CALL "sluice-call/1"
#define PEER_ALPN_PAIR "sluice-pair/1"

#define PEER_VERSION        1u
#define PEER_VERSION_OLDEST 1u

/* ---------------------------------------------------------------- frp/1 */

#define PEER_HELLO_MAGIC  0x484b4e4cu /* "LNKH" */
#define PEER_ANSWER_MAGIC 0x414b4e4cu /* "LNKA" */

struct peer_hello {
	uint32_t magic;
	uint8_t version_newest, version_oldest;
	uint8_t channel; /* enum sluice_link_channel */
	uint8_t reserved;
	uint8_t group_uuid[16];
	uint8_t reserved2[40];
};

enum peer_status {
	PEER_OK = 0,
	PEER_NOT_OPEN = 1, /* the group is not there now; later, perhaps */
	PEER_REFUSED = 2,  /* a stranger, or no version in common */
};

struct peer_answer {
	uint32_t magic;
	uint8_t version; /* agreed */
	uint8_t status;  /* enum peer_status */
	uint8_t reserved[2];
	char text[120]; /* why not; ends with a zero */
};

static_assert(sizeof(struct peer_hello) == 64, "peer ABI");
static_assert(sizeof(struct peer_answer) == 128, "peer ABI");

/* ---------------------------------------------------------------- sluice-call/1 */

#define PEER_FRAME_MAGIC 0x4c4c4143u /* "CALL" */
#define PEER_BODY_MAX    (256u << 10)

enum peer_frame_type { PEER_ASK = 1, PEER_TELL = 2 };

/* Before a JSON object; TELL has the id of the ASK that it answers. */
struct peer_frame {
	uint32_t magic;
	uint16_t version;
	uint16_t type;
	uint32_t id;
	uint32_t body_bytes; /* <= PEER_BODY_MAX */
};

static_assert(sizeof(struct peer_frame) == 16, "peer ABI");

/* ---------------------------------------------------------------- sluice-pair/1
 *
 * The code has 100 random bits. K = HKDF-SHA256(code). Each proof is an HMAC-SHA256 under K over
 * the prover's part, both certificates' fingerprints, a value exported from this very TLS session,
 * and what has been said so far: it is worth nothing in another session, between other
 * certificates, or in the other direction, and without the code it can neither be made nor be
 * searched for.
 */

#define PEER_PAIR_MAGIC 0x52494150u /* "PAIR" */

struct peer_pair {
	uint32_t magic;
	uint8_t version;
	uint8_t status; /* enum peer_status; the offerer's */
	uint16_t port;  /* where the sender listens; 0: it does not */
	uint8_t uuid[16];
	uint8_t nonce[32];
	uint8_t proof[32];
	char text[120]; /* why not */
};

static_assert(sizeof(struct peer_pair) == 208, "peer ABI");

#endif
