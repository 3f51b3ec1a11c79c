/* SPDX-License-Identifier: MIT */
#include "env_linux.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "clock.h"
#include "env_linux_int.h"
#include "fd.h"

#define IO_THREADS_BESIDE_URING 4u
#define IO_THREADS_WITHOUT      16u
#define WORK_THREADS            4u
#define EPOLL_BATCH             64
/* Turns in a row that may leave epoll alone because completions keep the worker busy. */
#define POLLS_SKIPPED_MAX 8u

struct env_bell {
	int fd;
};

/* ---------------------------------------------------------------- time, chance */

static uint64_t op_now_ns(struct env *e)
{
	return env_linux_of(e)->now_ns;
}

static uint64_t op_now_exact_ns(struct env *e)
{
	return clock_now_ns();
}

static uint64_t rotate(uint64_t x, int bits)
{
	return x << bits | x >> (64 - bits);
}

/* Source: xoshiro256** (Blackman, Vigna). Not for secrets. */
static uint64_t op_random_u64(struct env *e)
{
	uint64_t *s = env_linux_of(e)->random;
	uint64_t result = rotate(s[1] * 5, 7) * 9, t = s[1] << 17;

	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= t;
	s[3] = rotate(s[3], 45);
	return result;
}

static void op_timer_set(struct env *e, struct env_timer *t, uint64_t deadline_ns)
{
	timer_heap_set(&env_linux_of(e)->timers, t, deadline_ns);
}

static void op_timer_cancel(struct env *e, struct env_timer *t)
{
	timer_heap_cancel(&env_linux_of(e)->timers, t);
}

static void timers_run(struct env_linux *l)
{
	uint64_t mark = timer_heap_mark(&l->timers);
	struct env_timer *t;

	while ((t = timer_heap_pop_due_before(&l->timers, l->now_ns, mark)))
		t->fn(t);
}

/* ---------------------------------------------------------------- mail */

/*
 * Wake-up: here "publish mail, then look at is_asleep", in the turn "set is_asleep, then look at
 * mail". Both pairs are sequentially consistent, so at least one side sees the other (I7).
 */
static void op_post(struct env *e, struct env_msg *m)
{
	struct env_linux *l = env_linux_of(e);
	struct env_msg *head = atomic_load_explicit(&l->mail, memory_order_relaxed);

	do {
		m->next = head;
	} while (!atomic_compare_exchange_weak(&l->mail, &head, m));
	if (atomic_load(&l->is_asleep))
		env_linux_wake(e);
}

void env_linux_wake(struct env *e)
{
	fd_event_signal(env_linux_of(e)->wake_fd);
}

static void mail_run(struct env_linux *l)
{
	struct env_msg *m = atomic_exchange(&l->mail, NULL);
	struct env_msg *in_order = NULL;

	while (m) {
		struct env_msg *next = m->next;

		m->next = in_order;
		in_order = m;
		m = next;
	}
	while (in_order) {
		m = in_order;
		in_order = m->next;
		m->fn(m);
	}
}

/* ---------------------------------------------------------------- I/O and work */

void env_linux_io_ended(struct env_linux *l, struct env_io *io)
{
	assert(l->in_flight > 0);
	l->in_flight--;
	if (io->op == ENV_IO_RESIZE && io->result == 0)
		io->file->size_bytes = io->offset_bytes;
	io->done(io);
}

static void op_io_submit(struct env *e, struct env_io *io)
{
	struct env_linux *l = env_linux_of(e);

	l->in_flight++;
	io->result = 0;
	io->env_private[ENV_IO_PROGRESS] = 0;
	io->env_private[ENV_IO_OWNER] = (uintptr_t)l;
	if (l->uring.is_open && io->op <= ENV_IO_SYNC)
		env_uring_submit_io(l, io);
	else
		env_pool_submit(&l->io_pool, &io->node);
}

static void io_run(struct list_node *job)
{
	env_disk_run(list_entry(job, struct env_io, node));
}

static void io_finish(struct list_node *job)
{
	struct env_io *io = list_entry(job, struct env_io, node);

	env_linux_io_ended((struct env_linux *)(uintptr_t)io->env_private[ENV_IO_OWNER], io);
}

static void op_work_submit(struct env *e, struct env_work *w)
{
	struct env_linux *l = env_linux_of(e);

	l->in_flight++;
	w->env = e;
	env_pool_submit(&l->work_pool, &w->node);
}

static void work_run(struct list_node *job)
{
	struct env_work *w = list_entry(job, struct env_work, node);

	w->run(w);
}

static void work_finish(struct list_node *job)
{
	struct env_work *w = list_entry(job, struct env_work, node);

	env_linux_of(w->env)->in_flight--;
	w->done(w);
}

