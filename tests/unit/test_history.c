/* SPDX-License-Identifier: MIT */
/* The history is a ring of a day: it wraps, it is thinned out for a chart, and damage costs only
 * itself. */
#include "store_rig.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "history.h"

#define STEP_MS (HISTORY_STEP_S * 1000ll)
#define START   1800000000000ll /* a multiple of the step */

static struct rig rig;
static struct history *h;
static struct err err;
static char path[80];

static int begin(void **state)
{
	rig_folder(&rig);
	snprintf(path, sizeof(path), "%s/history.db", rig.dir);
	return history_open(path, &h, &err);
}

static int end(void **state)
{
	history_close(h);
	h = NULL;
	rig_end(&rig);
	return 0;
}

static void add(int64_t at_ms, uint32_t iops, uint32_t p99_us)
{
	struct history_sample s[2] = {
	    {.volume_id = 1,
	     .read_iops = iops,
	     .read_bytes_per_s = iops * 4096ull,
	     .read_p50_us = 100,
	     .read_p99_us = p99_us,
	     .allocated_bytes = 10},
	    {.volume_id = 2, .read_iops = 3 * iops, .read_p50_us = 200, .allocated_bytes = 5}};

	must(history_add(h, at_ms, s, 2, &err), err);
}

static json_int_t member(const json_t *points, size_t at, const char *name)
{
	return json_integer_value(json_object_get(json_array_get(points, at), name));
}

static void samples_come_back_upwards(void **state)
{
	cleanup_json json_t *points = NULL;

	add(START + STEP_MS, 20, 900);
	add(START + 3, 10, 500); /* rounded down to START */
	points = history_get(h, 1, START, START + 10 * STEP_MS, 100, &err);
	assert_int_equal(json_array_size(points), 2);
	assert_int_equal(member(points, 0, "at_ms"), START);
	assert_int_equal(member(points, 0, "read_iops"), 10);
	assert_int_equal(member(points, 1, "at_ms"), START + STEP_MS);
	assert_int_equal(member(points, 1, "read_p99_us"), 900);
	assert_int_equal(member(points, 1, "read_bytes_per_s"), 20 * 4096);
}

static void volume_0_is_the_sum(void **state)
{
	cleanup_json json_t *points = NULL;

	add(START, 10, 500);
	must(history_forget(h, 2, &err), err);
	points = history_get(h, 0, START, START, 10, &err);
	assert_int_equal(json_array_size(points), 1);
	assert_int_equal(member(points, 0, "read_iops"), 40);
	assert_int_equal(member(points, 0, "read_p50_us"), 175);
	assert_int_equal(member(points, 0, "read_p99_us"), 500);
	assert_int_equal(member(points, 0, "allocated_bytes"), 15);
}

static void few_points_stand_for_many_samples(void **state)
{
	cleanup_json json_t *points = NULL;

	for (int i = 0; i < 100; i++)
		add(START + i * STEP_MS, (uint32_t)i, i == 55 ? 7000 : 300);
	points = history_get(h, 1, START, START + 99 * STEP_MS, 10, &err);
	assert_int_equal(json_array_size(points), 10);
	for (size_t i = 0; i < 10; i++) {
		assert_int_equal(member(points, i, "at_ms"), START + (int64_t)i * 10 * STEP_MS);
		/* the mean of 10 i ... 10 i + 9, rounded */
		assert_int_equal(member(points, i, "read_iops"), 10 * i + 5);
		assert_int_equal(member(points, i, "read_p99_us"), i == 5 ? 7000 : 300);
	}
}

static void the_ring_wraps_after_a_day(void **state)
{
	int64_t day_ms = HISTORY_SLOTS * STEP_MS;
	cleanup_json json_t *old = NULL, *points = NULL;

	for (int i = 0; i < 5; i++)
		add(START + i * STEP_MS, 1, 1);
	for (int i = 0; i < 3; i++)
		add(START + day_ms + i * STEP_MS, 2, 1);
	old = history_get(h, 1, START, START + 4 * STEP_MS, 100, &err);
	assert_int_equal(json_array_size(old), 2); /* three of five were written over */
	points = history_get(h, 1, START - day_ms, START + day_ms + 2 * STEP_MS, 100, &err);
	/* only a day back from the end is asked for: the two and the three */
	assert_true(json_array_size(points) >= 2);
	for (size_t i = 1; i < json_array_size(points); i++)
		assert_true(member(points, i, "at_ms") > member(points, i - 1, "at_ms"));
	assert_int_equal(member(points, json_array_size(points) - 1, "read_iops"), 2);
}

static void a_gap_is_a_gap(void **state)
{
	cleanup_json json_t *points = NULL;

	add(START, 1, 1);
	add(START + 50 * STEP_MS, 1, 1);
	points = history_get(h, 1, START, START + 99 * STEP_MS, 10, &err);
	assert_int_equal(json_array_size(points), 2);
	json_decref(points);
	points = history_get(h, 1, START + 99 * STEP_MS, START, 10, &err);
	assert_int_equal(json_array_size(points), 0);
}

