/* SPDX-License-Identifier: MIT */
/*
 * wblog_open.c - opening log and journal, and the switch from passing through to write-back.
 *
 *   wblog_open -> [journal -> replay ->] log -> ready: switch, serve, or clear
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>

#include "mode.h"
#include "own.h"
#include "request.h"
#include "volume.h"
#include "wblog_int.h"

#define CHECKPOINT_MAX_BYTES (512ull << 20)

void wblog_not_made(struct volume *v, const char *why)
{
	char text[256];

	snprintf(text, sizeof(text), "there is no log yet, and writes pass through: %.200s", why);
	if (strcmp(text, v->state_text) != 0)
		sluice_report(v->f, "cache_flash_failed", "%s", text);
	wblog_close(v, false);
	volume_set_state(v, VOLUME_PREPARING, text);
	wblog_later(v, WBLOG_RETRY_NS);
}

/* ---------------------------------------------------------------- the switch */

static void serve(struct volume *v)
{
	v->wblog.record.has_journal = v->wblog.journal != NULL;
	if (wblog_note(v, WBLOG_ACTIVE) < 0) {
		wblog_not_made(v, "its state cannot be noted on the datastore");
		return;
	}
	volume_set_state(v, VOLUME_SERVING, NULL);
}

static void flushed_below(struct sluice_own_io *own)
{
	struct volume *v = own->ctx;

	own_pump(v);
	if (own->status == SLUICE_OK)
		serve(v);
	else
		wblog_not_made(v, "the datastore cannot be flushed");
}

/* What has passed through counts as persistent after a FLUSH of the log; so it has to be. */
static void flush_below(struct volume *v)
{
	struct sluice_own_io *own = &v->wblog.flush;

	*own = (struct sluice_own_io){
	    .op = SLUICE_OP_FLUSH, .flags = SLUICE_IO_URGENT, .fn = flushed_below, .ctx = v};
	own_go(v, own);
}

void wblog_continue(struct volume *v)
{
	if (v->state != VOLUME_PREPARING || !v->wblog.is_readable || v->settle.is_on ||
	    v->is_draining)
		return;
	volume_set_state(v, VOLUME_SWITCHING, NULL);
	if (v->passing == 0)
		flush_below(v);
}

void wblog_passing_ended(struct volume *v)
{
	if (v->state == VOLUME_SWITCHING && v->passing == 0)
		flush_below(v);
}

/* ---------------------------------------------------------------- the log */

static void ready(struct volume *v)
{
	struct wblog *w = &v->wblog;

	w->is_readable = true;
	w->is_unknown = w->is_failed = false;
	w->waits_since_ns = 0;
	if (v->state == VOLUME_PREPARING) {
		wblog_continue(v);
		return;
	}
	ram_invalidate_all(v->ram);
	if (v->mode->has_log) {
		volume_set_state(v, VOLUME_SERVING, NULL);
		destage_kick(v); /* what is dirty grows old without new writes too */
		return;
	}
	volume_set_state(v, VOLUME_CLEARING, NULL);
	if (destage_is_clean(v))
		wblog_cleared(v);
	else
		destage_kick(v);
}

static bool may_come_back(enum sluice_rlog_found found)
{
	return found == SLUICE_RLOG_MISSING || found == SLUICE_RLOG_IO;
}

/* It may be all that is left of what that volume acknowledged; only a person knows. */
static void is_anothers(struct volume *v, const struct sluice_rlog_opened *how)
{
	char uuid[GROUP_UUID_TEXT], text[256];

	v->wblog.is_foreign = true;
	memcpy(v->wblog.foreign_uuid, how->owner_uuid, sizeof(v->wblog.foreign_uuid));
	group_uuid_text(how->owner_uuid, uuid);
	snprintf(text, sizeof(text),
		 "'%.60s' holds the log of volume %s; if that volume is no more, say so by the "
		 "command drop with \"owner\"",
		 v->g->cfg.flash_path, uuid);
	wblog_not_made(v, text);
}

void wblog_replace_foreign(struct volume *v)
{
	struct wblog *w = &v->wblog;

	memcpy(w->replace_uuid, w->foreign_uuid, sizeof(w->replace_uuid));
	w->is_foreign = false;
	wblog_begin(v);
}

