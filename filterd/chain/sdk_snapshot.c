/* SPDX-License-Identifier: MIT */
/*
 * sdk_snapshot.c - sluice/snapshot.h: the call on its way to the volume's host, and back.
 *
 * The host answers when it likes, on the owner worker; until then the handle stays (leave.c). A
 * filter that is detached first hears so at once, and the answer goes nowhere.
 *
 * Thread: owner worker.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "chain_int.h"
#include "sluice/snapshot.h"

struct snapshot_errand {
	struct list_node node; /* of sluice_filter.snapshots */
	struct sluice_filter *f;
	struct sluice_snapshot_call *call; /* NULL: the filter is gone */
	struct env_msg msg;                /* an answer of our own */
	struct env_timer limit;
	int result;
	char snapshot[40];
	char name[128];
};

void sdk_snapshot_link(void) {}

static void tell(struct snapshot_errand *s, int result, const struct sluice_error *err)
{
	struct sluice_snapshot_call *call = s->call;
	struct sluice_filter *f = s->f;

	s->call = NULL;
	list_del(&s->node);
	env_timer_cancel(f->chain->env, &s->limit);
	if (!call)
		return;
	call->host = NULL;
	walk_enter(f->chain);
	blame_begin(f);
	call->fn(call, result, err);
	blame_end(f);
	walk_leave(f->chain);
}

static void answered(void *ctx, int result, const struct err *err)
{
	struct sluice_error serr = {{0}, {0}};
	struct snapshot_errand *s = ctx;
	struct sluice_filter *f = s->f;

	if (result < 0 && err)
		snprintf(serr.text, sizeof(serr.text), "%.255s", err->text);
	tell(s, result, &serr);
	free(s);
	f->calls--;
	leave_check(f);
}

static void refused(struct env_msg *m)
{
	struct snapshot_errand *s = m->ctx;
	struct err err;

	err_set(&err, -s->result, "", "this volume's host makes no snapshots for filters");
	answered(s, s->result, &err);
}

/* Only what brings dirty data down may take that long; the rest is not stopped half way. */
static void too_long(struct env_timer *t)
{
	struct snapshot_errand *s = t->ctx;
	struct chain *c = s->f->chain;

	if (c->point)
		chain_cancel_settling(c);
}

void sluice_snapshot_submit(struct sluice_filter *f, struct sluice_snapshot_call *call)
{
	struct chain *c = f->chain;
	struct snapshot_errand *s = calloc(1, sizeof(*s));
	struct chain_snapshot ask;

	if (!s)
		abort(); /* the answer would come before return, or never */
	s->f = f;
	s->call = call;
	call->host = s;
	s->msg = (struct env_msg){.fn = refused, .ctx = s};
	s->limit = (struct env_timer){.fn = too_long, .ctx = s};
	snprintf(s->snapshot, sizeof(s->snapshot), "%s", call->snapshot);
	snprintf(s->name, sizeof(s->name), "%s", call->name ? call->name : "");
	f->calls++;
	list_push_back(&f->snapshots, &s->node);
	if (!c->host.snapshot) {
		s->result = -EOPNOTSUPP;
		env_post(c->env, &s->msg);
		return;
	}
	if (call->what == SLUICE_SNAPSHOT_MAKE && call->settle_ms)
		env_timer_set(c->env, &s->limit, env_now_ns(c->env) + call->settle_ms * 1000000ull);
	ask = (struct chain_snapshot){.what = call->what, .snapshot = s->snapshot, .name = s->name};
	c->host.snapshot(c->host.ctx, &ask, answered, s);
}

void snapshot_leave(struct sluice_filter *f)
{
	static const struct sluice_error err = {{0}, "the filter is detached"};

	while (!list_is_empty(&f->snapshots))
		tell(list_entry(f->snapshots.next, struct snapshot_errand, node), -ECANCELED, &err);
}
