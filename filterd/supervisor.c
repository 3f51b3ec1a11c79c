/* SPDX-License-Identifier: MIT */
#include "supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "child.h"
#include "cleanup.h"
#include "clock.h"
#include "durable.h"
#include "fd.h"
#include "keyring.h"
#include "log.h"
#include "parse.h"
#include "run_lock.h"
#include "supervise.h"
#include "wire/ctl.h"

#define STOP_KILL_MS (CHILD_STOP_MS + 2000u)
#define GIVEN_UP_MAX 8u /* children that were killed and that the kernel does not let go */
#define NOTIFY_MS    1000u
#define EXIT_CANNOT  1

struct supervisor {
	const struct supervisor_cfg *cfg;
	struct shared *shared;
	struct keyring *keyring;
	struct child_cfg child;
	struct supervise decide;
	char *incarnation_path;
	int lock_fd;
	int signal_fd;
	pid_t pid; /* of the child; 0: none */
	pid_t given_up[GIVEN_UP_MAX];
	uint32_t hung; /* index of the beat that stopped */
	bool is_stopping;
	uint64_t stop_since_ns;
	bool is_ready_told;
	uint64_t told_ns; /* systemd, last */
	int status;       /* to exit with; -1: goes on */
};

/* ---------------------------------------------------------------- set up */

static int open_socket(const struct supervisor *s, const char *name, int type, mode_t mode,
		       int *out, struct err *err)
{
	cleanup_free char *path = NULL;

	if (asprintf(&path, "%s/%s", s->cfg->run_dir, name) < 0)
		return err_set(err, ENOMEM, "", "no memory");
	*out = fd_unix_listen(path, type, mode, err);
	return *out < 0 ? *out : 0;
}

static int open_signals(struct supervisor *s, struct err *err)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	s->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return s->signal_fd < 0 ? err_set(err, errno, "", "no signalfd") : 0;
}

static int set_up(struct supervisor *s, struct err *err)
{
	const struct supervisor_cfg *cfg = s->cfg;
	int rc = durable_mkdir(cfg->run_dir, err);

	if (rc || (rc = durable_mkdir(cfg->state_dir, err)) ||
	    (rc = run_lock_take(cfg->run_dir, &s->lock_fd, err)))
		return rc;
	if (asprintf(&s->incarnation_path, "%s/incarnation", cfg->state_dir) < 0)
		return err_set(err, ENOMEM, "", "no memory");
	s->shared = mmap(NULL, sizeof(*s->shared), PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (s->shared == MAP_FAILED)
		return err_set(err, ENOMEM, "", "no memory to share with the child");
	rc = keyring_create(&s->keyring, err);
	if (rc)
		return rc;
	s->child = (struct child_cfg){.shared = s->shared,
				      .keyring = s->keyring,
				      .state_dir = cfg->state_dir,
				      .filter_dir = cfg->filter_dir,
				      .worker_count = cfg->worker_count,
				      .ring_uid = cfg->ring_uid,
				      .peer_listen = cfg->peer_listen};
	rc = open_socket(s, CTL_RING_NAME, SOCK_SEQPACKET, cfg->ring_uid == (uid_t)-1 ? 0600 : 0666,
			 &s->child.ring_listen_fd, err);
	if (rc == 0)
		rc = open_socket(s, CTL_SOCKET_NAME, SOCK_STREAM, 0660, &s->child.control_listen_fd,
				 err);
	if (rc == 0)
		rc = peer_listen_open(&s->child.peer_listen, err);
	return rc ? rc : open_signals(s, err);
}

/* ---------------------------------------------------------------- children */

/* Greater than any before, on disk before the child may show it to anybody. */
static int next_incarnation(struct supervisor *s, struct err *err)
{
	cleanup_free char *text = NULL;
	char line[32];
	uint64_t last = 0;
	size_t len = 0;
	int rc = durable_read(s->incarnation_path, 4096, &text, &len, err);

	if (rc && rc != -ENOENT)
		return rc;
	if (text) {
		text[strcspn(text, "\n")] = '\0';
		rc = parse_u64("incarnation", text, 0, UINT64_MAX >> 9, &last, err);
		if (rc) {
			err_prefix(err,
				   "%s is damaged; put in it a number greater than any in the log",
				   s->incarnation_path);
			return rc;
		}
	}
	snprintf(line, sizeof(line), "%llu\n", (unsigned long long)(last + 1));
	rc = durable_write(s->incarnation_path, line, strlen(line), err);
	if (rc == 0)
		atomic_store_explicit(&s->shared->incarnation, last + 1, memory_order_relaxed);
	return rc;
}

static int serve(struct supervisor *s)
{
	enum child_end end = child_run(&s->child);

	/* Threads may still run, and memory of a hurried end is in use: no destructors. */
	if (end == CHILD_HURRIED)
		_exit((int)end);
	return (int)end;
}

/* In the child: never returns. */
static void be_child(struct supervisor *s, pid_t parent)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(CHILD_CANNOT);
	close(s->lock_fd);
	close(s->signal_fd);
	s->status = serve(s);
}

