/* SPDX-License-Identifier: MIT */
/*
 * wblog_mark.c - the mark of the flash folder and who knows it: the record of each volume with a
 * log there, and while one of them is attached, all of the datastore.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>

#include "folder_mark.h"
#include "volume.h"
#include "wblog_int.h"

static bool is_folder(const struct volume *v)
{
	return v->g->cfg.flash_path[0] && !group_flash_is_device(v->g);
}

/* What a record says of another folder says nothing. */
void wblog_mark_learn(struct volume *v)
{
	const struct wblog_record *rec = &v->wblog.record;

	if (is_folder(v) && folder_mark_is_known(rec->flash_uuid) &&
	    strcmp(rec->flash_path, v->g->cfg.flash_path) == 0)
		memcpy(v->g->flash_uuid, rec->flash_uuid, sizeof(v->g->flash_uuid));
}

int wblog_mark_check(const struct volume *v, struct sluice_error *err)
{
	if (!is_folder(v) || !folder_mark_is_known(v->g->flash_uuid))
		return 0;
	return folder_mark_check(v->g->cfg.flash_path, v->g->flash_uuid, err);
}

static void take_over(struct volume *v)
{
	struct wblog_record *rec = &v->wblog.record;

	memcpy(rec->flash_uuid, v->g->flash_uuid, sizeof(rec->flash_uuid));
	snprintf(rec->flash_path, sizeof(rec->flash_path), "%s", v->g->cfg.flash_path);
}

int wblog_mark_claim(struct volume *v, struct sluice_error *err)
{
	int r;

	if (!is_folder(v))
		return 0;
	r = folder_mark_claim(v->f, v->g->cfg.flash_path, v->g->flash_uuid, err);
	if (r == 0)
		take_over(v);
	return r;
}

/* A log of this volume and generation proves the folder. */
void wblog_mark_proved(struct volume *v)
{
	struct sluice_error err = {{0}, {0}};
	bool is_news = !folder_mark_is_known(v->wblog.record.flash_uuid);
	int r;

	if (!is_folder(v))
		return;
	r = wblog_mark_claim(v, &err);
	if (r == -ENOTCONN)
		r = folder_mark_restore(v->g->cfg.flash_path, v->g->flash_uuid, &err);
	if (r < 0)
		sluice_log(v->f, LOG_WARNING, "%s", err.text);
	else if (is_news)
		wblog_note(v, WBLOG_ACTIVE);
}

/* What stood on the flash that is not there was given up: the folder that is there now will do,
 * unless another volume still waits for the other one. */
void wblog_mark_forget(struct volume *v)
{
	struct sluice_error err = {{0}, {0}};

	if (wblog_mark_check(v, &err) == 0)
		return;
	memset(v->wblog.record.flash_uuid, 0, sizeof(v->wblog.record.flash_uuid));
	for (const struct volume *o = v->g->volumes; o; o = o->next_of_group) {
		if (folder_mark_is_known(o->wblog.record.flash_uuid))
			return;
	}
	memset(v->g->flash_uuid, 0, sizeof(v->g->flash_uuid));
}
