/* SPDX-License-Identifier: MIT */
/*
 * rlog_int.h - what the files of the log share. Nobody else includes it.
 *
 *   rlog_open      the door, the life of a log        rlog_create    a new one is written
 *   rlog_recover   superblocks, steps of recovery     rlog_walk      replay, record by record
 *   rlog_scan      end of the log, or damage?         rlog_load      a checkpoint is read
 *   rlog_append    entries into records               rlog_record    buffers, writes of records
 *   rlog_commit    D1 and D2 in order, flushes        rlog_space     what may be written where
 *   rlog_super     superblocks are written            rlog_checkpoint the map is written
 *   rlog_read      reads                              rlog_idle      MARK after 50 ms
 *   rlog_destage   windows to the sink                rlog_window    what a window comes down to
 *   rlog_journal   the sink's own journal             rlog_drop      everything is given up
 *   rlog_ring      I/O on the circle                  rlog_stats     figures, age
 *   rlog_fail      fail-stop; answers that must wait
 *
 * A place in the circle is counted in two ways: pos, from 0 to log_blocks - 1, as on the medium;
 * and v, which only grows: pos = v % log_blocks.
 *
 *     tail_v <= (durable_v) <= written_v <= head_v;  sb_tail_v <= tail_v is what frees space
 *
 * Thread: the env's worker, all of it.
 */
#ifndef RLOG_INT_H
#define RLOG_INT_H

#include "env.h"
#include "list.h"
#include "rlog_format.h"
#include "rlog_map.h"
#include "rlog_mutate.h"
#include "rlog_open.h"
#include "sluice/rlog.h"

#define RLOG_BUFS                4u /* records: one being filled, three being written */
#define RLOG_COMMITS_MAX         2u /* records being written that are durable when that ends */
#define RLOG_MEM_ALIGN           4096u
#define RLOG_AGE_MARKS           64u
#define RLOG_IDLE_NS             50000000ull
#define RLOG_UNFLUSHED_MAX_BYTES (64ull << 20) /* written and not flushed; appends wait then */

/* ---------------------------------------------------------------- rlog_ring.c */

/* I/O on blocks of the circle: one or, around its end, two requests. */
struct rlog_ring_io {
	struct env_io io[2];
	uint8_t pending;
	bool is_durable; /* of a write, whose caller sets it: see env_io */
	int result;
	void (*fn)(struct rlog_ring_io *r);
	struct sluice_rlog *log;
	void *ctx;
};

void rlog_ring_submit(struct rlog_ring_io *r, enum env_io_op op, uint64_t v, uint32_t blocks,
		      void *buf);
uint32_t rlog_ring_pos(const struct sluice_rlog *log, uint64_t v);
/* The v of a position between tail_v and tail_v + log_blocks. */
uint64_t rlog_ring_v(const struct sluice_rlog *log, uint32_t pos);
/* Outside of the circle. */
void rlog_ring_plain(struct sluice_rlog *log, struct env_io *io, enum env_io_op op,
		     uint64_t offset_bytes, uint64_t len_bytes, void *buf,
		     void (*done)(struct env_io *io));

/* ---------------------------------------------------------------- waiting */

/* Someone who is told once; lies in the caller's struct. */
struct rlog_wait {
	struct list_node node;
	void (*fn)(struct rlog_wait *w, int result);
	int result; /* rlog_fail.c's */
};

/* A record under construction or being written. */
struct rlog_buf {
	struct sluice_rlog *log;
	struct rlog_ring_io ring;
	uint8_t *mem; /* header, then data */
	struct rlog_record rec;
	uint32_t mask; /* seeded sum = unseeded sum xor mask */
	uint64_t v;
	uint32_t room; /* bytes left in the header */
	bool is_done;
	struct list_node entries; /* that end with this record */
	struct list_node node;    /* free, or writing in order */
};

/* What the caller's sluice_rlog_entry.host holds. */
struct rlog_entry_host {
	struct list_node node;
	uint64_t staged_blocks;
};

/* Where a window, a replay or a drop ends: what the superblock says of the tail. */
struct rlog_anchor {
	uint64_t v, seq;     /* of the first record behind */
	uint32_t epoch, crc; /* of the last one in front */
};

