/* SPDX-License-Identifier: MIT */
/* instance_boot.c - from a start to serving: backend, chain, filters, serve; and filters that come
 * and go. */
#include <errno.h>
#include <string.h>

#include "instance_int.h"
#include "sim_filters.h"

#define RETRY_NS (10 * MS)

static void attach_next(struct instance *i);

static void report(void *ctx, const char *filter, const char *kind, const char *text)
{
	struct instance *i = ctx;

	/* A datastore that stalls is no reason to call a filter hung: these hold nothing while it
	 * does. */
	world_fail(i->w, "the chain reports of %s: %s: %s", filter, kind, text);
}

static void prepare(struct instance *i, struct backend_cfg *cfg)
{
	const struct options *o = &i->w->opt;

	*cfg = (struct backend_cfg){
	    .path = "volume",
	    .size_bytes = (uint64_t)o->block_count * o->block_bytes,
	    .block_bytes = o->block_bytes,
	    .write_cache = o->is_volatile ? WRITE_CACHE_VOLATILE : WRITE_CACHE_DURABLE,
	    .is_buffered = o->is_buffered,
	};
}

static void make_chain(struct instance *i)
{
	static struct chain_host host;
	struct chain_cfg cfg = {
	    .env = &i->env.env,
	    .backend = i->backend,
	    .volume = "volume",
	    .block_bytes = i->w->opt.block_bytes,
	    .max_ios = i->w->opt.max_ios,
	    .host = &host,
	};
	struct err err = {0};

	host = (struct chain_host){.report = report, .ctx = i};
	if (chain_create(&cfg, &i->chain, &err))
		world_fail(i->w, "the chain cannot be made: %s", err.text);
	attach_next(i);
}

static void open_backend(struct instance *i)
{
	struct backend_cfg cfg;
	struct err err = {0};
	int rc;

	prepare(i, &cfg);
	if (i->is_first && backend_dir.create(&i->env.env, &cfg, false, &err))
		world_fail(i->w, "the image cannot be made: %s", err.text);
	i->is_first = false;
	rc = backend_dir.open(&i->env.env, &cfg, &i->backend, &err);
	if (rc == -EAGAIN) { /* I10: the last one still has it */
		env_timer_set(&i->env.env, &i->retry, i->w->now_ns + RETRY_NS);
		return;
	}
	if (rc)
		world_fail(i->w, "the image cannot be opened: %s", err.text);
	make_chain(i);
}

static void retry_fired(struct env_timer *t)
{
	open_backend(t->ctx);
}

/* ---------------------------------------------------------------- filters */

static void change_done(void *ctx, int result, const struct err *err)
{
	struct instance *i = ctx;

	/* A datastore that stalls does not let the chain drain; then everything is as before. */
	if (result && result != -ETIMEDOUT)
		world_fail(i->w, "a filter cannot be changed under I/O: %s", err->text);
	if (!result)
		i->has_extra = !i->has_extra;
	env_timer_set(&i->env.env, &i->change, i->w->now_ns + world_delay(i->w, 100 * US, 10 * MS));
}

static void change_fired(struct env_timer *t)
{
	struct instance *i = t->ctx;
	const struct sluice_filter_ops *ops = &sim_filters[SIM_FILTERS - 1];
	struct chain_filter_cfg cfg = {.ops = ops, .position = (uint32_t)ops->cls};

	world_trace(i->w, "host: %s a filter", i->has_extra ? "detaches" : "attaches");
	if (i->has_extra)
		chain_detach(i->chain, ops->name, change_done, i);
	else
		chain_attach(i->chain, &cfg, change_done, i);
}

static void serve(struct instance *i)
{
	struct serve_cfg cfg = {
	    .env = &i->env.env,
	    .chain = i->chain,
	    .volume = "volume",
	    .block_bytes = i->w->opt.block_bytes,
	    .max_ios = i->w->opt.max_ios,
	    .is_wce = i->w->opt.is_volatile,
	};
	struct err err = {0};

	memcpy(cfg.uuid, host_uuid, sizeof(cfg.uuid));
	if (serve_create(&cfg, &i->serve, &err))
		world_fail(i->w, "the volume cannot serve: %s", err.text);
	world_trace(i->w, "host: incarnation %llu is up", (unsigned long long)i->incarnation);
	if (i->w->opt.has_reconfigurations) {
		i->change = (struct env_timer){.fn = change_fired, .ctx = i};
		env_timer_set(&i->env.env, &i->change, i->w->now_ns + MS);
	}
	env_sim_wake(&i->env);
}

static void attached(void *ctx, int result, const struct err *err)
{
	struct instance *i = ctx;

	if (result)
		world_fail(i->w, "a filter cannot be attached: %s", err->text);
	i->attached++;
	attach_next(i);
}

static void attach_next(struct instance *i)
{
	const struct sluice_filter_ops *ops = &sim_filters[i->attached];
	struct chain_filter_cfg cfg = {.ops = ops, .position = (uint32_t)ops->cls};

	if (i->attached == i->w->opt.filter_count)
		serve(i);
	else
		chain_attach(i->chain, &cfg, attached, i);
}

void instance_boot(struct instance *i)
{
	i->retry = (struct env_timer){.fn = retry_fired, .ctx = i};
	open_backend(i);
}
