// SPDX-License-Identifier: MIT
/* faults.c - what goes wrong, and what an operator does about it. */
#include <string.h>

#include "receiver_int.h"
#include "world.h"

static void mischief(struct world *w, struct event *e);

static void next_mischief(struct world *w)
{
	uint64_t max_ms = chance(w, 30) ? 8000 : 2000;

	event_add(w, -1, rng_below(&w->rng, max_ms * 1000) * 1000, mischief);
}

/* ---------------------------------------------------------------- nodes */

static void start_again(struct world *w, struct event *e)
{
	struct node *n = &w->nodes[e->a];

	if (!n->is_up)
		side_start(n);
}

static void kill(struct world *w, int node, bool is_power_cut)
{
	if (!w->nodes[node].is_up)
		return;
	side_die(&w->nodes[node], is_power_cut);
	event_add(w, -1, rng_below(&w->rng, chance(w, 70) ? 3000 : 20000) * MS, start_again)->a =
	    (uint64_t)node;
}

static void stop(struct world *w, int node)
{
	if (!w->nodes[node].is_started || side_is_stalled(&w->nodes[node]))
		return;
	side_stop(&w->nodes[node]);
	for (int i = 1; i < 8; i++)
		event_add(w, -1, (uint64_t)i * 4000 * MS, start_again)->a = (uint64_t)node;
}

/* ---------------------------------------------------------------- ways */

static void unblock(struct world *w, struct event *e)
{
	(void)e;
	world_say(w, "all ways are free");
	w->is_blocked[0] = w->is_blocked[1] = false;
	w->is_witness_blocked[0] = w->is_witness_blocked[1] = false;
	link_unblocked(w);
}

static void block(struct world *w)
{
	uint32_t ways = (uint32_t)rng_range(&w->rng, 1, 15);

	if (chance(w, 50))
		ways = 3;
	if (!w->has_witness)
		ways |= (uint32_t)rng_range(&w->rng, 1, 3);
	world_say(w, "ways are blocked: %s%s%s%s", ways & 1 ? "0->1 " : "", ways & 2 ? "1->0 " : "",
		  ways & 4 ? "0-witness " : "", ways & 8 ? "1-witness" : "");
	w->is_blocked[0] = ways & 1;
	w->is_blocked[1] = ways & 2;
	w->is_witness_blocked[0] = ways & 4;
	w->is_witness_blocked[1] = ways & 8;
	event_add(w, -1, rng_below(&w->rng, chance(w, 60) ? 9000 : 40000) * MS, unblock);
}

static void fast_again(struct world *w, struct event *e)
{
	w->nodes[e->a].slow = 1;
}

static void slow_down(struct world *w, int node)
{
	w->nodes[node].slow = (uint32_t)rng_range(&w->rng, 5, chance(w, 85) ? 500 : 2500);
	event_add(w, -1, rng_below(&w->rng, 6000) * MS, fast_again)->a = (uint64_t)node;
}

/* ---------------------------------------------------------------- disks, standstill, growth */

static void sound_again(struct world *w, struct event *e)
{
	w->nodes[e->a].failing = 0;
}

/* Not while it starts: that is a volume that cannot be opened, and no more. */
static void fail_disks(struct world *w, int node, uint32_t what)
{
	struct node *n = &w->nodes[node];

	if (!n->is_started)
		return;
	n->failing = what;
	n->fail_pct = chance(w, 50) ? 100 : (uint32_t)rng_range(&w->rng, 5, 60);
	n->must_restart = true;
	world_say(w, "node %d: %s fail %u %% of the time", node,
		  n->failing == PART_VOLUMES ? "volumes"
		  : n->failing == PART_FILE  ? "marks"
		  : n->failing == PART_LOGS  ? "logs"
					     : "records",
		  n->fail_pct);
	event_add(w, -1, rng_below(&w->rng, 4000) * MS, sound_again)->a = (uint64_t)node;
}

/* Its clock goes on: when it runs again, leases have ended long ago. */
static void stall(struct world *w, int node)
{
	uint64_t ms = rng_range(&w->rng, 10, chance(w, 50) ? 3000 : 20000);

	world_say(w, "node %d stands still for %llu ms", node, (unsigned long long)ms);
	w->nodes[node].stalled_until_ns = w->now_ns + ms * MS;
}

