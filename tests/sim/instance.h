/* SPDX-License-Identifier: MIT */
/*
 * instance.h - one serving process of filterd, from start to kill: the real serve, ring, scsi,
 * chain and backend on env_sim, with a small loop around them.
 *
 * Thread: one.
 */
#ifndef SIM_INSTANCE_H
#define SIM_INSTANCE_H

#include "host.h"

/* Rings that a child had when it died, by generation: a new ring is none of them. */
struct rings {
	uint64_t generations[2];
	uint32_t count;
};

struct instance *instance_start(struct world *w, struct list_node *backlog, uint64_t incarnation,
				bool is_first, const struct rings *expected);
/* Which the next one has to wait for. */
struct rings instance_rings(const struct instance *i);
void instance_wake(struct instance *i);
void instance_kick(struct instance *i); /* an eventfd was written: it arrives soon */
void instance_pause(struct instance *i, bool is_paused);
/* All its memory is lost. host_child_quiet() follows when its I/O has ended. */
void instance_kill(struct instance *i);
/* As if it were killed at its n-th call of the env from now. died() then does it. */
void instance_doom(struct instance *i, uint32_t calls, void (*died)(void *ctx), void *ctx);
void instance_power_cut(struct instance *i);
uint64_t instance_beats(const struct instance *i);
bool instance_is_serving(const struct instance *i);
bool instance_is_failed(const struct instance *i);
struct list_node *instance_conns(struct instance *i);

void host_child_quiet(struct world *w, struct instance *dead);

#endif
