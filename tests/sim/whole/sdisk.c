// SPDX-License-Identifier: MIT
/*
 * sdisk.c - the nodes' files: what reads see, what a power cut leaves, and the I/O in between.
 * Pages are versions that are never changed, so a flush and a power cut move pointers.
 */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "world.h"

#define PAGES_BYTES (1ull << 30) /* of addresses */

static uint8_t *pages;
static uint64_t pages_used;
static const uint8_t zeros[PAGE_BYTES];

void pages_reset(void)
{
	if (!pages) {
		pages = mmap(NULL, PAGES_BYTES, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
		assert(pages != MAP_FAILED);
	}
	pages_used = 0;
}

static uint8_t *page_new(void)
{
	uint8_t *p = pages + pages_used;

	assert(pages_used < PAGES_BYTES);
	pages_used += PAGE_BYTES;
	return p;
}

/* ---------------------------------------------------------------- files */

struct sdisk *sdisk_find(struct node *n, const char *path)
{
	for (uint32_t i = 0; i < DISKS_MAX; i++)
		if (n->disks[i].exists && strcmp(n->disks[i].path, path) == 0)
			return &n->disks[i];
	return NULL;
}

static void set_size(struct sdisk *d, uint64_t size_bytes)
{
	uint32_t count = (uint32_t)((size_bytes + PAGE_BYTES - 1) / PAGE_BYTES);

	assert(count <= DISK_PAGES && count >= d->page_count);
	memset(&d->cache[d->page_count], 0, (count - d->page_count) * sizeof(d->cache[0]));
	memset(&d->stable[d->page_count], 0, (count - d->page_count) * sizeof(d->stable[0]));
	d->page_count = count;
	d->file.size_bytes = size_bytes;
}

static enum part part_of(const char *path)
{
	const char *end = strrchr(path, '.');

	if (strcmp(end, ".img") == 0)
		return PART_IMAGE;
	if (strcmp(end, ".log") == 0 || strcmp(end, ".clean") == 0)
		return PART_FLASH;
	return strncmp(end, ".rstage", 7) == 0 || strcmp(end, ".rjournal") == 0 ||
		       strcmp(end, ".journal") == 0
		   ? PART_LOGS
		   : PART_FILES;
}

struct sdisk *sdisk_make(struct node *n, const char *path, uint64_t size_bytes)
{
	for (uint32_t i = 0; i < DISKS_MAX; i++) {
		struct sdisk *d = &n->disks[i];

		if (d->exists)
			continue;
		snprintf(d->path, sizeof(d->path), "%s", path);
		d->part = part_of(path);
		d->may_tear = d->part == PART_FLASH || d->part == PART_LOGS;
		d->file = (struct env_file){.align_bytes = 1};
		if (d->part == PART_IMAGE)
			d->file.align_bytes = n->w->align_bytes;
		d->exists = true;
		d->is_open = false;
		d->page_count = 0;
		d->written = d->flushed = 0;
		set_size(d, size_bytes);
		return d;
	}
	return NULL;
}

/* ---------------------------------------------------------------- contents */

void sdisk_read_now(const struct sdisk *d, uint64_t offset_bytes, void *buf, uint64_t len_bytes)
{
	uint8_t *to = buf;

	while (len_bytes) {
		uint64_t in = offset_bytes % PAGE_BYTES;
		uint64_t n = PAGE_BYTES - in < len_bytes ? PAGE_BYTES - in : len_bytes;
		const uint8_t *page = d->cache[offset_bytes / PAGE_BYTES];

		if (page)
			memcpy(to, page + in, n);
		else
			memset(to, 0, n);
		to += n;
		offset_bytes += n;
		len_bytes -= n;
	}
}

static void flush(struct sdisk *d, uint64_t mark)
{
	while (d->flushed < mark) {
		const struct page_write *p = &d->pending[++d->flushed % PENDING_MAX];

		d->stable[p->page] = p->data;
	}
}

static void set_page(struct sdisk *d, uint32_t page, const uint8_t *data)
{
	if (d->written - d->flushed == PENDING_MAX - 1)
		flush(d, d->flushed + 1); /* a drive writes on its own, too */
	d->cache[page] = data;
	d->pending[++d->written % PENDING_MAX] = (struct page_write){page, data};
}

/* buf NULL: zeros. */
static void write_part(struct sdisk *d, uint64_t offset_bytes, const uint8_t *buf, uint64_t n)
{
	uint32_t page = (uint32_t)(offset_bytes / PAGE_BYTES);
	const uint8_t *old = d->cache[page];
	uint8_t *data;

	if (n == PAGE_BYTES && (!buf || memcmp(buf, zeros, PAGE_BYTES) == 0)) {
		if (old)
			set_page(d, page, NULL);
		return;
	}
	data = page_new();
	if (n < PAGE_BYTES)
		memcpy(data, old ? old : zeros, PAGE_BYTES);
	if (buf)
		memcpy(data + offset_bytes % PAGE_BYTES, buf, n);
	else
		memset(data + offset_bytes % PAGE_BYTES, 0, n);
	set_page(d, page, data);
}

static void write_now(struct sdisk *d, uint64_t offset_bytes, const uint8_t *buf,
		      uint64_t len_bytes)
{
	while (len_bytes) {
		uint64_t in = offset_bytes % PAGE_BYTES;
		uint64_t n = PAGE_BYTES - in < len_bytes ? PAGE_BYTES - in : len_bytes;

		write_part(d, offset_bytes, buf, n);
		buf = buf ? buf + n : NULL;
		offset_bytes += n;
		len_bytes -= n;
	}
}

static void find_extent(struct sdisk *d, struct env_io *io)
{
	uint64_t at = io->offset_bytes, end = at + io->len_bytes;
	bool is_hole = !d->cache[at / PAGE_BYTES];

	while (at < end && !d->cache[at / PAGE_BYTES] == is_hole)
		at = at / PAGE_BYTES * PAGE_BYTES + PAGE_BYTES;
	io->result_is_hole = is_hole;
	io->result_extent_bytes = (at < end ? at : end) - io->offset_bytes;
}

static void take_effect(const struct flight *f)
{
	struct sdisk *d = (struct sdisk *)f->io->file;

	switch (f->io->op) {
	case ENV_IO_READ:
		sdisk_read_now(d, f->io->offset_bytes, f->io->buf, f->io->len_bytes);
		break;
	case ENV_IO_WRITE:
		write_now(d, f->io->offset_bytes, f->io->buf, f->io->len_bytes);
		break;
	case ENV_IO_PUNCH:
	case ENV_IO_ZERO:
		write_now(d, f->io->offset_bytes, NULL, f->io->len_bytes);
		break;
	case ENV_IO_SYNC:
		flush(d, f->mark);
		break;
	case ENV_IO_EXTENT:
		find_extent(d, f->io);
		break;
	case ENV_IO_RESIZE:
		if (f->io->offset_bytes > d->file.size_bytes)
			set_size(d, f->io->offset_bytes);
		break;
	case ENV_IO_ALLOCATE:
		break;
	}
}

/* ---------------------------------------------------------------- I/O under way */

static bool is_change(const struct env_io *io)
{
	return io->op == ENV_IO_WRITE || io->op == ENV_IO_PUNCH || io->op == ENV_IO_ZERO;
}

/* What failed may have been done. */
static void ended(struct world *w, struct event *e)
{
	struct node *n = &w->nodes[e->node];
	struct flight *slot = &n->flights[e->a], f = *slot;
	bool fails = (n->failing & ((struct sdisk *)f.io->file)->part) && chance(w, n->fail_pct);

	if (!fails || (is_change(f.io) && chance(w, 50)))
		take_effect(&f);
	slot->is_used = false;
	n->flight_count--;
	f.io->result = fails ? -EIO : 0;
	f.io->done(f.io);
}

void sdisk_submit(struct node *n, struct env_io *io)
{
	struct sdisk *d = (struct sdisk *)io->file;
	uint64_t delay_us = rng_range(&n->w->rng, 20, io->op == ENV_IO_SYNC ? 2000 : 400) * n->slow;
	uint32_t i = 0;

	while (i < FLIGHTS_MAX && n->flights[i].is_used)
		i++;
	assert(i < FLIGHTS_MAX);
	assert(io->op == ENV_IO_SYNC || io->op == ENV_IO_RESIZE ||
	       (io->len_bytes && io->offset_bytes + io->len_bytes <= d->file.size_bytes));
	n->flights[i] = (struct flight){.io = io, .mark = d->written, .is_used = true};
	n->flight_count++;
	event_add(n->w, n->id, delay_us * 1000, ended)->a = i;
}

/* ---------------------------------------------------------------- death */

/* Any 512-byte sectors of a log; of others all of a page or nothing. */
static void write_torn(struct world *w, const struct env_io *io)
{
	struct sdisk *d = (struct sdisk *)io->file;
	uint64_t step = d->may_tear ? 512 : PAGE_BYTES;
	uint64_t at = io->offset_bytes, end = at + io->len_bytes;

	while (at < end) {
		uint64_t n = step - at % step;

		if (n > end - at)
			n = end - at;
		if (chance(w, 50))
			write_now(d, at,
				  io->op == ENV_IO_WRITE
				      ? (uint8_t *)io->buf + (at - io->offset_bytes)
				      : NULL,
				  n);
		at += n;
	}
}

/* A page of a log may keep some of its sectors. */
static const uint8_t *torn_page(struct world *w, const uint8_t *before, const uint8_t *after)
{
	uint8_t *p = page_new();

	for (uint32_t at = 0; at < PAGE_BYTES; at += 512) {
		const uint8_t *from = chance(w, 50) ? before : after;

		memcpy(p + at, from ? from + at : zeros, 512);
	}
	return p;
}

static void power_cut(struct world *w, struct sdisk *d)
{
	uint32_t kept_pct = (uint32_t)rng_below(&w->rng, 101);

	for (uint64_t i = d->flushed + 1; i <= d->written; i++) {
		const struct page_write *p = &d->pending[i % PENDING_MAX];

		if (!chance(w, kept_pct))
			continue;
		d->stable[p->page] = d->may_tear && chance(w, 20)
					 ? torn_page(w, d->stable[p->page], p->data)
					 : p->data;
	}
	d->flushed = d->written = 0;
	memcpy(d->cache, d->stable, d->page_count * sizeof(d->cache[0]));
}

void sdisk_crash(struct node *n, bool is_power_cut)
{
	struct world *w = n->w;

	for (uint32_t i = 0; i < FLIGHTS_MAX && n->flight_count; i++) {
		struct flight *f = &n->flights[i];

		if (!f->is_used)
			continue;
		f->is_used = false;
		n->flight_count--;
		if (is_change(f->io) && chance(w, 70))
			write_torn(w, f->io);
	}
	for (uint32_t i = 0; i < DISKS_MAX; i++) {
		n->disks[i].is_open = false;
		if (is_power_cut && n->disks[i].exists)
			power_cut(w, &n->disks[i]);
	}
}
