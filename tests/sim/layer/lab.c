/* SPDX-License-Identifier: MIT */
#include "lab.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "memory.h"

#define STEPS_MAX 60000u
#define LIVES     4u

bool lab_is_fine(const struct lab *l)
{
	return l->failure[0] == '\0';
}

void lab_fail(struct lab *l, const char *fmt, ...)
{
	va_list ap;

	if (!lab_is_fine(l))
		return;
	va_start(ap, fmt);
	vsnprintf(l->failure, sizeof(l->failure), fmt, ap);
	va_end(ap);
}

void lab_wait(struct lab *l, const bool *is_done, const char *what)
{
	for (uint32_t i = 0; !*is_done && i < STEPS_MAX; i++)
		if (!fs_step(&l->fs)) {
			lab_fail(l, "%s never ends", what);
			return;
		}
	if (!*is_done)
		lab_fail(l, "%s does not end", what);
}

static void act(struct lab *l)
{
	struct volume *v = &l->volumes[rng_below(&l->rng, LAB_VOLUMES)];
	uint32_t what = (uint32_t)rng_below(&l->rng, 100);

	if (!v->b)
		v = &l->volumes[0];
	if (l->is_verbose)
		printf("  %s: %u%s\n", v->path, what, v->b->is_failed ? " failed" : "");
	if (v->b->is_failed) {
		lab_close(l, v);
		if (lab_is_fine(l))
			(void)lab_open(l, v);
		return;
	}
	if (v->doubt != DOUBT_NONE && v->doubt != DOUBT_REVERT)
		lab_check_volume(l, v);
	lab_turns_change(l, v);
	if (what < 40)
		lab_changes(l, v);
	else if (what < 46)
		lab_flush(l, v);
	else if (what < 62)
		lab_snapshot(l);
	else if (what < 67)
		lab_revert(l, v);
	else if (what < 78)
		lab_delete(l, v);
	else if (what < 80)
		lab_cancel(l, v);
	else if (what < 86)
		lab_clone(l);
	else if (what < 89)
		lab_grow(l, v);
	else if (what < 92)
		lab_check_volume(l, v);
	else if (what < 95)
		lab_close(l, v);
	for (uint32_t n = (uint32_t)rng_below(&l->rng, 30); n > 0 && fs_step(&l->fs); n--)
		;
}

static void open_all(struct lab *l)
{
	for (uint32_t i = 0; i < LAB_VOLUMES; i++) {
		struct volume *v = &l->volumes[i];

		if (v->exists && !v->b && lab_is_fine(l) && (i == 0 || rng_pct(&l->rng, 80)))
			(void)lab_open(l, v);
	}
}

static void live(struct lab *l, uint32_t actions)
{
	for (uint32_t i = 0; i < actions && lab_is_fine(l); i++) {
		open_all(l);
		if (lab_is_fine(l))
			act(l);
	}
}

/* Everything ends: what is being deleted goes, what remains is right. */
static void finish(struct lab *l)
{
	l->fs.fail_per_10000 = 0;
	l->fs.has_failed = false;
	open_all(l);
	for (uint32_t i = 0; i < STEPS_MAX && lab_is_fine(l) && fs_step(&l->fs); i++)
		;
	for (uint32_t i = 0; i < LAB_VOLUMES && lab_is_fine(l); i++) {
		struct volume *v = &l->volumes[i];

		if (!v->b)
			continue;
		if (v->b->is_failed)
			lab_fail(l, "%s stopped in the end: %s", v->path, v->b->failed_text);
		if (lab_is_fine(l))
			lab_check_volume(l, v);
		for (uint32_t k = 0; k < ORACLE_SNAPSHOTS; k++)
			if (v->snaps[k].state == SNAP_DELETING)
				lab_fail(l, "%s: s%u is never deleted", v->path,
					 v->snaps[k].number);
		if (lab_is_fine(l))
			lab_close(l, v);
	}
}

/* An image alone is that of the one before, whose removal the power cut took back. */
static bool is_clone(const struct lab *l, const struct volume *v)
{
	char path[32];

	snprintf(path, sizeof(path), "%.1s.layers", v->path);
	return lab_is_whole(l, v->path) && fs_exists(&l->fs, path);
}

static void after_death(struct lab *l, bool is_power_cut)
{
	memory_off();
	l->deaths++;
	fs_kill(&l->fs);
	if (is_power_cut)
		fs_power_cut(&l->fs);
	for (uint32_t i = 0; i < LAB_VOLUMES; i++) {
		struct volume *v = &l->volumes[i];

		v->b = NULL;
		v->is_after_power_cut |= is_power_cut;
		image_crash(&v->image, is_power_cut);
		if (v->doubt == DOUBT_CLONE) {
			v->exists = is_clone(l, v);
			v->doubt = DOUBT_NONE;
		}
	}
}

static void begin(struct lab *l, uint64_t seed)
{
	struct volume *v = &l->volumes[0];
	struct backend_cfg cfg = {
	    .path = "v.img", .size_bytes = LAB_BLOCKS * 4096, .block_bytes = SECTOR};

	rng_seed(&l->rng, seed);
	l->seed = seed;
	lab_turns_seed(l);
	l->failure[0] = '\0';
	l->version = l->snap_number = 0;
	memset(l->volumes, 0, sizeof(l->volumes));
	fs_init(&l->fs, &l->rng);
	l->is_durable = rng_pct(&l->rng, 60);
	l->fail_rate = rng_pct(&l->rng, 25) ? (uint32_t)rng_range(&l->rng, 5, 150) : 0;
	v->path = "v.img";
	v->exists = true;
	l->volumes[1].path = "c.img";
	image_init(&v->image, LAB_BLOCKS * 8);
	v->told_sectors = v->image.sectors;
	fs_begin(&l->fs);
	l->fs.dies_in = 0;
	if (backend_layers.create(&l->fs.env, &cfg, false, NULL))
		lab_fail(l, "the image could not be made");
}

/* False: it died. */
static bool one_life(struct lab *l, uint64_t dies_in, uint32_t actions, bool is_last)
{
	fs_begin(&l->fs);
	l->fs.dies_in = 0;
	l->fs.fail_per_10000 = is_last ? 0 : l->fail_rate;
	if (setjmp(l->fs.death))
		return false;
	memory_on(false);
	l->fs.dies_in = dies_in;
	live(l, actions);
	if (is_last && lab_is_fine(l))
		finish(l);
	l->fs.dies_in = 0;
	memory_off();
	return true;
}

bool lab_run(struct lab *l, uint64_t seed)
{
	begin(l, seed);
	for (uint32_t i = 0; i < LIVES && lab_is_fine(l); i++) {
		bool is_last = i + 1 == LIVES;
		uint64_t dies_in =
		    is_last ? 0 : rng_range(&l->rng, 1, rng_pct(&l->rng, 50) ? 300 : 2500);

		if (l->is_verbose)
			printf("life %u, dies in %llu, fails %u\n", i, (unsigned long long)dies_in,
			       l->fail_rate);
		(void)one_life(l, dies_in, is_last ? 6 : 40, is_last);
		after_death(l, rng_pct(&l->rng, 50));
	}
	return lab_is_fine(l);
}

bool lab_run_enumerated(struct lab *l, uint64_t seed, uint64_t nth, bool is_power_cut)
{
	bool has_died;

	begin(l, seed);
	l->fail_rate = 0;
	has_died = !one_life(l, nth, 14, false);
	after_death(l, is_power_cut);
	if (lab_is_fine(l))
		(void)one_life(l, 0, 3, true);
	return has_died && lab_is_fine(l);
}
