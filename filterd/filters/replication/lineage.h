/* SPDX-License-Identifier: MIT */
/*
 * lineage.h - the history of a side's data as a list of reigns, and which of two histories leads.
 * Pure.
 *
 * A reign is known by its term and writer: whoever begins one has made a term of its own durable
 * first. So two sides that have a reign in common have everything before it in common, and the last
 * one they share is their common ancestor.
 */
#ifndef REPLICATION_LINEAGE_H
#define REPLICATION_LINEAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "wire/repl.h"

struct lineage {
	const struct repl_reign *reigns; /* oldest first */
	uint32_t count;
	bool wrote_newest; /* there are writes in the newest one that only this side may have */
};

struct lineage_relation {
	bool is_related;                  /* they share a reign */
	uint32_t own_beyond, peer_beyond; /* reigns after the common ancestor */
	bool own_wrote, peer_wrote;       /* something in those */
};

void lineage_compare(const struct lineage *own, const struct lineage *peer,
		     struct lineage_relation *out);
/* Begins a reign; of a full list the oldest goes. */
void lineage_add(struct repl_reign *reigns, uint8_t *count, uint64_t term, uint64_t start_lsn,
		 const uint8_t writer_uuid[16]);
bool lineage_has(const struct repl_reign *reigns, uint32_t count, uint64_t term,
		 const uint8_t writer_uuid[16]);

#endif
