// SPDX-License-Identifier: MIT
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "session_int.h"

#define RECORD_KEY "node"

uint64_t session_now_ns(const struct repl_session *s)
{
	return s->host->ops->now_ns(s->host->ctx);
}

bool session_is_peer_ready(const struct repl_session *s)
{
	return s->is_ready;
}

uint8_t session_version(const struct repl_session *s)
{
	return s->peer_version < REPL_VERSION ? s->peer_version : REPL_VERSION;
}

/* ---------------------------------------------------------------- life */

struct repl_session *session_create(struct repl_group *g)
{
	struct repl_session *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->witness = calloc(1, sizeof(*s->witness));
	if (!s->witness) {
		free(s);
		return NULL;
	}
	s->witness->s = s;
	s->g = g;
	s->host = group_host(g);
	s->node = group_node(g);
	s->timer.fn = session_tick;
	s->timer.ctx = s;
	return s;
}

void session_destroy(struct repl_session *s)
{
	if (!s)
		return;
	if (s->is_started)
		s->host->ops->timer_cancel(s->host->ctx, &s->timer);
	if (s->witness->is_busy)
		s->witness->s = NULL; /* its answer frees it */
	else
		free(s->witness);
	session_meta_free(s);
	free(s);
}

static bool record_is_valid(const struct repl_node_record *r, size_t size_bytes)
{
	return size_bytes == sizeof(*r) && r->version == 1 && r->state <= REPL_DIVERGED &&
	       r->lineage_count <= REPL_LINEAGE_MAX;
}

int session_start(struct repl_session *s, struct sluice_error *err)
{
	const struct repl_group_cfg *cfg = group_cfg(s->g);
	struct repl_node_cfg node_cfg = cfg->node;
	struct repl_node_record record;
	struct repl_actions out;
	size_t size_bytes = 0;
	int rc = s->host->ops->record_get(s->host->ctx, RECORD_KEY, &record, sizeof(record),
					  &size_bytes);

	if (rc && rc != -ENOENT) {
		snprintf(err->text, sizeof(err->text),
			 "the record of the replication group cannot be read: %s", strerror(-rc));
		return rc;
	}
	if (rc == 0 && !record_is_valid(&record, size_bytes)) {
		snprintf(
		    err->text, sizeof(err->text),
		    "the record of the replication group (%zu bytes) is of no version that this "
		    "program knows",
		    size_bytes);
		return -EINVAL;
	}
	node_cfg.has_witness = s->host->has_witness;
	node_cfg.is_volatile = !s->host->is_durable;
	memcpy(node_cfg.own_uuid, s->host->own_uuid, 16);
	memcpy(node_cfg.peer_uuid, s->host->peer_uuid, 16);
	s->is_started = true;
	s->life = s->host->ops->random_u64(s->host->ctx);
	s->heard_ns = session_now_ns(s);
	node_init(s->node, &node_cfg, rc == 0 ? &record : NULL, cfg->initial_state, s->heard_ns,
		  &out);
	session_act(s, &out);
	s->host->ops->timer_set(s->host->ctx, &s->timer, s->heard_ns + SESSION_TICK_NS);
	return 0;
}

void session_reconfigure(struct repl_session *s)
{
	const struct repl_node_cfg *cfg = &group_cfg(s->g)->node;

	s->node->cfg.mode = cfg->mode;
	s->node->cfg.holds_when_peer_is_lost = cfg->holds_when_peer_is_lost;
	s->node->cfg.lease_ns = cfg->lease_ns;
	s->node->cfg.margin_ns = cfg->margin_ns;
}

void session_stop(struct repl_session *s)
{
	struct repl_actions out;
	struct repl_header h;

	if (s->is_stopped || !s->is_started)
		return;
	node_stop(s->node, &out);
	session_act(s, &out);
	s->is_stopped = true;
	s->host->ops->timer_cancel(s->host->ctx, &s->timer);
	if (!s->ch[SLUICE_LINK_CONTROL].is_up)
		return;
	frame_begin(&h, REPL_BYE, s->node->record.term, 0);
	group_send(s->g, SLUICE_LINK_CONTROL, &h, NULL, 0);
}

void session_stopped(struct repl_session *s, bool is_equal)
{
	struct repl_actions out;

	node_stopped(s->node, is_equal, &out);
	session_act(s, &out);
}

/* ---------------------------------------------------------------- time */

