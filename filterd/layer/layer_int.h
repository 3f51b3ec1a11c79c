/* SPDX-License-Identifier: MIT */
/*
 * layer_int.h - what the engine's files share.
 *
 *   layer_io ─▶ pages (who has the block) ─▶ reads: runs of one layer each, PARTS at a time
 *      └─▶ layer_change: lock blocks ─▶ data ─▶ [flush ─▶ entries ─▶ mapflush] ─▶ end
 *   layer_snapshot, layer_delete, layer_merge, layer_clone: layer_ctl's lock and save, then memory
 *
 * Thread: owner worker.
 */
#ifndef LAYER_INT_H
#define LAYER_INT_H

#include "bounce.h"
#include "commit.h"
#include "disk.h"
#include "edge_lock.h"
#include "layer.h"
#include "layer_mutate.h"
#include "manifest.h"
#include "slot.h"

#define BLOCK_BYTES 4096u
#define PAGE_BYTES  ((uint64_t)BLOCK_BYTES * LAYER_PAGE_BLOCKS)
#ifndef LAYER_PAGES_KEPT
#define LAYER_PAGES_KEPT 1024u
#endif
#define LOADS      4u  /* pages being put together at once */
#define LOAD_MAPS  8u  /* maps read at once for one */
#define PARTS      4u  /* runs of one I/O under way at once */
#define EDGES      16u /* blocks being completed from below at once */
#define MAP_WRITES 4u

#define ENTRY_ZERO  0x8000u /* with the id of the layer that says so; alone: nobody has it */
#define ENTRY_LAYER 0x7fffu

struct layers;

/* ---------------------------------------------------------------- tree.c */

struct layer {
	struct list_node node; /* layers.open_layers or .leaving */
	struct layer *below;
	uint32_t number; /* in the manifest of its own volume */
	uint16_t id;     /* 1.. of layers.by_id */
	bool has_map;
	bool is_foreign;  /* another volume's: read only */
	bool is_borrowed; /* the data file is that of layers.plain */
	bool is_gone;     /* the files go when the last user does */
	uint64_t size_bytes;
	struct env_file *data, *map;
	char *data_path, *map_path;
	uint32_t users; /* I/O under way */
};

/* Paths belong to the caller. NULL: no memory. */
char *tree_path(const char *image_path, uint32_t number, bool is_map);
char *tree_manifest_path(const char *image_path, bool is_copy);
/* -ENOENT: there is none, and none is missing. -EUCLEAN: lost or damaged. */
int must_check tree_read_manifest(struct env *e, const char *image_path, struct manifest **out,
				  struct err *err);
/* The clone at path is built on layer number of image_path. */
bool tree_is_held_by(struct env *e, const char *path, const char *image_path, uint32_t number);
/* A clone that holds the layer, or NULL. */
const char *tree_holder(struct env *e, const struct manifest *m, const char *image_path,
			uint32_t number);
uint64_t tree_map_bytes(uint64_t size_bytes);
uint64_t tree_file_bytes(uint64_t size_bytes);
/* Opens number of image_path and, through all manifests, what is below. */
int must_check tree_open_chain(struct layers *v, const char *image_path, const struct manifest *m,
			       uint32_t number, bool is_foreign, struct layer **out,
			       struct err *err);
/* Who opens another's layers, or views a volume's, may find that a merge ended meanwhile: the
 * manifest has stopped naming one from number downwards, and its files are gone. */
bool tree_has_gone_on(struct layers *v, const char *image_path, const struct manifest *m,
		      uint32_t number);
/* One that was just made. The files' owner is the layer from now on. */
struct layer *tree_add(struct layers *v, const struct manifest_layer *l, struct env_file *data,
		       struct env_file *map);
struct layer *tree_find(const struct layers *v, uint32_t number); /* not foreign, and open */
void tree_put(struct layers *v, struct layer *l);                 /* users-- */
/* No longer in any chain: closed, and removed if is_gone, when nobody uses it. */
void tree_leave(struct layers *v, struct layer *l, bool is_gone);
/* What no chain of a head, present or next, reaches leaves; what the manifest does not name is
 * removed. */
void tree_prune(struct layers *v);
void tree_close_all(struct layers *v);
/* layer_revert.c. Something stands on it, or it is the head or layer 1. */
bool tree_is_needed(struct layers *v, const struct manifest *m, uint32_t number);
/* From number downwards, as long as nobody needs it. */
void tree_drop_unneeded(struct layers *v, struct manifest *m, uint32_t number);

/* ---------------------------------------------------------------- pages.c */

