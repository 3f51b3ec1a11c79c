/* SPDX-License-Identifier: MIT */
/*
 * volume.h - one volume on its worker: image, chain, device server, in the order in which they
 * live.
 *
 *              open                          rings may attach
 *   CLOSED ----------> OPENING ----------------> SERVING -----close-----> DRAINING ------> CLOSED
 *     ^                 | ^  |  image locked by      |
 *     |            close| +--+  a dying filterd:     | a failed flush, a filter that cannot go on:
 *     +-----------------+       again each 10 ms     | the LUN answers with that status, SERVING
 * stays FAILED <------------+ with a reason              | QUARANTINED: a filter of it crashed
 * filterd too often; open clears it
 *
 * One control request at a time: another one meanwhile gets -EBUSY. Knows env only, so it can be
 * simulated.
 *
 *   volume.c        life: create, open
 *   volume_close.c  close, delete
 *   volume_host.c   what its filters ask of it
 *   volume_ops.c    grow, flush, filters
 *   volume_rings.c  admission of rings
 *   volume_status.c what there is to see, for a person
 *   volume_snapshot.c  snapshots, alone or in a group
 *   volume_revert.c  back to a snapshot; clones
 *   volume_layers.c  what layers there are; away with one
 *   volume_transfer.c  its whole content in or out; transfer*.c do it
 *   volume_brief.c  the same, for a program that asks often and of all volumes
 *
 * Thread: owner worker.
 */
#ifndef FILTERD_VOLUME_H
#define FILTERD_VOLUME_H

#include <jansson.h>

#include "peers.h"
#include "plan.h"
#include "role.h"
#include "serve.h"

#define VOLUME_REASON_BYTES  384u
#define VOLUME_LOCK_RETRY_MS 10u
/* Whoever asked for the open hears after this time that the image is still locked; the volume goes
 * on waiting. */
#define VOLUME_LOCK_ANSWER_MS 5000u
/* A shared volume waits this long for all rings that the last filterd had. */
#define VOLUME_RINGS_WAIT_MS 1000u
#define VOLUME_MAX_IOS       1024u
/* Sidecars that all filters of a volume together name as belonging to its data. */
#define VOLUME_SIDECARS_MAX 8u

struct net_host;
struct transfer;
struct volume;

enum volume_state {
	VOLUME_CLOSED,
	VOLUME_OPENING,
	VOLUME_SERVING,
	VOLUME_DRAINING,
	VOLUME_FAILED,
	VOLUME_QUARANTINED,
};

/* fn(ctx, 0 or -errno, sentence): exactly once, possibly before the request returns. */
typedef void (*volume_done_fn)(void *ctx, int result, const struct err *err);

/* What a volume tells and asks of its surroundings. Calls come on the owner worker; all but peers
 * are wanted. */
struct volume_host {
	/* kind: "filter_hung", "volume_failed", ...; filter may be "". */
	void (*event)(void *ctx, const char *volume, const char *filter, const char *kind,
		      const char *text);
	/* State, reason or size are others than before. */
	void (*changed)(void *ctx, struct volume *v);
	/* Drain and close every ring of v; volume_ring_gone() after each. */
	void (*drain_rings)(void *ctx, struct volume *v) ON_WORKER;
	/* True around calls that may block for long (opening or making an image). */
	void (*blocking)(void *ctx, bool begins);
	int (*store_put)(void *ctx, const uint8_t uuid[16], const char *filter, const char *key,
			 const void *data, size_t size_bytes);
	int (*store_get)(void *ctx, const uint8_t uuid[16], const char *filter, const char *key,
			 void *data, size_t room_bytes, size_t *size_bytes);
	/* sluice_sidecar_path(), sluice_key_put() ...; each may be NULL: then it fails. */
	int (*sidecar_path)(void *ctx, const uint8_t uuid[16], const char *suffix, char *path,
			    size_t size_bytes);
	int (*key_put)(void *ctx, const uint8_t uuid[16], const char *filter, const char *name,
		       const void *key, size_t size_bytes);
	int (*key_get)(void *ctx, const uint8_t uuid[16], const char *filter, const char *name,
		       void *key, size_t room_bytes, size_t *size_bytes);
	void (*key_forget)(void *ctx, const uint8_t uuid[16], const char *filter, const char *name);
	const struct sluice_filter_ops *(*find_filter)(void *ctx, const char *name);
	/* Before the image is made or opened: is its place what it is meant to be? May be NULL. */
	int (*check_place)(void *ctx, struct err *err) ON_WORKER;
	/* A new size and changed filters are noted first: grow, attach, detach and set answer when
	 * the change is made, and it is in force, with I/O let go on, after volume_confirm(). */
	bool notes_changes;
	/* Space of the datastore; may be NULL. */
	void (*provisioning)(void *ctx, uint64_t *used_bytes, uint64_t *available_bytes);
	/* A filter asks for a snapshot of its own volume; as chain_host.snapshot. May be NULL. */
	void (*snapshot)(void *ctx, const struct chain_snapshot *s, volume_done_fn fn,
			 void *fn_ctx) ON_WORKER;
	const struct net_host *net; /* chain_host.net; may be NULL */
	struct peers *peers;        /* NULL: EXTENDED COPY only within a volume */
	void *ctx;
};

