/* SPDX-License-Identifier: MIT */
/* Refusals of people who are not known: few are listed, all are counted, also those for which the
 * database had no time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "json.h"
#include "rest_rig.h"

#define BURST 60

static void refuse_one(void)
{
	rig.is_stranger = true;
	expect(401, "POST", "/volumes", "{}");
	rig.is_stranger = false;
}

/* Rows of the trail, and what they say is not listed. */
static int accounted_for(int *rows)
{
	struct store_query q = {.limit = 200};
	cleanup_json json_t *page = NULL;
	const json_t *row;
	int sum = 0, held;
	struct err err;
	size_t i;

	*rows = 0;
	page = store_list(rig.app.store, &table_audit, &q, &err);
	if (!page)
		fail_msg("%s", err.text);
	json_array_foreach(json_object_get(page, "items"), i, row)
	{
		const char *text = json_string_value(json_object_get(row, "summary"));

		assert_string_equal(json_string_value(json_object_get(row, "role")), "public");
		if (sscanf(text, "(%d refused requests before", &held) == 1)
			sum += held;
		++*rows;
	}
	return sum + *rows;
}

static void a_flood_is_counted_and_not_listed(void **state)
{
	int rows;

	for (int i = 0; i < BURST + 20; i++)
		refuse_one();
	assert_true(accounted_for(&rows) <= BURST + 20);
	assert_in_range(rows, BURST, BURST + 19);
	poll(NULL, 0, 600); /* two more a second */
	refuse_one();
	assert_int_equal(accounted_for(&rows), BURST + 21);
}

static void what_the_database_did_not_take_is_counted_too(void **state)
{
	struct store *other = NULL;
	struct err err;
	int rows;

	if (store_open(rig.db_path, rig.dir, false, &other, &err) || store_begin(other, &err))
		fail_msg("%s", err.text);
	refuse_one(); /* waits for the other's lock in vain */
	store_rollback(other);
	store_close(other);
	assert_int_equal(accounted_for(&rows), 0);
	refuse_one();
	assert_int_equal(accounted_for(&rows), 2);
	assert_int_equal(rows, 1);
}

#define EACH(name) cmocka_unit_test_setup_teardown(name, rig_open, rig_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    EACH(a_flood_is_counted_and_not_listed),
	    EACH(what_the_database_did_not_take_is_counted_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
