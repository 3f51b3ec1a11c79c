/* SPDX-License-Identifier: MIT */
/*
 * net_int.h - what the files of this folder share. Nobody else includes it.
 *
 *   net.c          made, ended; peers as an administrator sees them
 *   credential.c   own key        pins.c  paired peers       tls.c   the rules of TLS
 *   tls_pipe.c     between OpenSSL and a socket
 *   talk.c         a TLS connection on main                  stream.c  one on a worker
 *   listener.c     who comes      greet.c the first words of a link, both sides
 *   link_end.c     a link on its worker                      dial.c  the same link on main
 *   pair.c (pure), pairing.c      one-time codes
 *   rpc.c          requests and answers over one connection per peer and direction
 *   calls.c        those for policyd
 *   witness.c (pure), witness_book.c, witness_ask.c          registers, their file, asking for them
 */
#ifndef NET_INT_H
#define NET_INT_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "credential.h"
#include "list.h"
#include "net.h"
#include "pins.h"
#include "talk.h"
#include "tls.h"

#define NET_PAUSE_MIN_MS 100u
#define NET_PAUSE_MAX_MS 5000u
/* A connection that has lasted so long was a good one: the next pause is short again. */
#define NET_LASTED_MS 5000u
/* The group is not open there: it may be at any moment. */
#define NET_NOT_OPEN_MS 1000u

struct listener;
struct offer;
struct rpc;
struct calls;
struct witness_book;
struct stream;

struct net {
	struct net_cfg cfg;
	struct net_host host;
	struct credential own;
	struct tls tls;
	struct pins pins;
	char *key_path, *pins_path, *book_path;
	uint16_t port; /* where we listen; 0: nowhere */
	bool is_stopped;
	struct listener *listener;
	struct offer *offer;
	struct rpc *rpc;
	struct calls *calls;
	struct witness_book *book;
	pthread_mutex_t lock;   /* leaf; of links and what says so */
	struct list_node links; /* struct net_link, open ones */
	struct list_node dials; /* struct net_link, main's, by dial_node */
};

/*
 * One end of a link. The worker has it from open to close; main takes notice of it by messages.
 * Each of both, and each message, holds it.
 */
struct net_link {
	struct net *net;               /* const */
	struct env *env;               /* const */
	struct sluice_link_cfg cfg;    /* const; peer points at peer[] */
	char peer[PARSE_NAME_MAX + 1]; /* const */
	_Atomic uint32_t refs;
	struct list_node node; /* of net.links; lock */

	/* the worker's */
	struct stream *stream; /* NULL: there is no connection */
	uint64_t up_ns;
	bool is_closed;

	/* worker to main */
	struct loop_msg want_msg, close_msg;
	_Atomic bool is_want_posted;
	_Atomic uint64_t lasted_ms; /* the connection that ended; UINT64_MAX: there was none */
	_Atomic uint64_t sent_bytes, received_bytes; /* for people: of connections that ended */
	_Atomic bool is_up;

	/* main's */
	struct list_node dial_node; /* of net.dials; alone when the worker has closed it */
	struct loop_timer retry;
	struct talk *talk;
	struct pin pin; /* whom we dial */
	uint32_t pause_ms;
	bool is_wanted; /* there is no connection */
	char why[160];  /* there is none */
};

void net_event(struct net *n, const char *kind, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* ---------------------------------------------------------------- link_end.c */

void link_end_host(struct net *n);
/* Thread: main. A connection for it, which it takes; is_dialed: we have dialed it. The caller's
 * hold on l goes with it. */
void link_end_arrive(struct net_link *l, SSL *ssl, int fd, bool is_dialed);
/* Thread: main. The open link, held, or NULL. */
struct net_link *link_end_find(struct net *n, const char *peer, const uint8_t group_uuid[16],
			       uint8_t channel);
/* Thread: main. Every connection with that peer ends. */
void link_end_break_all(struct net *n, const char *peer, const char *why);
void link_end_hold(struct net_link *l);
void link_end_drop(struct net_link *l);

/* ---------------------------------------------------------------- dial.c */

void dial_wanted(struct loop_msg *m);
void dial_closed(struct loop_msg *m);
/* The peer's entry has changed, or has gone. */
void dial_peer_changed(struct net *n, const char *peer);
void dial_stop(struct net *n);
bool dial_is_ours(const struct net *n, const struct pin *peer);
json_t *dial_links_json(struct net *n, const char *peer);
/* One has come from the peer: no need to dial. */
void dial_arrived(struct net_link *l);

/* ---------------------------------------------------------------- listener.c */

int must_check listener_create(struct net *n, const int *fds, uint32_t count, struct listener **out,
			       struct err *err);
void listener_free(struct listener *l);

/* ---------------------------------------------------------------- pairing.c */

/* A stranger that wants to be paired; takes t. */
void pairing_accept(struct net *n, struct talk *t);
void pairing_stop(struct net *n);
json_t *pairing_json(const struct net *n);

/* ---------------------------------------------------------------- rpc.c */

/* A peer that wants to ask; takes t. */
void rpc_accept(struct net *n, struct talk *t, const struct pin *peer);
/* The answer's object (borrowed), or NULL with err. Exactly once. */
typedef void (*rpc_fn)(void *ctx, const json_t *answer, const struct err *err);
void rpc_ask(struct net *n, const char *peer, const json_t *body, uint32_t timeout_ms, rpc_fn fn,
	     void *ctx);
/* Who has asked, until the answer. */
struct rpc_question;
/* Once per question, at once or later. */
void rpc_tell(struct rpc_question *q, const json_t *answer);
const char *rpc_asker(const struct rpc_question *q);
const uint8_t *rpc_asker_uuid(const struct rpc_question *q);
int must_check rpc_create(struct net *n, struct err *err);
void rpc_peer_changed(struct net *n, const char *peer);
void rpc_stop(struct net *n);
void rpc_free(struct net *n);

/* ---------------------------------------------------------------- what peers may ask */

void calls_asked(struct net *n, struct rpc_question *q, const json_t *body);
int must_check calls_create(struct net *n, struct err *err);
void calls_stop(struct net *n);
void calls_free(struct net *n);

void witness_book_asked(struct net *n, struct rpc_question *q, const json_t *body);
int must_check witness_book_open(struct net *n, struct err *err);
void witness_book_close(struct net *n);

/* net_host.witness */
void witness_ask(void *ctx, struct env *env, const char *peer, const uint8_t group_uuid[16],
		 const struct sluice_witness_call *call,
		 void (*fn)(void *fn_ctx, int result, const struct sluice_witness_register *now),
		 void *fn_ctx);

#endif
