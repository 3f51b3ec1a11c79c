/* SPDX-License-Identifier: MIT */
#include "keystore.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "clock.h"
#include "durable.h"
#include "keystore_int.h"
#include "parse.h"

/* ---------------------------------------------------------------- open, close */

static struct keystore *make(const char *path, struct err *err)
{
	struct keystore *k = calloc(1, sizeof(*k));

	if (k && !(k->path = strdup(path))) {
		free(k);
		k = NULL;
	}
	if (!k)
		err_set(err, ENOMEM, "", "no memory for a keystore");
	return k;
}

int keystore_make(const char *path, const struct keystore_secret *s, struct keystore **out,
		  struct err *err)
{
	struct keystore *k;
	int rc;

	if (access(path, F_OK) == 0)
		return err_set(err, EEXIST, "",
			       "%s is there already; a keystore is never written over", path);
	k = make(path, err);
	if (!k)
		return -ENOMEM;
	rc = box_lock_make(&k->lock, s->kdf, s->data, s->len, s->log_n, err);
	if (rc == 0)
		rc = keystore_file_write(path, BOX_STORE, &k->lock, &k->list, err);
	if (rc < 0) {
		keystore_close(k);
		return rc;
	}
	*out = k;
	return 0;
}

int keystore_open(const char *path, const struct keystore_secret *s, struct keystore **out,
		  struct err *err)
{
	struct keystore *k = make(path, err);
	int rc;

	if (!k)
		return -ENOMEM;
	rc = keystore_file_read(path, BOX_STORE, s, &k->lock, &k->list, err);
	if (rc < 0) {
		keystore_close(k);
		if (rc == -EUCLEAN || rc == -EFBIG)
			return err_set(err, EUCLEAN, "",
				       "the keystore %s is damaged; put %s.bak, the one before, or "
				       "a backup in its place",
				       path, path);
		return rc;
	}
	*out = k;
	return 0;
}

void keystore_close(struct keystore *k)
{
	if (!k)
		return;
	keystore_list_fini(&k->list);
	box_lock_fini(&k->lock);
	free(k->path);
	free(k);
}

uint32_t keystore_count(const struct keystore *k)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < k->list.count; i++)
		count += k->list.keys[i].state != KEYSTORE_DESTROYED;
	return count;
}

/* ---------------------------------------------------------------- writing */

/* The file that is there becomes the copy before, whole and durable; then the new one. */
static int save(struct keystore *k, const struct box_lock *lock, struct err *err)
{
	cleanup_free char *copy = NULL, *before = NULL;
	size_t len = 0;
	int rc;

	if (asprintf(&copy, "%s.bak", k->path) < 0)
		return err_set(err, ENOMEM, "", "no memory for a path");
	rc = durable_read(k->path, UINT32_MAX, &before, &len, err);
	if (rc == 0)
		rc = durable_write(copy, before, len, err);
	return rc < 0 ? rc : keystore_file_write(k->path, BOX_STORE, lock, &k->list, err);
}

int keystore_reseal(struct keystore *k, const struct keystore_secret *s, struct err *err)
{
	struct box_lock lock;
	int rc = box_lock_make(&lock, s->kdf, s->data, s->len, s->log_n, err);

	if (rc == 0)
		rc = save(k, &lock, err);
	if (rc < 0) {
		box_lock_fini(&lock);
		return rc;
	}
	box_lock_fini(&k->lock);
	k->lock = lock;
	return 0;
}

/* ---------------------------------------------------------------- keys */

static struct keystore_key *find(const struct keystore *k, const char *id)
{
	uint8_t uuid[16];

	return parse_uuid("key_id", id, uuid, NULL) < 0 ? NULL : keystore_list_find(&k->list, uuid);
}

static const struct keystore_key *named(const struct keystore *k, const char *name)
{
	for (uint32_t i = 0; i < k->list.count; i++)
		if (k->list.keys[i].state != KEYSTORE_DESTROYED &&
		    strcmp(k->list.keys[i].name, name) == 0)
			return &k->list.keys[i];
	return NULL;
}

