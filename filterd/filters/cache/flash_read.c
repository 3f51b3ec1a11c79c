/* SPDX-License-Identifier: MIT */
/*
 * flash_read.c - the clean flash tier: open and close, invalidation, switching off, figures.
 * flash_int.h says what stands elsewhere.
 */
#include "flash_int.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int allocate(struct flash_read *t, const char *path)
{
	t->path = strdup(path);
	if (!t->path || flash_index_init(&t->index, t->segments * SEGMENT_BLOCKS) < 0)
		return -ENOMEM;
	for (uint32_t i = 0; i < FLASH_STAGES; i++) {
		t->stages[i].tier = t;
		t->stages[i].data = aligned_alloc(FLASH_BLOCK, SEGMENT_BYTES);
		if (!t->stages[i].data)
			return -ENOMEM;
	}
	for (uint32_t i = 0; i < FLASH_READERS; i++) {
		t->readers[i].tier = t;
		t->readers[i].next = t->free_readers;
		t->free_readers = &t->readers[i];
	}
	t->waiting_last = &t->waiting;
	return 0;
}

struct flash_read *flash_read_open(struct sluice_filter *f, const char *path, uint64_t size_bytes,
				   struct sluice_error *err)
{
	uint64_t segments = size_bytes / SEGMENT_BYTES;
	struct sluice_file_cfg cfg = {
	    .path = path, .size_bytes = segments * SEGMENT_BYTES, .is_direct = true};
	struct flash_read *t;

	if (size_bytes < FLASH_READ_MIN_BYTES || segments > UINT32_MAX / SEGMENT_BLOCKS - 1) {
		(void)snprintf(err->text, sizeof(err->text),
			       "a clean flash tier of %llu bytes cannot be: it has %u to %llu",
			       (unsigned long long)size_bytes, FLASH_READ_MIN_BYTES,
			       (UINT32_MAX / SEGMENT_BLOCKS - 1ull) * SEGMENT_BYTES);
		return NULL;
	}
	t = calloc(1, sizeof(*t));
	if (t) {
		t->f = f;
		t->segments = (uint32_t)segments;
	}
	if (!t || allocate(t, path) < 0) {
		(void)snprintf(err->text, sizeof(err->text),
			       "no memory for the index of a clean flash tier of %llu bytes",
			       (unsigned long long)size_bytes);
		flash_read_close(t);
		return NULL;
	}
	t->file = sluice_file_open(f, &cfg, NULL, err);
	if (!t->file) {
		flash_read_close(t);
		return NULL;
	}
	return t;
}

bool flash_read_is_idle(const struct flash_read *t)
{
	return t->ios == 0;
}

void flash_read_close(struct flash_read *t)
{
	if (!t)
		return;
	assert(flash_read_is_idle(t));
	if (t->file)
		sluice_file_close(t->file);
	for (uint32_t i = 0; i < FLASH_STAGES; i++)
		free(t->stages[i].data);
	flash_index_free(&t->index);
	free(t->path);
	free(t);
}

/* ---------------------------------------------------------------- file I/O */

void flash_io_begin(struct flash_read *t, struct sluice_file_io *io)
{
	t->ios++;
	sluice_file_submit(t->file, io);
}

void flash_io_end(struct flash_read *t, const struct sluice_file_io *io)
{
	t->ios--;
	if (io->result)
		flash_switch_off(t, strerror(-io->result), io->offset_bytes);
}

/* Nothing is found from here on; what is under way ends by itself. */
void flash_switch_off(struct flash_read *t, const char *why, uint64_t offset_bytes)
{
	if (t->is_off)
		return;
	t->is_off = true;
	for (uint32_t slot = 0; slot < t->index.slots; slot++)
		flash_index_clear(&t->index, slot);
	for (uint32_t i = 0; i < FLASH_STAGES; i++)
		if (t->stages[i].state == STAGE_OPEN)
			t->stages[i].state = STAGE_FREE;
	sluice_report(t->f, "cache_flash_failed",
		      "the clean flash tier %s is switched off: %s at byte %llu; nothing is lost, "
		      "reads go to the datastore until the volume is started again",
		      t->path, why, (unsigned long long)offset_bytes);
}

/* ---------------------------------------------------------------- in, out, figures */

void flash_read_add(struct flash_read *t, uint64_t block, const void *data)
{
	/* It came from here and has not been written since: the same bytes. */
	if (t->is_off || flash_index_find(&t->index, block) != FLASH_NO_SLOT)
		return;
	flash_stage_add(t, block, data);
}

uint64_t flash_read_has(const struct flash_read *t, uint64_t block, uint64_t count)
{
	uint64_t n = 0;

	if (t->is_off)
		return 0;
	while (n < count && flash_index_find(&t->index, block + n) != FLASH_NO_SLOT)
		n++;
	return n;
}

void flash_read_invalidate(struct flash_read *t, uint64_t block, uint64_t count)
{
	if (!t->is_off)
		flash_index_clear_range(&t->index, block, count);
}

void flash_read_figures(const struct flash_read *t, struct flash_read_figures *out)
{
	*out = (struct flash_read_figures){
	    .size_bytes = (uint64_t)t->segments * SEGMENT_BYTES,
	    .used_bytes = (uint64_t)t->index.used * FLASH_BLOCK,
	    .metadata_bytes =
		sizeof(*t) + FLASH_STAGES * (uint64_t)SEGMENT_BYTES +
		t->index.slots * (sizeof(*t->index.entries) + sizeof(*t->index.buckets)),
	    .hits = t->hits,
	    .added = t->added,
	    .dropped = t->dropped,
	    .reinserted = t->reinserted,
	    .written_bytes = t->written_bytes,
	    .corrupt = t->corrupt,
	    .is_off = t->is_off,
	};
}
