/* SPDX-License-Identifier: MIT */
/*
 * luks_attach.c - the header for the beginning of an export: the volume's own, with its slots and
 * its digest, but with data that begins behind it instead of at 0 of another file.
 *
 * libcryptsetup sets a data offset only when it formats, and to make the slots again it would need
 * every key that opens one. So this changes that one number in the metadata and renews the
 * checksums; then the library has the last word: it loads the header and compares the volume's key
 * with the digest in it. Source: LUKS2 On-Disk Format Specification 1.1.2, "Binary Header", "JSON
 * Area"
 */
#include <endian.h>
#include <errno.h>
#include <jansson.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "luks_file.h"
#include "luks_int.h"
#include "secret.h"

#define BINARY_BYTES   4096u
#define SIZE_AT        8u  /* of the binary and the JSON part together; big-endian */
#define ALG_AT         72u /* of the checksum, a word */
#define CSUM_AT        448u
#define CSUM_BYTES     64u
#define SHA256_BYTES   32u
#define SIZE_MAX_BYTES (4u << 20)

static const char magics[2][6] = {{'L', 'U', 'K', 'S', '\xba', '\xbe'},
				  {'S', 'K', 'U', 'L', '\xba', '\xbe'}};

/* Of a copy with zeros where the checksum stands. */
static int checksum(uint8_t *copy, size_t size_bytes, uint8_t out[SHA256_BYTES])
{
	unsigned out_bytes = SHA256_BYTES;

	memset(copy + CSUM_AT, 0, CSUM_BYTES);
	return EVP_Digest(copy, size_bytes, out, &out_bytes, EVP_sha256(), NULL) == 1 ? 0 : -EIO;
}

/* The part of the file that is this copy of the metadata: its size, or 0: it is none, or damaged.
 */
static size_t whole_copy(uint8_t *copy, size_t room_bytes, const char magic[6])
{
	uint8_t stands[SHA256_BYTES], must[SHA256_BYTES];
	uint64_t size_bytes;

	if (room_bytes <= BINARY_BYTES || memcmp(copy, magic, 6) != 0 ||
	    strncmp((const char *)copy + ALG_AT, "sha256", 7) != 0)
		return 0;
	memcpy(&size_bytes, copy + SIZE_AT, sizeof(size_bytes));
	size_bytes = be64toh(size_bytes);
	if (size_bytes <= BINARY_BYTES || size_bytes > SIZE_MAX_BYTES || size_bytes > room_bytes)
		return 0;
	memcpy(stands, copy + CSUM_AT, sizeof(stands));
	if (checksum(copy, size_bytes, must) < 0 || memcmp(stands, must, sizeof(must)) != 0)
		return 0;
	return size_bytes;
}

/* New text of the JSON part, or NULL: it is not as we made it. */
static char *moved(const char *text, size_t room_bytes)
{
	json_t *j = json_loadb(text, strnlen(text, room_bytes), 0, NULL), *segments, *segment;
	char offset[24], *out = NULL;

	snprintf(offset, sizeof(offset), "%u", LUKS_ATTACHED_BYTES);
	segments = json_object_get(j, "segments");
	segment = json_object_get(segments, "0");
	if (json_object_size(segments) == 1 && json_is_object(segment) &&
	    json_object_set_new(segment, "offset", json_string(offset)) == 0)
		out = json_dumps(j, JSON_COMPACT | JSON_PRESERVE_ORDER);
	json_decref(j);
	return out;
}

static int move_copy(uint8_t *copy, size_t size_bytes)
{
	size_t room_bytes = size_bytes - BINARY_BYTES;
	char *json = (char *)copy + BINARY_BYTES, *text = moved(json, room_bytes);
	uint8_t sum[SHA256_BYTES];
	int rc = text && strlen(text) < room_bytes ? 0 : -EBADMSG;

	if (rc == 0) {
		memset(json, 0, room_bytes);
		memcpy(json, text, strlen(text));
		rc = checksum(copy, size_bytes, sum);
	}
	if (rc == 0)
		memcpy(copy + CSUM_AT, sum, sizeof(sum));
	free(text);
	return rc;
}

static int move_both(uint8_t *header, size_t header_bytes)
{
	size_t first_bytes = whole_copy(header, header_bytes, magics[0]), second_bytes = 0;
	int rc;

	if (first_bytes)
		second_bytes =
		    whole_copy(header + first_bytes, header_bytes - first_bytes, magics[1]);
	if (!second_bytes || second_bytes != first_bytes)
		return -EBADMSG;
	rc = move_copy(header, first_bytes);
	return rc ? rc : move_copy(header + first_bytes, second_bytes);
}

/* ---------------------------------------------------------------- proof */

static int is_right(struct crypt_device *cd, const uint8_t *dek)
{
	int rc;

	if (crypt_load(cd, CRYPT_LUKS2, NULL) < 0 ||
	    crypt_get_data_offset(cd) * 512 != LUKS_ATTACHED_BYTES)
		return -EBADMSG;
	secret_begin();
	rc = crypt_volume_key_verify(cd, (const char *)dek, LUKS_DEK_BYTES);
	secret_end();
	return rc < 0 ? -EKEYREJECTED : 0;
}

/* In a file, as the stock tools will see it. */
static int prove(struct luks *l, const void *header, const uint8_t *dek)
{
	struct crypt_device *cd = NULL;
	int rc = luks_file_write(l->fresh, header, LUKS_ATTACHED_BYTES);

	if (rc)
		return rc;
	rc = luks_begin(l, l->fresh, &cd);
	if (rc == 0)
		rc = is_right(cd, dek);
	luks_end(cd);
	unlink(l->fresh);
	return rc;
}

int luks_attach(struct luks *l, const uint8_t dek[LUKS_DEK_BYTES], void **out)
{
	void *own = NULL;
	uint8_t *header;
	size_t own_bytes = 0;
	int rc;

	*out = NULL;
	rc = luks_file_read(l->header, &own, &own_bytes);
	if (rc)
		return rc;
	header = own_bytes < LUKS_ATTACHED_BYTES ? calloc(1, LUKS_ATTACHED_BYTES) : NULL;
	rc = header ? 0 : -ENOMEM;
	if (rc == 0) {
		memcpy(header, own, own_bytes);
		rc = move_both(header, own_bytes);
	}
	free(own);
	if (rc == 0)
		rc = prove(l, header, dek);
	if (rc) {
		free(header);
		if (!l->text[0])
			snprintf(
			    l->text, sizeof(l->text),
			    "the header could not be made ready for an export (%s); nothing was "
			    "written",
			    strerror(-rc));
		return rc;
	}
	*out = header;
	return 0;
}
