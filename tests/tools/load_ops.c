/* SPDX-License-Identifier: MIT */
#include "load.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "clock.h"

#define RETRY_NS       (20 * CLOCK_NS_PER_MS)
#define COMPLAINTS_MAX 20

const char *const op_words[OP_KINDS] = {"read",  "write",      "caw", "caw_miss",
					"unmap", "write_same", "sync"};

uint64_t load_random(struct load *l)
{
	l->random ^= l->random << 13;
	l->random ^= l->random >> 7;
	l->random ^= l->random << 17;
	return l->random;
}

void load_complain(struct load *l, const char *fmt, ...)
{
	va_list ap;

	if (l->complaints++ >= COMPLAINTS_MAX)
		return;
	va_start(ap, fmt);
	fputs("verify_load: ", stderr);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
	va_end(ap);
}

void load_count_finding(struct load *l, enum finding f, const char *why)
{
	static const char *const words[] = {"", "torn", "stale", "lost", "misdirected"};

	l->fig.torn += f == FINDING_TORN;
	l->fig.stale += f == FINDING_STALE;
	l->fig.lost += f == FINDING_LOST;
	l->fig.misdirected += f == FINDING_MISDIRECTED;
	load_complain(l, "%s: %s", words[f], why);
}

static enum op_kind choose_kind(struct load *l)
{
	unsigned total = 0, pick;
	int k = 0;

	for (int i = 0; i < OP_KINDS; i++)
		total += l->opt.weight[i];
	pick = (unsigned)(load_random(l) % total);
	while (pick >= l->opt.weight[k])
		pick -= l->opt.weight[k++];
	return (enum op_kind)k;
}

/* Half of the commands have 4 KiB; the others anything from one block to 256 KiB. */
static uint32_t choose_blocks(struct load *l)
{
	static const uint32_t bytes[] = {512,  4096, 4096, 4096,  4096,  4096,  4096,  4096,
					 8192, 4096, 1536, 16384, 12288, 32768, 65536, 262144};
	uint32_t n = bytes[load_random(l) % 16] / l->map.block_bytes;

	if (!n)
		n = 1;
	return n > l->map.count ? l->map.count : n;
}

static void choose_place(struct load *l, struct load_op *op, uint32_t n)
{
	uint64_t r = load_random(l);

	op->n = n;
	op->at = (uint32_t)(r % (l->map.count - n + 1));
	/* A quarter goes to a small hot region, so that commands overlap. */
	if ((r >> 40) % 4 == 0 && l->map.count > 4096 && n < 512)
		op->at %= 1024;
	if ((r >> 50) % 2 && n >= 8)
		op->at &= ~7u;
}

static enum content content_of(enum op_kind kind)
{
	return kind == OP_UNMAP ? CONTENT_ZERO : kind == OP_SAME ? CONTENT_SAME : CONTENT_DATA;
}

static bool is_write(enum op_kind kind)
{
	return kind == OP_WRITE || kind == OP_CAW || kind == OP_UNMAP || kind == OP_SAME;
}

static bool prepare_caw(struct load *l, struct load_op *op, struct cdb *cdb)
{
	const struct version *v;
	uint32_t bb = l->map.block_bytes;

	if (!load_map_may_write(&l->map, op->at, 1, true))
		return false;
	v = load_map_certain(&l->map, op->at);
	if (!v)
		return false;
	load_map_fill(&l->map, op->buf, op->at, v->gen, (enum content)v->content, v->base);
	if (op->kind == OP_CAW_MISS)
		op->buf[load_random(l) % bb] ^= 0x55;
	load_map_fill(&l->map, op->buf + bb, op->at, op->gen, CONTENT_DATA, op->at);
	load_map_lock(&l->map, op->at, true);
	*cdb = cdb_compare_and_write(l->map.first_lba + op->at, 1, bb, op->buf);
	return true;
}

static bool prepare_write(struct load *l, struct load_op *op, struct cdb *cdb)
{
	uint64_t lba = l->map.first_lba + op->at;
	uint32_t bb = l->map.block_bytes;

	if (!load_map_may_write(&l->map, op->at, op->n, false))
		return false;
	if (op->kind == OP_UNMAP) {
		*cdb = cdb_unmap(lba, op->n, op->list);
		return true;
	}
	for (uint32_t i = 0; i < (op->kind == OP_SAME ? 1 : op->n); i++)
		load_map_fill(&l->map, op->buf + (size_t)i * bb, op->at + i, op->gen,
			      content_of(op->kind), op->at);
	*cdb = op->kind == OP_SAME ? cdb_write_same16(lba, op->n, bb, op->buf, false)
				   : cdb_write16(lba, op->n, bb, op->buf, false);
	return true;
}

