/* SPDX-License-Identifier: MIT */
/*
 * filter.h - the filter SDK.
 *
 * A filter is a shared object that exports sluice_filter_entry(). It belongs to exactly one class;
 * the class is its place in the chain. A volume has at most one filter of each class.
 *
 *       initiator
 *           |  submit() goes down in class order          done() comes up in reverse
 *     inspection 100
 *     replication 200       (encryption stands at 150 unless its policy allows filters before it)
 *     compression 300
 *     encryption 400
 *     cache 500
 *     data_provider 600
 *     data_capture 700
 *     io_control 800
 *           |
 *        backend
 *
 * One owner: a volume's filters run on one worker thread, so per-volume state needs no lock.
 * The data path (submit, done, resume) must not allocate, log, block or take a lock.
 * Loaded filters are trusted: they share filterd's memory.
 *
 * Start from filterd/filters/passthru/passthru.c.
 */
#ifndef SLUICE_FILTER_H
#define SLUICE_FILTER_H

#include <stddef.h>
#include <stdint.h>

#include "sluice/io.h"

#define SLUICE_SDK_ABI 7u /* both sides must have the same; the message of a refusal names both */

enum sluice_class {
	SLUICE_CLASS_INSPECTION = 100,
	SLUICE_CLASS_REPLICATION = 200,
	SLUICE_CLASS_COMPRESSION = 300,
	SLUICE_CLASS_ENCRYPTION = 400,
	SLUICE_CLASS_CACHE = 500,
	SLUICE_CLASS_DATA_PROVIDER = 600,
	SLUICE_CLASS_DATA_CAPTURE = 700,
	SLUICE_CLASS_IO_CONTROL = 800,
};

enum sluice_verdict {
	SLUICE_PASS = 0,     /* on to the next layer */
	SLUICE_COMPLETE = 1, /* finished here; lower layers never see it, upper ones get done() */
	SLUICE_FAIL = 2,     /* failed here, io->status says how; upper layers get done() */
	SLUICE_DEFER =
	    3, /* a token was taken; someone resumes, completes or fails it exactly once */
};

/* ------------------------------------------------------------------ parameters */

enum sluice_type { SLUICE_TYPE_U64, SLUICE_TYPE_BOOL, SLUICE_TYPE_STRING, SLUICE_TYPE_ENUM };

/* REST, CLI, console and validation come from this one table. */
struct sluice_param {
	const char *name; /* ends in its unit: latency_us, size_bytes */
	enum sluice_type type;
	const char *unit;           /* "us", "bytes", "" */
	uint64_t min, max;          /* U64: range; STRING: length in bytes */
	uint64_t def;               /* U64, BOOL; ENUM: index into choices */
	const char *def_string;     /* STRING */
	const char *const *choices; /* ENUM: ends with NULL */
	const char *help;           /* one sentence */
};

/* One per parameter, in the table's order. Strings belong to the host and live until the next
 * commit. */
union sluice_value {
	uint64_t u64; /* also BOOL and ENUM's index */
	const char *string;
};

/* Filled by a filter that refuses: a sentence with the value and the limit, and the parameter at
 * fault. */
struct sluice_error {
	char field[64];
	char text[256];
};

/* ------------------------------------------------------------------ control events */

enum sluice_phase {
	SLUICE_PREPARE =
	    0, /* may refuse (return -errno, fill err); may not change anything visible */
	SLUICE_COMMIT = 1, /* may not fail */
	SLUICE_ABORT = 2,  /* undo the preparation; may not fail */
	/* Of SNAPSHOT and REVERT, between PREPARE and COMMIT: nothing is under way and I/O is held.
	 * May refuse, as a cache does that is dirty in spite of its settling. */
	SLUICE_HELD = 3,
};

