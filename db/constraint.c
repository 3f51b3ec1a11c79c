/* SPDX-License-Identifier: MIT */
/* constraint.c - what SQLite says of a broken constraint, in words that help; who refers to a row.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "json.h"
#include "row.h"

/* ---------------------------------------------------------------- refusals explained */

/* The column in "UNIQUE constraint failed: hosts.iqn, ..." or "... column hosts.iqn". */
static const struct store_column *column_in(const struct store_table *t, const char *text)
{
	size_t table_len = strlen(t->name);
	const char *at = text;

	while ((at = strstr(at, t->name)) && at[table_len] != '.')
		at++;
	if (!at)
		return NULL;
	at += table_len + 1;
	for (uint32_t i = 0; i < t->column_count; i++) {
		const char *column = row_column(&t->columns[i]);
		size_t len = strlen(column);

		if (strncmp(at, column, len) == 0 &&
		    !strchr("_abcdefghijklmnopqrstuvwxyz", at[len]))
			return &t->columns[i];
		if (strcmp(at, column) == 0)
			return &t->columns[i];
	}
	return NULL;
}

/* Who has it: the key of the row that bears the same value. */
static int explain_taken(struct store *s, const struct store_table *t, const struct store_column *c,
			 const json_t *row, struct err *err)
{
	const char *value = c ? json_string_value(json_object_get(row, c->name)) : NULL;
	cleanup_json json_t *owner = NULL;
	char text[160];

	if (!value)
		return err_set(err, EEXIST, c ? c->name : "", "there is such a %s already",
			       t->singular);
	if (strcmp(c->name, t->key) == 0)
		return err_set(err, EEXIST, c->name, "a %s %.100s is there already", t->singular,
			       value);
	if (c->flags & STORE_HIDDEN)
		return err_set(err, EEXIST, c->name, "%s is taken already", c->name);
	snprintf(text, sizeof(text), "SELECT %s AS item FROM %s WHERE %s = ?1", t->key, t->name,
		 row_column(c));
	owner = sql_array(s, NULL, text, "t", value);
	return err_set(err, EEXIST, c->name, "%s %.100s is taken by %s %.80s", c->name, value,
		       t->singular,
		       json_array_size(owner) && json_is_string(json_array_get(owner, 0))
			   ? json_string_value(json_array_get(owner, 0))
			   : "(another one)");
}

/* The first column whose name stands in a CHECK's text: "CHECK constraint failed: length(iqn) ...".
 */
static const struct store_column *column_checked(const struct store_table *t, const char *text)
{
	for (uint32_t i = 0; i < t->column_count; i++) {
		const char *column = row_column(&t->columns[i]);
		const char *at = strstr(text, column);
		size_t len = strlen(column);

		if (at && (at == text || strchr(" (", at[-1])) &&
		    (at[len] == '\0' || strchr(" )", at[len])))
			return &t->columns[i];
	}
	return NULL;
}

int constraint_explain(struct store *s, const struct store_table *t, const json_t *row,
		       struct err *err)
{
	static const char check_mark[] = "CHECK constraint failed: ";
	const struct store_column *c;
	const char *check;

	if (!err)
		return -EINVAL;
	c = column_in(t, err->text);
	if (err->code == EEXIST)
		return explain_taken(s, t, c, row, err);
	if (err->code == EBUSY)
		return err_set(err, ENOENT, "", "what the %s refers to is not there", t->singular);
	check = strstr(err->text, check_mark);
	if (check)
		c = column_checked(t, check + sizeof(check_mark) - 1);
	if (!c)
		return -err->code;
	if (strstr(err->text, "NOT NULL"))
		return err_set(err, EINVAL, c->name, "%s is missing: %.200s", c->name, c->help);
	return err_set(err, EINVAL, c->name, "%s cannot have this value: %.200s", c->name, c->help);
}

/* ---------------------------------------------------------------- who refers to a row */

