/* SPDX-License-Identifier: MIT */
/*
 * reencrypt.c - how a walk begins, how the next process finds it, and how it ends.
 *
 *     command --> PREPARING: record IDLE 0, store "reencrypt" = 1, headers (helper), keys
 *                     |                                              | failed
 *     attach --> LOADING: records --> WALKING --> ENDING: DONE, headers (helper), keys, store = 0
 *
 * The store says that there is a sidecar to look for; while it says so, nothing is served without
 * it. A walk that was killed before its keys were kept has encrypted nothing: it ends backward.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <syslog.h>

#include "companion.h"
#include "luks_file.h"
#include "seal.h"
#include "secret.h"

#define STORE_WALKS "walks"
#define BUSY_NS     (10ull * 1000 * 1000)
#define RETRY_NS    (1000ull * 1000 * 1000)
#define SIDECAR     "reencrypt"

int reencrypt_put_flag(struct encryption *e, const char *key, bool is)
{
	char word = is ? '1' : '0';

	return sluice_store_put(e->f, key, &word, 1);
}

/* '0': nothing was noted. */
static char word_of(struct encryption *e, const char *key)
{
	size_t size_bytes = 0;
	char word = '0';

	return sluice_store_get(e->f, key, &word, 1, &size_bytes) == 0 ? word : '0';
}

/* The sidecar stands beside the image, where others may write, and says what is to be in clear;
 * the store is the host's own. So what kind of walk there is, both must say. */
int reencrypt_put_kind(struct encryption *e, enum reencrypt_kind kind)
{
	char word = (char)('0' + (int)kind);

	return sluice_store_put(e->f, REENCRYPT_STORE_KEY, &word, 1);
}

/* ---------------------------------------------------------------- how many there have been */

/* A kill between this and the end counts it twice: who waits for it compares with before. */
static int count_walk(const struct reencrypt *re)
{
	struct walks *w = &re->e->walks;

	if (re->is_backward)
		w->cancelled++;
	else
		w->done++;
	return sluice_store_put(re->e->f, STORE_WALKS, w, sizeof(*w));
}

/* ---------------------------------------------------------------- life */

void *zone_new(void)
{
	void *p = mmap(NULL, REENCRYPT_MAX_ZONE_BYTES, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return NULL;
	if (madvise(p, REENCRYPT_MAX_ZONE_BYTES, MADV_DONTDUMP) == 0)
		return p;
	munmap(p, REENCRYPT_MAX_ZONE_BYTES);
	return NULL;
}

void zone_free(void *zone)
{
	if (!zone)
		return;
	explicit_bzero(zone, REENCRYPT_MAX_ZONE_BYTES);
	munmap(zone, REENCRYPT_MAX_ZONE_BYTES);
}

void reencrypt_free(struct reencrypt *re)
{
	sluice_timer_cancel(re->e->f, &re->timer);
	recorder_close(&re->recorder);
	xts_free(re->next);
	zone_free(re->raw);
	zone_free(re->out);
	free(re);
}

int reencrypt_new(struct encryption *e, struct reencrypt **out, struct sluice_error *err)
{
	struct reencrypt *re = calloc(1, sizeof(*re));
	int rc = -ENOMEM;

	if (!re)
		return encryption_refuse(err, "", -ENOMEM, "no memory");
	re->e = e;
	re->luks = e->luks;
	re->raw = zone_new();
	re->out = zone_new();
	if (re->raw && re->out)
		rc = reencrypt_next_paths(e, &re->luks_next);
	if (rc == 0)
		rc = recorder_open(&re->recorder, e->f, err);
	else
		encryption_refuse(err, "", rc, "no memory for a zone");
	if (rc < 0)
		reencrypt_free(re);
	else
		*out = re;
	return rc;
}

int reencrypt_next_paths(const struct encryption *e, struct luks *out)
{
	const struct {
		const char *suffix;
		char *path;
	} files[] = {{"luksnext", out->header},
		     {"luksnextbackup", out->backup},
		     {"luksnextnew", out->fresh}};

	*out = e->luks;
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		int rc = sluice_sidecar_path(e->f, files[i].suffix, files[i].path, LUKS_PATH_BYTES);

		if (rc < 0)
			return rc;
	}
	return 0;
}

