/* SPDX-License-Identifier: MIT */
/*
 * rlog_recover.c - a log that is there is opened, step by step:
 *
 *   flush (W6) -> superblocks -> whose is it (W14) -> checkpoint (rlog_load.c)
 *   -> replay (rlog_walk.c) -> end or damage? (rlog_scan.c, W10)
 *   -> superblock with the new epoch, durable -> EPOCH record, durable (W7) -> ready
 *
 * Up to the new epoch nothing is written. The owner flushes the device below on its own.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "rlog_int.h"

#define MEM_BLOCKS 1024u

int rlog_recover_init(struct sluice_rlog *log)
{
	struct rlog_recovery *r = calloc(1, sizeof(*r));
	uint32_t block_bytes = log->geo.block_bytes;
	uint32_t record = 1 + rlog_record_room(block_bytes) / RLOG_DATA_CRC_BYTES;
	uint64_t bytes;

	if (!r)
		return -ENOMEM;
	log->recovery = r;
	r->mem_blocks = log->geo.log_blocks < MEM_BLOCKS ? log->geo.log_blocks : MEM_BLOCKS;
	if (r->mem_blocks < record)
		r->mem_blocks = record;
	bytes = (uint64_t)r->mem_blocks * block_bytes;
	bytes = (bytes + RLOG_MEM_ALIGN - 1) / RLOG_MEM_ALIGN * RLOG_MEM_ALIGN;
	r->mem = aligned_alloc(RLOG_MEM_ALIGN, bytes);
	r->ring.log = log;
	return r->mem ? 0 : -ENOMEM;
}

void rlog_recover_fini(struct sluice_rlog *log)
{
	if (!log->recovery)
		return;
	free(log->recovery->mem);
	free(log->recovery);
	log->recovery = NULL;
}

/* False: the log is being closed, or the I/O failed; nothing more is done. */
static bool goes_on(struct sluice_rlog *log, int result)
{
	log->recovery->is_busy = false;
	if (log->is_closing)
		rlog_open_check_close(log);
	else if (result)
		rlog_open_end(log, result, SLUICE_RLOG_IO, "%s: recovering the log failed: %s",
			      log->path, strerror(-result));
	else
		return true;
	return false;
}

/* ---------------------------------------------------------------- blocks of the circle */

static void filled(struct rlog_ring_io *ring)
{
	struct rlog_recovery *r = ring->log->recovery;

	if (goes_on(ring->log, ring->result))
		r->filled(ring->log);
}

uint8_t *rlog_recover_blocks(struct sluice_rlog *log, uint64_t v, uint32_t blocks,
			     void (*fn)(struct sluice_rlog *log))
{
	struct rlog_recovery *r = log->recovery;
	uint64_t left = r->end_v - v;

	if (v >= r->mem_v && v + blocks <= r->mem_v + r->mem_count)
		return r->mem + (v - r->mem_v) * log->geo.block_bytes;
	r->mem_v = v;
	r->mem_count = left < r->mem_blocks ? (uint32_t)left : r->mem_blocks;
	r->filled = fn;
	r->is_busy = true;
	r->ring.fn = filled;
	rlog_ring_submit(&r->ring, ENV_IO_READ, v, r->mem_count, r->mem);
	return NULL;
}

/* ---------------------------------------------------------------- the new epoch */

static void epoch_durable(struct sluice_rlog_entry *e)
{
	struct sluice_rlog *log = e->ctx;

	log->is_own_busy = false;
	if (e->result == 0)
		log->is_epoch_owed = false;
	if (!log->recovery) {
		rlog_append_pump(log);
		return;
	}
	if (e->result)
		rlog_open_end(log, e->result, SLUICE_RLOG_IO, "%s: %s", log->path,
			      log->failed_text);
	else
		rlog_open_end(log, 0,
			      log->recovery->super.is_clean ? SLUICE_RLOG_CLEAN
							    : SLUICE_RLOG_RECOVERED,
			      NULL);
}

