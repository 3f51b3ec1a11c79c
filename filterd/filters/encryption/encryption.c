/* SPDX-License-Identifier: MIT */
/*
 * encryption.c - the filter's table: AES-256-XTS below everything above it, with a LUKS2 header
 * beside the image.
 *
 * The size of a sector follows the volume's blocks, so that no write is smaller than a sector and
 * none has to read first: a volume of 512-byte blocks has sectors of 512. Larger ones there would
 * cost a read and a lock for each small write, and would make two neighbouring blocks share a fate
 * that initiators do not expect; who wants the speed of 4096 makes the volume with such blocks.
 */
#include <errno.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "companion.h"
#include "export.h"
#include "seal.h"
#include "secret.h"
#include "snapshot.h"

enum {
	SECTOR_BYTES,
	KEY_ID,
	ALLOW_FILTERS_BEFORE,
	SERVE_CLEAR,
	REENCRYPT_BYTES_PER_S,
	REENCRYPT_ZONE,
	PARAM_COUNT
};

static const struct sluice_param params[PARAM_COUNT] = {
    [SECTOR_BYTES] = {.name = "sector_bytes",
		      .type = SLUICE_TYPE_U64,
		      .unit = "bytes",
		      .min = 0,
		      .max = 4096,
		      .help =
			  "The cipher's sectors: 512, or 4096 for volumes of 4096-byte blocks; 0 "
			  "for the volume's block size. Fixed when the volume is formatted."},
    [KEY_ID] = {.name = "key_id",
		.type = SLUICE_TYPE_STRING,
		.unit = "",
		.max = LUKS_KEY_ID_BYTES - 1,
		.def_string = "",
		.help = "The name of the key that wraps the volume's key, for whoever brings it."},
    [ALLOW_FILTERS_BEFORE] =
	{.name = "allow_filters_before",
	 .type = SLUICE_TYPE_BOOL,
	 .unit = "",
	 .max = 1,
	 .help = "Filters such as replication stand above and see clear data; otherwise encryption "
		 "stands above them and they see ciphertext."},
    [SERVE_CLEAR] = {.name = "serve_clear",
		     .type = SLUICE_TYPE_BOOL,
		     .unit = "",
		     .max = 1,
		     .help = "A volume that was never formatted holds data in clear, and is served "
			     "so until encrypt_in_place."},
    [REENCRYPT_BYTES_PER_S] = {.name = "reencrypt_bytes_per_s",
			       .type = SLUICE_TYPE_U64,
			       .unit = "per_s",
			       .max = UINT64_MAX,
			       .def = 32ull << 20,
			       .help = "How fast encrypt_in_place, decrypt_in_place and rekey_deep "
				       "go through the volume at most; 0: no limit."},
    [REENCRYPT_ZONE] = {.name = "reencrypt_zone_bytes",
			.type = SLUICE_TYPE_U64,
			.unit = "bytes",
			.min = 4096,
			.max = REENCRYPT_MAX_ZONE_BYTES,
			.def = REENCRYPT_MAX_ZONE_BYTES,
			.help =
			    "How much of the volume they change at a time, and hold meanwhile; a "
			    "multiple of 4096."},
};

/* ---------------------------------------------------------------- refusals */

int encryption_refuse(struct sluice_error *err, const char *field, int result, const char *fmt, ...)
{
	va_list ap;

	snprintf(err->field, sizeof(err->field), "%s", field);
	va_start(ap, fmt);
	vsnprintf(err->text, sizeof(err->text), fmt, ap);
	va_end(ap);
	return result;
}

int encryption_check_key_id(const char *id, struct sluice_error *err)
{
	size_t n = 0;

	while (id && id[n] > ' ' && id[n] <= '~' && id[n] != '"' && id[n] != '\\')
		n++;
	if (id && id[n] == '\0' && n < LUKS_KEY_ID_BYTES)
		return 0;
	return encryption_refuse(err, "key_id", -EINVAL,
				 "key_id is at most %u visible ASCII characters, without \" and \\",
				 LUKS_KEY_ID_BYTES - 1);
}

/* ---------------------------------------------------------------- parameters */

static int check_sector(struct encryption *e, uint64_t asked_bytes, uint32_t *out,
			struct sluice_error *err)
{
	uint32_t block_bytes = sluice_volume_block_bytes(e->f);

	*out = asked_bytes ? (uint32_t)asked_bytes : block_bytes;
	if (*out != 512 && *out != 4096)
		return encryption_refuse(
		    err, "sector_bytes", -EINVAL,
		    "sector_bytes is 512 or 4096, or 0 for the volume's block size; "
		    "not %llu",
		    (unsigned long long)asked_bytes);
	if (*out > block_bytes)
		return encryption_refuse(
		    err, "sector_bytes", -EINVAL,
		    "sectors of %u bytes need a volume of %u-byte blocks, and this one "
		    "has %u; leave sector_bytes at 0, or make a volume of "
		    "4096-byte blocks",
		    *out, *out, block_bytes);
	return 0;
}

