/* SPDX-License-Identifier: MIT */
#include "mark.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "group_int.h"

#define RECORD_KEY "marks"

/* ---------------------------------------------------------------- the list */

static struct mark *find(struct repl_group *g, uint16_t member, const uint8_t uuid[16])
{
	for (uint32_t i = 0; i < g->marks.record.count; i++) {
		struct mark *m = mark_at(g, i);

		if (m->member == member && memcmp(m->snapshot, uuid, 16) == 0)
			return m;
	}
	return NULL;
}

static void remove_at(struct repl_group *g, uint32_t i)
{
	struct marks_record *r = &g->marks.record;

	memmove(&r->m[i], &r->m[i + 1], (r->count - i - 1) * sizeof(r->m[0]));
	r->count--;
}

void mark_drop(struct repl_group *g, const struct mark *m)
{
	remove_at(g, (uint32_t)(m - g->marks.record.m));
}

bool mark_is_over(const struct mark *m)
{
	return m->state == MARK_MADE || m->state == MARK_LOST;
}

/* NULL: all of them are still under way. */
static struct mark *add(struct repl_group *g, uint16_t member, const uint8_t uuid[16],
			const char *name)
{
	struct marks_record *r = &g->marks.record;
	struct mark *m;

	for (uint32_t i = 0; r->count == MARKS_MAX && i < r->count; i++) {
		if (mark_is_over(mark_at(g, i)))
			remove_at(g, i);
	}
	if (r->count == MARKS_MAX)
		return NULL;
	m = mark_at(g, r->count++);
	*m = (struct mark){.member = member, .state = MARK_PREPARED};
	memcpy(m->snapshot, uuid, 16);
	snprintf(m->name, sizeof(m->name), "%s", name ? name : "");
	return m;
}

/* ---------------------------------------------------------------- the record */

static int put(struct repl_group *g)
{
	struct marks *s = &g->marks;
	int r = g->host.ops->record_put(g->host.ctx, RECORD_KEY, &s->record,
					offsetof(struct marks_record, m) +
					    s->record.count * sizeof(s->record.m[0]));

	s->is_dirty = r < 0;
	return r;
}

static void put_now(struct repl_timer *t)
{
	struct repl_group *g = t->ctx;

	if (g->marks.is_dirty && put(g) < 0)
		g->host.ops->timer_set(g->host.ctx, t, group_now_ns(g) + 1000000000ull);
	mark_pump(g);
}

/* Not inside of a volume's hold. */
void mark_put_soon(struct repl_group *g)
{
	g->marks.is_dirty = true;
	if (g->stopped)
		return;
	g->host.ops->timer_set(g->host.ctx, &g->marks.timer, group_now_ns(g));
}

void mark_init(struct repl_group *g)
{
	g->marks.record.version = 1;
	g->marks.timer.fn = put_now;
	g->marks.timer.ctx = g;
}

void mark_find(struct mark *m, const char *why)
{
	m->state = MARK_FINDING;
	m->is_out = false;
	snprintf(m->why, sizeof(m->why), "%s", why);
}

static bool record_is_valid(const struct marks_record *r, size_t bytes)
{
	if (bytes < offsetof(struct marks_record, m) || r->version != 1 || r->count > MARKS_MAX ||
	    bytes != offsetof(struct marks_record, m) + r->count * sizeof(r->m[0]))
		return false;
	for (uint32_t i = 0; i < r->count; i++) {
		const struct mark *m = &r->m[i];

		if (m->state < MARK_PREPARED || m->state > MARK_LOST ||
		    !memchr(m->name, 0, sizeof(m->name)) || !memchr(m->why, 0, sizeof(m->why)))
			return false;
	}
	return true;
}

void mark_load(struct repl_group *g)
{
	struct marks_record *r = &g->marks.record;
	bool is_whole = g->track == TRACK_JOURNAL && !g->record.has_pass;
	size_t n = 0;
	int rc = g->host.ops->record_get(g->host.ctx, RECORD_KEY, r, sizeof(*r), &n);

	if (rc < 0 || !record_is_valid(r, n)) {
		memset(r, 0, sizeof(*r));
		r->version = 1;
		return;
	}
	for (uint32_t i = 0; i < r->count; i++) {
		struct mark *m = mark_at(g, i);

		m->is_out = m->is_held = false;
		m->is_sent = true;
		if (m->state == MARK_WAITING && is_whole)
			m->is_held = true; /* its place stayed in the journal */
		else if (m->state == MARK_PREPARED || m->state == MARK_WAITING)
			mark_find(m, "this side was started again before the replica had it");
	}
}

