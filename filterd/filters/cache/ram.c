/* SPDX-License-Identifier: MIT */
/*
 * ram.c - reading, filling and writing, and the rules that keep the tier coherent under concurrent
 * I/O.
 *
 * Time is the counter seq. A fill notes it at its begin and may put a block in only if the block's
 * group has not been touched later and no write of it is under way. A write notes it in its blocks'
 * groups; at its end a block is kept only if the group still bears this write's mark and no other
 * is under way, so nothing overlapped it.
 */
#include "ram_int.h"

#include <assert.h>
#include <string.h>

#include "crc.h"

#define FILL_OPEN  0x66696c6c2d6f706eull
#define WRITE_OPEN 0x77726974652d6f70ull

static struct ram_group *group_of(const struct ram *r, uint64_t block)
{
	return &r->groups[block & (r->group_count - 1)];
}

static bool is_wide(const struct ram *r, uint64_t count)
{
	return count > r->group_count;
}

static uint32_t peek(const struct ram *r, uint64_t block)
{
	return r->s3fifo ? s3fifo_peek(r->s3fifo, block) : S3FIFO_NO_SLOT;
}

/* ---------------------------------------------------------------- reading */

static bool is_intact(struct ram *r, uint64_t block, uint32_t slot)
{
	if (!r->sums || r->sums[slot] == cache_crc32c(0, ram_data(r, slot), RAM_BLOCK_BYTES))
		return true;
	r->checksum_failures++;
	ram_set_valid(r, slot, false);
	s3fifo_remove(r->s3fifo, block);
	return false;
}

/* The block's data as a use of it, or NULL. */
static const uint8_t *use(struct ram *r, uint64_t block)
{
	uint32_t slot = r->s3fifo ? s3fifo_find(r->s3fifo, block) : S3FIFO_NO_SLOT;

	if (slot == S3FIFO_NO_SLOT || !ram_is_valid(r, slot) || !is_intact(r, block, slot))
		return NULL;
	r->hits++;
	return ram_data(r, slot);
}

uint64_t ram_read(struct ram *r, uint64_t block, uint64_t count, void *buf)
{
	uint64_t n;

	for (n = 0; n < count; n++) {
		const uint8_t *data = use(r, block + n);

		if (!data)
			break;
		memcpy((uint8_t *)buf + n * RAM_BLOCK_BYTES, data, RAM_BLOCK_BYTES);
	}
	return n;
}

bool ram_read_part(struct ram *r, uint64_t block, uint32_t offset_bytes, uint32_t len_bytes,
		   void *buf)
{
	const uint8_t *data = use(r, block);

	assert(offset_bytes <= RAM_BLOCK_BYTES && len_bytes <= RAM_BLOCK_BYTES - offset_bytes);
	if (data)
		memcpy(buf, data + offset_bytes, len_bytes);
	return data;
}

static bool has(const struct ram *r, uint64_t block)
{
	uint32_t slot = peek(r, block);

	return slot != S3FIFO_NO_SLOT && ram_is_valid(r, slot);
}

uint64_t ram_has(const struct ram *r, uint64_t block, uint64_t count)
{
	uint64_t n = 0;

	while (n < count && has(r, block + n))
		n++;
	return n;
}

uint64_t ram_lacks(const struct ram *r, uint64_t block, uint64_t count)
{
	uint64_t n = 0;

	while (n < count && !has(r, block + n))
		n++;
	return n;
}

/* ---------------------------------------------------------------- one block in, one block out */

void ram_left(struct ram *r, uint64_t block, uint32_t slot, bool was_used)
{
	bool is_of_use = was_used && ram_is_valid(r, slot);

	ram_set_valid(r, slot, false);
	r->evictions++;
	if (is_of_use && r->cfg.evicted)
		r->cfg.evicted(r->cfg.ctx, block, ram_data(r, slot));
}

static bool may_enter(struct ram *r, uint64_t block, enum cache_admit admit)
{
	if (peek(r, block) != S3FIFO_NO_SLOT || admit == CACHE_ADMIT)
		return true;
	if (admit == CACHE_REFRESH)
		return false;
	if (s3fifo_is_remembered(r->s3fifo, block))
		return true;
	s3fifo_remember(r->s3fifo, block);
	return false;
}

/* Whether the tier holds it afterwards. */
static bool store(struct ram *r, uint64_t block, const uint8_t *data, enum cache_admit admit)
{
	struct s3fifo_put put;

	if (!r->s3fifo || !may_enter(r, block, admit))
		return false;
	s3fifo_put(r->s3fifo, block, &put);
	if (put.evicted_key != S3FIFO_NO_KEY)
		ram_left(r, put.evicted_key, put.slot, put.evicted_was_used);
	memcpy(ram_data(r, put.slot), data, RAM_BLOCK_BYTES);
	ram_set_valid(r, put.slot, true);
	if (r->sums)
		r->sums[put.slot] = cache_crc32c(0, data, RAM_BLOCK_BYTES);
	return true;
}

