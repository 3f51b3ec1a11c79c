/* SPDX-License-Identifier: MIT */
/*
 * mark.h - a primary's snapshots on their way to the replica.
 *
 *   PREPARED --held, committed--> WAITING --its place in the stream--> MARK --> MADE or LOST
 *                                    \--given up--> FINDING ("have you got it?") --> MADE or LOST
 *   deleted here --> DELETING --> gone
 *
 * A mark's place. DIRECT: now; the frame goes out before any change that begins later. JOURNAL: a
 * window ends at cut_seq, and the next one begins when the mark is answered. BITMAP, or a resync:
 * the replica is no point in time, so there is no place, and the mark is LOST.
 *
 * MAKE is said only while nothing after the mark's place can be at the replica. Where that is not
 * sure (an answer was lost in DIRECT, a resync begins, this side was started again) only FIND is:
 * so a replica's snapshot never holds another content than the primary's.
 *
 * The record "marks" is durable before the snapshot is made, and after each change soon; one that
 * lags says PREPARED or WAITING, and a start makes FINDING of these unless the journal is whole.
 *
 * Thread: the group's worker.
 */
#ifndef REPLICATION_MARK_H
#define REPLICATION_MARK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "host.h"

#define MARKS_MAX      128u
#define MARK_WHY_BYTES 128u

enum mark_state {
	MARK_PREPARED = 1,
	MARK_WAITING = 2,
	MARK_FINDING = 3,
	MARK_DELETING = 4,
	MARK_MADE = 5,
	MARK_LOST = 6,
};

/* In memory, and in the record. */
struct mark {
	uint8_t snapshot[16];
	uint64_t lsn, cut_seq; /* cut_seq: of the journal; 0: before all that is in it */
	uint16_t member;
	uint8_t state;   /* enum mark_state */
	uint8_t is_held; /* memory's: its place is known */
	uint8_t is_sent; /* memory's: MAKE may have come there */
	uint8_t is_out;  /* memory's: on this connection, and not answered */
	uint8_t reserved[2];
	char name[REPL_MARK_NAME_BYTES];
	char why[MARK_WHY_BYTES]; /* of LOST, or what it is if FIND finds nothing */
};

struct marks_record {
	uint32_t version; /* 1 */
	uint32_t count;
	struct mark m[MARKS_MAX]; /* oldest first; count of them are stored */
};

struct marks {
	struct marks_record record;
	bool is_dirty; /* the record in memory is newer */
	struct repl_timer timer;
};

struct repl_group;
struct repl_header;

/* The volume's snapshot: as the filter hears of it (sluice/filter.h). */
enum mark_event { MARK_PREPARE, MARK_HELD, MARK_COMMIT, MARK_ABORT, MARK_DELETED };
void group_mark(struct repl_group *g, enum mark_event ev, uint16_t member, const uint8_t uuid[16],
		const char *name);

void mark_init(struct repl_group *g);
void mark_load(struct repl_group *g); /* the track's record is known */
void mark_stop(struct repl_group *g); /* durable as it is */
void mark_fini(struct repl_group *g);

/* What can go out now does. DIRECT: call it before anything that waits for a connection goes. */
void mark_pump(struct repl_group *g);
void mark_ack(struct repl_group *g, const struct repl_header *h, const void *plain);
void mark_link_down(struct repl_group *g);
/* The journal is given up or begun anew: no place in it counts any more. */
void mark_give_up(struct repl_group *g, const char *why);
/* This side is no primary any more, and what it wrote alone is forgotten. */
void mark_forget(struct repl_group *g);

/* Windows end here: the last sequence that may go; UINT64_MAX: no mark is in the way. */
uint64_t mark_cut_seq(const struct repl_group *g);
/* A mark has to be answered before the next window begins. */
bool mark_is_due(const struct repl_group *g);
/* DIRECT: one has not gone out, and changes wait for that. */
bool mark_is_to_go(const struct repl_group *g);
/* One may still be made: the two sides wait with a hand-over, or with being a pair. */
bool mark_is_pending(const struct repl_group *g);
/* One is on its way, and not answered. */
bool mark_is_out(const struct repl_group *g);

/* ,"snapshots":[...] of the newest ones. */
size_t mark_json(const struct repl_group *g, char *json, size_t size_bytes);

/* Of mark.c and mark_stream.c alone. */
#define mark_at(g, i) (&(g)->marks.record.m[i])
void mark_drop(struct repl_group *g, const struct mark *m);
bool mark_is_over(const struct mark *m);
void mark_put_soon(struct repl_group *g);
void mark_find(struct mark *m, const char *why); /* from now on it is only asked for */
void mark_lose(struct repl_group *g, struct mark *m, const char *why);
bool mark_has_pass(
    const struct repl_group *g); /* the replica is no point in time, or will not be */

#endif
