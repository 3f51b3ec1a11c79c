/* SPDX-License-Identifier: MIT */
/*
 * chain.h - the filters of one volume in class order above its backend, as the rest of filterd sees
 * it.
 *
 * Thread: owner worker of the volume, unless it says any.
 */
#ifndef FILTERD_CHAIN_H
#define FILTERD_CHAIN_H

#include "backend.h"
#include "env.h"
#include "err.h"
#include "sluice/filter.h"
#include "sluice/io.h"
#include "sluice/snapshot.h"

struct chain;
struct groups; /* groups.h */
struct plugin; /* plugin.h: one loaded shared object */

enum on_failure { ON_FAILURE_HOLD, ON_FAILURE_BYPASS };

/* A filter as the plan names it. Values are text and are checked against the filter's table. */
struct chain_filter_cfg {
	const struct sluice_filter_ops *ops;
	enum on_failure on_failure;
	uint32_t position;        /* class number, or 150 for encryption above replication */
	const char *const *names; /* value_count parameters */
	const char *const *values;
	uint32_t value_count;
};

struct net_host;

/* What a filter wants of its volume's snapshots; see sluice/snapshot.h. */
struct chain_snapshot {
	enum sluice_snapshot_what what;
	const char *snapshot, *name; /* stay until the answer */
};

/* fn(ctx, 0 or -errno, sentence) */
typedef void (*chain_done_fn)(void *ctx, int result, const struct err *err);

/* What the chain tells its volume. Calls come on the owner worker. */

struct chain_host {
	/* kind: "filter_hung", "filter_bypassed", "filter_misuse", or a filter's own code */
	void (*report)(void *ctx, const char *filter, const char *kind, const char *text);
	int (*store_put)(void *ctx, const char *filter, const char *key, const void *data,
			 size_t size_bytes);
	int (*store_get)(void *ctx, const char *filter, const char *key, void *data,
			 size_t room_bytes, size_t *size_bytes);
	/* Where a file beside the volume's image is, see sluice_sidecar_path(). suffix is checked.
	 */
	int (*sidecar_path)(void *ctx, const char *suffix, char *path, size_t size_bytes);
	/* The volume's keyring, see sluice_key_put(). name is checked. */
	int (*key_put)(void *ctx, const char *filter, const char *name, const void *key,
		       size_t size_bytes);
	int (*key_get)(void *ctx, const char *filter, const char *name, void *key,
		       size_t room_bytes, size_t *size_bytes);
	void (*key_forget)(void *ctx, const char *filter, const char *name);
	/* SLUICE_OK, or what media commands are answered with; see sluice_ready_set(). */
	void (*ready)(void *ctx, enum sluice_status status);
	/* fn on the owner worker, exactly once, not before return; NULL: there are none. */
	void (*snapshot)(void *ctx, const struct chain_snapshot *s, chain_done_fn fn, void *fn_ctx);
	void *ctx;
	const struct net_host *net; /* links to other appliances; NULL: there are none */
};

struct chain_cfg {
	struct env *env;
	/* Of the datastore, and outlives the chain. NULL: the chain's filters share nothing with
	 * other volumes. */
	struct groups *groups;
	struct backend *backend;
	const char *volume;
	uint8_t uuid[16]; /* the volume's */
	bool is_durable;  /* its write cache is */
	uint32_t block_bytes;
	uint32_t max_ios; /* pool size; beyond it chain_io_get() returns NULL */
	const struct chain_host *host;
	/* Where the code that runs now says so, for the watching parent: the filter's name, or "".
	 * May be NULL. */
	char *blame; /* char[64] */
};

int must_check chain_create(const struct chain_cfg *cfg, struct chain **out, struct err *err);
/* Keeps sluice_rlog_*() in a program whose filters may use them; does nothing else. Such a program
 * links with the library log. */
void chain_link_logs(void);
void chain_destroy(struct chain *c); /* drained, no filters attached: see chain_detach_all() */

/* ---------------------------------------------------------------- I/O */

