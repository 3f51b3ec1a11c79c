/* SPDX-License-Identifier: MIT */
/* What a client sends is checked against the columns before anything is stored. */
#include "store_rig.h"

static struct err err;

static int check(const struct store_table *t, const char *body, enum table_use use)
{
	cleanup_json json_t *given =
	    json_loads(body, JSON_DECODE_ANY | JSON_ALLOW_NUL | JSON_REJECT_DUPLICATES, NULL);

	assert_non_null(given);
	memset(&err, 0, sizeof(err));
	return table_check(t, given, use, &err);
}

#define VOLUME(more) "{\"name\":\"web-1\",\"datastore\":\"fast\",\"size_bytes\":1073741824" more "}"

static void assert_bad(const char *body, int code, const char *field)
{
	int rc = check(&table_volumes, body, TABLE_CREATE);

	if (rc != -code || strcmp(err.field, field) != 0 || !err.text[0])
		fail_msg("%s: %d, field '%s', '%s'", body, rc, err.field, err.text);
}

static void a_good_body_passes(void **state)
{
	must(check(&table_volumes, VOLUME(""), TABLE_CREATE), err);
	must(check(&table_volumes, VOLUME(",\"description\":\"Grüße \\ud83d\\ude00\""),
		   TABLE_CREATE),
	     err);
	must(check(&table_volumes, "{\"size_bytes\":8192}", TABLE_CHANGE), err);
	must(check(&table_hosts, "{\"name\":\"h\",\"iqn\":\"iqn.x\",\"addresses\":[\"10.0.0.1\"]}",
		   TABLE_CREATE),
	     err);
	must(check(&table_alert_rules, "{\"warning\":null,\"error\":90}", TABLE_CHANGE), err);
}

static void what_is_missing_unknown_or_not_the_clients_is_named(void **state)
{
	assert_bad("[]", EINVAL, "");
	assert_bad("{}", EINVAL, "name");
	assert_bad("{\"name\":\"v\",\"datastore\":\"fast\"}", EINVAL, "size_bytes");
	assert_bad(VOLUME(",\"sizebytes\":1"), EINVAL, "sizebytes");
	assert_bad(VOLUME(",\"running_state\":\"online\""), EINVAL, "running_state");
	assert_bad(VOLUME(",\"is_created\":true"), EINVAL, "is_created");
	assert_non_null(strstr(err.text, "not known")); /* hidden: as if it were not there */
	assert_bad(VOLUME(",\"revision\":4"), EINVAL, "revision");
	assert_int_equal(check(&table_volumes, "{\"name\":\"other\"}", TABLE_CHANGE), -EINVAL);
	assert_non_null(strstr(err.text, "only be given when the volume is created"));
}

static void wrong_types_and_ranges_are_refused(void **state)
{
	assert_bad(VOLUME(",\"is_thin\":1"), EINVAL, "is_thin");
	assert_bad(VOLUME(",\"description\":7"), EINVAL, "description");
	assert_bad(VOLUME(",\"description\":null"), EINVAL, "description");
	assert_bad(VOLUME(",\"block_bytes\":\"512\""), EINVAL, "block_bytes");
	assert_bad(VOLUME(",\"block_bytes\":512.5"), EINVAL, "block_bytes");
	assert_bad(VOLUME(",\"block_bytes\":65536"), ERANGE, "block_bytes");
	assert_bad(VOLUME(",\"write_cache\":\"fast\""), EINVAL, "write_cache");
	assert_non_null(strstr(err.text, "'durable', 'volatile'"));
	assert_bad("{\"name\":\"v\",\"datastore\":\"fast\",\"size_bytes\":-1}", ERANGE,
		   "size_bytes");
	assert_bad("{\"name\":\"v\",\"datastore\":\"fast\",\"size_bytes\":0}", ERANGE,
		   "size_bytes");
	assert_int_equal(check(&table_alert_rules, "{\"clear_margin_pct\":101}", TABLE_CHANGE),
			 -ERANGE);
	assert_int_equal(check(&table_hosts, "{\"addresses\":\"10.0.0.1\"}", TABLE_CHANGE),
			 -EINVAL);
	assert_int_equal(check(&table_hosts, "{\"addresses\":[1]}", TABLE_CHANGE), -EINVAL);
}

static void names_and_texts_are_looked_at_closely(void **state)
{
	char body[5000], text[1200];

	assert_bad("{\"name\":\"\",\"datastore\":\"fast\",\"size_bytes\":8192}", EINVAL, "name");
	assert_bad("{\"name\":\"-v\",\"datastore\":\"fast\",\"size_bytes\":8192}", EINVAL, "name");
	assert_bad("{\"name\":\"a/b\",\"datastore\":\"fast\",\"size_bytes\":8192}", EINVAL, "name");
	assert_bad(VOLUME(",\"description\":\"a\\u0000b\""), EINVAL, "description");
	assert_bad(VOLUME(",\"description\":\"a\\nb\""), EINVAL, "description");
	assert_bad(VOLUME(",\"description\":\"a\\u007f\""), EINVAL, "description");
	assert_bad(VOLUME(",\"description\":\"a\\u0085\""), EINVAL, "description");
	memset(text, 'x', sizeof(text));
	snprintf(body, sizeof(body),
		 "{\"name\":\"%.81s\",\"datastore\":\"fast\",\"size_bytes\":8192}", text);
	assert_bad(body, ENAMETOOLONG, "name");
	snprintf(body, sizeof(body), VOLUME(",\"description\":\"%.1001s\""), text);
	assert_bad(body, ENAMETOOLONG, "description");
	snprintf(body, sizeof(body), VOLUME(",\"description\":\"%.1000s\""), text);
	must(check(&table_volumes, body, TABLE_CREATE), err);
}

static void characters_are_counted_not_bytes(void **state)
{
	char body[5000] = "{\"name\":\"v\",\"datastore\":\"fast\",\"size_bytes\":8192,"
			  "\"description\":\"";
	size_t used = strlen(body);

	for (int i = 0; i < 1000; i++)
		used += (size_t)snprintf(body + used, sizeof(body) - used, "ü");
	snprintf(body + used, sizeof(body) - used, "\"}");
	must(check(&table_volumes, body, TABLE_CREATE), err);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_good_body_passes),
	    cmocka_unit_test(what_is_missing_unknown_or_not_the_clients_is_named),
	    cmocka_unit_test(wrong_types_and_ranges_are_refused),
	    cmocka_unit_test(names_and_texts_are_looked_at_closely),
	    cmocka_unit_test(characters_are_counted_not_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
