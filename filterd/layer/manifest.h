/* SPDX-License-Identifier: MIT */
/*
 * manifest.h - the tree of a volume as its manifest says it: layers, snapshots, head, what is
 * pending, what is being merged, who holds a layer. Plain data; changed by copying, editing the
 * copy, and saving that. Pure. Thread: any.
 */
#ifndef LAYER_MANIFEST_H
#define LAYER_MANIFEST_H

#include <stdbool.h>
#include <stdint.h>

#include "err.h"
#include "layer.h"

#define MANIFEST_PATH_MAX  1024u
#define MANIFEST_BYTES_MAX (8u << 20)
#define MANIFEST_HOLDS_MAX 4096u
#define MANIFEST_PAUSED    UINT64_MAX

struct manifest_layer {
	uint32_t number; /* 1 is <name>.img */
	uint32_t parent; /* 0: nothing of this volume is below */
	uint64_t size_bytes;
	uint64_t own_blocks; /* as of when it stopped being the head */
	bool has_map;        /* false only for 1: a former plain image, which has every block */
};

struct manifest_snapshot {
	char uuid[LAYER_UUID_MAX];
	char name[LAYER_NAME_MAX];
	uint32_t layer;
	uint64_t created_ms;
	bool is_deleting;
};

struct manifest_hold {
	uint32_t layer;
	char path[MANIFEST_PATH_MAX]; /* the clone's image */
};

struct manifest {
	uint32_t head, next_number;
	uint32_t layer_count, snapshot_count, hold_count;
	struct manifest_layer *layers;       /* by number */
	struct manifest_snapshot *snapshots; /* oldest first */
	struct manifest_hold *holds;
	/* A clone: what is below the layers without a parent. */
	char origin_path[MANIFEST_PATH_MAX]; /* image of the origin, or "" */
	uint32_t origin_layer;
	bool is_full; /* being copied until it needs no origin */
	/* A snapshot whose group is not decided. */
	char pending_group[LAYER_UUID_MAX]; /* "": none */
	struct manifest_snapshot pending;   /* its layer is the head */
	uint32_t pending_head;
	/* Going down: pages before the cursor are copied. 0: no merge is on record. */
	uint32_t merge_from, merge_to;
	uint64_t merge_cursor;
};

/* NULL: no memory. */
struct manifest *manifest_new(void);
struct manifest *manifest_copy(const struct manifest *m);
void manifest_free(struct manifest *m); /* NULL is fine */

struct manifest_layer *manifest_layer(const struct manifest *m, uint32_t number);
struct manifest_snapshot *manifest_snapshot(const struct manifest *m, const char *uuid);
uint32_t manifest_children(const struct manifest *m, uint32_t number, uint32_t *one);
/* A snapshot that is not being deleted stands on it, or the pending one does. */
bool manifest_has_snapshot(const struct manifest *m, uint32_t number);
/* False: no memory. */
bool manifest_add_layer(struct manifest *m, const struct manifest_layer *l);
bool manifest_add_snapshot(struct manifest *m, const struct manifest_snapshot *s);
bool manifest_add_hold(struct manifest *m, uint32_t layer, const char *path);
void manifest_drop_layer(struct manifest *m, uint32_t number);
void manifest_drop_snapshot(struct manifest *m, const char *uuid);
/* Both: what is pending goes; yes makes it so. False: no memory. */
bool manifest_decide(struct manifest *m, bool is_yes);

/* Text with a checksum; freed by the caller. NULL: no memory. */
char *manifest_print(const struct manifest *m, size_t *len_bytes);
/* Anything may be in it. err says what is wrong; path is for the sentence. */
struct manifest *manifest_parse(const char *text, size_t len_bytes, const char *path,
				struct err *err);

#endif
