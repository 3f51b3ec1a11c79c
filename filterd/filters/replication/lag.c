/* SPDX-License-Identifier: MIT */
/*
 * lag.c - how far the replica is behind, and what is done about it: the ladder.
 *
 *   journal over a half, peer there   changes are slowed down, more the fuller it is, up to a bound
 *   journal full                      only noted (journal_overflow()): a gap, shown and reported
 *   peer back                         resync, then journal again: the gap is over
 *
 * Ticks each 100 ms, and gives what is stuck a push.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "group_int.h"

#define TICK_NS 100000000ull

static uint64_t now_ms(const struct repl_group *g)
{
	return group_now_ns(g) / 1000000u;
}

static uint64_t since_ms(const struct repl_group *g, uint64_t then_ms)
{
	return now_ms(g) > then_ms ? now_ms(g) - then_ms : 0;
}

static uint64_t journal_lag_ms(const struct repl_group *g)
{
	struct sluice_rlog_stats s;
	uint64_t now = group_now_ns(g);

	if (g->track != TRACK_JOURNAL || !g->journal.is_open)
		return 0;
	sluice_rlog_stats(g->journal.log, &s);
	if ((s.dirty_blocks == 0 && s.zero_blocks == 0) || s.oldest_ns == 0 || s.oldest_ns > now)
		return 0;
	return (now - s.oldest_ns) / 1000000u;
}

/* Windows inside a pass that the peer stages are acknowledged, and a promotion would give them up
 * with it: the replica is no newer than it was when the pass began, also while nobody is connected.
 */
static uint64_t pass_lag_ms(struct repl_group *g, uint64_t journal_ms)
{
	bool is_staged = g->resync.what == RESYNC_CATCH_UP && g->resync.is_begun &&
			 g->node->is_peer_up && g->node->peer.is_consistent;

	if (!node_is_primary(g->node))
		g->lag.pass_since_ms = 0;
	else if (is_staged && g->lag.pass_since_ms == 0)
		g->lag.pass_since_ms = now_ms(g) - journal_ms;
	return g->lag.pass_since_ms ? since_ms(g, g->lag.pass_since_ms) : 0;
}

static uint64_t lag_of(struct repl_group *g)
{
	uint64_t journal_ms = journal_lag_ms(g);
	uint64_t pass_ms = pass_lag_ms(g, journal_ms);

	if (g->lag.gap_since_ms)
		return since_ms(g, g->lag.gap_since_ms);
	return pass_ms > journal_ms ? pass_ms : journal_ms;
}

static void sample(struct repl_group *g)
{
	struct lag *l = &g->lag;

	l->now_ms = lag_of(g);
	l->samples_ms[l->next] = l->now_ms < UINT32_MAX ? (uint32_t)l->now_ms : UINT32_MAX;
	l->next = (l->next + 1) % LAG_SAMPLES;
	if (l->count < LAG_SAMPLES)
		l->count++;
}

