/* SPDX-License-Identifier: MIT */
/*
 * request.h - one I/O in the cache: from submit() to its end, with a token or without.
 *
 *     submit --> request_dispatch --state--> the mode's start(), passing_start(), held, refused
 *                                    ^                                             |
 *                                    +------ request_release_held ------------------+
 *
 * Without a token the request is still inside submit() and ends by the verdict; with one it goes
 * on by itself. The functions here hide the difference: each returns the verdict for submit(),
 * and with a token that verdict is DEFER and is nobody's business. A request that has a token is
 * never resumed but done by own I/O and completed: a resumed I/O that the initiator has aborted
 * meanwhile would end without passing done().
 *
 * After request_end() the request may belong to another I/O: hands off.
 *
 * Thread: owner worker.
 */
#ifndef CACHE_REQUEST_H
#define CACHE_REQUEST_H

#include "coherence.h"
#include "gather.h"
#include "ram.h"
#include "sluice/filter.h"
#include "sluice/rlog.h"

struct volume;

#define BLOCK_BYTES 4096u /* the unit of log and caches */

enum request_kind { REQUEST_OTHER, REQUEST_READ, REQUEST_CHANGE };

struct request {
	struct volume *v;
	struct sluice_io *io;
	struct sluice_token *token;
	struct request *next;          /* of the one queue that it waits in */
	struct requests *queue;        /* that one, or NULL */
	void (*go)(struct request *r); /* what follows when the wait is over */
	uint64_t block, count;         /* all that it touches, also in part */
	uint8_t kind;                  /* enum request_kind: what is due when it is done */
	uint8_t admit;                 /* enum cache_admit */
	uint8_t entries_left, gathers_left;
	bool is_hit;
	int result;
	struct span span;
	union {
		struct ram_fill fill;
		struct ram_write write;
	};
	struct gather gather[2]; /* a read's, or the edges' of a write */
	void *page[2];           /* first and last block of a write that fills them in part */
	union {
		struct sluice_own_io own;
		struct sluice_rlog_flush flush;
		struct sluice_rlog_entry entry[3];
	};
};

/* First in, first out. */
struct requests {
	struct request *first, **last;
	uint32_t count;
};
void requests_init(struct requests *q);
void requests_push(struct requests *q, struct request *r);
struct request *requests_pop(struct requests *q); /* NULL: empty */
void requests_remove(struct request *r);          /* of the queue that it is in */
/* All of them, in order, leaving q empty. all stays where it is until they are popped. */
void requests_take(struct requests *q, struct requests *all);

/* ---------------------------------------------------------------- the filter's data path */

enum sluice_verdict request_submit(struct sluice_filter *f, struct sluice_io *io);
enum sluice_verdict request_done(struct sluice_filter *f, struct sluice_io *io);
void request_abort(struct sluice_filter *f, struct sluice_io *io);

/* ---------------------------------------------------------------- steps */

/* By the volume's state. */
enum sluice_verdict request_dispatch(struct request *r);
void request_release_held(struct volume *v);
/* All that is held ends so. */
void request_fail_held(struct volume *v, enum sluice_status status);

/* Has or gets a token. False: the chain drains; end it with SLUICE_ERR_BUSY. */
bool request_take_token(struct request *r);
/* On to the layers below; request_passed() follows on the way up. */
enum sluice_verdict request_pass(struct request *r);
/* Ends here. */
enum sluice_verdict request_end(struct request *r, enum sluice_status status);

/* A length of 0 (FLUSH) gives no blocks. */
void request_set_blocks(struct request *r);

/* The status for an errno of the log. */
enum sluice_status request_status(int result);

#endif
