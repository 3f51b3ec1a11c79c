/* SPDX-License-Identifier: MIT */
/*
 * seam.h - deliberate faults at the seams between the filters: what one of them promises the others
 * is not kept. sim_whole --mutation has them, by number; without it there is none.
 */
#ifndef SIM_WHOLE_SEAM_H
#define SIM_WHOLE_SEAM_H

#include "sluice/filter.h"

enum seam_mutation {
	SEAM_MUTATION_NONE,
	/* replication: what it writes on its own behalf may be lost with the power */
	SEAM_MUTATION_REPLICATION_OWN_NOT_FUA,
	/* replication: what it asks to be flushed is not */
	SEAM_MUTATION_REPLICATION_OWN_FLUSH_SKIPPED,
	/* encryption: a write goes below as it came */
	SEAM_MUTATION_ENCRYPTION_WRITES_PASS,
	/* encryption: what was read goes up as it is */
	SEAM_MUTATION_ENCRYPTION_READS_PASS,
	/* encryption: its copy for the replica is not written */
	SEAM_MUTATION_ENCRYPTION_COMPANION_SKIPPED,
	/* cache: a change of its mode finds it dirty */
	SEAM_MUTATION_CACHE_NOT_SETTLED,
	/* cache: FUA is forgotten on the way to the log */
	SEAM_MUTATION_CACHE_FUA_LOST,
	/* cache: a flush is answered without being one */
	SEAM_MUTATION_CACHE_FLUSH_SKIPPED,
	/* cache: writes go past it to the datastore, and it does not hear of them */
	SEAM_MUTATION_CACHE_WRITES_PASS,
	/* io_control: now and then a write is answered and not done */
	SEAM_MUTATION_IO_CONTROL_LOSES_ONE,
	/* io_control: a flush is answered above the datastore */
	SEAM_MUTATION_IO_CONTROL_FLUSH_SKIPPED,
	SEAM_MUTATION_END,
};

extern int seam_mutation;

/* Puts the fault into the table of its filter. */
void seam_table(struct sluice_filter_ops *ops);

#endif
