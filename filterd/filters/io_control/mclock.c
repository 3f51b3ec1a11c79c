/* SPDX-License-Identifier: MIT */
#include "mclock_int.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

size_t mclock_bytes(uint32_t clients_max)
{
	size_t heaps = 2 + MCLOCK_CLASSES;

	return sizeof(struct mclock) + heaps * clients_max * sizeof(struct mclock_entry);
}

size_t mclock_client_bytes(void)
{
	return sizeof(struct mclock_client);
}

void mclock_init(struct mclock *m, uint32_t clients_max, uint64_t now_ns)
{
	struct mclock_heap *heaps[] = {&m->r, &m->l, &m->p[0], &m->p[1]};
	static const enum mclock_heap_kind kinds[] = {MCLOCK_R, MCLOCK_L, MCLOCK_P, MCLOCK_P};

	assert(clients_max > 0 && clients_max <= MCLOCK_CLIENTS_MAX);
	*m = (struct mclock){.now_ns = now_ns, .clients_max = clients_max};
	for (uint32_t i = 0; i < sizeof(heaps) / sizeof(heaps[0]); i++) {
		heaps[i]->entries = m->entries + (size_t)i * clients_max;
		heaps[i]->kind = kinds[i];
	}
	m->v[MCLOCK_FOREGROUND] = m->v[MCLOCK_BACKGROUND] = MCLOCK_P_START;
}

/* ------------------------------------------------------------------ clients */

static void take_out(struct mclock *m, struct mclock_client *c)
{
	mclock_heap_remove(&m->r, c);
	mclock_heap_remove(&m->l, c);
	mclock_heap_remove(mclock_p_heap(m, c), c);
}

/* Where a client with requests belongs now. */
static void place(struct mclock *m, struct mclock_client *c, uint64_t now_ns)
{
	struct mclock_heap *p = mclock_p_heap(m, c);
	uint64_t limit_ns = mclock_limit_ns(c);
	bool is_limited = limit_ns > now_ns;

	if (is_limited) {
		mclock_heap_remove(p, c);
		mclock_heap_set(&m->l, c, limit_ns);
	} else {
		mclock_heap_remove(&m->l, c);
		if (c->at[MCLOCK_P] == MCLOCK_NOWHERE)
			mclock_share_floor(m, c);
		mclock_heap_set(p, c, c->p);
	}
	if (c->r.rate > 0 && (!is_limited || MCLOCK_MUTATE(RESERVED_OVER_LIMIT)))
		mclock_heap_set(&m->r, c, c->r.ns);
	else
		mclock_heap_remove(&m->r, c);
}

/* Another class or other shares: the lead over the others stays the same in units. */
static void set_shares(struct mclock *m, struct mclock_client *c, const struct mclock_config *cfg)
{
	uint32_t shares = cfg->shares;
	uint64_t base, lead;

	if (shares < MCLOCK_SHARES_MIN)
		shares = MCLOCK_SHARES_MIN;
	if (shares > MCLOCK_SHARES_MAX)
		shares = MCLOCK_SHARES_MAX;
	base = m->v[c->cfg.is_background];
	lead = c->p > base ? c->p - base : 0;
	if (c->cfg.is_background != cfg->is_background) {
		c->cfg.is_background = cfg->is_background;
		c->p = m->v[cfg->is_background];
	} else if (lead > 0) {
		c->p = base + lead * c->cfg.shares / shares;
	}
	c->cfg.shares = shares;
	c->p_rest = 0;
}

static void set_rates(struct mclock *m, struct mclock_client *c, uint64_t now_ns)
{
	struct mclock_config *cfg = &c->cfg;

	if (cfg->is_background)
		cfg->reservation_iops = 0;
	m->reserved_iops -= c->r.rate;
	mclock_tag_set_rate(&c->r, cfg->reservation_iops, now_ns);
	m->reserved_iops += c->r.rate;
	mclock_tag_set_rate(&c->l_iops, cfg->limit_iops, now_ns);
	mclock_tag_set_rate(&c->l_bytes, cfg->limit_bytes_per_s, now_ns);
	if (cfg->burst_ms < MCLOCK_BURST_MIN_MS)
		cfg->burst_ms = MCLOCK_BURST_MIN_MS;
	c->burst_ns = cfg->burst_ms * 1000000ull;
}

int mclock_add(struct mclock *m, struct mclock_client *c, const struct mclock_config *cfg,
	       uint64_t now_ns)
{
	if (m->clients == m->clients_max)
		return -ENOSPC;
	m->clients++;
	*c = (struct mclock_client){.at = {MCLOCK_NOWHERE, MCLOCK_NOWHERE, MCLOCK_NOWHERE}};
	c->cfg = (struct mclock_config){.shares = MCLOCK_SHARES_MIN,
					.is_background = cfg->is_background};
	c->p = m->v[cfg->is_background];
	mclock_configure(m, c, cfg, now_ns);
	return 0;
}

void mclock_remove(struct mclock *m, struct mclock_client *c)
{
	assert(c->queued == 0 && m->clients > 0);
	m->clients--;
	m->reserved_iops -= c->r.rate;
}

