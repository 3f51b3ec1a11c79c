/* SPDX-License-Identifier: MIT */
/*
 * glue_annex.c - the companions (sluice/companion.h) of a group's volumes: one more member of the
 * group, which is no volume but a file of the leader's.
 *
 *     member 0 .. n-1   volumes
 *     member n          n companions, one after the other, in "rannex"
 *
 * So a filter's state beside its volume is in the journal, in windows, stages, bitmaps and resyncs
 * like any other block, and in one order with them; nothing of the engine knows. The file is made
 * for its whole size without taking space. Before the first write it is one hole.
 *
 * On a replica the volume's own filter is told a moment after its companion was written: then it
 * can take what has come, and initiators need not wait for that after a promotion.
 *
 * Thread: owner worker.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "glue.h"

#define SUFFIX     "rannex"
#define PATH_BYTES 512u
#define TELL_NS    500000000ull
#define ZERO_BYTES (64u << 10)

static const _Alignas(4096) uint8_t zeros[ZERO_BYTES];

/* One own I/O of the engine's on the file. */
struct annex_io {
	struct sluice_file_io io;
	struct glue_group *gg;
	struct repl_own *own;
	uint64_t done_bytes; /* of zeros */
};

/* One call of the filter above. */
struct annex_call {
	struct repl_io io;
	struct sluice_file_io read;
	struct glue_group *gg;
	struct sluice_companion_io *c;
};

bool glue_annex_is(const struct glue_group *gg, uint16_t member)
{
	return member + 1u == gg->host.member_count;
}

/* ---------------------------------------------------------------- the file */

int glue_annex_open(struct glue_group *gg, struct sluice_error *err)
{
	uint64_t size_bytes = gg->leader->p.members * SLUICE_COMPANION_BYTES;
	char path[PATH_BYTES];
	struct sluice_file_cfg cfg = {.path = path, .size_bytes = size_bytes};
	struct stat st;
	int r = 0;

	if (sluice_sidecar_path(gg->f, SUFFIX, path, sizeof(path)) < 0) {
		snprintf(err->text, sizeof(err->text), "the path of the companions is too long");
		return -ENAMETOOLONG;
	}
	gg->annex.file = sluice_file_open(gg->f, &cfg, &r, err);
	if (!gg->annex.file)
		return r;
	gg->annex.is_empty = stat(path, &st) == 0 && st.st_blocks == 0;
	gg->annex.role = SLUICE_COMPANION_NONE;
	return 0;
}

void glue_annex_close(struct glue_group *gg)
{
	sluice_group_timer_cancel(gg->set, &gg->annex.timer);
	gg->annex.is_to_be_told = false;
	if (gg->annex.file)
		sluice_file_close(gg->annex.file);
	gg->annex.file = NULL;
}

void glue_annex_forget(struct glue_group *gg)
{
	char path[PATH_BYTES];

	if (sluice_sidecar_path(gg->f, SUFFIX, path, sizeof(path)) == 0)
		(void)remove(path); /* it may be open still: closing it may end the handle */
}

bool glue_annex_exists(const struct sluice_filter *f)
{
	char path[PATH_BYTES];

	return sluice_sidecar_path(f, SUFFIX, path, sizeof(path)) == 0 && access(path, F_OK) == 0;
}

/* ---------------------------------------------------------------- the engine's I/O */

static void own_end(struct annex_io *a, int result)
{
	struct repl_own *o = a->own;

	free(a);
	o->status = result == 0 ? SLUICE_OK : SLUICE_ERR_IO;
	o->fn(o);
}

static void synced(struct sluice_file_io *io)
{
	own_end(io->ctx, io->result);
}

static void file_io(struct annex_io *a, enum sluice_file_op op, uint64_t offset_bytes,
		    uint64_t len_bytes, void *buf, void (*fn)(struct sluice_file_io *io))
{
	a->io = (struct sluice_file_io){.op = op,
					.offset_bytes = offset_bytes,
					.len_bytes = len_bytes,
					.buf = buf,
					.fn = fn,
					.ctx = a};
	sluice_file_submit(a->gg->annex.file, &a->io);
}

