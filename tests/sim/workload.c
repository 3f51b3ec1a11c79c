/* SPDX-License-Identifier: MIT */
#include "workload.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "cdb.h"
#include "fault.h"
#include "host.h"
#include "scsi.h"
#include "sim_disk.h"

#define BLOCK 512u

static const char *const names[WORKLOAD_OP_COUNT] = {
    "read",  "write", "write-fua", "caw", "orwrite", "write-same",
    "unmap", "sync",  "xcopy",     "tur", "inquiry", "lba-status",
};

const char *workload_op_name(uint32_t op)
{
	return names[op];
}

/* ---------------------------------------------------------------- contents */

static void fill(uint8_t *block, uint64_t value)
{
	for (unsigned k = 0; k < BLOCK / 8; k++) {
		uint64_t word = rng_rotl(value, k);

		memcpy(block + 8 * k, &word, 8);
	}
}

static uint64_t value_of(struct world *w, const uint8_t *block, uint32_t lba)
{
	uint64_t value;

	memcpy(&value, block, 8);
	for (unsigned k = 1; k < BLOCK / 8; k++) {
		uint64_t word;

		memcpy(&word, block + 8 * k, 8);
		if (word != rng_rotl(value, k))
			world_fail(w, "block %u is torn: word 0 is of %llx, word %u of %llx", lba,
				   (unsigned long long)value, k,
				   (unsigned long long)rng_rotl(word, 64 - k));
	}
	return value;
}

/* ---------------------------------------------------------------- drawing */

static uint32_t draw_op(struct world *w)
{
	uint64_t sum = 0, at;
	uint32_t op = 0;

	for (uint32_t i = 0; i < WORKLOAD_OP_COUNT; i++)
		sum += w->opt.weights[i];
	at = rng_below(&w->rng, sum);
	while (at >= w->opt.weights[op])
		at -= w->opt.weights[op++];
	return op;
}

static void draw_range(struct world *w, struct command *c)
{
	uint32_t most = WORKLOAD_BLOCKS_MAX, span = w->opt.block_count;

	if (c->op == WORKLOAD_CAW)
		most = 2;
	if (rng_pct(&w->rng, w->opt.hot_pct))
		span = 2;
	c->blocks = (uint32_t)rng_range(&w->rng, 1, rng_pct(&w->rng, 50) ? 1 : most);
	c->lba = (uint32_t)rng_below(&w->rng, span);
	if (c->lba + c->blocks > w->opt.block_count)
		c->lba = w->opt.block_count - c->blocks;
}

static enum oracle_kind kind_of(uint32_t op)
{
	switch (op) {
	case WORKLOAD_READ:
		return ORACLE_READ;
	case WORKLOAD_CAW:
		return ORACLE_CAW;
	case WORKLOAD_ORWRITE:
		return ORACLE_OR;
	case WORKLOAD_XCOPY:
		return ORACLE_COPY;
	default:
		return ORACLE_WRITE;
	}
}

static void put_cdb(struct command *c, struct cdb cdb)
{
	memset(c->cdb, 0, sizeof(c->cdb));
	memcpy(c->cdb, cdb.bytes, (size_t)cdb.len);
	c->cdb_bytes = (uint32_t)cdb.len;
	c->out_bytes = (uint32_t)cdb.out_len;
	c->in_bytes = (uint32_t)cdb.in_len;
}

static void draw_values(struct world *w, struct command *c, struct oracle_op *op)
{
	uint64_t same = rng_u64(&w->rng);

	for (uint32_t i = 0; i < c->blocks; i++) {
		uint64_t value = rng_u64(&w->rng);

		if (c->op == WORKLOAD_ORWRITE)
			value &= rng_u64(&w->rng) & rng_u64(&w->rng);
		else if (c->op == WORKLOAD_WRITE_SAME)
			value = same;
		else if (c->op == WORKLOAD_UNMAP)
			value = 0;
		op->values[i] = value;
		if (c->op == WORKLOAD_CAW)
			op->expected[i] = rng_pct(&w->rng, 85) ? oracle_guess(w->oracle, c->lba + i)
							       : rng_u64(&w->rng);
	}
}

