/* SPDX-License-Identifier: MIT */
/*
 * mclock.h - which request of which volume is next: mClock (OSDI'10) with costs, limits in I/Os and
 * in bytes, bursts, and a background class. Pure: time is an argument, nothing is allocated.
 *
 *   push --> client's FIFO --> limit lets it go? --no--> heap L, by the time when it will
 *                                   |yes
 *                                   +--> heap R, by the time when its reservation is due
 *                                   +--> heap P, by share; background has one of its own
 *   pop:  whose R is due; else, if the window has room, the smallest P
 *
 * Tags are integers; a tag moves by cost * scale / rate. They never overflow in 100 years and never
 * drift: what a division leaves is carried on. A request is charged when it goes, so one that is
 * larger than the burst goes too and its client pays afterwards.
 *
 * What holds, and tests/unit/test_mclock_*.c check:
 *   limits        In any span of t at most rate * (t + burst) and one request. Nothing overrides
 *                 them.
 *   reservations  Due whether or not the window has room; a part of the client's share, not on
 *                 top of it. A pop that is up to MCLOCK_LATE_MS late loses nothing.
 *   shares        In units of 32 KiB, among those whose limit lets them go. Who was idle or
 *                 limited is ahead of the others by at most MCLOCK_CREDIT_UNITS; whom its
 *                 reservation gave more than its share, behind by at most MCLOCK_DEBT_UNITS.
 *   starvation    None. While client i waits by share, any other j is served by share at most
 *                 w_j / w_i * max(MCLOCK_DEBT_UNITS, c_i) + MCLOCK_CREDIT_UNITS + c_j units
 *                 (w: shares; c: the largest request's units).
 *   background    What foreground leaves; but while it waits, one unit for every
 *                 MCLOCK_TRICKLE_UNITS of foreground: about 1.6 % at the least.
 *   time          Standing still is allowed, going back is taken for it. A jump forward gives
 *                 credit as idleness does, and no more.
 *
 * Thread: one. Order of calls: init; add; push, pop, pass, cancel, configure; remove (its queue
 * empty); nothing at the end. After a push, a done or the time of mclock_next_ns(): pop until NULL.
 * Source: mClock (OSDI'10) 3; A. Gulati et al.
 */
#ifndef IO_CONTROL_MCLOCK_H
#define IO_CONTROL_MCLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MCLOCK_UNIT_BYTES  32768u /* a normalised I/O: ceil(bytes / 32 KiB) of them */
#define MCLOCK_SHARES_MIN  200u
#define MCLOCK_SHARES_MAX  4000u
#define MCLOCK_CLIENTS_MAX 4096u

#define MCLOCK_BURST_MIN_MS  10u /* a timer may be so late and nothing of a limit is lost */
#define MCLOCK_LATE_MS       50u
#define MCLOCK_CREDIT_UNITS  16u
#define MCLOCK_DEBT_UNITS    128u
#define MCLOCK_TRICKLE_UNITS 63u

struct mclock_config {
	uint32_t shares;            /* 200 to 4000 */
	uint64_t reservation_iops;  /* in normalised I/Os; 0: none */
	uint64_t limit_iops;        /* 0: none */
	bool is_limit_normalised;   /* limit_iops counts 32 KiB units instead of requests */
	uint64_t limit_bytes_per_s; /* 0: none */
	/* so much of the limit may be saved up while idle; less than MCLOCK_BURST_MIN_MS is that */
	uint32_t burst_ms;
	bool is_background; /* the appliance's own I/O: what others leave, no reservation */
};

/* Why a request waits, or why it went; for status and tests. */
enum mclock_why {
	MCLOCK_NONE,
	MCLOCK_BY_RESERVATION,
	MCLOCK_BY_SHARE, /* waits: it is another's turn */
	MCLOCK_BY_LIMIT_IOPS,
	MCLOCK_BY_LIMIT_BYTES,
	MCLOCK_BY_WINDOW, /* waits: it is next */
};

struct mclock_client;
struct mclock;

struct mclock_request {     /* embedded by the caller; zeroed before its first push */
	uint64_t len_bytes; /* what is above 4 GiB costs nothing */
	struct mclock_client *client;
	struct mclock_request *next, *prev;
	uint64_t queued_ns;
};

struct mclock_figures {
	uint64_t served, served_bytes, served_by_reservation, served_by_share;
	uint64_t waited_ns; /* of all served */
	uint32_t queued;
	enum mclock_why waits_by; /* the head's reason now */
	/* R and L relative to now; P to the smallest in use, a unit counting 1 s / shares */
	int64_t r_tag_ns, l_tag_ns, p_tag_ns;
};

/* Sizes, so that the caller allocates: nothing here does. */
size_t mclock_bytes(uint32_t clients_max);
void mclock_init(struct mclock *m, uint32_t clients_max, uint64_t now_ns);
size_t mclock_client_bytes(void);
/* Shares and rates out of range are taken as the nearest in it. -ENOSPC: clients_max are there. */
int mclock_add(struct mclock *m, struct mclock_client *c, const struct mclock_config *cfg,
	       uint64_t now_ns) __attribute__((warn_unused_result));
void mclock_remove(struct mclock *m, struct mclock_client *c);
/* At any time, also with requests queued. What was taken in advance of a limit stays taken. */
void mclock_configure(struct mclock *m, struct mclock_client *c, const struct mclock_config *cfg,
		      uint64_t now_ns);

void mclock_push(struct mclock *m, struct mclock_client *c, struct mclock_request *q,
		 uint64_t now_ns);
/*
 * The next request to dispatch now, or NULL. has_room: the window lets one more go by share; what a
 * reservation owes goes in any case. is_throttling false: shares delay nothing, only limits do.
 * *why: BY_RESERVATION, BY_SHARE, or NONE with NULL. It may be pushed again.
 */
struct mclock_request *mclock_pop(struct mclock *m, uint64_t now_ns, bool has_room,
				  bool is_throttling, enum mclock_why *why);
/*
 * The fast way for a request of a client with an empty queue: true if it may go at once, charged as
 * if popped. False: push it. Costs tens of ns.
 */
bool mclock_pass(struct mclock *m, struct mclock_client *c, uint64_t len_bytes, uint64_t now_ns,
		 bool has_room, bool is_throttling);
void mclock_cancel(struct mclock *m, struct mclock_request *q,
		   uint64_t now_ns); /* it is queued; unlinked */
/* When the next request may go if nothing else happens, by R or L; UINT64_MAX: not by time. */
uint64_t mclock_next_ns(const struct mclock *m, uint64_t now_ns);
uint32_t mclock_queued(const struct mclock *m);
void mclock_figures(const struct mclock *m, const struct mclock_client *c, uint64_t now_ns,
		    struct mclock_figures *out);
/* The sum of all clients' reservations, in normalised I/Os a second. */
uint64_t mclock_reserved_iops(const struct mclock *m);

#endif
