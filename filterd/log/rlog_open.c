/* SPDX-License-Identifier: MIT */
/*
 * rlog_open.c - a log's life: opened (made or recovered), ready, closed.
 *
 * Closing goes on whenever something ends, one step after the other: records and reads, destage,
 * a flush and a superblock that says clean, then the file. Memory goes last, in a message.
 */
#include "rlog_open.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rlog_int.h"

#define RECORD_BLOCKS_DEFAULT  255u
#define RESERVE_BLOCKS_DEFAULT 64u

static void log_free(struct sluice_rlog *log)
{
	rlog_destage_fini(log);
	rlog_checkpoint_fini(log);
	rlog_recover_fini(log);
	rlog_read_fini(log);
	rlog_map_fini(&log->map);
	free(log->buf_mem);
	free(log->super_mem);
	free(log->path);
	free(log);
}

void rlog_abandon(struct sluice_rlog *log)
{
	log_free(log);
}

/* ---------------------------------------------------------------- memory */

static int sizes(struct sluice_rlog *log, struct sluice_error *err)
{
	uint32_t room = rlog_record_room(log->geo.block_bytes);
	uint32_t by_header = (room - RLOG_EXTENT_BYTES) / RLOG_DATA_CRC_BYTES;
	uint32_t want = log->cfg.record_blocks ? log->cfg.record_blocks : RECORD_BLOCKS_DEFAULT;
	uint32_t usable;

	log->reserve_blocks =
	    log->cfg.reserve_blocks ? log->cfg.reserve_blocks : RESERVE_BLOCKS_DEFAULT;
	if (log->reserve_blocks + 5ull > log->geo.log_blocks) {
		snprintf(err->field, sizeof(err->field), "size_bytes");
		snprintf(
		    err->text, sizeof(err->text),
		    "the log would have %u blocks, of which %u are kept in reserve; make it larger",
		    log->geo.log_blocks, log->reserve_blocks);
		return -EINVAL;
	}
	/* Two records at least, or one would wait for the other for ever. */
	usable = (log->geo.log_blocks - 1 - log->reserve_blocks) / 2 - 1;
	log->record_blocks = want < by_header ? want : by_header;
	if (log->record_blocks > usable)
		log->record_blocks = usable;
	return 0;
}

int rlog_open_memory(struct sluice_rlog *log, struct sluice_error *err)
{
	uint64_t buf_bytes;
	int rc = sizes(log, err);

	if (rc)
		return rc;
	buf_bytes = (1 + (uint64_t)log->record_blocks) * log->geo.block_bytes;
	buf_bytes = (buf_bytes + RLOG_MEM_ALIGN - 1) / RLOG_MEM_ALIGN * RLOG_MEM_ALIGN;
	log->buf_mem = aligned_alloc(RLOG_MEM_ALIGN, buf_bytes * RLOG_BUFS);
	if (!log->buf_mem ||
	    rlog_map_init(&log->map, log->geo.log_blocks, rlog_space_replay_zeros(log)) ||
	    rlog_checkpoint_init(log)) {
		snprintf(err->text, sizeof(err->text),
			 "out of memory for the map of a log of %u blocks", log->geo.log_blocks);
		return -ENOMEM;
	}
	for (uint32_t i = 0; i < RLOG_BUFS; i++) {
		struct rlog_buf *b = &log->bufs[i];

		b->log = log;
		b->mem = log->buf_mem + i * buf_bytes;
		list_init(&b->entries);
		list_push_back(&log->free_bufs, &b->node);
	}
	return 0;
}

/* ---------------------------------------------------------------- opening */

static void opened_fn(struct env_msg *m)
{
	struct sluice_rlog *log = m->ctx;

	log->is_opened_posted = false;
	if (!log->is_closing) {
		log->is_ready = log->opened.result == 0;
		log->calling++;
		log->opened_fn(log->opened_ctx, &log->opened);
		log->calling--;
		rlog_append_pump(log);
	}
	rlog_open_check_close(log);
}

