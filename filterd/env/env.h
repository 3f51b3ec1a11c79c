/* SPDX-License-Identifier: MIT */
/*
 * env.h - the seam below filterd: time, timers, randomness, disk, flush, doorbells, work, messages.
 *
 * Everything between the ring and the system calls takes these from one table, and nothing else
 * from the system; so the daemon (env_linux.c) and the simulator (tests/sim/env_sim.c) link the
 * same objects. One env per worker. Connections to other appliances are not in it: net_host.h is
 * for them, and what replicates has a seam of its own.
 *
 * Thread: the env's own worker, except env_post() and the run() of an env_work.
 */
#ifndef FILTERD_ENV_H
#define FILTERD_ENV_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"
#include "list.h"

struct env;

/* ---------------------------------------------------------------- timers */

struct env_timer {
	void (*fn)(struct env_timer *t); /* t is not set any more; it may be set again */
	void *ctx;
	uint64_t deadline_ns; /* env's */
	uint32_t heap_index;  /* env's; 0 = not set */
};

/* ---------------------------------------------------------------- disk */

#define ENV_OPEN_READONLY 1u
#define ENV_OPEN_DIRECT   2u  /* past the page cache where the file system can */
#define ENV_OPEN_CREATE   4u  /* and it must not exist */
#define ENV_OPEN_LOCK     8u  /* exclusive OFD lock on the very descriptor that does the I/O */
#define ENV_OPEN_FULL     16u /* with CREATE: all its space is reserved */

struct env_open {
	const char *path;
	uint32_t flags;      /* ENV_OPEN_* */
	uint64_t size_bytes; /* with CREATE: the sparse file's size */
};

/* Embedded by each env in a struct of its own. Const after open, but size_bytes. */
struct env_file {
	uint64_t size_bytes;
	uint32_t align_bytes; /* of offset, length and memory: 1 where any will do */
	bool is_block_device;
	bool is_readonly;
	bool has_durable_writes; /* env_io.is_durable is known here */
};

enum env_io_op {
	ENV_IO_READ,
	ENV_IO_WRITE,
	ENV_IO_SYNC,     /* data and what is needed to find it, to stable storage (fdatasync) */
	ENV_IO_PUNCH,    /* deallocate; reads as zeros */
	ENV_IO_ZERO,     /* reads as zeros, stays allocated where the file system can */
	ENV_IO_ALLOCATE, /* reserve space */
	ENV_IO_EXTENT,   /* result_extent_bytes and result_is_hole of the run at offset_bytes */
	ENV_IO_RESIZE,   /* file's new size in offset_bytes; persistent after a SYNC */
};

struct env_io {
	enum env_io_op op;
	/* Of a WRITE on a file that has them: it ends when its own data are on stable storage;
	 * nothing is said of other writes. Elsewhere false. */
	bool is_durable;
	struct env_file *file;
	void *buf;
	uint64_t offset_bytes;
	uint64_t len_bytes;
	void (*done)(struct env_io *io); /* exactly once, never before env_io_submit() returns */
	void *ctx;
	int result; /* 0 or -errno; a short transfer is carried on or becomes an error by env */
	bool result_is_hole;
	uint64_t result_extent_bytes;
	uint64_t env_private[8];
	struct list_node node; /* env's */
};

/* ---------------------------------------------------------------- work and messages */

struct env_work {
	/* a helper thread; no env call but env_post() and those for files that block */
	void (*run)(struct env_work *w);
	void (*done)(struct env_work *w); /* the owner worker */
	void *ctx;
	struct env *env;       /* env's */
	struct list_node node; /* env's */
};

struct env_msg {
	void (*fn)(struct env_msg *m); /* the owner worker, in the order of posting */
	void *ctx;
	struct env_msg *next; /* env's */
};

/* A doorbell towards another process; what it is made of is the env's business. */
struct env_bell;

