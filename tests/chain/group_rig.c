/* SPDX-License-Identifier: MIT */
#include "group_rig.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "chain_int.h"

static struct group_rig *rig_of_ops(const struct sluice_filter_ops *ops)
{
	return list_entry((char *)(uintptr_t)ops, struct group_rig, ops);
}

struct group_rig *group_rig_of(const struct sluice_filter *f)
{
	return rig_of_ops(f->ops);
}

/* ---------------------------------------------------------------- the group */

static struct group_rig *current; /* group calls bear no table */

static const struct sluice_param group_params[] = {
    {.name = "level", .type = SLUICE_TYPE_U64, .unit = "", .max = 100, .def = 7, .help = "h"},
    {.name = "label",
     .type = SLUICE_TYPE_STRING,
     .unit = "",
     .max = 8,
     .def_string = "none",
     .help = "h"},
};

static int group_create(struct sluice_group *group, const union sluice_value *values,
			struct sluice_error *err)
{
	assert_null(sluice_group_state(group));
	assert_string_equal(values[1].string, "none");
	rig_log(&current->rig, "create%llu ", (unsigned long long)values[0].u64);
	if (current->create_result < 0) {
		snprintf(err->text, sizeof(err->text), "there is no room");
		return current->create_result;
	}
	sluice_group_state_set(group, current);
	if (sluice_group_datastore(group)[0])
		current->group = group;
	return 0;
}

static void group_destroy(struct sluice_group *group)
{
	struct group_rig *g = sluice_group_state(group);

	rig_log(&g->rig, "destroy ");
	if (sluice_group_datastore(group)[0])
		g->group = NULL;
}

static int group_reconfigure(struct sluice_group *group, enum sluice_phase phase,
			     const union sluice_value *values, struct sluice_error *err)
{
	static const char *const names[] = {"prepare", "commit", "abort"};
	struct group_rig *g = sluice_group_state(group);

	rig_log(&g->rig, "%s%llu ", names[phase], (unsigned long long)values[0].u64);
	if (phase != SLUICE_PREPARE || g->prepare_result == 0)
		return 0;
	snprintf(err->field, sizeof(err->field), "level");
	snprintf(err->text, sizeof(err->text), "this level is too high");
	return g->prepare_result;
}

static size_t group_status(struct sluice_group *group, char *json, size_t size_bytes)
{
	return (size_t)snprintf(json, size_bytes, "{\"datastore\": \"%s\"}",
				sluice_group_datastore(group));
}

/* ---------------------------------------------------------------- the filter */

static uint32_t number_of(const struct sluice_filter *f)
{
	return (uint32_t)(sluice_volume_name(f)[3] - '0');
}

static int attach(struct sluice_filter *f, const union sluice_value *values,
		  struct sluice_error *err)
{
	struct group_rig *g = group_rig_of(f);

	assert_ptr_equal(sluice_group_state(sluice_group(f)), g);
	if (number_of(f) != 0)
		assert_ptr_equal(sluice_group(f), g->group);
	if (g->attach_result < 0)
		return g->attach_result;
	g->filters[number_of(f)] = f;
	rig_log(&g->rig, "attach%u ", number_of(f));
	return 0;
}

static void detach(struct sluice_filter *f)
{
	struct group_rig *g = group_rig_of(f);

	assert_ptr_equal(sluice_group_state(sluice_group(f)), g);
	g->filters[number_of(f)] = NULL;
	rig_log(&g->rig, "detach%u ", number_of(f));
}

void group_rig_resume_first(struct group_rig *g)
{
	struct sluice_token *t = g->held[0];

	if (g->held_count == 0)
		return;
	g->held_count--;
	memmove(g->held, g->held + 1, g->held_count * sizeof(g->held[0]));
	sluice_resume(t);
}

static void drain(struct sluice_filter *f, bool begin)
{
	struct group_rig *g = group_rig_of(f);

	while (begin && g->held_count > 0)
		group_rig_resume_first(g);
}

static enum sluice_verdict submit(struct sluice_filter *f, struct sluice_io *io)
{
	struct group_rig *g = group_rig_of(f);
	struct sluice_token *t = g->defers ? sluice_defer(f, io, 0) : NULL;

	rig_log(&g->rig, "%u>", number_of(f));
	if (!t)
		return SLUICE_PASS;
	g->held[g->held_count++] = t;
	return SLUICE_DEFER;
}

static enum sluice_verdict done(struct sluice_filter *f, struct sluice_io *io)
{
	struct group_rig *g = group_rig_of(f);

	rig_log(&g->rig, "%u<", number_of(f));
	if (g->on_done)
		g->on_done(g, f);
	return SLUICE_PASS;
}

/* ---------------------------------------------------------------- open and close */