static void drop(struct ram *r, uint64_t block)
{
	uint32_t slot = r->s3fifo ? s3fifo_remove(r->s3fifo, block) : S3FIFO_NO_SLOT;

	if (slot != S3FIFO_NO_SLOT)
		ram_set_valid(r, slot, false);
}

static void slot_dropped(void *ctx, uint64_t block, uint32_t slot)
{
	ram_set_valid(ctx, slot, false);
}

static void drop_range(struct ram *r, uint64_t block, uint64_t count)
{
	if (r->s3fifo)
		s3fifo_remove_range(r->s3fifo, block, count, slot_dropped, r);
}

/* ---------------------------------------------------------------- filling */

void ram_fill_begin(struct ram *r, struct ram_fill *t, uint64_t block, uint64_t count)
{
	*t = (struct ram_fill){.block = block, .count = count, .seq = r->seq, .open = FILL_OPEN};
}

static bool may_fill(const struct ram *r, const struct ram_fill *t, uint64_t block)
{
	const struct ram_group *g = group_of(r, block);

	return g->seq <= t->seq && !g->writes && r->wide_seq <= t->seq && !r->wide_writes;
}

uint64_t ram_fill_end(struct ram *r, struct ram_fill *t, const void *data, enum cache_admit admit)
{
	uint64_t held = 0;

	if (t->open != FILL_OPEN)
		return 0;
	t->open = 0;
	for (uint64_t i = 0; data && i < t->count; i++) {
		uint64_t block = t->block + i;

		if (!may_fill(r, t, block)) {
			r->fills_refused++;
		} else if (has(r, block)) {
			held++;
		} else if (store(r, block, (const uint8_t *)data + i * RAM_BLOCK_BYTES, admit)) {
			held++;
			r->fills++;
		}
	}
	return held;
}

/* ---------------------------------------------------------------- writing */

void ram_write_begin(struct ram *r, struct ram_write *t, uint64_t block, uint64_t count)
{
	*t =
	    (struct ram_write){.block = block, .count = count, .seq = ++r->seq, .open = WRITE_OPEN};
	if (is_wide(r, count)) {
		r->wide_seq = t->seq;
		r->wide_writes++;
		drop_range(r, block, count);
		return;
	}
	for (uint64_t i = 0; i < count; i++) {
		uint32_t slot = peek(r, block + i);
		struct ram_group *g = group_of(r, block + i);

		g->seq = t->seq;
		g->writes++;
		if (slot != S3FIFO_NO_SLOT)
			ram_set_valid(r, slot, false);
	}
}

static bool was_alone(const struct ram *r, const struct ram_write *t, const struct ram_group *g)
{
	return g->seq == t->seq && g->writes == 1 && r->wide_seq <= t->seq && !r->wide_writes;
}

static void end_block(struct ram *r, const struct ram_write *t, uint64_t block, const uint8_t *data,
		      enum cache_admit admit)
{
	struct ram_group *g = group_of(r, block);
	bool may_keep = data && was_alone(r, t, g);

	g->seq = r->seq;
	g->writes--;
	if (!may_keep || !store(r, block, data, admit))
		drop(r, block);
}

void ram_write_end(struct ram *r, struct ram_write *t, const void *data, uint64_t data_block,
		   uint64_t data_count, enum cache_admit admit)
{
	if (t->open != WRITE_OPEN)
		return;
	t->open = 0;
	r->seq++;
	if (is_wide(r, t->count)) {
		r->wide_seq = r->seq;
		r->wide_writes--;
		drop_range(r, t->block, t->count);
		return;
	}
	for (uint64_t i = 0; i < t->count; i++) {
		uint64_t at = t->block + i - data_block; /* huge when before it */
		bool has_data = data && at < data_count;

		end_block(r, t, t->block + i,
			  has_data ? (const uint8_t *)data + at * RAM_BLOCK_BYTES : NULL, admit);
	}
}

void ram_invalidate(struct ram *r, uint64_t block, uint64_t count)
{
	r->seq++;
	if (is_wide(r, count)) {
		r->wide_seq = r->seq;
		drop_range(r, block, count);
		return;
	}
	for (uint64_t i = 0; i < count; i++) {
		group_of(r, block + i)->seq = r->seq;
		drop(r, block + i);
	}
}

void ram_invalidate_all(struct ram *r)
{
	ram_invalidate(r, 0, S3FIFO_KEY_MAX + 1);
}
