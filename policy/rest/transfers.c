/* SPDX-License-Identifier: MIT */
/*
 * transfers.c - a volume's content in and out: /volumes/{name}/import, export, content, and
 * /transfers/files. Thread: main.
 *
 * Here only the wish is checked and written; the data moves between filterd and a file or pipe
 * (transfer.h). While it does, no initiator has the volume: so whoever is logged in stands in the
 * way, and there is no force, for a machine that loses its disk under itself helps no copy.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app.h"
#include "cleanup.h"
#include "fd.h"
#include "json.h"
#include "model.h"
#include "parse.h"
#include "store_link.h"
#include "tables.h"
#include "transfer.h"
#include "volume_rows.h"
#include "volume_view.h"

#define STREAM_PIPE_BYTES (1 << 20)

/* ---------------------------------------------------------------- what all have in common */

/* The volume, with nobody on it and no other transfer. */
static json_t *volume_to_transfer(struct request *q, struct err *err)
{
	json_t *row = volume_view_to_change(q, err);

	if (row && (volume_view_no_transfer(row, err) ||
		    volume_view_nobody(q, rows_text(row, "name"), NULL, err))) {
		json_decref(row);
		return NULL;
	}
	return row;
}

/* Sets volumes.transfer and queues the task. Takes parameters. */
static int queue(struct request *q, struct reply *r, const json_t *row, const char *direction,
		 json_t *parameters, struct err *err)
{
	cleanup_json json_t *owned = parameters, *state = json_pack("{s:s}", "transfer", direction);
	const char *name = rows_text(row, "name");
	char kind[40];
	int rc;

	snprintf(kind, sizeof(kind), "volume.%s", direction);
	if ((rc = store_note(q->store, &table_volumes, rows_id(row), state, err)))
		return rc;
	snprintf(kind, sizeof(kind), "volume.%s_begun", direction);
	rc = rest_event(q, "info", kind, "volume", name, err, "%s of volume %s was asked for",
			direction, name);
	snprintf(kind, sizeof(kind), "volume.%s", direction);
	return rc ? rc : rest_task(q, r, kind, "volume", name, true, owned, err);
}

static int fits(const json_t *row, const char *field, uint64_t size_bytes, struct err *err)
{
	char size[32], volume[32];

	if (size_bytes <= rows_u64(row, "size_bytes"))
		return 0;
	parse_size_format(size_bytes, size, sizeof(size));
	parse_size_format(rows_u64(row, "size_bytes"), volume, sizeof(volume));
	return err_set(err, ERANGE, field,
		       "%s bytes do not fit into volume %s of %s; let it grow first", size,
		       rows_text(row, "name"), volume);
}

/* ---------------------------------------------------------------- files */

static int file_of(struct request *q, const char **file, struct err *err)
{
	static const char *const members[] = {"file", NULL};
	cleanup_json json_t *body = rows_body(q, false, err);
	int rc;

	if (!body)
		return -err->code;
	if ((rc = json_only(body, members, err)))
		return rc;
	return json_get_string(q->body, "file", file, err); /* lives as long as the request */
}

static int import_file(struct request *q, struct reply *r, struct err *err)
{
	cleanup_json json_t *row = NULL;
	const char *file = NULL;
	uint64_t size_bytes = 0;
	int rc, fd;

	if ((rc = file_of(q, &file, err)))
		return rc;
	row = volume_to_transfer(q, err);
	if (!row)
		return -err->code;
	fd = transfer_file_open(q->app->transfer_dir, file, &size_bytes, err);
	if (fd < 0)
		return fd;
	close(fd);
	if ((rc = fits(row, "file", size_bytes, err)))
		return rc;
	r->body = json_pack("{s:O, s:s, s:I}", "volume", json_object_get(row, "name"), "file", file,
			    "size_bytes", (json_int_t)size_bytes);
	return queue(q, r, row, "import", json_pack("{s:s}", "file", file), err);
}

