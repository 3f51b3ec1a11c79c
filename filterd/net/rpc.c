/* SPDX-License-Identifier: MIT */
/*
 * rpc.c - requests and answers between two daemons: small JSON objects over a connection of their
 * own, so that neither a link's data nor its heartbeats ever wait for them.
 *
 * Who asks dials, and keeps the connection for the next questions; so there are up to two between
 * two peers. An answer names its question, and comes when it comes.
 *
 *   ask: {"op": "...", ...}     tell: any object; {"error": {"code", "field", "text"}} is an error
 *
 * Thread: main.
 */
#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "clock.h"
#include "greet.h"
#include "json.h"
#include "log.h"
#include "net_int.h"
#include "wire/peer.h"

#define FRAME_MAX     (sizeof(struct peer_frame) + PEER_BODY_MAX)
#define ASKED_MAX     32u    /* questions of one peer that have no answer yet */
#define FROM_PEER_MAX 4u     /* connections that one peer has made */
#define IDLE_MS       60000u /* then the connection is closed */
#define ASKING_MAX    256u   /* of ours, to all */

struct rpc {
	struct net *net;
	struct list_node lines;   /* struct line, ours, one per peer */
	struct list_node inbound; /* struct line, theirs */
	uint32_t asking;
	uint32_t last_id;
};

/* One connection. */
struct line {
	struct list_node node;
	struct rpc *rpc;
	struct talk *talk;
	struct pin peer;
	bool is_ready;
	bool is_theirs;
	uint64_t heard_ns;        /* its last message */
	struct list_node pending; /* struct pending (ours), or struct rpc_question (theirs) */
	uint32_t count;
};

struct pending {
	struct list_node node;
	struct rpc *rpc;
	struct line *line;
	uint32_t id;
	char *text; /* until it is sent */
	size_t len;
	struct loop_timer timer;
	uint64_t asked_ns;
	rpc_fn fn;
	void *ctx;
};

struct rpc_question {
	struct list_node node;
	struct line *line; /* NULL: the connection is gone */
	uint32_t id;
	char peer[PARSE_NAME_MAX + 1];
	uint8_t uuid[16];
};

/* ---------------------------------------------------------------- frames */

static int send_frame(struct line *l, enum peer_frame_type type, uint32_t id, const char *text,
		      size_t len)
{
	struct peer_frame f = {.magic = htole32(PEER_FRAME_MAGIC),
			       .version = htole16(PEER_VERSION),
			       .type = htole16((uint16_t)type),
			       .id = htole32(id),
			       .body_bytes = htole32((uint32_t)len)};
	int rc = talk_send(l->talk, &f, sizeof(f));

	return rc ? rc : talk_send(l->talk, text, len);
}

/* 0: not whole yet; else its length, header included, or -EPROTO. */
static ssize_t whole_frame(const uint8_t *data, size_t len, struct peer_frame *f)
{
	if (len < sizeof(*f))
		return 0;
	memcpy(f, data, sizeof(*f));
	f->body_bytes = le32toh(f->body_bytes);
	f->type = le16toh(f->type);
	f->id = le32toh(f->id);
	f->version = le16toh(f->version);
	if (le32toh(f->magic) != PEER_FRAME_MAGIC || f->body_bytes > PEER_BODY_MAX ||
	    f->version < PEER_VERSION_OLDEST)
		return -EPROTO;
	return len < sizeof(*f) + f->body_bytes ? 0 : (ssize_t)(sizeof(*f) + f->body_bytes);
}

/* ---------------------------------------------------------------- our questions */

static void pending_over(struct pending *p, const json_t *answer, const struct err *err)
{
	rpc_fn fn = p->fn;
	void *ctx = p->ctx;

	loop_timer_cancel(p->rpc->net->cfg.loop, &p->timer);
	list_del(&p->node);
	if (p->line)
		p->line->count--;
	p->rpc->asking--;
	free(p->text);
	free(p);
	fn(ctx, answer, err);
}

static void pending_failed(struct pending *p, int code, const char *why)
{
	struct err err;

	err_set(&err, code, "", "%s", why);
	pending_over(p, NULL, &err);
}

static void line_free(struct line *l, const char *why);

/* A connection on which nothing came meanwhile may be a dead one: the next question makes another.
 */
static void pending_late(struct loop_timer *t)
{
	struct pending *p = t->ctx;
	struct line *l = p->line;
	bool is_silent = l->heard_ns < p->asked_ns;

	pending_failed(p, ETIMEDOUT, "the peer has not answered in time");
	if (is_silent)
		line_free(l, "the peer is silent");
}

static void answered(struct line *l, uint32_t id, const json_t *body)
{
	struct list_node *at;

	list_for_each (at, &l->pending) {
		struct pending *p = list_entry(at, struct pending, node);

		if (p->id == id) {
			pending_over(p, body, NULL);
			return;
		}
	}
}

/* ---------------------------------------------------------------- their questions */

const char *rpc_asker(const struct rpc_question *q)
{
	return q->peer;
}

