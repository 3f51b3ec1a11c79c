/* SPDX-License-Identifier: MIT */
/*
 * glue_host.c - host.h by the SDK.
 *
 * Own I/O waits where the chain's pool is empty, and while its volume drains, but for a primary's
 * that an initiator waits for. Timers are the datastore group's: they fire while a handle leaves.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "glue.h"

#define RETRY_NS 1000000ull

static uint64_t now_ns(void *ctx)
{
	const struct glue_group *gg = ctx;

	return sluice_group_now_ns(gg->set);
}

static uint64_t random_u64(void *ctx)
{
	const struct glue_group *gg = ctx;

	return sluice_random_u64(gg->f);
}

static uint32_t hour_of_day(void *ctx)
{
	const struct glue_group *gg = ctx;

	return sluice_hour_of_day(gg->f);
}

/* ---------------------------------------------------------------- timers */

static void timer_fired(struct sluice_timer *st)
{
	struct repl_timer *t = st->ctx;

	t->fn(t);
}

static void timer_set(void *ctx, struct repl_timer *t, uint64_t deadline_ns)
{
	struct glue_group *gg = ctx;

	t->host.fn = timer_fired;
	t->host.ctx = t;
	sluice_group_timer_set(gg->set, &t->host, deadline_ns);
}

static void timer_cancel(void *ctx, struct repl_timer *t)
{
	struct glue_group *gg = ctx;

	sluice_group_timer_cancel(gg->set, &t->host);
}

/* ---------------------------------------------------------------- link */

static size_t link_send(void *ctx, enum sluice_link_channel ch, const void *data, size_t len)
{
	struct glue_group *gg = ctx;

	return gg->links[ch] ? sluice_link_send(gg->links[ch], data, len) : 0;
}

static size_t link_room(void *ctx, enum sluice_link_channel ch)
{
	struct glue_group *gg = ctx;

	return gg->links[ch] ? sluice_link_room(gg->links[ch]) : 0;
}

static void link_read_on(void *ctx, enum sluice_link_channel ch)
{
	struct glue_group *gg = ctx;

	if (gg->links[ch])
		sluice_link_read_on(gg->links[ch]);
}

static void link_reset(void *ctx, enum sluice_link_channel ch, const char *why)
{
	struct glue_group *gg = ctx;

	if (gg->links[ch])
		sluice_link_reset(gg->links[ch], why);
}

/* ---------------------------------------------------------------- own I/O */

static void own_done(struct sluice_own_io *own)
{
	struct repl_own *o = own->ctx;

	o->status = own->status;
	o->extent_bytes = own->extent_bytes;
	o->extent_is_hole = own->extent_is_hole;
	o->fn(o);
}

static bool may_go(const struct glue_volume *v, const struct repl_own *o)
{
	return !v->is_draining || (v->gg->is_serving && o->flags & SLUICE_IO_URGENT);
}

/* False: no room, or not now. */
static bool own_try(struct glue_group *gg, struct repl_own *o)
{
	struct glue_volume *v = gg->members[o->member];
	int r;

	if (glue_annex_is(gg, o->member))
		return glue_annex_own(gg, o);
	if (!v || v->is_gone) {
		o->status = SLUICE_ERR_ABORTED;
		o->fn(o);
		return true;
	}
	if (!may_go(v, o))
		return false;
	o->host = (struct sluice_own_io){.op = o->op,
					 .flags = o->flags,
					 .offset_bytes = o->offset_bytes,
					 .len_bytes = o->len_bytes,
					 .buf = o->buf,
					 .fn = own_done,
					 .ctx = o};
	r = sluice_own_submit(v->f, &o->host);
	if (r == -ENOMEM || r == -EAGAIN)
		return false;
	if (r < 0) {
		o->status = r == -EOPNOTSUPP ? SLUICE_ERR_UNSUPPORTED : SLUICE_ERR_IO;
		o->fn(o);
	}
	return true;
}

static void own_tick(struct sluice_timer *t)
{
	glue_own_pump(t->ctx);
}

/* The one that cannot go does not hold up those of other volumes. */
void glue_own_pump(struct glue_group *gg)
{
	struct repl_own *o = gg->own_first;

	gg->own_first = gg->own_last = NULL;
	while (o) {
		struct repl_own *next = o->host.host;

		o->host.host = NULL;
		if (!own_try(gg, o)) {
			if (gg->own_last)
				gg->own_last->host.host = o;
			else
				gg->own_first = o;
			gg->own_last = o;
		}
		o = next;
	}
	if (gg->own_first)
		sluice_group_timer_set(gg->set, &gg->own_timer,
				       sluice_group_now_ns(gg->set) + RETRY_NS);
}

