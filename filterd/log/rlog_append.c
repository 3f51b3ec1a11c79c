/* SPDX-License-Identifier: MIT */
/*
 * rlog_append.c - entries become parts of records, in the order of their calls.
 *
 * An entry's data is copied once, into the record that is open. The record is sealed by a message,
 * so that everything of one turn shares it, or when it is full; while all buffers are being
 * written, or RLOG_COMMITS_MAX that are durable at the end of their writes, it goes on growing. An
 * entry that fits into one record is never split.
 */
#include <errno.h>
#include <string.h>

#include "rlog_crc.h"
#include "rlog_int.h"

static void seal_fn(struct env_msg *m)
{
	struct sluice_rlog *log = m->ctx;

	log->is_seal_posted = false;
	if (log->open_buf && !log->is_failed && log->committing_count < RLOG_COMMITS_MAX)
		rlog_record_write(log);
	rlog_append_pump(log);
	rlog_open_check_close(log);
}

static void seal_soon(struct sluice_rlog *log)
{
	if (log->is_seal_posted || !log->open_buf)
		return;
	log->is_seal_posted = true;
	log->seal_msg.fn = seal_fn;
	log->seal_msg.ctx = log;
	env_post(log->env, &log->seal_msg);
}

static uint32_t data_fits(const struct sluice_rlog *log, const struct rlog_buf *b)
{
	uint32_t by_header =
	    b->room < RLOG_EXTENT_BYTES ? 0 : (b->room - RLOG_EXTENT_BYTES) / RLOG_DATA_CRC_BYTES;
	uint32_t by_buffer = log->record_blocks - b->rec.data_blocks;

	return by_header < by_buffer ? by_header : by_buffer;
}

static void put_extent(struct rlog_buf *b, const struct rlog_extent *x)
{
	rlog_record_put_extent(b->mem, b->rec.extent_count++, x);
	b->room -= RLOG_EXTENT_BYTES;
}

static int copy_sealed(struct sluice_rlog *log, const struct rlog_buf *b, uint64_t block,
		       const uint8_t *in, uint32_t blocks)
{
	const struct sluice_rlog_seal *seal = log->cfg.seal;
	uint64_t bytes = log->geo.block_bytes;
	uint32_t index = 1 + b->rec.data_blocks;
	int rc = 0;

	for (uint32_t i = 0; i < blocks && !rc; i++)
		rc = seal->seal(seal->ctx, block + i,
				RLOG_MUTATE(SEAL_PLACE_IN_RECORD)
				    ? index + i
				    : rlog_ring_pos(log, log->head_v + index + i),
				in + i * bytes, b->mem + (index + i) * bytes);
	return rc;
}

/* False: the log has failed, and nothing of it is in the record. */
static bool copy_data(struct sluice_rlog *log, struct rlog_buf *b,
		      const struct sluice_rlog_entry *e, uint64_t from, uint32_t blocks)
{
	uint32_t bytes = log->geo.block_bytes;
	const uint8_t *in = (const uint8_t *)e->buf + from * bytes;
	uint8_t *out = b->mem + (1 + (uint64_t)b->rec.data_blocks) * bytes;
	struct rlog_extent x = {
	    .kind = SLUICE_RLOG_DATA, .block = e->block + from, .block_count = blocks};

	if (log->cfg.seal) {
		int rc = copy_sealed(log, b, x.block, in, blocks);

		if (rc) {
			rlog_fail(log, rc, "sealing a block");
			return false;
		}
	} else {
		memcpy(out, in, (uint64_t)blocks * bytes);
	}
	put_extent(b, &x);
	for (uint32_t i = 0; i < blocks; i++, out += bytes) {
		rlog_record_put_crc(b->mem, bytes, b->rec.data_blocks++,
				    rlog_crc(0, out, bytes) ^ b->mask);
	}
	b->room -= blocks * RLOG_DATA_CRC_BYTES;
	log->n.appended_blocks += blocks;
	return true;
}

