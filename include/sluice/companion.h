/* SPDX-License-Identifier: MIT */
/*
 * companion.h - a few MiB of state that goes wherever the volume's data goes, in one order with it.
 *
 * A filter that keeps something beside the volume without which its data is noise (encryption: the
 * header, and how far a re-encryption has come) writes a copy of it into the volume's companion.
 * The companion's keeper is a filter below that has a second copy of the volume: replication. A
 * write to the companion is one write of the stream: acknowledged as a write to the volume is, and
 * on a replica before everything that was written after it. So what a promoted replica finds there
 * belongs to the data that it finds.
 *
 *     user (above) --sluice_companion_submit()--> keeper (below)
 *     user <---------- changed(role) ------------ keeper: sluice_companion_tell()
 *
 * Without a keeper there is no companion: whoever is alone needs no copy.
 *
 * Thread: owner worker.
 */
#ifndef SLUICE_COMPANION_H
#define SLUICE_COMPANION_H

#include <stdbool.h>

#include "sluice/filter.h"

#define SLUICE_COMPANION_BYTES (16ull << 20)
#define SLUICE_COMPANION_ALIGN 4096u

enum sluice_companion_role {
	SLUICE_COMPANION_NONE,    /* no keeper below, or it does not know yet */
	SLUICE_COMPANION_REPLICA, /* the other side writes data and companion; this one may read */
	SLUICE_COMPANION_PRIMARY, /* this side does */
};

enum sluice_companion_op { SLUICE_COMPANION_READ, SLUICE_COMPANION_WRITE };

struct sluice_companion_io {
	enum sluice_companion_op op;
	int result;                       /* 0 or -errno: -EBUSY this side is no primary */
	uint64_t offset_bytes, len_bytes; /* multiples of SLUICE_COMPANION_ALIGN, at most 1 MiB */
	void *buf;                        /* 4096-aligned; stays until fn */
	void (*fn)(struct sluice_companion_io *io);
	void *ctx;
	struct sluice_companion_io *next; /* the keeper's */
};

/* The keeper's side. Once each, in attach(); they end with detach(). */
void sluice_companion_keep(struct sluice_filter *keeper,
			   void (*submit)(struct sluice_filter *keeper,
					  struct sluice_companion_io *io));
/* Also the same role again: a replica's companion was written. It may come while nobody uses it. */
void sluice_companion_tell(struct sluice_filter *keeper, enum sluice_companion_role role);

/* The user's side. changed() also comes when the keeper is detached: NONE. */
void sluice_companion_use(struct sluice_filter *user,
			  void (*changed)(struct sluice_filter *user,
					  enum sluice_companion_role role));
/* True: there is a keeper below user, attached or being so. */
bool sluice_companion_is_kept(const struct sluice_filter *user);
enum sluice_companion_role sluice_companion_role(const struct sluice_filter *user);
/* fn exactly once iff 0 was returned, never before return. -ENODEV: there is no companion. */
int sluice_companion_submit(struct sluice_filter *user, struct sluice_companion_io *io);

#endif
