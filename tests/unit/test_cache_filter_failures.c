/* SPDX-License-Identifier: MIT */
/* What fails, and what becomes of what was acknowledged. */
#include "cache_rig.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct cache_rig r;
static char log_path[256], away_path[300];

#define LAZY CACHE_WRITE_BACK ",destage_age_ms=3600000"

static int open_it(void **state)
{
	cache_open(&r, CACHE_SIZE, true);
	cache_log_path(&r, log_path, sizeof(log_path));
	snprintf(away_path, sizeof(away_path), "%s.away", log_path);
	cache_attach(&r, LAZY);
	cache_wait_state(&r, "serving");
	return 0;
}

static int close_it(void **state)
{
	cache_close(&r);
	return 0;
}

/* Reports come by the env's mail. */
static bool was_told(const char *kind)
{
	cache_turn(&r);
	cache_turn(&r);
	return strstr(r.kinds, kind) != NULL;
}

static void change_byte(const char *path, long at)
{
	FILE *f = fopen(path, "r+b");
	int c;

	assert_non_null(f);
	fseek(f, at, SEEK_SET);
	c = fgetc(f);
	fseek(f, at, SEEK_SET);
	fputc(c ^ 0x55, f);
	assert_int_equal(fclose(f), 0);
}

/* Where in the log this sector is; -1: nowhere. */
static long find_in(const char *path, const char *sector)
{
	FILE *f = fopen(path, "rb");
	char block[4096];
	long at = 0, found = -1;

	assert_non_null(f);
	for (; fread(block, 1, sizeof(block), f) == sizeof(block); at += 4096) {
		if (memcmp(block, sector, 512) == 0)
			found = at;
	}
	fclose(f);
	return found;
}

/* ---------------------------------------------------------------- flash */

static void a_missing_log_degrades_and_comes_back(void **state)
{
	cache_write(&r, 0, 4096, 5);
	cache_stop(&r);
	assert_int_equal(rename(log_path, away_path), 0);
	cache_attach(&r, LAZY);
	cache_wait_state(&r, "degraded");
	assert_true(was_told("cache_degraded"));
	assert_int_equal(cache_io(&r, SLUICE_OP_FLUSH, 0, 0, NULL), SLUICE_ERR_NOT_READY);
	assert_false(cache_reads(&r, 0, 4096, 0)); /* never the older copy */
	assert_int_equal(cache_write(&r, 0, 4096, 6), SLUICE_ERR_NOT_READY);
	assert_int_not_equal(cache_change(&r, "mode=write_through"), 0);
	assert_int_not_equal(cache_command(&r, "drop", "{}"), 0);
	assert_int_not_equal(cache_command(&r, "drop", "{\"dirty_bytes\": 4096}"), 0);
	assert_int_equal(rename(away_path, log_path), 0);
	cache_wait_state(&r, "serving");
	assert_true(cache_reads(&r, 0, 4096, 5));
}

static void a_missing_log_is_given_up_by_saying_so(void **state)
{
	cache_write(&r, 0, 4096, 5);
	cache_stop(&r);
	assert_int_equal(unlink(log_path), 0);
	cache_attach(&r, LAZY);
	cache_wait_state(&r, "degraded");
	assert_int_equal(cache_command(&r, "drop", "{\"unknown\": true}"), 0);
	cache_wait_state(&r, "serving");
	assert_true(cache_reads(&r, 0, 4096, 0));
	assert_int_equal(cache_write(&r, 0, 4096, 6), SLUICE_OK);
	assert_true(cache_reads(&r, 0, 4096, 6));
}

static void what_is_no_log_of_this_volume_is_refused(void **state)
{
	FILE *f;

	cache_write(&r, 4096, 4096, 6);
	cache_stop(&r);
	f = fopen(log_path, "r+b");
	assert_non_null(f);
	for (int i = 0; i < 1 << 20; i++)
		fputc(0x5a, f);
	assert_int_equal(fclose(f), 0);
	cache_attach(&r, LAZY);
	cache_wait_state(&r, "degraded");
	assert_int_equal(cache_command(&r, "drop", "{\"unknown\": true}"), 0);
	cache_wait_state(&r, "serving");
	assert_true(cache_reads(&r, 4096, 4096, 0));
}

