/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ring_cancel.c - commands that end without an answer: deadlines, aborts, a server that is gone
 * (RING-4, RING-6).
 *
 * The only rule: a slot that somebody may still execute is not ours to end. Who may is in the
 * slot's state word, so every cancel is a compare-and-swap from a word that nobody alive owns.
 */
#include "mutate.h"
#include "ring_client_int.h"

/* Nobody executes or will execute it, or the one who claimed it is dead (incarnation 0, see
 * detached). */
static bool is_cancellable(uint64_t word)
{
	switch (RING_WORD_STATE(word)) {
	case RING_SUBMITTED:
		return true;
	case RING_CLAIMED:
	case RING_COMPARED:
		return RING_WORD_INCARNATION(word) == 0 || MUTATE(RING_CANCEL_CLAIMED);
	default:
		return false;
	}
}

/* True: the entry is finished, by us or by an answer that was there already. */
static bool try_cancel(struct ring_client *c, struct ring_entry *e, enum ring_client_end end)
{
	struct ring_slot *s = &c->slots[e->slot];
	uint64_t word = atomic_load_explicit(&s->state, memory_order_acquire);

	while (is_cancellable(word)) {
		if (MUTATE(RING_BUSY_WITHOUT_CANCEL)) {
			/* The slot is lost to us and stays SUBMITTED for the server. */
			uint32_t slot = e->slot;

			ring_client_finish_locally(c, e, end);
			c->free_slot_count--;
			atomic_store(&s->state, word);
			c->unit_of_slot[slot] = ARENA_NONE;
			return true;
		}
		if (atomic_compare_exchange_weak_explicit(
			&s->state, &word, RING_WORD(RING_CANCELLED, 0), memory_order_acq_rel,
			memory_order_acquire)) {
			ring_client_finish_locally(c, e, end);
			return true;
		}
	}
	return ring_client_take_done(c, e->slot);
}

static void abort_entry(struct ring_client *c, struct ring_entry *e)
{
	if (e->is_aborted)
		return;
	e->is_aborted = true;
	if (e->slot == ENTRY_NO_SLOT) {
		ring_client_finish_locally(c, e, RING_CLIENT_ABORTED);
		return;
	}
	if (try_cancel(c, e, RING_CLIENT_ABORTED))
		return;
	atomic_store_explicit(&c->slots[e->slot].abort, 1, memory_order_release);
	c->has_news = true;
}

static struct ring_entry *find(struct list_node *head, const void *cookie)
{
	struct list_node *n;

	list_for_each (n, head) {
		struct ring_entry *e = list_entry(n, struct ring_entry, node);

		if (e->cmd.cookie == cookie)
			return e;
	}
	return NULL;
}

bool ring_client_abort(struct ring_client *c, void *cookie, uint64_t now_ns)
{
	struct ring_entry *e = find(&c->active, cookie);

	if (!e)
		e = find(&c->waiting, cookie);
	if (!e)
		return false;
	abort_entry(c, e);
	ring_client_place_waiting(c);
	ring_client_flush(c);
	ring_client_deliver(c);
	return true;
}

static void ask_for_aborts(struct ring_client *c, struct list_node *head)
{
	struct list_node *n, *tmp;

	list_for_each_safe (n, tmp, head) {
		struct ring_entry *e = list_entry(n, struct ring_entry, node);

		if (!e->is_aborted && c->host->wants_abort(c->ctx, e->cmd.cookie))
			abort_entry(c, e);
	}
}

/*
 * A COMPARE AND WRITE whose compare had succeeded may have been applied by the server that died.
 * Answered BUSY it would be sent again and miscompare with itself, so it is left to the next server
 * for as long as an initiator may wait.
 */
static bool is_worth_waiting(struct ring_client *c, const struct ring_entry *e, uint64_t now_ns)
{
	uint64_t word = atomic_load_explicit(&c->slots[e->slot].state, memory_order_acquire);

	return RING_WORD_STATE(word) == RING_COMPARED &&
	       now_ns - e->deadline_ns < RING_CLIENT_COMPARED_EXTRA_NS;
}

/* Both lists are in the order of arrival, so of deadlines. */
static void expire(struct ring_client *c, uint64_t now_ns)
{
	struct list_node *n, *tmp;

	list_for_each_safe (n, tmp, &c->active) {
		struct ring_entry *e = list_entry(n, struct ring_entry, node);

		if (e->deadline_ns > now_ns)
			break;
		if (!is_worth_waiting(c, e, now_ns))
			try_cancel(c, e, RING_CLIENT_EXPIRED);
	}
	list_for_each_safe (n, tmp, &c->waiting) {
		struct ring_entry *e = list_entry(n, struct ring_entry, node);

		if (e->deadline_ns > now_ns)
			break;
		ring_client_finish_locally(c, e, RING_CLIENT_EXPIRED);
	}
}

void ring_client_tick(struct ring_client *c, uint64_t now_ns)
{
	if (c->host->wants_abort) {
		ask_for_aborts(c, &c->active);
		ask_for_aborts(c, &c->waiting);
	}
	expire(c, now_ns);
	ring_client_rescan(c, now_ns);
	ring_client_place_waiting(c);
	ring_client_flush(c);
	ring_client_deliver(c);
	ring_client_flush(c);
}

/* The claim's owner is dead and its I/O has ended: 0 says so, to us and to the next server. */
static void disown(struct ring_client *c, struct ring_entry *e)
{
	struct ring_slot *s = &c->slots[e->slot];
	uint64_t word = atomic_load_explicit(&s->state, memory_order_acquire);
	unsigned state = RING_WORD_STATE(word);

	if (state == RING_CLAIMED || state == RING_COMPARED)
		atomic_compare_exchange_strong_explicit(&s->state, &word, RING_WORD(state, 0),
							memory_order_acq_rel, memory_order_relaxed);
}

void ring_client_detached(struct ring_client *c, uint64_t now_ns)
{
	struct list_node *n, *tmp;

	c->is_attached = false;
	ring_client_scan(c);
	list_for_each_safe (n, tmp, &c->active) {
		struct ring_entry *e = list_entry(n, struct ring_entry, node);

		e->is_seen_done = false;
		disown(c, e);
		if (e->is_aborted)
			try_cancel(c, e, RING_CLIENT_ABORTED);
	}
	expire(c, now_ns);
	ring_client_place_waiting(c);
	ring_client_deliver(c);
	ring_client_flush(c);
}
