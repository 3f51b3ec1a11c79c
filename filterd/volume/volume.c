/* SPDX-License-Identifier: MIT */
/*
 * volume.c - a volume's life: made, and opened step by step; volume_close.c is the way back.
 *
 *   backend (waits for its lock) -> chain, held -> filters, one by one -> event START -> chain
 *   released -> device server -> peers
 *
 * Thread: owner worker.
 */
#include "volume.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "volume_int.h"

#define NS_PER_MS 1000000ull

/* ---------------------------------------------------------------- make */

int volume_create(const struct volume_cfg *cfg, struct volume **out, struct err *err)
{
	const struct backend_ops *type =
	    cfg->has_layers ? &backend_layers : backend_find(cfg->type);
	struct volume *v;

	if (!type)
		return err_set(err, EINVAL, "type", "there is no backend '%s'", cfg->type);
	v = calloc(1, sizeof(*v));
	if (!v)
		return err_set(err, ENOMEM, "", "no memory for volume %s", cfg->plan->name);
	v->env = cfg->env;
	v->plan = plan_volume_copy(cfg->plan);
	v->image_path = strdup(cfg->image_path);
	v->groups_path = strdup(cfg->groups_path ? cfg->groups_path : "");
	v->has_layers = cfg->has_layers;
	if (!v->plan || !v->image_path || !v->groups_path) {
		volume_destroy(v);
		return err_set(err, ENOMEM, "", "no memory for volume %s", cfg->plan->name);
	}
	v->type = type;
	v->is_buffered = cfg->is_buffered;
	v->host = cfg->host;
	volume_host_init(v);
	v->groups = cfg->groups;
	v->blame = cfg->blame;
	v->incarnation = cfg->incarnation;
	v->rings_expected = cfg->rings_expected;
	if (cfg->host->peers)
		peers_port_init(&v->port, cfg->host->peers, cfg->env);
	*out = v;
	return 0;
}

void volume_destroy(struct volume *v)
{
	if (!v)
		return;
	assert(!v->backend && !v->chain && !v->serve && v->request == REQUEST_NONE);
	if (v->plan)
		plan_volume_free(v->plan);
	free(v->image_path);
	free(v->groups_path);
	free(v);
}

struct backend_cfg volume_backend_cfg(const struct volume *v)
{
	return (struct backend_cfg){
	    .path = v->image_path,
	    .size_bytes = v->plan->size_bytes,
	    .block_bytes = v->plan->block_bytes,
	    .write_cache = v->plan->write_cache,
	    .is_buffered = v->is_buffered,
	    .is_readonly = v->plan->is_readonly,
	    .snapshot = v->plan->shows.volume[0] ? v->plan->shows.snapshot : NULL,
	    .groups_path = v->groups_path,
	};
}

int volume_check_place(const struct volume *v, struct err *err)
{
	return v->host->check_place ? v->host->check_place(v->host->ctx, err) : 0;
}

int volume_make_image(struct volume *v, bool is_full, struct err *err)
{
	struct backend_cfg cfg = volume_backend_cfg(v);
	int rc;

	if (!v->type->create)
		return 0;
	v->host->blocking(v->host->ctx, true);
	rc = volume_check_place(v, err);
	if (rc == 0)
		rc = v->type->create(v->env, &cfg, is_full, err);
	v->host->blocking(v->host->ctx, false);
	return rc;
}

/* ---------------------------------------------------------------- requests and state */

bool volume_begin(struct volume *v, enum volume_request request, volume_done_fn fn, void *ctx)
{
	struct err err;

	if (v->request != REQUEST_NONE) {
		err_set(&err, EBUSY, "name",
			"volume %s: another request is under way; try again when it has ended",
			v->plan->name);
		fn(ctx, -EBUSY, &err);
		return false;
	}
	v->request = request;
	v->done = fn;
	v->done_ctx = ctx;
	return true;
}

/* The request may be answered before it has ended (an open that waits for a lock, a change
 * that is to be noted). */
void volume_answer(struct volume *v, int result, const struct err *err)
{
	static const struct err none;
	volume_done_fn fn = v->done;

	v->done = NULL;
	if (fn)
		fn(v->done_ctx, result, err ? err : &none);
}

