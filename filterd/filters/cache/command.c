/* SPDX-License-Identifier: MIT */
#include "command.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "volume.h"

/* ---------------------------------------------------------------- arguments */

/* Where the value of a member begins; NULL: there is none. Our objects are flat, and no value is
 * a string but owner's, which is a UUID. */
static const char *member(const char *json, const char *name)
{
	char quoted[64];
	const char *at;

	snprintf(quoted, sizeof(quoted), "\"%s\"", name);
	at = json ? strstr(json, quoted) : NULL;
	if (!at)
		return NULL;
	at += strlen(quoted);
	at += strspn(at, " \t\r\n");
	return *at == ':' ? at + 1 + strspn(at + 1, " \t\r\n") : NULL;
}

static bool is_true(const char *json, const char *name)
{
	const char *at = member(json, name);

	return at && strncmp(at, "true", 4) == 0;
}

/* False: not there, or no whole number. */
static bool number(const char *json, const char *name, uint64_t *out)
{
	const char *at = member(json, name);
	char *end;

	if (!at || *at < '0' || *at > '9')
		return false;
	errno = 0;
	*out = strtoull(at, &end, 10);
	return errno == 0 && (*end == ',' || *end == '}' || *end == ' ');
}

/* ---------------------------------------------------------------- drop */

static void forget_clean(struct volume *v)
{
	ram_invalidate_all(v->ram);
	if (v->clean)
		flash_read_invalidate(v->clean, 0, v->size_bytes / BLOCK_BYTES + 1);
}

static void reply(const struct sluice_command *cmd, uint64_t dropped, uint64_t left)
{
	snprintf(cmd->reply_json, cmd->reply_bytes,
		 "{\"dropped_bytes\":%" PRIu64 ",\"dirty_bytes\":%" PRIu64 "}", dropped, left);
}

static void dropped(struct sluice_rlog_flush *fl)
{
	struct volume *v = fl->ctx;
	struct sluice_error err = {{0}, "the log cannot be emptied"};

	v->destage.is_running = false;
	if (v->is_gone)
		return;
	forget_clean(v);
	destage_retry(v);
	backlog_pump(v);
	settle_check(v);
	if (fl->result < 0)
		wblog_failed(v);
	sluice_command_done(v->f, fl->result, "{\"dirty_bytes\":0}", &err);
}

static int refuse(struct volume *v, struct sluice_error *err)
{
	if (v->wblog.is_unknown)
		snprintf(err->text, sizeof(err->text),
			 "nobody knows how much dirty data is in the log: say \"unknown\": true to "
			 "give it up");
	else
		snprintf(err->text, sizeof(err->text),
			 "%" PRIu64 " bytes are dirty: give them up by naming that number as "
			 "dirty_bytes",
			 volume_dirty_bytes(v));
	snprintf(err->field, sizeof(err->field), "dirty_bytes");
	return -EINVAL;
}

static bool is_named(const struct volume *v, const char *args)
{
	uint64_t named;

	if (v->wblog.is_unknown)
		return is_true(args, "unknown");
	return number(args, "dirty_bytes", &named) && named == volume_dirty_bytes(v);
}

static void journal_dropped(struct sluice_rlog_flush *fl)
{
	struct volume *v = fl->ctx;

	fl->fn = dropped;
	if (fl->result < 0 || v->is_gone)
		dropped(fl);
	else
		sluice_rlog_drop(v->wblog.log, fl);
}

/* The log is emptied in order with the windows, so none may be under way; and before it the
 * journal, or a window in there would come down later. */
static int drop_from_log(struct volume *v, const struct sluice_command *cmd,
			 struct sluice_error *err)
{
	if (v->destage.is_running || v->backlog.appending_blocks > 0 || v->wblog.is_journal_away) {
		snprintf(err->text, sizeof(err->text),
			 "data is on its way just now; stop the writers and try again");
		return -EBUSY;
	}
	sluice_report(v->f, "cache_clean", "an administrator gave up %" PRIu64 " dirty bytes",
		      volume_dirty_bytes(v));
	v->destage.is_running = true; /* no window until it is done */
	v->destage.flush = (struct sluice_rlog_flush){.fn = dropped, .ctx = v};
	if (v->wblog.journal) {
		v->destage.flush.fn = journal_dropped;
		sluice_rlog_drop(v->wblog.journal, &v->destage.flush);
	} else {
		sluice_rlog_drop(v->wblog.log, &v->destage.flush);
	}
	return SLUICE_PENDING;
}