static void grow(struct world *w)
{
	for (int i = 0; i < 2; i++)
		if (side_is_stalled(&w->nodes[i]) || w->nodes[i].is_up != w->nodes[i].is_started)
			return;
	if (w->nodes[0].volumes[1].file.size_bytes == GROWN_BYTES)
		return;
	world_say(w, "the second volume grows");
	for (int i = 0; i < 2; i++) {
		disk_grow(&w->nodes[i].volumes[1], GROWN_BYTES);
		world_inside(true);
		if (w->nodes[i].group)
			group_grown(w->nodes[i].group, 1, GROWN_BYTES);
		world_inside(false);
	}
}

/* ---------------------------------------------------------------- operator */

static void command_done(struct repl_group_command *c, int result, const struct sluice_error *err)
{
	struct node *n = c->ctx;

	n->is_commanding = false;
	world_say(n->w, "node %d: %s ended with %d %s", n->id, c->name, result,
		  err && result ? err->text : "");
}

static bool command(struct node *n, const char *name, bool is_forced, bool keeps_own)
{
	struct repl_group_command *c = &n->command;
	struct world *w = n->w;
	struct sluice_error err;
	bool before = w->was_forced;
	int rc;

	if (!n->is_started || n->is_commanding || side_is_stalled(n))
		return false;
	memset(c, 0, sizeof(*c));
	memset(&err, 0, sizeof(err));
	c->name = name;
	c->is_forced = is_forced;
	c->keeps_own = keeps_own;
	c->repairs = strcmp(name, "verify") == 0 && (!w->has_faults || chance(w, 50));
	c->fn = command_done;
	c->ctx = n;
	/* It may serve before the command has returned. */
	if (is_forced || strcmp(name, "resolve") == 0)
		w->was_forced = true;
	n->has_word = n->has_word || strcmp(name, "confirm") == 0 || strcmp(name, "promote") == 0 ||
		      (strcmp(name, "resolve") == 0 && keeps_own);
	world_inside(true);
	rc = group_command(n->group, c, &err);
	world_inside(false);
	world_say(w, "node %d: operator: %s%s: %d %s", n->id, name, is_forced ? " by force" : "",
		  rc, rc < 0 ? err.text : "");
	n->is_commanding = rc == 1;
	if (rc < 0)
		w->was_forced = before;
	return rc >= 0;
}

static void operate(struct world *w, struct node *n)
{
	static const char *const harmless[] = {"pause",    "resume",  "confirm", "handover",
					       "handover", "promote", "verify",  "verify_cancel"};
	uint32_t i = (uint32_t)rng_below(&w->rng, w->may_force ? 12 : 8);

	if (i < 8)
		command(n, harmless[i], false, false);
	else if (i < 10)
		command(n, "promote", true, false);
	else if (i == 10)
		command(n, "demote", false, false);
	else
		command(n, "resolve", false, chance(w, 50));
}

/* The other side is forced when the one that serves has had the time to go on without it. */
static void split_force(struct world *w, struct event *e)
{
	(void)e;
	command(&w->nodes[1 - w->current], "promote", true, false);
}

static void force(struct world *w, struct event *e)
{
	command(&w->nodes[e->a], "promote", true, false);
}

static void split(struct world *w, struct event *e)
{
	(void)e;
	if (!w->has_faults)
		return;
	world_say(w, "the two are parted, for the other one to be forced");
	w->is_blocked[0] = w->is_blocked[1] = true;
	event_add(w, -1, 9000 * MS, split_force);
	event_add(w, -1, 14000 * MS, unblock);
	event_add(w, -1, 30000 * MS, split);
}

static void cut_off(struct world *w, struct event *e)
{
	kill(w, e->node, chance(w, 30));
}

static void part(struct world *w, struct event *e)
{
	struct node *n = &w->nodes[e->node];

	w->is_blocked[0] = w->is_blocked[1] = true;
	event_add(w, n->id, 9000 * MS, force)->a = (uint64_t)n->id;
	event_add(w, -1, 14000 * MS, unblock);
}

