/* SPDX-License-Identifier: MIT */
/*
 * errand.h - one errand to a volume's or a datastore's worker and back. Only manager*.c include it.
 *
 *   main: errand_start -> worker: run(job) ... errand_ended(job) -> main: back(job), job freed
 */
#ifndef FILTERD_ERRAND_H
#define FILTERD_ERRAND_H

#include "manager.h"

struct errand {
	struct manager *manager;
	struct mvolume *mv;           /* NULL: it is about a datastore */
	struct mdatastore *datastore; /* NULL: it is about a volume */
	struct worker *worker;
	void (*run)(struct errand *j);  /* worker */
	void (*back)(struct errand *j); /* main; result, err and json are set */
	manager_fn fn;                  /* whom to answer; main's */
	void *ctx;
	/* arguments */
	uint64_t number;
	bool flag;
	struct plan_filter filter;
	char name[PARSE_NAME_MAX + 1];
	json_t *args;
	void *more; /* whoever made it; stays theirs */
	int fd;     /* -1: none */
	/* outcome */
	int result;
	struct err err;
	json_t *json;
	struct env_msg there;
	struct loop_msg home;
	struct list_node save_node; /* of manager.saving */
};

/* NULL: no memory, fn was told. */
struct errand *errand_make(struct mvolume *mv, void (*run)(struct errand *j),
			   void (*back)(struct errand *j), manager_fn fn, void *ctx);
struct errand *errand_make_on(struct mdatastore *d, void (*run)(struct errand *j),
			      void (*back)(struct errand *j), manager_fn fn, void *ctx);
void errand_start(struct errand *j) ON_MAIN;
/* Again to the worker, with another run and back, from within back. */
void errand_again(struct errand *j, void (*run)(struct errand *j),
		  void (*back)(struct errand *j)) ON_MAIN;
/* From within back: back is called again later, by errand_go_on(). */
void errand_wait(struct errand *j, void (*back)(struct errand *j)) ON_MAIN;
void errand_go_on(struct errand *j) ON_MAIN;
/* Thread: worker. A volume_done_fn. */
void errand_ended(void *job, int result, const struct err *err) ON_WORKER;
/* Tells fn how it went; takes json. */
void errand_answer(struct errand *j) ON_MAIN;

/* Of the manager's files, for one another. */
/* NULL: its datastore is no folder. */
const char *manager_image_in_folder(const struct mvolume *mv);
void manager_free_volume(struct mvolume *mv); /* its volume is destroyed */
int must_check manager_make_datastore(struct manager *m, struct plan_datastore *plan,
				      struct err *err) ON_MAIN;
/* Nothing about it is under way any more: ended(d); then manager_free_datastore(). */
void manager_end_datastore(struct mdatastore *d, void (*ended)(struct mdatastore *d));
void manager_free_datastore(struct mdatastore *d);
/* Its groups, with the plan's parameters. */
int must_check manager_make_groups(struct mdatastore *d, struct err *err) ON_MAIN;
void manager_save_init(struct manager *m);
/* Writes the plan to disk; on an error a restart sees the old one. */
int must_check manager_write_plan(struct manager *m, struct err *err) ON_MAIN;
/*
 * From within back, with a result of 0: the plan as it is now, or a later one, is on disk when back
 * is called, or result and err say why not. What ends while another save is under way shares the
 * next one.
 */
void manager_write_plan_then(struct errand *j, void (*back)(struct errand *j)) ON_MAIN;
/* A failed save in the words of manager_save(), and as an event. */
void manager_not_saved(struct manager *m, struct err *err) ON_MAIN;
struct mdatastore *manager_find_datastore(const struct manager *m, const char *name);
/* Says to the parent that this thread is in a call that may take long. They nest. Thread: b's own.
 */
void manager_beat_blocking(struct shared_beat *b, bool begins);
void manager_drop_volume(
    struct mvolume *mv) ON_MAIN; /* takes it out of lists and plan, frees it on its worker */
struct mvolume *manager_make_volume(struct manager *m, struct plan_volume *v, struct err *err);
void manager_start_open(struct mvolume *mv, manager_fn fn, void *ctx) ON_MAIN;
/* "volume NAME why". */
void manager_refuse(manager_fn fn, void *ctx, int code, const char *name, const char *why);
/* An errand's run: opens the volume. */
void manager_run_open(struct errand *j) ON_WORKER;
/* The volume, with the right to change it; NULL: fn was told why not. */
struct mvolume *manager_begin(struct manager *m, const char *name, manager_fn fn,
			      void *ctx) ON_MAIN;
/* The change of j's volume begins; j may be NULL. may_settle: filters bring dirty data down first,
 * for long if need be, and a close ends that. */
void manager_begin_change(struct mvolume *mv, struct errand *j, bool may_settle) ON_MAIN;
/* It has ended; the answer. */
void manager_end_change(struct errand *j) ON_MAIN;
/* volume_host.snapshot; its ctx is the struct mvolume. */
void manager_ask(void *mv, const struct chain_snapshot *s, volume_done_fn fn, void *ctx) ON_WORKER;
/* Records of snapshot groups that a former life has left, and whose members all are open now. */
void manager_sweep_records(struct manager *m) ON_MAIN;

#endif