static bool is_without_header(const struct encryption *e)
{
	return (e->state == STATE_UNFORMATTED || e->state == STATE_CLEAR) && !e->re;
}

static int check(struct encryption *e, const union sluice_value *values, struct sluice_error *err)
{
	uint32_t sector_bytes;
	int rc = check_sector(e, values[SECTOR_BYTES].u64, &sector_bytes, err);

	if (rc == 0)
		rc = encryption_check_key_id(values[KEY_ID].string, err);
	if (rc)
		return rc;
	if (values[REENCRYPT_ZONE].u64 % 4096)
		return encryption_refuse(err, "reencrypt_zone_bytes", -EINVAL,
					 "reencrypt_zone_bytes is a multiple of 4096, not %llu",
					 (unsigned long long)values[REENCRYPT_ZONE].u64);
	if (e->has_looked && !is_without_header(e) && sector_bytes != e->sector_bytes)
		return encryption_refuse(
		    err, "sector_bytes", -EBUSY,
		    "the volume is formatted with sectors of %u bytes, which does not "
		    "change any more",
		    e->sector_bytes);
	return 0;
}

/* After check(). */
static void take(struct encryption *e, const union sluice_value *values)
{
	uint64_t asked_bytes = values[SECTOR_BYTES].u64;

	e->wanted_sector_bytes =
	    asked_bytes ? (uint32_t)asked_bytes : sluice_volume_block_bytes(e->f);
	snprintf(e->key_id, sizeof(e->key_id), "%s", values[KEY_ID].string);
	e->may_filters_before = values[ALLOW_FILTERS_BEFORE].u64 != 0;
	e->is_clear_before = values[SERVE_CLEAR].u64 != 0;
	e->reencrypt_bytes_per_s = values[REENCRYPT_BYTES_PER_S].u64;
	e->reencrypt_zone_bytes = values[REENCRYPT_ZONE].u64;
	if (!e->has_looked || is_without_header(e))
		e->sector_bytes = e->wanted_sector_bytes;
}

/* ---------------------------------------------------------------- life */

static int set_paths(struct encryption *e, struct sluice_error *err)
{
	const struct {
		const char *suffix;
		char *path;
	} files[] = {{"luks", e->luks.header},
		     {"luksbackup", e->luks.backup},
		     {"luksnew", e->luks.fresh},
		     {"luksdata", e->luks.data}};

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		int rc = sluice_sidecar_path(e->f, files[i].suffix, files[i].path, LUKS_PATH_BYTES);

		if (rc < 0)
			return encryption_refuse(
			    err, "", rc, "there is no place for the header beside the volume");
	}
	memcpy(e->luks.uuid, sluice_volume_uuid(e->f), sizeof(e->luks.uuid));
	snapshot_read_origins(e);
	return 0;
}

static int begin(struct encryption *e, const union sluice_value *values, struct sluice_error *err)
{
	int rc = check(e, values, err);

	if (rc == 0)
		rc = set_paths(e, err);
	if (rc)
		return rc;
	take(e, values);
	if (sluice_filter_place(e->f, SLUICE_CLASS_REPLICATION) < 0)
		return encryption_refuse(err, "allow_filters_before", -EINVAL,
					 "replication is there already, and its logs may hold the "
					 "volume in clear; say allow_filters_before=false, or take "
					 "it away, encrypt the volume, and set it up anew");
	if (xts_set_up() < 0)
		return encryption_refuse(err, "", -EOPNOTSUPP,
					 "this machine's OpenSSL has no AES-256-XTS");
	return 0;
}

static int encryption_attach(struct sluice_filter *f, const union sluice_value *values,
			     struct sluice_error *err)
{
	struct encryption *e = calloc(1, sizeof(*e));
	struct job *look;
	int rc;

	if (!e)
		return encryption_refuse(err, "", -ENOMEM, "no memory");
	e->f = f;
	rc = begin(e, values, err);
	look = rc == 0 ? job_new(e) : NULL;
	if (rc == 0 && !look)
		rc = encryption_refuse(err, "", -ENOMEM, ENCRYPTION_NO_SECRET_MEMORY);
	if (rc < 0) {
		free(e);
		return rc;
	}
	sluice_state_set(f, e);
	seal_attach(e);
	e->flights.next = e->flights.prev = &e->flights;
	rc = companion_attach(e, err);
	if (rc == 0 && companion_is_closed(e)) {
		job_free(look); /* it begins when the other copy's part is known */
		return 0;
	}
	if (rc == 0) {
		key_begin(e, &look->keys->kept);
		rc = reencrypt_attach(e, err);
	}
	if (rc < 0) {
		companion_detach(e);
		key_end(e);
		job_free(look);
		free(e);
		return rc;
	}
	job_go(look);
	return 0;
}

static void encryption_detach(struct sluice_filter *f)
{
	struct encryption *e = sluice_state(f);

	export_detached(e);
	sluice_timer_cancel(f, &e->retry);
	companion_detach(e);
	reencrypt_detach(e);
	key_end(e);
	free(e);
}

