/* SPDX-License-Identifier: MIT */
/*
 * serve.c - a volume's rings: commands taken, executed, answered; admission, aborts, drain.
 *
 * Thread: owner worker.
 */
#include "serve.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "mutate.h"
#include "serve_int.h"

#define PHYSICAL_BLOCK_BYTES 4096u

int serve_create(const struct serve_cfg *cfg, struct serve **out, struct err *err)
{
	struct serve *s = calloc(1, sizeof(*s));
	struct scsi_lun_cfg lun;
	int rc;

	if (!s)
		return err_set(err, ENOMEM, "", "volume %s: no memory", cfg->volume);
	s->cfg = *cfg;
	list_init(&s->rings);
	scsi_naa_from_uuid(cfg->uuid, s->naa);
	rc = serve_host_init(s, err);
	if (rc)
		goto free_serve;
	lun = (struct scsi_lun_cfg){
	    .env = cfg->env,
	    .host = &serve_host,
	    .host_ctx = s,
	    .size_bytes = chain_size_bytes(cfg->chain),
	    .block_bytes = cfg->block_bytes,
	    .physical_block_bytes = PHYSICAL_BLOCK_BYTES,
	    .op_mask = chain_op_mask(cfg->chain),
	    .is_wce = cfg->is_wce,
	    .is_readonly = cfg->is_readonly,
	    .max_transfer_bytes = RING_TRANSFER_MAX,
	    .atomic_bytes = RING_TRANSFER_MAX,
	};
	memcpy(lun.uuid, cfg->uuid, sizeof(lun.uuid));
	rc = scsi_lun_create(&lun, &s->lun);
	if (rc) {
		err_set(err, -rc, "", "volume %s: the logical unit could not be made", cfg->volume);
		goto fini_host;
	}
	*out = s;
	return 0;
fini_host:
	serve_host_fini(s);
free_serve:
	free(s);
	return rc;
}

void serve_destroy(struct serve *s)
{
	if (!s)
		return;
	assert(list_is_empty(&s->rings));
	scsi_lun_destroy(s->lun);
	serve_host_fini(s);
	free(s);
}

struct scsi_lun *serve_lun(struct serve *s)
{
	return s->lun;
}

uint32_t serve_tasks(const struct serve *s)
{
	return scsi_lun_tasks(s->lun);
}

uint32_t serve_ring_count(const struct serve *s)
{
	const struct list_node *n;
	uint32_t count = 0;

	list_for_each (n, &s->rings)
		count++;
	return count;
}

void serve_set_size(struct serve *s, uint64_t size_bytes)
{
	scsi_lun_set_size(s->lun, size_bytes);
}

void serve_refresh_ops(struct serve *s)
{
	scsi_lun_set_op_mask(s->lun, chain_op_mask(s->cfg.chain));
}

void serve_set_state(struct serve *s, enum sluice_status state)
{
	scsi_lun_set_state(s->lun, state);
}

int serve_admit(const struct serve *s, bool is_shared, struct err *err)
{
	struct list_node *n;
	bool is_live = false;

	if (MUTATE(RING_NO_GENERATION_FENCE))
		return 0;
	list_for_each (n, &s->rings) {
		const struct serve_ring *r = list_entry(n, struct serve_ring, node);

		if (r->is_draining)
			return err_set(
			    err, EAGAIN, "volume",
			    "volume %s: %u commands of its last ring are still being finished; try again",
			    s->cfg.volume, r->running_count);
		is_live = true;
	}
	if (is_live && !is_shared)
		return err_set(
		    err, EBUSY, "volume",
		    "volume %s is already served to another tgtd or LUN; take it away there, or make "
		    "the volume shared (reservations then do not reach across the two)",
		    s->cfg.volume);
	return 0;
}

/* ---------------------------------------------------------------- commands */

static struct serve_task *task_at(struct serve_ring *r, uint32_t slot)
{
	return (struct serve_task *)(r->tasks + (size_t)slot * r->task_bytes);
}

static void drained_msg(struct env_msg *m)
{
	struct serve_ring *r = m->ctx;

	r->drain_fn(r, r->drain_ctx);
}

