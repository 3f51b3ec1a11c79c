/* SPDX-License-Identifier: MIT */
/*
 * exec_xcopy.c - EXTENDED COPY(LID1), block to block, within this volume, from another, to another.
 *
 *   a piece: lock source shared -> read -> unlock
 *            -> lock destination exclusive -> write -> note -> unlock
 *
 * Never two locks at once, so nothing can wait in a circle. What is checked is checked before the
 * first byte moves. Progress is noted before the destination's lock is released: a replay goes on
 * behind it and never writes an old copy over something newer. The lowest bit of the note says that
 * a piece's write was begun, so it may be on the medium already, and somebody may have seen it: a
 * replay does that piece again under one lock from source to destination, taken at once, before any
 * later command gets there (I2, I4). That needs both to be in this volume: no lock reaches into
 * another one, where later commands may have been first. Nor can a piece be done twice whose
 * destination overlaps its source. A replay then fails retryably.
 *
 * Source: SPC-3 6.3; RING-3.
 */
#include <assert.h>
#include <string.h>

#include "copy_list.h"
#include "copy_results.h"
#include "task.h"

#define BEGUN      1ull /* in the note: the next piece's write was begun; lengths are even */
#define PLAN_BYTES 4096u

struct end_point {
	bool is_own;
	uint8_t naa[16];
	uint64_t size_bytes;
	uint32_t block_bytes;
};

struct plan_segment {
	const struct end_point *source, *destination;
	uint64_t source_bytes, destination_bytes; /* offsets */
	uint64_t len_bytes;
};

/* At the front of the scratch memory; the data behind it. */
struct plan {
	struct copy_list list;
	struct end_point points[COPY_TARGETS_MAX];
	struct plan_segment segments[COPY_SEGMENTS_MAX];
};
static_assert(sizeof(struct plan) <= PLAN_BYTES, "the plan fits its page");

static void next_piece(struct task_state *s);

static struct plan *plan_of(struct task_state *s)
{
	return (struct plan *)(void *)s->buf;
}

static uint8_t *piece_buf(struct task_state *s)
{
	return s->buf + PLAN_BYTES;
}

static const struct plan_segment *segment_of(struct task_state *s)
{
	return &plan_of(s)->segments[s->copy.segment];
}

/* ---------------------------------------------------------------- the plan */

static bool is_naa(const struct copy_target *t)
{
	return t->designator_type == 3 && t->code_set == 1 && t->designator_bytes == 16;
}

static enum sense_id resolve(struct scsi_lun *l, const struct copy_target *t, struct end_point *p)
{
	bool is_t10 = t->designator_type == 1 && t->designator_bytes == LUN_T10_ID_BYTES &&
		      memcmp(t->designator, l->t10_id, LUN_T10_ID_BYTES) == 0;

	if (t->is_null || t->association != 0)
		return SENSE_COPY_UNREACHABLE;
	if (is_t10 || (is_naa(t) && memcmp(t->designator, l->naa, sizeof(l->naa)) == 0)) {
		p->is_own = true;
		p->size_bytes = l->size_bytes;
		p->block_bytes = l->cfg.block_bytes;
	} else {
		if (!is_naa(t))
			return SENSE_COPY_UNREACHABLE;
		memcpy(p->naa, t->designator, sizeof(p->naa));
		if (!l->cfg.host->peer_find(l->cfg.host_ctx, p->naa, &p->size_bytes,
					    &p->block_bytes))
			return SENSE_COPY_UNREACHABLE;
	}
	if (p->block_bytes == 0 || (t->block_bytes != 0 && t->block_bytes != p->block_bytes))
		return SENSE_COPY_MISFIT;
	return SENSE_NONE;
}

static enum sense_id plan_segment(struct plan *p, const struct copy_segment *g,
				  struct plan_segment *out)
{
	const struct end_point *from, *to;

	if (g->source >= p->list.target_count || g->destination >= p->list.target_count)
		return SENSE_COPY_TARGET_INDEX;
	from = &p->points[g->source];
	to = &p->points[g->destination];
	out->source = from;
	out->destination = to;
	out->len_bytes = (uint64_t)g->blocks * (g->is_destination_count ? to : from)->block_bytes;
	if (out->len_bytes % from->block_bytes || out->len_bytes % to->block_bytes)
		return SENSE_COPY_FAILED;
	if (!cdb_is_in_range(g->source_lba, out->len_bytes / from->block_bytes,
			     from->size_bytes / from->block_bytes) ||
	    !cdb_is_in_range(g->destination_lba, out->len_bytes / to->block_bytes,
			     to->size_bytes / to->block_bytes))
		return SENSE_COPY_FAILED;
	out->source_bytes = g->source_lba * from->block_bytes;
	out->destination_bytes = g->destination_lba * to->block_bytes;
	return SENSE_NONE;
}

