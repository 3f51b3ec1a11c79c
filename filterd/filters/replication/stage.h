/* SPDX-License-Identifier: MIT */
/*
 * stage.h - one of a secondary's two record logs: changes are kept in it until they are complete,
 * then brought to the local volumes, whole, and also after a crash in between.
 *
 *     FREE --append--> FILLING --mark--> COMPLETE --apply--> APPLYING --> FREE
 *                         '----------drop--> DROPPING --> FREE
 *
 * What is in it before its mark is durable does not count for a replica that is a point in time;
 * but what a flush has covered stays, over a crash too, until it is marked or dropped.
 *
 * Thread: the group's worker. One of flush, mark, apply, drop at a time; fn never before return.
 */
#ifndef REPLICATION_STAGE_H
#define REPLICATION_STAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "host.h"
#include "wire/repl.h"

enum stage_state {
	STAGE_CLOSED,
	STAGE_FREE,
	STAGE_FILLING,
	STAGE_MARKING,
	STAGE_COMPLETE,
	STAGE_APPLYING,
	STAGE_DROPPING,
	STAGE_FAILED, /* its log takes nothing more until this process ends */
};

#define STAGE_IOS 16u

struct stage;

struct stage_io {
	struct stage *stage;
	struct sluice_rlog_sink_io *io; /* NULL: free */
	struct repl_own own;
};

struct stage {
	const struct repl_host *host;
	enum repl_log which;
	enum stage_state state;
	struct sluice_rlog *log;
	uint64_t order;       /* of its mark */
	uint32_t in_flight;   /* appends */
	uint64_t used_blocks; /* at most; since it was empty */
	uint64_t room_blocks; /* of an empty one, at least */
	uint64_t used_ranges; /* of zeros, at most: each may cut another one in two */

	/* what is under way */
	void (*fn)(void *ctx, int result);
	void (*opened)(void *ctx, int result, const struct sluice_error *err);
	void *ctx;
	struct sluice_rlog_entry mark;
	struct sluice_rlog_flush flush;
	struct sluice_rlog_destage replay;
	struct sluice_rlog_sink sink;
	/* Instead of the volumes (stage_hand_over()). */
	void (*take)(void *ctx, const struct repl_range *r);
	void (*take_flush)(void *ctx, void (*fn)(void *fn_ctx), void *fn_ctx);
	void *take_ctx;
	struct stage_io ios[STAGE_IOS];
	uint64_t touched; /* members with a write that was not flushed */
	uint32_t flushes_left;
	int flush_result;
};

/* fn: 0, or -errno with err filled; then state is FREE, FILLING (there is something without a
 * mark), or COMPLETE. */
int stage_open(struct stage *s, const struct repl_host *host, enum repl_log which,
	       uint64_t size_bytes,
	       void (*fn)(void *ctx, int result, const struct sluice_error *err), void *ctx,
	       struct sluice_error *err);
void stage_close(struct stage *s, void (*fn)(void *ctx), void *ctx);

/* Would an entry of that many blocks still fit for sure? Zeros count as one. */
bool stage_has_room(const struct stage *s, uint64_t blocks);
/* Could changes of that many bytes be kept, however small they come? */
bool stage_fits(const struct stage *s, uint64_t bytes);

/*
 * FREE or FILLING: e gets kind and range from here; its fn, ctx and buf (len_bytes, rounded up to
 * whole units) are the caller's. Written at fn, not flushed.
 */
void stage_append(struct stage *s, struct sluice_rlog_entry *e, uint16_t member,
		  uint64_t offset_bytes, uint64_t len_bytes);
/* The caller's entry has ended. */
void stage_appended(struct stage *s, struct sluice_rlog_entry *e);
/* What was appended is durable at fn. */
void stage_flush(struct stage *s, void (*fn)(void *ctx, int result), void *ctx);
/* All in it is complete, durably at fn. order: more than of any before. */
void stage_mark(struct stage *s, uint64_t order, void (*fn)(void *ctx, int result), void *ctx);
/* COMPLETE: to the volumes, flushed; then it is empty. */
void stage_apply(struct stage *s, void (*fn)(void *ctx, int result), void *ctx);
/* FILLING: forgets it. */
void stage_drop(struct stage *s, void (*fn)(void *ctx, int result), void *ctx);
/* COMPLETE: not to the volumes; take() hears of each range, take_flush() makes that durable. */
void stage_hand_over(struct stage *s, void (*take)(void *ctx, const struct repl_range *r),
		     void (*take_flush)(void *ctx, void (*fn)(void *fn_ctx), void *fn_ctx),
		     void *take_ctx, void (*fn)(void *ctx, int result), void *ctx);

/* Where a place is in the log: for digests, which look what it holds over the volume. */
uint64_t stage_block(uint16_t member, uint64_t offset_bytes);

#endif
