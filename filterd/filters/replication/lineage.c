// SPDX-License-Identifier: MIT
#include "lineage.h"

#include <string.h>

static bool is_same(const struct repl_reign *a, const struct repl_reign *b)
{
	return a->term == b->term && memcmp(a->writer_uuid, b->writer_uuid, 16) == 0;
}

/* A reign is empty when the next one starts where it did. */
static bool has_written(const struct lineage *l, uint32_t beyond)
{
	if (beyond == 0)
		return false;
	for (uint32_t i = l->count - beyond; i + 1 < l->count; i++)
		if (l->reigns[i + 1].start_lsn > l->reigns[i].start_lsn)
			return true;
	return l->wrote_newest;
}

void lineage_compare(const struct lineage *own, const struct lineage *peer,
		     struct lineage_relation *out)
{
	out->is_related = false;
	out->own_beyond = own->count;
	out->peer_beyond = peer->count;
	for (uint32_t i = own->count; i-- > 0 && !out->is_related;) {
		for (uint32_t j = peer->count; j-- > 0;) {
			if (!is_same(&own->reigns[i], &peer->reigns[j]))
				continue;
			out->is_related = true;
			out->own_beyond = own->count - 1 - i;
			out->peer_beyond = peer->count - 1 - j;
			break;
		}
	}
	out->own_wrote = has_written(own, out->own_beyond);
	out->peer_wrote = has_written(peer, out->peer_beyond);
}

void lineage_add(struct repl_reign *reigns, uint8_t *count, uint64_t term, uint64_t start_lsn,
		 const uint8_t writer_uuid[16])
{
	struct repl_reign *r;

	if (*count == REPL_LINEAGE_MAX) {
		memmove(reigns, reigns + 1, (REPL_LINEAGE_MAX - 1) * sizeof(*reigns));
		--*count;
	}
	r = &reigns[(*count)++];
	r->term = term;
	r->start_lsn = start_lsn;
	memcpy(r->writer_uuid, writer_uuid, 16);
}

bool lineage_has(const struct repl_reign *reigns, uint32_t count, uint64_t term,
		 const uint8_t writer_uuid[16])
{
	for (uint32_t i = 0; i < count; i++)
		if (reigns[i].term == term && memcmp(reigns[i].writer_uuid, writer_uuid, 16) == 0)
			return true;
	return false;
}
