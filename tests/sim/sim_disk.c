/* SPDX-License-Identifier: MIT */
#include "sim_disk.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define FILES_MAX 4u

struct version {
	uint32_t sector;
	uint64_t seq;
	uint8_t data[DISK_SECTOR_BYTES];
};

struct sim_file {
	struct env_file env; /* first */
	char path[64];
	uint32_t sector_count;
	uint8_t *cache, *stable, *is_hole;
	struct version *log; /* [log_count], by seq */
	uint32_t log_count, log_room;
	struct disk_user *locked_by;
};

struct disk_op {
	struct list_node node;
	struct sim_disk *disk;
	struct disk_user *user;
	struct env_io *io;
	bool is_orphan; /* its process was killed */
	bool is_cut;
	uint64_t seq_at_submit;
	struct disk_op *next_spare;
};

struct sim_disk {
	struct world *w;
	struct sim_file files[FILES_MAX];
	uint32_t file_count;
	struct list_node in_flight;
	struct disk_op *spare;
	uint64_t seq;
	uint64_t stalled_until_ns;
	uint32_t error_pct;
	bool has_failed_flush;
};

struct sim_disk *sim_disk_new(struct world *w)
{
	struct sim_disk *d = calloc(1, sizeof(*d));

	d->w = w;
	list_init(&d->in_flight);
	return d;
}

void sim_disk_stall(struct sim_disk *d, uint64_t until_ns)
{
	d->stalled_until_ns = until_ns;
}

bool sim_disk_is_stalled(const struct sim_disk *d)
{
	return d->stalled_until_ns > d->w->now_ns;
}

void sim_disk_set_errors(struct sim_disk *d, uint32_t pct)
{
	d->error_pct = pct;
}

bool sim_disk_has_failed_flush(const struct sim_disk *d)
{
	return d->has_failed_flush;
}

/* ---------------------------------------------------------------- files */

static struct sim_file *find(struct sim_disk *d, const char *path)
{
	for (uint32_t i = 0; i < d->file_count; i++)
		if (strcmp(d->files[i].path, path) == 0)
			return &d->files[i];
	return NULL;
}

static int create(struct sim_disk *d, const struct env_open *how, struct sim_file **out,
		  struct err *err)
{
	struct sim_file *f;

	if (find(d, how->path))
		return err_set(err, EEXIST, "path", "%s exists", how->path);
	assert(d->file_count < FILES_MAX && strlen(how->path) < sizeof(f->path));
	assert(how->size_bytes % DISK_SECTOR_BYTES == 0);
	f = &d->files[d->file_count++];
	memcpy(f->path, how->path, strlen(how->path) + 1);
	f->sector_count = (uint32_t)(how->size_bytes / DISK_SECTOR_BYTES);
	f->cache = calloc(f->sector_count, DISK_SECTOR_BYTES);
	f->stable = calloc(f->sector_count, DISK_SECTOR_BYTES);
	f->is_hole = malloc(f->sector_count);
	memset(f->is_hole, 1, f->sector_count);
	*out = f;
	return 0;
}

int sim_disk_open(struct sim_disk *d, struct disk_user *u, const struct env_open *how,
		  struct env_file **out, struct err *err)
{
	struct sim_file *f = find(d, how->path);
	int rc;

	if (how->flags & ENV_OPEN_CREATE) {
		rc = create(d, how, &f, err);
		if (rc)
			return rc;
	}
	if (!f)
		return err_set(err, ENOENT, "path", "%s does not exist", how->path);
	if (how->flags & ENV_OPEN_LOCK) {
		if (f->locked_by && f->locked_by != u)
			return err_set(err, EAGAIN, "path", "%s is locked", how->path);
		f->locked_by = u;
	}
	f->env.size_bytes = (uint64_t)f->sector_count * DISK_SECTOR_BYTES;
	f->env.align_bytes = how->flags & ENV_OPEN_DIRECT ? d->w->opt.disk_align_bytes : 1;
	f->env.is_readonly = how->flags & ENV_OPEN_READONLY;
	*out = &f->env;
	return 0;
}

void sim_disk_close(struct sim_disk *d, struct env_file *file)
{
	struct sim_file *f = (struct sim_file *)file;

	f->locked_by = NULL;
}

/* ---------------------------------------------------------------- effects */

