/* SPDX-License-Identifier: MIT */
#include "space.h"

#include <errno.h>
#include <sys/statvfs.h>

#define NS_PER_MS 1000000ull

uint32_t space_used_pct(uint64_t used_bytes, uint64_t available_bytes)
{
	uint64_t total_mib = (used_bytes >> 20) + (available_bytes >> 20);

	return total_mib ? (uint32_t)(((used_bytes >> 20) * 100 + total_mib - 1) / total_mib) : 0;
}

static void probe_run(struct env_work *w)
{
	struct space *s = w->ctx;
	struct statvfs st;

	s->probe_result = statvfs(s->path, &st) < 0 ? -errno : 0;
	if (s->probe_result)
		return;
	s->probed_used_bytes = (uint64_t)(st.f_blocks - st.f_bfree) * st.f_frsize;
	s->probed_available_bytes = (uint64_t)st.f_bavail * st.f_frsize;
	if (usage_scan(s->path, &s->probed_usage) < 0)
		usage_free(&s->probed_usage);
}

static void judge(struct space *s)
{
	uint32_t pct = space_used_pct(s->probed_used_bytes, s->probed_available_bytes);

	if (pct < SPACE_RELAX_PCT)
		s->has_warned = false;
	if (pct < SPACE_WARN_PCT || s->has_warned)
		return;
	s->has_warned = true;
	s->warn(s->ctx, pct);
}

static void probe_done(struct env_work *w)
{
	struct space *s = w->ctx;

	s->is_probing = false;
	if (s->probe_result == 0) {
		atomic_store_explicit(&s->used_bytes, s->probed_used_bytes, memory_order_relaxed);
		atomic_store_explicit(&s->available_bytes, s->probed_available_bytes,
				      memory_order_relaxed);
		usage_free(&s->usage);
		s->usage = s->probed_usage;
		s->probed_usage = (struct usage){0};
		judge(s);
	}
	if (s->must_stop)
		s->stopped(s->ctx);
	else
		env_timer_set(s->env, &s->timer, env_now_ns(s->env) + SPACE_PERIOD_MS * NS_PER_MS);
}

static void probe(struct env_timer *t)
{
	struct space *s = t->ctx;

	s->is_probing = true;
	s->work.run = probe_run;
	s->work.done = probe_done;
	s->work.ctx = s;
	env_work_submit(s->env, &s->work);
}

void space_start(struct space *s)
{
	s->timer.fn = probe;
	s->timer.ctx = s;
	probe(&s->timer);
}

void space_stop(struct space *s, void (*stopped)(void *ctx))
{
	s->must_stop = true;
	s->stopped = stopped;
	env_timer_cancel(s->env, &s->timer);
	if (!s->is_probing)
		stopped(s->ctx);
}

void space_get(const struct space *s, uint64_t *used_bytes, uint64_t *available_bytes)
{
	*used_bytes = atomic_load_explicit(&s->used_bytes, memory_order_relaxed);
	*available_bytes = atomic_load_explicit(&s->available_bytes, memory_order_relaxed);
}

uint64_t space_allocated_bytes(const struct space *s, const char *volume)
{
	return usage_get(&s->usage, volume);
}

void space_fini(struct space *s)
{
	usage_free(&s->usage);
	usage_free(&s->probed_usage);
}
