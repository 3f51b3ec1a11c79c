/* SPDX-License-Identifier: MIT */
/*
 * repl.pml - two nodes that replicate in sync mode, a witness, two blocks: who serves, what is acknowledged, what a
 * bitmap must cover. States, events and actions have the names of node.h.
 *
 *   node(n)   writes, direct stream, exclusion, resync by bitmap, admission, promotion, rejoin
 *   env       crashes, partitions, leases that run out
 *
 * A write's identity is its number; a block holds the number of the last write that reached it. A hot bit is durable
 * before the write (REPL-10). A resync reads a block, and sends it some time later; a write in between sets the bit again.
 *
 * Checked: one serves (REPL-1); who serves has every acknowledged and every read write (REPL-2); two that are in
 * sync and quiet are equal (REPL-5, REPL-9, REPL-10).
 *
 * Mutations, each of which must give an error:
 *   -DM1 alone without the witness    -DM2 a lower term's frames are taken     -DM3 admitted before it is equal
 *   -DM4 promoted though excluded     -DM5 rejoins without its bitmap          -DM6 promoted under a lease
 *   -DM7 no bit before the write      -DM8 a bit is cleared when its block was read, whatever came since
 *   -DM9 serves after a crash without comparing what was hot                   -DM10 acknowledges across the swap
 *
 * -DOPERATOR adds one force, one demotion and two resolutions of a split, on any side, all by the witness's register. From
 * a force on what its side holds is what counts (the loss is named), and beside the others P4 is checked: nobody follows a
 * side that has written when it has written itself, but by an operator's word; and no word gives up a reign that its
 * operator could not know of. The words are REPL_ROLE_DISCARD, of who keeps its own, and REPL_ROLE_KEEP, of who gave it up.
 *   -DM11 such a split is merged               -DM12 demoted, it met the next primary and is promoted all the same
 *   -DM15 DISCARD is obeyed whatever it is about   -DM16 who keeps its own says it of what the peer has written since
 *
 * -DASYNC is the other mode: PRIMARY_ALONE and SECONDARY_SYNCING, acknowledged without the peer; windows of the journal in
 * order, and the bitmap when it has run over. A replica that says it is consistent is a point in time (REPL-9).
 *   -DM13 a window goes below block by block   -DM14 a resync leaves the replica consistent while it runs
 */
#ifndef W
#define W 3 /* writes */
#endif
#ifndef CRASHES
#define CRASHES 1
#endif
#ifndef MAXT
#define MAXT 5
#endif
#define SECONDARY_SYNCING 1
#define SECONDARY_INSYNC  2
#define PRIMARY_PAIR      3
#define PRIMARY_ALONE     4
#define OUTDATED          5
#define DIVERGED          6
#define O(n)    (1 - (n))
#define AT(n, b) ((n) * 2 + (b))
#define NONE    9

/* durable */
byte st[2];
byte term[2];
byte d[4];   /* of node n, block b */
bool bm[4];  /* may differ from the peer's, as node n knows */
#ifdef OPERATOR
bool beyond[2], wrote_alone[2]; /* a reign that the peer does not know; acknowledged in it without the peer */
bool may_discard[2];            /* OUTDATED by an operator's word */
bool has_self[2];               /* OUTDATED, and in sync by itself */
bool keeps_own[2];              /* by an operator's word; until the peer follows */
byte reign[2] = 1;              /* the newest of its own */
byte split_reign[2];            /* the peer's newest one, as of the split */
byte forces = 0, demotes = 0, resolves = 0;
byte given_up[2]; /* ghost: the reign that an operator knew of when he gave up what this side wrote */
chan word[2] = [1] of {byte, byte}; /* to node n: what, about which of its reigns */
#define DISCARD 1
#define KEEP    2
#define RESOLVES 2
#endif
#ifdef ASYNC
bool is_consistent[2] = 1;
bool journal[2];     /* block b's newest is in it */
bool is_gap = false; /* it ran over: the bitmap says what is to be sent */
byte wb[W + 1];      /* ghost: the block of a write */
#endif
/* volatile */
bool up[2] = 1;
bool confirmed[2];
bool lease[2];
bool admitting[2]; /* frozen: ADMIT is on its way */
byte rs_block = NONE, rs_value = 0, rs_node = 0; /* read for the resync, not sent yet */
bool rs_again; /* written since */
byte cur[2];  /* number of the write of block b that is under way, 0: none */
byte cur_node[2];
bool legs[2]; /* the peer has it */
/* the witness */
byte wver = 1, wpri = 0, wis = 3;
/* world */
bool link = true;
byte w = 0, crashes = 0, cuts = 0;
byte seen[2]; /* ghost: the newest acknowledged or read write of each block */
chan wr[2] = [1] of {byte, byte, byte}; /* to node n: term, block, number */

