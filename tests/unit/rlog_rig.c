/* SPDX-License-Identifier: MIT */
#include "rlog_rig.h"
#include "rlog_format.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---------------------------------------------------------------- disk */

struct rig_file *rig_file(struct rig *r, const char *path)
{
	for (uint32_t i = 0; i < RIG_FILES; i++) {
		if (strcmp(r->files[i].path, path) == 0)
			return &r->files[i];
		if (!r->files[i].path[0]) {
			snprintf(r->files[i].path, sizeof(r->files[i].path), "%s", path);
			r->files[i].rig = r;
			return &r->files[i];
		}
	}
	abort();
}

static int op_file_open(struct env *e, const struct env_open *how, struct env_file **out,
			struct err *err)
{
	struct rig_file *f = rig_file((struct rig *)e, how->path);

	if (!f->exists && !(how->flags & ENV_OPEN_CREATE))
		return err_set(err, ENOENT, "path", "%s does not exist", how->path);
	if (f->exists && (how->flags & ENV_OPEN_CREATE))
		return err_set(err, EEXIST, "path", "%s exists", how->path);
	if (f->is_open)
		return err_set(err, EAGAIN, "path", "%s is open", how->path);
	if (!f->exists) {
		f->exists = true;
		f->f.size_bytes = how->size_bytes;
		f->f.align_bytes = 1;
		f->f.has_durable_writes = ((struct rig *)e)->has_durable_writes;
		f->now = calloc(1, how->size_bytes);
		f->stable = calloc(1, how->size_bytes);
	}
	f->is_open = true;
	*out = &f->f;
	return 0;
}

static void op_file_close(struct env *e, struct env_file *f)
{
	((struct rig_file *)f)->is_open = false;
}

static void op_io_submit(struct env *e, struct env_io *io)
{
	struct rig *r = (struct rig *)e;

	assert(io->offset_bytes + io->len_bytes <= io->file->size_bytes);
	assert(io->offset_bytes % RIG_BLOCK_BYTES == 0 && io->len_bytes % RIG_BLOCK_BYTES == 0);
	list_push_back(&r->ios, &io->node);
}

static void io_do(struct rig *r, struct env_io *io)
{
	struct rig_file *f = (struct rig_file *)io->file;

	io->result = 0;
	if (++r->io_count == r->fail_at || f->is_failing) {
		io->result = r->fail_with;
	} else if (io->op == ENV_IO_READ) {
		memcpy(io->buf, f->now + io->offset_bytes, io->len_bytes);
		f->reads++;
	} else if (io->op == ENV_IO_WRITE) {
		memcpy(f->now + io->offset_bytes, io->buf, io->len_bytes);
		if (io->is_durable)
			memcpy(f->stable + io->offset_bytes, io->buf, io->len_bytes);
		f->durable_writes += io->is_durable;
		f->writes++;
	} else if (io->op == ENV_IO_SYNC) {
		memcpy(f->stable, f->now, f->f.size_bytes);
		f->syncs++;
	} else {
		abort();
	}
}

static uint64_t random_below(struct rig *r, uint64_t n)
{
	return env_random_u64(&r->fe.env) % n;
}

static bool sink_step(struct rig *r)
{
	struct list_node *n = list_pop_front(&r->sink_ios);
	struct sluice_rlog_sink_io *io;

	if (!n)
		return false;
	io = (struct sluice_rlog_sink_io *)((char *)n - offsetof(struct sluice_rlog_sink_io, host));
	io->fn(io);
	return true;
}

bool rig_step(struct rig *r)
{
	struct list_node *n = r->ios.next;
	uint32_t count = 0, pick;
	struct env_io *io;

	fake_env_settle(&r->fe);
	list_for_each (n, &r->ios)
		count++;
	if (count == 0)
		return sink_step(r);
	pick = (uint32_t)random_below(r, count);
	for (n = r->ios.next; pick; pick--)
		n = n->next;
	list_del(n);
	io = list_entry(n, struct env_io, node);
	/* A sync covers what was written before it began; the rest has not been written yet. */
	io_do(r, io);
	io->done(io);
	fake_env_settle(&r->fe);
	return true;
}

void rig_run(struct rig *r)
{
	fake_env_settle(&r->fe);
	while (rig_step(r))
		;
}

/* ---------------------------------------------------------------- life */

void rig_init(struct rig *r, uint64_t seed, uint32_t log_blocks)
{
	memset(r, 0, sizeof(*r));
	fake_env_init(&r->fe, seed);
	r->ops = *r->fe.env.ops;
	r->ops.file_open = op_file_open;
	r->ops.file_close = op_file_close;
	r->ops.io_submit = op_io_submit;
	r->fe.env.ops = &r->ops;
	r->fail_with = -EIO;
	r->is_sink_ascending = true;
	list_init(&r->ios);
	list_init(&r->sink_ios);
	r->cfg = (struct sluice_rlog_cfg){
	    .path = "log",
	    .block_bytes = RIG_BLOCK_BYTES,
	    .size_bytes = rlog_geometry_size(RIG_BLOCK_BYTES, log_blocks, true),
	    .reserve_blocks = 6,
	    .checkpoint_bytes = 1u << 20,
	    .owner_uuid = {1, 2, 3},
	    .generation = 7,
	    .may_create = true,
	};
}