enum sluice_event_kind {
	SLUICE_EVENT_START = 0, /* the volume begins to serve */
	SLUICE_EVENT_STOP = 1,  /* it ends serving; the chain is drained */
	SLUICE_EVENT_GROW = 2,  /* new_size_bytes */
	/* The volume's content becomes a snapshot; its content becomes a snapshot's again; a clone
	 * of a snapshot is made. PREPARE comes under I/O, after the settling; HELD, COMMIT and
	 * mostly ABORT while I/O is held, for 50 ms at most in all: what takes long belongs into
	 * PREPARE. Nothing is held for a clone. */
	SLUICE_EVENT_SNAPSHOT = 3,
	SLUICE_EVENT_REVERT = 4,
	SLUICE_EVENT_CLONE = 5,
	SLUICE_EVENT_KEY = 6,   /* a key came, went or changed */
	SLUICE_EVENT_FLUSH = 7, /* an administrator's flush; filters that keep dirty data are
				   settled before it */
	SLUICE_EVENT_POLICY = 8,
	/* The volume is deleted for good: the filter removes what it keeps outside of the state
	 * store and its sidecars. The chain is drained; detach() follows. Whoever refuses in
	 * PREPARE keeps the volume, which is closed then. */
	SLUICE_EVENT_DELETE = 9,
	/* An administrator takes the filter away, or one that settles gets new values by going and
	 * coming again: PREPARE to it alone, with the chain drained; it may refuse, as encryption
	 * does while the volume needs it, and a cache that is dirty in spite of its settling. There
	 * is no COMMIT: detach() follows. */
	SLUICE_EVENT_DETACH = 10,
	/* A snapshot is marked for deletion: uuid. PREPARE may not refuse it, it has happened.
	 * Comes to a volume that is open. */
	SLUICE_EVENT_SNAPSHOT_DELETED = 11,
};

struct sluice_event {
	enum sluice_event_kind kind;
	uint64_t new_size_bytes;
	const char *name; /* snapshot's or policy's, else NULL */
	const char *uuid; /* snapshot's, as text, else NULL */
};

/* ------------------------------------------------------------------ settling
 *
 * A filter that acknowledges what the layer below does not have yet (a write-back cache) is settled
 * before anything that would lose or miss that data: its detachment or replacement, a change of its
 * mode, a snapshot, a grow, an export, an administrator's flush. Not before a stop: then it keeps
 * its data where it keeps it.
 *
 *     settle(BEGIN)  Under I/O: bring the dirty data down. 0: done. SLUICE_PENDING:
 *                    sluice_settled() follows. Until END the filter lets only so little become
 *                    dirty that a drain takes less than a second; initiators are slowed down,
 *                    never refused.
 *     drain(begin)   The rest goes down; sluice_drain_hold() keeps the chain from counting as
 *                    drained until it has, for at most 10 s. After that nothing is dirty.
 *     the change     detach(), reconfigure(COMMIT), event(...)
 *     settle(END)    As before. Not after a detach(); also without drain and change, when somebody
 *                    refused or cancelled: what BEGIN began is given up then, and no
 *                    sluice_settled() follows.
 */
#define SLUICE_PENDING 1

enum sluice_settle { SLUICE_SETTLE_BEGIN, SLUICE_SETTLE_END };

struct sluice_command {
	const char *name;      /* the filter's own words, such as "drop" */
	const char *args_json; /* an object */
	/* A descriptor that came along, or -1: a pipe whose content is a secret, so that no secret
	 * stands in a message. The host's; it is closed when the command has ended. */
	int fd;
	char *reply_json; /* an object, of the filter's choice; "{}" before */
	size_t reply_bytes;
};

/* What every filter may add to its volume's figures; the host sets all to zero before. Counters
 * never fall. */
struct sluice_figures {
	uint64_t reads, read_hits; /* initiators' reads, and those answered above the datastore */
	uint64_t dirty_bytes;      /* acknowledged, not on the datastore */
	uint64_t lag_ms;           /* how far a replica is behind */
	const char *throttle;      /* "limit", "share", "window", "dirty"; NULL: nothing is held */
	const char
	    *state; /* NULL: all is well; else a word such as "degraded", "warming", "locked" */
};

/* ------------------------------------------------------------------ the filter */

struct sluice_filter; /* one filter on one volume; the host's handle */
struct sluice_group;  /* all filters of one name on one datastore; the host's handle */
struct sluice_token;  /* one deferred I/O */

