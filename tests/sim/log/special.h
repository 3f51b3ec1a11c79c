/* SPDX-License-Identifier: MIT */
/*
 * special.h - tries that change nothing: they look at a dead or idle log from the side, put right
 * what they did, and the seed goes on.
 *
 * Thread: one.
 */
#ifndef SIM_LOG_SPECIAL_H
#define SIM_LOG_SPECIAL_H

#include "actor.h"

/*
 * No process lives. Now and then, by chance: the datastore and its journal alone are a point in
 * time (journaled); bit rot in what a later record vouches for is reported and nothing is changed
 * (W10); a log of another owner or generation is refused and not touched (W14).
 */
bool special_before_boot(struct lab *l);
/* W11: a process lives and is idle: a dirty block's rot is an error for who reads or destages it.
 */
bool special_rotten_block(struct lab *l, struct actor *a);

#endif