static int export_of(struct request *q, const char **file, bool *is_luks, struct err *err)
{
	static const char *const members[] = {"file", "format", NULL};
	cleanup_json json_t *body = rows_body(q, false, err);
	const char *format = "raw";
	int rc;

	if (!body)
		return -err->code;
	if ((rc = json_only(body, members, err)) ||
	    (rc = json_get_string(q->body, "file", file, err)) ||
	    (rc = json_opt_string(q->body, "format", &format, err)))
		return rc;
	*is_luks = strcmp(format, "luks") == 0;
	return *is_luks || strcmp(format, "raw") == 0
		   ? 0
		   : err_set(err, EINVAL, "format", "format is raw or luks, not %.40s", format);
}

/* As far as it is known: a volume that is not open now is found out by the task. */
static int can_be_luks(struct request *q, const char *volume, struct err *err)
{
	cleanup_json json_t *running = volume_view_running(q, volume);
	const json_t *filters = json_object_get(running, "filters"), *f;
	size_t i;

	json_array_foreach(filters, i, f)
	{
		if (rows_u64(f, "class") == model_class_number("encryption"))
			return 0;
	}
	return filters && strcmp(rows_text(running, "state"), "serving") == 0
		   ? err_set(err, EINVAL, "format",
			     "volume %s has no encryption, so there is no LUKS header for it; "
			     "export it raw",
			     volume)
		   : 0;
}

static int export_file(struct request *q, struct reply *r, struct err *err)
{
	cleanup_json json_t *row = NULL;
	const char *file = NULL;
	bool is_luks = false;
	int rc;

	if ((rc = export_of(q, &file, &is_luks, err)))
		return rc;
	row = volume_to_transfer(q, err);
	if (!row)
		return -err->code;
	if (is_luks && (rc = can_be_luks(q, rows_text(row, "name"), err)))
		return rc;
	if ((rc = transfer_file_is_free(q->app->transfer_dir, file, err)))
		return rc;
	r->body = json_pack("{s:O, s:s, s:O}", "volume", json_object_get(row, "name"), "file", file,
			    "size_bytes", json_object_get(row, "size_bytes"));
	return queue(q, r, row, "export",
		     json_pack("{s:s, s:s}", "file", file, "format", is_luks ? "luks" : "raw"),
		     err);
}

static int files(struct request *q, struct reply *r, struct err *err)
{
	json_t *items = transfer_file_list(q->app->transfer_dir, err);

	if (!items)
		return -err->code;
	r->body = json_pack("{s:n, s:i, s:o}", "next_cursor", "total", (int)json_array_size(items),
			    "items", items);
	return 0;
}

/* ---------------------------------------------------------------- streams */

/* A pipe of which main's end never blocks. mine: 0 the reading end, 1 the writing end. */
static int pipe_make(int ends[2], int mine, struct err *err)
{
	int rc;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_set(err, EAGAIN, "", "no pipe: %s", strerror(errno));
	(void)fcntl(ends[1], F_SETPIPE_SZ, STREAM_PIPE_BYTES);
	rc = fd_set_nonblock(ends[mine], true);
	return rc ? err_set(err, -rc, "", "no pipe: %s", strerror(-rc)) : 0;
}

/* The task's end of a new pipe is left for its thread; main's end becomes body_fd. */
static int stream(struct request *q, struct reply *r, int mine, struct err *err)
{
	cleanup_fd int first = -1, second = -1;
	int ends[2] = {-1, -1}, rc;

	rc = pipe_make(ends, mine, err);
	first = ends[mine];
	second = ends[!mine];
	if (!rc)
		rc = transfers_stream(q->app->transfers, r->task_id, second, err);
	if (rc)
		return rc;
	second = -1;
	r->body_fd = take_fd(&first);
	return 0;
}

struct upload {
	struct transfers *transfers;
	int64_t task_id;
};