/* The device has the log of a volume that is no more; the word is that volume's UUID. */
static int drop_foreign(struct volume *v, const struct sluice_command *cmd, const char *word,
			struct sluice_error *err)
{
	struct wblog *w = &v->wblog;
	char uuid[GROUP_UUID_TEXT];

	snprintf(err->field, sizeof(err->field), "owner");
	if (v->state != VOLUME_PREPARING || !w->is_foreign) {
		snprintf(err->text, sizeof(err->text), "no other volume's log is in the way");
		return -EINVAL;
	}
	group_uuid_text(w->foreign_uuid, uuid);
	if (word[0] != '"' || strncmp(word + 1, uuid, strlen(uuid)) != 0) {
		snprintf(err->text, sizeof(err->text),
			 "the log is volume %s's: say its UUID to give up what is in it", uuid);
		return -EINVAL;
	}
	if (group_has_uuid(v->g, w->foreign_uuid)) {
		snprintf(err->text, sizeof(err->text), "volume %s is there and uses its log", uuid);
		return -EBUSY;
	}
	err->field[0] = '\0';
	sluice_report(v->f, "cache_clean", "an administrator gave up the log of volume %s", uuid);
	reply(cmd, 0, 0);
	wblog_replace_foreign(v);
	return 0;
}

static int drop(struct volume *v, const struct sluice_command *cmd, struct sluice_error *err)
{
	uint64_t dirty = volume_dirty_bytes(v);
	bool asks = member(cmd->args_json, "dirty_bytes") || member(cmd->args_json, "unknown");
	const char *owner = member(cmd->args_json, "owner");

	if (owner)
		return drop_foreign(v, cmd, owner, err);
	if (v->state == VOLUME_DEGRADED) {
		if (!is_named(v, cmd->args_json))
			return refuse(v, err);
		if (v->destage.is_running || v->salvage.is_on || v->backlog.appending_blocks > 0) {
			snprintf(err->text, sizeof(err->text),
				 "what can still be read is on its way; try again");
			return -EBUSY;
		}
		sluice_report(v->f, "cache_clean",
			      "an administrator gave up what is in the log: %s", v->state_text);
		forget_clean(v);
		reply(cmd, dirty, 0);
		return wblog_forget(v);
	}
	if (v->state != VOLUME_SERVING && v->state != VOLUME_PREPARING) {
		snprintf(err->text, sizeof(err->text), "the cache is not ready yet; try again");
		return -EBUSY;
	}
	if (asks && !is_named(v, cmd->args_json))
		return refuse(v, err);
	if (asks && !destage_is_clean(v))
		return drop_from_log(v, cmd, err);
	forget_clean(v);
	reply(cmd, 0, dirty);
	return 0;
}

/* ---------------------------------------------------------------- the words */

int command_run(struct sluice_filter *f, const struct sluice_command *cmd, struct sluice_error *err)
{
	struct volume *v = sluice_state(f);

	if (strcmp(cmd->name, "flush") == 0) {
		int r = settle_flush(v, err);

		if (r == 0)
			snprintf(cmd->reply_json, cmd->reply_bytes, "{\"dirty_bytes\":0}");
		return r;
	}
	if (strcmp(cmd->name, "drop") == 0)
		return drop(v, cmd, err);
	if (strcmp(cmd->name, "warm") == 0) {
		warming_begin(v);
		return 0;
	}
	snprintf(err->text, sizeof(err->text),
		 "the cache knows the commands flush, drop and warm, and not '%.60s'", cmd->name);
	return -EINVAL;
}
