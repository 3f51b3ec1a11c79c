/* SPDX-License-Identifier: MIT */
/*
 * history.c - the ring of samples: slot = time / step, modulo the slots; a new sample takes the
 * place of the one a day before. Rows of one slot lie together, so that a sample of a thousand
 * volumes writes a few pages; reading one volume is a look-up for each slot.
 *
 * Volume 0 is the sum of all, made when the sample is added: it stays right when a volume goes.
 */
#include "history.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "log.h"
#include "sql.h"

#define STEP_MS (HISTORY_STEP_S * (int64_t)1000)

struct history {
	sqlite3 *db;
	char *path;
};

/* Statements are prepared as they are needed: once in ten seconds, or for a chart. */
static const char schema[] =
    "CREATE TABLE IF NOT EXISTS samples ("
    " slot INTEGER NOT NULL, volume_id INTEGER NOT NULL, at_ms INTEGER NOT NULL,"
    " read_iops INTEGER NOT NULL, write_iops INTEGER NOT NULL,"
    " read_bytes_per_s INTEGER NOT NULL, write_bytes_per_s INTEGER NOT NULL,"
    " read_p50_us INTEGER NOT NULL, read_p99_us INTEGER NOT NULL,"
    " write_p50_us INTEGER NOT NULL, write_p99_us INTEGER NOT NULL,"
    " allocated_bytes INTEGER NOT NULL, PRIMARY KEY (slot, volume_id)) STRICT, WITHOUT ROWID";

/* What came later: a file of before gets these, and its samples nothing in them. */
static const char *const later[] = {
    "cache_reads_per_s",
    "cache_hits_per_s",
    "dirty_bytes",
    "lag_ms",
};
#define LATER_COUNT (sizeof(later) / sizeof(later[0]))

/* ---------------------------------------------------------------- open, close, begin anew */

static int add_column(struct history *h, const char *name)
{
	char sql[160];

	snprintf(sql, sizeof(sql), "ALTER TABLE samples ADD COLUMN %s INTEGER NOT NULL DEFAULT 0",
		 name);
	return sqlite3_exec(h->db, sql, NULL, NULL, NULL);
}

/* Two may open it at the same time, so it is looked and done under the lock. */
static int add_columns(struct history *h)
{
	int rc = sqlite3_exec(h->db, "BEGIN IMMEDIATE", NULL, NULL, NULL);

	for (size_t i = 0; rc == SQLITE_OK && i < LATER_COUNT; i++) {
		rc = sqlite3_table_column_metadata(h->db, NULL, "samples", later[i], NULL, NULL,
						   NULL, NULL, NULL);
		rc = rc == SQLITE_ERROR ? add_column(h, later[i]) : rc;
	}
	if (rc == SQLITE_OK)
		return sqlite3_exec(h->db, "COMMIT", NULL, NULL, NULL);
	if (!sqlite3_get_autocommit(h->db))
		sqlite3_exec(h->db, "ROLLBACK", NULL, NULL, NULL);
	return rc;
}

static bool has_columns(struct history *h)
{
	return sqlite3_table_column_metadata(h->db, NULL, "samples", later[LATER_COUNT - 1], NULL,
					     NULL, NULL, NULL, NULL) == SQLITE_OK;
}

