// SPDX-License-Identifier: MIT
#include "exhaustive.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "actor.h"
#include "rlog_format.h"

#define LEVELS       2u
#define LANDINGS_MAX 40u
#define SECTOR_BYTES 64u /* half a block: headers and data can tear */

/* ---------------------------------------------------------------- workloads */

enum letter_kind { LETTER_ACTION, LETTER_REOPEN, LETTER_IDLE };

struct letter {
	const char *name;
	enum letter_kind kind;
	struct actor_action action;
};

static const struct letter alphabet[] = {
    {"write 0", LETTER_ACTION, {.kind = ACTOR_WRITE, .block = 0, .block_count = 1}},
    {"write 0 durable",
     LETTER_ACTION,
     {.kind = ACTOR_WRITE, .block = 0, .block_count = 1, .is_durable = true}},
    {"write 0-1", LETTER_ACTION, {.kind = ACTOR_WRITE, .block = 0, .block_count = 2}},
    {"zero 0-1 durable",
     LETTER_ACTION,
     {.kind = ACTOR_ZERO, .block = 0, .block_count = 2, .is_durable = true}},
    {"flush", LETTER_ACTION, {.kind = ACTOR_FLUSH}},
    {"destage one", LETTER_ACTION, {.kind = ACTOR_DESTAGE, .max_blocks = 1}},
    {"destage all", LETTER_ACTION, {.kind = ACTOR_DESTAGE}},
    {"mark", LETTER_ACTION, {.kind = ACTOR_MARK}},
    {"drop", LETTER_ACTION, {.kind = ACTOR_DROP}},
    {"reopen", LETTER_REOPEN, {.kind = ACTOR_IDLE}},
    {"idle", LETTER_IDLE, {.kind = ACTOR_IDLE}},
};

#define LETTERS (sizeof(alphabet) / sizeof(alphabet[0]))

static struct actor actor;

static enum lab_end idle(struct lab *l)
{
	for (uint32_t i = 0; i < 12; i++) {
		if (l->crash_at && l->env.steps >= l->crash_at)
			return LAB_CRASHED;
		if (!log_env_step(&l->env))
			break;
	}
	return LAB_DONE;
}

/* crash_at counts the steps of one process. */
static enum lab_end reopen(struct lab *l)
{
	uint64_t crash_at = l->crash_at, done;
	enum lab_end end = lab_close(l);

	if (end != LAB_DONE)
		return end;
	done = l->env.steps;
	lab_kill(l);
	l->was_clean = true;
	if (crash_at) {
		if (crash_at <= done)
			return LAB_CRASHED;
		l->crash_at = crash_at - done;
	}
	end = lab_boot(l);
	if (end == LAB_REFUSED)
		lab_fail(l, "reopen: refused: %s", l->opened.err.text);
	if (end == LAB_DONE && l->opened.found != SLUICE_RLOG_CLEAN)
		lab_fail(l, "reopen: %s after a close", lab_found_name(l->opened.found));
	if (end == LAB_DONE) {
		l->was_clean = false;
		actor_begin(&actor, l);
	}
	return l->has_failed ? LAB_FAILED : end;
}

static enum lab_end play_letter(struct lab *l, const struct letter *x)
{
	if (x->kind == LETTER_REOPEN)
		return reopen(l);
	if (x->kind == LETTER_IDLE)
		return idle(l);
	actor_do(&actor, &x->action);
	return actor_settle(&actor);
}

/* One process makes the log and does all of it, unless it dies at crash_at. */
static enum lab_end play(struct lab *l, const uint8_t *word, uint32_t count, uint64_t crash_at,
			 uint64_t *made_at)
{
	enum lab_end end;

	l->crash_at = crash_at;
	end = lab_boot(l);
	if (end != LAB_DONE)
		return end;
	*made_at = l->env.steps;
	l->has_log = true;
	actor_begin(&actor, l);
	for (uint32_t i = 0; i < count && end == LAB_DONE; i++)
		end = play_letter(l, &alphabet[word[i]]);
	return end;
}

/* ---------------------------------------------------------------- deaths */

struct landing {
	enum log_env_device device;
	uint64_t offset_bytes;
	uint8_t data[SECTOR_BYTES];
};

struct level {
	struct device base[DEVICE_COUNT], cut[DEVICE_COUNT], start[DEVICE_COUNT];
	struct device_doubts doubts[DEVICE_COUNT];
	struct landing landings[LANDINGS_MAX];
	uint32_t landing_count;
	uint32_t states, acked_d1, acked_d2;
	bool was_clean, has_log;
};