/* By message, since the device server still looks at a task after its end(). */
static void drain_check(struct serve_ring *r)
{
	if (!r->drain_fn || r->running_count > 0 || r->is_drain_posted)
		return;
	r->is_drain_posted = true;
	r->drain_msg.fn = drained_msg;
	r->drain_msg.ctx = r;
	env_post(r->serve->cfg.env, &r->drain_msg);
}

static void task_end(struct scsi_task *t)
{
	struct serve_task *x = t->ctx;
	struct serve_ring *r = x->ring;
	struct ring_response rsp = {
	    .status = t->status,
	    .sense_bytes = t->sense_bytes,
	    .ua_others_asc = t->ua_others_asc,
	    .in_bytes = t->in_actual_bytes,
	    .out_used_bytes = t->out_used_bytes,
	};

	assert(t->sense_bytes <= sizeof(rsp.sense));
	memcpy(rsp.sense, t->sense, t->sense_bytes);
	list_del(&x->node);
	r->running_count--;
	ring_server_done(&r->server, x->slot, &rsp);
	drain_check(r);
}

static void take(void *ctx, const struct ring_cmd *cmd)
{
	struct serve_ring *r = ctx;
	struct serve_task *x = task_at(r, cmd->slot);
	struct scsi_task *t = &x->task;

	static_assert(SCSI_CDB_BYTES == RING_CDB_BYTES, "one CDB size");
	static_assert(SCSI_SENSE_BYTES == RING_SENSE_BYTES, "one sense size");
	memset(x, 0, r->task_bytes);
	x->ring = r;
	x->slot = cmd->slot;
	memcpy(t->cdb, cmd->cdb, sizeof(t->cdb));
	t->cdb_bytes = cmd->cdb_bytes;
	t->out_bytes = cmd->out_bytes;
	t->in_bytes = cmd->in_bytes;
	t->data_bytes = cmd->data_bytes;
	t->data = cmd->data;
	t->nexus_id = cmd->nexus_id;
	t->id = cmd->cmd_seq;
	t->is_compared = cmd->is_compared;
	t->progress = cmd->progress;
	t->end = task_end;
	t->ctx = x;
	list_push_back(&r->running, &x->node);
	r->running_count++;
	scsi_execute(r->serve->lun, t);
}

static void look_for_aborts(struct serve_ring *r)
{
	struct list_node *n, *tmp;

	/* scsi_abort() may end tasks, but only the one it was given leaves the list before it
	 * returns: whatever it lets run was on the list before. So start again after each. */
again:
	list_for_each_safe (n, tmp, &r->running) {
		struct serve_task *x = list_entry(n, struct serve_task, node);

		if (x->is_abort_sent || !ring_server_is_aborted(&r->server, x->slot))
			continue;
		x->is_abort_sent = true;
		r->aborts++;
		scsi_abort(r->serve->lun, &x->task);
		goto again;
	}
}

/* True when the ring must not be touched any more for new commands. */
static bool is_closed_for_new(struct serve_ring *r)
{
	if (r->server.is_broken && !r->is_broken_told) {
		r->is_broken_told = true;
		if (r->cfg.broken)
			r->cfg.broken(r, r->cfg.ctx, r->server.broken_text);
	}
	return r->server.is_broken || r->is_draining || !r->is_recovered;
}

/* ---------------------------------------------------------------- rings */

static void ring_free(struct serve_ring *r)
{
	free(r->tasks);
	free(r);
}

int serve_ring_prepare(struct serve *s, const struct serve_ring_cfg *cfg, struct serve_ring **out,
		       struct err *err)
{
	struct serve_ring *r = calloc(1, sizeof(*r));
	void *tasks = NULL;
	size_t bytes;
	int rc;

	if (!r)
		return err_set(err, ENOMEM, "", "volume %s: no memory for a ring", s->cfg.volume);
	r->serve = s;
	r->cfg = *cfg;
	list_init(&r->running);
	rc = ring_server_init(&r->server, s->cfg.env, cfg->base, cfg->size_bytes, cfg->wake,
			      cfg->incarnation, err);
	if (rc)
		goto free_ring;
	bytes = offsetof(struct serve_task, task) + scsi_task_bytes();
	r->task_bytes = (bytes + 63) / 64 * 64;
	if (posix_memalign(&tasks, 64, r->task_bytes * r->server.h.slot_count) != 0) {
		rc = err_set(err, ENOMEM, "", "volume %s: no memory for %u commands", s->cfg.volume,
			     r->server.h.slot_count);
		goto fini_server;
	}
	r->tasks = tasks;
	r->server.claims = &s->claims;
	list_push_back(&s->rings, &r->node);
	*out = r;
	return 0;
fini_server:
	ring_server_fini(&r->server);
free_ring:
	ring_free(r);
	return rc;
}

