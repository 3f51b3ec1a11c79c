/* SPDX-License-Identifier: MIT */
/*
 * lab.h - volumes on simulated files, driven step by step and compared with the oracle.
 *
 * A seed is a few lives of a process that has a volume and perhaps a clone of it open; each ends by
 * death in the middle of anything, or in order. After each the files must be what the oracle
 * allows. Thread: one.
 */
#ifndef SIM_LAYER_LAB_H
#define SIM_LAYER_LAB_H

#include "fs.h"
#include "layer.h"
#include "oracle.h"

#define LAB_VOLUMES    2u
#define LAB_IOS        6u
#define LAB_BLOCKS     12u /* at first */
#define LAB_BLOCKS_MAX 18u

enum snap_state { SNAP_NONE, SNAP_MAYBE, SNAP_READY, SNAP_DELETING };
enum doubt { DOUBT_NONE, DOUBT_REVERT, DOUBT_DELETE, DOUBT_GROW, DOUBT_CLONE };

struct snap {
	enum snap_state state;
	uint32_t number; /* its uuid is "s<number>", its group "g<number>" */
	bool is_after_record, is_committed;
	struct image image;
};

struct volume {
	const char *path;
	bool exists;
	bool is_after_power_cut; /* and was not looked at since */
	bool is_lost;            /* the manifest, and it was not opened since */
	struct backend *b;       /* NULL: closed */
	struct image image;
	struct snap snaps[ORACLE_SNAPSHOTS];
	enum doubt doubt;
	uint32_t doubt_snap;
	uint32_t doubt_sectors;
	uint32_t told_sectors; /* the size that somebody counts on */
	uint32_t origin_snap;  /* of volume 0, +1; 0: none */
	bool is_linked;
};

struct lab_io;

struct lab {
	struct fs fs; /* first */
	struct rng rng;
	uint64_t seed;
	struct volume volumes[LAB_VOLUMES];
	uint32_t version, snap_number;
	bool is_durable;
	uint32_t fail_rate;
	char failure[300];
	uint64_t deaths, checks, lost;
	bool is_verbose;
};

/* True: nothing was wrong. */
bool lab_run(struct lab *l, uint64_t seed);
/* The script of the seed, and death at exactly the n-th call; false: it ended before that, or
 * something is wrong (failure). */
bool lab_run_enumerated(struct lab *l, uint64_t seed, uint64_t nth, bool is_power_cut);
void lab_fail(struct lab *l, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
bool lab_is_fine(const struct lab *l);

/* lab_io.c */
void lab_changes(struct lab *l, struct volume *v);
void lab_flush(struct lab *l, struct volume *v);
bool lab_read_all(struct lab *l, struct backend *b, uint32_t sectors, uint8_t *out);
uint8_t *lab_buffer(void);
/* lab_tree.c: requests; what they do to the oracle is done too. */
void lab_snapshot(struct lab *l);
void lab_revert(struct lab *l, struct volume *v);
void lab_delete(struct lab *l, struct volume *v);
void lab_cancel(struct lab *l, struct volume *v);
void lab_clone(struct lab *l);
/* The file is there, and is more than a name. */
bool lab_is_whole(const struct lab *l, const char *path);
void lab_grow(struct lab *l, struct volume *v);
/* lab_check.c */
bool lab_open(struct lab *l, struct volume *v);
void lab_close(struct lab *l, struct volume *v);
void lab_check_volume(struct lab *l, struct volume *v); /* open; head, list and every snapshot */
void lab_check_views(struct lab *l, struct volume *v);

/* lab_turn.c: of this seed; of a volume that was opened; now and then, while it is open. */
void lab_turns_seed(struct lab *l);
void lab_turns_open(struct lab *l, struct volume *v);
void lab_turns_change(struct lab *l, struct volume *v);

/* Steps until *is_done; a failure when nothing is left to do. */
void lab_wait(struct lab *l, const bool *is_done, const char *what);

#endif
