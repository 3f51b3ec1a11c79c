/* SPDX-License-Identifier: MIT */
#include "ring_set.h"

static struct ring_member *member_of(struct list_node *n)
{
	return list_entry(n, struct ring_member, node);
}

void ring_set_init(struct ring_set *s, struct env *env)
{
	s->env = env;
	list_init(&s->busy);
	list_init(&s->resting);
}

void ring_set_add(struct ring_set *s, struct ring_member *m, struct serve_ring *ring)
{
	m->ring = ring;
	m->is_resting = false;
	m->active_ns = env_now_ns(s->env);
	list_push_back(&s->busy, &m->node);
}

void ring_set_remove(struct ring_member *m)
{
	list_del(&m->node);
}

static void wake(struct ring_set *s, struct ring_member *m)
{
	list_del(&m->node);
	list_push_back(&s->busy, &m->node);
	m->is_resting = false;
	m->active_ns = env_now_ns(s->env);
	serve_ring_awake(m->ring);
}

void ring_set_kicked(struct ring_set *s, struct ring_member *m)
{
	if (m->is_resting)
		wake(s, m);
}

/* Arms the doorbell first, then looks whether something came before that. */
static void rest(struct ring_set *s, struct ring_member *m)
{
	if (serve_ring_before_sleep(m->ring))
		return;
	list_del(&m->node);
	list_push_back(&s->resting, &m->node);
	m->is_resting = true;
}

uint32_t ring_set_poll(struct ring_set *s, uint32_t budget)
{
	uint64_t now_ns = env_now_ns(s->env);
	struct list_node *n, *next;
	uint32_t total = 0;

	list_for_each_safe (n, next, &s->busy) {
		struct ring_member *m = member_of(n);
		uint32_t taken = serve_ring_poll(m->ring, budget);

		total += taken;
		if (taken > 0 || !serve_ring_is_quiet(m->ring))
			m->active_ns = now_ns;
		else if (now_ns - m->active_ns >= RING_SET_GRACE_NS)
			rest(s, m);
	}
	return total;
}

void ring_set_kick(struct ring_set *s)
{
	struct list_node *n;

	list_for_each (n, &s->busy)
		serve_ring_kick(member_of(n)->ring);
}

void ring_set_rescan(struct ring_set *s)
{
	struct list_node *n, *next, *last = s->resting.prev;

	list_for_each (n, &s->busy)
		serve_ring_rescan(member_of(n)->ring);
	for (uint32_t i = 0; i < RING_SET_RESCAN && !list_is_empty(&s->resting); i++) {
		struct ring_member *m;

		next = s->resting.next;
		m = member_of(next);
		list_del(next);
		list_push_back(&s->resting, next);
		serve_ring_rescan(m->ring);
		if (!serve_ring_is_quiet(m->ring))
			wake(s, m);
		if (next == last)
			break;
	}
}

bool ring_set_before_sleep(struct ring_set *s)
{
	struct list_node *n;
	bool has_work = false;

	list_for_each (n, &s->busy)
		if (serve_ring_before_sleep(member_of(n)->ring))
			has_work = true;
	return has_work;
}

void ring_set_awake(struct ring_set *s)
{
	struct list_node *n;

	list_for_each (n, &s->busy)
		serve_ring_awake(member_of(n)->ring);
}
