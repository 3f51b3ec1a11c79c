/* SPDX-License-Identifier: MIT */
/*
 * ring.pml - the slot table between tgtd and sluice-filterd, with everything that may die in between.
 *
 * One block; every command overlaps every other. A command is WRITE or COMPARE AND WRITE. Parts:
 *   tgtd(r)     submits, cancels, completes, sees HUP, disowns, connects again (R of them on one volume)
 *   claimer     filterd's poll and recovery: looks at a word, then claims it by compare-and-swap
 *   executor    filterd's range lock and chain: compare, note, I/O, DONE
 *   diskp       the I/O: lands some time later, also after the death of who submitted it
 *   killer      kill -9 or watchdog at any moment (a hang is a process that takes no step until then)
 *   supervisor  starts the next incarnation, which needs the lock of the last one
 *   With -DTK tgtd dies once, and a new one of the next generation comes.
 *
 * Checked: each command completes once (RING-1, I1) with a result that a sequential execution in the order of
 * completion gives (RING-3, I4, I5); no effect after BUSY (RING-4); replay in command order (I2); nothing of a
 * generation after the next is accepted (I9); two incarnations never at once (I10); and nothing gets stuck.
 *
 * Mutations, each of which must give an error:
 *   -DM_NOTE             no COMPARED note                        -DM_UNLOCK  lock released before DONE
 *   -DM_ORDER            replay not in command order             -DM_BLIND   claim by a store
 *   -DM_HINT             completes what a hint names, twice      -DM_REPLAY_DONE, -DM_REPLAY_CANCELLED
 *   -DM_CANCEL_CLAIMED   cancels what a living server claimed    -DM_HUP_EARLY  HUP before the I/O has ended
 *   -DM_NOLOCK           successor does not wait for the lock (with M_HUP_EARLY's world: I10)
 *   -DM_LOSE_DONE        a reconnect forgets DONE slots
 *   -DM_COMPARED_LAST    replay of others before what had compared
 *   -DTK -DM_NOFENCE     the next generation is accepted while the last one's commands run
 *   -DR=2 -DM_RINGS_ALONE   a volume with two rings serves one before the other is back
 *   -DR=2 -DM_NO_CLAIM_SEQ  and replays each by its own numbers only: what held the lock is not known
 * With two rings the replay goes in the order of claims over both (claim_seq in the slot). One ring needs no such
 * number here, as its cmd_seq is the order of claims.
 */
#ifndef N
#define N 3 /* commands */
#endif
#ifndef R
#define R 1 /* rings, that is tgtds */
#endif
#ifndef KILLS
#define KILLS 1
#endif
#ifndef CANCELS
#define CANCELS 1
#endif
#ifdef TK
#define GENS 2
#else
#define GENS 1
#endif

#define NONE 255
#define RING(i) ((i) % R)

#define FREE 0
#define SUB 1
#define CLAIM 2
#define COMP 3
#define DONE 4
#define CANC 5

/* shared memory: survives filterd */
byte st[N];
byte own[N]; /* claiming incarnation; 0 = nobody alive */
byte kind[N]; /* 0 WRITE, 1 CAW */
byte exp_[N];
byte val[N];
byte res[N];
byte gen[N];

/* tgtd, private */
bool pend[N];
byte acks[N];
bool was_cancelled[N];
byte submitted = 0;
byte cancels = 0;
byte tgen = 0; /* generation of the living tgtd */
bool attached[R];

/* filterd and its surroundings */
byte alive = 0; /* incarnation, 0 = none */
byte next_inc = 1;
byte kills = 0;
byte mem[R];	 /* incarnation that has the ring's memory, 0 = none */
byte memgen = 0; /* generation that filterd has accepted */
#if R == 2
byte cseq[N];	 /* order of claims over all rings: in the slots, survives filterd */
byte next_cseq = 0;
#endif
byte io = NONE;	 /* command whose write is under way */
byte io_own = 0;
byte disk = 0; /* the kernel has it: survives filterd */

/* ghost */
byte abs_ = 0; /* the block, if commands took effect when they are done */
byte newest[R]; /* 1 + the latest command of that ring that is DONE */

#define FINISHED (submitted == N && !pend[0] && !pend[1] && !pend[N - 1])
#define SERVED(i) (mem[RING(i)] == alive && gen[i] == memgen)