static void on_opened(void *ctx, const struct sluice_rlog_opened *how)
{
	struct rig *r = ctx;

	r->how = *how;
	r->is_opened = true;
}

static void on_closed(void *ctx)
{
	((struct rig *)ctx)->is_closed = true;
}

static void on_want_space(void *ctx)
{
	((struct rig *)ctx)->want_space++;
}

int rig_open(struct rig *r)
{
	struct sluice_error err;

	r->is_opened = false;
	r->log = rlog_open_env(&r->fe.env, &r->cfg, on_opened, r, &err);
	if (!r->log)
		return -EINVAL;
	rig_run(r);
	assert(r->is_opened);
	if (r->how.result)
		rig_close(r);
	else
		sluice_rlog_on_want_space(r->log, on_want_space, r);
	return r->how.result;
}

void rig_close(struct rig *r)
{
	r->is_closed = false;
	sluice_rlog_close(r->log, on_closed, r);
	rig_run(r);
	assert(r->is_closed);
	r->log = NULL;
}

/* What was not flushed is there, or not. */
static void survive(struct rig *r, uint8_t *now, uint8_t *stable, size_t len)
{
	if (memcmp(now, stable, len) == 0)
		return;
	if (random_below(r, 2))
		memcpy(stable, now, len);
	else
		memcpy(now, stable, len);
}

void rig_crash(struct rig *r, bool is_power_cut)
{
	if (r->log)
		rlog_abandon(r->log);
	r->log = NULL;
	list_init(&r->ios);
	list_init(&r->sink_ios);
	r->fe.timer_count = 0;
	r->fe.first = NULL;
	r->fe.last = &r->fe.first;
	for (uint32_t i = 0; i < RIG_FILES; i++) {
		struct rig_file *f = &r->files[i];

		f->is_open = false;
		for (uint64_t at = 0; is_power_cut && f->now && at < f->f.size_bytes;
		     at += RIG_SECTOR)
			survive(r, f->now + at, f->stable + at, RIG_SECTOR);
	}
	for (uint32_t b = 0; is_power_cut && b < RIG_SINK_BLOCKS; b++)
		survive(r, r->sink_now[b], r->sink_stable[b], 8);
}

void rig_fini(struct rig *r)
{
	if (r->log)
		rig_close(r);
	for (uint32_t i = 0; i < RIG_FILES; i++) {
		free(r->files[i].now);
		free(r->files[i].stable);
	}
	fake_env_fini(&r->fe);
}

/* ---------------------------------------------------------------- calls */

void rig_fill(uint8_t *data, uint64_t block, uint64_t version)
{
	for (uint32_t i = 0; i < RIG_BLOCK_BYTES / 8; i++) {
		uint64_t word = i % 2 ? block : version;

		memcpy(data + (size_t)i * 8, &word, 8);
	}
}

static void entry_done(struct sluice_rlog_entry *e)
{
	struct rig_entry *x = (struct rig_entry *)e;

	assert(!x->is_done);
	x->is_done = true;
	x->rig->acks++;
}

struct rig_entry *rig_begin(struct rig *r, uint8_t kind, uint64_t block, uint64_t block_count,
			    uint64_t version, bool is_durable)
{
	struct rig_entry *x = calloc(1, sizeof(*x));

	x->rig = r;
	if (kind == SLUICE_RLOG_DATA) {
		x->data = malloc(block_count * RIG_BLOCK_BYTES);
		for (uint64_t i = 0; i < block_count; i++)
			rig_fill(x->data + i * RIG_BLOCK_BYTES, block + i, version);
	}
	x->e = (struct sluice_rlog_entry){.kind = kind,
					  .is_durable = is_durable,
					  .block = block,
					  .block_count = block_count,
					  .value = version,
					  .buf = x->data,
					  .fn = entry_done};
	sluice_rlog_append(r->log, &x->e);
	return x;
}

void rig_entry_free(struct rig_entry *x)
{
	free(x->data);
	free(x);
}

static int finish(struct rig *r, struct rig_entry *x)
{
	int result;

	rig_run(r);
	assert(x->is_done);
	result = x->e.result;
	rig_entry_free(x);
	return result;
}

int rig_put(struct rig *r, uint64_t block, uint64_t version, bool is_durable)
{
	return finish(r, rig_begin(r, SLUICE_RLOG_DATA, block, 1, version, is_durable));
}

int rig_put_many(struct rig *r, uint64_t block, uint64_t block_count, uint64_t version)
{
	return finish(r, rig_begin(r, SLUICE_RLOG_DATA, block, block_count, version, true));
}

