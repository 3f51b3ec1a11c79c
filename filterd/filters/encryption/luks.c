/* SPDX-License-Identifier: MIT */
#include "luks.h"

#include <errno.h>
#include <jansson.h>
#include <openssl/rand.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "luks_file.h"
#include "luks_int.h"
#include "secret.h"

#define METADATA_BYTES (16u << 10)   /* each of the two copies */
#define KEYSLOTS_BYTES (2304u << 10) /* room for eight */
#define HEADER_BYTES   (2 * METADATA_BYTES + KEYSLOTS_BYTES)
#define DATA_BYTES     (16u << 20)
#define PBKDF2_ROUNDS  1000u    /* the least that LUKS2 takes */
#define ROUNDS_MAX     1000000u /* a second or so; ours have 1000 */
#define TOKEN_TYPE     "sluice-kek"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* around libcryptsetup */

static int refuse(struct luks *l, int rc, const char *text)
{
	snprintf(l->text, sizeof(l->text), "%s", text);
	return rc;
}

static void keep_text(int level, const char *msg, void *ctx)
{
	struct luks *l = ctx;

	if (level == CRYPT_LOG_ERROR) {
		snprintf(l->text, sizeof(l->text), "%s", msg);
		l->text[strcspn(l->text, "\n")] = '\0';
	}
}

int luks_begin(struct luks *l, const char *path, struct crypt_device **out)
{
	int rc;

	pthread_mutex_lock(&lock);
	l->text[0] = '\0';
	crypt_set_log_callback(NULL, keep_text, l);
	crypt_metadata_locking(NULL, 0); /* nobody else writes it, and /run may not be ours */
	rc = crypt_init(out, path);
	if (rc == 0)
		crypt_set_log_callback(*out, keep_text, l);
	return rc;
}

void luks_end(struct crypt_device *cd)
{
	crypt_free(cd);
	crypt_set_log_callback(NULL, NULL, NULL);
	pthread_mutex_unlock(&lock);
}

/* ---------------------------------------------------------------- tokens */

/* The value of "kek_id"; our own words, so no parser is needed. */
static void read_key_id(const char *json, char out[LUKS_KEY_ID_BYTES])
{
	static const char member[] = "\"kek_id\":\"";
	const char *at = strstr(json, member);
	size_t n;

	out[0] = '\0';
	if (!at)
		return;
	at += strlen(member);
	n = strcspn(at, "\"");
	if (n < LUKS_KEY_ID_BYTES)
		snprintf(out, LUKS_KEY_ID_BYTES, "%.*s", (int)n, at);
}

static bool is_ours(struct crypt_device *cd, int token, const char **json)
{
	const char *type = NULL;

	return crypt_token_status(cd, token, &type) != CRYPT_TOKEN_INACTIVE && type &&
	       strcmp(type, TOKEN_TYPE) == 0 && crypt_token_json_get(cd, token, json) >= 0;
}

static int put_token(struct crypt_device *cd, int slot, const char *key_id)
{
	const char *old;
	char json[256];
	int rc;

	for (int i = 0; i < crypt_token_max(CRYPT_LUKS2); i++) {
		rc = is_ours(cd, i, &old) ? crypt_token_json_set(cd, i, NULL) : 0;
		if (rc < 0)
			return rc;
	}
	snprintf(json, sizeof(json),
		 "{\"type\":\"" TOKEN_TYPE "\",\"keyslots\":[\"%d\"],\"kek_id\":\"%s\"}", slot,
		 key_id);
	rc = crypt_token_json_set(cd, CRYPT_ANY_TOKEN, json);
	return rc < 0 ? rc : 0;
}

/* ---------------------------------------------------------------- look */

static void format_uuid(const uint8_t uuid[16], char out[37])
{
	snprintf(out, 37, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x",
		 uuid[0], uuid[1], uuid[2], uuid[3], uuid[4], uuid[5], uuid[6], uuid[7], uuid[8],
		 uuid[9], uuid[10], uuid[11], uuid[12], uuid[13], uuid[14], uuid[15]);
}

static int check_uuid(struct luks *l, struct crypt_device *cd)
{
	const char *text = crypt_get_uuid(cd);
	char ours[37];

	format_uuid(l->uuid, ours);
	if (text && strcmp(text, ours) == 0)
		return 0;
	if (text && strlen(text) == sizeof(ours) - 1 && strstr(l->origins, text))
		return 0;
	snprintf(l->text, sizeof(l->text),
		 "the header belongs to volume %s, this is volume %s; put the right header in its "
		 "place",
		 text ? text : "without a UUID", ours);
	return -EXDEV;
}