#ifdef M_HUP_EARLY
#define IO_ENDED true
#else
#define IO_ENDED (io == NONE || io_own == alive)
#endif
#ifdef M_NOFENCE
#define DRAINED true
#else
#define OF_THE_DEAD(i) ((st[i] == CLAIM || st[i] == COMP) && own[i] == alive && gen[i] != tgen)
#define DRAINED (memgen == tgen || (io == NONE && !OF_THE_DEAD(0) && !OF_THE_DEAD(1) && !OF_THE_DEAD(N - 1)))
#endif
#ifdef M_NOLOCK
#define UNLOCKED true
#else
#define UNLOCKED (io == NONE)
#endif

inline end_busy(i)
{
	pend[i] = false;
	acks[i]++;
	was_cancelled[i] = true;
	/* It may have taken effect before; from now on it must not. */
	if
	:: disk == val[i] && kind[i] == 0 && io != i -> abs_ = disk
	:: disk == val[i] && kind[i] == 1 && io != i -> abs_ = disk
	:: else -> skip
	fi
}

inline complete(i)
{
	pend[i] = false;
	acks[i]++;
	assert(acks[i] == 1);
	st[i] = FREE
}

proctype tgtd(byte r)
{
	byte i;
	do
	:: atomic {
		submitted < N && RING(submitted) == r ->
		i = submitted;
		if
		:: kind[i] = 0
		:: kind[i] = 1;
		   if
		   :: exp_[i] = 0
		   :: i > 0 -> exp_[i] = i
		   fi
		fi;
		val[i] = i + 1;
		gen[i] = tgen;
		pend[i] = true;
		own[i] = 0;
		st[i] = SUB;
		submitted++;
		i = 0
	   }
	:: atomic { /* the queue, or a scan of the table: both complete from the shadow */
		if
		:: RING(0) == r && pend[0] && st[0] == DONE && gen[0] == tgen -> i = 0
		:: RING(1) == r && pend[1] && st[1] == DONE && gen[1] == tgen -> i = 1
		:: RING(N - 1) == r && pend[N - 1] && st[N - 1] == DONE && gen[N - 1] == tgen -> i = N - 1
		fi;
		complete(i);
		i = 0
	   }
#ifdef M_HINT
	:: atomic { /* a hint that came twice */
		acks[0] == 1 && !was_cancelled[0] && RING(0) == r -> complete(0)
	   }
#endif
	:: atomic { /* unclaimed for too long, or aborted: BUSY */
		if
		:: cancels < CANCELS && RING(0) == r && pend[0] && st[0] == SUB -> i = 0
		:: cancels < CANCELS && RING(1) == r && pend[1] && st[1] == SUB -> i = 1
		:: cancels < CANCELS && RING(N - 1) == r && pend[N - 1] && st[N - 1] == SUB -> i = N - 1
		/* the owner is proven dead */
		:: cancels < CANCELS && RING(0) == r && pend[0] && (st[0] == CLAIM || st[0] == COMP) && own[0] == 0 -> i = 0
		:: cancels < CANCELS && RING(1) == r && pend[1] && (st[1] == CLAIM || st[1] == COMP) && own[1] == 0 -> i = 1
#ifdef M_CANCEL_CLAIMED
		:: cancels < CANCELS && RING(0) == r && pend[0] && st[0] == CLAIM -> i = 0
		:: cancels < CANCELS && RING(1) == r && pend[1] && st[1] == CLAIM -> i = 1
#endif
		fi;
		cancels++;
		end_busy(i);
		st[i] = CANC;
		i = 0
	   }
	:: atomic { /* HUP: process and I/O are gone */
		attached[r] && mem[r] != alive && IO_ENDED ->
		attached[r] = false;
		mem[r] = 0;
		i = 0;
		do
		:: i < N ->
			if
			:: RING(i) == r && (st[i] == CLAIM || st[i] == COMP) -> own[i] = 0
#ifdef M_LOSE_DONE
			:: RING(i) == r && st[i] == DONE -> st[i] = FREE
#endif
			:: else -> skip
			fi;
			i++
		:: else -> break
		od;
		i = 0
	   }
	:: atomic { /* connect; filterd accepts only a generation whose predecessor is drained */
		!attached[r] && alive > 0 && DRAINED ->
		if
		:: memgen != tgen -> memgen = tgen; abs_ = disk /* orphans took effect, or never will */
		:: else -> skip
		fi;
		attached[r] = true;
		mem[r] = alive
	   }
	:: atomic { FINISHED -> break }
	od;
	assert(was_cancelled[0] || gen[0] != tgen || acks[0] == 1);
	assert(was_cancelled[1] || gen[1] != tgen || acks[1] == 1);
	assert(was_cancelled[N - 1] || gen[N - 1] != tgen || acks[N - 1] == 1);
	assert(io != NONE || disk == abs_ || gen[0] != tgen)
}

