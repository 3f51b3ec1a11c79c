/* SPDX-License-Identifier: MIT */
/*
 * transfer_flow.c - one stream of content at filterd: begun with a descriptor, followed, cancelled.
 * Thread: the job's.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "fd.h"
#include "json.h"
#include "store_link.h"
#include "transfer_int.h"

#define LOOK_MS         200u
#define OPEN_LIMIT_NS   (60ull * CLOCK_NS_PER_S)
#define CANCEL_LIMIT_NS (3ull * CLOCK_NS_PER_S) /* policyd's end waits for it */
#define GONE_WORD       "waiting for sluice-filterd"

int transfer_flow_must_stop(struct job *j, struct err *err)
{
	if (!transfers_wait(j->owner, 0))
		return err_set(err, ESHUTDOWN, "",
			       "sluice-policyd was stopped in the middle of it");
	if (transfer_note_is_cancel_wanted(j))
		return err_set(err, ECANCELED, "", "cancelled");
	return 0;
}

/* ---------------------------------------------------------------- begin */

/* What says that the volume is not ready yet, and not that it never will be. */
static bool is_not_yet(int code)
{
	return code == EBUSY || code == ENOENT || code == ENOTCONN || code == EAGAIN;
}

/* With the UUID: filterd may have another volume by this name. */
static json_t *ask_start(struct job *j, const struct flow *f, struct err *err)
{
	cleanup_json json_t *row = store_get(j->store, &table_volumes, f->volume, err);
	cleanup_json json_t *request =
	    row ? json_pack("{s:s, s:s, s:O, s:s}", "request", "transfer.start", "name", f->volume,
			    "uuid", json_object_get(row, "uuid"), "direction", f->direction)
		: NULL;

	if (!request)
		return NULL;
	if (f->size_bytes)
		json_object_set_new(request, "size_bytes", json_integer((json_int_t)f->size_bytes));
	/* A new connection each time, so that one that breaks was not an old one's end. */
	fd_close(&j->filterd.ctl.fd);
	return ctl_client_ask(&j->filterd.ctl, request, f->fd, err);
}

/* It went away without an answer: whether it has begun, or will when it goes on, nobody knows.
 * Asking again would give a second one what the first has left of the content. */
static bool may_have_begun(const struct err *err)
{
	return filterd_is_gone(err) && err->code != ESHUTDOWN && strcmp(err->field, "socket") != 0;
}

int transfer_flow_begin(struct job *j, struct flow *f, struct err *err)
{
	uint64_t first_ns = 0;
	char text[200];
	int rc;

	for (;;) {
		cleanup_json json_t *answer = NULL;

		if ((rc = transfer_flow_must_stop(j, err)) ||
		    (rc = transfer_note_beginning(j, f, err)))
			return rc;
		answer = ask_start(j, f, err);
		if (answer) {
			rc = json_get_u64(answer, "transfer", 1, INT64_MAX, &f->id, err);
			fd_close(&f->fd);
			if (!rc)
				transfer_note_filterd_id(j, f->id);
			return rc;
		}
		if (may_have_begun(err)) {
			j->has_begun = true;
			return -err->code;
		}
		if (filterd_is_gone(err)) {
			transfer_note_progress(j, 0, GONE_WORD);
			first_ns = 0;
		} else if (!is_not_yet(err->code)) {
			return -err->code;
		} else {
			uint64_t now_ns = clock_now_ns();

			if (!first_ns)
				first_ns = now_ns;
			if (now_ns - first_ns > OPEN_LIMIT_NS)
				return err_prefix(err, "volume %s did not get ready in %u s",
						  f->volume,
						  (unsigned)(OPEN_LIMIT_NS / CLOCK_NS_PER_S));
			snprintf(text, sizeof(text), "waiting for volume %s: %.100s", f->volume,
				 err->text);
			transfer_note_progress(j, 0, text);
		}
		(void)transfers_wait(j->owner, LOOK_MS);
	}
}

/* ---------------------------------------------------------------- follow */

