// SPDX-License-Identifier: MIT
#include "special.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "memory.h"

static struct device kept[DEVICE_COUNT];

static void keep(struct lab *l)
{
	for (uint32_t i = 0; i < DEVICE_COUNT; i++)
		device_copy(&kept[i], &l->devices[i]);
}

static void put_back(struct lab *l)
{
	for (uint32_t i = 0; i < DEVICE_COUNT; i++)
		device_copy(&l->devices[i], &kept[i]);
}

static void fail_found(struct lab *l, const char *what, const struct oracle_state *found)
{
	char text[160], newest[160];

	oracle_print(found, text, sizeof(text));
	oracle_print(&l->oracle.states[oracle_newest(&l->oracle)], newest, sizeof(newest));
	lab_fail(l, "%s: %s; newest %s", what, text, newest);
}

/* ---------------------------------------------------------------- the datastore alone */

/* The flash is thrown away: journal to the datastore, which is then what it was at some moment. */
static bool sink_alone(struct lab *l)
{
	struct log_env_watch watch = l->env.watch;
	struct oracle_state found;
	enum lab_end end;

	lab_say(l, "-- the datastore and its journal alone");
	keep(l);
	l->env.watch = (struct log_env_watch){0};
	for (uint32_t tries = 0;; tries++) {
		l->crash_at = tries < 2 && rng_pct(&l->rng, 30) ? rng_range(&l->rng, 1, 20) : 0;
		end = lab_boot_journal(l);
		l->crash_at = 0;
		if (end != LAB_CRASHED)
			break;
		lab_kill(l);
		if (rng_pct(&l->rng, 50))
			lab_power_cut(l);
	}
	if (end == LAB_REFUSED)
		lab_fail(l, "journal: refused, %s: %s", lab_found_name(l->opened.found),
			 l->opened.err.text);
	lab_sink_state(l, &found);
	if (end == LAB_DONE && oracle_find(&l->oracle, &found, 0, oracle_newest(&l->oracle)) < 0)
		fail_found(l, "journal: the datastore alone is no point in time", &found);
	lab_kill(l);
	l->env.watch = watch;
	put_back(l);
	lab_say(l, "-- put back");
	return !l->has_failed;
}

/* ---------------------------------------------------------------- refusals */

/* Boots and expects a refusal that touches nothing of the log. */
static bool is_refused(struct lab *l, enum sluice_rlog_found want, const char *rule)
{
	const struct device *d = &l->devices[DEVICE_LOG];
	uint64_t written = d->written;
	enum lab_end end = lab_boot(l);

	if (end == LAB_DONE || (end == LAB_REFUSED && l->opened.found != want))
		lab_fail(l, "%s: opened as %s, not refused as %s", rule,
			 lab_found_name(l->opened.found), lab_found_name(want));
	if (d->written != written)
		lab_fail(l, "%s: refused, but the log was written", rule);
	if (lab_close(l) != LAB_DONE)
		return false;
	if (d->written != written)
		lab_fail(l, "%s: refused, but closing wrote the log", rule);
	lab_kill(l);
	return !l->has_failed;
}

static bool foreign(struct lab *l)
{
	bool is_of_another = rng_pct(&l->rng, 50), is_fine;

	lab_say(l, "-- a log of another %s", is_of_another ? "owner" : "generation");
	if (is_of_another)
		l->owner++;
	else
		l->generation++;
	is_fine = is_refused(l, SLUICE_RLOG_FOREIGN, "W14");
	if (is_of_another)
		l->owner--;
	else
		l->generation--;
	lab_say(l, "-- the right one again");
	return is_fine;
}

/* ---------------------------------------------------------------- bit rot */

#define RECORDS_MAX 64u

struct placed {
	struct rlog_record rec;
	uint32_t pos;
};

/* The chain of headers from the durable superblock's tail. */
static uint32_t find_records(const struct device *d, const struct rlog_super *s, struct placed *out)
{
	uint32_t seed = rlog_seed_log(s->uuid), pos = s->tail_pos, count = 0;
	uint64_t seq = s->tail_seq;

	while (count < RECORDS_MAX) {
		struct placed *p = &out[count];

		p->pos = pos;
		if (!rlog_record_decode(d->stable +
					    (size_t)(s->geo.log_start + pos) * LAB_BLOCK_BYTES,
					LAB_BLOCK_BYTES, seed, &p->rec) ||
		    p->rec.seq != seq || p->rec.epoch > s->epoch)
			break;
		pos = (pos + 1 + p->rec.data_blocks) % s->geo.log_blocks;
		seq++;
		count++;
	}
	return count;
}

