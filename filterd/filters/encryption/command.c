/* SPDX-License-Identifier: MIT */
/*
 * command.c - an administrator's words: format, unlock, lock, rekey_shallow, erase, status, and
 * those that begin a walk over the whole volume (reencrypt.h).
 */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "companion.h"

#define IN_CLEAR "the volume is served in clear; \"encrypt_in_place\" encrypts it"

struct command {
	const char *name;
	uint32_t kek_count;
	bool has_key_id; /* takes "key_id" */
	bool leaves_no_header;
	bool needs_empty; /* the volume */
	bool is_walk;     /* over the whole volume, see reencrypt.h */
	/* Worker, before anything; may refuse. */
	int (*check)(struct job *j, const json_t *args, struct sluice_error *err);
	int (*run)(struct job *j);
	void (*done)(struct job *j);
	void (*failed)(struct job *j);
};

/* ---------------------------------------------------------------- unlock, format */

static int check_header(struct job *j, const json_t *args, struct sluice_error *err)
{
	const struct encryption *e = j->e;

	j->has_next = reencrypt_has_next(e);
	if (e->state == STATE_CLEAR)
		return encryption_refuse(err, "", -ENOENT, IN_CLEAR);
	if (e->state != STATE_UNFORMATTED)
		return 0;
	return encryption_refuse(err, "", -ENOENT, "%s", e->text);
}

static int unlock_run(struct job *j)
{
	int rc = luks_look(&j->luks, &j->header, &j->was_restored);
	struct luks next;

	j->keys->kept.sector_bytes = j->keys->next.sector_bytes = j->header.sector_bytes;
	if (rc == 0)
		rc = luks_open(&j->luks, j->keys->keks[0], j->keys->kept.dek);
	if (rc == 0 && j->has_next)
		rc = reencrypt_next_paths(j->e, &next);
	if (rc == 0 && j->has_next) {
		rc = luks_open(&next, j->keys->keks[0], j->keys->next.dek);
		memcpy(j->luks.text, next.text, sizeof(next.text));
	}
	return rc;
}

static void unlocked(struct job *j)
{
	struct encryption *e = j->e;
	bool was_unlocked = e->state == STATE_UNLOCKED;

	if (j->has_next)
		j->result = reencrypt_take_next(e, &j->keys->next);
	if (j->result == 0)
		j->result = key_open(e, &j->keys->kept, j->luks.text);
	if (j->result < 0)
		return;
	key_note_formatted(e, true);
	reencrypt_look_around(e);
	if (!was_unlocked)
		sluice_report(e->f, "encryption_unlocked", "the volume was opened with key '%s'",
			      e->header.key_id);
}

static int format_check(struct job *j, const json_t *args, struct sluice_error *err)
{
	const struct encryption *e = j->e;

	if (e->state == STATE_CLEAR)
		return encryption_refuse(err, "", -ENOTEMPTY, IN_CLEAR);
	if (e->state != STATE_UNFORMATTED)
		return encryption_refuse(
		    err, "", -EEXIST,
		    "the volume has been formatted already and is %s; \"erase\" gives up its data "
		    "for good",
		    key_state_word(e->state));
	j->keys->kept.sector_bytes = e->wanted_sector_bytes;
	j->may_discard = json_is_true(json_object_get(args, "discard_data"));
	return 0;
}

static int format_run(struct job *j)
{
	return luks_format(&j->luks, j->keys->keks[0], j->key_id, j->keys->kept.sector_bytes,
			   j->keys->kept.dek);
}

/* ---------------------------------------------------------------- rekey, erase, lock */

static int rekey_run(struct job *j)
{
	return luks_rekey(&j->luks, j->keys->keks[0], j->keys->keks[1], j->key_id);
}

static void rekeyed(struct job *j)
{
	sluice_report(j->e->f, "encryption_rekeyed", "the volume's key is wrapped by '%s' now",
		      j->e->header.key_id);
}

static int erase_check(struct job *j, const json_t *args, struct sluice_error *err)
{
	struct encryption *e = j->e;
	const char *name = json_string_value(json_object_get(args, "confirm"));

	if (e->state == STATE_CLEAR)
		return encryption_refuse(err, "", -ENOENT, IN_CLEAR);
	if (!name || strcmp(name, sluice_volume_name(e->f)) != 0)
		return encryption_refuse(
		    err, "confirm", -EINVAL,
		    "erasing makes the volume's data unreadable for good; confirm it with the "
		    "volume's name, \"confirm\": \"%s\"",
		    sluice_volume_name(e->f));
	/* Before the header goes, so that nothing is written that could never be read. */
	key_close(e, STATE_LOCKED, "the volume is being erased");
	key_forget(e);
	reencrypt_forget_next(e);
	return 0;
}