/* ---------------------------------------------------------------- end */

static bool ends_in_clear(const struct reencrypt *re)
{
	return re->kind == (re->is_backward ? REENCRYPT_ENCRYPT : REENCRYPT_DECRYPT);
}

/* Each part may be repeated. */
static int switch_headers(struct reencrypt *re)
{
	struct luks *l = &re->luks, *next = &re->luks_next;
	int rc = luks_file_replace(next->header, l->header, next->fresh);

	if (rc == 0)
		rc = luks_file_shred(l->backup);
	if (rc == 0)
		rc = luks_file_copy(l->header, l->fresh, l->backup);
	return rc ? rc : luks_file_shred(next->backup);
}

static void end_run(struct sluice_work *w)
{
	struct reencrypt *re = w->ctx;
	int was_restored;

	re->result = 0;
	if (re->kind == REENCRYPT_REKEY)
		re->result = re->is_backward ? luks_erase(&re->luks_next) : switch_headers(re);
	if (ends_in_clear(re))
		re->result = luks_erase(&re->luks);
	else if (re->result == 0)
		re->result = luks_look(&re->luks, &re->header, &was_restored);
}

/* The new key takes the old one's place, first for the next process. */
static int switch_keys(struct reencrypt *re)
{
	struct encryption *e = re->e;
	struct kept *kept = secret_alloc(sizeof(*kept));
	size_t size_bytes = 0;
	int rc = kept ? sluice_key_get(e->f, REENCRYPT_NEXT_KEY, kept, sizeof(*kept), &size_bytes)
		      : -ENOMEM;

	if (rc == 0)
		rc = key_replace(e, kept);
	else if (rc == -ENOKEY)
		rc = 0; /* done before a kill, or the volume is locked */
	secret_free(kept);
	return rc;
}

static int end_keys(struct reencrypt *re)
{
	struct encryption *e = re->e;
	int rc = 0;

	if (re->kind == REENCRYPT_REKEY && !re->is_backward)
		rc = switch_keys(re);
	if (rc == 0)
		rc = reencrypt_put_flag(e, REENCRYPT_STORE_CLEAR, ends_in_clear(re));
	if (rc < 0)
		return rc;
	if (ends_in_clear(re)) {
		key_note_formatted(e, false);
		key_forget(e);
		key_clear(e);
	} else {
		e->header = re->header;
	}
	rc = count_walk(re);
	if (rc == 0)
		rc = reencrypt_put_flag(e, REENCRYPT_STORE_KEY, false);
	if (rc == 0)
		sluice_key_forget(e->f, REENCRYPT_NEXT_KEY);
	/* What fails, or was locked, is wrapped by both keys until it is opened again. */
	if (rc == 0 && re->kind == REENCRYPT_REKEY && e->state == STATE_UNLOCKED &&
	    seal_rekey(e) < 0)
		sluice_log(e->f, LOG_WARNING,
			   "the replication's keys are still wrapped by the old one");
	return rc;
}

static void remove_sidecar(struct encryption *e)
{
	char path[LUKS_PATH_BYTES];

	if (sluice_sidecar_path(e->f, SIDECAR, path, sizeof(path)) == 0)
		(void)sluice_file_remove(e->f, path);
}

static void tell_end(const struct reencrypt *re)
{
	static const char *const done[] = {"", "the volume is encrypted",
					   "the volume is decrypted: its data is in clear",
					   "the volume has a new key; the old one is destroyed"};

	if (re->is_backward)
		sluice_report(re->e->f, "encryption_reencrypt_cancelled",
			      "the volume is what it was before '%s' began",
			      reencrypt_kind_word(re->kind));
	else
		sluice_report(re->e->f, "encryption_reencrypt_done", "%s", done[re->kind]);
}

