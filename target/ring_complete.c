/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ring_complete.c - from a DONE slot to complete(), exactly once (RING-1).
 *
 * The completion queue only hints. What completes is the entry of the slot, which is private: it is
 * unlinked from the slot before complete() is called, so a second hint, a rescan or a reconnect
 * finds nothing to complete. Results are collected first and delivered after, because complete()
 * may submit.
 */
#include <assert.h>
#include <string.h>

#include "mutate.h"
#include "ring_client_int.h"

/* One read of each word of the response; the server may write on. */
static void copy_response(struct ring_response *to, const struct ring_response *shared)
{
	const uint64_t *from = (const uint64_t *)shared;
	uint64_t words[sizeof(*to) / sizeof(uint64_t)];

	static_assert(sizeof(*to) % sizeof(uint64_t) == 0, "copied by words");
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		words[i] = __atomic_load_n(&from[i], __ATOMIC_RELAXED);
	memcpy(to, words, sizeof(words));
}

static uint32_t clamp(uint32_t value, uint32_t most)
{
	return value < most ? value : most;
}

static void fill_result(struct ring_client *c, struct ring_entry *e)
{
	struct ring_client_result *r = &e->result;
	struct ring_response rsp;

	copy_response(&rsp, &c->slots[e->slot].rsp);
	r->end = RING_CLIENT_ANSWERED;
	r->status = rsp.status;
	r->sense_bytes = (uint8_t)clamp(rsp.sense_bytes, RING_SENSE_BYTES);
	r->ua_others_asc = rsp.ua_others_asc;
	r->in_bytes = clamp(rsp.in_bytes, e->cmd.in_bytes);
	r->in_called_bytes = clamp(rsp.in_bytes, INT32_MAX);
	r->out_called_bytes = clamp(rsp.out_used_bytes, INT32_MAX);
	memcpy(r->sense, rsp.sense, r->sense_bytes);
	if (r->in_bytes > 0)
		memcpy(e->cmd.in_data,
		       c->base + c->h.arena_off +
			   (uint64_t)c->unit_of_slot[e->slot] * ARENA_UNIT_BYTES,
		       r->in_bytes);
}

static void move_to_finished(struct ring_client *c, struct ring_entry *e)
{
	list_del(&e->node);
	list_push_back(&c->finished, &e->node);
}

/* The fault that an unlinked entry prevents: a late hint completes the command that had the slot
 * before. */
static void complete_again(struct ring_client *c, uint32_t slot)
{
	struct ring_client_result again = {.end = RING_CLIENT_ANSWERED};

	if (c->last_cookie[slot])
		c->host->complete(c->ctx, c->last_cookie[slot], &again);
}

bool ring_client_take_done(struct ring_client *c, uint32_t slot)
{
	struct ring_entry *e = c->of_slot[slot];
	uint64_t word;

	if (!e) {
		if (MUTATE(RING_COMPLETE_TWICE))
			complete_again(c, slot);
		return false;
	}
	/* Acquire: pairs with the server's release of DONE; response and data are visible. */
	word = atomic_load_explicit(&c->slots[slot].state, memory_order_acquire);
	if (RING_WORD_STATE(word) != RING_DONE)
		return false;
	fill_result(c, e);
	ring_client_release_slot(c, e);
	move_to_finished(c, e);
	c->early_takes++;
	return true;
}

void ring_client_scan(struct ring_client *c)
{
	for (uint32_t slot = 0; slot < c->h.slot_count; slot++) {
		struct ring_entry *e = c->of_slot[slot];

		if (!e)
			continue;
		if (MUTATE(RING_LOSE_DONE) &&
		    RING_WORD_STATE(atomic_load(&c->slots[slot].state)) == RING_DONE) {
			ring_client_release_slot(c, e);
			list_del(&e->node);
			continue;
		}
		ring_client_take_done(c, slot);
	}
}

void ring_client_finish_locally(struct ring_client *c, struct ring_entry *e,
				enum ring_client_end end)
{
	memset(&e->result, 0, sizeof(e->result));
	e->result.end = end;
	if (end == RING_CLIENT_ABORTED) {
		e->result.status = RING_CLIENT_STATUS_TASK_ABORTED;
		c->stats.aborted++;
	} else {
		e->result.status = RING_CLIENT_STATUS_BUSY;
		c->stats.expired++;
	}
	if (e->slot != ENTRY_NO_SLOT)
		ring_client_release_slot(c, e);
	move_to_finished(c, e);
}

void ring_client_deliver(struct ring_client *c)
{
	struct list_node *n;

	if (c->is_delivering)
		return;
	c->is_delivering = true;
	while ((n = list_pop_front(&c->finished)) != NULL) {
		struct ring_entry *e = list_entry(n, struct ring_entry, node);

		c->stats.completed++;
		c->stats.in_flight--;
		c->host->complete(c->ctx, e->cmd.cookie, &e->result);
		list_push_front(&c->spare, &e->node);
	}
	c->is_delivering = false;
}

