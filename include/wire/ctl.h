/* SPDX-License-Identifier: MIT */
/*
 * ctl.h - the control protocol of sluice-filterd: framed JSON on a Unix stream socket.
 *
 *   0         4         6       8           12          16
 *   +---------+---------+-------+-----------+-----------+---------------------- - -
 *   | magic   | version | type  | request id| body len  | JSON object, UTF-8
 *   +---------+---------+-------+-----------+-----------+---------------------- - -
 *
 * The client asks with REQUEST frames, several may be under way; each is answered by one ANSWER
 * frame with its request id, in the order of completion. The server ends a connection that sends
 * something malformed with one ERROR frame (request id 0 if it is not known) and closes it; other
 * connections see nothing.
 *
 * A request's body is {"request": "volume.grow", "name": ..., ...}. An answer's body is {"ok":
 * true, ...} or {"error": {"code": "ERANGE", "field": "size_bytes", "text": "..."}}.
 *
 * Both sides are on one machine: numbers are in the host's byte order. Versions: a server answers a
 * version between CTL_VERSION_OLDEST and CTL_VERSION in the same version.
 */
#ifndef WIRE_CTL_H
#define WIRE_CTL_H

#include <assert.h>
#include <stdint.h>

#define CTL_MAGIC          0x4c544353u /* "SCTL" */
#define CTL_VERSION        1u
#define CTL_VERSION_OLDEST 1u
#define CTL_BODY_MAX       (1u << 20)
#define CTL_SOCKET_NAME    "filterd.sock" /* in the run directory */
#define CTL_RING_NAME      "ring.sock"
#define CTL_RUN_DIR        "/run/sluice"

/* A frame that has begun must be complete within this time. */
#define CTL_FRAME_TIMEOUT_MS 5000u

enum ctl_type {
	CTL_REQUEST = 1,
	CTL_ANSWER = 2,
	CTL_ERROR = 3, /* the connection ends after it */
};

struct ctl_header {
	uint32_t magic;
	uint16_t version;
	uint16_t type;
	uint32_t request_id; /* the client's choice; comes back in the answer */
	uint32_t body_bytes; /* <= CTL_BODY_MAX */
};

static_assert(sizeof(struct ctl_header) == 16, "control ABI");

#endif
