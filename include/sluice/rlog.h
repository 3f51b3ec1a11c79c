/* SPDX-License-Identifier: MIT */
/*
 * rlog.h - the record log: a crash-safe circular redo log on a file or a block device, for filters
 * that acknowledge before the layer below has the data (write-back cache, replication journals).
 *
 * It knows numbered blocks and nothing of SCSI, volumes or filters. Appends become records, one
 * contiguous write each (group commit); a map in memory says which blocks the log holds and where;
 * the oldest records are brought to a sink in windows and then trimmed.
 *
 *     append --> record --> map                   lookup/read: the newest copy of a block
 *        |                                        destage: oldest window --> sink, flush, trim
 *   [ superblock A | superblock B | checkpoints | ........tail####live####head...... ]
 *
 * Two durabilities. D1: written; survives a crash of this process. D2: flushed; survives a power
 * cut. Appends take effect in the order of their calls, and sequence n is acknowledged at a level
 * only when every record before it has that level.
 *
 * Format and invariants W1..W15: filterd/log/rlog_format.h says how they are kept.
 *
 * Thread: owner worker of the filter (or env) that opened it. Every callback comes on it, never
 *         before the call that it answers has returned.
 * Memory: nothing is allocated on the data path in the steady state.
 */
#ifndef SLUICE_RLOG_H
#define SLUICE_RLOG_H

#include <stdbool.h>
#include <stdint.h>

#include "sluice/filter.h"

#define SLUICE_RLOG_BLOCK_BYTES 4096u

struct sluice_rlog;

/* ---------------------------------------------------------------- open and close */

/*
 * Makes data blocks unreadable on the medium. The log stays ignorant of keys: it hands over each
 * block on its way into a record, and again on its way out to a read or a sink, with the block's
 * number and its place in the circle. Checksums are of what is on the medium, so opening, recovery
 * and checks need no key. Headers (which blocks, zeros, marks, when) stay readable.
 *
 * The same block may come to the same place again, after the circle has gone around: a cipher for
 * this must not mind (a tweak may repeat, a nonce may not).
 * Thread: the log's. Errors: -errno. seal: the log fails; open: as a failed checksum.
 */
struct sluice_rlog_seal {
	/* from: the caller's, to: the log's. */
	int (*seal)(void *ctx, uint64_t block, uint32_t place, const void *from, void *to);
	int (*open)(void *ctx, uint64_t block, uint32_t place, void *buf); /* in place */
	void *ctx;
};

struct sluice_rlog_cfg {
	const char *path;          /* file or block device */
	uint64_t size_bytes;       /* of a file that is made; a device is used whole */
	uint32_t block_bytes;      /* 4096; simulations take smaller ones */
	uint32_t record_blocks;    /* data blocks of one record at most; 0: 255 */
	uint32_t reserve_blocks;   /* kept for EPOCH records (W15); 0: 64 */
	uint64_t checkpoint_bytes; /* appended between two checkpoints of the map; 0: none */
	uint8_t owner_uuid[16];    /* whose data it holds */
	uint64_t generation;       /* of the attachment; see FOREIGN */
	bool may_create;           /* make it when it is not there */
	bool may_replace;          /* ... and when an older generation of this owner's is there */
	uint8_t replace_uuid[16];  /* ... or any of this owner, who is no more; zeros: of nobody */
	const struct sluice_rlog_seal *seal; /* stays until the log is closed; NULL: none */
};

/* What open found. */
enum sluice_rlog_found {
	SLUICE_RLOG_NEW,       /* made now, empty */
	SLUICE_RLOG_CLEAN,     /* it was closed properly */
	SLUICE_RLOG_RECOVERED, /* it was not; everything that was acknowledged is there */
	SLUICE_RLOG_MISSING,   /* error: nothing there, and may_create was not set */
	SLUICE_RLOG_CORRUPT,   /* error: what was durable is damaged; nothing was changed */
	SLUICE_RLOG_FOREIGN,   /* error: of another owner or generation; nothing was changed */
	SLUICE_RLOG_UNKNOWN,   /* error: no log, or of a version this program does not know */
	SLUICE_RLOG_IO,        /* error: reading, writing or flushing failed */
};

