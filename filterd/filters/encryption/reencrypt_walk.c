/* SPDX-License-Identifier: MIT */
/*
 * reencrypt_walk.c - zone by zone; the steps are in reencrypt.h.
 *
 *     NONE -> LOOK -> WAIT -> READ -> JOURNAL -> WRITE -> FLUSH -> RECORD -> NONE
 *                      |       |         |                           ^
 *                      |       |         +-- failed -----------------+   (the zone is untouched)
 *                      |       +-- nothing but holes: FLUSH, RECORD -+
 *                      +-- a hole: PROVE, FLUSH, RECORD -------------+
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "companion.h"
#include "reencrypt.h"
#include "reencrypt_pace.h"

#define RETRY_NS (1000ull * 1000 * 1000)

static void step_again(struct reencrypt *re);

static void timer_fired(struct sluice_timer *t)
{
	struct reencrypt *re = t->ctx;

	if (re->step == STEP_NONE)
		walk_go(re);
	else
		step_again(re);
}

void walk_timer_in(struct reencrypt *re, uint64_t ns)
{
	re->timer.fn = timer_fired;
	re->timer.ctx = re;
	sluice_timer_set(re->e->f, &re->timer, sluice_now_ns(re->e->f) + ns);
}

static uint64_t unit_at(const struct reencrypt *re, uint64_t at_bytes)
{
	uint64_t left_bytes = re->zone_bytes - at_bytes;

	return left_bytes < UNIT_BYTES ? left_bytes : UNIT_BYTES;
}

/* ---------------------------------------------------------------- drains */

static void drain_take(struct reencrypt *re)
{
	if (!re->holds_drain)
		sluice_drain_hold(re->e->f);
	re->holds_drain = true;
}

static void drain_give(struct reencrypt *re)
{
	if (re->holds_drain)
		sluice_drain_release(re->e->f);
	re->holds_drain = false;
}

/* A zone under way is brought to its end; one that cannot be waits on the disk, in the journal. */
void walk_drain(struct reencrypt *re, bool begin)
{
	re->is_draining = begin;
	if (begin && re->is_to_be_tried_again) {
		sluice_timer_cancel(re->e->f, &re->timer);
		drain_give(re);
	} else if (!begin && re->is_to_be_tried_again) {
		drain_take(re);
		walk_timer_in(re, RETRY_NS);
	} else if (!begin) {
		walk_go(re);
	}
}

void walk_leave(struct reencrypt *re)
{
	drain_give(re);
}

/* ---------------------------------------------------------------- failures */

/* Nothing has been changed: the walk stands still until somebody looks. */
static void stand_still(struct reencrypt *re, const char *text)
{
	snprintf(re->text, sizeof(re->text), "%s", text);
	re->is_paused = true;
	sluice_report(re->e->f, "encryption_reencrypt_failed",
		      "%s; it goes on with reencrypt_resume", text);
}

/* Something has: it must come to its end. */
static void try_again(struct reencrypt *re, enum sluice_status status, const char *text)
{
	if (re->failure == SLUICE_OK && !companion_is_closed(re->e)) {
		snprintf(re->text, sizeof(re->text), "%s", text);
		sluice_report(re->e->f, "encryption_reencrypt_failed",
			      "%s; it is tried again each second", text);
	}
	re->failure = status;
	re->is_to_be_tried_again = true;
	reencrypt_fail_held(re, status);
	if (re->is_draining)
		drain_give(re);
	else
		walk_timer_in(re, RETRY_NS);
}

static void submit(struct reencrypt *re, uint8_t op, uint64_t at_bytes, uint64_t len_bytes,
		   void *buf, void (*fn)(struct sluice_own_io *own))
{
	if (walk_submit(re, op, re->zone_offset_bytes + at_bytes, len_bytes, buf, fn) < 0)
		walk_timer_in(re,
			      RETRY_NS); /* no chain is without these; the next one may be right */
}

/* ---------------------------------------------------------------- record */

