/* SPDX-License-Identifier: MIT */
#include "gather.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "flash_read.h"
#include "own.h"
#include "request.h"
#include "sluice/rlog.h"
#include "volume.h"

#define PIECES 32u

struct piece {
	struct gather *g;
	struct piece *next; /* free */
	char *page;         /* for what goes to memory that is not aligned, or not whole */
	char *to;
	uint64_t offset_bytes; /* of the piece in the volume */
	uint32_t skip, len;    /* of the page, when it is used; len 0: it is not */
	uint64_t wanted_bytes; /* from the clean tier */
	union {
		struct sluice_own_io own;
		struct sluice_rlog_read log;
		struct flash_read_io clean;
	};
};

static void run(struct gather *g);

/* ---------------------------------------------------------------- memory */

int gather_prepare(struct volume *v)
{
	struct gathers *gs = &v->gathers;

	if (gs->pieces)
		return 0;
	gs->pieces = calloc(PIECES, sizeof(*gs->pieces));
	gs->pages = aligned_alloc(BLOCK_BYTES, (size_t)PIECES * BLOCK_BYTES);
	if (!gs->pieces || !gs->pages) {
		gather_free(v);
		return -ENOMEM;
	}
	gs->last = &gs->waiting;
	for (uint32_t i = 0; i < PIECES; i++) {
		gs->pieces[i].page = gs->pages + (size_t)i * BLOCK_BYTES;
		gs->pieces[i].next = gs->free;
		gs->free = &gs->pieces[i];
	}
	return 0;
}

void gather_free(struct volume *v)
{
	free(v->gathers.pieces);
	free(v->gathers.pages);
	v->gathers = (struct gathers){0};
}

static void wait_for_piece(struct gather *g)
{
	struct gathers *gs = &g->v->gathers;

	g->next_waiting = NULL;
	*gs->last = g;
	gs->last = &g->next_waiting;
}

static struct gather *pop_waiting(struct gathers *gs)
{
	struct gather *g = gs->waiting;

	if (!g)
		return NULL;
	gs->waiting = g->next_waiting;
	if (!gs->waiting)
		gs->last = &gs->waiting;
	return g;
}

/* ---------------------------------------------------------------- a piece ends */

static void end_if_done(struct gather *g)
{
	if (g->pieces == 0 && g->at == g->end && !g->is_running)
		g->fn(g);
}

static void piece_ended(struct piece *p, enum sluice_status status)
{
	struct gather *g = p->g, *other;
	struct gathers *gs = &g->v->gathers;

	if (status == SLUICE_OK && p->len > 0)
		memcpy(p->to, p->page + p->skip, p->len);
	if (status != SLUICE_OK && g->status == SLUICE_OK)
		g->status = (uint8_t)status;
	g->pieces--;
	p->next = gs->free;
	gs->free = p;
	other = pop_waiting(gs);
	end_if_done(g);
	if (other)
		run(other);
}

static void own_read(struct sluice_own_io *own)
{
	struct piece *p = own->ctx;

	own_pump(p->g->v);
	piece_ended(p, (enum sluice_status)own->status);
}

static void log_read(struct sluice_rlog_read *rd)
{
	piece_ended(rd->ctx, request_status(rd->result));
}

static void read_below(struct piece *p, uint64_t offset_bytes, uint64_t len_bytes, char *to)
{
	p->g->used_below = true;
	p->own = (struct sluice_own_io){.op = SLUICE_OP_READ,
					.flags = SLUICE_IO_URGENT,
					.offset_bytes = offset_bytes,
					.len_bytes = len_bytes,
					.buf = to,
					.fn = own_read,
					.ctx = p};
	own_go(p->g->v, &p->own);
}

/* What it does not have after all comes from below, which is as new. */
static void clean_read(struct flash_read_io *io)
{
	struct piece *p = io->ctx;
	uint64_t got = io->count * BLOCK_BYTES, left = p->wanted_bytes - got;

	if (left == 0)
		piece_ended(p, SLUICE_OK);
	else
		read_below(p, p->offset_bytes + got, left, p->to + got);
}

/* ---------------------------------------------------------------- a piece begins */

/* n bytes of the range are being dealt with. */
static void advance(struct gather *g, uint64_t n)
{
	g->at += n;
	g->to += n;
}

static struct piece *take_piece(struct gather *g, uint64_t len_bytes)
{
	struct gathers *gs = &g->v->gathers;
	struct piece *p = gs->free;

	gs->free = p->next;
	p->g = g;
	p->to = g->to;
	p->offset_bytes = g->at;
	p->skip = p->len = 0;
	g->pieces++;
	advance(g, len_bytes);
	return p;
}

static bool is_aligned(const void *at)
{
	return (uintptr_t)at % BLOCK_BYTES == 0;
}

/* So much of the range lies in whole blocks from here, at most max. */
static uint64_t whole_here(const struct gather *g, uint64_t max)
{
	uint64_t n = g->at % BLOCK_BYTES == 0 ? (g->end - g->at) / BLOCK_BYTES : 0;

	return n < max ? n : max;
}

