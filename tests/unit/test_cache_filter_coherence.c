/* SPDX-License-Identifier: MIT */
/*
 * Random I/O, mode changes, drains, flushes, failures of datastore and log, and crashes, against a
 * model that knows for each sector what a read may find. CACHE_SEEDS and CACHE_SEED for long runs.
 */
#include "cache_rig.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Ends inside of a block. */
#define VOLUME  ((1ull << 20) - 1536)
#define SECTORS (VOLUME / CACHE_SECTOR)
#define OPS     24
#define OP_MAX  (128u << 10)
#define VALUES  6

static struct cache_rig r;
static uint64_t random_state, seed;
static uint32_t next_stamp;
static uint32_t checked, crashes, changes, failures;

/* What a read of this sector may find. */
struct sector {
	uint32_t value[VALUES];
	uint32_t count; /* 0: anything */
	bool is_open;   /* it may still turn from one to another */
	bool is_busy;
};
static struct sector sectors[SECTORS];

struct op {
	struct cache_io x;
	uint32_t stamp;
	bool is_used, is_unknown, is_change;
};
static struct op ops[OPS];

static uint64_t rnd(uint64_t n)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state % n;
}

/* ---------------------------------------------------------------- the model */

static void now_is(struct sector *s, uint32_t stamp)
{
	s->value[0] = stamp;
	s->count = 1;
	s->is_open = false;
}

static void may_be(struct sector *s, uint32_t stamp, bool is_open)
{
	s->is_open |= is_open;
	if (s->count == 0)
		return;
	if (s->count == VALUES)
		s->count = 0;
	else
		s->value[s->count++] = stamp;
}

static void check(struct sector *s, uint64_t at, const char *buf)
{
	checked++;
	if (s->count == 0)
		return;
	for (uint32_t i = 0; i < s->count; i++) {
		if (!cache_is_stamped(buf, at, CACHE_SECTOR, s->value[i]))
			continue;
		if (!s->is_open)
			now_is(s, s->value[i]);
		return;
	}
	fail_msg("seed %" PRIu64 ": sector at %" PRIu64 " has stamp %" PRIu64 " for offset %" PRIu64
		 ", and not %u (one of %u)",
		 seed, at, ((const uint64_t *)buf)[1], ((const uint64_t *)buf)[0], s->value[0],
		 s->count);
}

/* ---------------------------------------------------------------- I/O */

static void mark(const struct op *o, bool is_busy)
{
	for (uint64_t i = 0; i < o->x.len_bytes / CACHE_SECTOR; i++)
		sectors[o->x.offset_bytes / CACHE_SECTOR + i].is_busy = is_busy;
}

static void ended(struct cache_io *x)
{
	struct op *o = (struct op *)x;
	bool is_ok = x->status == SLUICE_OK;

	mark(o, false);
	o->is_used = false;
	failures += !is_ok;
	for (uint64_t i = 0; i < x->len_bytes / CACHE_SECTOR; i++) {
		struct sector *s = &sectors[x->offset_bytes / CACHE_SECTOR + i];

		if (o->is_change && is_ok && !o->is_unknown)
			now_is(s, o->stamp);
		else if (o->is_change)
			may_be(s, o->stamp, !o->is_unknown);
		else if (is_ok && x->op == SLUICE_OP_READ && !o->is_unknown)
			check(s, x->offset_bytes + i * CACHE_SECTOR, x->buf + i * CACHE_SECTOR);
	}
}

static void pick_range(struct op *o)
{
	uint64_t unit = rnd(3) ? 4096 : 512;
	uint64_t len = (1 + rnd(rnd(4) ? 4 : 30)) * unit;
	uint64_t at = rnd(VOLUME / unit) * unit;

	if (len > VOLUME - at)
		len = VOLUME - at;
	o->x.offset_bytes = at;
	o->x.len_bytes = len;
}

static bool is_free(const struct op *o)
{
	for (uint64_t i = 0; i < o->x.len_bytes / CACHE_SECTOR; i++) {
		if (sectors[o->x.offset_bytes / CACHE_SECTOR + i].is_busy)
			return false;
	}
	return true;
}

static enum sluice_op pick_op(void)
{
	static const enum sluice_op which[] = {
	    SLUICE_OP_READ,  SLUICE_OP_READ,  SLUICE_OP_READ,         SLUICE_OP_READ,
	    SLUICE_OP_WRITE, SLUICE_OP_WRITE, SLUICE_OP_WRITE,        SLUICE_OP_WRITE,
	    SLUICE_OP_WRITE, SLUICE_OP_UNMAP, SLUICE_OP_WRITE_ZEROES, SLUICE_OP_FLUSH,
	    SLUICE_OP_EXTENT};

	return which[rnd(sizeof(which) / sizeof(which[0]))];
}

static void start_one(void)
{
	struct op *o = &ops[rnd(OPS)];

	if (o->is_used)
		return;
	o->x.op = (uint8_t)pick_op();
	o->x.fn = ended;
	o->x.flags = o->x.op == SLUICE_OP_WRITE && rnd(4) == 0 ? SLUICE_IO_FUA : 0;
	pick_range(o);
	if (o->x.op == SLUICE_OP_FLUSH)
		o->x.offset_bytes = o->x.len_bytes = 0;
	else if (!is_free(o))
		return;
	o->is_change = o->x.op == SLUICE_OP_WRITE || o->x.op == SLUICE_OP_UNMAP ||
		       o->x.op == SLUICE_OP_WRITE_ZEROES;
	o->is_unknown = false;
	o->is_used = true;
	o->stamp = o->x.op == SLUICE_OP_WRITE ? ++next_stamp : 0;
	if (o->x.op == SLUICE_OP_WRITE)
		cache_stamp(o->x.buf, o->x.offset_bytes, o->x.len_bytes, o->stamp);
	mark(o, true);
	assert_true(cache_io_start(&r, &o->x));
}

