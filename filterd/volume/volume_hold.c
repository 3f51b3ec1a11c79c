/* SPDX-License-Identifier: MIT */
/*
 * volume_hold.c - how long a volume's snapshots and reverts held I/O, and with what.
 *
 *   drain:   from the beginning of the hold until nothing is under way and the filters have agreed
 *   engine:  until what was written is flushed and the new head takes the writes
 *   decide:  until whoever asked has put the decision on stable storage; of a group, all of it
 *   resume:  until I/O goes on
 *
 * Thread: owner worker.
 */
#include <string.h>

#include "hist.h"
#include "volume_int.h"

static const char *const words[HOLD_STEPS] = {"drain_us", "engine_us", "decide_us", "resume_us"};

void volume_hold_begin(struct volume *v)
{
	memset(v->point.step_us, 0, sizeof(v->point.step_us));
	v->point.since_ns = env_now_exact_ns(v->env);
}

void volume_hold_step(struct volume *v, enum hold_step step)
{
	uint64_t now_ns = env_now_exact_ns(v->env);

	v->point.step_us[step] = (now_ns - v->point.since_ns) / 1000;
	v->point.since_ns = now_ns;
}

void volume_hold_end(struct volume *v, uint64_t held_us)
{
	struct volume_holds *h = &v->holds;

	volume_hold_step(v, HOLD_RESUME);
	v->point.held_us = held_us;
	h->count++;
	h->last_us = held_us;
	hist_record(h->buckets, held_us * 1000);
	if (held_us < h->max_us)
		return;
	h->max_us = held_us;
	memcpy(h->max_step_us, v->point.step_us, sizeof(h->max_step_us));
}

json_t *volume_hold_figures(const struct volume *v)
{
	const struct volume_holds *h = &v->holds;
	json_t *j = json_pack("{s:I, s:I, s:I, s:I, s:I}", "count", (json_int_t)h->count, "last_us",
			      (json_int_t)h->last_us, "max_us", (json_int_t)h->max_us, "p50_us",
			      (json_int_t)(hist_percentile_ns(h->buckets, 5000) / 1000), "p99_us",
			      (json_int_t)(hist_percentile_ns(h->buckets, 9900) / 1000));
	json_t *longest = json_object();

	for (int i = 0; i < HOLD_STEPS; i++)
		json_object_set_new(longest, words[i], json_integer((json_int_t)h->max_step_us[i]));
	json_object_set_new(j, "longest", longest);
	return j;
}