static void end_again(struct sluice_timer *t);

static void end_later(struct reencrypt *re, uint64_t ns)
{
	re->timer.fn = end_again;
	re->timer.ctx = re;
	sluice_timer_set(re->e->f, &re->timer, sluice_now_ns(re->e->f) + ns);
}

static void end_failed(struct reencrypt *re, const char *text)
{
	if (!re->text[0])
		sluice_report(re->e->f, "encryption_reencrypt_failed",
			      "%s; it is tried again each second", text);
	snprintf(re->text, sizeof(re->text), "%s", text);
	end_later(re, RETRY_NS);
}

static void end_put(void *ctx, int result);

static void end_done(struct sluice_work *w)
{
	struct reencrypt *re = w->ctx;

	re->is_working = false;
	if (re->result == 0)
		re->result = end_keys(re);
	if (re->result < 0)
		end_failed(re, "the headers or keys could not be brought to their end");
	else
		companion_put(re->e, ends_in_clear(re), end_put, re);
}

/* The replica, which has DONE already, would come to the same end by itself. */
static void end_put(void *ctx, int result)
{
	struct reencrypt *re = ctx;
	struct encryption *e = re->e;

	if (result < 0) {
		end_failed(re, "the headers could not be brought to the replica");
		return;
	}
	tell_end(re);
	re->holds_all = false;
	e->re = NULL;
	reencrypt_release_held(re);
	reencrypt_free(re);
	remove_sidecar(e);
}

static void end_headers(struct reencrypt *re)
{
	re->work.run = end_run;
	re->work.done = end_done;
	re->work.ctx = re;
	/* The headers are one helper's at a time. */
	if (re->e->job || !re->e->has_looked)
		end_later(re, BUSY_NS);
	else if (!companion_is_closed(re->e)) {
		re->is_working = true;
		sluice_work_submit(re->e->f, &re->work);
	}
}

static void end_recorded(void *ctx, int result)
{
	struct reencrypt *re = ctx;

	if (result < 0)
		end_failed(re, "the sidecar 'reencrypt' could not be written");
	else
		end_headers(re);
}

void reencrypt_end(struct reencrypt *re)
{
	struct reencrypt_record rec = {
	    .kind = (uint8_t)re->kind, .state = REENCRYPT_DONE, .is_backward = re->is_backward};

	re->phase = PHASE_ENDING;
	/* Also for what is grown from now on. */
	re->watermark_bytes = re->is_backward ? 0 : UINT64_MAX;
	rec.watermark_bytes = re->watermark_bytes;
	recorder_put(&re->recorder, &rec, NULL, end_recorded, re);
}

static void end_again(struct sluice_timer *t)
{
	struct reencrypt *re = t->ctx;

	if (companion_is_closed(re->e))
		return;
	if (re->recorder.newest.state == REENCRYPT_DONE)
		end_headers(re);
	else
		reencrypt_end(re);
}

/* ---------------------------------------------------------------- load */

static int load_next(struct reencrypt *re)
{
	struct kept *kept = secret_alloc(sizeof(*kept));
	size_t size_bytes = 0;
	int rc =
	    kept ? sluice_key_get(re->e->f, REENCRYPT_NEXT_KEY, kept, sizeof(*kept), &size_bytes)
		 : -ENOMEM;

	if (rc == 0)
		rc = xts_new(kept->dek, kept->sector_bytes, &re->next);
	secret_free(kept);
	return rc;
}

/* Nothing has been encrypted with it yet, and it is not at hand. */
static bool is_stillborn(const struct reencrypt *re)
{
	const struct reencrypt_record *rec = &re->recorder.newest;
	bool has_key = re->kind == REENCRYPT_REKEY ? re->next != NULL : re->e->xts != NULL;

	return rec->state == REENCRYPT_IDLE && rec->watermark_bytes == 0 &&
	       re->kind != REENCRYPT_DECRYPT && !has_key;
}