static void report(void *ctx, const char *filter, const char *kind, const char *text)
{
	struct rig *r = ctx;

	r->reports++;
	snprintf(r->report_filter, sizeof(r->report_filter), "%s", filter);
	snprintf(r->report_kind, sizeof(r->report_kind), "%s", kind);
	snprintf(r->report_text, sizeof(r->report_text), "%s", text);
}

static void make_volume(struct group_rig *g, uint32_t number)
{
	char name[] = "vol0";
	struct chain_cfg cfg = {
	    .env = &g->rig.fe.env,
	    .groups = number == 0 ? NULL : g->groups,
	    .backend = &g->rig.be.b,
	    .volume = name,
	    .block_bytes = 512,
	    .max_ios = RIG_IOS,
	    .host = &g->rig.host,
	    .blame = g->rig.blame,
	};

	name[3] = (char)('0' + number);
	assert_int_equal(chain_create(&cfg, &g->volumes[number], &g->err), 0);
}

void group_rig_open(struct group_rig *g)
{
	struct groups_cfg cfg = {.datastore = "ds1", .report = report, .ctx = &g->rig};

	memset(g, 0, sizeof(*g));
	current = g;
	g->ops = (struct sluice_filter_ops){
	    .abi = SLUICE_SDK_ABI,
	    .struct_bytes = sizeof(g->ops),
	    .name = "G",
	    .version = "1",
	    .help = "h",
	    .cls = SLUICE_CLASS_IO_CONTROL,
	    .op_mask = SLUICE_OPS_ALL,
	    .flags = SLUICE_FILTER_TRANSPARENT,
	    .attach = attach,
	    .detach = detach,
	    .drain = drain,
	    .submit = submit,
	    .done = done,
	    .group_params = group_params,
	    .group_param_count = 2,
	    .group_create = group_create,
	    .group_destroy = group_destroy,
	    .group_reconfigure = group_reconfigure,
	    .group_status = group_status,
	};
	rig_open(&g->rig);
	cfg.env = &g->rig.fe.env;
	assert_int_equal(groups_create(&cfg, &g->groups, &g->err), 0);
	for (uint32_t i = 0; i < GROUP_RIG_VOLUMES; i++)
		make_volume(g, i);
}

void group_rig_close(struct group_rig *g)
{
	for (uint32_t i = 0; i < GROUP_RIG_VOLUMES; i++) {
		chain_drain(g->volumes[i], rig_control_done, &g->rig);
		fake_env_settle(&g->rig.fe);
		chain_detach_all(g->volumes[i]);
		chain_destroy(g->volumes[i]);
	}
	groups_free(g->groups);
	assert_null(g->group);
	rig_close(&g->rig);
}

/* ---------------------------------------------------------------- what tests do */

int group_rig_try_attach(struct group_rig *g, uint32_t volume)
{
	struct chain_filter_cfg cfg = {.ops = &g->ops};

	g->rig.result = -EINPROGRESS;
	chain_attach(g->volumes[volume], &cfg, rig_control_done, &g->rig);
	fake_env_settle(&g->rig.fe);
	g->err = g->rig.err;
	return g->rig.result;
}

void group_rig_attach(struct group_rig *g, uint32_t volume)
{
	assert_int_equal(group_rig_try_attach(g, volume), 0);
}

void group_rig_detach(struct group_rig *g, uint32_t volume)
{
	chain_detach(g->volumes[volume], "G", rig_control_done, &g->rig);
	fake_env_settle(&g->rig.fe);
	assert_int_equal(g->rig.result, 0);
}

static void io_ended(struct sluice_io *io)
{
	struct chain *c = chain_io_owner(io);

	assert_int_equal(io->status, SLUICE_OK);
	chain_io_put(c, io);
	current->ended_count++;
	rig_log(&current->rig, "! ");
}

void group_rig_go(struct group_rig *g, uint32_t volume)
{
	struct chain *c = g->volumes[volume];
	struct sluice_io *io = chain_io_get(c);

	assert_non_null(io);
	io->op = SLUICE_OP_READ;
	io->len_bytes = 4096;
	chain_submit(c, io, io_ended, c);
}

int group_rig_prepare(struct group_rig *g, const char *level)
{
	const char *names[] = {"level"}, *values[] = {level};

	return groups_prepare(g->groups, &g->ops, names, values, level ? 1 : 0, &g->err);
}

void group_rig_set(struct group_rig *g, const char *level)
{
	assert_int_equal(group_rig_prepare(g, level), 0);
	groups_commit(g->groups, &g->ops);
}

const char *group_rig_level(struct group_rig *g)
{
	static char text[32];

	groups_value(g->groups, &g->ops, 0, text, sizeof(text));
	return text;
}
