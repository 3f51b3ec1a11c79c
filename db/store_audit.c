/* SPDX-License-Identifier: MIT */
/*
 * store_audit.c - who did what: a chain of entries, each with the hash of the one before.
 *
 * Entries are numbered without gaps from 1, and SQLite keeps the highest number ever given
 * (AUTOINCREMENT): what was changed, taken out, put in between or cut off at the end shows.
 */
#include <errno.h>
#include <inttypes.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "clock.h"
#include "json.h"
#include "sql.h"
#include "store_link.h"

#define HASH_BYTES 32u
#define HASH_CHARS (2u * HASH_BYTES)

/* SHA-256 over the hash before and the entry as a JSON array, in hexadecimal. Takes entry. */
static int hash_entry(const char *before, json_t *entry, char out[HASH_CHARS + 1], struct err *err)
{
	cleanup_json json_t *pair = json_pack("[s, o]", before, entry);
	cleanup_free char *text = pair ? json_dumps(pair, JSON_COMPACT) : NULL;
	uint8_t hash[HASH_BYTES];

	if (!text)
		return err_set(err, EINVAL, "", "an audit entry is not UTF-8");
	if (EVP_Digest(text, strlen(text), hash, NULL, EVP_sha256(), NULL) != 1)
		return err_set(err, EIO, "", "SHA-256 is not available");
	for (size_t i = 0; i < HASH_BYTES; i++)
		snprintf(out + 2 * i, 3, "%02x", hash[i]);
	return 0;
}

static const char *or_empty(const char *text)
{
	return text ? text : "";
}

/* Number and hash of the newest entry; the number counts those that were taken out, too. */
static int newest(struct store *s, int64_t *id, char hash[HASH_CHARS + 1], struct err *err)
{
	cleanup_sql struct sql *q =
	    sql_query(s, err,
		      "SELECT ifnull((SELECT seq FROM sqlite_sequence WHERE name = 'audit'), 0),"
		      " (SELECT hash FROM audit ORDER BY id DESC LIMIT 1)",
		      "");
	int rc = sql_next(q, err);

	if (rc < 0)
		return rc;
	*id = sql_int(q, 0);
	snprintf(hash, HASH_CHARS + 1, "%s", sql_text(q, 1));
	return 0;
}

int store_audit_add(struct store *s, const struct store_audit *a, struct err *err)
{
	char before[HASH_CHARS + 1], hash[HASH_CHARS + 1];
	int64_t at_ms = (int64_t)clock_wall_ms();
	json_t *entry;
	int64_t id;
	int rc = newest(s, &id, before, err);

	if (rc < 0)
		return rc;
	id++;
	entry = json_pack("[I, I, s, s, s, s, s, i, s, s, s]", (json_int_t)id, (json_int_t)at_ms,
			  or_empty(a->actor), or_empty(a->role), or_empty(a->address),
			  or_empty(a->method), or_empty(a->path), a->status,
			  or_empty(a->object_type), or_empty(a->object_name), or_empty(a->summary));
	rc = hash_entry(before, entry, hash, err);
	if (rc < 0)
		return rc;
	return sql_run(s, err,
		       "INSERT INTO audit (id, at_ms, actor, role, address, method, path, status,"
		       " object_type, object_name, summary, hash)"
		       " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
		       "iitttttitttt", id, at_ms, or_empty(a->actor), or_empty(a->role),
		       or_empty(a->address), or_empty(a->method), or_empty(a->path),
		       (int64_t)a->status, or_empty(a->object_type), or_empty(a->object_name),
		       or_empty(a->summary), hash);
}

static json_t *entry_of(const struct sql *q)
{
	return json_pack("[I, I, s, s, s, s, s, I, s, s, s]", (json_int_t)sql_int(q, 0),
			 (json_int_t)sql_int(q, 1), sql_text(q, 2), sql_text(q, 3), sql_text(q, 4),
			 sql_text(q, 5), sql_text(q, 6), (json_int_t)sql_int(q, 7), sql_text(q, 8),
			 sql_text(q, 9), sql_text(q, 10));
}

static int broken(int64_t id, int64_t *bad_id, struct err *err)
{
	*bad_id = id;
	return err_set(
	    err, EUCLEAN, "",
	    "the audit trail is broken at entry %" PRId64
	    ": it was changed or taken out, by somebody with access to the database file",
	    id);
}

int store_audit_verify(struct store *s, int64_t *bad_id, struct err *err)
{
	cleanup_snapshot struct sql_snapshot snap = sql_snapshot_begin(s);
	char before[HASH_CHARS + 1] = "", hash[HASH_CHARS + 1];
	cleanup_sql struct sql *q = NULL;
	int64_t last, expected = 1;
	int rc = newest(s, &last, hash, err);

	*bad_id = 0;
	if (rc < 0)
		return rc;
	q = sql_query(s, err,
		      "SELECT id, at_ms, actor, role, address, method, path, status, object_type,"
		      " object_name, summary, hash FROM audit ORDER BY id",
		      "");
	while ((rc = sql_next(q, err)) > 0) {
		if (sql_int(q, 0) != expected)
			return broken(expected, bad_id, err);
		rc = hash_entry(before, entry_of(q), hash, NULL);
		if (rc < 0 || strcmp(hash, sql_text(q, 11)) != 0)
			return broken(expected, bad_id, err);
		memcpy(before, hash, sizeof(before));
		expected++;
	}
	if (rc == 0 && expected != last + 1)
		return broken(expected, bad_id, err);
	return rc;
}
