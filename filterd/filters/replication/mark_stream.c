/* SPDX-License-Identifier: MIT */
/*
 * mark_stream.c - marks in the stream to the peer, and its answers. mark.c has what the volume does
 * and the record.
 */
#include <stdio.h>
#include <string.h>

#include "group_int.h"
#include "repl_mutate.h"

/* ---------------------------------------------------------------- where the stream stands */

uint64_t mark_cut_seq(const struct repl_group *g)
{
	uint64_t cut = UINT64_MAX;

	for (uint32_t i = 0; i < g->marks.record.count; i++) {
		const struct mark *m = &g->marks.record.m[i];

		if (m->is_held && m->cut_seq < cut && !REPL_MUTATE(MARK_OVERTAKEN))
			cut = m->cut_seq;
	}
	return cut;
}

/* All before that place in the journal is at the peer. */
static bool is_behind(const struct repl_group *g, uint64_t cut_seq)
{
	struct sluice_rlog_stats s;

	if (g->window.is_running || !g->journal.is_open)
		return false;
	sluice_rlog_stats(g->journal.log, &s);
	return s.tail_seq > cut_seq || (s.dirty_blocks == 0 && s.zero_blocks == 0);
}

bool mark_is_due(const struct repl_group *g)
{
	uint64_t cut = mark_cut_seq(g);

	return cut != UINT64_MAX && is_behind(g, cut);
}

static bool has(const struct repl_group *g, bool is_out_too)
{
	for (uint32_t i = 0; i < g->marks.record.count; i++) {
		const struct mark *m = &g->marks.record.m[i];

		if (m->state == MARK_WAITING && (is_out_too || !m->is_out))
			return true;
	}
	return false;
}

bool mark_is_to_go(const struct repl_group *g)
{
	return has(g, false) && !REPL_MUTATE(MARK_OVERTAKEN);
}

bool mark_is_pending(const struct repl_group *g)
{
	return has(g, true);
}

bool mark_is_out(const struct repl_group *g)
{
	for (uint32_t i = 0; i < g->marks.record.count; i++) {
		if (g->marks.record.m[i].is_out)
			return true;
	}
	return false;
}

/* Whoever is no secondary takes nothing. */
static bool is_peer_secondary(const struct repl_group *g)
{
	uint8_t state = g->node->peer.state;

	return state == REPL_SECONDARY_SYNCING || state == REPL_SECONDARY_INSYNC;
}

static bool may_make(const struct repl_group *g, const struct mark *m)
{
	if (g->track == TRACK_DIRECT)
		return true;
	return g->track == TRACK_JOURNAL && group_may_send(g) && !g->is_paused &&
	       !mark_has_pass(g) && (is_behind(g, m->cut_seq) || REPL_MUTATE(MARK_OVERTAKEN));
}

#define SETTLE_DIRECT_MS  1000u /* initiators wait that long */
#define SETTLE_JOURNAL_MS 5000u /* the journal fills */

static void send(struct repl_group *g, struct mark *m, enum repl_mark_what what)
{
	struct repl_mark wire = {.what = what};
	struct repl_header h;

	memcpy(wire.snapshot, m->snapshot, sizeof(wire.snapshot));
	memcpy(wire.name, m->name, sizeof(wire.name));
	wire.settle_ms = g->track == TRACK_DIRECT ? SETTLE_DIRECT_MS : SETTLE_JOURNAL_MS;
	frame_begin(&h, REPL_MARK, 0, m->lsn);
	h.member = m->member;
	m->is_out = true;
	m->is_sent |= what == REPL_MARK_MAKE;
	if (group_send(g, SLUICE_LINK_DATA, &h, &wire, sizeof(wire)) == 0)
		return;
	m->is_out = false;
	/* In DIRECT what begins now would be before it. */
	if (what == REPL_MARK_MAKE)
		mark_lose(g, m, "no memory to tell the replica");
}

