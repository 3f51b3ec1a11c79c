/* SPDX-License-Identifier: MIT */
#include "bounce.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MEMORY_ALIGN_BYTES 4096u

enum phase { PHASE_READ_WINDOW, PHASE_READ_FIRST, PHASE_READ_LAST, PHASE_WRITE };

static void on_io(struct env_io *io);

int bounce_open(struct bounce *b, struct env *env, struct env_file *file, struct err *err)
{
	uint32_t align = file->align_bytes;
	void *memory;

	*b = (struct bounce){.env = env, .file = file, .align_bytes = align};
	list_init(&b->waiting);
	if (align > BOUNCE_BYTES || (align & (align - 1)))
		return err_set(err, EINVAL, "path",
			       "direct I/O there wants an alignment of %u bytes; at most %u are "
			       "supported, so use buffered I/O",
			       align, BOUNCE_BYTES);
	if (posix_memalign(&memory, align > MEMORY_ALIGN_BYTES ? align : MEMORY_ALIGN_BYTES,
			   (size_t)BOUNCE_BUFFERS * BOUNCE_BYTES))
		return err_set(err, ENOMEM, "", "no memory for %u bytes of bounce buffers",
			       BOUNCE_BUFFERS * BOUNCE_BYTES);
	b->memory = memory;
	for (uint32_t i = 0; i < BOUNCE_BUFFERS; i++)
		b->free[b->free_count++] = b->memory + (size_t)i * BOUNCE_BYTES;
	return 0;
}

void bounce_close(struct bounce *b)
{
	if (!b->memory)
		return;
	assert(b->free_count == BOUNCE_BUFFERS && list_is_empty(&b->waiting));
	free(b->memory);
	b->memory = NULL;
}

static void submit(struct bounce_req *r, enum phase phase, enum env_io_op op, uint64_t offset_bytes,
		   uint64_t len_bytes)
{
	r->phase = (uint8_t)phase;
	r->io.op = op;
	r->io.is_durable = false;
	r->io.file = r->file ? r->file : r->bounce->file;
	r->io.buf = r->buf + (offset_bytes - r->start_bytes);
	r->io.offset_bytes = offset_bytes;
	r->io.len_bytes = len_bytes;
	r->io.done = on_io;
	r->io.ctx = r;
	env_io_submit(r->bounce->env, &r->io);
}

/* The part of the request that lies in the window. */
static uint64_t part_start(const struct bounce_req *r)
{
	return r->offset_bytes + r->done_bytes;
}

static uint64_t part_end(const struct bounce_req *r)
{
	uint64_t end_bytes = r->offset_bytes + r->len_bytes;

	return end_bytes < r->end_bytes ? end_bytes : r->end_bytes;
}

static void window_write(struct bounce_req *r)
{
	uint8_t *to = r->buf + (part_start(r) - r->start_bytes);
	uint64_t len_bytes = part_end(r) - part_start(r);

	if (r->op == BOUNCE_ZERO)
		memset(to, 0, len_bytes);
	else
		memcpy(to, r->user + r->done_bytes, len_bytes);
	submit(r, PHASE_WRITE, ENV_IO_WRITE, r->start_bytes, r->end_bytes - r->start_bytes);
}

static void last_read(struct bounce_req *r)
{
	uint64_t align = r->bounce->align_bytes;

	if (part_end(r) == r->end_bytes)
		window_write(r);
	else
		submit(r, PHASE_READ_LAST, ENV_IO_READ, r->end_bytes - align, align);
}

static void window_begin(struct bounce_req *r)
{
	uint64_t align = r->bounce->align_bytes;
	uint64_t end_bytes = r->offset_bytes + r->len_bytes;
	bool is_one_block;

	r->start_bytes = part_start(r) & ~(align - 1);
	r->end_bytes = (end_bytes + align - 1) & ~(align - 1);
	if (r->end_bytes - r->start_bytes > BOUNCE_BYTES)
		r->end_bytes = r->start_bytes + BOUNCE_BYTES;
	if (r->op == BOUNCE_READ) {
		submit(r, PHASE_READ_WINDOW, ENV_IO_READ, r->start_bytes,
		       r->end_bytes - r->start_bytes);
		return;
	}
	is_one_block = r->end_bytes - r->start_bytes == align;
	if (part_start(r) != r->start_bytes || (is_one_block && part_end(r) != r->end_bytes))
		submit(r, PHASE_READ_FIRST, ENV_IO_READ, r->start_bytes, align);
	else
		last_read(r);
}

static void request_begin(struct bounce_req *r)
{
	struct bounce *b = r->bounce;

	assert(b->free_count > 0);
	r->buf = b->free[--b->free_count];
	window_begin(r);
}

static void request_end(struct bounce_req *r, int result)
{
	struct bounce *b = r->bounce;
	struct list_node *n;

	b->free[b->free_count++] = r->buf;
	r->buf = NULL;
	n = list_pop_front(&b->waiting);
	if (n)
		request_begin(list_entry(n, struct bounce_req, node));
	r->fn(r, result);
}

static void on_io(struct env_io *io)
{
	struct bounce_req *r = io->ctx;

	if (io->result) {
		request_end(r, io->result);
		return;
	}
	switch ((enum phase)r->phase) {
	case PHASE_READ_FIRST:
		if (r->end_bytes - r->start_bytes == r->bounce->align_bytes)
			window_write(r);
		else
			last_read(r);
		return;
	case PHASE_READ_LAST:
		window_write(r);
		return;
	case PHASE_READ_WINDOW:
		memcpy(r->user + r->done_bytes, r->buf + (part_start(r) - r->start_bytes),
		       part_end(r) - part_start(r));
		break;
	case PHASE_WRITE:
		break;
	}
	r->done_bytes = part_end(r) - r->offset_bytes;
	if (r->done_bytes == r->len_bytes)
		request_end(r, 0);
	else
		window_begin(r);
}

void bounce_submit(struct bounce *b, struct bounce_req *r)
{
	assert(b->memory && r->len_bytes > 0);
	r->bounce = b;
	r->done_bytes = 0;
	if (b->free_count == 0)
		list_push_back(&b->waiting, &r->node);
	else
		request_begin(r);
}
