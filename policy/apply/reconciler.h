/* SPDX-License-Identifier: MIT */
/*
 * reconciler.h - the thread that keeps filterd and tgtd what the database says: observe, plan,
 * carry out, note the result. A boot is nothing but its first round.
 *
 *   reconciler.c      the thread: when to look, what to do with a failure
 *   observe.c         both daemons' state into planner.h's running document
 *   apply.c           one step carried out, by a table of step names
 *   outcome.c         running states, tasks, compliance, events into the database
 *   filterd_client.c  requests of filterd's control protocol
 *   tgt_client.c      tgtd's management socket; tgt_show.c reads what it prints
 *   sampler.c         figures, events and sessions, every second; history; alerts
 *   filters_feed.c    what filters say of themselves
 *   transfer.c        import, export and clone through filterd
 *   seal.c            secrets at rest
 *
 * Threads: the reconciler's and the sampler's own; what is declared here may be called from main.
 * Each has a store of its own. filterd or tgtd being down is a state, not an error: what is wanted
 * stays pending and is done when they are back.
 */
#ifndef POLICY_RECONCILER_H
#define POLICY_RECONCILER_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "err.h"
#include "loop.h"

struct key_answer;
struct keys;
struct reconciler;
struct sampler;
struct sealer;

/* What all parts of policyd are told at start. Strings outlive them. */
struct apply_cfg {
	const char *db_path, *backup_dir, *history_path;
	const char *filterd_socket; /* control */
	const char *ring_socket;    /* what tgtd's LUNs are told */
	const char *tgt_socket;     /* tgtd's management socket, "/var/run/tgtd/socket.0" */
	const char *iqn_base;       /* "iqn.2026-01.org.sluice:host7" */
	const char *transfer_dir;   /* imports and exports of files are in here and nowhere else */
	struct sealer *sealer;
	struct reconciler
	    *reconciler; /* sampler_start() only: whom it asks for tgtd's state; may be NULL */
	/* keys.h's key_get(); NULL: no key can be had. */
	int (*key_get)(struct keys *keys, const char *provider, const char *provider_key_id,
		       void (*fn)(void *ctx, struct key_answer *a), void *ctx, struct err *err);
	struct keys *keys;
	struct loop *loop; /* main's; changed_fn runs on it */
	void (*changed_fn)(
	    void *ctx); /* something noted in the database or measured: look again; coalesced */
	void *ctx;
};

int must_check reconciler_start(const struct apply_cfg *cfg, struct reconciler **out,
				struct err *err);
/* The desired state has changed; returns at once. NULL is fine. */
void reconciler_wake(struct reconciler *r);
void reconciler_stop(struct reconciler *r); /* ends the round after its step; joins; frees */
/* planner.h's running document as last observed, {} before the first; "observed_ms" added. New
 * reference. */
json_t *reconciler_running(struct reconciler *r);
/* Parts of it, cheaper than the whole: tgtd's number of a target, 0: not there; filterd's volume,
 * NULL: not there. New reference. */
uint64_t reconciler_tid(struct reconciler *r, const char *iqn);
json_t *reconciler_volume(struct reconciler *r, const char *name);
/* {"filterd": {"is_up", "since_ms", "text"}, "tgtd": {...}, "last_round_ms", "last_round_steps",
 * "pending": count, "problems": [...], "strangers": [...]} */
json_t *reconciler_health(struct reconciler *r);

int must_check sampler_start(const struct apply_cfg *cfg, struct sampler **out, struct err *err);
void sampler_stop(struct sampler *s);
/* {"at_ms", "volumes": [{"name", "read_iops", "write_iops", "read_bytes_per_s",
 * "write_bytes_per_s", "read_p50_us", "read_p99_us", "write_p50_us", "write_p99_us",
 * "errors_per_s", "cache_reads_per_s", "cache_hits_per_s", "read_hit_pct" (null: no cache saw a
 * read), "dirty_bytes", "lag_ms", "throttle" and "state" (words or null), "layers": [{"layer",
 * "latency_share_pct", "cpu_pct"}]}], "total": {..., "throttled_volumes"}}; as of the last second.
 * New reference. */
json_t *sampler_figures(struct sampler *s);
/* {datastore: [{"filter", "params", "is_active", "status": {...}}]}: what filters do for whole
 * datastores, of those that have any in the database; as of the last second. New reference. */
json_t *sampler_datastores(struct sampler *s);
/* {volume: {filter: its own status}}: of volumes on such datastores, a part of them each second,
 * and of those that sampler_chain() was asked for lately. New reference. */
json_t *sampler_chains(struct sampler *s);
/* One volume's {filter: status}; NULL: not known yet, a second later it is. New reference. */
json_t *sampler_chain(struct sampler *s, const char *volume);
/* [{"volume", "iqn", "sid", "initiator", "address", "host": name or null}] New reference. */
json_t *sampler_sessions(struct sampler *s);

/*
 * A transfer's data flows between filterd and a descriptor; policyd only introduces them.
 * transfer_start() sends fd (pipe, socket or file) to filterd for volume; the volume must be open
 * and not exported (volumes.transfer). The task shows the progress; cancel through the task.
 */
enum transfer_kind { TRANSFER_IMPORT, TRANSFER_EXPORT, TRANSFER_CLONE };

/* ---------------------------------------------------------------- secrets at rest */

/* The key is read from path (32 bytes, mode 0600), made there if there is none and may_make. */
int must_check sealer_open(const char *path, bool may_make, struct sealer **out, struct err *err);
void sealer_free(struct sealer *s); /* zeroises */
/* AES-256-GCM with a random nonce; name binds the box to its place ("host:web1:chap"). Base64,
 * caller frees. NULL with err. */
char *sealer_seal(const struct sealer *s, const char *name, const char *clear, struct err *err);
/* Caller zeroises (OPENSSL_cleanse) and frees. -EKEYREJECTED: another key, or another name. */
char *sealer_open_box(const struct sealer *s, const char *name, const char *box, struct err *err);
/* A fingerprint of data that tells nothing to who has not the key: a guess at a password in it
 * cannot be tried. */
int must_check sealer_print(const struct sealer *s, const void *data, size_t len, char hex[65],
			    struct err *err);

#endif
