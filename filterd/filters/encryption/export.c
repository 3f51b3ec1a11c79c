/* SPDX-License-Identifier: MIT */
#include "export.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#define PIECE_BYTES   (1u << 20)
#define ALIGN_BYTES   4096u
#define WINDOW_BYTES  (1ull << 30) /* of one question for holes */
#define WAIT_FIRST_NS (1ull * 1000 * 1000)
#define WAIT_MAX_NS   (100ull * 1000 * 1000)
#define ID_MASK       ((1ull << 53) - 1) /* what JSON's readers keep */

_Static_assert(LUKS_ATTACHED_BYTES % PIECE_BYTES == 0, "no piece is both header and data");

struct export
{
	struct encryption *e; /* NULL: detached meanwhile; the one that comes back frees it */
	struct sluice_filter *f;
	bool is_busy; /* own I/O or a helper has it */
	int fd;
	bool is_file; /* else a stream that does not block */
	struct xts *xts;
	uint8_t *header, *buf;
	uint64_t at_bytes, total_bytes; /* of the file */
	uint32_t buf_bytes, put_bytes;
	uint64_t run_end_bytes; /* of the volume: what begins at at_bytes goes on until there */
	bool is_hole;           /* that */
	int result;             /* the helper's */
	uint64_t wait_ns;
	void (*next)(struct export * x);
	struct sluice_timer timer;
	struct sluice_work work;
	struct sluice_own_io own;
};

static void next_piece(struct export *x);
static void put(struct export *x);

/* ---------------------------------------------------------------- begin and end */

void export_drop(struct export *x)
{
	if (!x)
		return;
	xts_free(x->xts);
	if (x->fd >= 0)
		close(x->fd);
	free(x->header);
	free(x->buf);
	free(x);
}

