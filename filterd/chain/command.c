/* SPDX-License-Identifier: MIT */
/*
 * command.c - an administrator's command to one filter: its own words, at most one at a time.
 *
 * A command may take as long as it needs (a flush of a large cache); after some seconds the
 * administrator hears that it does. It is no change of the chain: nothing is drained, and changes
 * go on beside it. A filter that is detached meanwhile ends it as cancelled.
 *
 * Thread: owner worker.
 */
#include "chain.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "chain_int.h"

#define SLOW_MS   4000u
#define NS_PER_MS 1000000ull

struct chain_command {
	struct sluice_filter *f;
	struct sluice_command cmd;
	struct env_timer slow_timer;
	chain_command_fn fn;
	void *ctx;
	char name[64];
	char *args_json;
	char reply_json[CHAIN_COMMAND_REPLY_BYTES];
};

static void finish(struct chain_command *k, int result, const struct err *err)
{
	k->f->command = NULL;
	env_timer_cancel(k->f->chain->env, &k->slow_timer);
	k->fn(k->ctx, result, result < 0 ? NULL : k->reply_json, err);
	free(k->args_json);
	free(k);
}

static void finish_refused(struct chain_command *k, int result, const struct sluice_error *serr)
{
	static const struct sluice_error none;
	struct err err;
	char what[80];

	snprintf(what, sizeof(what), "the command '%s'", k->name);
	result = filter_refusal(k->f, what, result, serr ? serr : &none, &err);
	finish(k, result, &err);
}

static void is_slow(struct env_timer *t)
{
	struct chain_command *k = t->ctx;

	report_host(k->f->chain, k->f->ops->name, "filter_command_slow",
		    "filter '%s' has not ended the command '%s' after %u s; it goes on",
		    k->f->ops->name, k->name, SLOW_MS / 1000);
}

static struct chain_command *command_new(struct sluice_filter *f, const char *name,
					 const char *args_json, int fd, chain_command_fn fn,
					 void *ctx)
{
	struct chain_command *k = calloc(1, sizeof(*k));

	if (!k)
		return NULL;
	k->args_json = strdup(args_json);
	if (!k->args_json) {
		free(k);
		return NULL;
	}
	snprintf(k->name, sizeof(k->name), "%s", name);
	snprintf(k->reply_json, sizeof(k->reply_json), "{}");
	k->f = f;
	k->fn = fn;
	k->ctx = ctx;
	k->slow_timer = (struct env_timer){.fn = is_slow, .ctx = k};
	k->cmd = (struct sluice_command){.name = k->name,
					 .args_json = k->args_json,
					 .fd = fd,
					 .reply_json = k->reply_json,
					 .reply_bytes = sizeof(k->reply_json)};
	return k;
}

static void run(struct chain_command *k)
{
	struct sluice_filter *f = k->f;
	struct sluice_error serr = {{0}, {0}};
	int r;

	f->command = k;
	env_timer_set(f->chain->env, &k->slow_timer,
		      env_now_ns(f->chain->env) + SLOW_MS * NS_PER_MS);
	walk_enter(f->chain);
	blame_begin(f);
	r = f->ops->command(f, &k->cmd, &serr);
	blame_end(f);
	if (f->command == k && r != SLUICE_PENDING) { /* else it was ended inside, or will be */
		if (r < 0)
			finish_refused(k, r, &serr);
		else
			finish(k, 0, NULL);
	}
	walk_leave(f->chain);
}

void chain_command(struct chain *c, const char *filter, const char *name, const char *args_json,
		   int fd, chain_command_fn fn, void *ctx)
{
	struct sluice_filter *f = filter_find(c, filter);
	struct chain_command *k = NULL;
	struct err err;

	if (!f)
		err_set(&err, ENOENT, "filter", "volume '%s' has no filter '%s'", c->volume,
			filter);
	else if (!f->ops->command)
		err_set(&err, EOPNOTSUPP, "command", "filter '%s' has no commands", filter);
	else if (f->command)
		err_set(
		    &err, EBUSY, "filter",
		    "filter '%s' of volume '%s' has the command '%s' under way; try again when it has "
		    "ended",
		    filter, c->volume, f->command->name);
	else if (!(k = command_new(f, name, args_json, fd, fn, ctx)))
		err_set(&err, ENOMEM, NULL, "no memory for a command");
	if (k)
		run(k);
	else
		fn(ctx, -err.code, NULL, &err);
}

void command_cancel(struct sluice_filter *f)
{
	struct chain_command *k = f->command;
	struct err err;

	if (k)
		finish(k,
		       err_set(&err, ECANCELED, "filter",
			       "filter '%s' was taken away before the command '%s' had ended",
			       f->ops->name, k->name),
		       &err);
}

/* ---------------------------------------------------------------- SDK */

void sluice_command_done(struct sluice_filter *f, int result, const char *reply_json,
			 const struct sluice_error *err)
{
	struct chain_command *k = f->command;

	if (!k) {
		report_misuse(f->chain, f->slot, MISUSE_RESULT);
		return;
	}
	if (result < 0) {
		finish_refused(k, result, err);
		return;
	}
	if (reply_json && reply_json != k->reply_json)
		snprintf(k->reply_json, sizeof(k->reply_json), "%s", reply_json);
	finish(k, 0, NULL);
}
