/* SPDX-License-Identifier: MIT */
#include "volume_rig.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"

#define SLOT_DATA_BYTES (64u << 10)

struct rig_backend rig_backend;

/* ---------------------------------------------------------------- backend */

static void execute(struct sluice_io *io)
{
	io->status = rig_backend.fail_status;
	if (io->status == SLUICE_OK && io->op == SLUICE_OP_READ)
		memcpy(io->buf, rig_backend.data + io->offset_bytes, io->len_bytes);
	else if (io->status == SLUICE_OK && io->op == SLUICE_OP_WRITE)
		memcpy(rig_backend.data + io->offset_bytes, io->buf, io->len_bytes);
	else if (io->status == SLUICE_OK &&
		 (io->op == SLUICE_OP_UNMAP || io->op == SLUICE_OP_WRITE_ZEROES))
		memset(rig_backend.data + io->offset_bytes, 0, io->len_bytes);
	io->extent_bytes = io->len_bytes;
	io->extent_is_hole = 0;
	io->end(io);
}

static void submit(struct backend *b, struct sluice_io *io)
{
	rig_backend.submits++;
	if (!rig_backend.is_holding) {
		execute(io);
		return;
	}
	assert(rig_backend.held_count < RIG_HELD_MAX);
	rig_backend.held[rig_backend.held_count++] = io;
}

void rig_backend_end(void)
{
	uint32_t count = rig_backend.held_count;
	struct sluice_io *held[RIG_HELD_MAX];

	memcpy(held, rig_backend.held, sizeof(held));
	rig_backend.held_count = 0;
	for (uint32_t i = 0; i < count; i++)
		execute(held[i]);
}

static int create(struct env *e, const struct backend_cfg *cfg, bool is_full, struct err *err)
{
	rig_backend.creates++;
	if (rig_backend.create_result)
		return err_set(err, -rig_backend.create_result, "path",
			       "the rig refuses to create");
	return 0;
}

static int open_image(struct env *e, const struct backend_cfg *cfg, struct backend **out,
		      struct err *err)
{
	rig_backend.opens++;
	if (rig_backend.open_result)
		return err_set(err, -rig_backend.open_result, "path", "the rig refuses to open");
	assert(!rig_backend.is_open);
	rig_backend.is_open = true;
	rig_backend.base.size_bytes = cfg->size_bytes;
	*out = &rig_backend.base;
	return 0;
}

static void close_image(struct backend *b)
{
	assert(rig_backend.is_open && rig_backend.held_count == 0);
	rig_backend.is_open = false;
	rig_backend.closes++;
}

static void grow(struct backend *b, uint64_t new_size_bytes, void (*fn)(void *ctx, int result),
		 void *ctx)
{
	int rc = new_size_bytes <= RIG_SIZE_BYTES ? 0 : -ENOSPC;

	if (rc == 0)
		b->size_bytes = new_size_bytes;
	fn(ctx, rc);
}

static const struct backend_ops ops = {
    .name = "rig",
    .op_mask = SLUICE_OPS_ALL,
    .create = create,
    .open = open_image,
    .close = close_image,
    .submit = submit,
    .grow = grow,
};

const struct backend_ops *backend_find(const char *name)
{
	return strcmp(name, "none") == 0 ? NULL : &ops;
}

void rig_backend_reset(void)
{
	memset(&rig_backend, 0, sizeof(rig_backend));
	rig_backend.base.ops = &ops;
	rig_backend.base.size_bytes = RIG_SIZE_BYTES;
}

/* ---------------------------------------------------------------- ring */

void rig_ring_init(struct rig_ring *r)
{
	struct ring_header h = {.magic = RING_MAGIC, .abi = RING_ABI, .generation = 1};
	void *base = NULL;

	ring_layout(&h, RIG_SLOTS, RIG_SLOTS * SLOT_DATA_BYTES);
	if (posix_memalign(&base, RING_PAGE_BYTES, h.total_bytes) != 0)
		abort();
	memset(base, 0, h.total_bytes);
	memcpy(base, &h, sizeof(h));
	*r = (struct rig_ring){.base = base, .h = base, .next_seq = 1};
}

