// SPDX-License-Identifier: MIT
/*
 * snapshot.c - snapshots of members: an operator's at the node that serves, as the chain would tell
 * the group of it (under I/O, held, committed); and those that the group wants of its host.
 *
 *   MARK-1  a replica's snapshot holds what the primary's holds
 *   MARK-2  what the primary says that the replica has, it has
 *   MARK-3  nothing is made on a replica that the primary has not
 *
 * Numbers come from a generator of their own: without snapshots a seed is what it would be anyway.
 */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "group_int.h"
#include "world.h"

static uint64_t below(struct world *w, uint64_t n)
{
	return rng_below(&w->snapshot_rng, n);
}

static struct sim_snapshot *find(struct world *w, uint16_t member, const uint8_t uuid[16])
{
	uint32_t i;

	memcpy(&i, uuid, sizeof(i));
	if (i == 0 || i > w->snapshot_count || w->snapshots[i - 1].member != member)
		return NULL;
	return &w->snapshots[i - 1];
}

static void uuid_of(const struct world *w, const struct sim_snapshot *s, uint8_t uuid[16])
{
	uint32_t i = (uint32_t)(s - w->snapshots) + 1;

	memset(uuid, 0, 16);
	memcpy(uuid, &i, sizeof(i));
}

static void tell(struct world *w, const struct sim_snapshot *s, enum mark_event ev)
{
	struct node *n = &w->nodes[s->node];
	uint8_t uuid[16];
	char name[32];

	uuid_of(w, s, uuid);
	snprintf(name, sizeof(name), "s%u", (uint32_t)(s - w->snapshots));
	world_inside(true);
	group_mark(n->group, ev, s->member, uuid, name);
	world_inside(false);
}

static void capture(struct world *w, struct sim_snapshot *s, int node)
{
	for (uint32_t b = 0; b < BLOCKS; b++)
		s->value[node][b] =
		    w->blocks[b].member == s->member ? side_value(&w->nodes[node], b) : 0;
	s->is_there[node] = true;
}

/* ---------------------------------------------------------------- the host's: for the group */

static void check_same(struct world *w, const struct sim_snapshot *s, int node)
{
	for (uint32_t b = 0; b < BLOCKS; b++) {
		if (s->value[node][b] != s->value[s->node][b])
			world_fail(w,
				   "MARK-1: node %d's snapshot %u of member %u has %lld in block "
				   "%u, and node %d's has %lld",
				   node, (uint32_t)(s - w->snapshots), s->member,
				   (long long)s->value[node][b], b, s->node,
				   (long long)s->value[s->node][b]);
	}
}

static int make(struct world *w, struct sim_snapshot *s, int node)
{
	if (s->is_there[node])
		return 0;
	if (!s->is_committed)
		world_fail(w, "MARK-3: node %d makes a snapshot that node %d has not made", node,
			   s->node);
	if (w->has_faults && below(w, 100) < 8)
		return -EBUSY;
	if (w->has_faults && below(w, 100) < 4)
		return -ENOSPC;
	capture(w, s, node);
	world_say(w, "node %d makes snapshot %u of member %u", node, (uint32_t)(s - w->snapshots),
		  s->member);
	check_same(w, s, node);
	return 0;
}

static int carry_out(struct world *w, int node, const struct repl_snapshot *c)
{
	struct sim_snapshot *s = find(w, c->member, c->uuid);

	if (!s)
		world_fail(w, "MARK-3: node %d is asked for a snapshot that never was", node);
	switch (c->what) {
	case SLUICE_SNAPSHOT_MAKE:
		return make(w, s, node);
	case SLUICE_SNAPSHOT_FIND:
		return s->is_there[node] ? 0 : -ENOENT;
	case SLUICE_SNAPSHOT_DELETE:
		if (!s->is_deleted)
			world_fail(w, "MARK-2: node %d is to delete snapshot %u, which stays", node,
				   (uint32_t)(s - w->snapshots));
		s->is_there[node] = false;
		return 0;
	}
	return -EINVAL;
}

static void answer(struct world *w, struct event *e)
{
	struct repl_snapshot *c = e->p;

	c->result = carry_out(w, e->node, c);
	snprintf(c->why, sizeof(c->why), "%s", c->result ? "it could not" : "");
	c->fn(c);
}

void snapshot_submit(void *node, struct repl_snapshot *c)
{
	struct node *n = node;
	uint64_t max_ms = below(n->w, 100) < 80 ? 30 : 900;

	event_add(n->w, n->id, below(n->w, max_ms * 1000) * 1000, answer)->p = c;
}

/* ---------------------------------------------------------------- an operator's */

static bool is_drained(const struct world *w, const struct sim_snapshot *s)
{
	for (int i = 0; i < (int)CLIENTS; i++) {
		const struct client *c = &w->clients[i];

		if (c->is_busy && c->node == s->node && w->blocks[c->block].member == s->member)
			return false;
	}
	return true;
}

bool snapshot_holds(const struct world *w, int node, uint16_t member)
{
	const struct sim_snapshot *s = w->snapshot_now;

	return s && s->step >= SNAPSHOT_DRAINING && s->node == node && s->member == member;
}

