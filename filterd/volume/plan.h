/* SPDX-License-Identifier: MIT */
/*
 * plan.h - what filterd is to serve: datastores, volumes, their filters. Desired state, not what
 * is.
 *
 * filterd keeps its last plan on disk and starts from it without anybody's help. It holds no
 * secrets.
 *   plan.c         the model: add, find, remove, copy
 *   plan_json.c    to and from JSON
 *   plan_folder.c  load and save: a file for each object, written when it has changed
 *   plan_file.c    one such file, crash-safe
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
	struct plan_gone *gone; /* kept for its removal; NULL: in no plan */
	bool is_changed;        /* since it was saved */
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
	struct plan_gone *gone; /* kept for its removal; NULL: in no plan */
	bool is_changed;        /* since it was saved */
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

enum plan_kind { PLAN_DATASTORE, PLAN_VOLUME };

/* An object that is no more, and whose file goes with the next save. */
struct plan_gone {
	struct list_node node;
	enum plan_kind kind;
	char name[PARSE_NAME_MAX + 1];
};

struct plan {
	struct list_node datastores;
	struct list_node volumes;
	struct list_node gone; /* struct plan_gone */
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
/* No longer part of the plan, and still the caller's. A second time: nothing. */
void plan_forget_volume(struct plan *p, struct plan_volume *v);
/* Forgets and frees. */
void plan_remove_datastore(struct plan *p, struct plan_datastore *d);
void plan_remove_volume(struct plan *p, struct plan_volume *v);

void plan_datastore_free(struct plan_datastore *d);
void plan_volume_free(struct plan_volume *v);
struct plan_volume *plan_volume_copy(const struct plan_volume *v); /* NULL: no memory */
void plan_set_open(struct plan_volume *v, bool is_open);
void plan_set_size(struct plan_volume *v, uint64_t size_bytes);
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

/* Datastores and volumes in one text; out is initialised. */
int must_check plan_from_json(const json_t *j, struct plan *out, struct err *err);
/* Errors: -EINVAL no object, or without a version; -EPROTO another one */
int must_check plan_check_version(const json_t *j, struct err *err);
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

/* ---------------------------------------------------------------- on disk */

struct plan_listener {
	/* A file could not be used and was put aside: nothing of it is in the plan. kind and name
	 * are "" if it held all of it. */
	void (*damaged)(void *ctx, const char *kind, const char *name, const char *text);
	void *ctx;
};

/*
 * folder: where plan_save() puts it, made if it is not there. former: the one file that older
 * versions wrote; it is taken over.
 * Errors: out is empty, and a file could not be read, or the former not be taken over.
 */
int must_check plan_load(const char *folder, const char *former, struct plan *out,
			 const struct plan_listener *listener, struct err *err);
/* What has changed is on stable storage when it returns 0; after an error a restart sees of each
 * object the old state or the new one, and the next save tries again. */
int must_check plan_save(const char *folder, struct plan *p, struct err *err);

#endif