const uint8_t *rpc_asker_uuid(const struct rpc_question *q)
{
	return q->uuid;
}

static void line_busy(struct line *l)
{
	talk_deadline(l->talk, l->count ? 0 : IDLE_MS);
}

void rpc_tell(struct rpc_question *q, const json_t *answer)
{
	cleanup_free char *text = q->line ? json_dumps(answer, JSON_COMPACT) : NULL;
	size_t len = text ? strlen(text) : 0;
	struct line *l = q->line;

	list_del(&q->node);
	if (l) {
		l->count--;
		line_busy(l);
		if (text && len <= PEER_BODY_MAX && send_frame(l, PEER_TELL, q->id, text, len) < 0)
			log_warn("peers: %s does not read its answers", q->peer);
	}
	free(q);
}

static void tell_unknown(struct rpc_question *q, const char *op)
{
	static struct log_limit limit;
	char quoted[40];
	cleanup_json json_t *j =
	    json_pack("{s:{s:s, s:s, s:s}}", "error", "code", "ENOSYS", "field", "op", "text",
		      "that is not understood there; is its version an older one?");

	greet_quote(op, strlen(op), quoted, sizeof(quoted));
	if (log_limit_pass(&limit, 5))
		log_warn("peers: %s asks for '%s', which is not known here", q->peer, quoted);
	rpc_tell(q, j);
}

static void asked(struct line *l, uint32_t id, const json_t *body)
{
	struct rpc_question *q = l->count < ASKED_MAX ? calloc(1, sizeof(*q)) : NULL;
	const char *op = json_string_value(json_object_get(body, "op"));

	if (!q)
		return; /* the asker's patience ends by itself */
	q->line = l;
	q->id = id;
	snprintf(q->peer, sizeof(q->peer), "%s", l->peer.name);
	memcpy(q->uuid, l->peer.uuid, 16);
	list_push_back(&l->pending, &q->node);
	l->count++;
	line_busy(l);
	if (op && strcmp(op, "call") == 0)
		calls_asked(l->rpc->net, q, body);
	else if (op && strcmp(op, "witness") == 0)
		witness_book_asked(l->rpc->net, q, body);
	else
		tell_unknown(q, op ? op : "");
}

/* ---------------------------------------------------------------- lines */

static void line_free(struct line *l, const char *why)
{
	talk_close(l->talk);
	list_del(&l->node);
	while (!list_is_empty(&l->pending)) {
		if (l->is_theirs) {
			struct rpc_question *q =
			    list_entry(l->pending.next, struct rpc_question, node);

			list_del(&q->node); /* whoever answers it frees it */
			q->line = NULL;
		} else {
			struct pending *p = list_entry(l->pending.next, struct pending, node);

			pending_failed(p, EHOSTUNREACH, why);
		}
	}
	free(l);
}

static void line_ended(void *ctx, const char *why)
{
	line_free(ctx, why);
}

static size_t line_received(void *ctx, const uint8_t *data, size_t len)
{
	struct line *l = ctx;
	cleanup_json json_t *body = NULL;
	struct peer_frame f;
	ssize_t whole = whole_frame(data, len, &f);
	struct err err;

	if (whole == 0)
		return 0;
	if (whole > 0)
		body = json_parse((const char *)data + sizeof(f), f.body_bytes, "a peer's message",
				  &err);
	if (!json_is_object(body) || f.type != (l->is_theirs ? PEER_ASK : PEER_TELL)) {
		line_free(l, "the peer does not keep to the protocol");
		return len;
	}
	l->heard_ns = clock_now_ns();
	if (l->is_theirs)
		asked(l, f.id, body);
	else
		answered(l, f.id, body);
	return (size_t)whole;
}

static void line_ready(void *ctx)
{
	struct line *l = ctx;
	struct list_node *at;

	if (memcmp(talk_fingerprint(l->talk), l->peer.fingerprint, 32) != 0) {
		line_free(l, "another appliance than the paired one answers at its address");
		return;
	}
	l->is_ready = true;
	talk_deadline(l->talk, IDLE_MS);
	list_for_each (at, &l->pending) {
		struct pending *p = list_entry(at, struct pending, node);

		if (send_frame(l, PEER_ASK, p->id, p->text, p->len) < 0)
			return; /* its own deadline ends it */
	}
}

static const struct talk_ops line_ops = {
    .ready = line_ready, .received = line_received, .ended = line_ended};

void rpc_accept(struct net *n, struct talk *t, const struct pin *peer)
{
	struct line *l = calloc(1, sizeof(*l)), *oldest = NULL;
	struct list_node *at;
	uint32_t count = 0;

	if (!l) {
		talk_close(t);
		return;
	}
	l->rpc = n->rpc;
	l->talk = t;
	l->peer = *peer;
	l->is_ready = l->is_theirs = true;
	list_init(&l->pending);
	list_for_each (at, &n->rpc->inbound) {
		struct line *other = list_entry(at, struct line, node);

		if (strcmp(other->peer.name, peer->name) != 0)
			continue;
		oldest = oldest ? oldest : other;
		count++;
	}
	if (count >= FROM_PEER_MAX)
		line_free(oldest, "");
	list_push_back(&n->rpc->inbound, &l->node);
	talk_hand_over(t, &line_ops, l, FRAME_MAX);
	talk_deadline(t, IDLE_MS);
}