static void end(struct export *x, enum export_state state, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
static void end(struct export *x, enum export_state state, const char *fmt, ...)
{
	struct encryption *e = x->e;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(e->export.text, sizeof(e->export.text), fmt, ap);
	va_end(ap);
	sluice_log(e->f, state == EXPORT_DONE ? LOG_INFO : LOG_WARNING, "export: %s",
		   e->export.text);
	e->export.state = state;
	e->exporting = NULL;
	export_drop(x);
}

/* Called before each step. True: x is gone. */
static bool is_over(struct export *x)
{
	struct encryption *e = x->e;

	if (!e)
		export_drop(x);
	else if (e->export.must_cancel)
		end(x, EXPORT_CANCELLED, "the export was cancelled at byte %llu of %llu",
		    (unsigned long long)x->at_bytes, (unsigned long long)x->total_bytes);
	else if (e->state != STATE_UNLOCKED)
		end(x, EXPORT_FAILED,
		    "the volume was locked in the middle of the export; what was written is "
		    "ciphertext, and not whole");
	else if (e->export.was_written)
		end(x, EXPORT_FAILED,
		    "the volume was written while it was exported, so the file would be of no one "
		    "moment; take its LUN from the initiators first");
	else
		return false;
	return true;
}

static int check_fd(struct export *x, struct sluice_error *err)
{
	int flags = fcntl(x->fd, F_GETFL);
	struct stat st;

	if (x->fd < 0 || flags < 0 || fstat(x->fd, &st) < 0)
		return encryption_refuse(err, "", -errno, "no descriptor for the export: %s",
					 strerror(errno));
	x->is_file = S_ISREG(st.st_mode) || S_ISBLK(st.st_mode);
	if ((flags & O_ACCMODE) == O_RDONLY ||
	    (!x->is_file && !S_ISFIFO(st.st_mode) && !S_ISSOCK(st.st_mode)))
		return encryption_refuse(err, "", -EINVAL,
					 "the descriptor is no file, block device, pipe or stream "
					 "socket that can be written to");
	if (!x->is_file && fcntl(x->fd, F_SETFL, flags | O_NONBLOCK) < 0)
		return encryption_refuse(err, "", -errno, "the descriptor: %s", strerror(errno));
	return 0;
}

int export_new(struct encryption *e, int fd, struct export **out, struct sluice_error *err)
{
	struct export *x = calloc(1, sizeof(*x));
	int rc;

	if (!x)
		return encryption_refuse(err, "", -ENOMEM, "no memory");
	*x = (struct export){.e = e, .f = e->f, .wait_ns = WAIT_FIRST_NS};
	x->total_bytes = LUKS_ATTACHED_BYTES + sluice_volume_size_bytes(e->f);
	x->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	rc = check_fd(x, err);
	x->buf = rc == 0 ? aligned_alloc(ALIGN_BYTES, PIECE_BYTES) : NULL;
	if (rc == 0 && !x->buf)
		rc = encryption_refuse(err, "", -ENOMEM, "no memory");
	if (rc) {
		export_drop(x);
		return rc;
	}
	*out = x;
	return 0;
}

int export_go(struct export *x, void *header, const struct kept *kept, struct sluice_error *err)
{
	struct encryption *e = x->e;
	int rc = xts_new(kept->dek, kept->sector_bytes, &x->xts);

	x->header = header;
	if (rc) {
		export_drop(x);
		return encryption_refuse(err, "", rc, ENCRYPTION_NO_SECRET_MEMORY);
	}
	e->exporting = x;
	e->export = (struct export_note){.state = EXPORT_RUNNING,
					 .id = sluice_random_u64(e->f) & ID_MASK,
					 .total_bytes = x->total_bytes};
	sluice_log(e->f, LOG_INFO, "an export of %llu bytes begins",
		   (unsigned long long)x->total_bytes);
	next_piece(x);
	return 0;
}

void export_cancel(struct encryption *e)
{
	if (e->exporting)
		e->export.must_cancel = true;
}

void export_was_written(struct encryption *e)
{
	if (e->exporting)
		e->export.was_written = true;
}

void export_detached(struct encryption *e)
{
	struct export *x = e->exporting;

	if (!x)
		return;
	sluice_timer_cancel(e->f, &x->timer);
	x->e = NULL;
	if (!x->is_busy)
		export_drop(x);
}

/* ---------------------------------------------------------------- steps */

static void fired(struct sluice_timer *t)
{
	struct export *x = t->ctx;

	if (!is_over(x))
		x->next(x);
}

/* next() after a while, which grows as long as nothing moves. */
static void wait(struct export *x, void (*next)(struct export *x))
{
	x->next = next;
	x->timer.fn = fired;
	x->timer.ctx = x;
	sluice_timer_set(x->f, &x->timer, sluice_now_ns(x->f) + x->wait_ns);
	x->wait_ns = x->wait_ns * 2 < WAIT_MAX_NS ? x->wait_ns * 2 : WAIT_MAX_NS;
}

static void help(struct export *x, void (*run)(struct sluice_work *w),
		 void (*done)(struct sluice_work *w))
{
	x->is_busy = true;
	x->work.run = run;
	x->work.done = done;
	x->work.ctx = x;
	sluice_work_submit(x->f, &x->work);
}

/* ---------------------------------------------------------------- helper */

static bool is_hole(const uint8_t *sector, uint32_t sector_bytes)
{
	return sector[0] == 0 && memcmp(sector, sector + 1, sector_bytes - 1) == 0;
}

/* dm-crypt knows no holes: it would decrypt zeros to noise. */
static int fill_holes(struct export *x)
{
	uint32_t sector_bytes = xts_sector_bytes(x->xts);
	uint64_t offset_bytes = x->at_bytes - LUKS_ATTACHED_BYTES;

	for (uint32_t at = 0; at < x->buf_bytes; at += sector_bytes) {
		uint8_t *sector = x->buf + at;
		int rc = 0;

		if (is_hole(sector, sector_bytes))
			rc = xts_encrypt(x->xts, offset_bytes + at, sector, sector, sector_bytes);
		if (rc < 0)
			return rc;
	}
	return 0;
}

static void run_put(struct sluice_work *w)
{
	struct export *x = w->ctx;
	const uint8_t *from = x->buf + x->put_bytes;
	size_t left_bytes = x->buf_bytes - x->put_bytes;
	ssize_t n;

	x->result = 0;
	if (x->put_bytes == 0 && x->at_bytes >= LUKS_ATTACHED_BYTES)
		x->result = fill_holes(x);
	if (x->result < 0)
		return;
	do {
		n = x->is_file
			? pwrite(x->fd, from, left_bytes, (off_t)(x->at_bytes + x->put_bytes))
			: write(x->fd, from, left_bytes);
	} while (n < 0 && errno == EINTR);
	x->result = n < 0 ? -errno : (int)n;
}

static void run_finish(struct sluice_work *w)
{
	struct export *x = w->ctx;
	struct stat st;

	x->result = fstat(x->fd, &st) < 0 ? -errno : 0;
	if (x->result == 0 && S_ISREG(st.st_mode) && ftruncate(x->fd, (off_t)x->total_bytes) < 0)
		x->result = -errno;
	if (x->result == 0 && x->is_file && fsync(x->fd) < 0)
		x->result = -errno;
}

/* ---------------------------------------------------------------- worker */

static void finished(struct sluice_work *w)
{
	struct export *x = w->ctx;

	x->is_busy = false;
	if (is_over(x))
		return;
	if (x->result < 0)
		end(x, EXPORT_FAILED, "the file could not be ended: %s", strerror(-x->result));
	else
		end(x, EXPORT_DONE, "the export is whole");
}

static void was_put(struct sluice_work *w)
{
	struct export *x = w->ctx;

	x->is_busy = false;
	if (is_over(x))
		return;
	if (x->result == -EAGAIN) {
		wait(x, put);
		return;
	}
	if (x->result < 0) {
		end(x, EXPORT_FAILED, "writing the export failed at byte %llu of the file: %s",
		    (unsigned long long)(x->at_bytes + x->put_bytes), strerror(-x->result));
		return;
	}
	x->wait_ns = WAIT_FIRST_NS;
	x->put_bytes += (uint32_t)x->result;
	if (x->put_bytes < x->buf_bytes) {
		put(x);
		return;
	}
	x->at_bytes += x->buf_bytes;
	x->e->export.done_bytes = x->at_bytes;
	next_piece(x);
}

static void put(struct export *x)
{
	help(x, run_put, was_put);
}

static void was_read(struct sluice_own_io *own)
{
	struct export *x = own->ctx;

	x->is_busy = false;
	if (is_over(x))
		return;
	if (own->status != SLUICE_OK)
		end(x, EXPORT_FAILED, "reading the volume failed at byte %llu (I/O status %u)",
		    (unsigned long long)own->offset_bytes, own->status);
	else
		put(x);
}

/* Own I/O below; fn has x->own. */
static void ask(struct export *x, uint8_t op, uint64_t len_bytes,
		void (*fn)(struct sluice_own_io *own))
{
	int rc;

	x->own = (struct sluice_own_io){.op = op,
					.offset_bytes = x->at_bytes - LUKS_ATTACHED_BYTES,
					.len_bytes = len_bytes,
					.buf = op == SLUICE_OP_READ ? x->buf : NULL,
					.fn = fn,
					.ctx = x};
	x->is_busy = true;
	rc = sluice_own_submit(x->f, &x->own);
	if (rc == 0)
		return;
	x->is_busy = false;
	if (rc == -ENOMEM)
		wait(x, next_piece);
	else
		end(x, EXPORT_FAILED, "reading the volume failed at byte %llu: %s",
		    (unsigned long long)x->own.offset_bytes, strerror(-rc));
}

/* Nobody writes meanwhile, or the export fails; so what is a hole stays one. */
static void was_looked(struct sluice_own_io *own)
{
	struct export *x = own->ctx;
	bool is_known = own->status == SLUICE_OK && own->extent_bytes > 0;

	x->is_busy = false;
	if (is_over(x))
		return;
	x->run_end_bytes = own->offset_bytes + (is_known ? own->extent_bytes : own->len_bytes);
	x->is_hole = is_known && own->extent_is_hole;
	next_piece(x);
}

static void data_piece(struct export *x, uint64_t left_bytes)
{
	uint64_t offset_bytes = x->at_bytes - LUKS_ATTACHED_BYTES;

	if (offset_bytes >= x->run_end_bytes) {
		ask(x, SLUICE_OP_EXTENT, left_bytes < WINDOW_BYTES ? left_bytes : WINDOW_BYTES,
		    was_looked);
	} else if (x->is_hole && offset_bytes + x->buf_bytes <= x->run_end_bytes) {
		memset(x->buf, 0, x->buf_bytes);
		put(x);
	} else {
		ask(x, SLUICE_OP_READ, x->buf_bytes, was_read);
	}
}

static void next_piece(struct export *x)
{
	uint64_t left_bytes = x->total_bytes - x->at_bytes;

	x->put_bytes = 0;
	x->buf_bytes = left_bytes < PIECE_BYTES ? (uint32_t)left_bytes : PIECE_BYTES;
	if (left_bytes == 0) {
		help(x, run_finish, finished);
	} else if (x->at_bytes < LUKS_ATTACHED_BYTES) {
		memcpy(x->buf, x->header + x->at_bytes, x->buf_bytes);
		put(x);
	} else {
		data_piece(x, left_bytes);
	}
}

/* ---------------------------------------------------------------- what there is to see */

json_t *export_status(const struct encryption *e)
{
	static const char *const words[] = {"none", "running", "done", "failed", "cancelled"};
	const struct export_note *n = &e->export;

	return json_pack("{s:s, s:I, s:I, s:I, s:s}", "state", words[n->state], "id",
			 (json_int_t)n->id, "done_bytes", (json_int_t)n->done_bytes, "total_bytes",
			 (json_int_t)n->total_bytes, "text", n->text);
}
