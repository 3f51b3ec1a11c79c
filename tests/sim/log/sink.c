// SPDX-License-Identifier: MIT
// sink.c - the datastore's side of destaging: blocks to the sink's device, some at once, some
// later.
#include <assert.h>
#include <errno.h>

#include "lab.h"

static enum env_io_op sink_op(const struct sluice_rlog_sink_io *io)
{
	switch (io->op) {
	case SLUICE_RLOG_SINK_WRITE:
		return ENV_IO_WRITE;
	case SLUICE_RLOG_SINK_ZERO:
		return ENV_IO_ZERO;
	case SLUICE_RLOG_SINK_FLUSH:
		return ENV_IO_SYNC;
	}
	assert(!"an operation that the sink's contract does not have");
	return ENV_IO_SYNC;
}

static void sink_done(struct env_io *env_io)
{
	struct lab_sink_io *x = env_io->ctx;
	struct sluice_rlog_sink_io *io = x->of;

	x->of = NULL;
	x->lab->sink_busy--;
	io->result = env_io->result;
	io->fn(io);
}

static struct lab_sink_io *sink_slot(struct lab *l)
{
	for (uint32_t i = 0; i < LAB_SINK_IOS; i++)
		if (!l->sink_ios[i].of)
			return &l->sink_ios[i];
	assert(!"the sink has fewer slots than the log may use");
	return NULL;
}

static void sink_submit(void *ctx, struct sluice_rlog_sink_io *io)
{
	struct lab *l = ctx;
	struct lab_sink_io *x = sink_slot(l);

	if (++l->sink_busy > l->opt.sink_ios)
		lab_fail(l, "sink: %u operations at once, %u are allowed", l->sink_busy,
			 l->opt.sink_ios);
	if (io->op != SLUICE_RLOG_SINK_FLUSH &&
	    (io->block_count == 0 || io->block + io->block_count > ORACLE_BLOCKS)) {
		lab_fail(l, "sink: blocks %llu + %llu were never written",
			 (unsigned long long)io->block, (unsigned long long)io->block_count);
		io->block_count = 1;
		io->block = 0;
	}
	*x = (struct lab_sink_io){.of = io, .lab = l};
	x->io.op = sink_op(io);
	x->io.file = &l->devices[DEVICE_SINK].file;
	x->io.buf = (void *)(uintptr_t)io->buf;
	if (io->op != SLUICE_RLOG_SINK_FLUSH) {
		x->io.offset_bytes = io->block * LAB_BLOCK_BYTES;
		x->io.len_bytes = io->block_count * LAB_BLOCK_BYTES;
	}
	x->io.done = sink_done;
	x->io.ctx = x;
	if (rng_pct(&l->rng, l->opt.sink_now_pct))
		log_env_do_now(&l->env, &x->io);
	else
		env_io_submit(&l->env.env, &x->io);
}

void sink_init(struct lab *l)
{
	for (uint32_t i = 0; i < LAB_SINK_IOS; i++)
		l->sink_ios[i].of = NULL;
	l->sink_busy = 0;
	l->journal_sink =
	    (struct sluice_rlog_sink){.submit = sink_submit, .ctx = l, .max_ios = l->opt.sink_ios};
	l->sink = l->journal_sink;
}

static void flushed(struct env_io *io)
{
	*(bool *)io->ctx = true;
}

enum lab_end sink_flush(struct lab *l)
{
	static struct env_io io; /* outlives a process that dies meanwhile */
	static bool is_done;

	is_done = false;
	io = (struct env_io){.op = ENV_IO_SYNC,
			     .file = &l->devices[DEVICE_SINK].file,
			     .done = flushed,
			     .ctx = &is_done};
	env_io_submit(&l->env.env, &io);
	return lab_await(l, &is_done);
}
