/* SPDX-License-Identifier: MIT */
/*
 * groups.h - what the filters of one name on one datastore share ("group" in the SDK), as the rest
 * of filterd sees it: the registry of one datastore, and its parameters.
 *
 *     groups_create --> chains are made with it (chain_cfg.groups) --> all destroyed -->
 * groups_free
 *
 * A group is made before its first filter is attached and ends after its last was detached. Its
 * parameters are here from before until after: a group that does not live takes them when it is
 * made. They change in two steps, so that they can be noted in between:
 *
 *     groups_prepare --0--> groups_commit    in force
 *                      \--> groups_abort     as before
 *
 * Thread: owner worker of the datastore; groups_create() and the parameters it is to start with may
 * come from another thread before the first chain is there, groups_free() after the last.
 */
#ifndef FILTERD_GROUPS_H
#define FILTERD_GROUPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "env.h"
#include "err.h"
#include "sluice/filter.h"

struct groups;

struct groups_cfg {
	struct env *env;
	const char *datastore; /* copied */
	/* What a filter reports of the datastore. Called on the owner worker; may be NULL. */
	void (*report)(void *ctx, const char *filter, const char *kind, const char *text);
	void *ctx;
};

int must_check groups_create(const struct groups_cfg *cfg, struct groups **out, struct err *err);
void groups_free(struct groups *gs); /* no chain has it; NULL is fine */

/*
 * Checks text by ops's table, what is not named getting its default, and asks the group if it
 * lives. Errors: those of params_parse(), or the group's own; nothing has changed.
 */
int must_check groups_prepare(struct groups *gs, const struct sluice_filter_ops *ops,
			      const char *const *names, const char *const *values, uint32_t count,
			      struct err *err);
void groups_commit(struct groups *gs, const struct sluice_filter_ops *ops);
void groups_abort(struct groups *gs, const struct sluice_filter_ops *ops);

/* ---------------------------------------------------------------- what there is to see */

bool groups_is_active(const struct groups *gs, const struct sluice_filter_ops *ops);
/* A parameter in force, as text. Without a value ("" then): a string that has no default. */
void groups_value(const struct groups *gs, const struct sluice_filter_ops *ops, uint32_t param,
		  char *text, size_t size_bytes);
/* The group's own figures; "{}" when it does not live. Returns the length. */
size_t groups_status(struct groups *gs, const struct sluice_filter_ops *ops, char *json,
		     size_t size_bytes);

#endif
