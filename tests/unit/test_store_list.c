/* SPDX-License-Identifier: MIT */
/* Pages of a list: each row once, whatever comes and goes meanwhile; bad questions are refused. */
#include "store_rig.h"

#define ROWS 25

static struct rig rig;
static struct err err;

static int begin(void **state)
{
	char name[16];

	rig_begin(&rig);
	rig_add_datastore(&rig);
	must(store_begin(rig.s, &err), err);
	for (int i = 0; i < ROWS; i++) {
		snprintf(name, sizeof(name), "%c%02d", i % 2 ? 'V' : 'v', i);
		rig_add_volume(&rig, name);
	}
	return store_commit(rig.s, &err);
}

static int end(void **state)
{
	rig_end(&rig);
	return 0;
}

static json_t *list(const struct store_query *q)
{
	json_t *page = store_list(rig.s, &table_volumes, q, &err);

	if (!page)
		fail_msg("%s", err.text);
	return page;
}

static const char *name_at(const json_t *page, size_t i)
{
	return json_string_value(
	    json_object_get(json_array_get(json_object_get(page, "items"), i), "name"));
}

static size_t size_of(const json_t *page)
{
	return json_array_size(json_object_get(page, "items"));
}

/* All pages' names in one array; between two pages "meanwhile" runs. */
static json_t *walk(const char *sort, uint32_t limit, void (*meanwhile)(int page))
{
	json_t *names = json_array();
	char cursor[400] = "";
	int pages = 0;

	do {
		struct store_query q = {.sort = sort, .limit = limit, .cursor = cursor};
		cleanup_json json_t *page = list(&q);
		const char *next = json_string_value(json_object_get(page, "next_cursor"));

		for (size_t i = 0; i < size_of(page); i++)
			json_array_append_new(names, json_string(name_at(page, i)));
		snprintf(cursor, sizeof(cursor), "%s", next ? next : "");
		if (meanwhile)
			meanwhile(pages);
	} while (cursor[0] && ++pages < 100);
	return names;
}

static long number_of(const json_t *names, size_t at)
{
	return strtol(json_string_value(json_array_get(names, at)) + 1, NULL, 10);
}

static void assert_each_once(const json_t *names, int first, int last)
{
	for (int i = first; i <= last; i++) {
		size_t found = 0;

		for (size_t k = 0; k < json_array_size(names); k++)
			found += number_of(names, k) == i;
		if (found != 1)
			fail_msg("row %d is there %zu times", i, found);
	}
}

static void every_row_is_on_one_page(void **state)
{
	static const char *const sorts[] = {NULL,          "name",        "-name",
					    "created_ms",  "-created_ms", "size_bytes",
					    "-size_bytes", "datastore",   "-running_state"};

	for (size_t i = 0; i < sizeof(sorts) / sizeof(sorts[0]); i++) {
		cleanup_json json_t *names = walk(sorts[i], 4, NULL);

		assert_int_equal(json_array_size(names), ROWS);
		assert_each_once(names, 0, ROWS - 1);
	}
}

static void case_makes_no_difference_to_the_order(void **state)
{
	cleanup_json json_t *names = walk("-name", 7, NULL);

	for (size_t i = 0; i < ROWS; i++)
		assert_int_equal(number_of(names, i), ROWS - 1 - (long)i);
}

/* Away with rows before, at and behind the page's end; new ones before and behind it. */
static void come_and_go(int page)
{
	static const char *const gone[] = {"v00", "V03", "v04", "v20"};
	char name[16];

	must(store_begin(rig.s, &err), err);
	if (page < 4)
		must(store_delete(rig.s, &table_volumes,
				  store_id_of(rig.s, &table_volumes, gone[page], &err), 0, &err),
		     err);
	snprintf(name, sizeof(name), "a%d", 100 + page);
	rig_add_volume(&rig, name);
	must(store_commit(rig.s, &err), err);
}

static void pages_stay_right_while_rows_come_and_go(void **state)
{
	static const char *const sorts[] = {"name", "-name", "-size_bytes"};

	for (size_t i = 0; i < sizeof(sorts) / sizeof(sorts[0]); i++) {
		cleanup_json json_t *names = walk(sorts[i], 4, come_and_go);

		assert_each_once(names, 1, 2);
		assert_each_once(names, 5, 19);
		assert_each_once(names, 21, ROWS - 1);
		end(NULL);
		begin(NULL);
	}
}

static void filters_and_search_choose(void **state)
{
	const char *const by_name[] = {"name", "V03", NULL};
	const char *const by_store[] = {"datastore", "fast", "is_thin", "true", NULL};
	const char *const elsewhere[] = {"datastore", "slow", NULL};
	struct store_query q = {.filters = by_name};
	cleanup_json json_t *one = list(&q), *all = NULL, *none = NULL, *found = NULL;

	assert_int_equal(size_of(one), 1);
	assert_string_equal(name_at(one, 0), "V03");
	assert_int_equal(json_integer_value(json_object_get(one, "total")), 1);
	assert_true(json_is_null(json_object_get(one, "next_cursor")));
	q = (struct store_query){.filters = by_store, .limit = 10};
	all = list(&q);
	assert_int_equal(size_of(all), 10);
	assert_int_equal(json_integer_value(json_object_get(all, "total")), ROWS);
	q = (struct store_query){.filters = elsewhere};
	none = list(&q);
	assert_int_equal(size_of(none), 0);
	q = (struct store_query){.search = "V1"};
	found = list(&q);
	assert_int_equal(size_of(found), 10);
	q = (struct store_query){.search = "v1' OR 1 --%"};
	json_decref(found);
	found = list(&q);
	assert_int_equal(size_of(found), 0);
}

