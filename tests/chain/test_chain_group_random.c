/* SPDX-License-Identifier: MIT */
/*
 * Volumes that share a group, at random: I/O that one's end resumes for another, timers, drains,
 * filters that come and go, parameters that change. Every I/O ends once, nothing is left over.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "group_rig.h"

#define SEEDS   400u
#define STEPS   300u
#define VOLUMES 4u /* 0 is alone in its group */

static struct group_rig g;
static uint64_t random_state;
static uint32_t started, controls;
static bool is_attached[VOLUMES], has_next;

static uint32_t any(uint32_t below)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (uint32_t)(random_state >> 20) % below;
}

static void resume_any(void)
{
	uint32_t i;
	struct sluice_token *t;

	if (g.held_count == 0)
		return;
	i = any(g.held_count);
	t = g.held[i];
	g.held[i] = g.held[--g.held_count];
	sluice_resume(t);
}

static void on_done(struct group_rig *rig, struct sluice_filter *f)
{
	for (uint32_t n = any(3); n > 0; n--)
		resume_any();
}

static void on_tick(struct sluice_timer *t)
{
	for (uint32_t n = any(8); n > 0; n--)
		resume_any();
	if (any(4) && g.group)
		sluice_group_timer_set(g.group, t, sluice_group_now_ns(g.group) + MS);
}

static void change_filters(uint32_t v)
{
	struct chain_filter_cfg cfg = {.ops = &g.ops};

	controls++;
	if (is_attached[v])
		chain_detach(g.volumes[v], "G", rig_control_done, &g.rig);
	else
		chain_attach(g.volumes[v], &cfg, rig_control_done, &g.rig);
	is_attached[v] = !is_attached[v];
}

static void change_params(void)
{
	char level[8];

	if (has_next) {
		if (any(2))
			groups_commit(g.groups, &g.ops);
		else
			groups_abort(g.groups, &g.ops);
		has_next = false;
		return;
	}
	g.prepare_result = any(5) ? 0 : -EBUSY;
	snprintf(level, sizeof(level), "%u", any(100));
	has_next = group_rig_prepare(&g, level) == 0;
	g.prepare_result = 0;
}

static void set_timer(void)
{
	struct sluice_filter *f = g.filters[1 + any(VOLUMES - 1)];

	if (!f)
		return;
	g.timer.fn = on_tick;
	sluice_group_timer_set(sluice_group(f), &g.timer, sluice_now_ns(f) + any(3) * MS);
}

static void end_at_backend(void)
{
	if (g.rig.be.pending_count > 0)
		rig_end(&g.rig, SLUICE_OK);
}

static void step(void)
{
	uint32_t v = any(VOLUMES);

	g.rig.be.is_manual = any(2);
	switch (any(12)) {
	case 0:
		change_filters(v);
		break;
	case 1:
		change_params();
		break;
	case 2:
		set_timer();
		break;
	case 3:
	case 4:
		resume_any();
		break;
	case 5:
	case 6:
		end_at_backend();
		break;
	case 7:
		fake_env_advance(&g.rig.fe, any(2) * MS);
		break;
	case 8:
		fake_env_settle(&g.rig.fe);
		break;
	default:
		/* Held ones and those at the backend have their limits in the rig. */
		if (started - g.ended_count < 40) {
			group_rig_go(&g, v);
			started++;
		}
	}
	g.rig.log[0] = '\0';
}

static void finish(void)
{
	g.rig.be.is_manual = false;
	for (uint32_t i = 0; i < 1000 && (g.ended_count < started || g.rig.done_count < controls);
	     i++) {
		resume_any();
		end_at_backend();
		fake_env_settle(&g.rig.fe);
		g.rig.log[0] = '\0';
	}
	assert_int_equal(g.ended_count, started);
	assert_int_equal(g.rig.done_count, controls);
	if (has_next)
		groups_abort(g.groups, &g.ops);
	has_next = false;
	for (uint32_t v = 0; v < VOLUMES; v++)
		assert_int_equal(chain_in_flight(g.volumes[v]), 0);
}

static void every_io_ends_once_whatever_happens(void **state)
{
	for (uint32_t seed = 1; seed <= SEEDS; seed++) {
		random_state = seed * 0x9e3779b97f4a7c15ull;
		started = controls = 0;
		memset(is_attached, 0, sizeof(is_attached));
		group_rig_open(&g);
		g.defers = true;
		g.on_done = on_done;
		for (uint32_t i = 0; i < STEPS; i++)
			step();
		finish();
		group_rig_close(&g);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_io_ends_once_whatever_happens),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
