/* SPDX-License-Identifier: MIT */
/* lab_check.c - opening after whatever happened, and comparing all of it with the oracle. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lab.h"

static struct backend_cfg config(const struct lab *l, const struct volume *v)
{
	return (struct backend_cfg){.path = v->path,
				    .block_bytes = SECTOR,
				    .write_cache =
					l->is_durable ? WRITE_CACHE_DURABLE : WRITE_CACHE_VOLATILE,
				    .groups_path = "groups"};
}

/* ---------------------------------------------------------------- heads */

static const char *check_head(struct lab *l, struct volume *v, const uint8_t *data)
{
	static struct image other;
	const char *wrong = image_check(&v->image, data, true, v->is_after_power_cut);

	if (!wrong || v->doubt != DOUBT_REVERT)
		return wrong;
	other = v->snaps[v->doubt_snap].image;
	image_grow(&other, v->image.sectors);
	if (image_check(&other, data, true, v->is_after_power_cut))
		return wrong;
	v->image = other;
	return NULL;
}

static void settle_size(struct lab *l, struct volume *v)
{
	uint32_t sectors = (uint32_t)(v->b->size_bytes / SECTOR);

	if (v->doubt == DOUBT_GROW && sectors == v->doubt_sectors)
		image_grow(&v->image, sectors);
	/* An image without a manifest is found to be a whole number of blocks long. */
	if (sectors > v->image.sectors && sectors == (v->image.sectors + 7) / 8 * 8)
		image_grow(&v->image, sectors);
	if (v->doubt == DOUBT_GROW && sectors == (v->doubt_sectors + 7) / 8 * 8)
		image_grow(&v->image, sectors);
	/* Nor has it a size but the file's, which after a growth that failed or was never told is
	 * found to be the new one, and may go with the power. */
	if (v == &l->volumes[0] && v->is_after_power_cut && sectors < v->image.sectors &&
	    sectors >= v->told_sectors)
		v->image.sectors = sectors;
	if (sectors != v->image.sectors)
		lab_fail(l, "%s has %u sectors, it should have %u", v->path, sectors,
			 v->image.sectors);
}

/* ---------------------------------------------------------------- the list */

static const char *state_in(const json_t *list, uint32_t number)
{
	json_t *items = json_object_get(list, "items"), *o;
	char uuid[24];
	size_t i;

	snprintf(uuid, sizeof(uuid), "s%u", number);
	json_array_foreach(items, i,
			   o) if (strcmp(json_string_value(json_object_get(o, "snapshot")), uuid) ==
				  0) return json_string_value(json_object_get(o, "state"));
	return "absent";
}

static void check_snap(struct lab *l, struct volume *v, struct snap *s, const char *state)
{
	bool is_doubtful = v->doubt == DOUBT_DELETE && s == &v->snaps[v->doubt_snap];
	bool is_decided = s->is_after_record;
	char record[32];

	snprintf(record, sizeof(record), "groups/g%u", s->number);
	if (s->state == SNAP_MAYBE) {
		is_decided |= fs_exists(&l->fs, record);
		/* Who repairs from the copy keeps it, and its files may be gone already. */
		if (v->is_lost && !s->is_after_record)
			is_decided = strcmp(state, "ready") == 0;
		if ((strcmp(state, "ready") == 0) != is_decided)
			lab_fail(l, "%s: snapshot s%u is %s, its group was%s decided", v->path,
				 s->number, state, is_decided ? "" : " not");
		s->state = is_decided ? SNAP_READY : SNAP_NONE;
	} else if (is_doubtful) {
		s->state = strcmp(state, "ready") == 0      ? SNAP_READY
			   : strcmp(state, "deleting") == 0 ? SNAP_DELETING
							    : SNAP_NONE;
	} else if (s->state == SNAP_READY && strcmp(state, "ready") != 0) {
		lab_fail(l, "%s: snapshot s%u is %s, it should be ready", v->path, s->number,
			 state);
	} else if (s->state == SNAP_DELETING && strcmp(state, "ready") == 0) {
		lab_fail(l, "%s: snapshot s%u is ready, it was deleted", v->path, s->number);
	} else if (s->state == SNAP_DELETING && strcmp(state, "absent") == 0) {
		s->state = SNAP_NONE;
	}
}

static void check_list(struct lab *l, struct volume *v)
{
	json_t *list = layer_list(v->b);
	size_t known = 0;

	for (uint32_t i = 0; i < ORACLE_SNAPSHOTS; i++) {
		struct snap *s = &v->snaps[i];

		if (s->state != SNAP_NONE)
			check_snap(l, v, s, state_in(list, s->number));
		known += s->state != SNAP_NONE;
	}
	if (json_array_size(json_object_get(list, "items")) != known)
		lab_fail(l, "%s has %zu snapshots, it should have %zu", v->path,
			 json_array_size(json_object_get(list, "items")), known);
	json_decref(list);
}

/* ---------------------------------------------------------------- all of it */