static struct level levels[LEVELS];

static void copy_devices(struct device *to, const struct device *from)
{
	for (uint32_t i = 0; i < DEVICE_COUNT; i++)
		device_copy(&to[i], &from[i]);
}

static void find_landings(struct lab *l, struct level *v)
{
	v->landing_count = 0;
	for (uint32_t i = 0; i < l->env.flight_count; i++) {
		const struct log_env_flight *f = &l->env.flights[i];

		if (f->io->op != ENV_IO_WRITE)
			continue;
		for (uint64_t at = 0; at < f->io->len_bytes; at += SECTOR_BYTES) {
			struct landing *x = &v->landings[v->landing_count];

			if (v->landing_count == LANDINGS_MAX)
				return; /* a log that is being made: zeros over zeros */
			x->device = (enum log_env_device)(f->device - l->devices);
			x->offset_bytes = f->io->offset_bytes + at;
			memcpy(x->data, (const uint8_t *)f->io->buf + at, SECTOR_BYTES);
			if (memcmp(x->data, f->device->cache + x->offset_bytes, SECTOR_BYTES) != 0)
				v->landing_count++;
		}
	}
}

static void land(struct lab *l, const struct level *v, uint64_t mask)
{
	for (uint32_t i = 0; i < v->landing_count; i++)
		if (mask >> i & 1)
			device_write(&l->devices[v->landings[i].device],
				     v->landings[i].offset_bytes, v->landings[i].data,
				     SECTOR_BYTES);
}

static void remember(struct lab *l, struct level *v)
{
	v->states = l->oracle.count;
	v->acked_d1 = l->oracle.acked_d1;
	v->acked_d2 = l->oracle.acked_d2;
	v->was_clean = l->was_clean;
	v->has_log = l->has_log;
}

static void recall(struct lab *l, const struct level *v)
{
	l->oracle.count = v->states;
	l->oracle.acked_d1 = v->acked_d1;
	l->oracle.acked_d2 = v->acked_d2;
	l->was_clean = v->was_clean;
	l->has_log = v->has_log;
	watch_killed(&l->watch);
}

static bool is_alone_good(struct lab *l)
{
	struct oracle_state found;

	if (lab_boot_journal(l) != LAB_DONE) {
		lab_fail(l, "journal: refused: %s", l->opened.err.text);
		return false;
	}
	lab_sink_state(l, &found);
	if (oracle_find(&l->oracle, &found, 0, oracle_newest(&l->oracle)) < 0)
		lab_fail(l, "journal: the datastore alone is no point in time");
	lab_kill(l);
	return !l->has_failed;
}

static bool explore(struct lab *l, uint32_t depth, uint32_t nest, bool is_power_cut,
		    struct exhaustive_count *n);

/* The devices hold an outcome: what does a boot make of it? */
static bool try_outcome(struct lab *l, struct level *v, uint32_t depth, uint32_t nest,
			bool is_power_cut, struct exhaustive_count *n)
{
	enum lab_end end;

	*(depth ? &n->nested_outcomes : &n->outcomes) += 1;
	l->crash_at = 0;
	if (nest > 0 || l->opt.is_journaled)
		copy_devices(v->start, l->devices);
	if (l->opt.is_journaled) {
		if (!is_alone_good(l))
			return false;
		copy_devices(l->devices, v->start);
	}
	end = lab_boot(l);
	if (end == LAB_REFUSED)
		lab_fail(l, "open: refused, %s: %s", lab_found_name(l->opened.found),
			 l->opened.err.text);
	if (end != LAB_DONE || lab_check(l, is_power_cut) != LAB_DONE)
		return false;
	lab_kill(l);
	recall(l, v);
	for (uint64_t at = 1; nest > 0; at++) {
		copy_devices(l->devices, v->start);
		l->crash_at = at;
		end = lab_boot(l);
		if (end == LAB_DONE)
			lab_kill(l);
		if (end != LAB_CRASHED)
			break;
		if (!explore(l, depth + 1, nest - 1, is_power_cut, n))
			return false;
		recall(l, v);
	}
	l->crash_at = 0;
	return !l->has_failed;
}

static bool every_power_cut(struct lab *l, struct level *v, uint32_t depth, uint32_t nest,
			    struct exhaustive_count *n)
{
	uint64_t total = 1;

