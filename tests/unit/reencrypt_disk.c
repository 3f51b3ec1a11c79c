/* SPDX-License-Identifier: MIT */
/*
 * reencrypt_disk.c - image and sidecar for one life: I/O waits until it is its turn, in any order;
 * each is a step, and the last one happens in part.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backend.h"
#include "reencrypt_life.h"

#define MAX_PENDING 64u
#define HOLE_BYTES  4096u

struct pending {
	struct sluice_io *io; /* of the image */
	struct env_io *eio;   /* or of the sidecar */
};

static struct {
	struct world *w;
	const struct life *how;
	struct fake_env *fe;
	struct env_ops ops;
	struct env_file file;
	struct backend backend;
	struct backend_ops backend_ops;
	struct pending pending[MAX_PENDING];
	uint32_t count, random;
} d;

uint32_t disk_random(uint32_t below)
{
	d.random = d.random * 1664525 + 1013904223;
	return (uint32_t)((uint64_t)(d.random >> 8) * below >> 24);
}

static void add(struct pending p)
{
	if (d.count == MAX_PENDING)
		abort();
	d.pending[d.count++] = p;
}

/* ---------------------------------------------------------------- the sidecar */

static int file_open(struct env *e, const struct env_open *how, struct env_file **out,
		     struct err *err)
{
	if (!(how->flags & ENV_OPEN_CREATE) && access(how->path, F_OK) < 0)
		return err_set(err, ENOENT, "path", "no %s", how->path);
	if (how->flags & ENV_OPEN_CREATE) {
		FILE *mark = fopen(how->path, "w"); /* the filter removes it by its name */

		if (mark)
			fclose(mark);
		memset(d.w->file, 0, WORLD_FILE_BYTES);
		memset(d.w->file_medium, 0, WORLD_FILE_BYTES);
	}
	d.file.size_bytes = WORLD_FILE_BYTES;
	d.file.align_bytes = 1;
	*out = &d.file;
	return 0;
}

static void file_close(struct env *e, struct env_file *f) {}

static void file_submit(struct env *e, struct env_io *io)
{
	add((struct pending){.eio = io});
}

/* ---------------------------------------------------------------- the image */

static void image_submit(struct backend *b, struct sluice_io *io)
{
	add((struct pending){.io = io});
}

static void image_close(struct backend *b) {}

struct backend *disk_open(struct world *w, const struct life *how, struct fake_env *fe)
{
	memset(&d, 0, sizeof(d));
	d.w = w;
	d.how = how;
	d.fe = fe;
	d.random = how->seed * 2654435761u + how->dies_at;
	d.ops = *fe->env.ops;
	d.ops.file_open = file_open;
	d.ops.file_close = file_close;
	d.ops.io_submit = file_submit;
	fe->env.ops = &d.ops;
	d.backend_ops = (struct backend_ops){.name = "world",
					     .op_mask = SLUICE_OPS_ALL,
					     .close = image_close,
					     .submit = image_submit};
	d.backend.ops = &d.backend_ops;
	d.backend.size_bytes = WORLD_BYTES;
	w->steps = 0;
	return &d.backend;
}

/* ---------------------------------------------------------------- steps */

/* Some of its blocks, in the order of their places. */
static uint64_t part_of(uint64_t len_bytes, uint32_t unit)
{
	return (uint64_t)disk_random((uint32_t)(len_bytes / unit) + 1) * unit;
}

static bool is_hole(uint64_t offset_bytes)
{
	static const uint8_t zeros[HOLE_BYTES];

	return memcmp(d.w->image + offset_bytes - offset_bytes % HOLE_BYTES, zeros, HOLE_BYTES) ==
	       0;
}

/* As a file system tells it, in blocks of its own. */
static void extent_find(struct sluice_io *io)
{
	uint64_t at = io->offset_bytes, end = at + io->len_bytes;

	io->extent_is_hole = is_hole(at);
	while (at < end && is_hole(at) == (io->extent_is_hole != 0))
		at += HOLE_BYTES - at % HOLE_BYTES;
	io->extent_bytes = (at < end ? at : end) - io->offset_bytes;
}

static void image_do(struct sluice_io *io, uint64_t len_bytes)
{
	uint8_t *at = d.w->image + io->offset_bytes;

	switch (io->op) {
	case SLUICE_OP_READ:
		memcpy(io->buf, at, len_bytes);
		break;
	case SLUICE_OP_WRITE:
		memcpy(at, io->buf, len_bytes);
		break;
	case SLUICE_OP_FLUSH:
		memcpy(d.w->image_medium, d.w->image, WORLD_BYTES);
		break;
	case SLUICE_OP_EXTENT:
		extent_find(io);
		break;
	default:
		memset(at, 0, len_bytes);
		break;
	}
}

static void file_do(struct env_io *io, uint64_t len_bytes)
{
	uint8_t *at = d.w->file + io->offset_bytes;

	if (io->op == ENV_IO_READ)
		memcpy(io->buf, at, len_bytes);
	else if (io->op == ENV_IO_WRITE)
		memcpy(at, io->buf, len_bytes);
	else
		memcpy(d.w->file_medium, d.w->file, WORLD_FILE_USED);
}

static bool is_flush(const struct pending *p)
{
	return p->io ? p->io->op == SLUICE_OP_FLUSH : p->eio->op == ENV_IO_SYNC;
}

static void do_part(const struct pending *p)
{
	if (is_flush(p))
		return;
	if (p->io)
		image_do(p->io, part_of(p->io->len_bytes, d.w->block_bytes));
	else
		file_do(p->eio, part_of(p->eio->len_bytes, WORLD_SECTOR));
}

static void end(const struct pending *p, bool fails)
{
	if (p->io) {
		p->io->status = fails ? SLUICE_ERR_IO : SLUICE_OK;
		p->io->end(p->io);
	} else {
		p->eio->result = fails ? -EIO : 0;
		p->eio->done(p->eio);
	}
}

static void run_one(void)
{
	uint32_t i = disk_random(d.count);
	struct pending p = d.pending[i];
	bool fails = d.how->fail_at && d.w->steps >= d.how->fail_at &&
		     d.w->steps < d.how->fail_at + d.how->fail_count;

	if (d.how->dies_at && d.w->steps == d.how->dies_at) {
		do_part(&p);
		life_kill();
	}
	d.pending[i] = d.pending[--d.count];
	if (fails)
		do_part(&p);
	else if (p.io)
		image_do(p.io, p.io->len_bytes);
	else
		file_do(p.eio, p.eio->len_bytes);
	end(&p, fails);
}

bool disk_step(void)
{
	bool has_work = !list_is_empty(&d.fe->work);

	if (!d.count && !has_work)
		return false;
	d.w->steps++;
	if (d.count && (!has_work || disk_random(4)))
		run_one();
	else if (d.how->dies_at && d.w->steps == d.how->dies_at)
		life_kill();
	else
		fake_env_run_work(d.fe);
	return true;
}
