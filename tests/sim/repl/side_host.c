// SPDX-License-Identifier: MIT
/* side_host.c - host.h and env.h for one simulated node. */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rlog_open.h"
#include "world.h"

static struct node *node_of(struct env *e)
{
	return (struct node *)e;
}

uint64_t side_now_ns(const struct node *n)
{
	return n->w->now_ns + n->clock_offset_ns;
}

static uint64_t host_now(void *ctx)
{
	return side_now_ns(ctx);
}

static uint64_t host_random(void *ctx)
{
	return rng_u64(&((struct node *)ctx)->w->rng);
}

/* ---------------------------------------------------------------- timers */

struct timer_shell {
	struct env_timer timer; /* first */
};
static_assert(sizeof(struct timer_shell) <= sizeof(((struct repl_timer *)0)->host), "a timer fits");

static void timer_due(struct env_timer *t)
{
	struct repl_timer *r = t->ctx;

	r->fn(r);
}

static void host_timer_set(void *ctx, struct repl_timer *t, uint64_t deadline_ns)
{
	struct env_timer *e = (struct env_timer *)&t->host;
	struct node *n = ctx;

	e->fn = timer_due;
	e->ctx = t;
	timer_heap_set(&n->timers, e, deadline_ns);
}

static void host_timer_cancel(void *ctx, struct repl_timer *t)
{
	timer_heap_cancel(&((struct node *)ctx)->timers, (struct env_timer *)&t->host);
}

/* ---------------------------------------------------------------- link, witness */

static size_t host_link_send(void *ctx, enum sluice_link_channel ch, const void *data, size_t len)
{
	return link_send(ctx, ch, data, len);
}

static size_t host_link_room(void *ctx, enum sluice_link_channel ch)
{
	return link_room(ctx, ch);
}

static void host_link_read_on(void *ctx, enum sluice_link_channel ch)
{
	link_read_on(ctx, ch);
}

static void host_link_reset(void *ctx, enum sluice_link_channel ch, const char *why)
{
	struct node *n = ctx;

	world_say(n->w, "node %d resets %s: %s", n->id, ch ? "control" : "data", why);
	link_reset(n, ch, why);
}

static void host_witness(void *ctx, struct sluice_witness_call *c)
{
	witness_submit(ctx, c);
}

/* ---------------------------------------------------------------- volumes, file */

static void own_done(struct dio *d)
{
	struct repl_own *o = d->ctx;

	o->status = d->result ? SLUICE_ERR_IO : SLUICE_OK;
	o->extent_bytes = d->extent_bytes;
	o->extent_is_hole = d->is_hole;
	o->fn(o);
}

static void host_own_submit(void *ctx, struct repl_own *o)
{
	static const enum dio_op ops[SLUICE_OP_COUNT] = {
	    [SLUICE_OP_READ] = DIO_READ,         [SLUICE_OP_WRITE] = DIO_WRITE,
	    [SLUICE_OP_FLUSH] = DIO_SYNC,        [SLUICE_OP_UNMAP] = DIO_ZERO,
	    [SLUICE_OP_WRITE_ZEROES] = DIO_ZERO, [SLUICE_OP_EXTENT] = DIO_EXTENT,
	};
	struct node *n = ctx;
	bool is_change = ops[o->op] == DIO_WRITE || ops[o->op] == DIO_ZERO;
	struct dio d = {.disk = &n->volumes[o->member],
			.op = ops[o->op],
			.is_fua = is_change && (n->w->is_durable || (o->flags & SLUICE_IO_FUA)),
			.offset_bytes = o->offset_bytes,
			.len_bytes = o->len_bytes,
			.buf = o->buf,
			.done = own_done,
			.ctx = o};

	assert(o->member < MEMBERS && o->op < SLUICE_OP_COUNT);
	disk_submit(n, &d);
}

static void file_done(struct dio *d)
{
	struct repl_file_io *o = d->ctx;

	o->result = d->result;
	o->fn(o);
}

static void host_file_submit(void *ctx, struct repl_file_io *o)
{
	struct node *n = ctx;
	struct dio d = {.disk = &n->file,
			.op = o->op == SLUICE_FILE_READ    ? DIO_READ
			      : o->op == SLUICE_FILE_WRITE ? DIO_WRITE
							   : DIO_SYNC,
			.offset_bytes = o->offset_bytes,
			.len_bytes = o->len_bytes,
			.buf = o->buf,
			.done = file_done,
			.ctx = o};

	disk_submit(n, &d);
}

/* ---------------------------------------------------------------- buffers, work */

static int buf_class(uint64_t size_bytes)
{
	return size_bytes <= 16384 ? 0 : size_bytes <= (256u << 10) ? 1 : 2;
}

static void *host_buf_get(void *ctx, uint64_t size_bytes)
{
	static const size_t sizes[] = {16384, 256u << 10, 2u << 20};
	struct node *n = ctx;
	int c = buf_class(size_bytes);

	assert(size_bytes <= sizes[2]);
	if (n->buf_count[c])
		return n->bufs[c][--n->buf_count[c]];
	if (chance(n->w, 1) && n->flight_count)
		return NULL;
	return aligned_alloc(4096, sizes[c]);
}