struct page {
	struct list_node lru;
	struct page *next; /* of the bucket */
	uint64_t number;
	uint64_t generation; /* of the head's slot that is flushed */
	uint32_t pins;
	bool is_loaded, is_dirty, is_writing;
	bool is_written; /* this round, without an error */
	bool is_torn;    /* its next slot holds parts of a write, and is to be made zeros first */
	struct list_node waiting;
	struct list_node node; /* of those to load, or dirty, or being written */
	uint16_t entry[LAYER_PAGE_BLOCKS];
};

struct page_waiter {
	struct list_node node;
	struct page *page; /* pinned; NULL when rc says why */
	int rc;
	void (*fn)(struct page_waiter *w);
};

struct page_load {
	struct layers *v;
	struct page *page; /* NULL: free */
	struct layer *at;
	uint8_t *bufs;
	uint32_t count, left;
	uint64_t epoch;
	int rc;
	struct layer *from[LOAD_MAPS];
	struct env_io io[LOAD_MAPS];
	struct slot_page decoded;
};

struct pages {
	struct page *buckets[256];
	struct list_node lru;
	struct list_node to_load;
	struct list_node dirty;
	uint32_t count;
	uint64_t epoch; /* of the chain: what was put together before is put together again */
	struct page_load loads[LOADS];
};

int must_check pages_open(struct layers *v, struct err *err);
void pages_close(struct layers *v);
/* True: w->page or w->rc is there. False: fn follows. */
bool pages_get(struct layers *v, uint64_t number, struct page_waiter *w);
void pages_put(struct layers *v, struct page *p);
/* The chain is another one; nothing is dirty or pinned but by reads. */
void pages_forget(struct layers *v);
/* to took the place of from. */
void pages_rename(struct layers *v, const struct layer *from, const struct layer *to);
/* The page is not the former head's any more: its generation is that of an empty map. */
void pages_new_head(struct layers *v);

/* ---------------------------------------------------------------- mapflush.c */

struct map_waiter {
	struct list_node node;
	void (*fn)(struct map_waiter *w, int result);
};

struct mapflush {
	struct list_node gathering, running;
	struct list_node writing; /* pages of this round */
	struct list_node written;
	struct env_msg post;
	struct env_io trust; /* flushes of what is below */
	struct layer *below;
	bool is_trusted; /* what a process before us left unflushed is flushed */
	bool is_posted, is_running;
	bool has_failed; /* the last round: entries that a read shows are not on the disk */
	bool is_wiping;  /* the slots that are torn, before the pages are written */
	int rc;
	uint32_t under_way;
	struct commit commit; /* of the head's map */
	struct commit_waiter synced;
	uint8_t *bufs;
	struct map_write {
		struct layers *v;
		struct page *page; /* NULL: free */
		struct env_io io;
	} writes[MAP_WRITES];
};

int must_check mapflush_open(struct layers *v, struct err *err);
void mapflush_close(struct layers *v);
/* is_new: made by this process, and what is below it is flushed. */
void mapflush_set_file(struct layers *v, struct env_file *map, bool is_new);
/* Entries of the page were set, from data that is flushed. */
void mapflush_mark(struct layers *v, struct page *p);
void mapflush_wait(struct layers *v, struct map_waiter *w);
bool mapflush_is_idle(const struct layers *v);

/* ---------------------------------------------------------------- layer_io.c, layer_change.c */

struct layer_io;

struct part {
	struct layer_io *x; /* NULL: free */
	struct layer *layer;
	void (*done)(struct part *p, int result);
	struct env_io io;
	struct bounce_req bounce;
};

/* One I/O, in io->bottom. It is carried out in segments, each within a page. */
struct layer_io {
	struct layers *v;
	struct sluice_io *sio;
	struct list_node gate;
	uint64_t at_bytes, seg_end_bytes; /* of the volume */
	uint64_t seg_start_bytes;
	struct page_waiter page;
	uint32_t parts_left;
	int result;
	bool has_claim, is_first, is_copied[2];
	struct edge_claim claim;
	struct commit_waiter committed;
	struct map_waiter mapped;
	uint8_t *edge;
	struct list_node edge_node;
	struct part parts[PARTS];
};

void layer_io_submit(struct backend *b, struct sluice_io *io);
void layer_io_end(struct layer_io *x, enum sluice_status status);
/* The next segment, or the end; x->result counts. */
void layer_io_next(struct layer_io *x);
/* buf of the initiator or aligned; takes a part. fn(part) by part->io.done or bounce. */
void layer_io_transfer(struct layer_io *x, struct part *p, struct layer *l, enum env_io_op op,
		       void *buf, uint64_t offset_bytes, uint64_t len_bytes,
		       void (*done)(struct part *p, int result));
