/* SPDX-License-Identifier: MIT */
/*
 * volume_rings.c - when rings may come, and when what they left may be executed again.
 *
 * A shared volume waits for all rings that its last filterd had, but not for ever: a tgtd may have
 * died in the meantime.
 *
 * Thread: owner worker.
 */
#include <errno.h>

#include "log.h"
#include "volume_int.h"

#define NS_PER_MS 1000000ull

int volume_admit(const struct volume *v, struct err *err)
{
	if (v->state != VOLUME_SERVING)
		return err_set(err, EAGAIN, "volume", "volume %s is %s%s%s", v->plan->name,
			       volume_state_word(v->state), v->reason[0] ? ": " : "", v->reason);
	if (v->request == REQUEST_TRANSFER)
		return err_set(err, EAGAIN, "volume",
			       "volume %s is being imported, exported or cloned", v->plan->name);
	return serve_admit(v->serve, v->plan->is_shared, err);
}

static void recover(struct volume *v)
{
	v->rings_expected = 0;
	env_timer_cancel(v->env, &v->rings_timer);
	serve_recover(v->serve);
}

static void rings_timer_fired(struct env_timer *t)
{
	struct volume *v = t->ctx;

	if (!v->serve)
		return;
	log_warn("volume %s: %u of %u rings are back after %u ms; serving goes on with these",
		 v->plan->name, serve_ring_count(v->serve), v->rings_expected,
		 VOLUME_RINGS_WAIT_MS);
	recover(v);
}

void volume_ring_prepared(struct volume *v)
{
	if (serve_ring_count(v->serve) >= v->rings_expected) {
		recover(v);
		return;
	}
	if (env_timer_is_set(&v->rings_timer))
		return;
	v->rings_timer.fn = rings_timer_fired;
	v->rings_timer.ctx = v;
	env_timer_set(v->env, &v->rings_timer,
		      env_now_ns(v->env) + VOLUME_RINGS_WAIT_MS * NS_PER_MS);
}
