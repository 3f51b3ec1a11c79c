/* SPDX-License-Identifier: MIT */
/*
 * errand.h - one errand to a volume's worker and back. Only manager*.c include it.
 *
 *   main: errand_start -> worker: run(job) ... errand_ended(job) -> main: back(job), job freed
 */
#ifndef FILTERD_ERRAND_H
#define FILTERD_ERRAND_H

#include "manager.h"

struct errand {
	struct manager *manager;
	struct mvolume *mv;
	void (*run)(struct errand *j);  /* worker */
	void (*back)(struct errand *j); /* main; result, err and json are set */
	manager_fn fn;		     /* whom to answer; main's */
	void *ctx;
	/* arguments */
	uint64_t number;
	bool flag;
	struct plan_filter filter;
	char name[PARSE_NAME_MAX + 1];
	/* outcome */
	int result;
	struct err err;
	json_t *json;
	struct env_msg there;
	struct loop_msg home;
};

/* NULL: no memory, fn was told. */
struct errand *errand_make(struct mvolume *mv, void (*run)(struct errand *j), void (*back)(struct errand *j), manager_fn fn,
		     void *ctx);
void errand_start(struct errand *j);
/* Again to the worker, with another run and back, from within back. */
void errand_again(struct errand *j, void (*run)(struct errand *j), void (*back)(struct errand *j));
/* Thread: worker. A volume_done_fn. */
void errand_ended(void *job, int result, const struct err *err);
/* Tells fn how it went; takes json. */
void errand_answer(struct errand *j);

/* Back and forth for all requests that change a volume. */
void manager_destroy_volume(struct mvolume *mv);
void manager_drop_volume(struct mvolume *mv); /* takes it out of lists and plan, frees it on its worker */
struct mvolume *manager_make_volume(struct manager *m, struct plan_volume *v, struct err *err);
void manager_start_open(struct mvolume *mv, manager_fn fn, void *ctx);

#endif
