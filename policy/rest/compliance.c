/* SPDX-License-Identifier: MIT */
/*
 * compliance.c - /compliance: does each volume run what its policy says, and if not, why.
 * Thread: main.
 *
 * The verdicts are the reconciler's; it notes them after each round. Checking now is one more
 * round.
 */
#include "json.h"
#include "store_link.h"
#include "tables.h"
#include "volume_rows.h"

/* A volume's row becomes its line of the report. */
static void to_line(struct request *q, json_t *row)
{
	cleanup_json json_t *name = json_incref(json_object_get(row, "name"));
	int64_t id = store_id_of(q->store, &table_volumes, json_string_value(name), NULL);
	cleanup_json json_t *has = store_assignment(q->store, id, NULL);
	cleanup_json json_t *verdict = store_compliance(q->store, id, NULL);

	json_object_clear(row);
	json_object_set(row, "volume", name);
	json_object_set_new(row, "policy", json_null());
	json_object_set_new(row, "version", json_null());
	json_object_set_new(row, "newest_version", json_null());
	if (json_is_object(has)) {
		json_object_set(row, "policy", json_object_get(has, "policy"));
		json_object_set(row, "version", json_object_get(has, "version"));
		json_object_set(row, "newest_version", json_object_get(has, "newest_version"));
	}
	json_object_update(row, verdict);
}

static int list(struct request *q, struct reply *r, struct err *err)
{
	return rest_list(q, r, &table_volumes, to_line, err);
}

static int check(struct request *q, struct reply *r, struct err *err)
{
	int rc = rest_task(q, r, "compliance.check", "compliance", "", false, NULL, err);

	if (rc == 0)
		r->body = json_object();
	return rc;
}

const struct route compliance_routes[] = {
    {"GET", "/compliance", REST_VIEWER, 0, list, "volume", rest_list_query},
    {"POST", "/compliance/check", REST_OPERATOR, 0, check, "compliance", NULL},
    {.method = NULL},
};
