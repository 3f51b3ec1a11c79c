/* SPDX-License-Identifier: MIT */
/*
 * shared.h - one anonymous shared mapping between the watching parent and the serving child.
 *
 * It outlives children: what a child was doing when it died is read from here. Pages that nobody
 * wrote cost nothing, so the table of blames is large.
 *
 * Thread: each field says its writer; the parent reads all of them at any time.
 */
#ifndef FILTERD_SHARED_H
#define FILTERD_SHARED_H

#include <stdatomic.h>
#include <stdint.h>

#include "events.h"
#include "parse.h"

#define SHARED_WORKERS_MAX    16u
#define SHARED_BLAMES_MAX     4096u
#define SHARED_RINGS_MAX      256u
#define SHARED_QUARANTINE_MAX 64u
#define SHARED_BLAME_BYTES    64u
#define SHARED_TEXT_BYTES     384u

/* One open volume. filter is written by the chain around each call into a filter: "" means our own
 * code. */
struct shared_blame {
	char filter[SHARED_BLAME_BYTES]; /* owner worker, through chain_cfg.blame */
	char volume[PARSE_NAME_MAX +
		    1];          /* main of the child, while the slot is not in use by a chain */
	_Atomic uint32_t worker; /* owner's number + 1; 0 = free */
};

struct shared_quarantine {
	_Atomic uint32_t is_set; /* parent sets, child clears on "volume open" */
	char volume[PARSE_NAME_MAX + 1];
	char filter[SHARED_BLAME_BYTES];
	char text[SHARED_TEXT_BYTES];
};

/* How many rings a shared volume has: its next filterd waits for as many. */
struct shared_rings {
	char volume[PARSE_NAME_MAX + 1]; /* child's main; "": free */
	_Atomic uint32_t live;           /* child's main */
};

struct shared_beat {
	_Alignas(64) _Atomic uint64_t beats; /* the thread itself, once per turn */
	/* The thread itself: in how many calls, one inside of the other, that may take long
	 * (opening an image, a record that goes to stable storage). */
	_Atomic uint32_t blocking;
};

struct shared {
	_Atomic uint64_t incarnation;  /* parent, before the child starts */
	_Atomic uint32_t worker_count; /* child */
	_Atomic uint32_t is_ready;     /* child: its sockets are served */
	_Atomic uint32_t is_stopping;  /* child: an orderly end was asked for */
	_Atomic uint32_t
	    crashed; /* child's signal handler: number of the worker + 1 that got the signal */
	_Atomic uint32_t starts; /* parent: children started so far */
	struct shared_beat main;
	struct shared_beat workers[SHARED_WORKERS_MAX];
	struct shared_quarantine quarantine[SHARED_QUARANTINE_MAX];
	struct shared_rings rings[SHARED_RINGS_MAX];
	struct events events; /* child's main; the parent while there is no child */
	struct shared_blame blames[SHARED_BLAMES_MAX];
};

#endif