struct referrer {
	const struct store_table *table;
	const char *what; /* who refers, for the sentence */
	const char *names;
};

/* Every reference in the schema that a delete neither takes along nor sets to NULL; a test compares
 * the two. */
static const struct referrer referrers[] = {
    {&table_datastores, "volume",
     "SELECT name AS item FROM volumes WHERE datastore_id = ?1 ORDER BY name"},
    {&table_policies, "volume",
     "SELECT v.name AS item FROM assignments AS a JOIN volumes AS v ON v.id = a.volume_id"
     " WHERE a.policy_id = ?1 ORDER BY v.name"},
    {&table_hosts, "host group",
     "SELECT g.name AS item FROM host_group_members AS m JOIN host_groups AS g ON g.id = "
     "m.group_id WHERE m.host_id = ?1 ORDER BY g.name"},
    {&table_hosts, "volume",
     "SELECT v.name AS item FROM volume_access AS a JOIN volumes AS v ON v.id = a.volume_id"
     " WHERE a.host_id = ?1 ORDER BY v.name"},
    {&table_host_groups, "volume",
     "SELECT v.name AS item FROM volume_access AS a JOIN volumes AS v ON v.id = a.volume_id"
     " WHERE a.group_id = ?1 ORDER BY v.name"},
    {&table_peers, "replication",
     "SELECT name AS item FROM replications WHERE peer_id = ?1 ORDER BY name"},
    {&table_volumes, "replication",
     "SELECT r.name AS item FROM replication_members AS m JOIN replications AS r"
     " ON r.id = m.replication_id WHERE m.volume_id = ?1 ORDER BY r.name"},
    {&table_key_providers, "key",
     "SELECT name AS item FROM keys WHERE provider_id = ?1 ORDER BY name"},
    {&table_keys, "volume",
     "SELECT v.name AS item FROM volume_keys AS k JOIN volumes AS v ON v.id = k.volume_id"
     " WHERE k.key_id = ?1 ORDER BY v.name"},
    {&table_keys, "snapshot",
     "SELECT v.name || '@' || n.name AS item FROM snapshots AS n JOIN volumes AS v"
     " ON v.id = n.volume_id WHERE n.key_id = ?1 ORDER BY 1"},
    {&table_policies, "snapshot schedule",
     "SELECT name AS item FROM snapshot_schedules WHERE policy_id = ?1 ORDER BY name"},
    {&table_snapshots, "volume",
     "SELECT v.name AS item FROM volume_origins AS o JOIN volumes AS v ON v.id = o.volume_id"
     " WHERE o.snapshot_id = ?1 ORDER BY v.name"},
};

#define NAMES_SHOWN 5u

static int in_use(const struct store_table *t, const char *what, const json_t *names,
		  struct err *err)
{
	size_t count = json_array_size(names), used = 0;
	char list[280] = "", more[32] = "";

	for (size_t i = 0; i < count && i < NAMES_SHOWN; i++)
		used += (size_t)snprintf(list + used, sizeof(list) - used, "%s%.50s", i ? ", " : "",
					 json_string_value(json_array_get(names, i)));
	if (count > NAMES_SHOWN)
		snprintf(more, sizeof(more), " and %zu more", count - NAMES_SHOWN);
	return err_set(err, EBUSY, "", "the %s is in use by %s%s %s%s", t->singular, what,
		       count == 1 ? "" : "s", list, more);
}

int constraint_unused(struct store *s, const struct store_table *t, int64_t id, struct err *err)
{
	for (size_t i = 0; i < sizeof(referrers) / sizeof(referrers[0]); i++) {
		cleanup_json json_t *names = NULL;

		if (referrers[i].table != t)
			continue;
		names = sql_array(s, err, referrers[i].names, "i", id);
		if (!names)
			return err && err->code ? -err->code : -EIO;
		if (json_array_size(names))
			return in_use(t, referrers[i].what, names, err);
	}
	return 0;
}
