// SPDX-License-Identifier: MIT
/*
 * seam.c - the faults of seam.h: another function in a filter's table, or in place of one that its
 * plug-in calls.
 */
#include "seam.h"

#include <string.h>

#include "sluice/companion.h"

int seam_mutation;

static struct sluice_filter_ops real; /* the one with the fault, as it was */

static bool is_on(enum seam_mutation m)
{
	return seam_mutation == (int)m;
}

/* ---------------------------------------------------------------- calls of replication */

int __wrap_sluice_own_submit(struct sluice_filter *f, struct sluice_own_io *own);
int __wrap_sluice_own_submit(struct sluice_filter *f, struct sluice_own_io *own)
{
	if (is_on(SEAM_MUTATION_REPLICATION_OWN_NOT_FUA))
		own->flags &= (uint16_t)~SLUICE_IO_FUA;
	if (is_on(SEAM_MUTATION_REPLICATION_OWN_FLUSH_SKIPPED) && own->op == SLUICE_OP_FLUSH) {
		own->op = SLUICE_OP_EXTENT; /* so that the answer comes in its time */
		own->offset_bytes = 0;
		own->len_bytes = 4096;
	}
	return sluice_own_submit(f, own);
}

/* ---------------------------------------------------------------- calls of encryption */

int __wrap_sluice_companion_submit(struct sluice_filter *user, struct sluice_companion_io *io);
int __wrap_sluice_companion_submit(struct sluice_filter *user, struct sluice_companion_io *io)
{
	/* What is read there is what is written back: nothing changes. */
	if (is_on(SEAM_MUTATION_ENCRYPTION_COMPANION_SKIPPED) && io->op == SLUICE_COMPANION_WRITE)
		io->op = SLUICE_COMPANION_READ;
	return sluice_companion_submit(user, io);
}

/* ---------------------------------------------------------------- tables */

static enum sluice_verdict submit_passes_reads(struct sluice_filter *f, struct sluice_io *io)
{
	return io->op == SLUICE_OP_READ ? SLUICE_PASS : real.submit(f, io);
}

static enum sluice_verdict submit_passes_writes(struct sluice_filter *f, struct sluice_io *io)
{
	return io->op == SLUICE_OP_WRITE ? SLUICE_PASS : real.submit(f, io);
}

static enum sluice_verdict done_passes(struct sluice_filter *f, struct sluice_io *io)
{
	return SLUICE_PASS;
}

static enum sluice_verdict submit_skips_flush(struct sluice_filter *f, struct sluice_io *io)
{
	return io->op == SLUICE_OP_FLUSH ? SLUICE_COMPLETE : real.submit(f, io);
}

static enum sluice_verdict done_knows_flush(struct sluice_filter *f, struct sluice_io *io)
{
	return io->op == SLUICE_OP_FLUSH || !real.done ? SLUICE_PASS : real.done(f, io);
}

static enum sluice_verdict submit_loses_fua(struct sluice_filter *f, struct sluice_io *io)
{
	io->flags &= (uint16_t)~SLUICE_IO_FUA;
	return real.submit(f, io);
}

static enum sluice_verdict done_passes_writes(struct sluice_filter *f, struct sluice_io *io)
{
	return io->op == SLUICE_OP_WRITE || !real.done ? SLUICE_PASS : real.done(f, io);
}

/* The hundredth one, and every hundredth after it. */
static enum sluice_verdict submit_loses_one(struct sluice_filter *f, struct sluice_io *io)
{
	static uint32_t count;

	if (io->op == SLUICE_OP_WRITE && ++count % 100 == 0) {
		io->status = SLUICE_OK;
		return SLUICE_COMPLETE;
	}
	return real.submit(f, io);
}

static enum sluice_verdict done_knows_lost(struct sluice_filter *f, struct sluice_io *io)
{
	return real.done ? real.done(f, io) : SLUICE_PASS;
}

static const struct {
	enum seam_mutation m;
	const char *filter;
	enum sluice_verdict (*submit)(struct sluice_filter *f, struct sluice_io *io);
	enum sluice_verdict (*done)(struct sluice_filter *f, struct sluice_io *io);
} faults[] = {
    {SEAM_MUTATION_ENCRYPTION_WRITES_PASS, "encryption", submit_passes_writes, done_passes_writes},
    {SEAM_MUTATION_ENCRYPTION_READS_PASS, "encryption", submit_passes_reads, done_passes},
    {SEAM_MUTATION_CACHE_FUA_LOST, "cache", submit_loses_fua, NULL},
    {SEAM_MUTATION_CACHE_FLUSH_SKIPPED, "cache", submit_skips_flush, done_knows_flush},
    {SEAM_MUTATION_CACHE_WRITES_PASS, "cache", submit_passes_writes, done_passes_writes},
    {SEAM_MUTATION_IO_CONTROL_LOSES_ONE, "io_control", submit_loses_one, done_knows_lost},
    {SEAM_MUTATION_IO_CONTROL_FLUSH_SKIPPED, "io_control", submit_skips_flush, done_knows_flush},
};

void seam_table(struct sluice_filter_ops *ops)
{
	for (uint32_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
		if (!is_on(faults[i].m) || strcmp(ops->name, faults[i].filter) != 0)
			continue;
		real = *ops;
		ops->submit = faults[i].submit;
		if (faults[i].done)
			ops->done = faults[i].done;
	}
	if (is_on(SEAM_MUTATION_CACHE_NOT_SETTLED) && strcmp(ops->name, "cache") == 0) {
		ops->settle = NULL;
		ops->event = NULL;
	}
}