/* One segment per block: each is a step whose progress a replay has to know. */
static void build_xcopy(struct world *w, struct command *c)
{
	uint32_t from = c->oracle->from_lba, segments = c->blocks, bytes;
	uint8_t naa[16], *seg = c->out + XCOPY_LIST_BYTES;

	scsi_naa_from_uuid(host_uuid, naa);
	put_cdb(c, cdb_xcopy_within(naa, 16, from, c->lba, 1, BLOCK, c->out));
	for (uint32_t i = 1; i < segments; i++, seg += 28) {
		memcpy(seg, seg - 28, 28);
		put_be64(seg + 12, from + i);
		put_be64(seg + 20, c->lba + i);
	}
	bytes = XCOPY_LIST_BYTES + (segments - 1) * 28;
	put_be32(c->out + 8, segments * 28);
	put_be32(c->cdb + 10, bytes);
	c->out_bytes = bytes;
}

static void build_write_same(struct world *w, struct command *c)
{
	bool may_unmap = rng_pct(&w->rng, 30);

	if (rng_pct(&w->rng, 30)) {
		memset(c->oracle->values, 0, sizeof(c->oracle->values));
		put_cdb(c, cdb_write_same16_ndob(c->lba, c->blocks, may_unmap));
		return;
	}
	if (may_unmap)
		memset(c->oracle->values, 0, sizeof(c->oracle->values));
	fill(c->out, c->oracle->values[0]);
	put_cdb(c, cdb_write_same16(c->lba, c->blocks, BLOCK, c->out, may_unmap));
}

static void build_change(struct world *w, struct command *c)
{
	struct oracle_op *op = c->oracle;
	uint32_t half = c->op == WORKLOAD_CAW ? c->blocks * BLOCK : 0;

	for (uint32_t i = 0; i < c->blocks; i++) {
		if (half)
			fill(c->out + i * BLOCK, op->expected[i]);
		fill(c->out + half + i * BLOCK, op->values[i]);
	}
	switch (c->op) {
	case WORKLOAD_WRITE:
	case WORKLOAD_WRITE_FUA:
		put_cdb(c,
			cdb_write16(c->lba, c->blocks, BLOCK, c->out, c->op == WORKLOAD_WRITE_FUA));
		break;
	case WORKLOAD_CAW:
		put_cdb(c, cdb_compare_and_write(c->lba, (uint8_t)c->blocks, BLOCK, c->out));
		break;
	case WORKLOAD_ORWRITE:
		put_cdb(c, cdb_orwrite16(c->lba, c->blocks, BLOCK, c->out));
		break;
	case WORKLOAD_WRITE_SAME:
		build_write_same(w, c);
		break;
	case WORKLOAD_UNMAP:
		put_cdb(c, cdb_unmap(c->lba, c->blocks, c->out));
		break;
	default:
		build_xcopy(w, c);
		break;
	}
}

/* Commands that say nothing about a block's content. */
static void build_other(struct world *w, struct command *c)
{
	switch (c->op) {
	case WORKLOAD_SYNC:
		c->flush_tick = oracle_tick(w->oracle);
		put_cdb(c, cdb_sync_cache16(c->lba, c->blocks));
		break;
	case WORKLOAD_TUR:
		put_cdb(c, cdb_test_unit_ready());
		break;
	case WORKLOAD_INQUIRY:
		put_cdb(c, cdb_inquiry(rng_pct(&w->rng, 50) ? 0x83 : -1, 255));
		break;
	default:
		put_cdb(c, cdb_get_lba_status(c->lba, 64));
		break;
	}
}

static bool is_about_blocks(uint32_t op)
{
	return op < WORKLOAD_SYNC || op == WORKLOAD_XCOPY;
}

static struct oracle_op *new_op(struct command *c)
{
	struct oracle_op *op = calloc(1, sizeof(*op));

	op->kind = kind_of(c->op);
	op->lba = c->lba;
	op->blocks = c->blocks;
	return op;
}

bool workload_draw(struct world *w, struct command *c, uint64_t source)
{
	uint32_t from = (uint32_t)rng_below(&w->rng, w->opt.block_count);

	memset(c, 0, offsetof(struct command, out));
	c->op = (uint8_t)draw_op(w);
	draw_range(w, c);
	if (!is_about_blocks(c->op)) {
		build_other(w, c);
		return true;
	}
	if (from + c->blocks > w->opt.block_count)
		from = w->opt.block_count - c->blocks;
	if (!oracle_has_room(w->oracle, kind_of(c->op), c->lba, c->blocks, from))
		return false;
	if (c->op == WORKLOAD_READ) {
		workload_read(w, c, c->lba, c->blocks);
		return true;
	}
	c->oracle = new_op(c);
	c->oracle->from_lba = from;
	c->oracle->source = source;
	c->is_durable = !w->opt.is_volatile || c->op == WORKLOAD_WRITE_FUA;
	draw_values(w, c, c->oracle);
	build_change(w, c);
	oracle_begin(w->oracle, c->oracle);
	return true;
}