void mark_stop(struct repl_group *g)
{
	if (g->marks.is_dirty)
		(void)put(g);
	g->host.ops->timer_cancel(g->host.ctx, &g->marks.timer);
}

void mark_fini(struct repl_group *g)
{
	g->host.ops->timer_cancel(g->host.ctx, &g->marks.timer);
}

/* ---------------------------------------------------------------- what the volume does */

void mark_lose(struct repl_group *g, struct mark *m, const char *why)
{
	char text[MARK_WHY_BYTES + REPL_MARK_NAME_BYTES + 64];

	m->state = MARK_LOST;
	m->is_out = m->is_held = false;
	if (why != m->why)
		snprintf(m->why, sizeof(m->why), "%.*s", (int)sizeof(m->why) - 1, why);
	snprintf(text, sizeof(text), "snapshot %s is not on the replica: %s", m->name, m->why);
	g->host.ops->report(g->host.ctx, "replication_snapshot_lost", text);
	mark_put_soon(g);
}

static void prepare(struct repl_group *g, uint16_t member, const uint8_t uuid[16], const char *name)
{
	struct mark *m = find(g, member, uuid);

	if (m)
		mark_drop(g, m); /* asked for once more */
	m = add(g, member, uuid, name);
	if (!m) {
		g->host.ops->report(g->host.ctx, "replication_snapshot_lost",
				    "too many snapshots wait for the replica; this one is not made "
				    "there");
		return;
	}
	if (put(g) < 0)
		mark_lose(g, m, "that it is to be on the replica could not be noted");
}

bool mark_has_pass(const struct repl_group *g)
{
	return g->record.has_pass || g->resync.what == RESYNC_CATCH_UP ||
	       group_has_bits(g, BITMAP_TO_SEND);
}

/* Nothing of the member is under way: what was acknowledged is at the peer, or in the journal. */
static void held(struct repl_group *g, struct mark *m)
{
	struct sluice_rlog_stats s;

	m->lsn = g->head_lsn;
	m->cut_seq = 0;
	if (!group_is_primary(g) || !g->is_serving) {
		mark_lose(g, m, "this side did not serve then");
		return;
	}
	if (g->track == TRACK_BITMAP || !g->journal.is_open || mark_has_pass(g)) {
		mark_lose(g, m, "the replica was being brought up, and was no point in time");
		return;
	}
	if (g->track == TRACK_JOURNAL) {
		sluice_rlog_stats(g->journal.log, &s);
		m->cut_seq = s.next_seq - 1;
	}
	m->is_held = true;
}

static void committed(struct repl_group *g, struct mark *m)
{
	if (m->state != MARK_PREPARED || !m->is_held)
		return;
	m->state = MARK_WAITING;
	mark_put_soon(g);
	mark_pump(g);
}

/* Durable before whoever deletes it hears that it is gone: nobody says it twice. */
static void deleted(struct repl_group *g, uint16_t member, const uint8_t uuid[16])
{
	struct mark *m = find(g, member, uuid);

	if (!group_is_primary(g))
		return;
	if (m && !m->is_sent) {
		mark_drop(g, m);
	} else {
		m = m ? m : add(g, member, uuid, "");
		if (!m)
			return; /* it stays there, and whoever looks sees it */
		m->state = MARK_DELETING;
		m->is_out = m->is_held = false;
	}
	if (put(g) < 0)
		mark_put_soon(g);
	mark_pump(g);
}

void group_mark(struct repl_group *g, enum mark_event ev, uint16_t member, const uint8_t uuid[16],
		const char *name)
{
	struct mark *m = find(g, member, uuid);

	switch (ev) {
	case MARK_PREPARE:
		if (group_is_primary(g))
			prepare(g, member, uuid, name);
		break;
	case MARK_HELD:
		if (m && m->state == MARK_PREPARED)
			held(g, m);
		break;
	case MARK_COMMIT:
		if (m)
			committed(g, m);
		break;
	case MARK_ABORT:
		if (m && !m->is_sent) {
			mark_drop(g, m);
			mark_put_soon(g);
		}
		break;
	case MARK_DELETED:
		deleted(g, member, uuid);
		break;
	}
	window_kick(g);
}
