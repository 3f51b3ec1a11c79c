// SPDX-License-Identifier: MIT
// lab_check.c - what a volume would read, and whether it may: the checks after a boot.
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lab.h"

struct look {
	struct sluice_rlog_read read;
	uint8_t data[ORACLE_BLOCKS * LAB_BLOCK_BYTES] __attribute__((aligned(16)));
	uint32_t *left;
};

static uint32_t sink_version(const struct lab *l, uint32_t block)
{
	return oracle_version(l->devices[DEVICE_SINK].cache + (size_t)block * LAB_BLOCK_BYTES,
			      LAB_BLOCK_BYTES, block);
}

void lab_sink_state(const struct lab *l, struct oracle_state *out)
{
	for (uint32_t b = 0; b < ORACLE_BLOCKS; b++)
		out->version[b] = sink_version(l, b);
}

static void looked(struct sluice_rlog_read *r)
{
	struct look *look = r->ctx;

	(*look->left)--;
}

static void begin_look(struct lab *l, struct look *look, uint32_t block, uint64_t count,
		       uint32_t *left)
{
	look->left = left;
	look->read = (struct sluice_rlog_read){
	    .block = block, .block_count = count, .buf = look->data, .fn = looked, .ctx = look};
	(*left)++;
	sluice_rlog_read(l->log, &look->read);
}

static void take_look(struct lab *l, const struct look *look, struct oracle_state *out)
{
	if (look->read.result == -EBADMSG && l->is_rot_expected)
		l->has_met_rot = true;
	else if (look->read.result)
		lab_fail(l, "W11: block %llu + %llu cannot be read: %d",
			 (unsigned long long)look->read.block,
			 (unsigned long long)look->read.block_count, look->read.result);
	for (uint32_t i = 0; i < look->read.block_count; i++)
		out->version[look->read.block + i] =
		    oracle_version(look->data + (size_t)i * LAB_BLOCK_BYTES, LAB_BLOCK_BYTES,
				   (uint32_t)look->read.block + i);
}

enum lab_end lab_observe(struct lab *l, struct oracle_state *out)
{
	static struct look looks[ORACLE_BLOCKS];
	uint64_t crash_at = l->crash_at, dirty = 0;
	uint32_t count = 0, left = 0;
	struct sluice_rlog_stats stats;

	for (uint32_t b = 0; b < ORACLE_BLOCKS;) {
		struct sluice_rlog_run run;

		sluice_rlog_lookup(l->log, b, ORACLE_BLOCKS - b, &run);
		assert(run.block_count >= 1 && b + run.block_count <= ORACLE_BLOCKS);
		if (run.what == SLUICE_RLOG_HAS_DATA) {
			begin_look(l, &looks[count++], b, run.block_count, &left);
			dirty += run.block_count;
		}
		for (uint64_t i = 0; i < run.block_count; i++)
			out->version[b + i] =
			    run.what == SLUICE_RLOG_ABSENT ? sink_version(l, b + (uint32_t)i) : 0;
		b += (uint32_t)run.block_count;
	}
	l->crash_at = 0;
	for (uint32_t steps = 0; left > 0 && steps < 1000; steps++)
		if (!log_env_step(&l->env))
			break;
	l->crash_at = crash_at;
	if (left > 0)
		lab_fail(l, "hang: %u reads never end", left);
	for (uint32_t i = 0; i < count && left == 0; i++)
		take_look(l, &looks[i], out);
	sluice_rlog_stats(l->log, &stats);
	/* While a checkpoint is being written, zeros only hide what they cover. */
	if (l->opt.checkpoint_blocks ? stats.dirty_blocks < dirty : stats.dirty_blocks != dirty)
		lab_fail(l, "stats: %llu dirty blocks, lookups find %llu",
			 (unsigned long long)stats.dirty_blocks, (unsigned long long)dirty);
	return l->has_failed ? LAB_FAILED : LAB_DONE;
}

enum lab_end lab_check(struct lab *l, bool is_power_cut)
{
	uint32_t need = is_power_cut ? l->oracle.acked_d2 : l->oracle.acked_d1;
	struct oracle_state found;
	char text[160], newest[160], oldest[160];
	int64_t state;

	if (lab_observe(l, &found) != LAB_DONE)
		return LAB_FAILED;
	l->recoveries++;
	state = oracle_find(&l->oracle, &found, need, oracle_newest(&l->oracle));
	if (state < 0) {
		oracle_print(&found, text, sizeof(text));
		oracle_print(&l->oracle.states[need], oldest, sizeof(oldest));
		oracle_print(&l->oracle.states[oracle_newest(&l->oracle)], newest, sizeof(newest));
		lab_fail(l, "W9: found %s (%s); acknowledged at %s %s; newest %s", text,
			 lab_found_name(l->opened.found), is_power_cut ? "D2" : "D1", oldest,
			 newest);
		return LAB_FAILED;
	}
	lab_say(l, "found state %lld of %u, %s acknowledged %u", (long long)state,
		oracle_newest(&l->oracle), is_power_cut ? "D2" : "D1", need);
	oracle_cut(&l->oracle, (uint32_t)state);
	return LAB_DONE;
}
