/* SPDX-License-Identifier: MIT */
#include "destage.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "own.h"
#include "request.h"
#include "volume.h"

#define WINDOW_BYTES       (4ull << 20)
#define WINDOW_HURRY_BYTES (8ull << 20) /* somebody waits: fewer flushes */
#define RETRY_NS           1000000000ull
#define AGAIN_NS           50000000ull /* nothing was durable, though it was flushed */
#define HIGH_PCT           60u /* of what may be dirty: destaging begins before writers wait */

/* ---------------------------------------------------------------- the sink: own I/O below */

static void io_ended(struct sluice_own_io *own);

static uint8_t op_of(const struct sluice_rlog_sink_io *s)
{
	switch (s->op) {
	case SLUICE_RLOG_SINK_WRITE:
		return SLUICE_OP_WRITE;
	case SLUICE_RLOG_SINK_ZERO:
		return s->may_unmap ? SLUICE_OP_UNMAP : SLUICE_OP_WRITE_ZEROES;
	case SLUICE_RLOG_SINK_FLUSH:
		break;
	}
	return SLUICE_OP_FLUSH;
}

static bool is_waited_for(const struct volume *v)
{
	return v->backlog.waiting.count > 0 || settle_wants_all(v) || v->is_draining;
}

/* The last block may reach past the end of the volume. */
static void io_begin(struct destage_io *x, struct sluice_rlog_sink_io *s)
{
	struct volume *v = x->v;
	uint64_t len = s->block_count * BLOCK_BYTES;

	x->sink = s;
	x->own = (struct sluice_own_io){.op = op_of(s),
					.flags = is_waited_for(v) ? SLUICE_IO_URGENT : 0,
					.buf = (void *)(uintptr_t)s->buf,
					.fn = io_ended,
					.ctx = x};
	if (s->op != SLUICE_RLOG_SINK_FLUSH) {
		x->own.offset_bytes = s->block * BLOCK_BYTES;
		x->own.len_bytes = len < v->size_bytes - x->own.offset_bytes
				       ? len
				       : v->size_bytes - x->own.offset_bytes;
	}
	if (s->may_unmap)
		x->own.flags |= SLUICE_IO_MAY_UNMAP;
	own_go(v, &x->own);
}

/* Initiators' own I/O is only slowed down by many at once when it waits for them anyway. */
static uint32_t max_ios(const struct volume *v)
{
	return is_waited_for(v) || v->destage.is_pressed ? DESTAGE_IOS : DESTAGE_QUIET_IOS;
}

static struct sluice_rlog_sink_io *pop_waiting(struct destage *d)
{
	struct sluice_rlog_sink_io *s = d->waiting;

	if (!s)
		return NULL;
	d->waiting = s->ctx;
	if (!d->waiting)
		d->last = &d->waiting;
	return s;
}

static void sink_pump(struct volume *v)
{
	struct destage *d = &v->destage;
	struct sluice_rlog_sink_io *s;

	while (d->waiting && (v->is_gone || d->under_way < max_ios(v))) {
		struct destage_io *x = d->free;

		s = pop_waiting(d);
		if (v->is_gone) {
			s->result = -ECANCELED;
			s->fn(s);
			continue;
		}
		d->free = x->next;
		d->under_way++;
		io_begin(x, s);
	}
}

/* In the order of their coming, linked by their ctx, which is ours. */
static void sink_submit(void *ctx, struct sluice_rlog_sink_io *s)
{
	struct volume *v = ctx;
	struct destage *d = &v->destage;

	s->ctx = NULL;
	*d->last = s;
	d->last = (struct sluice_rlog_sink_io **)&s->ctx;
	sink_pump(v);
}

static int result_of(uint8_t status)
{
	if (status == SLUICE_OK)
		return 0;
	return status == SLUICE_ERR_NO_SPACE ? -ENOSPC : -EIO;
}

