/* SPDX-License-Identifier: MIT */
#include "stage.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#define UNIT         SLUICE_RLOG_BLOCK_BYTES
#define MEMBER_SHIFT REPL_LOG_MEMBER_SHIFT
/* Kept by the log itself, and what a record may leave unused at the end of the ring; of a small
 * log half, since its records are small, too. */
#define SPARE_BLOCKS  600u
#define RECORD_BLOCKS 255u

uint64_t stage_block(uint16_t member, uint64_t offset_bytes)
{
	return (uint64_t)member << MEMBER_SHIFT | offset_bytes / UNIT;
}

static void begin(struct stage *s, void (*fn)(void *ctx, int result), void *ctx)
{
	s->fn = fn;
	s->ctx = ctx;
}

static void end(struct stage *s, enum stage_state state, int result)
{
	struct sluice_rlog_stats st;

	sluice_rlog_stats(s->log, &st);
	s->state = st.is_failed ? STAGE_FAILED : state;
	if (s->state == STAGE_FREE)
		s->used_blocks = s->used_ranges = 0;
	s->fn(s->ctx, result);
}

/* ---------------------------------------------------------------- open and close */

static void opened(void *ctx, const struct sluice_rlog_opened *how)
{
	struct stage *s = ctx;
	struct sluice_rlog_stats st;
	uint64_t spare;

	if (how->result) {
		s->opened(s->ctx, how->result, &how->err);
		return;
	}
	sluice_rlog_stats(s->log, &st);
	spare = st.capacity_blocks / 2 < SPARE_BLOCKS ? st.capacity_blocks / 2 : SPARE_BLOCKS;
	s->room_blocks = st.capacity_blocks - spare;
	s->used_blocks = st.used_blocks;
	s->used_ranges = st.zero_blocks; /* and each is a block at least */
	s->order = st.mark_value;
	s->state = st.has_mark ? STAGE_COMPLETE : st.has_entries ? STAGE_FILLING : STAGE_FREE;
	s->opened(s->ctx, 0, NULL);
}

int stage_open(struct stage *s, const struct repl_host *host, enum repl_log which,
	       uint64_t size_bytes,
	       void (*fn)(void *ctx, int result, const struct sluice_error *err), void *ctx,
	       struct sluice_error *err)
{
	struct sluice_rlog_cfg cfg = {
	    .size_bytes = size_bytes, .block_bytes = UNIT, .may_create = true};

	memset(s, 0, sizeof(*s));
	s->host = host;
	s->which = which;
	s->opened = fn;
	s->ctx = ctx;
	memcpy(cfg.owner_uuid, host->group_uuid, sizeof(cfg.owner_uuid));
	s->log = host->ops->log_open(host->ctx, which, &cfg, opened, s, err);
	return s->log ? 0 : -ENOMEM;
}

void stage_close(struct stage *s, void (*fn)(void *ctx), void *ctx)
{
	struct sluice_rlog *log = s->log;

	s->log = NULL;
	s->state = STAGE_CLOSED;
	sluice_rlog_close(log, fn, ctx);
}

/* ---------------------------------------------------------------- fill */

/* Each entry may become a record of its own, followed by the log's own mark when all is idle. */
static uint64_t worst_blocks(uint64_t blocks)
{
	return blocks + (blocks + RECORD_BLOCKS - 1) / RECORD_BLOCKS + 1;
}

bool stage_has_room(const struct stage *s, uint64_t blocks)
{
	return s->used_blocks + worst_blocks(blocks) <= s->room_blocks &&
	       s->used_ranges + 2 <= SLUICE_RLOG_RANGES;
}

bool stage_fits(const struct stage *s, uint64_t bytes)
{
	return s->used_blocks <= s->room_blocks &&
	       bytes / UNIT <= (s->room_blocks - s->used_blocks) / 3;
}

