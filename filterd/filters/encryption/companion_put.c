/* SPDX-License-Identifier: MIT */
/*
 * companion_put.c - from the files beside the image to the companion.
 *
 *     helper reads the headers --> slots of those that changed --> directory --> zeros over what it
 *     names no more --> fn()
 *
 * A header that is another's old place and content (the end of a deep rekey) stays in its slot.
 */
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "companion.h"
#include "luks_file.h"

/* Steps: headers, directory, slots to be wiped. */
#define STEP_DIR  COMPANION_HEADERS
#define STEP_WIPE (STEP_DIR + 1u)
#define STEP_END  (STEP_WIPE + COMPANION_SLOTS)

static void next(struct companion *c);

static void end(struct companion *c, int result)
{
	void (*fn)(void *ctx, int result) = c->fn;

	companion_files_free(c);
	c->doing = COMPANION_IDLE;
	fn(c->ctx, result);
}

/* ---------------------------------------------------------------- helper */

static int read_file(const char *path, struct companion_file *out)
{
	void *data = NULL;
	size_t bytes = 0;
	int rc = luks_file_read(path, &data, &bytes);

	if (rc == -ENOENT)
		return 0;
	if (rc == 0 && bytes > COMPANION_SLOT_BYTES)
		rc = -EFBIG;
	if (rc == 0) {
		out->data = aligned_alloc(COMPANION_PAGE, COMPANION_SLOT_BYTES);
		rc = out->data ? 0 : -ENOMEM;
	}
	if (rc == 0) {
		memset(out->data, 0, COMPANION_SLOT_BYTES);
		memcpy(out->data, data, bytes);
		out->size_bytes = (uint32_t)bytes;
	}
	free(data);
	return rc;
}

static void work(struct sluice_work *w)
{
	struct companion *c = w->ctx;

	c->result = read_file(c->luks.header, &c->files[0]);
	if (c->result == 0)
		c->result = read_file(c->next.header, &c->files[1]);
}

/* ---------------------------------------------------------------- the new directory */

static bool has_slot(const struct companion_dir *d, uint32_t slot)
{
	return d->headers[0].slot == slot || d->headers[1].slot == slot;
}

/* Where that content is already; else a slot that neither directory names. */
static uint32_t slot_for(const struct companion *c, const struct companion_header *h)
{
	for (uint32_t i = 0; i < COMPANION_HEADERS; i++) {
		const struct companion_header *old = &c->dir.headers[i];

		if (old->slot && old->size_bytes == h->size_bytes &&
		    memcmp(old->digest, h->digest, sizeof(h->digest)) == 0)
			return old->slot;
	}
	for (uint32_t slot = 1; slot <= COMPANION_SLOTS; slot++)
		if (!has_slot(&c->dir, slot) && !has_slot(&c->new_dir, slot))
			return slot;
	return 0;
}

static char word_of(const struct companion *c, const char *key)
{
	size_t size_bytes = 0;
	char word = 0;

	return sluice_store_get(c->e->f, key, &word, 1, &size_bytes) == 0 ? word : 0;
}

static int make_dir(struct companion *c)
{
	struct companion_dir *d = &c->new_dir;
	char kind = word_of(c, REENCRYPT_STORE_KEY), clear = word_of(c, "clear");

	*d = (struct companion_dir){.magic = COMPANION_MAGIC,
				    .version = COMPANION_VERSION,
				    .sequence = c->dir.sequence + 1,
				    .formatted = word_of(c, "formatted"),
				    .clear = (char)(clear ? clear : '0'),
				    .kind = (char)(kind ? kind : '0'),
				    .walks = c->e->walks};
	memcpy(d->volume, sluice_volume_uuid(c->e->f), sizeof(d->volume));
	if (c->files[0].data)
		d->formatted = '1';
	else if (c->leaves_no_header)
		d->formatted = '0';
	for (uint32_t i = 0; i < COMPANION_HEADERS; i++) {
		struct companion_header *h = &d->headers[i];

		if (!c->files[i].data)
			continue;
		h->size_bytes = c->files[i].size_bytes;
		if (!companion_digest(c->files[i].data, h->size_bytes, h->digest))
			return -ENOMEM;
		h->slot = slot_for(c, h);
		if (!h->slot)
			return -ENOSPC;
	}
	return companion_digest(d, offsetof(struct companion_dir, digest), d->digest) ? 0 : -ENOMEM;
}

/* ---------------------------------------------------------------- writing */

static void written(struct sluice_companion_io *io)
{
	struct companion *c = io->ctx;

	if (io->result) {
		end(c, io->result);
		return;
	}
	c->at_bytes += io->len_bytes;
	next(c);
}

