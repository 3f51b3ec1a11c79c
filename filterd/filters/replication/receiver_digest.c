/* SPDX-License-Identifier: MIT */
/*
 * receiver_digest.c - digests of a range as it will be when everything that came before the
 * question is below: what lies in an open stage covers the volume. While one is made, no stage goes
 * below.
 */
#include "receiver_int.h"
#include "repl_mutate.h"

#include <string.h>

#define UNIT SLUICE_RLOG_BLOCK_BYTES

static void done(struct digest_job *j)
{
	struct recv_slot *s = j->ctx;
	struct repl_receiver *r = s->r;
	size_t bytes = j->status ? 0
				 : (size_t)digest_count(j->len_bytes, j->block_bytes) *
				       sizeof(struct digest_sum);

	receiver_answer(r, s->connection, &s->h, REPL_DIGEST, j->status, s->buf, bytes);
	r->digests--;
	turns_end(&r->turns, &s->turn);
	receiver_slot_put(s);
}

/* ---------------------------------------------------------------- what the stage holds */

static void cover_next(struct recv_slot *s);

static void cover_on(struct recv_slot *s, uint64_t bytes)
{
	bytes = bytes < s->cover_left_bytes ? bytes : s->cover_left_bytes;
	s->cover_offset_bytes += bytes;
	s->cover_at += bytes;
	s->cover_left_bytes -= bytes;
}

static void was_read(struct sluice_rlog_read *rd)
{
	struct recv_slot *s = rd->ctx;

	if (rd->result) {
		digest_covered(&s->digest, false);
		return;
	}
	cover_on(s, rd->block_count * UNIT);
	cover_next(s);
}

static void cover_next(struct recv_slot *s)
{
	while (s->cover_left_bytes) {
		uint64_t block = stage_block(s->h.member, s->cover_offset_bytes);
		uint64_t left = (s->cover_left_bytes + UNIT - 1) / UNIT;
		struct sluice_rlog_run run;

		sluice_rlog_lookup(s->stage->log, block, left, &run);
		if (run.what == SLUICE_RLOG_HAS_DATA) {
			s->read = (struct sluice_rlog_read){.block = block,
							    .block_count = run.block_count,
							    .buf = s->cover_at,
							    .fn = was_read,
							    .ctx = s};
			sluice_rlog_read(s->stage->log, &s->read);
			return;
		}
		if (run.what == SLUICE_RLOG_HAS_ZEROS)
			memset(s->cover_at, 0,
			       run.block_count * UNIT < s->cover_left_bytes ? run.block_count * UNIT
									    : s->cover_left_bytes);
		cover_on(s, run.block_count * UNIT);
	}
	digest_covered(&s->digest, true);
}

/* The buffer is a multiple of a unit, so the log may fill a volume's short last one whole. */
static void cover(struct digest_job *j, uint64_t offset_bytes, uint64_t len_bytes, void *buf)
{
	struct recv_slot *s = j->ctx;

	s->cover_offset_bytes = offset_bytes;
	s->cover_left_bytes = len_bytes;
	s->cover_at = buf;
	cover_next(s);
}

/* ---------------------------------------------------------------- the question */

static void start(struct turn *t)
{
	struct recv_slot *s = t->ctx;

	digest_submit(&s->digest);
}

static bool is_right(const struct repl_receiver *r, const struct repl_header *h,
		     const struct repl_digest_ask *ask)
{
	uint64_t block = ask->block_bytes, end = h->offset_bytes + h->len_bytes;

	return block >= REPL_UNIT_BYTES && block <= REPL_PAYLOAD_MAX &&
	       (block & (block - 1)) == 0 && h->len_bytes <= DIGEST_ASK_MAX_BYTES &&
	       h->offset_bytes % block == 0 &&
	       (end % block == 0 || end == r->host->member_size_bytes[h->member]);
}

bool receiver_digest(struct repl_receiver *r, const struct repl_header *h, const void *plain)
{
	struct stage *st = receiver_open_stage(r);
	struct repl_digest_ask ask;
	struct recv_slot *s;

	memcpy(&ask, plain, sizeof(ask));
	if (!is_right(r, h, &ask))
		return receiver_refuse(r, "the peer asked for digests of a range that cannot be");
	if (!receiver_stages_are_free(r) && !(st && st->state == STAGE_FILLING))
		return false;
	for (uint32_t i = 0; i < RECEIVER_STAGES; i++)
		if (r->stages[i].in_flight ||
		    (&r->stages[i] != st && r->stages[i].state != STAGE_FREE))
			return false;
	s = receiver_slot(r, h,
			  (uint64_t)digest_count(h->len_bytes, ask.block_bytes) *
			      sizeof(struct digest_sum));
	if (!s)
		return false;
	s->stage = st;
	s->digest = (struct digest_job){.host = r->host,
					.member = h->member,
					.block_bytes = ask.block_bytes,
					.offset_bytes = h->offset_bytes,
					.len_bytes = h->len_bytes,
					.sums = s->buf,
					.cover = st && st->state == STAGE_FILLING ? cover : NULL,
					.fn = done,
					.ctx = s};
	r->digests++;
	/* What was read may be in a volatile cache still, since before a start: the barrier by
	 * which the comparison counts makes it persistent. */
	if (!REPL_MUTATE(COMPARED_VOLATILE))
		r->touched |= 1ull << h->member;
	s->turn.start = start;
	turns_push(&r->turns, &s->turn);
	return true;
}