void rlog_open_end(struct sluice_rlog *log, int result, enum sluice_rlog_found found,
		   const char *fmt, ...)
{
	va_list ap;

	rlog_recover_fini(log);
	log->opened.result = result;
	log->opened.found = found;
	log->opened.dirty_blocks = log->map.used + log->map.zeros.block_count;
	log->opened.recovery_ns = env_now_ns(log->env) - log->open_ns;
	if (fmt) {
		va_start(ap, fmt);
		vsnprintf(log->opened.err.text, sizeof(log->opened.err.text), fmt, ap);
		va_end(ap);
	}
	log->is_opened_posted = true;
	log->opened_msg.fn = opened_fn;
	log->opened_msg.ctx = log;
	env_post(log->env, &log->opened_msg);
}

static void lists_init(struct sluice_rlog *log)
{
	struct list_node *heads[] = {&log->later,         &log->later_entries, &log->free_bufs,
				     &log->writing,       &log->waiting,       &log->undurable,
				     &log->sync_waiting,  &log->sync_running,  &log->super_waiting,
				     &log->super_running, &log->reads,         &log->free_reads,
				     &log->drops};

	for (uint32_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++)
		list_init(heads[i]);
}

static void file_open(struct sluice_rlog *log)
{
	struct env_open how = {.path = log->path,
			       .flags = ENV_OPEN_DIRECT | ENV_OPEN_LOCK,
			       .size_bytes = log->cfg.size_bytes};
	struct err err = {0};
	bool is_new = false;
	int rc = env_file_open(log->env, &how, &log->file, &err);

	if (rc == -ENOENT && log->cfg.may_create) {
		how.flags |= ENV_OPEN_CREATE | ENV_OPEN_FULL;
		rc = env_file_open(log->env, &how, &log->file, &err);
		is_new = rc == 0;
	}
	if (rc)
		rlog_open_end(log, rc, rc == -ENOENT ? SLUICE_RLOG_MISSING : SLUICE_RLOG_IO, "%s",
			      err.text);
	else if (log->geo.block_bytes % log->file->align_bytes)
		rlog_open_end(log, -EINVAL, SLUICE_RLOG_IO,
			      "%s wants I/O in units of %u bytes, the log's blocks have %u",
			      log->path, log->file->align_bytes, log->geo.block_bytes);
	else if (is_new)
		rlog_create_begin(log);
	else
		rlog_recover_begin(log);
}

static bool cfg_is_sane(const struct sluice_rlog_cfg *cfg, struct rlog_geometry *geo,
			struct sluice_error *err)
{
	if (rlog_geometry_make(geo, cfg->block_bytes, cfg->size_bytes, cfg->checkpoint_bytes != 0))
		return true;
	/* Of what is there already, the size does not matter; of the blocks only theirs. */
	if (!cfg->may_create && rlog_geometry_make(geo, cfg->block_bytes, 1ull << 30, false))
		return true;
	snprintf(err->field, sizeof(err->field), "size_bytes");
	snprintf(
	    err->text, sizeof(err->text),
	    "no log of %llu bytes in blocks of %u can be made; blocks have 128 to 65536 bytes, a "
	    "power of two, and there must be at least 80 of them",
	    (unsigned long long)cfg->size_bytes, cfg->block_bytes);
	return false;
}