static int connect_to(struct history *h, struct err *err)
{
	int fd = open(h->path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	int rc;

	if (fd < 0)
		return err_set(err, errno, "", "cannot create %.200s: %s", h->path,
			       strerror(errno));
	close(fd);
	rc = sqlite3_open_v2(h->path, &h->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
	if (rc == SQLITE_OK) {
		sqlite3_extended_result_codes(h->db, 1);
		sqlite3_busy_timeout(h->db, (int)STORE_BUSY_MS);
		rc = sqlite3_exec(h->db,
				  "PRAGMA trusted_schema = OFF; PRAGMA journal_mode = WAL;"
				  "PRAGMA synchronous = OFF; PRAGMA temp_store = MEMORY",
				  NULL, NULL, NULL);
	}
	if (rc == SQLITE_OK)
		rc = sqlite3_exec(h->db, schema, NULL, NULL, NULL);
	if (rc == SQLITE_OK && !has_columns(h))
		rc = add_columns(h);
	return rc == SQLITE_OK ? 0 : sql_fail(h->db, rc, err);
}

static void disconnect(struct history *h)
{
	sqlite3_close(h->db);
	h->db = NULL;
}

static void put_aside(const char *path, const char *tail, bool is_kept)
{
	cleanup_free char *from = NULL, *to = NULL;

	if (asprintf(&from, "%s%s", path, tail) < 0 || asprintf(&to, "%s.damaged", path) < 0)
		return;
	if (!is_kept || rename(from, to) < 0)
		unlink(from);
}

/* The next opener may have begun anew already: then only the connection is made again. */
static int begin_anew(struct history *h, struct err *err)
{
	int rc;

	disconnect(h);
	rc = connect_to(h, err);
	if (rc == 0 && sql_pragma(h->db,
				  "SELECT 1 FROM pragma_quick_check(1)"
				  " WHERE quick_check = 'ok'",
				  0) == 1)
		return 0;
	if (rc < 0 && rc != -EUCLEAN)
		return rc;
	disconnect(h);
	log_warn("%s is damaged: it is put aside as %s.damaged, charts begin anew", h->path,
		 h->path);
	put_aside(h->path, "", true);
	put_aside(h->path, "-wal", false);
	put_aside(h->path, "-shm", false);
	return connect_to(h, err);
}

int history_open(const char *path, struct history **out, struct err *err)
{
	struct history *h = calloc(1, sizeof(*h));
	int rc;

	if (!h || !(h->path = strdup(path))) {
		free(h);
		return err_set(err, ENOMEM, "", "not enough memory for the history");
	}
	rc = connect_to(h, err);
	if (rc == -EUCLEAN)
		rc = begin_anew(h, err);
	if (rc < 0) {
		history_close(h);
		return rc;
	}
	*out = h;
	return 0;
}

void history_close(struct history *h)
{
	if (!h)
		return;
	disconnect(h);
	free(h->path);
	free(h);
}

/* ---------------------------------------------------------------- add, forget */

static uint32_t add_small(uint32_t a, uint32_t b)
{
	return a > UINT32_MAX - b ? UINT32_MAX : a + b;
}

static void add_to(struct history_sample *sum, const struct history_sample *one)
{
	uint64_t reads = (uint64_t)sum->read_iops + one->read_iops;
	uint64_t writes = (uint64_t)sum->write_iops + one->write_iops;

	/* the middle of all is between the middles, nearer to the busier */
	if (reads)
		sum->read_p50_us = (uint32_t)(((uint64_t)sum->read_p50_us * sum->read_iops +
					       (uint64_t)one->read_p50_us * one->read_iops) /
					      reads);
	if (writes)
		sum->write_p50_us = (uint32_t)(((uint64_t)sum->write_p50_us * sum->write_iops +
						(uint64_t)one->write_p50_us * one->write_iops) /
					       writes);
	if (one->read_p99_us > sum->read_p99_us)
		sum->read_p99_us = one->read_p99_us;
	if (one->write_p99_us > sum->write_p99_us)
		sum->write_p99_us = one->write_p99_us;
	sum->read_iops = (uint32_t)(reads > UINT32_MAX ? UINT32_MAX : reads);
	sum->write_iops = (uint32_t)(writes > UINT32_MAX ? UINT32_MAX : writes);
	sum->read_bytes_per_s += one->read_bytes_per_s;
	sum->write_bytes_per_s += one->write_bytes_per_s;
	sum->allocated_bytes += one->allocated_bytes;
	sum->cache_reads_per_s = add_small(sum->cache_reads_per_s, one->cache_reads_per_s);
	sum->cache_hits_per_s = add_small(sum->cache_hits_per_s, one->cache_hits_per_s);
	sum->dirty_bytes += one->dirty_bytes;
	if (one->lag_ms > sum->lag_ms)
		sum->lag_ms = one->lag_ms;
}

static int put(sqlite3_stmt *stmt, int64_t at_ms, const struct history_sample *x)
{
	const int64_t values[] = {at_ms / STEP_MS % HISTORY_SLOTS,
				  x->volume_id,
				  at_ms,
				  x->read_iops,
				  x->write_iops,
				  (int64_t)x->read_bytes_per_s,
				  (int64_t)x->write_bytes_per_s,
				  x->read_p50_us,
				  x->read_p99_us,
				  x->write_p50_us,
				  x->write_p99_us,
				  (int64_t)x->allocated_bytes,
				  x->cache_reads_per_s,
				  x->cache_hits_per_s,
				  (int64_t)x->dirty_bytes,
				  (int64_t)x->lag_ms};

	for (int i = 0; i < (int)(sizeof(values) / sizeof(values[0])); i++)
		sqlite3_bind_int64(stmt, i + 1, values[i]);
	sqlite3_step(stmt);
	return sqlite3_reset(stmt);
}

static int add_all(struct history *h, int64_t at_ms, const struct history_sample *samples,
		   uint32_t count)
{
	struct history_sample sum = {0};
	sqlite3_stmt *stmt = NULL;
	int rc = sqlite3_prepare_v2(h->db,
				    "INSERT OR REPLACE INTO samples VALUES"
				    " (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13,"
				    " ?14, ?15, ?16)",
				    -1, &stmt, NULL);

	for (uint32_t i = 0; rc == SQLITE_OK && i < count; i++) {
		add_to(&sum, &samples[i]);
		rc = put(stmt, at_ms, &samples[i]);
	}
	if (rc == SQLITE_OK)
		rc = put(stmt, at_ms, &sum);
	sqlite3_finalize(stmt);
	return rc;
}

static int add_once(struct history *h, int64_t at_ms, const struct history_sample *samples,
		    uint32_t count, struct err *err)
{
	int rc = sqlite3_exec(h->db, "BEGIN IMMEDIATE", NULL, NULL, NULL);

	if (rc == SQLITE_OK)
		rc = add_all(h, at_ms - at_ms % STEP_MS, samples, count);
	if (rc == SQLITE_OK)
		rc = sqlite3_exec(h->db, "COMMIT", NULL, NULL, NULL);
	if (rc == SQLITE_OK)
		return 0;
	rc = sql_fail(h->db, rc, err);
	if (!sqlite3_get_autocommit(h->db))
		sqlite3_exec(h->db, "ROLLBACK", NULL, NULL, NULL);
	return rc;
}

int history_add(struct history *h, int64_t at_ms, const struct history_sample *samples,
		uint32_t count, struct err *err)
{
	int rc = add_once(h, at_ms, samples, count, err);

	if (rc == -EUCLEAN)
		rc = begin_anew(h, err);
	else
		return rc;
	return rc == 0 ? add_once(h, at_ms, samples, count, err) : rc;
}

int history_forget(struct history *h, int64_t volume_id, struct err *err)
{
	sqlite3_stmt *stmt = NULL;
	int rc =
	    sqlite3_prepare_v2(h->db, "DELETE FROM samples WHERE volume_id = ?1", -1, &stmt, NULL);

	if (rc == SQLITE_OK) {
		sqlite3_bind_int64(stmt, 1, volume_id);
		rc = sqlite3_step(stmt) == SQLITE_DONE ? SQLITE_OK : sqlite3_errcode(h->db);
	}
	if (rc != SQLITE_OK)
		rc = sql_fail(h->db, rc, err);
	sqlite3_finalize(stmt);
	return rc;
}

/* ---------------------------------------------------------------- get */

/* ?1 volume, ?2 from, ?3 to, ?4 ms that one point stands for, ?5 first slot, ?6 slots. */
static const char select_points[] =
    "WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < ?6)"
    " SELECT min(s.at_ms) AS at_ms,"
    " CAST(round(avg(s.read_iops)) AS INTEGER) AS read_iops,"
    " CAST(round(avg(s.write_iops)) AS INTEGER) AS write_iops,"
    " CAST(round(avg(s.read_bytes_per_s)) AS INTEGER) AS read_bytes_per_s,"
    " CAST(round(avg(s.write_bytes_per_s)) AS INTEGER) AS write_bytes_per_s,"
    " CAST(round(avg(s.read_p50_us)) AS INTEGER) AS read_p50_us,"
    " max(s.read_p99_us) AS read_p99_us,"
    " CAST(round(avg(s.write_p50_us)) AS INTEGER) AS write_p50_us,"
    " max(s.write_p99_us) AS write_p99_us,"
    " CAST(round(avg(s.allocated_bytes)) AS INTEGER) AS allocated_bytes,"
    " round(100.0 * sum(s.cache_hits_per_s) / nullif(sum(s.cache_reads_per_s), 0), 1)"
    " AS read_hit_pct,"
    " max(s.dirty_bytes) AS dirty_bytes, max(s.lag_ms) AS lag_ms"
    " FROM n CROSS JOIN samples AS s ON s.slot = (?5 + n.i) % 8640 AND s.volume_id = ?1"
    " WHERE s.at_ms BETWEEN ?2 AND ?3"
    " GROUP BY (s.at_ms - ?2) / ?4 ORDER BY 1";
_Static_assert(HISTORY_SLOTS == 8640u, "select_points has the number of slots in its text");

static json_t *value_of(sqlite3_stmt *stmt, int column)
{
	switch (sqlite3_column_type(stmt, column)) {
	case SQLITE_NULL:
		return json_null();
	case SQLITE_FLOAT:
		return json_real(sqlite3_column_double(stmt, column));
	default:
		return json_integer(sqlite3_column_int64(stmt, column));
	}
}

static json_t *point_of(sqlite3_stmt *stmt)
{
	json_t *point = json_object();

	for (int i = 0; i < sqlite3_column_count(stmt); i++)
		json_object_set_new(point, sqlite3_column_name(stmt, i), value_of(stmt, i));
	return point;
}

static int read_points(sqlite3_stmt *stmt, json_t *points)
{
	int rc;

	while ((rc = sqlite3_step(stmt)) == SQLITE_ROW)
		json_array_append_new(points, point_of(stmt));
	return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static int get_once(struct history *h, const int64_t values[6], json_t *points, struct err *err)
{
	sqlite3_stmt *stmt = NULL;
	int rc = sqlite3_prepare_v2(h->db, select_points, -1, &stmt, NULL);

	for (int i = 0; rc == SQLITE_OK && i < 6; i++)
		rc = sqlite3_bind_int64(stmt, i + 1, values[i]);
	if (rc == SQLITE_OK)
		rc = read_points(stmt, points);
	if (rc != SQLITE_OK)
		rc = sql_fail(h->db, rc, err);
	sqlite3_finalize(stmt);
	return rc;
}

json_t *history_get(struct history *h, int64_t volume_id, int64_t from_ms, int64_t to_ms,
		    uint32_t max_points, struct err *err)
{
	int64_t day_ms = HISTORY_SLOTS * STEP_MS, slots, per_point;
	json_t *points = json_array();
	int rc;

	if (from_ms < 0)
		from_ms = 0;
	from_ms -= from_ms % STEP_MS;
	if (to_ms < from_ms || max_points == 0)
		return points;
	if (to_ms - from_ms >= day_ms) /* the ring holds no more than its newest day */
		from_ms = to_ms - to_ms % STEP_MS - day_ms + STEP_MS;
	slots = (to_ms - from_ms) / STEP_MS + 1;
	per_point = (slots + max_points - 1) / max_points;

	const int64_t values[6] = {volume_id,           from_ms,           to_ms,
				   per_point * STEP_MS, from_ms / STEP_MS, slots};

	rc = get_once(h, values, points, err);
	if (rc == -EUCLEAN && begin_anew(h, err) == 0) {
		json_array_clear(points);
		rc = get_once(h, values, points, err);
	}
	if (rc == 0)
		return points;
	json_decref(points);
	return NULL;
}
