/* SPDX-License-Identifier: MIT */
/*
 * env_uring.c - reads, writes and flushes through io_uring.
 *
 * Entries are gathered in the submission queue and handed over once per turn. The kernel is asked
 * to run completions only when we enter it (DEFER_TASKRUN), which batches them; the ring's
 * descriptor stands in epoll, so a sleeping worker wakes. The ring is made disabled and enabled in
 * the first turn, because such a ring belongs to the thread that enables it. Thread: the worker.
 */
#include <assert.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "env_linux_int.h"
#include "fd.h"

#define SQ_ENTRIES 256u
#define TRANSFER_MAX                                                                               \
	(1u << 30) /* an entry's length has 32 bits, and the kernel stops short of 2 GiB */
#define BATCH    64u
#define REAP_MAX 8192u

static int queue_open(struct io_uring *ring)
{
	/* Best first: Linux 6.1, 5.19, older. */
	static const unsigned flags[] = {
	    IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_TASKRUN_FLAG |
		IORING_SETUP_R_DISABLED,
	    IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG | IORING_SETUP_R_DISABLED,
	    IORING_SETUP_R_DISABLED,
	};
	int rc = -EINVAL;

	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]) && rc == -EINVAL; i++) {
		struct io_uring_params p = {
		    .flags = flags[i] | IORING_SETUP_CQSIZE,
		    .cq_entries = ENV_URING_IN_FLIGHT_MAX,
		};

		rc = io_uring_queue_init_params(SQ_ENTRIES, ring, &p);
	}
	return rc;
}

/* As many as the limit of open descriptors allows; 0: none. */
static uint32_t files_open(struct io_uring *ring)
{
	uint32_t room = ENV_URING_FILES_MAX;

	while (room && io_uring_register_files_sparse(ring, room) != 0)
		room /= 2;
	return room;
}

int env_uring_open(struct env_linux *l)
{
	struct env_uring *u = &l->uring;
	struct epoll_event ev = {.events = EPOLLIN | EPOLLET, .data.u64 = (uint64_t)-1};
	int rc;

	list_init(&u->waiting);
	for (uint32_t i = 0; i < ENV_URING_FILES_MAX; i++)
		u->files[i] = -1;
	rc = queue_open(&u->ring);
	if (rc)
		return rc;
	/* IORING_OP_READ and its like came with this feature. */
	rc = u->ring.features & IORING_FEAT_RW_CUR_POS ? 0 : -ENOSYS;
	u->event_fd = rc ? rc : fd_event_create();
	if (u->event_fd < 0) {
		io_uring_queue_exit(&u->ring);
		return u->event_fd;
	}
	rc = io_uring_register_eventfd(&u->ring, u->event_fd);
	if (rc == 0 && epoll_ctl(l->epoll_fd, EPOLL_CTL_ADD, u->event_fd, &ev))
		rc = -errno;
	if (rc) {
		io_uring_queue_exit(&u->ring);
		fd_close(&u->event_fd);
		return rc;
	}
	env_regions_open(&u->regions, &u->ring);
	u->file_room = files_open(&u->ring);
	u->is_open = true;
	return 0;
}

void env_uring_close(struct env_linux *l)
{
	if (!l->uring.is_open)
		return;
	assert(l->uring.in_flight == 0 && list_is_empty(&l->uring.waiting));
	io_uring_queue_exit(&l->uring.ring);
	env_regions_close(&l->uring.regions);
	fd_close(&l->uring.event_fd);
	l->uring.is_open = false;
}

/* ---------------------------------------------------------------- memory and descriptors */

int env_uring_memory_register(struct env_linux *l, void *base, uint64_t size_bytes)
{
	return l->uring.is_open ? env_regions_add(&l->uring.regions, base, size_bytes)
				: -EOPNOTSUPP;
}

void env_uring_memory_unregister(struct env_linux *l, void *base)
{
	if (l->uring.is_open)
		env_regions_remove(&l->uring.regions, base);
}

int env_linux_tie_fd(struct env *e, int fd)
{
	struct env_uring *u = &env_linux_of(e)->uring;

	if (!u->is_open)
		return 0; /* pool threads end their calls before the process lets go of descriptors
			   */
	if (!u->file_room)
		return -EOPNOTSUPP;
	for (unsigned i = 0; i < u->file_room; i++) {
		int rc;

		if (u->files[i] >= 0)
			continue;
		rc = io_uring_register_files_update(&u->ring, i, &fd, 1);
		if (rc < 0)
			return rc;
		u->files[i] = fd;
		return 0;
	}
	return -ENOSPC;
}

void env_linux_untie_fd(struct env *e, int fd)
{
	struct env_uring *u = &env_linux_of(e)->uring;
	int none = -1;

	for (unsigned i = 0; u->is_open && i < u->file_room; i++) {
		if (u->files[i] != fd)
			continue;
		if (io_uring_register_files_update(&u->ring, i, &none, 1) < 0)
			u->file_room = 0; /* cannot be: the slot exists */
		u->files[i] = -1;
		return;
	}
}

/* ---------------------------------------------------------------- submission */