/* From the pool, zeroed but for host fields; NULL when the pool is empty: wait for a
 * chain_io_put(). */
struct sluice_io *chain_io_get(struct chain *c);
void chain_io_put(struct chain *c, struct sluice_io *io);
/*
 * Sends io from the top to the bottom and up again. While the chain is held (drain,
 * reconfiguration) it waits. Calls: fn(io) exactly once, possibly before return; io->status set.
 */
void chain_submit(struct chain *c, struct sluice_io *io, void (*fn)(struct sluice_io *io),
		  void *ctx);
void *chain_io_owner(const struct sluice_io *io); /* the ctx of chain_submit() */
/* The initiator gave up on io: it is marked, and the filter that holds it is told. fn still
 * follows. */
void chain_abort(struct chain *c, struct sluice_io *io);

/* Ops that every layer understands: what the LUN may advertise. */
uint32_t chain_op_mask(const struct chain *c);
uint64_t chain_size_bytes(const struct chain *c);
uint32_t chain_in_flight(const struct chain *c);

/* ---------------------------------------------------------------- control: fn once, result 0 or
 * -errno */

/* Holds new I/O above the chain, lets what is below finish, calls fn with the chain empty and held.
 */
void chain_drain(struct chain *c, chain_done_fn fn, void *ctx);
void chain_release(struct chain *c); /* ends the hold; held I/O goes on in order */

/* Under I/O: settles, drains, changes, releases. On an error the chain is as it was. */
void chain_attach(struct chain *c, const struct chain_filter_cfg *cfg, chain_done_fn fn, void *ctx);
void chain_detach(struct chain *c, const char *filter, chain_done_fn fn, void *ctx);
void chain_reconfigure(struct chain *c, const struct chain_filter_cfg *cfg, chain_done_fn fn,
		       void *ctx);
/* From now on a change of filters that went well leaves I/O held until chain_release(), so that it
 * can be noted first: a crash must not bring the old filters back over the new ones' data. */
void chain_hold_changes(struct chain *c);
void chain_detach_all(struct chain *c); /* drained and held, or never used; settles nothing */
/* After chain_detach_all(): fn when these filters and their logs are gone, possibly before return.
 * Only then chain_destroy(). */
void chain_when_left(struct chain *c, void (*fn)(void *ctx), void *ctx);
/*
 * Dirty data goes down: nothing that was acknowledged before the call is above the backend only at
 * fn. Detaching, reconfiguring, growing and the events that need it do this by themselves, before
 * they drain. It may take minutes, under I/O; a filter's refusal ends the call and changes nothing.
 */
void chain_settle(struct chain *c, chain_done_fn fn, void *ctx);
/* The name of the filter that settles now, or NULL. */
const char *chain_settling(const struct chain *c, uint64_t *since_ns);
/* Ends a call that is settling with -ECANCELED. False: there is none, or it is past that. */
bool chain_cancel_settling(struct chain *c);
/* prepare to all in order, then commit to all, or abort to those prepared. */
void chain_event(struct chain *c, const struct sluice_event *ev, chain_done_fn fn, void *ctx);
void chain_grow(struct chain *c, uint64_t new_size_bytes, chain_done_fn fn,
		void *ctx); /* backend first, then event */

/* ---------------------------------------------------------------- points */

/*
 * A point in the volume's life that is more than the chain's: a snapshot, a revert, a clone.
 *
 *     chain_point_begin()  under I/O: filters settle, then all prepare      --> prepared()
 *     chain_point_hold()   I/O is held, and what was under way has ended    --> held()
 *     chain_point_end()    0: all commit; else all abort. I/O goes on       --> ended()
 *
 * Between the calls the caller does its own part, as slowly as it likes before the hold. Whatever
 * fails (a filter refuses, is cancelled, does not drain) leads to ended() at once, after those that
 * had prepared were told to abort. chain_point_end() may come instead of chain_point_hold().
 * Calls: ended() exactly once, and before chain_point_begin() has returned only for want of memory;
 *        held() and prepared() may end it or go on at once. A chain_point_end() that is on its way
 * when the drain is late comes too late: ended() says so.
 */
