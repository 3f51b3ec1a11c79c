/* SPDX-License-Identifier: MIT */
/*
 * layer.h - volumes of a dir datastore that can have snapshots: a tree of layers under one head.
 *
 * A backend like the others. Without a manifest (<image without .img>.layers) it hands everything
 * to `dir`; the first snapshot turns the open volume into layers. The files and the argument why
 * each change is before or after, never between, are in layers.md.
 *
 *     snapshot:  prepare (under I/O) ─▶ commit (I/O held) ─▶ the caller's decision ─▶ decide
 *                     └──────────▶ abort                            (group record)
 *     revert:    I/O held ─▶ layer_revert ─▶ fn
 *     delete:    layer_delete ─▶ fn (it is marked); merging goes on in the background, over
 * restarts clone:     layer_clone ─▶ fn: the new volume can be opened; a full one copies when it is
 * open
 *
 * A closed volume is opened with backend_layers, told, and closed again.
 * Thread: the owner worker of the volume; layer_remove() and layer_repair() block: control path.
 * Owns:   strings are copied before a call returns.
 * Calls:  fn exactly once, on the owner worker, possibly before the call returns; err is of result
 *         and lives only during fn.
 * Errors: -EBUSY another change of the tree is under way; -ENOENT no such snapshot; -EEXIST;
 *         -EROFS; -EIO the volume is stopped by a failure; -ENOSPC and other -errno of the disk.
 */
#ifndef FILTERD_LAYER_H
#define FILTERD_LAYER_H

#include <jansson.h>

#include "backend.h"

#define LAYER_UUID_MAX 64u   /* characters and the zero; a name without '/' */
#define LAYER_NAME_MAX 256u  /* bytes and the zero */
#define LAYER_MAX      4096u /* layers of one volume, those of its clone's origin too */

typedef void (*layer_fn)(void *ctx, int result, const struct err *err);

/* Like dir; op_mask SLUICE_OPS_ALL. cfg->groups_path is the folder of the decisions of snapshot
 * groups: a pending snapshot whose group has a file there, named by its uuid, is carried out by
 * open, any other is undone. cfg->snapshot: a read-only view of that snapshot, beside the volume.
 */
extern const struct backend_ops backend_layers;

struct layer_snapshot {
	const char *snapshot; /* uuid */
	const char *name;
	const char *group; /* uuid; also for one volume alone */
	uint64_t created_ms;
};

/* Makes the next head's files and a manifest that says "pending". May take long; I/O goes on. */
void layer_snapshot_prepare(struct backend *b, const struct layer_snapshot *s, layer_fn fn,
			    void *ctx);
/* After prepare. Flushes what the prepare's flush did not cover and makes the new head take the
 * writes; changes that arrive meanwhile wait in the engine. Until decide nothing may be
 * acknowledged that was written after it: the caller holds I/O. */
void layer_snapshot_commit(struct backend *b, layer_fn fn, void *ctx);
/* After commit and the durable decision. true: the manifest forgets the group; false: the former
 * head takes the writes again. Once fn came the group's record may go. A failure with true is
 * harmless while the record is there; the next change of the manifest says it too. */
void layer_snapshot_decide(struct backend *b, bool is_yes, layer_fn fn, void *ctx);
/* After prepare instead of commit, or when commit failed. */
void layer_snapshot_abort(struct backend *b, layer_fn fn, void *ctx);

/* The volume becomes what the snapshot holds; its size stays (the rest reads zeros), what was
 * written since is given up. The caller holds I/O and forgets what it knew of the content. */
void layer_revert(struct backend *b, const char *snapshot, layer_fn fn, void *ctx);

/* fn when the manifest says so; the snapshot is "deleting" in the list until its blocks are merged.
 * -EBUSY: a clone is built on it; err names it. */
void layer_delete(struct backend *b, const char *snapshot, layer_fn fn, void *ctx);
/* Stops merging. The snapshot is "ready" again unless its own blocks have begun to be replaced:
 * then -EINPROGRESS, and merging goes on. */
void layer_delete_cancel(struct backend *b, const char *snapshot, layer_fn fn, void *ctx);
/* image_path: of the new volume, "<folder>/<name>.img", not there yet, in the same file system or
 * another. A linked clone stays on the snapshot; a full one copies whenever it is open until it
 * stands alone. size_bytes is the snapshot's. */
void layer_clone(struct backend *b, const char *snapshot, const char *image_path, bool is_linked,
		 layer_fn fn, void *ctx);

/*
 * Whoever schedules the datastore may let the background's I/O wait for its turn, one at a time:
 * ask() says whether granted() will follow, once, perhaps before it returns; false: at once, at the
 * pace of merge_pace.h. end() follows what was granted; cancel() forgets what was not yet.
 */
struct layer_turns {
	bool (*ask)(void *ctx, bool is_write, uint64_t offset_bytes, uint64_t len_bytes,
		    void (*granted)(void *granted_ctx), void *granted_ctx);
	void (*end)(void *ctx, bool is_ok);
	void (*cancel)(void *ctx);
};
/* NULL: nobody does any more; what waits goes on. */
void layer_set_turns(struct backend *b, const struct layer_turns *turns, void *ctx);

/* Ends what runs in the background, to go on at the next open. Before close(), after the last I/O
 * and the last request. */
void layer_stop(struct backend *b, void (*fn)(void *ctx), void *ctx);

/* {"is_layered","is_degraded","problem","head":{"layer","parent","own_bytes","size_bytes","done_bytes",
 * "total_bytes" of a full clone's copy},"items":[{"snapshot","name","parent","created_ms",
 * "own_bytes","size_bytes","state":"ready|deleting|degraded","done_bytes","total_bytes",
 * "clones":[name]}]}. parent: uuid of the next snapshot below, or null. own_bytes of the head are a
 * little too few after a crash. New reference; NULL: no memory. */
json_t *layer_list(struct backend *b);

/* A volume has a manifest, or had one. */
bool layer_is_layered(struct env *e, const char *image_path);
/* All files of a closed volume. -EBUSY: a clone is built on it; err names it. */
int must_check layer_remove(struct env *e, const char *image_path, struct err *err);
/* What is wrong with a closed volume's files and what would be done, a sentence a step; is_apply:
 * and does it. Nothing to do: an empty array. New reference in *steps. */
int must_check layer_repair(struct env *e, const char *image_path, bool is_apply, json_t **steps,
			    struct err *err);

#endif
