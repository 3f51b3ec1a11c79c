/* SPDX-License-Identifier: MIT */
/*
 * snapshot.h - what snapshots, reverts and clones mean for the key.
 *
 * The host keeps a copy of the header with each snapshot and puts it beside what shows or clones
 * it, so those are read with the key of their time. A volume that is reverted keeps its header:
 * whoever has rewrapped the key since does not get the old KEK back. That is right only while the
 * DEK is the same, so a snapshot notes which it was, and a revert across another one is refused.
 *
 * Thread: owner worker.
 */
#ifndef ENCRYPTION_SNAPSHOT_H
#define ENCRYPTION_SNAPSHOT_H

#include "encryption.h"

#define SNAPSHOT_HALVES                                                                            \
	"what the volume is encrypted with is being changed, and its halves have different keys; " \
	"wait for the end, or cancel it"

extern const char *const snapshot_sidecars[];

int snapshot_event(struct encryption *e, enum sluice_phase phase, const struct sluice_event *ev,
		   struct sluice_error *err);
/* Into e->luks.origins; none is no error. */
void snapshot_read_origins(struct encryption *e);

#endif
