/* SPDX-License-Identifier: MIT */
/*
 * manager_command.c - commands to one filter of a volume, on their way to its worker and back.
 *
 * They are no changes of the volume: they go beside what else is under way ("drop", while a
 * settling waits for it), and how long one takes is the filter's business. A volume that is closed
 * meanwhile ends its commands first.
 *
 * Thread: main, but run_*(): worker.
 */
#include <errno.h>
#include <stdio.h>

#include "errand.h"

static void commanded(void *ctx, int result, json_t *reply, const struct err *err) ON_WORKER
{
	struct errand *j = ctx;

	if (reply)
		j->json = json_pack("{s:o}", "reply", reply);
	errand_ended(j, result, err);
}

static void run_command(struct errand *j) ON_WORKER
{
	const char *command = json_string_value(json_object_get(j->args, "command"));

	volume_command(j->mv->volume, j->name, command, json_object_get(j->args, "args"), j->fd,
		       commanded, j);
}

void manager_command(struct manager *m, const char *name, const char *filter, const char *command,
		     const json_t *args, int *fd, manager_fn fn, void *ctx)
{
	struct mvolume *mv = manager_find(m, name);
	struct errand *j;
	struct err err;

	if (!mv) {
		err_set(&err, ENOENT, "name", "there is no volume %s", name);
		fn(ctx, &err, NULL);
		return;
	}
	j = errand_make(mv, run_command, errand_answer, fn, ctx);
	if (!j)
		return;
	snprintf(j->name, sizeof(j->name), "%s", filter);
	j->args = json_pack("{s:s, s:o}", "command", command, "args", json_deep_copy(args));
	j->fd = *fd;
	*fd = -1;
	errand_start(j);
}
