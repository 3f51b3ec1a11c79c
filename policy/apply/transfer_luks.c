/* SPDX-License-Identifier: MIT */
/*
 * transfer_luks.c - a volume's ciphertext with its LUKS2 header into a descriptor: work of the
 * encryption filter itself, since it alone sees what lies below it. It is given the descriptor,
 * asked how far it is, told to cancel.
 *
 * As in every transfer the reconciler has taken the volume from its initiators, and this waits
 * until the last ring has gone. Should anybody write nevertheless, the filter ends the export by
 * itself.
 *
 * Thread: the job's.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "fd.h"
#include "json.h"
#include "model.h"
#include "store_link.h"
#include "transfer_int.h"

#define LOOK_MS       200u
#define OPEN_LIMIT_NS (60ull * CLOCK_NS_PER_S)

struct luks {
	struct job *job;
	char filter[64];
	int64_t id; /* of this export; 0: not begun */
};

static const char *text_of(const json_t *row, const char *member)
{
	const char *text = json_string_value(json_object_get(row, member));

	return text ? text : "";
}

static json_t *command(struct luks *l, const char *name, int fd, struct err *err)
{
	cleanup_json json_t *request =
	    json_pack("{s:s, s:s, s:s, s:s}", "request", "filter.command", "name", l->job->object,
		      "filter", l->filter, "command", name);
	cleanup_json json_t *answer = NULL;

	if (!request) {
		err_set(err, ENOMEM, "", "no memory for a request to sluice-filterd");
		return NULL;
	}
	answer = ctl_client_ask(&l->job->filterd.ctl, request, fd, err);
	return answer ? json_incref(json_object_get(json_object_get(answer, "reply"), "export"))
		      : NULL;
}

/* ---------------------------------------------------------------- begin */

/* What says that the volume is not ready yet, and not that it never will be. */
static bool is_not_yet(int code)
{
	return code == EBUSY || code == ENOTCONN || code == EAGAIN || code == ENOKEY;
}

static int find_filter(struct luks *l, const json_t *volume, struct err *err)
{
	int number = (int)model_class_number("encryption");
	const json_t *f;
	size_t i;

	json_array_foreach(json_object_get(volume, "filters"), i, f)
	{
		if (json_integer_value(json_object_get(f, "class")) != number)
			continue;
		snprintf(l->filter, sizeof(l->filter), "%s", text_of(f, "filter"));
		return 0;
	}
	return err_set(err, EINVAL, "format",
		       "volume %s has no encryption, so there is no LUKS header for it; export it "
		       "raw",
		       l->job->object);
}

/* Open, ours, and without a ring. Errors: -EBUSY, -ENOTCONN: not yet */
static int look_at_volume(struct luks *l, struct err *err)
{
	struct job *j = l->job;
	cleanup_json json_t *row = store_get(j->store, &table_volumes, j->object, err);
	cleanup_json json_t *name = json_pack("{s:s}", "name", j->object), *answer = NULL;
	const json_t *volume;

	if (!row)
		return -err->code;
	answer = filterd_ask(&j->filterd, "volume.show", name, err);
	if (!answer)
		return err->code == ENOENT ? err_set(err, EBUSY, "", "it is not open yet")
					   : -err->code;
	volume = json_object_get(answer, "volume");
	if (strcasecmp(text_of(row, "uuid"), text_of(volume, "uuid")) != 0)
		return err_set(err, EEXIST, "", "sluice-filterd has another volume by the name %s",
			       j->object);
	if (strcmp(text_of(volume, "state"), "serving") != 0)
		return err_set(err, ENOTCONN, "", "it is %s", text_of(volume, "state"));
	if (json_integer_value(json_object_get(volume, "rings")) > 0)
		return err_set(err, EBUSY, "", "its LUN is being taken away from tgtd");
	return find_filter(l, volume, err);
}

