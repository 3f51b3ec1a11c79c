/* SPDX-License-Identifier: MIT */
#include "options.h"

#include <stdio.h>
#include <string.h>

#include "workload.h"

static const char *const fault_names[FAULT_KIND_COUNT] = {
    [FAULT_KILL] = "kill",           [FAULT_KILL_LONG] = "kill-long",
    [FAULT_HANG] = "hang",           [FAULT_PAUSE] = "pause",
    [FAULT_TGTD_KILL] = "tgtd-kill", [FAULT_BOTH_KILL] = "both-kill",
    [FAULT_POWER_CUT] = "power-cut", [FAULT_STALL] = "stall",
    [FAULT_IO_ERRORS] = "io-errors",
};

const char *fault_name(enum fault_kind kind)
{
	return fault_names[kind];
}

static void draw_geometry(struct options *o, struct rng *r)
{
	static const uint32_t aligns[] = {1, 512, 512, 4096};

	o->block_bytes = 512;
	o->block_count = 8u << rng_below(r, 3);
	o->disk_align_bytes = aligns[rng_below(r, 4)];
	o->slot_count = 2u << rng_below(r, 4);
	o->arena_pages = (uint32_t)rng_range(r, 4, 16);
	o->is_volatile = rng_pct(r, 40);
	o->is_buffered = rng_pct(r, 25);
	o->tgtd_count = rng_pct(r, 25) ? 2 : 1;
	o->max_ios = (uint32_t)rng_range(r, 2, 24);
	o->filter_count = (uint32_t)rng_below(r, 3);
	o->has_reconfigurations = rng_pct(r, 15);
}

static void draw_load(struct options *o, struct rng *r)
{
	o->command_count = (uint32_t)rng_range(r, 20, 80);
	o->queue_depth = (uint32_t)rng_range(r, 1, 12);
	o->hot_pct = rng_pct(r, 50) ? 80 : 20;
	for (uint32_t i = 0; i < WORKLOAD_OP_COUNT; i++)
		o->weights[i] = (uint32_t)rng_below(r, 4);
	o->weights[WORKLOAD_WRITE] += 3;
	o->weights[WORKLOAD_READ] += 2;
	o->abort_pct = rng_pct(r, 30) ? 8 : 0;
	o->think_us = rng_pct(r, 50) ? 20 : 200;
	o->disk_us = rng_pct(r, 50) ? 30 : 400;
}

static bool may_follow(const struct options *o, enum fault_kind kind)
{
	bool has_cut = memchr(o->faults, FAULT_POWER_CUT, o->fault_count);
	bool has_errors = memchr(o->faults, FAULT_IO_ERRORS, o->fault_count);

	/* A flush that failed forgets sectors. With a volatile cache acknowledged ones are among
	 * them, and then a power cut may lose them: the initiator was told by the failed flush.
	 * Nothing is left to check. */
	if (o->is_volatile && kind == FAULT_POWER_CUT)
		return !has_errors;
	if (o->is_volatile && kind == FAULT_IO_ERRORS)
		return !has_cut;
	return true;
}

static void draw_faults(struct options *o, struct rng *r)
{
	/* Kills are what this is for. */
	static const uint8_t menu[] = {
	    FAULT_KILL,      FAULT_KILL,      FAULT_KILL,      FAULT_KILL,      FAULT_KILL,
	    FAULT_KILL,      FAULT_KILL,      FAULT_KILL_LONG, FAULT_HANG,      FAULT_PAUSE,
	    FAULT_STALL,     FAULT_TGTD_KILL, FAULT_TGTD_KILL, FAULT_BOTH_KILL, FAULT_POWER_CUT,
	    FAULT_POWER_CUT, FAULT_IO_ERRORS,
	};
	uint32_t count = (uint32_t)rng_below(r, sizeof(o->faults) + 1);

	for (uint32_t i = 0; i < count; i++) {
		uint8_t kind = menu[rng_below(r, sizeof(menu))];

		if (may_follow(o, (enum fault_kind)kind))
			o->faults[o->fault_count++] = kind;
	}
	o->error_pct = (uint32_t)rng_range(r, 5, 40);
}

void options_from_rng(struct options *o, struct rng *r)
{
	memset(o, 0, sizeof(*o));
	draw_geometry(o, r);
	draw_load(o, r);
	draw_faults(o, r);
}

void options_print(const struct options *o, char *text, size_t size_bytes)
{
	size_t n = 0;

	n += (size_t)snprintf(
	    text, size_bytes,
	    "blocks=%u align=%u slots=%u arena_pages=%u cache=%s%s tgtds=%u max_ios=%u filters=%u%s\n"
	    "  commands=%u depth=%u hot_pct=%u abort_pct=%u think_us=%u disk_us=%llu error_pct=%u\n"
	    "  weights=",
	    o->block_count, o->disk_align_bytes, o->slot_count, o->arena_pages,
	    o->is_volatile ? "volatile" : "durable", o->is_buffered ? ",buffered" : "",
	    o->tgtd_count, o->max_ios, o->filter_count,
	    o->has_reconfigurations ? ",reconfigured" : "", o->command_count, o->queue_depth,
	    o->hot_pct, o->abort_pct, o->think_us, (unsigned long long)o->disk_us, o->error_pct);
	for (uint32_t i = 0; i < WORKLOAD_OP_COUNT && n < size_bytes; i++)
		n += (size_t)snprintf(text + n, size_bytes - n, "%s%s:%u", i ? "," : "",
				      workload_op_name(i), o->weights[i]);
	if (n < size_bytes)
		n += (size_t)snprintf(text + n, size_bytes - n, "\n  faults=");
	for (uint32_t i = 0; i < o->fault_count && n < size_bytes; i++)
		n += (size_t)snprintf(text + n, size_bytes - n, "%s%s", i ? "," : "",
				      fault_names[o->faults[i]]);
}