void volume_end(struct volume *v, int result, const struct err *err)
{
	bool must_close = v->is_close_wanted;

	ROLE_KNOWN(role_worker);
	v->request = REQUEST_NONE;
	v->is_close_wanted = false;
	plan_filter_fini(&v->filter);
	volume_answer(v, result, err);
	if (must_close)
		volume_close(v, v->closing_done, v->closing_ctx);
}

void volume_set_state(struct volume *v, enum volume_state state, const char *reason)
{
	v->state = state;
	snprintf(v->reason, sizeof(v->reason), "%s", reason);
	v->host->changed(v->host->ctx, v);
}

/* ---------------------------------------------------------------- open */

static void open_failed(struct volume *v, const struct err *err)
{
	v->open_err = *err;
	if (v->open_err.code == 0)
		v->open_err.code = EIO;
	volume_take_down(v);
}

static void join_peers(struct volume *v)
{
	if (!v->host->peers)
		return;
	v->entry.env = v->env;
	v->entry.lun = serve_lun(v->serve);
	v->entry.size_bytes = v->plan->size_bytes;
	v->entry.block_bytes = v->plan->block_bytes;
	scsi_naa_from_uuid(v->plan->uuid, v->entry.naa);
	peers_add(v->host->peers, &v->entry);
	v->is_in_peers = true;
}

static void started(void *ctx, int result, const struct err *chain_err)
{
	struct volume *v = ctx;
	struct serve_cfg cfg = {
	    .env = v->env,
	    .chain = v->chain,
	    .volume = v->plan->name,
	    .block_bytes = v->plan->block_bytes,
	    .max_ios = VOLUME_MAX_IOS,
	    .is_wce = v->plan->write_cache == WRITE_CACHE_VOLATILE,
	    .is_readonly = v->plan->is_readonly,
	    .peers = v->host->peers ? &v->port.serve : NULL,
	    .provisioning = v->host->provisioning,
	    .provisioning_ctx = v->host->ctx,
	};
	struct err err = {0};

	if (result) {
		open_failed(v, chain_err);
		return;
	}
	chain_release(v->chain);
	memcpy(cfg.uuid, v->plan->uuid, sizeof(cfg.uuid));
	if (serve_create(&cfg, &v->serve, &err) < 0) {
		open_failed(v, &err);
		return;
	}
	serve_set_state(v->serve, v->ready);
	join_peers(v);
	if (v->host->notes_changes)
		chain_hold_changes(v->chain);
	log_info("volume %s: serving %llu bytes, %u filters, write cache %s", v->plan->name,
		 (unsigned long long)v->plan->size_bytes, chain_filter_count(v->chain),
		 v->plan->write_cache == WRITE_CACHE_VOLATILE ? "volatile" : "durable");
	volume_set_state(v, VOLUME_SERVING, "");
	volume_end(v, 0, NULL);
}

static void attach_next(struct volume *v);

static uint32_t position_of(const struct volume *v, const struct plan_filter *f)
{
	const struct sluice_filter_ops *ops = v->host->find_filter(v->host->ctx, f->name);
	struct chain_filter_cfg cfg = {.position = 0};

	if (ops)
		plan_filter_cfg(f, ops, &cfg);
	return cfg.position;
}

/* From the bottom up: what a filter stands on is there before it. So one that must know what is
 * below it (replication, whether that encrypts) need not wait for the others. */
static const struct plan_filter *next_filter(const struct volume *v)
{
	const struct plan_filter *filters = v->plan->filters;

	for (uint32_t i = 0; i < v->plan->filter_count; i++) {
		uint32_t at = position_of(v, &filters[i]), before = 0;

		for (uint32_t k = 0; k < v->plan->filter_count; k++) {
			uint32_t other = position_of(v, &filters[k]);

			before += other > at || (other == at && k < i);
		}
		if (before == v->filters_attached)
			return &filters[i];
	}
	return NULL;
}

static void attached(void *ctx, int result, const struct err *chain_err)
{
	struct volume *v = ctx;
	struct err err;

	if (result) {
		err = *chain_err;
		err_prefix(&err, "filter %s", next_filter(v)->name);
		open_failed(v, &err);
		return;
	}
	v->filters_attached++;
	attach_next(v);
}

