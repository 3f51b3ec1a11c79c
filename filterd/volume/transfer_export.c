/* SPDX-License-Identifier: MIT */
/* transfer_export.c - a volume into a descriptor; see transfer.h. Thread: owner worker, but
 * run_*(): a helper. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "transfer_int.h"

#define EXTENT_MAX_BYTES (1ull << 30)

static void next_piece(struct transfer *t);
static void write_stream(struct transfer *t);

static void run_finish(struct env_work *w)
{
	struct transfer *t = w->ctx;

	t->work_result = 0;
	if (ftruncate(t->fd, (off_t)t->size_bytes) < 0 || fsync(t->fd) < 0)
		t->work_result = -errno;
}

static void finished(struct env_work *w)
{
	struct transfer *t = w->ctx;

	if (t->work_result < 0)
		transfer_end(t, (int)-t->work_result, "the file could not be ended: %s",
			     strerror((int)-t->work_result));
	else
		transfer_end(t, 0, "done");
}

static void piece_is_out(struct transfer *t)
{
	t->offset_bytes += t->buf_len;
	atomic_store_explicit(&t->done_bytes, t->offset_bytes, memory_order_relaxed);
	next_piece(t);
}

static void run_write(struct env_work *w)
{
	struct transfer *t = w->ctx;
	uint64_t at = t->offset_bytes + t->buf_at;
	ssize_t n;

	do {
		n = t->is_file
			? pwrite(t->fd, t->buf + t->buf_at, t->buf_len - t->buf_at, (off_t)at)
			: write(t->fd, t->buf + t->buf_at, t->buf_len - t->buf_at);
	} while (n < 0 && errno == EINTR);
	t->work_result = n < 0 ? -errno : n;
}

static void written(struct env_work *w)
{
	struct transfer *t = w->ctx;

	if (transfer_is_over(t))
		return;
	if (t->work_result == -EAGAIN) {
		transfer_wait(t, write_stream);
		return;
	}
	if (t->work_result < 0) {
		transfer_end(t, (int)-t->work_result,
			     "writing its content out failed at byte %llu: %s",
			     (unsigned long long)t->offset_bytes, strerror((int)-t->work_result));
		return;
	}
	t->wait_ms = 1;
	t->buf_at += (uint32_t)t->work_result;
	if (t->buf_at < t->buf_len)
		write_stream(t);
	else
		piece_is_out(t);
}

static void write_stream(struct transfer *t)
{
	transfer_work(t, run_write, written);
}

static void was_read(struct sluice_io *io)
{
	struct transfer *t = chain_io_owner(io);
	unsigned status = io->status;

	chain_io_put(t->chain, io);
	if (status != SLUICE_OK)
		transfer_end(t, EIO, "reading at byte %llu failed (status %u)",
			     (unsigned long long)t->offset_bytes, status);
	else
		write_stream(t);
}

static void extent_is_known(struct sluice_io *io)
{
	struct transfer *t = chain_io_owner(io);
	bool is_ok = io->status == SLUICE_OK && io->extent_bytes > 0;

	/* Who cannot tell is read. */
	t->is_hole = is_ok && io->extent_is_hole;
	t->extent_end_bytes = t->offset_bytes + (is_ok ? io->extent_bytes : io->len_bytes);
	chain_io_put(t->chain, io);
	next_piece(t);
}

static uint64_t at_most(uint64_t bytes, uint64_t limit)
{
	return bytes < limit ? bytes : limit;
}

static void next_piece(struct transfer *t)
{
	uint64_t left = t->size_bytes - t->offset_bytes;

	if (transfer_is_over(t))
		return;
	if (!left) {
		if (t->is_file)
			transfer_work(t, run_finish, finished);
		else
			transfer_end(t, 0, "done");
		return;
	}
	if (t->offset_bytes >= t->extent_end_bytes) {
		transfer_io(t, SLUICE_OP_EXTENT, at_most(left, EXTENT_MAX_BYTES), NULL,
			    extent_is_known, next_piece);
		return;
	}
	left = at_most(left, t->extent_end_bytes - t->offset_bytes);
	if (t->is_hole && t->is_file) {
		t->offset_bytes += left;
		atomic_store_explicit(&t->done_bytes, t->offset_bytes, memory_order_relaxed);
		transfer_wait(t, next_piece); /* a huge empty volume does not keep the worker */
		return;
	}
	t->buf_len = (uint32_t)at_most(left, TRANSFER_PIECE_BYTES);
	t->buf_at = 0;
	if (t->is_hole) {
		memset(t->buf, 0, t->buf_len);
		write_stream(t);
		return;
	}
	transfer_io(t, SLUICE_OP_READ, t->buf_len, t->buf, was_read, next_piece);
}

void transfer_export(struct transfer *t)
{
	t->extent_end_bytes = 0;
	next_piece(t);
}
