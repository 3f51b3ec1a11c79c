/* SPDX-License-Identifier: MIT */
/*
 * ring_server.c - one ring: life, submission queue, completion, doorbell. Claiming is in
 * ring_claim.c.
 */
#include "ring_server.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mutate.h"
#include "ring_check.h"
#include "ring_claim.h"
#include "ring_order.h"

int ring_server_init(struct ring_server *r, struct env *env, void *base, uint64_t size_bytes,
		     struct env_bell *wake, uint64_t incarnation, struct err *err)
{
	int rc;

	assert((uintptr_t)base % 64 == 0);
	assert(incarnation != 0 && incarnation >> 24 == 0);
	memset(r, 0, sizeof(*r));
	if (size_bytes < RING_PAGE_BYTES)
		return err_set(err, EPROTO, "total_bytes",
			       "a ring of %llu bytes has no room for its header",
			       (unsigned long long)size_bytes);
	ring_copy(&r->h, base, sizeof(r->h));
	rc = ring_check_header(&r->h, size_bytes, err);
	if (rc)
		return rc;
	r->env = env;
	r->wake = wake;
	r->base = base;
	r->incarnation = incarnation;
	r->control = (struct ring_control *)(r->base + r->h.control_off);
	r->slots = (struct ring_slot *)(r->base + r->h.slots_off);
	r->sq = (const _Atomic uint32_t *)(r->base + r->h.sq_off);
	r->cq = (_Atomic uint32_t *)(r->base + r->h.cq_off);
	r->is_claimed = calloc(r->h.slot_count, sizeof(*r->is_claimed));
	r->is_seen = calloc(r->h.slot_count, sizeof(*r->is_seen));
	r->order = calloc(r->h.slot_count, sizeof(*r->order));
	if (!r->is_claimed || !r->is_seen || !r->order) {
		ring_server_fini(r);
		return err_set(err, ENOMEM, "", "no memory for a ring of %u slots",
			       r->h.slot_count);
	}
	r->claims = &r->own_claims;
	r->next_seq = 1; /* the client counts from 1 */
	/* A successor goes on where the last server stopped: the client's position in the queue is
	 * there. */
	r->cq_tail = atomic_load_explicit(&r->control->cq_tail, memory_order_relaxed);
	r->sq_head = atomic_load_explicit(&r->control->sq_tail, memory_order_relaxed);
	return 0;
}

void ring_server_fini(struct ring_server *r)
{
	assert(r->in_flight == 0);
	free(r->is_claimed);
	free(r->is_seen);
	free(r->order);
	r->is_claimed = NULL;
	r->is_seen = NULL;
	r->order = NULL;
}

void ring_server_break(struct ring_server *r, const char *fmt, ...)
{
	va_list ap;

	if (r->is_broken)
		return; /* the first cause is the one to report */
	r->is_broken = true;
	va_start(ap, fmt);
	vsnprintf(r->broken_text, sizeof(r->broken_text), fmt, ap);
	va_end(ap);
}

uint32_t ring_server_poll(struct ring_server *r, uint32_t budget, ring_take_fn take, void *ctx)
{
	uint32_t claimed = 0;

	while (!r->is_broken && budget-- > 0) {
		/* Acquire: pairs with the client's release of sq_tail; the entry and the slot are
		 * visible. */
		uint32_t tail = atomic_load_explicit(&r->control->sq_tail, memory_order_acquire);
		uint32_t waiting = tail - r->sq_head;

		if (waiting == 0)
			break;
		if (waiting > r->h.slot_count) {
			/* A client may cancel and submit anew while we do not look: hints were
			 * overwritten. */
			r->sq_head = tail;
			claimed += ring_claim_scan(r, take, ctx);
			continue;
		}
		claimed += ring_claim_queue(r, waiting, take, ctx);
	}
	return claimed;
}

bool ring_server_is_quiet(const struct ring_server *r)
{
	if (r->in_flight > 0 || r->has_completions || r->seen_count > 0)
		return false;
	return atomic_load_explicit(&r->control->sq_tail, memory_order_relaxed) == r->sq_head;
}