struct chain_point_host {
	void (*prepared)(void *ctx);
	void (*held)(void *ctx);
	chain_done_fn ended;
};
/* One at a time. h outlives it; what ev points to is copied. */
void chain_point_begin(struct chain *c, const struct sluice_event *ev,
		       const struct chain_point_host *h, void *ctx);
void chain_point_hold(struct chain *c);
void chain_point_end(struct chain *c, int result, const struct err *err);
/* How long the last drain held I/O, from its beginning to the end of the hold. */
uint64_t chain_held_ns(const struct chain *c);

/* ---------------------------------------------------------------- turns */

/*
 * Leave for one I/O of the backend's own background work, from the filter that schedules the
 * datastore: io_control, under its background class. One at a time; t is the caller's until it has
 * ended.
 *
 *     chain_turn_ask()     true: t->fn follows once, possibly before return, or t is cancelled;
 *                          it waits while the chain is held. false: nobody schedules, go on
 *     chain_turn_end()     after t->fn: the I/O has ended. Another one may be asked for at once
 *     chain_turn_cancel()  before t->fn, which does not come any more. Before chain_destroy(), too
 *
 * A filter that goes or is bypassed meanwhile grants the turn.
 */
struct chain_turn {
	bool is_write;
	uint64_t offset_bytes, len_bytes;
	void (*fn)(struct chain_turn *t);
	void *ctx;
};

bool chain_turn_ask(struct chain *c, struct chain_turn *t);
void chain_turn_end(struct chain *c, struct chain_turn *t, bool is_ok);
void chain_turn_cancel(struct chain *c, struct chain_turn *t);

/* ---------------------------------------------------------------- commands */

#define CHAIN_COMMAND_REPLY_BYTES (64u << 10)

/* reply_json: of a command that went well, an object as the filter wrote it. */
typedef void (*chain_command_fn)(void *ctx, int result, const char *reply_json,
				 const struct err *err);

/*
 * An administrator's command to one filter; not a change of the chain, so it waits for none. fd (or
 * -1) stays the caller's, until fn. A filter that goes meanwhile ends it with -ECANCELED.
 * Calls:  fn exactly once, possibly before return
 * Errors: -ENOENT no such filter; -EOPNOTSUPP it has no commands; -EBUSY one is under way; the
 *         filter's own
 */
void chain_command(struct chain *c, const char *filter, const char *name, const char *args_json,
		   int fd, chain_command_fn fn, void *ctx);

/* ---------------------------------------------------------------- what there is to see */

struct chain_op_stats {
	uint64_t ios, errors, bytes;
	uint64_t latency_ns;             /* of all together */
	uint64_t latency_ns_buckets[64]; /* hist.h */
};

struct chain_filter_info {
	const struct sluice_filter_ops *ops;
	uint32_t position;
	bool is_bypassed;
	enum on_failure on_failure;
	uint32_t held;         /* I/Os it holds by tokens now */
	uint64_t hung_count;   /* deadlines missed */
	uint64_t misuse_count; /* finished twice or late */
	uint64_t cpu_ns; /* spent in its code, from samples; its work on helpers is not in it */
	const struct chain_op_stats *stats; /* [SLUICE_OP_COUNT] */
};

uint32_t chain_filter_count(const struct chain *c);
void chain_filter_info(const struct chain *c, uint32_t index, struct chain_filter_info *out);
const struct chain_op_stats *chain_backend_stats(const struct chain *c); /* [SLUICE_OP_COUNT] */
uint64_t chain_backend_cpu_ns(const struct chain *c); /* likewise: of its submit() */
size_t chain_filter_status(struct chain *c, uint32_t index, char *json, size_t size_bytes);
/* What all filters have added. */
void chain_figures(struct chain *c, struct sluice_figures *sum);
/* A filter's parameters in force, as text, in its table's order; for status and the plan. */
void chain_filter_value(const struct chain *c, uint32_t index, uint32_t param, char *text,
			size_t size_bytes);

#endif