static int begin_once(struct luks *l, int fd, struct err *err)
{
	cleanup_json json_t *before = NULL, *now = NULL;
	int rc = look_at_volume(l, err);

	if (rc)
		return rc;
	before = command(l, "status", -1, err);
	if (!before)
		return -err->code;
	/* Of a policyd that is not any more; its file has gone with it. */
	if (strcmp(text_of(before, "state"), "running") == 0) {
		json_decref(command(l, "export_cancel", -1, err));
		return err_set(err, EBUSY, "", "an earlier export of it comes to its end");
	}
	now = command(l, "export", fd, err);
	l->id = json_integer_value(json_object_get(now, "id"));
	return now ? 0 : -err->code;
}

static int begin(struct luks *l, int fd, struct err *err)
{
	uint64_t first_ns = clock_now_ns();
	char text[200];
	int rc;

	for (;;) {
		if ((rc = transfer_flow_must_stop(l->job, err)))
			return rc;
		rc = begin_once(l, fd, err);
		if (!rc)
			return 0;
		if (filterd_is_gone(err)) {
			fd_close(&l->job->filterd.ctl.fd);
			first_ns = clock_now_ns();
			snprintf(text, sizeof(text), "waiting for sluice-filterd");
		} else if (!is_not_yet(err->code)) {
			return rc;
		} else if (clock_now_ns() - first_ns > OPEN_LIMIT_NS) {
			return err_prefix(err, "volume %s did not get ready in %u s",
					  l->job->object,
					  (unsigned)(OPEN_LIMIT_NS / CLOCK_NS_PER_S));
		} else {
			snprintf(text, sizeof(text), "waiting for volume %.60s: %.100s",
				 l->job->object, err->text);
		}
		transfer_note_progress(l->job, 0, text);
		(void)transfers_wait(l->job->owner, LOOK_MS);
	}
}

/* ---------------------------------------------------------------- follow */

/* 0: it runs, or is_done. */
static int look(struct luks *l, bool *is_done, struct err *err)
{
	cleanup_json json_t *now = command(l, "status", -1, err);
	uint64_t done_bytes, total_bytes;
	const char *state = text_of(now, "state");
	char text[80];

	if (!now && filterd_is_gone(err)) {
		fd_close(&l->job->filterd.ctl.fd);
		return 0; /* asked again; a new filterd will not know it */
	}
	if (!now && err->code == EBUSY)
		return 0;
	if (!now || json_integer_value(json_object_get(now, "id")) != l->id)
		return err_set(err, ECONNRESET, "",
			       "sluice-filterd was restarted in the middle of it; begin it again");
	*is_done = strcmp(state, "done") == 0;
	if (*is_done)
		return 0;
	if (strcmp(state, "running") != 0)
		return err_set(err, strcmp(state, "cancelled") == 0 ? ECANCELED : EIO, "",
			       "volume %s, export: %s", l->job->object, text_of(now, "text"));
	done_bytes = (uint64_t)json_integer_value(json_object_get(now, "done_bytes"));
	total_bytes = (uint64_t)json_integer_value(json_object_get(now, "total_bytes"));
	snprintf(text, sizeof(text), "%llu of %llu MiB", (unsigned long long)(done_bytes >> 20),
		 (unsigned long long)(total_bytes >> 20));
	transfer_note_progress(
	    l->job, total_bytes ? (uint32_t)((unsigned __int128)done_bytes * 99 / total_bytes) : 0,
	    text);
	return 0;
}

static int follow(struct luks *l, struct err *err)
{
	bool is_done = false;
	int rc;

	while (!(rc = look(l, &is_done, err)) && !is_done) {
		struct err ignored;

		rc = transfer_flow_must_stop(l->job, err);
		if (rc) {
			json_decref(command(l, "export_cancel", -1, &ignored));
			return rc;
		}
		(void)transfers_wait(l->job->owner, LOOK_MS);
	}
	return rc;
}

int transfer_luks_export(struct job *j, int fd, struct err *err)
{
	struct luks l = {.job = j};
	int rc = begin(&l, fd, err);

	return rc ? rc : follow(&l, err);
}
