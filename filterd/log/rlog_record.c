/* SPDX-License-Identifier: MIT */
/*
 * rlog_record.c - the buffers in which records are built and from which they are written, and what
 * a record means to the map.
 */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "rlog_crc.h"
#include "rlog_int.h"

bool rlog_record_open(struct sluice_rlog *log, enum rlog_record_type type)
{
	struct list_node *n = list_pop_front(&log->free_bufs);
	struct rlog_buf *b;

	if (!n)
		return false;
	b = list_entry(n, struct rlog_buf, node);
	b->rec =
	    (struct rlog_record){.type = (uint8_t)type, .epoch = log->epoch, .seq = log->next_seq};
	b->mask = rlog_seed_mask(rlog_seed_record(log->log_seed, log->epoch, b->rec.seq),
				 log->geo.block_bytes);
	b->room = rlog_record_room(log->geo.block_bytes);
	b->is_done = false;
	memset(b->mem, 0, log->geo.block_bytes);
	log->open_buf = b;
	return true;
}

static void buf_free(struct rlog_buf *b)
{
	struct sluice_rlog *log = b->log;

	list_del(&b->node);
	list_push_front(&log->free_bufs, &b->node);
	log->writing_count--;
	if (b->ring.is_durable)
		log->committing_count--;
}

/*
 * A record that is durable when its write ends needs no flush behind it. Not all of it may be: who
 * waits for D1 alone would wait for more. And as the write vouches for itself alone, all before it
 * must be durable already, or on its way in such a write: records count in their order, so this one
 * does not before those. RLOG_COMMITS_MAX at a time: what comes meanwhile gathers in the next.
 */
static bool may_commit_itself(const struct sluice_rlog *log, const struct rlog_buf *b)
{
	const struct list_node *n;

	if (!log->file->has_durable_writes || list_is_empty(&b->entries))
		return false;
	list_for_each (n, &b->entries)
		if (!rlog_entry_of((struct list_node *)(uintptr_t)n)->is_durable)
			return false;
	if (RLOG_MUTATE(COMMIT_VOUCHES_FOR_ALL))
		return true;
	return log->writing_count == log->committing_count &&
	       log->durable_seq + 1 + log->committing_count == b->rec.seq;
}

/* The oldest record has been written: it counts. */
static void written(struct sluice_rlog *log, struct rlog_buf *b)
{
	rlog_record_apply(log, b->mem, &b->rec, b->v, b->mask);
	log->written_seq = b->rec.seq;
	log->written_v = b->v + 1 + b->rec.data_blocks;
	log->written = (struct rlog_anchor){
	    .v = log->written_v, .seq = b->rec.seq + 1, .epoch = b->rec.epoch, .crc = b->rec.crc};
	if (b->ring.is_durable) {
		log->durable_seq = log->written_seq;
		log->durable_v = log->written_v;
	}
	if (b->rec.durable_seq > log->vouched_seq)
		log->vouched_seq = b->rec.durable_seq;
	list_splice_back(&log->undurable, &b->entries);
	rlog_stats_wrote(log, b->rec.seq);
	buf_free(b);
}

/* After a failure nothing counts any more, but memory stays while it is being written from. */
static void done_free(struct sluice_rlog *log)
{
	struct list_node *n, *next;

	list_for_each_safe (n, next, &log->writing) {
		struct rlog_buf *b = list_entry(n, struct rlog_buf, node);

		if (b->is_done)
			buf_free(b);
	}
}

static void write_done(struct rlog_ring_io *r)
{
	struct rlog_buf *b = r->ctx;
	struct sluice_rlog *log = b->log;

	b->is_done = true;
	if (r->result)
		rlog_fail(log, r->result, "writing a record");
	if (log->is_failed) {
		done_free(log);
		rlog_open_check_close(log);
		return;
	}
	while (!list_is_empty(&log->writing)) {
		b = RLOG_MUTATE(ACK_OUT_OF_ORDER)
			? r->ctx
			: list_entry(log->writing.next, struct rlog_buf, node);
		if (!b->is_done)
			break;
		written(log, b);
		if (RLOG_MUTATE(ACK_OUT_OF_ORDER))
			break;
	}
	rlog_commit_written(log);
	rlog_append_pump(log);
	rlog_drop_pump(log);
	rlog_checkpoint_pump(log);
	rlog_open_check_close(log);
}

