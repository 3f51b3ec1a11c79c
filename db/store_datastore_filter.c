/* SPDX-License-Identifier: MIT */
/* store_datastore_filter.c - filters that work for a whole datastore, and their parameters there.
 */
#include "sql.h"
#include "store_link.h"

json_t *store_datastore_filters(struct store *s, int64_t datastore_id, struct err *err)
{
	return sql_array(s, err,
			 "SELECT filter, parameters AS \"parameters:json\" FROM datastore_filters"
			 " WHERE datastore_id = ?1 ORDER BY filter",
			 "i", datastore_id);
}

int store_datastore_filter_put(struct store *s, int64_t datastore_id, const char *filter,
			       const json_t *parameters, struct err *err)
{
	if (!parameters)
		return sql_run(s, err,
			       "DELETE FROM datastore_filters WHERE datastore_id = ?1"
			       " AND filter = ?2",
			       "it", datastore_id, filter);
	return sql_run(s, err,
		       "INSERT INTO datastore_filters (datastore_id, filter, parameters)"
		       " VALUES (?1, ?2, ?3) ON CONFLICT (datastore_id, filter) DO UPDATE SET"
		       " parameters = excluded.parameters",
		       "itj", datastore_id, filter, parameters);
}

json_t *store_datastores_filtered(struct store *s, struct err *err)
{
	return sql_array(s, err,
			 "SELECT name AS item FROM datastores WHERE id IN"
			 " (SELECT datastore_id FROM datastore_filters) ORDER BY name",
			 "");
}

json_t *store_volumes_filtered(struct store *s, const char *after, uint32_t limit, struct err *err)
{
	return sql_array(s, err,
			 "SELECT name AS item FROM volumes WHERE name > ?1 AND datastore_id IN"
			 " (SELECT datastore_id FROM datastore_filters) ORDER BY name LIMIT ?2",
			 "ti", after, (int64_t)limit);
}
