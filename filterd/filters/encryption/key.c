/* SPDX-License-Identifier: MIT */
#include "companion.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "sluice/seal.h"

#define KEY_NAME    "dek"
#define KEY_VERSION 1u
#define RECORD      "formatted"

const char *key_state_word(enum state s)
{
	static const char *const words[] = {"unformatted", "locked", "unlocked", "damaged",
					    "clear"};

	return words[s];
}

/* ---------------------------------------------------------------- states */

void key_close(struct encryption *e, enum state s, const char *text)
{
	xts_free(e->xts);
	e->xts = NULL;
	e->state = s;
	snprintf(e->text, sizeof(e->text), "%s", text);
	if (!companion_holds(e))
		sluice_ready_set(e->f, crypt_io_closed_status(e));
	crypt_io_locked(e);
	sluice_seal_tell(e->f);
}

static int open_up(struct encryption *e, const struct kept *kept)
{
	struct xts *x;
	int rc = xts_new(kept->dek, kept->sector_bytes, &x);

	if (rc)
		return rc;
	xts_free(e->xts);
	e->xts = x;
	e->sector_bytes = kept->sector_bytes;
	e->state = STATE_UNLOCKED;
	e->text[0] = '\0';
	sluice_ready_set(e->f, SLUICE_OK);
	sluice_seal_tell(e->f);
	return 0;
}

bool key_fits(const struct encryption *e, uint32_t sector_bytes)
{
	return (sector_bytes == 512 || sector_bytes == 4096) &&
	       sector_bytes <= sluice_volume_block_bytes(e->f);
}

void key_note_formatted(struct encryption *e, bool is_formatted)
{
	char word = is_formatted ? '1' : '0';

	e->has_noted_none = !is_formatted;
	if (sluice_store_put(e->f, RECORD, &word, 1) < 0)
		sluice_log(e->f, LOG_WARNING, "that the volume is%s formatted could not be noted",
			   is_formatted ? "" : " not");
}

static bool was_formatted(struct encryption *e)
{
	size_t size_bytes = 0;
	char word = '0';
	int rc = sluice_store_get(e->f, RECORD, &word, 1, &size_bytes);

	e->has_noted_none = rc == 0 && word == '0';
	return rc == 0 && word == '1';
}

bool key_is_erased(const struct encryption *e)
{
	return e->state == STATE_UNFORMATTED && e->has_noted_none;
}

static void tell(struct encryption *e, bool was_restored, const char *fault)
{
	const char *more =
	    e->state == STATE_UNLOCKED ? "; it goes on with the key that is kept in memory" : "";

	if (was_restored)
		sluice_report(e->f, "encryption_header_restored",
			      "the LUKS2 header was unreadable and was put right from its backup");
	if (fault)
		sluice_report(e->f, "encryption_header_damaged", "%s: %s%s", e->luks.header, fault,
			      more);
}

static void wait_for_key(struct encryption *e)
{
	key_close(e, STATE_LOCKED, "the volume waits for its key");
	sluice_report(e->f, "encryption_locked", "the volume waits for its key '%s'",
		      e->header.key_id);
}

void key_looked(struct encryption *e, int result, const struct luks_info *out, bool was_restored,
		char text[LUKS_TEXT_BYTES])
{
	bool is_missing = result == -ENOENT;

	e->has_looked = true;
	/* A walk that begins or ends has no header, rightly; CLEAR needs none. */
	if (is_missing && (e->re || e->state == STATE_CLEAR))
		return;
	if (is_missing && was_formatted(e)) {
		is_missing = false;
		snprintf(text, LUKS_TEXT_BYTES,
			 "the header and its backup are gone; only a copy of the header opens the "
			 "volume");
	}
	tell(e, was_restored, result < 0 && !is_missing ? text : NULL);
	if (result == 0)
		e->header = *out;
	if (e->state == STATE_UNLOCKED || e->state == STATE_CLEAR ||
	    (e->re && e->re->phase == PHASE_BROKEN))
		return;
	if (result == 0)
		e->sector_bytes = out->sector_bytes;
	if (is_missing)
		key_close(e, STATE_UNFORMATTED,
			  "there is no LUKS2 header yet; nothing is read or written before the "
			  "volume is formatted");
	else if (result < 0)
		key_close(e, STATE_DAMAGED, text);
	else if (!key_fits(e, out->sector_bytes))
		key_close(e, STATE_DAMAGED,
			  "the header's sectors are larger than the volume's blocks");
	else
		wait_for_key(e);
}

int key_open(struct encryption *e, struct kept *kept, char text[LUKS_TEXT_BYTES])
{
	int rc;

	key_stamp(kept);
	if (!key_fits(e, kept->sector_bytes)) {
		snprintf(text, LUKS_TEXT_BYTES,
			 "the header's sectors have %u bytes, the volume's blocks %u",
			 kept->sector_bytes, sluice_volume_block_bytes(e->f));
		return -EINVAL;
	}
	rc = sluice_key_put(e->f, KEY_NAME, kept, sizeof(*kept));
	if (rc == 0)
		rc = open_up(e, kept);
	if (rc < 0) {
		key_forget(e);
		key_close(e, STATE_LOCKED, "the key could not be kept in locked memory");
		snprintf(text, LUKS_TEXT_BYTES,
			 "the key cannot be kept in locked memory (%s); raise the limit "
			 "RLIMIT_MEMLOCK of sluice-filterd",
			 strerror(-rc));
	}
	return rc;
}

void key_stamp(struct kept *kept)
{
	kept->version = KEY_VERSION;
}

int key_replace(struct encryption *e, struct kept *kept)
{
	int rc = sluice_key_put(e->f, KEY_NAME, kept, sizeof(*kept));

	return rc ? rc : open_up(e, kept);
}

void key_clear(struct encryption *e)
{
	key_end(e);
	e->state = STATE_CLEAR;
	e->text[0] = '\0';
	memset(&e->header, 0, sizeof(e->header));
	sluice_ready_set(e->f, SLUICE_OK);
	sluice_seal_tell(e->f);
}

bool key_is_needed(struct encryption *e)
{
	size_t size_bytes = 0;
	char word = '0';

	if (sluice_store_get(e->f, REENCRYPT_STORE_CLEAR, &word, 1, &size_bytes) == 0 &&
	    word == '1')
		return false;
	return !e->is_clear_before || !key_is_unformatted(e);
}

bool key_is_unformatted(struct encryption *e)
{
	size_t size_bytes = 0;
	char word;

	/* A record also stands there after "erase", which leaves noise, not data. */
	return sluice_store_get(e->f, RECORD, &word, 1, &size_bytes) == -ENOENT &&
	       access(e->luks.header, F_OK) < 0 && errno == ENOENT &&
	       access(e->luks.backup, F_OK) < 0 && errno == ENOENT;
}

void key_forget(struct encryption *e)
{
	sluice_key_forget(e->f, KEY_NAME);
}

/* ---------------------------------------------------------------- begin and end */

bool key_kept(struct encryption *e, struct kept *room)
{
	size_t size_bytes = 0;

	return sluice_key_get(e->f, KEY_NAME, room, sizeof(*room), &size_bytes) == 0 &&
	       size_bytes == sizeof(*room) && room->version == KEY_VERSION &&
	       key_fits(e, room->sector_bytes);
}

void key_begin(struct encryption *e, struct kept *room)
{
	e->state = STATE_LOCKED;
	sluice_ready_set(e->f, SLUICE_ERR_LOCKED);
	if (key_kept(e, room))
		(void)open_up(e, room);
}

void key_end(struct encryption *e)
{
	xts_free(e->xts);
	e->xts = NULL;
}
