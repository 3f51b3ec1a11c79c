// SPDX-License-Identifier: MIT
/*
 * disk.c - the nodes' disks: what reads see, what a power cut leaves, and the I/O in between. Pages
 * are versions that are never changed, so a flush and a power cut move pointers.
 */
#include <assert.h>
#include <errno.h>
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

uint8_t *page_new(void)
{
	uint8_t *p = pages + pages_used;

	assert(pages_used < PAGES_BYTES);
	pages_used += PAGE_BYTES;
	return p;
}

void disk_init(struct disk *d, uint64_t size_bytes, bool is_log)
{
	d->file = (struct env_file){.size_bytes = size_bytes, .align_bytes = 1};
	d->page_count = (uint32_t)((size_bytes + PAGE_BYTES - 1) / PAGE_BYTES);
	assert(d->page_count <= DISK_PAGES);
	memset(d->cache, 0, d->page_count * sizeof(d->cache[0]));
	memset(d->stable, 0, d->page_count * sizeof(d->stable[0]));
	d->exists = true;
	d->is_log = is_log;
	d->is_open = false;
	d->written = d->flushed = 0;
}

void disk_grow(struct disk *d, uint64_t size_bytes)
{
	uint32_t count = (uint32_t)(size_bytes / PAGE_BYTES), old = d->page_count;

	assert(count >= old && count <= DISK_PAGES);
	memset(&d->cache[old], 0, (count - old) * sizeof(d->cache[0]));
	memset(&d->stable[old], 0, (count - old) * sizeof(d->stable[0]));
	d->page_count = count;
	d->file.size_bytes = size_bytes;
}

void disk_damage(struct disk *d, uint32_t page, uint8_t value)
{
	uint8_t *p = page_new();

	assert(page < d->page_count);
	memset(p, value, PAGE_BYTES);
	d->cache[page] = d->stable[page] = p;
}

/* ---------------------------------------------------------------- contents */

void disk_read_now(const struct disk *d, uint64_t offset_bytes, void *buf, uint64_t len_bytes)
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

uint32_t disk_versions(const struct disk *d, uint32_t page, const uint8_t **versions, uint32_t max)
{
	uint32_t n = 0;

	versions[n++] = d->stable[page];
	for (uint64_t i = d->flushed + 1; i <= d->written; i++) {
		const struct page_write *p = &d->pending[i % PENDING_MAX];

		if (p->page != page)
			continue;
		if (n == max)
			memmove(&versions[0], &versions[1], --n * sizeof(versions[0]));
		versions[n++] = p->data;
	}
	return n;
}

static void flush(struct disk *d, uint64_t mark)
{
	while (d->flushed < mark) {
		const struct page_write *p = &d->pending[++d->flushed % PENDING_MAX];

		d->stable[p->page] = p->data;
	}
}

static void set_page(struct disk *d, uint32_t page, const uint8_t *data)
{
	if (d->written - d->flushed == PENDING_MAX - 1)
		flush(d, d->flushed + 1); /* a drive writes on its own, too */
	d->cache[page] = data;
	d->pending[++d->written % PENDING_MAX] = (struct page_write){page, data};
}

/* buf NULL: zeros. */
static void write_part(struct disk *d, uint64_t offset_bytes, const uint8_t *buf, uint64_t n)
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
	memcpy(data, old ? old : zeros, PAGE_BYTES);
	if (buf)
		memcpy(data + offset_bytes % PAGE_BYTES, buf, n);
	else
		memset(data + offset_bytes % PAGE_BYTES, 0, n);
	set_page(d, page, data);
}

static void write_now(struct disk *d, uint64_t offset_bytes, const uint8_t *buf, uint64_t len_bytes)
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

static void find_extent(struct dio *d)
{
	uint64_t at = d->offset_bytes, end = at + d->len_bytes;

	d->is_hole = !d->disk->cache[at / PAGE_BYTES];
	while (at < end && !d->disk->cache[at / PAGE_BYTES] == d->is_hole)
		at = at / PAGE_BYTES * PAGE_BYTES + PAGE_BYTES;
	d->extent_bytes = (at < end ? at : end) - d->offset_bytes;
}

static void take_effect(struct dio *d)
{
	switch (d->op) {
	case DIO_READ:
		disk_read_now(d->disk, d->offset_bytes, d->buf, d->len_bytes);
		break;
	case DIO_WRITE:
		write_now(d->disk, d->offset_bytes, d->buf, d->len_bytes);
		break;
	case DIO_ZERO:
		write_now(d->disk, d->offset_bytes, NULL, d->len_bytes);
		break;
	case DIO_SYNC:
		flush(d->disk, d->mark);
		break;
	case DIO_EXTENT:
		find_extent(d);
		break;
	}
	if (d->is_fua)
		flush(d->disk, d->disk->written);
}