/* W1 f: what dm-writecache does, to see that the tests notice. */
static bool overwrite_in_place(struct sluice_rlog *log, struct rlog_buf *b)
{
	const struct rlog_slot *s;
	struct rlog_extent x;

	if (!RLOG_MUTATE(OVERWRITE_IN_PLACE) || b->rec.data_blocks != 1 || b->rec.extent_count != 1)
		return false;
	rlog_record_extent(b->mem, 0, &x);
	s = rlog_map_find(&log->map, x.block);
	if (!s)
		return false;
	rlog_ring_submit(&b->ring, ENV_IO_WRITE, rlog_ring_v(log, s->place - 1), 1,
			 b->mem + log->geo.block_bytes);
	return true;
}

void rlog_record_write(struct sluice_rlog *log)
{
	struct rlog_buf *b = log->open_buf;
	uint32_t blocks = 1u + b->rec.data_blocks;

	log->open_buf = NULL;
	b->rec.prev_crc = log->head.crc;
	b->rec.durable_seq = log->durable_seq;
	rlog_record_seal(b->mem, log->geo.block_bytes, log->log_seed, &b->rec);
	b->v = log->head_v;
	log->head_v += blocks;
	log->next_seq++;
	log->head = (struct rlog_anchor){
	    .v = log->head_v, .seq = log->next_seq, .epoch = log->epoch, .crc = b->rec.crc};
	b->ring.is_durable = may_commit_itself(log, b);
	log->committing_count += b->ring.is_durable;
	list_push_back(&log->writing, &b->node);
	log->writing_count++;
	log->n.records++;
	log->n.written_bytes += (uint64_t)blocks * log->geo.block_bytes;
	log->appended_since_bytes += (uint64_t)blocks * log->geo.block_bytes;
	b->ring.fn = write_done;
	b->ring.ctx = b;
	b->ring.log = log;
	if (!overwrite_in_place(log, b))
		rlog_ring_submit(&b->ring, ENV_IO_WRITE, b->v, blocks, b->mem);
}

static void apply_data(struct sluice_rlog *log, const uint8_t *header, uint32_t *index,
		       const struct rlog_extent *x, uint64_t v, uint32_t mask)
{
	for (uint64_t i = 0; i < x->block_count; i++, ++*index) {
		uint32_t crc = rlog_record_crc(header, log->geo.block_bytes, *index) ^ mask;

		if (RLOG_MUTATE(REPLAY_OLDEST_WINS) && log->recovery &&
		    rlog_map_find(&log->map, x->block + i))
			continue;
		rlog_map_put(&log->map, x->block + i, rlog_ring_pos(log, v + 1 + *index), crc);
	}
}

void rlog_record_apply(struct sluice_rlog *log, const uint8_t *header, const struct rlog_record *r,
		       uint64_t v, uint32_t mask)
{
	uint32_t index = 0;
	struct rlog_extent x;

	if (r->extent_count)
		log->entry_seq = r->seq;
	for (uint32_t i = 0; i < r->extent_count; i++) {
		rlog_record_extent(header, i, &x);
		if (x.kind == SLUICE_RLOG_DATA) {
			apply_data(log, header, &index, &x, v, mask);
		} else if (x.kind == SLUICE_RLOG_MARK) {
			log->mark_seq = r->seq;
			log->mark_value = x.block;
		} else {
			struct rlog_zero z = {.start = x.block,
					      .end = x.block + x.block_count,
					      .pos = rlog_ring_pos(log, v),
					      .may_unmap = x.may_unmap};

			if (log->zeros_pending)
				log->zeros_pending--;
			rlog_map_put_zeros(&log->map, &z);
		}
	}
}
