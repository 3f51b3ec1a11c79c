/* SPDX-License-Identifier: MIT */
#include "oracle.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ACTIVE_MAX  4u    /* commands that change one block at a time */
#define CONFIGS_MAX 4096u /* reachable ones of a block; usually a few dozen */
#define VALUES_MAX  8192u

struct config {
	uint64_t value;
	uint8_t applied; /* bit per active command */
	uint8_t matched; /* of those, which COMPARE AND WRITEs found what they expected */
	uint8_t skipped; /* overtaken by a later one of their tgtd: too late for them */
};

struct past_value {
	uint64_t value;
	uint64_t last_tick; /* when it was possible for the last time */
};

struct block {
	struct config
	    *configs; /* as of the last answer; later effects are explored when they matter */
	uint32_t config_count;
	struct oracle_op *active[ACTIVE_MAX];
	uint64_t pruned;  /* tick of the last answer that chose among configurations */
	uint64_t durable; /* tick before which nothing is left to chance */
	struct past_value *past;
	uint32_t past_count, past_room;
};

struct oracle {
	struct world *w;
	uint64_t tick;
	struct block *blocks;
	uint32_t copies_active;
	struct config reach[CONFIGS_MAX]; /* scratch of explore() */
	uint32_t reach_count;
	uint64_t values[VALUES_MAX];
};

struct oracle *oracle_new(struct world *w)
{
	struct oracle *o = malloc(sizeof(*o));

	o->w = w;
	o->tick = 1;
	o->copies_active = 0;
	o->blocks = calloc(w->opt.block_count, sizeof(*o->blocks));
	for (uint32_t i = 0; i < w->opt.block_count; i++) {
		o->blocks[i].configs = calloc(1, sizeof(struct config));
		o->blocks[i].config_count = 1;
	}
	return o;
}

uint64_t oracle_tick(struct oracle *o)
{
	return ++o->tick;
}

/* ---------------------------------------------------------------- what can be reached */

static void reach_add(struct oracle *o, struct config add)
{
	for (uint32_t i = 0; i < o->reach_count; i++) {
		struct config *c = &o->reach[i];

		if (c->value == add.value && c->applied == add.applied &&
		    c->matched == add.matched && c->skipped == add.skipped)
			return;
	}
	if (o->reach_count == CONFIGS_MAX)
		world_give_up(o->w); /* a COPY of a block with a long past, and ORs on top of it */
	o->reach[o->reach_count++] = add;
}

static uint32_t explore(struct oracle *o, uint32_t lba);

/* Values that a block may have had since a tick. */
static uint32_t possible_since(struct oracle *o, uint32_t lba, uint64_t tick, uint64_t *values)
{
	struct block *b = &o->blocks[lba];
	uint32_t count = 0, reach = explore(o, lba);

	for (uint32_t i = 0; i < reach && count < VALUES_MAX; i++)
		values[count++] = o->reach[i].value;
	for (uint32_t i = 0; i < b->past_count && count < VALUES_MAX; i++)
		if (b->past[i].last_tick >= tick)
			values[count++] = b->past[i].value;
	return count;
}

static void apply(struct oracle *o, const struct oracle_op *op, uint32_t i, struct config c,
		  uint32_t bit, uint32_t copy_values)
{
	c.applied |= (uint8_t)bit;
	switch (op->kind) {
	case ORACLE_WRITE:
		c.value = op->values[i];
		break;
	case ORACLE_OR:
		c.value |= op->values[i];
		break;
	case ORACLE_CAW:
		if (c.value == op->expected[i]) {
			c.value = op->values[i];
			c.matched |= (uint8_t)bit;
		}
		break;
	case ORACLE_COPY:
		for (uint32_t k = 0; k < copy_values; k++) {
			c.value = o->values[k];
			reach_add(o, c);
		}
		return;
	case ORACLE_READ:
		break;
	}
	reach_add(o, c);
}

/* Active commands of the same tgtd that were sent before; EXTENDED COPY locks piece by piece, so it
 * has no place in the order. */
static uint32_t earlier(const struct block *b, const struct oracle_op *op)
{
	uint32_t mask = 0;

	for (uint32_t k = 0; k < ACTIVE_MAX; k++) {
		const struct oracle_op *other = b->active[k];

		if (other && other->source == op->source && other->began < op->began &&
		    op->kind != ORACLE_COPY && other->kind != ORACLE_COPY)
			mask |= 1u << k;
	}
	return mask;
}