static void reset_shared(struct shared *sh)
{
	atomic_store_explicit(&sh->worker_count, 0, memory_order_relaxed);
	atomic_store_explicit(&sh->is_ready, 0, memory_order_relaxed);
	atomic_store_explicit(&sh->crashed, 0, memory_order_relaxed);
	atomic_store_explicit(&sh->main.beats, 0, memory_order_relaxed);
	atomic_store_explicit(&sh->main.blocking, 0, memory_order_relaxed);
	for (uint32_t i = 0; i < SHARED_WORKERS_MAX; i++) {
		atomic_store_explicit(&sh->workers[i].beats, 0, memory_order_relaxed);
		atomic_store_explicit(&sh->workers[i].blocking, 0, memory_order_relaxed);
	}
	for (uint32_t i = 0; i < SHARED_BLAMES_MAX; i++) {
		if (!atomic_load_explicit(&sh->blames[i].worker, memory_order_relaxed))
			continue; /* do not touch pages that nobody used */
		sh->blames[i].filter[0] = '\0';
		atomic_store_explicit(&sh->blames[i].worker, 0, memory_order_relaxed);
	}
}

/* True: this process is the child, and has ended serving. */
static bool start_child(struct supervisor *s)
{
	struct err err = {0};
	pid_t self = getpid(), pid;

	reset_shared(s->shared);
	if (next_incarnation(s, &err) < 0) {
		log_error("cannot start a child: %s", err.text);
		supervise_ended(&s->decide, clock_now_ns(), SUPERVISE_CRASH, "", "");
		return false;
	}
	pid = fork();
	if (pid == 0) {
		be_child(s, self);
		return true;
	}
	if (pid < 0) {
		log_error("cannot start a child: %s", strerror(errno));
		supervise_ended(&s->decide, clock_now_ns(), SUPERVISE_CRASH, "", "");
		return false;
	}
	s->pid = pid;
	atomic_fetch_add_explicit(&s->shared->starts, 1, memory_order_relaxed);
	supervise_started(&s->decide, clock_now_ns());
	return false;
}

/* What the child was executing: of the worker with this number + 1. */
static const struct shared_blame *find_blame(const struct shared *sh, uint32_t worker)
{
	for (uint32_t i = 0; worker && i < SHARED_BLAMES_MAX; i++) {
		const struct shared_blame *b = &sh->blames[i];

		if (atomic_load_explicit(&b->worker, memory_order_acquire) == worker &&
		    b->filter[0])
			return b;
	}
	return NULL;
}

static void quarantine(struct supervisor *s, const struct shared_blame *b, const char *how)
{
	for (uint32_t i = 0; i < SHARED_QUARANTINE_MAX; i++) {
		struct shared_quarantine *q = &s->shared->quarantine[i];

		if (atomic_load_explicit(&q->is_set, memory_order_acquire))
			continue;
		snprintf(q->volume, sizeof(q->volume), "%s", b->volume);
		snprintf(q->filter, sizeof(q->filter), "%.63s", b->filter);
		snprintf(
		    q->text, sizeof(q->text),
		    "filter %.63s stopped sluice-filterd %u times within %u s, last by %.40s; 'volume open' tries it "
		    "again",
		    b->filter, SUPERVISE_BLAME_CRASHES, SUPERVISE_BLAME_WINDOW_MS / 1000, how);
		log_error("volume %s is quarantined: %s", q->volume, q->text);
		atomic_store_explicit(&q->is_set, 1, memory_order_release);
		return;
	}
	log_error("volume %s: the list of quarantined volumes is full", b->volume);
}

