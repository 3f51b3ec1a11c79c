/* SPDX-License-Identifier: MIT */
/*
 * dial.c - main's half of a link: who of the two dials, when, and the first words of a connection
 * that we dialed.
 *
 * One side dials, so that connections do not cross: the one whose UUID is smaller, unless an
 * administrator says otherwise. The other one waits.
 *
 * Thread: main.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "greet.h"
#include "net_int.h"

bool dial_is_ours(const struct net *n, const struct pin *peer)
{
	if (peer->dials != PIN_DIALS_AUTO)
		return peer->dials == PIN_DIALS_ALWAYS;
	return memcmp(n->own.uuid, peer->uuid, 16) < 0;
}

static void again_in(struct net_link *l, uint32_t ms)
{
	if (!l->net->is_stopped)
		loop_timer_set(l->net->cfg.loop, &l->retry, clock_now_ns() + ms * CLOCK_NS_PER_MS);
}

static uint32_t longer(uint32_t pause_ms)
{
	uint32_t next = pause_ms ? pause_ms * 2 : NET_PAUSE_MIN_MS;

	return next < NET_PAUSE_MAX_MS ? next : NET_PAUSE_MAX_MS;
}

/* No connection this time. */
static void failed(struct net_link *l, const char *why)
{
	snprintf(l->why, sizeof(l->why), "%s", why);
	l->pause_ms = longer(l->pause_ms);
	again_in(l, l->pause_ms);
}

static void hang_up(struct net_link *l)
{
	if (l->talk)
		talk_close(l->talk);
	l->talk = NULL;
}

/* ---------------------------------------------------------------- first words */

static void dialed_ready(void *ctx)
{
	struct net_link *l = ctx;
	struct peer_hello hello;

	if (memcmp(talk_fingerprint(l->talk), l->pin.fingerprint, 32) != 0) {
		hang_up(l);
		failed(l, "another appliance than the paired one answers at this address");
		return;
	}
	greet_hello(&hello, l->cfg.group_uuid, (uint8_t)l->cfg.channel);
	if (talk_send_now(l->talk, &hello, sizeof(hello)) < 0) {
		hang_up(l);
		failed(l, "the connection takes no data");
	}
}

static size_t dialed_received(void *ctx, const uint8_t *data, size_t len)
{
	struct net_link *l = ctx;
	struct peer_answer answer;
	char why[160];
	SSL *ssl;
	int fd;

	if (len < sizeof(answer))
		return 0;
	memcpy(&answer, data, sizeof(answer));
	if (greet_check_answer(&answer, why, sizeof(why)) < 0) {
		hang_up(l);
		failed(l, why);
		if (answer.status == PEER_NOT_OPEN && l->pause_ms > NET_NOT_OPEN_MS)
			again_in(l, l->pause_ms = NET_NOT_OPEN_MS);
		return len;
	}
	ssl = talk_take(l->talk, &fd);
	l->talk = NULL;
	l->is_wanted = false;
	l->why[0] = '\0';
	link_end_hold(l);
	link_end_arrive(l, ssl, fd, true);
	return len;
}

static void dialed_ended(void *ctx, const char *why)
{
	struct net_link *l = ctx;

	hang_up(l);
	failed(l, why);
}

/* ---------------------------------------------------------------- tries */

static void try_now(struct loop_timer *timer)
{
	static const struct talk_ops ops = {
	    .ready = dialed_ready, .received = dialed_received, .ended = dialed_ended};
	struct net_link *l = timer->ctx;
	struct talk_cfg cfg = {.loop = l->net->cfg.loop,
			       .tls = &l->net->tls,
			       .ops = &ops,
			       .ctx = l,
			       .in_max_bytes = sizeof(struct peer_answer)};
	struct err err;

	if (!l->is_wanted || l->talk)
		return;
	if (!pins_by_name(&l->net->pins, l->peer, &l->pin)) {
		snprintf(l->why, sizeof(l->why), "the peer is not paired any more");
		return;
	}
	if (!dial_is_ours(l->net, &l->pin)) {
		snprintf(l->why, sizeof(l->why), "the peer has not connected yet");
		return;
	}
	if (!l->pin.address[0] || !l->pin.port) {
		snprintf(l->why, sizeof(l->why), "the peer's address is not known");
		return;
	}
	if (talk_dial(&cfg, l->pin.address, l->pin.port, PEER_ALPN_LINK, &l->talk, &err) < 0)
		failed(l, err.text);
}

void dial_wanted(struct loop_msg *m)
{
	struct net_link *l = m->ctx;
	uint64_t lasted_ms;

	atomic_store(&l->is_want_posted, false);
	lasted_ms = atomic_load(&l->lasted_ms);
	if (list_is_empty(&l->dial_node)) {
		list_push_back(&l->net->dials, &l->dial_node);
		l->retry = (struct loop_timer){.fn = try_now, .ctx = l};
	}
	if (lasted_ms == UINT64_MAX)
		l->pause_ms = 0;
	else if (lasted_ms >= NET_LASTED_MS)
		l->pause_ms = NET_PAUSE_MIN_MS;
	else
		l->pause_ms = longer(l->pause_ms);
	l->is_wanted = true;
	again_in(l, l->pause_ms);
	link_end_drop(l);
}

void dial_arrived(struct net_link *l)
{
	l->is_wanted = false;
	l->why[0] = '\0';
	hang_up(l);
	loop_timer_cancel(l->net->cfg.loop, &l->retry);
}

static void leave(struct net_link *l)
{
	hang_up(l);
	loop_timer_cancel(l->net->cfg.loop, &l->retry);
	list_del(&l->dial_node);
	l->is_wanted = false;
}

void dial_closed(struct loop_msg *m)
{
	struct net_link *l = m->ctx;

	leave(l);
	link_end_drop(l);
}

void dial_peer_changed(struct net *n, const char *peer)
{
	struct list_node *at, *next;

	list_for_each_safe (at, next, &n->dials) {
		struct net_link *l = list_entry(at, struct net_link, dial_node);

		if (strcmp(l->peer, peer) != 0)
			continue;
		hang_up(l);
		l->pause_ms = 0;
		if (l->is_wanted)
			again_in(l, 0);
	}
}

void dial_stop(struct net *n)
{
	while (!list_is_empty(&n->dials))
		leave(list_entry(n->dials.next, struct net_link, dial_node));
}

/* ---------------------------------------------------------------- for people */

static json_t *link_json(const struct net_link *l)
{
	static const char *const channels[] = {"data", "control"};
	bool is_up = atomic_load(&l->is_up);
	char group[37];

	parse_uuid_format(l->cfg.group_uuid, group);
	return json_pack("{s:s, s:s, s:b, s:s}", "group", group, "channel",
			 l->cfg.channel < SLUICE_LINK_CHANNELS ? channels[l->cfg.channel] : "?",
			 "is_up", is_up, "why", is_up ? "" : l->why);
}

json_t *dial_links_json(struct net *n, const char *peer)
{
	json_t *list = json_array();
	struct list_node *at;

	list_for_each (at, &n->dials) {
		const struct net_link *l = list_entry(at, struct net_link, dial_node);

		if (strcmp(l->peer, peer) == 0)
			json_array_append_new(list, link_json(l));
	}
	return list;
}
