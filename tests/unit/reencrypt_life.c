/* SPDX-License-Identifier: MIT */
/*
 * reencrypt_life.c - one process's life: the chain with the plug-in, a command, and I/O at random
 * until the walk has ended. All checks end the process with exit(1) and a line on stderr.
 */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "chain.h"
#include "plugin.h"
#include "reencrypt_life.h"

#define MS          1000000ull
#define MAX_IOS     4u
#define MAX_BLOCKS  96u
#define MAX_STEPS   20000u
#define BURST_TURNS 400u

struct slot {
	bool is_busy;
	uint8_t op;
	uint32_t first, count, stamp; /* sectors */
	uint8_t *buf;
};

static struct life_now {
	struct world *w;
	const struct life *how;
	struct fake_env fe;
	struct chain *c;
	struct chain_host host;
	struct slot slots[MAX_IOS];
	bool is_locked[WORLD_SECTORS]; /* an I/O that changes it is under way */
	uint32_t readers[WORLD_SECTORS];
	int result;
	uint32_t errors; /* I/Os that failed */
} now;

#define CHECK(cond) LIFE_CHECK(cond)

/* ---------------------------------------------------------------- turns */

static void turn(void)
{
	fake_env_settle(&now.fe);
	if (!disk_step())
		fake_env_advance(&now.fe, 50 * MS);
	fake_env_settle(&now.fe);
	CHECK(now.w->steps < MAX_STEPS);
}

static void ended(void *ctx, int result, const struct err *err)
{
	now.result = result;
	if (err)
		snprintf(now.w->error, sizeof(now.w->error), "%s", err->text);
}

static int wait_for_result(void)
{
	for (uint32_t i = 0; now.result == -EINPROGRESS; i++) {
		CHECK(i < MAX_STEPS);
		turn();
	}
	return now.result;
}

void life_check(bool is, const char *text, const char *file, int line)
{
	if (is)
		return;
	fprintf(stderr, "%s:%d: %s (step %u)\n", file, line, text, now.w->steps);
	_exit(1);
}

static void commanded(void *ctx, int result, const char *reply_json, const struct err *err)
{
	ended(ctx, result, err);
}

int life_command(const char *name, const char *args, const char *keks)
{
	int fds[2], rc;

	CHECK(pipe(fds) == 0);
	for (const char *k = keks ? keks : ""; *k; k++) {
		char kek[32];

		memset(kek, *k, sizeof(kek));
		CHECK(write(fds[1], kek, sizeof(kek)) == sizeof(kek));
	}
	close(fds[1]);
	now.result = -EINPROGRESS;
	chain_command(now.c, "encryption", name, args ? args : "{}", keks && *keks ? fds[0] : -1,
		      commanded, NULL);
	rc = wait_for_result();
	close(fds[0]);
	return rc;
}

static json_t *status(void)
{
	char text[8192];
	json_t *j;

	chain_filter_status(now.c, now.how->above ? 1 : 0, text, sizeof(text));
	j = json_loads(text, 0, NULL);
	CHECK(j);
	return j;
}

const char *life_word(void)
{
	static char word[32];
	json_t *j = status();
	const char *is =
	    json_string_value(json_object_get(json_object_get(j, "reencrypt"), "state"));

	snprintf(word, sizeof(word), "%s", is ? is : "");
	snprintf(now.w->state, sizeof(now.w->state), "%s",
		 json_string_value(json_object_get(j, "state")));
	json_decref(j);
	return word;
}

int64_t life_done_bytes(void)
{
	json_t *j = status();
	const json_t *is = json_object_get(json_object_get(j, "reencrypt"), "done_bytes");
	int64_t bytes = is ? json_integer_value(is) : -1;

	json_decref(j);
	return bytes;
}

static bool is_under_way(void)
{
	return life_word()[0] != '\0';
}

/* ---------------------------------------------------------------- I/O */

static void acknowledge(const struct slot *s)
{
	for (uint32_t i = s->first; i < s->first + s->count; i++) {
		now.w->sectors[i].acked = s->stamp;
		if (s->op != SLUICE_OP_WRITE)
			now.w->sectors[i].zeroed = s->stamp;
	}
}

static void flushed(void)
{
	for (uint32_t i = 0; i < WORLD_SECTORS; i++)
		if (now.w->sectors[i].safe < now.w->sectors[i].flushing)
			now.w->sectors[i].safe = now.w->sectors[i].flushing;
}

static void unlock(const struct slot *s)
{
	for (uint32_t i = s->first; i < s->first + s->count; i++) {
		if (s->op == SLUICE_OP_READ)
			now.readers[i]--;
		else
			now.is_locked[i] = false;
	}
}

