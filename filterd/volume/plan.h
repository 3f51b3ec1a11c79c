/* SPDX-License-Identifier: MIT */
/*
 * plan.h - what filterd is to serve: datastores, volumes, their filters. Desired state, not what
 * is.
 *
 * filterd keeps its last plan on disk and starts from it without anybody's help. It holds no
 * secrets. plan.c       the model: add, find, remove, copy plan_json.c  to and from JSON
 *   plan_file.c  load and save, crash-safe
 *
 * Thread: main; a copy of a plan_volume belongs to the worker of its volume.
 */
#ifndef FILTERD_PLAN_H
#define FILTERD_PLAN_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "backend.h"
#include "chain.h"
#include "err.h"
#include "list.h"
#include "parse.h"

#define PLAN_VERSION     1u
#define PLAN_FILTERS_MAX 8u  /* one of each class */
#define PLAN_GROUPS_MAX  64u /* filters with parameters on one datastore */
#define PLAN_PARAMS_MAX  64u /* of one filter */
#define PLAN_VALUE_MAX   4096u
#define PLAN_SIZE_MAX    (1ull << 50)

struct plan_filter {
	char name[PARSE_NAME_MAX + 1];
	enum on_failure on_failure;
	uint32_t position; /* 0: where its class stands */
	uint32_t param_count;
	char **names;  /* [param_count] */
	char **values; /* [param_count] */
};

/* What a volume shows that is none of its own: a snapshot of another one, read-only. */
struct plan_snapshot {
	char volume[PARSE_NAME_MAX + 1]; /* "": it is an ordinary volume */
	char snapshot[37];               /* its UUID, as text */
};

struct plan_volume {
	struct list_node node;
	char name[PARSE_NAME_MAX + 1];
	char datastore[PARSE_NAME_MAX + 1];
	uint8_t uuid[16];
	uint64_t size_bytes; /* 0: what the device has (block) */
	uint32_t block_bytes;
	enum write_cache write_cache;
	bool is_shared; /* several tgtd processes may serve it */
	bool is_readonly;
	bool is_open; /* wanted so at start */
	struct plan_snapshot shows;
	uint32_t filter_count;
	struct plan_filter filters[PLAN_FILTERS_MAX];
};

struct plan_datastore {
	struct list_node node;
	char name[PARSE_NAME_MAX + 1];
	char type[16];    /* a backend's name */
	char *path;       /* dir: the folder; block: the device; mem: ""; slow: see slow.c */
	uint8_t uuid[16]; /* dir: what the folder's mark says (identity.h); zeros: not known */
	int32_t worker;   /* -1: any */
	bool is_buffered;
	/* What filters share on it; of each, name and parameters alone count. */
	uint32_t filter_count;
	struct plan_filter *filters; /* [filter_count] */
};

struct plan {
	struct list_node datastores;
	struct list_node volumes;
};

void plan_init(struct plan *p);
void plan_fini(struct plan *p);

struct plan_datastore *plan_find_datastore(const struct plan *p, const char *name);
struct plan_volume *plan_find_volume(const struct plan *p, const char *name);
/* The first volume on a datastore, or NULL. */
struct plan_volume *plan_volume_on(const struct plan *p, const char *datastore);

/* Checks what one object says by itself, and against the rest: names taken, datastore known.
 * Owns: takes d or v on success. */
int must_check plan_add_datastore(struct plan *p, struct plan_datastore *d, struct err *err);
int must_check plan_add_volume(struct plan *p, struct plan_volume *v, struct err *err);
/* Unlinks and frees. */
void plan_remove_datastore(struct plan *p, struct plan_datastore *d);
void plan_remove_volume(struct plan *p, struct plan_volume *v);

void plan_datastore_free(struct plan_datastore *d);
void plan_volume_free(struct plan_volume *v);
struct plan_volume *plan_volume_copy(const struct plan_volume *v); /* NULL: no memory */
/* A volume that shows a snapshot of that one (any, if snapshot is NULL), or NULL. */
struct plan_volume *plan_shows(const struct plan *p, const char *volume, const char *snapshot);
/* The volume's image: owned by the caller. "" where the datastore has no files. */
char *plan_image_path(const struct plan_datastore *d, const struct plan_volume *v);

/* ---------------------------------------------------------------- filters of a volume */

struct plan_filter *plan_find_filter(struct plan_volume *v, const char *name);
void plan_filter_fini(struct plan_filter *f);
int must_check plan_filter_copy(struct plan_filter *to, const struct plan_filter *from);
/* Adds a copy, or replaces the one of the same name. Errors: -ENOSPC eight are there, -ENOMEM */
int must_check plan_put_filter(struct plan_volume *v, const struct plan_filter *f, struct err *err);
void plan_drop_filter(struct plan_volume *v, const char *name);
/* The chain's view of f, valid while f is. */
void plan_filter_cfg(const struct plan_filter *f, const struct sluice_filter_ops *ops,
		     struct chain_filter_cfg *out);

/* ---------------------------------------------------------------- filters of a datastore */

struct plan_filter *plan_find_group(const struct plan_datastore *d, const char *name);
/* Adds a copy, or replaces the one of the same name. Errors: -ENOSPC, -ENOMEM; nothing changed. */
int must_check plan_put_group(struct plan_datastore *d, const struct plan_filter *f,
			      struct err *err);
void plan_drop_group(struct plan_datastore *d, const char *name);

/* ---------------------------------------------------------------- JSON */

json_t *plan_to_json(const struct plan *p);
int must_check plan_from_json(const json_t *j, struct plan *out,
			      struct err *err); /* out is initialised */
json_t *plan_datastore_to_json(const struct plan_datastore *d);
json_t *plan_volume_to_json(const struct plan_volume *v);
/* "snapshot_of": null for an ordinary volume. */
json_t *plan_shows_to_json(const struct plan_volume *v);
json_t *plan_filter_to_json(const struct plan_filter *f);
int must_check plan_datastore_from_json(const json_t *j, struct plan_datastore **out,
					struct err *err);
/* Members that are absent take defaults; without a uuid the volume's is all zeros. */
int must_check plan_volume_from_json(const json_t *j, struct plan_volume **out, struct err *err);
int must_check plan_filter_from_json(const json_t *j, struct plan_filter *out, struct err *err);
/* Of a datastore: "filter" and "params" alone. */
int must_check plan_group_from_json(const json_t *j, struct plan_filter *out, struct err *err);

/* ---------------------------------------------------------------- file */

/*
 * Errors: -ENOENT there is none yet (out is empty); -EINVAL, -EPROTO damaged or of another version:
 * the sentence says where the file was put aside; others: it could not be read.
 */
int must_check plan_load(const char *path, struct plan *out, struct err *err);
/* On stable storage when it returns 0; after an error the old plan is what a restart sees. */
int must_check plan_save(const char *path, const struct plan *p, struct err *err);

#endif
