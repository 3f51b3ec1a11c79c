// SPDX-License-Identifier: MIT
/*
 * oracle.c - what may be read.
 *
 * Each cell has one client with one I/O at a time, so its history is a line of versions. Two marks
 * go along it, and nothing goes back behind them:
 *
 *     versions  0 ......... base ........... now ....... newest
 *                           |                |
 *                           persistent       acknowledged, or read
 *
 * What is older than "now" is never read again; a power cut puts "now" back to "base". A promotion
 * by force puts both back to the beginning, once; and if the replica said that it was a point in
 * time, all cells together have to be one: a version that is there has everything with it that was
 * acknowledged before it began.
 */
#include <stdio.h>
#include <string.h>

#include "world.h"

void oracle_init(struct world *w)
{
	/* In all extents, some close together, one at the end, one where the volume has yet to
	 * grow.
	 */
	static const uint64_t at[CLIENTS] = {0,
					     CELLS_EACH * PAGE_BYTES,
					     65536,
					     1048576 - PAGE_BYTES,
					     4194304 - 2 * PAGE_BYTES,
					     4194304 + 4 * PAGE_BYTES,
					     IMAGE_BYTES - CELLS_EACH * PAGE_BYTES,
					     GROWN_BYTES - CELLS_EACH * PAGE_BYTES};

	for (uint32_t i = 0; i < CELLS; i++) {
		struct cell *c = &w->cells[i];

		c->offset_bytes = at[i / CELLS_EACH] + (uint64_t)(i % CELLS_EACH) * PAGE_BYTES;
		c->len_bytes = PAGE_BYTES;
		if (w->block_bytes == 512 && i / CELLS_EACH % 4 == 2 && i % CELLS_EACH != 0) {
			c->offset_bytes += 512; /* alone: its neighbours are others' */
			c->len_bytes = 1024;
		}
		c->versions[0] = (struct version){.value = 0};
		c->count = 1;
		c->given_up_count = 0;
		c->now = c->base = 0;
		c->is_any = false;
	}
	w->survey = 0;
	w->survey_is_point = false;
}

bool oracle_has_grown(const struct world *w, const struct cell *c)
{
	uint64_t end = c->offset_bytes + c->len_bytes;

	return end <= w->nodes[0].plan.size_bytes &&
	       (w->nodes_used == 1 || end <= w->nodes[1].plan.size_bytes);
}

bool oracle_has_room(const struct cell *c)
{
	return c->count < VERSIONS_MAX;
}

uint32_t oracle_began(struct world *w, uint32_t cell, uint64_t value)
{
	struct cell *c = &w->cells[cell];

	c->versions[c->count] = (struct version){.value = value, .began = w->order++};
	return c->count++;
}

static void persist(struct world *w, struct cell *c, uint32_t version)
{
	for (uint32_t i = c->base + 1; i <= version; i++)
		if (c->versions[i].acked == 0)
			c->versions[i].acked = w->order++;
	if (version > c->base)
		c->base = version;
}

void oracle_acked(struct world *w, uint32_t cell, uint32_t version, bool is_persistent)
{
	struct cell *c = &w->cells[cell];

	c->is_any = false;
	if (version > c->now)
		c->now = version;
	if (!is_persistent)
		return;
	w->written_since_force++;
	c->versions[version].acked = w->order++;
	if (version > c->base)
		c->base = version;
}

void oracle_flushed(struct world *w, const uint32_t now[CELLS])
{
	for (uint32_t i = 0; i < CELLS; i++)
		if (!w->cells[i].is_any && now[i] > w->cells[i].base && now[i] <= w->cells[i].now)
			persist(w, &w->cells[i], now[i]);
}

void oracle_power_cut(struct world *w)
{
	for (uint32_t i = 0; i < CELLS; i++)
		w->cells[i].now = w->cells[i].base;
	w->survey_is_point = false; /* it is not of one moment any more */
	w->survey_is_whole = false;
}

static void list(const struct cell *c, uint32_t from, char *text, size_t room)
{
	size_t at = 0;

	text[0] = 0;
	for (uint32_t i = from; i < c->count && at + 24 < room; i++)
		at += (size_t)snprintf(text + at, room - at, " %llu",
				       (unsigned long long)c->versions[i].value);
}

static bool find(const struct cell *c, uint32_t from, uint64_t value, uint32_t *out)
{
	for (uint32_t i = from; i < c->count; i++) {
		if (c->versions[i].value != value)
			continue;
		*out = i;
		return true;
	}
	return false;
}