struct rlog_recovery;
struct rlog_destager;
struct rlog_checkpointer;
struct rlog_read_slot;

struct sluice_rlog {
	struct env *env;
	struct env_file *file;
	struct sluice_rlog_cfg cfg;
	char *path;
	struct rlog_geometry geo;
	uint32_t log_seed;
	uint32_t record_blocks, reserve_blocks;
	bool is_ready, is_closing, is_failed;
	uint32_t calling; /* callbacks that have not returned: closing waits */
	char failed_text[160];

	/* rlog_open.c */
	void (*opened_fn)(void *ctx, const struct sluice_rlog_opened *how);
	void *opened_ctx;
	struct sluice_rlog_opened opened;
	struct env_msg opened_msg;
	bool is_opened_posted;
	uint64_t open_ns;
	struct rlog_recovery *recovery;
	void (*closed_fn)(void *ctx);
	void *closed_ctx;
	struct env_msg closed_msg;
	uint8_t close_step;
	struct rlog_wait close_wait;

	/* rlog_fail.c */
	struct list_node later; /* struct later: answers for the next message */
	struct list_node later_entries;
	struct env_msg later_msg;
	bool is_later_posted;

	/* Places and sequences. */
	uint64_t head_v, written_v, durable_v, sb_tail_v;
	struct rlog_anchor written;
	uint64_t next_seq, written_seq, durable_seq;
	struct rlog_anchor tail; /* in memory; the durable one is sb_tail_v */
	struct rlog_anchor head; /* .epoch and .crc chain the next record */
	uint32_t epoch;
	struct rlog_map map;

	/* rlog_append.c, rlog_record.c */
	struct rlog_buf bufs[RLOG_BUFS];
	uint8_t *buf_mem;
	struct list_node free_bufs, writing;
	struct rlog_buf *open_buf;
	uint32_t writing_count;
	struct list_node waiting; /* entries not staged, or not wholly */
	uint32_t waiting_count;
	struct env_msg seal_msg;
	bool is_seal_posted, is_short_of_space;
	uint32_t zeros_pending; /* in records that are not in the map yet */
	uint32_t zeros_gone;    /* ranges that were, in front of a tail that is not durable yet */
	void (*want_space_fn)(void *ctx);
	void *want_space_ctx;
	struct env_msg want_space_msg;
	bool is_want_space_posted;
	bool is_epoch_owed; /* the EPOCH record is not durable yet: nothing is appended */
	struct sluice_rlog_entry own_entry; /* of an EPOCH or idle record */
	bool is_own_busy;

	/* rlog_commit.c */
	uint32_t committing_count;     /* records being written that are durable when that ends */
	struct list_node undurable;    /* entries that wait for D2, in order */
	struct list_node sync_waiting; /* struct rlog_wait: for a sync that begins from now on */
	struct list_node sync_running;
	struct env_io sync_io;
	bool is_syncing;
	struct rlog_anchor sync_to;

	/* rlog_super.c */
	struct rlog_super super; /* as last encoded */
	uint8_t *super_mem;
	struct env_io super_io;
	struct list_node super_waiting, super_running;
	struct rlog_wait super_sync;
	bool is_super_busy, is_super_clean;
	bool is_super_second;  /* the one that is being written */
	uint64_t super_tail_v; /* in the one that is being written */

	/* rlog_read.c */
	struct list_node reads; /* struct rlog_read_slot, in order of their start */
	struct list_node free_reads;

	/* rlog_checkpoint.c */
	struct rlog_checkpointer *checkpointer; /* NULL: none are made */
	uint64_t appended_since_bytes;
	bool has_checkpoint;
	uint8_t checkpoint_slot;
	uint32_t checkpoint_crc;
	uint64_t checkpoint_seq, checkpoint_bytes;

	/* rlog_destage.c, rlog_drop.c */
	struct rlog_destager *destager; /* made by the first destage */
	bool is_destaging, is_dropping, is_drop_begun;
	struct list_node drops;
	struct rlog_wait drop_wait;
	uint64_t entry_seq;  /* of the last record with anything of the owner's; 0: none */
	uint64_t mark_seq;   /* with a MARK of the owner's */
	uint64_t mark_value; /* of that MARK, also when it has been trimmed */