#define IS_PRIMARY(n)   (st[n] == PRIMARY_PAIR || st[n] == PRIMARY_ALONE)
#define IS_SECONDARY(n) (st[n] == SECONDARY_SYNCING || st[n] == SECONDARY_INSYNC)
#define IS_HOT(n)       (bm[AT(n, 0)] || bm[AT(n, 1)])
#define COMPARED(n)     (st[n] == PRIMARY_ALONE || confirmed[n])
#define SERVES(n)       (up[n] && IS_PRIMARY(n) && confirmed[n] && lease[n])
#define CAS(n)          (wver == term[n] && wpri == n && wver < MAXT)
#ifdef M2
#define TERM_OK(n, t) true
#else
#define TERM_OK(n, t) (t >= term[n])
#endif
#ifdef M3
#define EQUAL(n) true
#else
#define EQUAL(n) (!IS_HOT(n) && rs_block == NONE)
#endif
#ifdef M4
#define MAY_PROMOTE(n) (IS_SECONDARY(n) && wver < MAXT)
#define EXPECTED(n) true
#else
#define MAY_PROMOTE(n) (st[n] == SECONDARY_INSYNC && wver < MAXT)
#define EXPECTED(n) (wver == term[n])
#endif
#ifdef M6
#define LEASE_OVER(n) true
#else
#define LEASE_OVER(n) (!lease[O(n)])
#endif
#ifdef M10
#define FROZEN(n) false
#else
#define FROZEN(n) admitting[n]
#endif

#ifdef OPERATOR
#define REIGNS(n) beyond[n] = true; wrote_alone[n] = false; may_discard[n] = false; has_self[n] = false; \
		  keeps_own[n] = false; reign[n] = term[n]
#define KNOWN()   beyond[0] = false; beyond[1] = false; wrote_alone[0] = false; wrote_alone[1] = false; \
		  keeps_own[0] = false; keeps_own[1] = false
#define BOTH_WROTE (beyond[0] && wrote_alone[0] && beyond[1] && wrote_alone[1])
#define WROTE(n)  wrote_alone[n] = true
#ifdef M11
#define SPLIT(n)  false
#else
#define SPLIT(n)  (BOTH_WROTE && !may_discard[n])
#endif
#else
#define REIGNS(n) skip
#define KNOWN()   skip
#define WROTE(n)  skip
#define SPLIT(n)  false
#endif

#ifdef M15
#define OBEYS(n, about) true
#else
#define OBEYS(n, about) (about == reign[n])
#endif
#ifdef M16
#define SAID_OF(n) reign[O(n)]
#else
#define SAID_OF(n) split_reign[n]
#endif

#ifdef ASYNC
#define RESYNCS(n) is_gap
/* REPL-9: no write is missing that is older than one that is there. */
inline check_point_in_time(r)
{
	x = 1;
	do
	:: x <= w ->
		assert(!is_consistent[r] || d[AT(r, wb[x])] >= x || d[AT(r, 1 - wb[x])] < x);
		x++
	:: else -> break
	od;
	x = 0
}
#else
#define RESYNCS(n) true
#endif

inline acknowledge(b)
{
	if
	:: st[cur_node[b]] == PRIMARY_ALONE -> WROTE(cur_node[b])
	:: else
	fi;
	if
	:: cur[b] > seen[b] -> seen[b] = cur[b]
	:: else
	fi;
	if
	:: st[cur_node[b]] == PRIMARY_PAIR -> bm[AT(cur_node[b], b)] = false /* its extent cools */
	:: else
	fi;
	cur[b] = 0; legs[b] = false; cur_node[b] = 0
}

inline read_block(n, b)
{
	if
	:: SERVES(n) && cur[b] == 0 ->
		assert(d[AT(n, b)] >= seen[b]); /* REPL-2 */
		seen[b] = d[AT(n, b)]
	:: else
	fi
}

/* Answered by nobody: they happened or not. */
inline give_up(n)
{
	if :: cur[0] && cur_node[0] == n -> cur[0] = 0; legs[0] = false; cur_node[0] = 0 :: else fi;
	if :: cur[1] && cur_node[1] == n -> cur[1] = 0; legs[1] = false; cur_node[1] = 0 :: else fi
}

/* Primary by a swap from the register's term. */
inline serve_again(n)
{
	wver++; wpri = n; wis = 1 << n; term[n] = wver; st[n] = PRIMARY_ALONE; confirmed[n] = true; lease[n] = true;
	REIGNS(n);
	rs_block = NONE; rs_value = 0; rs_node = 0; rs_again = false
}