struct env_ops {
	uint64_t (*now_ns)(struct env *e);       /* monotonic; refreshed once per loop turn */
	uint64_t (*now_exact_ns)(struct env *e); /* monotonic; read now */
	uint64_t (*random_u64)(struct env *e);
	void (*timer_set)(struct env *e, struct env_timer *t,
			  uint64_t deadline_ns);                  /* moves it when set */
	void (*timer_cancel)(struct env *e, struct env_timer *t); /* fine when not set */
	/* Errors: -EAGAIN locked by another process; -ENOENT; -EEXIST; -EACCES, -EROFS; -ENOSPC;
	 * -EINVAL. */
	int (*file_open)(struct env *e, const struct env_open *how, struct env_file **out,
			 struct err *err);
	void (*file_close)(struct env *e, struct env_file *f); /* no I/O of it is under way */
	void (*io_submit)(struct env *e, struct env_io *io);
	/* Small files, whole, and removing files. They block, like file_open: at open, or in run()
	 * of an env_work. text_write replaces; durable when it returns 0. text_read: *out is freed
	 * by the caller, one zero byte behind it; -ENOENT, -EFBIG. An env without them (NULL) has
	 * no such files. Thread: any, file_open and file_close too. */
	int (*text_read)(struct env *e, const char *path, uint64_t max_bytes, char **out,
			 size_t *size_bytes, struct err *err);
	int (*text_write)(struct env *e, const char *path, const void *data, size_t size_bytes,
			  struct err *err);
	int (*file_remove)(struct env *e, const char *path, struct err *err); /* -ENOENT */
	/* Memory that I/O will use often (a ring's arena). A failure is only slower. */
	int (*memory_register)(struct env *e, void *base, uint64_t size_bytes);
	void (*memory_unregister)(struct env *e, void *base);
	void (*work_submit)(struct env *e, struct env_work *w);
	void (*post)(struct env *e, struct env_msg *m); /* Thread: any */
	void (*bell_ring)(struct env *e, struct env_bell *b);
};

struct env {
	const struct env_ops *ops;
};

static inline uint64_t env_now_ns(struct env *e)
{
	return e->ops->now_ns(e);
}

static inline uint64_t env_now_exact_ns(struct env *e)
{
	return e->ops->now_exact_ns(e);
}

static inline uint64_t env_random_u64(struct env *e)
{
	return e->ops->random_u64(e);
}

static inline void env_timer_set(struct env *e, struct env_timer *t, uint64_t deadline_ns)
{
	e->ops->timer_set(e, t, deadline_ns);
}

static inline void env_timer_cancel(struct env *e, struct env_timer *t)
{
	e->ops->timer_cancel(e, t);
}

static inline bool env_timer_is_set(const struct env_timer *t)
{
	return t->heap_index != 0;
}

static inline int env_file_open(struct env *e, const struct env_open *how, struct env_file **out,
				struct err *err)
{
	return e->ops->file_open(e, how, out, err);
}

static inline void env_file_close(struct env *e, struct env_file *f)
{
	e->ops->file_close(e, f);
}

static inline int env_text_read(struct env *e, const char *path, uint64_t max_bytes, char **out,
				size_t *size_bytes, struct err *err)
{
	if (!e->ops->text_read)
		return err_set(err, ENOENT, "path", "%s does not exist", path);
	return e->ops->text_read(e, path, max_bytes, out, size_bytes, err);
}

static inline int env_text_write(struct env *e, const char *path, const void *data,
				 size_t size_bytes, struct err *err)
{
	if (!e->ops->text_write)
		return err_set(err, ENOTSUP, "path", "%s cannot be written here", path);
	return e->ops->text_write(e, path, data, size_bytes, err);
}

static inline int env_file_remove(struct env *e, const char *path, struct err *err)
{
	if (!e->ops->file_remove)
		return err_set(err, ENOENT, "path", "%s does not exist", path);
	return e->ops->file_remove(e, path, err);
}

static inline void env_io_submit(struct env *e, struct env_io *io)
{
	e->ops->io_submit(e, io);
}

static inline void env_work_submit(struct env *e, struct env_work *w)
{
	e->ops->work_submit(e, w);
}

static inline void env_post(struct env *e, struct env_msg *m)
{
	e->ops->post(e, m);
}

static inline void env_bell_ring(struct env *e, struct env_bell *b)
{
	e->ops->bell_ring(e, b);
}

#endif
