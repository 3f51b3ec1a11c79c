/* SPDX-License-Identifier: MIT */
/*
 * sdk_file.c - plain files for filters: sluice/file.h over the env that a filter's logs run on.
 *
 * rlog_env.c brings each callback back inside a walk with the filter named, and keeps a filter that
 * is detached until its files are closed. Added here: an I/O under way counts as work of the
 * filter, so the chain does not count as drained before it has ended.
 */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "chain_int.h"
#include "sluice/file.h"

void sdk_file_link(void) {}

struct sluice_file {
	struct sluice_filter *f;
	struct env *env;
	struct env_file *file;
	uint32_t ios;
};

struct file_coat {
	struct env_io io;
	struct sluice_file *file;
};

_Static_assert(sizeof(struct file_coat) <= sizeof(((struct sluice_file_io *)NULL)->host),
	       "fits in host[]");

static struct file_coat *file_coat(struct sluice_file_io *io)
{
	return (struct file_coat *)io->host;
}

/* ---------------------------------------------------------------- open and close */

/* The file as it is, or made when there is none. */
static int open_or_make(struct sluice_file *file, const struct sluice_file_cfg *cfg,
			struct err *err)
{
	struct env_open how = {.path = cfg->path,
			       .flags = ENV_OPEN_LOCK | (cfg->is_direct ? ENV_OPEN_DIRECT : 0),
			       .size_bytes = cfg->size_bytes};
	int r = env_file_open(file->env, &how, &file->file, err);

	if (r != -ENOENT)
		return r;
	how.flags |= ENV_OPEN_CREATE;
	return env_file_open(file->env, &how, &file->file, err);
}

/* What is left of another size is made anew: nobody relies on its content. */
static int open_of_size(struct sluice_file *file, const struct sluice_file_cfg *cfg,
			struct err *err)
{
	int r = open_or_make(file, cfg, err);

	if (r < 0 || file->file->size_bytes == cfg->size_bytes)
		return r;
	if (file->file->is_block_device && file->file->size_bytes >= cfg->size_bytes)
		return 0;
	if (file->file->is_block_device) {
		r = err_set(err, ENOSPC, "size_bytes", "%s has %llu bytes, %llu are asked for",
			    cfg->path, (unsigned long long)file->file->size_bytes,
			    (unsigned long long)cfg->size_bytes);
		env_file_close(file->env, file->file);
		return r;
	}
	env_file_close(file->env, file->file);
	if (remove(cfg->path))
		return err_set(err, errno, "path", "%s cannot be made anew: %s", cfg->path,
			       strerror(errno));
	return open_or_make(file, cfg, err);
}

struct sluice_file *sluice_file_open(struct sluice_filter *f, const struct sluice_file_cfg *cfg,
				     int *result, struct sluice_error *err)
{
	struct sluice_file *file = calloc(1, sizeof(*file));
	struct err why = {0};
	int r = -ENOMEM;

	if (file) {
		file->f = f;
		file->env = rlog_env_of(f);
	}
	if (!file || !file->env)
		(void)err_set(&why, ENOMEM, "", "no memory to open %s", cfg->path);
	else
		r = open_of_size(file, cfg, &why);
	if (result)
		*result = r;
	if (r == 0)
		return file;
	(void)snprintf(err->text, sizeof(err->text), "%.*s", (int)sizeof(err->text) - 1, why.text);
	free(file);
	return NULL;
}

void sluice_file_close(struct sluice_file *file)
{
	assert(file->ios == 0);
	env_file_close(file->env, file->file);
	free(file);
}

int sluice_file_remove(struct sluice_filter *f, const char *path)
{
	struct env_open how = {.path = path, .flags = ENV_OPEN_LOCK};
	struct env *env = rlog_env_of(f);
	struct env_file *file;
	bool is_device;
	int r;

	if (!env)
		return -ENOMEM;
	r = env_file_open(env, &how, &file, NULL);
	if (r < 0)
		return r;
	is_device = file->is_block_device;
	env_file_close(env, file);
	if (is_device)
		return -EINVAL;
	return remove(path) ? -errno : 0;
}

uint64_t sluice_file_size_bytes(const struct sluice_file *file)
{
	return file->file->size_bytes;
}

uint32_t sluice_file_align_bytes(const struct sluice_file *file)
{
	return file->file->align_bytes;
}

/* ---------------------------------------------------------------- I/O */

static void file_io_done(struct env_io *eio)
{
	struct sluice_file_io *io = eio->ctx;
	struct sluice_file *file = file_coat(io)->file;

	io->result = eio->result;
	file->ios--;
	file->f->works--;
	file->f->chain->works--;
	io->fn(io);
}

void sluice_file_submit(struct sluice_file *file, struct sluice_file_io *io)
{
	static const enum env_io_op ops[] = {[SLUICE_FILE_READ] = ENV_IO_READ,
					     [SLUICE_FILE_WRITE] = ENV_IO_WRITE,
					     [SLUICE_FILE_SYNC] = ENV_IO_SYNC,
					     [SLUICE_FILE_PUNCH] = ENV_IO_PUNCH};
	struct file_coat *coat = file_coat(io);

	coat->file = file;
	coat->io = (struct env_io){.op = ops[io->op],
				   .file = file->file,
				   .buf = io->buf,
				   .offset_bytes = io->offset_bytes,
				   .len_bytes = io->len_bytes,
				   .done = file_io_done,
				   .ctx = io};
	file->ios++;
	file->f->works++;
	file->f->chain->works++;
	env_io_submit(file->env, &coat->io);
}