#ifdef OPERATOR
inline diverge(n)
{
	st[n] = DIVERGED; confirmed[n] = false; admitting[n] = false; keeps_own[n] = false; split_reign[n] = reign[O(n)];
	give_up(n)
}

/* What this side wrote stays, and the operator has seen what the other one had at the split. */
inline keep(n)
{
	serve_again(n);
	keeps_own[n] = true; wrote_alone[n] = true;
	seen[0] = d[AT(n, 0)]; seen[1] = d[AT(n, 1)]
}
#endif

/* A connection's end: what was under way on it is lost. */
inline drop_link()
{
#ifdef OPERATOR
	if :: nempty(word[0]) -> word[0]?_,_ :: empty(word[0]) fi;
	if :: nempty(word[1]) -> word[1]?_,_ :: empty(word[1]) fi;
#endif
	if :: nempty(wr[0]) -> wr[0]?_,_,_ :: empty(wr[0]) fi;
	if :: nempty(wr[1]) -> wr[1]?_,_,_ :: empty(wr[1]) fi;
	rs_block = NONE; rs_value = 0; rs_node = 0; rs_again = false
}

proctype node(byte n)
{
	byte b, t, v, x;

end:	do
	/* WRITE: the bit, then here and to the peer */
	:: atomic { SERVES(n) && !admitting[n] && w < W ->
		if :: b = 0 :: b = 1 fi;
		if
		:: cur[b] == 0 ->
			w++; cur[b] = w; cur_node[b] = n; legs[b] = false;
#ifndef M7
			bm[AT(n, b)] = true;
#endif
			d[AT(n, b)] = w;
#ifdef ASYNC
			wb[w] = b; journal[b] = !is_gap;
#endif
			rs_again = rs_again || (rs_block == b)
		:: else
		fi; b = 0 }
	/* direct: to the peer, again on each connection */
	:: atomic { up[n] && st[n] == PRIMARY_PAIR && link && up[O(n)] && nfull(wr[O(n)]) &&
		    ((cur[0] && cur_node[0] == n && !legs[0]) || (cur[1] && cur_node[1] == n && !legs[1])) ->
		if
		:: cur[0] && cur_node[0] == n && !legs[0] -> wr[O(n)]!term[n],0,cur[0]
		:: cur[1] && cur_node[1] == n && !legs[1] -> wr[O(n)]!term[n],1,cur[1]
		fi }
	/* receiver: persists; the ACK comes at once, or is lost */
	:: atomic { up[n] && nempty(wr[n]) -> wr[n]?t,b,v;
		if
		:: IS_SECONDARY(n) && TERM_OK(n, t) ->
			d[AT(n, b)] = v;
			if
			:: cur[b] == v && cur_node[b] == O(n) && up[O(n)] && t == term[O(n)] -> legs[b] = true
			:: true
			fi
		:: else
		fi; t = 0; b = 0; v = 0 }
	/* acknowledge: both have it, or the peer is excluded */
	:: atomic { SERVES(n) && !FROZEN(n) && cur[0] && cur_node[0] == n && (legs[0] || st[n] == PRIMARY_ALONE) ->
		acknowledge(0) }
	:: atomic { SERVES(n) && !FROZEN(n) && cur[1] && cur_node[1] == n && (legs[1] || st[n] == PRIMARY_ALONE) ->
		acknowledge(1) }
	:: atomic { SERVES(n) -> read_block(n, 0); read_block(n, 1) }
	/* peer lost: exclusion first */
	:: atomic { up[n] && st[n] == PRIMARY_PAIR && lease[n] && wver < MAXT ->
#ifdef M1
		st[n] = PRIMARY_ALONE; admitting[n] = false; confirmed[n] = true
#else
		if
		:: CAS(n) -> wver++; term[n] = wver; wis = 1 << n; st[n] = PRIMARY_ALONE; admitting[n] = false;
			REIGNS(n); confirmed[n] = true /* a frame may still be under way */
		:: else
		fi
#endif
	}
	/* the peer hears of it and follows */
	:: atomic { up[n] && link && up[O(n)] && IS_SECONDARY(n) && IS_PRIMARY(O(n)) && term[O(n)] > term[n] &&
		    !admitting[O(n)] -> term[n] = term[O(n)]; st[n] = SECONDARY_SYNCING; KNOWN() }
	/* resync: a block is read, and sent later in the same stream */
	:: atomic { up[n] && st[n] == PRIMARY_ALONE && confirmed[n] && link && up[O(n)] &&
		    st[O(n)] == SECONDARY_SYNCING && term[O(n)] == term[n] && rs_block == NONE && IS_HOT(n) &&
		    RESYNCS(n) ->
		if
		:: bm[AT(n, 0)] && cur[0] == 0 -> rs_block = 0
		:: bm[AT(n, 1)] && cur[1] == 0 -> rs_block = 1
		:: else
		fi;
		if
		:: rs_block != NONE -> rs_value = d[AT(n, rs_block)]; rs_node = n; rs_again = false
		:: else
		fi }
	:: atomic { up[n] && rs_block != NONE && rs_node == n && link && up[O(n)] ->
		d[AT(O(n), rs_block)] = rs_value;
#ifdef ASYNC
#ifndef M14
		is_consistent[O(n)] = false;
#endif
		check_point_in_time(O(n));
#endif
		if
#ifndef M8
		:: rs_again -> skip
		:: else -> bm[AT(n, rs_block)] = false
#else
		:: true -> bm[AT(n, rs_block)] = false
#endif
		fi;
		rs_block = NONE; rs_value = 0; rs_node = 0; rs_again = false }
#ifdef ASYNC
	/* a window: staged at the replica, so all of it or nothing */
	:: atomic { up[n] && st[n] == PRIMARY_ALONE && confirmed[n] && link && up[O(n)] && !is_gap &&
		    is_consistent[O(n)] && (journal[0] || journal[1]) ->
#ifdef M13
		if :: journal[0] -> b = 0 :: journal[1] -> b = 1 fi;
		d[AT(O(n), b)] = d[AT(n, b)]; journal[b] = false; bm[AT(n, b)] = (cur[b] != 0); b = 0;
#else
		d[AT(O(n), 0)] = d[AT(n, 0)]; d[AT(O(n), 1)] = d[AT(n, 1)];
		journal[0] = false; journal[1] = false;
		bm[AT(n, 0)] = (cur[0] != 0); bm[AT(n, 1)] = (cur[1] != 0);
#endif
		check_point_in_time(O(n)) }
	/* the journal is full, or its end was lost with the power: the bitmap covers it */
	:: atomic { up[n] && st[n] == PRIMARY_ALONE && !is_gap && (journal[0] || journal[1] || !confirmed[n]) ->
		is_gap = true; journal[0] = false; journal[1] = false }
	/* RS_END, and the journal again */
	:: atomic { up[n] && st[n] == PRIMARY_ALONE && link && up[O(n)] && is_gap && !IS_HOT(n) && rs_block == NONE &&
		    cur[0] == 0 && cur[1] == 0 ->
		is_gap = false; is_consistent[O(n)] = true; check_point_in_time(O(n)) }
#else
	/* caught up: freeze, equal, swap, ADMIT */
	:: atomic { SERVES(n) && st[n] == PRIMARY_ALONE && link && up[O(n)] && st[O(n)] == SECONDARY_SYNCING &&
		    term[O(n)] == term[n] && cur[0] == 0 && cur[1] == 0 && EQUAL(n) && CAS(n) ->
		wver++; term[n] = wver; wis = 3; st[n] = PRIMARY_PAIR; admitting[n] = true;
		rs_block = NONE; rs_value = 0; rs_node = 0 }
#ifdef M10
	/* and meanwhile it goes on alone */
	:: atomic { SERVES(n) && admitting[n] && w < W -> w++; d[AT(n, 0)] = w; bm[AT(n, 0)] = true; seen[0] = w }
#endif
	:: atomic { up[n] && admitting[n] && link && up[O(n)] && st[O(n)] == SECONDARY_SYNCING &&
		    term[O(n)] < term[n] -> term[O(n)] = term[n]; st[O(n)] = SECONDARY_INSYNC; admitting[n] = false;
		KNOWN() }
#endif
	/* promotion by the witness */
	:: atomic { up[n] && MAY_PROMOTE(n) && wpri != n && LEASE_OVER(n) && EXPECTED(n) ->
		wver++; wpri = n; wis = 1 << n; term[n] = wver; st[n] = PRIMARY_ALONE; confirmed[n] = true;
		REIGNS(n); lease[n] = true; rs_block = NONE; rs_value = 0; rs_node = 0; rs_again = false }
	/* after a start: the witness confirms; what was hot is compared with a peer that is in sync */
	:: atomic { up[n] && IS_PRIMARY(n) && !confirmed[n] && wpri == n && wver == term[n] ->
		if
		:: st[n] == PRIMARY_ALONE -> confirmed[n] = true
#ifdef M9
		:: st[n] == PRIMARY_PAIR -> confirmed[n] = true; bm[AT(n, 0)] = false; bm[AT(n, 1)] = false
#endif
		:: st[n] == PRIMARY_PAIR && link && up[O(n)] && st[O(n)] == SECONDARY_INSYNC && term[O(n)] == term[n] ->
			if :: bm[AT(n, 0)] -> d[AT(O(n), 0)] = d[AT(n, 0)] :: else fi;
			if :: bm[AT(n, 1)] -> d[AT(O(n), 1)] = d[AT(n, 1)] :: else fi;
			bm[AT(n, 0)] = false; bm[AT(n, 1)] = false; confirmed[n] = true
		:: else
		fi }
	/* the witness names the peer */
	:: atomic { up[n] && IS_PRIMARY(n) && wpri != n && !lease[n] ->
		st[n] = OUTDATED; confirmed[n] = false; admitting[n] = false; give_up(n) }
	/* rejoin: BITMAP to the new primary, then forget one's own; two that have written are a split */
	:: atomic { up[n] && st[n] == OUTDATED && link && up[O(n)] && st[O(n)] == PRIMARY_ALONE &&
		    term[O(n)] > term[n] ->
		if
		:: SPLIT(n) ->
#ifdef OPERATOR
			diverge(n) /* the peer hears of it */
#else
			skip
#endif
		:: else ->
#ifdef OPERATOR
			/* P4 */
			assert(!(beyond[n] && wrote_alone[n] && beyond[O(n)] && wrote_alone[O(n)]) || may_discard[n]);
#endif
#ifndef M5
			if :: bm[AT(n, 0)] -> bm[AT(O(n), 0)] = true :: else fi;
			if :: bm[AT(n, 1)] -> bm[AT(O(n), 1)] = true :: else fi;
#endif
			bm[AT(n, 0)] = false; bm[AT(n, 1)] = false;
			term[n] = term[O(n)]; st[n] = SECONDARY_SYNCING; KNOWN()
#ifdef M12
#else
#ifdef OPERATOR
			; has_self[n] = false
#endif
#endif
		fi }
#ifdef OPERATOR
#include "repl_operator.pml"
#endif
	od
}