/* Every configuration that commands in flight can lead to from the known ones, into o->reach. */
static uint32_t explore(struct oracle *o, uint32_t lba)
{
	struct block *b = &o->blocks[lba];
	uint32_t copy_values = 0;

	for (uint32_t k = 0; k < ACTIVE_MAX; k++)
		if (b->active[k] && b->active[k]->kind == ORACLE_COPY)
			copy_values =
			    possible_since(o, b->active[k]->from_lba + lba - b->active[k]->lba,
					   b->active[k]->began, o->values);
	memcpy(o->reach, b->configs, b->config_count * sizeof(*b->configs));
	o->reach_count = b->config_count;
	for (uint32_t at = 0; at < o->reach_count; at++)
		for (uint32_t k = 0; k < ACTIVE_MAX; k++) {
			struct oracle_op *op = b->active[k];
			struct config c = o->reach[at];

			if (!op || (c.applied | c.skipped) & 1u << k)
				continue;
			c.skipped |= (uint8_t)(earlier(b, op) & ~c.applied);
			apply(o, op, lba - op->lba, c, 1u << k, copy_values);
		}
	return o->reach_count;
}

static void remember(struct oracle *o, struct block *b, uint64_t value)
{
	for (uint32_t i = 0; i < b->past_count; i++)
		if (b->past[i].value == value) {
			b->past[i].last_tick = o->tick;
			return;
		}
	if (b->past_count == b->past_room) {
		b->past_room = b->past_room ? b->past_room * 2 : 16;
		b->past = realloc(b->past, b->past_room * sizeof(*b->past));
	}
	b->past[b->past_count++] = (struct past_value){.value = value, .last_tick = o->tick};
}

/* The reachable configurations were possible until now; the first count of o->reach remain. */
static void keep(struct oracle *o, struct block *b, uint32_t count)
{
	if (count > b->config_count || !b->configs)
		b->configs = malloc(count * sizeof(*b->configs));
	memcpy(b->configs, o->reach, count * sizeof(*b->configs));
	b->config_count = count;
	b->pruned = o->tick;
}

static void remember_all(struct oracle *o, struct block *b, uint32_t reach)
{
	oracle_tick(o);
	for (uint32_t i = 0; i < reach; i++)
		remember(o, b, o->reach[i].value);
	oracle_tick(o);
}

/* ---------------------------------------------------------------- begin */

bool oracle_has_room(struct oracle *o, enum oracle_kind kind, uint32_t lba, uint32_t blocks,
		     uint32_t from_lba)
{
	if (kind == ORACLE_READ)
		return true;
	if (kind == ORACLE_COPY &&
	    (o->copies_active || (lba < from_lba + blocks && from_lba < lba + blocks)))
		return false;
	for (uint32_t i = lba; i < lba + blocks; i++) {
		uint32_t free = 0;

		for (uint32_t k = 0; k < ACTIVE_MAX; k++)
			free += !o->blocks[i].active[k];
		if (free == 0 || o->blocks[i].config_count > 16)
			return false;
	}
	return true;
}

uint64_t oracle_guess(struct oracle *o, uint32_t lba)
{
	uint32_t reach = explore(o, lba);

	return o->reach[rng_below(&o->w->rng, reach)].value;
}

void oracle_begin(struct oracle *o, struct oracle_op *op)
{
	op->began = oracle_tick(o);
	if (op->kind == ORACLE_READ)
		return;
	o->copies_active += op->kind == ORACLE_COPY;
	for (uint32_t i = 0; i < op->blocks; i++) {
		struct block *b = &o->blocks[op->lba + i];
		uint8_t k = 0;

		while (b->active[k])
			k++;
		assert(k < ACTIVE_MAX);
		b->active[k] = op;
		op->index[i] = k;
	}
}

/* ---------------------------------------------------------------- ends */

static void fail(struct oracle *o, uint32_t lba, const char *what, uint64_t value)
{
	struct block *b = &o->blocks[lba];
	char list[256] = "";
	size_t n = 0;

	for (uint32_t i = 0; i < b->config_count && n < sizeof(list) - 24; i++)
		n += (size_t)snprintf(list + n, sizeof(list) - n, " %" PRIx64, b->configs[i].value);
	world_fail(o->w, "block %u: %s %" PRIx64 "; known values:%s", lba, what, value, list);
}

void oracle_read_is(struct oracle *o, struct oracle_op *op, const uint64_t *values)
{
	for (uint32_t i = 0; i < op->blocks; i++) {
		struct block *b = &o->blocks[op->lba + i];
		uint32_t count = 0, reach = explore(o, op->lba + i);
		bool is_possible = false;

		if (b->pruned >= op->began) {
			/* Others were answered meanwhile: it may have read before them. */
			reach = possible_since(o, op->lba + i, op->began, o->values);
			for (uint32_t k = 0; k < reach; k++)
				is_possible |= o->values[k] == values[i];
			if (!is_possible)
				fail(o, op->lba + i, "READ returned", values[i]);
			continue;
		}
		for (uint32_t k = 0; k < reach; k++)
			is_possible |= o->reach[k].value == values[i];
		if (!is_possible)
			fail(o, op->lba + i, "READ returned", values[i]);
		remember_all(o, b, reach);
		for (uint32_t k = 0; k < reach; k++)
			if (o->reach[k].value == values[i])
				o->reach[count++] = o->reach[k];
		keep(o, b, count);
	}
}