static int op_memory_register(struct env *e, void *base, uint64_t size_bytes)
{
	return env_uring_memory_register(env_linux_of(e), base, size_bytes);
}

static void op_memory_unregister(struct env *e, void *base)
{
	env_uring_memory_unregister(env_linux_of(e), base);
}

/* ---------------------------------------------------------------- doorbells */

static void op_bell_ring(struct env *e, struct env_bell *b)
{
	fd_event_signal(b->fd);
}

struct env_bell *env_linux_bell_from_fd(int eventfd)
{
	struct env_bell *b = calloc(1, sizeof(*b));

	if (!b)
		return NULL;
	b->fd = eventfd;
	if (fd_set_nonblock(eventfd, true)) {
		free(b);
		return NULL;
	}
	return b;
}

void env_linux_bell_free(struct env_bell *b)
{
	free(b);
}

/* ---------------------------------------------------------------- the turn */

static bool has_mail(struct env_linux *l)
{
	return atomic_load(&l->mail) != NULL;
}

static uint64_t wait_limit(const struct env_linux *l, uint64_t max_wait_ns)
{
	uint64_t next_ns = timer_heap_next_ns(&l->timers);
	uint64_t wait_ns =
	    max_wait_ns < ENV_LINUX_TURN_MAX_NS ? max_wait_ns : ENV_LINUX_TURN_MAX_NS;
	uint64_t now_ns;

	if (next_ns == UINT64_MAX || wait_ns == 0)
		return wait_ns;
	now_ns = clock_now_ns();
	if (next_ns <= now_ns)
		return 0;
	return next_ns - now_ns < wait_ns ? next_ns - now_ns : wait_ns;
}

static int poll_events(struct env_linux *l, struct epoll_event *events, uint64_t wait_ns)
{
	struct timespec ts = {.tv_sec = (time_t)(wait_ns / CLOCK_NS_PER_S),
			      .tv_nsec = (long)(wait_ns % CLOCK_NS_PER_S)};
	int n = epoll_pwait2(l->epoll_fd, events, EPOLL_BATCH, &ts, NULL);

	if (n < 0 && errno == ENOSYS)
		n = epoll_wait(l->epoll_fd, events, EPOLL_BATCH,
			       (int)((wait_ns + CLOCK_NS_PER_MS - 1) / CLOCK_NS_PER_MS));
	return n < 0 ? 0 : n;
}

/* Sleeps, unless somebody has something to do after all. */
static int sleep_for_events(struct env_linux *l, struct epoll_event *events, uint64_t wait_ns)
{
	bool is_hooked = l->idle.before_sleep;
	int n;

	atomic_store(&l->is_asleep, true);
	if (is_hooked && l->idle.before_sleep(l->idle.ctx))
		wait_ns = 0;
	if (has_mail(l) || env_uring_has_gathered(l) || env_uring_has_completions(l))
		wait_ns = 0;
	n = poll_events(l, events, wait_ns);
	atomic_store(&l->is_asleep, false);
	if (is_hooked && l->idle.awake)
		l->idle.awake(l->idle.ctx);
	return n;
}

static int collect_events(struct env_linux *l, struct epoll_event *events, uint64_t max_wait_ns)
{
	bool is_busy = has_mail(l) || env_uring_has_completions(l);
	uint64_t wait_ns = is_busy ? 0 : wait_limit(l, max_wait_ns);

	if (wait_ns > 0) {
		l->polls_skipped = 0;
		return sleep_for_events(l, events, wait_ns);
	}
	if (is_busy && l->polls_skipped < POLLS_SKIPPED_MAX) {
		l->polls_skipped++;
		return 0;
	}
	l->polls_skipped = 0;
	return poll_events(l, events, 0);
}

void env_linux_turn(struct env *e, uint64_t max_wait_ns)
{
	struct env_linux *l = env_linux_of(e);
	struct epoll_event events[EPOLL_BATCH];
	int n;

	env_uring_flush(l);
	n = collect_events(l, events, max_wait_ns);
	l->now_ns = clock_now_ns();
	if (l->heartbeat)
		atomic_fetch_add_explicit(l->heartbeat, 1, memory_order_relaxed);
	for (int i = 0; i < n; i++) {
		if (events[i].data.u64 == (uint64_t)-1)
			env_uring_flush(l); /* the kernel delivers completions when we enter it */
	}
	env_watch_dispatch(l, events, n);
	env_uring_reap(l);
	mail_run(l);
	timers_run(l);
}

uint32_t env_linux_in_flight(const struct env *e)
{
	return ((const struct env_linux *)e)->in_flight;
}

