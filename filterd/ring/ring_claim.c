/* SPDX-License-Identifier: MIT */
/*
 * ring_claim.c - how a command becomes ours: compare-and-swap, one copy, validation (RING-3,
 * RING-4, RING-5).
 *
 *   SUBMITTED ---------------CAS--> CLAIMED(ours) -> copy -> check -> take()
 *   CLAIMED(older) ----------CAS--> CLAIMED(ours)    recovery only
 *   COMPARED(older) ---------CAS--> COMPARED(ours)   recovery only, before all others
 *
 * A file of its own because everything that decides whether a command is executed stands here.
 */
#include "ring_claim.h"

#include <inttypes.h>
#include <string.h>

#include "mutate.h"
#include "ring_check.h"
#include "ring_order.h"

/* The slot is ours: the client does not touch it until DONE, an honest one. Copy once, check the
 * copy. */
static uint32_t take_slot(struct ring_server *r, uint32_t slot, bool is_replay, bool is_compared,
			  ring_take_fn take, void *ctx)
{
	struct ring_slot *s = &r->slots[slot];
	struct ring_request q;
	struct ring_cmd cmd;
	const char *wrong;

	ring_copy(&q, &s->req, sizeof(q));
	wrong = ring_check_request(&q, r->h.arena_bytes);
	if (wrong) {
		ring_server_break(r, "slot %u: %s", slot, wrong);
		return 0;
	}
	cmd = (struct ring_cmd){
	    .slot = slot,
	    .cmd_seq = q.cmd_seq,
	    .nexus_id = q.nexus_id,
	    .data = r->base + r->h.arena_off + q.data_off,
	    .data_bytes = q.data_bytes,
	    .out_bytes = q.out_bytes,
	    .in_bytes = q.in_bytes,
	    .cdb_bytes = q.cdb_bytes,
	    .is_compared = is_compared,
	    .progress = is_replay ? atomic_load_explicit(&s->progress, memory_order_acquire) : 0,
	};
	memcpy(cmd.cdb, q.cdb, sizeof(cmd.cdb));
	r->is_claimed[slot] = 1;
	r->in_flight++;
	r->commands++;
	take(ctx, &cmd);
	return 1;
}

static uint32_t claim_submitted(struct ring_server *r, uint32_t slot, uint64_t word,
				ring_take_fn take, void *ctx)
{
	struct ring_slot *s = &r->slots[slot];

	/* Before the claim, or a server that dies right after it leaves an older command's progress
	 * to its successor. The client reads this word never. */
	if (!MUTATE(RING_STALE_PROGRESS))
		atomic_store_explicit(&s->progress, 0, memory_order_relaxed);
	if (MUTATE(RING_CLAIM_BLINDLY))
		atomic_store(&s->state, RING_WORD(RING_CLAIMED, r->incarnation));
	/* Acquire: pairs with the client's release of SUBMITTED. Release: progress is reset before.
	 */
	else if (!atomic_compare_exchange_strong_explicit(
		     &s->state, &word, RING_WORD(RING_CLAIMED, r->incarnation),
		     memory_order_acq_rel, memory_order_relaxed))
		return 0; /* the client cancelled it in between */
	return take_slot(r, slot, false, false, take, ctx);
}

uint32_t ring_claim_hint(struct ring_server *r, uint32_t slot, ring_take_fn take, void *ctx)
{
	uint64_t word = atomic_load_explicit(&r->slots[slot].state, memory_order_acquire);
	unsigned state = RING_WORD_STATE(word);

	if (r->is_claimed[slot]) {
		if (RING_WORD_INCARNATION(word) != r->incarnation ||
		    (state != RING_CLAIMED && state != RING_COMPARED))
			ring_server_break(r, "slot %u is ours and was changed to state %u", slot,
					  state);
		return 0;
	}
	switch (state) {
	case RING_SUBMITTED:
		return claim_submitted(r, slot, word, take, ctx);
	case RING_CANCELLED:
		if (MUTATE(RING_CLAIM_BLINDLY))
			return claim_submitted(r, slot, word, take, ctx);
		return 0;
	case RING_FREE:
	case RING_DONE:
		return 0;
	case RING_CLAIMED:
	case RING_COMPARED:
		ring_server_break(
		    r, "slot %u is claimed by incarnation %" PRIu64 ", which is not this server",
		    slot, RING_WORD_INCARNATION(word));
		return 0;
	default:
		ring_server_break(r, "slot %u has state %u, which does not exist", slot, state);
		return 0;
	}
}

