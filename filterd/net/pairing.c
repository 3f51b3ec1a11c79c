/* SPDX-License-Identifier: MIT */
/*
 * pairing.c - two appliances become peers: an offer here, a join there, a code carried by a person.
 *
 *   joiner                                   offerer
 *     | -- TLS, any certificate ----------------> |
 *     | -- peer_pair, proof of the code --------> |  right: the joiner's key is pinned, durably,
 *     | <------- peer_pair, proof of the code --- |  and the code is used up
 *   the offerer's key is pinned
 *
 * The joiner proves first, so a stranger who connects learns nothing. A wrong proof costs one of
 * three tries, then the offer is over; so does a right one, ten minutes, or another offer.
 *
 * Thread: main.
 */
#include <endian.h>
#include <errno.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "clock.h"
#include "greet.h"
#include "log.h"
#include "net_int.h"
#include "pair.h"

#define JOINERS_MAX 4u

struct offer {
	struct net *net;
	char name[PARSE_NAME_MAX + 1]; /* "": there is no offer */
	struct pair_key key;
	uint64_t until_ns;
	uint32_t tries_left;
	struct loop_timer timer;
	struct list_node guests; /* struct pair_talk: who has connected */
	uint32_t guest_count;
	struct list_node joins; /* struct pair_talk: where we have connected to */
};

struct pair_talk {
	struct list_node node;
	struct net *net;
	struct talk *talk;
	/* of a join */
	struct pin peer; /* to be */
	struct pair_key key;
	struct peer_pair sent;
	net_fn fn;
	void *ctx;
};

static struct offer *offer_of(struct net *n)
{
	struct offer *o = n->offer;

	if (!o) {
		o = n->offer = calloc(1, sizeof(*o));
		if (!o)
			return NULL;
		o->net = n;
		list_init(&o->guests);
		list_init(&o->joins);
	}
	return o;
}

static void fill_message(const struct net *n, struct peer_pair *m)
{
	memset(m, 0, sizeof(*m));
	m->magic = htole32(PEER_PAIR_MAGIC);
	m->version = (uint8_t)PEER_VERSION;
	m->port = htole16(n->port);
	memcpy(m->uuid, n->own.uuid, 16);
	if (getrandom(m->nonce, sizeof(m->nonce), 0) != (ssize_t)sizeof(m->nonce))
		log_error("no random numbers for pairing"); /* the session's own still are */
}

/* ---------------------------------------------------------------- the offer */

static void end_offer(struct offer *o)
{
	loop_timer_cancel(o->net->cfg.loop, &o->timer);
	OPENSSL_cleanse(&o->key, sizeof(o->key));
	o->name[0] = '\0';
}

static void offer_over(struct loop_timer *t)
{
	struct offer *o = t->ctx;

	net_event(o->net, "peer_offer_over", "nobody used the pairing code for '%s' in time",
		  o->name);
	end_offer(o);
}

int net_offer(struct net *n, const char *name, json_t **out, struct err *err)
{
	struct offer *o = offer_of(n);
	char code[PAIR_CODE_BYTES], fingerprint[65];
	int rc;

	if (!n->port)
		return err_set(
		    err, ENOTCONN, "",
		    "sluice-filterd does not listen for peers; start it with --peer-listen");
	if (pins_by_name(&n->pins, name, NULL))
		return err_set(err, EEXIST, "name", "a peer named '%s' is paired already", name);
	if (!o)
		return err_set(err, ENOMEM, "", "no memory for an offer");
	rc = pair_code_make(code, err);
	if (rc == 0 && pair_key_derive(code, &o->key) < 0)
		rc = err_set(err, EIO, "", "OpenSSL derives no key");
	if (rc)
		return rc;
	snprintf(o->name, sizeof(o->name), "%s", name);
	o->tries_left = PAIR_TRIES;
	o->until_ns = clock_now_ns() + PAIR_VALID_S * CLOCK_NS_PER_S;
	loop_timer_cancel(n->cfg.loop, &o->timer);
	o->timer = (struct loop_timer){.fn = offer_over, .ctx = o};
	loop_timer_set(n->cfg.loop, &o->timer, o->until_ns);
	pins_fingerprint_format(n->own.fingerprint, fingerprint);
	*out = json_pack("{s:s, s:i, s:s}", "code", code, "expires_in_s", (int)PAIR_VALID_S,
			 "fingerprint", fingerprint);
	OPENSSL_cleanse(code, sizeof(code));
	return 0;
}

void net_withdraw(struct net *n)
{
	if (n->offer)
		end_offer(n->offer);
}

json_t *pairing_json(const struct net *n)
{
	const struct offer *o = n->offer;

	if (!o || !o->name[0])
		return json_null();
	return json_pack("{s:s, s:I, s:i}", "name", o->name, "expires_in_s",
			 (json_int_t)((o->until_ns - clock_now_ns()) / CLOCK_NS_PER_S),
			 "tries_left", (int)o->tries_left);
}