int rig_zero(struct rig *r, uint64_t block, uint64_t block_count)
{
	return finish(r, rig_begin(r, SLUICE_RLOG_ZERO, block, block_count, 0, true));
}

static void flush_done(struct sluice_rlog_flush *fl)
{
	*(bool *)fl->ctx = true;
}

int rig_flush(struct rig *r)
{
	bool is_done = false;
	struct sluice_rlog_flush fl = {.fn = flush_done, .ctx = &is_done};

	sluice_rlog_flush(r->log, &fl);
	rig_run(r);
	assert(is_done);
	return fl.result;
}

int rig_drop(struct rig *r)
{
	bool is_done = false;
	struct sluice_rlog_flush fl = {.fn = flush_done, .ctx = &is_done};

	sluice_rlog_drop(r->log, &fl);
	rig_run(r);
	assert(is_done);
	return fl.result;
}

static void read_done(struct sluice_rlog_read *rd)
{
	*(bool *)rd->ctx = true;
}

uint64_t rig_get(struct rig *r, uint64_t block)
{
	uint8_t data[RIG_BLOCK_BYTES], want[RIG_BLOCK_BYTES];
	bool is_done = false;
	struct sluice_rlog_read rd = {
	    .block = block, .block_count = 1, .buf = data, .fn = read_done, .ctx = &is_done};
	struct sluice_rlog_run run;
	uint64_t version;

	sluice_rlog_lookup(r->log, block, 1, &run);
	assert(run.block_count == 1);
	if (run.what == SLUICE_RLOG_ABSENT)
		return RIG_ABSENT;
	if (run.what == SLUICE_RLOG_HAS_ZEROS)
		return 0;
	sluice_rlog_read(r->log, &rd);
	rig_run(r);
	assert(is_done);
	if (rd.result)
		return (uint64_t)(int64_t)rd.result;
	memcpy(&version, data, 8);
	rig_fill(want, block, version);
	assert(memcmp(data, want, sizeof(data)) == 0);
	return version;
}

uint64_t rig_sink_version(struct rig *r, uint64_t block)
{
	uint64_t version;

	memcpy(&version, r->sink_now[block], 8);
	return version;
}

uint64_t rig_see(struct rig *r, uint64_t block)
{
	uint64_t version = rig_get(r, block);

	return version == RIG_ABSENT ? rig_sink_version(r, block) : version;
}

/* ---------------------------------------------------------------- sink */

static void sink_do(struct rig *r, const struct sluice_rlog_sink_io *io)
{
	if (io->op == SLUICE_RLOG_SINK_FLUSH) {
		r->sink_flushes++;
		memcpy(r->sink_stable, r->sink_now, sizeof(r->sink_now));
		r->sink_last_block = 0;
		return;
	}
	if (io->block < r->sink_last_block)
		r->is_sink_ascending = false;
	r->sink_last_block = io->block + io->block_count;
	r->sink_writes += io->op == SLUICE_RLOG_SINK_WRITE;
	r->sink_zeros += io->op == SLUICE_RLOG_SINK_ZERO;
	for (uint64_t i = 0; i < io->block_count && io->block + i < RIG_SINK_BLOCKS; i++) {
		const uint8_t *data = (const uint8_t *)io->buf + i * RIG_BLOCK_BYTES;

		if (io->op == SLUICE_RLOG_SINK_WRITE)
			memcpy(r->sink_now[io->block + i], data, 8);
		else
			memset(r->sink_now[io->block + i], 0, 8);
	}
}

static void sink_submit(void *ctx, struct sluice_rlog_sink_io *io)
{
	struct rig *r = ctx;

	io->result = ++r->sink_count == r->sink_fail_at ? -ENOSPC : 0;
	if (io->result == 0)
		sink_do(r, io);
	if (r->sink_is_late)
		list_push_back(&r->sink_ios, (struct list_node *)io->host);
	else
		io->fn(io);
}

struct sluice_rlog_sink rig_sink(struct rig *r)
{
	return (struct sluice_rlog_sink){.submit = sink_submit, .ctx = r, .max_ios = 4};
}

static void destage_done(struct sluice_rlog_destage *d)
{
	*(bool *)d->ctx = true;
}

int rig_destage(struct rig *r, uint64_t max_bytes)
{
	struct sluice_rlog_sink sink = rig_sink(r);
	bool is_done = false;
	struct sluice_rlog_destage d = {
	    .max_bytes = max_bytes, .fn = destage_done, .ctx = &is_done};

	sluice_rlog_destage(r->log, &sink, &d);
	rig_run(r);
	assert(is_done);
	return d.result;
}

struct sluice_rlog_stats rig_stats(struct rig *r)
{
	struct sluice_rlog_stats s;

	sluice_rlog_stats(r->log, &s);
	return s;
}