inline crash(n)
{
	crashes++; up[n] = false; confirmed[n] = false; lease[n] = false; admitting[n] = false;
	drop_link();
	give_up(n)
}

proctype env()
{
end:	do
	:: atomic { crashes < CRASHES && up[0] -> crash(0) }
	:: atomic { crashes < CRASHES && up[1] -> crash(1) }
	:: atomic { !up[0] -> up[0] = true }
	:: atomic { !up[1] -> up[1] = true }
	:: atomic { lease[0] -> lease[0] = false }
	:: atomic { lease[1] -> lease[1] = false }
	:: atomic { up[0] && IS_PRIMARY(0) && !lease[0] && wpri == 0 && wver == term[0] -> lease[0] = true }
	:: atomic { up[1] && IS_PRIMARY(1) && !lease[1] && wpri == 1 && wver == term[1] -> lease[1] = true }
	:: atomic { link && cuts < 1 -> link = false; cuts++ }
	:: atomic { !link -> drop_link(); link = true }
	od
}

/* Never: two that serve (REPL-1); in sync, quiet, and not equal (REPL-5, REPL-9, REPL-10). */
#define QUIET(n) (SERVES(n) && st[n] == PRIMARY_PAIR && !admitting[n] && st[O(n)] == SECONDARY_INSYNC && \
		  term[O(n)] == term[n] && cur[0] == 0 && cur[1] == 0 && empty(wr[0]) && empty(wr[1]))
#ifdef ASYNC
/* Nothing to send, so nothing differs. */
#define CAUGHT_UP(n) (SERVES(n) && st[n] == PRIMARY_ALONE && !is_gap && !journal[0] && !journal[1] && !IS_HOT(n) && \
		      cur[0] == 0 && cur[1] == 0)
#else
#define CAUGHT_UP(n) false
#endif
proctype monitor()
{
end:	atomic {
		((SERVES(0) && SERVES(1)) ||
		 ((QUIET(0) || QUIET(1) || CAUGHT_UP(0)) && (d[0] != d[2] || d[1] != d[3]))) -> assert(false)
	}
}

init
{
	atomic {
#ifdef ASYNC
		st[0] = PRIMARY_ALONE; st[1] = SECONDARY_SYNCING; wis = 1;
#else
		st[0] = PRIMARY_PAIR; st[1] = SECONDARY_INSYNC;
#endif
		term[0] = 1; term[1] = 1;
		confirmed[0] = true; lease[0] = true;
		run node(0); run node(1); run env(); run monitor()
	}
}
