/* SPDX-License-Identifier: MIT */
/* reencrypt_own.c - the walk's own I/O, one at a time. */
#include <assert.h>
#include <errno.h>

#include "reencrypt.h"

#define BUSY_NS (2ull * 1000 * 1000)

static void own_ended(struct sluice_own_io *own)
{
	struct reencrypt *re = own->ctx;

	re->is_own_under_way = false;
	re->own_ended(own);
}

int walk_submit(struct reencrypt *re, uint8_t op, uint64_t offset_bytes, uint64_t len_bytes,
		void *buf, void (*fn)(struct sluice_own_io *own))
{
	int rc;

	assert(!re->is_own_under_way); /* two steps at once would share buffers and place */
	re->own_ended = fn;
	re->own =
	    (struct sluice_own_io){.op = op,
				   .flags = op == SLUICE_OP_WRITE_ZEROES ? SLUICE_IO_MAY_UNMAP : 0,
				   .offset_bytes = offset_bytes,
				   .len_bytes = len_bytes,
				   .buf = buf,
				   .fn = own_ended,
				   .ctx = re};
	rc = sluice_own_submit(re->e->f, &re->own);
	re->is_own_under_way = rc == 0;
	if (rc < 0 && rc != -EOPNOTSUPP)
		walk_timer_in(re, BUSY_NS);
	return rc == -EOPNOTSUPP ? rc : 0;
}
