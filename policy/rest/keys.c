/* SPDX-License-Identifier: MIT */
/*
 * keys.c - /keys: what is known of encryption keys. Never the keys: they do not come near the
 * database. Thread: main.
 */
#include "tables.h"

static int list(struct request *q, struct reply *r, struct err *err)
{
	return rest_list(q, r, &table_keys, NULL, err);
}

const struct route keys_routes[] = {
    {"GET", "/keys", REST_VIEWER, 0, list, "key", rest_list_query},
    {.method = NULL},
};