/* Both headers, should a walk have left a second one behind. */
static int erase_run(struct job *j)
{
	struct luks next;
	int rc = reencrypt_next_paths(j->e, &next);

	if (rc == 0)
		rc = luks_erase(&next);
	if (rc == 0)
		rc = luks_erase(&j->luks);
	return rc;
}

static void erased(struct job *j)
{
	struct encryption *e = j->e;

	key_close(e, STATE_UNFORMATTED, "the volume was erased: its key is gone for good");
	key_note_formatted(e, false);
	memset(&e->header, 0, sizeof(e->header));
	e->sector_bytes = e->wanted_sector_bytes;
	sluice_report(e->f, "encryption_erased",
		      "the LUKS2 header and its backup are overwritten and removed; nothing opens "
		      "the volume's data any more");
}

static void lock(struct encryption *e)
{
	bool was_unlocked = e->state == STATE_UNLOCKED;

	key_forget(e);
	reencrypt_forget_next(e);
	if (!was_unlocked)
		return;
	key_close(e, STATE_LOCKED, "the volume was locked by an administrator");
	sluice_report(e->f, "encryption_locked", "the volume was locked by an administrator");
}

/* ---------------------------------------------------------------- export */

static int export_check(struct job *j, const json_t *args, struct sluice_error *err)
{
	struct encryption *e = j->e;

	if (e->state != STATE_UNLOCKED || !key_kept(e, &j->keys->kept))
		return encryption_refuse(err, "", -ENOKEY,
					 "the volume is %s; an export needs it unlocked, to write "
					 "its holes out",
					 key_state_word(e->state));
	if (e->re)
		return encryption_refuse(
		    err, "", -EBUSY,
		    "what the volume is encrypted with is being changed; export "
		    "it when that has ended");
	if (j->fd < 0)
		return encryption_refuse(err, "", -EINVAL,
					 "\"export\" writes to a descriptor that is passed along");
	return export_new(e, j->fd, &j->export, err);
}

static int export_run(struct job *j)
{
	return luks_attach(&j->luks, j->keys->kept.dek, &j->header_bytes);
}

static void exporting(struct job *j)
{
	struct sluice_error err = {{0}, {0}};

	j->result = export_go(j->export, j->header_bytes, &j->keys->kept, &err);
	j->export = NULL;
	j->header_bytes = NULL;
	if (j->result < 0)
		snprintf(j->luks.text, sizeof(j->luks.text), "%s", err.text);
}

/* ---------------------------------------------------------------- the table */

static bool is_word(const char *name)
{
	return strcmp(name, "lock") == 0 || strcmp(name, "status") == 0 ||
	       strcmp(name, "export_cancel") == 0 || strncmp(name, "reencrypt_", 10) == 0;
}

/* While a walk is under way; commands that would pull keys or headers from under it. */
static int check_walk(const struct encryption *e, const char *name, struct sluice_error *err)
{
	if (!e->re || strcmp(name, "status") == 0 || strncmp(name, "reencrypt_", 10) == 0)
		return 0;
	if (strcmp(name, "unlock") == 0 && e->state == STATE_LOCKED)
		return 0;
	if (strcmp(name, "lock") == 0 && reencrypt_rests(e))
		return 0;
	return encryption_refuse(err, "", -EBUSY,
				 "what the volume is encrypted with is being changed; wait for the "
				 "end, or cancel it with \"reencrypt_cancel\" (to lock the volume, "
				 "\"reencrypt_pause\" will do)");
}

/* A replica may be unlocked in advance; everything else is the primary's. */
static int check_replica(const struct encryption *e, const struct command *c, const char *name,
			 struct sluice_error *err)
{
	if (!companion_is_replica(e) || (!c && strncmp(name, "reencrypt_", 10) != 0) ||
	    (c && c->run == unlock_run))
		return 0;
	return encryption_refuse(err, "", -EROFS,
				 "this side holds the volume's replica; say \"%s\" to the side "
				 "that serves",
				 name);
}

static const struct command commands[] = {
    {.name = "format",
     .kek_count = 1,
     .has_key_id = true,
     .needs_empty = true,
     .check = format_check,
     .run = format_run,
     .done = unlocked},
    {.name = "unlock", .kek_count = 1, .check = check_header, .run = unlock_run, .done = unlocked},
    {.name = "rekey_shallow",
     .kek_count = 2,
     .has_key_id = true,
     .check = check_header,
     .run = rekey_run,
     .done = rekeyed},
    {.name = "erase",
     .leaves_no_header = true,
     .check = erase_check,
     .run = erase_run,
     .done = erased},
    {.name = "encrypt_in_place",
     .kek_count = 1,
     .has_key_id = true,
     .is_walk = true,
     .check = reencrypt_check_encrypt,
     .run = format_run,
     .done = reencrypt_begun,
     .failed = reencrypt_failed},
    {.name = "decrypt_in_place",
     .is_walk = true,
     .check = reencrypt_check_decrypt,
     .run = reencrypt_run_decrypt,
     .done = reencrypt_begun,
     .failed = reencrypt_failed},
    {.name = "rekey_deep",
     .kek_count = 2,
     .has_key_id = true,
     .is_walk = true,
     .check = reencrypt_check_rekey,
     .run = reencrypt_run_rekey,
     .done = reencrypt_begun,
     .failed = reencrypt_failed},
    {.name = "export", .check = export_check, .run = export_run, .done = exporting},
};