/* One that was made for an earlier life of this volume's cache. */
static void a_log_of_another_generation_is_refused(void **state)
{
	cache_write(&r, 0, 4096, 5);
	cache_stop(&r);
	assert_int_equal(rename(log_path, away_path), 0);
	memset(r.records, 0, sizeof(r.records));
	for (int i = 0; i < 2; i++) { /* generations 1 and 2 */
		cache_attach(&r, LAZY);
		cache_wait_state(&r, "serving");
		assert_int_equal(cache_detach(&r), 0);
	}
	cache_attach(&r, LAZY);
	cache_wait_state(&r, "serving");
	cache_write(&r, 0, 4096, 6);
	cache_stop(&r);
	assert_int_equal(rename(away_path, log_path), 0);
	cache_attach(&r, LAZY);
	cache_wait_state(&r, "degraded");
	assert_int_equal(cache_command(&r, "drop", "{\"unknown\": true}"), 0);
	cache_wait_state(&r, "serving");
}

static void damage_is_named_and_never_older_data_instead(void **state)
{
	char sector[512];
	long at;

	cache_write(&r, 0, 4096, 5);
	cache_write(&r, 4096, 4096, 6);
	cache_io(&r, SLUICE_OP_FLUSH, 0, 0, NULL);
	cache_run_ms(&r, 200); /* a later record vouches for both */
	cache_stop(&r);
	cache_stamp(sector, 0, 512, 5);
	at = find_in(log_path, sector);
	assert_true(at > 0);
	change_byte(log_path, at + 100);
	cache_attach(&r, LAZY);
	for (int i = 0;
	     i < 20000 && !cache_is_state(&r, "degraded") && !cache_is_state(&r, "serving"); i++)
		cache_turn(&r);
	if (cache_is_state(&r, "serving")) { /* only a read sees it */
		assert_false(cache_reads(&r, 0, 4096, 0));
		assert_true(cache_reads(&r, 4096, 4096, 6));
		assert_int_equal(cache_command(&r, "drop", "{\"dirty_bytes\": 8192}"), 0);
	} else {
		assert_false(cache_reads(&r, 0, 4096, 0));
		assert_int_not_equal(cache_command(&r, "drop", "{}"), 0);
		assert_int_equal(cache_command(&r, "drop", "{\"unknown\": true}"), 0);
	}
	cache_wait_state(&r, "serving");
}

static void a_failing_log_stops_writes_and_not_reads(void **state)
{
	cache_stamp(r.store.memory + 65536, 65536, 4096, 1);
	cache_write(&r, 0, 4096, 5);
	cache_write(&r, 8192, 4096, 6);
	r.store.fail_ops = SLUICE_OP_BIT(SLUICE_OP_WRITE);
	r.disk.fail_at = 1;
	assert_int_not_equal(cache_write(&r, 0, 4096, 7), SLUICE_OK);
	cache_wait_state(&r, "degraded");
	assert_int_equal(cache_write(&r, 4096, 4096, 8), SLUICE_ERR_NOT_READY);
	assert_true(cache_reads(&r, 8192, 4096, 6));
	assert_true(cache_reads(&r, 65536, 4096, 1));
	assert_non_null(strstr(cache_text(&r, "state_text"), "dirty bytes"));
	assert_int_not_equal(cache_change(&r, "mode=write_through"), 0);
	cache_crash(&r);
	cache_attach(&r, LAZY);
	cache_wait_state(&r, "serving");
	assert_true(cache_reads(&r, 8192, 4096, 6));
}