/* Zeroes the last row again. */
static void take_back(struct keystore *k)
{
	secret_wipe(&k->list.keys[--k->list.count], sizeof(struct keystore_key));
}

int keystore_add(struct keystore *k, const char *name, char id[KEYSTORE_ID_BYTES], struct err *err)
{
	const struct keystore_key *there = named(k, name);
	struct keystore_key *key;
	int rc;

	if (there) {
		parse_uuid_format(there->id, id);
		return 0;
	}
	if (strlen(name) >= KEYSTORE_NAME_BYTES)
		return err_set(err, ENAMETOOLONG, "name", "a key's name is too long");
	key = keystore_list_add(&k->list);
	if (!key)
		return err_set(err, ENOSPC, "", "no memory, or %u keys in this keystore",
			       KEYSTORE_KEYS_MAX);
	key->state = KEYSTORE_ACTIVE;
	key->created_ms = key->changed_ms = clock_wall_ms();
	memcpy(key->name, name, strlen(name) + 1);
	rc = secret_random(key->id, sizeof(key->id)) || secret_random(key->key, sizeof(key->key))
		 ? err_set(err, EIO, "", "the kernel gives no random bytes")
		 : 0;
	key->id[6] = (uint8_t)((key->id[6] & 0x0f) | 0x40); /* a UUID of random bits */
	key->id[8] = (uint8_t)((key->id[8] & 0x3f) | 0x80);
	if (rc == 0)
		rc = save(k, &k->lock, err);
	if (rc < 0) {
		take_back(k);
		return rc;
	}
	parse_uuid_format(key->id, id);
	return 0;
}

enum key_state keystore_get(const struct keystore *k, const char *id, uint8_t key[SECRET_KEY_BYTES],
			    struct err *err)
{
	const struct keystore_key *found = find(k, id);

	if (!found) {
		err_set(err, ENOKEY, "",
			"the keystore %s has no key %s; import the bundle that has it", k->path,
			id);
		return KEY_UNKNOWN;
	}
	if (found->state == KEYSTORE_DESTROYED) {
		err_set(err, ENOKEY, "", "the key %s was destroyed", id);
		return KEY_DESTROYED;
	}
	memcpy(key, found->key, SECRET_KEY_BYTES);
	return KEY_OK;
}

/* After an error the row is as before: what is in memory is what is in the file. */
static int change(struct keystore *k, struct keystore_key *key, enum keystore_key_state state,
		  struct err *err)
{
	struct keystore_key *before = secret_alloc(sizeof(*before));
	int rc;

	if (!before)
		return err_set(err, ENOMEM, "", "no memory for a key");
	*before = *key;
	key->state = state;
	key->changed_ms = clock_wall_ms();
	if (state == KEYSTORE_DESTROYED)
		secret_wipe(key->key, sizeof(key->key));
	rc = save(k, &k->lock, err);
	if (rc < 0)
		*key = *before;
	secret_free(before, sizeof(*before));
	return rc;
}

int keystore_retire(struct keystore *k, const char *id, struct err *err)
{
	struct keystore_key *key = find(k, id);

	if (!key || key->state == KEYSTORE_DESTROYED)
		return err_set(err, ENOKEY, "", "the keystore %s has no key %s", k->path, id);
	return key->state == KEYSTORE_RETIRED ? 0 : change(k, key, KEYSTORE_RETIRED, err);
}

int keystore_destroy(struct keystore *k, const char *id, struct err *err)
{
	struct keystore_key *key = find(k, id);
	int rc = 0;

	if (!key)
		return 0;
	if (key->state != KEYSTORE_DESTROYED)
		rc = change(k, key, KEYSTORE_DESTROYED, err);
	/* once more: now the copy before does not have it either */
	return rc < 0 ? rc : save(k, &k->lock, err);
}