static void own_wait(struct glue_group *gg, struct repl_own *o)
{
	o->host.host = NULL;
	if (gg->own_last)
		gg->own_last->host.host = o;
	else
		gg->own_first = o;
	gg->own_last = o;
	gg->own_timer.fn = own_tick;
	gg->own_timer.ctx = gg;
	sluice_group_timer_set(gg->set, &gg->own_timer, sluice_group_now_ns(gg->set) + RETRY_NS);
}

/* An answer before return would surprise the caller: such an I/O goes by the timer. */
static void own_submit(void *ctx, struct repl_own *o)
{
	struct glue_group *gg = ctx;
	struct glue_volume *v = gg->members[o->member];
	int r;

	if (glue_annex_is(gg, o->member)) {
		if (!glue_annex_own(gg, o))
			own_wait(gg, o);
		return;
	}
	if (gg->own_first || !v || v->is_gone || !may_go(v, o)) {
		own_wait(gg, o);
		return;
	}
	o->host = (struct sluice_own_io){.op = o->op,
					 .flags = o->flags,
					 .offset_bytes = o->offset_bytes,
					 .len_bytes = o->len_bytes,
					 .buf = o->buf,
					 .fn = own_done,
					 .ctx = o};
	r = sluice_own_submit(v->f, &o->host);
	if (r < 0)
		own_wait(gg, o);
}

/* Its volume goes: what has not begun ends. */
void glue_own_abort(struct glue_group *gg, const struct glue_volume *v)
{
	struct repl_own *o = gg->own_first, *next;

	gg->own_first = gg->own_last = NULL;
	for (; o; o = next) {
		next = o->host.host;
		if (gg->members[o->member] == v ||
		    (!gg->members[o->member] && !glue_annex_is(gg, o->member))) {
			o->status = SLUICE_ERR_ABORTED;
			o->fn(o);
		} else {
			own_wait(gg, o);
		}
	}
}

static void *buf_get(void *ctx, uint64_t size_bytes)
{
	struct glue_group *gg = ctx;

	return sluice_buf_get(gg->f, size_bytes);
}

static void buf_put(void *ctx, void *buf, uint64_t size_bytes)
{
	struct glue_group *gg = ctx;

	sluice_buf_put(gg->f, buf, size_bytes);
}

/* ---------------------------------------------------------------- records, file, logs */

static int record_put(void *ctx, const char *key, const void *data, size_t size_bytes)
{
	struct glue_group *gg = ctx;

	return sluice_store_put(gg->f, key, data, size_bytes);
}

static int record_get(void *ctx, const char *key, void *data, size_t room_bytes, size_t *size_bytes)
{
	struct glue_group *gg = ctx;
	int r = sluice_store_get(gg->f, key, data, room_bytes, size_bytes);

	return r == 0 && *size_bytes == 0 ? -ENOENT : r; /* of a replication that was removed */
}

static void file_done(struct sluice_file_io *io)
{
	struct repl_file_io *o = io->ctx;

	o->result = io->result;
	o->fn(o);
}

static void file_submit(void *ctx, struct repl_file_io *o)
{
	struct glue_group *gg = ctx;

	o->host = (struct sluice_file_io){.op = (enum sluice_file_op)o->op,
					  .offset_bytes = o->offset_bytes,
					  .len_bytes = o->len_bytes,
					  .buf = o->buf,
					  .fn = file_done,
					  .ctx = o};
	sluice_file_submit(gg->file, &o->host);
}

static const char *const suffixes[REPL_LOGS] = {
    [REPL_LOG_JOURNAL] = "rjournal",
    [REPL_LOG_STAGE_A] = "rstagea",
    [REPL_LOG_STAGE_B] = "rstageb",
};

/* The next replication of this volume begins with nothing. */
void glue_host_forget(struct glue_group *gg)
{
	char path[512];

	(void)sluice_store_put(gg->f, "node", "", 0);
	(void)sluice_store_put(gg->f, "track", "", 0);
	(void)sluice_store_put(gg->f, "marks", "", 0);
	glue_seal_forget(gg);
	for (uint32_t i = 0; i < REPL_LOGS; i++) {
		if (sluice_sidecar_path(gg->f, suffixes[i], path, sizeof(path)) == 0)
			(void)sluice_rlog_remove(path);
	}
	if (sluice_sidecar_path(gg->f, GLUE_MARKS_SUFFIX, path, sizeof(path)) == 0)
		(void)remove(path); /* it is open still: closing it may end the handle */
	glue_annex_forget(gg);
}