/* A child ended that was to go on. worker: number + 1 of the one at fault, or 0. */
static void child_failed(struct supervisor *s, enum supervise_cause cause, const char *how,
			 uint32_t worker)
{
	const struct shared_blame *b = find_blame(s->shared, worker);
	bool must_quarantine = supervise_ended(&s->decide, clock_now_ns(), cause,
					       b ? b->volume : "", b ? b->filter : "");
	char text[SHARED_TEXT_BYTES];

	s->pid = 0;
	snprintf(text, sizeof(text), "the last sluice-filterd ended by %s%s%.63s%s%.80s", how,
		 b ? " in filter " : "", b ? b->filter : "", b ? " of volume " : "",
		 b ? b->volume : "");
	log_error("%s", text);
	events_add(&s->shared->events, "", b ? b->volume : "", b ? b->filter : "",
		   "filterd_restarted", text);
	if (must_quarantine)
		quarantine(s, b, how);
	if (!s->decide.backoff_ms || cause == SUPERVISE_OUTSIDE)
		return;
	snprintf(text, sizeof(text),
		 "sluice-filterd ends again and again; the next start waits %u ms",
		 s->decide.backoff_ms);
	log_error("%s", text);
	events_add(&s->shared->events, "", "", "", "filterd_crash_loop", text);
}

static void child_ended(struct supervisor *s, int status)
{
	bool is_hang = s->decide.state == SUPERVISE_KILLED;
	char how[64];

	if (WIFEXITED(status) &&
	    (WEXITSTATUS(status) == CHILD_STOPPED || WEXITSTATUS(status) == CHILD_HURRIED)) {
		s->status = 0;
		return;
	}
	if (s->is_stopping) {
		log_error("the child ended by status 0x%x while it stopped", (unsigned)status);
		s->status = EXIT_CANNOT;
		return;
	}
	if (WIFEXITED(status) && WEXITSTATUS(status) == CHILD_CANNOT &&
	    atomic_load_explicit(&s->shared->starts, memory_order_relaxed) == 1) {
		s->status = EXIT_CANNOT; /* the first start: let the person who started it see */
		return;
	}
	if (is_hang)
		snprintf(how, sizeof(how), "a hang");
	else if (WIFSIGNALED(status))
		snprintf(how, sizeof(how), "signal %d (%s)", WTERMSIG(status),
			 sigabbrev_np(WTERMSIG(status)) ?: "?");
	else
		snprintf(how, sizeof(how), "exit status %d", WEXITSTATUS(status));
	child_failed(
	    s,
	    !is_hang && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL ? SUPERVISE_OUTSIDE
									   : SUPERVISE_CRASH,
	    how,
	    is_hang ? s->hung : atomic_load_explicit(&s->shared->crashed, memory_order_acquire));
}

static void reap(struct supervisor *s)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (pid == s->pid)
			child_ended(s, status);
		for (uint32_t i = 0; i < GIVEN_UP_MAX; i++)
			if (s->given_up[i] == pid)
				s->given_up[i] = 0;
	}
}

static void kill_child(struct supervisor *s)
{
	if (s->hung)
		log_error("worker %u does not answer for %u ms; the child is killed", s->hung - 1,
			  SUPERVISE_HANG_MS);
	else
		log_error("the main thread does not answer for %u ms; the child is killed",
			  SUPERVISE_HANG_MS);
	kill(s->pid, SIGKILL);
	supervise_killed(&s->decide, clock_now_ns());
}

/* The kernel waits for its I/O. Image locks keep the two apart; all else can be served again. */
static void give_up_child(struct supervisor *s)
{
	for (uint32_t i = 0; i < GIVEN_UP_MAX; i++) {
		if (s->given_up[i])
			continue;
		s->given_up[i] = s->pid;
		log_error(
		    "child %d is killed but not gone; its datastores' volumes will wait for it",
		    (int)s->pid);
		child_failed(s, SUPERVISE_CRASH, "a hang", s->hung);
		return;
	}
}

/* ---------------------------------------------------------------- loop */

static void look(const struct supervisor *s, struct supervise_beats *b)
{
	const struct shared *sh = s->shared;
	uint32_t workers = atomic_load_explicit(&sh->worker_count, memory_order_acquire);

	memset(b, 0, sizeof(*b));
	b->count = 1 + (workers < SHARED_WORKERS_MAX ? workers : SHARED_WORKERS_MAX);
	for (uint32_t i = 0; i < b->count; i++) {
		const struct shared_beat *beat = i ? &sh->workers[i - 1] : &sh->main;

		b->beats[i] = atomic_load_explicit(&beat->beats, memory_order_relaxed);
		b->is_blocking[i] =
		    atomic_load_explicit(&beat->blocking, memory_order_acquire) != 0;
	}
	if (!atomic_load_explicit(&sh->is_ready, memory_order_acquire))
		b->is_blocking[0] = true; /* loading filters and the plan */
}

