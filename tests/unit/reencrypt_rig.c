/* SPDX-License-Identifier: MIT */
#include "reencrypt_rig.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "luks.h"
#include "reencrypt_life.h"

#define EXIT_KILLED 42

static const char *const suffixes[] = {"luks",     "luksbackup",     "luksnew",    "luksdata",
				       "luksnext", "luksnextbackup", "luksnextnew"};
static const uint8_t uuid[16] = "0123456789abcde";

struct world *world_open(uint32_t block_bytes)
{
	struct world *w =
	    mmap(NULL, sizeof(*w), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (w == MAP_FAILED)
		abort();
	w->block_bytes = block_bytes;
	snprintf(w->folder, sizeof(w->folder), "/dev/shm/sluice-re-XXXXXX");
	if (!mkdtemp(w->folder))
		abort();
	return w;
}

static void path_of(const struct world *w, const char *suffix, char *path, size_t size_bytes)
{
	snprintf(path, size_bytes, "%s/v.%s", w->folder, suffix);
}

void world_close(struct world *w)
{
	char path[128];

	for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
		path_of(w, suffixes[i], path, sizeof(path));
		unlink(path);
	}
	path_of(w, "reencrypt", path, sizeof(path));
	unlink(path);
	if (rmdir(w->folder) < 0)
		abort();
	munmap(w, sizeof(*w));
}

/* ---------------------------------------------------------------- sectors */

void sector_fill(uint8_t *p, uint32_t index, uint32_t stamp)
{
	uint64_t x = ((uint64_t)index << 32 | stamp) * 0x9e3779b97f4a7c15ull;

	for (uint32_t i = 0; i < WORLD_SECTOR; i += 8) {
		x ^= x >> 12;
		x ^= x << 25;
		x ^= x >> 27;
		memcpy(p + i, &x, 8);
	}
	memcpy(p, &stamp, sizeof(stamp));
}

static bool is_zero(const uint8_t *p)
{
	return p[0] == 0 && memcmp(p, p + 1, WORLD_SECTOR - 1) == 0;
}

/* The stamp; 0 for zeros; UINT32_MAX for what was never written there. */
static uint32_t sector_stamp(const uint8_t *p, uint32_t index)
{
	uint8_t wanted[WORLD_SECTOR];
	uint32_t stamp;

	if (is_zero(p))
		return 0;
	memcpy(&stamp, p, sizeof(stamp));
	sector_fill(wanted, index, stamp);
	return memcmp(p, wanted, WORLD_SECTOR) == 0 ? stamp : UINT32_MAX;
}

/* What was read is as new as it must be, and what is known from now on. */
bool sector_check(struct world *w, const uint8_t *p, uint32_t index)
{
	struct sector *s = &w->sectors[index];
	uint32_t stamp = sector_stamp(p, index);

	if (stamp == 0)
		stamp = s->zeroed;
	if (stamp >= s->acked && stamp <= s->issued) {
		s->acked = stamp;
		return true;
	}
	fprintf(stderr, "sector %u: stamp %u, acknowledged %u, zeroed %u, issued %u\n", index,
		stamp, s->acked, s->zeroed, s->issued);
	return false;
}

void world_fill_clear(struct world *w, uint32_t seed)
{
	w->stamp++;
	for (uint32_t i = 0; i < WORLD_SECTORS; i++) {
		struct sector *s = &w->sectors[i];

		if (seed < 3 ? (i / 16 + seed) % 3 == 0 : (i / 128 + seed) % 2 == 0)
			continue;
		s->acked = s->safe = s->issued = w->stamp;
		sector_fill(w->image + i * WORLD_SECTOR, i, w->stamp);
	}
	memcpy(w->image_medium, w->image, WORLD_BYTES);
}

uint32_t world_clear_sectors(const struct world *w)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < WORLD_SECTORS; i++) {
		uint32_t stamp = sector_stamp(w->image + i * WORLD_SECTOR, i);

		count += stamp != 0 && stamp != UINT32_MAX;
	}
	return count;
}

/* ---------------------------------------------------------------- power */

static void cut(uint8_t *cache, uint8_t *medium, uint32_t bytes, uint32_t unit, uint32_t *seed)
{
	for (uint32_t at = 0; at < bytes; at += unit) {
		if (memcmp(cache + at, medium + at, unit) == 0)
			continue;
		*seed = *seed * 1664525 + 1013904223;
		if (*seed >> 31)
			memcpy(medium + at, cache + at, unit);
		else
			memcpy(cache + at, medium + at, unit);
	}
}

void world_cut_power(struct world *w, uint32_t seed)
{
	cut(w->image, w->image_medium, WORLD_BYTES, w->block_bytes, &seed);
	cut(w->file, w->file_medium, WORLD_FILE_USED, WORLD_SECTOR, &seed);
	for (uint32_t i = 0; i < WORLD_SECTORS; i++)
		w->sectors[i].acked = w->sectors[i].safe;
}

/* ---------------------------------------------------------------- lives */

enum life_end run_life(struct world *w, const struct life *how)
{
	pid_t pid;
	int status;

	life_load();
	fflush(NULL);
	pid = fork();
	if (pid < 0)
		abort();
	if (pid == 0) {
		alarm(60);
		life_run(w, how);
		_exit(0);
	}
	if (waitpid(pid, &status, 0) != pid)
		abort();
	if (!WIFEXITED(status) ||
	    (WEXITSTATUS(status) != 0 && WEXITSTATUS(status) != EXIT_KILLED)) {
		fprintf(stderr,
			"life: seed %u, dies at %u, fails at %u: status %x after %u steps\n",
			how->seed, how->dies_at, how->fail_at, (unsigned)status, w->steps);
		return LIFE_WRONG;
	}
	return WEXITSTATUS(status) ? LIFE_KILLED : LIFE_ENDED;
}

void life_kill(void)
{
	_exit(EXIT_KILLED);
}

int world_try_kek(struct world *w, char letter)
{
	struct luks l = {0};
	uint8_t kek[LUKS_KEK_BYTES], dek[LUKS_DEK_BYTES];

	path_of(w, "luks", l.header, sizeof(l.header));
	path_of(w, "luksbackup", l.backup, sizeof(l.backup));
	path_of(w, "luksnew", l.fresh, sizeof(l.fresh));
	memcpy(l.uuid, uuid, sizeof(uuid));
	memset(kek, letter, sizeof(kek));
	return luks_open(&l, kek, dek);
}

bool world_has(const struct world *w, const char *record)
{
	for (int i = 0; i < 4; i++)
		if (strcmp(w->records[i].key, record) == 0)
			return w->records[i].value[0] != '0';
	return false;
}

bool world_sidecar_tells(const struct world *w)
{
	for (uint32_t at = 0; at < WORLD_FILE_USED; at += WORLD_SECTOR) {
		const uint8_t *p = w->file + at;
		uint8_t clear[WORLD_SECTOR];
		uint32_t stamp;

		memcpy(&stamp, p, sizeof(stamp));
		for (uint32_t i = 0; stamp && stamp <= w->stamp && i < WORLD_SECTORS; i++) {
			sector_fill(clear, i, stamp);
			if (memcmp(p, clear, WORLD_SECTOR) == 0)
				return true;
		}
	}
	return false;
}