#define SLUICE_FILTER_TRANSPARENT                                                                  \
	1u /* bypassing it loses and reveals nothing; only then on_failure: bypass is legal */

struct sluice_filter_ops {
	uint32_t abi;          /* SLUICE_SDK_ABI */
	uint32_t struct_bytes; /* sizeof(struct sluice_filter_ops) */
	const char *name;      /* unique; the name in policies */
	const char *version;
	const char *help; /* one sentence */
	enum sluice_class cls;
	uint32_t op_mask; /* SLUICE_OP_BIT()s that it understands; others are refused for the whole
			     volume */
	uint32_t flags;   /* SLUICE_FILTER_* */
	uint32_t io_ctx_bytes; /* per I/O, from the host's pool, zeroed before submit() */
	const struct sluice_param *params;
	uint32_t param_count;

	/* Control path. attach: keep state with sluice_state_set(); 0 or -errno with err filled.
	 * After detach() and after a refused attach(), f lives until its jobs are done and its
	 * logs and files are closed; their callbacks may still use it. */
	int (*attach)(struct sluice_filter *f, const union sluice_value *values,
		      struct sluice_error *err);
	void (*detach)(struct sluice_filter *f);
	/* New values under I/O. NULL: another one is attached in its place while it still is; one
	 * that settles is detached before, and comes back with its old values if the new one
	 * refuses. */
	int (*reconfigure)(struct sluice_filter *f, enum sluice_phase phase,
			   const union sluice_value *values, struct sluice_error *err);
	int (*event)(struct sluice_filter *f, enum sluice_phase phase,
		     const struct sluice_event *ev, struct sluice_error *err);
	/* begin: resume or fail all that is held, soon, and hold nothing new; end: as before. */
	void (*drain)(struct sluice_filter *f, bool begin);

	/* Data path. A NULL submit or done passes. */
	enum sluice_verdict (*submit)(struct sluice_filter *f, struct sluice_io *io);
	/* On the way up; io->status may be changed. PASS, FAIL or DEFER. */
	enum sluice_verdict (*done)(struct sluice_filter *f, struct sluice_io *io);
	/* The initiator aborted an I/O that this filter holds: finish it soon. Optional. */
	void (*abort)(struct sluice_filter *f, struct sluice_io *io);

	/* See "settling" above. NULL: the filter never keeps dirty data. */
	int (*settle)(struct sluice_filter *f, enum sluice_settle phase, struct sluice_error *err);
	/*
	 * An administrator's command to this filter. 0 with the reply written, -errno with err
	 * filled, or SLUICE_PENDING and then sluice_command_done(). At most one is under way per
	 * filter. Optional.
	 */
	int (*command)(struct sluice_filter *f, const struct sluice_command *cmd,
		       struct sluice_error *err);

	/* Own figures: writes one JSON object, returns its length; optional. */
	size_t (*status)(struct sluice_filter *f, char *json, size_t size_bytes);
	/* Adds its part to the volume's; called every second. Optional. */
	void (*figures)(struct sluice_filter *f, struct sluice_figures *sum);

	/*
	 * What the filters of one datastore share (all of them run on one worker): made before the
	 * first is attached, gone after the last was detached. Its parameters are the datastore's,
	 * set by the administrator there. All NULL: the filter has no group.
	 */
	const struct sluice_param *group_params;
	uint32_t group_param_count;
	int (*group_create)(struct sluice_group *g, const union sluice_value *values,
			    struct sluice_error *err);
	void (*group_destroy)(struct sluice_group *g);
	int (*group_reconfigure)(struct sluice_group *g, enum sluice_phase phase,
				 const union sluice_value *values, struct sluice_error *err);
	size_t (*group_status)(struct sluice_group *g, char *json, size_t size_bytes);

	/* Suffixes of sidecars that say how the volume's data is to be read, NULL at the end: the
	 * host keeps a copy of them with each snapshot, and puts it beside whatever shows or clones
	 * that snapshot. NULL: there are none. */
	const char *const *data_sidecars;
};

#define SLUICE_EXPORT __attribute__((visibility("default")))

