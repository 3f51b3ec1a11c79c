// SPDX-License-Identifier: MIT
/*
 * oracle.c - what may be read, and what may not happen.
 *
 * Each block has one client with one I/O at a time, so a block's history is a line: what was
 * acknowledged last, then what began since and may have happened. A read settles which.
 *
 *   REPL-1  never two nodes that may answer       REPL-2  no read of anything older
 *   REPL-3  nothing of a lower term is taken      REPL-6  only a side in sync is promoted
 *           (link.c)                              REPL-9  a replica is a point in time
 *   REPL-10 equal in the end: nothing that differed was forgotten
 *   P2      a term never falls                    P3      who serves after a start has somebody's
 *   P4      two that have written are not merged          word
 *
 * A promotion by force gives up what the replica lacks: from then on its image counts, if it is a
 * point in time.
 */
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "lineage.h"
#include "world.h"

void oracle_init(struct world *w)
{
	/* A page each, in all extents, some close together. */
	static const uint64_t at[BLOCKS] = {0,       4096,    8192,    16384,      65536,
					    1048576, 4194304, 4198400, 4259840,    4325376,
					    0,       4096,    61440,   SMALL_BYTES};

	for (uint32_t i = 0; i < BLOCKS; i++) {
		struct block *b = &w->blocks[i];

		memset(b, 0, offsetof(struct block, may));
		b->member = i >= 10;
		b->offset_bytes = at[i];
		b->len_bytes = PAGE_BYTES;
		if (w->block_bytes == 512 && i % 4 == 1) {
			b->len_bytes = 1024;
			b->offset_bytes += 512;
		}
		b->may[0] = 0;
		b->may_count = 1;
		b->is_loose = false;
		b->history_count = 0;
	}
}

void oracle_began(struct world *w, uint32_t block, uint64_t value)
{
	struct block *b = &w->blocks[block];

	if (b->may_count == HISTORY_MAX)
		world_fail(w, "the oracle's history of block %u is full", block);
	b->may[b->may_count++] = value;
}

static void check_one_serves(struct world *w, int node, const char *what)
{
	if (side_may_answer(&w->nodes[1 - node]) && !w->was_forced)
		world_fail(w, "REPL-1: node %d %s while node %d may serve, too", node, what,
			   1 - node);
}

/* What counts is what the node says that counts. */
static bool is_of_no_account(const struct world *w, int node)
{
	return w->was_forced && node != w->current;
}

void oracle_ran(struct world *w, uint32_t block, uint64_t lsn, uint64_t value, uint64_t head,
		int node)
{
	struct block *b = &w->blocks[block];
	uint32_t n = b->history_count;

	if (is_of_no_account(w, node))
		return;
	if (n && b->history[n - 1].lsn == lsn)
		return;
	if (n == HISTORY_MAX) {
		memmove(&b->history[0], &b->history[1], (n - 1) * sizeof(b->history[0]));
		n--;
	}
	b->history[n].lsn = lsn;
	b->history[n].value = value;
	b->history[n].head = head;
	b->history_count = n + 1;
}

void oracle_acked(struct world *w, uint32_t block, uint64_t value, int node, bool is_loose)
{
	struct block *b = &w->blocks[block];

	if (is_of_no_account(w, node))
		return;
	check_one_serves(w, node, "acknowledges a write");
	b->is_loose = is_loose;
	if (is_loose)
		return;
	b->may[0] = value;
	b->may_count = 1;
}

/* Drops what came before index i. */
static void settle(struct block *b, uint32_t i)
{
	memmove(&b->may[0], &b->may[i], (b->may_count - i) * sizeof(b->may[0]));
	b->may_count -= i;
}

static void list(const struct block *b, char *text, size_t room)
{
	size_t at = 0;

	text[0] = 0;
	for (uint32_t i = 0; i < b->may_count && at + 24 < room; i++)
		at +=
		    (size_t)snprintf(text + at, room - at, " %llu", (unsigned long long)b->may[i]);
}

void oracle_read(struct world *w, uint32_t block, uint64_t value, int node)
{
	struct block *b = &w->blocks[block];
	char text[200];

	if (is_of_no_account(w, node))
		return;
	check_one_serves(w, node, "answers a read");
	for (uint32_t i = 0; i < b->may_count; i++) {
		if (b->may[i] == value) {
			if (!b->is_loose)
				settle(b, i);
			return;
		}
	}
	list(b, text, sizeof(text));
	world_fail(w, "REPL-2: block %u reads as %lld at node %d; it may be:%s", block,
		   (long long)value, node, text);
}

/* ---------------------------------------------------------------- points in time */

/* A write that is there has all that were acknowledged before it came; those that were under way
 * beside it may be there or not. */