/* What can still be read of it goes down, and the volume goes on without it, then with another. */
static void a_failed_log_is_saved_and_replaced(void **state)
{
	cache_write(&r, 0, 65536, 5);
	cache_write(&r, 4608, 512, 6);
	assert_int_equal(cache_io(&r, SLUICE_OP_UNMAP, 131072, 65536, NULL), SLUICE_OK);
	cache_stamp(r.store.memory + 131072, 131072, 4096, 9);
	r.disk.fail_at = 1;
	assert_int_not_equal(cache_write(&r, 1 << 20, 4096, 7), SLUICE_OK);
	cache_wait_state(&r, "serving");
	assert_true(was_told("cache_degraded"));
	assert_true(cache_is_stamped(r.store.memory, 0, 4608, 5));
	assert_true(cache_is_stamped(r.store.memory + 4608, 4608, 512, 6));
	assert_true(cache_is_stamped(r.store.memory + 131072, 131072, 65536, 0));
	assert_int_equal(cache_write(&r, 0, 4096, 8), SLUICE_OK);
	assert_true(cache_is_stamped(r.store.memory, 0, 4096, 5));
	assert_true(cache_reads(&r, 0, 4096, 8));
}

static void a_log_that_fails_empty_is_replaced(void **state)
{
	r.disk.fail_at = 1;
	assert_int_not_equal(cache_write(&r, 0, 4096, 7), SLUICE_OK);
	cache_wait_state(&r, "serving");
	assert_int_equal(cache_write(&r, 0, 4096, 8), SLUICE_OK);
	cache_wait_state(&r, "serving");
	assert_true(cache_reads(&r, 0, 4096, 8));
}

static void flash_that_does_not_answer_is_told_of(void **state)
{
	struct cache_io x = {.op = SLUICE_OP_WRITE, .len_bytes = 4096};
	struct sluice_figures sum = {0};

	x.buf = aligned_alloc(4096, 4096);
	cache_stamp(x.buf, 0, 4096, 5);
	r.disk.hangs = true;
	assert_true(cache_io_start(&r, &x));
	for (int i = 0; i < 6; i++) {
		cache_run_ms(&r, 1000);
		chain_figures(r.c, &sum);
	}
	assert_true(was_told("cache_flash_failed"));
	assert_false(x.is_done);
	cache_disk_release(&r);
	while (!x.is_done)
		cache_turn(&r);
	assert_int_equal(x.status, SLUICE_OK);
	free(x.buf);
}

static void without_flash_it_passes_through_until_there_is_some(void **state)
{
	char dir[300];

	cache_stop(&r);
	snprintf(dir, sizeof(dir), "%s.dir", r.dir);
	memset(r.records, 0, sizeof(r.records));
	assert_int_equal(rename(r.dir, dir), 0);
	cache_attach(&r, LAZY);
	cache_write(&r, 0, 4096, 5);
	assert_true(cache_is_stamped(r.store.memory, 0, 4096, 5));
	assert_true(cache_is_state(&r, "preparing"));
	assert_true(was_told("cache_flash_failed"));
	assert_int_equal(rename(dir, r.dir), 0);
	cache_wait_state(&r, "serving");
	cache_write(&r, 0, 4096, 6);
	assert_true(cache_is_stamped(r.store.memory, 0, 4096, 5));
	assert_true(cache_reads(&r, 0, 4096, 6));
}

/* ---------------------------------------------------------------- datastore */

static void a_failing_datastore_keeps_the_data_and_then_gets_it(void **state)
{
	cache_write(&r, 0, 65536, 5);
	r.store.fail_ops = SLUICE_OP_BIT(SLUICE_OP_WRITE);
	assert_int_not_equal(cache_command(&r, "flush", "{}"), 0);
	assert_true(was_told("cache_destage_failed"));
	assert_int_equal(cache_number(&r, "dirty_bytes"), 65536);
	assert_int_equal(cache_write(&r, 65536, 4096, 6), SLUICE_OK);
	assert_true(cache_reads(&r, 0, 65536, 5));
	assert_int_not_equal(cache_change(&r, "mode=write_through"), 0);
	assert_true(cache_is_state(&r, "serving"));
	r.store.fail_ops = 0;
	assert_int_equal(cache_command(&r, "flush", "{}"), 0);
	assert_true(cache_is_stamped(r.store.memory, 0, 65536, 5));
	assert_true(cache_is_stamped(r.store.memory + 65536, 65536, 4096, 6));
}

struct writer {
	struct cache_io x;
	uint32_t left;
};

