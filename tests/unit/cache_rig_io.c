/* SPDX-License-Identifier: MIT */
/* The rig's datastore, its hook into the log's I/O, and the I/O of tests. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cache_rig.h"

/* ---------------------------------------------------------------- the datastore */

struct ending {
	struct env_msg msg;
	struct sluice_io *io;
};

static void carry_out(struct cache_store *s, struct sluice_io *io)
{
	char *at = s->memory + io->offset_bytes;

	switch (io->op) {
	case SLUICE_OP_READ:
		memcpy(io->buf, at, io->len_bytes);
		break;
	case SLUICE_OP_WRITE:
		memcpy(at, io->buf, io->len_bytes);
		break;
	case SLUICE_OP_UNMAP:
	case SLUICE_OP_WRITE_ZEROES:
		memset(at, 0, io->len_bytes);
		break;
	case SLUICE_OP_EXTENT:
		io->extent_bytes = io->len_bytes;
		io->extent_is_hole = 0;
		break;
	default:
		break;
	}
}

static void end_io(struct env_msg *m)
{
	struct ending *e = m->ctx;
	struct sluice_io *io = e->io;

	free(e);
	io->end(io);
}

static void end_later(struct cache_store *s, struct sluice_io *io)
{
	struct ending *e = calloc(1, sizeof(*e));

	assert_non_null(e);
	e->io = io;
	e->msg = (struct env_msg){.fn = end_io, .ctx = e};
	env_post(s->rig->env, &e->msg);
}

static void serve(struct cache_store *s, struct sluice_io *io)
{
	bool fails = (s->fail_at > 0 && --s->fail_at == 0) || (s->fail_ops & SLUICE_OP_BIT(io->op));

	io->status = SLUICE_OK;
	if (fails)
		io->status = s->fail_status ? s->fail_status : SLUICE_ERR_IO;
	else
		carry_out(s, io);
	end_later(s, io);
}

static void store_submit(struct backend *b, struct sluice_io *io)
{
	struct cache_store *s = (struct cache_store *)b;

	assert_true(io->offset_bytes + io->len_bytes <= s->rig->size_bytes);
	s->ios++;
	s->reads += io->op == SLUICE_OP_READ;
	s->writes += io->op == SLUICE_OP_WRITE;
	s->flushes += io->op == SLUICE_OP_FLUSH;
	s->background += (io->flags & (SLUICE_IO_OWN | SLUICE_IO_URGENT)) == SLUICE_IO_OWN;
	if (s->hold_after > 0 && --s->hold_after == 0)
		s->is_held = true;
	if (s->is_held && (s->held_ops == 0 || (s->held_ops & SLUICE_OP_BIT(io->op)))) {
		assert_true(s->held_count < 512);
		s->held[s->held_count++] = io;
		return;
	}
	serve(s, io);
}

void cache_store_release(struct cache_rig *r)
{
	struct cache_store *s = &r->store;

	s->is_held = false;
	s->hold_after = 0;
	for (uint32_t i = 0; i < s->held_count; i++)
		serve(s, s->held[i]);
	s->held_count = 0;
}

static void store_grow(struct backend *b, uint64_t new_size_bytes,
		       void (*fn)(void *ctx, int result), void *ctx)
{
	b->size_bytes = new_size_bytes;
	fn(ctx, 0);
}

void cache_store_open(struct cache_rig *r)
{
	struct cache_store *s = &r->store;

	s->rig = r;
	s->ops = (struct backend_ops){
	    .name = "rig", .op_mask = SLUICE_OPS_ALL, .submit = store_submit, .grow = store_grow};
	s->b = (struct backend){.ops = &s->ops, .size_bytes = r->size_bytes};
	s->memory = calloc(1, r->size_bytes + (1 << 20));
	assert_non_null(s->memory);
}

/* ---------------------------------------------------------------- the log's I/O */

static struct cache_rig *hooked_rig;

static void fail_io(struct env_msg *m)
{
	struct env_io *io = m->ctx;

	free(m);
	io->result = -EIO;
	io->done(io);
}

