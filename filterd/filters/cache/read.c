/* SPDX-License-Identifier: MIT */
#include "read.h"

#include "volume.h"
#include "wblog.h"

/* Whole blocks in one call; their parts at the ends one by one. */
bool read_hit(struct volume *v, const struct sluice_io *io)
{
	uint64_t at = io->offset_bytes, end = at + io->len_bytes;
	char *to = io->buf;

	while (at < end) {
		uint64_t block = at / BLOCK_BYTES, count = (end - at) / BLOCK_BYTES;
		uint32_t skip = (uint32_t)(at % BLOCK_BYTES);
		uint64_t left = end - at, n = BLOCK_BYTES - skip;

		if (skip == 0 && count > 0) {
			if (ram_read(v->ram, block, count, to) < count)
				return false;
			n = count * BLOCK_BYTES;
		} else {
			n = n < left ? n : left;
			if (!ram_read_part(v->ram, block, skip, (uint32_t)n, to))
				return false;
		}
		at += n;
		to += n;
	}
	volume_admission(v, io);
	v->stats.reads++;
	v->stats.read_hits++;
	return true;
}

/* Does the log or the clean tier have any of it? */
static bool is_mixed(const struct request *r)
{
	const struct volume *v = r->v;

	if (wblog_has(v, r->block, r->count))
		return true;
	for (uint64_t i = 0; v->clean && i < r->count; i++) {
		if (flash_read_has(v->clean, r->block + i, 1) > 0)
			return true;
	}
	return false;
}

static void gathered(struct gather *g)
{
	struct request *r = g->owner;
	enum sluice_status status = (enum sluice_status)g->status;

	coherence_fill_end(r, status == SLUICE_OK);
	r->kind = REQUEST_OTHER;
	r->v->stats.read_hits += status == SLUICE_OK && !g->used_below;
	request_end(r, status);
}

enum sluice_verdict read_start(struct request *r)
{
	struct volume *v = r->v;

	v->stats.reads++;
	r->admit = (uint8_t)volume_admission(v, r->io);
	r->kind = REQUEST_READ;
	coherence_fill_begin(r);
	if (!is_mixed(r))
		return request_pass(r);
	if (!request_take_token(r)) {
		coherence_fill_end(r, false);
		return request_end(r, SLUICE_ERR_BUSY);
	}
	gather_start(&r->gather[0], v, r, r->io->offset_bytes, r->io->len_bytes, r->io->buf,
		     gathered);
	return SLUICE_DEFER;
}

void read_passed(struct request *r, enum sluice_status status)
{
	coherence_fill_end(r, status == SLUICE_OK);
}