static void write_on(struct cache_io *x)
{
	struct writer *w = (struct writer *)x;

	assert_int_equal(x->status, SLUICE_OK);
	if (w->left == 0)
		return;
	w->left--;
	x->offset_bytes = (x->offset_bytes + 8 * x->len_bytes) % CACHE_SIZE;
	cache_stamp(x->buf, x->offset_bytes, x->len_bytes, 1 + w->left);
	assert_true(cache_io_start(&r, x));
}

static struct writer writers[8];

static void writers_begin(void)
{
	for (uint64_t i = 0; i < 8; i++) {
		writers[i].x = (struct cache_io){.op = SLUICE_OP_WRITE,
						 .offset_bytes = i << 17,
						 .len_bytes = 1 << 17,
						 .fn = write_on,
						 .buf = aligned_alloc(4096, 1 << 17)};
		writers[i].left = 30;
		cache_stamp(writers[i].x.buf, i << 17, 1 << 17, 31);
		assert_true(cache_io_start(&r, &writers[i].x));
	}
}

static void writers_end(void)
{
	for (int i = 0; i < 20000 && r.under_way > 0; i++)
		cache_turn(&r);
	assert_int_equal(r.under_way, 0);
	for (int i = 0; i < 8; i++)
		free(writers[i].x.buf);
}

/* 31 MiB into a log of 16: nobody gets an error, whatever the datastore does. */
static void a_full_log_makes_writers_wait(void **state)
{
	r.store.fail_ops = SLUICE_OP_BIT(SLUICE_OP_WRITE);
	writers_begin();
	for (int i = 0; i < 10000 && cache_number(&r, "writers_waiting") < 8; i++)
		cache_turn(&r);
	assert_int_equal(cache_number(&r, "writers_waiting"), 8);
	assert_true(was_told("cache_log_full"));
	assert_true(cache_number(&r, "dirty_bytes") <= cache_number(&r, "dirty_max_bytes"));
	r.store.fail_ops = 0;
	writers_end();
	assert_int_equal(cache_settle(&r), 0);
	for (uint64_t at = 0; at < CACHE_SIZE; at += 1 << 17) /* the newest, wherever it went */
		assert_true(((uint64_t *)(r.store.memory + at))[0] == (at | 1));
}

static void a_settle_goes_on_under_writers(void **state)
{
	writers_begin();
	cache_run_ms(&r, 5);
	assert_int_equal(cache_settle(&r), 0);
	writers_end();
	assert_int_equal(cache_settle(&r), 0);
	assert_int_equal(cache_number(&r, "dirty_bytes"), 0);
}

static void dirty_data_is_given_up_by_its_amount_alone(void **state)
{
	cache_write(&r, 0, 8192, 5);
	assert_int_equal(cache_command(&r, "drop", "{}"), 0);
	assert_true(cache_reads(&r, 0, 8192, 5));
	assert_int_not_equal(cache_command(&r, "drop", "{\"dirty_bytes\": 4096}"), 0);
	assert_non_null(strstr(r.err.text, "8192"));
	assert_int_equal(cache_command(&r, "drop", "{\"dirty_bytes\": 8192}"), 0);
	assert_true(cache_reads(&r, 0, 8192, 0));
	assert_int_equal(cache_number(&r, "dirty_bytes"), 0);
	assert_int_not_equal(cache_command(&r, "shake", "{}"), 0);
}

#define U(name) cmocka_unit_test_setup_teardown(name, open_it, close_it)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    U(a_missing_log_degrades_and_comes_back),
	    U(a_missing_log_is_given_up_by_saying_so),
	    U(what_is_no_log_of_this_volume_is_refused),
	    U(a_log_of_another_generation_is_refused),
	    U(damage_is_named_and_never_older_data_instead),
	    U(a_failing_log_stops_writes_and_not_reads),
	    U(a_failed_log_is_saved_and_replaced),
	    U(a_log_that_fails_empty_is_replaced),
	    U(flash_that_does_not_answer_is_told_of),
	    U(without_flash_it_passes_through_until_there_is_some),
	    U(a_failing_datastore_keeps_the_data_and_then_gets_it),
	    U(a_full_log_makes_writers_wait),
	    U(a_settle_goes_on_under_writers),
	    U(dirty_data_is_given_up_by_its_amount_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
