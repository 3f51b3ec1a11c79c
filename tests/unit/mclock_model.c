/* SPDX-License-Identifier: MIT */
#include "mclock_model.h"

#include <string.h>

#define NS 1000000000

static uint64_t units_of(uint64_t len_bytes)
{
	return len_bytes ? (len_bytes + MCLOCK_UNIT_BYTES - 1) / MCLOCK_UNIT_BYTES : 1;
}

/* ------------------------------------------------------------------ buckets */

static __int128 brim(const struct model_bucket *b)
{
	return (__int128)b->rate * b->burst_ns;
}

static void bucket_time(struct model_bucket *b, uint64_t now_ns)
{
	b->level -= (__int128)b->rate * (now_ns - b->at_ns);
	b->at_ns = now_ns;
}

static bool bucket_is_open(const struct model_bucket *b, bool early)
{
	__int128 slack = early ? b->rate + b->slack : 0;

	return b->rate == 0 || b->level <= brim(b) + slack;
}

static void bucket_configure(struct model_bucket *b, uint64_t rate, uint64_t burst_ns,
			     uint64_t now_ns)
{
	__int128 over = b->level - brim(b);

	if (rate == b->rate && burst_ns == b->burst_ns)
		return;
	if (b->rate == 0)
		over = 0;
	else if (over < 0 && rate != 0)
		over = over / b->rate * rate; /* credit is time */
	if (b->rate > 0 &&
	    rate > b->rate) /* what is credit is carried over in ns, a debt in cost */
		b->slack = b->slack * rate / b->rate;
	b->slack += b->rate > rate ? b->rate : rate;
	if (rate == 0 || b->rate == 0)
		b->slack = 0;
	if (b->slack > (__int128)4096 * NS)
		b->slack = (__int128)4096 * NS;
	b->rate = rate;
	b->burst_ns = burst_ns;
	b->at_ns = now_ns;
	b->level = brim(b) + over;
}

/* ------------------------------------------------------------------ clients */

void model_time(struct model *m, uint64_t now_ns)
{
	if (now_ns > m->now_ns)
		m->now_ns = now_ns;
	for (uint32_t i = 0; i < m->count; i++) {
		struct model_client *c = &m->clients[i];

		bucket_time(&c->r, m->now_ns);
		bucket_time(&c->iops, m->now_ns);
		bucket_time(&c->bytes, m->now_ns);
	}
}

void model_configure(struct model *m, uint32_t client, const struct mclock_config *cfg)
{
	struct model_client *c = &m->clients[client];
	uint32_t ms = cfg->burst_ms < MCLOCK_BURST_MIN_MS ? MCLOCK_BURST_MIN_MS : cfg->burst_ms;
	uint64_t reserved = cfg->is_background ? 0 : cfg->reservation_iops;

	c->cfg = *cfg;
	bucket_configure(&c->r, reserved, MCLOCK_LATE_MS * 1000000ull, m->now_ns);
	bucket_configure(&c->iops, cfg->limit_iops, ms * 1000000ull, m->now_ns);
	bucket_configure(&c->bytes, cfg->limit_bytes_per_s, ms * 1000000ull, m->now_ns);
	memset(c->waits_units, 0, sizeof(c->waits_units));
	for (uint32_t i = 0; i < m->count; i++)
		m->clients[i].waits_units[client] = 0;
	m->foreground_units = 0;
}

bool model_is_open(const struct model *m, uint32_t client, bool early)
{
	const struct model_client *c = &m->clients[client];

	return bucket_is_open(&c->iops, early) && bucket_is_open(&c->bytes, early);
}

bool model_is_reserved(const struct model *m, uint32_t client, bool early)
{
	const struct model_bucket *r = &m->clients[client].r;

	return r->rate > 0 && bucket_is_open(r, early);
}

void model_note_waiting(struct model *m)
{
	bool has_background = false;

	for (uint32_t i = 0; i < m->count; i++) {
		struct model_client *c = &m->clients[i];
		bool is_waiting = c->queued > 0 && model_is_open(m, i, false);

		if (!is_waiting || !c->was_waiting)
			memset(c->waits_units, 0, sizeof(c->waits_units));
		c->was_waiting = is_waiting;
		has_background |= is_waiting && c->cfg.is_background;
	}
	if (!has_background)
		m->foreground_units = 0;
}

/* ------------------------------------------------------------------ promises */

/* While i waits by share, j had no more than the header of mclock.h says; two units for rounding.
 */
static bool is_patience_over(const struct model *m, uint32_t i, uint32_t j)
{
	const struct model_client *a = &m->clients[i], *b = &m->clients[j];
	uint64_t own = a->largest_units > MCLOCK_DEBT_UNITS ? a->largest_units : MCLOCK_DEBT_UNITS;
	uint64_t bound =
	    own * b->cfg.shares / a->cfg.shares + MCLOCK_CREDIT_UNITS + b->largest_units + 2;

	return a->cfg.is_background == b->cfg.is_background && a->waits_units[j] > bound;
}

static const char *count_for_others(struct model *m, uint32_t client, uint64_t units)
{
	for (uint32_t i = 0; i < m->count; i++) {
		if (i == client || !m->clients[i].was_waiting)
			continue;
		m->clients[i].waits_units[client] += units;
		if (is_patience_over(m, i, client))
			return "a client waited longer than the bound";
	}
	if (m->clients[client].cfg.is_background)
		m->foreground_units = 0;
	else
		m->foreground_units += units;
	if (m->foreground_units > (m->largest_units + 1) * MCLOCK_TRICKLE_UNITS + m->largest_units)
		return "background did not get its trickle";
	return NULL;
}

static void take(struct model_bucket *b, uint64_t cost)
{
	if (b->rate == 0)
		return;
	if (b->level < 0) /* an idle past is worth the burst and no more */
		b->level = 0;
	b->level += (__int128)cost * NS;
}

const char *model_served(struct model *m, uint32_t client, uint64_t len_bytes, bool is_reserved,
			 bool is_counted)
{
	struct model_client *c = &m->clients[client];
	uint64_t units = units_of(len_bytes);
	const char *broken = NULL;

	if (!model_is_open(m, client, true))
		return "a limit was exceeded beyond its burst";
	if (is_reserved && !model_is_reserved(m, client, true))
		return "a reservation went before it was due";
	if (units > c->largest_units)
		c->largest_units = units;
	if (units > m->largest_units)
		m->largest_units = units;
	if (is_counted)
		broken = count_for_others(m, client, units);
	memset(c->waits_units, 0, sizeof(c->waits_units));
	if (is_reserved)
		take(&c->r, units);
	take(&c->iops, c->cfg.is_limit_normalised ? units : 1);
	take(&c->bytes, len_bytes);
	return broken;
}
