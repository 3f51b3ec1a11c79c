/* SPDX-License-Identifier: MIT */
/*
 * session.h - the conversation of two nodes: HELLO, STATE, PING, PONG, ROLE, META, BYE, and the
 * silence that means that the peer is lost. It drives the node (node.h) and carries its actions
 * out: records, frames and witness itself, the others by group_do_*().
 *
 *   up on both channels --HELLO--> --HELLO of one life on both--> STATE --> the peer's STATE: ready
 *   each second a PING; no word for REPL_SILENCE_MS: both connections end, the peer is lost
 *
 * An event that comes while actions are carried out waits until they are, in order.
 *
 * Thread: the group's worker. Order: session_create(), session_start(), the others, session_stop(),
 * session_destroy().
 */
#ifndef REPLICATION_SESSION_H
#define REPLICATION_SESSION_H

#include "group.h"

struct repl_session;

struct repl_session *session_create(struct repl_group *g); /* NULL: no memory */
void session_destroy(struct repl_session *s);
/* Reads the node's record; actions follow. 0 or -errno with err filled. */
int session_start(struct repl_session *s, struct sluice_error *err);
/* Like new settings of the node's. */
void session_reconfigure(struct repl_session *s);
/* In peace: BYE. No event counts any more. */
void session_stop(struct repl_session *s);
/* As node_stopped() says. */
void session_stopped(struct repl_session *s, bool is_equal);

bool session_is_peer_ready(const struct repl_session *s);

/* Of a peer that is ready: the newest that both speak. */
uint8_t session_version(const struct repl_session *s);

void session_link_up(struct repl_session *s, enum sluice_link_channel ch);
void session_link_down(struct repl_session *s, enum sluice_link_channel ch, const char *why);
/* Types below 16. payload: header.raw_bytes, checked and plain. */
void session_frame(struct repl_session *s, enum sluice_link_channel ch, const struct repl_header *h,
		   const void *payload);

/* What the parts saw; see node.h. */
void session_caught_up(struct repl_session *s);
void session_equal(struct repl_session *s);
void session_drained(struct repl_session *s);
void session_in_doubt(struct repl_session *s);
void session_hot_compared(struct repl_session *s);
void session_resync_began(struct repl_session *s, bool is_inconsistent);
void session_resync_ended(struct repl_session *s);
void session_gave_up(struct repl_session *s);
void session_bitmap_sent(struct repl_session *s);
void session_applied(struct repl_session *s);
void session_peer_failed(struct repl_session *s);
/* 0: it is durable that this side wrote alone. -errno: nothing may be acknowledged. */
int session_wrote_alone(struct repl_session *s);

/*
 * A durable record for the peer (META); sent again on every connection until it is acknowledged.
 * data is copied. 0, -ENOSPC: too many keys, -EINVAL: too long, -ENOMEM.
 */
int session_meta_put(struct repl_session *s, uint16_t member, const char *key, uint64_t version,
		     const void *data, size_t size_bytes);

/* An operator's acts: 0, or -errno with err filled. */
int session_promote(struct repl_session *s, bool is_forced, struct sluice_error *err);
int session_demote(struct repl_session *s, struct sluice_error *err);
int session_handover(struct repl_session *s, struct sluice_error *err);
int session_confirm(struct repl_session *s, struct sluice_error *err);
int session_resolve(struct repl_session *s, bool keeps_own, struct sluice_error *err);

#endif