/* ---------------------------------------------------------------- who has connected */

static void guest_gone(struct pair_talk *p)
{
	p->net->offer->guest_count--;
	list_del(&p->node);
	free(p);
}

static void guest_ended(void *ctx, const char *why)
{
	struct pair_talk *p = ctx;

	talk_close(p->talk);
	guest_gone(p);
}

static void refuse_guest(struct pair_talk *p, const char *why)
{
	struct peer_pair m;

	fill_message(p->net, &m);
	m.status = PEER_REFUSED;
	snprintf(m.text, sizeof(m.text), "%s", why);
	if (talk_send(p->talk, &m, sizeof(m)) == 0)
		talk_finish(p->talk);
	else
		talk_close(p->talk);
	guest_gone(p);
}

static void wrong_code(struct pair_talk *p)
{
	struct offer *o = p->net->offer;
	char address[PINS_ADDRESS_BYTES];

	talk_address(p->talk, address, sizeof(address));
	o->tries_left--;
	net_event(p->net, "peer_code_wrong",
		  "%s gave a wrong pairing code, or is not what it seems; %u tries left", address,
		  o->tries_left);
	if (o->tries_left == 0)
		end_offer(o);
	refuse_guest(p, "the code is wrong, or somebody sits between the two appliances");
}

/* It knows the code: a peer from now on. */
static void right_code(struct pair_talk *p, const struct peer_pair *first,
		       const struct pair_session *s)
{
	struct offer *o = p->net->offer;
	struct peer_pair second;
	struct pin peer = {.port = le16toh(first->port)};
	struct pair_key key = o->key;
	struct err err = {0};

	snprintf(peer.name, sizeof(peer.name), "%s", o->name);
	end_offer(o);
	memcpy(peer.uuid, first->uuid, 16);
	memcpy(peer.fingerprint, talk_fingerprint(p->talk), 32);
	if (peer.port)
		talk_address(p->talk, peer.address, sizeof(peer.address));
	fill_message(p->net, &second);
	if (pair_prove(&key, s, first, &second, second.proof) < 0 ||
	    pins_put(&p->net->pins, &peer, &err) < 0) {
		log_error("peer %s could not be paired: %s", peer.name, err.text);
		refuse_guest(p, "pairing failed there; its log says why");
		return;
	}
	OPENSSL_cleanse(&key, sizeof(key));
	net_event(p->net, "peer_paired", "appliance '%s' (%s) is paired", peer.name, peer.address);
	dial_peer_changed(p->net, peer.name);
	if (talk_send(p->talk, &second, sizeof(second)) == 0)
		talk_finish(p->talk);
	else
		talk_close(p->talk);
	guest_gone(p);
}

static size_t guest_received(void *ctx, const uint8_t *data, size_t len)
{
	struct pair_talk *p = ctx;
	struct offer *o = p->net->offer;
	struct pair_session s;
	struct peer_pair m;

	if (len < sizeof(m))
		return 0;
	memcpy(&m, data, sizeof(m));
	memcpy(s.joiner_fingerprint, talk_fingerprint(p->talk), 32);
	memcpy(s.offerer_fingerprint, p->net->own.fingerprint, 32);
	if (le32toh(m.magic) != PEER_PAIR_MAGIC || m.version != PEER_VERSION)
		refuse_guest(p, "another version of pairing is spoken there");
	else if (!o->name[0])
		refuse_guest(p, "no pairing code is valid there now; make a new one");
	else if (memcmp(m.uuid, p->net->own.uuid, 16) == 0)
		refuse_guest(p, "that is the appliance itself");
	else if (pair_session_export(talk_ssl(p->talk), &s) < 0 ||
		 !pair_is_proved(&o->key, &s, &m, NULL))
		wrong_code(p);
	else
		right_code(p, &m, &s);
	return len;
}

static void nothing(void *ctx) {}

void pairing_accept(struct net *n, struct talk *t)
{
	static const struct talk_ops ops = {
	    .ready = nothing, .received = guest_received, .ended = guest_ended};
	struct offer *o = offer_of(n);
	struct pair_talk *p = o && o->guest_count < JOINERS_MAX ? calloc(1, sizeof(*p)) : NULL;

	if (!p) {
		talk_close(t);
		return;
	}
	p->net = n;
	p->talk = t;
	talk_hand_over(t, &ops, p, sizeof(struct peer_pair));
	list_push_back(&o->guests, &p->node);
	o->guest_count++;
}

/* ---------------------------------------------------------------- joining */

static void join_over(struct pair_talk *p, const struct err *err, json_t *more)
{
	net_fn fn = p->fn;
	void *ctx = p->ctx;

	list_del(&p->node);
	OPENSSL_cleanse(&p->key, sizeof(p->key));
	free(p);
	fn(ctx, err, more);
}

static void join_failed(struct pair_talk *p, int code, const char *why)
{
	struct err err;

	err_set(&err, code, "", "pairing with %s port %u failed: %s", p->peer.address, p->peer.port,
		why);
	talk_close(p->talk);
	join_over(p, &err, NULL);
}