void stage_append(struct stage *s, struct sluice_rlog_entry *e, uint16_t member,
		  uint64_t offset_bytes, uint64_t len_bytes)
{
	assert(s->state == STAGE_FREE || s->state == STAGE_FILLING);
	s->state = STAGE_FILLING;
	e->block = stage_block(member, offset_bytes);
	e->block_count = (len_bytes + UNIT - 1) / UNIT;
	e->is_durable = false;
	s->used_blocks += worst_blocks(e->kind == SLUICE_RLOG_DATA ? e->block_count : 1);
	s->used_ranges += e->kind == SLUICE_RLOG_ZERO ? 2 : 0;
	s->in_flight++;
	sluice_rlog_append(s->log, e);
}

void stage_appended(struct stage *s, struct sluice_rlog_entry *e)
{
	assert(s->in_flight > 0);
	s->in_flight--;
}

static void flushed(struct sluice_rlog_flush *fl)
{
	struct stage *s = fl->ctx;

	end(s, s->state, fl->result);
}

void stage_flush(struct stage *s, void (*fn)(void *ctx, int result), void *ctx)
{
	assert(s->in_flight == 0);
	begin(s, fn, ctx);
	s->flush = (struct sluice_rlog_flush){.fn = flushed, .ctx = s};
	sluice_rlog_flush(s->log, &s->flush);
}

static void marked(struct sluice_rlog_entry *e)
{
	struct stage *s = e->ctx;

	end(s, e->result ? STAGE_FILLING : STAGE_COMPLETE, e->result);
}

void stage_mark(struct stage *s, uint64_t order, void (*fn)(void *ctx, int result), void *ctx)
{
	assert(s->state == STAGE_FREE || s->state == STAGE_FILLING);
	s->state = STAGE_MARKING;
	s->order = order;
	begin(s, fn, ctx);
	s->mark = (struct sluice_rlog_entry){
	    .kind = SLUICE_RLOG_MARK, .is_durable = true, .value = order, .fn = marked, .ctx = s};
	sluice_rlog_append(s->log, &s->mark);
}

/* ---------------------------------------------------------------- to the volumes */

static void answer(struct sluice_rlog_sink_io *io, int result)
{
	io->result = result;
	io->fn(io);
}

static void written(struct repl_own *o)
{
	struct stage_io *x = o->ctx;
	struct sluice_rlog_sink_io *io = x->io;

	x->io = NULL;
	answer(io, o->status == SLUICE_OK ? 0 : -EIO);
}

static struct stage_io *io_get(struct stage *s, struct sluice_rlog_sink_io *io)
{
	struct stage_io *x = s->ios;

	while (x->io)
		x++;
	assert(x < s->ios + STAGE_IOS); /* max_ios */
	x->io = io;
	x->stage = s;
	x->own = (struct repl_own){.ctx = x};
	return x;
}

static struct repl_range range_of(const struct stage *s, const struct sluice_rlog_sink_io *io)
{
	struct repl_range r = {.member = (uint16_t)(io->block >> MEMBER_SHIFT)};
	uint64_t size;

	assert(r.member < s->host->member_count);
	size = s->host->member_size_bytes[r.member];
	r.offset_bytes = (io->block & ((1ull << MEMBER_SHIFT) - 1)) * UNIT;
	r.len_bytes = io->block_count * UNIT;
	/* The last unit of a volume may be short. */
	if (r.len_bytes > size - r.offset_bytes)
		r.len_bytes = size - r.offset_bytes;
	return r;
}

static void write_down(struct stage *s, struct sluice_rlog_sink_io *io)
{
	struct repl_range r = range_of(s, io);
	struct stage_io *x = io_get(s, io);
	bool is_zero = io->op == SLUICE_RLOG_SINK_ZERO;

	s->touched |= 1ull << r.member;
	x->own.op = is_zero ? SLUICE_OP_WRITE_ZEROES : SLUICE_OP_WRITE;
	x->own.flags = is_zero && io->may_unmap ? SLUICE_IO_MAY_UNMAP : 0;
	x->own.member = r.member;
	x->own.offset_bytes = r.offset_bytes;
	x->own.len_bytes = r.len_bytes;
	x->own.buf = (void *)io->buf;
	x->own.fn = written;
	s->host->ops->own_submit(s->host->ctx, &x->own);
}

