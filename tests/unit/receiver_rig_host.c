/* SPDX-License-Identifier: MIT */
/* receiver_rig_host.c - the rig's repl_host: time, memory, volumes, records and logs. */
#include "receiver_rig.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rlog_open.h"

/* ---------------------------------------------------------------- host: time and memory */

static uint64_t now_ns(void *ctx)
{
	return ((struct repl_group *)ctx)->disk.fe.now_ns;
}

static uint64_t random_u64(void *ctx)
{
	return env_random_u64(&((struct repl_group *)ctx)->disk.fe.env);
}

static void timer_cancel(void *ctx, struct repl_timer *t)
{
	struct repl_group *g = ctx;

	for (uint32_t i = 0; i < 8; i++)
		if (g->timers[i] == t)
			g->timers[i] = NULL;
}

static void timer_set(void *ctx, struct repl_timer *t, uint64_t deadline_ns)
{
	struct repl_group *g = ctx;
	uint32_t i = 0;

	timer_cancel(ctx, t);
	while (g->timers[i])
		i++;
	assert(i < 8);
	g->timers[i] = t;
	g->timer_at_ns[i] = deadline_ns;
}

static void *buf_get(void *ctx, uint64_t size_bytes)
{
	struct repl_group *g = ctx;

	if (g->has_no_bufs)
		return NULL;
	g->bufs++;
	return aligned_alloc(4096, (size_bytes + 4095) / 4096 * 4096);
}

static void buf_put(void *ctx, void *buf, uint64_t size_bytes)
{
	((struct repl_group *)ctx)->bufs--;
	free(buf);
}

/* ---------------------------------------------------------------- host: volumes, records, logs */

static void own_submit(void *ctx, struct repl_own *o)
{
	struct repl_group *g = ctx;

	assert(g->own_count < 256 && o->member < RR_MEMBERS);
	assert(o->op == SLUICE_OP_FLUSH ||
	       (o->len_bytes && o->offset_bytes % 512 == 0 && o->len_bytes % 512 == 0 &&
		o->offset_bytes + o->len_bytes <= g->host.member_size_bytes[o->member]));
	g->owns[g->own_count++] = o;
}

static void extent(const struct repl_group *g, struct repl_own *o)
{
	const uint8_t *p = g->now[o->member];
	uint64_t n = 0;

	o->extent_is_hole = g->has_extents && p[o->offset_bytes] == 0;
	while (n < o->len_bytes && (p[o->offset_bytes + n] == 0) == (o->extent_is_hole != 0))
		n += 512;
	o->extent_bytes = g->has_extents ? n : o->len_bytes;
}

static void do_own(struct repl_group *g, struct repl_own *o)
{
	uint8_t *now = g->now[o->member] + o->offset_bytes;

	o->status = SLUICE_OK;
	if (++g->owns_ended == g->own_fail_at) {
		o->status = SLUICE_ERR_IO;
		return;
	}
	if (o->op == SLUICE_OP_READ) {
		memcpy(o->buf, now, o->len_bytes);
		g->reads_below++;
	} else if (o->op == SLUICE_OP_EXTENT) {
		extent(g, o);
	} else if (o->op == SLUICE_OP_FLUSH) {
		memcpy(g->stable[o->member], g->now[o->member], sizeof(g->now[0]));
	} else {
		if (o->op == SLUICE_OP_WRITE)
			memcpy(now, o->buf, o->len_bytes);
		else
			memset(now, 0, o->len_bytes);
		g->writes_below++;
		g->fua_below += (o->flags & SLUICE_IO_FUA) != 0;
		if (o->flags & SLUICE_IO_FUA)
			memcpy(g->stable[o->member] + o->offset_bytes, now, o->len_bytes);
	}
}

static void snapshot_submit(void *ctx, struct repl_snapshot *s)
{
	struct repl_group *g = ctx;

	assert(!g->snapshot && s->member < RR_MEMBERS);
	g->snapshot = s;
}

static bool snapshot_step(struct repl_group *g)
{
	struct repl_snapshot *s = g->snapshot;

	if (!s || g->is_snapshot_held)
		return false;
	g->snapshot = NULL;
	s->result = g->snapshots_asked < 4 ? g->snapshot_results[g->snapshots_asked] : 0;
	g->snapshots_asked++;
	snprintf(s->why, sizeof(s->why), "%s", s->result ? "no room" : "");
	g->snapshot_version = rr_version(g, s->member, 0);
	s->fn(s);
	return true;
}

bool rr_own_step(struct repl_group *g)
{
	uint32_t i;
	struct repl_own *o;

	if (snapshot_step(g))
		return true;
	if (!g->own_count || g->is_own_held)
		return false;
	i = (uint32_t)(random_u64(g) % g->own_count);
	o = g->owns[i];
	memmove(&g->owns[i], &g->owns[i + 1], (--g->own_count - i) * sizeof(g->owns[0]));
	do_own(g, o);
	o->fn(o);
	return true;
}

static int record_put(void *ctx, const char *key, const void *data, size_t size_bytes)
{
	struct repl_group *g = ctx;
	uint32_t i = 0;

	if (g->record_error)
		return g->record_error;
	while (g->records[i].key[0] && strcmp(g->records[i].key, key) != 0)
		i++;
	assert(i < 4 && size_bytes <= 256);
	snprintf(g->records[i].key, sizeof(g->records[i].key), "%s", key);
	memcpy(g->records[i].data, data, size_bytes);
	g->records[i].size_bytes = size_bytes;
	return 0;
}

static int record_get(void *ctx, const char *key, void *data, size_t room_bytes, size_t *size_bytes)
{
	struct repl_group *g = ctx;

	for (uint32_t i = 0; i < 4; i++) {
		if (strcmp(g->records[i].key, key) != 0)
			continue;
		*size_bytes = g->records[i].size_bytes;
		memcpy(data, g->records[i].data,
		       *size_bytes < room_bytes ? *size_bytes : room_bytes);
		return 0;
	}
	return -ENOENT;
}

static struct sluice_rlog *log_open(void *ctx, enum repl_log which,
				    const struct sluice_rlog_cfg *cfg,
				    void (*fn)(void *ctx, const struct sluice_rlog_opened *how),
				    void *fn_ctx, struct sluice_error *err)
{
	struct repl_group *g = ctx;
	struct sluice_rlog_cfg c = *cfg;

	c.path = which == REPL_LOG_STAGE_A ? "a" : "b";
	g->logs[which] = rlog_open_env(&g->disk.fe.env, &c, fn, fn_ctx, err);
	return g->logs[which];
}

static void link_read_on(void *ctx, enum sluice_link_channel ch)
{
	((struct repl_group *)ctx)->may_read = true;
}

static void report(void *ctx, const char *code, const char *text)
{
	((struct repl_group *)ctx)->reports++;
}

const struct repl_host_ops rr_host_ops = {
    .now_ns = now_ns,
    .random_u64 = random_u64,
    .timer_set = timer_set,
    .timer_cancel = timer_cancel,
    .link_read_on = link_read_on,
    .own_submit = own_submit,
    .buf_get = buf_get,
    .buf_put = buf_put,
    .record_put = record_put,
    .record_get = record_get,
    .log_open = log_open,
    .snapshot_submit = snapshot_submit,
    .report = report,
};
