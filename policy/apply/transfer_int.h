/* SPDX-License-Identifier: MIT */
/* transfer_int.h - what the transfer*.c files share. */
#ifndef POLICY_TRANSFER_INT_H
#define POLICY_TRANSFER_INT_H

#include <pthread.h>
#include <stdatomic.h>

#include "filterd_client.h"
#include "list.h"
#include "store.h"
#include "transfer.h"

/* The end of a pipe that main made for a task. In transfers.streams, under the lock. */
struct stream {
	int64_t task_id; /* 0: free */
	int fd;          /* -1: taken by its job */
	bool is_ended, is_whole;
	uint64_t offered_ns;
};

struct transfers {
	const struct apply_cfg *cfg;
	struct reconciler *reconciler;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed; /* a job ended, a stream ended, stop */
	bool is_stopping;
	struct list_node jobs; /* struct job.node */
	struct stream streams[TRANSFER_STREAMS_MAX];
};

/* One task. Its thread's, but for what the lock protects. */
struct job {
	struct list_node node; /* the lock */
	bool is_ended;         /* the lock */
	struct transfers *owner;
	pthread_t thread;
	int64_t task_id;
	char kind[32], object[128];
	json_t *parameters; /* the task's; the job's own copy */
	struct store *store;
	struct filterd_client filterd;
	bool has_begun; /* content of the volume was touched, or may have been */
	uint32_t progress_pct;
	char text[200];
};

/* ---------------------------------------------------------------- transfer_job.c */

/* Kinds that do not get in one another's way; each lane has places of its own. */
enum transfer_lane {
	LANE_CONTENT, /* a volume's content, in or out */
	LANE_ERRAND,  /* done in a moment */
	LANE_COMMAND, /* takes as long as its datastore needs */
	LANE_WALK,    /* takes hours, is filterd's, and only followed here */
	LANE_COUNT
};
enum transfer_lane transfer_lane(const char *kind);
bool transfer_has_content(const char *kind);
/* It is not ended by the end of a policyd: the next one goes on with it. */
bool transfer_is_lasting(const char *kind);
void *transfer_job_main(void *job);

/* ---------------------------------------------------------------- transfer.c */

/* Waits at most so long, less when something ended. False: policyd stops. */
bool transfers_wait(struct transfers *t, uint32_t wait_ms);
/* The stream's descriptor for its job, -1 when there is none (any more). */
int transfers_stream_take(struct transfers *t, int64_t task_id);
/* 1: all came; 0: it broke off; -EAGAIN: not known yet. */
int transfers_stream_verdict(struct transfers *t, int64_t task_id);
void transfers_stream_forget(struct transfers *t, int64_t task_id);

/* ---------------------------------------------------------------- transfer_flow.c */

struct flow {
	const char *volume, *direction; /* "import", "export" */
	uint64_t size_bytes;            /* import: that must come; 0: as it comes */
	int fd;                         /* closed once filterd has it */
	uint64_t id;                    /* filterd's; 0: not begun */
	uint64_t done_bytes, total_bytes;
	bool is_ended;
};

/* Begins it as soon as its volume is open without a ring. Errors: -ECANCELED, -ESHUTDOWN, what
 * filterd says. */
int must_check transfer_flow_begin(struct job *j, struct flow *f, struct err *err);
/* Until all have ended; the first that fails ends the others. */
int must_check transfer_flow_follow(struct job *j, struct flow *flows, uint32_t count,
				    struct err *err);
void transfer_flow_cancel(struct job *j, struct flow *f);
/* Errors: -ESHUTDOWN policyd ends, -ECANCELED somebody asked for it */
int must_check transfer_flow_must_stop(struct job *j, struct err *err);

/* ---------------------------------------------------------------- transfer_luks.c */

/* The whole of an export in the format "luks"; fd stays the caller's. */
int must_check transfer_luks_export(struct job *j, int fd, struct err *err);

/* ---------------------------------------------------------------- transfer_encryption.c */

/* See transfer_encryption.h. */
int must_check transfer_encryption(struct job *j, struct err *err);

/* ---------------------------------------------------------------- transfer_command.c */

/* A request to filterd without a limit of time; what is left to be destaged becomes the task's
 * text. New reference, or NULL with err: filterd's, or -ESHUTDOWN. */
json_t *transfer_command_ask(struct job *j, const char *request, const json_t *arguments,
			     struct err *err);

/* ---------------------------------------------------------------- transfer_note.c
 * Each is a transaction of its own; what fails is logged and, at the next occasion, done again. */

void transfer_note_running(struct job *j);
void transfer_note_progress(struct job *j, uint32_t pct, const char *text);
/* Before filterd is asked to write: who dies in between must not leave a volume half written that
 * nobody suspects. */
int must_check transfer_note_beginning(struct job *j, const struct flow *f, struct err *err);
void transfer_note_filterd_id(struct job *j, uint64_t id);
bool transfer_note_is_cancel_wanted(struct job *j);
/* The task's end; its volumes are free again, and a volume whose content is neither the old nor the
 * new is stopped and named. rc 0: succeeded. */
void transfer_note_end(struct job *j, int rc, const struct err *error);
/* What an earlier policyd began; ids of filterd's transfers that are to be cancelled go to cancel.
 */
void transfer_note_recover(struct transfers *t, struct store *s,
			   void (*cancel)(void *ctx, uint64_t id), void *ctx);

#endif
