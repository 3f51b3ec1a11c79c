/* SPDX-License-Identifier: MIT */
/*
 * volume.h - the cache of one volume: what all its parts share, and its life.
 *
 *     STARTING --no log is needed, none is left over--> SERVING
 *        |---a log has to be made--> PREPARING --made--> SWITCHING --all that passed has ended-->
 * SERVING
 *        |---a log is there--> RECOVERING --read--> SERVING, or CLEARING (another mode) --> SERVING
 *        |                         \---it cannot be used---> DEGRADED
 *        SERVING --the log fails--> DEGRADED
 *
 * I/O is held in STARTING, RECOVERING, SWITCHING and CLEARING, passes through in PREPARING, and
 * gets NOT READY in DEGRADED. STARTING is there because a filter that takes another's place is
 * attached before that one lets go of log and memory.
 *
 * Files: request.h one I/O; mode_*.c what a mode does; passing.h changes that go to the datastore;
 * read.h, gather.h reads; coherence.h caches and order of changes; wblog.h the log's life;
 * backlog.h writers that wait; partial.h parts of blocks; destage.h when data goes down; settle.h
 * settling and draining; salvage.h a failed log; warming.h; command.h; status.h; group.h;
 * settings.h.
 *
 * Thread: owner worker.
 */
#ifndef CACHE_VOLUME_H
#define CACHE_VOLUME_H

#include "backlog.h"
#include "coherence.h"
#include "destage.h"
#include "flash_read.h"
#include "gather.h"
#include "group.h"
#include "own.h"
#include "partial.h"
#include "ram.h"
#include "request.h"
#include "salvage.h"
#include "seq.h"
#include "settings.h"
#include "settle.h"
#include "warming.h"
#include "wblog.h"

struct mode;

enum volume_state {
	VOLUME_STARTING,
	VOLUME_PREPARING,
	VOLUME_SWITCHING,
	VOLUME_RECOVERING,
	VOLUME_CLEARING,
	VOLUME_SERVING,
	VOLUME_DEGRADED,
};

#define VOLUME_HIT_SECONDS 60u

struct volume_stats {
	uint64_t reads, read_hits, sequential_reads;
	/* The counters a second apart, for the rate of the last minute. */
	struct {
		uint64_t reads, read_hits;
	} then[VOLUME_HIT_SECONDS + 1];
	uint32_t second;
};

struct volume {
	struct sluice_filter *f;
	struct group *g;
	struct volume *next_of_group;
	struct settings_volume cfg;
	const struct mode *mode;
	enum volume_state state;
	char state_text[256]; /* why, for a person; "" when all is well */
	uint64_t size_bytes;
	bool may_hit; /* memory may answer in submit() */
	bool is_draining;
	bool is_gone;  /* detached; only its logs are being closed */
	uint32_t refs; /* the filter, and each log that is being closed */
	struct ram *ram;
	uint64_t ram_share_bytes;
	struct flash_read *clean; /* or NULL */
	struct seq seq;
	uint32_t passing; /* changes on their way below */
	struct requests held;
	struct spans spans;
	struct own_queue own;
	struct gathers gathers;
	struct partial partial;
	struct wblog wblog;
	struct backlog backlog;
	struct destage destage;
	struct settle settle;
	struct salvage salvage;
	struct warming warming;
	struct sluice_timer start_timer, shrink_timer;
	struct volume_stats stats;
};

int volume_attach(struct sluice_filter *f, const union sluice_value *values,
		  struct sluice_error *err);
void volume_detach(struct sluice_filter *f);
/* One reference less; the last one frees it. */
void volume_put(struct volume *v);
void volume_drain(struct sluice_filter *f, bool begin);
int volume_event(struct sluice_filter *f, enum sluice_phase phase, const struct sluice_event *ev,
		 struct sluice_error *err);

/* Also lets go or refuses what is held, where the new state says so. text: NULL for "". */
void volume_set_state(struct volume *v, enum volume_state state, const char *text);
/* Notes an initiator's read or write for the sequential cut-off, and says what may be cached. */
enum cache_admit volume_admission(struct volume *v, const struct sluice_io *io);
/* By what the group has for it now. */
void volume_ram_resize(struct volume *v);
/* Acknowledged and not on the datastore: data, and ranges that are to read as zeros. 0 only when
 * nothing would be lost with the log. */
uint64_t volume_dirty_bytes(const struct volume *v);

#endif
