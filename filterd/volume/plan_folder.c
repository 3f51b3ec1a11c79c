/* SPDX-License-Identifier: MIT */
/*
 * plan_folder.c - the plan on disk, a file for each object, so that a change costs the same
 * whatever else there is, and a damaged file takes no more with it than what it describes:
 *
 *   STATE/plan/datastore-NAME.json   {"version": 1, "datastore": {...}}
 *   STATE/plan/volume-NAME.json      {"version": 1, "volume": {...}}
 *   STATE/plan.json                  all of it, as it was written once: taken over, removed
 *
 * Each object is changed alone, so no two files have to change at once: a datastore is there before
 * its volumes, and goes after them.
 *
 * Thread: main.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "durable.h"
#include "json.h"
#include "plan.h"
#include "plan_file.h"

#define SUFFIX ".json"

static const char *const kinds[] = {[PLAN_DATASTORE] = "datastore", [PLAN_VOLUME] = "volume"};

static char *path_of(const char *folder, enum plan_kind kind, const char *name)
{
	char *path = NULL;

	return asprintf(&path, "%s/%s-%s" SUFFIX, folder, kinds[kind], name) < 0 ? NULL : path;
}

/* ---------------------------------------------------------------- save */

static int save_object(const char *folder, enum plan_kind kind, const char *name, json_t *object,
		       struct err *err)
{
	cleanup_free char *path = path_of(folder, kind, name);
	cleanup_json json_t *j =
	    json_pack("{s:i, s:o}", "version", (int)PLAN_VERSION, kinds[kind], object);

	return path ? plan_file_write(path, j, err)
		    : err_set(err, ENOMEM, "", "no memory to save the plan");
}

static int save_datastore(const char *folder, struct plan_datastore *d, struct err *err)
{
	int rc = d->is_changed
		     ? save_object(folder, PLAN_DATASTORE, d->name, plan_datastore_to_json(d), err)
		     : 0;

	if (rc == 0)
		d->is_changed = false;
	return rc;
}

static int save_volume(const char *folder, struct plan_volume *v, struct err *err)
{
	int rc = v->is_changed
		     ? save_object(folder, PLAN_VOLUME, v->name, plan_volume_to_json(v), err)
		     : 0;

	if (rc == 0)
		v->is_changed = false;
	return rc;
}

static int remove_gone(const char *folder, struct plan_gone *g, struct err *err)
{
	cleanup_free char *path = path_of(folder, g->kind, g->name);
	int rc = path ? durable_remove(path, err)
		      : err_set(err, ENOMEM, "", "no memory to save the plan");

	if (rc)
		return rc;
	list_del(&g->node);
	free(g);
	return 0;
}

/* The first one's error; one that fails keeps no other from the disk. */
static void note_result(int rc, const struct err *of, int *first, struct err *err)
{
	if (rc == 0 || *first)
		return;
	*first = rc;
	*err = *of;
}

int plan_save(const char *folder, struct plan *p, struct err *err)
{
	struct list_node *n, *next;
	struct err of = {0};
	int first = 0, rc;

	for (n = p->gone.next; n != &p->gone; n = next) {
		next = n->next;
		rc = remove_gone(folder, list_entry(n, struct plan_gone, node), &of);
		note_result(rc, &of, &first, err);
	}
	list_for_each (n, &p->datastores) {
		rc = save_datastore(folder, list_entry(n, struct plan_datastore, node), &of);
		note_result(rc, &of, &first, err);
	}
	list_for_each (n, &p->volumes) {
		rc = save_volume(folder, list_entry(n, struct plan_volume, node), &of);
		note_result(rc, &of, &first, err);
	}
	return first;
}

/* ---------------------------------------------------------------- load */

/* What a file says, if it says one object of that kind and name. */
static int object_of(const json_t *j, enum plan_kind kind, const char *name, const json_t **out,
		     struct err *err)
{
	const char *const keys[] = {"version", kinds[kind], NULL};
	const char *is = "";
	int rc = plan_check_version(j, err);

	if (rc || (rc = json_only(j, keys, err)))
		return rc;
	*out = json_object_get(j, kinds[kind]);
	rc = json_get_string(*out, "name", &is, err);
	if (rc == 0 && strcmp(is, name) != 0)
		rc = err_set(err, EINVAL, "name", "it describes %s %.80s", kinds[kind], is);
	return rc;
}