/* What is written is always made persistent: it is little. */
static void written(struct sluice_file_io *io)
{
	struct annex_io *a = io->ctx;

	if (io->result)
		own_end(a, io->result);
	else
		file_io(a, SLUICE_FILE_SYNC, 0, 0, NULL, synced);
}

/* Zeros are written rather than punched: they may be there to destroy what was under them. */
static void zero_on(struct sluice_file_io *io)
{
	struct annex_io *a = io->ctx;
	const struct repl_own *o = a->own;
	uint64_t left = o->len_bytes - a->done_bytes, n = left < ZERO_BYTES ? left : ZERO_BYTES;

	if (io->result || left == 0) {
		written(io);
		return;
	}
	a->done_bytes += n;
	file_io(a, SLUICE_FILE_WRITE, o->offset_bytes + a->done_bytes - n, n,
		(void *)(uintptr_t)zeros, zero_on);
}

static void tell_tick(struct sluice_timer *t);

static void was_written(struct glue_group *gg)
{
	gg->annex.is_empty = false;
	if (gg->annex.role == SLUICE_COMPANION_PRIMARY || gg->annex.is_to_be_told)
		return;
	gg->annex.is_to_be_told = true;
	gg->annex.timer.fn = tell_tick;
	gg->annex.timer.ctx = gg;
	sluice_group_timer_set(gg->set, &gg->annex.timer, sluice_group_now_ns(gg->set) + TELL_NS);
}

static void begin(struct annex_io *a)
{
	struct repl_own *o = a->own;

	switch (o->op) {
	case SLUICE_OP_READ:
		file_io(a, SLUICE_FILE_READ, o->offset_bytes, o->len_bytes, o->buf, synced);
		return;
	case SLUICE_OP_WRITE:
		was_written(a->gg);
		file_io(a, SLUICE_FILE_WRITE, o->offset_bytes, o->len_bytes, o->buf, written);
		return;
	case SLUICE_OP_UNMAP:
	case SLUICE_OP_WRITE_ZEROES:
		if (!a->gg->annex.is_empty) {
			was_written(a->gg);
			zero_on(&a->io);
			return;
		}
		/* fall through */
	default:
		file_io(a, SLUICE_FILE_SYNC, 0, 0, NULL, synced);
	}
}

bool glue_annex_own(struct glue_group *gg, struct repl_own *o)
{
	struct annex_io *a = gg->annex.file ? calloc(1, sizeof(*a)) : NULL;

	if (!a)
		return false;
	a->gg = gg;
	a->own = o;
	a->io.ctx = a;
	o->extent_bytes = o->len_bytes;
	o->extent_is_hole = gg->annex.is_empty;
	begin(a);
	return true;
}

/* ---------------------------------------------------------------- the filter above */

static void call_end(struct annex_call *k, int result)
{
	struct sluice_companion_io *c = k->c;

	free(k);
	c->result = result;
	c->fn(c);
}

static void call_read(struct sluice_file_io *io)
{
	struct annex_call *k = io->ctx;

	k->gg->annex.reads--;
	call_end(k, io->result);
}

static void call_wrote(struct repl_io *io)
{
	enum sluice_status s = (enum sluice_status)io->status;

	call_end(io->ctx, s == SLUICE_OK             ? 0
			  : s == SLUICE_ERR_NO_SPACE ? -ENOSPC
			  : s == SLUICE_ERR_IO       ? -EIO
						     : -EBUSY);
}

