/* SPDX-License-Identifier: MIT */
#include "store_rig.h"

#include <ftw.h>
#include <sqlite3.h>
#include <unistd.h>

void rig_folder(struct rig *r)
{
	memset(r, 0, sizeof(*r));
	/* hundreds of databases are made and synced: in memory that costs nothing */
	snprintf(r->dir, sizeof(r->dir), "%s/store-test-XXXXXX",
		 access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	assert_non_null(mkdtemp(r->dir));
	snprintf(r->path, sizeof(r->path), "%s/sluice.db", r->dir);
	snprintf(r->backups, sizeof(r->backups), "%s/backups", r->dir);
}

void rig_begin(struct rig *r)
{
	struct err err;

	rig_folder(r);
	must(store_open(r->path, r->backups, true, &r->s, &err), err);
}

void rig_restart(struct rig *r)
{
	struct err err;

	store_close(r->s);
	r->s = NULL;
	must(store_open(r->path, r->backups, true, &r->s, &err), err);
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
	return remove(path);
}

void rig_end(struct rig *r)
{
	store_close(r->s);
	r->s = NULL;
	nftw(r->dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static json_t *add_row(struct rig *r, const struct store_table *t, const json_t *row)
{
	bool is_own = !store_in_transaction(r->s);
	struct err err = {0};
	json_t *made;

	if (is_own)
		must(store_begin(r->s, &err), err);
	made = store_insert(r->s, t, row, &err);
	if (!made)
		fail_msg("%s: %s", t->name, err.text);
	if (is_own)
		must(store_commit(r->s, &err), err);
	return made;
}

static int64_t id_of_row(struct rig *r, const struct store_table *t, const json_t *made)
{
	const json_t *key = json_object_get(made, t->key);

	return json_is_integer(key) ? json_integer_value(key)
				    : store_id_of(r->s, t, json_string_value(key), NULL);
}

int64_t rig_add(struct rig *r, const struct store_table *t, const char *fmt, ...)
{
	cleanup_json json_t *row = NULL, *made = NULL;
	va_list args;

	va_start(args, fmt);
	row = json_vpack_ex(NULL, 0, fmt, args);
	va_end(args);
	assert_non_null(row);
	made = add_row(r, t, row);
	return id_of_row(r, t, made);
}

int64_t rig_add_datastore(struct rig *r)
{
	return rig_add(r, &table_datastores, "{s:s, s:s, s:s}", "name", "fast", "type", "dir",
		       "path", "/srv/fast");
}

int64_t rig_add_volume(struct rig *r, const char *name)
{
	static unsigned number;
	char uuid[37];

	snprintf(uuid, sizeof(uuid), "00000000-0000-4000-8000-%012x", ++number);
	return rig_add(r, &table_volumes, "{s:s, s:s, s:s, s:i}", "name", name, "uuid", uuid,
		       "datastore", "fast", "size_bytes", 1 << 30);
}

void rig_note(struct rig *r, const struct store_table *t, int64_t id, const char *fmt, ...)
{
	cleanup_json json_t *changes = NULL;
	struct err err = {0};
	va_list args;

	va_start(args, fmt);
	changes = json_vpack_ex(NULL, 0, fmt, args);
	va_end(args);
	must(store_begin(r->s, &err), err);
	must(store_note(r->s, t, id, changes, &err), err);
	must(store_commit(r->s, &err), err);
}

/* ---------------------------------------------------------------- samples */

static json_t *sample_text(const struct store_column *c, int number)
{
	char text[400];
	size_t len;

	snprintf(text, sizeof(text), "%.20s-%d", c->name, number);
	len = strlen(text);
	while (len < c->min && len + 1 < sizeof(text))
		text[len++] = 'x';
	text[len > c->max ? c->max : len] = '\0';
	return json_string(text);
}

static json_t *sample_reference(struct rig *r, const struct store_column *c, int number)
{
	cleanup_json json_t *row = rig_sample(r, c->other, 1000 + number);
	cleanup_json json_t *made = add_row(r, c->other, row);

	return json_incref(json_object_get(made, c->other->key));
}

static json_t *sample_value(struct rig *r, const struct store_column *c, int number)
{
	char uuid[37];

	switch (c->type) {
	case STORE_INTEGER:
	case STORE_TIME_MS:
		if (strcmp(c->name, "block_bytes") == 0)
			return json_integer(4096);
		return json_integer((json_int_t)(c->min + 1 < c->max ? c->min + 1 : c->min));
	case STORE_REAL:
		return json_real(12.5);
	case STORE_BOOL:
		return json_true();
	case STORE_ENUM:
		return json_string(c->choices[1]);
	case STORE_UUID:
		snprintf(uuid, sizeof(uuid), "10000000-0000-4000-8000-%012d", number);
		return json_string(uuid);
	case STORE_JSON_ARRAY:
		return json_pack("[s, s]", "one", "two");
	case STORE_JSON_OBJECT:
		return json_pack("{s:s, s:i}", "a", "text", "b", 2);
	case STORE_JSON:
		return json_pack("[{s:n}, b]", "a", 0);
	case STORE_NAME_OF:
		return sample_reference(r, c, number);
	default:
		return sample_text(c, number);
	}
}

json_t *rig_sample(struct rig *r, const struct store_table *t, int number)
{
	json_t *row = json_object();

	for (uint32_t i = 0; i < t->column_count; i++)
		if (strcmp(t->columns[i].name, "id") != 0 &&
		    strcmp(t->columns[i].name, "revision") != 0)
			json_object_set_new(row, t->columns[i].name,
					    sample_value(r, &t->columns[i], number));
	return row;
}

/* ---------------------------------------------------------------- one change of many parts */

static int insert(struct store *s, const struct store_table *t, json_t *row, struct err *err)
{
	cleanup_json json_t *given = row;
	cleanup_json json_t *made = store_insert(s, t, given, err);

	return made ? 0 : -err->code;
}

static int change_rows(struct store *s, int k, struct err *err)
{
	char name[16], text[60], uuid[37];
	int rc = 0;

	snprintf(name, sizeof(name), "x%d", k);
	snprintf(text, sizeof(text), "iqn.2026-01.org.example:x%d", k);
	snprintf(uuid, sizeof(uuid), "30000000-0000-4000-8000-%012d", k);
	if (k == 1)
		rc = insert(s, &table_datastores,
			    json_pack("{s:s, s:s}", "name", "fast", "type", "mem"), err);
	if (rc == 0 && k == 1)
		rc = insert(s, &table_policies, json_pack("{s:s}", "name", "gold"), err);
	if (rc == 0)
		rc = insert(s, &table_hosts, json_pack("{s:s, s:s}", "name", name, "iqn", text),
			    err);
	if (rc == 0)
		rc = insert(s, &table_volumes,
			    json_pack("{s:s, s:s, s:s, s:i}", "name", name, "uuid", uuid,
				      "datastore", "fast", "size_bytes", 4096),
			    err);
	return rc;
}

static int change_links(struct store *s, int k, struct err *err)
{
	cleanup_json json_t *rules = json_pack("[{s:s, s:s}]", "class", "cache", "filter", "wb");
	cleanup_json json_t *hosts = json_array();
	struct store_audit audit = {
	    .actor = "user:anna", .method = "POST", .path = "/volumes", .status = 202};
	char name[16], iqn[40];
	int64_t volume;
	int rc;

	snprintf(name, sizeof(name), "x%d", k);
	snprintf(iqn, sizeof(iqn), "iqn.2026-01.org.sluice:x%d", k);
	json_array_append_new(hosts, json_string(name));
	volume = store_id_of(s, &table_volumes, name, err);
	rc = store_target_put(s, volume, iqn, err);
	if (rc == 0)
		rc = store_access_set(s, volume, hosts, NULL, err);
	if (rc == 0)
		rc = (int)store_policy_add_version(s, store_id_of(s, &table_policies, "gold", err),
						   rules, "", "", err);
	if (rc > 0)
		rc = (int)store_task_add(s, "volume.create", "volume", name, false, NULL, "", err);
	if (rc > 0)
		rc = (int)store_event_add(s, "info", "volume.created", "volume", name, "made", NULL,
					  err);
	return rc > 0 ? store_audit_add(s, &audit, err) : rc;
}

int rig_change(struct store *s, int k, struct err *err)
{
	int rc = store_begin(s, err);

	if (rc == 0)
		rc = change_rows(s, k, err);
	if (rc == 0)
		rc = change_links(s, k, err);
	if (rc == 0)
		rc = store_commit(s, err);
	if (rc < 0)
		store_rollback(s);
	return rc;
}

static json_int_t total(struct store *s, const struct store_table *t)
{
	struct store_query q = {.limit = 1};
	struct err err = {0};
	cleanup_json json_t *page = store_list(s, t, &q, &err);

	if (!page)
		fail_msg("%s", err.text);
	return json_integer_value(json_object_get(page, "total"));
}

int rig_count_changes(struct store *s)
{
	static const struct store_table *const tables[] = {
	    &table_volumes, &table_targets, &table_tasks, &table_events, &table_audit};
	int count = (int)total(s, &table_hosts);
	struct err err = {0};
	int64_t bad_id;

	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++)
		assert_int_equal(total(s, tables[i]), count);
	for (int k = 1; k <= count; k++) {
		cleanup_json json_t *access = NULL, *versions = NULL;
		char name[16];

		snprintf(name, sizeof(name), "x%d", k);
		access = store_access(s, store_id_of(s, &table_volumes, name, &err), &err);
		assert_int_equal(json_array_size(json_object_get(access, "hosts")), 1);
		versions =
		    store_policy_versions(s, store_id_of(s, &table_policies, "gold", &err), &err);
		assert_int_equal(json_array_size(versions), count);
	}
	must(store_audit_verify(s, &bad_id, &err), err);
	return count;
}

/* ---------------------------------------------------------------- files */

void rig_assert_whole(const char *path)
{
	sqlite3_stmt *stmt = NULL;
	sqlite3 *db = NULL;

	assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(db, "PRAGMA integrity_check", -1, &stmt, NULL),
			 SQLITE_OK);
	assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
	assert_string_equal((const char *)sqlite3_column_text(stmt, 0), "ok");
	sqlite3_finalize(stmt);
	assert_int_equal(sqlite3_prepare_v2(db, "PRAGMA foreign_key_check", -1, &stmt, NULL),
			 SQLITE_OK);
	assert_int_equal(sqlite3_step(stmt), SQLITE_DONE);
	sqlite3_finalize(stmt);
	sqlite3_close(db);
}

char *rig_read(const char *path, size_t *size)
{
	FILE *f = fopen(path, "re");
	char *data = calloc(1, 1 << 22);

	assert_non_null(data);
	*size = f ? fread(data, 1, 1 << 22, f) : 0;
	if (f)
		fclose(f);
	return data;
}

void rig_sql(const char *path, const char *statement)
{
	sqlite3 *db = NULL;

	assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
	if (sqlite3_exec(db, statement, NULL, NULL, NULL) != SQLITE_OK)
		fail_msg("%s: %s", statement, sqlite3_errmsg(db));
	sqlite3_close(db);
}
