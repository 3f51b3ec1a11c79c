/* SPDX-License-Identifier: MIT */
#include "mclock_tag.h"

#include "mclock_mutate.h"

uint64_t mclock_tag_step(uint64_t cost, uint64_t scale, uint64_t rate, uint64_t *rest)
{
	uint64_t sum = cost * scale + (MCLOCK_MUTATE(REST_FORGOTTEN) ? 0 : *rest);

	*rest = sum % rate;
	return sum / rate;
}

void mclock_tag_charge(struct mclock_tag *t, uint64_t cost, uint64_t now_ns, uint64_t credit_ns)
{
	uint64_t floor_ns = now_ns > credit_ns ? now_ns - credit_ns : 0;

	if (t->rate == 0)
		return;
	if (t->ns < floor_ns && !MCLOCK_MUTATE(CREDIT_UNBOUNDED)) {
		t->ns = floor_ns;
		t->rest = 0;
	}
	t->ns += mclock_tag_step(cost, MCLOCK_NS_PER_S, t->rate, &t->rest);
}

void mclock_tag_set_rate(struct mclock_tag *t, uint64_t rate, uint64_t now_ns)
{
	uint64_t old = t->rate;
	__uint128_t debt;

	if (rate > MCLOCK_RATE_MAX)
		rate = MCLOCK_RATE_MAX;
	if (rate == old)
		return;
	if (rate == 0) {
		*t = (struct mclock_tag){0};
		return;
	}
	t->rate = rate;
	if (old == 0) {
		t->ns = now_ns;
	} else if (t->ns >= now_ns && !MCLOCK_MUTATE(DEBT_KEPT_IN_TIME)) {
		/* More than the bound only when the units were changed with the rate. */
		debt = (__uint128_t)(t->ns - now_ns) * old + t->rest;
		if (debt > MCLOCK_COST_MAX * MCLOCK_NS_PER_S)
			debt = MCLOCK_COST_MAX * MCLOCK_NS_PER_S;
		t->ns = now_ns + (uint64_t)(debt / rate);
		t->rest = (uint64_t)(debt % rate);
	} else {
		t->rest = 0;
	}
}
