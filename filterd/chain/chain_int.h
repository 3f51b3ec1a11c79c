/* SPDX-License-Identifier: MIT */
/*
 * chain_int.h - the structures that the chain's files share. Nobody outside this folder includes
 * it.
 *
 * One I/O is one struct chain_io from the chain's pool. It is in one stage at a time:
 *
 *     FREE --get--> IDLE --submit--> [WAITING while held] --> DOWN --> BOTTOM --> UP --> fn, IDLE
 * --put--> FREE
 *                                                              \---- COMPLETE, FAIL ----/
 * In DOWN and UP a filter may hold it by its token; then token.is_taken is set and it is on
 * chain.deferred.
 *
 * The walk never recurses. Whoever makes an I/O movable (a token finished, the backend ended it, a
 * filter's own I/O) puts it on chain.run; the outermost walk_enter()/walk_leave() pair of the
 * worker's stack moves all that is there. So the stack is as deep for a thousand I/Os that end at
 * once as for one.
 *
 * Files: chain.c make and look; pool.c memory; walk.c down and up; token.c defer; deadline.c hung
 * filters; drain.c hold; settle.c dirty data first; control.c one change after the other; attach.c,
 * reconfigure.c, event.c, point.c the changes; filter.c one filter; leave.c its end; command.c an
 * administrator's commands; params.c text to values; own_io.c, buf.c, sdk.c, sdk_async.c,
 * sdk_rlog.c, sdk_key.c, sdk_seal.c, sdk_link.c, sdk_snapshot.c, report.c the SDK; rlog_env.c what
 * a filter's logs run on; group.c, group_sdk.c what the filters of a datastore share; turn.c
 * background I/O below the chain; stats.c figures.
 *
 * Thread: owner worker, but for what says atomic.
 */
#ifndef FILTERD_CHAIN_INT_H
#define FILTERD_CHAIN_INT_H

#include <stdatomic.h>
#include <string.h>

#include "chain.h"
#include "groups.h"
#include "hist.h"
#include "list.h"
#include "sluice/companion.h"

#define CHAIN_MAX_FILTERS         8 /* one per class; a bit each in chain_io's masks */
#define CHAIN_BLAME_BYTES         64
#define CHAIN_DRAIN_NS            (10ull * 1000 * 1000 * 1000)
#define CHAIN_DEADLINE_TICK_NS    (250ull * 1000 * 1000)
#define CHAIN_DEADLINE_DEFAULT_MS 1500u /* for a filter that asks for 0 */

#define likely(x)   __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

enum io_stage { STAGE_FREE, STAGE_IDLE, STAGE_WAITING, STAGE_DOWN, STAGE_BOTTOM, STAGE_UP };
enum chain_state { CHAIN_OPEN, CHAIN_DRAINING, CHAIN_HELD };

/* Of a filter, from settle(BEGIN) to settle(END). */
enum settling { SETTLING_NOT, SETTLING_PENDING, SETTLING_ENDED };

/* What a filter did against the rules; worst last. */
enum misuse {
	MISUSE_NONE,
	MISUSE_FINISH,  /* a token finished twice, or after the host took it back */
	MISUSE_DEFER,   /* sluice_defer() for an I/O that it does not have, or twice */
	MISUSE_VERDICT, /* DEFER without a token, a token and another verdict, an unknown verdict */
	MISUSE_SWAP,    /* sluice_io_swap_buf() outside of its turn, or by a transparent filter */
	MISUSE_LEAK,    /* timers set or buffers kept when detached */
	MISUSE_RESULT,  /* the result of something that is not pending */
};

/* One per I/O; what filters see is a handle, see token.c. */
struct sluice_token {
	_Alignas(64) _Atomic uint64_t word; /* atomic: phase, result, tag */
	struct env_msg msg;                 /* from another thread to the owner */
	uint64_t deadline_ns;
	uint32_t generation;
	bool is_taken;         /* from sluice_defer() until its result is applied */
	bool is_hung_reported; /* once per token */
};

