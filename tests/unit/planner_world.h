/* SPDX-License-Identifier: MIT */
/*
 * planner_world.h - a small filterd and a small tgtd that carry out the planner's steps on its own
 * running document, one step at a time, and note the first thing that must never happen.
 *
 *   planner_world.c        steps carried out in order
 *   planner_world_filterd.c  planner_world_tgtd.c    the two daemons, by tables of step names
 *   planner_world_check.c  what must hold after every step
 *   planner_wish.c         a desired state that changes at random
 *   planner_wish_check.c   whether running equals it
 */
#ifndef PLANNER_WORLD_H
#define PLANNER_WORLD_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#define WORLD_BASE    "iqn.2026-01.org.sluice:sim"
#define WORLD_FOREIGN "iqn.2000-01.com.other:disk"
#define WORLD_VOLUMES 3
#define WORLD_HOSTS   3

struct world {
	uint64_t random;
	json_t *desired;
	json_t *filterd, *tgtd; /* as observed while up */
	bool is_filterd_up, is_tgtd_up;
	bool has_foreign;  /* somebody else's target in tgtd */
	uint32_t fail_pct; /* of steps */
	/* Since all was last as desired: who was allowed in any desired state of that time.
	 * "volume|iqn": 1 with CHAP, 2 without; "volume|user": 1. */
	json_t *granted;
	json_t *created;   /* UUID: true */
	json_t *lost;      /* UUID: true; filterd had it and has it no more */
	json_t *half_open; /* [{"iqn", "host"}] logins that have passed the list of names */
	json_int_t last_id;
	char fault[400]; /* "": none yet */
};

/* ---------------------------------------------------------------- planner_world.c */

void world_init(struct world *w, uint64_t seed);
void world_fini(struct world *w);
uint64_t world_random(struct world *w, uint64_t below);
json_t *world_running(const struct world *w); /* new reference */
/* In order, leaving out what follows a failure of the same object. */
void world_carry_out(struct world *w, const json_t *steps);
void world_restart_tgtd(struct world *w);
void world_log_in(struct world *w); /* hosts try, from right and wrong addresses */
void world_mischief(struct world *w);
void world_fault(struct world *w, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

struct world_op {
	const char *name; /* NULL: the table ends */
	bool (*fn)(struct world *w, const json_t *arguments);
};
extern const struct world_op world_filterd_ops[], world_tgtd_ops[];

const char *world_text(const json_t *j, const char *key);
json_t *world_find(const json_t *array, const char *key, const char *text); /* borrowed */
size_t world_index(const json_t *array, const char *text); /* of strings; SIZE_MAX */
json_t *world_list(const json_t *daemon, const char *key); /* borrowed */
void world_take_out(json_t *array, const json_t *what);
size_t world_luns(const struct world *w, const char *volume);

/* ---------------------------------------------------------------- planner_world_check.c */

void world_check_reach(struct world *w);
void world_check_order(struct world *w, const json_t *steps);

/* ---------------------------------------------------------------- planner_wish.c,
 * planner_wish_check.c */

void wish_init(struct world *w);
void wish_change(struct world *w);
void wish_note(struct world *w);  /* what policyd notes after a round; and who is allowed now */
void wish_check(struct world *w); /* running equals desired */
/* Hosts that may get into this volume now; new reference. */
json_t *wish_allowed(const struct world *w, const json_t *row, bool *has_chap);

#endif
