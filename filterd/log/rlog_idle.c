/* SPDX-License-Identifier: MIT */
/*
 * rlog_idle.c - after 50 ms without an append the log is flushed and a MARK follows, whose header
 * says that all before it is durable. Until some header vouches for a record, damage to it could
 * not be told from a write that a power cut tore.
 */
#include "rlog_int.h"

static void set_timer(struct sluice_rlog *log)
{
	if (!env_timer_is_set(&log->idle_timer))
		env_timer_set(log->env, &log->idle_timer, log->append_ns + RLOG_IDLE_NS);
}

static bool is_quiet(const struct sluice_rlog *log)
{
	return log->is_ready && !log->is_failed && !log->is_closing && !log->open_buf &&
	       log->writing_count == 0 && list_is_empty(&log->waiting) && !log->is_dropping;
}

static void mark_durable(struct sluice_rlog_entry *e)
{
	struct sluice_rlog *log = e->ctx;

	log->is_own_busy = false;
	rlog_open_check_close(log);
}

static void write_mark(struct sluice_rlog *log)
{
	struct sluice_rlog_entry *e = &log->own_entry;

	if (log->is_own_busy || log->is_epoch_owed || rlog_space_free(log, false) == 0 ||
	    !rlog_record_open(log, RLOG_RECORD_IDLE))
		return;
	log->is_own_busy = true;
	*e = (struct sluice_rlog_entry){
	    .is_durable = true, .fn = mark_durable, .ctx = log, .seq = log->next_seq};
	list_push_back(&log->open_buf->entries, &rlog_entry_host(e)->node);
	rlog_record_write(log);
	/* It is vouched for by nobody, and needs nobody. */
	log->vouched_seq = log->next_seq - 1;
}

static void flushed(struct sluice_rlog_flush *fl)
{
	struct sluice_rlog *log = fl->ctx;

	log->is_idle_flushing = false;
	if (fl->result == 0 && is_quiet(log) && log->written_seq == log->durable_seq)
		write_mark(log);
	rlog_open_check_close(log);
}

static void idle(struct env_timer *t)
{
	struct sluice_rlog *log = t->ctx;

	if (log->is_closing || log->is_failed || log->vouched_seq >= log->next_seq - 1)
		return;
	if (env_now_ns(log->env) < log->append_ns + RLOG_IDLE_NS || !is_quiet(log) ||
	    log->is_idle_flushing) {
		if (env_now_ns(log->env) >= log->append_ns + RLOG_IDLE_NS)
			log->append_ns = env_now_ns(log->env);
		set_timer(log);
		return;
	}
	log->is_idle_flushing = true;
	log->idle_flush.fn = flushed;
	log->idle_flush.ctx = log;
	sluice_rlog_flush(log, &log->idle_flush);
}

void rlog_idle_init(struct sluice_rlog *log)
{
	log->idle_timer.fn = idle;
	log->idle_timer.ctx = log;
}

void rlog_idle_appended(struct sluice_rlog *log)
{
	log->append_ns = env_now_ns(log->env);
	set_timer(log);
}
