/* SPDX-License-Identifier: MIT */
/*
 * chain.c - making and ending a chain, and the doors of its I/O: get, submit, abort, put.
 *
 * Thread: owner worker. chain_create() runs on it too: that is how a token knows its owner.
 */
#include "chain.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "chain_int.h"
#include "control.h"

static void chain_free(struct chain *c)
{
	pool_destroy(c);
	buf_pool_free(c->bufs);
	if (c->link)
		report_link_close(c->link);
	if (c->owns_groups)
		groups_free(c->groups);
	free(c->volume);
	free(c);
}

/* For filters of this one volume. */
static int own_groups(struct chain *c, struct err *err)
{
	struct groups_cfg cfg = {
	    .env = c->env, .datastore = "", .report = c->host.report, .ctx = c->host.ctx};
	int r = groups_create(&cfg, &c->groups, err);

	c->owns_groups = r == 0;
	return r;
}

static int chain_init(struct chain *c, const struct chain_cfg *cfg, struct err *err)
{
	int r;

	c->env = cfg->env;
	c->groups = cfg->groups;
	c->backend = cfg->backend;
	c->blame = cfg->blame;
	if (cfg->host)
		c->host = *cfg->host;
	memcpy(c->uuid, cfg->uuid, sizeof(c->uuid));
	c->is_durable = cfg->is_durable;
	c->block_bytes = cfg->block_bytes;
	c->size_bytes = cfg->backend->size_bytes;
	c->op_mask = cfg->backend->ops->op_mask;
	c->owner_mark = token_owner_mark();
	c->next_id = 1;
	list_init(&c->run);
	list_init(&c->waiting);
	list_init(&c->deferred);
	list_init(&c->control);
	list_init(&c->free_ios);
	list_init(&c->ready_node);
	list_init(&c->leaving);
	c->control_msg = (struct env_msg){.fn = control_msg, .ctx = c};
	c->deadline_timer = (struct env_timer){.fn = deadline_tick, .ctx = c};
	c->volume = strdup(cfg->volume);
	c->bufs = buf_pool_new();
	c->link = report_link_new(c, NULL);
	if (!c->volume || !c->bufs || !c->link)
		return err_set(err, ENOMEM, NULL, "no memory for the chain of volume '%s'",
			       cfg->volume);
	r = c->groups ? 0 : own_groups(c, err);
	return r < 0 ? r : pool_create(c, cfg->max_ios, err);
}

int chain_create(const struct chain_cfg *cfg, struct chain **out, struct err *err)
{
	struct chain *c;
	int r;

	sdk_link();
	sdk_key_link();
	sdk_file_link();
	sdk_link_link();
	sdk_neighbours_link();
	sdk_companion_link();
	sdk_seal_link();
	sdk_snapshot_link();
	if (cfg->max_ios == 0)
		return err_set(err, EINVAL, "max_ios",
			       "a chain needs room for at least 1 I/O, not 0");
	c = calloc(1, sizeof(*c));
	if (!c)
		return err_set(err, ENOMEM, NULL, "no memory for the chain of volume '%s'",
			       cfg->volume);
	r = chain_init(c, cfg, err);
	if (r < 0) {
		chain_free(c);
		return r;
	}
	*out = c;
	return 0;
}

void chain_destroy(struct chain *c)
{
	assert(c->filter_count == 0 && list_is_empty(&c->leaving));
	assert(c->in_flight == 0 && c->works == 0 && c->depth == 0);
	assert(list_is_empty(&c->ready_node) && !c->turn.user);
	assert(list_is_empty(&c->waiting) && list_is_empty(&c->control) && !c->is_control_posted);
	env_timer_cancel(c->env, &c->deadline_timer);
	env_timer_cancel(c->env, &c->drain_timer);
	chain_free(c);
}

/* ---------------------------------------------------------------- I/O */

void chain_submit(struct chain *c, struct sluice_io *io, void (*fn)(struct sluice_io *io),
		  void *ctx)
{
	struct chain_io *cio = chain_io_of(io);

	assert(cio->stage == STAGE_IDLE);
	cio->fn = fn;
	cio->ctx = ctx;
	cio->top = 0;
	io->status = SLUICE_OK;
	io->id = c->next_id++;
	io->start_ns = env_now_ns(c->env);
	if (unlikely(c->state != CHAIN_OPEN)) {
		cio->stage = STAGE_WAITING;
		list_push_back(&c->waiting, &cio->node);
		return;
	}
	walk_start(cio);
}

void *chain_io_owner(const struct sluice_io *io)
{
	return chain_io_of(io)->ctx;
}

static void abort_waiting(struct chain *c, struct chain_io *cio)
{
	list_del(&cio->node);
	c->in_flight++;
	cio->io.status = SLUICE_ERR_ABORTED;
	cio->entered = cio->swapped = 0;
	cio->level = cio->top;
	cio->stage = STAGE_UP;
	walk_queue(cio);
}

void chain_abort(struct chain *c, struct sluice_io *io)
{
	struct chain_io *cio = chain_io_of(io);
	struct sluice_filter *f;

	if (cio->stage == STAGE_FREE || cio->stage == STAGE_IDLE)
		return;
	io->flags |= SLUICE_IO_ABORTED;
	if (cio->stage == STAGE_WAITING) {
		abort_waiting(c, cio);
		return;
	}
	if (!token_is_held(cio))
		return;
	f = c->filters[cio->level];
	if (!f->ops->abort)
		return;
	walk_enter(c);
	blame_begin(f);
	f->ops->abort(f, io);
	blame_end(f);
	walk_leave(c);
}

uint32_t chain_op_mask(const struct chain *c)
{
	return c->op_mask;
}

uint64_t chain_size_bytes(const struct chain *c)
{
	return c->size_bytes;
}

uint32_t chain_in_flight(const struct chain *c)
{
	return c->in_flight;
}
