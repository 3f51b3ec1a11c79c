/* SPDX-License-Identifier: MIT */
#include "env_regions.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void env_regions_open(struct env_regions *g, struct io_uring *ring)
{
	memset(g, 0, sizeof(*g));
	if (io_uring_register_buffers_sparse(ring, ENV_REGIONS_CHUNKS_MAX) != 0)
		return;
	g->ring = ring;
	for (uint32_t i = 0; i < ENV_REGIONS_CHUNKS_MAX; i++)
		g->free_buffers[g->free_count++] = (uint16_t)(ENV_REGIONS_CHUNKS_MAX - 1 - i);
}

void env_regions_close(struct env_regions *g)
{
	for (uint32_t i = 0; i < g->count; i++)
		free(g->list[i].buffers);
	free(g->list);
	memset(g, 0, sizeof(*g));
}

static uint64_t chunks_of(const struct env_region *r)
{
	return (r->end - r->base + ENV_REGIONS_CHUNK_BYTES - 1) / ENV_REGIONS_CHUNK_BYTES;
}

/* The first region that ends after at. */
static uint32_t search(const struct env_regions *g, uintptr_t at)
{
	uint32_t low = 0, high = g->count;

	while (low < high) {
		uint32_t middle = (low + high) / 2;

		if (g->list[middle].end <= at)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static int make_room(struct env_regions *g)
{
	uint32_t room = g->room ? 2 * g->room : 8;
	struct env_region *list;

	if (g->count < g->room)
		return 0;
	list = realloc(g->list, room * sizeof(*list));
	if (!list)
		return -ENOMEM;
	g->list = list;
	g->room = room;
	return 0;
}

int env_regions_add(struct env_regions *g, void *base, uint64_t size_bytes)
{
	struct env_region r = {.base = (uintptr_t)base, .end = (uintptr_t)base + size_bytes};
	uint32_t at = search(g, r.base);

	if (!g->ring)
		return -EOPNOTSUPP;
	r.buffers = calloc(chunks_of(&r), sizeof(*r.buffers));
	if (!r.buffers)
		return -ENOMEM;
	if (make_room(g)) {
		free(r.buffers);
		return -ENOMEM;
	}
	memmove(&g->list[at + 1], &g->list[at], (g->count - at) * sizeof(*g->list));
	g->list[at] = r;
	g->count++;
	return 0;
}

static int update(struct env_regions *g, uint32_t buffer, uintptr_t base, size_t size_bytes)
{
	struct iovec iov = {.iov_base = (void *)base, .iov_len = size_bytes};
	__u64 tag = 0;

	return io_uring_register_buffers_update_tag(g->ring, buffer, &iov, &tag, 1);
}

static int add_chunk(struct env_regions *g, struct env_region *r, uint64_t chunk)
{
	uintptr_t from = r->base + chunk * ENV_REGIONS_CHUNK_BYTES;
	uintptr_t end =
	    from + ENV_REGIONS_CHUNK_BYTES < r->end ? from + ENV_REGIONS_CHUNK_BYTES : r->end;
	uint16_t buffer;

	if (g->free_count == 0)
		return -1;
	buffer = g->free_buffers[g->free_count - 1];
	if (update(g, buffer, from, end - from) < 0) {
		g->free_count =
		    0; /* the limit of locked memory, most likely: do not ask for each I/O */
		return -1;
	}
	g->free_count--;
	r->buffers[chunk] = (uint16_t)(buffer + 1);
	return buffer;
}

int env_regions_find(struct env_regions *g, const void *buf, uint64_t len_bytes)
{
	uintptr_t from = (uintptr_t)buf;
	uint32_t at = search(g, from);
	struct env_region *r = &g->list[at];
	uint64_t chunk;

	if (at == g->count || from < r->base || len_bytes == 0 || len_bytes > r->end - from)
		return -1;
	chunk = (from - r->base) / ENV_REGIONS_CHUNK_BYTES;
	if ((from - r->base + len_bytes - 1) / ENV_REGIONS_CHUNK_BYTES != chunk)
		return -1;
	if (r->buffers[chunk])
		return r->buffers[chunk] - 1;
	return add_chunk(g, r, chunk);
}

void env_regions_remove(struct env_regions *g, void *base)
{
	uint32_t at = search(g, (uintptr_t)base);
	struct env_region *r = &g->list[at];

	if (at == g->count || r->base != (uintptr_t)base)
		return;
	for (uint64_t i = 0; i < chunks_of(r); i++) {
		if (!r->buffers[i])
			continue;
		/* A buffer that cannot be taken back is never used again; its memory goes with the
		 * ring. */
		if (update(g, r->buffers[i] - 1u, 0, 0) >= 0 &&
		    g->free_count < ENV_REGIONS_CHUNKS_MAX)
			g->free_buffers[g->free_count++] = (uint16_t)(r->buffers[i] - 1);
	}
	free(r->buffers);
	memmove(r, r + 1, (g->count - at - 1) * sizeof(*r));
	g->count--;
}