void layer_change_segment(struct layer_io *x); /* the page is there */

static inline uint32_t entry_index(uint64_t offset_bytes)
{
	return (uint32_t)(offset_bytes / BLOCK_BYTES % LAYER_PAGE_BLOCKS);
}

/* ---------------------------------------------------------------- layer_ctl.c */

struct ctl_waiter {
	struct list_node node;
	void (*fn)(struct ctl_waiter *w);
	bool is_control;
};

struct work_call {
	struct env_work work;
	struct layers *v;
	int rc;
	struct err err;
	void (*fn)(struct layers *v, int rc, const struct err *err);
	char *text;
	size_t text_bytes;
	struct manifest *next;
	/* Files to make. */
	char *data_path, *map_path;
	uint64_t size_bytes;
	struct env_file *data, *map;
	char *clone_path, *copy_path;
	bool is_doubtful; /* nobody knows which manifest there will be */
	bool is_kept;     /* next becomes the manifest even if saving fails */
	bool is_copied;   /* the copy says the same */
};

/* -EBUSY: a control request has it already; otherwise fn comes, perhaps at once. Merging waits. */
int must_check ctl_lock(struct layers *v, struct ctl_waiter *w);
void ctl_unlock(struct layers *v);
/* Saves next and then its copy; next, owned by the call, becomes the manifest in memory too when
 * that worked. What fails for the copy alone is made good by merging, ctl_save_copy(). */
void ctl_save(struct layers *v, struct manifest *next,
	      void (*fn)(struct layers *v, int rc, const struct err *err));
void ctl_save_copy(struct layers *v, void (*fn)(struct layers *v, int rc, const struct err *err));
/* Makes number's files, of size_bytes, into v->ctl.call.data and .map. */
void ctl_make_files(struct layers *v, uint32_t number, uint64_t size_bytes,
		    void (*fn)(struct layers *v, int rc, const struct err *err));
/* Changes that arrive wait; fn when none is under way and what was written is flushed. */
void ctl_close_gate(struct layers *v, void (*fn)(struct layers *v, int rc));
void ctl_open_gate(struct layers *v);
void ctl_change_ended(struct layers *v);
/* The volume is stopped for ever. */
void ctl_fail(struct layers *v, const char *what, int rc);

struct ctl {
	bool is_locked, is_control;
	struct list_node waiting;
	struct ctl_waiter own;
	void (*go)(struct ctl_waiter *w); /* own's, when it is its turn */
	struct work_call call;            /* one at a time: under the lock */
	struct work_call clone;
	char clone_path[MANIFEST_PATH_MAX];
	bool is_linked;
	bool is_gate_closed;
	uint32_t changes;      /* under way */
	struct list_node gate; /* layer_io.gate */
	void (*gate_fn)(struct layers *v, int rc);
	struct commit_waiter gate_flush;
	struct map_waiter gate_map;
	/* The request. */
	layer_fn fn;
	void *ctx;
	char uuid[LAYER_UUID_MAX];
	struct layer *next_head; /* made, not yet the head */
	struct layer *former;    /* until decide */
	bool is_committed, is_prepared, is_deciding;
	bool is_copy_later; /* I/O waits for the save, and the copy says enough for now */
	struct manifest_snapshot wanted;
	char group[LAYER_UUID_MAX];
};

/* Ends the request: unlocks, then calls fn. */
void ctl_end(struct layers *v, int rc, const struct err *err);
/* Begins one: -EBUSY and other refusals are told by fn, and false returned. */
bool ctl_begin(struct layers *v, layer_fn fn, void *ctx, void (*go)(struct ctl_waiter *w));
/* The same about a snapshot, which is then v->ctl.uuid. */
void ctl_begin_with(struct layers *v, const char *snapshot, layer_fn fn, void *ctx,
		    void (*go)(struct ctl_waiter *w));
void ctl_refuse(struct layers *v, layer_fn fn, void *ctx, int code, const char *text);

/* ---------------------------------------------------------------- layer_merge.c */

#ifndef MERGE_CURSOR_PAGES
#define MERGE_CURSOR_PAGES 32u /* a cursor is saved after so many */
#endif
#define MERGE_BYTES (256u * 1024)

enum merge_what {
	MERGE_NOTHING,
	MERGE_SECURE, /* no merge: the manifest's copy is behind */
	MERGE_UP,
	MERGE_DOWN,
	MERGE_COPY,
	MERGE_DROP,
	MERGE_FREEZE,
	MERGE_UNNAME
};