static int check_kind(struct luks *l, struct crypt_device *cd)
{
	const char *cipher = crypt_get_cipher(cd), *mode = crypt_get_cipher_mode(cd);
	uint32_t wanted = 0;

	if (crypt_persistent_flags_get(cd, CRYPT_FLAGS_REQUIREMENTS, &wanted) < 0 || wanted != 0)
		return refuse(l, -ENOTSUP,
			      "the header is in the middle of a reencryption by another tool; let "
			      "that tool end it");
	if (crypt_get_volume_key_size(cd) == (int)LUKS_DEK_BYTES && cipher && mode &&
	    strcmp(cipher, "aes") == 0 && strcmp(mode, "xts-plain64") == 0 &&
	    crypt_get_data_offset(cd) == 0)
		return check_uuid(l, cd);
	return refuse(l, -ENOTSUP,
		      "the header is not of aes-xts-plain64 with 512 bits of key and data from 0, "
		      "which is all that this filter reads");
}

static int load(struct luks *l, struct crypt_device *cd)
{
	if (crypt_load(cd, CRYPT_LUKS2, NULL) < 0)
		return refuse(l, -EBADMSG, "the file is no LUKS2 header, or a damaged one");
	return check_kind(l, cd);
}

/* "digests": {"0": {"digest": "base64 of a hash"}} */
static void read_digest(struct crypt_device *cd, char out[LUKS_DIGEST_BYTES])
{
	const char *text = NULL, *name;
	json_t *header, *digest;

	out[0] = '\0';
	if (crypt_dump_json(cd, &text, 0) < 0 || !text)
		return;
	header = json_loads(text, 0, NULL);
	json_object_foreach(json_object_get(header, "digests"), name, digest)
	{
		const char *hash = json_string_value(json_object_get(digest, "digest"));

		if (!out[0] && hash && strlen(hash) < LUKS_DIGEST_BYTES)
			snprintf(out, LUKS_DIGEST_BYTES, "%s", hash);
	}
	json_decref(header);
}

static void fill(struct crypt_device *cd, struct luks_info *out)
{
	const char *json;

	memset(out, 0, sizeof(*out));
	out->sector_bytes = (uint32_t)crypt_get_sector_size(cd);
	for (int i = 0; i < crypt_keyslot_max(CRYPT_LUKS2); i++)
		out->slots += crypt_keyslot_status(cd, i) >= CRYPT_SLOT_ACTIVE;
	for (int i = 0; i < crypt_token_max(CRYPT_LUKS2) && !out->key_id[0]; i++)
		if (is_ours(cd, i, &json))
			read_key_id(json, out->key_id);
	read_digest(cd, out->digest);
}

static int look_at(struct luks *l, const char *path, struct luks_info *out)
{
	struct crypt_device *cd = NULL;
	int rc;

	rc = luks_file_check(path);
	if (rc == -ENOENT)
		return refuse(l, rc, "there is no header");
	if (rc < 0)
		return refuse(l, rc, "what stands in the header's place is no plain file");
	rc = luks_begin(l, path, &cd);
	if (rc == 0)
		rc = load(l, cd);
	if (rc == 0)
		fill(cd, out);
	luks_end(cd);
	return rc;
}

int luks_look(struct luks *l, struct luks_info *out, int *was_restored)
{
	char text[LUKS_TEXT_BYTES];
	int rc = look_at(l, l->header, out);

	*was_restored = 0;
	/* A header that is whole, whatever it says, is newer than the backup: somebody put it
	 * there. */
	if (rc != -ENOENT && rc != -EBADMSG)
		return rc;
	memcpy(text, l->text, sizeof(text));
	if (look_at(l, l->backup, out) == 0 &&
	    luks_file_copy(l->backup, l->fresh, l->header) == 0) {
		*was_restored = 1;
		return 0;
	}
	memcpy(l->text, text, sizeof(text));
	return rc;
}

/* ---------------------------------------------------------------- open */

/*
 * Slots that others have added may be made to take hours, or gigabytes, and libcryptsetup would try
 * them all. Our keys are random, so what ours cost is nearly nothing; only such slots are tried.
 */
static bool is_cheap(struct crypt_device *cd, int slot)
{
	struct crypt_pbkdf_type pbkdf;

	return crypt_keyslot_status(cd, slot) >= CRYPT_SLOT_ACTIVE &&
	       crypt_keyslot_get_pbkdf(cd, slot, &pbkdf) == 0 && pbkdf.type &&
	       strcmp(pbkdf.type, CRYPT_KDF_PBKDF2) == 0 && pbkdf.iterations <= ROUNDS_MAX;
}

