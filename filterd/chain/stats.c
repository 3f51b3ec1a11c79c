/* SPDX-License-Identifier: MIT */
/*
 * stats.c - what there is to see of a chain: its filters, their figures, status and values.
 *
 * A filter's latency is from the I/O's entry into it to its leaving it upwards, all layers below
 * included; two neighbours' difference is what one adds. Time is the env's of the loop turn. What a
 * filter computes is another figure, cpu_ns: its own code alone, of some of its calls
 * (chain_int.h).
 */
#include <assert.h>
#include <stdio.h>

#include "chain_int.h"
#include "params.h"

const char *stats_op_name(uint8_t op)
{
	static const char *const names[SLUICE_OP_COUNT] = {"read",  "write",        "flush",
							   "unmap", "write_zeroes", "extent"};

	return op < SLUICE_OP_COUNT ? names[op] : "unknown";
}

uint32_t chain_filter_count(const struct chain *c)
{
	return c->filter_count;
}

void chain_filter_info(const struct chain *c, uint32_t index, struct chain_filter_info *out)
{
	const struct sluice_filter *f;

	assert(index < c->filter_count);
	f = c->filters[index];
	*out = (struct chain_filter_info){
	    .ops = f->ops,
	    .position = f->position,
	    .is_bypassed = f->is_bypassed,
	    .on_failure = f->on_failure,
	    .held = f->held,
	    .hung_count = f->hung_count,
	    .misuse_count = atomic_load_explicit(&c->misuse_count[f->slot], memory_order_relaxed),
	    .cpu_ns = f->cpu.total_ns,
	    .stats = f->stats,
	};
}

const struct chain_op_stats *chain_backend_stats(const struct chain *c)
{
	return c->backend_stats;
}

uint64_t chain_backend_cpu_ns(const struct chain *c)
{
	return c->backend_cpu.total_ns;
}

size_t chain_filter_status(struct chain *c, uint32_t index, char *json, size_t size_bytes)
{
	struct sluice_filter *f;
	size_t n;

	assert(index < c->filter_count && size_bytes > 0);
	f = c->filters[index];
	if (!f->ops->status)
		return (size_t)snprintf(json, size_bytes, "{}");
	walk_enter(c);
	blame_begin(f);
	n = f->ops->status(f, json, size_bytes);
	blame_end(f);
	walk_leave(c);
	return n < size_bytes ? n : size_bytes - 1;
}

void chain_figures(struct chain *c, struct sluice_figures *sum)
{
	memset(sum, 0, sizeof(*sum));
	walk_enter(c);
	for (uint32_t i = 0; i < c->filter_count; i++) {
		struct sluice_filter *f = c->filters[i];

		if (!f->ops->figures)
			continue;
		blame_begin(f);
		f->ops->figures(f, sum);
		blame_end(f);
	}
	walk_leave(c);
}

void chain_filter_value(const struct chain *c, uint32_t index, uint32_t param, char *text,
			size_t size_bytes)
{
	const struct sluice_filter *f;

	assert(index < c->filter_count);
	f = c->filters[index];
	assert(param < f->ops->param_count);
	params_format(&f->ops->params[param], f->values[param], text, size_bytes);
}
