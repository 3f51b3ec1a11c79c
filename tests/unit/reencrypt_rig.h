/* SPDX-License-Identifier: MIT */
/*
 * reencrypt_rig.h - a volume that is killed again and again while it changes what it is encrypted
 * with, and a model of what must be in it.
 *
 * The world (image, sidecar, keyring, store, model) is memory that outlives processes; a life is a
 * process of its own with the chain and the plug-in, on a virtual clock. It ends when its N-th step
 * is due: an I/O of the image or the sidecar, of which a part may still happen, or a helper's job.
 * After a power cut each block that no flush has covered is the old or the new one.
 *
 * Each 512-byte sector holds the stamp of the write that made it and bytes that belong to both. So
 * what is read is known by itself; it has to be no older than the last acknowledged write (after a
 * power cut: than the last that a flush has covered).
 *
 *     world_open(&w, 512);
 *     run_life(w, &(struct life){.seed = 1, .dies_at = 17, .command = "rekey_deep", .keks = "ab"});
 *     world_close(w);
 *
 * Thread: one in each process.
 */
#ifndef TESTS_REENCRYPT_RIG_H
#define TESTS_REENCRYPT_RIG_H

#include <stdbool.h>
#include <stdint.h>

#include "env.h"

#define WORLD_BYTES      (256u << 10)
#define WORLD_FILE_BYTES ((1u << 20) + 8192)
#define WORLD_FILE_USED  (8192u + WORLD_ZONE) /* of it, by zones of that size */
#define WORLD_ZONE       16384u
#define WORLD_SECTOR     512u
#define WORLD_SECTORS    (WORLD_BYTES / WORLD_SECTOR)

struct sector {
	uint32_t
	    acked;     /* the newest stamp that was acknowledged; a crash of the process keeps it */
	uint32_t safe; /* as above, and flushed since */
	uint32_t flushing; /* will be safe when the flush under way ends */
	uint32_t zeroed;   /* the newest stamp that was an unmap */
	uint32_t issued;   /* the newest of all */
};

struct world {
	uint8_t image[WORLD_BYTES], image_medium[WORLD_BYTES];
	uint8_t file[WORLD_FILE_BYTES], file_medium[WORLD_FILE_BYTES];
	struct {
		char name[32];
		uint8_t secret[256];
		size_t bytes;
	} secrets[4];
	struct {
		char key[33];
		uint8_t value[8];
		size_t bytes;
	} records[6];
	struct sector sectors[WORLD_SECTORS];
	uint32_t stamp;
	uint32_t block_bytes;
	char folder[64];
	char state[32];  /* the volume's, at the end of the last life that ended well */
	char kinds[512]; /* events of that life */
	char error[512]; /* of its command */
	uint32_t steps;  /* of the last life */
};

enum life_end { LIFE_ENDED, LIFE_KILLED, LIFE_WRONG };

struct life {
	uint32_t seed;
	uint32_t dies_at;             /* 0: it does not */
	uint32_t fail_at, fail_count; /* so many steps from this one on fail */
	const char *command, *args, *keks;
	void (*script)(struct world *w);       /* in that process, before the walk is waited for */
	const struct sluice_filter_ops *above; /* another filter, attached after the encryption */
	bool is_quiet;                         /* no I/O but what checks */
	bool detaches;                         /* at the end, and attaches nothing */
};

struct world *world_open(uint32_t block_bytes);
void world_close(struct world *w);
/* Fills the image from outside, in clear; from seed 3 on with holes longer than zones. */
void world_fill_clear(struct world *w, uint32_t seed);
void world_cut_power(struct world *w, uint32_t seed);
/* Until the walk that was begun or found has ended. */
/*
 * For scripts. life_command(): 0 or -errno, w->error. life_word(), life_done_bytes(): of the walk,
 * "" and -1 without one. life_turns_until(): with I/O, until the walk's state is that.
 */
int life_command(const char *name, const char *args, const char *keks);
const char *life_word(void);
int64_t life_done_bytes(void);
void life_turn(void);
void life_turns_until(const char *word, int64_t done_bytes);
int life_event(int kind); /* enum sluice_event_kind */
int life_detach(void);
void life_kill(void);
#define LIFE_CHECK(cond) life_check(cond, #cond, __FILE__, __LINE__)
void life_check(bool is, const char *text, const char *file, int line);

enum life_end run_life(struct world *w, const struct life *how);
/* 0: the KEK of 32 such letters opens the header. */
int world_try_kek(struct world *w, char letter);
/* A record of the plug-in. */
bool world_has(const struct world *w, const char *record);
/* Some of the sidecar is data in clear. */
bool world_sidecar_tells(const struct world *w);
/* How many sectors of the image hold their data in clear. */
uint32_t world_clear_sectors(const struct world *w);

#endif