static void io_ended(struct sluice_own_io *own)
{
	struct destage_io *x = own->ctx;
	struct volume *v = x->v;
	struct destage *d = &v->destage;
	struct sluice_rlog_sink_io *s = x->sink;

	own_pump(v);
	if (own->status == SLUICE_ERR_UNSUPPORTED && own->op == SLUICE_OP_UNMAP) {
		own->op = SLUICE_OP_WRITE_ZEROES; /* the datastore cannot give space back */
		own_go(v, own);
		return;
	}
	s->result = result_of(own->status);
	x->next = d->free;
	d->free = x;
	d->under_way--;
	sink_pump(v);
	s->fn(s);
}

/* ---------------------------------------------------------------- when */

static struct sluice_rlog_stats stats_of(const struct volume *v)
{
	struct sluice_rlog_stats s;

	sluice_rlog_stats(v->wblog.log, &s);
	return s;
}

bool destage_is_clean(const struct volume *v)
{
	struct sluice_rlog_stats s;

	if (!v->wblog.log || !v->wblog.is_readable)
		return true;
	s = stats_of(v);
	return s.dirty_blocks == 0 && s.zero_blocks == 0;
}

static bool may_run(const struct volume *v)
{
	if (!v->wblog.log || !v->wblog.is_readable || v->destage.is_running)
		return false;
	if (v->wblog.is_journal_away)
		return false;
	if (v->is_draining && !v->settle.is_held)
		return false; /* the chain may be held, and own I/O with it */
	return v->state == VOLUME_SERVING || v->state == VOLUME_CLEARING;
}

static bool is_filling(const struct volume *v, const struct sluice_rlog_stats *s)
{
	uint64_t limit = s->capacity_blocks * v->cfg.dirty_max_pct / 100;

	return s->used_blocks * 100 > limit * HIGH_PCT;
}

/* When the next window is due: now, later, or never. */
static uint64_t due_ns(const struct volume *v, const struct sluice_rlog_stats *s, uint64_t now_ns)
{
	const struct destage *d = &v->destage;
	uint64_t at_ns = UINT64_MAX;

	if (s->dirty_blocks + s->zero_blocks > 0) {
		if (settle_wants_all(v) || v->state == VOLUME_CLEARING)
			at_ns = now_ns;
		else if (s->oldest_ns > 0 && !v->is_draining)
			at_ns = s->oldest_ns + v->cfg.destage_age_ns;
	}
	if (v->backlog.waiting.count > 0 || s->waiting_entries > 0 ||
	    (!v->is_draining && is_filling(v, s)))
		at_ns = now_ns;
	if (at_ns != UINT64_MAX && at_ns < d->retry_ns)
		at_ns = d->retry_ns;
	return at_ns;
}

static void window_ended(struct sluice_rlog_destage *w);

static void window_begin(struct volume *v, uint64_t now_ns)
{
	struct destage *d = &v->destage;

	d->is_running = true;
	d->begun_ns = now_ns;
	d->sink.journal = v->wblog.journal;
	d->window = (struct sluice_rlog_destage){.max_bytes = is_waited_for(v) ? WINDOW_HURRY_BYTES
									       : WINDOW_BYTES,
						 .fn = window_ended,
						 .ctx = v};
	sluice_rlog_destage(v->wblog.log, &d->sink, &d->window);
}

void destage_kick(struct volume *v)
{
	struct sluice_rlog_stats s;
	uint64_t now_ns, at_ns;

	sink_pump(v); /* somebody may wait for it now */
	if (!may_run(v))
		return;
	s = stats_of(v);
	v->destage.is_pressed = is_filling(v, &s);
	now_ns = sluice_now_ns(v->f);
	at_ns = due_ns(v, &s, now_ns);
	if (at_ns <= now_ns)
		window_begin(v, now_ns);
	else if (at_ns != UINT64_MAX)
		sluice_timer_set(v->f, &v->destage.timer, at_ns);
}

