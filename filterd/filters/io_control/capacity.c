// SPDX-License-Identifier: MIT
// capacity.c - see capacity.h.
#include <string.h>

#include "capacity.h"

#define NS_PER_S 1000000000u
#define RISE     0.5 /* of the difference, each second */
#define FALL     0.1

static void next_second(struct capacity *c)
{
	c->units = c->ns = 0;
	c->was_busy = c->was_saturated = true;
}

void capacity_init(struct capacity *c)
{
	memset(c, 0, sizeof(*c));
	next_second(c);
}

static void second(struct capacity *c, double iops)
{
	if (c->iops <= 0)
		c->iops = c->was_busy ? iops : 0;
	else if (iops > c->iops)
		c->iops += RISE * (iops - c->iops);
#ifndef CONTROL_MUTATION_6 /* never falls */
	else if (c->was_saturated)
		c->iops += FALL * (iops - c->iops);
#endif
}

void capacity_period(struct capacity *c, uint64_t units, uint64_t period_ns, bool is_busy,
		     bool is_saturated)
{
	c->units += units;
	c->ns += period_ns;
	c->was_busy = c->was_busy && is_busy;
	c->was_saturated = c->was_saturated && is_saturated;
	if (c->ns < NS_PER_S)
		return;
	second(c, (double)c->units * NS_PER_S / (double)c->ns);
	next_second(c);
}

bool capacity_admits(const struct capacity *c, uint64_t reserved_iops, uint64_t more_iops)
{
	uint64_t known_iops = (uint64_t)c->iops;

#ifdef CONTROL_MUTATION_11 /* each is looked at alone */
	reserved_iops = 0;
#endif
	if (known_iops == 0)
		return true;
	return reserved_iops <= known_iops && more_iops <= known_iops - reserved_iops;
}

uint64_t capacity_reserve_iops(uint64_t promised_iops)
{
#ifdef CONTROL_MUTATION_12 /* the very rate */
	return promised_iops;
#endif
	return promised_iops ? promised_iops + promised_iops / 100 + 1 : 0;
}
