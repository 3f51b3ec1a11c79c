/* SPDX-License-Identifier: MIT */
/*
 * manager.h - main's side of everything that is served: the plan, which worker has which datastore,
 * and what each volume last said of itself. Changes go to the volume's worker and come back by
 * message; the plan is saved after each.
 *
 *   manager.c            start and end
 *   manager_datastore.c  one datastore: made, its space watched, ended
 *   manager_volume.c     one volume: made, heard of, ended
 *   manager_create.c     a volume comes to be, and goes
 *   manager_change.c     requests that change a volume
 *   manager_group.c      what filters share on a datastore: made, changed, shown
 *   manager_snapshot.c   snapshots of one volume, or of several at one point
 *   manager_layers.c     revert, clone, delete; what snapshots there are; repair
 *   manager_command.c    commands to filters
 *   manager_status.c     questions
 *   manager_list.c       questions about all volumes, page by page
 *   transfers.c          imports and exports
 *   errand.c             one errand to a volume's worker and back
 *
 * Thread: main, all of it.
 */
#ifndef FILTERD_MANAGER_H
#define FILTERD_MANAGER_H

#include <jansson.h>

#include "events.h"
#include "groups.h"
#include "loop.h"
#include "plan.h"
#include "role.h"
#include "shared.h"
#include "space.h"
#include "volume.h"
#include "worker.h"

struct keyring;
struct net_host;
struct ring_listener;

struct manager {
	struct loop *loop;
	struct shared *shared;
	const char *plan_folder;
	const char *store_root;
	const char *groups_path;    /* folder of the decisions of snapshot groups */
	bool has_records;           /* of a former life; manager_sweep_records() */
	struct keyring *keyring;    /* NULL: there is none, and filters are told so */
	const struct net_host *net; /* likewise */
	struct plan plan;
	struct events *events;
	struct peers peers;
	struct worker *workers[SHARED_WORKERS_MAX];
	uint32_t worker_count;
	uint32_t next_worker;
	struct list_node datastores; /* struct mdatastore */
	struct list_node volumes;    /* struct mvolume */
	struct list_node transfers;  /* transfers.c's */
	uint64_t transfer_last_id;
	struct ring_listener *rings;
	uint64_t started_ns;
	uint32_t closing; /* volumes and datastores that a stop still waits for */
	void (*stopped)(void *ctx);
	void *stopped_ctx;
	bool is_stopping;
	struct list_node saving; /* struct errand: wait for the next save of the plan */
	struct loop_msg save_msg;
};

struct mdatastore {
	struct list_node node;
	struct manager *manager;
	struct plan_datastore *plan; /* in manager.plan; NULL: removed */
	struct worker *worker;
	struct groups *groups;         /* the worker's */
	char name[PARSE_NAME_MAX + 1]; /* const */
	char type[16];
	char *path;
	struct space space; /* the worker's; of type dir only */
	uint32_t warned_pct;
	struct env_msg start_msg, stop_msg;
	struct loop_msg warned_msg, stopped_msg;
	void (*ended)(struct mdatastore *d); /* NULL: it need not end yet */
	bool is_removed;                     /* of stop_msg: no volume has its groups */
	bool is_changing;                    /* a request of ours is under way */
};

struct mvolume {
	struct list_node node;
	struct manager *manager;
	struct plan_volume *plan; /* in manager.plan */
	struct mdatastore *datastore;
	struct worker *worker;
	struct volume *volume; /* the worker's */
	struct volume_host host;
	char *image_path; /* const; of one that shows a snapshot, the other volume's */
	char *own_path;   /* const; what is beside it is the volume's own; usually the same text */
	uint8_t shown_uuid[16]; /* const; of the volume whose snapshot it shows */
	struct shared_blame *blame;
	uint32_t rings_expected; /* of a shared volume: that our predecessor had */
	bool is_creating;        /* not open for the first time yet */
	bool is_changing;        /* a request of ours is under way */
	bool may_settle;         /* it may wait for filters for long; a close ends that */
	/* as last heard from the worker */
	enum volume_state state;
	uint64_t size_bytes;
	char reason[VOLUME_REASON_BYTES];
};

/* err is NULL when it went well; more may be NULL, and is the callee's to keep. Exactly once. */
typedef void (*manager_fn)(void *ctx, const struct err *err, json_t *more);

/* Makes workers and volumes from plan (taken over) and opens those that were open. */
int must_check manager_start(struct manager *m, uint32_t worker_count, struct plan *plan,
			     struct err *err) ON_MAIN;
/* Closes all volumes; fn when all are closed. */
void manager_stop(struct manager *m, void (*fn)(void *ctx), void *ctx) ON_MAIN;
/* Into the log: each volume that is not closed yet, and what it waits for. */
void manager_tell_open(const struct manager *m) ON_MAIN;
/* After manager_stop(); ends the workers. Those that did not close in time: is_hurried, then only
 * exit is left. */
void manager_free(struct manager *m) ON_MAIN;

struct mvolume *manager_find(const struct manager *m, const char *name) ON_MAIN;
void manager_event(struct manager *m, const char *volume, const char *filter, const char *kind,
		   const char *text) ON_MAIN;