const char *oracle_point_in_time(struct world *w, int node)
{
	static char why[160];
	uint64_t low = 0, high = UINT64_MAX;
	uint32_t low_block = 0;

	for (uint32_t i = 0; i < BLOCKS; i++) {
		const struct block *b = &w->blocks[i];
		uint64_t value = side_value(&w->nodes[node], i);
		uint64_t from = 0, to = UINT64_MAX;
		bool is_known = value == 0 && b->history_count == 0;

		if (value == UINT64_MAX || value > w->next_value) {
			snprintf(why, sizeof(why), "block %u holds what nobody has written", i);
			return why;
		}
		/* Zeros come more than once, and the oldest place of a value is not kept for ever.
		 */
		for (uint32_t k = 0; k < b->history_count && value != 0; k++) {
			if (b->history[k].value != value)
				continue;
			is_known = true;
			from = b->history[k].lsn;
			to = k + 1 < b->history_count ? b->history[k + 1].head : UINT64_MAX;
		}
		if (!is_known)
			continue;
		if (from > low) {
			low = from;
			low_block = i;
		}
		if (to < high)
			high = to;
		if (low > high) {
			snprintf(why, sizeof(why),
				 "block %u has lsn %llu and block %u lacks what was acknowledged "
				 "at %llu",
				 low_block, (unsigned long long)low, i, (unsigned long long)high);
			return why;
		}
	}
	return NULL;
}

/* From now on this node's image is what counts. What it had under way when it was killed may be in
 * a cache, be read, and go with the power; not when it was promoted and has not served since. */
static void adopt(struct world *w, int node)
{
	const struct node *n = &w->nodes[node];

	world_say(w, "node %d's image counts from now on", node);
	w->current = node;
	for (uint32_t i = 0; i < BLOCKS; i++) {
		struct block *b = &w->blocks[i];
		uint64_t value = side_value(n, i);

		b->may[0] = value;
		b->may_count = 1;
		if (!n->is_promoted)
			b->may_count = side_values(n, i, b->may, HISTORY_MAX / 2);
		b->is_loose = b->may_count > 1;
		b->history[0].lsn = b->history[0].head = 0;
		b->history[0].value = value;
		b->history_count = 1;
	}
	for (uint32_t i = 0; i < CLIENTS; i++) {
		struct client *c = &w->clients[i];

		/* What is under way there may still happen. */
		if (c->is_busy && c->is_write && c->node == node)
			oracle_began(w, c->block, c->value);
	}
}

/* After a change of the primary, or its crash, what was not acknowledged may be gone. */
static void forget_lost(struct world *w, int node)
{
	for (uint32_t i = 0; i < BLOCKS; i++) {
		struct block *b = &w->blocks[i];
		uint64_t value = side_value(&w->nodes[node], i);
		uint32_t n = b->history_count;

		while (n > 0 && b->history[n - 1].value != value)
			n--;
		if (n > 0 || value == 0) /* zeros of the beginning: none of it has happened */
			b->history_count = n;
	}
}

/* Of a pair changes under way come in any order: nobody has heard of them. */
void oracle_started(struct world *w, int node)
{
	const struct repl_node_record *r = side_record(&w->nodes[node]);
	const char *why;

	if (w->is_sync || w->was_forced || w->current == node ||
	    r->state != REPL_SECONDARY_SYNCING || !r->is_consistent)
		return;
	why = oracle_point_in_time(w, node);
	if (why)
		world_fail(w, "REPL-9: node %d starts and is no point in time: %s", node, why);
}

void oracle_serves(struct world *w, int node)
{
	const struct repl_node *m = side_machine(&w->nodes[node]);

	if (side_may_answer(&w->nodes[1 - node]) && !w->was_forced)
		world_fail(w, "REPL-1: node %d begins to serve, and node %d may, too", node,
			   1 - node);
	if (!w->nodes[node].has_word)
		world_fail(w, "P3: node %d serves after a start, and nobody has confirmed it",
			   node);
	if (w->was_forced && w->current != node) {
		if (m->record.is_consistent) {
			const char *why = oracle_point_in_time(w, node);

			if (why)
				world_fail(
				    w, "REPL-9: promoted by force, node %d is no point in time: %s",
				    node, why);
		}
		adopt(w, node);
	}
	w->current = node;
	w->nodes[node].is_promoted = false;
	forget_lost(w, node);
}

/* Of two that serve after a force the one that goes on counts. */
void oracle_serves_no_more(struct world *w, int node)
{
	if (w->was_forced && w->current == node && w->nodes[1 - node].is_serving)
		adopt(w, 1 - node);
}

/* ---------------------------------------------------------------- records */

static void check_equal(struct world *w, const char *when)
{
	for (uint32_t i = 0; i < BLOCKS; i++) {
		uint64_t a = side_value(&w->nodes[0], i), b = side_value(&w->nodes[1], i);

		if (a != b)
			world_fail(w, "%s, block %u is %llu on node 0 and %llu on node 1", when, i,
				   (unsigned long long)a, (unsigned long long)b);
	}
}

static bool is_primary(const struct repl_node_record *r)
{
	return r->state == REPL_PRIMARY_PAIR || r->state == REPL_PRIMARY_ALONE;
}