	/* rlog_idle.c */
	struct env_timer idle_timer;
	struct sluice_rlog_flush idle_flush;
	bool is_idle_flushing;
	uint64_t append_ns;
	uint64_t vouched_seq; /* some header says that this one is durable */

	/* rlog_stats.c */
	struct {
		uint64_t seq, ns;
	} ages[RLOG_AGE_MARKS];
	uint32_t age_count;
	uint64_t age_step_ns;
	struct {
		uint64_t records, appended_blocks, written_bytes, flushes, superblocks, checkpoints;
		uint64_t destaged_blocks, coalesced_blocks, windows;
	} n;
};

/* ---------------------------------------------------------------- rlog_open.c */

/* Ends opening; found and err say how. */
void rlog_open_end(struct sluice_rlog *log, int result, enum sluice_rlog_found found,
		   const char *fmt, ...) __attribute__((format(printf, 4, 5)));
/* Something ended: closing may go on. */
void rlog_open_check_close(struct sluice_rlog *log);
/* Sizes that follow from the geometry; all memory. -ENOMEM, -EINVAL with err filled. */
int rlog_open_memory(struct sluice_rlog *log, struct sluice_error *err);

/* ---------------------------------------------------------------- rlog_create.c */
void rlog_create_begin(struct sluice_rlog *log);

/* ---------------------------------------------------------------- rlog_recover.c, walk, scan, load
 */

/* Blocks of the circle in memory while it is replayed. */
struct rlog_recovery {
	bool is_busy; /* I/O is under way */
	struct rlog_ring_io ring;
	struct env_io io;
	uint8_t *mem;
	uint32_t mem_blocks;
	uint64_t mem_v;     /* of the first block in mem */
	uint32_t mem_count; /* valid ones */
	void (*filled)(struct sluice_rlog *log);
	struct rlog_super super;
	struct rlog_anchor at; /* walk: what is expected next */
	uint64_t end_v;        /* walk: may not run past it; scan: ends there */
	bool is_first;
	struct rlog_record last; /* walk: accepted last */
	struct rlog_anchor before_last;
	bool is_over_full; /* more blocks than the circle has: cannot be */
	/* load */
	struct rlog_checkpoint checkpoint;
	uint64_t load_at;
	uint32_t load_crc, load_limit; /* load_limit: age of the checkpoint's end */
	struct rlog_wait wait;
	uint64_t create_at;
};

void rlog_recover_begin(struct sluice_rlog *log);
/* What the superblock says becomes what the log says; all memory. */
int rlog_recover_adopt(struct sluice_rlog *log, const struct rlog_super *s,
		       struct sluice_error *err);
/* -ENOMEM. */
int rlog_recover_init(struct sluice_rlog *log);
/* Writes the EPOCH record that is owed if there is a block for it. */
void rlog_recover_epoch(struct sluice_rlog *log);
/* Makes blocks from v on be in mem, then calls fn (maybe at once). blocks <= mem_blocks. NULL: they
 * have to be read first. */
uint8_t *rlog_recover_blocks(struct sluice_rlog *log, uint64_t v, uint32_t blocks,
			     void (*fn)(struct sluice_rlog *log));
void rlog_recover_walked(struct sluice_rlog *log); /* the walk is over */
void rlog_recover_scanned(struct sluice_rlog *log, bool is_damaged, uint64_t proof_seq);
void rlog_recover_loaded(struct sluice_rlog *log, bool is_good);
void rlog_recover_fini(struct sluice_rlog *log);
void rlog_walk_begin(struct sluice_rlog *log);
void rlog_scan_begin(struct sluice_rlog *log);
void rlog_load_begin(struct sluice_rlog *log);

/* ---------------------------------------------------------------- rlog_append.c, rlog_record.c */

