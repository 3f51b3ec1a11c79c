/* SPDX-License-Identifier: MIT */
/*
 * One I/O fails, of the datastore or of the log: the first, the second, and so on until the script
 * ends before it. Nothing hangs, what was acknowledged is read back or answered with an error, and
 * after a restart it is there.
 */
#include "cache_rig.h"

#include <stdio.h>
#include <stdlib.h>

static struct cache_rig r;

#define PLACES 5
static const struct {
	uint64_t offset_bytes, len_bytes;
} places[PLACES] = {{0, 8192}, {16384, 4096}, {33280, 1024}, {65536, 65536}, {262144, 512}};

/* What a place holds, unless a change of it has failed since. */
static char what[128];
static uint32_t acknowledged[PLACES];
static bool is_known[PLACES];

static void write_place(uint32_t i, uint32_t stamp)
{
	is_known[i] =
	    cache_write(&r, places[i].offset_bytes, places[i].len_bytes, stamp) == SLUICE_OK;
	acknowledged[i] = stamp;
}

static void unmap_place(uint32_t i)
{
	is_known[i] = cache_io(&r, SLUICE_OP_UNMAP, places[i].offset_bytes, places[i].len_bytes,
			       NULL) == SLUICE_OK;
	acknowledged[i] = 0;
}

static void read_all(bool may_fail)
{
	static char buf[65536] __attribute__((aligned(4096)));

	for (uint32_t i = 0; i < PLACES; i++) {
		enum sluice_status status =
		    cache_io(&r, SLUICE_OP_READ, places[i].offset_bytes, places[i].len_bytes, buf);

		if (status != SLUICE_OK && may_fail)
			continue;
		assert_int_equal(status, SLUICE_OK);
		if (is_known[i] && !cache_is_stamped(buf, places[i].offset_bytes,
						     places[i].len_bytes, acknowledged[i]))
			fail_msg("%s: place %u is not as it was acknowledged (%u)", what, i,
				 acknowledged[i]);
	}
}

static void script(void)
{
	for (uint32_t i = 0; i < PLACES; i++)
		write_place(i, 1 + i);
	cache_io(&r, SLUICE_OP_FLUSH, 0, 0, NULL);
	read_all(true);
	unmap_place(3);
	write_place(0, 11);
	cache_command(&r, "drop", "{}");
	read_all(true);
	cache_command(&r, "flush", "{}");
	write_place(2, 12);
	cache_drain(&r);
	cache_settle(&r);
	read_all(true);
	if (cache_change(&r, "mode=write_through") == 0)
		write_place(1, 13);
	read_all(true);
}

static const char *modes[] = {"mode=write_through", CACHE_WRITE_BACK ",destage_age_ms=3600000",
			      CACHE_WRITE_BACK ",destage_age_ms=0,destage=journaled"};

/* True: the script was over before. */
static bool sweep_one(const char *params, uint64_t store_at, uint64_t disk_at)
{
	bool is_over;

	for (uint32_t i = 0; i < PLACES; i++)
		acknowledged[i] = 0, is_known[i] = true;
	snprintf(what, sizeof(what), "%s, I/O %u of the datastore, %u of the log", params,
		 (unsigned)store_at, (unsigned)disk_at);
	cache_open(&r, 1 << 20, true);
	r.store.fail_at = store_at;
	r.disk.fail_at = disk_at;
	cache_attach(&r, params);
	for (int i = 0; i < 2000 && !cache_is_state(&r, "serving"); i++) {
		if (*cache_text(&r, "state_text"))
			break; /* the log could not be made */
		cache_turn(&r);
	}
	script();
	is_over = store_at ? r.store.fail_at > 0 : r.disk.fail_at > 0;
	r.store.fail_at = r.disk.fail_at = 0;
	cache_crash(&r);
	cache_attach(&r, "mode=write_through"); /* with what a log has left */
	cache_wait_state(&r, "serving");
	read_all(false);
	cache_close(&r);
	return is_over;
}

/* Each with CACHE_SWEEP_STEP=1; by default every other one, and where a log and a journal are made
 * first, one in nine. */
static uint64_t step_of(uint32_t mode)
{
	const char *step = getenv("CACHE_SWEEP_STEP");

	if (step)
		return strtoull(step, NULL, 10);
	return mode == 2 ? 9 : 2;
}

static void every_io_of_the_datastore_fails_once(void **state)
{
	for (uint32_t m = 0; m < 3; m++) {
		for (uint64_t n = 1; !sweep_one(modes[m], n, 0); n += step_of(m))
			assert_true(n < 1000);
	}
}

static void every_io_of_the_log_fails_once(void **state)
{
	for (uint32_t m = 1; m < 3; m++) {
		for (uint64_t n = 1; !sweep_one(modes[m], 0, n); n += step_of(m))
			assert_true(n < 1000);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    T(every_io_of_the_datastore_fails_once),
	    T(every_io_of_the_log_fails_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
