/* SPDX-License-Identifier: MIT */
/*
 * worker_ring.c - a ring on its worker: attached, polled, drained, gone.
 *
 *   main                               worker
 *   attach  -------------------------> admitted? registered, opened, recovered
 *   attached <------------------------
 *   drain (HUP, BYE)  ---------------> takes nothing more        <- also by volume_close() and by
 * garbage gone <---------------------------- last command answered; ring closed, socket untied
 *   release -------------------------> free
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "env_linux.h"
#include "fd.h"
#include "log.h"
#include "worker.h"

/* Ends the sleep of the loop, and the ring's rest. */
static void kicked(void *ctx, int fd, uint32_t events)
{
	struct worker_ring *r = ctx;

	fd_event_take(fd);
	if (r->serve_ring)
		ring_set_kicked(&r->worker->ring_set, &r->member);
}

static void undo_attach(struct worker_ring *r)
{
	struct env *e = r->worker->env;

	env_linux_unwatch(e, r->kick_fd);
	if (r->is_tied)
		env_linux_untie_fd(e, r->sock_fd);
	r->is_tied = false;
	if (r->map.base)
		e->ops->memory_unregister(e, r->map.base);
	if (r->bell)
		env_linux_bell_free(r->bell);
	r->bell = NULL;
}

static void told_gone(struct loop_msg *m)
{
	struct worker_ring *r = m->ctx;

	r->gone(r);
}

static void drained(struct serve_ring *sr, void *ctx)
{
	struct worker_ring *r = ctx;
	struct volume *v = r->volume;

	ring_set_remove(&r->member);
	serve_ring_close(sr);
	r->serve_ring = NULL;
	list_del(&r->node);
	undo_attach(r);
	r->is_gone = true;
	r->gone_msg.fn = told_gone;
	r->gone_msg.ctx = r;
	loop_post(r->worker->main_loop, &r->gone_msg);
	volume_ring_gone(v);
}

static void drain_begin(struct worker_ring *r)
{
	if (r->is_draining || r->is_gone || !r->serve_ring)
		return;
	r->is_draining = true;
	serve_ring_drain(r->serve_ring, drained, r);
}

static void told_broken(struct loop_msg *m)
{
	struct worker_ring *r = m->ctx;

	r->broken(r);
}

/* May be called within serve_ring_open(), poll and rescan: the drain begins with the next turn. */
static void ring_broken(struct serve_ring *sr, void *ctx, const char *text)
{
	struct worker_ring *r = ctx;

	snprintf(r->broken_text, sizeof(r->broken_text), "%s", text);
	r->broken_msg.fn = told_broken;
	r->broken_msg.ctx = r;
	loop_post(r->worker->main_loop, &r->broken_msg);
}

static void told_attached(struct loop_msg *m)
{
	struct worker_ring *r = m->ctx;

	r->attached(r);
}

static int attach(struct worker_ring *r) ON_WORKER
{
	struct env *e = r->worker->env;
	struct serve_ring_cfg cfg = {.base = r->map.base,
				     .size_bytes = r->map.size_bytes,
				     .incarnation = volume_incarnation(r->volume),
				     .broken = ring_broken,
				     .ctx = r};
	int rc = volume_admit(r->volume, &r->err);

	if (rc)
		return rc;
	r->bell = env_linux_bell_from_fd(r->wake_fd);
	if (!r->bell)
		return err_set(&r->err, ENOMEM, "", "no memory for a doorbell");
	rc = env_linux_watch(e, r->kick_fd, kicked, r);
	if (rc)
		return err_set(&r->err, -rc, "", "the doorbell cannot be watched: %s",
			       strerror(-rc));
	rc = env_linux_tie_fd(e, r->sock_fd);
	if (rc)
		return err_set(&r->err, -rc, "", "the ring's socket cannot be tied to its I/O: %s",
			       strerror(-rc));
	r->is_tied = true;
	if (e->ops->memory_register(e, r->map.base, r->map.size_bytes) < 0)
		log_debug("volume %s: the ring's memory is not registered",
			  volume_plan(r->volume)->name);
	cfg.wake = r->bell;
	rc = serve_ring_prepare(volume_serve(r->volume), &cfg, &r->serve_ring, &r->err);
	if (rc)
		return rc;
	list_push_back(&r->worker->rings, &r->node);
	ring_set_add(&r->worker->ring_set, &r->member, r->serve_ring);
	volume_ring_prepared(r->volume);
	return 0;
}

static void attach_msg(struct env_msg *m) ON_WORKER
{
	struct worker_ring *r = m->ctx;
	const struct plan_volume *p = volume_plan(r->volume);

	r->result = attach(r);
	if (r->result)
		undo_attach(r);
	r->incarnation = volume_incarnation(r->volume);
	r->size_bytes = p->size_bytes;
	r->block_bytes = p->block_bytes;
	r->is_readonly = p->is_readonly;
	r->is_wce = p->write_cache == WRITE_CACHE_VOLATILE;
	memcpy(r->uuid, p->uuid, sizeof(r->uuid));
	r->attached_msg.fn = told_attached;
	r->attached_msg.ctx = r;
	loop_post(r->worker->main_loop, &r->attached_msg);
}

static void drain_msg(struct env_msg *m)
{
	drain_begin(m->ctx);
}

static void release_msg(struct env_msg *m)
{
	free(m->ctx);
}

void worker_ring_attach(struct worker_ring *r)
{
	list_init(&r->node);
	r->attach_msg.fn = attach_msg;
	r->attach_msg.ctx = r;
	env_post(r->worker->env, &r->attach_msg);
}

void worker_ring_drain(struct worker_ring *r)
{
	if (r->is_drain_posted)
		return;
	r->is_drain_posted = true;
	r->drain_msg.fn = drain_msg;
	r->drain_msg.ctx = r;
	env_post(r->worker->env, &r->drain_msg);
}

void worker_ring_release(struct worker_ring *r)
{
	r->release_msg.fn = release_msg;
	r->release_msg.ctx = r;
	env_post(r->worker->env, &r->release_msg);
}

void worker_drain_rings(struct worker *w, struct volume *v)
{
	struct list_node *n;

	/* The end of a drain comes by message, so the list stays as it is here. */
	list_for_each (n, &w->rings) {
		struct worker_ring *r = list_entry(n, struct worker_ring, node);

		if (r->volume == v)
			drain_begin(r);
	}
}

bool worker_rings_before_sleep(void *worker)
{
	return ring_set_before_sleep(&((struct worker *)worker)->ring_set);
}

void worker_rings_awake(void *worker)
{
	ring_set_awake(&((struct worker *)worker)->ring_set);
}