/* Bytes from at to the end of the run of count blocks that begins with at's. */
static uint64_t bytes_of_run(const struct gather *g, uint64_t count)
{
	uint64_t left = g->end - g->at, run = count * BLOCK_BYTES - g->at % BLOCK_BYTES;

	return left < run ? left : run;
}

static void from_log(struct gather *g, uint64_t max_blocks)
{
	uint64_t block = g->at / BLOCK_BYTES, whole = whole_here(g, max_blocks);
	uint32_t skip = (uint32_t)(g->at % BLOCK_BYTES);
	bool is_direct = whole > 0 && is_aligned(g->to);
	uint64_t len = is_direct ? whole * BLOCK_BYTES : bytes_of_run(g, 1);
	struct piece *p = take_piece(g, len);

	if (!is_direct) {
		p->skip = skip;
		p->len = (uint32_t)len;
	}
	p->log = (struct sluice_rlog_read){.block = block,
					   .block_count = is_direct ? whole : 1,
					   .buf = is_direct ? p->to : p->page,
					   .fn = log_read,
					   .ctx = p};
	sluice_rlog_read(g->v->wblog.log, &p->log);
}

/* Blocks of whole ones at hand that the clean tier has from here; 0: none. */
static uint64_t clean_here(const struct gather *g, uint64_t max_blocks)
{
	uint64_t whole = whole_here(g, max_blocks);

	if (!g->v->clean || whole == 0 || !is_aligned(g->to))
		return 0;
	if (whole > FLASH_READ_SEGMENT_BLOCKS)
		whole = FLASH_READ_SEGMENT_BLOCKS;
	return flash_read_has(g->v->clean, g->at / BLOCK_BYTES, whole);
}

static void from_clean(struct gather *g, uint64_t count)
{
	uint64_t block = g->at / BLOCK_BYTES;
	struct piece *p = take_piece(g, count * BLOCK_BYTES);

	p->wanted_bytes = count * BLOCK_BYTES;
	p->clean = (struct flash_read_io){
	    .block = block, .count = count, .buf = p->to, .fn = clean_read, .ctx = p};
	flash_read_submit(g->v->clean, &p->clean);
}

/* The log does not have the next count blocks; up to where the clean tier has one. */
static void from_below(struct gather *g, uint64_t count)
{
	uint64_t block = g->at / BLOCK_BYTES, n = 1, len, offset = g->at;
	struct piece *p;

	while (n < count && !(g->v->clean && flash_read_has(g->v->clean, block + n, 1) > 0))
		n++;
	len = bytes_of_run(g, n);
	if (len > g->v->size_bytes - offset)
		len = g->v->size_bytes - offset;
	p = take_piece(g, len);
	read_below(p, offset, len, p->to);
}

static void zeros(struct gather *g, uint64_t len_bytes)
{
	memset(g->to, 0, len_bytes);
	advance(g, len_bytes);
}

static bool from_ram(struct gather *g)
{
	uint32_t skip = (uint32_t)(g->at % BLOCK_BYTES);
	uint64_t len = bytes_of_run(g, 1);

	if (!ram_read_part(g->v->ram, g->at / BLOCK_BYTES, skip, (uint32_t)len, g->to))
		return false;
	advance(g, len);
	return true;
}

static void next(struct gather *g)
{
	struct sluice_rlog_run found = {.what = SLUICE_RLOG_ABSENT};
	uint64_t block = g->at / BLOCK_BYTES, last = (g->end - 1) / BLOCK_BYTES, n;

	if (from_ram(g))
		return;
	found.block_count = last - block + 1;
	if (g->v->wblog.log && g->v->wblog.is_readable)
		sluice_rlog_lookup(g->v->wblog.log, block, last - block + 1, &found);
	if (found.what == SLUICE_RLOG_HAS_ZEROS)
		zeros(g, bytes_of_run(g, found.block_count));
	else if (found.what == SLUICE_RLOG_HAS_DATA)
		from_log(g, found.block_count);
	else if ((n = clean_here(g, found.block_count)) > 0)
		from_clean(g, n);
	else
		from_below(g, found.block_count);
}

static void run(struct gather *g)
{
	g->is_running = true;
	while (g->at < g->end) {
		if (!g->v->gathers.free) {
			g->is_running = false;
			wait_for_piece(g);
			return;
		}
		if (g->at >= g->v->size_bytes)
			zeros(g, g->end - g->at);
		else
			next(g);
	}
	g->is_running = false;
	end_if_done(g);
}

void gather_start(struct gather *g, struct volume *v, struct request *owner, uint64_t offset_bytes,
		  uint64_t len_bytes, void *to, void (*fn)(struct gather *g))
{
	*g = (struct gather){.v = v,
			     .owner = owner,
			     .fn = fn,
			     .at = offset_bytes,
			     .end = offset_bytes + len_bytes,
			     .to = to};
	run(g);
}