static void pump_one(struct repl_group *g, struct mark *m)
{
	bool is_old = session_version(g->session) < REPL_VERSION_MARK;

	if (m->is_out)
		return;
	switch ((enum mark_state)m->state) {
	case MARK_WAITING:
		if (is_old)
			mark_lose(g, m, "the peer's program is older and makes no snapshots");
		else if (may_make(g, m))
			send(g, m, REPL_MARK_MAKE);
		break;
	case MARK_FINDING:
		if (is_old)
			mark_lose(g, m, m->why);
		else
			send(g, m, REPL_MUTATE(MARK_MADE_LATE) ? REPL_MARK_MAKE : REPL_MARK_FIND);
		break;
	case MARK_DELETING:
		if (!is_old)
			send(g, m, REPL_MARK_DELETE);
		break;
	case MARK_PREPARED:
	case MARK_MADE:
	case MARK_LOST:
		break;
	}
}

/* Inside of a window nothing else goes; its end pumps. */
static bool may_pump(const struct repl_group *g)
{
	return g->is_peer_ready && group_is_primary(g) && is_peer_secondary(g) && !g->stopped &&
	       !g->window.is_running && (g->track == TRACK_DIRECT || group_may_send(g));
}

void mark_pump(struct repl_group *g)
{
	bool was_to_go = mark_is_to_go(g);

	for (uint32_t i = 0; i < g->marks.record.count && may_pump(g); i++)
		pump_one(g, mark_at(g, i));
	if (was_to_go && !mark_is_to_go(g))
		direct_pump(g);
}

/* ---------------------------------------------------------------- answers */

static void delete_ended(struct repl_group *g, struct mark *m, bool is_ok, const char *why)
{
	char text[REPL_ERROR_TEXT_MAX + 96];

	if (!is_ok) {
		snprintf(text, sizeof(text),
			 "a snapshot that was deleted here stays on the replica: %s", why);
		g->host.ops->report(g->host.ctx, "replica_snapshot_stays", text);
	}
	mark_drop(g, m);
}

static void answered(struct repl_group *g, struct mark *m, uint32_t what, bool is_ok,
		     const char *why)
{
	m->is_out = false;
	mark_put_soon(g);
	if (m->state == MARK_DELETING && what == REPL_MARK_DELETE) {
		delete_ended(g, m, is_ok, why);
	} else if (m->state != MARK_DELETING && is_ok) {
		m->state = MARK_MADE;
		m->is_held = false;
		m->why[0] = 0;
	} else if (m->state == MARK_WAITING) {
		mark_lose(g, m, why[0] ? why : "the replica could not make it");
	} else if (m->state == MARK_FINDING) {
		mark_lose(g, m, m->why);
	}
}

void mark_ack(struct repl_group *g, const struct repl_header *h, const void *plain)
{
	char why[REPL_ERROR_TEXT_MAX + 1] = "";
	struct repl_mark wire;
	struct mark *m;

	memcpy(&wire, plain, sizeof(wire));
	memcpy(why, (const char *)plain + sizeof(wire), h->raw_bytes - sizeof(wire));
	m = NULL;
	for (uint32_t i = 0; i < g->marks.record.count && !m; i++) {
		if (mark_at(g, i)->is_out &&
		    memcmp(mark_at(g, i)->snapshot, wire.snapshot, 16) == 0)
			m = mark_at(g, i);
	}
	if (!m) /* it was deleted meanwhile */
		return;
	answered(g, m, wire.what, frame_status(h) == SLUICE_OK, why);
	mark_pump(g);
	window_kick(g);
	gate_check(g);
}

/* In DIRECT what came behind the mark may be there without it; behind one in the journal nothing
 * is. */