void lab_check_views(struct lab *l, struct volume *v)
{
	for (uint32_t i = 0; i < ORACLE_SNAPSHOTS && lab_is_fine(l); i++) {
		struct backend_cfg cfg = config(l, v);
		struct snap *s = &v->snaps[i];
		struct backend *view;
		const char *wrong;
		struct err err;
		char uuid[24];

		if (s->state != SNAP_READY)
			continue;
		snprintf(uuid, sizeof(uuid), "s%u", s->number);
		cfg.snapshot = uuid;
		cfg.size_bytes = (uint64_t)s->image.sectors * SECTOR;
		if (backend_layers.open(&l->fs.env, &cfg, &view, &err)) {
			lab_fail(l, "snapshot %s of %s cannot be opened: %s", uuid, v->path,
				 err.text);
			return;
		}
		wrong = lab_read_all(l, view, s->image.sectors, lab_buffer())
			    ? image_check(&s->image, lab_buffer(), false, false)
			    : NULL;
		if (wrong)
			lab_fail(l, "snapshot %s of %s: %s", uuid, v->path, wrong);
		l->checks++;
		view->ops->close(view);
	}
}

/* One that a repair carried out before it was at its point: it has what the volume has now, for
 * good when a flush has ended, which is one of its layer too. */
static void take_as_it_is(struct lab *l, struct volume *v)
{
	bool is_any = false;

	for (uint32_t i = 0; i < ORACLE_SNAPSHOTS; i++)
		is_any |= v->snaps[i].state == SNAP_READY && !v->snaps[i].is_committed;
	if (!is_any)
		return;
	lab_flush(l, v);
	for (uint32_t i = 0; i < ORACLE_SNAPSHOTS && lab_is_fine(l); i++) {
		struct snap *s = &v->snaps[i];

		if (s->state != SNAP_READY || s->is_committed)
			continue;
		s->image = v->image;
		s->is_committed = true;
	}
}

void lab_check_volume(struct lab *l, struct volume *v)
{
	uint32_t rate = l->fs.fail_per_10000;
	const char *wrong;

	l->fs.fail_per_10000 = 0;
	check_list(l, v);
	if (lab_is_fine(l) && lab_read_all(l, v->b, v->image.sectors, lab_buffer())) {
		wrong = check_head(l, v, lab_buffer());
		if (wrong)
			lab_fail(l, "%s: %s", v->path, wrong);
	}
	if (lab_is_fine(l))
		take_as_it_is(l, v);
	v->doubt = DOUBT_NONE;
	v->is_after_power_cut = v->is_lost = false;
	l->checks++;
	if (lab_is_fine(l))
		lab_check_views(l, v);
	l->fs.fail_per_10000 = rate;
}

/* Where no call fails the copy is as good as the manifest. */
static void lose_manifest(struct lab *l, struct volume *v)
{
	char path[32];

	if (l->fail_rate || !rng_pct(&l->rng, 10))
		return;
	snprintf(path, sizeof(path), "%.1s.layers", v->path);
	if (!fs_lose(&l->fs, path))
		return;
	v->is_lost = true;
	l->lost++;
}

static int repair(struct lab *l, struct volume *v, struct err *err)
{
	int rc = 0;

	for (uint32_t is_apply = 0; is_apply < 2 && rc == 0; is_apply++) {
		json_t *steps = NULL;

		rc = layer_repair(&l->fs.env, v->path, is_apply, &steps, err);
		for (size_t i = 0; l->is_verbose && is_apply && i < json_array_size(steps); i++)
			printf("    repair: %s\n", json_string_value(json_array_get(steps, i)));
		json_decref(steps);
	}
	return rc;
}

bool lab_open(struct lab *l, struct volume *v)
{
	uint32_t rate = l->fs.fail_per_10000;
	struct backend_cfg cfg = config(l, v);
	struct err err;
	int rc;

	/* What the size is, is the plan's to know: here the manifest is asked. */
	l->fs.fail_per_10000 = 0;
	lose_manifest(l, v);
	rc = backend_layers.open(&l->fs.env, &cfg, &v->b, &err);
	if (rc == -EUCLEAN && v->is_lost)
		rc = repair(l, v, &err);
	if (rc == 0 && !v->b)
		rc = backend_layers.open(&l->fs.env, &cfg, &v->b, &err);
	if (rc) {
		v->b = NULL;
		lab_fail(l, "%s cannot be opened: %s", v->path, err.text);
		return false;
	}
	lab_turns_open(l, v);
	l->fs.fail_per_10000 = rate;
	settle_size(l, v);
	lab_check_volume(l, v);
	return lab_is_fine(l);
}

static void on_stopped(void *ctx)
{
	*(bool *)ctx = true;
}

void lab_close(struct lab *l, struct volume *v)
{
	static bool is_stopped;

	is_stopped = false;
	layer_stop(v->b, on_stopped, &is_stopped);
	lab_wait(l, &is_stopped, "a stop");
	if (!is_stopped)
		return;
	v->b->ops->close(v->b);
	v->b = NULL;
	image_closed(&v->image);
}
