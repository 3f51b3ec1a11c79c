/* SPDX-License-Identifier: MIT */
/* tree.c - a volume's layers as open files, and their manifests on disk. */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "layer_int.h"

/* ---------------------------------------------------------------- names */

static int stem_length(const char *image_path)
{
	size_t n = strlen(image_path);

	return (int)(n > 4 && strcmp(image_path + n - 4, ".img") == 0 ? n - 4 : n);
}

char *tree_path(const char *image_path, uint32_t number, bool is_map)
{
	char *out;
	int rc;

	if (number == 1 && !is_map)
		return strdup(image_path);
	rc = asprintf(&out, "%.*s.l%u%s", stem_length(image_path), image_path, number,
		      is_map ? ".map" : "");
	return rc < 0 ? NULL : out;
}

char *tree_manifest_path(const char *image_path, bool is_copy)
{
	char *out;
	int rc = asprintf(&out, "%.*s.layers%s", stem_length(image_path), image_path,
			  is_copy ? ".copy" : "");

	return rc < 0 ? NULL : out;
}

/* A grown head has pages and blocks for it; whole pages, so that every pair of slots is there. */
uint64_t tree_map_bytes(uint64_t size_bytes)
{
	return (size_bytes + PAGE_BYTES - 1) / PAGE_BYTES * SLOT_PAIR;
}

uint64_t tree_file_bytes(uint64_t size_bytes)
{
	return (size_bytes + BLOCK_BYTES - 1) / BLOCK_BYTES * BLOCK_BYTES;
}

/* ---------------------------------------------------------------- manifests */

int tree_read_manifest(struct env *e, const char *image_path, struct manifest **out,
		       struct err *err)
{
	char *path = tree_manifest_path(image_path, false);
	char *copy = tree_manifest_path(image_path, true), *text = NULL;
	size_t len_bytes = 0;
	int rc = path && copy ? 0 : err_set(err, ENOMEM, "", "out of memory");

	if (rc == 0)
		rc = env_text_read(e, path, MANIFEST_BYTES_MAX, &text, &len_bytes, err);
	if (rc == 0) {
		*out = manifest_parse(text, len_bytes, path, err);
		rc = *out ? 0 : err && err->code == ENOMEM ? -ENOMEM : -EUCLEAN;
	} else if (rc == -ENOENT &&
		   env_text_read(e, copy, MANIFEST_BYTES_MAX, &text, &len_bytes, NULL) != -ENOENT) {
		rc = err_set(err, EUCLEAN, "path",
			     "%s is missing, and %s says that there was one: without it only old "
			     "data would be seen; \"repair\" says what can be done",
			     path, copy);
	}
	free(text);
	free(path);
	free(copy);
	return rc;
}

static bool is_on(const struct manifest *m, const char *image_path, uint32_t number)
{
	return m && m->origin_layer == number && strcmp(m->origin_path, image_path) == 0;
}

/* A kill came between the clone's manifest, which lets go, and its copy. As long as nobody opens
 * the clone the copy may have to take the manifest's place. */
static bool is_held_by_copy(struct env *e, const char *path, const char *image_path,
			    uint32_t number)
{
	char *copy = tree_manifest_path(path, true), *text = NULL;
	struct manifest *m = NULL;
	size_t len_bytes = 0;
	bool is_held;

	if (copy && env_text_read(e, copy, MANIFEST_BYTES_MAX, &text, &len_bytes, NULL) == 0)
		m = manifest_parse(text, len_bytes, copy, NULL);
	is_held = !copy || is_on(m, image_path, number);
	manifest_free(m);
	free(text);
	free(copy);
	return is_held;
}

bool tree_is_held_by(struct env *e, const char *path, const char *image_path, uint32_t number)
{
	struct manifest *m = NULL;
	int rc = tree_read_manifest(e, path, &m, NULL);
	/* What cannot be read may hold it. */
	bool is_held =
	    rc ? rc != -ENOENT
	       : is_on(m, image_path, number) || is_held_by_copy(e, path, image_path, number);

	manifest_free(m);
	return is_held;
}

const char *tree_holder(struct env *e, const struct manifest *m, const char *image_path,
			uint32_t number)
{
	for (uint32_t i = 0; i < m->hold_count && !LAYER_MUTATE(HOLD_FORGOTTEN); i++)
		if (m->holds[i].layer == number &&
		    tree_is_held_by(e, m->holds[i].path, image_path, number))
			return m->holds[i].path;
	return NULL;
}

/* ---------------------------------------------------------------- layers */

static uint16_t free_id(const struct layers *v)
{
	for (uint16_t id = 1; id <= LAYER_MAX; id++)
		if (!v->by_id[id])
			return id;
	return 0;
}

struct layer *tree_add(struct layers *v, const struct manifest_layer *l, struct env_file *data,
		       struct env_file *map)
{
	struct layer *n = calloc(1, sizeof(*n));
	uint16_t id = free_id(v);