/* Stages what waits as far as there are buffers and space. */
void rlog_append_pump(struct sluice_rlog *log);
static inline struct rlog_entry_host *rlog_entry_host(struct sluice_rlog_entry *e)
{
	_Static_assert(sizeof(struct rlog_entry_host) <= sizeof(e->host), "fits");
	return (struct rlog_entry_host *)e->host;
}
static inline struct sluice_rlog_entry *rlog_entry_of(struct list_node *n)
{
	return (struct sluice_rlog_entry *)((char *)n - offsetof(struct sluice_rlog_entry, host));
}

/* False: no buffer or no space. */
bool rlog_record_open(struct sluice_rlog *log, enum rlog_record_type type);
/* Seals the open record and writes it. */
void rlog_record_write(struct sluice_rlog *log);
/* In the map, block by block; mem is the header. */
void rlog_record_apply(struct sluice_rlog *log, const uint8_t *header, const struct rlog_record *r,
		       uint64_t v, uint32_t mask);

/* ---------------------------------------------------------------- rlog_commit.c */
void rlog_commit_written(struct sluice_rlog *log); /* a record's write has ended well */
/* w is told when a sync that begins from now on has ended. */
void rlog_commit_sync(struct sluice_rlog *log, struct rlog_wait *w);
void rlog_commit_pump(struct sluice_rlog *log); /* starts a sync if somebody wants one */
bool rlog_commit_is_behind(const struct sluice_rlog *log);

/* ---------------------------------------------------------------- rlog_space.c */
uint32_t rlog_space_free(const struct sluice_rlog *log, bool is_epoch);
/* Ranges of zeros that appends may leave in the map. */
uint32_t rlog_space_max_zeros(const struct sluice_rlog *log);
/* Would one more range of zeros fit into the map, with those that are on their way? */
bool rlog_space_has_zeros(const struct sluice_rlog *log);
uint32_t rlog_space_replay_zeros(const struct sluice_rlog *log); /* that a map may have at most */
void rlog_space_want(struct sluice_rlog *log);                   /* tells the owner */

/* ---------------------------------------------------------------- rlog_super.c */
/* w is told when both superblocks durably say what the log says now. */
void rlog_super_write(struct sluice_rlog *log, struct rlog_wait *w);
void rlog_super_fill(struct sluice_rlog *log, struct rlog_super *s);
uint64_t rlog_super_offset(const struct sluice_rlog *log, uint64_t sb_seq);
uint64_t rlog_super_len(const struct sluice_rlog *log);

/* ---------------------------------------------------------------- rlog_read.c */
uint64_t rlog_read_pinned_v(const struct sluice_rlog *log); /* UINT64_MAX: none */
void rlog_read_fini(struct sluice_rlog *log);

/* ---------------------------------------------------------------- rlog_checkpoint.c */
int rlog_checkpoint_init(struct sluice_rlog *log);
void rlog_checkpoint_fini(struct sluice_rlog *log);
void rlog_checkpoint_pump(struct sluice_rlog *log); /* begins one if it is time */
bool rlog_checkpoint_is_busy(const struct sluice_rlog *log);

/* ---------------------------------------------------------------- rlog_destage.c, window, drop */
void rlog_destage_pump(struct sluice_rlog *log); /* what waited for a checkpoint goes on */
void rlog_destage_fini(struct sluice_rlog *log);
void rlog_drop_pump(struct sluice_rlog *log);

/* ---------------------------------------------------------------- rlog_idle.c */
void rlog_idle_init(struct sluice_rlog *log);
void rlog_idle_appended(struct sluice_rlog *log);

/* ---------------------------------------------------------------- rlog_stats.c */
void rlog_stats_wrote(struct sluice_rlog *log, uint64_t seq);
void rlog_stats_trimmed(struct sluice_rlog *log);

/* ---------------------------------------------------------------- rlog_fail.c */
/* Fail-stop. Every append and flush that waits ends with -EIO, by a message. */
void rlog_fail(struct sluice_rlog *log, int result, const char *what);
/* w->fn(w, result) by a message. */
void rlog_fail_later(struct sluice_rlog *log, struct rlog_wait *w, int result);
void rlog_fail_entry_later(struct sluice_rlog *log, struct sluice_rlog_entry *e, int result);

#endif
