/* SPDX-License-Identifier: MIT */
/*
 * env_linux_int.h - what the files of env_linux share. Nobody else includes it.
 *
 *   env_linux.c   create, destroy, the turn, sleep and wake-up, posts, work, the table of
 * operations env_watch.c   descriptors in epoll env_uring.c   reads, writes and flushes by
 * io_uring; env_regions.c registered memory; env_disk.c    one I/O by blocking system calls, on a
 * pool thread env_file.c    open, create, lock, find out the alignment env_pool.c    threads
 *   timer_heap.c  timers
 */
#ifndef FILTERD_ENV_LINUX_INT_H
#define FILTERD_ENV_LINUX_INT_H

#include <liburing.h>
#include <stdatomic.h>

#include "env_linux.h"
#include "env_regions.h"
#include "env_pool.h"
#include "timer_heap.h"

#define ENV_URING_IN_FLIGHT_MAX 4096u
#define ENV_URING_FILES_MAX     4096u

/* env_io.env_private */
#define ENV_IO_PROGRESS 0 /* bytes done so far */
#define ENV_IO_OWNER    1 /* struct env_linux * */

struct env_linux_file {
	struct env_file f;
	int fd;
	bool is_locked;
};

struct env_uring {
	struct io_uring ring;
	int event_fd; /* the kernel signals it when completions are there or wait for us */
	bool is_open;
	bool is_enabled;          /* the thread of the first turn has taken it over */
	uint32_t file_room;       /* descriptors that can be tied */
	uint32_t in_flight;       /* given to the kernel, or in the submission queue */
	struct list_node waiting; /* no room: env_io.node */
	struct env_regions regions;
	int files[ENV_URING_FILES_MAX]; /* tied; -1: free */
};

struct env_watch {
	env_linux_fd_fn fn; /* NULL: not watched */
	void *ctx;
	uint32_t generation; /* tells an event of an earlier watch on the same number */
};

struct env_linux {
	struct env env;
	int epoll_fd;
	int wake_fd;
	_Atomic(struct env_msg *) mail; /* newest first */
	_Atomic bool is_asleep;         /* or about to be: who has mail rings wake_fd */
	uint64_t now_ns;
	uint64_t random[4];
	_Atomic uint64_t *heartbeat;
	struct timer_heap timers;
	struct env_uring uring;
	struct env_pool io_pool;
	struct env_pool work_pool;
	uint32_t in_flight;
	uint32_t open_files; /* atomic access: any thread may open */
	uint32_t polls_skipped;
	struct env_linux_idle idle;
	struct env_watch *watches; /* by descriptor */
	uint32_t watch_room;
};

static inline struct env_linux *env_linux_of(struct env *e)
{
	return (struct env_linux *)e;
}

/* An I/O has ended with io->result. Calls io->done. */
void env_linux_io_ended(struct env_linux *l, struct env_io *io);

/* env_watch.c. user data of epoll: descriptor and generation */
void env_watch_dispatch(struct env_linux *l, const struct epoll_event *events, int count);

/* env_uring.c */
int env_uring_open(struct env_linux *l); /* -errno: go on without */
void env_uring_close(struct env_linux *l);
void env_uring_submit_io(struct env_linux *l, struct env_io *io); /* READ, WRITE, SYNC */
/* Hands over what was gathered and lets the kernel deliver completions. */
void env_uring_flush(struct env_linux *l);
bool env_uring_has_gathered(const struct env_linux *l);
bool env_uring_has_completions(const struct env_linux *l);
void env_uring_reap(struct env_linux *l);
int env_uring_memory_register(struct env_linux *l, void *base, uint64_t size_bytes);
void env_uring_memory_unregister(struct env_linux *l, void *base);

/* env_disk.c. Does io by blocking calls and sets its result. Thread: any */
void env_disk_run(struct env_io *io);

/* env_file.c. Thread: any */
int env_file_open_linux(struct env *e, const struct env_open *how, struct env_file **out,
			struct err *err);
int env_text_read_linux(struct env *e, const char *path, uint64_t max_bytes, char **out,
			size_t *size_bytes, struct err *err);
int env_text_write_linux(struct env *e, const char *path, const void *data, size_t size_bytes,
			 struct err *err);
int env_file_remove_linux(struct env *e, const char *path, struct err *err);
void env_file_close_linux(struct env *e, struct env_file *f);

#endif
