/* SPDX-License-Identifier: MIT */
/*
 * manager_save.c - the plan goes to disk before anybody is told that it is in force.
 *
 *   back(A), back(B), back(C)      --> one save of the plan, which knows all three --> A, B, C go
 * on ends while that save runs: D   --> the next one
 *
 * A save writes what has changed in the plan and blocks this thread; whatever workers have ended
 * meanwhile stands in line when it returns, and asks together for the next one.
 *
 * Thread: main.
 */
#include <errno.h>

#include "errand.h"

int manager_write_plan(struct manager *m, struct err *err)
{
	int rc;

	manager_beat_blocking(&m->shared->main, true);
	rc = plan_save(m->plan_folder, &m->plan, err);
	manager_beat_blocking(&m->shared->main, false);
	return rc;
}

void manager_not_saved(struct manager *m, struct err *err)
{
	err_prefix(err, "the change is in force, but a restart will not know of it");
	manager_event(m, "", "", "plan_not_saved", err->text);
}

int manager_save(struct manager *m, struct err *err)
{
	int rc = manager_write_plan(m, err);

	if (rc)
		manager_not_saved(m, err);
	return rc;
}

/* What it is about is on disk, whatever else may not be. */
static bool is_saved(const struct errand *j)
{
	return j->mv && !j->mv->plan->is_changed;
}

static void save(struct loop_msg *msg) ON_MAIN
{
	struct manager *m = msg->ctx;
	struct list_node all, *n;
	struct err err = {0};
	int rc;

	/* Who asks from now on, from within back, wants a save of his own. */
	list_init(&all);
	list_splice_back(&all, &m->saving);
	rc = manager_write_plan(m, &err);
	while ((n = list_pop_front(&all))) {
		struct errand *j = list_entry(n, struct errand, save_node);

		j->result = is_saved(j) ? 0 : rc;
		if (j->result)
			j->err = err;
		errand_go_on(j);
	}
}

void manager_save_init(struct manager *m)
{
	list_init(&m->saving);
	m->save_msg = (struct loop_msg){.fn = save, .ctx = m};
}

void manager_write_plan_then(struct errand *j, void (*back)(struct errand *j))
{
	struct manager *m = j->manager;
	bool is_first = list_is_empty(&m->saving);

	errand_wait(j, back);
	list_push_back(&m->saving, &j->save_node);
	if (is_first)
		loop_post(m->loop, &m->save_msg);
}
