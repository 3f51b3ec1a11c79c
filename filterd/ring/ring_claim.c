/* SPDX-License-Identifier: MIT */
/*
 * ring_claim.c - how a command becomes ours: compare-and-swap, one copy, check (RING-3, RING-4,
 * RING-5).
 *
 *   look ---> seize: SUBMITTED ---------CAS--> CLAIMED(ours)
 *    |               CLAIMED(older) ----CAS--> CLAIMED(ours)     recovery only
 *    |               COMPARED(older) ---CAS--> COMPARED(ours)    recovery only
 *    v                 |
 *   stale              +--> its number is read --> sorted --> copied once, checked, taken
 *
 * Nothing of a request is read before its slot is ours: until then an honest client may cancel the
 * command and write another one. A file of its own because everything that decides whether a
 * command is executed stands here.
 */
#include "ring_claim.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "mutate.h"
#include "ring_check.h"
#include "ring_order.h"

/* Ours. word: as it was when we seized it. Copy once, check the copy. */
static uint32_t take_slot(struct ring_server *r, uint32_t slot, uint64_t word, ring_take_fn take,
			  void *ctx)
{
	struct ring_slot *s = &r->slots[slot];
	unsigned was = RING_WORD_STATE(word);
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
	    .is_compared = was == RING_COMPARED,
	    .progress = was == RING_SUBMITTED
			    ? 0
			    : atomic_load_explicit(&s->progress, memory_order_relaxed),
	};
	memcpy(cmd.cdb, q.cdb, sizeof(cmd.cdb));
	/* Once given, a command keeps its number: a replay that dies half-way changes no order. */
	if (atomic_load_explicit(&s->claim_seq, memory_order_relaxed) == 0)
		atomic_store_explicit(&s->claim_seq, r->incarnation << 40 | ++*r->claims,
				      memory_order_relaxed);
	r->in_flight++;
	r->commands++;
	if (cmd.cmd_seq >= r->next_seq)
		r->next_seq = cmd.cmd_seq + 1;
	take(ctx, &cmd);
	return 1;
}

/* From the word that was looked at to ours. False: the client cancelled it in between. */
static bool seize(struct ring_server *r, uint32_t slot, uint64_t word, struct ring_order_entry *e)
{
	struct ring_slot *s = &r->slots[slot];
	uint64_t ours = RING_WORD(RING_CLAIMED, r->incarnation), expected = word;

	if (RING_WORD_STATE(word) == RING_COMPARED)
		ours = RING_WORD(RING_COMPARED, r->incarnation);
	/* Before the claim, or a server that dies right after it leaves an older command's notes to
	 * its successor. The client never reads these words. */
	if (RING_WORD_STATE(word) == RING_SUBMITTED) {
		if (!MUTATE(RING_STALE_PROGRESS))
			atomic_store_explicit(&s->progress, 0, memory_order_relaxed);
		atomic_store_explicit(&s->claim_seq, 0, memory_order_relaxed);
	}
	/* Acquire: pairs with the client's release of SUBMITTED, or with the last server's
	 * progress. Release: our store to progress is not later than the claim. */
	if (MUTATE(RING_CLAIM_BLINDLY))
		atomic_store(&s->state, ours);
	else if (!atomic_compare_exchange_strong_explicit(
		     &s->state, &expected, ours, memory_order_acq_rel, memory_order_relaxed))
		return false;
	r->is_claimed[slot] = 1;
	r->is_seen[slot] = 0;
	e->rank = 0;
	e->slot = slot;
	e->word = word;
	ring_copy(&e->cmd_seq, &s->req.cmd_seq, sizeof(e->cmd_seq));
	return true;
}

/* Whether the slot has a command for a server that recovered long ago. Breaks the ring at what
 * cannot be. */
