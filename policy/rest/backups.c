/* SPDX-License-Identifier: MIT */
/*
 * backups.c - /backups: whole, checked copies of the database in the backup folder.
 *
 * The database is small (the history is in a file of its own), so the copy is made while the
 * request waits; its record is a task that has ended. POST is ROUTE_READS: a backup cannot be taken
 * inside the router's transaction. So the audit row is written here. Thread: main.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "app.h"
#include "auth.h"
#include "clock.h"
#include "json.h"
#include "store_link.h"
#include "tables.h"
#include "volume_rows.h"

#define PATH_BYTES 512u

static int list(struct request *q, struct reply *r, struct err *err)
{
	json_t *all = store_backups(q->app->backup_dir, err);

	if (!all)
		return -err->code;
	r->body = json_pack("{s:o, s:n, s:I}", "items", all, "next_cursor", "total",
			    (json_int_t)json_array_size(all));
	return 0;
}

/* "manual-20260131T120000Z-v1.db": the name says when, and that it is not cleaned up by itself. */
static int path_make(struct request *q, char path[PATH_BYTES], struct err *err)
{
	time_t s = (time_t)(clock_wall_ms() / 1000);
	struct tm utc;
	char when[32];
	int n;

	if (!gmtime_r(&s, &utc) || strftime(when, sizeof(when), "%Y%m%dT%H%M%SZ", &utc) == 0)
		return err_set(err, EIO, "", "the clock cannot be read");
	n = snprintf(path, PATH_BYTES, "%s/manual-%s-v%u.db", q->app->backup_dir, when,
		     store_schema_version(q->store));
	return n > 0 && n < (int)PATH_BYTES
		   ? 0
		   : err_set(err, ENAMETOOLONG, "", "the path of the backup folder is too long");
}

static int record(struct request *q, struct reply *r, const char *path, struct err *err)
{
	const char *name = strrchr(path, '/') + 1;
	const struct store_audit audit = {
	    .actor = q->actor.name,
	    .role = auth_role_word(q->actor.role),
	    .address = q->actor.address,
	    .method = q->method,
	    .path = q->path,
	    .object_type = "backup",
	    .object_name = name,
	    .summary = "",
	    .status = 202,
	};
	cleanup_json json_t *parameters = json_pack("{s:s}", "path", path);
	int rc = store_begin(q->store, err);

	if (rc == 0)
		rc = rest_task(q, r, "backup", "backup", name, false, parameters, err);
	if (rc == 0)
		rc = store_task_end(q->store, r->task_id, "succeeded", NULL, err);
	if (rc == 0)
		rc = rest_event(q, "info", "backup.made", "backup", name, err,
				"a backup of the database was made by %s: %s", q->actor.name, path);
	if (rc == 0)
		rc = store_audit_add(q->store, &audit, err);
	if (rc == 0)
		rc = store_commit(q->store, err);
	if (rc < 0)
		store_rollback(q->store);
	return rc;
}

static int create(struct request *q, struct reply *r, struct err *err)
{
	char path[PATH_BYTES];

	if (q->is_dry_run) {
		r->body = json_object();
		return 0;
	}
	if (path_make(q, path, err) < 0 || store_backup(q->store, path, err) < 0 ||
	    record(q, r, path, err) < 0)
		return -err->code;
	rows_object(r, strrchr(path, '/') + 1);
	r->body = json_pack("{s:s, s:s}", "name", strrchr(path, '/') + 1, "path", path);
	return 0;
}

const struct route backups_routes[] = {
    {"GET", "/backups", REST_ADMIN, 0, list, "backup", NULL},
    {"POST", "/backups", REST_ADMIN, ROUTE_READS, create, "backup", NULL},
    {.method = NULL},
};
