/* SPDX-License-Identifier: MIT */
/*
 * host.h - the outside world of one replication group: time, link, local volumes, durable records,
 * witness.
 *
 * The filter's glue fills it from the SDK, the two-node simulator (tests/sim/repl) from invented
 * parts; so both run the same engine. Everything is on one thread.
 */
#ifndef REPLICATION_HOST_H
#define REPLICATION_HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sluice/file.h"
#include "sluice/io.h"
#include "sluice/link.h"
#include "sluice/rlog.h"
#include "sluice/snapshot.h"
#include "wire/repl.h"

#define REPL_MEMBERS_MAX      64u
#define REPL_LOG_MEMBER_SHIFT 40u /* a log's blocks of member m begin at m << this */

/* An I/O of the group's own on a local volume, below the replication filter. */
struct repl_own {
	uint8_t op;     /* enum sluice_op */
	uint8_t status; /* result */
	uint16_t flags; /* SLUICE_IO_FUA, SLUICE_IO_MAY_UNMAP, SLUICE_IO_URGENT */
	uint16_t member;
	uint64_t offset_bytes, len_bytes;
	void *buf; /* 4096-aligned */
	uint64_t extent_bytes;
	uint32_t extent_is_hole;
	void (*fn)(struct repl_own *o);
	void *ctx;
	struct sluice_own_io host; /* host's */
};

struct repl_timer {
	void (*fn)(struct repl_timer *t);
	void *ctx;
	struct sluice_timer host; /* host's; zeroed before the first use */
};

/* The group's one small file: hot marks, bitmap pages (hot.h, bitmap.h say where). It reads as
 * zeros where it was never written. Durable is what a SYNC that began after it has covered. */
struct repl_file_io {
	uint8_t op;                       /* enum sluice_file_op: READ, WRITE, SYNC */
	int result;                       /* 0 or -errno; never a part */
	uint64_t offset_bytes, len_bytes; /* multiples of 4096 */
	void *buf;                        /* 4096-aligned */
	void (*fn)(struct repl_file_io *o);
	void *ctx;
	struct sluice_file_io host; /* host's */
};

/* What is wanted of a local volume's snapshots; sluice/snapshot.h. */
struct repl_snapshot {
	enum sluice_snapshot_what what;
	uint16_t member;
	uint32_t settle_ms;
	uint8_t uuid[16];
	const char *name; /* of MAKE; stays until fn */
	int result;       /* 0 or -errno, and why */
	char why[REPL_ERROR_TEXT_MAX];
	void (*fn)(struct repl_snapshot *s);
	void *ctx;
	char uuid_text[40];               /* host's */
	struct sluice_snapshot_call host; /* host's */
};

enum repl_log {
	REPL_LOG_JOURNAL, /* a primary's: what the replica does not have yet, in order */
	REPL_LOG_STAGE_A, /* a secondary's: windows until they are complete, two by turns */
	REPL_LOG_STAGE_B,
	REPL_LOGS
};

struct repl_host_ops {
	uint64_t (*now_ns)(void *ctx);
	uint64_t (*random_u64)(void *ctx);
	/* 0..23, local time; NULL: there are no schedules. */
	uint32_t (*hour_of_day)(void *ctx);
	void (*timer_set)(void *ctx, struct repl_timer *t, uint64_t deadline_ns);
	void (*timer_cancel)(void *ctx, struct repl_timer *t);

	/* As link.h says; up, received, writable and down come to the group. */
	size_t (*link_send)(void *ctx, enum sluice_link_channel ch, const void *data, size_t len);
	size_t (*link_room)(void *ctx, enum sluice_link_channel ch);
	void (*link_read_on)(void *ctx, enum sluice_link_channel ch);
	void (*link_reset)(void *ctx, enum sluice_link_channel ch, const char *why);

	/* fn exactly once, never before return; waits where the pool is empty. */
	void (*own_submit)(void *ctx, struct repl_own *o);
	/* 4096-aligned; NULL: wait for one of ours to come back. */
	void *(*buf_get)(void *ctx, uint64_t size_bytes);
	void (*buf_put)(void *ctx, void *buf, uint64_t size_bytes);

	/* Small records, durable at return, whole or not at all. 0 or -errno; get: -ENOENT. */
	int (*record_put)(void *ctx, const char *key, const void *data, size_t size_bytes);
	int (*record_get)(void *ctx, const char *key, void *data, size_t room_bytes,
			  size_t *size_bytes);
	/* fn exactly once, never before return; no order among those under way. */
	void (*file_submit)(void *ctx, struct repl_file_io *o);
	/* A record log of the group; the others of sluice_rlog_*() are called as they are. */
	struct sluice_rlog *(*log_open)(void *ctx, enum repl_log which,
					const struct sluice_rlog_cfg *cfg,
					void (*fn)(void *ctx, const struct sluice_rlog_opened *how),
					void *fn_ctx, struct sluice_error *err);

	/* A snapshot of the member's local volume; fn exactly once, never before return, unless the
	 * process is killed. What ends with the filter's detaching is -ECANCELED. */
	void (*snapshot_submit)(void *ctx, struct repl_snapshot *s);

	/* Only when the group has a witness. */
	void (*witness_submit)(void *ctx, struct sluice_witness_call *c);

	/* run() may be on another thread. */
	void (*work_submit)(void *ctx, struct sluice_work *w);

	/* May this side's volumes serve initiators? Held I/O goes on or is answered NOT_READY. */
	void (*serving_changed)(void *ctx, bool is_serving);
	/* A durable META record of the peer's has come (policy, luks, size ...). 0 or -errno. */
	int (*meta_received)(void *ctx, uint16_t member, const char *key, uint64_t version,
			     const void *data, size_t size_bytes);
	void (*report)(void *ctx, const char *code, const char *text);
	void (*log)(void *ctx, int priority, const char *text);
};

struct repl_host {
	const struct repl_host_ops *ops;
	void *ctx;
	uint8_t own_uuid[16], peer_uuid[16], group_uuid[16]; /* appliances', group's */
	uint32_t member_count;
	uint32_t block_bytes;
	uint64_t member_size_bytes[REPL_MEMBERS_MAX];
	uint64_t file_bytes; /* size of the group's file; group_file_bytes() says what it needs */
	bool is_durable;     /* write_cache durable: an acknowledged write survives a power cut */
	bool has_witness;
};

#endif
