/* SPDX-License-Identifier: MIT */
/* The flash folder bears a mark: a mount point whose disk is away, or another one, is noticed, and
 * nothing is made below it. */
#include "cache_rig.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct cache_rig r;
static char away[128], mark[128], log_path[256];

#define LAZY CACHE_WRITE_BACK ",destage_age_ms=3600000"

static int open_it(void **state)
{
	cache_open(&r, CACHE_SIZE, true);
	snprintf(away, sizeof(away), "%s.away", r.dir);
	snprintf(mark, sizeof(mark), "%s/.sluice-flash", r.dir);
	cache_log_path(&r, log_path, sizeof(log_path));
	cache_attach(&r, LAZY);
	cache_wait_state(&r, "serving");
	return 0;
}

static int close_it(void **state)
{
	cache_close(&r);
	return 0;
}

/* As if it had been unmounted: what is left is an empty folder. */
static void unmount(void)
{
	assert_int_equal(rename(r.dir, away), 0);
	assert_int_equal(mkdir(r.dir, 0700), 0);
}

static void mount_again(void)
{
	assert_int_equal(rmdir(r.dir), 0); /* nothing was made in it */
	assert_int_equal(rename(away, r.dir), 0);
}

static void wait_text(const char *word)
{
	for (int i = 0; i < 20000 && !strstr(cache_text(&r, "state_text"), word); i++)
		cache_turn(&r);
	if (!strstr(cache_text(&r, "state_text"), word))
		fail_msg("no '%s' in: %s", word, cache_text(&r, "state_text"));
}

static void write_text(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
	assert_int_equal(fclose(f), 0);
}

/* Only its own hidden list of hot blocks may be in the folder, which is the datastore's here. */
static void forget_warm_list(void)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/volume.warm", r.dir);
	unlink(path);
}

static void dirty_data_on_a_disk_that_is_not_mounted(void **state)
{
	assert_int_equal(access(mark, F_OK), 0);
	cache_write(&r, 0, 4096, 5);
	cache_stop(&r);
	unmount();
	cache_attach(&r, LAZY);
	cache_wait_state(&r, "degraded");
	wait_text("mounted");
	assert_int_equal(cache_write(&r, 0, 4096, 6), SLUICE_ERR_NOT_READY);
	forget_warm_list();
	mount_again();
	cache_wait_state(&r, "serving");
	assert_true(cache_reads(&r, 0, 4096, 5));
}

/* Its record knows the flash although its log was retired. */
static void no_log_is_made_below_the_mount_point(void **state)
{
	assert_int_equal(cache_detach(&r), 0);
	unmount();
	cache_attach(&r, LAZY);
	wait_text("mounted");
	assert_true(cache_is_state(&r, "preparing"));
	assert_int_equal(cache_write(&r, 0, 4096, 5), SLUICE_OK);
	assert_true(cache_is_stamped(r.store.memory, 0, 4096, 5));
	forget_warm_list();
	mount_again();
	cache_wait_state(&r, "serving");
	cache_write(&r, 0, 4096, 6);
	assert_true(cache_is_stamped(r.store.memory, 0, 4096, 5));
	assert_true(cache_reads(&r, 0, 4096, 6));
}

static int no_record(void *ctx, const char *filter, const char *key, void *data, size_t room_bytes,
		     size_t *size_bytes)
{
	return -ENOENT;
}

static int any_record(void *ctx, const char *filter, const char *key, const void *data,
		      size_t size_bytes)
{
	return 0;
}

static struct chain *another_volume(struct chain_host *host)
{
	struct chain_cfg cfg = {.env = r.env,
				.groups = r.groups,
				.backend = &r.store.b,
				.volume = "vol1",
				.block_bytes = CACHE_SECTOR,
				.max_ios = 16,
				.host = host,
				.uuid = {9}};
	struct chain *c;

	*host = r.host;
	host->store_get = no_record;
	host->store_put = any_record;
	assert_int_equal(chain_create(&cfg, &c, &r.err), 0);
	return c;
}

/* A volume that never had a log: others of the datastore know. */
static void the_datastore_knows_it_for_a_new_volume(void **state)
{
	struct chain *first = r.c;
	struct chain_host host;

	unmount();
	r.c = another_volume(&host);
	cache_attach(&r, LAZY);
	wait_text("mounted");
	forget_warm_list();
	mount_again();
	assert_int_equal(cache_detach(&r), 0);
	chain_destroy(r.c);
	r.c = first;
}

static void another_disk_is_told_from_this_one(void **state)
{
	cache_write(&r, 0, 4096, 5);
	cache_stop(&r);
	unmount();
	write_text(mark, "{\"version\": 1, \"uuid\": \"01234567-89ab-cdef-0123-456789abcdef\"}\n");
	cache_attach(&r, LAZY);
	cache_wait_state(&r, "degraded");
	wait_text("another flash");
	write_text(mark, "{}\n");
	wait_text("damaged");
	assert_int_equal(unlink(mark), 0);
	forget_warm_list();
	mount_again();
	cache_wait_state(&r, "serving");
	assert_true(cache_reads(&r, 0, 4096, 5));
}

static void a_log_that_is_there_proves_its_folder(void **state)
{
	cache_write(&r, 0, 4096, 5);
	cache_stop(&r);
	assert_int_equal(unlink(mark), 0);
	cache_attach(&r, LAZY);
	cache_wait_state(&r, "serving");
	assert_int_equal(access(mark, F_OK), 0);
	assert_true(cache_reads(&r, 0, 4096, 5));
}

/* Written by an earlier version, without folder and mark. */
static void a_record_of_version_1_is_understood(void **state)
{
	cache_write(&r, 0, 4096, 5);
	cache_stop(&r);
	for (int i = 0; i < 8; i++) {
		if (strcmp(r.records[i][0], "log") == 0) {
			r.records[i][1][0] = 1;
			r.record_bytes[i] = 24;
		}
	}
	cache_attach(&r, LAZY);
	cache_wait_state(&r, "serving");
	assert_true(cache_reads(&r, 0, 4096, 5));
	cache_stop(&r);
	unmount();
	cache_attach(&r, LAZY);
	cache_wait_state(&r, "degraded");
	wait_text("mounted");
	forget_warm_list();
	mount_again();
	cache_wait_state(&r, "serving");
}

#define U(name) cmocka_unit_test_setup_teardown(name, open_it, close_it)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    U(dirty_data_on_a_disk_that_is_not_mounted), U(no_log_is_made_below_the_mount_point),
	    U(the_datastore_knows_it_for_a_new_volume),  U(another_disk_is_told_from_this_one),
	    U(a_log_that_is_there_proves_its_folder),    U(a_record_of_version_1_is_understood),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