static void not_opened(struct volume *v, const struct sluice_rlog_opened *how)
{
	struct wblog *w = &v->wblog;
	struct sluice_error mark = {{0}, {0}};
	const char *why = how->err.text;
	char text[256];

	if (v->state == VOLUME_PREPARING) {
		if (how->result == -EXDEV)
			is_anothers(v, how);
		else
			wblog_not_made(v, how->err.text);
		return;
	}
	wblog_close(v, false);
	if (may_come_back(how->found) && wblog_mark_check(v, &mark) < 0)
		why = mark.text;
	w->dirty_at_failure = how->dirty_blocks;
	w->is_unknown = true; /* behind the damage there may be more */
	if (how->dirty_blocks > 0)
		snprintf(text, sizeof(text),
			 "at least %" PRIu64 " dirty bytes are in its log: %.200s",
			 how->dirty_blocks * BLOCK_BYTES, why);
	else
		snprintf(text, sizeof(text),
			 "an unknown amount of dirty data is in its log: %.200s", why);
	volume_set_state(v, VOLUME_DEGRADED, text);
	if (may_come_back(how->found))
		wblog_later(v, WBLOG_RETRY_NS);
}

static void log_opened(void *ctx, const struct sluice_rlog_opened *how)
{
	struct volume *v = ctx;

	if (how->result < 0) {
		struct sluice_rlog_opened copy = *how;

		if (copy.result == -EAGAIN || copy.result == -EBUSY)
			wblog_close(v, false);
		if (!wblog_is_busy(v, copy.result))
			not_opened(v, &copy);
		return;
	}
	if (v->state == VOLUME_PREPARING && how->found != SLUICE_RLOG_NEW) {
		wblog_not_made(v, "there is a log already, which this volume knows nothing of");
		return;
	}
	v->wblog.is_foreign = false;
	memset(v->wblog.replace_uuid, 0, sizeof(v->wblog.replace_uuid));
	v->wblog.recovery_ns = how->recovery_ns;
	if (how->found == SLUICE_RLOG_RECOVERED)
		sluice_report(v->f, "cache_recovered",
			      "the log was recovered in %" PRIu64 " ms: %" PRIu64 " dirty bytes",
			      how->recovery_ns / 1000000, how->dirty_blocks * BLOCK_BYTES);
	if (how->found != SLUICE_RLOG_NEW)
		wblog_mark_proved(v);
	ready(v);
}

static struct sluice_rlog_cfg config(const struct volume *v, const char *path, uint64_t size_bytes,
				     bool may_create)
{
	struct sluice_rlog_cfg cfg = {.path = path,
				      .size_bytes = size_bytes,
				      .block_bytes = BLOCK_BYTES,
				      .generation = v->wblog.record.generation,
				      .may_create = may_create,
				      .may_replace = v->wblog.record.phase == WBLOG_MAKING};

	memcpy(cfg.owner_uuid, sluice_volume_uuid(v->f), sizeof(cfg.owner_uuid));
	memcpy(cfg.replace_uuid, v->wblog.replace_uuid, sizeof(cfg.replace_uuid));
	return cfg;
}

static void cannot_open(struct volume *v, const struct sluice_error *err)
{
	struct sluice_rlog_opened how = {.result = -EIO, .found = SLUICE_RLOG_IO, .err = *err};

	not_opened(v, &how);
}

static void want_space(void *ctx)
{
	destage_kick(ctx);
}

/* What recovery reads beside the checkpoint: a second's worth of a usual flash at most. */
static uint64_t checkpoint_bytes(uint64_t log_bytes)
{
	return log_bytes / 8 < CHECKPOINT_MAX_BYTES ? log_bytes / 8 : CHECKPOINT_MAX_BYTES;
}