struct chain_io {
	struct sluice_io io; /* first: the two are the same pointer */
	struct chain *chain; /* const after create */
	void (*fn)(struct sluice_io *io);
	void *ctx;
	struct list_node node; /* of chain.free_*, waiting, run or deferred; else alone */
	uint8_t stage;         /* enum io_stage */
	uint8_t level;         /* DOWN: the filter whose turn it is; UP: the one that was last */
	uint8_t top;           /* where it entered: 0, or below the filter that it belongs to */
	bool is_in_call;       /* a filter's submit() or done() runs for it now */
	bool is_submitting;    /* the backend's submit() runs for it now */
	bool must_fail;        /* misuse: its token's result does not count */
	bool is_turn;          /* turn.c: it ends below its filter */
	uint8_t entered;       /* by filter: not bypassed when it came by on the way down */
	uint8_t swapped;       /* by filter: saved_buf is due */
	char *contexts;
	struct sluice_own_io *own;                /* a filter's own I/O, else NULL */
	struct sluice_filter *own_filter;         /* whose */
	uint64_t enter_ns[CHAIN_MAX_FILTERS + 1]; /* the last is the backend's */
	void *saved_buf[CHAIN_MAX_FILTERS];
	struct sluice_token token;
};

struct cpu_sample {
	uint32_t calls, depth;
	uint64_t from_ns; /* of the call that is measured; 0: this one is not */
	uint64_t total_ns;
};

struct sluice_filter {
	struct chain *chain;
	const struct sluice_filter_ops *ops;
	enum sluice_verdict (*submit)(struct sluice_filter *f, struct sluice_io *io);
	enum sluice_verdict (*done)(struct sluice_filter *f, struct sluice_io *io);
	uint32_t index; /* in chain.filters; const while not drained */
	uint32_t ctx_offset;
	bool is_bypassed;
	bool is_attached;
	bool is_drain_told;
	uint32_t slot; /* its number for tokens: const while attached */
	uint32_t position;
	enum on_failure on_failure;
	uint32_t below_mask;             /* ops that all layers below it understand */
	uint32_t held;                   /* tokens */
	uint32_t works;                  /* submitted, done() not called */
	uint32_t drain_holds;            /* sluice_drain_hold() */
	uint32_t calls;                  /* to the witness, for snapshots: under way */
	uint8_t settling;                /* enum settling */
	uint8_t ready;                   /* enum sluice_status, sluice_ready_set() */
	int settle_result;               /* SETTLING_ENDED */
	struct sluice_own_io *own_first; /* submitted while held; linked by host */
	struct sluice_own_io *own_last;
	uint32_t buffers;
	uint64_t hung_count;
	void *state;
	struct sluice_group *group; /* NULL: it has none, or is not attached */
	struct list_node group_node;
	union sluice_value *values;
	struct list_node timers;
	struct list_node snapshots;    /* sdk_snapshot.c: calls under way */
	struct chain_command *command; /* under way, else NULL */
	struct rlog_env *logs;         /* that its logs run on; NULL: it never opened one */
	struct list_node leaving_node; /* of chain.leaving */
	char blame[CHAIN_BLAME_BYTES];
	struct cpu_sample cpu;
	struct chain_op_stats stats[SLUICE_OP_COUNT];
};

struct control_op;    /* control.h */
struct point;         /* point.c */
struct report_link;   /* report.c */
struct buf_pool;      /* buf.c */
struct chain_command; /* command.c */
struct rlog_env;      /* rlog_env.c */

/* The groups of one datastore; see group_int.h. */
struct groups {
	struct env *env;
	char *datastore;         /* const */
	struct list_node groups; /* struct sluice_group */
	struct list_node ready;  /* chains that are to walk when the present walk is over */
	uint32_t walks;          /* on this worker's stack, of all chains of the datastore */
	struct report_link *link;
	void (*report)(void *ctx, const char *filter, const char *kind, const char *text);
	void *ctx;
};

