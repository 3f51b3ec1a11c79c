/* SPDX-License-Identifier: MIT */
/* keystore_bundle.c - keys to and from another appliance; see keystore.h. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "keystore_int.h"

int keystore_export(struct keystore *k, const char *path, const struct keystore_secret *s,
		    struct err *err)
{
	struct box_lock lock;
	int rc;

	if (access(path, F_OK) == 0)
		return err_set(err, EEXIST, "file", "%s is there already", path);
	rc = box_lock_make(&lock, s->kdf, s->data, s->len, s->log_n, err);
	if (rc < 0)
		return rc;
	rc = keystore_file_write(path, BOX_BUNDLE, &lock, &k->list, err);
	box_lock_fini(&lock);
	return rc;
}

/* A key that is here stays as it is, above all a destroyed one; one that was destroyed there and is
 * not here is nothing that we need. */
static int add_missing(struct keystore *k, const struct keystore_list *from, struct err *err)
{
	int count = 0;

	for (uint32_t i = 0; i < from->count; i++) {
		struct keystore_key *key;

		if (from->keys[i].state == KEYSTORE_DESTROYED ||
		    keystore_list_find(&k->list, from->keys[i].id))
			continue;
		key = keystore_list_add(&k->list);
		if (!key)
			return err_set(err, ENOSPC, "",
				       "no memory, or more than %u keys in this keystore",
				       KEYSTORE_KEYS_MAX);
		*key = from->keys[i];
		count++;
	}
	return count;
}

static void shorten(struct keystore_list *l, uint32_t count)
{
	if (count < l->count)
		secret_wipe(l->keys + count, (l->count - count) * sizeof(*l->keys));
	l->count = count;
}

int keystore_import(struct keystore *k, const char *path, const struct keystore_secret *s,
		    struct err *err)
{
	uint32_t before = k->list.count;
	struct keystore_list from;
	struct box_lock lock;
	int rc = keystore_file_read(path, BOX_BUNDLE, s, &lock, &from, err), count;

	if (rc < 0)
		return rc;
	box_lock_fini(&lock);
	count = add_missing(k, &from, err);
	keystore_list_fini(&from);
	rc = count > 0 ? keystore_file_write(k->path, BOX_STORE, &k->lock, &k->list, err) : count;
	if (rc < 0)
		shorten(&k->list, before);
	return rc < 0 ? rc : count;
}
