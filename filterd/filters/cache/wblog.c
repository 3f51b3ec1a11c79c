/* SPDX-License-Identifier: MIT */
#include "wblog.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "mode.h"
#include "volume.h"
#include "wblog_int.h"

/* ---------------------------------------------------------------- the record */

static void record_load(struct volume *v)
{
	struct wblog_record *rec = &v->wblog.record;
	size_t n = 0;

	if (sluice_store_get(v->f, WBLOG_RECORD_KEY, rec, sizeof(*rec), &n) < 0 ||
	    n != sizeof(*rec) || rec->version != WBLOG_RECORD_VERSION)
		*rec = (struct wblog_record){.version = WBLOG_RECORD_VERSION};
}

int wblog_note(struct volume *v, enum wblog_phase phase)
{
	struct wblog_record next = v->wblog.record;
	int r;

	next.phase = phase;
	r = sluice_store_put(v->f, WBLOG_RECORD_KEY, &next, sizeof(next));
	if (r == 0)
		v->wblog.record = next;
	else
		sluice_log(v->f, LOG_ERR, "the state of the log cannot be noted: %s", strerror(-r));
	return r;
}

void wblog_path(const struct volume *v, char *path, size_t size_bytes)
{
	group_flash_path(v->g, sluice_volume_uuid(v->f), ".log", path, size_bytes);
}

/* ---------------------------------------------------------------- closing */

/* The filter may be gone before the file is closed; what the log still answers until then finds its
 * volume. */
struct closing {
	struct volume *v;
	bool is_to_remove;
	char path[512];
};

static void closed(void *ctx)
{
	struct closing *c = ctx;

	if (c->is_to_remove)
		sluice_rlog_remove(c->path);
	volume_put(c->v);
	free(c);
}

static void close_one(struct volume *v, struct sluice_rlog *log, const char *path,
		      bool is_to_remove)
{
	struct closing *c;

	if (!log)
		return;
	v->refs++; /* without memory for c it stays for ever, which harms nobody */
	c = calloc(1, sizeof(*c));
	if (c) {
		c->v = v;
		c->is_to_remove = is_to_remove;
		snprintf(c->path, sizeof(c->path), "%s", path);
	}
	sluice_rlog_close(log, c ? closed : NULL, c);
}

void wblog_close(struct volume *v, bool is_to_remove)
{
	struct wblog *w = &v->wblog;
	char path[512];

	if (sluice_sidecar_path(v->f, WBLOG_JOURNAL, path, sizeof(path)) == 0)
		close_one(v, w->journal, path, is_to_remove);
	else
		close_one(v, w->journal, "", false);
	wblog_path(v, path, sizeof(path));
	close_one(v, w->log, path, is_to_remove && !group_flash_is_device(v->g));
	w->log = w->journal = NULL;
	w->is_readable = false;
}

void wblog_end(struct volume *v, bool is_settled)
{
	struct wblog *w = &v->wblog;
	bool is_over = w->record.phase == WBLOG_MAKING;

	sluice_timer_cancel(v->f, &w->timer);
	if (w->log && is_settled && !w->is_failed && w->record.phase == WBLOG_ACTIVE &&
	    destage_is_clean(v))
		is_over = wblog_note(v, WBLOG_RETIRED) == 0;
	/* Whoever takes this filter's place deals with the file itself. */
	wblog_close(v, is_over && !group_has_twin(v->g, v));
}

/* ---------------------------------------------------------------- beginning */

static void begin_again(struct sluice_timer *t)
{
	wblog_begin(t->ctx);
}

void wblog_later(struct volume *v, uint64_t ns)
{
	v->wblog.timer.fn = begin_again;
	v->wblog.timer.ctx = v;
	sluice_timer_set(v->f, &v->wblog.timer, sluice_now_ns(v->f) + ns);
}

bool wblog_is_busy(struct volume *v, int result)
{
	uint64_t now_ns = sluice_now_ns(v->f);

	if (result != -EAGAIN && result != -EBUSY)
		return false;
	if (v->wblog.waits_since_ns == 0)
		v->wblog.waits_since_ns = now_ns;
	if (now_ns - v->wblog.waits_since_ns > WBLOG_BUSY_MAX_NS)
		return false;
	wblog_later(v, WBLOG_BUSY_NS);
	return true;
}

