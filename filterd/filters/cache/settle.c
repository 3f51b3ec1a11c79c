/* SPDX-License-Identifier: MIT */
#include "settle.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "request.h"
#include "volume.h"

#define MIN_DIRTY_BYTES (256ull << 10)
#define MAX_DIRTY_BYTES (8ull << 20)

bool settle_wants_all(const struct volume *v)
{
	return v->settle.is_on || v->settle.is_flush;
}

/* What goes down in a fiftieth of a second: a snapshot holds I/O for so long. */
uint64_t settle_limit_blocks(const struct volume *v)
{
	uint64_t bytes = v->destage.bytes_per_s / 50;

	if (bytes < MIN_DIRTY_BYTES)
		bytes = MIN_DIRTY_BYTES;
	if (bytes > MAX_DIRTY_BYTES)
		bytes = MAX_DIRTY_BYTES;
	return bytes / BLOCK_BYTES;
}

/* ---------------------------------------------------------------- how far it is */

static uint64_t next_seq(const struct volume *v)
{
	struct sluice_rlog_stats s;

	if (!v->wblog.log || !v->wblog.is_readable)
		return 0;
	sluice_rlog_stats(v->wblog.log, &s);
	return s.next_seq;
}

/* All that was appended before seq is down. */
static bool is_down(const struct volume *v, uint64_t seq)
{
	struct sluice_rlog_stats s;

	if (destage_is_clean(v))
		return true;
	sluice_rlog_stats(v->wblog.log, &s);
	return s.tail_seq >= seq;
}

static bool is_little_left(const struct volume *v)
{
	struct sluice_rlog_stats s;

	if (destage_is_clean(v))
		return true;
	sluice_rlog_stats(v->wblog.log, &s);
	return s.dirty_blocks <= settle_limit_blocks(v) && s.tail_seq >= v->settle.seq;
}

static bool is_on_its_way(const struct volume *v)
{
	return v->state == VOLUME_STARTING || v->state == VOLUME_RECOVERING ||
	       v->state == VOLUME_SWITCHING || v->state == VOLUME_CLEARING;
}

static int refusal(const struct volume *v, struct sluice_error *err)
{
	if (v->state == VOLUME_DEGRADED) {
		snprintf(err->text, sizeof(err->text), "the cache is degraded: %.200s",
			 v->state_text);
		return -EIO;
	}
	snprintf(err->text, sizeof(err->text),
		 "%" PRIu64 " dirty bytes do not get to the datastore: %s", volume_dirty_bytes(v),
		 strerror(-v->destage.last_error));
	return v->destage.last_error ? v->destage.last_error : -EIO;
}

static bool has_failed(const struct volume *v)
{
	return v->state == VOLUME_DEGRADED || v->destage.is_failing;
}

/* ---------------------------------------------------------------- begin and end */

int settle_settle(struct sluice_filter *f, enum sluice_settle phase, struct sluice_error *err)
{
	struct volume *v = sluice_state(f);
	struct settle *s = &v->settle;

	if (phase == SLUICE_SETTLE_END) {
		s->is_on = s->is_pending = false; /* it may be called off */
		wblog_continue(v);
		backlog_pump(v);
		destage_kick(v);
		return 0;
	}
	if (v->state == VOLUME_DEGRADED)
		return refusal(v, err);
	s->is_on = true;
	s->seq = next_seq(v);
	if (!is_on_its_way(v) && destage_is_clean(v))
		return 0;
	s->is_pending = true;
	destage_retry(v);
	return SLUICE_PENDING;
}

int settle_flush(struct volume *v, struct sluice_error *err)
{
	if (v->state == VOLUME_DEGRADED)
		return refusal(v, err);
	if (!is_on_its_way(v) && destage_is_clean(v))
		return 0;
	v->settle.is_flush = true;
	v->settle.flush_seq = next_seq(v);
	destage_retry(v);
	return SLUICE_PENDING;
}

static void answer_settle(struct volume *v)
{
	struct settle *s = &v->settle;
	struct sluice_error err = {{0}, {0}};
	int r;

	if (!s->is_pending)
		return;
	if (has_failed(v)) {
		r = refusal(v, &err);
		s->is_pending = s->is_on = false;
		sluice_settled(v->f, r, &err);
		backlog_pump(v);
		return;
	}
	if (is_on_its_way(v) || !is_little_left(v))
		return;
	s->is_pending = false;
	sluice_settled(v->f, 0, NULL);
}

static void answer_flush(struct volume *v)
{
	struct settle *s = &v->settle;
	struct sluice_error err = {{0}, {0}};
	char reply[64];

	if (!s->is_flush)
		return;
	if (has_failed(v)) {
		int r = refusal(v, &err);

		s->is_flush = false;
		sluice_command_done(v->f, r, NULL, &err);
		return;
	}
	if (is_on_its_way(v) || !is_down(v, s->flush_seq))
		return;
	s->is_flush = false;
	snprintf(reply, sizeof(reply), "{\"dirty_bytes\":%" PRIu64 "}", volume_dirty_bytes(v));
	sluice_command_done(v->f, 0, reply, NULL);
}

/* ---------------------------------------------------------------- draining */

/* The window under way ends first; after a settle everything goes down. A datastore that takes
 * nothing does not keep the chain: the change is refused where it has to be. */
static bool has_to_wait(const struct volume *v)
{
	if (v->destage.is_running || v->salvage.is_on)
		return true;
	if (v->backlog.waiting.count > 0 || is_on_its_way(v))
		return !has_failed(v);
	if (!v->settle.is_on || has_failed(v))
		return false;
	return !destage_is_clean(v) || v->backlog.appending_blocks > 0;
}

static void check_drain(struct volume *v)
{
	struct settle *s = &v->settle;

	if (!v->is_draining)
		return;
	if (v->destage.is_failing)
		backlog_fail(v, SLUICE_ERR_BUSY);
	if (v->destage.is_failing && v->state == VOLUME_CLEARING)
		request_fail_held(v, SLUICE_ERR_BUSY);
	if (s->is_held && !has_to_wait(v)) {
		s->is_held = false;
		sluice_drain_release(v->f);
	}
}

void settle_changes(struct volume *v)
{
	if (!v->is_draining || v->settle.is_held)
		return;
	sluice_drain_hold(v->f);
	v->settle.is_held = true;
}

void settle_drain(struct volume *v, bool begin)
{
	struct settle *s = &v->settle;

	v->is_draining = begin;
	if (begin) {
		sluice_drain_hold(v->f);
		s->is_held = true;
		backlog_pump(v);
		destage_kick(v);
		check_drain(v);
		return;
	}
	if (s->is_held) {
		s->is_held = false;
		sluice_drain_release(v->f);
	}
	wblog_continue(v);
	destage_kick(v);
}

void settle_check(struct volume *v)
{
	answer_settle(v);
	answer_flush(v);
	check_drain(v);
}
