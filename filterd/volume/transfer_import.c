/* SPDX-License-Identifier: MIT */
/* transfer_import.c - a descriptor's content into a volume; see transfer.h. Thread: owner worker,
 * but run_read(): a helper. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "transfer_int.h"

#define ZEROES_MAX_BYTES (1ull << 30)

static void read_more(struct transfer *t);
static void write_run(struct transfer *t);
static void zero_rest(struct transfer *t);

/* Bytes that the input has given so far. */
static uint64_t taken_bytes(const struct transfer *t)
{
	return t->offset_bytes + t->buf_len - t->buf_at;
}

static void was_flushed(struct sluice_io *io)
{
	struct transfer *t = chain_io_owner(io);
	unsigned status = io->status;

	chain_io_put(t->chain, io);
	if (status != SLUICE_OK) {
		transfer_end(t, EIO, "the flush at the end failed (status %u)", status);
		return;
	}
	atomic_store_explicit(&t->done_bytes, t->size_bytes, memory_order_relaxed);
	transfer_end(t, 0, "done");
}

static void flush(struct transfer *t)
{
	transfer_io(t, SLUICE_OP_FLUSH, 0, NULL, was_flushed, flush);
}

/* ---------------------------------------------------------------- writing */

/* The run of zeros, or of anything else, that begins at p, in steps of TRANSFER_ZERO_BYTES. */
static uint32_t run_len(const uint8_t *p, uint32_t len, bool *is_zero)
{
	static const uint8_t zeros[TRANSFER_ZERO_BYTES];
	uint32_t at = 0;

	while (at < len) {
		uint32_t step = len - at < TRANSFER_ZERO_BYTES ? len - at : TRANSFER_ZERO_BYTES;
		bool is_step_zero = memcmp(p + at, zeros, step) == 0;

		if (at == 0)
			*is_zero = is_step_zero;
		else if (is_step_zero != *is_zero)
			break;
		at += step;
	}
	return at;
}

static void was_written(struct sluice_io *io)
{
	struct transfer *t = chain_io_owner(io);
	unsigned status = io->status;
	uint64_t len_bytes = io->len_bytes;

	chain_io_put(t->chain, io);
	if (status != SLUICE_OK) {
		transfer_end(t, status == SLUICE_ERR_NO_SPACE ? ENOSPC : EIO,
			     status == SLUICE_ERR_NO_SPACE
				 ? "the datastore is full at byte %llu of the import (status %u)"
				 : "writing at byte %llu failed (status %u)",
			     (unsigned long long)t->offset_bytes, status);
		return;
	}
	t->offset_bytes += len_bytes;
	t->buf_at += (uint32_t)len_bytes;
	atomic_store_explicit(&t->done_bytes, t->offset_bytes, memory_order_relaxed);
	if (transfer_is_over(t))
		return;
	if (t->buf_at < t->buf_len)
		write_run(t);
	else
		read_more(t);
}

static void write_run(struct transfer *t)
{
	bool is_zero = false;
	uint32_t len = run_len(t->buf + t->buf_at, t->buf_len - t->buf_at, &is_zero);
	bool may_zero = chain_op_mask(t->chain) & SLUICE_OP_BIT(SLUICE_OP_WRITE_ZEROES);

	transfer_io(t, is_zero && may_zero ? SLUICE_OP_WRITE_ZEROES : SLUICE_OP_WRITE, len,
		    is_zero && may_zero ? NULL : t->buf + t->buf_at, was_written, write_run);
}

/* What the input did not bring reads as zeros: nothing of an older content stays behind it. */
static void was_zeroed(struct sluice_io *io)
{
	struct transfer *t = chain_io_owner(io);
	unsigned status = io->status;
	uint64_t len_bytes = io->len_bytes;

	chain_io_put(t->chain, io);
	if (status != SLUICE_OK) {
		transfer_end(t, EIO, "clearing the rest at byte %llu failed (status %u)",
			     (unsigned long long)t->offset_bytes, status);
		return;
	}
	t->offset_bytes += len_bytes;
	atomic_store_explicit(&t->done_bytes, t->offset_bytes, memory_order_relaxed);
	if (!transfer_is_over(t))
		transfer_wait(t, zero_rest); /* a huge volume does not keep the worker */
}