void manager_datastore_event(struct manager *m, const char *datastore, const char *filter,
			     const char *kind, const char *text) ON_MAIN;
/* A ring came or went; live: how many there are now. */
void manager_rings_changed(struct mvolume *mv, uint32_t live) ON_MAIN;
/* Saves the plan; the error says that the change is in force but not saved. */
int must_check manager_save(struct manager *m, struct err *err) ON_MAIN;

/* ---------------------------------------------------------------- requests */

/* Owns: takes d. */
int must_check manager_add_datastore(struct manager *m, struct plan_datastore *d,
				     struct err *err) ON_MAIN;
int must_check manager_remove_datastore(struct manager *m, const char *name,
					struct err *err) ON_MAIN;

/* Owns: takes f's content. Its parameters are the datastore's from now on; those that it does not
 * name get their defaults. Noted before they are in force. */
void manager_set_group(struct manager *m, const char *name, struct plan_filter *f, manager_fn fn,
		       void *ctx) ON_MAIN;
/* more is {"filters": [{"filter", "params", "is_active", "status"}]} of all that have a group. */
void manager_show_groups(struct manager *m, const char *name, manager_fn fn, void *ctx) ON_MAIN;

/* How the volume's image comes to be. */
enum manager_image {
	MANAGER_IMAGE_SPARSE,
	MANAGER_IMAGE_FULL,
	MANAGER_IMAGE_THERE, /* manager_clone() has made it; it stays if the volume fails */
};
/* Owns: takes v. Without an UUID it gets a random one. Fails whole: no image of ours stays. */
void manager_create_volume(struct manager *m, struct plan_volume *v, enum manager_image image,
			   manager_fn fn, void *ctx) ON_MAIN;
void manager_open_volume(struct manager *m, const char *name, manager_fn fn, void *ctx) ON_MAIN;
void manager_close_volume(struct manager *m, const char *name, manager_fn fn, void *ctx) ON_MAIN;
void manager_delete_volume(struct manager *m, const char *name, manager_fn fn, void *ctx) ON_MAIN;
void manager_grow_volume(struct manager *m, const char *name, uint64_t size_bytes, manager_fn fn,
			 void *ctx) ON_MAIN;
void manager_flush_volume(struct manager *m, const char *name, manager_fn fn, void *ctx) ON_MAIN;
/* Owns: takes f's content. */
void manager_attach_filter(struct manager *m, const char *name, struct plan_filter *f,
			   manager_fn fn, void *ctx) ON_MAIN;
void manager_set_filter(struct manager *m, const char *name, struct plan_filter *f, manager_fn fn,
			void *ctx) ON_MAIN;
void manager_detach_filter(struct manager *m, const char *name, const char *filter, manager_fn fn,
			   void *ctx) ON_MAIN;
/*
 * A command to one filter of a serving volume; more is {"reply": what the filter answers}. It waits
 * for no other request and keeps none from going on. *fd (or -1) is taken.
 */
void manager_command(struct manager *m, const char *name, const char *filter, const char *command,
		     const json_t *args, int *fd, manager_fn fn, void *ctx) ON_MAIN;

/* ---- snapshots */

#define SNAPSHOT_NAME_MAX    120u
#define SNAPSHOT_MEMBERS_MAX 64u
/* body: {"members": [{"volume", "snapshot", "name"}], "group"}; more is {"held_us"}. All or
 * nothing, whatever is killed. All there already: it went well. */
void manager_snapshot(struct manager *m, const json_t *body, manager_fn fn, void *ctx) ON_MAIN;
void manager_revert(struct manager *m, const char *name, const char *snapshot, manager_fn fn,
		    void *ctx) ON_MAIN;
/* Makes the image of a volume that is yet to be created, on the same datastore. */
void manager_clone(struct manager *m, const char *name, const char *snapshot, const char *image,
		   bool is_linked, manager_fn fn, void *ctx) ON_MAIN;
void manager_delete_snapshot(struct manager *m, const char *name, const char *snapshot,
			     bool is_cancel, manager_fn fn, void *ctx) ON_MAIN;
/* more is volume_snapshot_list(). */
void manager_list_snapshots(struct manager *m, const char *name, manager_fn fn, void *ctx) ON_MAIN;
/* more is {"steps": [sentence]}. */
void manager_repair(struct manager *m, const char *name, bool is_apply, manager_fn fn,
		    void *ctx) ON_MAIN;

/* more is {"volume": volume_status()} or {"volumes": [volume_stats()]} (name NULL: of all). */
void manager_show_volume(struct manager *m, const char *name, manager_fn fn, void *ctx) ON_MAIN;
void manager_stats(struct manager *m, const char *name, manager_fn fn, void *ctx) ON_MAIN;
json_t *manager_status(const struct manager *m) ON_MAIN;
/*
 * One page, in the order of names, of at most limit volumes whose name comes after "after":
 * {"volumes": [volume_brief() or volume_figures()], "next": name of the last one, or null at the
 * end}.
 */
enum manager_page { MANAGER_BRIEF, MANAGER_FIGURES };
void manager_list(struct manager *m, enum manager_page what, const char *after, uint32_t limit,
		  manager_fn fn, void *ctx) ON_MAIN;

#endif
