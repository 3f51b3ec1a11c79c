/* SPDX-License-Identifier: MIT */
/*
 * group.c - one group's life.
 *
 *   create --> start: track record, marks and pages, journal, the node's record, stages --> events
 *          --> stop: no windows, session's BYE, receiver, pages and empty marks, journal -->
 * destroy
 */
#include "group.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "group_int.h"
#include "repl_mutate.h"

uint64_t group_file_bytes(const uint64_t *member_size_bytes, uint32_t member_count)
{
	return HOT_FILE_HEAD_BYTES + (uint64_t)member_count * BITMAP_BYTES_MAX;
}

/* ---------------------------------------------------------------- create, destroy */

static int parts_create(struct repl_group *g)
{
	for (uint32_t m = 0; m < g->host.member_count; m++) {
		if (bitmap_init(&g->bits[m], g->host.member_size_bytes[m]) < 0)
			return -ENOMEM;
	}
	g->hot = hot_create(&g->host, g->bits, gate_ready, g);
	g->compress = compress_new();
	g->plain = aligned_alloc(4096, REPL_PAYLOAD_MAX);
	g->packed = aligned_alloc(4096, REPL_PAYLOAD_MAX);
	if (!g->hot || !g->compress || !g->plain || !g->packed)
		return -ENOMEM;
	if (window_init(g) < 0 || resync_init(g) < 0)
		return -ENOMEM;
	mark_init(g);
	for (uint32_t ch = 0; ch < SLUICE_LINK_CHANNELS; ch++)
		frame_out_init(&g->out[ch], &g->host, (enum sluice_link_channel)ch);
	g->node = &g->node_state;
	g->session = session_create(g);
	if (!g->session)
		return -ENOMEM;
	g->receiver = receiver_create(g, g->cfg.stage_bytes);
	return g->receiver ? 0 : -ENOMEM;
}

static void pace_settle(struct repl_group *g)
{
	uint32_t hour = g->host.ops->hour_of_day ? g->host.ops->hour_of_day(g->host.ctx) : 0;

	pace_set(&g->pace,
		 pace_rate(g->cfg.bandwidth_bytes_per_s, g->cfg.bandwidth_day_bytes_per_s,
			   g->cfg.day_from_h, g->cfg.day_to_h, hour),
		 group_now_ns(g));
}

struct repl_group *group_create(const struct repl_host *h, const struct repl_group_cfg *cfg)
{
	struct repl_group *g = calloc(1, sizeof(*g));

	if (!g)
		return NULL;
	g->host = *h;
	g->cfg = *cfg;
	g->limits = (struct frame_limits){.member_count = g->host.member_count,
					  .block_bytes = g->host.block_bytes,
					  .member_size_bytes = g->host.member_size_bytes};
	pace_settle(g);
	if (parts_create(g) < 0) {
		group_destroy(g);
		return NULL;
	}
	return g;
}

void group_reconfigure(struct repl_group *g, const struct repl_group_cfg *cfg)
{
	g->cfg = *cfg;
	pace_settle(g);
	session_reconfigure(g->session);
}

void group_destroy(struct repl_group *g)
{
	if (!g)
		return;
	lag_end(g);
	mark_fini(g);
	g->host.ops->timer_cancel(g->host.ctx, &g->late_timer);
	g->host.ops->timer_cancel(g->host.ctx, &g->pace_timer);
	g->host.ops->timer_cancel(g->host.ctx, &g->window.timer);
	for (uint32_t i = 0; i < RESYNC_SLOTS; i++) {
		g->host.ops->timer_cancel(g->host.ctx, &g->resync.slots[i].retry);
		free(g->resync.slots[i].ours);
		free(g->resync.slots[i].theirs);
	}
	if (g->receiver)
		receiver_destroy(g->receiver);
	if (g->session)
		session_destroy(g->session);
	hot_destroy(g->hot);
	for (uint32_t m = 0; m < g->host.member_count; m++)
		bitmap_fini(&g->bits[m]);
	compress_free(g->compress);
	free(g->window.ranges);
	free(g->plain);
	free(g->packed);
	free(g);
}

/* ---------------------------------------------------------------- start */

static void start_ended(struct repl_group *g, int result, const struct sluice_error *err)
{
	void (*fn)(void *ctx, int r, const struct sluice_error *e) = g->started;

	g->started = NULL;
	g->is_started = result >= 0;
	if (g->is_started)
		lag_begin(g);
	/* What a stop in peace left between two that are in sync, too. */
	if (g->is_started && group_has_bits(g, BITMAP_TO_SEND))
		session_in_doubt(g->session);
	fn(g->started_ctx, result, err);
}

static void receiver_started(void *ctx, int result, const struct sluice_error *err)
{
	start_ended(ctx, result, err);
}

static void journal_opened(struct repl_group *g, int result, const struct sluice_error *err)
{
	struct sluice_error e = {{0}, {0}};

	if (result >= 0)
		result = session_start(g->session, &e);
	if (result < 0)
		start_ended(g, result, err ? err : &e);
	else
		receiver_start(g->receiver, receiver_started, g);
}

static void marks_failed(struct repl_group *g, int result)
{
	static const struct sluice_error err = {{0}, "the file with the group's marks is unusable"};

	start_ended(g, result, &err);
}

static void marks_settled(struct hot_flush *fl, int result)
{
	struct repl_group *g = fl->ctx;

	if (result < 0)
		marks_failed(g, result);
	else
		journal_open(g, journal_opened);
}