static void open_log(struct volume *v)
{
	bool may_create = v->wblog.record.phase == WBLOG_MAKING;
	struct sluice_rlog_cfg cfg;
	struct sluice_error err = {{0}, {0}};
	char path[512];

	wblog_path(v, path, sizeof(path));
	cfg = config(v, path, v->cfg.flash_bytes, may_create);
	cfg.checkpoint_bytes = checkpoint_bytes(v->cfg.flash_bytes);
	if (!v->g->cfg.flash_path[0])
		snprintf(err.text, sizeof(err.text), "the datastore has no flash_path any more");
	else if (gather_prepare(v) < 0 || partial_prepare(v) < 0)
		snprintf(err.text, sizeof(err.text), "no memory");
	else
		v->wblog.log = sluice_rlog_open(v->f, &cfg, log_opened, v, &err);
	if (!v->wblog.log)
		cannot_open(v, &err);
	else
		sluice_rlog_on_want_space(v->wblog.log, want_space, v);
}

/* ---------------------------------------------------------------- the journal */

/* The log is there, and only its journal is not: that is tried again. */
static bool is_tried_again(struct volume *v)
{
	if (!v->wblog.is_journal_away)
		return false;
	wblog_close_journal(v, false);
	wblog_later(v, WBLOG_RETRY_NS);
	return true;
}

static void journal_opened(void *ctx, const struct sluice_rlog_opened *how);

static void open_journal(struct volume *v)
{
	struct sluice_error err = {{0}, {0}};
	struct sluice_rlog_cfg cfg;
	char path[512];

	if (sluice_sidecar_path(v->f, WBLOG_JOURNAL, path, sizeof(path)) < 0)
		snprintf(err.text, sizeof(err.text), "the journal's path is too long");
	cfg = config(v, path, WBLOG_JOURNAL_BYTES, true);
	if (!err.text[0])
		v->wblog.journal = sluice_rlog_open(v->f, &cfg, journal_opened, v, &err);
	if (!v->wblog.journal && !is_tried_again(v))
		cannot_open(v, &err);
}

static void replayed(struct sluice_rlog_destage *d)
{
	struct volume *v = d->ctx;
	struct sluice_rlog_opened how = {.result = d->result, .found = SLUICE_RLOG_IO};

	if (v->is_gone)
		return;
	if (d->result == 0 || d->result == -EAGAIN) {
		if (v->wblog.is_journal_away) {
			v->wblog.is_journal_away = false;
			v->wblog.waits_since_ns = 0;
			destage_retry(v);
		} else {
			open_log(v);
		}
		return;
	}
	if (is_tried_again(v))
		return;
	snprintf(how.err.text, sizeof(how.err.text),
		 "the journal on the datastore cannot be brought down: %s", strerror(-d->result));
	not_opened(v, &how);
}

static void replay(struct volume *v)
{
	struct sluice_rlog_destage *d = &v->wblog.replay;

	*d = (struct sluice_rlog_destage){.max_bytes = UINT64_MAX, .fn = replayed, .ctx = v};
	v->destage.sink.journal = NULL;
	sluice_rlog_replay_journal(v->wblog.journal, &v->destage.sink, d);
}

/* The log still holds every window that the journal does: one that is damaged is made anew. */
static void journal_opened(void *ctx, const struct sluice_rlog_opened *how)
{
	struct volume *v = ctx;
	struct sluice_rlog_opened copy = *how;
	char path[512];

	if (copy.result == 0) {
		replay(v);
		return;
	}
	if (v->wblog.is_journal_away)
		wblog_close_journal(v, false);
	else
		wblog_close(v, false);
	if (wblog_is_busy(v, copy.result))
		return;
	if (copy.found == SLUICE_RLOG_CORRUPT || copy.found == SLUICE_RLOG_FOREIGN ||
	    copy.found == SLUICE_RLOG_UNKNOWN) {
		sluice_log(v->f, LOG_WARNING, "the journal is made anew: %s", copy.err.text);
		if (sluice_sidecar_path(v->f, WBLOG_JOURNAL, path, sizeof(path)) == 0) {
			int r = sluice_rlog_remove(path);

			if (r == 0 || r == -ENOENT || r == -EBUSY)
				r = -EAGAIN; /* once more from the start */
			if (wblog_is_busy(v, r))
				return;
		}
	}
	if (!is_tried_again(v))
		not_opened(v, &copy);
}

void wblog_open(struct volume *v)
{
	if (v->wblog.record.phase == WBLOG_ACTIVE ? v->wblog.record.has_journal
						  : v->cfg.is_journaled)
		open_journal(v);
	else
		open_log(v);
}