static int error_of(const json_t *shown, const struct flow *f, struct err *err)
{
	const json_t *e = json_object_get(shown, "error");
	const char *code = json_string_value(json_object_get(e, "code"));
	const char *text = json_string_value(json_object_get(e, "text"));
	int number = code ? ctl_errno_from_name(code) : EIO;

	return err_set(err, number ? number : EIO, "", "volume %s, %s: %s", f->volume, f->direction,
		       text ? text : "sluice-filterd ended it and did not say why");
}

/* 0: it runs or has succeeded, see is_ended. */
static int look(struct job *j, struct flow *f, struct err *err)
{
	cleanup_json json_t *request = json_pack("{s:I}", "transfer", (json_int_t)f->id);
	cleanup_json json_t *shown = filterd_ask(&j->filterd, "transfer.show", request, err);
	const char *state, *volume;

	if (!shown && filterd_is_gone(err))
		return 0; /* asked again; a new filterd will not know it */
	volume = json_string_value(json_object_get(shown, "volume"));
	if ((!shown && err->code == ENOENT) || (volume && strcasecmp(volume, f->volume) != 0)) {
		f->is_ended = true;
		return err_set(err, ECONNRESET, "",
			       "sluice-filterd was restarted in the middle of it; begin it again");
	}
	if (!shown)
		return -err->code;
	f->done_bytes = (uint64_t)json_integer_value(json_object_get(shown, "done_bytes"));
	f->total_bytes = (uint64_t)json_integer_value(json_object_get(shown, "size_bytes"));
	state = json_string_value(json_object_get(shown, "state"));
	if (!state || strcmp(state, "running") == 0)
		return 0;
	f->is_ended = true;
	return strcmp(state, "succeeded") == 0 ? 0 : error_of(shown, f, err);
}

void transfer_flow_cancel(struct job *j, struct flow *f)
{
	cleanup_json json_t *request = json_pack("{s:I}", "transfer", (json_int_t)f->id);
	uint64_t until_ns = clock_now_ns() + CANCEL_LIMIT_NS;
	struct err err;

	if (!f->id || f->is_ended)
		return;
	json_decref(filterd_ask(&j->filterd, "transfer.cancel", request, &err));
	/* The volume is free only when it has ended: what comes next must not find it busy. */
	while (look(j, f, &err) == 0 && !f->is_ended && clock_now_ns() < until_ns)
		poll(NULL, 0, LOOK_MS / 4); /* also while policyd stops */
	f->is_ended = true;
}

static int look_at_all(struct job *j, struct flow *flows, uint32_t count, uint32_t *open,
		       struct err *err)
{
	*open = 0;
	for (uint32_t i = 0; i < count; i++) {
		int rc = flows[i].is_ended ? 0 : look(j, &flows[i], err);

		if (rc)
			return rc;
		*open += !flows[i].is_ended;
	}
	return 0;
}

/* Of the one that is behind. */
static uint32_t percent(const struct flow *flows, uint32_t count)
{
	uint32_t least = 100;

	for (uint32_t i = 0; i < count; i++) {
		const struct flow *f = &flows[i];
		uint32_t pct =
		    f->is_ended ? 100
		    : f->total_bytes
			? (uint32_t)((unsigned __int128)f->done_bytes * 100 / f->total_bytes)
			: 0;

		least = pct < least ? pct : least;
	}
	return least < 99 ? least : 99;
}

int transfer_flow_follow(struct job *j, struct flow *flows, uint32_t count, struct err *err)
{
	char text[80];
	uint32_t open;
	int rc;

	for (;;) {
		rc = look_at_all(j, flows, count, &open, err);
		if (!rc && open == 0)
			return 0;
		if (!rc)
			rc = transfer_flow_must_stop(j, err);
		if (rc)
			break;
		snprintf(text, sizeof(text), "%llu of %llu MiB",
			 (unsigned long long)(flows[0].done_bytes >> 20),
			 (unsigned long long)(flows[0].total_bytes >> 20));
		transfer_note_progress(j, percent(flows, count), text);
		(void)transfers_wait(j->owner, LOOK_MS);
	}
	for (uint32_t i = 0; i < count; i++)
		transfer_flow_cancel(j, &flows[i]);
	return rc;
}
