/* SPDX-License-Identifier: MIT */
/*
 * mclock_charge.c - what a request costs: the tags it moves when it goes. A file of its own because
 * mclock_pop() and mclock_pass() must charge alike.
 */
#include "mclock_int.h"

uint64_t mclock_units(uint64_t len_bytes)
{
	return len_bytes <= MCLOCK_UNIT_BYTES ? 1 : (len_bytes - 1) / MCLOCK_UNIT_BYTES + 1;
}

void mclock_share_floor(const struct mclock *m, struct mclock_client *c)
{
	uint64_t credit = (uint64_t)MCLOCK_CREDIT_UNITS * MCLOCK_P_SCALE / c->cfg.shares;
	uint64_t floor = m->v[c->cfg.is_background] - credit;

	if (c->p < floor && !MCLOCK_MUTATE(SHARE_CREDIT)) {
		c->p = floor;
		c->p_rest = 0;
	}
}

/*
 * v follows the P of what is served by share. When only reservations are served, it follows the
 * smallest P in use, or else those would run away from it.
 */
static void advance_v(struct mclock *m, const struct mclock_client *c, bool is_reserved)
{
	const struct mclock_heap *h = &m->p[c->cfg.is_background];
	uint64_t *v = &m->v[c->cfg.is_background];
	uint64_t to = h->count > 0 ? h->entries[0].key : 0;

	if (!is_reserved && (h->count == 0 || c->p < to))
		to = c->p;
	if (*v < to)
		*v = to;
}

/*
 * Service by reservation counts against the share too, so that a reservation is a part of what a
 * client gets and not on top of it. But only so far ahead of the others: what was served long ago
 * must not keep a client from its share when the device becomes faster or the reservation ends.
 */
static void charge_share(struct mclock *m, struct mclock_client *c, uint64_t units,
			 bool is_reserved)
{
	uint64_t before = c->p, most;

	advance_v(m, c, is_reserved);
	most = m->v[c->cfg.is_background] +
	       (uint64_t)MCLOCK_DEBT_UNITS * MCLOCK_P_SCALE / c->cfg.shares;
	c->p += mclock_tag_step(MCLOCK_MUTATE(SHARE_COST_ONE) ? 1 : units, MCLOCK_P_SCALE,
				c->cfg.shares, &c->p_rest);
	if (is_reserved && c->p > most && !MCLOCK_MUTATE(DEBT_UNBOUNDED))
		c->p = before > most ? before : most;
}

/* What foreground takes earns the background that waits its trickle; taking that pays for it. */
static void charge_trickle(struct mclock *m, const struct mclock_client *c, uint64_t units)
{
	int64_t *owed = &m->trickle_units;

	if (c->cfg.is_background) {
		if (m->p[MCLOCK_FOREGROUND].count > 0)
			*owed -= (int64_t)(MCLOCK_MUTATE(BACKGROUND_COST_ONE) ? 1 : units) *
				 MCLOCK_TRICKLE_UNITS;
	} else if (m->p[MCLOCK_BACKGROUND].count > 0) {
		*owed += (int64_t)units;
		if (*owed > (int64_t)MCLOCK_TRICKLE_UNITS)
			*owed = MCLOCK_TRICKLE_UNITS;
	}
}

void mclock_charge(struct mclock *m, struct mclock_client *c, uint64_t len_bytes, uint64_t now_ns,
		   bool is_reserved)
{
	uint64_t bytes = len_bytes < MCLOCK_COST_MAX ? len_bytes : MCLOCK_COST_MAX;
	uint64_t units = mclock_units(bytes);
	bool is_normalised = c->cfg.is_limit_normalised && !MCLOCK_MUTATE(UNITS_NOT_LIMITED);

	if (is_reserved || MCLOCK_MUTATE(SHARE_EATS_RESERVED))
		mclock_tag_charge(&c->r, units, now_ns,
				  MCLOCK_MUTATE(LATE_RESERVED_LOST) ? 0
								    : MCLOCK_LATE_MS * 1000000ull);
	charge_share(m, c, units, is_reserved);
	charge_trickle(m, c, units);
	mclock_tag_charge(&c->l_iops, is_normalised ? units : 1, now_ns, c->burst_ns);
	mclock_tag_charge(&c->l_bytes, bytes, now_ns, c->burst_ns);
	c->served++;
	c->served_bytes += len_bytes;
	c->served_by_reservation += is_reserved;
}
