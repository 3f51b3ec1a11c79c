/* SPDX-License-Identifier: MIT */
/*
 * flash_fetch.c - blocks on their way out of the clean flash tier. Runs of adjacent slots are one
 * read; a request may need several, side by side. Every block is checked against the CRC that it
 * had when the read began, so a slot that is overwritten meanwhile is seen too, and is no damage.
 */
#include "flash_int.h"

#include <string.h>

#include "crc.h"

static void *block_in(const struct flash_read_io *io, uint32_t i)
{
	return (uint8_t *)io->buf + (size_t)i * FLASH_BLOCK;
}

static void finish(struct flash_read_io *io)
{
	uint32_t n = 0;

	while (n < io->wanted && io->good >> n & 1)
		n++;
	io->count = n;
	io->tier->hits += n;
	io->fn(io);
}

static bool is_whole(const struct flash_read_io *io)
{
	return io->cursor == io->wanted && !io->pending;
}

/* ---------------------------------------------------------------- one read */

static bool is_still_there(const struct flash_read *t, const struct flash_read_io *io, uint32_t i)
{
	const struct flash_entry *e = &t->index.entries[io->slot[i]];

	return e->is_used && flash_key(e) == io->block + i && e->crc == io->crc[i] &&
	       !flash_stage_of((struct flash_read *)t, io->slot[i]);
}

static void check(struct flash_read *t, struct flash_read_io *io, uint32_t i)
{
	if (cache_crc32c(0, block_in(io, i), FLASH_BLOCK) == io->crc[i]) {
		io->good |= 1ull << i;
		return;
	}
	if (t->is_off || !is_still_there(t, io, i))
		return;
	flash_index_clear(&t->index, io->slot[i]);
	if (++t->corrupt >= FLASH_READ_CORRUPT_MAX)
		flash_switch_off(t, "too many blocks fail their checksum",
				 flash_offset(io->slot[i]));
}

static void start_reads(struct flash_read *t, struct flash_read_io *io);

static void start_waiting(struct flash_read *t)
{
	while (t->waiting && t->free_readers) {
		struct flash_read_io *io = t->waiting;

		t->waiting = io->next;
		if (!t->waiting)
			t->waiting_last = &t->waiting;
		start_reads(t, io);
		if (is_whole(io))
			finish(io);
	}
}

static void fetched(struct sluice_file_io *file_io)
{
	struct flash_reader *r = file_io->ctx;
	struct flash_read *t = r->tier;
	struct flash_read_io *io = r->owner;
	bool is_good = file_io->result == 0, is_done;

	flash_io_end(t, file_io);
	for (uint32_t i = 0; is_good && i < r->count; i++)
		check(t, io, r->first + i);
	r->next = t->free_readers;
	t->free_readers = r;
	io->pending--;
	is_done = is_whole(io);
	/* The waiting ones first: the caller's fn may come with the next request. */
	start_waiting(t);
	if (is_done)
		finish(io);
}

/* ---------------------------------------------------------------- a request */

/* Of staged blocks the data is here. */
static void take_staged(struct flash_read *t, struct flash_read_io *io, uint32_t i)
{
	const struct flash_stage *s = flash_stage_of(t, io->slot[i]);

	memcpy(block_in(io, i), s->data + (size_t)(io->slot[i] % SEGMENT_BLOCKS) * FLASH_BLOCK,
	       FLASH_BLOCK);
	io->good |= 1ull << i;
}

static void read_run(struct flash_read *t, struct flash_read_io *io, uint32_t first, uint32_t count)
{
	struct flash_reader *r = t->free_readers;

	t->free_readers = r->next;
	r->owner = io;
	r->first = first;
	r->count = count;
	r->io.op = SLUICE_FILE_READ;
	r->io.offset_bytes = flash_offset(io->slot[first]);
	r->io.len_bytes = (uint64_t)count * FLASH_BLOCK;
	r->io.buf = block_in(io, first);
	r->io.fn = fetched;
	r->io.ctx = r;
	io->pending++;
	flash_io_begin(t, &r->io);
}

static uint32_t run_length(const struct flash_read_io *io, uint32_t first)
{
	uint32_t n = 1;

	while (first + n < io->wanted && !(io->good >> (first + n) & 1) &&
	       io->slot[first + n] == io->slot[first] + n)
		n++;
	return n;
}

/* As many as there are readers; the rest waits. */
static void start_reads(struct flash_read *t, struct flash_read_io *io)
{
	while (io->cursor < io->wanted) {
		uint32_t i = io->cursor, n;

		if (io->good >> i & 1) {
			io->cursor++;
			continue;
		}
		if (!t->free_readers) {
			io->next = NULL;
			*t->waiting_last = io;
			t->waiting_last = &io->next;
			return;
		}
		n = run_length(io, i);
		io->cursor += n;
		read_run(t, io, i, n);
	}
}

void flash_read_submit(struct flash_read *t, struct flash_read_io *io)
{
	uint64_t count = io->count < SEGMENT_BLOCKS ? io->count : SEGMENT_BLOCKS;

	io->tier = t;
	io->wanted = io->cursor = io->pending = 0;
	io->good = 0;
	for (uint32_t i = 0; i < count && !t->is_off; i++) {
		uint32_t slot = flash_index_find(&t->index, io->block + i);
		struct flash_entry *e = &t->index.entries[slot];

		if (slot == FLASH_NO_SLOT)
			break;
		e->uses += e->uses < FLASH_USES_MAX;
		io->slot[i] = slot;
		io->crc[i] = e->crc;
		io->wanted++;
		if (flash_stage_of(t, slot))
			take_staged(t, io, i);
	}
	start_reads(t, io);
	if (is_whole(io))
		finish(io);
}