static bool is_vouched(const struct placed *records, uint32_t count, uint32_t i,
		       const struct rlog_super *s)
{
	if (s->durable_seq >= records[i].rec.seq)
		return true;
	for (uint32_t j = i + 1; j < count; j++)
		if (records[j].rec.durable_seq >= records[i].rec.seq)
			return true;
	return false;
}

static bool rot(struct lab *l)
{
	struct device *d = &l->devices[DEVICE_LOG];
	const struct watch_log *log = &l->watch.logs[DEVICE_LOG];
	const struct rlog_super *s = &log->super;
	struct placed records[RECORDS_MAX];
	uint32_t count, i, block;
	uint64_t bit;
	bool is_fine;

	watch_process(&l->watch);
	if (!log->has_super || d->pending_count > 0)
		return true;
	count = find_records(d, s, records);
	if (count < 2)
		return true;
	i = (uint32_t)rng_below(&l->rng, count - 1);
	/* What a checkpoint spares the replay is met by who reads it: W11. */
	if (!is_vouched(records, count, i, s) ||
	    (s->has_checkpoint && records[i].rec.seq <= s->checkpoint_seq))
		return true;
	block = (records[i].pos + (uint32_t)rng_below(&l->rng, 1u + records[i].rec.data_blocks)) %
		s->geo.log_blocks;
	bit = (uint64_t)(s->geo.log_start + block) * LAB_BLOCK_BYTES * 8 +
	      rng_below(&l->rng, LAB_BLOCK_BYTES * 8);
	lab_say(l, "-- bit rot in record %llu, bit %llu", (unsigned long long)records[i].rec.seq,
		(unsigned long long)bit);
	device_flip_bit(d, bit);
	is_fine = is_refused(l, SLUICE_RLOG_CORRUPT, "W10");
	device_flip_bit(d, bit);
	lab_say(l, "-- put right");
	return is_fine;
}

static bool is_valid(const struct device *d, uint32_t block)
{
	struct rlog_super s;

	return rlog_super_decode(d->stable + (size_t)block * LAB_BLOCK_BYTES, d->file.size_bytes,
				 &s) == RLOG_SUPER_VALID;
}

/* Rot in one of the superblocks, or in the checkpoint that they name: it costs time and nothing
 * else. Neither is anything durable missing, nor does anything come back that was given up. */
static bool rot_start(struct lab *l)
{
	struct log_env_watch watch = l->env.watch;
	struct device *d = &l->devices[DEVICE_LOG];
	const struct rlog_super *s = &l->watch.logs[DEVICE_LOG].super;
	struct oracle_state found;
	uint64_t block, bytes = RLOG_SUPER_BYTES;

	watch_process(&l->watch);
	/* Where a power cut has just torn one, the other is alone until the next boot. */
	if (!l->watch.logs[DEVICE_LOG].has_super || d->pending_count > 0 || !is_valid(d, 0) ||
	    !is_valid(d, s->geo.super_b))
		return true;
	block = rng_pct(&l->rng, 50) ? s->geo.super_b : 0;
	if (s->has_checkpoint && rng_pct(&l->rng, 40)) {
		block = s->geo.checkpoint_start + s->checkpoint_slot * s->geo.checkpoint_blocks;
		bytes = s->checkpoint_bytes;
	}
	lab_say(l, "-- bit rot in superblock %s or the checkpoint of %llu", block ? "B" : "A",
		(unsigned long long)s->sb_seq);
	keep(l);
	l->env.watch = (struct log_env_watch){0};
	device_flip_bit(d, block * LAB_BLOCK_BYTES * 8 + rng_below(&l->rng, bytes * 8));
	if (lab_boot(l) != LAB_DONE)
		lab_fail(l, "W10: rot in one superblock or checkpoint, and %s: %s",
			 lab_found_name(l->opened.found), l->opened.err.text);
	else if (lab_observe(l, &found) == LAB_DONE &&
		 oracle_find(&l->oracle, &found, l->oracle.acked_d2, oracle_newest(&l->oracle)) < 0)
		fail_found(
		    l, "W10: rot at the start, and durable data is missing or dropped data back",
		    &found);
	lab_kill(l);
	l->env.watch = watch;
	put_back(l);
	lab_say(l, "-- put back");
	return !l->has_failed;
}

