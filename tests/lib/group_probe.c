/* SPDX-License-Identifier: MIT */
/*
 * group_probe.c - a filter for tests: its volumes share a group that counts them, ticks, holds
 * their I/O until the next tick if it is told to, refuses parameters, and dies while it takes some.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sluice/filter.h"

#define TICK_NS  (5ull * 1000 * 1000)
#define HELD_MAX 256u

enum { LEVEL_PCT, LABEL, HOLDS_IO, DIES_AT_COMMIT, GROUP_PARAM_COUNT };

static const struct sluice_param group_params[GROUP_PARAM_COUNT] = {
    [LEVEL_PCT] = {.name = "level_pct",
		   .type = SLUICE_TYPE_U64,
		   .unit = "pct",
		   .max = 100,
		   .def = 7,
		   .help = "Shown; 13 is refused."},
    [LABEL] = {.name = "label",
	       .type = SLUICE_TYPE_STRING,
	       .unit = "",
	       .max = 16,
	       .def_string = "none",
	       .help = "Shown."},
    [HOLDS_IO] = {.name = "holds_io",
		  .type = SLUICE_TYPE_BOOL,
		  .unit = "",
		  .help = "I/O waits for the next tick."},
    [DIES_AT_COMMIT] = {.name = "dies_at_commit",
			.type = SLUICE_TYPE_BOOL,
			.unit = "",
			.help = "Taking this ends the process."},
};

struct group {
	struct sluice_timer tick;
	struct sluice_group *g;
	uint64_t level_pct;
	bool holds_io;
	unsigned volumes, ticks, held_count;
	struct sluice_token *held[HELD_MAX];
};

static struct group *group_of(const struct sluice_filter *f)
{
	return sluice_group_state(sluice_group(f));
}

static void let_go(struct group *s)
{
	unsigned n = s->held_count;

	s->held_count = 0;
	for (unsigned i = 0; i < n; i++)
		sluice_resume(s->held[i]);
}

static void tick(struct sluice_timer *t)
{
	struct group *s = t->ctx;

	s->ticks++;
	let_go(s);
	sluice_group_timer_set(s->g, t, sluice_group_now_ns(s->g) + TICK_NS);
}

/* ---------------------------------------------------------------- the group */

static void take(struct group *s, const union sluice_value *values)
{
	s->level_pct = values[LEVEL_PCT].u64;
	s->holds_io = values[HOLDS_IO].u64;
}

static int group_create(struct sluice_group *g, const union sluice_value *values,
			struct sluice_error *err)
{
	struct group *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->g = g;
	s->tick = (struct sluice_timer){.fn = tick, .ctx = s};
	take(s, values);
	sluice_group_state_set(g, s);
	sluice_group_timer_set(g, &s->tick, sluice_group_now_ns(g) + TICK_NS);
	return 0;
}

static void group_destroy(struct sluice_group *g)
{
	free(sluice_group_state(g));
}

static int group_reconfigure(struct sluice_group *g, enum sluice_phase phase,
			     const union sluice_value *values, struct sluice_error *err)
{
	struct group *s = sluice_group_state(g);

	if (phase == SLUICE_PREPARE && values[LEVEL_PCT].u64 == 13) {
		snprintf(err->field, sizeof(err->field), "level_pct");
		snprintf(err->text, sizeof(err->text), "13 brings bad luck; take 12 or 14");
		return -EINVAL;
	}
	if (phase != SLUICE_COMMIT)
		return 0;
	if (values[DIES_AT_COMMIT].u64)
		abort();
	take(s, values);
	if (!s->holds_io)
		let_go(s);
	sluice_group_report(g, "level_changed", "the level of %s is %llu %%",
			    sluice_group_datastore(g), (unsigned long long)s->level_pct);
	return 0;
}

static size_t group_status(struct sluice_group *g, char *json, size_t size_bytes)
{
	const struct group *s = sluice_group_state(g);

	return (size_t)snprintf(json, size_bytes,
				"{\"level_pct\": %llu, \"volumes\": %u, \"ticks\": %u}",
				(unsigned long long)s->level_pct, s->volumes, s->ticks);
}

/* ---------------------------------------------------------------- the filter */

static int attach(struct sluice_filter *f, const union sluice_value *values,
		  struct sluice_error *err)
{
	group_of(f)->volumes++;
	return 0;
}

static void detach(struct sluice_filter *f)
{
	group_of(f)->volumes--;
}

static void drain(struct sluice_filter *f, bool begin)
{
	if (begin)
		let_go(group_of(f));
}

static enum sluice_verdict submit(struct sluice_filter *f, struct sluice_io *io)
{
	struct group *s = group_of(f);
	struct sluice_token *t;

	if (!s->holds_io || s->held_count == HELD_MAX)
		return SLUICE_PASS;
	t = sluice_defer(f, io, 0);
	if (!t)
		return SLUICE_PASS;
	s->held[s->held_count++] = t;
	return SLUICE_DEFER;
}

static const struct sluice_filter_ops ops = {
    .abi = SLUICE_SDK_ABI,
    .struct_bytes = sizeof(ops),
    .name = "group_probe",
    .version = "1",
    .help = "Shows what the filters of a datastore share.",
    .cls = SLUICE_CLASS_IO_CONTROL,
    .op_mask = SLUICE_OPS_ALL,
    .flags = SLUICE_FILTER_TRANSPARENT,
    .attach = attach,
    .detach = detach,
    .drain = drain,
    .submit = submit,
    .group_params = group_params,
    .group_param_count = GROUP_PARAM_COUNT,
    .group_create = group_create,
    .group_destroy = group_destroy,
    .group_reconfigure = group_reconfigure,
    .group_status = group_status,
};

SLUICE_EXPORT const struct sluice_filter_ops *sluice_filter_entry(void)
{
	return &ops;
}