static void put_sector(struct sim_disk *d, struct sim_file *f, uint32_t sector, const void *data,
		       bool is_hole)
{
	struct version *v;

	if (f->log_count == f->log_room) {
		f->log_room = f->log_room ? f->log_room * 2 : 64;
		f->log = realloc(f->log, f->log_room * sizeof(*f->log));
	}
	v = &f->log[f->log_count++];
	v->sector = sector;
	v->seq = ++d->seq;
	memcpy(v->data, data, DISK_SECTOR_BYTES);
	memcpy(f->cache + (size_t)sector * DISK_SECTOR_BYTES, data, DISK_SECTOR_BYTES);
	f->is_hole[sector] = is_hole;
}

/* pct of the sectors; 100: all. */
static void change(struct sim_disk *d, struct env_io *io, uint32_t pct)
{
	static const uint8_t zeros[DISK_SECTOR_BYTES];
	struct sim_file *f = (struct sim_file *)io->file;
	uint32_t first = (uint32_t)(io->offset_bytes / DISK_SECTOR_BYTES);
	uint32_t count = (uint32_t)(io->len_bytes / DISK_SECTOR_BYTES);

	for (uint32_t i = 0; i < count; i++) {
		if (pct < 100 && !rng_pct(&d->w->rng, pct))
			continue;
		if (io->op == ENV_IO_WRITE)
			put_sector(d, f, first + i,
				   (uint8_t *)io->buf + (size_t)i * DISK_SECTOR_BYTES, false);
		else
			put_sector(d, f, first + i, zeros, io->op == ENV_IO_PUNCH);
	}
}

/* Versions up to seq leave the log, into stable storage: all of them, or (a failed flush) by
 * chance. */
static void flush(struct sim_disk *d, struct sim_file *f, uint64_t seq, bool is_failing)
{
	uint32_t i = 0;

	for (; i < f->log_count && f->log[i].seq <= seq; i++)
		if (!is_failing || rng_pct(&d->w->rng, 50))
			memcpy(f->stable + (size_t)f->log[i].sector * DISK_SECTOR_BYTES,
			       f->log[i].data, DISK_SECTOR_BYTES);
	if (i == 0)
		return;
	memmove(f->log, f->log + i, (f->log_count - i) * sizeof(*f->log));
	f->log_count -= i;
}

static void extent(struct env_io *io)
{
	struct sim_file *f = (struct sim_file *)io->file;
	uint32_t first = (uint32_t)(io->offset_bytes / DISK_SECTOR_BYTES), at = first;

	io->result_is_hole = f->is_hole[first];
	while (at < f->sector_count && f->is_hole[at] == f->is_hole[first])
		at++;
	io->result_extent_bytes = (uint64_t)(at - first) * DISK_SECTOR_BYTES;
	if (io->len_bytes && io->result_extent_bytes > io->len_bytes)
		io->result_extent_bytes = io->len_bytes;
}

static bool is_change(const struct env_io *io)
{
	return io->op == ENV_IO_WRITE || io->op == ENV_IO_PUNCH || io->op == ENV_IO_ZERO;
}

static int fail(struct sim_disk *d, struct disk_op *op)
{
	struct env_io *io = op->io;

	if (is_change(io)) {
		change(d, io, 50); /* torn */
		return io->op == ENV_IO_WRITE && rng_pct(&d->w->rng, 50) ? -ENOSPC : -EIO;
	}
	if (io->op == ENV_IO_SYNC) {
		d->has_failed_flush = true;
		flush(d, (struct sim_file *)io->file, op->seq_at_submit, true);
	}
	return -EIO;
}

static int succeed(struct sim_disk *d, struct disk_op *op)
{
	struct env_io *io = op->io;
	struct sim_file *f = (struct sim_file *)io->file;

	if (is_change(io))
		change(d, io, 100);
	else if (io->op == ENV_IO_READ)
		memcpy(io->buf, f->cache + io->offset_bytes, io->len_bytes);
	else if (io->op == ENV_IO_SYNC)
		flush(d, f, op->seq_at_submit, false);
	else if (io->op == ENV_IO_EXTENT)
		extent(io);
	else if (io->op == ENV_IO_RESIZE)
		return -EOPNOTSUPP;
	return 0;
}

/* ---------------------------------------------------------------- life of an I/O */

/* The last descriptor of a dead process is closed: not before its last I/O has ended. */
static void end_user(struct sim_disk *d, struct disk_user *u)
{
	for (uint32_t i = 0; i < d->file_count; i++)
		if (d->files[i].locked_by == u)
			d->files[i].locked_by = NULL;
	u->quiet(u);
}