/* sdk_companion.c; see sluice/companion.h. */
struct companion {
	struct sluice_filter *keeper, *user; /* NULL: none */
	void (*submit)(struct sluice_filter *keeper, struct sluice_companion_io *io);
	void (*changed)(struct sluice_filter *user, enum sluice_companion_role role);
	uint8_t role; /* enum sluice_companion_role */
};

/* sdk_seal.c; see sluice/seal.h. */
struct seals {
	struct sluice_filter *provider, *user; /* NULL: none */
	const struct sluice_seal_ops *ops;
	void (*changed)(struct sluice_filter *user);
	int (*rekeyed)(struct sluice_filter *user);
};

struct chain {
	struct env *env;
	struct groups *groups;
	bool owns_groups;
	struct list_node ready_node; /* of groups.ready, or alone */
	struct backend *backend;
	char *blame;
	uint32_t filter_count;
	uint32_t depth; /* of walk_enter() on this worker's stack */
	struct sluice_filter *filters[CHAIN_MAX_FILTERS];
	uint64_t now_ns; /* of the walk that runs */
	struct list_node run, waiting, deferred;
	enum chain_state state;
	uint32_t in_flight; /* entered and not ended, own I/O too */
	uint32_t works;
	uint32_t drain_holds;
	uint32_t op_mask;
	uint64_t next_id;
	uint64_t size_bytes;
	const void *owner_mark; /* const; see token.c */
	struct env_timer deadline_timer, drain_timer;
	uint64_t deadline_due_ns; /* when deadline_timer was to fire */
	bool is_drain_late;
	bool holds_changes;
	uint64_t hold_since_ns; /* of the drain that is on */
	uint64_t held_ns;       /* how long the last one held I/O */

	/* leave.c */
	struct list_node leaving; /* filters that are detached, but not gone yet */
	void (*left)(void *ctx);  /* told when there is none any more */
	void *left_ctx;

	/* pool.c */
	struct chain_io *ios;
	uint32_t max_ios, max_owns, own_count, user_count;
	struct list_node free_ios;
	char *slab;          /* contexts of all I/Os, then backend's */
	char *retired_slabs; /* linked by their first word */

	/* control.c */
	struct list_node control;
	struct sluice_error settle_err;
	struct env_msg control_msg;
	bool is_control_posted;
	struct point *point; /* point.c; the one that is under way, else NULL */

	/* turn.c */
	struct {
		struct chain_turn *user; /* NULL: nobody asked, or it was cancelled */
		struct chain_io *cio;    /* on its way; NULL: it waits, or needs none */
		uint8_t state;
	} turn;

	struct companion companion;
	struct seals seals;

	struct buf_pool *bufs;
	struct report_link *link;
	struct chain_host host;
	_Atomic uint64_t misuse_count[CHAIN_MAX_FILTERS]; /* atomic; by slot */
	_Atomic uint32_t misuse_kind[CHAIN_MAX_FILTERS];  /* atomic; the last enum misuse */
	uint64_t misuse_told[CHAIN_MAX_FILTERS];
	char *volume;
	uint8_t uuid[16];
	bool is_durable;
	uint8_t ready; /* enum sluice_status, as told to the host */
	uint32_t block_bytes;
	struct cpu_sample backend_cpu;
	struct chain_op_stats backend_stats[SLUICE_OP_COUNT];
};

static inline struct chain_io *chain_io_of(const struct sluice_io *io)
{
	return (struct chain_io *)(uintptr_t)io;
}

static inline uint8_t filter_bit(const struct sluice_filter *f)
{
	return (uint8_t)(1u << f->index);
}

static inline bool filter_may_bypass(const struct sluice_filter *f)
{
	return f->on_failure == ON_FAILURE_BYPASS && (f->ops->flags & SLUICE_FILTER_TRANSPARENT);
}

/*
 * How long a layer computes, from every CPU_SAMPLE-th call into it: looking at the clock each time
 * would cost as much as a small filter does. A prime, since a layer's calls come in patterns (down,
 * up, down, up), and another number would meet the same kind of call each time. A call within a
 * call of the same filter belongs to it.
 */
