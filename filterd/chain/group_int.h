/* SPDX-License-Identifier: MIT */
/*
 * group_int.h - groups as the chain's files see them. Only this folder includes it, after
 * chain_int.h.
 *
 *   group.c      life and parameters
 *   group_sdk.c  the host services of groups
 *
 * A group's code moves I/O of several chains: a done() of one volume resumes what another one's
 * filter holds. So that walks do not nest in one another as deep as there are volumes, a chain that
 * becomes movable while another of its datastore walks is put on groups.ready, and walks when the
 * outermost of the worker's stack is over.
 */
#ifndef FILTERD_CHAIN_GROUP_INT_H
#define FILTERD_CHAIN_GROUP_INT_H

#include "chain_int.h"
#include "groups.h"

struct sluice_group {
	struct groups *all;
	const struct sluice_filter_ops *ops;
	struct list_node node;        /* of groups.groups */
	struct list_node filters;     /* attached ones, by group_node */
	struct sluice_filter *called; /* named for the call that is under way */
	struct list_node timers;      /* set ones */
	union sluice_value *values;   /* in force, or to be made with; NULL: the table's defaults */
	union sluice_value *next;     /* from prepare to commit or abort, else NULL */
	bool is_made;                 /* group_create() went well, group_destroy() not called */
	bool is_told;                 /* of next, by SLUICE_PREPARE */
	bool is_ending;               /* group_destroy() runs: no timers any more */
	void *state;
};

/* The filter's group, made if f is its first. */
int must_check group_join(struct sluice_filter *f, struct err *err);
/* f is detached; ends the group if it was the last. */
void group_part(struct sluice_filter *f);

/* Around every call into a group's code. */
void group_call_begin(struct sluice_group *g);
void group_call_end(struct sluice_group *g);

void group_timers_cancel(struct sluice_group *g);

#endif