/* ------------------------------------------------------------------ the completion queue */

/* More hints than slots: what was overwritten is found by looking at all slots. Without a server
 * they are of two, one that died and one that looks at the slots before it is welcome. With one, a
 * slot that was found DONE without its hint had another one before that hint was read. Beyond that
 * no honest server goes. */
static bool is_honest(const struct ring_client *c, uint32_t waiting)
{
	return !c->is_attached || waiting - c->h.slot_count <= c->early_takes;
}

/* The hints cannot be followed. */
static void look_at_all(struct ring_client *c, uint32_t *budget)
{
	*budget = 0;
	c->cq_head = atomic_load_explicit(&c->control->cq_tail, memory_order_acquire);
	for (uint32_t slot = 0; slot < c->h.slot_count; slot++)
		if (c->of_slot[slot])
			ring_client_take_done(c, slot);
}

/* Follows the hints. budget bounds what a server can make us do in one call: one that lies, or one
 * that answers what complete() submits as fast as we look. */
static void drain_queue(struct ring_client *c, uint32_t *budget)
{
	for (;;) {
		/* Acquire: pairs with the server's release of cq_tail; the entry is visible. */
		uint32_t tail = atomic_load_explicit(&c->control->cq_tail, memory_order_acquire);
		uint32_t waiting = tail - c->cq_head, slot;

		if (waiting == 0 || *budget == 0)
			return;
		if (waiting > c->h.slot_count) {
			if (is_honest(c, waiting))
				c->stats.stale++;
			else
				c->stats.garbage++;
			look_at_all(c, budget);
			return;
		}
		(*budget)--;
		slot = atomic_load_explicit(&c->cq[c->cq_head & (c->h.slot_count - 1)],
					    memory_order_relaxed);
		c->cq_head++;
		if (slot >= c->h.slot_count) {
			c->stats.garbage++;
			look_at_all(c, budget);
			return;
		}
		if (ring_client_take_done(c, slot))
			c->early_takes--;
	}
}

/* True: completions came in before the server could see that we sleep. */
static bool before_sleep(struct ring_client *c)
{
	atomic_store_explicit(&c->control->cq_need_kick, 1, memory_order_relaxed);
	/* I7: as in ring_client_flush(), from the consumer's side. */
	atomic_thread_fence(memory_order_seq_cst);
	return atomic_load_explicit(&c->control->cq_tail, memory_order_relaxed) != c->cq_head;
}

bool ring_client_poll(struct ring_client *c, uint64_t now_ns)
{
	/* Hints for what is in slots now, for what these make room for, and stale ones. */
	uint32_t budget = 4 * c->h.slot_count + c->stats.in_flight;
	bool has_more;

	do {
		atomic_store_explicit(&c->control->cq_need_kick, 0, memory_order_relaxed);
		drain_queue(c, &budget);
		ring_client_place_waiting(c);
		ring_client_flush(c);
		ring_client_deliver(c);
		has_more = before_sleep(c);
	} while (has_more && budget > 0);
	ring_client_flush(c); /* complete() may have submitted */
	return has_more;
}

void ring_client_attached(struct ring_client *c, uint64_t now_ns)
{
	c->is_attached = true;
	c->next_rescan_ns = now_ns + RING_CLIENT_RESCAN_NS;
	/* Hints of the last server, and of this one's own look: the scan finds what they mean.
	 * Acquire: pairs with the release of cq_tail; what they hint at is visible. */
	c->cq_head = atomic_load_explicit(&c->control->cq_tail, memory_order_acquire);
	c->early_takes = 0;
	ring_client_scan(c);
	ring_client_place_waiting(c);
	/* Whatever the last server left in its flag: let the new one look once. */
	c->has_news = false;
	c->stats.kicks++;
	c->host->kick(c->ctx);
	ring_client_deliver(c);
	ring_client_flush(c);
}

/*
 * I8. A slot that was DONE at one rescan and still is at the next one lost its hint or its
 * doorbell. Once is no proof: the server may be between DONE and the doorbell.
 */
void ring_client_rescan(struct ring_client *c, uint64_t now_ns)
{
	struct list_node *n, *tmp;

	if (!c->is_attached || now_ns < c->next_rescan_ns)
		return;
	c->next_rescan_ns = now_ns + RING_CLIENT_RESCAN_NS;
	list_for_each_safe (n, tmp, &c->active) {
		struct ring_entry *e = list_entry(n, struct ring_entry, node);
		uint64_t word =
		    atomic_load_explicit(&c->slots[e->slot].state, memory_order_relaxed);

		if (RING_WORD_STATE(word) != RING_DONE)
			continue;
		if (e->is_seen_done && ring_client_take_done(c, e->slot))
			c->stats.rescues++;
		else
			e->is_seen_done = true;
	}
}
