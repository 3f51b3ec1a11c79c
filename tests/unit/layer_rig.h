/* SPDX-License-Identifier: MIT */
/*
 * layer_rig.h - volumes with snapshots in a temporary folder, over env_linux, for tests that ask
 * and wait. Writes of one file can be made to fail.
 *
 * The content is told by bytes: block i of a volume holds one byte value 4096 times.
 */
#ifndef TESTS_LAYER_RIG_H
#define TESTS_LAYER_RIG_H

#include <stdbool.h>
#include <stdint.h>

#include "backend_rig.h"
#include "layer.h"

#define RIG_BLOCK 4096u

struct layer_rig {
	struct env *env;
	char *folder;
	uint64_t size_bytes;
};

void layer_rig_init(struct layer_rig *r, uint64_t size_bytes);
void layer_rig_fini(struct layer_rig *r);
/* Below the folder; until the next call but three. */
const char *layer_rig_path(const struct layer_rig *r, const char *name);
/* Of files whose name ends so, or so, every write fails with -ENOSPC; NULL: of none. Files that are
 * opened from now on. */
void layer_rig_fail_writes(const char *ending, const char *other);
void layer_rig_fail_flushes(const char *ending);
uint64_t layer_rig_failures(void);

/* Once: as another thread might, just then. */
void layer_rig_before_open(const char *ending, void (*fn)(void));

/* As if another process began: of files that are opened from now on, what is done first is noted.
 */
void layer_rig_forget(void);
/* name was flushed before the first write to `before`, which was written to. */
bool layer_rig_was_flushed_first(const char *name, const char *before);

/* Before each call of files that are opened from now on and whose name ends so; NULL: of none. */
void layer_rig_watch(const char *ending, void (*fn)(enum env_io_op op));
/* What waits for a time waits a few milliseconds. */
void layer_rig_hurry(void);

/* A plain image of that name, and opening it, perhaps a snapshot of it (NULL: the volume). */
void layer_rig_create(struct layer_rig *r, const char *name);
int layer_rig_try_open(struct layer_rig *r, const char *name, const char *snapshot,
		       struct backend **out, struct err *err);
struct backend *layer_rig_open(struct layer_rig *r, const char *name, const char *snapshot);
void layer_rig_close(struct layer_rig *r, struct backend *b);

void layer_rig_fill(struct layer_rig *r, struct backend *b, uint32_t block, uint32_t count,
		    uint8_t byte);
void layer_rig_unmap(struct layer_rig *r, struct backend *b, uint32_t block, uint32_t count);
void layer_rig_expect(struct layer_rig *r, struct backend *b, uint32_t block, uint32_t count,
		      uint8_t byte);
/* Raw, into the file: as a process leaves it that was killed before its map entry. */
void layer_rig_poke(struct layer_rig *r, const char *name, uint64_t offset_bytes, uint8_t byte,
		    uint32_t len_bytes);

/* That block of the file is all zeros. */
bool layer_rig_is_zero(struct layer_rig *r, const char *name, uint32_t block);

/* The file is as long as that, as a kill or a damage leaves it. */
void layer_rig_cut(struct layer_rig *r, const char *name, uint64_t size_bytes);

/* These wait for the answer, and return it. */
int layer_rig_snapshot(struct layer_rig *r, struct backend *b, const char *uuid);
int layer_rig_revert(struct layer_rig *r, struct backend *b, const char *uuid);
int layer_rig_delete(struct layer_rig *r, struct backend *b, const char *uuid);
int layer_rig_cancel(struct layer_rig *r, struct backend *b, const char *uuid);
int layer_rig_clone(struct layer_rig *r, struct backend *b, const char *uuid, const char *name,
		    bool is_linked);
int layer_rig_grow(struct layer_rig *r, struct backend *b, uint32_t blocks);
/* "ready", "deleting", or "absent". */
const char *layer_rig_state(struct backend *b, const char *uuid);
void layer_rig_wait_state(struct layer_rig *r, struct backend *b, const char *uuid,
			  const char *state);
/* A full clone is one no more, by its manifest (NAME) and by the copy, which holds a layer as well.
 */
void layer_rig_wait_alone(struct layer_rig *r, const char *name);
bool layer_rig_has(struct layer_rig *r, const char *name);

#endif
