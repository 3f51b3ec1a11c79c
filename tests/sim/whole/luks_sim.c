// SPDX-License-Identifier: MIT
/*
 * luks_sim.c - luks.h without LUKS: a header of one page that names the volume, the keys' wrapping
 * key and the data's key, so that a start costs no key derivation. Its files live where the real
 * ones would.
 *
 * Thread: helpers.
 */
#include "luks.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "luks_file.h"

#define MAGIC "SIMLUKS"

struct header {
	char magic[8];
	uint8_t uuid[16];
	uint32_t sector_bytes, slots;
	char key_id[LUKS_KEY_ID_BYTES];
	char digest[LUKS_DIGEST_BYTES];
	uint8_t kek[LUKS_KEK_BYTES];
	uint8_t dek[LUKS_DEK_BYTES];
	uint8_t padding[4096 - 8 - 16 - 8 - LUKS_KEY_ID_BYTES - LUKS_DIGEST_BYTES - LUKS_KEK_BYTES -
			LUKS_DEK_BYTES];
};

static int refuse(struct luks *l, int result, const char *text)
{
	snprintf(l->text, sizeof(l->text), "%s", text);
	return result;
}

static int load(struct luks *l, const char *path, struct header *h)
{
	void *data = NULL;
	size_t bytes = 0;
	int rc = luks_file_read(path, &data, &bytes);

	if (rc == 0 && (bytes < offsetof(struct header, padding) ||
			memcmp(data, MAGIC, sizeof(h->magic)) != 0))
		rc = -EBADMSG;
	if (rc == 0)
		memcpy(h, data, offsetof(struct header, padding));
	free(data);
	if (rc == 0 && memcmp(h->uuid, l->uuid, sizeof(h->uuid)) != 0)
		return refuse(l, -EXDEV, "the header belongs to another volume");
	return rc ? refuse(l, rc, "there is no readable header") : 0;
}

static int save(struct luks *l, const struct header *h)
{
	int rc = luks_file_write(l->fresh, h, sizeof(*h));

	if (rc == 0)
		rc = luks_file_rename(l->fresh, l->header);
	return rc ? rc : luks_file_copy(l->header, l->fresh, l->backup);
}

int luks_look(struct luks *l, struct luks_info *out, int *was_restored)
{
	struct header h;
	int rc = load(l, l->header, &h);

	*was_restored = 0;
	if (rc)
		return rc;
	out->sector_bytes = h.sector_bytes;
	out->slots = h.slots;
	memcpy(out->key_id, h.key_id, sizeof(out->key_id));
	memcpy(out->digest, h.digest, sizeof(out->digest));
	return 0;
}

int luks_format(struct luks *l, const uint8_t kek[LUKS_KEK_BYTES], const char *key_id,
		uint32_t sector_bytes, uint8_t dek[LUKS_DEK_BYTES])
{
	static uint32_t count;
	struct header h = {.magic = MAGIC, .sector_bytes = sector_bytes, .slots = 1};

	if (access(l->header, F_OK) == 0)
		return refuse(l, -EEXIST, "the volume has a header already");
	memcpy(h.uuid, l->uuid, sizeof(h.uuid));
	snprintf(h.key_id, sizeof(h.key_id), "%s", key_id);
	memcpy(h.kek, kek, sizeof(h.kek));
	count++;
	for (uint32_t i = 0; i < LUKS_DEK_BYTES; i++)
		h.dek[i] = (uint8_t)(i * 37 + 11 + (count >> (i % 4 * 8)));
	snprintf(h.digest, sizeof(h.digest), "sim:%u", count);
	memcpy(dek, h.dek, sizeof(h.dek));
	return save(l, &h);
}

int luks_open(struct luks *l, const uint8_t kek[LUKS_KEK_BYTES], uint8_t dek[LUKS_DEK_BYTES])
{
	struct header h;
	int rc = load(l, l->header, &h);

	if (rc)
		return rc;
	if (memcmp(h.kek, kek, sizeof(h.kek)) != 0)
		return refuse(l, -EKEYREJECTED, "the key opens no slot");
	memcpy(dek, h.dek, sizeof(h.dek));
	return luks_file_copy(l->header, l->fresh, l->backup);
}

int luks_rekey(struct luks *l, const uint8_t old_kek[LUKS_KEK_BYTES],
	       const uint8_t new_kek[LUKS_KEK_BYTES], const char *key_id)
{
	struct header h;
	int rc = load(l, l->header, &h);

	if (rc)
		return rc;
	if (memcmp(h.kek, old_kek, sizeof(h.kek)) != 0 &&
	    memcmp(h.kek, new_kek, sizeof(h.kek)) != 0)
		return refuse(l, -EKEYREJECTED, "the key opens no slot");
	memcpy(h.kek, new_kek, sizeof(h.kek));
	snprintf(h.key_id, sizeof(h.key_id), "%s", key_id);
	return save(l, &h);
}

int luks_attach(struct luks *l, const uint8_t dek[LUKS_DEK_BYTES], void **out)
{
	(void)dek;
	*out = NULL;
	return refuse(l, -EOPNOTSUPP, "no export here");
}

int luks_erase(struct luks *l)
{
	int rc = luks_file_shred(l->header);

	return rc ? rc : luks_file_shred(l->backup);
}