struct sluice_rlog *rlog_open_env(struct env *env, const struct sluice_rlog_cfg *cfg,
				  void (*fn)(void *ctx, const struct sluice_rlog_opened *how),
				  void *ctx, struct sluice_error *err)
{
	struct sluice_rlog *log;
	struct rlog_geometry geo;

	memset(err, 0, sizeof(*err));
	if (!cfg_is_sane(cfg, &geo, err))
		return NULL;
	log = calloc(1, sizeof(*log));
	if (!log)
		goto no_memory;
	lists_init(log);
	log->env = env;
	log->cfg = *cfg;
	log->geo = geo;
	log->path = strdup(cfg->path);
	log->super_mem = aligned_alloc(RLOG_MEM_ALIGN, (rlog_super_len(log) + RLOG_MEM_ALIGN - 1) /
							   RLOG_MEM_ALIGN * RLOG_MEM_ALIGN);
	if (!log->path || !log->super_mem || rlog_recover_init(log)) {
		log_free(log);
		goto no_memory;
	}
	log->cfg.path = log->path;
	log->opened_fn = fn;
	log->opened_ctx = ctx;
	log->open_ns = env_now_ns(env);
	rlog_idle_init(log);
	file_open(log);
	return log;
no_memory:
	snprintf(err->text, sizeof(err->text), "out of memory");
	return NULL;
}

/* ---------------------------------------------------------------- closing */

static void closed_fn(struct env_msg *m)
{
	struct sluice_rlog *log = m->ctx;
	void (*fn)(void *ctx) = log->closed_fn;
	void *ctx = log->closed_ctx;

	if (log->file)
		env_file_close(log->env, log->file);
	log_free(log);
	if (fn)
		fn(ctx);
}

static void close_go_on(struct rlog_wait *w, int result)
{
	struct sluice_rlog *log =
	    (struct sluice_rlog *)((char *)w - offsetof(struct sluice_rlog, close_wait));

	log->close_step++;
	rlog_open_check_close(log);
}

static bool is_under_way(const struct sluice_rlog *log)
{
	return log->calling || log->is_opened_posted || log->is_later_posted ||
	       log->is_seal_posted || log->is_want_space_posted || log->writing_count ||
	       log->is_syncing || log->is_super_busy || !list_is_empty(&log->reads) ||
	       log->is_destaging || log->is_dropping || log->is_idle_flushing ||
	       rlog_checkpoint_is_busy(log) || (log->recovery && log->recovery->is_busy);
}

enum {
	CLOSE_QUIET,
	CLOSE_SYNC,
	CLOSE_SYNCING,
	CLOSE_CLEAN,
	CLOSE_CLEANING,
	CLOSE_LAST,
	CLOSE_DONE
};

/* The steps that each wait for the one before; is_under_way() is false at each. */
void rlog_open_check_close(struct sluice_rlog *log)
{
	if (!log->is_closing || log->close_step == CLOSE_DONE || is_under_way(log))
		return;
	if (log->open_buf && !log->is_failed) {
		rlog_record_write(log);
		return;
	}
	if (!log->is_ready || log->is_failed)
		log->close_step = CLOSE_LAST;
	log->close_wait.fn = close_go_on;
	if (log->close_step == CLOSE_QUIET)
		log->close_step = CLOSE_SYNC;
	if (log->close_step == CLOSE_SYNC) {
		log->close_step = CLOSE_SYNCING;
		rlog_commit_sync(log, &log->close_wait);
	} else if (log->close_step == CLOSE_CLEAN) {
		log->close_step = CLOSE_CLEANING;
		log->is_super_clean = true;
		rlog_super_write(log, &log->close_wait);
	} else if (log->close_step == CLOSE_LAST) {
		log->close_step = CLOSE_DONE;
		env_timer_cancel(log->env, &log->idle_timer);
		log->closed_msg.fn = closed_fn;
		log->closed_msg.ctx = log;
		env_post(log->env, &log->closed_msg);
	}
}

void sluice_rlog_close(struct sluice_rlog *log, void (*fn)(void *ctx), void *ctx)
{
	struct list_node *n;

	assert(!log->is_closing);
	log->is_closing = true;
	log->closed_fn = fn;
	log->closed_ctx = ctx;
	while ((n = list_pop_front(&log->waiting)))
		rlog_fail_entry_later(log, rlog_entry_of(n), -ECANCELED);
	log->waiting_count = 0;
	rlog_open_check_close(log);
}
