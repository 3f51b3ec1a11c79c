/* SPDX-License-Identifier: MIT */
/*
 * mem.c - a volume in RAM, for tests, benchmarks and scratch disks; gone with the process.
 *
 * Pages come into being when they are written: a table of pages under a table of tables, so that a
 * volume of a TiB costs 512 KiB while it is empty. Unmapped pages serve the volume's next writes;
 * the system gets them back when the volume is closed. Everything is done before submit() returns.
 * Nothing is ever persistent, whatever the durability says.
 *
 * Thread: owner worker.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "backend.h"
#include "status.h"

#define PAGE_BYTES     4096u
#define LEAF_PAGES     4096u
#define LEAF_BYTES     ((uint64_t)PAGE_BYTES * LEAF_PAGES)
#define SLAB_MIN_BYTES (16u * PAGE_BYTES)
#define SLAB_MAX_BYTES (512u * PAGE_BYTES)
#define SIZE_MAX_BYTES (1ull << 50)

struct leaf {
	uint8_t *pages[LEAF_PAGES]; /* NULL: zeros */
	uint32_t used;
};

struct mem {
	struct backend b;
	struct leaf **leaves; /* [leaf_count]; NULL: zeros */
	uint64_t leaf_count;
	uint32_t block_bytes;
	bool is_readonly;
	void *spare; /* freed pages, chained by their first word */
	uint64_t spare_count;
	uint8_t *fresh; /* what was never used of the newest slab */
	uint32_t fresh_count;
	uint32_t slab_count;
	void **slabs; /* [slab_count] */
};

/* Pages come in slabs, each twice the last up to the size of a huge page: fewer page faults. */
static bool slab_add(struct mem *m)
{
	size_t bytes = SLAB_MIN_BYTES;
	void **slabs, *slab;

	for (uint32_t i = 0; i < m->slab_count && bytes < SLAB_MAX_BYTES; i++)
		bytes *= 2;
	slabs = realloc(m->slabs, (m->slab_count + 1) * sizeof(*slabs));
	if (!slabs)
		return false;
	m->slabs = slabs;
	if (posix_memalign(&slab, bytes, bytes))
		return false;
	m->slabs[m->slab_count++] = slab;
	m->fresh = slab;
	m->fresh_count = (uint32_t)(bytes / PAGE_BYTES);
	return true;
}

static uint8_t *page_get(struct mem *m)
{
	uint8_t *page = m->spare;

	if (page) {
		memcpy(&m->spare, page, sizeof(m->spare));
		m->spare_count--;
		return page;
	}
	if (m->fresh_count == 0 && !slab_add(m))
		return NULL;
	page = m->fresh;
	m->fresh += PAGE_BYTES;
	m->fresh_count--;
	return page;
}

static void page_put(struct mem *m, uint8_t *page)
{
	memcpy(page, &m->spare, sizeof(m->spare));
	m->spare = page;
	m->spare_count++;
}

/* So many pages are there to be taken, or false. */
static bool pages_reserve(struct mem *m, uint64_t count)
{
	while (m->spare_count + m->fresh_count < count) {
		uint8_t *left = m->fresh;
		uint32_t left_count = m->fresh_count;

		if (!slab_add(m))
			return false;
		while (left_count-- > 0) {
			page_put(m, left);
			left += PAGE_BYTES;
		}
	}
	return true;
}

static uint8_t *page_find(const struct mem *m, uint64_t offset_bytes)
{
	const struct leaf *l = m->leaves[offset_bytes / LEAF_BYTES];

	return l ? l->pages[offset_bytes / PAGE_BYTES % LEAF_PAGES] : NULL;
}

/* The page for writing `part` bytes into it; NULL: no memory. */
static uint8_t *page_make(struct mem *m, uint64_t offset_bytes, uint64_t part)
{
	struct leaf **l = &m->leaves[offset_bytes / LEAF_BYTES];
	uint8_t **page;

	if (!*l)
		*l = calloc(1, sizeof(**l));
	if (!*l)
		return NULL;
	page = &(*l)->pages[offset_bytes / PAGE_BYTES % LEAF_PAGES];
	if (!*page) {
		*page = page_get(m);
		if (!*page)
			return NULL;
		(*l)->used++;
		if (part < PAGE_BYTES)
			memset(*page, 0, PAGE_BYTES);
	}
	return *page;
}