static void attach_next(struct volume *v)
{
	static const struct sluice_event start = {.kind = SLUICE_EVENT_START};
	const struct plan_filter *f = next_filter(v);
	const struct sluice_filter_ops *ops;
	struct chain_filter_cfg cfg;
	struct err err;

	if (!f) {
		if (volume_check_sealed(v, &err) < 0) {
			open_failed(v, &err);
			return;
		}
		chain_event(v->chain, &start, started, v);
		return;
	}
	ops = v->host->find_filter(v->host->ctx, f->name);
	if (!ops) {
		err_set(&err, ENOENT, "filter",
			"filter %s is not loaded; install its package and restart", f->name);
		open_failed(v, &err);
		return;
	}
	plan_filter_cfg(f, ops, &cfg);
	chain_attach(v->chain, &cfg, attached, v);
}

/* Held until all filters are there: what one of them begins in its attach() (recovery of a log)
 * must not make the next one's wait. */
static void held_for_filters(void *ctx, int result, const struct err *err)
{
	struct volume *v = ctx;

	if (result)
		open_failed(v, err);
	else
		attach_next(v);
}

static void make_chain(struct volume *v)
{
	struct chain_cfg cfg = {
	    .env = v->env,
	    .groups = v->groups,
	    .backend = v->backend,
	    .volume = v->plan->name,
	    .is_durable = v->plan->write_cache != WRITE_CACHE_VOLATILE,
	    .block_bytes = v->plan->block_bytes,
	    .max_ios = VOLUME_MAX_IOS,
	    .host = &v->chain_host,
	    .blame = v->blame,
	};
	struct err err = {0};

	memcpy(cfg.uuid, v->plan->uuid, sizeof(cfg.uuid));
	v->plan->size_bytes = v->backend->size_bytes;
	v->filters_attached = 0;
	v->ready = SLUICE_OK;
	if (chain_create(&cfg, &v->chain, &err) < 0) {
		open_failed(v, &err);
		return;
	}
	volume_turns_begin(v);
	chain_drain(v->chain, held_for_filters, v);
}

static void wait_for_lock(struct volume *v, struct err *err)
{
	uint64_t now_ns = env_now_exact_ns(v->env);

	if (v->lock_since_ns == 0) {
		v->lock_since_ns = now_ns;
		log_warn("volume %s: its image is still locked by another process; waiting for it",
			 v->plan->name);
		volume_set_state(v, VOLUME_OPENING, err->text);
	}
	if (v->done && now_ns - v->lock_since_ns >= VOLUME_LOCK_ANSWER_MS * NS_PER_MS) {
		err_prefix(err, "volume %s waits for its image", v->plan->name);
		volume_answer(v, -EAGAIN, err);
	}
	env_timer_set(v->env, &v->lock_timer, now_ns + VOLUME_LOCK_RETRY_MS * NS_PER_MS);
}

static void open_try(struct volume *v)
{
	struct backend_cfg cfg = volume_backend_cfg(v);
	struct err err = {0};
	int rc;

	v->host->blocking(v->host->ctx, true);
	rc = volume_check_place(v, &err);
	if (rc == 0)
		rc = v->type->open(v->env, &cfg, &v->backend, &err);
	v->host->blocking(v->host->ctx, false);
	if (rc == -EAGAIN) {
		wait_for_lock(v, &err);
		return;
	}
	v->lock_since_ns = 0;
	if (rc)
		open_failed(v, &err);
	else
		make_chain(v);
}

static void lock_timer_fired(struct env_timer *t)
{
	open_try(t->ctx);
}

void volume_open(struct volume *v, volume_done_fn fn, void *ctx)
{
	if (!volume_begin(v, REQUEST_OPEN, fn, ctx))
		return;
	if (v->state == VOLUME_SERVING) {
		volume_end(v, 0, NULL);
		return;
	}
	v->lock_since_ns = 0;
	v->lock_timer.fn = lock_timer_fired;
	v->lock_timer.ctx = v;
	volume_set_state(v, VOLUME_OPENING, "");
	open_try(v);
}

void volume_quarantine(struct volume *v, const char *filter, const char *reason)
{
	assert(v->state == VOLUME_CLOSED);
	log_error("volume %s: quarantined because of filter %s: %s", v->plan->name, filter, reason);
	v->host->event(v->host->ctx, v->plan->name, filter, "volume_quarantined", reason);
	volume_set_state(v, VOLUME_QUARANTINED, reason);
}
