/* SPDX-License-Identifier: MIT */
#include "wblog.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "mode.h"
#include "volume.h"
#include "wblog_int.h"

/* ---------------------------------------------------------------- the record */

/* One that cannot be read may say that the log is dirty: only one that is not there says nothing.
 */
static bool has_log_file(const struct volume *v)
{
	char path[512];

	if (group_flash_is_device(v->g) || !v->g->cfg.flash_path[0])
		return false;
	wblog_path(v, path, sizeof(path));
	return access(path, F_OK) == 0;
}

static int record_load(struct volume *v)
{
	struct wblog_record *rec = &v->wblog.record;
	size_t n = 0;
	int r = sluice_store_get(v->f, WBLOG_RECORD_KEY, rec, sizeof(*rec), &n);

	if (r == 0 && n == WBLOG_RECORD_1_BYTES && rec->version == 1) {
		memset((char *)rec + n, 0, sizeof(*rec) - n);
		rec->version = WBLOG_RECORD_VERSION;
	} else if (r == 0 && (n != sizeof(*rec) || rec->version != WBLOG_RECORD_VERSION)) {
		r = -EPROTONOSUPPORT;
	}
	v->wblog.has_record = r == 0 || r == -ENOENT;
	v->wblog.is_stray = r == -ENOENT && has_log_file(v);
	if (r < 0)
		*rec =
		    (struct wblog_record){.version = WBLOG_RECORD_VERSION,
					  .phase = v->wblog.has_record ? WBLOG_NONE : WBLOG_ACTIVE};
	wblog_mark_learn(v);
	return v->wblog.has_record ? 0 : r;
}

void wblog_look(struct volume *v)
{
	(void)record_load(v);
}

/* Sealed before the log may be dirty, and until it is not any more. */
static int put_record(struct volume *v, const struct wblog_record *rec)
{
	bool is_dirty = rec->phase == WBLOG_ACTIVE;
	int r = 0;

	if (is_dirty)
		r = sluice_store_put(v->f, WBLOG_SEAL_KEY, "1", 1);
	if (r == 0)
		r = sluice_store_put(v->f, WBLOG_RECORD_KEY, rec, sizeof(*rec));
	if (r == 0 && !is_dirty && sluice_store_put(v->f, WBLOG_SEAL_KEY, "", 0) < 0)
		sluice_log(v->f, LOG_WARNING, "the volume stays sealed until this can be noted");
	return r;
}

int wblog_note(struct volume *v, enum wblog_phase phase)
{
	struct wblog_record next = v->wblog.record;
	int r;

	next.phase = phase;
	r = put_record(v, &next);
	if (r == 0) {
		v->wblog.record = next;
		v->wblog.has_record = true;
		v->wblog.is_stray = false;
	} else
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
	bool is_to_remove, is_to_erase;
	char path[512];
	uint8_t uuid[16];
};

static void closed(void *ctx)
{
	struct closing *c = ctx;

	if (c->is_to_remove)
		sluice_rlog_remove(c->path);
	if (c->is_to_erase)
		sluice_rlog_erase(c->path, c->uuid);
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
		c->is_to_erase =
		    log == v->wblog.log && v->wblog.is_deleted && group_flash_is_device(v->g);
		memcpy(c->uuid, sluice_volume_uuid(v->f), sizeof(c->uuid));
		snprintf(c->path, sizeof(c->path), "%s", path);
	}
	sluice_rlog_close(log, c ? closed : NULL, c);
}

void wblog_close_journal(struct volume *v, bool is_to_remove)
{
	struct wblog *w = &v->wblog;
	char path[512];

	if (sluice_sidecar_path(v->f, WBLOG_JOURNAL, path, sizeof(path)) == 0)
		close_one(v, w->journal, path, is_to_remove);
	else
		close_one(v, w->journal, "", false);
	w->journal = NULL;
}

void wblog_close(struct volume *v, bool is_to_remove)
{
	struct wblog *w = &v->wblog;
	char path[512];

	wblog_close_journal(v, is_to_remove);
	wblog_path(v, path, sizeof(path));
	close_one(v, w->log, path, is_to_remove && !group_flash_is_device(v->g));
	w->log = NULL;
	w->is_readable = w->is_journal_away = false;
}

/* One that could not be opened. */
static void remove_log(const struct volume *v)
{
	char path[512];

	if (!v->g->cfg.flash_path[0] || group_flash_is_device(v->g))
		return;
	wblog_path(v, path, sizeof(path));
	sluice_rlog_remove(path);
}

