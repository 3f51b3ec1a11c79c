/* SPDX-License-Identifier: MIT */
/*
 * reencrypt_begin.c - "encrypt_in_place", "decrypt_in_place", "rekey_deep", and the words for a
 * walk under way.
 *
 * The sidecar and the store's flag come first, the headers then: a header that is on disk without
 * them would be believed for the whole volume.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "luks_file.h"
#include "reencrypt.h"
#include "seal.h"
#include "secret.h"

const char *reencrypt_kind_word(enum reencrypt_kind kind)
{
	static const char *const words[] = {"", "encrypt", "decrypt", "rekey"};

	return words[kind];
}

/* ---------------------------------------------------------------- checks */

static int begin(struct job *j, enum reencrypt_kind kind, struct sluice_error *err)
{
	struct encryption *e = j->e;
	int rc = kind == REENCRYPT_REKEY ? 0 : seal_check_stays(e, err);

	if (rc < 0)
		return rc;
	if (e->re)
		return encryption_refuse(err, "", -EBUSY,
					 "'%s' is under way already; pause, resume or cancel it",
					 reencrypt_kind_word(e->re->kind));
	rc = reencrypt_new(e, &e->re, err);
	if (rc < 0)
		return rc;
	e->re->kind = kind;
	e->re->phase = PHASE_PREPARING;
	return 0;
}

int reencrypt_check_encrypt(struct job *j, const json_t *args, struct sluice_error *err)
{
	const struct encryption *e = j->e;

	if (e->state != STATE_CLEAR && e->state != STATE_UNFORMATTED)
		return encryption_refuse(err, "", -EEXIST,
					 "the volume is encrypted already; it is %s",
					 key_state_word(e->state));
	j->keys->kept.sector_bytes = e->wanted_sector_bytes;
	return begin(j, REENCRYPT_ENCRYPT, err);
}

static int check_unlocked(const struct encryption *e, struct sluice_error *err)
{
	if (e->state == STATE_UNLOCKED)
		return 0;
	return encryption_refuse(err, "", -EBUSY, "the volume is %s; it has to be unlocked",
				 key_state_word(e->state));
}

int reencrypt_check_decrypt(struct job *j, const json_t *args, struct sluice_error *err)
{
	const struct encryption *e = j->e;
	const char *name = json_string_value(json_object_get(args, "confirm"));
	int rc = check_unlocked(e, err);

	if (rc < 0)
		return rc;
	if (!name || strcmp(name, sluice_volume_name(e->f)) != 0)
		return encryption_refuse(
		    err, "confirm", -EINVAL,
		    "decrypting leaves the volume's data in clear on the datastore; confirm it "
		    "with the volume's name, \"confirm\": \"%s\"",
		    sluice_volume_name(e->f));
	return begin(j, REENCRYPT_DECRYPT, err);
}

int reencrypt_check_rekey(struct job *j, const json_t *args, struct sluice_error *err)
{
	int rc = check_unlocked(j->e, err);

	j->keys->kept.sector_bytes = j->e->sector_bytes;
	return rc < 0 ? rc : begin(j, REENCRYPT_REKEY, err);
}

/* ---------------------------------------------------------------- prepare */

static void recorded(void *ctx, int result)
{
	struct job *j = ctx;
	struct reencrypt *re = j->e->re;

	if (result == 0)
		result = reencrypt_put_kind(j->e, re->kind);
	if (result == 0) {
		job_go(j);
		return;
	}
	/* Without the flag nobody looks for the record. */
	j->e->re = NULL;
	reencrypt_free(re);
	job_fail(j, result, "the sidecar 'reencrypt' could not be written");
}

void reencrypt_prepare(struct job *j)
{
	struct reencrypt *re = j->e->re;
	const struct reencrypt_record rec = {.kind = (uint8_t)re->kind, .state = REENCRYPT_IDLE};

	recorder_put(&re->recorder, &rec, NULL, recorded, j);
}

/* ---------------------------------------------------------------- headers, on a helper */

/* From here on one KEK opens both headers. */
int reencrypt_run_rekey(struct job *j)
{
	struct luks next;
	int rc = reencrypt_next_paths(j->e, &next);

	if (rc == 0)
		rc = luks_erase(&next); /* left by a walk that did not begin */
	if (rc == 0)
		rc = luks_rekey(&j->luks, j->keys->keks[0], j->keys->keks[1], j->key_id);
	if (rc == 0) {
		rc = luks_format(&next, j->keys->keks[1], j->key_id, j->keys->kept.sector_bytes,
				 j->keys->kept.dek);
		memcpy(j->luks.text, next.text, sizeof(next.text));
	}
	return rc;
}

int reencrypt_run_decrypt(struct job *j)
{
	return 0;
}

/* ---------------------------------------------------------------- begun */