void destage_retry(struct volume *v)
{
	v->destage.retry_ns = 0;
	v->destage.is_failing = false;
	destage_kick(v);
}

/* ---------------------------------------------------------------- a window has ended */

static void went_well(struct volume *v)
{
	struct destage *d = &v->destage;
	uint64_t took_ns = sluice_now_ns(v->f) - d->begun_ns;
	uint64_t bytes = d->window.window_blocks * BLOCK_BYTES;
	uint64_t rate = bytes * 1000000000 / (took_ns ? took_ns : 1);

	d->bytes_per_s = d->bytes_per_s ? (d->bytes_per_s * 3 + rate) / 4 : rate;
	d->retry_ns = 0;
	d->is_flushed = false;
	d->last_error = 0;
	if (d->has_told)
		sluice_report(v->f, "cache_clean",
			      "the datastore takes dirty data again; %" PRIu64 " bytes are left",
			      volume_dirty_bytes(v));
	d->is_failing = d->has_told = false;
}

static void went_wrong(struct volume *v, int result)
{
	struct destage *d = &v->destage;

	d->is_failing = true;
	d->last_error = result;
	d->retry_ns = sluice_now_ns(v->f) + RETRY_NS;
	wblog_failed(v);
	wblog_journal_check(v);
	if (v->wblog.is_failed)
		return; /* salvage.h has it from here */
	if (!d->has_told)
		sluice_report(v->f, "cache_destage_failed",
			      "dirty data does not get to the datastore: %s; %" PRIu64
			      " bytes stay in the log, and writers wait when it is full",
			      result == -EBADMSG ? "a dirty block's checksum does not match"
						 : strerror(-result),
			      volume_dirty_bytes(v));
	d->has_told = true;
}

/* Nothing durable: flush, then once more; after that it has time. */
static void flushed(struct sluice_rlog_flush *fl)
{
	struct volume *v = fl->ctx;
	struct destage *d = &v->destage;

	d->is_running = false;
	if (v->is_gone)
		return;
	d->is_flushed = true;
	if (fl->result < 0)
		went_wrong(v, fl->result);
	destage_kick(v);
	settle_check(v);
}

static void nothing_durable(struct volume *v)
{
	struct destage *d = &v->destage;

	if (d->is_flushed) {
		d->is_flushed = false;
		d->retry_ns = sluice_now_ns(v->f) + AGAIN_NS;
		return;
	}
	d->is_running = true;
	d->flush = (struct sluice_rlog_flush){.fn = flushed, .ctx = v};
	sluice_rlog_flush(v->wblog.log, &d->flush);
}

static void window_ended(struct sluice_rlog_destage *w)
{
	struct volume *v = w->ctx;

	v->destage.is_running = false;
	if (v->is_gone)
		return;
	if (w->result == 0)
		went_well(v);
	else if (w->result == -EAGAIN)
		nothing_durable(v);
	else
		went_wrong(v, w->result);
	if (w->result == 0 && v->state == VOLUME_CLEARING && destage_is_clean(v)) {
		wblog_cleared(v);
		return;
	}
	backlog_pump(v);
	destage_kick(v);
	settle_check(v);
}

/* ---------------------------------------------------------------- life */

static void tick(struct sluice_timer *t)
{
	destage_kick(t->ctx);
}

void destage_init(struct volume *v)
{
	struct destage *d = &v->destage;

	d->last = &d->waiting;
	d->sink =
	    (struct sluice_rlog_sink){.submit = sink_submit, .ctx = v, .max_ios = DESTAGE_IOS};
	for (uint32_t i = 0; i < DESTAGE_IOS; i++) {
		d->ios[i].v = v;
		d->ios[i].next = d->free;
		d->free = &d->ios[i];
	}
	d->timer = (struct sluice_timer){.fn = tick, .ctx = v};
}

void destage_end(struct volume *v)
{
	sluice_timer_cancel(v->f, &v->destage.timer);
}
