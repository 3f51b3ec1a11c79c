/* SPDX-License-Identifier: MIT */
#include "fake_disk.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static struct fake_disk *of(struct env *e)
{
	return (struct fake_disk *)e;
}

static uint64_t op_now_ns(struct env *e)
{
	return 1;
}

static uint64_t op_random_u64(struct env *e)
{
	struct fake_disk *d = of(e);

	d->random_state = d->random_state * 6364136223846793005ull + 1442695040888963407ull;
	return d->random_state >> 11;
}

static void op_timer_set(struct env *e, struct env_timer *t, uint64_t deadline_ns)
{
	assert(!"nobody here uses timers");
}

static void op_timer_cancel(struct env *e, struct env_timer *t) {}

static int op_file_open(struct env *e, const struct env_open *how, struct env_file **out,
			struct err *err)
{
	struct fake_disk *d = of(e);

	assert(!d->is_file_open);
	d->is_file_open = true;
	*out = &d->file;
	return 0;
}

static void op_file_close(struct env *e, struct env_file *f)
{
	assert(of(e)->is_file_open);
	of(e)->is_file_open = false;
}

static void op_io_submit(struct env *e, struct env_io *io)
{
	struct fake_disk *d = of(e);
	uint64_t mask = d->file.align_bytes - 1;

	d->ios++;
	d->counts[io->op]++;
	io->result = 0;
	if ((d->fail_at && d->ios == d->fail_at) || (d->fail_all_after && d->ios > d->fail_at))
		io->result = d->fail_with;
	if (io->op != ENV_IO_SYNC && io->op != ENV_IO_RESIZE) {
		assert(io->len_bytes > 0);
		assert(io->offset_bytes + io->len_bytes <= d->file.size_bytes);
		if (io->op != ENV_IO_EXTENT)
			assert(((io->offset_bytes | io->len_bytes | (uintptr_t)io->buf) & mask) ==
			       0);
	}
	if (io->op == ENV_IO_SYNC)
		memcpy(d->syncing, d->cache, d->file.size_bytes);
	list_push_back(&d->pending, &io->node);
	d->pending_count++;
}

static int op_memory_register(struct env *e, void *base, uint64_t size_bytes)
{
	return -EOPNOTSUPP;
}

static void op_memory_unregister(struct env *e, void *base) {}

static void op_work_submit(struct env *e, struct env_work *w)
{
	assert(!"nobody here uses work");
}

static void op_post(struct env *e, struct env_msg *m)
{
	struct fake_disk *d = of(e);

	m->next = NULL;
	*d->last = m;
	d->last = &m->next;
}

static void op_bell_ring(struct env *e, struct env_bell *b) {}

static const struct env_ops ops = {
    .now_ns = op_now_ns,
    .now_exact_ns = op_now_ns,
    .random_u64 = op_random_u64,
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

void fake_disk_init(struct fake_disk *d, uint64_t size_bytes, uint32_t align_bytes)
{
	memset(d, 0, sizeof(*d));
	d->env.ops = &ops;
	d->file.size_bytes = size_bytes;
	d->file.align_bytes = align_bytes;
	d->cache = calloc(1, size_bytes);
	d->medium = calloc(1, size_bytes);
	d->syncing = calloc(1, size_bytes);
	assert(d->cache && d->medium && d->syncing);
	list_init(&d->pending);
	d->last = &d->first;
	d->fail_with = -EIO;
}

void fake_disk_fini(struct fake_disk *d)
{
	assert(list_is_empty(&d->pending) && !d->first && !d->is_file_open);
	free(d->cache);
	free(d->medium);
	free(d->syncing);
}

static void effect(struct fake_disk *d, struct env_io *io)
{
	switch (io->op) {
	case ENV_IO_READ:
		memcpy(io->buf, d->cache + io->offset_bytes, io->len_bytes);
		return;
	case ENV_IO_WRITE:
		memcpy(d->cache + io->offset_bytes, io->buf, io->len_bytes);
		return;
	case ENV_IO_SYNC:
		memcpy(d->medium, d->syncing, d->file.size_bytes);
		return;
	case ENV_IO_PUNCH:
	case ENV_IO_ZERO:
		memset(d->cache + io->offset_bytes, 0, io->len_bytes);
		return;
	case ENV_IO_EXTENT:
		io->result_is_hole = false;
		io->result_extent_bytes = io->len_bytes;
		return;
	case ENV_IO_ALLOCATE:
	case ENV_IO_RESIZE:
		return;
	}
}

static void end_io(struct fake_disk *d, struct env_io *io)
{
	list_del(&io->node);
	d->pending_count--;
	if (io->result)
		d->failed_ios++;
	else
		effect(d, io);
	io->done(io);
}

static bool message_run(struct fake_disk *d)
{
	struct env_msg *m = d->first;

	if (!m)
		return false;
	d->first = m->next;
	if (!d->first)
		d->last = &d->first;
	m->fn(m);
	return true;
}

bool fake_disk_step(struct fake_disk *d, uint64_t pick)
{
	struct list_node *n;

	if (message_run(d))
		return true;
	if (d->pending_count == 0)
		return false;
	n = d->pending.next;
	for (pick %= d->pending_count; pick > 0; pick--)
		n = n->next;
	end_io(d, list_entry(n, struct env_io, node));
	return true;
}

void fake_disk_messages(struct fake_disk *d)
{
	while (message_run(d)) {
	}
}

void fake_disk_settle(struct fake_disk *d)
{
	while (fake_disk_step(d, 0)) {
	}
}

bool fake_disk_end_one(struct fake_disk *d, enum env_io_op op)
{
	struct list_node *n;

	list_for_each (n, &d->pending) {
		struct env_io *io = list_entry(n, struct env_io, node);

		if (io->op == op) {
			end_io(d, io);
			return true;
		}
	}
	return false;
}

uint32_t fake_disk_pending(const struct fake_disk *d, enum env_io_op op)
{
	const struct list_node *n;
	uint32_t count = 0;

	list_for_each (n, &d->pending)
		count += list_entry(n, const struct env_io, node)->op == op;
	return count;
}