/* The one symbol that a filter exports. */
SLUICE_EXPORT const struct sluice_filter_ops *sluice_filter_entry(void);

/* ------------------------------------------------------------------ host services
 * Thread: owner worker, unless it says any. */

void sluice_state_set(struct sluice_filter *f, void *state);
void *sluice_state(const struct sluice_filter *f);
void *sluice_io_ctx(const struct sluice_filter *f, const struct sluice_io *io);

const char *sluice_volume_name(const struct sluice_filter *f);
uint64_t sluice_volume_size_bytes(const struct sluice_filter *f);
uint32_t sluice_volume_block_bytes(const struct sluice_filter *f);

/* 16 bytes; the volume's for life, whatever its name or place. */
const uint8_t *sluice_volume_uuid(const struct sluice_filter *f);
/* The volume's write_cache is durable: each write completes only when it would survive a power
 * cut. False (volatile): FLUSH and FUA ask for that. */
bool sluice_volume_is_durable(const struct sluice_filter *f);

/*
 * A file of the filter beside the volume's image (or, where there is no folder for it, in filterd's
 * state folder); it is removed together with the volume. suffix: [a-z]{1,16}, not "img"; filters
 * share the names. 0 or -ENAMETOOLONG, -EINVAL.
 */
int sluice_sidecar_path(const struct sluice_filter *f, const char *suffix, char *path,
			size_t size_bytes);
/*
 * The volume's keyring: secrets in locked memory that is in no core file, kept by the parent
 * process while the volume exists, so that the next child has them without asking anybody. name as
 * in sluice_store_put(). Errors: -ENOKEY, -ENOSPC, -EINVAL (over 256 bytes). The caller wipes its
 * copy.
 */
int sluice_key_put(struct sluice_filter *f, const char *name, const void *key, size_t size_bytes);
int sluice_key_get(struct sluice_filter *f, const char *name, void *key, size_t room_bytes,
		   size_t *size_bytes);
void sluice_key_forget(struct sluice_filter *f, const char *name);

/* The results of SLUICE_PENDING, once each, on the owner worker; err may be NULL when result is 0.
 */
void sluice_settled(struct sluice_filter *f, int result, const struct sluice_error *err);
void sluice_command_done(struct sluice_filter *f, int result, const char *reply_json,
			 const struct sluice_error *err);
/* The chain does not count as drained between the two. They nest. */
void sluice_drain_hold(struct sluice_filter *f);
void sluice_drain_release(struct sluice_filter *f);

/*
 * What initiators hear while this filter cannot serve: TEST UNIT READY and media commands answer
 * with that status, without coming here; SLUICE_OK, as after attach(): it serves. Filters above
 * count first. May be called in attach().
 */
void sluice_ready_set(struct sluice_filter *f, enum sluice_status status);

/* Where the volume's filter of that class stands: -1 above f, 1 below it, 0: it has none. */
int sluice_filter_place(const struct sluice_filter *f, enum sluice_class cls);

uint64_t sluice_now_ns(const struct sluice_filter *f);
uint64_t sluice_random_u64(const struct sluice_filter *f);
/* 0 to 23 by the appliance's local time: for schedules alone. */
uint32_t sluice_hour_of_day(const struct sluice_filter *f);

