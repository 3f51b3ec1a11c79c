/* SPDX-License-Identifier: MIT */
/*
 * volume_ops.c - changes to a volume that serves: size, filters, flush; and its small questions.
 *
 * Thread: owner worker.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "log.h"
#include "volume_int.h"

static bool begin_serving(struct volume *v, enum volume_request request, volume_done_fn fn,
			  void *ctx)
{
	struct err err;

	if (!volume_begin(v, request, fn, ctx))
		return false;
	if (v->state == VOLUME_SERVING)
		return true;
	err_set(&err, ENOTCONN, "name", "volume %s is %s, not serving; open it first",
		v->plan->name, volume_state_word(v->state));
	volume_end(v, -ENOTCONN, &err);
	return false;
}

/* ---------------------------------------------------------------- grow */

/* Initiators may see the new size. */
static void grow_confirm(struct volume *v)
{
	v->plan->size_bytes = v->grow_bytes;
	serve_set_size(v->serve, v->grow_bytes);
	if (v->is_in_peers)
		peers_set_size(&v->entry, v->grow_bytes);
	log_info("volume %s: grown to %llu bytes", v->plan->name,
		 (unsigned long long)v->grow_bytes);
	v->host->changed(v->host->ctx, v);
}

static void confirm(struct volume *v)
{
	v->is_unconfirmed = false;
	if (v->request == REQUEST_REVERT) {
		volume_revert_confirm(v); /* it ends when I/O goes on */
		return;
	}
	if (v->request == REQUEST_GROW)
		grow_confirm(v);
	else
		chain_release(v->chain);
	volume_end(v, 0, NULL);
}

void volume_confirm(struct volume *v)
{
	if (v->is_unconfirmed) /* else there was nothing to change */
		confirm(v);
}

static void change_made(struct volume *v)
{
	if (!v->host->notes_changes) {
		confirm(v);
		return;
	}
	v->is_unconfirmed = true;
	volume_answer(v, 0, NULL);
}

static void grown(void *ctx, int result, const struct err *err)
{
	struct volume *v = ctx;

	if (result)
		volume_end(v, result, err);
	else
		change_made(v);
}

void volume_grow(struct volume *v, uint64_t new_size_bytes, volume_done_fn fn, void *ctx)
{
	unsigned long long now = v->plan->size_bytes, wanted = new_size_bytes;
	struct err err;
	int rc = 0;

	if (!begin_serving(v, REQUEST_GROW, fn, ctx))
		return;
	if (wanted % v->plan->block_bytes)
		rc = err_set(&err, EINVAL, "size_bytes",
			     "volume %s: %llu bytes is no multiple of %u", v->plan->name, wanted,
			     v->plan->block_bytes);
	else if (wanted < now)
		rc = err_set(&err, EINVAL, "size_bytes",
			     "volume %s has %llu bytes; it can grow, not shrink to %llu",
			     v->plan->name, now, wanted);
	if (rc || wanted == now) {
		volume_end(v, rc, rc ? &err : NULL);
		return;
	}
	v->grow_bytes = new_size_bytes;
	chain_grow(v->chain, new_size_bytes, grown, v);
}

/* ---------------------------------------------------------------- flush */

static void flush_ended(struct sluice_io *io)
{
	struct volume *v = chain_io_owner(io);
	unsigned status = io->status;
	struct err err;
	int rc = 0;

	chain_io_put(v->chain, io);
	scsi_lun_io_available(serve_lun(v->serve));
	if (status != SLUICE_OK)
		rc = err_set(&err, EIO, "", "volume %s: the flush failed (status %u)%s%s",
			     v->plan->name, status, v->backend->is_failed ? ": " : "",
			     v->backend->is_failed ? v->backend->failed_text : "");
	volume_end(v, rc, rc ? &err : NULL);
}

static void filters_flushed(void *ctx, int result, const struct err *err)
{
	struct volume *v = ctx;
	struct sluice_io *io = result ? NULL : chain_io_get(v->chain);
	struct err busy;

	if (result) {
		volume_end(v, result, err);
		return;
	}
	if (!io) {
		err_set(&busy, EAGAIN, "", "volume %s is too busy for a flush now; try again",
			v->plan->name);
		volume_end(v, -EAGAIN, &busy);
		return;
	}
	io->op = SLUICE_OP_FLUSH;
	io->offset_bytes = 0;
	io->len_bytes = 0;
	io->buf = NULL;
	chain_submit(v->chain, io, flush_ended, v);
}

void volume_flush(struct volume *v, volume_done_fn fn, void *ctx)
{
	static const struct sluice_event flush = {.kind = SLUICE_EVENT_FLUSH};

	if (begin_serving(v, REQUEST_FLUSH, fn, ctx))
		chain_event(v->chain, &flush, filters_flushed, v);
}

/* ---------------------------------------------------------------- filters */

static void filter_changed(void *ctx, int result, const struct err *err)
{
	struct volume *v = ctx;
	struct err plan_err;

	if (result) {
		volume_end(v, result, err);
		return;
	}
	if (v->request == REQUEST_DETACH)
		plan_drop_filter(v->plan, v->filter_name);
	else if (plan_put_filter(v->plan, &v->filter, &plan_err) < 0)
		log_error("volume %s, filter %s: %s", v->plan->name, v->filter_name, plan_err.text);
	serve_refresh_ops(v->serve);
	log_info("volume %s: filter %s %s", v->plan->name, v->filter_name,
		 v->request == REQUEST_DETACH   ? "detached"
		 : v->request == REQUEST_ATTACH ? "attached"
						: "reconfigured");
	v->host->changed(v->host->ctx, v);
	change_made(v);
}