	copy_devices(l->devices, v->base);
	land(l, v, UINT64_MAX);
	copy_devices(v->cut, l->devices);
	for (uint32_t i = 0; i < DEVICE_COUNT; i++) {
		device_doubts_find(&v->cut[i], &v->doubts[i]);
		total *= v->doubts[i].combinations;
	}
	if (total > 1u << 22)
		printf("exhaustive: %llu outcomes of one power cut\n", (unsigned long long)total);
	for (uint64_t k = 0; k < total; k++) {
		uint64_t rest = k;

		copy_devices(l->devices, v->cut);
		for (uint32_t i = 0; i < DEVICE_COUNT; i++) {
			device_doubts_apply(&l->devices[i], &v->doubts[i],
					    rest % v->doubts[i].combinations);
			rest /= v->doubts[i].combinations;
		}
		if (!try_outcome(l, v, depth, nest, true, n))
			return false;
	}
	return true;
}

/* A process has come to its crash point. */
static bool explore(struct lab *l, uint32_t depth, uint32_t nest, bool is_power_cut,
		    struct exhaustive_count *n)
{
	struct level *v = &levels[depth];

	assert(depth < LEVELS);
	find_landings(l, v);
	lab_kill_exactly(l, 0);
	copy_devices(v->base, l->devices);
	remember(l, v);
	assert(v->landing_count <= 24);
	for (uint64_t mask = 0; mask < 1ull << v->landing_count; mask++) {
		copy_devices(l->devices, v->base);
		land(l, v, mask);
		if (!try_outcome(l, v, depth, nest, is_power_cut, n))
			return false;
	}
	return every_power_cut(l, v, depth, nest, n);
}

/* ---------------------------------------------------------------- all of it */

static void say_word(struct lab *l, const uint8_t *word, uint32_t count, uint64_t crash_at)
{
	char text[200] = "";
	size_t n = strlen(l->failure);

	for (uint32_t i = 0; i < count; i++) {
		size_t at = strlen(text);

		snprintf(text + at, sizeof(text) - at, "%s%s", i ? ", " : "",
			 alphabet[word[i]].name);
	}
	snprintf(l->failure + n, sizeof(l->failure) - n, " [%s; dies at step %llu]", text,
		 (unsigned long long)crash_at);
}

static bool run_word(struct lab *l, const struct lab_options *opt, const uint8_t *word,
		     uint32_t count, uint32_t nest, struct exhaustive_count *n)
{
	uint64_t crash_at = count ? 0 : 1, made_at = 0;
	enum lab_end end;

	n->workloads++;
	for (;; crash_at++) {
		lab_begin(l, 1, opt);
		if (count && crash_at == 0) {
			/* Deaths while it is made are those of the empty workload. */
			if (play(l, word, 0, 0, &made_at) != LAB_DONE)
				break;
			crash_at = made_at + 1;
			lab_kill(l);
			lab_begin(l, 1, opt);
		}
		end = play(l, word, count, crash_at, &made_at);
		if (end == LAB_DONE)
			lab_kill(l);
		if (end != LAB_CRASHED)
			break;
		n->crash_points++;
		if (!explore(l, 0, nest, false, n))
			break;
	}
	if (l->has_failed)
		say_word(l, word, count, crash_at);
	return !l->has_failed;
}

bool exhaustive_run(struct lab *l, uint32_t ops, uint32_t nested_ops, struct exhaustive_count *n)
{
	for (uint32_t variant = 0; variant < 4; variant++) {
		bool has_checkpoints = variant == 1;
		struct lab_options opt = {.record_blocks = 4,
					  .reserve_blocks = 4,
					  .checkpoint_blocks = has_checkpoints ? 2 : 0,
					  .sector_bytes = SECTOR_BYTES,
					  .sink_ios = 2,
					  .is_journaled = variant == 2,
					  .is_sealed = variant == 1 || variant == 2,
					  .has_durable_writes = variant == 3,
					  .is_in_order = true};

		opt.log_blocks =
		    (uint32_t)(rlog_geometry_size(LAB_BLOCK_BYTES, 24, has_checkpoints) /
			       LAB_BLOCK_BYTES);
		opt.journal_blocks = opt.log_blocks;
		for (uint32_t count = 0; count <= ops; count++) {
			uint64_t words = 1;

			for (uint32_t i = 0; i < count; i++)
				words *= LETTERS;
			for (uint64_t w = 0; w < words; w++) {
				uint8_t word[8];
				uint64_t rest = w;

				for (uint32_t i = 0; i < count; i++, rest /= LETTERS)
					word[i] = (uint8_t)(rest % LETTERS);
				if (!run_word(l, &opt, word, count, count <= nested_ops ? 1 : 0, n))
					return false;
			}
		}
	}
	return true;
}
