/* SPDX-License-Identifier: MIT */
/* rlog_destage.h - what destaging, its sink I/O and the journal share. See rlog_destage.c. */
#ifndef RLOG_DESTAGE_H
#define RLOG_DESTAGE_H

#include "rlog_int.h"
#include "rlog_window.h"

#define RLOG_SINK_IOS      64u /* at once, whatever the sink allows */
#define RLOG_GATHER_BLOCKS 8u  /* of one I/O when they have to be copied together */
#define RLOG_PIECE_BLOCKS  64u /* of one I/O when they lie side by side */

struct rlog_destager;

struct rlog_sink_slot {
	struct sluice_rlog_sink_io io;
	struct sluice_rlog_entry entry; /* towards the journal */
	struct rlog_destager *of;
	uint8_t *gather;
	struct list_node node;
};

struct rlog_destager {
	struct sluice_rlog *log;
	struct sluice_rlog_sink sink;
	struct sluice_rlog_destage *d;
	struct rlog_window w;
	struct rlog_ring_io ring;
	struct rlog_wait wait;
	struct list_node free_slots;
	uint32_t slot_count, in_flight;
	bool is_pumping, is_all_sent, is_trim_due;
	int result;
	void (*sent)(struct rlog_destager *x); /* all pieces have ended */
	bool is_to_journal;
	bool is_open; /* the window was in the journal before, and is not sealed any more */
	void (*sink_phase)(struct rlog_destager *x); /* after the journal */
	bool is_replay;
	uint64_t max_bytes; /* of a window */
	uint64_t last_seq;  /* replay: of the last complete window */
	struct sluice_rlog_entry mark;
	struct sluice_rlog_flush drop;
	struct sluice_rlog_destage left; /* replay of what an earlier window has left */
	void *mem;                       /* of w, slots and their buffers */
	struct rlog_sink_slot slots[RLOG_SINK_IOS];
};

/* ---------------------------------------------------------------- rlog_destage.c */
/* -ENOMEM; made once. */
int rlog_destager_get(struct sluice_rlog *log, struct rlog_destager **out);
void rlog_destage_window(struct rlog_destager *x); /* begins with the next one */
void rlog_destage_end(struct rlog_destager *x, int result);
void rlog_destage_trim(struct rlog_destager *x);

/* ---------------------------------------------------------------- rlog_sink.c */
/* Sends all pieces of the window, to the sink or to the journal; then sent(). */
void rlog_sink_send(struct rlog_destager *x, bool is_to_journal,
		    void (*sent)(struct rlog_destager *x));
void rlog_sink_flush(struct rlog_destager *x, void (*sent)(struct rlog_destager *x));

/* ---------------------------------------------------------------- rlog_journal.c */
/* Data blocks that a window may have so that the journal can hold it. */
uint64_t rlog_journal_room(const struct sluice_rlog *journal);
bool rlog_journal_fits(const struct sluice_rlog *journal, struct rlog_window *w);
/* The sink has what is before this sequence already: a window that ends earlier would take it back
 * to a state that never was. 0: it has nothing that is still in the log. */
uint64_t rlog_journal_must_seq(const struct sluice_rlog *log, const struct sluice_rlog *journal);
/* What an earlier window that failed has left there comes first; then rlog_destage_window(). */
void rlog_journal_clear(struct rlog_destager *x);
void rlog_journal_begin(struct rlog_destager *x);    /* the window goes to the journal, then on */
void rlog_journal_drop(struct rlog_destager *x);     /* the sink has it; then rlog_destage_trim() */
void rlog_journal_replayed(struct rlog_destager *x); /* a window of a replay has been trimmed */

#endif