static int add_datastore(struct plan *p, const json_t *j, struct err *err)
{
	struct plan_datastore *d = NULL;
	int rc = plan_datastore_from_json(j, &d, err);

	if (rc || (rc = plan_add_datastore(p, d, err)))
		plan_datastore_free(d);
	else
		d->is_changed = false;
	return rc;
}

static int add_volume(struct plan *p, const json_t *j, struct err *err)
{
	struct plan_volume *v = NULL;
	int rc = plan_volume_from_json(j, &v, err);

	if (rc || (rc = plan_add_volume(p, v, err)))
		plan_volume_free(v);
	else
		v->is_changed = false;
	return rc;
}

static int load_object(const char *path, enum plan_kind kind, const char *name, struct plan *out,
		       struct err *err)
{
	cleanup_json json_t *j = NULL;
	const json_t *object = NULL;
	int rc = plan_file_read(path, &j, err);

	if (rc)
		return rc == -EINVAL ? rc : -EIO;
	rc = object_of(j, kind, name, &object, err);
	if (rc == 0)
		rc = kind == PLAN_DATASTORE ? add_datastore(out, object, err)
					    : add_volume(out, object, err);
	/* Whatever else is wrong with it, it cannot be used. */
	return rc == 0 || rc == -ENOMEM ? rc : -EINVAL;
}

/* The object's name in a file's, or NULL. Owned by the caller. */
static char *name_in(const char *file, enum plan_kind kind)
{
	size_t len = strlen(file), kind_len = strlen(kinds[kind]), suffix_len = strlen(SUFFIX);

	if (strncmp(file, kinds[kind], kind_len) != 0 || file[kind_len] != '-' ||
	    len <= kind_len + 1 + suffix_len || strcmp(file + len - suffix_len, SUFFIX) != 0)
		return NULL;
	return strndup(file + kind_len + 1, len - kind_len - 1 - suffix_len);
}

static int load_file(const char *folder, const char *file, enum plan_kind kind, struct plan *out,
		     const struct plan_listener *listener, struct err *err)
{
	cleanup_free char *name = name_in(file, kind);
	cleanup_free char *path = name ? path_of(folder, kind, name) : NULL;
	int rc;

	if (!path)
		return 0;
	rc = load_object(path, kind, name, out, err);
	if (rc != -EINVAL)
		return rc;
	rc = plan_file_put_aside(path, err);
	if (rc == 0)
		listener->damaged(listener->ctx, kinds[kind], name, err->text);
	return rc;
}

static int load_folder(const char *folder, struct plan *out, const struct plan_listener *listener,
		       struct err *err)
{
	struct dirent **files = NULL;
	int count = scandir(folder, &files, NULL, alphasort), code = errno, rc = 0;

	if (count < 0)
		return err_set(err, code, "", "could not read %s: %s", folder, strerror(code));
	for (int kind = PLAN_DATASTORE; kind <= PLAN_VOLUME; kind++) {
		for (int i = 0; i < count && rc == 0; i++)
			rc = load_file(folder, files[i]->d_name, (enum plan_kind)kind, out,
				       listener, err);
	}
	for (int i = 0; i < count; i++)
		free(files[i]);
	free(files);
	return rc;
}

/* ---------------------------------------------------------------- the one file of before */

static int read_former(const char *former, struct plan *out, struct err *err)
{
	cleanup_json json_t *j = NULL;
	int rc = plan_file_read(former, &j, err);

	if (rc)
		return rc;
	rc = plan_from_json(j, out, err);
	/* Whatever else it says, it cannot be used. */
	return rc == 0 || rc == -ENOMEM ? rc : -EINVAL;
}

/* Until it is removed it is what counts, and is taken over again. */
static int take_over(const char *former, const char *folder, struct plan *out,
		     const struct plan_listener *listener, struct err *err)
{
	int rc = read_former(former, out, err);

	if (rc == -EINVAL) {
		rc = plan_file_put_aside(former, err);
		if (rc == 0)
			listener->damaged(listener->ctx, "", "", err->text);
		return rc;
	}
	if (rc == 0)
		rc = plan_save(folder, out, err);
	return rc ? rc : durable_remove(former, err);
}

int plan_load(const char *folder, const char *former, struct plan *out,
	      const struct plan_listener *listener, struct err *err)
{
	int rc = durable_mkdir(folder, err);

	plan_init(out);
	if (rc == 0 && access(former, F_OK) == 0)
		rc = take_over(former, folder, out, listener, err);
	else if (rc == 0)
		rc = load_folder(folder, out, listener, err);
	if (rc)
		plan_fini(out);
	return rc;
}