void rlog_recover_epoch(struct sluice_rlog *log)
{
	struct sluice_rlog_entry *e = &log->own_entry;

	if (!log->is_epoch_owed || log->is_own_busy || log->is_failed || log->is_closing ||
	    log->is_dropping || rlog_space_free(log, true) == 0 ||
	    !rlog_record_open(log, RLOG_RECORD_EPOCH))
		return;
	log->is_own_busy = true;
	*e = (struct sluice_rlog_entry){
	    .is_durable = true, .fn = epoch_durable, .ctx = log, .seq = log->next_seq};
	list_push_back(&log->open_buf->entries, &rlog_entry_host(e)->node);
	rlog_record_write(log);
}

/* Nothing may be written before the new epoch is durable in a superblock. */
static void superblock_durable(struct rlog_wait *w, int result)
{
	struct rlog_recovery *r =
	    (struct rlog_recovery *)((char *)w - offsetof(struct rlog_recovery, wait));
	struct sluice_rlog *log = r->ring.log;

	if (!goes_on(log, result))
		return;
	log->is_epoch_owed = !RLOG_MUTATE(NO_EPOCH_RECORD);
	rlog_recover_epoch(log);
	/* No block left: the EPOCH record follows when the first window has been trimmed. */
	if (!log->is_own_busy)
		rlog_open_end(log, 0, r->super.is_clean ? SLUICE_RLOG_CLEAN : SLUICE_RLOG_RECOVERED,
			      NULL);
}

static void new_epoch(struct sluice_rlog *log)
{
	struct rlog_recovery *r = log->recovery;

	if (RLOG_MUTATE(EPOCH_RECYCLED) && r->last.type == RLOG_RECORD_EPOCH)
		r->at = r->before_last;
	log->head = log->written = r->at;
	log->head_v = log->written_v = log->durable_v = r->at.v;
	log->next_seq = r->at.seq;
	log->written_seq = log->durable_seq = r->at.seq - 1;
	log->vouched_seq = log->durable_seq;
	log->epoch = r->super.epoch + 1;
	if (r->at.seq > log->tail.seq)
		rlog_stats_wrote(log, log->tail.seq);
	r->is_busy = true;
	r->wait.fn = superblock_durable;
	if (RLOG_MUTATE(EPOCH_NOT_IN_SUPERBLOCK))
		rlog_fail_later(log, &r->wait, 0);
	else
		rlog_super_write(log, &r->wait);
}

/* ---------------------------------------------------------------- end or damage */

static void damaged(struct sluice_rlog *log, const char *proof, uint64_t seq)
{
	struct rlog_recovery *r = log->recovery;
	uint64_t block = (uint64_t)log->geo.log_start + rlog_ring_pos(log, r->at.v);

	log->opened.lost_position = block * log->geo.block_bytes;
	rlog_open_end(
	    log, -EBADMSG, SLUICE_RLOG_CORRUPT,
	    "%s is damaged: record %llu at byte %llu was durable, says %s %llu, and cannot be "
	    "read; nothing was changed (sluice-logcheck explains it)",
	    log->path, (unsigned long long)r->at.seq, (unsigned long long)log->opened.lost_position,
	    proof, (unsigned long long)seq);
}

void rlog_recover_scanned(struct sluice_rlog *log, bool is_damaged, uint64_t proof_seq)
{
	if (is_damaged)
		damaged(log, "record", proof_seq);
	else
		new_epoch(log);
}

void rlog_recover_walked(struct sluice_rlog *log)
{
	struct rlog_recovery *r = log->recovery;

	if (RLOG_MUTATE(NO_CORRUPTION_SCAN))
		new_epoch(log);
	else if (r->at.seq <= r->super.durable_seq ||
		 (r->super.is_clean && r->at.seq <= r->super.head_seq))
		damaged(log, "superblock", r->super.sb_seq);
	else if (r->is_over_full)
		damaged(log, "its own header, which no superblock made room for,", r->at.seq);
	else
		rlog_scan_begin(log);
}

