/* SPDX-License-Identifier: MIT */
/*
 * plan_int.h - what the planner's files share: the two documents with indexes over them, and a view
 * of each volume of the database.
 *
 *   desired, running ─▶ plan_view.c ─▶ views ─▶ withdraw ─▶ filterd ─▶ grant ─▶ steps, problems
 *
 * Everything is read from what was observed, never from the effect of an earlier step of the same
 * plan, but for one thing: a step that fails ends the plan for its object (object_type and
 * object_name), so the steps of one object may rely on one another. Where one object's step depends
 * on another's and would do harm without it, it waits for the next plan.
 */
#ifndef PLAN_INT_H
#define PLAN_INT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "model.h"

enum presence {
	PRESENCE_UNKNOWN, /* filterd is down */
	PRESENCE_ABSENT,  /* never created */
	PRESENCE_OURS,
	PRESENCE_GONE,  /* was created once */
	PRESENCE_OTHER, /* the name is taken by a volume with another UUID, or the UUID by another
			   name */
};

enum export {
	EXPORT_NO,   /* withdraw all */
	EXPORT_KEEP, /* what is there stays and follows the access list; nothing new is made */
	EXPORT_YES,
};

struct view {
	const json_t *row; /* desired */
	const char *name;
	const json_t *runs; /* filterd's; only PRESENCE_OURS */
	enum presence presence;
	bool wants_open; /* open in filterd */
	bool is_creating, is_opening;
	enum export export;
	const char *iqn; /* NULL: has no target row */
	json_int_t lun;
	const json_t *target; /* tgtd's, NULL: none */
	json_t *allowed;      /* rows of the hosts that may get in */
	bool has_chap;
	const char *mutual_user; /* NULL: none */
	bool wants_guard;        /* in the target's list of accounts */
	bool is_stripped;        /* this plan takes every binding away; only the next one binds */
	size_t kept_accounts;    /* so many at the head of the target's list stay */
};

struct plan {
	const json_t *desired;
	const json_t *filterd, *tgtd; /* NULL: down */
	const char *iqn_base;
	json_t *steps, *problems;
	/* Indexes; values are borrowed in spirit: the documents outlive the plan. */
	json_t *hosts;      /* id as text -> row */
	json_t *filters;    /* name -> row of the database */
	json_t *volumes;    /* name -> filterd's */
	json_t *uuids;      /* UUID -> filterd's */
	json_t *datastores; /* name -> filterd's */
	json_t *targets;    /* IQN -> tgtd's */
	json_t *luns;       /* volume's name -> how many LUNs of tgtd's there are on it */
	json_t *rows;       /* name -> the database's volume */
	json_t *row_iqns;   /* IQN -> the database's volume */
	json_t *accounts;   /* user -> see plan_accounts.c */
	struct view *views;
	size_t view_count;
};

struct object {
	const char *type, *name;
};

/* ---------------------------------------------------------------- planner.c */

/* arguments is taken. */
void plan_step(struct plan *p, struct object o, const char *step, json_t *arguments,
	       const char *fmt, ...) __attribute__((format(printf, 5, 6)));
void plan_problem(struct plan *p, struct object o, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
static inline struct object plan_volume_of(const struct view *v)
{
	return (struct object){"volume", v->name};
}

/* ---------------------------------------------------------------- plan_view.c */

void plan_view_build(struct plan *p);
void plan_view_free(struct plan *p);
const char *plan_text(const json_t *obj, const char *key); /* "" if it is not there */
json_int_t plan_number(const json_t *obj, const char *key);
bool plan_has_text(const json_t *array, const char *text);
bool plan_is_serving(const json_t *runs);
bool plan_is_closed(const json_t *runs); /* or in quarantine: filterd touches nothing of it */
bool plan_is_our_lun(const json_t *lun); /* of bstype sluice */
/* Bears our mark: a row has its IQN, or it begins with our base. */
bool plan_is_our_target(const struct plan *p, const json_t *target);
/* The host with this IQN among those that may get in, or NULL. */
const json_t *plan_allowed_host(const struct view *v, const char *iqn);

/* ---------------------------------------------------------------- towards filterd */

bool plan_datastores_has(const struct plan *p, const char *name); /* there, or added by this plan */
void plan_datastores_add(struct plan *p);
void plan_datastores_remove(struct plan *p);
void plan_groups_set(struct plan *p);                    /* filters of whole datastores */
void plan_volumes_check(struct plan *p, struct view *v); /* problems */
bool plan_volumes_may_create(struct plan *p, const struct view *v);
void plan_volumes_close(struct plan *p, struct view *v);
void plan_volumes_make(struct plan *p, struct view *v);
bool plan_filters_has_others(const struct view *v);             /* that the rules do not name */
void plan_filters_detach(struct plan *p, const struct view *v); /* those */
void plan_filters_change(struct plan *p, const struct view *v);
json_t *plan_filters_of(const struct view *v); /* for volume.create */
bool plan_filters_installed(struct plan *p, const struct view *v);
const json_t *plan_filters_find(const json_t *list, const char *filter); /* by member "filter" */
/* Of the datastore's or volume's filter, or rule; known to the database, and not loaded. */
bool plan_filters_is_missing(const struct plan *p, const json_t *of);

/* The rule wants a log on flash that its datastore has no place for. */
bool plan_needs_flash(const struct plan *p, const struct view *v, const json_t *rule);
bool plan_needs_met(struct plan *p, const struct view *v); /* false: said as a problem */
/* A running filter that is taken out of no chain by a plan: the data is nothing without it. */
bool plan_needs_to_stay(const struct view *v, const json_t *runs);
void plan_needs_check(struct plan *p, const struct view *v); /* problems */

/* ---------------------------------------------------------------- towards tgtd */

void plan_portals_remove(struct plan *p);
void plan_portals_add(struct plan *p);
void plan_targets_strange(struct plan *p);
void plan_targets_remove(struct plan *p, struct view *v);
/* False: there is none, and none is to be made now. */
bool plan_targets_make(struct plan *p, struct view *v);
void plan_access_withdraw(struct plan *p, struct view *v);
void plan_access_grant(struct plan *p, struct view *v);

void plan_accounts_build(struct plan *p);
bool plan_accounts_usable(const struct plan *p, const char *user, struct object owner);
bool plan_accounts_is_ready(const struct plan *p, const char *user); /* there, with its secret */
bool plan_accounts_may_bind(const struct plan *p, const char *user); /* there after this plan */
void plan_accounts_delete(struct plan *p);
void plan_accounts_create(struct plan *p);

/* ---------------------------------------------------------------- plan_snapshots.c */

bool plan_snapshots_may_create(const struct plan *p, const struct view *v);
void plan_snapshots_check(struct plan *p, const struct view *v); /* problems */
/* The image of a clone, before its volume.create; what a volume.create has to be told more. */
void plan_snapshots_clone(struct plan *p, const struct view *v);
void plan_snapshots_origin(const struct view *v, json_t *arguments);

/* ---------------------------------------------------------------- plan_replication.c */

/* What becomes of usual for a replicated volume. */
enum export plan_replication_export(const struct view *v, enum export usual);
bool plan_replication_to_stay(const struct view *v, const json_t *runs);
void plan_replication_check(struct plan *p, const struct view *v);

#endif