static void call_begin(struct glue_volume *v, struct sluice_companion_io *c)
{
	struct glue_group *gg = v->gg;
	struct annex_call *k = calloc(1, sizeof(*k));
	uint64_t at = v->p.member * SLUICE_COMPANION_BYTES + c->offset_bytes;

	if (!k || gg->state != GLUE_OPEN || !gg->annex.file ||
	    c->offset_bytes + c->len_bytes > SLUICE_COMPANION_BYTES ||
	    (c->op == SLUICE_COMPANION_WRITE && v->is_draining && !group_may_read(gg->g))) {
		free(k);
		c->result = k ? -EBUSY : -ENOMEM;
		c->fn(c);
		return;
	}
	k->c = c;
	k->gg = gg;
	if (c->op == SLUICE_COMPANION_READ) {
		k->read = (struct sluice_file_io){.op = SLUICE_FILE_READ,
						  .offset_bytes = at,
						  .len_bytes = c->len_bytes,
						  .buf = c->buf,
						  .fn = call_read,
						  .ctx = k};
		gg->annex.reads++;
		sluice_file_submit(gg->annex.file, &k->read);
		return;
	}
	k->io = (struct repl_io){.op = SLUICE_OP_WRITE,
				 .member = (uint16_t)(gg->host.member_count - 1),
				 .offset_bytes = at,
				 .len_bytes = c->len_bytes,
				 .buf = c->buf,
				 .end = call_wrote,
				 .ctx = k};
	group_submit(gg->g, &k->io);
}

/* The caller must not hear of it before its call has returned. */
static void calls_tick(struct sluice_timer *t)
{
	struct glue_volume *v = t->ctx;
	struct sluice_companion_io *c = v->call_first;

	v->call_first = NULL;
	while (c) {
		struct sluice_companion_io *next = c->next;

		call_begin(v, c);
		c = next;
	}
}

static void submit(struct sluice_filter *f, struct sluice_companion_io *c)
{
	struct glue_volume *v = sluice_state(f);
	struct sluice_companion_io **at = &v->call_first;

	while (*at)
		at = &(*at)->next;
	*at = c;
	v->call_timer.fn = calls_tick;
	v->call_timer.ctx = v;
	sluice_timer_set(f, &v->call_timer, sluice_now_ns(f));
}

void glue_annex_attach(struct glue_volume *v)
{
	sluice_companion_keep(v->f, submit);
}

void glue_annex_detach(struct glue_volume *v)
{
	struct sluice_companion_io *c = v->call_first;

	sluice_timer_cancel(v->f, &v->call_timer);
	v->call_first = NULL;
	while (c) {
		struct sluice_companion_io *next = c->next;

		c->result = -EBUSY;
		c->fn(c);
		c = next;
	}
}

/* ---------------------------------------------------------------- who writes */

static void tell(struct glue_group *gg)
{
	for (uint32_t m = 0; m < REPL_MEMBERS_MAX; m++)
		if (gg->members[m] && !gg->members[m]->is_gone)
			sluice_companion_tell(gg->members[m]->f,
					      (enum sluice_companion_role)gg->annex.role);
}

static void tell_tick(struct sluice_timer *t)
{
	struct glue_group *gg = t->ctx;

	gg->annex.is_to_be_told = false;
	if (gg->state == GLUE_OPEN && gg->annex.role != SLUICE_COMPANION_PRIMARY)
		tell(gg);
}

/* A primary that holds its I/O is one still; one that has not been confirmed after a start is not
 * one yet. */
void glue_annex_look(struct glue_group *gg)
{
	uint8_t role = gg->annex.role;

	if (gg->state != GLUE_OPEN)
		return;
	if (!node_is_primary(group_node(gg->g)))
		role = SLUICE_COMPANION_REPLICA;
	else if (gg->is_serving)
		role = SLUICE_COMPANION_PRIMARY;
	if (role == gg->annex.role)
		return;
	gg->annex.role = role;
	tell(gg);
}

void glue_annex_stop(struct glue_group *gg)
{
	gg->annex.role = SLUICE_COMPANION_REPLICA;
	tell(gg);
}
