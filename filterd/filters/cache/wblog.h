/* SPDX-License-Identifier: MIT */
/*
 * wblog.h - the life of the log of write-back: made, found again, given up, failed.
 *
 * A record in the host's store says whether the log may hold data that the datastore does not have:
 *
 *     none --> MAKING --the log is there and is about to be used--> ACTIVE --settled, detached-->
 * RETIRED --> MAKING
 *
 * ACTIVE is on stable storage before the first write is acknowledged from the log. So a log that is
 * missing, foreign or damaged is an error when the record says ACTIVE, whatever the mode is now,
 * and nothing but an old file otherwise. Each log that is made has a generation of its own, in the
 * record and in the log (W14).
 *
 * Thread: owner worker.
 */
#ifndef CACHE_WBLOG_H
#define CACHE_WBLOG_H

#include "sluice/filter.h"
#include "sluice/rlog.h"

struct volume;

enum wblog_phase { WBLOG_NONE, WBLOG_MAKING, WBLOG_ACTIVE, WBLOG_RETIRED };

struct wblog_record {
	uint32_t version, phase;
	uint64_t generation;
	uint32_t has_journal, reserved;
	/* Since version 2: the folder and its mark (folder_mark.h). */
	uint8_t flash_uuid[16];
	char flash_path[256];
};

struct wblog {
	struct sluice_rlog *log;     /* or NULL */
	struct sluice_rlog *journal; /* or NULL */
	bool is_readable;            /* what is dirty can be looked up and read */
	bool is_failed;              /* fail-stop at run time */
	bool is_unknown;             /* degraded, and nobody knows how much was dirty */
	bool is_stray;               /* a log is there and no record of it */
	bool is_retiring;            /* empty, and no longer wanted */
	bool has_record;             /* record is what the host's store has */
	bool is_journal_away;        /* it has failed and is opened again; no window meanwhile */
	bool is_deleted;             /* the volume is: whatever is dirty goes too */
	bool is_foreign;             /* the device holds the log of foreign_uuid */
	uint8_t foreign_uuid[16],
	    replace_uuid[16]; /* ... whose log may go, by an administrator's word */
	struct wblog_record record;
	uint64_t dirty_at_failure; /* blocks, as far as open could tell */
	uint64_t recovery_ns;
	uint64_t waits_since_ns;    /* another filter or process has the file open */
	struct sluice_timer timer;  /* tries again */
	struct sluice_own_io flush; /* before switching */
	struct sluice_rlog_destage replay;
};

/* Reads the record, if it can be read: what it says of the flash is for others, too. */
void wblog_look(struct volume *v);
/* From STARTING: finds out what there is and goes on from there. */
void wblog_begin(struct volume *v);
/* 0, or the folder is not the flash that somebody here knows. */
int wblog_mark_check(const struct volume *v, struct sluice_error *err);
/* A change that passed through has ended. */
void wblog_passing_ended(struct volume *v);
/* May the switch to write-back go on? Called when a settling ends. */
void wblog_continue(struct volume *v);
/* CLEARING: all is down. */
void wblog_cleared(struct volume *v);
/* An append, flush or destage said that the log is in fail-stop. */
void wblog_failed(struct volume *v);
/* A window did not get into the journal: if that has failed, another one is opened. */
void wblog_journal_check(struct volume *v);
/* Nothing is in a log that has failed, or no longer: it is given up, and another one is made. */
void wblog_replace(struct volume *v);
/* Does it hold any of these blocks? */
bool wblog_has(const struct volume *v, uint64_t block, uint64_t count);
/* 0: the datastore has everything. Else -errno, and err says what is left. */
int wblog_check_clean(struct volume *v, struct sluice_error *err);
/* detach: closes; retires when nothing is left in it and the filter goes for good. */
void wblog_end(struct volume *v, bool is_settled);
/* PREPARING: the other volume's log that is_foreign tells of gives way to one of this volume. */
void wblog_replace_foreign(struct volume *v);
/* Whatever is in the log is given up, and another one is made. 0, or -errno and nothing changed. */
int wblog_forget(struct volume *v);

#endif