static void page_drop(struct mem *m, uint64_t offset_bytes)
{
	struct leaf **l = &m->leaves[offset_bytes / LEAF_BYTES];
	uint8_t **page;

	if (!*l)
		return;
	page = &(*l)->pages[offset_bytes / PAGE_BYTES % LEAF_PAGES];
	if (!*page)
		return;
	page_put(m, *page);
	*page = NULL;
	if (--(*l)->used == 0) {
		free(*l);
		*l = NULL;
	}
}

/* How much of what is left lies in the page at offset_bytes. */
static uint64_t part_bytes(uint64_t offset_bytes, uint64_t left_bytes)
{
	uint64_t room = PAGE_BYTES - offset_bytes % PAGE_BYTES;

	return left_bytes < room ? left_bytes : room;
}

static void do_read(const struct mem *m, const struct sluice_io *io)
{
	uint8_t *to = io->buf;

	for (uint64_t done = 0, part; done < io->len_bytes; done += part) {
		uint64_t offset = io->offset_bytes + done;
		const uint8_t *page = page_find(m, offset);

		part = part_bytes(offset, io->len_bytes - done);
		if (page)
			memcpy(to + done, page + offset % PAGE_BYTES, part);
		else
			memset(to + done, 0, part);
	}
}

/* Writes are atomic: what a long one needs is there before its first byte is changed. */
static bool write_reserve(struct mem *m, const struct sluice_io *io)
{
	uint64_t missing = 0;

	for (uint64_t done = 0; done < io->len_bytes;
	     done += part_bytes(io->offset_bytes + done, io->len_bytes - done)) {
		struct leaf **l = &m->leaves[(io->offset_bytes + done) / LEAF_BYTES];

		if (!*l && !(*l = calloc(1, sizeof(**l))))
			return false;
		missing += !page_find(m, io->offset_bytes + done);
	}
	return pages_reserve(m, missing);
}

static enum sluice_status do_write(struct mem *m, const struct sluice_io *io)
{
	const uint8_t *from = io->buf;

	if (part_bytes(io->offset_bytes, io->len_bytes) < io->len_bytes && !write_reserve(m, io))
		return SLUICE_ERR_NO_SPACE;
	for (uint64_t done = 0, part; done < io->len_bytes; done += part) {
		uint64_t offset = io->offset_bytes + done;
		uint8_t *page;

		part = part_bytes(offset, io->len_bytes - done);
		page = page_make(m, offset, part);
		if (!page)
			return SLUICE_ERR_NO_SPACE;
		memcpy(page + offset % PAGE_BYTES, from + done, part);
	}
	return SLUICE_OK;
}

static void do_zero(struct mem *m, const struct sluice_io *io)
{
	for (uint64_t done = 0, part; done < io->len_bytes; done += part) {
		uint64_t offset = io->offset_bytes + done;
		uint8_t *page;

		part = part_bytes(offset, io->len_bytes - done);
		if (!m->leaves[offset / LEAF_BYTES]) {
			uint64_t skip = LEAF_BYTES - offset % LEAF_BYTES;

			part = skip < io->len_bytes - done ? skip : io->len_bytes - done;
			continue;
		}
		page = page_find(m, offset);
		if (page && part == PAGE_BYTES)
			page_drop(m, offset);
		else if (page)
			memset(page + offset % PAGE_BYTES, 0, part);
	}
}

static void do_extent(const struct mem *m, struct sluice_io *io)
{
	uint64_t end = io->offset_bytes + io->len_bytes, offset = io->offset_bytes;
	bool is_hole = !page_find(m, offset);

	while (offset < end && !page_find(m, offset) == is_hole) {
		if (is_hole && !m->leaves[offset / LEAF_BYTES])
			offset += LEAF_BYTES - offset % LEAF_BYTES;
		else
			offset += PAGE_BYTES - offset % PAGE_BYTES;
	}
	io->extent_is_hole = is_hole;
	io->extent_bytes = (offset < end ? offset : end) - io->offset_bytes;
}

static enum sluice_status run(struct mem *m, struct sluice_io *io)
{
	bool is_change = io->op == SLUICE_OP_WRITE || io->op == SLUICE_OP_UNMAP ||
			 io->op == SLUICE_OP_WRITE_ZEROES;