/* More rows than one page may have. */
static void all_rows_are_more_than_a_page(void **state)
{
	cleanup_json json_t *before = store_list_all(rig.s, &table_hosts, NULL, &err), *all = NULL;
	char name[16], iqn[40];

	assert_int_equal(json_array_size(before), 0);
	must(store_begin(rig.s, &err), err);
	for (uint32_t i = 0; i < STORE_PAGE_MAX + 5; i++) {
		snprintf(name, sizeof(name), "host%u", i);
		snprintf(iqn, sizeof(iqn), "iqn.2026-01.x:%u", i);
		rig_add(&rig, &table_hosts, "{s:s, s:s}", "name", name, "iqn", iqn);
	}
	must(store_commit(rig.s, &err), err);
	all = store_list_all(rig.s, &table_hosts, NULL, &err);
	assert_int_equal(json_array_size(all), STORE_PAGE_MAX + 5);
}

static void only_what_is_newer_comes_after_an_id(void **state)
{
	struct store_query q = {.sort = "id"};
	cleanup_json json_t *all = NULL, *newer = NULL;

	must(store_begin(rig.s, &err), err);
	for (int i = 0; i < 5; i++)
		assert_true(store_event_add(rig.s, "info", "x", NULL, NULL, "y", NULL, &err) > 0);
	must(store_commit(rig.s, &err), err);
	all = store_list(rig.s, &table_events, &q, &err);
	assert_int_equal(size_of(all), 5);
	q.after_id = 3;
	newer = store_list(rig.s, &table_events, &q, &err);
	assert_int_equal(size_of(newer), 2);
}

static void assert_refused(struct store_query q, int code, const char *field)
{
	memset(&err, 0, sizeof(err));
	assert_null(store_list(rig.s, &table_volumes, &q, &err));
	assert_int_equal(err.code, code);
	assert_string_equal(err.field, field);
	assert_true(err.text[0] != '\0');
}

static void bad_questions_are_refused(void **state)
{
	const char *const unknown[] = {"nmae", "x", NULL};
	const char *const hidden[] = {"is_created", "true", NULL};
	const char *const number[] = {"block_bytes", "1x", NULL};
	const char *const truth[] = {"is_thin", "maybe", NULL};
	struct store_query first = {.limit = 3, .sort = "name"};
	cleanup_json json_t *page = list(&first);
	const char *cursor = json_string_value(json_object_get(page, "next_cursor"));

	assert_refused((struct store_query){.filters = unknown}, EINVAL, "nmae");
	assert_refused((struct store_query){.filters = hidden}, EINVAL, "is_created");
	assert_refused((struct store_query){.filters = number}, EINVAL, "block_bytes");
	assert_refused((struct store_query){.filters = truth}, EINVAL, "is_thin");
	assert_refused((struct store_query){.sort = "uuid; DROP"}, EINVAL, "sort");
	assert_refused((struct store_query){.sort = "-"}, EINVAL, "sort");
	assert_refused((struct store_query){.limit = STORE_PAGE_MAX + 1}, ERANGE, "limit");
	assert_refused((struct store_query){.cursor = "no cursor"}, EINVAL, "cursor");
	assert_refused((struct store_query){.cursor = "AAAA"}, EINVAL, "cursor");
	assert_refused((struct store_query){.cursor = "eyJzIjoiIn0"}, EINVAL, "cursor");
	assert_refused((struct store_query){.cursor = cursor, .sort = "-name"}, EINVAL, "cursor");
}

static void a_cut_or_changed_cursor_is_refused_or_harmless(void **state)
{
	struct store_query first = {.limit = 3};
	cleanup_json json_t *page = list(&first);
	const char *cursor = json_string_value(json_object_get(page, "next_cursor"));
	char changed[400];

	for (size_t i = 0; i < strlen(cursor); i++) {
		struct store_query q = {.cursor = changed};
		cleanup_json json_t *answer = NULL;

		snprintf(changed, sizeof(changed), "%.*s", (int)i, cursor);
		answer = store_list(rig.s, &table_volumes, &q, &err);
		json_decref(answer);
		snprintf(changed, sizeof(changed), "%s", cursor);
		changed[i] = changed[i] == 'x' ? 'y' : 'x';
		answer = store_list(rig.s, &table_volumes, &q, &err);
		assert_true(answer || err.code == EINVAL);
	}
}

#define EACH(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    EACH(every_row_is_on_one_page),
	    EACH(case_makes_no_difference_to_the_order),
	    EACH(pages_stay_right_while_rows_come_and_go),
	    EACH(filters_and_search_choose),
	    EACH(all_rows_are_more_than_a_page),
	    EACH(only_what_is_newer_comes_after_an_id),
	    EACH(bad_questions_are_refused),
	    EACH(a_cut_or_changed_cursor_is_refused_or_harmless),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