	if (!n || id == 0) {
		free(n);
		return NULL;
	}
	*n = (struct layer){.number = l->number,
			    .id = id,
			    .has_map = l->has_map,
			    .data = data,
			    .map = map,
			    .size_bytes = l->size_bytes};
	n->data_path = tree_path(v->image_path, l->number, false);
	n->map_path = tree_path(v->image_path, l->number, true);
	if (!n->data_path || !n->map_path) {
		free(n->data_path);
		free(n->map_path);
		free(n);
		return NULL;
	}
	v->by_id[id] = n;
	list_push_back(&v->open_layers, &n->node);
	return n;
}

struct layer *tree_find(const struct layers *v, uint32_t number)
{
	struct list_node *n;

	list_for_each (n, &v->open_layers) {
		struct layer *l = list_entry(n, struct layer, node);

		if (!l->is_foreign && l->number == number)
			return l;
	}
	return NULL;
}

static int file_open(struct layers *v, const char *path, uint32_t flags, uint64_t min_bytes,
		     struct env_file **out, struct err *err)
{
	struct env_open how = {.path = path, .flags = flags};
	int rc = env_file_open(v->env, &how, out, err);

	if (rc == -ENOENT)
		return err_set(err, EUCLEAN, "path",
			       "%s is missing; \"repair\" says what can be done", path);
	if (rc == 0 && (*out)->size_bytes < min_bytes)
		return err_set(err, EUCLEAN, "path",
			       "%s has %llu bytes, its layer needs %llu: the "
			       "end is missing; \"repair\" says what can be done",
			       path, (unsigned long long)(*out)->size_bytes,
			       (unsigned long long)min_bytes);
	return rc;
}

static int files_open(struct layers *v, struct layer *l, bool is_readonly, struct err *err)
{
	uint32_t flags = is_readonly ? ENV_OPEN_READONLY : 0;
	uint32_t lock = l->number == 1 && !l->is_foreign && !v->is_view ? ENV_OPEN_LOCK : 0;
	int rc = 0;

	if (!v->is_buffered)
		flags |= ENV_OPEN_DIRECT;
	if (!l->is_borrowed)
		rc = file_open(v, l->data_path, flags | lock, tree_file_bytes(l->size_bytes),
			       &l->data, err);
	if (rc == 0 && l->has_map)
		rc = file_open(v, l->map_path, flags, tree_map_bytes(l->size_bytes), &l->map, err);
	return rc;
}

static int layer_open(struct layers *v, const char *image_path, const struct manifest_layer *ml,
		      bool is_foreign, struct layer **out, struct err *err)
{
	struct layer *l = tree_add(v, ml, NULL, NULL);

	if (!l)
		return err_set(err, ENOMEM, "", "no memory for layer %u of %s", ml->number,
			       image_path);
	l->is_foreign = is_foreign;
	free(l->data_path);
	free(l->map_path);
	l->data_path = tree_path(image_path, ml->number, false);
	l->map_path = tree_path(image_path, ml->number, true);
	if (!l->data_path || !l->map_path)
		return err_set(err, ENOMEM, "", "out of memory");
	if (ml->number == 1 && !is_foreign && v->plain) {
		l->is_borrowed = true;
		l->data = ((struct disk *)v->plain)->file;
	}
	*out = l;
	return files_open(v, l, is_foreign || v->is_readonly, err);
}

bool tree_has_gone_on(struct layers *v, const char *image_path, const struct manifest *m,
		      uint32_t number)
{
	const struct manifest_layer *l = manifest_layer(m, number);
	struct manifest *now = NULL;
	bool is_so = false;

	if (tree_read_manifest(v->env, image_path, &now, NULL) == 0)
		for (; l && !is_so; l = manifest_layer(m, l->parent))
			is_so = !manifest_layer(now, l->number);
	manifest_free(now);
	return is_so && !LAYER_MUTATE(CHAIN_READ_ONCE);
}

static void let_go(struct layers *v, struct layer **top)
{
	struct layer *l = *top, *below;

	for (*top = NULL; l; l = below) {
		below = l->below;
		tree_leave(v, l, false);
	}
}

/* What m's volume is a clone of, under its own layers. */
static int open_origin(struct layers *v, const struct manifest *m, struct layer **out,
		       struct err *err)
{
	struct manifest *origin;
	bool is_again;
	int rc;

	do {
		origin = NULL;
		rc = tree_read_manifest(v->env, m->origin_path, &origin, err);
		if (rc == -ENOENT)
			rc = err_set(err, EUCLEAN, "path",
				     "%s, which %s is a clone of, has no manifest", m->origin_path,
				     v->image_path);
		if (rc)
			return rc;
		rc = tree_open_chain(v, m->origin_path, origin, m->origin_layer, true, out, err);
		is_again =
		    rc == -EUCLEAN && tree_has_gone_on(v, m->origin_path, origin, m->origin_layer);
		if (is_again)
			let_go(v, out);
		manifest_free(origin);
	} while (is_again);
	return rc;
}

