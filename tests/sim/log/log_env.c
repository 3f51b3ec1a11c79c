/* SPDX-License-Identifier: MIT */
#include "log_env.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "memory.h"

#define STEP_NS 20000u

static struct log_env *log_env_of(struct env *e)
{
	return (struct log_env *)e;
}

static enum log_env_device which(const struct log_env *e, const struct device *d)
{
	return (enum log_env_device)(d - e->devices);
}

const char *log_env_device_name(enum log_env_device d)
{
	static const char *const names[] = {"log", "journal", "sink"};

	return names[d];
}

static bool fails_now(struct log_env *e, enum log_env_device device, enum log_env_fault kind)
{
	struct log_env_plan *p = &e->plan;

	if (p->nth == 0 || p->device != device || p->kind != kind)
		return false;
	if (p->nth > 1) {
		p->nth--;
		return false;
	}
	p->has_struck = true;
	if (!p->is_lasting)
		p->nth = 0;
	return true;
}

/* ---------------------------------------------------------------- files */

static int op_file_open(struct env *env, const struct env_open *how, struct env_file **out,
			struct err *err)
{
	struct log_env *e = log_env_of(env);
	struct device *d = NULL;

	for (uint32_t i = 0; i < DEVICE_COUNT; i++)
		if (strcmp(e->devices[i].name, how->path) == 0)
			d = &e->devices[i];
	assert(d);
	if (fails_now(e, which(e, d), FAULT_OPEN))
		return err_set(err, EIO, "path", "%s cannot be opened", how->path);
	if (how->flags & ENV_OPEN_CREATE) {
		if (d->exists)
			return err_set(err, EEXIST, "path", "%s exists", how->path);
		device_create(d, how->size_bytes);
	}
	if (!d->exists)
		return err_set(err, ENOENT, "path", "%s does not exist", how->path);
	/* Two that write one log would be the end of it. */
	assert(how->flags & (ENV_OPEN_LOCK | ENV_OPEN_READONLY));
	if (how->flags & ENV_OPEN_LOCK && d->is_open)
		return err_set(err, EAGAIN, "path", "%s is locked", how->path);
	d->is_open = true;
	d->file.is_readonly = how->flags & ENV_OPEN_READONLY;
	*out = &d->file;
	return 0;
}

static void op_file_close(struct env *env, struct env_file *f)
{
	struct log_env *e = log_env_of(env);
	struct device *d = (struct device *)f;

	for (uint32_t i = 0; i < e->flight_count; i++)
		assert(e->flights[i].device != d);
	assert(d->is_open);
	d->is_open = false;
}

/* ---------------------------------------------------------------- I/O */

static void op_io_submit(struct env *env, struct env_io *io)
{
	struct log_env *e = log_env_of(env);
	struct device *d = (struct device *)io->file;

	assert(e->flight_count < LOG_ENV_FLIGHTS && d->exists);
	if (io->op != ENV_IO_SYNC && io->op != ENV_IO_RESIZE)
		assert(io->len_bytes > 0 && io->offset_bytes + io->len_bytes <= d->file.size_bytes);
	assert(!(d->file.is_readonly && io->op == ENV_IO_WRITE));
	if (e->watch.submitted)
		e->watch.submitted(e->watch.ctx, which(e, d), io);
	e->flights[e->flight_count++] = (struct log_env_flight){io, d, d->written};
}

static void zero(struct device *d, const struct env_io *io)
{
	static const uint8_t zeros[DEVICE_BYTES_MAX];

	device_write(d, io->offset_bytes, zeros, io->len_bytes);
}

static void take_effect(const struct log_env_flight *f)
{
	struct env_io *io = f->io;

	switch (io->op) {
	case ENV_IO_READ:
		device_read(f->device, io->offset_bytes, io->buf, io->len_bytes);
		break;
	case ENV_IO_WRITE:
		assert(!io->is_durable || f->device->file.has_durable_writes);
		if (io->is_durable)
			device_write_durable(f->device, io->offset_bytes, io->buf, io->len_bytes);
		else
			device_write(f->device, io->offset_bytes, io->buf, io->len_bytes);
		break;
	case ENV_IO_SYNC:
		device_flush(f->device, f->mark);
		break;
	case ENV_IO_PUNCH:
	case ENV_IO_ZERO:
		zero(f->device, io);
		break;
	case ENV_IO_ALLOCATE:
		break;
	case ENV_IO_RESIZE:
		assert(io->offset_bytes == f->device->file.size_bytes);
		break;
	default:
		assert(!"an operation that a log has no use for");
	}
}

