/* SPDX-License-Identifier: MIT */
/* lab_io.c - reads and changes, several at once, in ranges that do not touch one another. */
#include <assert.h>
#include <string.h>

#include "lab.h"
#include "sluice/io.h"

#define BUF_BYTES  (96u << 10)
#define BOTTOM_MAX 8192u

static struct lab_io {
	struct sluice_io io;
	bool is_done;
	uint32_t version, first, count;
	struct volume *v;
	struct lab *l;
	uint8_t bottom[BOTTOM_MAX] __attribute__((aligned(16)));
} ios[LAB_IOS];

static uint8_t bufs[LAB_IOS][BUF_BYTES] __attribute__((aligned(4096)));
static uint8_t whole[BUF_BYTES] __attribute__((aligned(4096)));

uint8_t *lab_buffer(void)
{
	return whole;
}

static bool is_durable(const struct lab_io *x)
{
	return x->l->is_durable || (x->io.flags & SLUICE_IO_FUA);
}

static void on_end(struct sluice_io *io)
{
	struct lab_io *x = (struct lab_io *)io;

	x->is_done = true;
	for (uint32_t i = 0; i < x->count; i++)
		image_end(&x->v->image, x->first + i, x->version, io->status == SLUICE_OK,
			  is_durable(x));
	if (io->status == SLUICE_OK && io->op != SLUICE_OP_READ &&
	    (io->op == SLUICE_OP_FLUSH || is_durable(x)))
		x->v->told_sectors = x->v->image.sectors;
	if (io->status != SLUICE_OK && !x->l->fs.has_failed && !x->v->b->is_failed)
		lab_fail(x->l, "op %u ended with status %u for no reason", io->op, io->status);
}

static void begin(struct lab *l, struct volume *v, struct lab_io *x, uint8_t op, uint8_t *buf)
{
	x->io = (struct sluice_io){.op = op,
				   .offset_bytes = (uint64_t)x->first * SECTOR,
				   .len_bytes = (uint64_t)x->count * SECTOR,
				   .buf = buf,
				   .end = on_end,
				   .bottom = x->bottom};
	assert(v->b->io_ctx_bytes <= BOTTOM_MAX);
	x->is_done = false;
	x->v = v;
	x->l = l;
}

static void change(struct lab *l, struct volume *v, struct lab_io *x, uint8_t *buf)
{
	uint32_t kind = (uint32_t)rng_below(&l->rng, 10);
	uint8_t op = kind < 7   ? SLUICE_OP_WRITE
		     : kind < 9 ? SLUICE_OP_UNMAP
				: SLUICE_OP_WRITE_ZEROES;

	x->version = op == SLUICE_OP_WRITE ? ++l->version : 0;
	begin(l, v, x, op, buf);
	if (rng_pct(&l->rng, 10))
		x->io.flags = SLUICE_IO_FUA;
	for (uint32_t i = 0; i < x->count; i++) {
		oracle_fill(buf + (size_t)i * SECTOR, x->first + i, x->version);
		image_begin(&v->image, x->first + i, x->version);
	}
	v->b->ops->submit(v->b, &x->io);
}

void lab_changes(struct lab *l, struct volume *v)
{
	uint32_t n = (uint32_t)rng_range(&l->rng, 1, LAB_IOS), at = 0, used = 0;

	for (uint32_t i = 0; i < n && at < v->image.sectors; i++) {
		bool is_whole = rng_pct(&l->rng, 50);
		uint32_t len;

		at += (uint32_t)rng_below(&l->rng, v->image.sectors / n + 1);
		len = (uint32_t)rng_range(&l->rng, 1, rng_pct(&l->rng, 20) ? 40 : 9);
		if (is_whole) {
			at = (at + 7) / 8 * 8;
			len = (len + 7) / 8 * 8;
		}
		if (at + len > v->image.sectors)
			break;
		ios[used].first = at;
		ios[used].count = len;
		at += len;
		used++;
	}
	for (uint32_t i = 0; i < used; i++)
		change(l, v, &ios[i],
		       bufs[i] + (rng_pct(&l->rng, 20) ? 512 * rng_below(&l->rng, 8) : 0));
	for (uint32_t i = 0; i < used; i++)
		lab_wait(l, &ios[i].is_done, "a change");
}

void lab_flush(struct lab *l, struct volume *v)
{
	struct lab_io *x = &ios[0];

	x->first = x->count = 0;
	begin(l, v, x, SLUICE_OP_FLUSH, NULL);
	v->b->ops->submit(v->b, &x->io);
	lab_wait(l, &x->is_done, "a flush");
	if (x->is_done && x->io.status == SLUICE_OK)
		image_flushed(&v->image);
}

bool lab_read_all(struct lab *l, struct backend *b, uint32_t sectors, uint8_t *out)
{
	uint32_t at = 0;
	struct volume view = {.b = b};

	while (at < sectors) {
		uint32_t n = rng_pct(&l->rng, 30) ? (uint32_t)rng_range(&l->rng, 1, 60) : sectors;
		struct lab_io *x = &ios[0];

		n = n < sectors - at ? n : sectors - at;
		x->first = at;
		x->count = n;
		begin(l, &view, x, SLUICE_OP_READ, bufs[0]);
		x->count = 0; /* nothing for the oracle */
		b->ops->submit(b, &x->io);
		lab_wait(l, &x->is_done, "a read");
		if (!x->is_done || x->io.status != SLUICE_OK) {
			lab_fail(l, "a read ended with status %u", x->io.status);
			return false;
		}
		memcpy(out + (size_t)at * SECTOR, bufs[0], (size_t)n * SECTOR);
		at += n;
	}
	return true;
}