void mclock_configure(struct mclock *m, struct mclock_client *c, const struct mclock_config *cfg,
		      uint64_t now_ns)
{
	uint32_t shares;

	now_ns = mclock_now(m, now_ns);
	if (!MCLOCK_MUTATE(CONFIGURE_NOT_PLACED) || c->queued == 0)
		take_out(m, c);
	set_shares(m, c, cfg);
	shares = c->cfg.shares;
	c->cfg = *cfg;
	c->cfg.shares = shares;
	set_rates(m, c, now_ns);
	if (c->queued > 0 && !MCLOCK_MUTATE(CONFIGURE_NOT_PLACED))
		place(m, c, now_ns);
}

/* ------------------------------------------------------------------ requests */

void mclock_push(struct mclock *m, struct mclock_client *c, struct mclock_request *q,
		 uint64_t now_ns)
{
	now_ns = mclock_now(m, now_ns);
	assert(q->client == NULL);
	q->client = c;
	q->queued_ns = now_ns;
	q->next = NULL;
	q->prev = c->tail;
	if (c->tail)
		c->tail->next = q;
	else
		c->head = q;
	c->tail = q;
	m->queued++;
	if (c->queued++ == 0)
		place(m, c, now_ns);
}

static void unlink_request(struct mclock *m, struct mclock_client *c, struct mclock_request *q)
{
	if (q->prev)
		q->prev->next = MCLOCK_MUTATE(CANCEL_LOSES_TAIL) ? NULL : q->next;
	else
		c->head = q->next;
	if (q->next)
		q->next->prev = q->prev;
	else
		c->tail = q->prev;
	q->next = q->prev = NULL;
	q->client = NULL;
	c->queued--;
	m->queued--;
}

void mclock_cancel(struct mclock *m, struct mclock_request *q, uint64_t now_ns)
{
	struct mclock_client *c = q->client;

	assert(c != NULL);
	mclock_now(m, now_ns);
	unlink_request(m, c, q);
	if (c->queued == 0 && !MCLOCK_MUTATE(CANCEL_LEAVES_HEAP))
		take_out(m, c);
}

static void let_go_what_limits_held(struct mclock *m, uint64_t now_ns)
{
	while (m->l.count > 0 && m->l.entries[0].key <= now_ns)
		place(m, m->l.entries[0].client, now_ns);
}

/* Background has its turn when foreground has nothing, or when its trickle has come together. */
static struct mclock_client *next_by_share(const struct mclock *m)
{
	const struct mclock_heap *fore = &m->p[MCLOCK_FOREGROUND];
	const struct mclock_heap *back = &m->p[MCLOCK_BACKGROUND];
	bool is_due = m->trickle_units >= (int64_t)MCLOCK_TRICKLE_UNITS;

	if (MCLOCK_MUTATE(NO_TRICKLE))
		is_due = false;
	if (MCLOCK_MUTATE(BACKGROUND_FIRST))
		is_due = true;
	if (back->count > 0 && (fore->count == 0 || is_due))
		return back->entries[0].client;
	return fore->count > 0 ? fore->entries[0].client : NULL;
}

struct mclock_request *mclock_pop(struct mclock *m, uint64_t now_ns, bool has_room,
				  bool is_throttling, enum mclock_why *why)
{
	struct mclock_client *c = NULL;
	struct mclock_request *q;
	bool is_reserved;

	*why = MCLOCK_NONE;
	now_ns = mclock_now(m, now_ns);
	if (m->queued == 0)
		return NULL;
	let_go_what_limits_held(m, now_ns);
	is_reserved = m->r.count > 0 && m->r.entries[0].key <= now_ns;
	if (is_reserved)
		c = m->r.entries[0].client;
	else if (has_room || !is_throttling || MCLOCK_MUTATE(SHARE_WITHOUT_ROOM))
		c = next_by_share(m);
	if (!c)
		return NULL;
	q = c->head;
	mclock_charge(m, c, q->len_bytes, now_ns, is_reserved);
	c->waited_ns += now_ns - q->queued_ns;
	unlink_request(m, c, q);
	if (c->queued > 0)
		place(m, c, now_ns);
	else
		take_out(m, c);
	*why = is_reserved ? MCLOCK_BY_RESERVATION : MCLOCK_BY_SHARE;
	return q;
}

/* Does nobody wait who would be served before c? */
static bool is_first_by_share(const struct mclock *m, const struct mclock_client *c)
{
	const struct mclock_heap *fore = &m->p[MCLOCK_FOREGROUND];
	const struct mclock_heap *back = &m->p[MCLOCK_BACKGROUND];
	const struct mclock_heap *own = &m->p[c->cfg.is_background];

	if (MCLOCK_MUTATE(PASS_JUMPS_QUEUE))
		return true;
	if (own->count > 0 && own->entries[0].key < c->p)
		return false;
	if (c->cfg.is_background)
		return fore->count == 0;
	return back->count == 0 || m->trickle_units < (int64_t)MCLOCK_TRICKLE_UNITS;
}

bool mclock_pass(struct mclock *m, struct mclock_client *c, uint64_t len_bytes, uint64_t now_ns,
		 bool has_room, bool is_throttling)
{
	bool is_reserved;

	assert(c->queued == 0);
	now_ns = mclock_now(m, now_ns);
	if (mclock_limit_ns(c) > now_ns)
		return false;
	is_reserved = c->r.rate > 0 && c->r.ns <= now_ns;
	mclock_share_floor(m, c);
	if (!is_reserved && is_throttling && (!has_room || !is_first_by_share(m, c)))
		return false;
	if (!MCLOCK_MUTATE(PASS_NOT_CHARGED))
		mclock_charge(m, c, len_bytes, now_ns, is_reserved);
	return true;
}
