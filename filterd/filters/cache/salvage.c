/* SPDX-License-Identifier: MIT */
#include "salvage.h"

#include <assert.h>
#include <inttypes.h>

#include "own.h"
#include "request.h"
#include "volume.h"

#define STEP_BLOCKS 64u
#define STEP_BYTES  ((uint64_t)STEP_BLOCKS * BLOCK_BYTES)
#define RETRY_NS    1000000000ull
#define AGAIN_NS    20000000ull
#define LOOK_BLOCKS (1u << 18) /* looked at in one go */

static void next(struct volume *v);

static void pause(struct volume *v)
{
	struct salvage *s = &v->salvage;

	s->is_on = false;
	if (s->buf)
		sluice_buf_put(v->f, s->buf, STEP_BYTES);
	s->buf = NULL;
	settle_check(v);
}

/* From the start again later: what has moved is written once more, which is harmless. */
static void failed(struct volume *v, const char *what)
{
	struct salvage *s = &v->salvage;

	if (!s->has_told && !v->is_gone)
		sluice_report(v->f, "cache_destage_failed",
			      "what is left in the failed log does not get to the datastore: %s "
			      "failed at block %" PRIu64,
			      what, s->block);
	s->has_told = true;
	s->block = s->moved_blocks = 0;
	pause(v);
	if (!v->is_gone)
		sluice_timer_set(v->f, &s->timer, sluice_now_ns(v->f) + RETRY_NS);
}

static void flushed(struct sluice_own_io *own)
{
	struct volume *v = own->ctx;
	struct salvage *s = &v->salvage;

	s->is_moving = false;
	own_pump(v);
	if (own->status != SLUICE_OK) {
		failed(v, "the flush");
		return;
	}
	sluice_report(v->f, "cache_clean",
		      "%" PRIu64
		      " dirty bytes of the failed log are on the datastore: nothing is lost",
		      s->moved_blocks * BLOCK_BYTES);
	pause(v);
	wblog_replace(v);
}

static void written(struct sluice_own_io *own)
{
	struct volume *v = own->ctx;

	own_pump(v);
	if (own->status == SLUICE_ERR_UNSUPPORTED && own->op == SLUICE_OP_UNMAP) {
		own->op = SLUICE_OP_WRITE_ZEROES;
		own_go(v, own);
		return;
	}
	v->salvage.is_moving = false;
	if (own->status != SLUICE_OK) {
		failed(v, "the write");
		return;
	}
	v->salvage.block += (own->len_bytes + BLOCK_BYTES - 1) / BLOCK_BYTES;
	v->salvage.moved_blocks +=
	    own->op == SLUICE_OP_WRITE ? (own->len_bytes + BLOCK_BYTES - 1) / BLOCK_BYTES : 0;
	next(v);
}

/* There is one buffer and one place: a second step beside the first would pass blocks over. */
static void begin_move(struct salvage *s)
{
	assert(s->is_on && !s->is_moving);
	s->is_moving = true;
}

static void submit(struct volume *v, enum sluice_op op, uint64_t count,
		   void (*fn)(struct sluice_own_io *own))
{
	struct salvage *s = &v->salvage;
	uint64_t at = s->block * BLOCK_BYTES, len = count * BLOCK_BYTES;

	if (len > 0 && len > v->size_bytes - at)
		len = v->size_bytes - at;
	begin_move(s);
	s->own = (struct sluice_own_io){.op = (uint8_t)op,
					.flags = SLUICE_IO_URGENT,
					.offset_bytes = len ? at : 0,
					.len_bytes = len,
					.buf = s->buf,
					.fn = fn,
					.ctx = v};
	own_go(v, &s->own);
}

static void was_read(struct sluice_rlog_read *rd)
{
	struct volume *v = rd->ctx;

	v->salvage.is_moving = false;
	if (v->is_gone || rd->result < 0)
		failed(v, "reading the log");
	else
		submit(v, SLUICE_OP_WRITE, rd->block_count, written);
}

static void move_data(struct volume *v, uint64_t count)
{
	struct salvage *s = &v->salvage;

	begin_move(s);
	s->read =
	    (struct sluice_rlog_read){.block = s->block,
				      .block_count = count < STEP_BLOCKS ? count : STEP_BLOCKS,
				      .buf = s->buf,
				      .fn = was_read,
				      .ctx = v};
	sluice_rlog_read(v->wblog.log, &s->read);
}

/* What the log has next; what it lacks is passed over. */
static void next(struct volume *v)
{
	struct salvage *s = &v->salvage;
	uint64_t end = (v->size_bytes + BLOCK_BYTES - 1) / BLOCK_BYTES;
	uint64_t pause_at = s->block + LOOK_BLOCKS;
	struct sluice_rlog_run run;

	if (v->is_gone || v->is_draining) { /* salvage_continue() follows a drain */
		pause(v);
		return;
	}
	for (; s->block < end; s->block += run.block_count) {
		if (s->block >= pause_at) { /* a huge volume does not keep the worker */
			sluice_timer_set(v->f, &s->timer, sluice_now_ns(v->f));
			return;
		}
		sluice_rlog_lookup(v->wblog.log, s->block,
				   end - s->block < LOOK_BLOCKS ? end - s->block : LOOK_BLOCKS,
				   &run);
		if (run.what == SLUICE_RLOG_HAS_DATA) {
			move_data(v, run.block_count);
			return;
		}
		if (run.what == SLUICE_RLOG_HAS_ZEROS) {
			submit(v, SLUICE_OP_UNMAP, run.block_count, written);
			return;
		}
	}
	submit(v, SLUICE_OP_FLUSH, 0, flushed);
}

/* A window, or one from the journal: what it has may be older, and must not come last. */
static bool is_older_on_its_way(const struct volume *v)
{
	return v->destage.is_running || (v->wblog.is_journal_away && v->wblog.journal);
}

void salvage_continue(struct volume *v)
{
	struct salvage *s = &v->salvage;

	if (s->is_on || v->is_draining || v->state != VOLUME_DEGRADED || !v->wblog.is_failed ||
	    !v->wblog.log)
		return;
	if (is_older_on_its_way(v)) {
		sluice_timer_set(v->f, &s->timer, sluice_now_ns(v->f) + AGAIN_NS);
		return;
	}
	s->buf = sluice_buf_get(v->f, STEP_BYTES);
	if (!s->buf) {
		sluice_timer_set(v->f, &s->timer, sluice_now_ns(v->f) + RETRY_NS);
		return;
	}
	s->is_on = true;
	sluice_timer_cancel(v->f, &s->timer); /* the end of a drain comes before it is due */
	next(v);
}

void salvage_begin(struct volume *v)
{
	v->salvage.block = v->salvage.moved_blocks = 0;
	v->salvage.has_told = false;
	sluice_timer_set(v->f, &v->salvage.timer, sluice_now_ns(v->f));
}

static void tick(struct sluice_timer *t)
{
	struct volume *v = t->ctx;

	if (v->salvage.is_on)
		next(v);
	else
		salvage_continue(v);
}

void salvage_init(struct volume *v)
{
	v->salvage.timer = (struct sluice_timer){.fn = tick, .ctx = v};
}

void salvage_end(struct volume *v)
{
	sluice_timer_cancel(v->f, &v->salvage.timer);
}