static bool look(struct ring_server *r, uint32_t slot, uint64_t *word)
{
	unsigned state;

	*word = atomic_load_explicit(&r->slots[slot].state, memory_order_relaxed);
	state = RING_WORD_STATE(*word);
	if (r->is_claimed[slot]) {
		if (RING_WORD_INCARNATION(*word) != r->incarnation ||
		    (state != RING_CLAIMED && state != RING_COMPARED))
			ring_server_break(r, "slot %u is ours and was changed to state %u", slot,
					  state);
		return false;
	}
	switch (state) {
	case RING_SUBMITTED:
		return true;
	case RING_CANCELLED:
		return MUTATE(RING_CLAIM_BLINDLY);
	case RING_FREE:
		return MUTATE(RING_CLAIM_BLINDLY) && r->slots[slot].req.cdb_bytes;
	case RING_DONE:
		return false;
	case RING_CLAIMED:
	case RING_COMPARED:
		ring_server_break(
		    r, "slot %u is claimed by incarnation %" PRIu64 ", which is not this server",
		    slot, RING_WORD_INCARNATION(*word));
		return false;
	default:
		ring_server_break(r, "slot %u has state %u, which does not exist", slot, state);
		return false;
	}
}

/* What was seized, in the order of the client's numbers. */
static void sort(struct ring_server *r, uint32_t count)
{
	if (!MUTATE(RING_REPLAY_UNORDERED))
		ring_order_sort(r->order, count);
	for (uint32_t i = 1; i < count; i++)
		if (r->order[i].cmd_seq == r->order[i - 1].cmd_seq)
			ring_server_break(r, "slots %u and %u both have command number %" PRIu64,
					  r->order[i - 1].slot, r->order[i].slot,
					  r->order[i].cmd_seq);
}

static uint32_t take_in_order(struct ring_server *r, uint32_t count, ring_take_fn take, void *ctx)
{
	uint32_t taken = 0;

	sort(r, count);
	for (uint32_t i = 0; i < count && !r->is_broken; i++)
		taken += take_slot(r, r->order[i].slot, r->order[i].word, take, ctx);
	return taken;
}

/* ---------------------------------------------------------------- the queue */

static uint32_t next_entry(struct ring_server *r)
{
	uint32_t slot =
	    atomic_load_explicit(&r->sq[r->sq_head & (r->h.slot_count - 1)], memory_order_relaxed);

	if (slot < r->h.slot_count) {
		r->sq_head++;
		return slot;
	}
	ring_server_break(r, "submission queue names slot %u of %u", slot, r->h.slot_count);
	return UINT32_MAX;
}

uint32_t ring_claim_queue(struct ring_server *r, uint32_t waiting, ring_take_fn take, void *ctx)
{
	uint32_t count = 0;

	assert(waiting > 0 && waiting <= r->h.slot_count);
	for (; waiting > 0; waiting--) {
		uint32_t slot = next_entry(r);
		uint64_t word;

		if (r->is_broken)
			break;
		if (look(r, slot, &word) && seize(r, slot, word, &r->order[count]))
			count++;
		if (count == 0 || (count == 1 && r->order[0].cmd_seq == r->next_seq))
			break;
	}
	return take_in_order(r, count, take, ctx);
}

/* ---------------------------------------------------------------- scans */

uint32_t ring_claim_scan(struct ring_server *r, ring_take_fn take, void *ctx)
{
	uint32_t count = 0;

	for (uint32_t slot = 0; slot < r->h.slot_count && !r->is_broken; slot++) {
		uint64_t word;

		if (look(r, slot, &word) && RING_WORD_STATE(word) == RING_SUBMITTED &&
		    seize(r, slot, word, &r->order[count]))
			count++;
	}
	return take_in_order(r, count, take, ctx);
}

uint32_t ring_server_rescan(struct ring_server *r, ring_take_fn take, void *ctx)
{
	uint32_t count = 0, taken;

	r->seen_count = 0;
	for (uint32_t slot = 0; slot < r->h.slot_count && !r->is_broken; slot++) {
		uint64_t word;

		if (!look(r, slot, &word) || RING_WORD_STATE(word) != RING_SUBMITTED)
			r->is_seen[slot] = 0;
		else if (!r->is_seen[slot])
			r->seen_count += r->is_seen[slot] = 1;
		else if (seize(r, slot, word, &r->order[count]))
			count++;
	}
	taken = take_in_order(r, count, take, ctx);
	r->rescues += taken;
	return taken;
}