static void host_buf_put(void *ctx, void *buf, uint64_t size_bytes)
{
	struct node *n = ctx;
	int c = buf_class(size_bytes);

	if (n->buf_count[c] < 64)
		n->bufs[c][n->buf_count[c]++] = buf;
	else
		free(buf);
}

static void work_now(struct world *w, struct event *e)
{
	struct sluice_work *work = e->p;

	(void)w;
	work->run(work);
	work->done(work);
}

static void host_work(void *ctx, struct sluice_work *work)
{
	struct node *n = ctx;

	event_add(n->w, n->id, rng_range(&n->w->rng, 1, 50) * 1000, work_now)->p = work;
}

/* ---------------------------------------------------------------- records */

static struct record *find_record(struct node *n, const char *key)
{
	for (uint32_t i = 0; i < n->record_count; i++)
		if (strcmp(n->records[i].key, key) == 0)
			return &n->records[i];
	return NULL;
}

static int host_record_put(void *ctx, const char *key, const void *data, size_t size_bytes)
{
	struct node *n = ctx;
	struct record *r = find_record(n, key);
	struct repl_node_record before;
	bool is_node = strcmp(key, "node") == 0;

	assert(size_bytes <= RECORD_BYTES && strlen(key) < sizeof(r->key));
	if (n->failing & PART_RECORDS && chance(n->w, n->fail_pct))
		return -EIO;
	memset(&before, 0, sizeof(before));
	if (is_node && r)
		memcpy(&before, r->data, sizeof(before));
	if (!r) {
		assert(n->record_count < RECORDS_MAX);
		r = &n->records[n->record_count++];
		snprintf(r->key, sizeof(r->key), "%s", key);
	}
	memcpy(r->data, data, size_bytes);
	r->size_bytes = (uint32_t)size_bytes;
	if (is_node)
		oracle_record(n->w, n->id, &before, data);
	if (strcmp(key, "stages") == 0)
		fault_in_stage(n, data);
	return 0;
}

static int host_record_get(void *ctx, const char *key, void *data, size_t room_bytes,
			   size_t *size_bytes)
{
	const struct record *r = find_record(ctx, key);

	if (!r)
		return -ENOENT;
	if (r->size_bytes > room_bytes)
		return -ENOSPC;
	memcpy(data, r->data, r->size_bytes);
	*size_bytes = r->size_bytes;
	return 0;
}

const struct repl_node_record *side_record(const struct node *n)
{
	const struct record *r = find_record((struct node *)n, "node");

	return r ? (const struct repl_node_record *)r->data : NULL;
}

enum repl_node_state side_recorded_state(const struct node *n)
{
	const struct repl_node_record *r = side_record(n);

	return r ? (enum repl_node_state)r->state : REPL_STANDALONE;
}

/* ---------------------------------------------------------------- logs */

static struct sluice_rlog *
host_log_open(void *ctx, enum repl_log which, const struct sluice_rlog_cfg *cfg,
	      void (*fn)(void *ctx, const struct sluice_rlog_opened *how), void *fn_ctx,
	      struct sluice_error *err)
{
	static const char *const paths[] = {"0", "1", "2"};
	struct node *n = ctx;
	struct sluice_rlog_cfg c = *cfg;

	c.path = paths[which];
	c.record_blocks = 24; /* a start reads that much at once */
	if (which == REPL_LOG_JOURNAL)
		c.reserve_blocks = 8;
	return rlog_open_env(&n->env, &c, fn, fn_ctx, err);
}

static int env_open_op(struct env *e, const struct env_open *how, struct env_file **out,
		       struct err *err)
{
	struct disk *d = &node_of(e)->logs[how->path[0] - '0'];

	if (how->flags & ENV_OPEN_CREATE) {
		if (d->exists)
			return err_set(err, EEXIST, "path", "%s exists", how->path);
		disk_init(d, how->size_bytes, true);
	}
	if (!d->exists)
		return err_set(err, ENOENT, "path", "%s does not exist", how->path);
	if (how->flags & ENV_OPEN_LOCK && d->is_open)
		return err_set(err, EAGAIN, "path", "%s is locked", how->path);
	d->is_open = true;
	*out = &d->file;
	return 0;
}

static void env_close_op(struct env *e, struct env_file *f)
{
	(void)e;
	((struct disk *)f)->is_open = false;
}

static void env_io_done(struct dio *d)
{
	struct env_io *io = d->ctx;

	io->result = d->result;
	io->done(io);
}

static void env_io_op(struct env *e, struct env_io *io)
{
	static const enum dio_op ops[] = {
	    [ENV_IO_READ] = DIO_READ,     [ENV_IO_WRITE] = DIO_WRITE, [ENV_IO_SYNC] = DIO_SYNC,
	    [ENV_IO_PUNCH] = DIO_ZERO,    [ENV_IO_ZERO] = DIO_ZERO,   [ENV_IO_ALLOCATE] = DIO_SYNC,
	    [ENV_IO_EXTENT] = DIO_EXTENT, [ENV_IO_RESIZE] = DIO_SYNC,
	};
	struct dio d = {.disk = (struct disk *)io->file,
			.op = ops[io->op],
			.offset_bytes = io->offset_bytes,
			.len_bytes = io->len_bytes,
			.buf = io->buf,
			.done = env_io_done,
			.ctx = io};

	disk_submit(node_of(e), &d);
}