#ifdef M_REPLAY_DONE
#define OLD_DONE(i) (st[i] == DONE && own[i] < alive && i == 0)
#else
#define OLD_DONE(i) false
#endif
#ifdef M_REPLAY_CANCELLED
#define OLD_CANC(i) (st[i] == CANC && own[i] < alive)
#else
#define OLD_CANC(i) false
#endif
#define FRESH(i) (SERVED(i) && st[i] == SUB)
#define ORPHAN(i) (SERVED(i) && (((st[i] == CLAIM || st[i] == COMP) && own[i] < alive) || OLD_DONE(i) || OLD_CANC(i)))
#define CLAIMABLE(i) (FRESH(i) || ORPHAN(i))
#define COMPARED(i) (ORPHAN(i) && st[i] == COMP)
/* With several rings nothing is taken before all of them are back. */
#if R == 1 || defined(M_RINGS_ALONE)
#define ALL_BACK true
#else
#define ALL_BACK (mem[0] == alive && mem[R - 1] == alive)
#endif

#define FIRST_OF(what, i)                                                                          \
	if                                                                                         \
	:: what(0) -> i = 0                                                                        \
	:: !what(0) && what(1) -> i = 1                                                            \
	:: !what(0) && !what(1) -> i = N - 1                                                       \
	fi
#if R == 2
#define OLDER(i, j) (i == j || !ORPHAN(j) || cseq[i] < cseq[j])
#endif

proctype claimer(byte me)
{
	byte i, rst, rown;
endc:
	do
	:: atomic {
		alive == me && ALL_BACK && (CLAIMABLE(0) || CLAIMABLE(1) || CLAIMABLE(N - 1)) ->
#ifdef M_COMPARED_LAST
		if
		:: CLAIMABLE(0) && !COMPARED(0) -> i = 0
		:: CLAIMABLE(1) && !COMPARED(1) -> i = 1
		:: CLAIMABLE(N - 1) && !COMPARED(N - 1) -> i = N - 1
		:: else -> FIRST_OF(COMPARED, i)
		fi;
#elif defined(M_ORDER)
		if
		:: CLAIMABLE(0) -> i = 0
		:: CLAIMABLE(1) -> i = 1
		:: CLAIMABLE(N - 1) -> i = N - 1
		fi;
#elif R == 1
		FIRST_OF(CLAIMABLE, i);
#else
		if
#ifndef M_NO_CLAIM_SEQ
		:: ORPHAN(0) && OLDER(0, 1) && OLDER(0, N - 1) -> i = 0
		:: ORPHAN(1) && OLDER(1, 0) && OLDER(1, N - 1) -> i = 1
		:: ORPHAN(N - 1) && OLDER(N - 1, 0) && OLDER(N - 1, 1) -> i = N - 1
		:: else ->
#else
		:: true ->
#endif
			/* in order within a ring, in any order between rings */
			if
			:: CLAIMABLE(0) -> i = 0
			:: CLAIMABLE(1) -> i = 1
			:: CLAIMABLE(N - 1) && !(RING(N - 1) == 0 && CLAIMABLE(0)) -> i = N - 1
			fi
		fi;
#endif
		rst = st[i];
		rown = own[i]
	   }
	   atomic {
		if
		:: alive != me -> goto endd
#ifdef M_BLIND
		:: alive == me -> st[i] = CLAIM; own[i] = me
#else
		/* compare-and-swap; a generation is not accepted in the middle of it */
		:: alive == me && st[i] == rst && own[i] == rown && gen[i] == memgen ->
			if :: rst == COMP -> skip :: else -> st[i] = CLAIM fi;
#if R == 2
			cseq[i] = next_cseq; next_cseq++;
#endif
			own[i] = me
		:: alive == me && !(st[i] == rst && own[i] == rown && gen[i] == memgen) -> skip
#endif
		fi;
		i = 0; rst = 0; rown = 0
	   }
	:: atomic { alive != me -> goto endd }
	od;
endd:	skip
}

#define MINE(i) ((st[i] == CLAIM || st[i] == COMP) && own[i] == alive && i != late)

/* Nobody asked for the lock before. */
#if defined(M_ORDER) || defined(M_COMPARED_LAST)
#define FIRST(i) true
#elif R == 1
#define FIRST(i) (i == 0 || (!MINE(0) && (i == 1 || !MINE(1))))
#else
#define BEFORE(j, i) (i != j && MINE(j) && cseq[j] < cseq[i])
#define FIRST(i) (!BEFORE(0, i) && !BEFORE(1, i) && !BEFORE(N - 1, i))
#endif

