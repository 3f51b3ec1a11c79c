/* SPDX-License-Identifier: MIT */
/* mclock_figures.c - what the scheduler tells about itself. Reads only. */
#include "mclock_int.h"

uint32_t mclock_queued(const struct mclock *m)
{
	return m->queued;
}

uint64_t mclock_reserved_iops(const struct mclock *m)
{
	return m->reserved_iops;
}

uint64_t mclock_next_ns(const struct mclock *m, uint64_t now_ns)
{
	uint64_t next_ns = UINT64_MAX;

	if (now_ns < m->now_ns)
		now_ns = m->now_ns;
	if (m->r.count > 0)
		next_ns = m->r.entries[0].key;
	if (m->l.count > 0 && m->l.entries[0].key < next_ns && !MCLOCK_MUTATE(NEXT_FORGETS_LIMIT))
		next_ns = m->l.entries[0].key;
	return next_ns < now_ns ? now_ns : next_ns;
}

static enum mclock_why waits_by(const struct mclock *m, const struct mclock_client *c,
				uint64_t now_ns)
{
	if (c->queued == 0)
		return MCLOCK_NONE;
	if (mclock_limit_ns(c) > now_ns)
		return c->l_iops.ns >= c->l_bytes.ns ? MCLOCK_BY_LIMIT_IOPS : MCLOCK_BY_LIMIT_BYTES;
	return c->at[MCLOCK_P] == 0 ? MCLOCK_BY_WINDOW : MCLOCK_BY_SHARE;
}

/* b - a, but no further back than the credit that counts. */
static int64_t lead(uint64_t b, uint64_t a, uint64_t credit)
{
	int64_t d = (int64_t)(b - a);

	return d < -(int64_t)credit ? -(int64_t)credit : d;
}

static int64_t share_lead_ns(const struct mclock *m, const struct mclock_client *c)
{
	const struct mclock_heap *h = &m->p[c->cfg.is_background];
	uint64_t base = h->count > 0 ? h->entries[0].key : m->v[c->cfg.is_background];
	int64_t d = lead(c->p, base, MCLOCK_CREDIT_UNITS * MCLOCK_P_SCALE / c->cfg.shares);

	return d * (int64_t)(MCLOCK_NS_PER_S / MCLOCK_P_SCALE);
}

void mclock_figures(const struct mclock *m, const struct mclock_client *c, uint64_t now_ns,
		    struct mclock_figures *out)
{
	const struct mclock_tag *limit = c->l_iops.ns >= c->l_bytes.ns ? &c->l_iops : &c->l_bytes;

	if (now_ns < m->now_ns)
		now_ns = m->now_ns;
	*out = (struct mclock_figures){
	    .served = c->served,
	    .served_bytes = c->served_bytes,
	    .served_by_reservation = c->served_by_reservation,
	    .served_by_share = c->served - c->served_by_reservation,
	    .waited_ns = c->waited_ns,
	    .queued = c->queued,
	    .waits_by = waits_by(m, c, now_ns),
	    .r_tag_ns = c->r.rate ? lead(c->r.ns, now_ns, MCLOCK_LATE_MS * 1000000ull) : 0,
	    .l_tag_ns = limit->rate ? lead(limit->ns, now_ns, c->burst_ns) : 0,
	    .p_tag_ns = share_lead_ns(m, c),
	};
}
