/* SPDX-License-Identifier: MIT */
/*
 * status.c - one group's figures, and the JSON object that the policy plane reads.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "group_int.h"

static uint64_t kind_bytes(const struct repl_group *g, enum bitmap_kind kind)
{
	uint64_t sum = 0;

	for (uint32_t m = 0; m < g->host.member_count; m++)
		sum += bitmap_bytes(&g->bits[m], kind);
	return sum;
}

static void link_figures(const struct repl_group *g, struct repl_group_figures *f)
{
	for (uint32_t ch = 0; ch < SLUICE_LINK_CHANNELS; ch++) {
		f->sent_bytes += g->out[ch].sent_plain_bytes;
		f->sent_wire_bytes += g->out[ch].sent_wire_bytes;
	}
	f->received_bytes = g->received_bytes;
}

static void resync_figures(const struct repl_group *g, struct repl_group_figures *f)
{
	static const char *const states[] = {"idle", "running", "done", "cancelled"};
	const struct resync *rs = &g->resync;
	bool runs = rs->what == RESYNC_CATCH_UP || rs->what == RESYNC_HOT;

	f->resync_state = runs ? g->is_paused ? "paused" : "running" : "idle";
	f->resync_done_bytes = rs->done_bytes;
	f->resync_total_bytes = rs->total_bytes;
	f->resync_sent_bytes = rs->sent_bytes;
	f->verify_state = states[rs->verify_state];
	f->verify_done_bytes = rs->verify_done_bytes;
	f->verify_total_bytes = rs->verify_total_bytes;
	f->verify_failed_bytes = rs->verify_failed_bytes;
	f->different_blocks = rs->different_blocks;
	f->repaired_blocks = rs->repaired_blocks;
}

static void journal_figures(const struct repl_group *g, struct repl_group_figures *f)
{
	struct sluice_rlog_stats s;

	if (!g->journal.is_open)
		return;
	sluice_rlog_stats(g->journal.log, &s);
	f->journal_bytes = s.capacity_blocks * LOG_BLOCK_BYTES;
	f->journal_used_bytes = s.used_blocks * LOG_BLOCK_BYTES;
}

void group_figures(struct repl_group *g, struct repl_group_figures *out)
{
	struct receiver_figures r = {0};

	*out = (struct repl_group_figures){.lag_ms = g->lag.now_ms,
					   .lag_p50_ms = lag_percentile_ms(g, 50),
					   .lag_p99_ms = lag_percentile_ms(g, 99),
					   .gap_since_ms = g->lag.gap_since_ms,
					   .is_paused = g->is_paused,
					   .is_throttling = g->lag.delay_ms > 0};
	out->dirty_bytes = kind_bytes(g, BITMAP_DIRTY) + kind_bytes(g, BITMAP_SENT);
	out->suspect_bytes = kind_bytes(g, BITMAP_SUSPECT);
	journal_figures(g, out);
	link_figures(g, out);
	resync_figures(g, out);
	receiver_figures(g->receiver, &r);
	out->point_lsn = node_is_primary(g->node) ? g->persisted_lsn : r.point_lsn;
	out->last_mark_ms =
	    node_is_primary(g->node) ? g->lag.last_ack_ns / 1000000u : r.last_point_ms;
}

struct text {
	char *at;
	size_t size, used;
};

static void add(struct text *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void add(struct text *t, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(t->at + t->used, t->size - t->used, fmt, ap);
	va_end(ap);
	if (n > 0)
		t->used += (size_t)n < t->size - t->used ? (size_t)n : t->size - t->used - 1;
}

static const char *yes(bool b)
{
	return b ? "true" : "false";
}

static const char *role_of(const struct repl_group *g)
{
	switch ((enum repl_node_state)g->node->record.state) {
	case REPL_PRIMARY_PAIR:
	case REPL_PRIMARY_ALONE:
		return "primary";
	case REPL_SECONDARY_SYNCING:
	case REPL_SECONDARY_INSYNC:
	case REPL_OUTDATED:
		return "secondary";
	case REPL_STANDALONE:
	case REPL_DIVERGED:
		break;
	}
	return "none";
}

static void add_node(struct text *t, const struct repl_group *g)
{
	const struct repl_node_record *r = &g->node->record;

	add(t,
	    "{\"state\":\"%s\",\"is_serving\":%s,\"role\":\"%s\",\"term\":%" PRIu64
	    ",\"insync\":%u,\"peer_up\":%s,\"is_consistent\":%s,\"mode\":\"%s\"",
	    node_state_name((enum repl_node_state)r->state), yes(g->is_serving), role_of(g),
	    r->term, r->insync, yes(g->is_peer_ready), yes(r->is_consistent),
	    g->cfg.node.mode == REPL_MODE_SYNC ? "sync" : "async");
	add(t, ",\"head_lsn\":%" PRIu64 ",\"persisted_lsn\":%" PRIu64 ",\"wrote_alone\":%s",
	    g->head_lsn, group_persisted_lsn(g), yes(r->wrote_alone));
}

static void add_figures(struct text *t, const struct repl_group_figures *f)
{
	add(t,
	    ",\"lag_ms\":%" PRIu64 ",\"lag_p50_ms\":%" PRIu64 ",\"lag_p99_ms\":%" PRIu64
	    ",\"dirty_bytes\":%" PRIu64 ",\"suspect_bytes\":%" PRIu64 ",\"journal_bytes\":%" PRIu64
	    ",\"journal_used_bytes\":%" PRIu64,
	    f->lag_ms, f->lag_p50_ms, f->lag_p99_ms, f->dirty_bytes, f->suspect_bytes,
	    f->journal_bytes, f->journal_used_bytes);
	add(t,
	    ",\"resync\":{\"state\":\"%s\",\"done_bytes\":%" PRIu64 ",\"total_bytes\":%" PRIu64
	    ",\"sent_bytes\":%" PRIu64 "}",
	    f->resync_state, f->resync_done_bytes, f->resync_total_bytes, f->resync_sent_bytes);
	add(t,
	    ",\"verify\":{\"state\":\"%s\",\"done_bytes\":%" PRIu64 ",\"total_bytes\":%" PRIu64
	    ",\"different_blocks\":%" PRIu64 ",\"repaired_blocks\":%" PRIu64
	    ",\"failed_bytes\":%" PRIu64 "}",
	    f->verify_state, f->verify_done_bytes, f->verify_total_bytes, f->different_blocks,
	    f->repaired_blocks, f->verify_failed_bytes);
	add(t,
	    ",\"sent_bytes\":%" PRIu64 ",\"sent_wire_bytes\":%" PRIu64
	    ",\"received_bytes\":%" PRIu64 ",\"last_mark_ms\":%" PRIu64 ",\"point_lsn\":%" PRIu64
	    ",\"is_paused\":%s,\"gap_since_ms\":%" PRIu64,
	    f->sent_bytes, f->sent_wire_bytes, f->received_bytes, f->last_mark_ms, f->point_lsn,
	    yes(f->is_paused), f->gap_since_ms);
}

static void add_lineage(struct text *t, const struct repl_group *g)
{
	const struct repl_node_record *r = &g->node->record;
	/* The newest ones are what people look at. */
	uint32_t first = r->lineage_count > 16 ? r->lineage_count - 16 : 0;

	add(t, ",\"lineage\":[");
	for (uint32_t i = first; i < r->lineage_count; i++) {
		add(t, "%s{\"term\":%" PRIu64 ",\"start_lsn\":%" PRIu64 ",\"writer\":\"",
		    i == first ? "" : ",", r->lineage[i].term, r->lineage[i].start_lsn);
		for (uint32_t b = 0; b < 16; b++)
			add(t, "%02x", r->lineage[i].writer_uuid[b]);
		add(t, "\"}");
	}
	add(t, "]");
}

/* What a forced promotion here would lose, as far as this side can tell. */
static void add_loss(struct text *t, struct repl_group *g)
{
	struct receiver_figures r = {0};
	bool is_secondary = !node_is_primary(g->node);
	uint64_t lsn = g->node->peer.head_lsn;
	bool is_known = is_secondary && g->is_peer_ready;

	receiver_figures(g->receiver, &r);
	add(t, ",\"loss\":{\"bytes\":%" PRIu64 ",\"since_ms\":%" PRIu64 ",\"is_known\":%s}}",
	    is_known && lsn > g->head_lsn ? (lsn - g->head_lsn) * LOG_BLOCK_BYTES : 0,
	    is_secondary ? r.last_point_ms : 0, yes(is_known));
}

size_t group_status_json(struct repl_group *g, char *json, size_t size_bytes)
{
	struct text t = {.at = json, .size = size_bytes};
	struct repl_group_figures f;

	if (size_bytes == 0)
		return 0;
	group_figures(g, &f);
	add_node(&t, g);
	add_figures(&t, &f);
	add_lineage(&t, g);
	t.used += mark_json(g, t.at + t.used, t.size - t.used);
	add_loss(&t, g);
	return t.used;
}
