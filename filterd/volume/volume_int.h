/* SPDX-License-Identifier: MIT */
/* volume_int.h - what the volume's files share. Nobody else includes it. */
#ifndef FILTERD_VOLUME_INT_H
#define FILTERD_VOLUME_INT_H

#include "hist.h"
#include "layer.h"
#include "volume.h"

enum volume_request {
	REQUEST_NONE,
	REQUEST_OPEN,
	REQUEST_CLOSE,
	REQUEST_GROW,
	REQUEST_FLUSH,
	REQUEST_ATTACH,
	REQUEST_DETACH,
	REQUEST_SET,
	REQUEST_TRANSFER,
	REQUEST_SNAPSHOT,
	REQUEST_REVERT,
	REQUEST_CLONE,
	REQUEST_LAYERS, /* questions and small changes of its layers */
};

enum hold_step { HOLD_DRAIN, HOLD_ENGINE, HOLD_DECIDE, HOLD_RESUME, HOLD_STEPS };

/* volume_hold.c: since filterd began. */
struct volume_holds {
	uint64_t count, last_us, max_us;
	uint64_t max_step_us[HOLD_STEPS]; /* of the longest */
	uint64_t buckets[HIST_BUCKETS];
};

/* A snapshot, revert or clone that is under way; volume_snapshot.c, volume_revert.c. */
struct volume_point {
	char snapshot[LAYER_UUID_MAX];
	char name[LAYER_NAME_MAX];
	char group[LAYER_UUID_MAX];
	uint64_t created_ms;
	char *image; /* of a clone */
	bool is_linked;
	bool is_prepared;  /* the engine waits for commit or abort */
	bool is_committed; /* the engine waits for the decision */
	uint64_t held_us;
	uint64_t since_ns; /* volume_hold.c: the present step */
	uint64_t step_us[HOLD_STEPS];
	struct env_work work; /* files are copied */
	const char *suffixes[VOLUME_SIDECARS_MAX + 1];
	json_t *known; /* snapshots that there are; whatever is kept for others goes */
	struct err err;
	int result;
};

struct volume {
	struct env *env;
	struct plan_volume *plan; /* own copy, with the filters and the size in force */
	char *image_path;
	const struct backend_ops *type;
	bool has_layers; /* type is backend_layers */
	char *groups_path;
	struct volume_point point;
	struct volume_holds holds;
	struct backend *borrowed; /* opened for a request of a closed volume */
	void (*given_back)(struct volume *v);
	json_t *list; /* of a closed volume, until that is given back */
	volume_list_fn list_fn;
	void *list_ctx;
	bool is_buffered;
	const struct volume_host *host;
	struct chain_host chain_host;
	struct groups *groups;
	char *blame;
	uint64_t incarnation;

	enum volume_state state;
	char reason[VOLUME_REASON_BYTES];

	/* the request under way */
	enum volume_request request;
	volume_done_fn done;
	void *done_ctx;
	struct plan_filter filter; /* of attach and set */
	char filter_name[PARSE_NAME_MAX + 1];
	uint64_t grow_bytes;
	struct transfer *transfer;   /* its owner's; of REQUEST_TRANSFER */
	volume_done_fn closing_done; /* a close that waits for what it has cancelled */
	void *closing_ctx;
	bool is_close_wanted;
	bool is_deleting;
	volume_done_fn delete_done;
	void *delete_ctx;
	struct err delete_err;         /* a filter refused */
	struct env_timer cancel_timer; /* of an export that waits for filters to settle */
	bool is_unconfirmed;           /* the change is made and answered, not in force */

	/* opening */
	struct env_timer lock_timer;
	uint64_t lock_since_ns; /* 0: not waiting */
	bool is_lock_answered;
	uint32_t filters_attached;
	struct err open_err;

	enum sluice_status ready; /* as its filters say */
	struct backend *backend;
	struct chain *chain;
	struct chain_turn turn; /* volume_turn.c: the one of its layers */
	void (*turn_granted)(void *ctx);
	void *turn_ctx;
	struct serve *serve;
	struct peers_port port;
	struct peers_entry entry;
	bool is_in_peers;
	bool is_waiting_for_rings;
	uint32_t rings_expected; /* until serve_recover() */
	struct env_timer rings_timer;
};

/* All filters are attached. An encrypted image (its LUKS2 header is beside it) is not served
 * without a filter of that class: what is read would be noise, what is written would be in clear.
 * Nor is a volume without its cache while that has acknowledged what the datastore does not have.
 */
int must_check volume_check_sealed(struct volume *v, struct err *err);
/* That filter's record "sealed" is there and not empty: the volume is not served without it. */
bool volume_is_sealed_by(struct volume *v, const char *filter);
/* False: refused, fn was called with -EBUSY. */
bool volume_begin(struct volume *v, enum volume_request request, volume_done_fn fn, void *ctx);
/* Tells how the request went, which may go on. */
void volume_answer(struct volume *v, int result, const struct err *err);
/* Ends the request under way. */
void volume_end(struct volume *v, int result, const struct err *err);
/* v->chain_host, for the chain. */
void volume_host_init(struct volume *v);
void volume_set_state(struct volume *v, enum volume_state state, const char *reason);

/* Ends point and request. */
void volume_point_end(struct volume *v, int result, const struct err *err);
/* Begins a request of a serving volume that has layers. False: refused, fn was told. */
bool volume_point_begin(struct volume *v, enum volume_request request, const char *snapshot,
			volume_done_fn fn, void *ctx);
/* I/O is held and the volume is what it was; volume_confirm() of a revert. */
void volume_revert_confirm(struct volume *v);
struct backend_cfg volume_backend_cfg(const struct volume *v);
int must_check volume_check_place(const struct volume *v, struct err *err);

/* Undoes what an open did, and ends the request: closed, or failed with v->open_err. */
void volume_take_down(struct volume *v);
/* In this order, each step once; the end by whoever knows how long it was in all. */
void volume_hold_begin(struct volume *v);
void volume_hold_step(struct volume *v, enum hold_step step);
void volume_hold_end(struct volume *v, uint64_t held_us);
json_t *volume_hold_figures(const struct volume *v);
/* While the chain is there. */
void volume_turns_begin(struct volume *v);
void volume_turns_end(struct volume *v);
/* True: a transfer was under way; it ends soon. */
bool volume_transfer_cancel(struct volume *v);
const char *volume_request_word(const struct volume *v); /* "" while there is none */

#endif