#define CPU_SAMPLE 61u
static inline void cpu_begin(struct cpu_sample *s, struct env *env)
{
	if (likely(s->depth++ > 0 || ++s->calls < CPU_SAMPLE))
		return;
	s->calls = 0;
	s->from_ns = env_now_exact_ns(env);
}

static inline void cpu_end(struct cpu_sample *s, struct env *env)
{
	if (likely(--s->depth > 0 || s->from_ns == 0))
		return;
	s->total_ns += (env_now_exact_ns(env) - s->from_ns) * CPU_SAMPLE;
	s->from_ns = 0;
}

/* Around every call into a filter, so that the watching parent knows whose code crashed. */
static inline void blame_begin(struct sluice_filter *f)
{
	if (f->chain->blame)
		memcpy(f->chain->blame, f->blame, CHAIN_BLAME_BYTES);
	cpu_begin(&f->cpu, f->chain->env);
}

static inline void blame_end(struct sluice_filter *f)
{
	if (f->chain->blame)
		f->chain->blame[0] = '\0';
	cpu_end(&f->cpu, f->chain->env);
}

/* ---------------------------------------------------------------- walk.c */

/* Around anything that may make I/Os movable; the outermost leave moves them. */
static inline void groups_enter(struct groups *gs)
{
	gs->walks++;
}
void groups_leave(struct groups *gs); /* the outermost lets the chains walk that are ready */
static inline void walk_enter(struct chain *c)
{
	if (c->depth++ == 0)
		groups_enter(c->groups);
}
void walk_leave(struct chain *c);
/* io->stage says where it goes on. */
void walk_queue(struct chain_io *cio);
/* From the top of its range down. */
void walk_start(struct chain_io *cio);
void walk_restore_buf(struct chain_io *cio, const struct sluice_filter *f);

/* ---------------------------------------------------------------- token.c */

/* The verdict of a finished token; the token is free afterwards. */
enum sluice_verdict token_result(struct chain_io *cio);
/* What counts when verdict and token disagree; misuse is noted. */
enum sluice_verdict token_mismatch(struct chain_io *cio, struct sluice_filter *f,
				   enum sluice_verdict v);
/* Takes it back. False: the filter finished it first, on whatever thread, and that counts. */
bool token_revoke(struct chain_io *cio);
bool token_is_held(const struct chain_io *cio);
bool token_on_owner(const struct chain *c);
const void *token_owner_mark(void);

/* ---------------------------------------------------------------- pool.c */

int must_check pool_create(struct chain *c, uint32_t max_ios, struct err *err);
void pool_destroy(struct chain *c);
/* Contexts for a set of filters; nothing changes yet. NULL: no memory. */
char *pool_slab_new(const struct chain *c, struct sluice_filter *const *filters,
		    uint32_t count) must_check;
/* Drained: the slab takes effect. is_old_kept: a bypassed filter may still look at its old
 * contexts. */
void pool_slab_use(struct chain *c, char *slab, bool is_old_kept);
void pool_retired_free(struct chain *c);
struct chain_io *pool_own_get(struct chain *c);
struct chain_io *pool_turn_get(struct chain *c);
void pool_put(struct chain_io *cio);

/* ---------------------------------------------------------------- turn.c */

/* The I/O has passed its filter: granted, or STAGE_UP. */
void turn_reached(struct chain_io *cio);
void turn_release(struct chain *c); /* what waits, if it may go now */

/* ---------------------------------------------------------------- drain.c */

void drain_begin(struct chain *c);
bool drain_is_empty(const struct chain *c);
/* After the last of them left; the chain is held. */
void drain_end(struct chain *c);
void drain_check(struct chain *c); /* at the end of each walk while draining */
int drain_late_error(const struct chain *c, struct err *err);

/* ---------------------------------------------------------------- filter.c */

int must_check filter_new(struct chain *c, const struct chain_filter_cfg *cfg,
			  struct sluice_filter **out, struct err *err);