static void a_forgotten_volume_is_gone(void **state)
{
	cleanup_json json_t *points = NULL;

	add(START, 1, 1);
	must(history_forget(h, 1, &err), err);
	points = history_get(h, 1, START, START, 10, &err);
	assert_int_equal(json_array_size(points), 0);
}

static void garble(void)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	char junk[8192];

	memset(junk, 0x5a, sizeof(junk));
	assert_int_equal(pwrite(fd, junk, sizeof(junk), 0), sizeof(junk));
	close(fd);
}

static void a_damaged_file_is_put_aside_and_begun_anew(void **state)
{
	cleanup_json json_t *points = NULL;
	char aside[100];
	struct stat st;

	add(START, 1, 1);
	history_close(h);
	garble();
	must(history_open(path, &h, &err), err);
	add(START + STEP_MS, 7, 1);
	points = history_get(h, 1, START, START + STEP_MS, 10, &err);
	assert_int_equal(json_array_size(points), 1);
	assert_int_equal(member(points, 0, "read_iops"), 7);
	snprintf(aside, sizeof(aside), "%s.damaged", path);
	assert_int_equal(stat(aside, &st), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
}

static void what_caches_did_is_kept(void **state)
{
	struct history_sample one[2] = {{.volume_id = 1,
					 .cache_reads_per_s = 100,
					 .cache_hits_per_s = 50,
					 .dirty_bytes = 4096,
					 .lag_ms = 7},
					{.volume_id = 2,
					 .cache_reads_per_s = 300,
					 .cache_hits_per_s = 300,
					 .dirty_bytes = 1,
					 .lag_ms = 9}};
	cleanup_json json_t *points = NULL, *all = NULL;
	const json_t *first;

	must(history_add(h, START, one, 2, &err), err);
	one[0].dirty_bytes = 12;
	one[0].cache_reads_per_s = one[0].cache_hits_per_s = 0;
	must(history_add(h, START + STEP_MS, one, 1, &err), err);
	points = history_get(h, 1, START, START + STEP_MS, 1, &err);
	first = json_array_get(points, 0);
	assert_int_equal(member(points, 0, "dirty_bytes"), 4096);
	assert_true(json_number_value(json_object_get(first, "read_hit_pct")) == 50.0);
	json_decref(points);
	points = history_get(h, 1, START + STEP_MS, START + STEP_MS, 1, &err);
	assert_true(json_is_null(json_object_get(json_array_get(points, 0), "read_hit_pct")));
	all = history_get(h, 0, START, START, 1, &err);
	assert_int_equal(member(all, 0, "dirty_bytes"), 4097);
	assert_int_equal(member(all, 0, "lag_ms"), 9);
	assert_true(json_number_value(json_object_get(json_array_get(all, 0), "read_hit_pct")) ==
		    87.5);
}

/* As it was before there were caches. */
static void a_file_of_before_is_taken_over(void **state)
{
	static const char *const gone[] = {"cache_reads_per_s", "cache_hits_per_s", "dirty_bytes",
					   "lag_ms"};
	cleanup_json json_t *points = NULL;
	char sql[200];

	add(START, 10, 500);
	history_close(h);
	for (size_t i = 0; i < 4; i++) {
		snprintf(sql, sizeof(sql), "ALTER TABLE samples DROP COLUMN %s", gone[i]);
		rig_sql(path, sql);
	}
	must(history_open(path, &h, &err), err);
	add(START + STEP_MS, 20, 900);
	points = history_get(h, 1, START, START + STEP_MS, 10, &err);
	assert_int_equal(json_array_size(points), 2);
	assert_int_equal(member(points, 0, "read_iops"), 10);
	assert_int_equal(member(points, 0, "dirty_bytes"), 0);
}

static void a_reader_of_its_own_sees_what_was_added(void **state)
{
	cleanup_json json_t *points = NULL;
	struct history *reader;

	must(history_open(path, &reader, &err), err);
	add(START, 5, 1);
	points = history_get(reader, 1, START, START, 10, &err);
	assert_int_equal(json_array_size(points), 1);
	history_close(reader);
}

#define EACH(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    EACH(samples_come_back_upwards),
	    EACH(volume_0_is_the_sum),
	    EACH(few_points_stand_for_many_samples),
	    EACH(the_ring_wraps_after_a_day),
	    EACH(a_gap_is_a_gap),
	    EACH(a_forgotten_volume_is_gone),
	    EACH(a_damaged_file_is_put_aside_and_begun_anew),
	    EACH(a_reader_of_its_own_sees_what_was_added),
	    EACH(what_caches_did_is_kept),
	    EACH(a_file_of_before_is_taken_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