void workload_read(struct world *w, struct command *c, uint32_t lba, uint32_t blocks)
{
	memset(c, 0, offsetof(struct command, out));
	c->op = WORKLOAD_READ;
	c->lba = lba;
	c->blocks = blocks;
	c->oracle = new_op(c);
	put_cdb(c, cdb_read16(lba, blocks, BLOCK, false));
	oracle_begin(w->oracle, c->oracle);
}

/* ---------------------------------------------------------------- answers */

static void good(struct world *w, struct command *c, const struct ring_client_result *r)
{
	uint64_t values[WORKLOAD_BLOCKS_MAX];

	/* A flush that failed has told the initiator that its unfinished writes are lost; until
	 * they are written again, reads find them in the OS's cache, and a later flush has nothing
	 * to write. */
	if (c->op == WORKLOAD_SYNC && !sim_disk_has_failed_flush(w->disk))
		oracle_flushed(w->oracle, c->lba, c->blocks, c->flush_tick);
	if (!c->oracle)
		return;
	if (c->op != WORKLOAD_READ) {
		oracle_succeeded(w->oracle, c->oracle, c->is_durable);
		return;
	}
	if (r->in_bytes != c->in_bytes)
		world_fail(w, "READ of %u bytes succeeded with %u", c->in_bytes, r->in_bytes);
	for (uint32_t i = 0; i < c->blocks; i++)
		values[i] = value_of(w, c->in + i * BLOCK, c->lba + i);
	oracle_read_is(w->oracle, c->oracle, values);
}

static bool is_miscompare(struct world *w, struct command *c, const struct ring_client_result *r,
			  uint32_t *at)
{
	uint32_t offset;

	if (c->op != WORKLOAD_CAW || r->status != 0x02 || r->sense_bytes < 18 ||
	    (r->sense[2] & 0xf) != 0xe)
		return false;
	offset = get_be32(r->sense + 3);
	if ((r->sense[0] & 0x80) == 0 || offset >= c->blocks * BLOCK)
		world_fail(w, "MISCOMPARE at offset %u of %u blocks", offset, c->blocks);
	*at = offset / BLOCK;
	return true;
}

/* An answer other than success needs a reason. */
static void check_reason(struct world *w, struct command *c, const struct ring_client_result *r)
{
	uint64_t took_ns = w->now_ns - c->sent_ns;

	if (r->end == RING_CLIENT_EXPIRED) {
		if (took_ns < RING_CLIENT_DEADLINE_NS)
			world_fail(w, "%s was answered BUSY after %llu ms", names[c->op],
				   (unsigned long long)(took_ns / MS));
		return;
	}
	if (r->status == 0x40 && c->is_abort_sent)
		return;
	if (r->end == RING_CLIENT_ANSWERED && fault_may_fail_io(w->fault))
		return;
	if (r->status == 0x08 && c->op == WORKLOAD_XCOPY)
		return; /* no scratch memory now */
	world_fail(w,
		   "%s lba %u blocks %u ended with status %02x sense %x/%02x/%02x without a reason",
		   names[c->op], c->lba, c->blocks, r->status, r->sense[2] & 0xf, r->sense[12],
		   r->sense[13]);
}

void workload_ended(struct world *w, struct command *c, const struct ring_client_result *r)
{
	uint32_t at;

	world_trace(w, "tgtd: #%llu %s lba %u blocks %u: end %d status %02x sense %x after %.3f ms",
		    (unsigned long long)c->number, names[c->op], c->lba, c->blocks, r->end,
		    r->status, r->sense[2] & 0xf, (double)(w->now_ns - c->sent_ns) / 1e6);
	if (r->status == 0) {
		good(w, c, r);
	} else if (is_miscompare(w, c, r, &at)) {
		oracle_miscompared(w->oracle, c->oracle, at);
	} else {
		check_reason(w, c, r);
		if (c->oracle)
			oracle_unknown(w->oracle, c->oracle);
	}
}
