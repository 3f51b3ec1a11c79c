// SPDX-License-Identifier: MIT
/*
 * side_filters.c - the plug-ins, and the parameters that a node's plan gives them. The least sizes
 * of logs are lifted: a log that is to run over within a second is smaller than any real one.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "plugin.h"
#include "seam.h"
#include "world.h"

#define PARAMS_MAX 32u

static const char *const names[FILTERS_MAX] = {"replication", "encryption", "cache", "io_control"};
static struct sluice_filter_ops tables[FILTERS_MAX];
static struct sluice_param params[FILTERS_MAX][PARAMS_MAX];

static void load(const char *bin, uint32_t i)
{
	char path[4200];
	struct err err = {0};

	snprintf(path, sizeof(path), "%s/../sim-whole/%s.so", bin, names[i]);
	if (plugin_load(path, &err) < 0) {
		fprintf(stderr, "sim_whole: %s\n", err.text);
		exit(2);
	}
	tables[i] = *plugin_find(names[i]);
	memcpy(params[i], tables[i].params, tables[i].param_count * sizeof(params[i][0]));
	for (uint32_t p = 0; p < tables[i].param_count; p++)
		if (params[i][p].type == SLUICE_TYPE_U64 && params[i][p].min >= 1u << 20)
			params[i][p].min = 0;
	tables[i].params = params[i];
	seam_table(&tables[i]);
}

void filters_load(void)
{
	char self[4096];
	ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (len <= 0)
		exit(2);
	self[len] = '\0';
	*strrchr(self, '/') = '\0';
	chain_link_logs();
	for (uint32_t i = 0; i < FILTERS_MAX; i++)
		load(self, i);
}

const struct sluice_filter_ops *filters_ops(enum filter_id id)
{
	return &tables[id];
}

/* ---------------------------------------------------------------- parameters */

struct list {
	struct node *n;
	const char *names[16];
	const char *values[16];
	uint32_t count;
};

static void add(struct list *l, const char *name, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

static void add(struct list *l, const char *name, const char *fmt, ...)
{
	char *text = l->n->values[l->count];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(l->n->values[0]), fmt, ap);
	va_end(ap);
	l->names[l->count] = name;
	l->values[l->count++] = text;
}

static void add_replication(struct list *l)
{
	const struct world *w = l->n->w;

	add(l, "group", "07070707070707070707070707070707");
	add(l, "peer", "peer");
	add(l, "initial_role", l->n->id == 0 ? "primary" : "secondary");
	add(l, "mode", w->is_sync ? "sync" : "async");
	add(l, "when_peer_is_lost", w->holds ? "hold" : "continue");
	add(l, "witness", "%s", w->has_witness ? "witness" : "");
	add(l, "journal_bytes", "%u", w->journal_bytes);
	add(l, "stage_bytes", "%u", w->stage_bytes);
	add(l, "compression", w->seed % 3 == 0 ? "lz4" : "none");
	add(l, "rpo_target_ms", "1000");
	add(l, "mark_s", "1");
}

static void add_cache(struct list *l, const struct plan *plan)
{
	static const char *const modes[] = {"write_through", "write_back", "write_around",
					    "read_only"};
	const struct world *w = l->n->w;

	add(l, "mode", "%s", modes[plan->cache_mode]);
	add(l, "ram_bytes", "%u", w->seed % 4 == 0 ? 0 : 256u << 10);
	add(l, "flash_bytes", "%u", plan->cache_mode == CACHE_WRITE_BACK ? 16u << 20 : 0);
	add(l, "flash_read_bytes", "%u", w->seed % 5 == 0 ? 16u << 20 : 0);
	add(l, "sequential_cutoff_bytes", "%u", w->seed % 7 == 0 ? 8192 : 0);
	add(l, "dirty_max_pct", "%u", 5 + (uint32_t)(w->seed % 17) * 5);
	add(l, "destage", "%s", w->is_journaled ? "journaled" : "ordered");
	add(l, "destage_age_ms", "%u", (uint32_t)(w->seed % 11) * 200);
}

static void fill(struct list *l, enum filter_id id, const struct plan *plan)
{
	const struct world *w = l->n->w;

	switch (id) {
	case F_REPLICATION:
		add_replication(l);
		break;
	case F_ENCRYPTION:
		add(l, "key_id", "kek1");
		add(l, "allow_filters_before", w->is_encryption_above ? "false" : "true");
		break;
	case F_CACHE:
		add_cache(l, plan);
		break;
	case F_IO_CONTROL:
		if (w->limit_iops)
			add(l, "limit_iops", "%u", w->limit_iops);
		break;
	}
}

void filters_cfg(struct node *n, enum filter_id id, const struct plan *plan,
		 struct chain_filter_cfg *cfg)
{
	static struct list l;

	l.n = n;
	l.count = 0;
	fill(&l, id, plan);
	*cfg = (struct chain_filter_cfg){.ops = &tables[id],
					 .on_failure = ON_FAILURE_HOLD,
					 .position = (uint32_t)tables[id].cls,
					 .names = l.names,
					 .values = l.values,
					 .value_count = l.count};
	if (id == F_ENCRYPTION && n->w->is_encryption_above)
		cfg->position = 150;
}

/* From the bottom up, as volumes do. */
int filters_attach_next(struct node *n, chain_done_fn fn, void *ctx)
{
	static const enum filter_id above[] = {F_IO_CONTROL, F_CACHE, F_REPLICATION, F_ENCRYPTION};
	static const enum filter_id below[] = {F_IO_CONTROL, F_CACHE, F_ENCRYPTION, F_REPLICATION};
	const enum filter_id *order = n->w->is_encryption_above ? above : below;
	struct chain_filter_cfg cfg;

	while (n->attached < FILTERS_MAX && !n->plan.has[order[n->attached]])
		n->attached++;
	if (n->attached == FILTERS_MAX)
		return 0;
	filters_cfg(n, order[n->attached++], &n->plan, &cfg);
	chain_attach(n->chain, &cfg, fn, ctx);
	return 1;
}