static void join_ended(void *ctx, const char *why)
{
	join_failed(ctx, ECONNREFUSED, why);
}

static void session_of(struct pair_talk *p, struct pair_session *s)
{
	memcpy(s->joiner_fingerprint, p->net->own.fingerprint, 32);
	memcpy(s->offerer_fingerprint, talk_fingerprint(p->talk), 32);
}

static void join_ready(void *ctx)
{
	struct pair_talk *p = ctx;
	struct pair_session s;

	session_of(p, &s);
	fill_message(p->net, &p->sent);
	if (pair_session_export(talk_ssl(p->talk), &s) < 0 ||
	    pair_prove(&p->key, &s, &p->sent, NULL, p->sent.proof) < 0 ||
	    talk_send(p->talk, &p->sent, sizeof(p->sent)) < 0)
		join_failed(p, EIO, "OpenSSL proves nothing");
}

static size_t join_received(void *ctx, const uint8_t *data, size_t len)
{
	struct pair_talk *p = ctx;
	struct pair_session s;
	struct peer_pair m;
	struct err err;
	char why[sizeof(m.text)];

	if (len < sizeof(m))
		return 0;
	memcpy(&m, data, sizeof(m));
	session_of(p, &s);
	if (le32toh(m.magic) == PEER_PAIR_MAGIC && m.status != PEER_OK) {
		greet_quote(m.text, sizeof(m.text), why, sizeof(why));
		join_failed(p, EACCES, why);
		return len;
	}
	if (le32toh(m.magic) != PEER_PAIR_MAGIC || m.version != PEER_VERSION ||
	    pair_session_export(talk_ssl(p->talk), &s) < 0 ||
	    !pair_is_proved(&p->key, &s, &p->sent, &m)) {
		join_failed(p, EACCES, "whoever answers there does not know the code");
		return len;
	}
	memcpy(p->peer.uuid, m.uuid, 16);
	memcpy(p->peer.fingerprint, talk_fingerprint(p->talk), 32);
	if (pins_put(&p->net->pins, &p->peer, &err) < 0) {
		join_failed(p, err.code, err.text);
		return len;
	}
	net_event(p->net, "peer_paired", "appliance '%s' (%s) is paired", p->peer.name,
		  p->peer.address);
	dial_peer_changed(p->net, p->peer.name);
	talk_close(p->talk);
	join_over(p, NULL, json_pack("{s:o}", "peer", pins_to_json(&p->peer)));
	return len;
}

static int prepare_join(struct net *n, struct pair_talk *p, const char *name, const char *address,
			uint16_t port, const char *text, struct err *err)
{
	char code[PAIR_CODE_BYTES];
	int rc = pair_code_normalise(text, code, err);

	if (rc || (rc = pins_parse_address(address, p->peer.address, err)))
		return rc;
	if (pins_by_name(&n->pins, name, NULL))
		return err_set(err, EEXIST, "name", "a peer named '%s' is paired already", name);
	snprintf(p->peer.name, sizeof(p->peer.name), "%s", name);
	p->peer.port = port;
	rc = pair_key_derive(code, &p->key);
	OPENSSL_cleanse(code, sizeof(code));
	return rc ? err_set(err, EIO, "", "OpenSSL derives no key") : 0;
}

void net_join(struct net *n, const char *name, const char *address, uint16_t port, const char *code,
	      net_fn fn, void *ctx)
{
	static const struct talk_ops ops = {
	    .ready = join_ready, .received = join_received, .ended = join_ended};
	struct offer *o = offer_of(n);
	struct pair_talk *p = o ? calloc(1, sizeof(*p)) : NULL;
	struct talk_cfg cfg = {.loop = n->cfg.loop,
			       .tls = &n->tls,
			       .ops = &ops,
			       .ctx = p,
			       .in_max_bytes = sizeof(struct peer_pair)};
	struct err err;

	if (!p) {
		err_set(&err, ENOMEM, "", "no memory to pair");
		fn(ctx, &err, NULL);
		return;
	}
	*p = (struct pair_talk){.net = n, .fn = fn, .ctx = ctx};
	if (prepare_join(n, p, name, address, port, code, &err) < 0 ||
	    talk_dial(&cfg, p->peer.address, port, PEER_ALPN_PAIR, &p->talk, &err) < 0) {
		list_init(&p->node);
		join_over(p, &err, NULL);
		return;
	}
	list_push_back(&o->joins, &p->node);
}

void pairing_stop(struct net *n)
{
	struct offer *o = n->offer;

	if (!o)
		return;
	end_offer(o);
	while (!list_is_empty(&o->guests))
		guest_ended(list_entry(o->guests.next, struct pair_talk, node), "");
	while (!list_is_empty(&o->joins))
		join_failed(list_entry(o->joins.next, struct pair_talk, node), ESHUTDOWN,
			    "sluice-filterd stops");
	free(o);
	n->offer = NULL;
}