/* ---------------------------------------------------------------- I/O under way */

static uint32_t part_of(const struct node *n, const struct disk *d)
{
	return d->is_log ? PART_LOGS : d == &n->file ? PART_FILE : PART_VOLUMES;
}

/* What failed may have been done. */
static void ended(struct world *w, struct event *e)
{
	struct node *n = &w->nodes[e->node];
	struct dio *slot = &n->flights[e->a], d = *slot;
	bool fails = (n->failing & part_of(n, d.disk)) && chance(w, n->fail_pct);

	if (!d.is_early && (!fails || (d.op != DIO_READ && d.op != DIO_EXTENT && chance(w, 50))))
		take_effect(&d);
	slot->is_used = false;
	n->flight_count--;
	d.result = fails ? -EIO : 0;
	d.done(&d);
}

/* Some take as usual, some as long as thousands. */
static uint64_t drawn_out_us(struct world *w, enum dio_op op, uint64_t delay_us)
{
	static const uint32_t most[] = {1, 1, 10, 100, 1000, 30000};

	if (op == DIO_SYNC)
		return delay_us;
	return delay_us * rng_range(&w->rng, 1, most[rng_below(&w->rng, w->has_faults ? 6 : 4)]);
}

void disk_submit(struct node *n, const struct dio *d)
{
	uint32_t i = 0;
	uint64_t delay_us = rng_range(&n->w->rng, 20, d->op == DIO_SYNC ? 2000 : 400) * n->slow;

	if (d->op == DIO_READ && n->w->opt->slow_reads && part_of(n, d->disk) == PART_VOLUMES)
		delay_us = delay_us / n->slow * 2000;
	if (n->w->opt->slow_disks && part_of(n, d->disk) == PART_VOLUMES)
		delay_us = drawn_out_us(n->w, d->op, delay_us / n->slow);
	while (i < FLIGHTS_MAX && n->flights[i].is_used)
		i++;
	assert(i < FLIGHTS_MAX);
	assert(d->op == DIO_SYNC ||
	       (d->len_bytes && d->offset_bytes + d->len_bytes <= d->disk->file.size_bytes));
	n->flights[i] = *d;
	n->flights[i].node = n;
	n->flights[i].mark = d->disk->written;
	n->flights[i].is_used = true;
	n->flights[i].is_early =
	    n->w->opt->slow_disks && chance(n->w, 70) && (d->op == DIO_READ || d->op == DIO_EXTENT);
	if (n->flights[i].is_early)
		take_effect(&n->flights[i]);
	n->flight_count++;
	event_add(n->w, n->id, delay_us * 1000, ended)->a = i;
}

/* ---------------------------------------------------------------- death */

/* Any 512-byte sectors of a page of a log; of a volume all or nothing. */
static void write_torn(struct world *w, struct dio *d)
{
	uint64_t step = d->disk->is_log ? 512 : PAGE_BYTES;
	uint64_t at = d->offset_bytes, end = at + d->len_bytes;

	while (at < end) {
		uint64_t n = step - at % step;

		if (n > end - at)
			n = end - at;
		if (chance(w, 50))
			write_now(d->disk, at,
				  d->op == DIO_ZERO ? NULL
						    : (uint8_t *)d->buf + (at - d->offset_bytes),
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

static void power_cut(struct world *w, struct disk *d)
{
	uint32_t kept_pct = (uint32_t)rng_below(&w->rng, 101);

	for (uint64_t i = d->flushed + 1; i <= d->written; i++) {
		const struct page_write *p = &d->pending[i % PENDING_MAX];

		if (!chance(w, kept_pct))
			continue;
		d->stable[p->page] = d->is_log && chance(w, 20)
					 ? torn_page(w, d->stable[p->page], p->data)
					 : p->data;
	}
	d->flushed = d->written = 0;
	memcpy(d->cache, d->stable, d->page_count * sizeof(d->cache[0]));
}

void disk_crash(struct node *n, bool is_power_cut)
{
	struct world *w = n->w;

	for (uint32_t i = 0; i < FLIGHTS_MAX && n->flight_count; i++) {
		struct dio *d = &n->flights[i];

		if (!d->is_used)
			continue;
		d->is_used = false;
		n->flight_count--;
		if ((d->op == DIO_WRITE || d->op == DIO_ZERO) && chance(w, 70))
			write_torn(w, d);
	}
	for (uint32_t i = 0; i < MEMBERS && is_power_cut; i++)
		power_cut(w, &n->volumes[i]);
	for (uint32_t i = 0; i < REPL_LOGS; i++) {
		n->logs[i].is_open = false;
		if (is_power_cut && n->logs[i].exists)
			power_cut(w, &n->logs[i]);
	}
	if (is_power_cut)
		power_cut(w, &n->file);
}