/* How a command ended, for one of its blocks. */
enum fate { FATE_APPLIED, FATE_MATCHED, FATE_DIFFERED, FATE_NOT_MATCHED, FATE_UNKNOWN };

static bool is_allowed(const struct config *c, uint32_t bit, enum fate fate)
{
	bool is_applied = c->applied & bit, is_matched = c->matched & bit;

	switch (fate) {
	case FATE_APPLIED:
		return is_applied;
	case FATE_MATCHED:
		return is_applied && is_matched;
	case FATE_DIFFERED:
		return is_applied && !is_matched;
	case FATE_NOT_MATCHED:
		return !is_matched;
	default:
		return true;
	}
}

static struct config without(struct config c, uint32_t bit)
{
	c.applied &= (uint8_t)~bit;
	c.matched &= (uint8_t)~bit;
	c.skipped &= (uint8_t)~bit;
	return c;
}

static void end_block(struct oracle *o, struct oracle_op *op, uint32_t i, enum fate fate,
		      bool is_durable)
{
	static const char *const what[] = {
	    "a command that succeeded cannot have written",
	    "COMPARE AND WRITE succeeded but cannot have found",
	    "COMPARE AND WRITE miscompared, and there is nothing but",
	    "COMPARE AND WRITE miscompared elsewhere, but has written", ""};
	struct block *b = &o->blocks[op->lba + i];
	uint32_t bit = 1u << op->index[i], reach = explore(o, op->lba + i), before, count;

	remember_all(o, b, reach);
	before = reach;
	o->reach_count = 0;
	for (uint32_t k = 0; k < before; k++) {
		struct config c = o->reach[k];

		/* reach_add() writes at or below k: what is compacted was read. */
		if (is_allowed(&c, bit, fate))
			reach_add(o, without(c, bit));
	}
	count = o->reach_count;
	b->active[op->index[i]] = NULL;
	if (count == 0)
		fail(o, op->lba + i, what[fate],
		     fate == FATE_MATCHED ? op->expected[i] : op->values[i]);
	keep(o, b, count);
	if (is_durable)
		b->durable = o->tick;
}

void oracle_succeeded(struct oracle *o, struct oracle_op *op, bool is_durable)
{
	for (uint32_t i = 0; i < op->blocks; i++)
		end_block(o, op, i, op->kind == ORACLE_CAW ? FATE_MATCHED : FATE_APPLIED,
			  is_durable);
	o->copies_active -= op->kind == ORACLE_COPY;
}

void oracle_miscompared(struct oracle *o, struct oracle_op *op, uint32_t at_block)
{
	for (uint32_t i = 0; i < op->blocks; i++)
		end_block(o, op, i, i == at_block ? FATE_DIFFERED : FATE_NOT_MATCHED, false);
}

void oracle_unknown(struct oracle *o, struct oracle_op *op)
{
	if (op->kind == ORACLE_READ)
		return;
	for (uint32_t i = 0; i < op->blocks; i++)
		end_block(o, op, i, FATE_UNKNOWN, false);
	o->copies_active -= op->kind == ORACLE_COPY;
}

void oracle_flushed(struct oracle *o, uint32_t lba, uint32_t blocks, uint64_t since_tick)
{
	for (uint32_t i = lba; i < lba + blocks; i++)
		if (o->blocks[i].durable < since_tick)
			o->blocks[i].durable = since_tick;
}

/* What the cut may leave of one block, in o->reach. */
static uint32_t survivors(struct oracle *o, uint32_t lba)
{
	uint32_t count = possible_since(o, lba, o->blocks[lba].durable, o->values);

	o->reach_count = 0;
	for (uint32_t k = 0; k < count; k++)
		reach_add(o, (struct config){.value = o->values[k]});
	return o->reach_count;
}

void oracle_power_cut(struct oracle *o)
{
	uint32_t blocks = o->w->opt.block_count;
	struct block *next = calloc(blocks, sizeof(*next));

	/* All of them from the state before the cut: a COPY in flight looks at two blocks. */
	for (uint32_t lba = 0; lba < blocks; lba++) {
		uint32_t count = survivors(o, lba);

		next[lba].configs = malloc(count * sizeof(struct config));
		memcpy(next[lba].configs, o->reach, count * sizeof(struct config));
		next[lba].config_count = count;
		next[lba].pruned = o->tick;
	}
	oracle_tick(o);
	for (uint32_t lba = 0; lba < blocks; lba++)
		next[lba].durable = o->tick;
	o->blocks = next;
	o->copies_active = 0;
}