static struct sluice_rlog *log_open(void *ctx, enum repl_log which,
				    const struct sluice_rlog_cfg *cfg,
				    void (*fn)(void *fn_ctx, const struct sluice_rlog_opened *how),
				    void *fn_ctx, struct sluice_error *err)
{
	struct glue_group *gg = ctx;
	struct sluice_rlog_cfg c = *cfg;
	char path[512];

	if (sluice_sidecar_path(gg->f, suffixes[which], path, sizeof(path)) < 0) {
		snprintf(err->text, sizeof(err->text), "the path of the group's log is too long");
		return NULL;
	}
	c.path = path;
	c.seal = glue_seal_of(gg, which);
	return sluice_rlog_open(gg->f, &c, fn, fn_ctx, err);
}

/* ---------------------------------------------------------------- the rest */

static void witness_submit(void *ctx, struct sluice_witness_call *c)
{
	struct glue_group *gg = ctx;

	sluice_witness_submit(gg->f, gg->witness, gg->uuid, c);
}

static void work_submit(void *ctx, struct sluice_work *w)
{
	struct glue_group *gg = ctx;

	sluice_work_submit(gg->f, w);
}

static void serving_changed(void *ctx, bool is_serving)
{
	struct glue_group *gg = ctx;

	gg->is_serving = is_serving;
	glue_annex_look(gg);
	glue_ready_all(gg);
}

/* A record of the peer's, durable at return. */
static int meta_received(void *ctx, uint16_t member, const char *key, uint64_t version,
			 const void *data, size_t size_bytes)
{
	struct glue_group *gg = ctx;
	char name[40];

	if (!gg->f || !gg->g || node_is_primary(group_node(gg->g)))
		return -EAGAIN;
	snprintf(name, sizeof(name), "m%u_%.24s", member, key);
	return sluice_store_put(gg->f, name, data, size_bytes);
}

static void report(void *ctx, const char *code, const char *text)
{
	struct glue_group *gg = ctx;

	sluice_report(gg->f, code, "%s", text);
}

static void log_line(void *ctx, int priority, const char *text)
{
	struct glue_group *gg = ctx;

	sluice_log(gg->f, priority, "%s", text);
}

static void snapshot_done(struct sluice_snapshot_call *c, int result,
			  const struct sluice_error *err)
{
	struct repl_snapshot *s = c->ctx;

	s->result = result;
	snprintf(s->why, sizeof(s->why), "%s", err ? err->text : "");
	s->fn(s);
}

/* The volume is gone, or it is the companion, which has none. */
static void no_snapshot(struct sluice_timer *t)
{
	struct glue_group *gg = t->ctx;
	struct repl_snapshot *s = gg->no_snapshot;

	gg->no_snapshot = NULL;
	s->result = -ECANCELED;
	snprintf(s->why, sizeof(s->why), "the volume is not open there");
	s->fn(s);
}

static void snapshot_submit(void *ctx, struct repl_snapshot *s)
{
	const uint8_t *u = s->uuid;
	struct glue_group *gg = ctx;
	struct glue_volume *v = gg->members[s->member];

	snprintf(s->uuid_text, sizeof(s->uuid_text),
		 "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", u[0], u[1],
		 u[2], u[3], u[4], u[5], u[6], u[7], u[8], u[9], u[10], u[11], u[12], u[13], u[14],
		 u[15]);
	s->host = (struct sluice_snapshot_call){.what = s->what,
						.snapshot = s->uuid_text,
						.name = s->name,
						.settle_ms = s->settle_ms,
						.fn = snapshot_done,
						.ctx = s};
	if (v && !v->is_gone) {
		sluice_snapshot_submit(v->f, &s->host);
		return;
	}
	gg->no_snapshot = s;
	gg->no_snapshot_timer.fn = no_snapshot;
	gg->no_snapshot_timer.ctx = gg;
	sluice_group_timer_set(gg->set, &gg->no_snapshot_timer, sluice_group_now_ns(gg->set));
}

static const struct repl_host_ops ops = {
    .now_ns = now_ns,
    .random_u64 = random_u64,
    .hour_of_day = hour_of_day,
    .timer_set = timer_set,
    .timer_cancel = timer_cancel,
    .link_send = link_send,
    .link_room = link_room,
    .link_read_on = link_read_on,
    .link_reset = link_reset,
    .own_submit = own_submit,
    .buf_get = buf_get,
    .buf_put = buf_put,
    .record_put = record_put,
    .record_get = record_get,
    .file_submit = file_submit,
    .log_open = log_open,
    .snapshot_submit = snapshot_submit,
    .witness_submit = witness_submit,
    .work_submit = work_submit,
    .serving_changed = serving_changed,
    .meta_received = meta_received,
    .report = report,
    .log = log_line,
};

void glue_host_fill(struct glue_group *gg)
{
	gg->host.ops = &ops;
	gg->host.ctx = gg;
}
