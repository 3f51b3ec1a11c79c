/* SPDX-License-Identifier: MIT */
/*
 * session_int.h - one session's state, for the files of the session.
 *
 *   session.c       life, time, what the parts and operators say    session_act.c   the node's
 * actions session_link.c  connections, HELLO, frames                      session_meta.c  META
 */
#ifndef REPLICATION_SESSION_INT_H
#define REPLICATION_SESSION_INT_H

#include "frame.h"
#include "receiver.h"
#include "session.h"

#define SESSION_TICK_NS (100ull * 1000000)
#define SESSION_METAS   256u

/* What a part said while actions were being carried out. */
enum session_event {
	EV_CAUGHT_UP = 1,
	EV_EQUAL = 2,
	EV_DRAINED = 4,
	EV_HOT_COMPARED = 8,
	EV_RESYNC_BEGAN = 16,
	EV_RESYNC_BEGAN_INCONSISTENT = 32,
	EV_RESYNC_ENDED = 64,
	EV_BITMAP_SENT = 128,
	EV_APPLIED = 256,
	EV_PEER_FAILED = 512,
	EV_PEER_DOWN = 1024,
	EV_IN_DOUBT = 2048,
	EV_GAVE_UP = 4096,
};

struct session_channel {
	bool is_up, is_greeted; /* HELLO has come on this connection */
	uint64_t up_ns;
	uint64_t life; /* the peer's, of that HELLO */
};

/* Allocated by itself: its answer may come after the session's end. */
struct session_witness {
	struct repl_session *s;
	struct sluice_witness_call call;
	bool is_busy;
};

struct session_meta {
	struct repl_meta head;
	uint16_t member;
	bool is_acked, is_sent; /* on this connection */
	size_t size_bytes;
	uint8_t *data; /* the head and the bytes, as they are sent */
};

struct repl_session {
	struct repl_group *g;
	const struct repl_host *host;
	struct repl_node *node;
	struct repl_timer timer;
	struct session_channel ch[SLUICE_LINK_CHANNELS];
	struct session_witness *witness;
	bool is_started, is_stopped, is_ready, is_lost_told;
	bool is_acting;  /* actions are being carried out */
	uint32_t events; /* enum session_event, since */
	uint64_t life;
	uint64_t heard_ns, pinged_ns, credit_bytes;
	uint8_t peer_version; /* the newest that the peer speaks; of its last HELLO */
	bool has_state;       /* the peer's STATE, which came before the other channel's HELLO */
	bool has_misfit;      /* its HELLO's sizes: there is nothing to do with it but to hear */
	struct repl_state state;
	struct repl_reign lineage[REPL_LINEAGE_MAX];
	struct session_meta metas[SESSION_METAS];
	uint32_t meta_count;
};

/* session.c */
void session_tick(struct repl_timer *t);
uint64_t session_now_ns(const struct repl_session *s);

/* session_act.c: carries out what the node said, then what the parts said meanwhile. */
void session_act(struct repl_session *s, struct repl_actions *out);
void session_send_state(struct repl_session *s);
/* Gives an event to the node now, or when the present actions are carried out. */
void session_event(struct repl_session *s, enum session_event ev);

/* session_link.c */
void session_reset(struct repl_session *s, const char *why); /* both connections */
void session_ping(struct repl_session *s);

/* session_meta.c */
void session_meta_send(struct repl_session *s);
void session_meta_received(struct repl_session *s, const struct repl_header *h,
			   const uint8_t *payload);
void session_meta_acked(struct repl_session *s, const struct repl_header *h,
			const struct repl_meta *m);
void session_meta_free(struct repl_session *s);

#endif