/* A bad checkpoint costs time, nothing else: the superblock still knows where the tail is. */
void rlog_recover_loaded(struct sluice_rlog *log, bool is_good)
{
	struct rlog_recovery *r = log->recovery;

	if (is_good) {
		r->at = (struct rlog_anchor){.v = log->tail.v + r->load_limit,
					     .seq = r->checkpoint.seq + 1,
					     .epoch = r->checkpoint.epoch,
					     .crc = r->checkpoint.prev_crc};
		log->mark_seq = r->checkpoint.mark_seq;
		log->entry_seq = r->checkpoint.entry_seq;
		log->mark_value = r->checkpoint.mark_value;
	} else {
		rlog_map_clear(&log->map);
		log->has_checkpoint = false;
		r->at = log->tail;
	}
	rlog_walk_begin(log);
}

/* ---------------------------------------------------------------- superblocks */

int rlog_recover_adopt(struct sluice_rlog *log, const struct rlog_super *s,
		       struct sluice_error *err)
{
	int rc;

	log->geo = s->geo;
	rc = rlog_open_memory(log, err);
	if (rc)
		return rc;
	log->super = *s;
	log->log_seed = rlog_seed_log(s->uuid);
	log->epoch = s->epoch;
	log->tail = (struct rlog_anchor){
	    .v = s->tail_pos, .seq = s->tail_seq, .epoch = s->tail_epoch, .crc = s->tail_prev_crc};
	log->map.tail_pos = s->tail_pos;
	log->head = log->written = log->tail;
	log->head_v = log->written_v = log->durable_v = log->sb_tail_v = log->tail.v;
	log->next_seq = s->tail_seq;
	log->written_seq = log->durable_seq = s->tail_seq - 1;
	log->mark_value = s->mark_value;
	log->has_checkpoint = s->has_checkpoint;
	log->checkpoint_slot = s->checkpoint_slot;
	log->checkpoint_crc = s->checkpoint_crc;
	log->checkpoint_seq = s->checkpoint_seq;
	log->checkpoint_bytes = s->checkpoint_bytes;
	return 0;
}

static bool may_replace_owner(const struct sluice_rlog_cfg *cfg, const struct rlog_super *s)
{
	static const uint8_t nobody[16];

	return cfg->may_create && cfg->may_replace && memcmp(cfg->replace_uuid, nobody, 16) &&
	       memcmp(cfg->replace_uuid, s->owner_uuid, 16) == 0;
}

/* False: another way was taken. */
static bool is_owners(struct sluice_rlog *log, const struct rlog_super *s)
{
	memcpy(log->opened.owner_uuid, s->owner_uuid, 16);
	if (memcmp(s->owner_uuid, log->cfg.owner_uuid, 16)) {
		if (may_replace_owner(&log->cfg, s))
			rlog_create_begin(log);
		else
			rlog_open_end(log, -EXDEV, SLUICE_RLOG_FOREIGN,
				      "%s holds the data of another volume; nothing was changed",
				      log->path);
		return false;
	}
	if (s->generation < log->cfg.generation && log->cfg.may_create && log->cfg.may_replace) {
		rlog_create_begin(log);
		return false;
	}
	if (s->generation != log->cfg.generation && !RLOG_MUTATE(ANY_GENERATION)) {
		rlog_open_end(
		    log, -ESTALE, SLUICE_RLOG_FOREIGN,
		    "%s is of generation %llu, the volume is at %llu: it was used without this log "
		    "in between; nothing was changed",
		    log->path, (unsigned long long)s->generation,
		    (unsigned long long)log->cfg.generation);
		return false;
	}
	return true;
}

