/* SPDX-License-Identifier: MIT */
/* volume_int.h - what the volume's files share. Nobody else includes it. */
#ifndef FILTERD_VOLUME_INT_H
#define FILTERD_VOLUME_INT_H

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
};

struct volume {
	struct env *env;
	struct plan_volume *plan; /* own copy, with the filters and the size in force */
	char *image_path;
	const struct backend_ops *type;
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
	volume_done_fn closing_done; /* a close that waits for the transfer to end */
	void *closing_ctx;
	bool is_close_wanted;
	bool is_unsettled; /* the change is made and answered, not in force */

	/* opening */
	struct env_timer lock_timer;
	uint64_t lock_since_ns; /* 0: not waiting */
	bool is_lock_answered;
	uint32_t filters_attached;
	struct err open_err;

	struct backend *backend;
	struct chain *chain;
	struct serve *serve;
	struct peers_port port;
	struct peers_entry entry;
	bool is_in_peers;
	bool is_waiting_for_rings;
	uint32_t rings_expected; /* until serve_recover() */
	struct env_timer rings_timer;
};

/* False: refused, fn was called with -EBUSY. */
bool volume_begin(struct volume *v, enum volume_request request, volume_done_fn fn, void *ctx);
/* Tells how the request went, which may go on. */
void volume_answer(struct volume *v, int result, const struct err *err);
/* Ends the request under way. */
void volume_end(struct volume *v, int result, const struct err *err);
void volume_set_state(struct volume *v, enum volume_state state, const char *reason);

/* True: a transfer is under way; it is cancelled, and the close with fn follows it. */
bool volume_transfer_ends_first(struct volume *v, volume_done_fn fn, void *ctx);

#endif