static void zero_rest(struct transfer *t)
{
	uint64_t left = t->size_bytes - t->offset_bytes;
	bool may_zero = chain_op_mask(t->chain) & SLUICE_OP_BIT(SLUICE_OP_WRITE_ZEROES);
	uint64_t step = may_zero ? ZEROES_MAX_BYTES : TRANSFER_PIECE_BYTES;

	if (!left) {
		flush(t);
		return;
	}
	if (!may_zero)
		memset(t->buf, 0, TRANSFER_PIECE_BYTES);
	t->buf_at = t->buf_len = 0;
	transfer_io(t, may_zero ? SLUICE_OP_WRITE_ZEROES : SLUICE_OP_WRITE,
		    left < step ? left : step, may_zero ? NULL : t->buf, was_zeroed, zero_rest);
}

/* ---------------------------------------------------------------- reading */

static void input_has_ended(struct transfer *t)
{
	uint64_t got = taken_bytes(t);
	uint32_t over = t->buf_len % t->block_bytes;

	if (t->expected_bytes && got != t->expected_bytes) {
		transfer_end(t, EPIPE, "the input ended after %llu of %llu bytes",
			     (unsigned long long)got, (unsigned long long)t->expected_bytes);
		return;
	}
	t->is_at_end = true;
	if (over) { /* the last block is filled up with zeros */
		memset(t->buf + t->buf_len, 0, t->block_bytes - over);
		t->buf_len += t->block_bytes - over;
	}
	if (t->buf_len)
		write_run(t);
	else
		zero_rest(t);
}

static void run_read(struct env_work *w)
{
	struct transfer *t = w->ctx;
	uint8_t beyond; /* a full volume takes nothing more; is there more? */
	bool is_full = t->offset_bytes + t->buf_len == t->size_bytes;
	uint64_t room = t->size_bytes - t->offset_bytes - t->buf_len;
	size_t want = TRANSFER_PIECE_BYTES - t->buf_len;
	ssize_t n;

	if (want > room)
		want = room;
	do {
		n = is_full ? read(t->fd, &beyond, 1) : read(t->fd, t->buf + t->buf_len, want);
	} while (n < 0 && errno == EINTR);
	t->work_result = n < 0 ? -errno : is_full && n > 0 ? -EFBIG : n;
}

static void fill(struct transfer *t);

static void was_filled(struct env_work *w)
{
	struct transfer *t = w->ctx;

	if (transfer_is_over(t))
		return;
	if (t->work_result == -EAGAIN) {
		transfer_wait(t, fill);
	} else if (t->work_result == -EFBIG) {
		transfer_end(t, EFBIG, "the input has more than the volume's %llu bytes",
			     (unsigned long long)t->size_bytes);
	} else if (t->work_result < 0) {
		transfer_end(t, (int)-t->work_result,
			     "reading the input failed after %llu bytes: %s",
			     (unsigned long long)taken_bytes(t), strerror((int)-t->work_result));
	} else if (t->work_result == 0) {
		input_has_ended(t);
	} else {
		t->wait_ms = 1;
		t->buf_len += (uint32_t)t->work_result;
		if (t->buf_len < TRANSFER_PIECE_BYTES)
			fill(t);
		else
			write_run(t);
	}
}

/* Until the buffer is full or the input ends, so that all but the last piece are whole blocks. */
static void fill(struct transfer *t)
{
	transfer_work(t, run_read, was_filled);
}

static void read_more(struct transfer *t)
{
	if (t->is_at_end) {
		zero_rest(t);
		return;
	}
	t->buf_len = t->buf_at = 0;
	fill(t);
}

void transfer_import(struct transfer *t)
{
	t->is_at_end = false;
	read_more(t);
}