inline publish(w, ok)
{
	assert((st[w] == CLAIM || st[w] == COMP) && own[w] == me); /* else the ring would be broken */
	res[w] = (ok -> 1 : 2);
	if
	:: gen[w] != tgen -> skip /* an orphan: its result is nobody's */
	:: else ->
		assert(!was_cancelled[w]);
		/* the order of completion is a sequential order of effects */
		if
		:: kind[w] == 0 -> abs_ = val[w]
		:: kind[w] == 1 && ok -> assert(abs_ == exp_[w]); abs_ = val[w]
		:: else -> assert(abs_ != exp_[w])
		fi;
		assert(disk == abs_);
		assert(w + 1 > newest[RING(w)]); /* I2: no older command after a newer one */
		newest[RING(w)] = w + 1
	fi;
	st[w] = DONE
}

byte late = NONE; /* M_UNLOCK: a command whose lock is gone and whose DONE is to come */

proctype latecomer(byte me; byte w; bool ok)
{
	atomic {
		if
		:: alive == me -> publish(w, ok)
		:: else -> skip
		fi;
		late = NONE
	}
}

proctype executor(byte me)
{
	byte w;
	bool ok;
ende:
	do
	:: atomic { /* the range lock: in the order of claims, and one at a time */
		alive == me && (MINE(0) || MINE(1) || MINE(N - 1)) ->
		if
		:: MINE(0) && FIRST(0) -> w = 0
		:: MINE(1) && FIRST(1) -> w = 1
		:: MINE(N - 1) && FIRST(N - 1) -> w = N - 1
		fi
	   }
	   atomic {
		if
		:: alive != me -> goto endx
		:: alive == me && kind[w] == 1 && st[w] != COMP -> ok = (disk == exp_[w])
		:: alive == me && (kind[w] == 0 || st[w] == COMP) -> ok = true
		fi
	   }
	   atomic {
		if
		:: alive != me -> goto endx
#ifndef M_NOTE
		:: alive == me && kind[w] == 1 && ok && st[w] == CLAIM -> st[w] = COMP
		:: alive == me && !(kind[w] == 1 && ok && st[w] == CLAIM) -> skip
#else
		:: alive == me -> skip
#endif
		fi
	   }
	   if
	   :: atomic { alive == me && ok -> io = w; io_own = me }
	      if
	      :: atomic { alive == me && io == NONE -> skip }
	      :: atomic { alive != me -> goto endx }
	      fi
	   :: atomic { alive == me && !ok -> skip }
	   :: atomic { alive != me -> goto endx }
	   fi;
	   atomic {
		if
		:: alive != me -> goto endx
#ifdef M_UNLOCK
		:: alive == me && late == NONE -> late = w; run latecomer(me, w, ok)
#endif
		:: alive == me -> publish(w, ok)
		fi;
		w = 0; ok = false
	   }
	:: atomic { alive != me -> goto endx }
	od;
endx:	skip
}

proctype diskp()
{
endk:
	do
	:: atomic {
		io != NONE ->
		assert(!was_cancelled[io]);		   /* RING-4 */
		assert(gen[io] == memgen);		   /* I9 */
		assert(alive == 0 || io_own == alive);	   /* I10 */
		disk = val[io];
		io = NONE
	   }
	:: atomic { io != NONE && io_own != alive -> io = NONE } /* never landed */
	od
}

proctype killer()
{
	do
	:: atomic { kills < KILLS && alive > 0 -> kills++; alive = 0 }
	:: break
	od
}

proctype supervisor()
{
ends:
	do
	:: atomic {
		alive == 0 && UNLOCKED ->
		alive = next_inc;
		next_inc++;
		run claimer(alive);
		run executor(alive)
	   }
	od
}

#ifdef TK
/* tgtd dies with its memory of what was sent; the slots of that ring are another generation's from now on. */
proctype tgtd_killer()
{
	byte i;
	atomic {
		tgen == 0 && R == 1 ->
		tgen = 1;
		attached[0] = false;
		mem[0] = 0;
		do
		:: i < N ->
			if :: pend[i] -> pend[i] = false; acks[i] = 1 :: else -> skip fi;
			i++
		:: else -> break
		od
	}
}
#endif

init
{
	atomic {
		run tgtd(0);
#if R == 2
		run tgtd(1);
#endif
		run diskp();
		run supervisor();
		run killer();
#ifdef TK
		run tgtd_killer()
#endif
	}
}