/* The record first: without marks the bits would be taken for what is in the log. */
static void marks_loaded(void *ctx, int result)
{
	struct repl_group *g = ctx;

	if (result >= 0 && g->record.version == 1 && group_has_bits(g, BITMAP_TO_SEND))
		result = track_set(g, g->track, true);
	if (result < 0) {
		marks_failed(g, result);
		return;
	}
	g->load_flush = (struct hot_flush){.fn = marks_settled, .ctx = g, .is_clean = true};
	hot_flush(g->hot, &g->load_flush);
}

/* What the pages' bits mean: with a journal that is whole, what is in it; else nobody knows. */
void group_start(struct repl_group *g,
		 void (*fn)(void *ctx, int result, const struct sluice_error *err), void *ctx)
{
	size_t n = 0;
	bool is_whole;

	g->started = fn;
	g->started_ctx = ctx;
	if (g->host.ops->record_get(g->host.ctx, "track", &g->record, sizeof(g->record), &n) < 0 ||
	    n != sizeof(g->record) || g->record.version != 1)
		g->record = (struct track_record){0};
	g->track = (enum track)g->record.track;
	g->head_lsn = g->record.lsn;
	g->lag.gap_since_ms = g->record.gap_since_ms;
	is_whole = g->track == TRACK_JOURNAL && !g->record.has_pass;
	mark_load(g);
	hot_load(g->hot, is_whole ? BITMAP_JOURNALED : BITMAP_SUSPECT, marks_loaded, g);
}

void group_cancel_start(struct repl_group *g)
{
	receiver_cancel_start(g->receiver);
}

/* ---------------------------------------------------------------- stop */

static void stop_ended(struct repl_group *g)
{
	void (*fn)(void *ctx) = g->stopped;

	g->stopped = NULL;
	fn(g->stopped_ctx);
}

static void journal_closed(void *ctx)
{
	stop_ended(ctx);
}

static void marks_clean(struct hot_flush *fl, int result)
{
	struct repl_group *g = fl->ctx;

	session_stopped(g->session,
			fl->is_clean && result == 0 && !group_has_bits(g, BITMAP_TO_SEND));
	if (g->journal.log) {
		struct sluice_rlog *log = g->journal.log;

		g->journal.log = NULL;
		g->journal.is_open = false;
		sluice_rlog_close(log, journal_closed, g);
	} else {
		stop_ended(g);
	}
}

static void receiver_stopped(void *ctx)
{
	struct repl_group *g = ctx;
	/* Else bits that came since the last record would be taken for what is in the log. */
	bool is_clean = track_set(g, g->track, g->record.has_pass) == 0;

	mark_stop(g);

	for (uint32_t m = 0; m < g->host.member_count; m++)
		bitmap_refresh(&g->bits[m]);
	g->stop_flush = (struct hot_flush){.fn = marks_clean, .ctx = g, .is_clean = is_clean};
	hot_flush(g->hot, &g->stop_flush);
}

static bool has_slots(const struct repl_group *g)
{
	for (uint32_t i = 0; i < RESYNC_SLOTS; i++) {
		if (g->resync.slots[i].step != SLOT_FREE)
			return true;
	}
	return false;
}

/* Again after each thing that was under way has ended. */
void group_stop_step(struct repl_group *g)
{
	if (!g->stopped || g->is_receiver_stopping || g->window.is_running ||
	    g->window.is_flushing || g->journal.is_emptying || has_slots(g) ||
	    g->resync.is_own_flushing || g->busy)
		return;
	g->is_receiver_stopping = true;
	receiver_stop(g->receiver, receiver_stopped, g);
}

void group_stop(struct repl_group *g, void (*fn)(void *ctx), void *ctx)
{
	g->stopped = fn;
	g->stopped_ctx = ctx;
	g->is_stopping = true;
	g->is_serving = false;
	session_stop(g->session);
	group_refuse(g, SLUICE_ERR_NOT_READY);
	group_drop_link(g, "the group stops");
	window_link_down(g);
	resync_link_down(g);
	group_stop_step(g);
}

/* ---------------------------------------------------------------- small things */

void group_grown(struct repl_group *g, uint16_t member, uint64_t new_size_bytes)
{
	if (new_size_bytes <= g->host.member_size_bytes[member])
		return;
	if (!hot_grow(g->hot, member, new_size_bytes) ||
	    bitmap_grow(&g->bits[member], new_size_bytes) < 0) {
		g->host.ops->report(g->host.ctx, "replication_grow",
				    "no memory for the bits of a larger volume");
		return;
	}
	g->host.member_size_bytes[member] = new_size_bytes;
}

const struct repl_host *group_host(const struct repl_group *g)
{
	return &g->host;
}

const struct repl_group_cfg *group_cfg(const struct repl_group *g)
{
	return &g->cfg;
}

struct repl_node *group_node(struct repl_group *g)
{
	return g->node;
}

struct repl_session *group_session(struct repl_group *g)
{
	return g->session;
}

struct repl_receiver *group_receiver(struct repl_group *g)
{
	return g->receiver;
}

uint64_t group_now_ns(const struct repl_group *g)
{
	return g->host.ops->now_ns(g->host.ctx);
}

bool group_is_peer_ready(const struct repl_group *g)
{
	return g->is_peer_ready;
}

bool group_is_busy(const struct repl_group *g)
{
	return g->busy > 0 && !REPL_MUTATE(OLD_REIGN_LANDS);
}

uint64_t group_head_lsn(const struct repl_group *g)
{
	return g->head_lsn;
}

uint64_t group_persisted_lsn(const struct repl_group *g)
{
	return node_is_primary(g->node) ? g->persisted_lsn : g->head_lsn;
}

void group_saw_lsn(struct repl_group *g, uint64_t lsn)
{
	if (lsn & REPL_NO_LSN || lsn <= g->head_lsn)
		return;
	g->head_lsn = lsn;
	if (lsn >= g->record.lsn)
		(void)track_set(g, g->track, g->record.has_pass);
}