static int take_key_id(struct job *j, const json_t *args, struct sluice_error *err)
{
	const json_t *given = json_object_get(args, "key_id");
	const char *id = given ? json_string_value(given) : j->e->key_id;
	int rc = encryption_check_key_id(id, err);

	if (rc == 0)
		snprintf(j->key_id, sizeof(j->key_id), "%s", id);
	return rc;
}

static void scanned(struct scan *s, int result, const char *text)
{
	struct job *j = s->ctx;

	if (result == 0)
		job_go(j);
	else
		job_fail(j, result, text);
}

static int go(struct job *j, const struct command *c, struct sluice_error *err)
{
	int rc;

	if (c->needs_empty) {
		rc = scan_begin(&j->scan, j->e->f, j->may_discard, scanned, j);
		if (rc < 0)
			return encryption_refuse(err, "", rc,
						 "whether the volume is empty could not be found "
						 "out; try again");
		j->e->job = j;
	} else {
		j->e->job = j;
		if (c->is_walk)
			reencrypt_prepare(j);
		else
			job_go(j);
	}
	return SLUICE_PENDING;
}

static int start(struct encryption *e, const struct command *c, const struct sluice_command *cmd,
		 const json_t *args, struct sluice_error *err)
{
	struct job *j;
	int rc = 0;

	if (c->kek_count && cmd->fd < 0)
		return encryption_refuse(err, "", -EINVAL,
					 "\"%s\" takes %u bytes of key from a pipe that is passed "
					 "along",
					 c->name, c->kek_count * LUKS_KEK_BYTES);
	j = job_new(e);
	if (!j)
		return encryption_refuse(err, "", -ENOMEM, ENCRYPTION_NO_SECRET_MEMORY);
	j->fd = cmd->fd;
	j->kek_count = c->kek_count;
	j->leaves_no_header = c->leaves_no_header;
	j->changes_header = c->run != unlock_run && c->run != export_run;
	j->run = c->run;
	j->done = c->done;
	j->failed = c->failed;
	if (c->has_key_id)
		rc = take_key_id(j, args, err);
	if (rc == 0)
		rc = c->check(j, args, err);
	if (rc == 0)
		rc = go(j, c, err);
	if (rc < 0)
		job_free(j);
	return rc;
}

int command_start(struct sluice_filter *f, const struct sluice_command *cmd,
		  struct sluice_error *err)
{
	struct encryption *e = sluice_state(f);
	const struct command *c = NULL;
	json_t *args;
	int rc;

	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (strcmp(cmd->name, commands[i].name) == 0)
			c = &commands[i];
	if (!c && !is_word(cmd->name))
		return encryption_refuse(
		    err, "command", -EINVAL,
		    "there is no command '%.40s'; there are format, unlock, "
		    "lock, rekey_shallow, rekey_deep, encrypt_in_place, "
		    "decrypt_in_place, reencrypt_pause, reencrypt_resume, "
		    "reencrypt_cancel, erase, export, export_cancel and status",
		    cmd->name);
	if (!e->has_looked || e->job)
		return encryption_refuse(err, "", -EBUSY,
					 "the header is being read; try again in a moment");
	if (c && e->is_at_point)
		return encryption_refuse(err, "", -EBUSY,
					 "a snapshot is being made, and the header goes with it; "
					 "try again in a moment");
	if (c && e->exporting)
		return encryption_refuse(
		    err, "", -EBUSY,
		    "the volume is being exported; wait for the end, or end it "
		    "with \"export_cancel\"");
	rc = check_replica(e, c, cmd->name, err);
	if (rc == 0)
		rc = check_walk(e, cmd->name, err);
	if (rc == 0 && !c && strncmp(cmd->name, "reencrypt_", 10) == 0)
		rc = reencrypt_command(e, cmd->name, err);
	if (rc < 0)
		return rc;
	if (!c) {
		if (strcmp(cmd->name, "lock") == 0)
			lock(e);
		else if (strcmp(cmd->name, "export_cancel") == 0)
			export_cancel(e);
		encryption_status(f, cmd->reply_json, cmd->reply_bytes);
		return 0;
	}
	args = json_loads(cmd->args_json, 0, NULL);
	rc = start(e, c, cmd, args, err);
	json_decref(args);
	return rc;
}