static struct line *line_to(struct net *n, const char *peer, struct err *err)
{
	struct talk_cfg cfg = {
	    .loop = n->cfg.loop, .tls = &n->tls, .ops = &line_ops, .in_max_bytes = FRAME_MAX};
	struct list_node *at;
	struct line *l;

	list_for_each (at, &n->rpc->lines) {
		l = list_entry(at, struct line, node);
		if (strcmp(l->peer.name, peer) == 0)
			return l;
	}
	l = calloc(1, sizeof(*l));
	if (!l) {
		err_set(err, ENOMEM, "", "no memory for a connection");
		return NULL;
	}
	l->rpc = n->rpc;
	list_init(&l->pending);
	cfg.ctx = l;
	if (!pins_by_name(&n->pins, peer, &l->peer)) {
		err_set(err, ENOENT, "peer", "no peer named '%.80s' is paired", peer);
	} else if (!l->peer.address[0] || !l->peer.port) {
		err_set(err, EHOSTUNREACH, "peer", "the address of peer '%s' is not known; set it",
			peer);
	} else if (talk_dial(&cfg, l->peer.address, l->peer.port, PEER_ALPN_CALL, &l->talk, err) ==
		   0) {
		list_push_back(&n->rpc->lines, &l->node);
		return l;
	}
	free(l);
	return NULL;
}

/* ---------------------------------------------------------------- ask */

static struct pending *make_question(struct rpc *r, const json_t *body, rpc_fn fn, void *ctx,
				     struct err *err)
{
	struct pending *p = r->asking < ASKING_MAX ? calloc(1, sizeof(*p)) : NULL;

	if (!p) {
		err_set(err, EBUSY, "", "too many questions to peers are under way");
		return NULL;
	}
	p->text = json_dumps(body, JSON_COMPACT);
	p->len = p->text ? strlen(p->text) : 0;
	if (!p->text || p->len > PEER_BODY_MAX) {
		err_set(err, EFBIG, "body", "a message to a peer may have %u bytes, this has %zu",
			PEER_BODY_MAX, p->len);
		free(p->text);
		free(p);
		return NULL;
	}
	p->rpc = r;
	p->id = ++r->last_id;
	p->fn = fn;
	p->ctx = ctx;
	p->asked_ns = clock_now_ns();
	p->timer = (struct loop_timer){.fn = pending_late, .ctx = p};
	return p;
}

void rpc_ask(struct net *n, const char *peer, const json_t *body, uint32_t timeout_ms, rpc_fn fn,
	     void *ctx)
{
	struct line *l = NULL;
	struct pending *p;
	struct err err;

	if (n->is_stopped)
		err_set(&err, ESHUTDOWN, "", "sluice-filterd stops");
	else
		l = line_to(n, peer, &err);
	p = l ? make_question(n->rpc, body, fn, ctx, &err) : NULL;
	if (!p) {
		fn(ctx, NULL, &err);
		return;
	}
	p->line = l;
	list_push_back(&l->pending, &p->node);
	l->count++;
	n->rpc->asking++;
	loop_timer_set(n->cfg.loop, &p->timer, clock_now_ns() + timeout_ms * CLOCK_NS_PER_MS);
	if (!l->is_ready)
		return;
	talk_deadline(l->talk, timeout_ms > IDLE_MS ? timeout_ms : IDLE_MS);
	if (send_frame(l, PEER_ASK, p->id, p->text, p->len) < 0)
		pending_failed(p, ENOBUFS, "the peer does not read");
}

/* ---------------------------------------------------------------- made and ended */

int rpc_create(struct net *n, struct err *err)
{
	n->rpc = calloc(1, sizeof(*n->rpc));
	if (!n->rpc)
		return err_set(err, ENOMEM, "", "no memory");
	n->rpc->net = n;
	list_init(&n->rpc->lines);
	list_init(&n->rpc->inbound);
	return 0;
}

static void end_lines(struct list_node *lines, const char *peer, const char *why)
{
	struct list_node *at, *next;

	list_for_each_safe (at, next, lines) {
		struct line *l = list_entry(at, struct line, node);

		if (!peer || strcmp(l->peer.name, peer) == 0)
			line_free(l, why);
	}
}

void rpc_peer_changed(struct net *n, const char *peer)
{
	end_lines(&n->rpc->lines, peer, "the peer was changed");
	end_lines(&n->rpc->inbound, peer, "the peer was changed");
}

void rpc_stop(struct net *n)
{
	if (!n->rpc)
		return;
	end_lines(&n->rpc->lines, NULL, "sluice-filterd stops");
	end_lines(&n->rpc->inbound, NULL, "sluice-filterd stops");
}

void rpc_free(struct net *n)
{
	free(n->rpc);
	n->rpc = NULL;
}