struct merge {
	enum merge_what what; /* under way */
	bool is_running, is_stopping;
	uint32_t from, to;             /* numbers; from 0: the origin */
	struct layer *source, *target; /* have a user each */
	/* layer_copy.c: the page under way. */
	uint64_t page, page_count, saved_page;
	struct layer *at; /* whose map is being read */
	uint16_t *entry;  /* [LAYER_PAGE_BLOCKS]: id of the layer to copy from, ENTRY_ZERO, 0 */
	struct slot_page *map_page;
	struct slot_page *to_page;
	uint32_t block, run_blocks;
	bool has_changed;
	uint8_t *buf; /* MERGE_BYTES, then a pair of slots */
	struct env_io io;
	struct commit data, map; /* of the target */
	struct commit_waiter waiter;
	uint64_t done_blocks;
	uint64_t chunk_ns, seen_ios; /* when the chunk began, and what others had done by then */
	/* layer_turn.c. */
	const struct layer_turns *turns; /* NULL: nobody schedules */
	void *turns_ctx;
	bool is_waiting, has_turn; /* for one; granted */
	bool has_waited;           /* in this chunk */
	uint64_t asked_ns;
	void (*turn_done)(struct env_io *io);
	/* layer_merge.c. */
	struct ctl_waiter lock;
	struct env_timer timer;
	uint32_t failures;
	void (*stopped)(void *ctx);
	void *stopped_ctx;
};

/* Looks for something to merge, now or when the lock is free. */
void merge_kick(struct layers *v);
/* Of the deletion of the snapshot on layer; 0: of a full clone. */
void merge_progress(struct layers *v, uint32_t layer, uint64_t *done_bytes, uint64_t *total_bytes);
void merge_close(struct layers *v);
/* No I/O of it is under way when fn comes. */
void merge_stop(struct layers *v, void (*fn)(void *ctx), void *ctx);
/* layer_choose.c: under the lock; sets m->from and m->to. */
enum merge_what choose_what(struct layers *v);
/* Nothing can be merged, though something is to be: a clone's manifest cannot be read just now, so
 * that it may hold a layer. */
bool choose_is_put_off(const struct layers *v);
/* What is being merged still may be. */
bool merge_is_wanted(struct layers *v);
/* layer_copy.c: copies from m->page on; merge_copied() follows. */
void copy_start(struct layers *v);
void merge_copied(struct layers *v, int rc);
/* A cursor is due; copy_start() again when it is saved. */
void merge_save_cursor(struct layers *v);
void merge_timer(struct env_timer *t);
/* layer_turn.c: m->io, ready but for being submitted, when it is its turn. */
void turn_submit(struct layers *v);
/* False: it does not wait for one. True: it will not be submitted. */
bool turn_give_up(struct layers *v);
/* layer_freeze.c, under the lock. */
void freeze_start(struct layers *v);
void freeze_ended(struct layers *v, int rc);

/* ---------------------------------------------------------------- a volume */

struct layers {
	struct backend b; /* first */
	struct env *env;
	struct backend *plain; /* of layer 1, when that was a plain image */
	bool is_layered;       /* else plain takes all */
	bool is_view;
	bool is_durable, is_buffered, is_readonly;
	uint32_t block_bytes;
	char *image_path, *groups_path;
	struct manifest *m;   /* NULL: a plain volume without a manifest */
	bool is_copy_behind;  /* of m */
	struct layer **by_id; /* [LAYER_MAX + 1] */
	struct list_node open_layers, leaving;
	struct env_work sweep;
	bool is_sweeping;
	char *sweep_data, *sweep_map;
	struct layer *head;
	uint64_t own_blocks; /* of the head */
	uint64_t ios;        /* of others, so far */
	struct pages pages;
	struct mapflush mapflush;
	struct commit commit; /* of the head's data */
	struct bounce bounce;
	struct edge_lock locks;
	uint8_t *edges_memory;
	uint8_t *edges[EDGES];
	uint32_t edge_count;
	struct list_node edges_waiting; /* layer_io.edge_node */
	struct ctl ctl;
	struct merge merge;
	struct {
		uint64_t new_size_bytes;
		void (*fn)(void *ctx, int result);
		void *ctx;
		struct env_io io;
		struct commit_waiter waiter;
	} grow;
	void (*stopped)(void *ctx);
	void *stopped_ctx;
};

static inline struct layers *layers_of(struct backend *b)
{
	return (struct layers *)b;
}

/* The head's files are others now. */
void layer_open_head(struct layers *v, struct layer *head, bool is_new);
/* What layers need and a plain volume does not. */
int must_check layer_open_engine(struct layers *v, struct err *err);

#endif
