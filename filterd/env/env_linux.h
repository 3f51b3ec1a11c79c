/* SPDX-License-Identifier: MIT */
/*
 * env_linux.h - the env of the daemon: epoll, io_uring (or a thread pool), monotonic clock.
 *
 * One per worker. Its owner calls env_linux_turn() in a loop; all callbacks come from inside a
 * turn.
 *
 *   turn:  submit gathered I/O (one system call)
 *          nothing to do? before_sleep hook, sleep in epoll_wait, awake hook
 *          clock, heartbeat | descriptors | I/O completions | posts | timers
 *
 * So what a completion posts runs in the same turn after all other completions: group commit relies
 * on it for its batches, not for being right.
 *
 * io_uring is used where the kernel lets us; with ENOSYS or EPERM, or with SLUICE_NO_IO_URING=1 in
 * the environment, a thread pool reads and writes instead.
 *
 * Thread: create and destroy: any, the worker not running. Everything else the worker, which is the
 * thread of the first turn, but env_post(), env_linux_wake(), and env_file_open() and
 * env_file_close(), which any thread may call (opening and reserving can take long: use an
 * env_work).
 */
#ifndef FILTERD_ENV_LINUX_H
#define FILTERD_ENV_LINUX_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>

#include "env.h"
#include "err.h"

#define ENV_LINUX_TURN_MAX_NS                                                                      \
	100000000ull /* a turn never sleeps longer, so that the heartbeat goes on */

struct env_linux_cfg {
	_Atomic uint64_t *heartbeat; /* one more per turn; may be NULL */
	uint32_t io_threads;         /* at most; 0 = default */
	uint32_t work_threads;       /* at most; 0 = default */
	bool is_uring_off;
};

/* cfg may be NULL: defaults. */
int must_check env_linux_create(const struct env_linux_cfg *cfg, struct env **out, struct err *err);
/* Nothing is under way, no file is open. Posts not yet run are dropped. */
void env_linux_destroy(struct env *e);
bool env_linux_has_uring(const struct env *e);

/* One turn; sleeps at most max_wait_ns. */
void env_linux_turn(struct env *e, uint64_t max_wait_ns);
/* Ends the worker's sleep. Thread: any */
void env_linux_wake(struct env *e);

/* events: EPOLLIN, EPOLLHUP... Level-triggered. fn may unwatch any descriptor, its own too. */
typedef void (*env_linux_fd_fn)(void *ctx, int fd, uint32_t events);
/* For EPOLLIN and EPOLLRDHUP. -EEXIST: is watched. */
int must_check env_linux_watch(struct env *e, int fd, env_linux_fd_fn fn, void *ctx);
int must_check env_linux_watch_events(struct env *e, int fd,
				      uint32_t events); /* of a watched one */
void env_linux_unwatch(struct env *e,
		       int fd); /* before the descriptor is closed; fine when not watched */

/*
 * before_sleep runs only when the worker is about to sleep; true: there is work after all, do not.
 * awake follows each before_sleep, whatever it said, before any other callback of that turn.
 */
struct env_linux_idle {
	bool (*before_sleep)(void *ctx);
	void (*awake)(void *ctx);
	void *ctx;
};
void env_linux_set_idle_hook(struct env *e,
			     const struct env_linux_idle *hook); /* copied; NULL: none */

/* A doorbell on a peer's eventfd, which stays the caller's and becomes non-blocking. NULL: no
 * memory. */
struct env_bell *env_linux_bell_from_fd(int eventfd);
void env_linux_bell_free(struct env_bell *b);

/* I/O and work that are submitted and not ended. */
uint32_t env_linux_in_flight(const struct env *e);
/* Turns until nothing is in flight and no message waits. -ETIMEDOUT. */
int must_check env_linux_quiesce(struct env *e, uint64_t max_ns);

/*
 * Ties a descriptor to the I/O: when this process dies, however, the descriptor's last reference
 * goes only after the last I/O of this env has ended in the kernel. Without it a peer sees HUP on a
 * socket while direct writes that a killed process had in flight still land, for a tenth of a
 * second and more: io_uring does not wait for them when the process exits. With the thread pool
 * that order holds by itself. The tie ends with env_linux_untie_fd(), which comes before the close,
 * or the peer gets no HUP.
 */
int must_check env_linux_tie_fd(struct env *e, int fd);
void env_linux_untie_fd(struct env *e, int fd);

#endif