static int encryption_reconfigure(struct sluice_filter *f, enum sluice_phase phase,
				  const union sluice_value *values, struct sluice_error *err)
{
	struct encryption *e = sluice_state(f);

	if (phase == SLUICE_PREPARE)
		return check(e, values, err);
	if (phase == SLUICE_COMMIT)
		take(e, values);
	return 0;
}

static int encryption_event(struct sluice_filter *f, enum sluice_phase phase,
			    const struct sluice_event *ev, struct sluice_error *err)
{
	struct encryption *e = sluice_state(f);

	if (ev->kind == SLUICE_EVENT_SNAPSHOT || ev->kind == SLUICE_EVENT_REVERT)
		return snapshot_event(e, phase, ev, err);
	if (phase == SLUICE_PREPARE && e->re && ev->kind == SLUICE_EVENT_DETACH)
		return encryption_refuse(err, "filter", -EBUSY, SNAPSHOT_HALVES);
	if (phase != SLUICE_PREPARE || ev->kind != SLUICE_EVENT_DETACH)
		return 0;
	if (e->has_looked && is_without_header(e))
		return 0;
	return encryption_refuse(
	    err, "filter", -EBUSY,
	    "the volume is encrypted: without this filter its data is noise, and what "
	    "is written would be in clear beside it; decrypt the volume, or erase it");
}

static void encryption_drain(struct sluice_filter *f, bool begin)
{
	struct encryption *e = sluice_state(f);

	if (e->re)
		walk_drain(e->re, begin);
	if (begin && e->companion)
		companion_hold_drain(e);
}

static void encryption_abort(struct sluice_filter *f, struct sluice_io *io)
{
	struct encryption *e = sluice_state(f);

	if (e->companion)
		companion_hold_abort(e, io);
}

/* ---------------------------------------------------------------- what there is to see */

size_t encryption_status(struct sluice_filter *f, char *json, size_t size_bytes)
{
	const struct encryption *e = sluice_state(f);
	json_t *j =
	    json_pack("{s:s, s:s, s:s, s:I, s:s, s:I, s:s, s:s, s:b, s:I, s:I, s:I, s:I}", "state",
		      key_state_word(e->state), "state_text", e->text, "cipher", "aes-xts-plain64",
		      "sector_bytes", (json_int_t)e->sector_bytes, "key_id", e->header.key_id,
		      "slots", (json_int_t)e->header.slots, "header", e->luks.header, "key_memory",
		      secret_covers_openssl() ? "locked" : "partly locked", "allow_filters_before",
		      e->may_filters_before, "encrypted_bytes", (json_int_t)e->encrypted_bytes,
		      "decrypted_bytes", (json_int_t)e->decrypted_bytes, "deferred_writes",
		      (json_int_t)e->deferred_writes, "waiting_writes", (json_int_t)e->waiting);
	size_t n;

	json_object_set_new(j, "export", export_status(e));
	json_object_set_new(j, "reencrypt", reencrypt_status(e));
	json_object_set_new(j, "walks_done", json_integer(e->walks.done));
	json_object_set_new(j, "walks_cancelled", json_integer(e->walks.cancelled));
	json_object_set_new(j, "is_erased", json_boolean(key_is_erased(e)));
	n = j ? json_dumpb(j, json, size_bytes - 1, JSON_COMPACT) : 0;
	json_decref(j);
	if (n == 0 || n >= size_bytes)
		n = (size_t)snprintf(json, size_bytes, "{}");
	json[n] = '\0';
	return n;
}

static void encryption_figures(struct sluice_filter *f, struct sluice_figures *sum)
{
	const struct encryption *e = sluice_state(f);

	if (sum->state)
		return;
	if (!crypt_io_is_open(e))
		sum->state = e->state == STATE_DAMAGED ? "damaged"
			     : key_is_erased(e)        ? "erased"
						       : "locked";
	else if (e->state == STATE_CLEAR)
		sum->state = "clear";
}

static const struct sluice_filter_ops encryption_ops = {
    .abi = SLUICE_SDK_ABI,
    .struct_bytes = sizeof(encryption_ops),
    .name = "encryption",
    .version = "1",
    .help = "Encrypts the volume: AES-256-XTS with a LUKS2 header, keys kept outside.",
    .cls = SLUICE_CLASS_ENCRYPTION,
    .op_mask = SLUICE_OPS_ALL,
    .flags = 0, /* never bypassed */
    .io_ctx_bytes = CRYPT_IO_CTX_BYTES,
    .params = params,
    .param_count = PARAM_COUNT,
    .attach = encryption_attach,
    .detach = encryption_detach,
    .reconfigure = encryption_reconfigure,
    .event = encryption_event,
    .drain = encryption_drain,
    .submit = crypt_io_submit,
    .done = crypt_io_done,
    .abort = encryption_abort,
    .command = command_start,
    .status = encryption_status,
    .figures = encryption_figures,
    .data_sidecars = snapshot_sidecars,
};

const struct sluice_filter_ops *sluice_filter_entry(void)
{
	/* The host asks once, before anything here has used OpenSSL. */
	secret_set_up();
	return &encryption_ops;
}
