/* SPDX-License-Identifier: MIT */
/*
 * With destage=journaled the datastore alone, the flash thrown away, is what the volume was at some
 * moment: at every moment, that is, also in the middle of a window. With the log it is the newest.
 */
#include "cache_rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct cache_rig r;

#define BLOCKS     64u
#define WRITES_MAX 4000u

#define JOURNALED CACHE_WRITE_BACK ",destage=journaled,destage_age_ms=3"

static uint8_t place[WRITES_MAX]; /* of write i; i counts from 1 */
static uint32_t writes;
static uint64_t random_state = 12345;

static uint64_t rnd(uint64_t n)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state % n;
}

static uint32_t stamp_at(uint32_t block)
{
	uint64_t words[2];

	memcpy(words, r.store.memory + (uint64_t)block * CACHE_BLOCK, sizeof(words));
	return (uint32_t)words[1];
}

/* Of all writes up to the newest that is there, the last of each block. */
static uint32_t check_prefix(void)
{
	uint32_t newest = 0, last[BLOCKS] = {0};

	for (uint32_t b = 0; b < BLOCKS; b++) {
		uint32_t stamp = stamp_at(b);

		assert_true(cache_is_stamped(r.store.memory + (uint64_t)b * CACHE_BLOCK,
					     (uint64_t)b * CACHE_BLOCK, CACHE_BLOCK, stamp));
		newest = stamp > newest ? stamp : newest;
	}
	for (uint32_t i = 1; i <= newest; i++)
		last[place[i]] = i;
	for (uint32_t b = 0; b < BLOCKS; b++) {
		if (stamp_at(b) != last[b])
			fail_msg("block %u is of write %u and not of %u, though write %u is there",
				 b, stamp_at(b), last[b], newest);
	}
	return newest;
}

static void write_some(uint32_t n)
{
	static char buf[CACHE_BLOCK] __attribute__((aligned(4096)));

	for (uint32_t i = 0; i < n; i++) {
		struct cache_io x = {.op = SLUICE_OP_WRITE, .len_bytes = CACHE_BLOCK, .buf = buf};

		place[++writes] = (uint8_t)rnd(BLOCKS);
		x.offset_bytes = (uint64_t)place[writes] * CACHE_BLOCK;
		cache_stamp(buf, x.offset_bytes, CACHE_BLOCK, writes);
		assert_true(cache_io_start(&r, &x));
		while (!x.is_done)
			cache_turn(&r);
		assert_int_equal(x.status, SLUICE_OK);
	}
}

/* In the middle of a window: the datastore takes a few of its I/Os, and then no more. */
static void stop_inside_a_window(void)
{
	r.store.hold_after = 1 + (uint32_t)rnd(30);
	cache_run_ms(&r, 12);
}

/* CACHE_MOMENTS sets how often. */
static int moments(void)
{
	const char *text = getenv("CACHE_MOMENTS");

	return text ? (int)strtol(text, NULL, 10) : 10;
}

static void throw_the_flash_away(void **state)
{
	uint32_t inside = 0;
	char path[256];

	for (int round = 0; round < moments(); round++) {
		writes = 0;
		cache_open(&r, BLOCKS * CACHE_BLOCK, true);
		cache_attach(&r, JOURNALED);
		cache_wait_state(&r, "serving");
		write_some(20 + (uint32_t)rnd(60));
		cache_run_ms(&r, (uint32_t)rnd(8));
		stop_inside_a_window();
		write_some((uint32_t)rnd(40));
		cache_run_ms(&r, 5);
		cache_crash(&r);
		cache_log_path(&r, path, sizeof(path));
		assert_int_equal(unlink(path), 0);
		cache_attach(&r, JOURNALED);
		cache_wait_state(&r, "degraded");
		inside += check_prefix() < writes;
		assert_int_equal(cache_command(&r, "drop", "{\"unknown\": true}"), 0);
		cache_close(&r);
	}
	print_message("%u of %d times it was older than the newest write\n", inside, moments());
	assert_true(inside > 0);
}

static void with_the_log_it_is_the_newest(void **state)
{
	for (int round = 0; round < (moments() + 2) / 3; round++) {
		writes = 0;
		cache_open(&r, BLOCKS * CACHE_BLOCK, true);
		cache_attach(&r, JOURNALED);
		cache_wait_state(&r, "serving");
		write_some(60);
		stop_inside_a_window();
		write_some(20);
		cache_crash(&r);
		cache_attach(&r, JOURNALED);
		cache_wait_state(&r, "serving");
		assert_int_equal(cache_settle(&r), 0);
		assert_int_equal(check_prefix(), writes);
		cache_close(&r);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    T(throw_the_flash_away),
	    T(with_the_log_it_is_the_newest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
