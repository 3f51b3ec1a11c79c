/* SPDX-License-Identifier: MIT */
/*
 * layer_repair.c - what is wrong with a closed volume's files, and putting it right. Blocks.
 *
 *   the manifest, or its copy ─▶ layers whose files are missing, and all that stand on them ─▶ a
 * new head over the nearest whole layer ─▶ files that nobody names
 *
 * Nothing that could still be of use is removed by the repair that gives it up: its files are left
 * over, and the next plan says so.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "layer_int.h"

#define LEFT_OVER_NUMBERS 16u /* beyond the manifest's next one */

struct repair {
	struct env *env;
	const char *image_path;
	bool is_apply;
	json_t *steps;
	struct manifest *m;
	bool *is_broken; /* [m->layer_count] */
	bool has_changed;
	bool is_from_copy;
	int failed; /* a file could not be opened: it need not be missing, and nothing is given up
		     */
	struct err why;
};

static void step(struct repair *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void step(struct repair *r, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	json_array_append_new(r->steps, json_string(text));
}

/* The file is there and long enough. */
static bool is_there(struct repair *r, uint32_t number, bool is_map, uint64_t min_bytes)
{
	char *path = tree_path(r->image_path, number, is_map);
	struct env_open how = {.path = path, .flags = ENV_OPEN_READONLY};
	struct env_file *f = NULL;
	struct err err;
	int rc = path ? env_file_open(r->env, &how, &f, &err)
		      : err_set(&err, ENOMEM, "", "out of memory");
	bool is_so = rc == 0;

	if (is_so) {
		is_so = f->size_bytes >= min_bytes;
		env_file_close(r->env, f);
	} else if (rc != -ENOENT && !r->failed) {
		r->failed = rc;
		r->why = err;
	}
	free(path);
	return is_so;
}

/* ---------------------------------------------------------------- the manifest */

static int read_copy(struct repair *r, struct err *err)
{
	char *path = tree_manifest_path(r->image_path, true), *text = NULL;
	size_t len_bytes = 0;
	int rc = path ? env_text_read(r->env, path, MANIFEST_BYTES_MAX, &text, &len_bytes, err)
		      : err_set(err, ENOMEM, "", "out of memory");

	if (rc == 0) {
		r->m = manifest_parse(text, len_bytes, path, err);
		rc = r->m ? 0 : -EUCLEAN;
	}
	free(text);
	free(path);
	return rc;
}

/* The manifest may have known it as made, with a new head that took writes since; the copy hears of
 * that later. Who carries it out loses nothing: as long as it was not made the head is empty. */
static int carry_out(struct repair *r, struct err *err)
{
	struct manifest *m = r->m;
	uint64_t size_bytes = manifest_layer(m, m->head)->size_bytes;
	bool is_whole = is_there(r, m->pending_head, false, tree_file_bytes(size_bytes)) &&
			is_there(r, m->pending_head, true, tree_map_bytes(size_bytes));

	step(r,
	     is_whole
		 ? "snapshot %s (%s) was being made, and its files are there: it is kept"
		 : "snapshot %s (%s) was being made, and its files are not there: it is not made",
	     m->pending.name, m->pending.uuid);
	return manifest_decide(m, is_whole && !LAYER_MUTATE(COPY_NOT_CARRIED_OUT))
		   ? 0
		   : err_set(err, ENOMEM, "", "out of memory");
}

static int read_manifest(struct repair *r, struct err *err)
{
	struct err why = {0};
	int rc = tree_read_manifest(r->env, r->image_path, &r->m, &why);

	if (rc != -EUCLEAN) {
		if (rc && err)
			*err = why;
		return rc;
	}
	rc = read_copy(r, err);
	if (rc)
		return err_prefix(err,
				  "%s; its copy is of no use either: restore one of them from "
				  "a backup",
				  why.text);
	step(r,
	     "%s; its copy takes its place: only a change of the tree of snapshots that was under "
	     "way can be missing",
	     why.text);
	r->has_changed = r->is_from_copy = true;
	return r->m->pending_group[0] ? carry_out(r, err) : 0;
}

/* ---------------------------------------------------------------- layers */

static void find_broken(struct repair *r)
{
	for (uint32_t i = 0; i < r->m->layer_count; i++) {
		const struct manifest_layer *l = &r->m->layers[i], *parent;
		bool has_data = is_there(r, l->number, false, tree_file_bytes(l->size_bytes));
		bool has_map =
		    !l->has_map || is_there(r, l->number, true, tree_map_bytes(l->size_bytes));

		parent = l->parent ? manifest_layer(r->m, l->parent) : NULL;
		r->is_broken[i] = !has_data || !has_map;
		if (r->is_broken[i])
			step(r,
			     "layer %u has no %s, or not all of it: it is given up, unless the "
			     "file is put back now",
			     l->number, has_data ? "map" : "data file");
		else if (parent && r->is_broken[parent - r->m->layers])
			r->is_broken[i] = true;
	}
}

static bool is_broken(const struct repair *r, uint32_t number)
{
	return r->is_broken[manifest_layer(r->m, number) - r->m->layers];
}

static void drop_snapshots(struct repair *r, struct manifest *next)
{
	for (uint32_t i = r->m->snapshot_count; i-- > 0;) {
		const struct manifest_snapshot *s = &r->m->snapshots[i];

		if (!is_broken(r, s->layer))
			continue;
		step(r, "snapshot %s (%s) stands on a layer that is not whole: it is forgotten",
		     s->name, s->uuid);
		manifest_drop_snapshot(next, s->uuid);
	}
}

static int make_head(struct repair *r, struct manifest *next, uint32_t below, struct err *err)
{
	uint32_t number = next->next_number + LEFT_OVER_NUMBERS;
	struct manifest_layer l = {.number = number,
				   .parent = below,
				   .size_bytes = manifest_layer(r->m, r->m->head)->size_bytes,
				   .has_map = true};
	int rc = 0;

	for (uint32_t is_map = 0; is_map < 2 && rc == 0 && r->is_apply; is_map++) {
		char *path = tree_path(r->image_path, number, is_map);
		struct env_open how = {.path = path,
				       .flags = ENV_OPEN_CREATE,
				       .size_bytes = is_map ? tree_map_bytes(l.size_bytes)
							    : tree_file_bytes(l.size_bytes)};
		struct env_file *f;

		/* Of an attempt that failed. */
		if (path)
			(void)env_file_remove(r->env, path, NULL);
		rc = path ? env_file_open(r->env, &how, &f, err) : -ENOMEM;
		if (rc == 0)
			env_file_close(r->env, f);
		free(path);
	}
	next->head = number;
	next->next_number = number + 1;
	return rc == 0 && !manifest_add_layer(next, &l) ? -ENOMEM : rc;
}

static int repair_layers(struct repair *r, struct manifest *next, struct err *err)
{
	uint32_t at = r->m->head;
	int rc = 0;

	while (at && is_broken(r, at))
		at = manifest_layer(r->m, at)->parent;
	if (!at)
		return err_set(err, EUCLEAN, "volume",
			       "%s is missing or too short, and everything "
			       "stands on it: restore it from a backup",
			       r->image_path);
	if (at != r->m->head) {
		step(r,
		     "the volume becomes what layer %u and those below it hold; what was written "
		     "later is lost",
		     at);
		rc = make_head(r, next, at, err);
	}
	drop_snapshots(r, next);
	for (uint32_t i = r->m->layer_count; i-- > 0;)
		if (r->is_broken[i]) {
			manifest_drop_layer(next, r->m->layers[i].number);
			r->has_changed = true;
		}
	if (next->pending_group[0] && at != r->m->head)
		next->pending_group[0] = '\0';
	return rc;
}

/* ---------------------------------------------------------------- the rest */

/* The copy is written when the volume is opened: until then it knows all that there was. */
static int save(struct repair *r, const struct manifest *next, struct err *err)
{
	char *path = tree_manifest_path(r->image_path, false), *text;
	size_t len_bytes = 0;
	int rc;

	text = manifest_print(next, &len_bytes);
	rc = path && text ? env_text_write(r->env, path, text, len_bytes, err)
			  : err_set(err, ENOMEM, "", "out of memory");
	free(text);
	free(path);
	return rc;
}

static void left_over(struct repair *r)
{
	for (uint32_t n = 2; n < r->m->next_number + LEFT_OVER_NUMBERS; n++) {
		bool has_data = is_there(r, n, false, 0), has_map = is_there(r, n, true, 0);

		if (manifest_layer(r->m, n) || (r->m->pending_group[0] && r->m->pending_head == n))
			continue;
		for (uint32_t is_map = 0; is_map < 2; is_map++) {
			char *path = tree_path(r->image_path, n, is_map);

			if (!path || !(is_map ? has_map : has_data)) {
				free(path);
				continue;
			}
			step(r, "%s belongs to no layer: it is removed", path);
			if (r->is_apply)
				(void)env_file_remove(r->env, path, NULL);
			free(path);
		}
	}
}

static int repair(struct repair *r, struct err *err)
{
	struct manifest *next;
	int rc = read_manifest(r, err);

	if (rc)
		return rc == -ENOENT ? 0 : rc;
	next = manifest_copy(r->m);
	r->is_broken = calloc(r->m->layer_count, sizeof(*r->is_broken));
	if (!next || !r->is_broken) {
		manifest_free(next);
		return err_set(err, ENOMEM, "", "out of memory");
	}
	find_broken(r);
	if (r->failed && err)
		*err = r->why;
	rc = r->failed ? r->failed : repair_layers(r, next, err);
	/* An older tree does not know the files of the lost one, which may be found again. */
	if (rc == 0 && !r->is_from_copy)
		left_over(r);
	if (rc == 0 && r->is_apply && r->has_changed)
		rc = save(r, next, err);
	manifest_free(next);
	return rc;
}

int layer_repair(struct env *e, const char *image_path, bool is_apply, json_t **steps,
		 struct err *err)
{
	struct repair r = {
	    .env = e, .image_path = image_path, .is_apply = is_apply, .steps = json_array()};
	int rc = r.steps ? repair(&r, err) : err_set(err, ENOMEM, "", "out of memory");

	manifest_free(r.m);
	free(r.is_broken);
	if (rc) {
		json_decref(r.steps);
		return rc;
	}
	*steps = r.steps;
	return 0;
}