static void upload_ended(void *ctx, bool is_whole, struct reply *r)
{
	struct upload *u = ctx;

	transfers_stream_ended(u->transfers, u->task_id, is_whole);
	free(u);
}

static int length_of(const struct request *q, const json_t *row, uint64_t *size_bytes,
		     struct err *err)
{
	const char *text = request_header(q, "Content-Length");
	int rc;

	if (!text)
		return 0;
	rc = parse_u64("Content-Length", text, 1, INT64_MAX, size_bytes, err);
	return rc ? rc : fits(row, "Content-Length", *size_bytes, err);
}

static int content_put(struct request *q, struct reply *r, struct err *err)
{
	cleanup_json json_t *row = volume_to_transfer(q, err);
	uint64_t size_bytes = 0;
	struct upload *u;
	int rc;

	if (!row)
		return -err->code;
	if ((rc = length_of(q, row, &size_bytes, err)))
		return rc;
	r->body = json_pack("{s:O}", "volume", json_object_get(row, "name"));
	rc = queue(q, r, row, "import",
		   json_pack("{s:b, s:I}", "is_stream", 1, "size_bytes", (json_int_t)size_bytes),
		   err);
	if (rc || q->is_dry_run)
		return rc;
	u = calloc(1, sizeof(*u));
	if (!u)
		return err_set(err, ENOMEM, "", "no memory for the upload");
	*u = (struct upload){.transfers = q->app->transfers, .task_id = r->task_id};
	if ((rc = stream(q, r, 1, err))) {
		free(u);
		return rc;
	}
	r->ended = upload_ended;
	r->ended_ctx = u;
	return 0;
}

/* Reading is a GET, so the transaction and the audit row are made here: a copy of all of a volume's
 * data is something that one wants to find later. */
static int download_queue(struct request *q, struct reply *r, const json_t *row, struct err *err)
{
	static const char *const roles[] = {"public", "viewer", "operator", "admin"};
	struct store_audit a = {.actor = q->actor.name,
				.role = roles[q->actor.role],
				.address = q->actor.address,
				.method = q->method,
				.path = q->path,
				.object_type = "volume",
				.object_name = rows_text(row, "name"),
				.summary = "the volume's content",
				.status = 200};
	int rc = queue(q, r, row, "export", json_pack("{s:b}", "is_stream", 1), err);

	return rc ? rc : store_audit_add(q->store, &a, err);
}

static int content_get(struct request *q, struct reply *r, struct err *err)
{
	cleanup_json json_t *row = NULL;
	int rc = store_begin(q->store, err);

	if (rc)
		return rc;
	row = volume_to_transfer(q, err);
	rc = row ? download_queue(q, r, row, err) : -err->code;
	if (!rc)
		rc = stream(q, r, 0, err);
	if (!rc)
		rc = store_commit(q->store, err);
	if (rc) {
		store_rollback(q->store);
		fd_close(&r->body_fd);
		r->task_id = 0;
		return rc;
	}
	if (q->app->reconciler)
		reconciler_wake(q->app->reconciler);
	r->status = 200;
	r->task_id = 0; /* the content is the answer; the task only shows how far it is */
	r->content_type = "application/octet-stream";
	r->body_bytes = rows_u64(row, "size_bytes");
	return 0;
}

const struct route transfers_routes[] = {
    {"POST", "/volumes/{name}/import", REST_OPERATOR, 0, import_file, "volume", NULL},
    {"POST", "/volumes/{name}/export", REST_OPERATOR, 0, export_file, "volume", NULL},
    {"PUT", "/volumes/{name}/content", REST_OPERATOR, ROUTE_STREAM_IN, content_put, "volume", NULL},
    {"GET", "/volumes/{name}/content", REST_OPERATOR, 0, content_get, "volume", NULL},
    {"GET", "/transfers/files", REST_VIEWER, 0, files, "transfer", NULL},
    {0},
};