/* ---------------------------------------------------------------- what happens around it */

static const char *const params[] = {
    "mode=write_through,ram_bytes=262144",
    "mode=write_around,ram_bytes=262144",
    "mode=read_only,ram_bytes=262144",
    CACHE_WRITE_BACK ",ram_bytes=262144,destage_age_ms=10",
    CACHE_WRITE_BACK ",ram_bytes=65536,destage_age_ms=1000",
    CACHE_WRITE_BACK ",ram_bytes=0,destage_age_ms=0,destage=journaled",
    CACHE_WRITE_BACK ",ram_bytes=262144,flash_read_bytes=16777216,destage_age_ms=20",
};
#define PARAMS (sizeof(params) / sizeof(params[0]))
static uint32_t mode;

static void change_mode(void)
{
	uint32_t next = (uint32_t)rnd(PARAMS);
	int result = cache_change(&r, params[next]);

	if (result == 0)
		mode = next;
	else if (r.store.fail_at == 0 && r.store.fail_ops == 0 && !cache_is_state(&r, "degraded") &&
		 getenv("CACHE_RIG_VERBOSE"))
		fprintf(stderr, "change: %s\n", r.err.text);
	changes++;
}

static void crash(void)
{
	for (int i = 0; i < OPS; i++)
		ops[i].is_unknown |= ops[i].is_used;
	r.disk.fails = false;
	r.disk.fail_at = r.store.fail_at = 0;
	r.store.fail_ops = 0;
	cache_crash(&r);
	crashes++;
	for (uint64_t i = 0; i < SECTORS; i++)
		sectors[i].is_open = false;
	cache_attach(&r, params[mode]);
}

static void heal(void)
{
	r.store.fail_at = r.disk.fail_at = 0;
	r.store.fail_ops = 0;
	if (cache_is_state(&r, "degraded"))
		crash();
}

static void something_happens(bool has_failures)
{
	switch (rnd(12)) {
	case 0:
		change_mode();
		break;
	case 1:
		crash();
		break;
	case 2:
		cache_drain(&r);
		break;
	case 3:
		cache_settle(&r);
		break;
	case 4:
		cache_command(&r, "flush", "{}");
		break;
	case 5:
		cache_command(&r, "drop", "{}");
		break;
	case 6:
		if (has_failures)
			r.store.fail_at = 1 + rnd(20);
		break;
	case 7:
		if (has_failures)
			r.disk.fail_at = 1 + rnd(60);
		break;
	case 8:
		heal();
		break;
	default:
		cache_run_ms(&r, (uint32_t)rnd(30));
		break;
	}
}

static void wait_for_io(void)
{
	for (int i = 0; i < 20000 && r.under_way > 0; i++)
		cache_turn(&r);
	assert_int_equal(r.under_way, 0);
}

static void check_all(void)
{
	static char buf[VOLUME] __attribute__((aligned(4096)));

	for (uint64_t at = 0; at < VOLUME; at += OP_MAX) {
		uint64_t len = VOLUME - at < OP_MAX ? VOLUME - at : OP_MAX;

		assert_int_equal(cache_io(&r, SLUICE_OP_READ, at, len, buf + at), SLUICE_OK);
	}
	for (uint64_t i = 0; i < SECTORS; i++)
		check(&sectors[i], i * CACHE_SECTOR, buf + i * CACHE_SECTOR);
}

static void one_seed(bool has_failures)
{
	memset(sectors, 0, sizeof(sectors));
	for (uint64_t i = 0; i < SECTORS; i++)
		now_is(&sectors[i], 0);
	random_state = seed * 0x9e3779b97f4a7c15ull + 1;
	next_stamp = 0;
	cache_open(&r, VOLUME, rnd(2));
	mode = (uint32_t)rnd(PARAMS);
	cache_attach(&r, params[mode]);
	for (int step = 0; step < 1500; step++) {
		start_one();
		if (rnd(4) == 0)
			cache_turn(&r);
		if (rnd(60) == 0)
			something_happens(has_failures);
	}
	wait_for_io();
	heal();
	cache_wait_state(&r, "serving");
	check_all();
	assert_int_equal(cache_settle(&r), 0);
	for (uint64_t i = 0; i < SECTORS; i++)
		check(&sectors[i], i * CACHE_SECTOR, r.store.memory + i * CACHE_SECTOR);
	cache_close(&r);
}

static void run(bool has_failures)
{
	const char *count = getenv("CACHE_SEEDS"), *first = getenv("CACHE_SEED");
	uint64_t n = count ? strtoull(count, NULL, 10) : 6;
	uint64_t from = first ? strtoull(first, NULL, 10) : 1;

	for (int i = 0; i < OPS; i++) {
		ops[i].x.buf = aligned_alloc(4096, OP_MAX);
		assert_non_null(ops[i].x.buf);
	}
	for (seed = from; seed < from + n; seed++)
		one_seed(has_failures);
	for (int i = 0; i < OPS; i++)
		free(ops[i].x.buf);
	print_message("%u sectors checked, %u crashes, %u changes, %u failed I/Os\n", checked,
		      crashes, changes, failures);
	assert_true(has_failures || failures == 0 || crashes > 0);
}

static void every_read_finds_the_newest_data(void **state)
{
	run(false);
}

static void failures_lose_nothing_that_was_acknowledged(void **state)
{
	run(true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    T(every_read_finds_the_newest_data),
	    T(failures_lose_nothing_that_was_acknowledged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