static bool is_not_open(const struct volume *v)
{
	return v->state == VOLUME_CLOSED || v->state == VOLUME_FAILED ||
	       v->state == VOLUME_QUARANTINED;
}

/*
 * The way out for a volume that its filter does not let open, or that it would crash again. Not for
 * a filter that is not transparent: the next open would serve older data than the cache has, or
 * write what should be encrypted.
 */
static void drop_from_plan(struct volume *v, const char *name, volume_done_fn fn, void *ctx)
{
	const struct sluice_filter_ops *ops = v->host->find_filter(v->host->ctx, name);
	struct err err;

	if (!volume_begin(v, REQUEST_DETACH, fn, ctx))
		return;
	if (ops ? !(ops->flags & SLUICE_FILTER_TRANSPARENT) : volume_is_sealed_by(v, name)) {
		err_set(&err, ENOTCONN, "filter",
			"volume %s is %s; without filter %s its data would be lost or revealed, so "
			"open the volume first: then the filter is asked",
			v->plan->name, volume_state_word(v->state), name);
		volume_end(v, -ENOTCONN, &err);
		return;
	}
	plan_drop_filter(v->plan, name);
	log_info("volume %s: filter %s taken out; the next open is without it", v->plan->name,
		 name);
	volume_end(v, 0, NULL);
}

/* The way back for one whose plan has lost the filter that has its data, or has values of it with
 * which it does not open. */
static void put_in_plan(struct volume *v, enum volume_request request, const struct plan_filter *f,
			volume_done_fn fn, void *ctx)
{
	struct err err;
	int rc;

	if (!volume_begin(v, request, fn, ctx))
		return;
	rc = plan_put_filter(v->plan, f, &err);
	log_info("volume %s: filter %s noted; the next open is with it", v->plan->name, f->name);
	volume_end(v, rc, rc ? &err : NULL);
}

static void change_filter(struct volume *v, enum volume_request request, const char *name,
			  const struct plan_filter *f, volume_done_fn fn, void *ctx)
{
	const struct sluice_filter_ops *ops;
	struct chain_filter_cfg cfg;
	struct err err;
	bool has = plan_find_filter(v->plan, name) != NULL;
	int rc = 0;

	if (request == REQUEST_DETACH && has && is_not_open(v)) {
		drop_from_plan(v, name, fn, ctx);
		return;
	}
	if (f && has == (request == REQUEST_SET) && is_not_open(v) &&
	    volume_is_sealed_by(v, name)) {
		put_in_plan(v, request, f, fn, ctx);
		return;
	}
	if (!begin_serving(v, request, fn, ctx))
		return;
	snprintf(v->filter_name, sizeof(v->filter_name), "%s", name);
	ops = v->host->find_filter(v->host->ctx, name);
	if (request == REQUEST_ATTACH && has)
		rc = err_set(&err, EEXIST, "filter",
			     "volume %s has filter %s already; change it with 'filter set'",
			     v->plan->name, name);
	else if (request != REQUEST_ATTACH && !has)
		rc = err_set(&err, ENOENT, "filter", "volume %s has no filter %s", v->plan->name,
			     name);
	else if (!ops)
		rc = err_set(&err, ENOENT, "filter",
			     "filter %s is not loaded; 'filters' lists what there is", name);
	else if (f && plan_filter_copy(&v->filter, f) < 0)
		rc = err_set(&err, ENOMEM, "", "no memory");
	if (rc) {
		volume_end(v, rc, &err);
		return;
	}
	if (request == REQUEST_DETACH) {
		chain_detach(v->chain, name, filter_changed, v);
		return;
	}
	plan_filter_cfg(&v->filter, ops, &cfg);
	if (request == REQUEST_ATTACH)
		chain_attach(v->chain, &cfg, filter_changed, v);
	else
		chain_reconfigure(v->chain, &cfg, filter_changed, v);
}

void volume_attach(struct volume *v, const struct plan_filter *f, volume_done_fn fn, void *ctx)
{
	change_filter(v, REQUEST_ATTACH, f->name, f, fn, ctx);
}

void volume_detach(struct volume *v, const char *filter, volume_done_fn fn, void *ctx)
{
	change_filter(v, REQUEST_DETACH, filter, NULL, fn, ctx);
}

void volume_set(struct volume *v, const struct plan_filter *f, volume_done_fn fn, void *ctx)
{
	change_filter(v, REQUEST_SET, f->name, f, fn, ctx);
}

/* ---------------------------------------------------------------- questions */

struct serve *volume_serve(struct volume *v)
{
	return v->serve;
}

uint64_t volume_incarnation(const struct volume *v)
{
	return v->incarnation;
}

enum volume_state volume_state(const struct volume *v)
{
	return v->state;
}

const char *volume_request_word(const struct volume *v)
{
	static const char *const words[] = {"",       "open",   "close", "grow",     "flush",
					    "attach", "detach", "set",   "transfer", "snapshot",
					    "revert", "clone",  "layers"};

	return (size_t)v->request < sizeof(words) / sizeof(words[0]) ? words[v->request] : "?";
}

const char *volume_state_word(enum volume_state state)
{
	static const char *const words[] = {"closed",   "opening", "serving",
					    "draining", "failed",  "quarantined"};

	return (size_t)state < sizeof(words) / sizeof(words[0]) ? words[state] : "?";
}

const char *volume_reason(const struct volume *v)
{
	return v->reason;
}

uint64_t volume_size_bytes(const struct volume *v)
{
	return v->plan->size_bytes;
}

const struct plan_volume *volume_plan(const struct volume *v)
{
	return v->plan;
}