/* The same filter once more, without values. NULL: no memory. */
struct sluice_filter *filter_like(const struct sluice_filter *other) must_check;
void filter_free(struct sluice_filter *f);
int must_check filter_attach(struct sluice_filter *f, struct err *err);
void filter_detach(struct sluice_filter *f);
/* Before an administrator's detach. 0, or -errno: it refuses. */
int filter_may_leave(struct sluice_filter *f, struct err *err);
struct sluice_filter *filter_find(const struct chain *c, const char *name);
/* A filter's refusal as ours; returns -errno. */
int filter_refusal(const struct sluice_filter *f, const char *what, int result,
		   const struct sluice_error *from, struct err *err);

/* ---------------------------------------------------------------- event.c */

/* To all filters in order; one that refuses is the result, and those before it are told. */
int must_check event_prepare(struct chain *c, const struct sluice_event *ev, struct err *err);
/* SLUICE_HELD to all; those that refuse have prepared, too. */
int must_check event_held(struct chain *c, const struct sluice_event *ev, struct err *err);
void event_commit(struct chain *c, const struct sluice_event *ev);
void event_abort(struct chain *c, const struct sluice_event *ev);

/* ---------------------------------------------------------------- leave.c */

/* f is out of the chain: freed, as soon as its jobs are done and its logs are closed. */
void leave_begin(struct sluice_filter *f);
/* fn when all that left are freed; possibly before return. One at a time. */
void leave_wait(struct chain *c, void (*fn)(void *ctx), void *ctx);
/* A job of f is done, or its logs have nothing under way any more: f may be gone after it. */
void leave_check(struct sluice_filter *f);

/* ---------------------------------------------------------------- rlog_env.c */

/* NULL: no memory. */
struct env *rlog_env_of(struct sluice_filter *f);
bool rlog_env_is_idle(const struct rlog_env *e); /* NULL is */
void rlog_env_free(struct rlog_env *e);          /* idle; NULL is fine */

/* ---------------------------------------------------------------- the rest */

void deadline_arm(struct chain *c);
void deadline_tick(struct env_timer *t);

void own_io_release(struct chain *c); /* those that waited */
void own_io_finish(struct chain_io *cio);
void own_io_drop(struct sluice_filter *f); /* detach: those that wait end as aborted */

/* Of one of the two. */
struct report_link *report_link_new(struct chain *c, struct groups *gs);
void report_link_close(struct report_link *l);
void report_misuse(struct chain *c, uint32_t slot, enum misuse kind); /* Thread: any */
void report_host(struct chain *c, const char *filter, const char *kind, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

void command_cancel(struct sluice_filter *f); /* detach: the one that is under way */

struct buf_pool *buf_pool_new(void);
void buf_pool_free(struct buf_pool *p);

/* Does nothing: keeps sdk.o in programs that do not call it themselves, since the plug-ins they
 * load do. */
void sdk_link(void);
void sdk_key_link(void);
void sdk_file_link(void);
void sdk_link_link(void);
void sdk_neighbours_link(void);
void sdk_companion_link(void);
void companion_leave(struct sluice_filter *f); /* detach: it keeps and uses nothing any more */
void sdk_seal_link(void);
void seal_leave(struct sluice_filter *f); /* detach: it provides and uses nothing any more */
void sdk_snapshot_link(void);
void snapshot_leave(struct sluice_filter *f); /* detach: its calls end */

/* Tells the host when the filters' readiness together is another than before. */
void ready_check(struct chain *c);
void sdk_async_cancel(struct sluice_filter *f); /* detach: its timers */

const char *stats_op_name(uint8_t op);
static inline void stats_add(struct chain_op_stats *s, const struct sluice_io *io,
			     uint64_t latency_ns)
{
	s->ios++;
	s->bytes += io->len_bytes;
	if (unlikely(io->status != SLUICE_OK))
		s->errors++;
	s->latency_ns += latency_ns;
	hist_record(s->latency_ns_buckets, latency_ns);
}

#endif