static bool prepare(struct load *l, struct load_op *op, struct cdb *cdb)
{
	switch (op->kind) {
	case OP_READ:
		*cdb = cdb_read16(l->map.first_lba + op->at, op->n, l->map.block_bytes, false);
		cdb->in_buf = op->buf;
		return true;
	case OP_SYNC:
		*cdb = cdb_sync_cache16(0, 0);
		return true;
	case OP_CAW:
	case OP_CAW_MISS:
		return prepare_caw(l, op, cdb);
	default:
		return prepare_write(l, op, cdb);
	}
}

bool load_op_choose(struct load *l, struct load_op *op, struct cdb *cdb)
{
	op->kind = choose_kind(l);
	op->gen = l->next_gen;
	choose_place(l, op, op->kind == OP_CAW || op->kind == OP_CAW_MISS ? 1 : choose_blocks(l));
	if (!prepare(l, op, cdb))
		return false;
	l->next_gen++;
	op->start = ++l->now;
	if (is_write(op->kind))
		load_map_begin(&l->map, op->at, op->n, op->gen, content_of(op->kind), op->start);
	return true;
}

static void end_write(struct load *l, struct load_op *op, enum write_end how)
{
	uint64_t now = ++l->now;

	if (op->kind == OP_CAW || op->kind == OP_CAW_MISS)
		load_map_lock(&l->map, op->at, false);
	if (is_write(op->kind))
		load_map_end(&l->map, op->at, op->n, op->gen, how, now);
}

static void judge_read(struct load *l, struct load_op *op)
{
	uint64_t now = ++l->now;
	char why[600];

	for (uint32_t i = 0; i < op->n; i++) {
		enum finding f =
		    load_map_judge(&l->map, op->buf + (size_t)i * l->map.block_bytes, op->at + i,
				   op->start, now, false, why, sizeof(why));

		if (f)
			load_count_finding(l, f, why);
	}
}

static void on_error(struct load *l, struct load_op *op, const struct outcome *out)
{
	char text[64];

	l->fig.errors++;
	load_complain(l, "%s of %u blocks at %" PRIu64 " failed: %s", op_words[op->kind], op->n,
		      l->map.first_lba + op->at, outcome_text(out, text, sizeof(text)));
	end_write(l, op, WRITE_MAYBE);
}

static bool is_miscompare(const struct outcome *out)
{
	return out->status == SCSI_STATUS_CHECK_CONDITION && out->key == SCSI_SENSE_MISCOMPARE;
}

static void on_good(struct load *l, struct load_op *op)
{
	if (op->kind == OP_CAW_MISS) {
		l->fig.false_match++;
		load_complain(l, "COMPARE AND WRITE at %" PRIu64 " matched what was not there",
			      l->map.first_lba + op->at);
	}
	if (op->kind == OP_READ)
		judge_read(l, op);
	else
		end_write(l, op, WRITE_APPLIED);
	l->fig.ops++;
	l->fig.by_kind[op->kind]++;
	l->fig.bytes +=
	    op->kind == OP_READ || op->kind == OP_WRITE ? (uint64_t)op->n * l->map.block_bytes : 0;
}

void load_op_answered(struct load *l, struct load_op *op, const struct outcome *out)
{
	bool is_attention =
	    out->status == SCSI_STATUS_CHECK_CONDITION && out->key == SCSI_SENSE_UNIT_ATTENTION;

	if (out->status == SCSI_STATUS_GOOD) {
		on_good(l, op);
	} else if (op->kind == OP_CAW_MISS && is_miscompare(out)) {
		end_write(l, op, WRITE_NEVER);
		l->fig.ops++;
		l->fig.by_kind[op->kind]++;
	} else if (is_attention || out->status == SCSI_STATUS_BUSY ||
		   out->status == SCSI_STATUS_TASK_SET_FULL) {
		/*
		 * An initiator would send it again; here other data follow, so that a late effect
		 * shows. BUSY may be the answer to what a dead server had begun: it may have had
		 * its effect, but never later than now. What was refused at the door had none.
		 */
		l->fig.attentions += is_attention;
		l->fig.busy += !is_attention;
		end_write(l, op, out->status == SCSI_STATUS_BUSY ? WRITE_MAYBE : WRITE_NEVER);
		op->not_before_ns = clock_now_ns() + RETRY_NS;
	} else {
		on_error(l, op, out);
	}
	op->state = OP_IDLE;
	l->in_flight--;
}

void load_op_forget(struct load *l, struct load_op *op)
{
	end_write(l, op, WRITE_MAYBE);
	l->fig.unknown++;
	op->state = OP_IDLE;
	l->in_flight--;
}