struct volume_cfg {
	struct env *env;
	const struct plan_volume *plan; /* copied */
	const char *type;               /* backend */
	bool has_layers;                /* a dir that may have snapshots */
	const char *groups_path; /* of has_layers: decisions of groups; outlives the volume */
	const char *image_path;  /* copied; of plan->shows: the other volume's */
	bool is_buffered;
	const struct volume_host *host; /* outlives the volume */
	struct groups *groups;          /* chain_cfg.groups; may be NULL */
	char *blame;                    /* chain_cfg.blame; may be NULL */
	uint64_t incarnation;
	uint32_t rings_expected; /* that the last filterd had, of a shared volume; else 0 */
};

/* In state CLOSED; touches nothing outside memory. */
int must_check volume_create(const struct volume_cfg *cfg, struct volume **out, struct err *err);
void volume_destroy(struct volume *v); /* CLOSED, FAILED or QUARANTINED */

/* Makes the image; a full one has all its space reserved. */
int must_check volume_make_image(struct volume *v, bool is_full, struct err *err) ON_WORKER;

void volume_open(struct volume *v, volume_done_fn fn, void *ctx) ON_WORKER; /* SERVING already: 0 */
void volume_close(struct volume *v, volume_done_fn fn,
		  void *ctx) ON_WORKER; /* CLOSED already: 0; also ends waits and transfers */
/*
 * Closes, and tells the filters that it is for good; the image is the caller's. One that was not
 * open is opened for it; if that fails, it is told as an event and the volume goes without.
 * Errors: a filter's refusal; the volume is closed then
 */
void volume_delete(struct volume *v, volume_done_fn fn, void *ctx) ON_WORKER;
void volume_quarantine(struct volume *v, const char *filter,
		       const char *reason) ON_WORKER; /* CLOSED */

void volume_grow(struct volume *v, uint64_t new_size_bytes, volume_done_fn fn, void *ctx) ON_WORKER;
void volume_flush(struct volume *v, volume_done_fn fn, void *ctx) ON_WORKER;
/* f is copied. SERVING only, as are grow and flush: -ENOTCONN. */
void volume_attach(struct volume *v, const struct plan_filter *f, volume_done_fn fn,
		   void *ctx) ON_WORKER;
void volume_detach(struct volume *v, const char *filter, volume_done_fn fn, void *ctx) ON_WORKER;
void volume_set(struct volume *v, const struct plan_filter *f, volume_done_fn fn,
		void *ctx) ON_WORKER;
/*
 * t is set up as transfer.h says, but done() and ctx are ours; it stays until fn. No ring may be
 * there, and none is admitted until it has ended: -EBUSY. A close meanwhile cancels it.
 */
void volume_transfer(struct volume *v, struct transfer *t, volume_done_fn fn, void *ctx) ON_WORKER;
/*
 * A command to one filter, beside whatever else is under way; see chain_command(). fn gets what the
 * filter answers, an object that is fn's.
 */
typedef void (*volume_command_fn)(void *ctx, int result, json_t *reply, const struct err *err);
void volume_command(struct volume *v, const char *filter, const char *name, const json_t *args,
		    int fd, volume_command_fn fn, void *ctx) ON_WORKER;

/* ---- snapshots; layer.h says more. All but list, delete and repair of a serving volume alone. */