static uint64_t rest_after_zone_ns(struct reencrypt *re)
{
	const struct encryption *e = re->e;
	uint64_t now_ns = sluice_now_ns(e->f);
	uint64_t since_ns = re->seen_ns ? re->seen_ns : re->begun_ns;
	struct pace_zone z = {.limit_bytes_per_s = e->reencrypt_bytes_per_s,
			      .moved_bytes = re->at_bytes ? re->zone_bytes : 0,
			      .took_ns = now_ns - re->begun_ns,
			      .since_ns = now_ns - since_ns,
			      .ios = e->flight_count - re->seen_ios,
			      .io_bytes = e->flight_bytes - re->seen_io_bytes};

	re->seen_ns = now_ns;
	re->seen_ios = e->flight_count;
	re->seen_io_bytes = e->flight_bytes;
	/* Without a zone it was but a record, of a pause or its end. */
	return re->zone_bytes ? pace_rest_ns(&z) : 0;
}

static void zone_ended(struct reencrypt *re)
{
	uint64_t rest_ns = rest_after_zone_ns(re);

	re->zone_bytes = 0;
	re->step = STEP_NONE;
	re->failure = SLUICE_OK;
	reencrypt_release_held(re);
	drain_give(re);
	if (rest_ns)
		walk_timer_in(re, rest_ns);
	else
		walk_go(re);
}

static void recorded(void *ctx, int result)
{
	struct reencrypt *re = ctx;

	if (result < 0)
		try_again(re, result == -ENOSPC ? SLUICE_ERR_NO_SPACE : SLUICE_ERR_IO,
			  "the sidecar 'reencrypt' could not be written");
	else
		zone_ended(re);
}

static void step_record(struct reencrypt *re)
{
	struct reencrypt_record rec = {.kind = (uint8_t)re->kind,
				       .state = REENCRYPT_IDLE,
				       .watermark_bytes = re->watermark_bytes,
				       .is_backward = re->is_backward,
				       .is_paused = re->is_paused};

	re->step = STEP_RECORD;
	recorder_put(&re->recorder, &rec, NULL, recorded, re);
}

/* ---------------------------------------------------------------- write and flush */

static uint64_t watermark_after(const struct reencrypt *re)
{
	return re->is_backward ? re->zone_offset_bytes : re->zone_offset_bytes + re->zone_bytes;
}

static void step_write(struct reencrypt *re);

static void flushed(struct sluice_own_io *own)
{
	struct reencrypt *re = own->ctx;

	if (own->status != SLUICE_OK) {
		/* What was written or unmapped may be lost as well. */
		re->must_zero = true;
		re->step = re->has_journal ? STEP_WRITE : STEP_FLUSH;
		re->at_bytes = 0;
		try_again(re, (enum sluice_status)own->status,
			  "the layers below could not be flushed");
		return;
	}
	re->watermark_bytes = re->next_watermark_bytes;
	step_record(re);
}

static void step_flush(struct reencrypt *re)
{
	re->step = STEP_FLUSH;
	submit(re, SLUICE_OP_FLUSH, 0, 0, NULL, flushed);
}

static void run_written(struct sluice_own_io *own)
{
	struct reencrypt *re = own->ctx;

	if (own->status != SLUICE_OK) {
		re->at_bytes = 0;
		try_again(re, (enum sluice_status)own->status,
			  own->status == SLUICE_ERR_NO_SPACE
			      ? "the datastore is full"
			      : "the volume could not be written below");
		return;
	}
	re->at_bytes += re->run_bytes;
	step_write(re);
}

/* How much from at_bytes on is a hole in the journal, or is none. */
static uint64_t run_of(const struct reencrypt *re, bool is_hole)
{
	uint64_t at_bytes = re->at_bytes;

	while (at_bytes < re->zone_bytes &&
	       xts_is_hole(re->journal + at_bytes, unit_at(re, at_bytes)) == is_hole)
		at_bytes += unit_at(re, at_bytes);
	return at_bytes - re->at_bytes;
}

/* The next run. Holes are left alone, unless what has unmapped them may have been lost: then there
 * might be data of the other key. */
