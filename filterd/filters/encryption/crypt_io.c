/* SPDX-License-Identifier: MIT */
/*
 * crypt_io.c - the data path: writes are encrypted into a buffer of our own, since theirs is
 * read-only and may be shared with the initiator's side; reads are decrypted where they arrived,
 * since that buffer is to be filled anyway.
 *
 * A write longer than a buffer, or one that finds no buffer, is held and written piece by piece
 * with I/O of our own:
 *
 *     submit --> buffer? --yes--> encrypt, pass on --> done: buffer back --> next that waits
 *                  |no
 *                  v
 *              FIFO --> piece: buffer, encrypt, own write --> ended: FIFO again, or complete
 *
 * UNMAP and WRITE_ZEROES pass: they make zeros below, which are holes here. Who sees the image sees
 * which blocks are in use, and when they change; dm-crypt with discards shows as much.
 */
#include <errno.h>
#include <string.h>

#include "companion.h"

#define PIECE_BYTES (1u << 20)
#define HOLD_MS     60000u /* a datastore that stalls must not look like a filter that hangs */
#define RETRY_NS    (2ull * 1000 * 1000)

/* Of one write, in its I/O context. */
struct write {
	struct flight flight; /* first; of every I/O */
	void *buf;            /* passed on with it, or of the piece under way */
	uint64_t buf_bytes;
	struct encryption *e;
	struct sluice_io *io;
	struct sluice_token *token; /* while held */
	uint64_t written_bytes;
	struct write *next;
	struct sluice_own_io own;
};

_Static_assert(sizeof(struct write) <= CRYPT_IO_CTX_BYTES, "fits in the context");

bool crypt_io_is_open(const struct encryption *e)
{
	return (e->state == STATE_UNLOCKED || e->state == STATE_CLEAR) && !companion_is_closed(e);
}

enum sluice_status crypt_io_closed_status(const struct encryption *e)
{
	if (companion_is_closed(e)) /* it is not known yet; it passes by itself */
		return SLUICE_ERR_NOT_READY;
	return e->state == STATE_DAMAGED ? SLUICE_ERR_NOT_READY : SLUICE_ERR_LOCKED;
}

static bool buf_take(struct write *w, uint64_t len_bytes)
{
	w->buf = sluice_buf_get(w->e->f, len_bytes);
	w->buf_bytes = len_bytes;
	return w->buf != NULL;
}

static void buf_give(struct write *w)
{
	sluice_buf_put(w->e->f, w->buf, w->buf_bytes);
	w->buf = NULL;
}

static int encrypt_piece(struct write *w)
{
	struct encryption *e = w->e;

	e->encrypted_bytes += w->buf_bytes;
	return map_encrypt(e, w->io->offset_bytes + w->written_bytes,
			   (const char *)w->io->buf + w->written_bytes, w->buf, w->buf_bytes);
}

/* ---------------------------------------------------------------- writes that are held */

static void wait_in_line(struct write *w)
{
	struct encryption *e = w->e;

	w->next = NULL;
	if (e->first)
		e->last->next = w;
	else
		e->first = w;
	e->last = w;
	e->waiting++;
}

static struct write *leave_line(struct encryption *e)
{
	struct write *w = e->first;

	e->first = w->next;
	e->waiting--;
	return w;
}

static void pump(struct encryption *e);

/* Its context is somebody else's afterwards. */
static void end(struct write *w, enum sluice_status status)
{
	flight_end(w->e, &w->flight);
	if (status == SLUICE_OK)
		sluice_complete(w->token);
	else
		sluice_fail(w->token, status);
}

static void piece_ended(struct sluice_own_io *own)
{
	struct write *w = own->ctx;
	struct encryption *e = w->e;

	w->written_bytes += w->buf_bytes;
	buf_give(w);
	if (own->status != SLUICE_OK)
		end(w, (enum sluice_status)own->status);
	else if (w->io->flags & SLUICE_IO_ABORTED)
		end(w, SLUICE_ERR_ABORTED);
	else if (w->written_bytes == w->io->len_bytes)
		end(w, SLUICE_OK);
	else
		wait_in_line(w);
	pump(e);
}

/* 0, -ENOMEM: later, or another error: it fails. */
static int write_piece(struct write *w)
{
	uint64_t left_bytes = w->io->len_bytes - w->written_bytes;
	int rc;

	if (!buf_take(w, left_bytes < PIECE_BYTES ? left_bytes : PIECE_BYTES))
		return -ENOMEM;
	rc = encrypt_piece(w);
	if (rc == 0) {
		w->own = (struct sluice_own_io){
		    .op = SLUICE_OP_WRITE,
		    .flags = (uint16_t)((w->io->flags & SLUICE_IO_FUA) | SLUICE_IO_URGENT),
		    .offset_bytes = w->io->offset_bytes + w->written_bytes,
		    .len_bytes = w->buf_bytes,
		    .buf = w->buf,
		    .fn = piece_ended,
		    .ctx = w};
		rc = sluice_own_submit(w->e->f, &w->own);
	}
	if (rc < 0)
		buf_give(w);
	return rc;
}