/* ---------------------------------------------------------------- promotion by force */

void oracle_forced(struct world *w, bool is_consistent)
{
	w->survey = 0;
	for (uint32_t i = 0; i < CELLS; i++) {
		w->cells[i].is_any = true;
		if (oracle_has_grown(w, &w->cells[i]))
			w->survey |= 1u << i;
	}
	w->survey_is_point = is_consistent;
	w->survey_is_whole = true;
	w->written_since_force = 0;
	w->was_demoted = false;
	w->forces++;
}

static void check_point(struct world *w)
{
	uint64_t low = 0, high = UINT64_MAX;
	uint32_t low_cell = 0, high_cell = 0;

	for (uint32_t i = 0; i < CELLS; i++) {
		const struct cell *c = &w->cells[i];

		if (c->versions[c->now].value == 0)
			continue; /* zeros come more than once */
		if (c->versions[c->now].began > low) {
			low = c->versions[c->now].began;
			low_cell = i;
		}
		for (uint32_t k = c->now + 1; k < c->count; k++) {
			if (c->versions[k].acked && c->versions[k].acked < high) {
				high = c->versions[k].acked;
				high_cell = i;
			}
		}
	}
	if (low > high)
		world_fail(w,
			   "promoted by force, node %d is no point in time: cell %u has what began "
			   "after something was acknowledged that cell %u lacks",
			   w->current, low_cell, high_cell);
}

void oracle_yielded(struct world *w)
{
	if (w->written_since_force && !w->was_demoted && w->forced == 1 - w->current)
		world_fail(w, "node %d, promoted by force, yields after it acknowledged %u changes",
			   1 - w->current, w->written_since_force);
	for (uint32_t i = 0; i < CELLS; i++) {
		struct cell *c = &w->cells[i];

		for (uint32_t k = 0; k < c->given_up_count && c->count < 2 * VERSIONS_MAX; k++)
			c->versions[c->count++] = c->given_up[k];
		c->given_up_count = 0;
	}
	oracle_forced(w, false);
}

void oracle_followed(struct world *w)
{
	for (uint32_t i = 0; i < CELLS; i++)
		w->cells[i].given_up_count = 0;
}

static void give_up_tail(struct cell *c)
{
	for (uint32_t k = c->now + 1; k < c->count && c->given_up_count < VERSIONS_MAX; k++)
		c->given_up[c->given_up_count++] = c->versions[k];
	c->count = c->now + 1;
}

/* What of the history is not so any more is forgotten, so that it is not asked for later. */
static void survey_read(struct world *w, uint32_t cell)
{
	if (!(w->survey & 1u << cell))
		return;
	w->survey &= ~(1u << cell);
	if (w->survey)
		return;
	if (w->survey_is_point)
		check_point(w);
	for (uint32_t i = 0; i < CELLS && w->survey_is_whole; i++) {
		struct cell *c = &w->cells[i];

		if (c->is_any)
			continue;
		give_up_tail(c);
		c->base = w->is_durable ? c->now : c->base > c->now ? c->now : c->base;
	}
}

void oracle_read(struct world *w, uint32_t cell, uint64_t value, int node)
{
	struct cell *c = &w->cells[cell];
	uint32_t from = c->is_any ? 0 : c->now, at;
	char text[300];

	if (!find(c, from, value, &at)) {
		list(c, from, text, sizeof(text));
		world_fail(w, "cell %u reads as %lld at node %d; it may be:%s", cell,
			   (long long)value, node, text);
	}
	c->now = at;
	if (c->is_any && c->base > at)
		c->base = at;
	c->is_any = false;
	survey_read(w, cell);
}

/* ---------------------------------------------------------------- the image itself */

void oracle_image(struct world *w, const struct node *n)
{
	char path[PATH_MAX_BYTES];
	uint64_t words[PAGE_BYTES / 8];
	const struct sdisk *d;

	file_path(n, "volume.img", path, sizeof(path));
	d = sdisk_find((struct node *)n, path);
	for (uint32_t i = 0; d && i < CELLS; i++) {
		const struct cell *c = &w->cells[i];
		uint32_t at;

		if (c->is_any || c->offset_bytes + c->len_bytes > n->plan.size_bytes)
			continue;
		sdisk_read_now(d, c->offset_bytes, words, c->len_bytes);
		if (!find(c, c->now, words[0], &at))
			world_fail(w,
				   "at a point in time the image of node %d has %lld in cell %u, "
				   "older than what was acknowledged",
				   n->id, (long long)words[0], i);
	}
}
