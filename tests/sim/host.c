/* SPDX-License-Identifier: MIT */
#include "host.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fault.h"
#include "instance.h"
#include "run.h"
#include "supervise.h"
#include "tgtd.h"

/* From the fork until the child opens its volumes. */
#define START_MIN_NS (5 * MS)
#define START_MAX_NS (60 * MS)

const uint8_t host_uuid[16] = {0x51, 0x75, 0x1c, 0xe0, 1, 2, 0x43, 4, 0x85, 6, 7, 8, 9, 10, 11, 12};

struct host {
	struct world *w;
	struct list_node backlog;
	struct instance *child; /* NULL: none now */
	uint64_t incarnations;
	bool is_created;
	struct supervise sup; /* the product's own */
	struct supervise_beats beats;
	struct sim_life starting; /* of the start under way: a power cut ends it */
	uint64_t held_until_ns;   /* FAULT_KILL_LONG: no start before */
	bool is_look_due;
	struct rings rings; /* of the last child */
	bool is_kill_ours;  /* a hang, not an outside SIGKILL */
};

static void look(void *ctx, uint64_t arg);

struct host *host_new(struct world *w)
{
	struct host *h = calloc(1, sizeof(*h));

	h->w = w;
	list_init(&h->backlog);
	return h;
}

/* ---------------------------------------------------------------- the watching parent */

static void start_child(void *ctx, uint64_t arg)
{
	struct host *h = ctx;
	bool is_first = !h->is_created;

	h->is_created = true;
	h->child = instance_start(h->w, &h->backlog, ++h->incarnations, is_first, &h->rings);
}

static void kill_child(struct host *h)
{
	struct instance *child = h->child;

	/* A process whose I/O does not end is no HUP: meanwhile only the client's rescan sees what
	 * was DONE before a doorbell that never came. */
	if (sim_disk_is_stalled(h->w->disk))
		h->w->run->may_rescue = true;
	h->rings = instance_rings(child);
	h->child = NULL;
	supervise_killed(&h->sup, h->w->now_ns);
	instance_kill(child);
}

static void look_after(struct host *h, uint64_t delay_ns)
{
	if (h->is_look_due)
		return;
	h->is_look_due = true;
	world_after(h->w, delay_ns, NULL, look, h, 0);
}

static void act(struct host *h)
{
	uint64_t now_ns = h->w->now_ns;
	uint32_t hung;

	h->beats.count = h->child ? 1 : 0;
	if (h->child)
		h->beats.beats[0] = instance_beats(h->child);
	switch (supervise_next(&h->sup, now_ns, &h->beats, &hung)) {
	case SUPERVISE_START:
		if (now_ns < h->held_until_ns)
			break;
		supervise_started(&h->sup, now_ns);
		h->starting.is_over = false;
		world_after(h->w, world_delay(h->w, START_MIN_NS, START_MAX_NS), &h->starting,
			    start_child, h, 0);
		break;
	case SUPERVISE_KILL:
		world_trace(h->w, "host: incarnation %llu hangs and is killed",
			    (unsigned long long)h->incarnations);
		h->is_kill_ours = true;
		kill_child(h);
		break;
	case SUPERVISE_GIVE_UP: /* its I/O does not end: the next one waits for its lock alone */
		world_trace(h->w, "host: incarnation %llu is given up",
			    (unsigned long long)h->incarnations);
		supervise_ended(&h->sup, now_ns, SUPERVISE_CRASH, "", "");
		break;
	case SUPERVISE_NOTHING:
		break;
	}
}

static void look(void *ctx, uint64_t arg)
{
	struct host *h = ctx;

	h->is_look_due = false;
	act(h);
	look_after(h, supervise_wait_ms(&h->sup, h->w->now_ns) * MS + MS);
}

void host_begin(struct host *h)
{
	supervise_init(&h->sup, h->w->now_ns);
	supervise_started(&h->sup, h->w->now_ns);
	start_child(h, 0);
	look_after(h, SUPERVISE_CHECK_MS * MS);
}

/* ---------------------------------------------------------------- the socket */

struct conn *host_connect(struct host *h, struct tgtd *t)
{
	struct conn *c = calloc(1, sizeof(*c));

	c->tgtd = t;
	list_push_back(&h->backlog, &c->node);
	host_kick(h);
	return c;
}

void host_client_gone(struct host *h, struct conn *c)
{
	c->is_client_gone = true;
	if (c->owner)
		instance_wake(c->owner);
	else
		list_del(&c->node);
}

void host_kick(struct host *h)
{
	if (h->child)
		instance_kick(h->child);
}

/* ---------------------------------------------------------------- death */

/* The process and its I/O have ended: the proof that the clients wait for, and the parent's
 * SIGCHLD. */
void host_child_quiet(struct world *w, struct instance *dead)
{
	struct host *h = w->host;
	struct list_node *n;

	while ((n = list_pop_front(instance_conns(dead)))) {
		struct conn *c = list_entry(n, struct conn, node);

		if (!c->is_client_gone)
			world_after(w, world_delay(w, 100, 20 * US), &c->tgtd->life, tgtd_hung_up,
				    c, 0);
	}
	if (h->sup.state == SUPERVISE_KILLED)
		supervise_ended(&h->sup, w->now_ns,
				h->is_kill_ours ? SUPERVISE_CRASH : SUPERVISE_OUTSIDE, "", "");
	act(h);
}

void host_kill(struct host *h, uint64_t hold_ns)
{
	if (!h->child)
		return;
	world_trace(h->w, "host: incarnation %llu is killed", (unsigned long long)h->incarnations);
	h->held_until_ns = h->w->now_ns + hold_ns;
	h->is_kill_ours = false;
	kill_child(h);
}

void host_doom(struct host *h, uint32_t calls, void (*died)(void *ctx), void *ctx)
{
	if (h->child)
		instance_doom(h->child, calls, died, ctx);
}

void host_pause(struct host *h, bool is_paused)
{
	if (h->child)
		instance_pause(h->child, is_paused);
}

void host_power_cut(struct host *h)
{
	if (h->child)
		instance_power_cut(h->child);
	h->child = NULL;
	h->starting.is_over = true;
	h->held_until_ns = 0;
	h->rings.count = 0;
	list_init(&h->backlog);
	supervise_init(&h->sup, h->w->now_ns + 100 * MS);
}

bool host_has_backoff(const struct host *h)
{
	return h->sup.is_crash_loop;
}

bool host_is_serving(const struct host *h)
{
	return h->child && instance_is_serving(h->child);
}

bool host_is_child(const struct host *h, const struct instance *i)
{
	return h->child == i;
}

bool host_is_failed(const struct host *h)
{
	return h->child && instance_is_failed(h->child);
}