/* Old files that hold nothing. False: somebody has it open still; this is tried again. */
static bool remove_old(struct volume *v)
{
	char path[512];
	int r = 0;

	if (sluice_sidecar_path(v->f, WBLOG_JOURNAL, path, sizeof(path)) == 0)
		r = sluice_rlog_remove(path);
	if (r != -EBUSY && r != -EAGAIN && !group_flash_is_device(v->g) &&
	    v->g->cfg.flash_path[0]) {
		wblog_path(v, path, sizeof(path));
		r = sluice_rlog_remove(path);
	}
	return !wblog_is_busy(v, r);
}

/* A log of an own generation; a device that was retired clean stays as it is. */
static void make(struct volume *v)
{
	struct wblog *w = &v->wblog;

	if (v->state == VOLUME_STARTING)
		volume_set_state(v, VOLUME_PREPARING, NULL);
	if (!remove_old(v))
		return;
	if (!(group_flash_is_device(v->g) && w->record.phase == WBLOG_RETIRED))
		w->record.generation++;
	if (wblog_note(v, WBLOG_MAKING) < 0) {
		wblog_not_made(v, "its state cannot be noted on the datastore");
		return;
	}
	wblog_open(v);
}

void wblog_begin(struct volume *v)
{
	struct wblog *w = &v->wblog;

	if (w->log)
		return;
	record_load(v);
	if (w->record.phase == WBLOG_ACTIVE) {
		if (v->state == VOLUME_STARTING)
			volume_set_state(v, VOLUME_RECOVERING, NULL);
		wblog_open(v);
		return;
	}
	if (v->mode->has_log) {
		make(v);
		return;
	}
	if (w->record.phase != WBLOG_NONE && remove_old(v))
		wblog_note(v, WBLOG_NONE);
	if (v->state == VOLUME_STARTING)
		volume_set_state(v, VOLUME_SERVING, NULL);
}

/* ---------------------------------------------------------------- failing and forgetting */

void wblog_failed(struct volume *v)
{
	struct wblog *w = &v->wblog;
	struct sluice_rlog_stats s;
	char text[256];

	if (w->is_failed || !w->log)
		return;
	sluice_rlog_stats(w->log, &s);
	if (!s.is_failed)
		return; /* one block that cannot be read is not the log's end */
	w->is_failed = true;
	if (destage_is_clean(v)) {
		sluice_report(v->f, "cache_flash_failed",
			      "the log has failed (%s); nothing was dirty, and another one is made",
			      s.failed_text);
		wblog_replace(v);
		return;
	}
	snprintf(text, sizeof(text),
		 "the log has failed (%.120s): %" PRIu64
		 " dirty bytes are in it alone; writes are refused",
		 s.failed_text, volume_dirty_bytes(v));
	volume_set_state(v, VOLUME_DEGRADED, text);
	backlog_pump(v); /* they are let in, and refused */
	salvage_begin(v);
}

/* Not from within one of the log's own answers. */
static void replace(struct sluice_timer *t)
{
	struct volume *v = t->ctx;

	if (v->destage.is_running || v->backlog.appending_blocks > 0 || wblog_forget(v) < 0)
		wblog_replace(v);
}

void wblog_replace(struct volume *v)
{
	if (v->state != VOLUME_RECOVERING)
		volume_set_state(v, VOLUME_RECOVERING, NULL); /* I/O is held for a moment */
	v->wblog.timer.fn = replace;
	v->wblog.timer.ctx = v;
	sluice_timer_set(v->f, &v->wblog.timer, sluice_now_ns(v->f) + WBLOG_REPLACE_NS);
}

int wblog_forget(struct volume *v)
{
	struct wblog *w = &v->wblog;
	int r = wblog_note(v, WBLOG_RETIRED);

	if (r < 0)
		return r;
	wblog_close(v, false);
	ram_invalidate_all(v->ram);
	w->is_failed = w->is_unknown = false;
	w->dirty_at_failure = 0;
	w->waits_since_ns = 0;
	v->state = VOLUME_STARTING;
	wblog_begin(v);
	return 0;
}

void wblog_cleared(struct volume *v)
{
	if (wblog_note(v, WBLOG_RETIRED) < 0) {
		wblog_later(v, WBLOG_RETRY_NS);
		return;
	}
	wblog_close(v, true);
	volume_set_state(v, VOLUME_SERVING, NULL);
}

bool wblog_has(const struct volume *v, uint64_t block, uint64_t count)
{
	const struct wblog *w = &v->wblog;

	if (!w->log || !w->is_readable)
		return false;
	while (count > 0) {
		struct sluice_rlog_run run;

		sluice_rlog_lookup(w->log, block, count, &run);
		if (run.what != SLUICE_RLOG_ABSENT)
			return true;
		block += run.block_count;
		count -= run.block_count;
	}
	return false;
}