static void step_write(struct reencrypt *re)
{
	re->step = STEP_WRITE;
	re->run_bytes = run_of(re, true);
	if (re->run_bytes && re->must_zero) {
		submit(re, SLUICE_OP_WRITE_ZEROES, re->at_bytes, re->run_bytes, NULL, run_written);
		return;
	}
	re->at_bytes += re->run_bytes;
	re->run_bytes = run_of(re, false);
	if (re->run_bytes)
		submit(re, SLUICE_OP_WRITE, re->at_bytes, re->run_bytes, re->out + re->at_bytes,
		       run_written);
	else
		step_flush(re);
}

/* ---------------------------------------------------------------- journal */

static void journalled(void *ctx, int result)
{
	struct reencrypt *re = ctx;

	if (result == 0) {
		re->at_bytes = 0;
		step_write(re);
		return;
	}
	/* A record of it may be on disk all the same, and must not be believed. */
	stand_still(re, "the journal in the sidecar 'reencrypt' could not be written");
	step_record(re);
}

static void step_journal(struct reencrypt *re, bool is_undo)
{
	struct reencrypt_record rec = {.kind = (uint8_t)re->kind,
				       .state = REENCRYPT_COPYING,
				       .watermark_bytes = watermark_after(re),
				       .zone_offset_bytes = re->zone_offset_bytes,
				       .zone_bytes = re->zone_bytes,
				       .is_backward = re->is_backward,
				       .is_paused = re->is_paused};

	if (is_undo)
		rec.watermark_bytes = re->watermark_bytes;
	re->journal = is_undo ? re->raw : re->out;
	re->step = STEP_JOURNAL;
	re->has_journal = true;
	recorder_put(&re->recorder, &rec, re->journal, journalled, re);
}

/* ---------------------------------------------------------------- read */

/* raw to out; holes stay holes, sector by sector. */
static int transform(struct reencrypt *re, struct xts *from, struct xts *to)
{
	uint32_t sector_bytes = re->e->sector_bytes;
	int rc = 0;

	memcpy(re->out, re->raw, re->zone_bytes);
	if (from)
		rc = xts_decrypt(from, re->zone_offset_bytes, re->out, re->zone_bytes);
	for (uint64_t at = 0; to && rc == 0 && at < re->zone_bytes; at += sector_bytes)
		if (!xts_is_hole(re->raw + at, sector_bytes))
			rc = xts_encrypt(to, re->zone_offset_bytes + at, re->out + at, re->out + at,
					 sector_bytes);
	return rc;
}

static void given_up(struct reencrypt *re, const char *text)
{
	stand_still(re, text);
	zone_ended(re);
}

static void zone_read(struct sluice_own_io *own)
{
	struct reencrypt *re = own->ctx;
	struct xts *below = reencrypt_key_below(re), *above = reencrypt_key_above(re);
	struct xts *to = re->is_backward ? above : below;
	char text[LUKS_TEXT_BYTES];

	re->at_bytes = 0;
	re->next_watermark_bytes = watermark_after(re);
	if (companion_is_closed(re->e)) { /* the keys are gone; nothing has been changed */
		zone_ended(re);
		return;
	}
	if (own->status != SLUICE_OK) {
		snprintf(text, sizeof(text), "the volume could not be read at byte %llu",
			 (unsigned long long)re->zone_offset_bytes);
		given_up(re, text);
	} else if (xts_is_hole(re->raw, re->zone_bytes)) {
		step_flush(re); /* what was unmapped there might come back */
	} else if (transform(re, re->is_backward ? below : above, to) < 0) {
		given_up(re, "the cipher failed");
	} else {
		step_journal(re, to == NULL);
	}
}

static void step_read(struct reencrypt *re)
{
	re->step = STEP_READ;
	submit(re, SLUICE_OP_READ, 0, re->zone_bytes, re->raw, zone_read);
}

/* ---------------------------------------------------------------- a hole */

/* Now that nobody else is there. */
static void proved(struct sluice_own_io *own)
{
	struct reencrypt *re = own->ctx;

	re->next_watermark_bytes = watermark_after(re);
	if (own->status == SLUICE_OK && own->extent_is_hole &&
	    own->extent_bytes == re->zone_bytes) {
		step_flush(re); /* what was unmapped there might come back */
		return;
	}
	/* It was written meanwhile. */
	re->zone_bytes = 0;
	re->step = STEP_NONE;
	reencrypt_release_held(re);
	walk_zone_of_data(re);
}