/* The digest that proves the key costs rounds as well. */
static int check_digests(struct crypt_device *cd)
{
	const char *text = NULL, *name;
	json_t *header, *digest;
	int rc = 0;

	if (crypt_dump_json(cd, &text, 0) < 0 || !text)
		return -EBADMSG;
	header = json_loads(text, 0, NULL);
	if (json_object_size(json_object_get(header, "digests")) == 0)
		rc = -EBADMSG;
	json_object_foreach(json_object_get(header, "digests"), name, digest)
	{
		if (json_integer_value(json_object_get(digest, "iterations")) > ROUNDS_MAX)
			rc = -E2BIG;
	}
	json_decref(header);
	return rc;
}

/* Also proves the DEK: libcryptsetup compares it with the header's digest. Slot or -errno. */
static int unwrap(struct crypt_device *cd, const uint8_t *kek, uint8_t *dek)
{
	int slot = check_digests(cd);

	if (slot < 0)
		return slot;
	slot = -EPERM;
	secret_begin();
	for (int i = 0; i < crypt_keyslot_max(CRYPT_LUKS2) && (slot == -EPERM || slot == -ENOENT);
	     i++) {
		size_t size_bytes = LUKS_DEK_BYTES;

		if (!is_cheap(cd, i))
			continue;
		slot = crypt_volume_key_get(cd, i, (char *)dek, &size_bytes, (const char *)kek,
					    LUKS_KEK_BYTES);
		if (slot >= 0 && size_bytes != LUKS_DEK_BYTES)
			slot = -EBADMSG;
	}
	secret_end();
	return slot == -EPERM || slot == -ENOENT ? -EKEYREJECTED : slot;
}

int luks_open(struct luks *l, const uint8_t kek[LUKS_KEK_BYTES], uint8_t dek[LUKS_DEK_BYTES])
{
	struct crypt_device *cd = NULL;
	int rc;

	rc = luks_begin(l, l->header, &cd);
	if (rc == 0)
		rc = load(l, cd);
	if (rc == 0) {
		rc = unwrap(cd, kek, dek);
		if (rc == -EKEYREJECTED)
			refuse(l, rc, "the key opens no slot of the header: it is another key");
	}
	luks_end(cd);
	if (rc < 0)
		return rc;
	/* A rekey that was killed may have left a backup that the old key opens. */
	luks_file_copy(l->header, l->fresh, l->backup);
	return 0;
}

/* ---------------------------------------------------------------- format */

static int set_cost(struct crypt_device *cd)
{
	const struct crypt_pbkdf_type pbkdf = {.type = CRYPT_KDF_PBKDF2,
					       .hash = "sha256",
					       .iterations = PBKDF2_ROUNDS,
					       .flags = CRYPT_PBKDF_NO_BENCHMARK};

	return crypt_set_pbkdf_type(cd, &pbkdf);
}

static int add_slot(struct crypt_device *cd, const uint8_t *kek, const uint8_t *dek)
{
	int slot;

	secret_begin();
	slot = crypt_keyslot_add_by_volume_key(cd, CRYPT_ANY_SLOT, (const char *)dek,
					       LUKS_DEK_BYTES, (const char *)kek, LUKS_KEK_BYTES);
	secret_end();
	return slot;
}

static int make(struct luks *l, struct crypt_device *cd, const uint8_t *kek, const char *key_id,
		uint32_t sector_bytes, const uint8_t *dek)
{
	struct crypt_params_luks2 params = {.data_device = l->data, .sector_size = sector_bytes};
	char uuid[37];
	int rc;

	format_uuid(l->uuid, uuid);
	crypt_load(cd, CRYPT_LUKS2, NULL); /* fails; sets OpenSSL up outside of secret memory */
	rc = crypt_set_metadata_size(cd, METADATA_BYTES, KEYSLOTS_BYTES);
	if (rc == 0)
		rc = set_cost(cd);
	if (rc)
		return rc;
	secret_begin();
	rc = crypt_format(cd, CRYPT_LUKS2, "aes", "xts-plain64", uuid, (const char *)dek,
			  LUKS_DEK_BYTES, &params);
	secret_end();
	if (rc < 0)
		return rc;
	rc = add_slot(cd, kek, dek);
	return rc < 0 ? rc : put_token(cd, rc, key_id);
}

static int format_fresh(struct luks *l, const uint8_t *kek, const char *key_id,
			uint32_t sector_bytes, uint8_t *dek)
{
	struct crypt_device *cd = NULL;
	int rc = luks_file_make(l->fresh, HEADER_BYTES);

	if (rc == 0)
		rc = luks_file_make(l->data, DATA_BYTES);
	if (rc)
		return rc;
	rc = luks_begin(l, l->fresh, &cd);
	if (rc == 0)
		rc = make(l, cd, kek, key_id, sector_bytes, dek);
	luks_end(cd);
	return rc;
}