static void flush_members(struct stage *s, struct sluice_rlog_sink_io *io);

static void member_flushed(struct repl_own *o)
{
	struct stage_io *x = o->ctx;
	struct stage *s = x->stage;
	struct sluice_rlog_sink_io *io = x->io;

	x->io = NULL;
	if (o->status != SLUICE_OK) {
		s->flush_result = -EIO;
		s->touched |= 1ull << o->member;
	}
	if (--s->flushes_left)
		return;
	if (s->flush_result || !s->touched)
		answer(io, s->flush_result);
	else
		flush_members(s, io);
}

/* There may be 64 members and there are slots for 16: in rounds. */
static void flush_members(struct stage *s, struct sluice_rlog_sink_io *io)
{
	for (uint16_t m = 0; m < REPL_MEMBERS_MAX && s->flushes_left < STAGE_IOS; m++) {
		struct stage_io *x;

		if (!(s->touched >> m & 1))
			continue;
		s->touched &= ~(1ull << m);
		s->flushes_left++;
		x = io_get(s, io);
		x->own.op = SLUICE_OP_FLUSH;
		x->own.member = m;
		x->own.fn = member_flushed;
		s->host->ops->own_submit(s->host->ctx, &x->own);
	}
	if (s->flushes_left == 0)
		answer(io, 0);
}

static void taken(void *ctx)
{
	answer(ctx, 0);
}

static void submit(void *ctx, struct sluice_rlog_sink_io *io)
{
	struct stage *s = ctx;
	struct repl_range r;

	if (io->op == SLUICE_RLOG_SINK_FLUSH) {
		s->flush_result = 0;
		if (s->take)
			s->take_flush(s->take_ctx, taken, io);
		else
			flush_members(s, io);
	} else if (s->take) {
		r = range_of(s, io);
		s->take(s->take_ctx, &r);
		answer(io, 0);
	} else {
		write_down(s, io);
	}
}

static void replayed(struct sluice_rlog_destage *d)
{
	struct stage *s = d->ctx;

	end(s, d->result ? STAGE_COMPLETE : STAGE_FREE, d->result);
}

static void replay(struct stage *s)
{
	assert(s->state == STAGE_COMPLETE && s->in_flight == 0);
	s->state = STAGE_APPLYING;
	s->sink = (struct sluice_rlog_sink){.submit = submit, .ctx = s, .max_ios = STAGE_IOS};
	s->replay = (struct sluice_rlog_destage){.fn = replayed, .ctx = s};
	sluice_rlog_replay_journal(s->log, &s->sink, &s->replay);
}

void stage_apply(struct stage *s, void (*fn)(void *ctx, int result), void *ctx)
{
	begin(s, fn, ctx);
	s->take = NULL;
	replay(s);
}

void stage_hand_over(struct stage *s, void (*take)(void *ctx, const struct repl_range *r),
		     void (*take_flush)(void *ctx, void (*fn)(void *fn_ctx), void *fn_ctx),
		     void *take_ctx, void (*fn)(void *ctx, int result), void *ctx)
{
	begin(s, fn, ctx);
	s->take = take;
	s->take_flush = take_flush;
	s->take_ctx = take_ctx;
	replay(s);
}

static void dropped(struct sluice_rlog_flush *fl)
{
	struct stage *s = fl->ctx;

	end(s, fl->result ? STAGE_FILLING : STAGE_FREE, fl->result);
}

void stage_drop(struct stage *s, void (*fn)(void *ctx, int result), void *ctx)
{
	assert(s->state == STAGE_FILLING && s->in_flight == 0);
	s->state = STAGE_DROPPING;
	begin(s, fn, ctx);
	s->flush = (struct sluice_rlog_flush){.fn = dropped, .ctx = s};
	sluice_rlog_drop(s->log, &s->flush);
}
