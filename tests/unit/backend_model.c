/* SPDX-License-Identifier: MIT */
#include "backend_model.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct flight {
	struct rig_io *x; /* NULL: free */
	uint8_t *memory;
	uint8_t *buf;
	uint64_t offset_bytes, len_bytes;
	enum sluice_op op;
};

static uint64_t below(struct model *m, uint64_t limit)
{
	return rig_random(&m->random) % limit;
}

void model_init(struct model *m, struct rig *rig, uint64_t seed)
{
	m->rig = rig;
	m->random = seed;
	m->want = calloc(1, m->size_bytes);
	m->in_doubt = calloc(1, m->size_bytes / m->block_bytes);
	assert(m->want && m->in_doubt);
}

void model_fini(struct model *m)
{
	free(m->want);
	free(m->in_doubt);
}

static bool overlaps_any(const struct flight *all, uint64_t offset, uint64_t len)
{
	for (uint32_t i = 0; i < MODEL_DEPTH; i++) {
		if (all[i].x && all[i].op != SLUICE_OP_FLUSH &&
		    offset < all[i].offset_bytes + all[i].len_bytes &&
		    all[i].offset_bytes < offset + len)
			return true;
	}
	return false;
}

static void check_read(const struct model *m, uint64_t offset, uint64_t len, const uint8_t *got)
{
	for (uint64_t at = 0; at < len; at += m->block_bytes) {
		if (m->in_doubt[(offset + at) / m->block_bytes])
			continue;
		if (memcmp(got + at, m->want + offset + at, m->block_bytes) == 0)
			continue;
		fprintf(stderr, "block at %llu is not what was written last\n",
			(unsigned long long)(offset + at));
		abort();
	}
}

static void start(struct model *m, struct flight *all, struct flight *f)
{
	static const enum sluice_op ops[] = {
	    SLUICE_OP_READ,         SLUICE_OP_READ,  SLUICE_OP_READ,  SLUICE_OP_WRITE,
	    SLUICE_OP_WRITE,        SLUICE_OP_WRITE, SLUICE_OP_WRITE, SLUICE_OP_UNMAP,
	    SLUICE_OP_WRITE_ZEROES, SLUICE_OP_FLUSH, SLUICE_OP_EXTENT};
	uint64_t blocks = m->size_bytes / m->block_bytes;
	uint64_t most = m->io_max_bytes / m->block_bytes;
	uint64_t first, count;
	uint16_t flags = 0;
	uint32_t skew = m->is_any_memory ? (uint32_t)below(m, 4) * 512 + (uint32_t)below(m, 3) : 0;

	do {
		first = below(m, blocks);
		count = 1 + below(m, below(m, 2) ? 4 : most);
		if (count > blocks - first)
			count = blocks - first;
		f->offset_bytes = first * m->block_bytes;
		f->len_bytes = count * m->block_bytes;
	} while (overlaps_any(all, f->offset_bytes, f->len_bytes));
	f->op = ops[below(m, sizeof(ops) / sizeof(ops[0]))];
	if (below(m, 4) == 0)
		flags = (uint16_t)(below(m, 2) ? SLUICE_IO_FUA : SLUICE_IO_MAY_UNMAP);
	if (posix_memalign((void **)&f->memory, 4096, f->len_bytes + 8192))
		abort();
	f->buf = f->memory + skew;
	for (uint64_t i = 0; f->op == SLUICE_OP_WRITE && i < f->len_bytes; i += 8) {
		uint64_t word = rig_random(&m->random);

		memcpy(f->buf + i, &word, 8);
	}
	if (f->op == SLUICE_OP_FLUSH)
		f->offset_bytes = f->len_bytes = 0;
	f->x = rig_submit(m->rig, f->op, f->offset_bytes, f->len_bytes, f->buf, flags);
}

static void change_ended(struct model *m, const struct flight *f, enum sluice_status status)
{
	uint64_t first = f->offset_bytes / m->block_bytes, count = f->len_bytes / m->block_bytes;

	memset(m->in_doubt + first, status != SLUICE_OK, count);
	if (status != SLUICE_OK)
		return;
	if (f->op == SLUICE_OP_WRITE)
		memcpy(m->want + f->offset_bytes, f->buf, f->len_bytes);
	else
		memset(m->want + f->offset_bytes, 0, f->len_bytes);
	if (m->acknowledged)
		m->acknowledged(m, f->offset_bytes, f->len_bytes);
}

static void extent_ended(const struct flight *f)
{
	uint64_t bytes = f->x->io.extent_bytes;

	assert(bytes > 0 && bytes <= f->len_bytes);
}

static void finish(struct model *m, struct flight *f)
{
	enum sluice_status status = (enum sluice_status)f->x->io.status;

	m->ended++;
	m->failed += status != SLUICE_OK;
	if (f->op == SLUICE_OP_READ && status == SLUICE_OK)
		check_read(m, f->offset_bytes, f->len_bytes, f->buf);
	else if (f->op == SLUICE_OP_EXTENT && status == SLUICE_OK)
		extent_ended(f);
	else if (f->op == SLUICE_OP_WRITE || f->op == SLUICE_OP_UNMAP ||
		 f->op == SLUICE_OP_WRITE_ZEROES)
		change_ended(m, f, status);
	rig_wait(m->rig, f->x);
	f->x = NULL;
	free(f->memory);
}

void model_run(struct model *m, uint32_t count)
{
	struct flight all[MODEL_DEPTH] = {0};
	uint32_t started = 0, in_flight = 0;

	while (started < count || in_flight > 0) {
		for (uint32_t i = 0; i < MODEL_DEPTH; i++) {
			if (!all[i].x && started < count && below(m, 3)) {
				start(m, all, &all[i]);
				started++;
				in_flight++;
			}
			if (all[i].x && all[i].x->is_ended) {
				finish(m, &all[i]);
				in_flight--;
			}
		}
		if (in_flight > 0)
			m->step(m);
	}
}

void model_check_all(struct model *m)
{
	uint8_t *buf = aligned_alloc(4096, 1 << 20);

	assert(buf);
	for (uint64_t at = 0; at < m->size_bytes; at += 1 << 20) {
		uint64_t len = m->size_bytes - at < 1 << 20 ? m->size_bytes - at : 1 << 20;

		if (rig_do(m->rig, SLUICE_OP_READ, at, len, buf, 0) == SLUICE_OK)
			check_read(m, at, len, buf);
		else
			abort();
	}
	free(buf);
}