void fault_in_stage(struct node *n, const void *stages)
{
	enum stages_kept kept = (enum stages_kept)((const struct stages_record *)stages)->kept;
	bool is_given_up = kept == KEPT_GIVE_UP;
	struct world *w = n->w;

	if (kept == KEPT_NOTHING || !w->opt->cut_resyncs || !w->has_faults || !chance(w, 70))
		return;
	world_say(w, "node %d: what is staged is to be %s", n->id,
		  is_given_up ? "given up, and is cut off" : "cut off");
	if (is_given_up)
		event_add(w, n->id, rng_below(&w->rng, 8000) * 1000, cut_off);
	else
		event_add(w, n->id, rng_below(&w->rng, chance(w, 50) ? 3000 : 2000000) * 1000,
			  part);
}

/* All faults are over: what an administrator would do until it works again. */
void operator_try(struct world *w, bool may_force, bool is_told)
{
	struct node *n = &w->nodes[w->current], *o = &w->nodes[1 - w->current];

	for (int i = 0; i < 2; i++)
		command(&w->nodes[i], "resume", false, false);
	if (n->is_serving || o->is_serving)
		return;
	if (side_recorded_state(n) == REPL_DIVERGED)
		command(n, "resolve", false, true);
	else if (side_recorded_state(o) == REPL_DIVERGED && side_recorded_state(n) != REPL_OUTDATED)
		command(o, "resolve", false, true);
	else if (is_told) /* what was taken is refused later: to demote the other side, or force */
		command(n, "promote", true, false);
	else if (!command(n, "confirm", false, false) && !command(n, "promote", false, false) &&
		 !command(o, "promote", false, false) && may_force)
		command(n, "promote", true, false);
}

/* What a disk has forgotten is found by a verify and brought back from the other side. */
void operator_repairs(struct world *w)
{
	struct disk *d = &w->nodes[1 - w->current].volumes[0];
	uint32_t page = (uint32_t)rng_range(&w->rng, 300, 900);
	const uint8_t *before = d->cache[page];

	disk_damage(d, page, 0xee);
	if (!command(&w->nodes[w->current], "verify", false, false))
		d->cache[page] = d->stable[page] = before;
}

/* ---------------------------------------------------------------- chance */

/* Not for long: a change or two are to fail, and then all is to go on. */
static void prefer(struct world *w, int node)
{
	if (w->bias == BIAS_ROLES) {
		command(&w->nodes[node], chance(w, 80) ? "handover" : "promote", false, false);
		return;
	}
	fail_disks(w, w->current, PART_VOLUMES);
	event_add(w, -1, rng_below(&w->rng, 300) * MS, sound_again)->a = (uint64_t)w->current;
	if (chance(w, 50))
		link_cut(w, SLUICE_LINK_DATA, false);
}

static void mischief(struct world *w, struct event *e)
{
	int node = (int)rng_below(&w->rng, 2);
	uint32_t what = (uint32_t)rng_below(&w->rng, 100);

	(void)e;
	if (!w->has_faults)
		return;
	next_mischief(w);
	if (w->bias && chance(w, 50))
		prefer(w, node);
	else if (what < 12)
		kill(w, node, false);
	else if (what < 22)
		kill(w, node, true);
	else if (what < 25 && chance(w, 40)) {
		kill(w, 0, chance(w, 50));
		kill(w, 1, chance(w, 50));
	} else if (what < 28)
		stop(w, node);
	else if (what < 45)
		link_cut(w, chance(w, 50) ? SLUICE_LINK_DATA : SLUICE_LINK_CONTROL, chance(w, 25));
	else if (what < 62)
		block(w);
	else if (what < 70)
		slow_down(w, node);
	else if (what < 90)
		operate(w, &w->nodes[node]);
	else if (what < 92)
		link_old_frame(w, node);
	else if (what < 95)
		fail_disks(w, node, 1u << rng_below(&w->rng, 4));
	else if (what < 98)
		stall(w, node);
	else
		grow(w);
}

void faults_begin(struct world *w)
{
	w->has_faults = true;
	next_mischief(w);
	if (w->opt->splits)
		event_add(w, -1, 100 * MS, split);
}

void faults_end(struct world *w)
{
	w->has_faults = false;
	unblock(w, NULL);
	for (int i = 0; i < 2; i++) {
		w->nodes[i].slow = 1;
		w->nodes[i].failing = 0;
		w->nodes[i].stalled_until_ns = 0;
		/* A log or a record that failed is given up until the next start. */
		if (w->nodes[i].must_restart)
			side_die(&w->nodes[i], chance(w, 30));
		if (!w->nodes[i].is_up)
			side_start(&w->nodes[i]);
	}
}
