/* SPDX-License-Identifier: MIT */
/* lab_tree.c - snapshots, reverts, deletions, clones and grows, as a host asks for them. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lab.h"

static struct answer {
	struct lab *l;
	bool is_done;
	int result;
} answers[LAB_VOLUMES];

static void on_answer(void *ctx, int result, const struct err *err)
{
	struct answer *a = ctx;

	a->is_done = true;
	a->result = result;
	if (a->l->is_verbose && result)
		printf("    refused: %d %s\n", result, err ? err->text : "");
}

static struct answer *ask(struct lab *l, uint32_t i)
{
	answers[i] = (struct answer){.l = l};
	return &answers[i];
}

static int wait_for(struct lab *l, struct answer *a, const char *what)
{
	lab_wait(l, &a->is_done, what);
	if (a->result && a->result != -EBUSY && a->result != -EINPROGRESS && a->result != -EINVAL &&
	    !l->fs.has_failed)
		lab_fail(l, "%s was refused for no reason: %d", what, a->result);
	return a->is_done ? a->result : -EIO;
}

static struct snap *snap_free(struct volume *v)
{
	for (uint32_t i = 0; i < ORACLE_SNAPSHOTS; i++)
		if (v->snaps[i].state == SNAP_NONE)
			return &v->snaps[i];
	return NULL;
}

static struct snap *snap_in(struct lab *l, struct volume *v, enum snap_state state)
{
	uint32_t from = (uint32_t)rng_below(&l->rng, ORACLE_SNAPSHOTS);

	for (uint32_t i = 0; i < ORACLE_SNAPSHOTS; i++) {
		struct snap *s = &v->snaps[(from + i) % ORACLE_SNAPSHOTS];

		if (s->state == state)
			return s;
	}
	return NULL;
}

/* ---------------------------------------------------------------- snapshots of a group */

static struct {
	struct volume *v;
	struct snap *s;
	bool is_prepared, is_committed;
} members[LAB_VOLUMES];
static uint32_t member_count;

static void members_choose(struct lab *l)
{
	member_count = 0;
	for (uint32_t i = 0; i < LAB_VOLUMES; i++) {
		struct volume *v = &l->volumes[i];
		struct snap *s = snap_free(v);

		if (!v->b || v->b->is_failed || !s || (i > 0 && rng_pct(&l->rng, 40)))
			continue;
		members[member_count].v = v;
		members[member_count].s = s;
		members[member_count].is_prepared = members[member_count].is_committed = false;
		member_count++;
	}
}

static bool members_prepare(struct lab *l)
{
	char uuid[24], group[24];
	struct layer_snapshot how = {.snapshot = uuid, .name = "name", .group = group};

	l->snap_number++;
	snprintf(group, sizeof(group), "g%u", l->snap_number);
	snprintf(uuid, sizeof(uuid), "s%u", l->snap_number);
	for (uint32_t i = 0; i < member_count; i++) {
		struct answer *a = ask(l, i);

		members[i].s->state = SNAP_MAYBE;
		members[i].s->number = l->snap_number;
		members[i].s->is_after_record = members[i].s->is_committed = false;
		layer_snapshot_prepare(members[i].v->b, &how, on_answer, a);
		members[i].is_prepared = wait_for(l, a, "prepare") == 0;
		if (!members[i].is_prepared)
			return false;
		if (rng_pct(&l->rng, 30))
			lab_changes(l, members[i].v);
	}
	return true;
}

static bool members_commit(struct lab *l)
{
	for (uint32_t i = 0; i < member_count; i++) {
		struct answer *a = ask(l, i);

		layer_snapshot_commit(members[i].v->b, on_answer, a);
		members[i].is_committed = wait_for(l, a, "commit") == 0;
		if (!members[i].is_committed)
			return false;
		image_flushed(&members[i].v->image);
		members[i].v->told_sectors = members[i].v->image.sectors;
		members[i].s->image = members[i].v->image;
		members[i].s->is_committed = true;
	}
	return true;
}

static bool members_decide(struct lab *l, bool is_yes)
{
	bool is_fine = true;

	for (uint32_t i = 0; i < member_count; i++) {
		struct answer *a = ask(l, i);

		if (!members[i].is_prepared) {
			members[i].s->state = SNAP_NONE;
			continue;
		}
		if (members[i].is_committed)
			layer_snapshot_decide(members[i].v->b, is_yes, on_answer, a);
		else
			layer_snapshot_abort(members[i].v->b, on_answer, a);
		is_fine &= wait_for(l, a, "decide") == 0;
		members[i].s->state = is_yes ? SNAP_READY : SNAP_NONE;
	}
	return is_fine;
}

void lab_snapshot(struct lab *l)
{
	char path[32];
	bool is_yes;

	members_choose(l);
	if (member_count == 0)
		return;
	is_yes =
	    members_prepare(l) && rng_pct(&l->rng, 90) && members_commit(l) && rng_pct(&l->rng, 90);
	snprintf(path, sizeof(path), "groups/g%u", l->snap_number);
	if (is_yes)
		(void)!env_text_write(&l->fs.env, path, "yes", 3, NULL);
	is_yes = is_yes && fs_exists(&l->fs, path);
	for (uint32_t i = 0; i < member_count && is_yes; i++)
		members[i].s->is_after_record = true;
	if (members_decide(l, is_yes) && is_yes)
		(void)!env_file_remove(&l->fs.env, path, NULL);
}

