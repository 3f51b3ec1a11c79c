/* SPDX-License-Identifier: MIT */
#include "own.h"

#include <errno.h>

#include "volume.h"

/* In case that none of ours is under way which would call own_pump(). */
#define RETRY_NS 1000000ull

static void tick(struct sluice_timer *t)
{
	own_pump(t->ctx);
}

void own_init(struct volume *v)
{
	v->own.first = NULL;
	v->own.last = &v->own.first;
	v->own.timer = (struct sluice_timer){.fn = tick, .ctx = v};
}

/* False: there is no room. */
static bool try(struct volume *v, struct sluice_own_io *own)
{
	int r = sluice_own_submit(v->f, own);

	if (r == -ENOMEM)
		return false;
	if (r < 0) {
		own->status = r == -EOPNOTSUPP ? SLUICE_ERR_UNSUPPORTED : SLUICE_ERR_ABORTED;
		own->fn(own);
	}
	return true;
}

static void wait(struct volume *v, struct sluice_own_io *own)
{
	own->host = NULL;
	*v->own.last = own;
	v->own.last = (struct sluice_own_io **)&own->host;
	sluice_timer_set(v->f, &v->own.timer, sluice_now_ns(v->f) + RETRY_NS);
}

void own_go(struct volume *v, struct sluice_own_io *own)
{
	if (v->own.first || !try(v, own))
		wait(v, own);
}

void own_pump(struct volume *v)
{
	struct own_queue *q = &v->own;

	while (q->first) {
		struct sluice_own_io *own = q->first, *next = own->host;

		q->first = next;
		if (!next)
			q->last = &q->first;
		if (try(v, own))
			continue;
		own->host = next;
		q->first = own;
		if (!next)
			q->last = (struct sluice_own_io **)&own->host;
		sluice_timer_set(v->f, &q->timer, sluice_now_ns(v->f) + RETRY_NS);
		return;
	}
}

void own_end(struct volume *v)
{
	sluice_timer_cancel(v->f, &v->own.timer);
}
