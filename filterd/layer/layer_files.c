/* SPDX-License-Identifier: MIT */
/* layer_files.c - a closed volume's files: whether it has layers, and removing all of it. Blocks.
 */
#include <errno.h>
#include <stdlib.h>

#include "layer_int.h"

bool layer_is_layered(struct env *e, const char *image_path)
{
	struct manifest *m = NULL;
	int rc = tree_read_manifest(e, image_path, &m, NULL);

	manifest_free(m);
	return rc != -ENOENT;
}

static int remove_one(struct env *e, char *path, struct err *err)
{
	int rc = path ? env_file_remove(e, path, err) : err_set(err, ENOMEM, "", "out of memory");

	free(path);
	return rc == -ENOENT ? 0 : rc;
}

/* The image first: without it there is no volume, and what is left is left over. */
int layer_remove(struct env *e, const char *image_path, struct err *err)
{
	struct manifest *m = NULL;
	uint32_t last = 1;
	int rc = tree_read_manifest(e, image_path, &m, err);

	/* A damaged one names nothing that could be kept. */
	if (rc && rc != -ENOENT && rc != -EUCLEAN)
		return rc;
	for (uint32_t i = 0; m && i < m->layer_count; i++) {
		const char *holder = tree_holder(e, m, image_path, m->layers[i].number);

		if (!holder)
			continue;
		rc = err_set(err, EBUSY, "volume",
			     "the clone %s is built on a snapshot of this volume; "
			     "delete the clone, or make it stand alone, first",
			     holder);
		manifest_free(m);
		return rc;
	}
	last = m ? m->next_number : 1;
	rc = remove_one(e, tree_path(image_path, 1, false), err);
	for (uint32_t n = 1; n <= last && rc == 0; n++) {
		rc = n > 1 ? remove_one(e, tree_path(image_path, n, false), err) : 0;
		if (rc == 0)
			rc = remove_one(e, tree_path(image_path, n, true), err);
	}
	if (rc == 0)
		rc = remove_one(e, tree_manifest_path(image_path, false), err);
	if (rc == 0)
		rc = remove_one(e, tree_manifest_path(image_path, true), err);
	manifest_free(m);
	return rc;
}