/* ---------------------------------------------------------------- others */

static const char *uuid_of(const struct snap *s)
{
	static char text[24];

	snprintf(text, sizeof(text), "s%u", s->number);
	return text;
}

void lab_revert(struct lab *l, struct volume *v)
{
	struct snap *s = snap_in(l, v, SNAP_READY);
	struct answer *a = ask(l, 0);
	uint32_t sectors = v->image.sectors;
	int rc;

	if (!s)
		return;
	v->doubt = DOUBT_REVERT;
	v->doubt_snap = (uint32_t)(s - v->snaps);
	layer_revert(v->b, uuid_of(s), on_answer, a);
	rc = wait_for(l, a, "revert");
	/* Stopped: which one it is will be seen when it is opened anew. */
	if (v->b->is_failed)
		return;
	v->doubt = DOUBT_NONE;
	if (rc)
		return;
	v->image = s->image;
	image_grow(&v->image, sectors);
}

void lab_delete(struct lab *l, struct volume *v)
{
	struct snap *s = snap_in(l, v, SNAP_READY);
	struct answer *a = ask(l, 0);
	bool is_held, is_ok;

	if (!s)
		return;
	is_held = v == &l->volumes[0] && l->volumes[1].exists &&
		  l->volumes[1].origin_snap == (uint32_t)(s - v->snaps) + 1;
	v->doubt = DOUBT_DELETE;
	v->doubt_snap = (uint32_t)(s - v->snaps);
	layer_delete(v->b, uuid_of(s), on_answer, a);
	is_ok = wait_for(l, a, "delete") == 0;
	if (is_ok && is_held && l->volumes[1].is_linked)
		lab_fail(l, "a snapshot that a clone stands on could be deleted");
	/* A failed save may have been one. */
	if (is_ok)
		s->state = SNAP_DELETING;
	if (is_ok || !l->fs.has_failed)
		v->doubt = DOUBT_NONE;
}

void lab_cancel(struct lab *l, struct volume *v)
{
	struct snap *s = snap_in(l, v, SNAP_DELETING);
	struct answer *a = ask(l, 0);
	int rc;

	if (!s)
		return;
	v->doubt = DOUBT_DELETE;
	v->doubt_snap = (uint32_t)(s - v->snaps);
	layer_delete_cancel(v->b, uuid_of(s), on_answer, a);
	lab_wait(l, &a->is_done, "cancel"); /* gone already, or too late */
	rc = a->result;
	if (rc == 0)
		s->state = SNAP_READY;
	else if (rc == -ENOENT)
		s->state = SNAP_NONE;
	if (rc == 0 || !l->fs.has_failed)
		v->doubt = DOUBT_NONE;
}

bool lab_is_whole(const struct lab *l, const char *path)
{
	for (uint32_t i = 0; i < FS_FILES; i++)
		if (l->fs.files[i].exists && strcmp(l->fs.files[i].name, path) == 0)
			return l->fs.files[i].size > 0;
	return false;
}

void lab_clone(struct lab *l)
{
	struct volume *v = &l->volumes[0], *c = &l->volumes[1];
	struct snap *s = snap_in(l, v, SNAP_READY);
	struct answer *a = ask(l, 0);

	if (c->exists && !c->b && rng_pct(&l->rng, 50)) {
		c->exists = false; /* and if it is there again after a power cut */
		(void)!layer_remove(&l->fs.env, c->path, NULL);
		return;
	}
	if (!s || c->exists)
		return;
	/* What a kill left without bytes is no volume: the next clone sees to it. */
	if (lab_is_whole(l, c->path) && layer_remove(&l->fs.env, c->path, NULL))
		return;
	memset(c->snaps, 0, sizeof(c->snaps));
	c->image = s->image;
	c->doubt = DOUBT_CLONE;
	c->is_linked = rng_pct(&l->rng, 50);
	c->origin_snap = (uint32_t)(s - v->snaps) + 1;
	layer_clone(v->b, uuid_of(s), c->path, c->is_linked, on_answer, a);
	c->exists = wait_for(l, a, "clone") == 0 || lab_is_whole(l, c->path);
	if (a->result == -EEXIST)
		lab_fail(l, "what is left of a clone is in the way of the next");
	c->doubt = DOUBT_NONE;
}

static void on_grown(void *ctx, int result)
{
	on_answer(ctx, result, NULL);
}

void lab_grow(struct lab *l, struct volume *v)
{
	uint32_t sectors = v->image.sectors + (uint32_t)rng_range(&l->rng, 1, 12);
	struct answer *a = ask(l, 0);

	if (sectors > LAB_BLOCKS_MAX * 8)
		return;
	v->doubt = DOUBT_GROW;
	v->doubt_sectors = sectors;
	v->b->ops->grow(v->b, (uint64_t)sectors * SECTOR, on_grown, a);
	if (wait_for(l, a, "grow") == 0) {
		image_grow(&v->image, sectors);
		v->told_sectors = sectors;
	}
	if (a->result == 0 || !l->fs.has_failed)
		v->doubt = DOUBT_NONE;
}