static void io_submit(struct env *e, struct env_io *io)
{
	struct cache_rig *r = hooked_rig;
	struct env_msg *m;

	r->disk.ios++;
	if (r->disk.hangs && r->disk.hung_count < 16) {
		r->disk.hung[r->disk.hung_count++] = io;
		return;
	}
	if (!r->disk.fails && (r->disk.fail_at == 0 || --r->disk.fail_at > 0)) {
		r->env_ops->io_submit(e, io);
		return;
	}
	m = calloc(1, sizeof(*m));
	assert_non_null(m);
	*m = (struct env_msg){.fn = fail_io, .ctx = io};
	env_post(e, m);
}

void cache_disk_release(struct cache_rig *r)
{
	r->disk.hangs = false;
	for (uint32_t i = 0; i < r->disk.hung_count; i++)
		r->env_ops->io_submit(r->env, r->disk.hung[i]);
	r->disk.hung_count = 0;
}

void cache_disk_hook(struct cache_rig *r)
{
	hooked_rig = r;
	r->env_ops = r->env->ops;
	r->hooked = *r->env_ops;
	r->hooked.io_submit = io_submit;
	r->env->ops = &r->hooked;
}

/* ---------------------------------------------------------------- I/O */

static void io_ended(struct sluice_io *io)
{
	struct cache_io *x = chain_io_owner(io);
	struct cache_rig *r = x->rig;

	x->status = io->status;
	x->is_done = true;
	x->io = NULL;
	r->under_way--;
	chain_io_put(r->c, io);
	if (x->fn)
		x->fn(x);
}

bool cache_io_start(struct cache_rig *r, struct cache_io *x)
{
	struct sluice_io *io = chain_io_get(r->c);

	if (!io)
		return false;
	io->op = x->op;
	io->flags = x->flags;
	io->offset_bytes = x->offset_bytes;
	io->len_bytes = x->len_bytes;
	io->buf = x->buf;
	x->rig = r;
	x->io = io;
	x->is_done = false;
	r->under_way++;
	chain_submit(r->c, io, io_ended, x);
	return true;
}

enum sluice_status cache_io(struct cache_rig *r, enum sluice_op op, uint64_t offset_bytes,
			    uint64_t len_bytes, void *buf)
{
	struct cache_io x = {
	    .op = (uint8_t)op, .offset_bytes = offset_bytes, .len_bytes = len_bytes, .buf = buf};

	assert_true(cache_io_start(r, &x));
	for (int i = 0; i < 20000 && !x.is_done; i++)
		cache_turn(r);
	assert_true(x.is_done);
	return (enum sluice_status)x.status;
}

/* Every sector says where it belongs and when it was written. */
void cache_stamp(char *buf, uint64_t offset_bytes, uint64_t len_bytes, uint32_t stamp)
{
	for (uint64_t i = 0; i < len_bytes; i += 16) {
		uint64_t words[2] = {stamp ? (offset_bytes + i) | 1 : 0, stamp};

		memcpy(buf + i, words, sizeof(words));
	}
}

bool cache_is_stamped(const char *buf, uint64_t offset_bytes, uint64_t len_bytes, uint32_t stamp)
{
	for (uint64_t i = 0; i < len_bytes; i += 16) {
		uint64_t words[2] = {stamp ? (offset_bytes + i) | 1 : 0, stamp};

		if (memcmp(buf + i, words, sizeof(words)) != 0)
			return false;
	}
	return true;
}

enum sluice_status cache_write(struct cache_rig *r, uint64_t offset_bytes, uint64_t len_bytes,
			       uint32_t stamp)
{
	char *buf = aligned_alloc(CACHE_BLOCK, (len_bytes + 4095) / 4096 * 4096);
	enum sluice_status status;

	assert_non_null(buf);
	cache_stamp(buf, offset_bytes, len_bytes, stamp);
	status = cache_io(r, SLUICE_OP_WRITE, offset_bytes, len_bytes, buf);
	free(buf);
	return status;
}

bool cache_reads(struct cache_rig *r, uint64_t offset_bytes, uint64_t len_bytes, uint32_t stamp)
{
	char *buf = aligned_alloc(CACHE_BLOCK, (len_bytes + 4095) / 4096 * 4096);
	bool is_right;

	assert_non_null(buf);
	memset(buf, 0xa5, len_bytes);
	is_right = cache_io(r, SLUICE_OP_READ, offset_bytes, len_bytes, buf) == SLUICE_OK &&
		   cache_is_stamped(buf, offset_bytes, len_bytes, stamp);
	free(buf);
	return is_right;
}