static void notify(struct supervisor *s)
{
	bool is_ready = atomic_load_explicit(&s->shared->is_ready, memory_order_acquire) != 0;

	uint64_t now_ns = clock_now_ns();

	if (!getenv("NOTIFY_SOCKET"))
		return;
	if (is_ready == s->is_ready_told && now_ns - s->told_ns < NOTIFY_MS * CLOCK_NS_PER_MS)
		return;
	s->told_ns = now_ns;
	if (is_ready && !s->is_ready_told) {
		s->is_ready_told = true;
		sd_notifyf(0, "READY=1\nMAINPID=%d", (int)getpid());
	}
	sd_notifyf(0, "WATCHDOG=1\nSTATUS=%s",
		   s->is_stopping            ? "Stopping"
		   : !is_ready               ? "Starting"
		   : s->decide.is_crash_loop ? "Serving again after crashes"
					     : "Serving");
}

static void take_signals(struct supervisor *s)
{
	struct signalfd_siginfo info;

	while (read(s->signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
		if (info.ssi_signo == SIGCHLD || s->is_stopping)
			continue;
		s->is_stopping = true;
		s->stop_since_ns = clock_now_ns();
		if (getenv("NOTIFY_SOCKET"))
			sd_notify(0, "STOPPING=1");
		if (s->pid)
			kill(s->pid, SIGTERM);
		else
			s->status = 0;
	}
	reap(s);
}

/* True: this process is the child, and has ended serving. */
static bool turn(struct supervisor *s)
{
	struct pollfd p = {.fd = s->signal_fd, .events = POLLIN};
	struct supervise_beats beats;

	look(s, &beats);
	switch (supervise_next(&s->decide, clock_now_ns(), &beats, &s->hung)) {
	case SUPERVISE_START:
		if (!s->is_stopping && start_child(s))
			return true;
		break;
	case SUPERVISE_KILL:
		kill_child(s);
		break;
	case SUPERVISE_GIVE_UP:
		give_up_child(s);
		break;
	case SUPERVISE_NOTHING:
		break;
	}
	notify(s);
	if (poll(&p, 1, (int)supervise_wait_ms(&s->decide, clock_now_ns())) > 0)
		take_signals(s);
	if (s->is_stopping && s->pid &&
	    clock_now_ns() - s->stop_since_ns > STOP_KILL_MS * CLOCK_NS_PER_MS)
		kill(s->pid, SIGKILL);
	if (s->is_stopping && !s->pid && s->status < 0)
		s->status = EXIT_CANNOT; /* it was given up: nobody is left to wait for */
	return false;
}

static void forget_sockets(const struct supervisor *s)
{
	static const char *const names[] = {CTL_RING_NAME, CTL_SOCKET_NAME};

	for (size_t i = 0; i < 2; i++) {
		cleanup_free char *path = NULL;

		if (asprintf(&path, "%s/%s", s->cfg->run_dir, names[i]) >= 0)
			unlink(path);
	}
}

/* Each volume needs about five descriptors; the usual soft limit ends at 200 volumes. */
static void raise_descriptor_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
		log_warn("the limit of open descriptors stays as it is: %s", strerror(errno));
}

int supervisor_run(const struct supervisor_cfg *cfg)
{
	struct supervisor s = {.cfg = cfg, .status = -1, .lock_fd = -1, .signal_fd = -1};
	struct err err = {0};

	s.child.ring_listen_fd = s.child.control_listen_fd = -1;
	raise_descriptor_limit();
	if (set_up(&s, &err) < 0) {
		log_error("%s", err.text);
		return EXIT_CANNOT;
	}
	if (cfg->has_no_parent) {
		if (next_incarnation(&s, &err) < 0)
			log_error("%s", err.text);
		else
			s.status = serve(&s);
		goto ended;
	}
	supervise_init(&s.decide, clock_now_ns());
	while (s.status < 0) {
		if (turn(&s))
			goto ended; /* in the child */
	}
	forget_sockets(&s);
ended:
	keyring_free(s.keyring);
	free(s.incarnation_path);
	return s.status;
}