/* The other one's record says that it gave the role to this one. */
static bool was_given(const struct world *w, int node, const struct repl_node_record *before)
{
	const struct repl_node_record *other = side_record(&w->nodes[1 - node]);
	const struct repl_reign *r;
	uint8_t uuid[16];

	if (!other || !other->lineage_count)
		return false;
	memset(uuid, node + 1, sizeof(uuid));
	r = &other->lineage[other->lineage_count - 1];
	return memcmp(r->writer_uuid, uuid, sizeof(uuid)) == 0 && r->term > before->term;
}

/* Where there is a witness, that one looks (witness.c). */
static void check_promotion(struct world *w, int node, const struct repl_node_record *before)
{
	bool was_in_sync = before->state == REPL_SECONDARY_INSYNC ||
			   (before->state == REPL_OUTDATED && before->insync & REPL_SELF);

	if (!was_in_sync && !was_given(w, node, before) && !w->has_witness && !w->was_forced)
		world_fail(w, "REPL-6: node %d, which is not in sync, becomes primary", node);
}

static void compare(const struct repl_node_record *own, const struct repl_node_record *other,
		    struct lineage_relation *r)
{
	struct lineage a = {own->lineage, own->lineage_count, own->wrote_alone};
	struct lineage b = {other->lineage, other->lineage_count, other->wrote_alone};

	lineage_compare(&a, &b, r);
}

/* One that has written follows one that has written, too, and no operator has said so. A primary
 * yields to the witness's word at once, and hears of the split when the two meet. */
static void check_follows(struct world *w, int node, const struct repl_node_record *before,
			  const struct repl_node_record *after)
{
	const struct repl_node_record *other = side_record(&w->nodes[1 - node]);
	bool yields = is_primary(before) && after->state == REPL_OUTDATED && !w->has_witness &&
		      after->insync == REPL_PEER;
	bool follows = before->state == REPL_OUTDATED && after->state == REPL_SECONDARY_SYNCING;
	struct lineage_relation r;

	if ((!yields && !follows) || !other || !is_primary(other) || other->keeps_own ||
	    before->may_discard || after->may_discard)
		return;
	compare(before, other, &r);
	if (r.own_wrote && r.peer_wrote)
		world_fail(w, "P4: node %d follows node %d, and both have written", node, 1 - node);
}

/* The one that was forced is followed by one that has written nothing since: what that one has had
 * before was given up by the force. */
static bool yields_to_forced(const struct world *w, int node, const struct repl_node_record *before,
			     const struct repl_node_record *after)
{
	const struct repl_node_record *other = side_record(&w->nodes[1 - node]);
	struct lineage_relation r;

	if (!w->was_forced || w->current != node || !is_primary(before) ||
	    after->state != REPL_OUTDATED || !other || !is_primary(other))
		return false;
	compare(before, other, &r);
	return !r.own_wrote && r.peer_beyond > 0;
}

void oracle_record(struct world *w, int node, const struct repl_node_record *before,
		   const struct repl_node_record *after)
{
	if (is_primary(after) && !is_primary(before) && before->version) {
		w->nodes[node].is_promoted = true;
		if (before->state != REPL_DIVERGED)
			check_promotion(w, node, before);
	}
	check_follows(w, node, before, after);
	if (yields_to_forced(w, node, before, after))
		adopt(w, 1 - node);
	if (before->term > after->term)
		world_fail(w, "P2: node %d's term goes from %llu back to %llu", node,
			   (unsigned long long)before->term, (unsigned long long)after->term);
	if (before->state != after->state)
		world_say(w, "node %d is %s, term %llu", node,
			  node_state_name((enum repl_node_state)after->state),
			  (unsigned long long)after->term);
	if (after->state == REPL_SECONDARY_INSYNC && before->state != REPL_SECONDARY_INSYNC) {
		/* Its primary was forced, and does not serve yet. */
		if (w->was_forced && w->current == node)
			adopt(w, 1 - node);
		w->was_forced = false;
	}
}

void oracle_final(struct world *w)
{
	for (uint32_t i = 0; i < BLOCKS; i++) {
		struct block *b = &w->blocks[i];
		uint64_t value = side_value(&w->nodes[w->current], i);
		bool is_known = false;

		for (uint32_t k = 0; k < b->may_count; k++)
			is_known = is_known || b->may[k] == value;
		if (!is_known) {
			char text[200];

			list(b, text, sizeof(text));
			world_fail(w,
				   "REPL-2: in the end block %u is %lld on node %d; it may be:%s",
				   i, (long long)value, w->current, text);
		}
	}
	check_equal(w, "REPL-10: in the end");
	/* And everywhere else. */
	for (uint32_t m = 0; m < MEMBERS; m++) {
		for (uint32_t p = 0; p < w->nodes[0].volumes[m].page_count; p++) {
			static const uint8_t zeros[PAGE_BYTES];
			const uint8_t *a = w->nodes[0].volumes[m].cache[p];
			const uint8_t *b = w->nodes[1].volumes[m].cache[p];

			if (a == b)
				continue;
			if (memcmp(a ? a : zeros, b ? b : zeros, PAGE_BYTES) != 0)
				world_fail(w, "REPL-10: in the end page %u of member %u differs", p,
					   m);
		}
	}
}