struct sluice_rlog_opened {
	int result; /* 0, or -errno with err filled */
	enum sluice_rlog_found found;
	struct sluice_error err;
	uint64_t dirty_blocks;  /* in the map, data and zeros; for CORRUPT: as far as can be told */
	uint64_t lost_position; /* CORRUPT: where the first damage is */
	uint8_t owner_uuid[16]; /* FOREIGN: whose it is */
	uint64_t recovery_ns;
};

/*
 * Making a log writes all of it once (no unwritten extents), so this may take long. Until fn the
 * log takes no other call but sluice_rlog_close().
 * Errors: NULL with err filled: no memory, or a cfg that cannot be.
 */
struct sluice_rlog *sluice_rlog_open(struct sluice_filter *f, const struct sluice_rlog_cfg *cfg,
				     void (*fn)(void *ctx, const struct sluice_rlog_opened *how),
				     void *ctx, struct sluice_error *err);
/* Ends what is under way, marks the log clean if it can, closes; fn (may be NULL) then. Appends
 * that wait for space end with -ECANCELED. */
void sluice_rlog_close(struct sluice_rlog *log, void (*fn)(void *ctx), void *ctx);
/* Removes a file that no log has open. 0 or -errno; -EINVAL: a device. */
int sluice_rlog_remove(const char *path);
/* Makes a device that no log has open one that holds none, if what it holds is this owner's.
 * Blocks for two writes. 0 or -errno; -EINVAL: no device; -EXDEV: not this owner's log. */
int sluice_rlog_erase(const char *path, const uint8_t owner_uuid[16]);

/* ---------------------------------------------------------------- append and flush */

enum sluice_rlog_kind {
	SLUICE_RLOG_DATA, /* block_count blocks at buf */
	SLUICE_RLOG_ZERO, /* block_count blocks that read as zeros; any number; no data */
	SLUICE_RLOG_MARK, /* a point of consistency; value is the caller's */
};

struct sluice_rlog_entry {
	uint8_t kind;    /* enum sluice_rlog_kind */
	bool is_durable; /* fn at D2; else at D1 */
	bool may_unmap;  /* ZERO: the sink may give the space back */
	int result;      /* 0, -EIO: fail-stop, -ECANCELED */
	uint64_t block, block_count;
	uint64_t value;
	const void *buf; /* stays until fn */
	void (*fn)(struct sluice_rlog_entry *e);
	void *ctx;
	uint64_t seq; /* result: of its record */
	uint64_t host[6];
};

/* A log without checkpoints takes ZEROs at once while twice their number is not more than this, and
 * there is room; so any one window of another log with blocks of 4 KiB fits. */
#define SLUICE_RLOG_RANGES 8192u

/* The caller owns e, which must stay until fn; fn exactly once. A full log makes it wait (its owner
 * sees that in the stats and by want_space). Large DATA is split over records, whole at fn. */
void sluice_rlog_append(struct sluice_rlog *log, struct sluice_rlog_entry *e);

struct sluice_rlog_flush {
	int result;
	void (*fn)(struct sluice_rlog_flush *fl);
	void *ctx;
	uint64_t host[4];
};
/* Everything whose append has been acknowledged, at any level, before this call is at D2. */
void sluice_rlog_flush(struct sluice_rlog *log, struct sluice_rlog_flush *fl);

/* ---------------------------------------------------------------- look up and read */

struct sluice_rlog_run {
	enum { SLUICE_RLOG_ABSENT, SLUICE_RLOG_HAS_DATA, SLUICE_RLOG_HAS_ZEROS } what;
	uint64_t block_count; /* from the block asked for; at least 1 */
};
/* The longest run of one kind (of DATA also contiguous in the log) at block, at most max_blocks. */
void sluice_rlog_lookup(const struct sluice_rlog *log, uint64_t block, uint64_t max_blocks,
			struct sluice_rlog_run *run);

struct sluice_rlog_read {
	uint64_t block, block_count; /* a run of DATA */
	void *buf;                   /* 4096-aligned: the log is read past the page cache */
	int result; /* 0; -EBADMSG: a checksum failed (W11); -EIO; -EINVAL: no run; -ENOMEM */
	void (*fn)(struct sluice_rlog_read *r);
	void *ctx;
	uint64_t host[16];
};
/* What the blocks were at this call, whatever is appended, destaged or trimmed meanwhile. */
void sluice_rlog_read(struct sluice_rlog *log, struct sluice_rlog_read *r);

/* ---------------------------------------------------------------- destage */

