/* SPDX-License-Identifier: MIT */
/* keystore_file.c - keys to and from the bytes of a file; see keystore.h for the format. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "cleanup.h"
#include "durable.h"
#include "keystore_int.h"

#define HEAD_BYTES 8u
#define ROW_BYTES  168u
#define ROOM_FIRST 32u
#define FILE_MAX   (BOX_HEAD_BYTES + BOX_TAG_BYTES + HEAD_BYTES + KEYSTORE_KEYS_MAX * ROW_BYTES)

/* ---------------------------------------------------------------- the list */

struct keystore_key *keystore_list_find(const struct keystore_list *l, const uint8_t id[16])
{
	for (uint32_t i = 0; i < l->count; i++)
		if (memcmp(l->keys[i].id, id, 16) == 0)
			return &l->keys[i];
	return NULL;
}

struct keystore_key *keystore_list_add(struct keystore_list *l)
{
	if (l->count == KEYSTORE_KEYS_MAX)
		return NULL;
	if (l->count == l->room) {
		uint32_t room = l->room ? l->room * 2 : ROOM_FIRST;
		struct keystore_key *keys = secret_alloc(room * sizeof(*keys));

		if (!keys)
			return NULL;
		if (l->keys)
			memcpy(keys, l->keys, l->count * sizeof(*keys));
		secret_free(l->keys, l->room * sizeof(*keys));
		l->keys = keys;
		l->room = room;
	}
	return &l->keys[l->count++];
}

void keystore_list_fini(struct keystore_list *l)
{
	secret_free(l->keys, l->room * sizeof(*l->keys));
	memset(l, 0, sizeof(*l));
}

/* ---------------------------------------------------------------- rows */

static void row_put(const struct keystore_key *k, uint8_t *p)
{
	memcpy(p, k->id, sizeof(k->id));
	put_be32(p + 16, k->state);
	put_be32(p + 20, 0);
	put_be64(p + 24, k->created_ms);
	put_be64(p + 32, k->changed_ms);
	memcpy(p + 40, k->name, sizeof(k->name));
	memcpy(p + 136, k->key, sizeof(k->key));
}

static bool row_get(struct keystore_key *k, const uint8_t *p)
{
	memcpy(k->id, p, sizeof(k->id));
	k->state = (enum keystore_key_state)get_be32(p + 16);
	k->created_ms = get_be64(p + 24);
	k->changed_ms = get_be64(p + 32);
	memcpy(k->name, p + 40, sizeof(k->name));
	memcpy(k->key, p + 136, sizeof(k->key));
	return k->state >= KEYSTORE_ACTIVE && k->state <= KEYSTORE_DESTROYED &&
	       memchr(k->name, '\0', sizeof(k->name));
}

static int rows_get(struct keystore_list *list, const uint8_t *clear, size_t len, struct err *err)
{
	uint32_t count = len >= HEAD_BYTES ? get_be32(clear) : 0;

	if (len < HEAD_BYTES || count > KEYSTORE_KEYS_MAX || len != HEAD_BYTES + count * ROW_BYTES)
		return err_set(err, EUCLEAN, "", "it is sealed well, but holds no list of keys");
	for (uint32_t i = 0; i < count; i++) {
		struct keystore_key *k = keystore_list_add(list);

		if (!k)
			return err_set(err, ENOMEM, "", "no memory for keys");
		if (!row_get(k, clear + HEAD_BYTES + i * ROW_BYTES))
			return err_set(err, EUCLEAN, "", "it is sealed well, but key %u is odd", i);
	}
	return 0;
}

/* ---------------------------------------------------------------- files */

static int open_box(const uint8_t *box, size_t len, const struct box_lock *lock,
		    struct keystore_list *list, struct err *err)
{
	uint8_t *clear = secret_alloc(len);
	long n = clear ? box_open(lock, box, len, clear, err)
		       : err_set(err, ENOMEM, "", "no memory for keys");

	if (n >= 0 && rows_get(list, clear, (size_t)n, err) < 0) {
		keystore_list_fini(list);
		n = -err->code;
	}
	secret_free(clear, len);
	return n < 0 ? (int)n : 0;
}

int keystore_file_read(const char *path, enum box_kind kind, const struct keystore_secret *s,
		       struct box_lock *lock, struct keystore_list *list, struct err *err)
{
	cleanup_free char *file = NULL;
	const uint8_t *box;
	size_t len = 0;
	int rc = durable_read(path, FILE_MAX, &file, &len, err);

	memset(list, 0, sizeof(*list));
	if (rc < 0)
		return rc;
	box = (const uint8_t *)file;
	rc = box_lock_read(lock, kind, box, len, s->data, s->len, err);
	if (rc < 0)
		return rc;
	rc = open_box(box, len, lock, list, err);
	if (rc < 0)
		box_lock_fini(lock);
	return rc;
}

int keystore_file_write(const char *path, enum box_kind kind, const struct box_lock *lock,
			const struct keystore_list *list, struct err *err)
{
	size_t len = HEAD_BYTES + (size_t)list->count * ROW_BYTES;
	size_t box_len = BOX_HEAD_BYTES + len + BOX_TAG_BYTES;
	uint8_t *clear = secret_alloc(len);
	cleanup_free uint8_t *box = malloc(box_len);
	int rc;

	if (!clear || !box) {
		secret_free(clear, len);
		return err_set(err, ENOMEM, "", "no memory to write keys");
	}
	put_be32(clear, list->count);
	for (uint32_t i = 0; i < list->count; i++)
		row_put(&list->keys[i], clear + HEAD_BYTES + i * ROW_BYTES);
	rc = box_seal(lock, kind, clear, len, box, err);
	secret_free(clear, len);
	return rc < 0 ? rc : durable_write(path, box, box_len, err);
}
