// SPDX-License-Identifier: MIT
/*
 * env.c - what the daemon's objects take from the system: time, timers, randomness, files, work,
 * messages. And the few calls of filters and logs that go past the env to a file's name.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sluice/rlog.h"
#include "world.h"

static struct node *node_of(struct env *e)
{
	return (struct node *)e;
}

/* ---------------------------------------------------------------- files */

static char folder[64];

void files_begin(void)
{
	/* Not by its own name: what begins with /dev/ is a device to the cache. */
	const char *shm = "//dev/shm", *at = access(shm, W_OK) == 0 ? shm : "/var/tmp";

	snprintf(folder, sizeof(folder), "%s/sluice-sim-whole.XXXXXX", at);
	if (!mkdtemp(folder))
		abort();
	for (int i = 0; i < 2; i++) {
		char path[PATH_MAX_BYTES];

		snprintf(path, sizeof(path), "%s/%d", folder, i);
		if (mkdir(path, 0700))
			abort();
	}
}

void file_path(const struct node *n, const char *name, char *path, size_t size_bytes)
{
	snprintf(path, size_bytes, "%s/%d%s%s", folder, n->id, name[0] ? "/" : "", name);
}

void files_reset(void)
{
	for (int i = 0; i < 2; i++) {
		char path[PATH_MAX_BYTES];
		struct dirent *entry;
		DIR *dir;

		snprintf(path, sizeof(path), "%s/%d", folder, i);
		dir = opendir(path);
		while (dir && (entry = readdir(dir)))
			if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
				(void)unlinkat(dirfd(dir), entry->d_name, 0);
		if (dir)
			closedir(dir);
	}
}

void files_end(void)
{
	files_reset();
	for (int i = 0; i < 2; i++) {
		char path[PATH_MAX_BYTES];

		snprintf(path, sizeof(path), "%s/%d", folder, i);
		(void)rmdir(path);
	}
	(void)rmdir(folder);
}

static int env_open_op(struct env *e, const struct env_open *how, struct env_file **out,
		       struct err *err)
{
	struct node *n = node_of(e);
	struct sdisk *d = sdisk_find(n, how->path);

	if (how->flags & ENV_OPEN_CREATE) {
		if (d)
			return err_set(err, EEXIST, "path", "%s exists", how->path);
		d = sdisk_make(n, how->path, how->size_bytes);
		if (!d)
			return err_set(err, ENOSPC, "path", "no room for %s", how->path);
	}
	if (!d)
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
	((struct sdisk *)f)->is_open = false;
}

static void env_io_op(struct env *e, struct env_io *io)
{
	sdisk_submit(node_of(e), io);
}

/* A name that a file of the simulation has: on which node does not matter. */
static struct sdisk *find_anywhere(const char *path)
{
	struct world *w = world_of_this_process();
	struct sdisk *d = sdisk_find(&w->nodes[0], path);

	return d ? d : sdisk_find(&w->nodes[1], path);
}

int __wrap_remove(const char *path);
int __wrap_remove(const char *path)
{
	struct sdisk *d = find_anywhere(path);

	if (!d)
		return unlink(path);
	d->exists = false;
	return 0;
}

int __wrap_sluice_rlog_remove(const char *path);
int __wrap_sluice_rlog_remove(const char *path)
{
	struct sdisk *d = find_anywhere(path);

	if (!d)
		return -ENOENT;
	if (d->is_open)
		return -EBUSY;
	d->exists = false;
	return 0;
}

/* Logs that run over soon, and are read in small pieces at a start. */
struct sluice_rlog *
__wrap_sluice_rlog_open(struct sluice_filter *f, const struct sluice_rlog_cfg *cfg,
			void (*fn)(void *ctx, const struct sluice_rlog_opened *how), void *ctx,
			struct sluice_error *err);
struct sluice_rlog *
__wrap_sluice_rlog_open(struct sluice_filter *f, const struct sluice_rlog_cfg *cfg,
			void (*fn)(void *ctx, const struct sluice_rlog_opened *how), void *ctx,
			struct sluice_error *err)
{
	struct world *w = world_of_this_process();
	struct sluice_rlog_cfg c = *cfg;
	const char *end = strrchr(c.path, '.');

	c.record_blocks = 24;
	if (strcmp(end, ".log") == 0 || strcmp(end, ".journal") == 0) {
		c.size_bytes = w->flash_bytes;
		c.checkpoint_bytes = c.checkpoint_bytes ? c.size_bytes / 8 : 0;
	} else if (strcmp(end, ".rjournal") == 0) {
		c.reserve_blocks = 8;
	}
	return sluice_rlog_open(f, &c, fn, ctx, err);
}

/* ---------------------------------------------------------------- the rest */

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

static void work_now(struct world *w, struct event *e)
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
	event_add(n->w, n->id, rng_range(&n->w->rng, 1, 2000) * 1000, work_now)->p = work;
}

static void msg_now(struct world *w, struct event *e)
{
	struct env_msg *m = e->p;

	(void)w;
	m->fn(m);
}

static void env_post_op(struct env *e, struct env_msg *m)
{
	struct node *n = node_of(e);

	event_add(n->w, n->id, 0, msg_now)->p = m;
}

static void env_bell_op(struct env *e, struct env_bell *b)
{
	(void)e, (void)b;
}

void env_begin(struct node *n)
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
	timer_heap_init(&n->timers);
}
