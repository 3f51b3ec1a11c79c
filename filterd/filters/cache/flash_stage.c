/* SPDX-License-Identifier: MIT */
/*
 * flash_stage.c - blocks on their way into the clean flash tier.
 *
 * A stage takes the oldest segment of the ring. If blocks of it were hit since they came, the
 * segment is read once more (preparing) and they become the first of the stage; the others are
 * forgotten. Then it is open for blocks that leave RAM; when it is full it is written in one piece.
 * Meanwhile another stage opens. What finds no open stage is dropped: a cache may.
 *
 *   FREE --oldest segment has hits--> PREPARING --> OPEN --full--> WRITING --> FREE
 *     +------------none------------------------------^
 */
#include "flash_int.h"

#include <string.h>

#include "crc.h"

static uint32_t first_slot(const struct flash_stage *s)
{
	return s->segment * SEGMENT_BLOCKS;
}

struct flash_stage *flash_stage_of(struct flash_read *t, uint32_t slot)
{
	for (uint32_t i = 0; i < FLASH_STAGES; i++) {
		struct flash_stage *s = &t->stages[i];

		if ((s->state == STAGE_OPEN || s->state == STAGE_WRITING) &&
		    slot / SEGMENT_BLOCKS == s->segment)
			return s;
	}
	return NULL;
}

/* Of several the fullest one, so that it can go. */
static struct flash_stage *stage_in(struct flash_read *t, enum flash_stage_state state)
{
	struct flash_stage *found = NULL;

	for (uint32_t i = 0; i < FLASH_STAGES; i++) {
		struct flash_stage *s = &t->stages[i];

		if (s->state == state && (!found || s->count > found->count))
			found = s;
	}
	return found;
}

/* ---------------------------------------------------------------- preparing */

static bool is_hit(const struct flash_entry *e)
{
	return e->is_used && e->uses > 0;
}

static bool has_hits(const struct flash_read *t, const struct flash_stage *s)
{
	for (uint32_t i = 0; i < SEGMENT_BLOCKS; i++)
		if (is_hit(&t->index.entries[first_slot(s) + i]))
			return true;
	return false;
}

/* Those that were hit, and are still what they were, move to the front; the rest is forgotten. */
static void keep_hits(struct flash_read *t, struct flash_stage *s)
{
	s->count = 0;
	for (uint32_t i = 0; i < SEGMENT_BLOCKS; i++) {
		struct flash_entry e = t->index.entries[first_slot(s) + i];
		const uint8_t *data = s->data + (size_t)i * FLASH_BLOCK;

		flash_index_clear(&t->index, first_slot(s) + i);
		if (!is_hit(&e) || s->count == FLASH_KEEP_MAX)
			continue;
		if (cache_crc32c(0, data, FLASH_BLOCK) != e.crc) {
			t->corrupt++;
			continue;
		}
		memmove(s->data + (size_t)s->count * FLASH_BLOCK, data, FLASH_BLOCK);
		flash_index_set(&t->index, first_slot(s) + s->count, flash_key(&e), e.crc);
		s->count++;
		t->reinserted++;
	}
}

static void forget_segment(struct flash_read *t, const struct flash_stage *s)
{
	for (uint32_t i = 0; i < SEGMENT_BLOCKS; i++)
		flash_index_clear(&t->index, first_slot(s) + i);
}

static void prepared(struct sluice_file_io *io)
{
	struct flash_stage *s = io->ctx;
	struct flash_read *t = s->tier;

	flash_io_end(t, io);
	if (t->is_off) {
		s->state = STAGE_FREE;
		return;
	}
	keep_hits(t, s);
	s->state = STAGE_OPEN;
	if (t->corrupt >= FLASH_READ_CORRUPT_MAX)
		flash_switch_off(t, "too many blocks fail their checksum", io->offset_bytes);
}

static void segment_io(struct flash_stage *s, enum sluice_file_op op,
		       void (*fn)(struct sluice_file_io *io))
{
	s->io.op = op;
	s->io.offset_bytes = flash_offset(first_slot(s));
	s->io.len_bytes = SEGMENT_BYTES;
	s->io.buf = s->data;
	s->io.fn = fn;
	s->io.ctx = s;
	flash_io_begin(s->tier, &s->io);
}

static void prepare(struct flash_read *t)
{
	struct flash_stage *s = stage_in(t, STAGE_FREE);

	if (!s || stage_in(t, STAGE_PREPARING))
		return;
	s->segment = t->next_segment;
	t->next_segment = (t->next_segment + 1) % t->segments;
	if (has_hits(t, s)) {
		s->state = STAGE_PREPARING;
		segment_io(s, SLUICE_FILE_READ, prepared);
		return;
	}
	forget_segment(t, s);
	s->count = 0;
	s->state = STAGE_OPEN;
}

/* ---------------------------------------------------------------- filling and writing */

static void written(struct sluice_file_io *io)
{
	struct flash_stage *s = io->ctx;

	s->state = STAGE_FREE;
	s->tier->written_bytes += io->len_bytes;
	flash_io_end(s->tier, io);
}

void flash_stage_add(struct flash_read *t, uint64_t block, const void *data)
{
	struct flash_stage *s = stage_in(t, STAGE_OPEN);
	uint32_t slot;

	if (!s) {
		prepare(t);
		s = stage_in(t, STAGE_OPEN);
	}
	if (!s) {
		t->dropped++;
		return;
	}
	slot = first_slot(s) + s->count;
	memcpy(s->data + (size_t)s->count * FLASH_BLOCK, data, FLASH_BLOCK);
	flash_index_set(&t->index, slot, block, cache_crc32c(0, data, FLASH_BLOCK));
	s->count++;
	t->added++;
	if (s->count == SEGMENT_BLOCKS) {
		s->state = STAGE_WRITING;
		segment_io(s, SLUICE_FILE_WRITE, written);
	} else if (s->count == SEGMENT_BLOCKS * 3 / 4 && stage_in(t, STAGE_FREE)) {
		/* So that the next one is open when this one is full, if it has to be read first.
		 */
		prepare(t);
	}
}
