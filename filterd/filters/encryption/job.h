/* SPDX-License-Identifier: MIT */
/*
 * job.h - what is done with a header: on a helper, on a copy of the paths; the volume's state
 * changes on the worker when it is back.
 *
 *     job_new() -> [scan.c] -> job_go() -> run() on a helper: KEKs from the pipe, luks.h
 *               -> done() on the worker: state, reply; the job is freed
 *
 * Keys are wiped with the job.
 */
#ifndef ENCRYPTION_JOB_H
#define ENCRYPTION_JOB_H

#include "export.h"
#include "key.h"
#include "scan.h"

/* All of it in secret memory. */
struct keys {
	uint8_t keks[2][LUKS_KEK_BYTES];
	struct kept kept, next; /* next: of a deep rekey under way */
};

struct job {
	struct sluice_work work;
	struct encryption *e;
	int fd;             /* the pipe, or -1; the host's */
	uint32_t kek_count; /* that come through it */
	struct keys *keys;
	struct luks luks;
	struct luks_info header; /* afterwards */
	int was_restored;
	char key_id[LUKS_KEY_ID_BYTES];
	struct scan scan;
	bool may_discard;
	bool leaves_no_header;
	bool changes_header;           /* or what goes with it */
	bool has_next;                 /* a deep rekey's header is to be opened, too */
	struct export *export;         /* not gone yet */
	void *header_bytes;            /* of the export */
	int result;                    /* luks.text says why */
	int (*run)(struct job *j);     /* helper; NULL: only a look at the header */
	void (*done)(struct job *j);   /* worker; it went well; may set result */
	void (*failed)(struct job *j); /* worker; it did not; may be NULL */
};

struct job *job_new(struct encryption *e); /* NULL: no locked memory */
void job_free(struct job *j);
/* Then the first look, or the answer to the command under way. Owns: takes j */
void job_go(struct job *j);
/* Ends the command without having gone. Owns: takes j */
void job_fail(struct job *j, int result, const char *text);

#endif