/* An open record with room for something of e. NULL: later. */
static struct rlog_buf *room_for(struct sluice_rlog *log, const struct sluice_rlog_entry *e,
				 uint64_t left)
{
	uint32_t whole = left < log->record_blocks ? (uint32_t)left : log->record_blocks;
	struct rlog_buf *b = log->open_buf;
	bool is_full = false;

	if (b && e->kind == SLUICE_RLOG_DATA)
		is_full = data_fits(log, b) < whole;
	else if (b)
		is_full = b->room < RLOG_EXTENT_BYTES ||
			  (e->kind == SLUICE_RLOG_ZERO && b->rec.data_blocks);
	if (is_full)
		rlog_record_write(log);
	if (e->kind == SLUICE_RLOG_ZERO && !rlog_space_has_zeros(log))
		whole = UINT32_MAX;
	else if (e->kind != SLUICE_RLOG_DATA)
		whole = 0;
	if (whole + (log->open_buf ? 0ull : 1) > rlog_space_free(log, false)) {
		rlog_space_want(log);
		return NULL;
	}
	if (!log->open_buf && !rlog_record_open(log, RLOG_RECORD_ENTRIES))
		return NULL;
	return log->open_buf;
}

/* False: the rest of e has to wait. */
static bool stage(struct sluice_rlog *log, struct sluice_rlog_entry *e)
{
	struct rlog_entry_host *host = rlog_entry_host(e);
	struct rlog_extent x = {.kind = e->kind, .may_unmap = e->may_unmap, .block = e->block};
	struct rlog_buf *b;

	do {
		uint64_t left = e->block_count - host->staged_blocks;

		b = room_for(log, e, left);
		if (!b)
			return false;
		if (e->kind == SLUICE_RLOG_DATA) {
			uint32_t n = data_fits(log, b);

			n = left < n ? (uint32_t)left : n;
			if (!copy_data(log, b, e, host->staged_blocks, n))
				return false;
			host->staged_blocks += n;
			continue;
		}
		x.block_count = e->kind == SLUICE_RLOG_ZERO ? e->block_count : 0;
		if (e->kind == SLUICE_RLOG_MARK)
			x.block = e->value;
		else
			log->zeros_pending++;
		put_extent(b, &x);
		host->staged_blocks = e->block_count;
	} while (host->staged_blocks < e->block_count);
	e->seq = b->rec.seq;
	list_del(&host->node);
	log->waiting_count--;
	list_push_back(&b->entries, &host->node);
	return true;
}

void rlog_append_pump(struct sluice_rlog *log)
{
	if (!log->is_ready || log->is_failed)
		return;
	log->is_short_of_space = false;
	rlog_recover_epoch(log);
	if (log->is_epoch_owed && !log->is_own_busy && !list_is_empty(&log->waiting))
		rlog_space_want(log);
	while (!list_is_empty(&log->waiting) && !log->is_dropping && !log->is_epoch_owed) {
		if (rlog_commit_is_behind(log)) {
			rlog_commit_pump(log);
			break;
		}
		if (!stage(log, rlog_entry_of(log->waiting.next)))
			break;
	}
	if (log->open_buf && log->writing_count < RLOG_BUFS - 1 &&
	    log->committing_count < RLOG_COMMITS_MAX)
		seal_soon(log);
}

void sluice_rlog_append(struct sluice_rlog *log, struct sluice_rlog_entry *e)
{
	struct rlog_entry_host *host = rlog_entry_host(e);

	list_init(&host->node);
	host->staged_blocks = 0;
	e->result = 0;
	e->seq = 0;
	if (log->is_failed || log->is_closing || !log->is_ready) {
		rlog_fail_entry_later(log, e, log->is_failed ? -EIO : -ECANCELED);
		return;
	}
	if (e->kind > SLUICE_RLOG_MARK ||
	    (e->kind != SLUICE_RLOG_MARK && (e->block_count == 0 || e->block_count >> 56 ||
					     e->block > UINT64_MAX - e->block_count))) {
		rlog_fail_entry_later(log, e, -EINVAL);
		return;
	}
	rlog_idle_appended(log);
	list_push_back(&log->waiting, &host->node);
	log->waiting_count++;
	rlog_append_pump(log);
}

void sluice_rlog_refuse_waiting(struct sluice_rlog *log)
{
	struct list_node *n;

	while ((n = list_pop_front(&log->waiting))) {
		log->waiting_count--;
		rlog_fail_entry_later(log, rlog_entry_of(n), -ENOSPC);
	}
}
