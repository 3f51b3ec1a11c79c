/* SPDX-License-Identifier: MIT */
/*
 * sdk_ready.c - whether a chain's filters can serve, all together.
 */
#include "chain_int.h"

void ready_check(struct chain *c)
{
	uint8_t ready = SLUICE_OK;

	for (uint32_t i = 0; i < c->filter_count && ready == SLUICE_OK; i++)
		ready = c->filters[i]->ready;
	if (ready == c->ready)
		return;
	c->ready = ready;
	if (c->host.ready)
		c->host.ready(c->host.ctx, (enum sluice_status)ready);
}

/* A filter that is being attached is not in the chain yet; it counts when it is. */
void sluice_ready_set(struct sluice_filter *f, enum sluice_status status)
{
	f->ready = (uint8_t)status;
	ready_check(f->chain);
}