enum sluice_rlog_sink_op { SLUICE_RLOG_SINK_WRITE, SLUICE_RLOG_SINK_ZERO, SLUICE_RLOG_SINK_FLUSH };

struct sluice_rlog_sink_io {
	enum sluice_rlog_sink_op op;
	bool may_unmap;
	uint64_t block, block_count;
	const void *buf;
	int result; /* 0 or -errno */
	void (*fn)(
	    struct sluice_rlog_sink_io *io); /* the log's; exactly once, maybe before return */
	void *ctx;                           /* the sink's */
	uint64_t host[8];                    /* the log's */
};

/* Where windows go. */
struct sluice_rlog_sink {
	void (*submit)(void *ctx, struct sluice_rlog_sink_io *io);
	void *ctx;
	uint32_t max_ios; /* at once */
	/* A log on the sink's own device, or NULL. With it the sink alone is a point in time at
	 * every moment: a window is made durable in it before the sink is touched. The caller opens
	 * it, and brings it down with sluice_rlog_replay_journal() before the main log is used. */
	struct sluice_rlog *journal;
};

struct sluice_rlog_destage {
	uint64_t max_bytes; /* of the window; at least one record goes */
	uint64_t last_seq;  /* no record beyond this one goes; 0: no such limit */
	int result; /* 0, -EAGAIN: nothing durable to take, or nothing before last_seq; -EBADMSG: a
		       dirty block's checksum failed, the window stays; -EBUSY: one is under way;
		       -ENOSPC: the journal is too small; -EIO: fail-stop; else the sink's -errno:
		       the window stays in the log */
	uint64_t window_blocks, written_blocks; /* results: taken, and left after coalescing */
	void (*fn)(struct sluice_rlog_destage *d);
	void *ctx;
	uint64_t host[4];
};
/*
 * The oldest records that are durable, newest copy of each block inside the window, in ascending
 * block order, to the sink; the sink is flushed; then the tail moves, and space is free again when
 * the superblock that says so is durable. One at a time.
 * Without a journal the sink alone is a point in time when a window has ended; but a window that a
 * crash cut off may have reached it in part, and then not before later windows have passed it.
 */
void sluice_rlog_destage(struct sluice_rlog *log, const struct sluice_rlog_sink *sink,
			 struct sluice_rlog_destage *d);
/* Complete windows in a journal go to the sink, incomplete ones are dropped; then it is empty. */
void sluice_rlog_replay_journal(struct sluice_rlog *journal, const struct sluice_rlog_sink *sink,
				struct sluice_rlog_destage *d);
/* Forgets everything in the log, durably: for what an administrator gave up, naming its amount. */
void sluice_rlog_drop(struct sluice_rlog *log, struct sluice_rlog_flush *fl);

/* ---------------------------------------------------------------- figures */

struct sluice_rlog_stats {
	uint64_t capacity_blocks, used_blocks; /* of the circular part, headers included */
	uint64_t dirty_blocks; /* different blocks with data in the map; one that a long ZERO hides
				  counts until it is trimmed */
	uint64_t zero_blocks;  /* covered by ZERO in the map */
	uint64_t oldest_ns;    /* when the oldest live record was written; 0: none */
	uint64_t epoch, next_seq, durable_seq, tail_seq;
	uint64_t records, appended_blocks, written_bytes, flushes, superblocks, checkpoints;
	uint64_t destaged_blocks, coalesced_blocks, windows;
	uint32_t waiting_entries; /* for space */
	uint64_t map_bytes;
	bool is_failed; /* fail-stop after a failed write or flush */
	char failed_text[160];
	/* The newest MARK of the owner's: is it, or what it closes, still in the log; and its
	 * value, which stays known when it has been trimmed. has_entries: anything of the owner's.
	 */
	bool has_mark, has_entries;
	uint64_t mark_value;
};
void sluice_rlog_stats(const struct sluice_rlog *log, struct sluice_rlog_stats *out);
/* Called when an append begins to wait for space; the owner destages. */
void sluice_rlog_on_want_space(struct sluice_rlog *log, void (*fn)(void *ctx), void *ctx);
/* Ends every entry that waits, with -ENOSPC: for an owner who will not wait until there is space. A
 * part of one that is longer than a record may be in the log. */
void sluice_rlog_refuse_waiting(struct sluice_rlog *log);

#endif
