/* SPDX-License-Identifier: MIT */
/* digest.c - a job goes through its range in chunks: is it a hole, if not read it, sum it up. */
#include "digest.h"

#include <assert.h>
#include <string.h>
/* As the library says: all of it in here, so that nothing is needed on an appliance. */
#define XXH_INLINE_ALL
#include <xxhash.h>

#define RETRY_NS 5000000ull

static void next_chunk(struct digest_job *j);

static bool is_all_zeros(const uint8_t *p, uint64_t len_bytes)
{
	return len_bytes == 0 || (p[0] == 0 && memcmp(p, p + 1, len_bytes - 1) == 0);
}

void digest_block(const void *data, uint64_t len_bytes, struct digest_sum *sum)
{
	XXH128_canonical_t c;

	if (is_all_zeros(data, len_bytes)) {
		memset(sum, 0, sizeof(*sum));
		return;
	}
	XXH128_canonicalFromHash(&c, XXH3_128bits(data, len_bytes));
	static_assert(sizeof(c) == sizeof(*sum), "128 bits");
	memcpy(sum, &c, sizeof(*sum));
}

bool digest_is_zero(const struct digest_sum *sum)
{
	return is_all_zeros(sum->b, sizeof(sum->b));
}

uint32_t digest_count(uint64_t len_bytes, uint32_t block_bytes)
{
	return (uint32_t)((len_bytes + block_bytes - 1) / block_bytes);
}

static void end(struct digest_job *j, uint8_t status)
{
	if (j->buf)
		j->host->ops->buf_put(j->host->ctx, j->buf, j->buf_bytes);
	j->buf = NULL;
	j->status = status;
	j->fn(j);
}

/* Chunks begin at multiples of a block, since the range does and a chunk holds whole blocks. */
static void sum_up(struct digest_job *j)
{
	const uint8_t *p = j->buf;

	for (uint64_t at = 0; at < j->chunk_bytes; at += j->block_bytes) {
		uint64_t left = j->chunk_bytes - at;

		digest_block(p + at, left < j->block_bytes ? left : j->block_bytes,
			     &j->sums[(j->done_bytes + at) / j->block_bytes]);
	}
	j->done_bytes += j->chunk_bytes;
	next_chunk(j);
}

/* Of zeros the sums are zeros: no need to look at any. */
static void skip_hole(struct digest_job *j)
{
	memset(&j->sums[j->done_bytes / j->block_bytes], 0,
	       digest_count(j->chunk_bytes, j->block_bytes) * sizeof(*j->sums));
	j->done_bytes += j->chunk_bytes;
	next_chunk(j);
}

void digest_covered(struct digest_job *j, bool is_ok)
{
	if (is_ok)
		sum_up(j);
	else
		end(j, SLUICE_ERR_IO);
}

static void have_data(struct digest_job *j)
{
	if (j->cover)
		j->cover(j, j->offset_bytes + j->done_bytes, j->chunk_bytes, j->buf);
	else
		sum_up(j);
}

static void read_done(struct repl_own *o)
{
	struct digest_job *j = o->ctx;

	if (o->status != SLUICE_OK)
		end(j, o->status);
	else
		have_data(j);
}

static void submit(struct digest_job *j, uint8_t op, void (*fn)(struct repl_own *o))
{
	j->own.op = op;
	j->own.flags = j->flags;
	j->own.member = j->member;
	j->own.offset_bytes = j->offset_bytes + j->done_bytes;
	j->own.len_bytes = j->chunk_bytes;
	j->own.buf = j->buf;
	j->own.fn = fn;
	j->own.ctx = j;
	j->host->ops->own_submit(j->host->ctx, &j->own);
}

/* Only a chunk that is a hole whole is not read. A backend that cannot tell is read. */
static void extent_known(struct repl_own *o)
{
	struct digest_job *j = o->ctx;

	if (o->status != SLUICE_OK || !o->extent_is_hole || o->extent_bytes < j->chunk_bytes) {
		submit(j, SLUICE_OP_READ, read_done);
		return;
	}
	if (j->cover) {
		memset(j->buf, 0, j->chunk_bytes);
		have_data(j);
	} else {
		skip_hole(j);
	}
}

static void next_chunk(struct digest_job *j)
{
	uint64_t left = j->len_bytes - j->done_bytes;

	if (left == 0) {
		end(j, SLUICE_OK);
		return;
	}
	j->chunk_bytes = left < j->buf_bytes ? left : j->buf_bytes;
	submit(j, SLUICE_OP_EXTENT, extent_known);
}

static void try_buffer(struct repl_timer *t)
{
	struct digest_job *j = t->ctx;
	const struct repl_host_ops *ops = j->host->ops;

	j->buf = ops->buf_get(j->host->ctx, j->buf_bytes);
	if (j->buf)
		next_chunk(j);
	else
		ops->timer_set(j->host->ctx, t, ops->now_ns(j->host->ctx) + RETRY_NS);
}

void digest_submit(struct digest_job *j)
{
	const struct repl_host_ops *ops = j->host->ops;

	assert(j->len_bytes > 0 && j->len_bytes <= DIGEST_ASK_MAX_BYTES);
	assert(j->block_bytes >= REPL_UNIT_BYTES && j->block_bytes <= REPL_PAYLOAD_MAX);
	j->buf_bytes = j->block_bytes > DIGEST_CHUNK_BYTES ? j->block_bytes : DIGEST_CHUNK_BYTES;
	j->done_bytes = 0;
	j->own = (struct repl_own){0};
	j->retry = (struct repl_timer){.fn = try_buffer, .ctx = j};
	j->buf = ops->buf_get(j->host->ctx, j->buf_bytes);
	if (j->buf)
		next_chunk(j);
	else
		ops->timer_set(j->host->ctx, &j->retry, ops->now_ns(j->host->ctx) + RETRY_NS);
}