static void fail(struct log_env *e, const struct log_env_flight *f)
{
	struct env_io *io = f->io;

	if (io->op == ENV_IO_WRITE)
		device_write_torn(f->device, e->rng, io->offset_bytes, io->buf, io->len_bytes);
	else if (io->op == ENV_IO_SYNC)
		device_flush_failed(f->device, e->rng, f->mark);
	io->result = -EIO;
}

static enum log_env_fault fault_kind(enum env_io_op op)
{
	return op == ENV_IO_READ ? FAULT_READ : op == ENV_IO_SYNC ? FAULT_FLUSH : FAULT_WRITE;
}

static void carry_out(struct log_env *e, const struct log_env_flight *f)
{
	struct env_io *io = f->io;

	io->result = 0;
	if (fails_now(e, which(e, f->device), fault_kind(io->op)))
		fail(e, f);
	else
		take_effect(f);
	if (e->watch.ended)
		e->watch.ended(e->watch.ctx, which(e, f->device), io);
	io->done(io);
}

static uint32_t choose(struct log_env *e)
{
	uint32_t i = e->is_in_order ? 0 : (uint32_t)rng_below(e->rng, e->flight_count);

	for (uint32_t tries = 0; e->has_slow_reads && tries < 8; tries++) {
		if (e->flights[i].io->op != ENV_IO_READ)
			break;
		i = (uint32_t)rng_below(e->rng, e->flight_count);
	}
	return i;
}

static void end_one(struct log_env *e)
{
	uint32_t i = choose(e);
	struct log_env_flight f = e->flights[i];

	memmove(&e->flights[i], &e->flights[i + 1],
		(--e->flight_count - i) * sizeof(e->flights[0]));
	carry_out(e, &f);
}

void log_env_do_now(struct log_env *e, struct env_io *io)
{
	struct log_env_flight f = {io, (struct device *)io->file,
				   ((struct device *)io->file)->written};

	if (e->watch.submitted)
		e->watch.submitted(e->watch.ctx, which(e, f.device), io);
	carry_out(e, &f);
}

/* ---------------------------------------------------------------- the rest of the table */

static uint64_t op_now(struct env *env)
{
	return log_env_of(env)->now_ns;
}

static uint64_t op_random(struct env *env)
{
	return rng_u64(log_env_of(env)->rng);
}

static void op_timer_set(struct env *env, struct env_timer *t, uint64_t deadline_ns)
{
	timer_heap_set(&log_env_of(env)->timers, t, deadline_ns);
}

static void op_timer_cancel(struct env *env, struct env_timer *t)
{
	timer_heap_cancel(&log_env_of(env)->timers, t);
}

static int op_memory_register(struct env *env, void *base, uint64_t size_bytes)
{
	return 0;
}

static void op_memory_unregister(struct env *env, void *base) {}

static void op_work_submit(struct env *env, struct env_work *w)
{
	w->env = env;
	list_push_back(&log_env_of(env)->works, &w->node);
}

static void op_post(struct env *env, struct env_msg *m)
{
	struct log_env *e = log_env_of(env);

	m->next = NULL;
	*e->last_msg = m;
	e->last_msg = &m->next;
}

static void op_bell_ring(struct env *env, struct env_bell *b) {}

static const struct env_ops ops = {
    .now_ns = op_now,
    .now_exact_ns = op_now,
    .random_u64 = op_random,
    .timer_set = op_timer_set,
    .timer_cancel = op_timer_cancel,
    .file_open = op_file_open,
    .file_close = op_file_close,
    .io_submit = op_io_submit,
    .memory_register = op_memory_register,
    .memory_unregister = op_memory_unregister,
    .work_submit = op_work_submit,
    .post = op_post,
    .bell_ring = op_bell_ring,
};

/* ---------------------------------------------------------------- life */

void log_env_init(struct log_env *e, struct rng *r, struct device *devices)
{
	*e = (struct log_env){.env.ops = &ops, .rng = r, .devices = devices, .now_ns = 1000000};
}

static void never(struct env_timer *t) {}