static int by_size(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

uint64_t lag_percentile_ms(const struct repl_group *g, uint32_t pct)
{
	uint32_t sorted[LAG_SAMPLES];

	if (g->lag.count == 0)
		return 0;
	memcpy(sorted, g->lag.samples_ms, g->lag.count * sizeof(sorted[0]));
	qsort(sorted, g->lag.count, sizeof(sorted[0]), by_size);
	return sorted[(g->lag.count - 1) * pct / 100];
}

static void judge(struct repl_group *g)
{
	struct lag *l = &g->lag;
	uint64_t ms = l->now_ms;
	uint8_t level = 0;
	char text[160];

	if (!node_is_primary(g->node))
		return;
	if (g->cfg.rpo_warning_ms && ms >= g->cfg.rpo_warning_ms)
		level = 1;
	if (g->cfg.rpo_error_ms && ms >= g->cfg.rpo_error_ms)
		level = 2;
	if (level == l->level)
		return;
	snprintf(text, sizeof(text), "the replica is %llu ms behind; %u ms are aimed at",
		 (unsigned long long)ms, g->cfg.rpo_target_ms);
	g->host.ops->report(g->host.ctx,
			    level == 0   ? "replication_lag_ok"
			    : level == 1 ? "replication_lag_warning"
					 : "replication_lag_error",
			    text);
	l->level = level;
}

/* From half full to nine tenths the delay grows to its bound. */
static void slow_down(struct repl_group *g)
{
	struct sluice_rlog_stats s;
	uint64_t pct;

	g->lag.delay_ms = 0;
	g->lag.is_filling = false;
	if (g->track != TRACK_JOURNAL || !g->journal.is_open)
		return;
	sluice_rlog_stats(g->journal.log, &s);
	pct = s.capacity_blocks ? s.used_blocks * 100 / s.capacity_blocks : 0;
	g->lag.is_filling = pct > 50;
	if (pct <= 50 || !g->is_peer_ready || g->is_paused || g->cfg.backpressure_max_ms == 0)
		return;
	pct = pct < 90 ? pct - 50 : 40;
	g->lag.delay_ms = (uint32_t)(g->cfg.backpressure_max_ms * pct / 40);
}

/* The log waits for a peer that does not take anything: writers would wait as long. */
static void overflow_check(struct repl_group *g)
{
	struct sluice_rlog_stats s;
	uint64_t max_ns = (uint64_t)g->cfg.backpressure_max_ms * 1000000u;

	if (g->track != TRACK_JOURNAL || !g->journal.is_open)
		return;
	sluice_rlog_stats(g->journal.log, &s);
	if (s.is_failed) {
		journal_overflow(g, s.failed_text);
		return;
	}
	if (s.waiting_entries == 0) {
		g->lag.full_since_ns = 0;
		return;
	}
	if (g->lag.full_since_ns == 0)
		g->lag.full_since_ns = group_now_ns(g);
	if (group_now_ns(g) - g->lag.full_since_ns >= max_ns)
		journal_overflow(g, "the journal is full and the peer takes too little: what "
				    "changes from now on is only noted, and sent by a resync");
}

static void hour_check(struct repl_group *g)
{
	if (g->cfg.bandwidth_day_bytes_per_s && g->lag.next % 600 == 0)
		group_reconfigure(g, &g->cfg);
}

static void tick(struct repl_timer *t)
{
	struct repl_group *g = t->ctx;

	g->host.ops->timer_set(g->host.ctx, t, group_now_ns(g) + TICK_NS);
	sample(g);
	judge(g);
	slow_down(g);
	overflow_check(g);
	hour_check(g);
	group_watch(g);
	if (g->lag.next == 0)
		group_refresh(g); /* each minute */
	if (g->stopped) {
		group_stop_step(g);
		return;
	}
	gate_pump(g);
	gate_settle(g);
	if (node_is_primary(g->node))
		group_advance(g);
	else
		resync_pump(g);
}

void lag_begin(struct repl_group *g)
{
	g->lag.timer.fn = tick;
	g->lag.timer.ctx = g;
	g->host.ops->timer_set(g->host.ctx, &g->lag.timer, group_now_ns(g) + TICK_NS);
}

void lag_end(struct repl_group *g)
{
	g->host.ops->timer_cancel(g->host.ctx, &g->lag.timer);
}

void lag_acked(struct repl_group *g)
{
	g->lag.last_ack_ns = group_now_ns(g);
}

void lag_pass_over(struct repl_group *g)
{
	g->lag.pass_since_ms = 0;
}

void lag_gap(struct repl_group *g, bool is_on)
{
	if (is_on == (g->lag.gap_since_ms != 0))
		return;
	g->lag.gap_since_ms = is_on ? now_ms(g) : 0;
	if (!is_on)
		g->host.ops->report(g->host.ctx, "replication_gap_over",
				    "the replica is a point in time again");
}