int tree_open_chain(struct layers *v, const char *image_path, const struct manifest *m,
		    uint32_t number, bool is_foreign, struct layer **out, struct err *err)
{
	int rc = 0;

	while (rc == 0 && number != 0) {
		const struct manifest_layer *ml = manifest_layer(m, number);
		struct layer *l = is_foreign ? NULL : tree_find(v, number);

		if (l) { /* and all that is below it */
			*out = l;
			return 0;
		}
		if (!ml)
			return err_set(err, EUCLEAN, "path",
				       "layer %u of %s is not in its manifest", number, image_path);
		rc = layer_open(v, image_path, ml, is_foreign, &l, err);
		if (l)
			*out = l;
		if (l)
			out = &l->below;
		number = ml->parent;
	}
	return rc || !m->origin_path[0] ? rc : open_origin(v, m, out, err);
}

/* ---------------------------------------------------------------- leaving */

static void close_files(struct layers *v, struct layer *l)
{
	if (l->data && !l->is_borrowed)
		env_file_close(v->env, l->data);
	if (l->map)
		env_file_close(v->env, l->map);
	v->by_id[l->id] = NULL;
	list_del(&l->node);
}

static void layer_free(struct layer *l)
{
	free(l->data_path);
	free(l->map_path);
	free(l);
}

static void sweep_next(struct layers *v);

static void sweep_run(struct env_work *w)
{
	struct layers *v = w->ctx;

	/* What cannot be removed now is an orphan: repair names it. */
	(void)env_file_remove(v->env, v->sweep_data, NULL);
	(void)env_file_remove(v->env, v->sweep_map, NULL);
}

static void sweep_done(struct env_work *w)
{
	struct layers *v = w->ctx;

	free(v->sweep_data);
	free(v->sweep_map);
	v->is_sweeping = false;
	sweep_next(v);
}

/* Removing a large file takes long, so a helper thread does it. */
static void sweep_next(struct layers *v)
{
	struct list_node *n, *next;

	list_for_each_safe (n, next, &v->leaving) {
		struct layer *l = list_entry(n, struct layer, node);

		if (l->users > 0 || (l->is_gone && v->is_sweeping))
			continue;
		close_files(v, l);
		if (l->is_gone) {
			v->is_sweeping = true;
			v->sweep_data = l->data_path;
			v->sweep_map = l->map_path;
			l->data_path = l->map_path = NULL;
			v->sweep =
			    (struct env_work){.run = sweep_run, .done = sweep_done, .ctx = v};
			env_work_submit(v->env, &v->sweep);
		}
		layer_free(l);
	}
	if (!v->is_sweeping && v->stopped && !v->merge.is_stopping) {
		void (*fn)(void *ctx) = v->stopped;

		v->stopped = NULL;
		fn(v->stopped_ctx);
	}
}

void tree_put(struct layers *v, struct layer *l)
{
	if (--l->users == 0 && !list_is_empty(&v->leaving))
		sweep_next(v);
}

void tree_leave(struct layers *v, struct layer *l, bool is_gone)
{
	list_del(&l->node);
	list_push_back(&v->leaving, &l->node);
	l->is_gone = is_gone;
	sweep_next(v);
}

static bool is_in_chain(const struct layer *top, const struct layer *l)
{
	while (top && top != l)
		top = top->below;
	return top != NULL;
}

/* Perhaps in no chain. A revert that opened it once more meanwhile would have the target in the
 * size that the manifest says, not in the one that the merge gives it. */
static bool is_being_merged(const struct layers *v, const struct layer *l)
{
	return !LAYER_MUTATE(MERGED_LET_GO) &&
	       (is_in_chain(v->merge.source, l) || is_in_chain(v->merge.target, l));
}

void tree_prune(struct layers *v)
{
	struct list_node *n, *next;

	list_for_each_safe (n, next, &v->open_layers) {
		struct layer *l = list_entry(n, struct layer, node);

		if (!is_in_chain(v->head, l) && !is_in_chain(v->ctl.next_head, l) &&
		    !is_being_merged(v, l) && !l->is_borrowed)
			tree_leave(v, l, !l->is_foreign && !manifest_layer(v->m, l->number));
	}
}

void tree_close_all(struct layers *v)
{
	struct list_node *lists[] = {&v->open_layers, &v->leaving}, *n, *next;

	for (uint32_t i = 0; i < 2; i++) {
		list_for_each_safe (n, next, lists[i]) {
			struct layer *l = list_entry(n, struct layer, node);

			assert(l->users == 0);
			close_files(v, l);
			layer_free(l);
		}
	}
}