/* The ring whose next command was begun first; NULL: all are through. */
static struct serve_ring *recover_next(struct serve *s)
{
	struct serve_ring *first = NULL;
	uint64_t least = 0, claim;
	struct list_node *n;

	list_for_each (n, &s->rings) {
		struct serve_ring *r = list_entry(n, struct serve_ring, node);

		if (!r->is_recovering || !ring_server_recover_next(&r->server, &claim))
			continue;
		if (!first || claim < least) {
			first = r;
			least = claim;
		}
	}
	return first;
}

void serve_recover(struct serve *s)
{
	struct serve_ring *r;
	struct list_node *n;

	list_for_each (n, &s->rings) {
		r = list_entry(n, struct serve_ring, node);
		r->is_recovering = !r->is_recovered && !r->is_draining;
		if (r->is_recovering)
			ring_server_recover_begin(&r->server);
	}
	while ((r = recover_next(s)))
		ring_server_recover_take(&r->server, take, r);
	list_for_each (n, &s->rings) {
		r = list_entry(n, struct serve_ring, node);
		if (!r->is_recovering)
			continue;
		r->is_recovering = false;
		r->is_recovered = true;
		is_closed_for_new(r);
	}
}

int serve_ring_open(struct serve *s, const struct serve_ring_cfg *cfg, struct serve_ring **out,
		    struct err *err)
{
	int rc = serve_ring_prepare(s, cfg, out, err);

	if (rc == 0)
		serve_recover(s);
	return rc;
}

uint32_t serve_ring_poll(struct serve_ring *r, uint32_t budget)
{
	uint32_t taken;

	if (is_closed_for_new(r))
		return 0;
	taken = ring_server_poll(&r->server, budget, take, r);
	is_closed_for_new(r);
	return taken;
}

uint32_t serve_ring_rescan(struct serve_ring *r)
{
	uint32_t rescued;

	look_for_aborts(r);
	if (is_closed_for_new(r))
		return 0;
	rescued = ring_server_rescan(&r->server, take, r);
	is_closed_for_new(r);
	return rescued;
}

bool serve_ring_is_quiet(const struct serve_ring *r)
{
	return r->is_recovered && r->running_count == 0 && ring_server_is_quiet(&r->server);
}

void serve_ring_kick(struct serve_ring *r)
{
	ring_server_kick(&r->server);
}

bool serve_ring_before_sleep(struct serve_ring *r)
{
	return is_closed_for_new(r) ? false : ring_server_before_sleep(&r->server);
}

void serve_ring_awake(struct serve_ring *r)
{
	if (is_closed_for_new(r))
		return;
	ring_server_awake(&r->server);
	/* The client also rings for an abort, and then the queue may hold nothing. */
	look_for_aborts(r);
}

void serve_ring_drain(struct serve_ring *r, void (*fn)(struct serve_ring *r, void *ctx), void *ctx)
{
	assert(!r->drain_fn);
	r->is_draining = true;
	r->drain_fn = fn;
	r->drain_ctx = ctx;
	drain_check(r);
}

void serve_ring_close(struct serve_ring *r)
{
	assert(r->is_draining && r->running_count == 0);
	ring_server_kick(&r->server);
	list_del(&r->node);
	ring_server_fini(&r->server);
	ring_free(r);
}

void serve_ring_info(const struct serve_ring *r, struct serve_ring_info *out)
{
	*out = (struct serve_ring_info){
	    .generation = r->server.h.generation,
	    .slot_count = r->server.h.slot_count,
	    .in_flight = r->running_count,
	    .commands = r->server.commands,
	    .rescues = r->server.rescues,
	    .aborts = r->aborts,
	    .is_draining = r->is_draining,
	    .is_broken = r->server.is_broken,
	};
}
