/* SPDX-License-Identifier: MIT */
/*
 * group_rig.h - a filter with a group, and volumes of its datastore, on top of rig.h.
 *
 * Volume 0 is made without a registry and alone in its group; volumes 1 to 3 have one registry and
 * share. Log words: "create7 ", "destroy ", "attach1 ", "detach1 " (the volume's number),
 * "prepare8 ", "commit8 ", "abort8 " (the value of level).
 *
 *     group_rig_open(&g);
 *     group_rig_attach(&g, 1);
 *     rig_expect(&g.rig, "create7 attach1 ");
 *     group_rig_close(&g);
 */
#ifndef TESTS_CHAIN_GROUP_RIG_H
#define TESTS_CHAIN_GROUP_RIG_H

#include "groups.h"
#include "rig.h"

#define GROUP_RIG_VOLUMES 4

struct group_rig {
	struct rig rig;
	struct groups *groups;
	struct chain *volumes[GROUP_RIG_VOLUMES];
	struct sluice_filter *filters[GROUP_RIG_VOLUMES]; /* while attached */
	struct sluice_group *group;                       /* of volumes 1 to 3, while it lives */
	struct sluice_filter_ops ops;
	int create_result, prepare_result, attach_result;
	struct sluice_timer timer; /* for tests; its fn must be set */
	/* A filter that defers: in order, whatever the volume. */
	bool defers;
	struct sluice_token *held[RIG_IOS];
	uint32_t held_count;
	uint32_t ended_count; /* of group_rig_go() */
	void (*on_done)(struct group_rig *g, struct sluice_filter *f);
	struct err err;
};

void group_rig_open(struct group_rig *g);
void group_rig_close(struct group_rig *g);

void group_rig_attach(struct group_rig *g, uint32_t volume);
int group_rig_try_attach(struct group_rig *g, uint32_t volume);
void group_rig_detach(struct group_rig *g, uint32_t volume);

/* The I/O that is held longest, if there is one. */
void group_rig_resume_first(struct group_rig *g);

/* A read of that volume, put when it ends. */
void group_rig_go(struct group_rig *g, uint32_t volume);

/* level NULL: no parameter is named. Results are in g->err. */
int group_rig_prepare(struct group_rig *g, const char *level);
void group_rig_set(struct group_rig *g, const char *level); /* prepare and commit */
const char *group_rig_level(struct group_rig *g);           /* in force, as text */

/* The rig that a filter's code runs for. */
struct group_rig *group_rig_of(const struct sluice_filter *f);

#endif