struct volume_snapshot {
	const char *snapshot; /* UUID */
	const char *name;
	const char *group; /* UUID of the decision */
	uint64_t created_ms;
};
/*
 * One point for any number of volumes, decided once by the caller:
 *
 *   prepare   under I/O                            0: the request goes on, else it has ended
 *   hold      I/O is held, the new head is ready   0: the request goes on, else it has ended
 *   release   after the durable decision: I/O goes on, then the manifest says so; it ends
 *   cancel    instead of hold or release: as before; it ends
 *
 * s is copied. Errors: what a filter refuses names the filter.
 */
void volume_snapshot_prepare(struct volume *v, const struct volume_snapshot *s, volume_done_fn fn,
			     void *ctx) ON_WORKER;
void volume_snapshot_hold(struct volume *v, volume_done_fn fn, void *ctx) ON_WORKER;
void volume_snapshot_release(struct volume *v, volume_done_fn fn, void *ctx) ON_WORKER;
void volume_snapshot_cancel(struct volume *v, volume_done_fn fn, void *ctx) ON_WORKER;
/* How long the last point held I/O. */
uint64_t volume_held_us(const struct volume *v) ON_WORKER;
/* Answers when it is so, with I/O still held; it goes on after volume_confirm(). */
void volume_revert(struct volume *v, const char *snapshot, volume_done_fn fn, void *ctx) ON_WORKER;
/* Makes the image of a new volume, with what filters keep beside it. One that is there: 0. */
void volume_clone(struct volume *v, const char *snapshot, const char *image_path, bool is_linked,
		  volume_done_fn fn, void *ctx) ON_WORKER;
/* Also of a volume that is not open. */
void volume_snapshot_delete(struct volume *v, const char *snapshot, volume_done_fn fn,
			    void *ctx) ON_WORKER;
void volume_snapshot_delete_cancel(struct volume *v, const char *snapshot, volume_done_fn fn,
				   void *ctx) ON_WORKER;
/* layer_list(); of a volume that does not open for what its layers lack: is_degraded, problem. */
typedef void (*volume_list_fn)(void *ctx, json_t *list); /* fn's own; NULL: no memory */
void volume_snapshot_list(struct volume *v, volume_list_fn fn, void *ctx) ON_WORKER;
/* layer_repair(): an array of sentences; NULL: err. */
json_t *volume_repair(struct volume *v, bool is_apply, struct err *err) ON_WORKER;
/* Of one that shows a snapshot: what is kept with it stands beside own_path. */
int must_check volume_give_sidecars(struct volume *v, const uint8_t shown_uuid[16],
				    const char *own_path, struct err *err) ON_WORKER;
/* -EBUSY: another volume's image rests on one of the list's snapshots; err names it. */
int must_check volume_check_unshared(const struct volume *v, const json_t *list,
				     struct err *err) ON_WORKER;
/* The files of a closed volume are removed. */
int must_check volume_remove_layers(struct volume *v, struct err *err) ON_WORKER;

/* After a change that went well, if the host notes changes; until then all else gets -EBUSY. */
void volume_confirm(struct volume *v) ON_WORKER;

/* Rings. Errors of admit: those of serve_admit(); -EAGAIN while not SERVING. */
int must_check volume_admit(const struct volume *v, struct err *err) ON_WORKER;
struct serve *volume_serve(struct volume *v) ON_WORKER; /* NULL unless SERVING or DRAINING */
void volume_ring_prepared(struct volume *v) ON_WORKER;  /* after serve_ring_prepare() */
void volume_ring_gone(struct volume *v);                /* a ring was closed */
uint64_t volume_incarnation(const struct volume *v);

enum volume_state volume_state(const struct volume *v);
const char *volume_state_word(enum volume_state state);
const char *volume_reason(const struct volume *v); /* of FAILED, QUARANTINED or waiting; else "" */
uint64_t volume_size_bytes(const struct volume *v);
const struct plan_volume *volume_plan(const struct volume *v);

json_t *volume_status(struct volume *v) ON_WORKER; /* with filters and their parameters */
json_t *volume_stats(struct volume *v) ON_WORKER;  /* counters and latencies per layer and op */
/* What a reconciler compares: identity, size, state, filters with their parameters. */
json_t *volume_brief(struct volume *v) ON_WORKER;
/* What a sampler subtracts: counters since the volume was opened, small. */
json_t *volume_figures(struct volume *v) ON_WORKER;

#endif
