/* SPDX-License-Identifier: MIT */
#include "ring_check.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>

void ring_copy(void *to, const void *shared, size_t bytes)
{
	const uint64_t *from = shared;
	uint64_t *out = to;

	assert(bytes % 8 == 0 && (uintptr_t)to % 8 == 0 && (uintptr_t)shared % 8 == 0);
	for (size_t i = 0; i < bytes / 8; i++)
		out[i] = __atomic_load_n(&from[i], __ATOMIC_RELAXED);
}

static int check_offset(const char *field, uint64_t is, uint64_t must, struct err *err)
{
	if (is == must)
		return 0;
	return err_set(err, EPROTO, field,
		       "ring header: %s is %" PRIu64 ", its geometry needs %" PRIu64, field, is,
		       must);
}

static int check_numbers(const struct ring_header *h, struct err *err)
{
	if (h->magic != RING_MAGIC)
		return err_set(err, EPROTO, "magic",
			       "ring header: magic is %#" PRIx64 ", expected %#" PRIx64, h->magic,
			       (uint64_t)RING_MAGIC);
	if (h->abi < RING_ABI_OLDEST || h->abi > RING_ABI)
		return err_set(
		    err, EPROTO, "abi",
		    "ring header: the client speaks ring ABI %u, this sluice-filterd %u to %u; "
		    "install versions that overlap, then restart tgtd",
		    h->abi, RING_ABI_OLDEST, RING_ABI);
	if (h->slot_count < RING_SLOTS_MIN || h->slot_count > RING_SLOTS_MAX ||
	    (h->slot_count & (h->slot_count - 1)) != 0)
		return err_set(
		    err, EPROTO, "slot_count",
		    "ring header: slot_count is %u, must be a power of two from %u to %u",
		    h->slot_count, RING_SLOTS_MIN, RING_SLOTS_MAX);
	if (h->arena_bytes == 0 || h->arena_bytes > RING_ARENA_MAX ||
	    h->arena_bytes % RING_PAGE_BYTES != 0)
		return err_set(err, EPROTO, "arena_bytes",
			       "ring header: arena_bytes is %" PRIu64
			       ", must be a multiple of %u up to %" PRIu64,
			       h->arena_bytes, RING_PAGE_BYTES, (uint64_t)RING_ARENA_MAX);
	return 0;
}

int ring_check_header(const struct ring_header *h, uint64_t size_bytes, struct err *err)
{
	struct ring_header must = {0};
	int rc = check_numbers(h, err);

	if (rc)
		return rc;
	ring_layout(&must, h->slot_count, h->arena_bytes);
	if ((rc = check_offset("control_off", h->control_off, must.control_off, err)) ||
	    (rc = check_offset("slots_off", h->slots_off, must.slots_off, err)) ||
	    (rc = check_offset("sq_off", h->sq_off, must.sq_off, err)) ||
	    (rc = check_offset("cq_off", h->cq_off, must.cq_off, err)) ||
	    (rc = check_offset("arena_off", h->arena_off, must.arena_off, err)) ||
	    (rc = check_offset("total_bytes", h->total_bytes, must.total_bytes, err)))
		return rc;
	if (size_bytes != must.total_bytes)
		return err_set(err, EPROTO, "total_bytes",
			       "ring header: the memory has %" PRIu64
			       " bytes, its geometry needs %" PRIu64,
			       size_bytes, must.total_bytes);
	return 0;
}

const char *ring_check_request(const struct ring_request *q, uint64_t arena_bytes)
{
	if (q->cdb_bytes < 6 || q->cdb_bytes > RING_CDB_BYTES)
		return "cdb_bytes is not 6 to 32";
	if (q->flags & ~RING_REQ_LUN_OFFLINE)
		return "flags has bits that this ABI does not know";
	if (q->data_bytes > RING_TRANSFER_MAX)
		return "data_bytes is over the limit of one command";
	if (q->data_off % RING_PAGE_BYTES != 0)
		return "data_off is not a multiple of 4096";
	if (q->data_off > arena_bytes || q->data_bytes > arena_bytes - q->data_off)
		return "data_off and data_bytes reach out of the arena";
	if (q->out_bytes > q->data_bytes)
		return "out_bytes is over data_bytes";
	if (q->in_bytes > q->data_bytes)
		return "in_bytes is over data_bytes";
	return NULL;
}