int env_linux_quiesce(struct env *e, uint64_t max_ns)
{
	uint64_t end_ns = clock_now_ns() + max_ns;

	while (env_linux_in_flight(e) > 0 || has_mail(env_linux_of(e))) {
		uint64_t now_ns = clock_now_ns();

		if (now_ns >= end_ns)
			return -ETIMEDOUT;
		env_linux_turn(e, end_ns - now_ns);
	}
	return 0;
}

void env_linux_set_idle_hook(struct env *e, const struct env_linux_idle *hook)
{
	env_linux_of(e)->idle = hook ? *hook : (struct env_linux_idle){0};
}

bool env_linux_has_uring(const struct env *e)
{
	return ((const struct env_linux *)e)->uring.is_open;
}

/* ---------------------------------------------------------------- create, destroy */

static const struct env_ops linux_ops = {
    .now_ns = op_now_ns,
    .now_exact_ns = op_now_exact_ns,
    .random_u64 = op_random_u64,
    .timer_set = op_timer_set,
    .timer_cancel = op_timer_cancel,
    .file_open = env_file_open_linux,
    .text_read = env_text_read_linux,
    .text_write = env_text_write_linux,
    .file_remove = env_file_remove_linux,
    .file_close = env_file_close_linux,
    .io_submit = op_io_submit,
    .memory_register = op_memory_register,
    .memory_unregister = op_memory_unregister,
    .work_submit = op_work_submit,
    .post = op_post,
    .bell_ring = op_bell_ring,
};

/* The eventfd only ends the sleep: what there is to do is found without it. */
static void on_wake(void *ctx, int fd, uint32_t events)
{
	fd_event_take(fd);
}

static int descriptors_open(struct env_linux *l)
{
	l->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (l->epoll_fd < 0)
		return -errno;
	l->wake_fd = fd_event_create();
	if (l->wake_fd < 0)
		return l->wake_fd;
	return env_linux_watch(&l->env, l->wake_fd, on_wake, NULL);
}

static int pools_open(struct env_linux *l, const struct env_linux_cfg *cfg)
{
	uint32_t io_threads = l->uring.is_open ? IO_THREADS_BESIDE_URING : IO_THREADS_WITHOUT;
	uint32_t work_threads = cfg->work_threads ? cfg->work_threads : WORK_THREADS;
	int rc;

	if (cfg->io_threads)
		io_threads = cfg->io_threads;
	if (io_threads > ENV_POOL_THREADS_MAX || work_threads > ENV_POOL_THREADS_MAX)
		return -EINVAL;
	rc = env_pool_init(&l->io_pool, &l->env, io_threads, io_run, io_finish);
	if (rc)
		return rc;
	rc = env_pool_init(&l->work_pool, &l->env, work_threads, work_run, work_finish);
	if (rc)
		env_pool_fini(&l->io_pool);
	return rc;
}

static bool may_use_uring(const struct env_linux_cfg *cfg)
{
	const char *off = getenv("SLUICE_NO_IO_URING");

	return !cfg->is_uring_off && !(off && strcmp(off, "1") == 0);
}

int env_linux_create(const struct env_linux_cfg *cfg, struct env **out, struct err *err)
{
	static const struct env_linux_cfg defaults;
	struct env_linux *l = calloc(1, sizeof(*l));
	int rc;

	if (!l)
		return err_set(err, ENOMEM, "", "out of memory");
	cfg = cfg ? cfg : &defaults;
	l->env.ops = &linux_ops;
	l->epoll_fd = l->wake_fd = -1;
	l->heartbeat = cfg->heartbeat;
	l->now_ns = clock_now_ns();
	timer_heap_init(&l->timers);
	/* Short only when a signal comes before the first boot-time entropy; time is chance enough
	 * then. */
	if (getrandom(l->random, sizeof(l->random), 0) != (ssize_t)sizeof(l->random))
		l->random[0] ^= l->now_ns | 1;
	rc = descriptors_open(l);
	if (rc == 0 && may_use_uring(cfg))
		env_uring_open(l); /* an error only means the thread pool instead */
	if (rc == 0)
		rc = pools_open(l, cfg);
	if (rc) {
		env_uring_close(l);
		fd_close(&l->wake_fd);
		fd_close(&l->epoll_fd);
		free(l->watches);
		free(l);
		return err_set(err, -rc, "", "cannot start a worker's event loop: %s",
			       strerror(-rc));
	}
	*out = &l->env;
	return 0;
}

void env_linux_destroy(struct env *e)
{
	struct env_linux *l = env_linux_of(e);

	assert(l->in_flight == 0);
	assert(__atomic_load_n(&l->open_files, __ATOMIC_RELAXED) == 0);
	env_pool_fini(&l->io_pool);
	env_pool_fini(&l->work_pool);
	env_uring_close(l);
	fd_close(&l->wake_fd);
	fd_close(&l->epoll_fd);
	timer_heap_fini(&l->timers);
	free(l->watches);
	free(l);
}