static enum sense_id make_plan(struct task_state *s, struct plan *p)
{
	enum sense_id id = SENSE_NONE;

	memset(p->points, 0, sizeof(p->points));
	for (uint32_t i = 0; i < p->list.target_count && id == SENSE_NONE; i++)
		id = resolve(s->lun, &p->list.targets[i], &p->points[i]);
	for (uint32_t i = 0; i < p->list.segment_count && id == SENSE_NONE; i++) {
		id = plan_segment(p, &p->list.segments[i], &p->segments[i]);
		if (id == SENSE_NONE && p->segments[i].destination->is_own &&
		    lun_is_protected(s->lun))
			id = SENSE_WRITE_PROTECTED;
	}
	return id;
}

/* ---------------------------------------------------------------- ends */

static void end_recorded(struct task_state *s)
{
	struct lun_copy_record *r = s->copy.record;

	if (r) {
		r->bytes = s->done_bytes;
		r->segments = (uint16_t)s->copy.segment;
		copy_results_end(r, s->task);
		if (plan_of(s)->list.id_usage == COPY_ID_DISCARD)
			copy_results_forget(r);
	}
	task_end(s);
}

static void end_failed(struct task_state *s)
{
	switch (s->job.status) {
	case SLUICE_ERR_IO:
	case SLUICE_ERR_CORRUPT:
	case SLUICE_ERR_UNSUPPORTED:
		sense_set(s->task, SENSE_COPY_DEVICE_FAILED);
		break;
	default:
		sense_set_status(s->task, (enum sluice_status)s->job.status, true);
		break;
	}
	end_recorded(s);
}

/* ---------------------------------------------------------------- pieces */

static void note(struct task_state *s, uint64_t progress)
{
	s->lun->cfg.host->note_progress(s->lun->cfg.host_ctx, s->task, progress);
}

static uint64_t source_offset(struct task_state *s)
{
	return segment_of(s)->source_bytes + s->copy.segment_done_bytes;
}

static uint64_t destination_offset(struct task_state *s)
{
	return segment_of(s)->destination_bytes + s->copy.segment_done_bytes;
}

static bool is_same_volume(const struct end_point *a, const struct end_point *b)
{
	return a->is_own ? b->is_own : !b->is_own && memcmp(a->naa, b->naa, sizeof(a->naa)) == 0;
}

static bool overlaps_itself(struct task_state *s, uint32_t bytes)
{
	const struct plan_segment *g = segment_of(s);
	uint64_t from = source_offset(s), to = destination_offset(s);

	return is_same_volume(g->source, g->destination) && from < to + bytes && to < from + bytes;
}

static void piece_written(struct job *j)
{
	struct task_state *s = task_of(j);

	if (j->status) {
		end_failed(s);
		return;
	}
	s->copy.segment_done_bytes += s->copy.chunk_bytes;
	s->done_bytes += s->copy.chunk_bytes;
	note(s, s->done_bytes);
	job_unlock(j);
	next_piece(s);
}

static void destination_locked(struct job *j)
{
	struct task_state *s = task_of(j);

	if (j->status) {
		end_failed(s);
		return;
	}
	note(s, s->done_bytes | BEGUN);
	task_write(s, destination_offset(s), s->copy.chunk_bytes, piece_buf(s), piece_written);
}

static void write_to_peer(struct task_state *s)
{
	const struct scsi_host *host = s->lun->cfg.host;

	if (!job_peer(&s->job, piece_written))
		return;
	note(s, s->done_bytes | BEGUN);
	host->peer_write(s->lun->cfg.host_ctx, segment_of(s)->destination->naa,
			 destination_offset(s), s->copy.chunk_bytes, piece_buf(s), job_peer_done,
			 &s->job);
}

/* A replay comes to the piece that was being written when the last server died. */
static bool is_begun(struct task_state *s)
{
	return s->task->progress == (s->done_bytes | BEGUN);
}

static bool is_within(struct task_state *s)
{
	return segment_of(s)->source->is_own && segment_of(s)->destination->is_own;
}

