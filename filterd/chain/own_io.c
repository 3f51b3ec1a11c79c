/* SPDX-License-Identifier: MIT */
/*
 * own_io.c - a filter's own I/O: it enters below the filter and ends there.
 *
 * It goes on while the chain drains, since a drain may need it (a cache writes back), and waits
 * while the chain is held. Its fn() never comes before sluice_own_submit() has returned to the
 * filter.
 */
#include <errno.h>

#include "chain_int.h"

static void start(struct sluice_filter *f, struct sluice_own_io *own)
{
	struct chain *c = f->chain;
	struct chain_io *cio = pool_own_get(c);
	struct sluice_io *io = &cio->io;

	cio->own = own;
	cio->own_filter = f;
	cio->top = (uint8_t)(f->index + 1);
	io->op = own->op;
	io->flags = own->flags | SLUICE_IO_OWN;
	io->offset_bytes = own->offset_bytes;
	io->len_bytes = own->len_bytes;
	io->buf = own->buf;
	io->id = c->next_id++;
	io->start_ns = env_now_ns(c->env);
	walk_start(cio);
}

static void wait_for_release(struct sluice_filter *f, struct sluice_own_io *own)
{
	own->host = NULL;
	if (f->own_first)
		f->own_last->host = own;
	else
		f->own_first = own;
	f->own_last = own;
}

static struct sluice_own_io *take_waiting(struct sluice_filter *f)
{
	struct sluice_own_io *own = f->own_first;

	if (own)
		f->own_first = own->host;
	return own;
}

static bool is_in_volume(const struct chain *c, const struct sluice_own_io *own)
{
	if (own->op == SLUICE_OP_FLUSH)
		return true;
	return own->len_bytes != 0 && own->offset_bytes % c->block_bytes == 0 &&
	       own->len_bytes % c->block_bytes == 0 && own->len_bytes <= c->size_bytes &&
	       own->offset_bytes <= c->size_bytes - own->len_bytes;
}

int sluice_own_submit(struct sluice_filter *f, struct sluice_own_io *own)
{
	struct chain *c = f->chain;

	if (!f->is_attached)
		return -EAGAIN;
	if (own->op >= SLUICE_OP_COUNT || !(f->below_mask & SLUICE_OP_BIT(own->op)))
		return -EOPNOTSUPP;
	if (!is_in_volume(c, own))
		return -EINVAL;
	if (c->own_count >= c->max_owns)
		return -ENOMEM;
	c->own_count++;
	if (c->state == CHAIN_HELD)
		wait_for_release(f, own);
	else
		start(f, own);
	return 0;
}

void own_io_release(struct chain *c)
{
	for (uint32_t i = 0; i < c->filter_count; i++) {
		struct sluice_own_io *own;

		while ((own = take_waiting(c->filters[i])) != NULL)
			start(c->filters[i], own);
	}
}

static void end(struct sluice_filter *f, struct sluice_own_io *own)
{
	f->chain->own_count--;
	blame_begin(f);
	own->fn(own);
	blame_end(f);
}

void own_io_finish(struct chain_io *cio)
{
	struct sluice_own_io *own = cio->own;

	own->status = cio->io.status;
	own->extent_bytes = cio->io.extent_bytes;
	own->extent_is_hole = cio->io.extent_is_hole;
	pool_put(cio);
	end(cio->own_filter, own);
}

void own_io_drop(struct sluice_filter *f)
{
	struct sluice_own_io *own;

	f->is_attached = false; /* fn() may not submit anew */
	while ((own = take_waiting(f)) != NULL) {
		own->status = SLUICE_ERR_ABORTED;
		end(f, own);
	}
}