static void op_end(void *ctx, uint64_t arg)
{
	struct disk_op *op = ctx;
	struct sim_disk *d = op->disk;
	struct disk_user *u = op->user;
	struct env_io *io = op->io;

	if (op->is_cut)
		return;
	list_del(&op->node);
	u->in_flight--;
	if (op->is_orphan) {
		if (is_change(io))
			change(d, io, (uint32_t)rng_below(&d->w->rng, 3) * 50);
		if (u->in_flight == 0)
			end_user(d, u);
	} else {
		io->result = d->error_pct && rng_pct(&d->w->rng, d->error_pct) ? fail(d, op)
									       : succeed(d, op);
		world_trace(d->w, "disk: op %d at %llu+%llu: %d", io->op,
			    (unsigned long long)io->offset_bytes, (unsigned long long)io->len_bytes,
			    io->result);
		u->completed(u, io);
	}
	op->next_spare = d->spare;
	d->spare = op;
}

static void check(struct sim_disk *d, const struct env_io *io)
{
	uint32_t align = io->file->align_bytes;
	bool has_range =
	    io->op != ENV_IO_SYNC && io->op != ENV_IO_RESIZE && io->op != ENV_IO_ALLOCATE;

	if (!has_range)
		return;
	if (io->offset_bytes + io->len_bytes > io->file->size_bytes || io->len_bytes == 0 ||
	    io->offset_bytes % DISK_SECTOR_BYTES ||
	    (io->op != ENV_IO_EXTENT && io->len_bytes % DISK_SECTOR_BYTES))
		world_fail(d->w, "the backend sends op %d with %llu+%llu to a file of %llu bytes",
			   io->op, (unsigned long long)io->offset_bytes,
			   (unsigned long long)io->len_bytes,
			   (unsigned long long)io->file->size_bytes);
	if ((io->op == ENV_IO_READ || io->op == ENV_IO_WRITE) &&
	    (io->offset_bytes % align || io->len_bytes % align || (uintptr_t)io->buf % align))
		world_fail(d->w, "the backend sends op %d with %llu+%llu to a file that needs %u",
			   io->op, (unsigned long long)io->offset_bytes,
			   (unsigned long long)io->len_bytes, align);
}

void sim_disk_submit(struct sim_disk *d, struct disk_user *u, struct env_io *io)
{
	struct disk_op *op = d->spare;
	uint64_t mean_ns = d->w->opt.disk_us * US;
	uint64_t delay_ns = world_delay(d->w, mean_ns / 8, mean_ns * 2);

	check(d, io);
	if (op)
		d->spare = op->next_spare;
	else
		op = malloc(sizeof(*op));
	*op = (struct disk_op){.disk = d, .user = u, .io = io, .seq_at_submit = d->seq};
	list_push_back(&d->in_flight, &op->node);
	u->in_flight++;
	if (rng_pct(&d->w->rng, 3))
		delay_ns *= 20;
	if (d->stalled_until_ns > d->w->now_ns)
		delay_ns += d->stalled_until_ns - d->w->now_ns;
	world_after(d->w, delay_ns, NULL, op_end, op, 0);
}

void sim_disk_user_killed(struct sim_disk *d, struct disk_user *u)
{
	struct list_node *n;

	list_for_each (n, &d->in_flight) {
		struct disk_op *op = list_entry(n, struct disk_op, node);

		if (op->user == u)
			op->is_orphan = true;
	}
	if (u->in_flight == 0)
		end_user(d, u);
}

static void cut_file(struct sim_disk *d, struct sim_file *f)
{
	/* Each version makes it or not: the later of two that did is what stays. */
	uint32_t pct = (uint32_t)rng_below(&d->w->rng, 5) * 25;

	for (uint32_t i = 0; i < f->log_count; i++)
		if (rng_pct(&d->w->rng, pct))
			memcpy(f->stable + (size_t)f->log[i].sector * DISK_SECTOR_BYTES,
			       f->log[i].data, DISK_SECTOR_BYTES);
	f->log_count = 0;
	memcpy(f->cache, f->stable, (size_t)f->sector_count * DISK_SECTOR_BYTES);
	f->locked_by = NULL;
}

void sim_disk_power_cut(struct sim_disk *d)
{
	struct list_node *n;

	while ((n = list_pop_front(&d->in_flight))) {
		struct disk_op *op = list_entry(n, struct disk_op, node);

		if (is_change(op->io))
			change(d, op->io, 50);
		op->user->in_flight--;
		op->is_cut = true;
	}
	for (uint32_t i = 0; i < d->file_count; i++)
		cut_file(d, &d->files[i]);
}