/* All slots in one of the states of mask, sorted. Breaks the ring at what cannot be. */
static uint32_t collect(struct ring_server *r, uint32_t mask)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < r->h.slot_count; i++) {
		uint64_t word = atomic_load_explicit(&r->slots[i].state, memory_order_acquire);
		unsigned state = RING_WORD_STATE(word);
		uint64_t seq;

		if (r->is_claimed[i] || state > 31 || !(mask & 1u << state)) {
			if (state > RING_CANCELLED)
				ring_server_break(r, "slot %u has state %u, which does not exist",
						  i, state);
			continue;
		}
		ring_copy(&seq, &r->slots[i].req.cmd_seq, sizeof(seq));
		r->order[count++] =
		    (struct ring_order_entry){.cmd_seq = seq, .word = word, .slot = i};
	}
	if (!MUTATE(RING_REPLAY_UNORDERED))
		ring_order_sort(r->order, count);
	for (uint32_t i = 1; i < count; i++)
		if (r->order[i].cmd_seq == r->order[i - 1].cmd_seq)
			ring_server_break(r, "slots %u and %u both have command number %" PRIu64,
					  r->order[i - 1].slot, r->order[i].slot,
					  r->order[i].cmd_seq);
	return r->is_broken ? 0 : count;
}

uint32_t ring_claim_scan(struct ring_server *r, ring_take_fn take, void *ctx)
{
	uint32_t count = collect(r, 1u << RING_SUBMITTED), claimed = 0;

	for (uint32_t i = 0; i < count && !r->is_broken; i++)
		claimed += ring_claim_hint(r, r->order[i].slot, take, ctx);
	return claimed;
}

/* One command that an earlier server had claimed. */
static uint32_t claim_orphan(struct ring_server *r, const struct ring_order_entry *e,
			     ring_take_fn take, void *ctx)
{
	unsigned state = RING_WORD_STATE(e->word);
	uint64_t word = e->word;

	if (RING_WORD_INCARNATION(word) >= r->incarnation) {
		ring_server_break(
		    r, "slot %u is claimed by incarnation %" PRIu64 ", and this server is %" PRIu64,
		    e->slot, RING_WORD_INCARNATION(word), r->incarnation);
		return 0;
	}
	/* The client may cancel it until this moment (RING-4). */
	if (!atomic_compare_exchange_strong_explicit(&r->slots[e->slot].state, &word,
						     RING_WORD(state, r->incarnation),
						     memory_order_acq_rel, memory_order_relaxed))
		return 0;
	return take_slot(r, e->slot, true, state == RING_COMPARED, take, ctx);
}

static uint32_t replay(struct ring_server *r, const struct ring_order_entry *e, ring_take_fn take,
		       void *ctx)
{
	switch (RING_WORD_STATE(e->word)) {
	case RING_SUBMITTED:
		return claim_submitted(r, e->slot, e->word, take, ctx);
	case RING_CANCELLED: /* collected by a mutation only */
	case RING_DONE:
		atomic_store(&r->slots[e->slot].state, RING_WORD(RING_CLAIMED, r->incarnation));
		return take_slot(r, e->slot, true, false, take, ctx);
	default:
		return claim_orphan(r, e, take, ctx);
	}
}

uint32_t ring_server_recover_compared(struct ring_server *r, ring_take_fn take, void *ctx)
{
	uint32_t count, claimed = 0;

	if (MUTATE(RING_COMPARED_LAST))
		return 0;
	count = collect(r, 1u << RING_COMPARED);
	for (uint32_t i = 0; i < count && !r->is_broken; i++)
		claimed += replay(r, &r->order[i], take, ctx);
	return claimed;
}

uint32_t ring_server_recover(struct ring_server *r, ring_take_fn take, void *ctx)
{
	uint32_t mask = 1u << RING_SUBMITTED | 1u << RING_CLAIMED | 1u << RING_COMPARED;
	uint32_t count, claimed = 0;

	if (MUTATE(RING_REPLAY_CANCELLED))
		mask |= 1u << RING_CANCELLED;
	if (MUTATE(RING_REPLAY_DONE))
		mask |= 1u << RING_DONE;
	/* The scan sees what these hints name; what comes after this load is polled. */
	r->sq_head = atomic_load_explicit(&r->control->sq_tail, memory_order_acquire);
	/* All at once first: one number twice is garbage, whatever the two states. */
	count = collect(r, mask);
	if (count > 0)
		claimed += ring_server_recover_compared(r, take, ctx);
	count = collect(r, mask);
	for (uint32_t i = 0; i < count && !r->is_broken; i++)
		claimed += replay(r, &r->order[i], take, ctx);
	/* The last server may have died between DONE and the doorbell. */
	r->has_completions = true;
	return claimed;
}

uint32_t ring_server_rescan(struct ring_server *r, ring_take_fn take, void *ctx)
{
	uint32_t count, claimed = 0, found = 0;

	if (r->is_broken)
		return 0;
	count = collect(r, 1u << RING_SUBMITTED);
	for (uint32_t i = 0; i < count; i++) {
		struct ring_order_entry *e = &r->order[i];

		if (r->seen_seq[e->slot] == e->cmd_seq + 1)
			r->order[found++] = *e;
		r->seen_seq[e->slot] = e->cmd_seq + 1;
	}
	for (uint32_t i = 0; i < found && !r->is_broken; i++)
		claimed += ring_claim_hint(r, r->order[i].slot, take, ctx);
	r->rescues += claimed;
	return claimed;
}