static void prepare(struct env_uring *u, struct io_uring_sqe *sqe, struct env_io *io)
{
	int fd = ((struct env_linux_file *)io->file)->fd;
	uint64_t progress = io->env_private[ENV_IO_PROGRESS];
	uint8_t *buf = (uint8_t *)io->buf + progress;
	uint64_t offset = io->offset_bytes + progress;
	uint64_t rest = io->len_bytes - progress;
	unsigned len = rest < TRANSFER_MAX ? (unsigned)rest : TRANSFER_MAX;
	int region;

	if (io->op == ENV_IO_SYNC) {
		io_uring_prep_fsync(sqe, fd, IORING_FSYNC_DATASYNC);
		io_uring_sqe_set_data(sqe, io);
		return;
	}
	region = env_regions_find(&u->regions, buf, len);
	if (io->op == ENV_IO_READ) {
		if (region >= 0)
			io_uring_prep_read_fixed(sqe, fd, buf, len, offset, region);
		else
			io_uring_prep_read(sqe, fd, buf, len, offset);
	} else {
		if (region >= 0)
			io_uring_prep_write_fixed(sqe, fd, buf, len, offset, region);
		else
			io_uring_prep_write(sqe, fd, buf, len, offset);
		if (io->is_durable)
			sqe->rw_flags = RWF_DSYNC;
	}
	io_uring_sqe_set_data(sqe, io);
}

static bool try_submit(struct env_linux *l, struct env_io *io)
{
	struct env_uring *u = &l->uring;
	struct io_uring_sqe *sqe;

	if (u->in_flight >= ENV_URING_IN_FLIGHT_MAX)
		return false;
	sqe = io_uring_get_sqe(&u->ring);
	if (!sqe) {
		env_uring_flush(l);
		sqe = io_uring_get_sqe(&u->ring);
		if (!sqe)
			return false;
	}
	prepare(u, sqe, io);
	u->in_flight++;
	return true;
}

void env_uring_submit_io(struct env_linux *l, struct env_io *io)
{
	struct env_uring *u = &l->uring;

	assert(io->op == ENV_IO_READ || io->op == ENV_IO_WRITE || io->op == ENV_IO_SYNC);
	if (!list_is_empty(&u->waiting) || !try_submit(l, io))
		list_push_back(&u->waiting, &io->node);
}

bool env_uring_has_gathered(const struct env_linux *l)
{
	return l->uring.is_open && io_uring_sq_ready(&l->uring.ring) > 0;
}

static bool kernel_wants_entry(const struct env_uring *u)
{
	return IO_URING_READ_ONCE(*u->ring.sq.kflags) & (IORING_SQ_TASKRUN | IORING_SQ_CQ_OVERFLOW);
}

void env_uring_flush(struct env_linux *l)
{
	struct env_uring *u = &l->uring;

	if (!u->is_open)
		return;
	if (!u->is_enabled) {
		/* By number: Debian 12's liburing declares io_uring_enable_rings() and lacks it. */
		int rc = io_uring_register((unsigned)u->ring.ring_fd, IORING_REGISTER_ENABLE_RINGS,
					   NULL, 0);

		assert(rc == 0);
		u->is_enabled = true;
	}
	/* What the kernel has no room for stays in the queue and is handed over in a later turn. */
	if (io_uring_sq_ready(&u->ring) > 0)
		io_uring_submit_and_get_events(&u->ring);
	else if (kernel_wants_entry(u))
		io_uring_get_events(&u->ring);
}

/* ---------------------------------------------------------------- completion */

bool env_uring_has_completions(const struct env_linux *l)
{
	return l->uring.is_open && io_uring_cq_ready(&l->uring.ring) > 0;
}

/* True: io has ended. False: the rest of it was submitted again. */
static bool on_result(struct env_linux *l, struct env_io *io, int res)
{
	uint64_t progress;

	l->uring.in_flight--;
	if (res == -EINTR || res == -EAGAIN) {
		env_uring_submit_io(l, io);
		return false;
	}
	if (res < 0 || io->op == ENV_IO_SYNC) {
		io->result = res < 0 ? res : 0;
		return true;
	}
	progress = io->env_private[ENV_IO_PROGRESS] + (uint64_t)res;
	assert(progress <= io->len_bytes);
	if (progress < io->len_bytes)
		progress -= progress % io->file->align_bytes;
	if (progress <= io->env_private[ENV_IO_PROGRESS]) {
		io->result =
		    -EIO; /* no way forward: the end of the file is before that of the volume */
		return true;
	}
	io->env_private[ENV_IO_PROGRESS] = progress;
	if (progress < io->len_bytes) {
		env_uring_submit_io(l, io);
		return false;
	}
	io->result = 0;
	return true;
}

void env_uring_reap(struct env_linux *l)
{
	struct env_uring *u = &l->uring;
	struct io_uring_cqe *cqes[BATCH];
	struct {
		struct env_io *io;
		int res;
	} got[BATCH];
	unsigned n, reaped = 0;

	if (!u->is_open)
		return;
	do {
		n = io_uring_peek_batch_cqe(&u->ring, cqes, BATCH);
		for (unsigned i = 0; i < n; i++) {
			got[i].io = io_uring_cqe_get_data(cqes[i]);
			got[i].res = cqes[i]->res;
		}
		/* Given back first: what the callbacks submit may need the room. */
		io_uring_cq_advance(&u->ring, n);
		for (unsigned i = 0; i < n; i++) {
			if (on_result(l, got[i].io, got[i].res))
				env_linux_io_ended(l, got[i].io);
		}
		reaped += n;
	} while (n > 0 && reaped < REAP_MAX);
	while (!list_is_empty(&u->waiting)) {
		struct env_io *io = list_entry(u->waiting.next, struct env_io, node);

		if (!try_submit(l, io))
			break;
		list_del(&io->node);
	}
}