static void over(struct world *w, const char *how)
{
	struct sim_snapshot *s = w->snapshot_now;

	world_say(w, "node %d: snapshot %u of member %u %s", s->node, (uint32_t)(s - w->snapshots),
		  s->member, how);
	w->snapshot_now = NULL;
}

static void commit(struct world *w, struct sim_snapshot *s)
{
	s->is_committed = s->is_there[s->node] = true;
	tell(w, s, MARK_COMMIT);
	over(w, "is made");
}

static void step(struct world *w, struct event *e);

static void later(struct world *w, uint64_t max_ms)
{
	event_add(w, -1, below(w, max_ms * 1000) * 1000, step);
}

/* The process died in between: the snapshot is made or not, as was decided or not. */
static bool has_died(const struct world *w, const struct sim_snapshot *s)
{
	return w->nodes[s->node].life != s->life || !w->nodes[s->node].is_started;
}

static void step_at_node(struct world *w, struct sim_snapshot *s)
{
	switch (s->step) {
	case SNAPSHOT_PREPARED:
		s->step = SNAPSHOT_DRAINING;
		later(w, 3);
		break;
	case SNAPSHOT_DRAINING:
		if (!is_drained(w, s) && w->now_ns - s->since_ns < 10000 * MS) {
			later(w, 5);
			break;
		}
		if (!is_drained(w, s) || below(w, 100) < 5) {
			tell(w, s, MARK_ABORT);
			over(w, "is given up");
			break;
		}
		s->step = SNAPSHOT_HELD;
		capture(w, s, s->node);
		s->is_there[s->node] = false;
		tell(w, s, MARK_HELD);
		later(w, 40);
		break;
	case SNAPSHOT_HELD:
		commit(w, s);
		break;
	}
}

static void step(struct world *w, struct event *e)
{
	struct sim_snapshot *s = w->snapshot_now;

	(void)e;
	if (!s)
		return;
	if (has_died(w, s)) {
		s->is_committed = s->is_there[s->node] = s->step == SNAPSHOT_HELD;
		over(w, "was cut off");
	} else if (side_is_stalled(&w->nodes[s->node])) {
		later(w, 500);
	} else {
		step_at_node(w, s);
	}
}

static void take(struct world *w)
{
	struct node *n = &w->nodes[w->current];
	struct sim_snapshot *s;

	if (w->snapshot_now || w->snapshot_count == SNAPSHOTS_MAX || !n->is_started ||
	    side_is_stalled(n) || (!n->is_serving && below(w, 100) < 90))
		return;
	s = &w->snapshots[w->snapshot_count++];
	*s = (struct sim_snapshot){.node = n->id,
				   .life = n->life,
				   .member = (uint16_t)below(w, MEMBERS),
				   .since_ns = w->now_ns};
	w->snapshot_now = s;
	tell(w, s, MARK_PREPARE);
	later(w, 20);
}

static void remove_one(struct world *w)
{
	struct sim_snapshot *s = &w->snapshots[below(w, w->snapshot_count)];
	struct node *n = &w->nodes[w->current];

	if (s == w->snapshot_now || s->node != n->id || !s->is_there[n->id] || !n->is_started ||
	    side_is_stalled(n))
		return;
	world_say(w, "node %d: snapshot %u is deleted", n->id, (uint32_t)(s - w->snapshots));
	s->is_deleted = true;
	s->may_be_unnoted = n->failing & PART_RECORDS;
	s->is_there[n->id] = false;
	tell(w, s, MARK_DELETED);
}

static void chance_of_one(struct world *w, struct event *e)
{
	(void)e;
	if (!w->has_clients)
		return;
	if (w->snapshot_count && below(w, 100) < 15)
		remove_one(w);
	else
		take(w);
	event_add(w, -1, below(w, 2500 * 1000) * 1000, chance_of_one);
}

void snapshots_begin(struct world *w)
{
	rng_seed(&w->snapshot_rng, w->seed ^ 0x534e4150u);
	w->snapshot_count = 0;
	w->snapshot_now = NULL;
	if (below(w, 100) < 60)
		event_add(w, -1, below(w, 5000 * 1000) * 1000, chance_of_one);
}

/* ---------------------------------------------------------------- in the end */

bool snapshots_have_come_right(const struct world *w)
{
	const struct node *n = &w->nodes[w->current];
	const struct marks_record *r = &n->group->marks.record;

	for (uint32_t i = 0; i < r->count; i++) {
		if (r->m[i].state != MARK_MADE && r->m[i].state != MARK_LOST)
			return false;
	}
	return !w->snapshot_now;
}

void snapshots_final(struct world *w)
{
	const struct marks_record *r = &w->nodes[w->current].group->marks.record;

	for (uint32_t i = 0; i < r->count; i++) {
		const struct sim_snapshot *s = find(w, r->m[i].member, r->m[i].snapshot);

		/* Where records fail a kill takes the word of a deletion along. */
		if (s && s->is_deleted && s->may_be_unnoted)
			continue;
		if (r->m[i].state == MARK_MADE && !(s && s->is_there[1 - w->current]))
			world_fail(w,
				   "MARK-2: node %d says that the replica has %s, and it has not",
				   w->current, r->m[i].name);
	}
}