static void retry_fired(struct sluice_timer *t)
{
	pump(t->ctx);
}

static void retry_later(struct encryption *e)
{
	e->retry.fn = retry_fired;
	e->retry.ctx = e;
	sluice_timer_set(e->f, &e->retry, sluice_now_ns(e->f) + RETRY_NS);
}

static void pump(struct encryption *e)
{
	while (e->first && crypt_io_is_open(e)) {
		struct write *w = e->first;
		int rc = write_piece(w);

		if (rc == -ENOMEM) {
			retry_later(e);
			return;
		}
		leave_line(e);
		if (rc < 0)
			end(w, SLUICE_ERR_IO);
	}
	if (e->first)
		crypt_io_locked(e);
}

void crypt_io_locked(struct encryption *e)
{
	while (e->first)
		end(leave_line(e), crypt_io_closed_status(e));
}

static bool hold(struct write *w)
{
	w->token = sluice_defer(w->e->f, w->io, HOLD_MS);
	if (!w->token)
		return false;
	w->e->deferred_writes++;
	wait_in_line(w);
	pump(w->e);
	return true;
}

/* ---------------------------------------------------------------- doors */

static enum sluice_verdict write_submit(struct encryption *e, struct sluice_io *io)
{
	struct write *w = sluice_io_ctx(e->f, io);

	w->e = e;
	w->io = io;
	/* First come, first served: nobody passes those that wait. */
	if ((io->len_bytes > PIECE_BYTES || e->first || !buf_take(w, io->len_bytes)) && hold(w))
		return SLUICE_DEFER;
	/* While the chain drains there are no tokens, and it must be decided now: in one piece, if
	 * there is a buffer; BUSY is sent again. */
	if (!w->buf && !buf_take(w, io->len_bytes)) {
		io->status = SLUICE_ERR_BUSY;
		return SLUICE_FAIL;
	}
	if (encrypt_piece(w) < 0) {
		buf_give(w);
		io->status = SLUICE_ERR_IO;
		return SLUICE_FAIL;
	}
	sluice_io_swap_buf(e->f, io, w->buf);
	return SLUICE_PASS;
}

static bool is_to_be_encrypted(const struct encryption *e, const struct sluice_io *io)
{
	return io->op == SLUICE_OP_WRITE && !map_is_clear(e, io->offset_bytes, io->len_bytes);
}

enum sluice_verdict crypt_io_submit(struct sluice_filter *f, struct sluice_io *io)
{
	struct encryption *e = sluice_state(f);
	struct write *w = sluice_io_ctx(f, io);
	enum sluice_verdict v = SLUICE_PASS;

	if (io->op == SLUICE_OP_FLUSH)
		return SLUICE_PASS;
	if (io->op != SLUICE_OP_READ && io->op != SLUICE_OP_EXTENT)
		export_was_written(e);
	if (e->re && reencrypt_holds(e, io))
		return reencrypt_hold(e, &w->flight, io);
	if (companion_holds(e))
		return companion_hold(e, &w->flight, io);
	if (!crypt_io_is_open(e)) {
		io->status = (uint8_t)crypt_io_closed_status(e);
		return SLUICE_FAIL;
	}
	flight_begin(e, &w->flight, io);
	if (is_to_be_encrypted(e, io))
		v = write_submit(e, io);
	if (v == SLUICE_FAIL)
		flight_end(e, &w->flight);
	return v;
}

void crypt_io_go_on(struct encryption *e, struct flight *fl)
{
	struct write *w = (struct write *)fl;

	if (!crypt_io_is_open(e)) {
		sluice_fail(fl->token, crypt_io_closed_status(e));
	} else if (fl->io->flags & SLUICE_IO_ABORTED) {
		sluice_fail(fl->token, SLUICE_ERR_ABORTED);
	} else if (is_to_be_encrypted(e, fl->io)) {
		flight_begin(e, fl, fl->io);
		w->e = e;
		w->io = fl->io;
		w->token = fl->token;
		wait_in_line(w);
		pump(e);
	} else {
		flight_begin(e, fl, fl->io);
		sluice_resume(fl->token);
	}
}

static enum sluice_verdict read_done(struct encryption *e, struct sluice_io *io)
{
	if (!crypt_io_is_open(e)) { /* locked meanwhile */
		io->status = (uint8_t)crypt_io_closed_status(e);
		return SLUICE_FAIL;
	}
	if (map_decrypt(e, io->offset_bytes, io->buf, io->len_bytes) < 0) {
		io->status = SLUICE_ERR_IO;
		return SLUICE_FAIL;
	}
	e->decrypted_bytes += io->len_bytes;
	return SLUICE_PASS;
}

enum sluice_verdict crypt_io_done(struct sluice_filter *f, struct sluice_io *io)
{
	struct encryption *e = sluice_state(f);
	struct write *w = sluice_io_ctx(f, io);
	enum sluice_verdict v = SLUICE_PASS;

	if (w->buf)
		buf_give(w);
	if (io->op == SLUICE_OP_READ && io->status == SLUICE_OK)
		v = read_done(e, io);
	flight_end(e, &w->flight);
	if (e->first)
		pump(e);
	return v;
}
