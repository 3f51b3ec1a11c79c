/* SPDX-License-Identifier: MIT */
/* rlog_fail.c - fail-stop (W13), and answers that may not come before their question's call has
 * returned. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "rlog_int.h"

static void later_post(struct sluice_rlog *log);

static void later_fn(struct env_msg *m)
{
	struct sluice_rlog *log = m->ctx;
	struct list_node waits, entries, *n;

	list_init(&waits);
	list_init(&entries);
	list_splice_back(&waits, &log->later);
	list_splice_back(&entries, &log->later_entries);
	log->calling++;
	while ((n = list_pop_front(&entries))) {
		struct sluice_rlog_entry *e = rlog_entry_of(n);

		e->fn(e);
	}
	while ((n = list_pop_front(&waits))) {
		struct rlog_wait *w = list_entry(n, struct rlog_wait, node);

		w->fn(w, w->result);
	}
	log->calling--;
	log->is_later_posted = false;
	if (!list_is_empty(&log->later) || !list_is_empty(&log->later_entries))
		later_post(log);
	rlog_open_check_close(log);
}

static void later_post(struct sluice_rlog *log)
{
	if (log->is_later_posted)
		return;
	log->is_later_posted = true;
	log->later_msg.fn = later_fn;
	log->later_msg.ctx = log;
	env_post(log->env, &log->later_msg);
}

void rlog_fail_later(struct sluice_rlog *log, struct rlog_wait *w, int result)
{
	w->result = result;
	list_push_back(&log->later, &w->node);
	later_post(log);
}

void rlog_fail_entry_later(struct sluice_rlog *log, struct sluice_rlog_entry *e, int result)
{
	e->result = result;
	list_push_back(&log->later_entries, &rlog_entry_host(e)->node);
	later_post(log);
}

static void entries_later(struct sluice_rlog *log, struct list_node *from)
{
	struct list_node *n;

	while ((n = list_pop_front(from)))
		rlog_fail_entry_later(log, rlog_entry_of(n), -EIO);
}

static void waits_later(struct sluice_rlog *log, struct list_node *from)
{
	struct list_node *n;

	while ((n = list_pop_front(from)))
		rlog_fail_later(log, list_entry(n, struct rlog_wait, node), -EIO);
}

void rlog_fail(struct sluice_rlog *log, int result, const char *what)
{
	if (!log->is_failed) {
		log->is_failed = true;
		snprintf(log->failed_text, sizeof(log->failed_text), "%s failed: %s", what,
			 strerror(-result));
	}
	/* In the order of their calls: first what is oldest. */
	entries_later(log, &log->undurable);
	for (struct list_node *n = log->writing.next; n != &log->writing; n = n->next)
		entries_later(log, &list_entry(n, struct rlog_buf, node)->entries);
	if (log->open_buf)
		entries_later(log, &log->open_buf->entries);
	entries_later(log, &log->waiting);
	log->waiting_count = 0;
	if (!log->is_drop_begun) {
		waits_later(log, &log->drops);
		log->is_dropping = false;
	}
	waits_later(log, &log->sync_running);
	waits_later(log, &log->sync_waiting);
	waits_later(log, &log->super_running);
	waits_later(log, &log->super_waiting);
}