static uint64_t env_now_op(struct env *e)
{
	return side_now_ns(node_of(e));
}

static uint64_t env_random_op(struct env *e)
{
	return rng_u64(&node_of(e)->w->rng);
}

static void env_timer_set_op(struct env *e, struct env_timer *t, uint64_t deadline_ns)
{
	timer_heap_set(&node_of(e)->timers, t, deadline_ns);
}

static void env_timer_cancel_op(struct env *e, struct env_timer *t)
{
	timer_heap_cancel(&node_of(e)->timers, t);
}

static int env_register_op(struct env *e, void *base, uint64_t size_bytes)
{
	(void)e, (void)base, (void)size_bytes;
	return 0;
}

static void env_unregister_op(struct env *e, void *base)
{
	(void)e, (void)base;
}

static void env_work_now(struct world *w, struct event *e)
{
	struct env_work *work = e->p;

	(void)w;
	work->run(work);
	work->done(work);
}

static void env_work_op(struct env *e, struct env_work *work)
{
	struct node *n = node_of(e);

	work->env = e;
	event_add(n->w, n->id, 1000, env_work_now)->p = work;
}

static void env_msg_now(struct world *w, struct event *e)
{
	struct env_msg *m = e->p;

	(void)w;
	m->fn(m);
}

static void env_post_op(struct env *e, struct env_msg *m)
{
	struct node *n = node_of(e);

	event_add(n->w, n->id, 0, env_msg_now)->p = m;
}

static void env_bell_op(struct env *e, struct env_bell *b)
{
	(void)e, (void)b;
}

void side_env_init(struct node *n)
{
	static const struct env_ops ops = {
	    .now_ns = env_now_op,
	    .now_exact_ns = env_now_op,
	    .random_u64 = env_random_op,
	    .timer_set = env_timer_set_op,
	    .timer_cancel = env_timer_cancel_op,
	    .file_open = env_open_op,
	    .file_close = env_close_op,
	    .io_submit = env_io_op,
	    .memory_register = env_register_op,
	    .memory_unregister = env_unregister_op,
	    .work_submit = env_work_op,
	    .post = env_post_op,
	    .bell_ring = env_bell_op,
	};

	n->env.ops = &ops;
}

/* ---------------------------------------------------------------- what it tells */

static void refuse_now(struct world *w, struct event *e)
{
	struct node *n = &w->nodes[e->node];

	if (n->is_serving || !n->group)
		return;
	n->is_refusing = true;
	group_refuse(n->group, SLUICE_ERR_BUSY);
}

static void host_serving(void *ctx, bool is_serving)
{
	struct node *n = ctx;

	n->is_serving = is_serving;
	world_say(n->w, "node %d %s", n->id, is_serving ? "serves" : "does not serve");
	if (is_serving && n->is_refusing) {
		n->is_refusing = false;
		group_refuse(n->group, SLUICE_OK);
	} else if (!is_serving && chance(n->w, 50)) {
		event_add(n->w, n->id, rng_below(&n->w->rng, 3000) * MS, refuse_now);
	}
	if (is_serving)
		oracle_serves(n->w, n->id);
	else
		oracle_serves_no_more(n->w, n->id);
}

static int host_meta(void *ctx, uint16_t member, const char *key, uint64_t version,
		     const void *data, size_t size_bytes)
{
	(void)ctx, (void)member, (void)key, (void)version, (void)data, (void)size_bytes;
	return 0;
}

static void host_report(void *ctx, const char *code, const char *text)
{
	struct node *n = ctx;

	world_say(n->w, "node %d reports %s: %s", n->id, code, text);
}

static void host_log(void *ctx, int priority, const char *text)
{
	struct node *n = ctx;

	(void)priority;
	world_say(n->w, "node %d: %s", n->id, text);
}

const struct repl_host_ops *side_host_ops(void)
{
	static const struct repl_host_ops ops = {
	    .now_ns = host_now,
	    .random_u64 = host_random,
	    .timer_set = host_timer_set,
	    .timer_cancel = host_timer_cancel,
	    .link_send = host_link_send,
	    .link_room = host_link_room,
	    .link_read_on = host_link_read_on,
	    .link_reset = host_link_reset,
	    .own_submit = host_own_submit,
	    .buf_get = host_buf_get,
	    .buf_put = host_buf_put,
	    .record_put = host_record_put,
	    .record_get = host_record_get,
	    .file_submit = host_file_submit,
	    .log_open = host_log_open,
	    .snapshot_submit = snapshot_submit,
	    .witness_submit = host_witness,
	    .work_submit = host_work,
	    .serving_changed = host_serving,
	    .meta_received = host_meta,
	    .report = host_report,
	    .log = host_log,
	};

	return &ops;
}