static void lose_peer(struct repl_session *s, uint64_t now_ns)
{
	struct repl_actions out;

	s->is_lost_told = true;
	if (s->ch[SLUICE_LINK_CONTROL].is_up || s->ch[SLUICE_LINK_DATA].is_up)
		session_reset(s, "the peer has been silent for 5 s");
	node_peer_lost(s->node, group_head_lsn(s->g), now_ns, &out);
	session_act(s, &out);
}

/* A connection that leads to nothing: no HELLO, or none on the other channel, or no STATE. The
 * other end may not know of it any more. */
static bool is_stuck(const struct repl_session *s, enum sluice_link_channel ch, uint64_t now_ns)
{
	const struct session_channel *c = &s->ch[ch];

	return c->is_up && !s->is_ready && now_ns - c->up_ns >= REPL_SILENCE_MS * 1000000ull;
}

void session_tick(struct repl_timer *t)
{
	struct repl_session *s = t->ctx;
	uint64_t now_ns = session_now_ns(s);
	struct repl_actions out;

	s->host->ops->timer_set(s->host->ctx, &s->timer, now_ns + SESSION_TICK_NS);
	if (s->is_ready && now_ns - s->pinged_ns >= REPL_HEARTBEAT_MS * 1000000ull)
		session_ping(s);
	if (!s->is_lost_told && now_ns - s->heard_ns >= REPL_SILENCE_MS * 1000000ull)
		lose_peer(s, now_ns);
	else if (is_stuck(s, SLUICE_LINK_CONTROL, now_ns) || is_stuck(s, SLUICE_LINK_DATA, now_ns))
		session_reset(s, "the peer does not say HELLO and STATE");
	else if (node_is_admit_overdue(s->node, now_ns))
		session_reset(s, "the peer has not answered ADMIT for 10 s");
	node_tick(s->node, now_ns, &out);
	session_act(s, &out);
}

/* ---------------------------------------------------------------- what the parts say */

void session_caught_up(struct repl_session *s)
{
	session_event(s, EV_CAUGHT_UP);
}

void session_equal(struct repl_session *s)
{
	session_event(s, EV_EQUAL);
}

void session_drained(struct repl_session *s)
{
	session_event(s, EV_DRAINED);
}

void session_hot_compared(struct repl_session *s)
{
	session_event(s, EV_HOT_COMPARED);
}

void session_in_doubt(struct repl_session *s)
{
	session_event(s, EV_IN_DOUBT);
}

void session_resync_began(struct repl_session *s, bool is_inconsistent)
{
	session_event(s, is_inconsistent ? EV_RESYNC_BEGAN_INCONSISTENT : EV_RESYNC_BEGAN);
}

void session_gave_up(struct repl_session *s)
{
	session_event(s, EV_GAVE_UP);
}

void session_resync_ended(struct repl_session *s)
{
	session_event(s, EV_RESYNC_ENDED);
}

void session_bitmap_sent(struct repl_session *s)
{
	session_event(s, EV_BITMAP_SENT);
}

void session_applied(struct repl_session *s)
{
	session_event(s, EV_APPLIED);
}

void session_peer_failed(struct repl_session *s)
{
	session_event(s, EV_PEER_FAILED);
}

int session_wrote_alone(struct repl_session *s)
{
	struct repl_actions out;

	if (s->node->is_failed)
		return -EIO;
	node_wrote_alone(s->node, &out);
	session_act(s, &out);
	return s->node->is_failed ? -EIO : 0;
}

/* ---------------------------------------------------------------- what operators say */

int session_promote(struct repl_session *s, bool is_forced, struct sluice_error *err)
{
	struct repl_actions out;
	int rc = node_promote(s->node, is_forced, session_now_ns(s), &out, err);

	session_act(s, &out);
	return rc;
}

int session_demote(struct repl_session *s, struct sluice_error *err)
{
	struct repl_actions out;
	int rc = node_demote(s->node, session_now_ns(s), &out, err);

	session_act(s, &out);
	return rc;
}

int session_handover(struct repl_session *s, struct sluice_error *err)
{
	struct repl_actions out;
	int rc = node_handover(s->node, session_now_ns(s), &out, err);

	session_act(s, &out);
	return rc;
}

int session_confirm(struct repl_session *s, struct sluice_error *err)
{
	struct repl_actions out;
	int rc = node_confirm(s->node, session_now_ns(s), &out, err);

	session_act(s, &out);
	return rc;
}

int session_resolve(struct repl_session *s, bool keeps_own, struct sluice_error *err)
{
	struct repl_actions out;
	int rc = node_resolve(s->node, keeps_own, session_now_ns(s), &out, err);

	session_act(s, &out);
	return rc;
}