static void piece_read(struct job *j)
{
	struct task_state *s = task_of(j);

	if (j->status) {
		end_failed(s);
		return;
	}
	if (is_begun(s)) {
		destination_locked(j);
		return;
	}
	job_unlock(j);
	if (segment_of(s)->destination->is_own)
		job_lock(j, destination_offset(s), destination_offset(s) + s->copy.chunk_bytes,
			 true, destination_locked);
	else
		write_to_peer(s);
}

static void source_locked(struct job *j)
{
	struct task_state *s = task_of(j);

	if (j->status)
		end_failed(s);
	else
		task_read(s, source_offset(s), s->copy.chunk_bytes, piece_buf(s), piece_read);
}

static void read_piece(struct task_state *s)
{
	const struct scsi_host *host = s->lun->cfg.host;
	uint64_t from = source_offset(s), to = destination_offset(s);

	if (is_begun(s)) {
		job_lock(&s->job, from < to ? from : to,
			 (from > to ? from : to) + s->copy.chunk_bytes, true, source_locked);
		return;
	}
	if (segment_of(s)->source->is_own) {
		job_lock(&s->job, source_offset(s), source_offset(s) + s->copy.chunk_bytes, false,
			 source_locked);
		return;
	}
	if (job_peer(&s->job, piece_read))
		host->peer_read(s->lun->cfg.host_ctx, segment_of(s)->source->naa, source_offset(s),
				s->copy.chunk_bytes, piece_buf(s), job_peer_done, &s->job);
}

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint32_t piece_unit(const struct plan_segment *g)
{
	uint32_t a = g->source->block_bytes, b = g->destination->block_bytes;

	return a > b ? a : b;
}

/* Over what a replay need not do again, and over finished segments. False: all is done. */
static bool find_piece(struct task_state *s)
{
	struct task_copy *c = &s->copy;

	while (c->segment < c->segment_count) {
		uint64_t left = segment_of(s)->len_bytes - c->segment_done_bytes;
		uint64_t skip = least(left, c->skip_bytes - least(c->skip_bytes, s->done_bytes));

		/* The note comes from memory that tgtd shares. */
		skip -= skip % piece_unit(segment_of(s));
		c->segment_done_bytes += skip;
		s->done_bytes += skip;
		if (left > skip) {
			c->chunk_bytes = (uint32_t)least(left - skip, TASK_DATA_CHUNK_BYTES);
			return true;
		}
		c->segment++;
		c->segment_done_bytes = 0;
	}
	return false;
}

static void next_piece(struct task_state *s)
{
	if (!find_piece(s)) {
		s->task->status = SCSI_GOOD;
		end_recorded(s);
		return;
	}
	if (is_begun(s) && (!is_within(s) || overlaps_itself(s, s->copy.chunk_bytes))) {
		sense_set(s->task, SENSE_COPY_INTERRUPTED);
		end_recorded(s);
		return;
	}
	read_piece(s);
}

/* ---------------------------------------------------------------- begin */

static enum sense_id prepare(struct task_state *s)
{
	struct scsi_task *t = s->task;
	struct plan *p = plan_of(s);
	uint32_t bytes =
	    (uint32_t)least(s->cdb.alloc_bytes, COPY_HEADER_BYTES + COPY_LIST_BYTES_MAX + 1);
	enum sense_id id;
	bool is_busy;

	if (t->out_bytes < s->cdb.alloc_bytes)
		return SENSE_LIST_LENGTH;
	memcpy(piece_buf(s), t->data, bytes);
	id = copy_list_parse(piece_buf(s), bytes, &p->list);
	if (id == SENSE_NONE)
		id = make_plan(s, p);
	if (id != SENSE_NONE)
		return id;
	s->copy.segment_count = p->list.segment_count;
	s->copy.skip_bytes = t->progress & ~BEGUN;
	if (p->list.id_usage == COPY_ID_NONE)
		return SENSE_NONE;
	s->copy.record = copy_results_begin(s->lun, t->nexus_id, p->list.list_id, &is_busy);
	return is_busy ? SENSE_COPY_BUSY : SENSE_NONE;
}

void exec_extended_copy(struct task_state *s)
{
	enum sense_id id;

	s->task->out_used_bytes = s->cdb.alloc_bytes;
	if (s->cdb.alloc_bytes == 0) {
		task_end(s);
		return;
	}
	if (!task_buf(s, PLAN_BYTES + TASK_DATA_CHUNK_BYTES))
		return;
	id = prepare(s);
	if (id != SENSE_NONE)
		task_end_sense(s, id);
	else
		next_piece(s);
}