static void no_superblock(struct sluice_rlog *log, enum rlog_super_is a, enum rlog_super_is b)
{
	uint64_t len = rlog_super_len(log);

	/* A is written last: without it nothing was ever acknowledged. What is not a log must not
	 * be taken for that: many file systems begin with zeros. */
	if (rlog_super_is_blank(log->recovery->mem, len) && b != RLOG_SUPER_NEWER &&
	    rlog_super_may_be_cut(log->super_mem, len)) {
		if (log->cfg.may_create)
			rlog_create_begin(log);
		else
			rlog_open_end(log, -ENODATA, SLUICE_RLOG_UNKNOWN, "%s holds no log",
				      log->path);
	} else if (a == RLOG_SUPER_NEWER || b == RLOG_SUPER_NEWER) {
		rlog_open_end(log, -EPROTONOSUPPORT, SLUICE_RLOG_UNKNOWN,
			      "%s is a log of another version; this program knows version %u",
			      log->path, RLOG_VERSION);
	} else if (a == RLOG_SUPER_DAMAGED || b == RLOG_SUPER_DAMAGED) {
		rlog_open_end(log, -EBADMSG, SLUICE_RLOG_CORRUPT,
			      "%s: both superblocks are damaged; nothing was changed", log->path);
	} else {
		rlog_open_end(log, -EMEDIUMTYPE, SLUICE_RLOG_UNKNOWN,
			      "%s holds something else than a log; nothing was changed", log->path);
	}
}

static void choose(struct sluice_rlog *log, enum rlog_super_is a, enum rlog_super_is b,
		   const struct rlog_super *other)
{
	struct rlog_recovery *r = log->recovery;
	int rc;

	if (a != RLOG_SUPER_VALID && b != RLOG_SUPER_VALID) {
		no_superblock(log, a, b);
		return;
	}
	if (b == RLOG_SUPER_VALID && (a != RLOG_SUPER_VALID || other->sb_seq > r->super.sb_seq))
		r->super = *other;
	if (r->super.geo.block_bytes != log->cfg.block_bytes) {
		rlog_open_end(log, -EINVAL, SLUICE_RLOG_UNKNOWN,
			      "%s has blocks of %u bytes, %u were expected", log->path,
			      r->super.geo.block_bytes, log->cfg.block_bytes);
		return;
	}
	if (!is_owners(log, &r->super))
		return;
	rc = rlog_recover_adopt(log, &r->super, &log->opened.err);
	if (rc)
		rlog_open_end(log, rc, SLUICE_RLOG_IO, NULL);
	else
		rlog_load_begin(log);
}

static void b_read(struct env_io *io)
{
	struct sluice_rlog *log = io->ctx;
	enum rlog_super_is a, b;
	struct rlog_super other;

	if (!goes_on(log, io->result))
		return;
	/* A waits at the start of the recovery's memory. */
	a = rlog_super_decode(log->recovery->mem, log->file->size_bytes, &log->recovery->super);
	b = rlog_super_decode(log->super_mem, log->file->size_bytes, &other);
	choose(log, a, b, &other);
}

static void super_read(struct sluice_rlog *log, uint64_t sb_seq, void *buf,
		       void (*done)(struct env_io *io))
{
	log->recovery->is_busy = true;
	rlog_ring_plain(log, &log->recovery->io, ENV_IO_READ, rlog_super_offset(log, sb_seq),
			rlog_super_len(log), buf, done);
}

static void a_read(struct env_io *io)
{
	struct sluice_rlog *log = io->ctx;

	if (goes_on(log, io->result))
		super_read(log, 1, log->super_mem, b_read);
}

static void flushed(struct env_io *io)
{
	struct sluice_rlog *log = io->ctx;

	if (goes_on(log, io->result))
		super_read(log, 0, log->recovery->mem, a_read);
}

void rlog_recover_begin(struct sluice_rlog *log)
{
	struct rlog_recovery *r = log->recovery;

	if (log->file->size_bytes < (uint64_t)log->geo.checkpoint_start * log->geo.block_bytes) {
		if (log->file->size_bytes == 0 && log->cfg.may_create)
			rlog_create_begin(log);
		else
			rlog_open_end(log, -EMEDIUMTYPE, SLUICE_RLOG_UNKNOWN,
				      "%s has %llu bytes, too few for a log", log->path,
				      (unsigned long long)log->file->size_bytes);
		return;
	}
	if (RLOG_MUTATE(NO_FLUSH_AT_RECOVERY)) {
		super_read(log, 0, r->mem, a_read);
		return;
	}
	r->is_busy = true;
	rlog_ring_plain(log, &r->io, ENV_IO_SYNC, 0, 0, NULL, flushed);
}
