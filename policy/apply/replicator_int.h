/* SPDX-License-Identifier: MIT */
/* replicator_int.h - what the replicator's files share; see replicator.h. */
#ifndef POLICY_REPLICATOR_INT_H
#define POLICY_REPLICATOR_INT_H

#include <pthread.h>
#include <stdbool.h>

#include "filterd_client.h"
#include "notice.h"
#include "replicator.h"
#include "store.h"

/* Messages between policyds. A newer one may add members, and calls; what has another number is
 * refused with both numbers. */
#define REPLICATOR_VERSION 1

#define REPLICATOR_FILTER "replication"

struct replicator {
	struct apply_cfg cfg;
	struct notice notice;
	pthread_t thread, answering;
	bool has_thread, has_answering;
	pthread_mutex_t lock;
	pthread_cond_t cond, ended; /* something to do; the end, for who answers */
	bool is_stopping, is_woken; /* lock */
	json_t *statuses;           /* lock: {replication: status} */
	/* the thread's */
	struct store *store;
	struct filterd_client filterd;
	uint64_t peers_ns; /* next look at the pins */
	json_t *hellos;    /* {peer: when to ask it again, ms} */
	json_t *told;      /* {replication: when to call its peer again, ms} */
	json_t *described; /* {replication: what its peer was told last, as it was answered well} */
	bool has_changed;  /* something was noted in this round */
	/* the answering thread's */
	struct store *answer_store;
	struct filterd_client answer_filterd;
};

/* ---------------------------------------------------------------- replicator.c */

const char *replicator_text(const json_t *row, const char *member); /* "" */
json_int_t replicator_number(const json_t *row, const char *member);
bool replicator_is_text(const json_t *row, const char *member, const char *text);
bool replicator_is_stopping(struct replicator *r);
/* Writes members of a row that are no change of what is wanted. Takes fields. */
int replicator_note(struct replicator *r, const struct store_table *t, const json_t *row,
		    json_t *fields, struct err *err);
int replicator_event(struct replicator *r, const char *severity, const char *kind, const char *type,
		     const char *name, const char *text, struct err *err);
/* error NULL: succeeded. */
void replicator_end(struct replicator *r, const json_t *task, const struct err *error);
/* It runs; text "": as it was. */
void replicator_go_on(struct replicator *r, const json_t *task, uint32_t progress_pct,
		      const char *text);
/* Every row of a table, hidden columns included. */
json_t *replicator_rows(struct store *s, const struct store_table *t, struct err *err);
/* Open tasks of this type, and of this name unless NULL. [rows] */
json_t *replicator_open_tasks(struct store *s, const char *type, const char *name, struct err *err);

/* ---------------------------------------------------------------- filterd */

/* The replication filter's status in this volume's chain: {} it says nothing yet; NULL: there is no
 * such filter, or err says why not. *size_bytes: the volume's, may be NULL. */
json_t *replicator_filter_status(struct filterd_client *f, const char *volume, bool *is_there,
				 uint64_t *size_bytes, struct err *err);
/* A command to the filter; its reply. Takes args. */
json_t *replicator_command(struct filterd_client *f, const char *volume, const char *command,
			   json_t *args, struct err *err);

/* ---------------------------------------------------------------- replicator_*.c */

void replicator_peers_round(struct replicator *r);
void replicator_groups_round(struct replicator *r);
/* One open task of a replication; leader: its first volume; status: may be NULL. */
void replicator_task_step(struct replicator *r, const json_t *row, const char *leader,
			  const json_t *status, const json_t *task);
/* The peer's answer without its envelope, or NULL with its refusal. Takes arguments. */
json_t *replicator_call(struct filterd_client *f, const char *peer, const char *call,
			json_t *arguments, uint32_t timeout_ms, struct err *err);
/* What the peer is told of a group: name, settings, volumes with their policies. */
json_t *replicator_describe(struct store *s, const json_t *row, struct err *err);
void *replicator_answering(void *replicator);
/* What a peer's message gets: a result, or NULL with err. Thread: the answering one. */
json_t *replicator_answer(struct replicator *r, const char *peer, const json_t *body,
			  struct err *err);
/* In a transaction of the caller's. The answer, or NULL with err. */
json_t *replicator_replica_make(struct replicator *r, const char *peer, const json_t *body,
				struct err *err);
json_t *replicator_replica_change(struct replicator *r, const json_t *row, const json_t *body,
				  struct err *err);

struct replicator_words {
	const char *severity;
	char text[512];
};
/* What a state means, and what to do. */
void replicator_words(const json_t *row, const json_t *status, struct replicator_words *out);

#endif