void mark_link_down(struct repl_group *g)
{
	for (uint32_t i = 0; i < g->marks.record.count; i++) {
		struct mark *m = mark_at(g, i);

		if (m->is_out && m->state == MARK_WAITING &&
		    (g->track == TRACK_DIRECT || !m->is_held)) {
			m->is_held = false;
			mark_find(m, "the connection was lost before the replica had answered");
			mark_put_soon(g);
		}
		m->is_out = false;
	}
}

void mark_give_up(struct repl_group *g, const char *why)
{
	for (uint32_t i = 0; i < g->marks.record.count; i++) {
		struct mark *m = mark_at(g, i);

		if (!m->is_held || REPL_MUTATE(MARK_KEPT_IN_RESYNC))
			continue;
		m->is_held = false;
		mark_put_soon(g);
		if (m->is_sent && !m->is_out)
			mark_find(m, why);
		else if (m->is_out) /* its answer counts; without one it is looked for */
			snprintf(m->why, sizeof(m->why), "%s", why);
		else
			mark_lose(g, m, why);
	}
}

void mark_forget(struct repl_group *g)
{
	for (uint32_t i = g->marks.record.count; i-- > 0;) {
		struct mark *m = mark_at(g, i);

		if (m->state == MARK_DELETING)
			mark_drop(g, m);
		else if (!mark_is_over(m))
			mark_lose(g, m, "the other side took over before it was there");
		mark_put_soon(g);
	}
}

/* ---------------------------------------------------------------- what there is to see */

static size_t add_text(char *json, size_t size, size_t used, const char *text)
{
	for (; *text && used + 8 < size; text++) {
		unsigned char c = (unsigned char)*text;

		if (c == '"' || c == '\\')
			json[used++] = '\\';
		json[used++] = c < 0x20 ? '?' : (char)c;
	}
	json[used] = 0;
	return used;
}

static size_t add_uuid(char *json, size_t size, size_t used, const uint8_t u[16])
{
	return used + (size_t)snprintf(json + used, size - used,
				       "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-"
				       "%02x%02x%02x%02x%02x%02x",
				       u[0], u[1], u[2], u[3], u[4], u[5], u[6], u[7], u[8], u[9],
				       u[10], u[11], u[12], u[13], u[14], u[15]);
}

#define SHOWN      32u
#define REST_BYTES 256u /* of what else the object says after them */
#define ONE_BYTES  (2 * (REPL_MARK_NAME_BYTES + MARK_WHY_BYTES) + 160)

size_t mark_json(const struct repl_group *g, char *json, size_t size_bytes)
{
	static const char *const words[] = {"",         "pending",    "pending", "asking",
					    "deleting", "on_replica", "lost"};
	uint64_t fit = size_bytes > REST_BYTES ? (size_bytes - REST_BYTES) / ONE_BYTES : 0;
	uint32_t shown = fit < SHOWN ? (uint32_t)fit : SHOWN;
	uint32_t first = g->marks.record.count > shown ? g->marks.record.count - shown : 0;
	size_t used;

	if (size_bytes <= REST_BYTES)
		return 0;
	used = (size_t)snprintf(json, size_bytes, ",\"snapshots\":[");
	for (uint32_t i = first; i < g->marks.record.count; i++) {
		const struct mark *m = &g->marks.record.m[i];

		used += (size_t)snprintf(json + used, size_bytes - used,
					 "%s{\"member\":%u,\"state\":\"%s\",\"snapshot\":\"",
					 i == first ? "" : ",", m->member, words[m->state]);
		used = add_uuid(json, size_bytes, used, m->snapshot);
		used += (size_t)snprintf(json + used, size_bytes - used, "\",\"name\":\"");
		used = add_text(json, size_bytes, used, m->name);
		used += (size_t)snprintf(json + used, size_bytes - used, "\",\"why\":\"");
		used = add_text(json, size_bytes, used, m->why);
		used += (size_t)snprintf(json + used, size_bytes - used, "\"}");
	}
	return used + (size_t)snprintf(json + used, size_bytes - used, "]");
}