static void step_prove(struct reencrypt *re)
{
	re->step = STEP_PROVE;
	submit(re, SLUICE_OP_EXTENT, 0, re->zone_bytes, NULL, proved);
}

/* ---------------------------------------------------------------- zones */

void walk_flight_ended(struct reencrypt *re)
{
	if (!reencrypt_zone_is_free(re))
		return;
	if (re->is_hole)
		step_prove(re);
	else
		step_read(re);
}

static bool is_at_end(const struct reencrypt *re)
{
	return re->is_backward ? re->watermark_bytes == 0
			       : re->watermark_bytes >= sluice_volume_size_bytes(re->e->f);
}

static void zone_take(struct reencrypt *re, uint64_t offset_bytes, uint64_t len_bytes, bool is_hole)
{
	re->zone_offset_bytes = offset_bytes;
	re->zone_bytes = len_bytes;
	re->is_hole = is_hole;
	re->step = STEP_WAIT;
	walk_flight_ended(re);
}

void walk_zone_of_data(struct reencrypt *re)
{
	uint64_t room_bytes = re->is_backward
				  ? re->watermark_bytes
				  : sluice_volume_size_bytes(re->e->f) - re->watermark_bytes;
	uint64_t zone_bytes = re->e->reencrypt_zone_bytes;

	if (zone_bytes > room_bytes)
		zone_bytes = room_bytes;
	zone_take(re, re->watermark_bytes - (re->is_backward ? zone_bytes : 0), zone_bytes, false);
}

void walk_zone_of_hole(struct reencrypt *re, uint64_t offset_bytes, uint64_t len_bytes)
{
	zone_take(re, offset_bytes, len_bytes, true);
}

static void zone_begin(struct reencrypt *re)
{
	re->begun_ns = sluice_now_ns(re->e->f);
	re->has_journal = re->must_zero = false;
	re->at_bytes = 0;
	drain_take(re);
	if (look_is_known_data(re))
		walk_zone_of_data(re);
	else
		look_begin(re);
}

static bool is_recorded(const struct reencrypt *re)
{
	const struct reencrypt_record *newest = &re->recorder.newest;

	return newest->is_paused == re->is_paused && newest->is_backward == re->is_backward;
}

void walk_go(struct reencrypt *re)
{
	const struct encryption *e = re->e;

	if (re->phase != PHASE_WALKING || re->step != STEP_NONE || re->is_draining ||
	    !e->has_looked || companion_is_closed(e))
		return;
	sluice_timer_cancel(e->f, &re->timer);
	re->is_backward |= re->wants_backward;
	if (!is_recorded(re))
		step_record(re);
	else if (re->is_paused || e->state != STATE_UNLOCKED)
		return;
	else if (is_at_end(re))
		reencrypt_end(re);
	else
		zone_begin(re);
}

void walk_recover(struct reencrypt *re)
{
	const struct reencrypt_record *rec = &re->recorder.newest;

	re->zone_offset_bytes = rec->zone_offset_bytes;
	re->zone_bytes = rec->zone_bytes;
	memcpy(re->out, re->recorder.journal, rec->zone_bytes);
	re->journal = re->out;
	re->has_journal = re->must_zero = true;
	re->at_bytes = 0;
	re->next_watermark_bytes = rec->watermark_bytes;
	re->begun_ns = sluice_now_ns(re->e->f);
	drain_take(re);
	step_write(re);
}

static void step_again(struct reencrypt *re)
{
	if (re->is_to_be_tried_again)
		re->begun_ns = sluice_now_ns(re->e->f); /* nobody paid for the wait */
	re->is_to_be_tried_again = false;
	switch (re->step) {
	case STEP_LOOK:
		look_again(re);
		return;
	case STEP_PROVE:
		step_prove(re);
		return;
	case STEP_READ:
		step_read(re);
		return;
	case STEP_WRITE:
		step_write(re);
		return;
	case STEP_FLUSH:
		step_flush(re);
		return;
	case STEP_RECORD:
		step_record(re);
		return;
	default:
		return;
	}
}
