/* SPDX-License-Identifier: MIT */
/*
 * sim_disk.h - simulated files: what reads see (the OS's cache), what a power cut leaves, and what
 * may be in between.
 *
 * Per file: cache[] and stable[], and between them the log of sector versions that no flush has
 * covered. A flush covers what was in the cache when it was submitted. A power cut leaves of each
 * sector its stable content or any of its unflushed versions, independent of order. A flush that
 * fails makes some of its sectors stable and forgets to write the others, as Linux does: they are
 * read from the cache until the power goes. I/O of a process that was killed ends in its own time,
 * and lands sector by sector or not at all.
 *
 * Thread: one.
 */
#ifndef SIM_DISK_H
#define SIM_DISK_H

#include "env.h"
#include "world.h"

#define DISK_SECTOR_BYTES 512u

struct sim_disk;

/* Who opened files and submits I/O: one process. */
struct disk_user {
	struct sim_life *life;
	uint32_t in_flight;
	void (*completed)(struct disk_user *u, struct env_io *io); /* of a living user */
	void (*quiet)(
	    struct disk_user *u); /* dead, and its last I/O has ended: its locks are free */
};

struct sim_disk *sim_disk_new(struct world *w);
int sim_disk_open(struct sim_disk *d, struct disk_user *u, const struct env_open *how,
		  struct env_file **out, struct err *err);
void sim_disk_close(struct sim_disk *d, struct env_file *f);
void sim_disk_submit(struct sim_disk *d, struct disk_user *u, struct env_io *io);
/* The process is gone. quiet() follows once, possibly before return. */
void sim_disk_user_killed(struct sim_disk *d, struct disk_user *u);
/* Every user is dead after it, without quiet(). */
void sim_disk_power_cut(struct sim_disk *d);

/* Faults. */
void sim_disk_stall(struct sim_disk *d, uint64_t until_ns);
bool sim_disk_is_stalled(const struct sim_disk *d);
void sim_disk_set_errors(struct sim_disk *d, uint32_t pct);
bool sim_disk_has_failed_flush(const struct sim_disk *d); /* since the start of the run */

#endif
