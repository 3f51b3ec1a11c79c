/* SPDX-License-Identifier: MIT */
/*
 * outcome.h - what a pass has seen and done, into the database: running states, tasks, compliance,
 * filters, events; and rows that were waiting to be deleted.
 *
 *   outcome.c          one transaction for all of it, opened by the first change
 *   outcome_volumes.c  volumes: state, compliance, the end of those that are being deleted
 *   outcome_rows.c     datastores, portals, filters, daemons
 *   outcome_tasks.c    when a task is over
 *
 * Nothing is written that the database already says, so a pass without news costs no transaction;
 * and a policyd that dies before its commit notes the same in its next pass, from what it sees.
 *
 * Thread: the reconciler's, with its own store.
 */
#ifndef POLICY_OUTCOME_H
#define POLICY_OUTCOME_H

#include <jansson.h>
#include <stdbool.h>

#include "observe.h"
#include "store.h"

struct outcome {
	struct store *store;
	const char *history_path; /* NULL: no history is kept */
	const char *iqn_base;
	json_t *verdicts; /* {volume: {"status", "causes"}} as the database has them */
	bool has_changed; /* something was written in this call */
	bool has_removed; /* a row, too: what stood on it may go now */
	bool must_look;   /* a task waits for what no daemon tells: again in a second */
};

/* One pass, looked at after its steps. */
struct outcome_view {
	struct observer *observer;
	const json_t *desired;  /* store_desired() */
	const json_t *running;  /* planner.h */
	const json_t *steps;    /* what is left to do, failed ones included */
	const json_t *problems; /* planner_problems() */
	const json_t *tasks;    /* rows of those that were open before desired was read */
	json_t *failures;       /* apply_failures.h */
	const json_t *slow;     /* slow_steps_texts() */
	/* outcome's own indexes */
	json_t *volumes, *datastores, *targets; /* running, by name or IQN */
	json_t *busy;                           /* {"volume/web-1": text of its first step} */
	json_t *troubles;                       /* {"volume/web-1": text of the problem} */
	json_t *rows;    /* the database's: {"volumes/web-1": row}, and "hosts", "datastores" */
	json_t *removed; /* {"volume/web-1": true}: rows that this call has deleted */
};

int must_check outcome_init(struct outcome *o, struct store *store, const struct apply_cfg *cfg,
			    struct err *err);
void outcome_fini(struct outcome *o);

/* Rows of all tasks that have not ended. New reference. */
json_t *outcome_open_tasks(struct outcome *o, struct err *err);
/*
 * filterd has made these volumes: noted before anybody may write to them, since one that was
 * created and is gone is never made anew. names: {name: true}.
 */
int must_check outcome_created(struct outcome *o, const json_t *desired, const json_t *names,
			       struct err *err);
int must_check outcome_note(struct outcome *o, struct outcome_view *v, struct err *err);

/* ---------------------------------------------------------------- for the other files of outcome
 */

/* Opens the transaction if none is. */
int must_check outcome_begin(struct outcome *o, struct err *err);
/* Notes those of fields that differ from row. fields is taken. */
int must_check outcome_fields(struct outcome *o, const struct store_table *t, const json_t *row,
			      json_t *fields, struct err *err);
int must_check outcome_event(struct outcome *o, const char *severity, const char *kind,
			     const char *object_type, const char *object_name, struct err *err,
			     const char *fmt, ...) __attribute__((format(printf, 7, 8)));
/* The first step of this object that is left; NULL: none. */
const char *outcome_busy(const struct outcome_view *v, const char *type, const char *name);
/* Why it is not as wanted: its failure, else its problem; "" all is well. is_final may be NULL. */
const char *outcome_trouble(const struct outcome_view *v, const char *type, const char *name,
			    bool *is_final);
/* Events for a failure that is new. */
int must_check outcome_tell(struct outcome *o, struct outcome_view *v, const char *type,
			    const char *name, struct err *err);
/* Of the lists "volumes", "datastores" and "hosts"; NULL: there is none. */
const json_t *outcome_row(const struct outcome_view *v, const char *list, const char *name);
bool outcome_is_up(const struct outcome_view *v, const char *daemon);
const char *outcome_text(const json_t *row, const char *key); /* "" if it is not there */

int must_check outcome_volumes(struct outcome *o, struct outcome_view *v, struct err *err);
int must_check outcome_datastores(struct outcome *o, struct outcome_view *v, struct err *err);
int must_check outcome_portals(struct outcome *o, struct outcome_view *v, struct err *err);
int must_check outcome_filters(struct outcome *o, struct outcome_view *v, struct err *err);
int must_check outcome_daemons(struct outcome *o, struct outcome_view *v, struct err *err);
int must_check outcome_tasks(struct outcome *o, struct outcome_view *v, struct err *err);
/* The tasks of a volume or datastore whose row goes now. */
int must_check outcome_tasks_gone(struct outcome *o, const struct outcome_view *v, const char *type,
				  const char *name, struct err *err);

#endif