/* ---------------------------------------------------------------- recovery */

/* What a mutation replays although nobody waits for it. */
static bool is_wrongly_replayed(struct ring_server *r, uint32_t slot, unsigned state)
{
	if (MUTATE(RING_REPLAY_CANCELLED))
		return (state == RING_CANCELLED || state == RING_FREE) &&
		       r->slots[slot].req.cdb_bytes != 0;
	return MUTATE(RING_REPLAY_DONE) && state == RING_DONE;
}

static bool is_unfinished(unsigned state)
{
	return state == RING_SUBMITTED || state == RING_CLAIMED || state == RING_COMPARED;
}

/* Seizes what an earlier server has left. */
static uint32_t seize_all(struct ring_server *r)
{
	uint32_t count = 0;

	for (uint32_t slot = 0; slot < r->h.slot_count && !r->is_broken; slot++) {
		uint64_t word = atomic_load_explicit(&r->slots[slot].state, memory_order_relaxed);
		unsigned state = RING_WORD_STATE(word);

		if (state > RING_CANCELLED)
			ring_server_break(r, "slot %u has state %u, which does not exist", slot,
					  state);
		if (r->is_claimed[slot] ||
		    !(is_unfinished(state) || is_wrongly_replayed(r, slot, state)))
			continue;
		if (RING_WORD_INCARNATION(word) >= r->incarnation)
			ring_server_break(r,
					  "slot %u is claimed by incarnation %" PRIu64
					  ", and this server is %" PRIu64,
					  slot, RING_WORD_INCARNATION(word), r->incarnation);
		else if (seize(r, slot, word, &r->order[count]))
			count++;
	}
	return count;
}

/* Where an orphan comes: numbered ones were begun, so they come first and in that order. */
static uint64_t rank_of(struct ring_server *r, const struct ring_order_entry *e)
{
	uint64_t claim;

	if (RING_WORD_STATE(e->word) == RING_SUBMITTED || MUTATE(RING_CLAIM_ORDER))
		return UINT64_MAX;
	if (MUTATE(RING_COMPARED_LAST) && RING_WORD_STATE(e->word) == RING_COMPARED)
		return UINT64_MAX;
	claim = atomic_load_explicit(&r->slots[e->slot].claim_seq, memory_order_relaxed);
	if (claim == 0 && RING_WORD_STATE(e->word) == RING_COMPARED)
		return 0; /* held its range for certain */
	return claim ? claim : UINT64_MAX;
}

void ring_server_recover_begin(struct ring_server *r)
{
	/* The scan sees what these entries name; what comes after this load is polled. */
	r->sq_head = atomic_load_explicit(&r->control->sq_tail, memory_order_acquire);
	r->order_at = 0;
	r->order_count = seize_all(r);
	sort(r, r->order_count);
	for (uint32_t i = 0; i < r->order_count; i++)
		r->order[i].rank = rank_of(r, &r->order[i]);
	if (!MUTATE(RING_REPLAY_UNORDERED))
		ring_order_sort(r->order, r->order_count);
	/* The last server may have died between DONE and the doorbell. */
	r->has_completions = true;
}

bool ring_server_recover_next(const struct ring_server *r, uint64_t *claim)
{
	if (r->is_broken || r->order_at >= r->order_count)
		return false;
	*claim = r->order[r->order_at].rank;
	return true;
}

uint32_t ring_server_recover_take(struct ring_server *r, ring_take_fn take, void *ctx)
{
	struct ring_order_entry e = r->order[r->order_at++];

	return take_slot(r, e.slot, e.word, take, ctx);
}

uint32_t ring_server_recover(struct ring_server *r, ring_take_fn take, void *ctx)
{
	uint64_t claim;
	uint32_t taken = 0;

	ring_server_recover_begin(r);
	while (ring_server_recover_next(r, &claim))
		taken += ring_server_recover_take(r, take, ctx);
	return taken;
}