int luks_format(struct luks *l, const uint8_t kek[LUKS_KEK_BYTES], const char *key_id,
		uint32_t sector_bytes, uint8_t dek[LUKS_DEK_BYTES])
{
	int rc;

	if (access(l->header, F_OK) == 0)
		return refuse(l, -EEXIST, "the volume has a header already");
	do {
		if (RAND_priv_bytes(dek, LUKS_DEK_BYTES) != 1)
			return refuse(l, -EIO, "no random numbers");
	} while (memcmp(dek, dek + LUKS_DEK_BYTES / 2, LUKS_DEK_BYTES / 2) == 0);
	rc = format_fresh(l, kek, key_id, sector_bytes, dek);
	unlink(l->data);
	if (rc == 0)
		rc = luks_file_sync(l->fresh);
	if (rc == 0)
		rc = luks_file_rename(l->fresh, l->header);
	if (rc < 0) {
		unlink(l->fresh);
		return rc;
	}
	/* As it will be opened from now on, from the file. This makes the backup, too. */
	return luks_open(l, kek, dek);
}

/* ---------------------------------------------------------------- rekey */

/* The slot that new_kek opens; made if there is none. */
static int new_slot(struct crypt_device *cd, const uint8_t *old_kek, const uint8_t *new_kek,
		    uint8_t *dek)
{
	int slot = unwrap(cd, new_kek, dek);

	if (slot != -EKEYREJECTED)
		return slot; /* an earlier call came that far */
	slot = unwrap(cd, old_kek, dek);
	if (slot < 0)
		return slot;
	slot = set_cost(cd);
	if (slot == 0)
		slot = add_slot(cd, new_kek, dek);
	if (slot < 0)
		return slot;
	return unwrap(cd, new_kek, dek);
}

static int drop_other_slots(struct crypt_device *cd, int kept)
{
	for (int i = 0; i < crypt_keyslot_max(CRYPT_LUKS2); i++) {
		int rc = 0;

		if (i != kept && crypt_keyslot_status(cd, i) >= CRYPT_SLOT_ACTIVE)
			rc = crypt_keyslot_destroy(cd, i);
		if (rc < 0)
			return rc;
	}
	return 0;
}

static int rekey(struct luks *l, struct crypt_device *cd, const uint8_t *old_kek,
		 const uint8_t *new_kek, const char *key_id)
{
	uint8_t *dek = secret_alloc(LUKS_DEK_BYTES);
	int rc, slot;

	if (!dek)
		return refuse(l, -ENOMEM, "no locked memory (RLIMIT_MEMLOCK)");
	slot = rc = new_slot(cd, old_kek, new_kek, dek);
	secret_free(dek);
	if (rc == -EKEYREJECTED)
		return refuse(l, rc, "neither key opens a slot of the header");
	if (rc < 0)
		return rc;
	/* The backup opens with both, before the old slot goes from the header. */
	rc = luks_file_sync(l->header);
	if (rc == 0)
		rc = luks_file_copy(l->header, l->fresh, l->backup);
	if (rc == 0)
		rc = put_token(cd, slot, key_id);
	return rc < 0 ? rc : drop_other_slots(cd, slot);
}

int luks_rekey(struct luks *l, const uint8_t old_kek[LUKS_KEK_BYTES],
	       const uint8_t new_kek[LUKS_KEK_BYTES], const char *key_id)
{
	struct crypt_device *cd = NULL;
	int rc = luks_begin(l, l->header, &cd);

	if (rc == 0)
		rc = load(l, cd);
	if (rc == 0)
		rc = rekey(l, cd, old_kek, new_kek, key_id);
	luks_end(cd);
	if (rc == 0)
		rc = luks_file_sync(l->header);
	return rc ? rc : luks_file_copy(l->header, l->fresh, l->backup);
}

/* ---------------------------------------------------------------- erase */

int luks_erase(struct luks *l)
{
	const char *const paths[] = {l->header, l->backup, l->fresh};
	struct luks_info info;
	int rc = 0;

	for (size_t i = 0; i < 3 && rc == 0; i++)
		rc = luks_file_shred(paths[i]);
	if (rc)
		return refuse(l, rc, "a header could not be overwritten and read back");
	for (size_t i = 0; i < 3; i++)
		if (look_at(l, paths[i], &info) != -ENOENT)
			return refuse(l, -EIO, "a header is still there after it was removed");
	return 0;
}
