/* SPDX-License-Identifier: MIT */
/* instance_int.h - what instance.c and instance_boot.c share. Nobody else includes it. */
#ifndef SIM_INSTANCE_INT_H
#define SIM_INSTANCE_INT_H

#include "backend.h"
#include "chain.h"
#include "instance.h"
#include "serve.h"

struct instance {
	struct world *w;
	struct sim_life life;
	struct env_sim env;
	struct list_node *backlog; /* the parent's */
	struct list_node conns;
	uint64_t incarnation;
	struct rings expected; /* nothing is executed before they are back */
	struct env_timer rings_timer;
	bool is_recovered;
	uint64_t beats; /* one per turn of the loop */
	bool is_first;
	bool is_kicked;          /* an eventfd was written, and its turn has not come */
	bool has_declared_sleep; /* before_sleep() said so */
	struct env_timer rescan;
	struct env_timer retry;  /* of the open */
	struct env_timer change; /* of the chain, under I/O */
	struct backend *backend;
	struct chain *chain;
	struct serve *serve; /* NULL: not yet */
	uint32_t attached;
	void (*died)(void *ctx);
	void *died_ctx;
	bool has_extra; /* the filter that comes and goes */
};

/* Opens the volume, by and by. */
void instance_boot(struct instance *i);

#endif