static void io_ended(struct sluice_io *io)
{
	struct slot *s = chain_io_owner(io);

	unlock(s);
	if (io->status != SLUICE_OK)
		now.errors++;
	else if (s->op == SLUICE_OP_READ)
		for (uint32_t i = 0; i < s->count; i++)
			CHECK(sector_check(now.w, s->buf + i * WORLD_SECTOR, s->first + i));
	else if (s->op == SLUICE_OP_FLUSH)
		flushed();
	else
		acknowledge(s);
	CHECK(io->status == SLUICE_OK || now.how->fail_at);
	s->is_busy = false;
	chain_io_put(now.c, io);
}

static bool is_free(uint32_t first, uint32_t count, bool is_read)
{
	for (uint32_t i = first; i < first + count; i++)
		if (now.is_locked[i] || (!is_read && now.readers[i]))
			return false;
	return true;
}

static void prepare(struct slot *s)
{
	if (s->op == SLUICE_OP_FLUSH)
		for (uint32_t i = 0; i < WORLD_SECTORS; i++)
			now.w->sectors[i].flushing = now.w->sectors[i].acked;
	s->stamp = s->op == SLUICE_OP_READ || s->op == SLUICE_OP_FLUSH ? 0 : ++now.w->stamp;
	for (uint32_t i = s->first; i < s->first + s->count; i++) {
		if (s->op == SLUICE_OP_READ) {
			now.readers[i]++;
			continue;
		}
		now.is_locked[i] = true;
		now.w->sectors[i].issued = s->stamp;
		if (s->op != SLUICE_OP_WRITE)
			now.w->sectors[i].zeroed = s->stamp;
		sector_fill(s->buf + (i - s->first) * WORLD_SECTOR, i, s->stamp);
	}
}

static void submit(struct slot *s, uint8_t op, uint32_t first, uint32_t count)
{
	struct sluice_io *io = chain_io_get(now.c);

	CHECK(io);
	s->is_busy = true;
	s->op = op;
	s->first = first;
	s->count = count;
	prepare(s);
	io->op = op;
	io->offset_bytes = (uint64_t)first * WORLD_SECTOR;
	io->len_bytes = (uint64_t)count * WORLD_SECTOR;
	io->buf = op <= SLUICE_OP_WRITE ? s->buf : NULL;
	chain_submit(now.c, io, io_ended, s);
}

static bool is_flushing(void)
{
	for (uint32_t i = 0; i < MAX_IOS; i++)
		if (now.slots[i].is_busy && now.slots[i].op == SLUICE_OP_FLUSH)
			return true;
	return false;
}

static void maybe_start(struct slot *s)
{
	static const uint8_t ops[] = {SLUICE_OP_READ,  SLUICE_OP_READ,  SLUICE_OP_READ,
				      SLUICE_OP_WRITE, SLUICE_OP_WRITE, SLUICE_OP_WRITE,
				      SLUICE_OP_WRITE, SLUICE_OP_UNMAP, SLUICE_OP_WRITE_ZEROES,
				      SLUICE_OP_FLUSH};
	uint8_t op = ops[disk_random(sizeof(ops))];
	uint32_t unit = now.w->block_bytes / WORLD_SECTOR;
	uint32_t count = (1 + disk_random(MAX_BLOCKS / unit)) * unit;
	uint32_t first = disk_random((WORLD_SECTORS - count) / unit + 1) * unit;

	if (op == SLUICE_OP_FLUSH && !is_flushing())
		submit(s, op, 0, 0);
	else if (op != SLUICE_OP_FLUSH && is_free(first, count, op == SLUICE_OP_READ))
		submit(s, op, first, count);
}

static bool all_ended(void)
{
	for (uint32_t i = 0; i < MAX_IOS; i++)
		if (now.slots[i].is_busy)
			return false;
	return true;
}

static void wait_for_all(void)
{
	for (uint32_t i = 0; !all_ended(); i++) {
		CHECK(i < MAX_STEPS);
		turn();
	}
}

static void read_all(void)
{
	for (uint32_t at = 0; at < WORLD_SECTORS; at += MAX_BLOCKS) {
		uint32_t left = WORLD_SECTORS - at;

		wait_for_all();
		submit(&now.slots[0], SLUICE_OP_READ, at, left < MAX_BLOCKS ? left : MAX_BLOCKS);
	}
	wait_for_all();
}

/* ---------------------------------------------------------------- the life */