void wblog_end(struct volume *v, bool is_settled)
{
	struct wblog *w = &v->wblog;
	bool is_over = w->record.phase == WBLOG_MAKING;

	sluice_timer_cancel(v->f, &w->timer);
	if (w->log && w->is_readable && is_settled && w->record.phase == WBLOG_ACTIVE &&
	    destage_is_clean(v))
		is_over = wblog_note(v, WBLOG_RETIRED) == 0;
	if (w->is_deleted && !w->log)
		remove_log(v);
	/* Whoever takes this filter's place deals with the file itself. */
	wblog_close(v, (is_over && !group_has_twin(v->g, v)) || w->is_deleted);
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

/* A log of an own generation: nothing of what an earlier one may still hold comes back. */
static void make(struct volume *v)
{
	struct wblog *w = &v->wblog;
	struct sluice_error err = {{0}, {0}};

	if (v->state == VOLUME_STARTING)
		volume_set_state(v, VOLUME_PREPARING, NULL);
	if (wblog_mark_claim(v, &err) < 0) {
		wblog_not_made(v, err.text);
		return;
	}
	if (!remove_old(v))
		return;
	w->record.generation++;
	if (wblog_note(v, WBLOG_MAKING) < 0) {
		wblog_not_made(v, "its state cannot be noted on the datastore");
		return;
	}
	wblog_open(v);
}

static void record_is_unreadable(struct volume *v, int r)
{
	char text[256];

	snprintf(text, sizeof(text),
		 "the record that says whether its log is dirty cannot be read: %s", strerror(-r));
	v->wblog.is_unknown = true;
	volume_set_state(v, VOLUME_DEGRADED, text);
	wblog_later(v, WBLOG_RETRY_NS);
}

/* A log of this very volume, and no record: the state folder was lost, or is another appliance's.
 * Who knows what is in it? */
static void log_is_stray(struct volume *v)
{
	v->wblog.is_unknown = true;
	volume_set_state(
	    v, VOLUME_DEGRADED,
	    "a log of this volume is on flash, and there is no record of what it holds; bring the "
	    "state folder back, or give up what may be in it");
}

/* False: it is tried again, or given up by a command. */
static bool know_record(struct volume *v)
{
	int r = v->wblog.has_record ? 0 : record_load(v);

	if (r < 0) {
		record_is_unreadable(v, r);
		return false;
	}
	if (v->wblog.is_stray) {
		log_is_stray(v);
		return false;
	}
	if (v->state == VOLUME_DEGRADED && v->wblog.record.phase != WBLOG_ACTIVE)
		v->state = VOLUME_STARTING; /* it could not be read before */
	return true;
}

void wblog_begin(struct volume *v)
{
	struct wblog *w = &v->wblog;

	if (w->log && w->is_readable && !v->mode->has_log && v->state == VOLUME_SERVING)
		wblog_cleared(v);
	if (w->log && w->is_journal_away && !w->journal && !w->is_failed)
		wblog_open(v);
	if (w->log || !know_record(v))
		return;
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
	w->is_unknown = false;
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

/* It is not needed for what is acknowledged; until there is one again, what is dirty waits. */
void wblog_journal_check(struct volume *v)
{
	struct wblog *w = &v->wblog;
	struct sluice_rlog_stats s;

	if (!w->log || !w->journal || w->is_journal_away)
		return;
	sluice_rlog_stats(w->journal, &s);
	if (!s.is_failed)
		return;
	if (!v->destage.has_told)
		sluice_log(v->f, LOG_WARNING, "the journal has failed (%s) and is opened again",
			   s.failed_text);
	w->is_journal_away = true;
	wblog_close_journal(v, false);
	wblog_later(v, WBLOG_BUSY_NS);
}

/* Not from within one of the log's own answers. */
static void replace(struct sluice_timer *t)
{
	struct volume *v = t->ctx;

	if (v->destage.is_running || v->backlog.appending_blocks > 0) {
		wblog_replace(v);
	} else if (wblog_forget(v) < 0) {
		volume_set_state(v, VOLUME_DEGRADED,
				 "the log has failed; all of it is on the datastore, but that "
				 "cannot be noted yet");
		sluice_timer_set(v->f, t, sluice_now_ns(v->f) + WBLOG_RETRY_NS);
	}
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
	int r;

	wblog_mark_forget(v);
	r = wblog_note(v, WBLOG_RETIRED);
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

/* An empty log hides nothing, so I/O does not wait for the record. */
void wblog_cleared(struct volume *v)
{
	if (wblog_note(v, WBLOG_RETIRED) < 0)
		wblog_later(v, WBLOG_RETRY_NS);
	else
		wblog_close(v, true);
	if (v->state != VOLUME_SERVING)
		volume_set_state(v, VOLUME_SERVING, NULL);
}

int wblog_check_clean(struct volume *v, struct sluice_error *err)
{
	struct wblog *w = &v->wblog;

	if (v->state != VOLUME_STARTING && w->record.phase != WBLOG_ACTIVE)
		return 0;
	if (w->log && w->is_readable && destage_is_clean(v))
		return 0;
	if (w->log && w->is_readable)
		snprintf(err->text, sizeof(err->text),
			 "%" PRIu64 " dirty bytes do not get to the datastore",
			 volume_dirty_bytes(v));
	else
		snprintf(err->text, sizeof(err->text), "nobody knows yet what its log has: %.200s",
			 v->state_text);
	return -EBUSY;
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