static void write(struct companion *c, uint64_t offset_bytes, void *data, uint64_t len_bytes)
{
	if (companion_io(c, SLUICE_COMPANION_WRITE, offset_bytes, data, len_bytes, written) < 0)
		end(c, 0); /* the keeper has left: whoever is alone needs no copy */
}

/* False: nothing is to be done there. */
static bool write_slot(struct companion *c, uint32_t slot, uint8_t *data, uint64_t size_bytes)
{
	uint64_t left = size_bytes > c->at_bytes ? size_bytes - c->at_bytes : 0;
	uint64_t whole = (left + COMPANION_PAGE - 1) / COMPANION_PAGE * COMPANION_PAGE;

	if (whole == 0)
		return false;
	write(c, COMPANION_SLOT_AT(slot - 1) + c->at_bytes, data + c->at_bytes,
	      whole < COMPANION_IO_BYTES ? whole : COMPANION_IO_BYTES);
	return true;
}

static bool step(struct companion *c)
{
	uint32_t slot = c->step - STEP_WIPE + 1;
	int place = !c->place;

	if (c->step < COMPANION_HEADERS) {
		const struct companion_header *h = &c->new_dir.headers[c->step];

		return h->slot && !has_slot(&c->dir, h->slot) &&
		       write_slot(c, h->slot, c->files[c->step].data, h->size_bytes);
	}
	if (c->step == STEP_DIR) {
		if (c->at_bytes)
			return false;
		memset(c->pages, 0, COMPANION_PAGE);
		memcpy(c->pages, &c->new_dir, sizeof(c->new_dir));
		write(c, (uint64_t)place * COMPANION_PAGE, c->pages, COMPANION_PAGE);
		return true;
	}
	if (!has_slot(&c->dir, slot) || has_slot(&c->new_dir, slot))
		return false;
	if (!c->files[0].data)
		c->files[0].data = aligned_alloc(COMPANION_PAGE, COMPANION_SLOT_BYTES);
	if (!c->files[0].data) {
		end(c, -ENOMEM);
		return true;
	}
	memset(c->files[0].data, 0, COMPANION_SLOT_BYTES);
	return write_slot(c, slot, c->files[0].data, COMPANION_SLOT_BYTES);
}

static void next(struct companion *c)
{
	while (c->step < STEP_END && !step(c)) {
		c->step++;
		c->at_bytes = 0;
	}
	if (c->step < STEP_END)
		return;
	c->dir = c->new_dir;
	c->place = !c->place;
	end(c, 0);
}

static void worked(struct sluice_work *w)
{
	struct companion *c = w->ctx;

	if (companion_was_left(c))
		return;
	if (c->result == 0)
		c->result = make_dir(c);
	if (c->result < 0) {
		end(c, c->result);
		return;
	}
	c->step = 0;
	c->at_bytes = 0;
	next(c);
}

void companion_put(struct encryption *e, bool leaves_no_header, void (*fn)(void *ctx, int result),
		   void *ctx)
{
	struct companion *c = e->companion;

	if (!c || !sluice_companion_is_kept(e->f)) {
		fn(ctx, 0);
		return;
	}
	if (c->role != SLUICE_COMPANION_PRIMARY || c->doing != COMPANION_IDLE) {
		fn(ctx, -EBUSY);
		return;
	}
	c->doing = COMPANION_PUTS;
	c->leaves_no_header = leaves_no_header;
	c->fn = fn;
	c->ctx = ctx;
	c->work.run = work;
	c->work.done = worked;
	c->work.ctx = c;
	sluice_work_submit(e->f, &c->work);
}

/* ---------------------------------------------------------------- the sidecar */

static void record_written(struct sluice_companion_io *io)
{
	struct companion *c = io->ctx;
	struct sluice_filter *f = c->e->f;

	c->record_fn(c->record_ctx, io->result);
	sluice_drain_release(f);
}

void companion_put_record(struct encryption *e, uint64_t offset_bytes, const void *data,
			  uint64_t len_bytes, void (*fn)(void *ctx, int result), void *ctx)
{
	struct companion *c = e->companion;

	if (!c || !sluice_companion_is_kept(e->f)) {
		fn(ctx, 0);
		return;
	}
	if (c->role != SLUICE_COMPANION_PRIMARY) {
		fn(ctx, -EBUSY);
		return;
	}
	c->record_fn = fn;
	c->record_ctx = ctx;
	c->record_io =
	    (struct sluice_companion_io){.op = SLUICE_COMPANION_WRITE,
					 .offset_bytes = COMPANION_SIDECAR_AT + offset_bytes,
					 .len_bytes = len_bytes,
					 .buf = (void *)(uintptr_t)data,
					 .fn = record_written,
					 .ctx = c};
	if (sluice_companion_submit(e->f, &c->record_io) < 0)
		fn(ctx, 0);
	else
		sluice_drain_hold(e->f);
}
