/* SPDX-License-Identifier: MIT */
#include "transfer.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "transfer_int.h"

#define BUF_ALIGN_BYTES 4096u
#define WAIT_FIRST_MS   1u
#define WAIT_MAX_MS     100u
#define NS_PER_MS       1000000ull

void transfer_end(struct transfer *t, int code, const char *fmt, ...)
{
	struct err err = {0};
	char text[300];
	va_list ap;

	free(t->buf);
	t->buf = NULL;
	if (!code) {
		t->done(t, 0, NULL);
		return;
	}
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	err_set(&err, code, "", "volume %s: %s", t->volume, text);
	t->done(t, -code, &err);
}

bool transfer_is_over(struct transfer *t)
{
	if (!atomic_load_explicit(&t->must_cancel, memory_order_relaxed))
		return false;
	transfer_end(t, ECANCELED, "the %s was cancelled at byte %llu of %llu",
		     t->direction == TRANSFER_IMPORT ? "import" : "export",
		     (unsigned long long)t->offset_bytes, (unsigned long long)t->size_bytes);
	return true;
}

static void timer_fired(struct env_timer *timer)
{
	struct transfer *t = timer->ctx;

	if (!transfer_is_over(t))
		t->next(t);
}

void transfer_wait(struct transfer *t, void (*next)(struct transfer *t))
{
	t->next = next;
	t->timer.fn = timer_fired;
	t->timer.ctx = t;
	env_timer_set(t->env, &t->timer, env_now_ns(t->env) + t->wait_ms * NS_PER_MS);
	t->wait_ms = t->wait_ms * 2 < WAIT_MAX_MS ? t->wait_ms * 2 : WAIT_MAX_MS;
}

void transfer_work(struct transfer *t, void (*run)(struct env_work *w),
		   void (*next)(struct env_work *w))
{
	t->work.run = run;
	t->work.done = next;
	t->work.ctx = t;
	env_work_submit(t->env, &t->work);
}

bool transfer_io(struct transfer *t, uint8_t op, uint64_t len_bytes, void *buf,
		 void (*ended)(struct sluice_io *io), void (*again)(struct transfer *t))
{
	struct sluice_io *io = chain_io_get(t->chain);

	if (!io) {
		transfer_wait(t, again);
		return false;
	}
	t->wait_ms = WAIT_FIRST_MS;
	io->op = op;
	io->flags = op == SLUICE_OP_WRITE_ZEROES ? SLUICE_IO_MAY_UNMAP : 0;
	io->offset_bytes = op == SLUICE_OP_FLUSH ? 0 : t->offset_bytes;
	io->len_bytes = len_bytes;
	io->buf = buf;
	chain_submit(t->chain, io, ended, t);
	return true;
}

void transfer_start(struct transfer *t, struct env *env, struct chain *chain, const char *volume,
		    uint32_t block_bytes)
{
	t->env = env;
	t->chain = chain;
	t->volume = volume;
	t->block_bytes = block_bytes;
	t->size_bytes = chain_size_bytes(chain);
	t->offset_bytes = 0;
	t->wait_ms = WAIT_FIRST_MS;
	if (posix_memalign((void **)&t->buf, BUF_ALIGN_BYTES, TRANSFER_PIECE_BYTES)) {
		t->buf = NULL;
		transfer_end(t, ENOMEM, "no memory for a buffer of %u bytes", TRANSFER_PIECE_BYTES);
	} else if (t->direction == TRANSFER_IMPORT) {
		transfer_import(t);
	} else {
		transfer_export(t);
	}
}