static void take_record(struct reencrypt *re)
{
	const struct reencrypt_record *rec = &re->recorder.newest;

	re->is_backward = re->wants_backward = rec->is_backward != 0;
	re->is_paused = rec->is_paused != 0;
	re->watermark_bytes = rec->watermark_bytes;
}

static void broken(struct reencrypt *re, int result)
{
	char text[LUKS_TEXT_BYTES];

	snprintf(text, sizeof(text),
		 "the sidecar 'reencrypt' is %s: which part of the volume has which key is not "
		 "known; put the file back that belongs here",
		 result == -ENODATA ? "missing or damaged" : "unreadable");
	re->phase = PHASE_BROKEN;
	re->holds_all = false;
	key_close(re->e, STATE_DAMAGED, text);
	reencrypt_fail_held(re, SLUICE_ERR_NOT_READY);
	sluice_report(re->e->f, "encryption_reencrypt_failed", "%s", text);
}

/* The record stands on the disk already, or is about to say that nothing began. */
static void go_to_end(struct reencrypt *re)
{
	if (re->recorder.newest.state == REENCRYPT_DONE) {
		re->phase = PHASE_ENDING;
		end_headers(re);
	} else {
		re->is_backward = true;
		reencrypt_end(re);
	}
}

static void loaded(void *ctx, int result)
{
	struct reencrypt *re = ctx;
	struct encryption *e = re->e;
	const struct reencrypt_record *rec = &re->recorder.newest;

	if (companion_is_closed(e))
		return;
	if (result == 0 && rec->kind != re->kind)
		result = -ENODATA;
	if (result < 0) {
		broken(re, result);
		return;
	}
	take_record(re);
	if (re->kind == REENCRYPT_REKEY && e->xts)
		(void)load_next(re);
	if (rec->state == REENCRYPT_DONE || is_stillborn(re)) {
		go_to_end(re);
		return;
	}
	if (re->kind == REENCRYPT_REKEY && e->xts && !re->next)
		key_close(e, STATE_LOCKED, "the volume waits for its keys");
	re->phase = PHASE_WALKING;
	if (rec->state == REENCRYPT_COPYING)
		walk_recover(re);
	re->holds_all = false;
	if (re->step == STEP_NONE)
		reencrypt_release_held(re);
	walk_go(re);
}

static void load_walks(struct encryption *e)
{
	size_t size_bytes = 0;

	if (sluice_store_get(e->f, STORE_WALKS, &e->walks, sizeof(e->walks), &size_bytes) < 0 ||
	    size_bytes != sizeof(e->walks))
		e->walks = (struct walks){0};
}

int reencrypt_attach(struct encryption *e, struct sluice_error *err)
{
	int rc;

	load_walks(e);
	if (word_of(e, REENCRYPT_STORE_KEY) == '0') {
		if (word_of(e, REENCRYPT_STORE_CLEAR) == '1' ||
		    (e->is_clear_before && key_is_unformatted(e)))
			key_clear(e);
		return 0;
	}
	rc = reencrypt_new(e, &e->re, err);
	if (rc < 0)
		return rc;
	e->re->kind = (enum reencrypt_kind)(word_of(e, REENCRYPT_STORE_KEY) - '0');
	e->re->phase = PHASE_LOADING;
	e->re->holds_all = true;
	recorder_load(&e->re->recorder, loaded, e->re);
	return 0;
}

void reencrypt_detach(struct encryption *e)
{
	if (e->re)
		reencrypt_free(e->re);
	e->re = NULL;
}

bool reencrypt_drop(struct encryption *e)
{
	struct reencrypt *re = e->re;

	if (re->recorder.is_busy || re->is_own_under_way || re->is_working)
		return false;
	e->re = NULL;
	walk_leave(re);
	reencrypt_fail_held(re, SLUICE_ERR_NOT_READY);
	reencrypt_free(re);
	return true;
}

void reencrypt_look_around(struct encryption *e)
{
	if (e->re)
		walk_go(e->re);
}