void rig_ring_fini(struct rig_ring *r)
{
	free(r->base);
}

struct ring_slot *rig_slot(struct rig_ring *r, uint32_t slot)
{
	return (struct ring_slot *)(r->base + r->h->slots_off) + slot;
}

uint8_t *rig_data(struct rig_ring *r, uint32_t slot)
{
	return r->base + r->h->arena_off + (size_t)slot * SLOT_DATA_BYTES;
}

void rig_submit(struct rig_ring *r, uint32_t slot, const uint8_t *cdb, uint32_t cdb_bytes,
		uint32_t out_bytes, uint32_t in_bytes)
{
	struct ring_control *c = (struct ring_control *)(r->base + r->h->control_off);
	_Atomic uint32_t *sq = (_Atomic uint32_t *)(r->base + r->h->sq_off);
	struct ring_slot *s = rig_slot(r, slot);

	assert(rig_state(r, slot) == RING_FREE);
	s->req = (struct ring_request){
	    .cmd_seq = r->next_seq++,
	    .nexus_id = 1,
	    .data_off = (uint64_t)slot * SLOT_DATA_BYTES,
	    .data_bytes = SLOT_DATA_BYTES,
	    .out_bytes = out_bytes,
	    .in_bytes = in_bytes,
	    .cdb_bytes = (uint16_t)cdb_bytes,
	};
	memcpy(s->req.cdb, cdb, cdb_bytes);
	atomic_store(&s->abort, 0);
	atomic_store(&s->state, RING_WORD(RING_SUBMITTED, 0));
	atomic_store(&sq[r->sq_tail++ % RIG_SLOTS], slot);
	atomic_store(&c->sq_tail, r->sq_tail);
}

static void rw10(uint8_t cdb[10], uint8_t op, uint32_t lba, uint16_t blocks)
{
	memset(cdb, 0, 10);
	cdb[0] = op;
	put_be32(cdb + 2, lba);
	put_be16(cdb + 7, blocks);
}

void rig_submit_write(struct rig_ring *r, uint32_t slot, uint32_t lba, uint16_t blocks,
		      uint8_t fill)
{
	uint8_t cdb[10];

	rw10(cdb, 0x2a, lba, blocks);
	memset(rig_data(r, slot), fill, blocks * 512u);
	rig_submit(r, slot, cdb, sizeof(cdb), blocks * 512u, 0);
}

void rig_submit_read(struct rig_ring *r, uint32_t slot, uint32_t lba, uint16_t blocks)
{
	uint8_t cdb[10];

	rw10(cdb, 0x28, lba, blocks);
	rig_submit(r, slot, cdb, sizeof(cdb), 0, blocks * 512u);
}

void rig_submit_caw(struct rig_ring *r, uint32_t slot, uint32_t lba, uint8_t cmp, uint8_t fill)
{
	uint8_t cdb[16] = {0x89};

	put_be64(cdb + 2, lba);
	cdb[13] = 1;
	memset(rig_data(r, slot), cmp, 512);
	memset(rig_data(r, slot) + 512, fill, 512);
	rig_submit(r, slot, cdb, sizeof(cdb), 1024, 0);
}

unsigned rig_state(struct rig_ring *r, uint32_t slot)
{
	return RING_WORD_STATE(atomic_load(&rig_slot(r, slot)->state));
}

uint8_t rig_take(struct rig_ring *r, uint32_t slot)
{
	assert(rig_state(r, slot) == RING_DONE);
	atomic_store(&rig_slot(r, slot)->state, RING_WORD(RING_FREE, 0));
	return rig_slot(r, slot)->rsp.status;
}