/* The group that f belongs to; from attach() to detach(). NULL: its filter has none. */
struct sluice_group *sluice_group(const struct sluice_filter *f);
void sluice_group_state_set(struct sluice_group *g, void *state);
void *sluice_group_state(const struct sluice_group *g);
const char *sluice_group_datastore(const struct sluice_group *g);
uint64_t sluice_group_now_ns(const struct sluice_group *g);
/* As sluice_report(), about the datastore. */
void sluice_group_report(struct sluice_group *g, const char *code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/*
 * Takes io out of the flow. Call it in submit() or done(), then return SLUICE_DEFER.
 * Errors: NULL while draining: decide at once instead. Not for a filter that holds the drain
 * (sluice_drain_hold()) meanwhile: what a filter above lets go of then is served like any other.
 * The token must be finished within deadline_ms (0: 1500), or the filter counts as hung.
 */
struct sluice_token *sluice_defer(struct sluice_filter *f, struct sluice_io *io,
				  uint32_t deadline_ms);
struct sluice_io *sluice_token_io(const struct sluice_token *t);
/* Exactly one of these, once. Thread: any. A second call, or one after the host took the token
 * back, does nothing but count. */
void sluice_resume(struct sluice_token *t);   /* as if the verdict had been PASS */
void sluice_complete(struct sluice_token *t); /* as COMPLETE, io->status = SLUICE_OK */
void sluice_fail(struct sluice_token *t, enum sluice_status status); /* as FAIL */

/*
 * A transforming filter gives the layers below its own buffer for this I/O, in submit() or while it
 * holds the I/O on its way down; undone before its done(). Not for transparent filters: one that is
 * bypassed gets no done() to copy the data back.
 */
void sluice_io_swap_buf(struct sluice_filter *f, struct sluice_io *io, void *buf);

/* Own I/O below oneself (write-back, resync, cache fill). The caller owns own, which must stay
 * until fn. */
struct sluice_own_io {
	uint8_t op;
	uint8_t status; /* result */
	uint16_t flags; /* SLUICE_IO_FUA, SLUICE_IO_MAY_UNMAP, SLUICE_IO_URGENT */
	uint64_t offset_bytes, len_bytes;
	void *buf;
	uint64_t extent_bytes; /* result of EXTENT */
	uint32_t extent_is_hole;
	void (*fn)(struct sluice_own_io *own); /* owner worker */
	void *ctx;
	void *host; /* host's */
};
/*
 * Calls:  fn exactly once iff 0 was returned, never before return
 * Errors: -ENOMEM the pool is empty, try later; -EAGAIN attach() has not returned yet; -EOPNOTSUPP
 * a layer below does not understand op; -EINVAL misaligned, empty or past the end
 */
int sluice_own_submit(struct sluice_filter *f, struct sluice_own_io *own);

/* 4096-aligned buffers from the worker's pool; NULL when it is empty: defer, do not fail. */
void *sluice_buf_get(struct sluice_filter *f, uint64_t size_bytes);
void sluice_buf_put(struct sluice_filter *f, void *buf, uint64_t size_bytes);

/* Timers. The filter owns the memory, and zeroes host before the first use. */
struct sluice_timer {
	void (*fn)(struct sluice_timer *t);
	void *ctx;
	uint64_t host[8]; /* host's */
};
void sluice_timer_set(struct sluice_filter *f, struct sluice_timer *t, uint64_t deadline_ns);
void sluice_timer_cancel(struct sluice_filter *f, struct sluice_timer *t);
/* The same, of a group: they may be set while no filter of it is attached yet or any more. */
void sluice_group_timer_set(struct sluice_group *g, struct sluice_timer *t, uint64_t deadline_ns);
void sluice_group_timer_cancel(struct sluice_group *g, struct sluice_timer *t);

/* Work pool: run() on a helper thread, then done() on the owner worker. Usually done() finishes a
 * token. */
struct sluice_work {
	void (*run)(struct sluice_work *w);
	void (*done)(struct sluice_work *w);
	void *ctx;
	uint64_t host[8]; /* host's */
};
void sluice_work_submit(struct sluice_filter *f, struct sluice_work *w);

/*
 * State store: small durable records of this filter on this volume, kept by the host beside the
 * volume's plan. put returns when it is on stable storage. Control path only. Errors: -ENOENT,
 * -ENOSPC, -EIO, -EINVAL (key is not [a-z0-9_]{1,32}, or size over 64 KiB).
 */
int sluice_store_put(struct sluice_filter *f, const char *key, const void *data, size_t size_bytes);
int sluice_store_get(struct sluice_filter *f, const char *key, void *data, size_t room_bytes,
		     size_t *size_bytes);

/* One line in the log with volume and filter named. Thread: any. Not on the data path. */
void sluice_log(const struct sluice_filter *f, int priority, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* An event for the administrator (log, control socket; later the policy plane). Thread: any. */
void sluice_report(struct sluice_filter *f, const char *code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

#endif