/* The next process has both keys, too, before a byte is encrypted with the new one. */
int reencrypt_take_next(struct encryption *e, struct kept *next)
{
	struct xts *x;
	int rc;

	key_stamp(next);
	rc = sluice_key_put(e->f, REENCRYPT_NEXT_KEY, next, sizeof(*next));
	if (rc == 0)
		rc = xts_new(next->dek, next->sector_bytes, &x);
	if (rc < 0)
		return rc;
	xts_free(e->re->next);
	e->re->next = x;
	return 0;
}

static int take_keys(struct job *j)
{
	struct encryption *e = j->e;
	int rc;

	if (e->re->kind == REENCRYPT_REKEY) {
		rc = reencrypt_take_next(e, &j->keys->kept);
		rc = rc ? rc : seal_rekey(e);
		if (rc < 0)
			snprintf(j->luks.text, sizeof(j->luks.text),
				 "the second key could not be kept, here or by the replication");
		return rc;
	}
	if (e->re->kind == REENCRYPT_DECRYPT)
		return 0;
	/* From one moment to the next: the volume is above the watermark, in clear. */
	e->re->phase = PHASE_WALKING;
	rc = key_open(e, &j->keys->kept, j->luks.text);
	if (rc == 0)
		key_note_formatted(e, true);
	return rc;
}

void reencrypt_begun(struct job *j)
{
	struct encryption *e = j->e;

	j->result = take_keys(j);
	if (j->result < 0) {
		reencrypt_failed(j);
		return;
	}
	e->re->phase = PHASE_WALKING;
	sluice_report(e->f, "encryption_reencrypt_begun",
		      "'%s' begins; the volume serves meanwhile", reencrypt_kind_word(e->re->kind));
	walk_go(e->re);
}

void reencrypt_failed(struct job *j)
{
	struct reencrypt *re = j->e->re;

	re->is_backward = true;
	reencrypt_end(re);
}

/* ---------------------------------------------------------------- words for a walk */

static int cancel(struct reencrypt *re, struct sluice_error *err)
{
	if (re->wants_backward)
		return encryption_refuse(err, "", -EALREADY, "it is being cancelled already");
	re->wants_backward = true;
	re->is_paused = false;
	return 0;
}

int reencrypt_command(struct encryption *e, const char *name, struct sluice_error *err)
{
	struct reencrypt *re = e->re;
	int rc = 0;

	if (strcmp(name, "reencrypt_status") == 0)
		return 0;
	if (strcmp(name, "reencrypt_pause") != 0 && strcmp(name, "reencrypt_resume") != 0 &&
	    strcmp(name, "reencrypt_cancel") != 0)
		return encryption_refuse(err, "command", -EINVAL,
					 "there are reencrypt_pause, _resume, _cancel and _status");
	if (!re || re->phase != PHASE_WALKING)
		return encryption_refuse(err, "", -ENOENT,
					 re ? "the volume is just beginning or ending that"
					    : "the volume is not being encrypted anew");
	re->text[0] = '\0';
	if (strcmp(name, "reencrypt_cancel") == 0)
		rc = cancel(re, err);
	else
		re->is_paused = strcmp(name, "reencrypt_pause") == 0;
	walk_go(re);
	return rc;
}

bool reencrypt_rests(const struct encryption *e)
{
	const struct reencrypt *re = e->re;

	return re->phase == PHASE_WALKING && re->step == STEP_NONE && re->is_paused &&
	       re->recorder.newest.is_paused;
}

bool reencrypt_has_next(const struct encryption *e)
{
	return e->re && e->re->kind == REENCRYPT_REKEY;
}

void reencrypt_forget_next(struct encryption *e)
{
	sluice_key_forget(e->f, REENCRYPT_NEXT_KEY);
	if (!e->re)
		return;
	xts_free(e->re->next);
	e->re->next = NULL;
}

/* ---------------------------------------------------------------- status */

static const char *state_word(const struct reencrypt *re)
{
	if (re->phase == PHASE_PREPARING)
		return "preparing";
	if (re->phase == PHASE_LOADING)
		return "loading";
	if (re->phase == PHASE_BROKEN)
		return "broken";
	if (re->failure != SLUICE_OK)
		return "retrying";
	if (re->phase == PHASE_ENDING)
		return "ending";
	if (re->is_paused && !reencrypt_rests(re->e))
		return "pausing";
	if (re->is_paused)
		return re->text[0] ? "failed" : "paused";
	if (re->e->state != STATE_UNLOCKED)
		return "waiting";
	return re->wants_backward ? "cancelling" : "running";
}

json_t *reencrypt_status(const struct encryption *e)
{
	const struct reencrypt *re = e->re;
	uint64_t size_bytes = sluice_volume_size_bytes(e->f), done_bytes;

	if (!re)
		return json_null();
	done_bytes = re->watermark_bytes < size_bytes ? re->watermark_bytes : size_bytes;
	return json_pack("{s:s, s:s, s:s, s:I, s:I}", "kind", reencrypt_kind_word(re->kind),
			 "state", state_word(re), "text", re->text, "done_bytes",
			 (json_int_t)done_bytes, "total_bytes", (json_int_t)size_bytes);
}