/* The state word that a slot of ours has now; another one means that the client wrote into it. */
static bool own_word(struct ring_server *r, uint32_t slot, uint64_t *word)
{
	unsigned state;

	*word = atomic_load_explicit(&r->slots[slot].state, memory_order_relaxed);
	state = RING_WORD_STATE(*word);
	return RING_WORD_INCARNATION(*word) == r->incarnation &&
	       (state == RING_CLAIMED || state == RING_COMPARED);
}

/* Moves a slot of ours on. Release: what was written for the next reader is visible with it. */
static void advance(struct ring_server *r, uint32_t slot, enum ring_state to)
{
	uint64_t word;

	assert(slot < r->h.slot_count && r->is_claimed[slot]);
	if (!own_word(r, slot, &word) ||
	    !atomic_compare_exchange_strong_explicit(&r->slots[slot].state, &word,
						     RING_WORD(to, r->incarnation),
						     memory_order_release, memory_order_relaxed))
		ring_server_break(r, "slot %u is ours and was changed to state %u", slot,
				  RING_WORD_STATE(word));
}

void ring_server_compared(struct ring_server *r, uint32_t slot)
{
	if (MUTATE(RING_NO_COMPARED))
		return;
	advance(r, slot, RING_COMPARED);
}

void ring_server_progress(struct ring_server *r, uint32_t slot, uint64_t progress)
{
	assert(slot < r->h.slot_count && r->is_claimed[slot]);
	if (MUTATE(RING_NO_PROGRESS))
		return;
	atomic_store_explicit(&r->slots[slot].progress, progress, memory_order_release);
}

bool ring_server_is_aborted(const struct ring_server *r, uint32_t slot)
{
	assert(slot < r->h.slot_count);
	return atomic_load_explicit(&r->slots[slot].abort, memory_order_relaxed) != 0;
}

void ring_server_done(struct ring_server *r, uint32_t slot, const struct ring_response *rsp)
{
	assert(slot < r->h.slot_count && r->is_claimed[slot] && r->in_flight > 0);
	assert(rsp->sense_bytes <= RING_SENSE_BYTES);
	memcpy(&r->slots[slot].rsp, rsp, sizeof(*rsp));
	advance(r, slot, RING_DONE);
	r->is_claimed[slot] = 0;
	r->is_seen[slot] = 0;
	r->in_flight--;
	atomic_store_explicit(&r->cq[r->cq_tail & (r->h.slot_count - 1)], slot,
			      memory_order_relaxed);
	r->cq_tail++;
	atomic_store_explicit(&r->control->cq_tail, r->cq_tail, memory_order_release);
	r->has_completions = true;
}

void ring_server_kick(struct ring_server *r)
{
	if (!r->has_completions)
		return;
	r->has_completions = false;
	/* I7: cq_tail must be visible before cq_need_kick is read; release and acquire do not order
	 * a store before a later load, not even on x86. Pairs with the client's fence before it
	 * sleeps. */
	atomic_thread_fence(memory_order_seq_cst);
	if (atomic_load_explicit(&r->control->cq_need_kick, memory_order_relaxed) != 0 && r->wake)
		env_bell_ring(r->env, r->wake);
}

bool ring_server_before_sleep(struct ring_server *r)
{
	uint32_t tail;

	if (r->is_broken)
		return false; /* a broken ring is not polled, so it must not keep its owner awake */
	atomic_store_explicit(&r->control->sq_need_kick, 1, memory_order_relaxed);
	if (MUTATE(RING_NO_FENCE_BEFORE_SLEEP))
		return false;
	/* I7: as in ring_server_kick(), from the consumer's side. */
	atomic_thread_fence(memory_order_seq_cst);
	tail = atomic_load_explicit(&r->control->sq_tail, memory_order_relaxed);
	if (tail == r->sq_head)
		return false;
	ring_server_awake(r);
	return true;
}

void ring_server_awake(struct ring_server *r)
{
	atomic_store_explicit(&r->control->sq_need_kick, 0, memory_order_relaxed);
}