	if (io->op == SLUICE_OP_FLUSH)
		return SLUICE_OK;
	if (io->len_bytes > m->b.size_bytes || io->offset_bytes > m->b.size_bytes - io->len_bytes)
		return SLUICE_ERR_IO;
	if (is_change && m->is_readonly)
		return SLUICE_ERR_READ_ONLY;
	if (io->len_bytes == 0)
		return SLUICE_OK;
	switch ((enum sluice_op)io->op) {
	case SLUICE_OP_READ:
		do_read(m, io);
		return SLUICE_OK;
	case SLUICE_OP_WRITE:
		return do_write(m, io);
	case SLUICE_OP_UNMAP:
	case SLUICE_OP_WRITE_ZEROES:
		do_zero(m, io);
		return SLUICE_OK;
	case SLUICE_OP_EXTENT:
		do_extent(m, io);
		return SLUICE_OK;
	default:
		return SLUICE_ERR_UNSUPPORTED;
	}
}

static void mem_submit(struct backend *b, struct sluice_io *io)
{
	io->status = (uint8_t)run((struct mem *)b, io);
	io->end(io);
}

static int resize(struct mem *m, uint64_t size_bytes)
{
	uint64_t count = (size_bytes + LEAF_BYTES - 1) / LEAF_BYTES;
	struct leaf **leaves = realloc(m->leaves, count * sizeof(struct leaf *));

	if (!leaves)
		return -ENOMEM;
	for (uint64_t i = m->leaf_count; i < count; i++)
		leaves[i] = NULL;
	m->leaves = leaves;
	m->leaf_count = count;
	m->b.size_bytes = size_bytes;
	return 0;
}

static int check_size(const struct backend_cfg *cfg, struct err *err)
{
	if (cfg->block_bytes == 0 || cfg->size_bytes == 0 || cfg->size_bytes % cfg->block_bytes)
		return err_set(err, EINVAL, "size_bytes",
			       "%llu bytes are not a positive multiple of the block size, %u",
			       (unsigned long long)cfg->size_bytes, cfg->block_bytes);
	if (cfg->size_bytes > SIZE_MAX_BYTES)
		return err_set(
		    err, EFBIG, "size_bytes", "%llu bytes; a volume in RAM may have at most %llu",
		    (unsigned long long)cfg->size_bytes, (unsigned long long)SIZE_MAX_BYTES);
	return 0;
}

static int mem_create(struct env *e, const struct backend_cfg *cfg, bool is_full, struct err *err)
{
	return check_size(cfg, err);
}

static int mem_open(struct env *e, const struct backend_cfg *cfg, struct backend **out,
		    struct err *err)
{
	struct mem *m;
	int rc = check_size(cfg, err);

	if (rc)
		return rc;
	m = calloc(1, sizeof(*m));
	if (!m || resize(m, cfg->size_bytes)) {
		free(m);
		return err_set(err, ENOMEM, "size_bytes", "no memory for a volume of %llu bytes",
			       (unsigned long long)cfg->size_bytes);
	}
	m->b.ops = &backend_mem;
	m->b.io_ctx_bytes = 8;
	m->block_bytes = cfg->block_bytes;
	m->is_readonly = cfg->is_readonly;
	*out = &m->b;
	return 0;
}

static void mem_close(struct backend *b)
{
	struct mem *m = (struct mem *)b;

	for (uint64_t i = 0; i < m->leaf_count; i++)
		free(m->leaves[i]);
	for (uint32_t i = 0; i < m->slab_count; i++)
		free(m->slabs[i]);
	free(m->slabs);
	free(m->leaves);
	free(m);
}

static void mem_grow(struct backend *b, uint64_t new_size_bytes, void (*fn)(void *ctx, int result),
		     void *ctx)
{
	struct mem *m = (struct mem *)b;

	if (new_size_bytes < b->size_bytes || new_size_bytes % m->block_bytes)
		fn(ctx, -EINVAL);
	else if (new_size_bytes > SIZE_MAX_BYTES)
		fn(ctx, -EFBIG);
	else
		fn(ctx, resize(m, new_size_bytes));
}

const struct backend_ops backend_mem = {
    .name = "mem",
    /* A power cut leaves nothing of it, so never a part of a write. */
    .op_mask = SLUICE_OPS_ALL | SLUICE_WRITES_ARE_ATOMIC,
    .create = mem_create,
    .open = mem_open,
    .close = mem_close,
    .submit = mem_submit,
    .grow = mem_grow,
};