/* The heap grows now, so that no plan of failing allocations ever meets it. */
static void grow_heap(struct log_env *e)
{
	struct env_timer t = {.fn = never};

	timer_heap_init(&e->timers);
	timer_heap_set(&e->timers, &t, 1);
	timer_heap_cancel(&e->timers, &t);
}

void log_env_begin(struct log_env *e)
{
	memory_begin();
	memory_on(false);
	grow_heap(e);
	memory_on(true);
	list_init(&e->works);
	e->first_msg = NULL;
	e->last_msg = &e->first_msg;
	e->flight_count = 0;
	e->steps = 0;
	for (uint32_t i = 0; i < DEVICE_COUNT; i++)
		e->devices[i].is_open = false;
}

bool log_env_is_busy(const struct log_env *e)
{
	return e->flight_count > 0 || e->first_msg || !list_is_empty(&e->works);
}

static void deliver(struct log_env *e)
{
	struct env_msg *m;
	struct list_node *n;

	while ((m = e->first_msg)) {
		e->first_msg = m->next;
		if (!e->first_msg)
			e->last_msg = &e->first_msg;
		m->fn(m);
	}
	while ((n = list_pop_front(&e->works))) {
		struct env_work *w = list_entry(n, struct env_work, node);

		w->run(w);
		w->done(w);
	}
}

static void run_timers(struct log_env *e)
{
	uint64_t mark = timer_heap_mark(&e->timers);
	struct env_timer *t;

	while ((t = timer_heap_pop_due_before(&e->timers, e->now_ns, mark)))
		t->fn(t);
}

bool log_env_step(struct log_env *e)
{
	uint64_t next_ns;

	e->steps++;
	e->now_ns += STEP_NS;
	/* Messages first, but a process that keeps sending itself some does not stop the disk. */
	if ((e->first_msg || !list_is_empty(&e->works)) && (e->flight_count == 0 || e->steps % 4)) {
		deliver(e);
		return true;
	}
	next_ns = timer_heap_next_ns(&e->timers);
	if (e->flight_count == 0 && next_ns == UINT64_MAX)
		return false;
	if (e->flight_count == 0 && next_ns > e->now_ns)
		e->now_ns = next_ns;
	if (next_ns <= e->now_ns)
		run_timers(e);
	else
		end_one(e);
	return true;
}

uint32_t log_env_flight_sectors(const struct log_env *e)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < e->flight_count; i++)
		if (e->flights[i].io->op == ENV_IO_WRITE)
			count += (uint32_t)(e->flights[i].io->len_bytes /
					    e->flights[i].device->sector_bytes);
	return count;
}

void log_env_kill_exactly(struct log_env *e, uint64_t mask)
{
	for (uint32_t i = 0; i < e->flight_count; i++) {
		const struct env_io *io = e->flights[i].io;
		struct device *d = e->flights[i].device;

		if (io->op != ENV_IO_WRITE)
			continue;
		for (uint64_t at = 0; at < io->len_bytes; at += d->sector_bytes, mask >>= 1)
			if (mask & 1)
				device_write(d, io->offset_bytes + at,
					     (const uint8_t *)io->buf + at, d->sector_bytes);
	}
	e->flight_count = 0;
	timer_heap_fini(&e->timers);
}

void log_env_kill(struct log_env *e)
{
	for (; e->flight_count > 0; e->flight_count--) {
		uint32_t i = (uint32_t)rng_below(e->rng, e->flight_count);
		struct log_env_flight f = e->flights[i];

		e->flights[i] = e->flights[e->flight_count - 1];
		if (f.io->op != ENV_IO_WRITE && f.io->op != ENV_IO_ZERO && f.io->op != ENV_IO_PUNCH)
			continue;
		if (rng_pct(e->rng, 30))
			take_effect(&f);
		else if (f.io->op == ENV_IO_WRITE && rng_pct(e->rng, 70))
			device_write_torn(f.device, e->rng, f.io->offset_bytes, f.io->buf,
					  f.io->len_bytes);
	}
	timer_heap_fini(&e->timers);
}

void log_env_power_cut(struct log_env *e)
{
	for (uint32_t i = 0; i < DEVICE_COUNT; i++)
		if (e->devices[i].exists)
			device_power_cut(&e->devices[i], e->rng);
}