bool special_before_boot(struct lab *l)
{
	if (!l->has_log)
		return true;
	if (l->opt.is_journaled && rng_pct(&l->rng, 60) && !sink_alone(l))
		return false;
	if (rng_pct(&l->rng, 4) && !foreign(l))
		return false;
	if (rng_pct(&l->rng, 4) && !rot_start(l))
		return false;
	return !rng_pct(&l->rng, 12) || rot(l);
}

/* ---------------------------------------------------------------- W11 */

static bool is_live(struct lab *l, uint32_t block, uint32_t *version)
{
	struct oracle_state now;
	struct sluice_rlog_run run;

	sluice_rlog_lookup(l->log, block, 1, &run);
	if (run.what != SLUICE_RLOG_HAS_DATA || lab_observe(l, &now) != LAB_DONE)
		return false;
	*version = now.version[block];
	return *version != 0;
}

static int64_t find_on_log(const struct lab *l, uint32_t block, uint32_t version)
{
	const struct device *d = &l->devices[DEVICE_LOG];

	for (uint64_t at = 0; at < d->file.size_bytes; at += LAB_BLOCK_BYTES)
		if (lab_medium_version(l, d->cache + at, block) == version)
			return (int64_t)at;
	return -1;
}

static void read_ended(struct sluice_rlog_read *r)
{
	*(bool *)r->ctx = true;
}

static bool read_fails(struct lab *l, uint32_t block)
{
	static uint8_t buf[LAB_BLOCK_BYTES] __attribute__((aligned(16)));
	static struct sluice_rlog_read r;
	static bool is_done;

	is_done = false;
	r = (struct sluice_rlog_read){
	    .block = block, .block_count = 1, .buf = buf, .fn = read_ended, .ctx = &is_done};
	sluice_rlog_read(l->log, &r);
	if (lab_await(l, &is_done) != LAB_DONE)
		return false;
	if (r.result != -EBADMSG)
		lab_fail(l, "W11: a rotten block %u is read with %d", block, r.result);
	return !l->has_failed;
}

bool special_rotten_block(struct lab *l, struct actor *a)
{
	const struct actor_action destage_all = {.kind = ACTOR_DESTAGE},
				  flush = {.kind = ACTOR_FLUSH};
	uint32_t block = (uint32_t)rng_below(&l->rng, ORACLE_BLOCKS), version;
	uint64_t crash_at = l->crash_at, bit;
	int64_t at;
	bool is_fine;

	l->crash_at = 0;
	if (!actor_do(a, &flush) || actor_settle(a) != LAB_DONE)
		return false;
	if (l->devices[DEVICE_LOG].pending_count > 0 || !is_live(l, block, &version) ||
	    (at = find_on_log(l, block, version)) < 0) {
		l->crash_at = crash_at;
		return !l->has_failed;
	}
	bit = (uint64_t)at * 8 + rng_below(&l->rng, LAB_BLOCK_BYTES * 8);
	lab_say(l, "-- bit rot under version %u of block %u", version, block);
	device_flip_bit(&l->devices[DEVICE_LOG], bit);
	l->is_rot_expected = true;
	is_fine = read_fails(l, block);
	/* A window may end before it. */
	for (uint32_t i = 0; i < 20 && is_fine && !l->has_met_rot; i++)
		is_fine = actor_do(a, &destage_all) && actor_settle(a) == LAB_DONE;
	if (is_fine && !l->has_met_rot)
		lab_fail(l, "W11: a window with a rotten block was destaged");
	l->is_rot_expected = l->has_met_rot = false;
	device_flip_bit(&l->devices[DEVICE_LOG], bit);
	l->crash_at = crash_at;
	lab_say(l, "-- put right");
	return is_fine && !l->has_failed;
}