static const struct sluice_filter_ops *plugin(void)
{
	const struct sluice_filter_ops *ops = plugin_find("encryption");

	if (!ops)
		abort();
	return ops;
}

void life_load(void)
{
	static bool is_loaded;
	char self[4096], path[4200];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	struct err err;

	if (is_loaded)
		return;
	is_loaded = true;
	if (n <= 0)
		abort();
	self[n] = '\0';
	*strrchr(self, '/') = '\0';
	snprintf(path, sizeof(path), "%s/../filters/encryption.so", self);
	if (plugin_load(path, &err) < 0)
		fprintf(stderr, "%s\n", err.text);
	plugin();
}

static void attach(void)
{
	static const char *const names[] = {"serve_clear", "reencrypt_bytes_per_s",
					    "reencrypt_zone_bytes"};
	static const char *const values[] = {"true", "0", "16384"};
	struct chain_filter_cfg cfg = {
	    .ops = plugin(), .names = names, .values = values, .value_count = 3};
	struct chain_cfg chain = {.env = &now.fe.env,
				  .volume = "v",
				  .block_bytes = now.w->block_bytes,
				  .max_ios = 64,
				  .host = &now.host,
				  .uuid = "0123456789abcde"};
	struct err err;

	host_open(now.w, &now.host);
	chain.backend = disk_open(now.w, now.how, &now.fe);
	CHECK(chain_create(&chain, &now.c, &err) == 0);
	now.result = -EINPROGRESS;
	chain_attach(now.c, &cfg, ended, NULL);
	CHECK(wait_for_result() == 0);
	if (now.how->above) {
		cfg = (struct chain_filter_cfg){.ops = now.how->above};
		now.result = -EINPROGRESS;
		chain_attach(now.c, &cfg, ended, NULL);
		CHECK(wait_for_result() == 0);
	}
	/* Until it knows what it is; what it does then is no longer ours. */
	while (!list_is_empty(&now.fe.work) || strcmp(life_word(), "loading") == 0)
		turn();
}

/* The clock stands while anything is under way, so the load comes in bursts: between two of them
 * passes what a walk waits for. */
static void load_turn(uint32_t round)
{
	struct slot *s = &now.slots[round % MAX_IOS];

	if (!now.how->is_quiet && !s->is_busy && round % BURST_TURNS < BURST_TURNS * 3 / 4)
		maybe_start(s);
	turn();
}

/* The walk ends although I/O goes on. */
static void walk(void)
{
	for (uint32_t round = 0; is_under_way(); round++) {
		CHECK(round < MAX_STEPS);
		load_turn(round);
	}
}

void life_turns_until(const char *word, int64_t done_bytes)
{
	for (uint32_t round = 0; strcmp(life_word(), word) != 0 || life_done_bytes() < done_bytes;
	     round++) {
		CHECK(round < MAX_STEPS);
		load_turn(round);
	}
}

void life_turn(void)
{
	static uint32_t round;

	load_turn(round++);
}

int life_event(int kind)
{
	const struct sluice_event ev = {.kind = (enum sluice_event_kind)kind, .name = "s"};

	now.result = -EINPROGRESS;
	chain_event(now.c, &ev, ended, NULL);
	return wait_for_result();
}

int life_detach(void)
{
	now.result = -EINPROGRESS;
	chain_detach(now.c, "encryption", ended, NULL);
	return wait_for_result();
}

static void detach(void)
{
	now.result = -EINPROGRESS;
	if (now.how->detaches)
		chain_detach(now.c, "encryption", ended, NULL);
	else
		chain_drain(now.c, ended, NULL);
	CHECK(wait_for_result() == 0);
	chain_detach_all(now.c);
	chain_destroy(now.c);
	CHECK(now.fe.timer_count == 0);
}

void life_run(struct world *w, const struct life *how)
{
	now.w = w;
	now.how = how;
	w->kinds[0] = w->error[0] = '\0';
	fake_env_init(&now.fe, how->seed);
	for (uint32_t i = 0; i < MAX_IOS; i++)
		now.slots[i].buf = aligned_alloc(4096, MAX_BLOCKS * WORLD_SECTOR);
	attach();
	is_under_way();
	if (strcmp(w->state, "unlocked") == 0 || strcmp(w->state, "clear") == 0)
		read_all();
	if (how->command)
		CHECK(life_command(how->command, how->args, how->keks) == 0 || how->fail_at);
	if (how->script)
		how->script(w);
	walk();
	wait_for_all();
	read_all();
	submit(&now.slots[0], SLUICE_OP_FLUSH, 0, 0);
	wait_for_all();
	detach();
}
