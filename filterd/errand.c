/* SPDX-License-Identifier: MIT */
#include "errand.h"

#include <errno.h>
#include <stdlib.h>

#include "fd.h"

static struct errand *make(struct manager *m, struct worker *w, void (*run)(struct errand *j),
			   void (*back)(struct errand *j), manager_fn fn, void *ctx)
{
	struct errand *j = calloc(1, sizeof(*j));
	struct err err;

	if (!j) {
		err_set(&err, ENOMEM, "", "no memory for the request");
		if (fn)
			fn(ctx, &err, NULL);
		return NULL;
	}
	j->manager = m;
	j->worker = w;
	j->run = run;
	j->back = back;
	j->fn = fn;
	j->ctx = ctx;
	j->fd = -1;
	return j;
}

struct errand *errand_make(struct mvolume *mv, void (*run)(struct errand *j),
			   void (*back)(struct errand *j), manager_fn fn, void *ctx)
{
	struct errand *j = make(mv->manager, mv->worker, run, back, fn, ctx);

	if (j)
		j->mv = mv;
	return j;
}

struct errand *errand_make_on(struct mdatastore *d, void (*run)(struct errand *j),
			      void (*back)(struct errand *j), manager_fn fn, void *ctx)
{
	struct errand *j = make(d->manager, d->worker, run, back, fn, ctx);

	if (j)
		j->datastore = d;
	return j;
}

static void run_there(struct env_msg *m)
{
	struct errand *j = m->ctx;

	j->run(j);
}

void errand_start(struct errand *j)
{
	j->there.fn = run_there;
	j->there.ctx = j;
	env_post(j->worker->env, &j->there);
}

static void run_home(struct loop_msg *m)
{
	struct errand *j = m->ctx;
	void (*back)(struct errand *) = j->back;

	j->back = NULL;
	back(j);
	if (j->back) /* errand_again() */
		return;
	json_decref(j->json);
	json_decref(j->args);
	fd_close(&j->fd);
	plan_filter_fini(&j->filter);
	free(j);
}

void errand_again(struct errand *j, void (*run)(struct errand *j), void (*back)(struct errand *j))
{
	j->run = run;
	j->back = back;
	errand_start(j);
}

void errand_wait(struct errand *j, void (*back)(struct errand *j))
{
	j->back = back;
}

void errand_go_on(struct errand *j)
{
	run_home(&j->home);
}

void errand_ended(void *job, int result, const struct err *err)
{
	struct errand *j = job;

	j->result = result;
	if (err)
		j->err = *err;
	j->home.fn = run_home;
	j->home.ctx = j;
	loop_post(j->manager->loop, &j->home);
}

void errand_answer(struct errand *j)
{
	manager_fn fn = j->fn;
	json_t *json = j->json;

	j->json = NULL;
	j->fn = NULL;
	if (!fn)
		json_decref(json);
	else
		fn(j->ctx, j->result ? &j->err : NULL, json);
}
