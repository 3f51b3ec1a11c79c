/* SPDX-License-Identifier: MIT */
/*
 * repl_mutate.h - deliberate faults of replication, one at a time, chosen when compiling, to prove
 * that its tests see them. A product build has none. tests/sim/repl/mutants.sh reads this list; the
 * letters are those of tests/models/repl.pml.
 */
#ifndef REPL_MUTATE_H
#define REPL_MUTATE_H

#ifdef REPL_MUTATION
#define REPL_MUTATE(name) (REPL_MUTATION == REPL_MUTATION_##name)
#else
#define REPL_MUTATE(name) 0
#endif

enum repl_mutation {
	REPL_MUTATION_NONE,
	REPL_MUTATION_ALONE_BEFORE_EXCLUDED, /* R4, M1: acknowledged alone before it is durable */
	REPL_MUTATION_OLD_TERM_TAKEN,        /* R3, M2: frames of a lower term are taken */
	REPL_MUTATION_ADMIT_UNEQUAL,         /* R5, M3: admitted when caught up, not when equal */
	REPL_MUTATION_ADMIT_UNFROZEN,        /* R5: acknowledgements go on across the swap */
	REPL_MUTATION_PROMOTE_EXCLUDED,      /* R6, M4: promoted though not in the in-sync set */
	REPL_MUTATION_REJOIN_WITHOUT_BITMAP, /* R7, M5: the own tail is not told */
	REPL_MUTATION_PROMOTE_UNDER_LEASE,   /* R1, M6: promoted before the lease is over */
	REPL_MUTATION_SERVE_WITHOUT_LEASE,   /* R1: serves on when its lease is over */
	REPL_MUTATION_SERVE_UNCONFIRMED,     /* R1: serves after a start without anybody's word */
	REPL_MUTATION_MERGE_SPLIT,         /* P4: two histories with writes, the longer one wins */
	REPL_MUTATION_HANDOVER_UNDRAINED,  /* R2: handed over before the peer is equal */
	REPL_MUTATION_WINDOW_OVER_READ,    /* R8: a window overtakes what was read before it */
	REPL_MUTATION_WINDOW_UNSTAGED,     /* R9: a window goes below as it comes */
	REPL_MUTATION_BIT_FORGOTTEN,       /* R10: a change that is only noted is not noted */
	REPL_MUTATION_GIVE_UNDER_LEASE,    /* R1: serves on while the witness may give the role */
	REPL_MUTATION_READ_WHILE_LANDING,  /* a resync reads what a change is being written to */
	REPL_MUTATION_MARK_TOO_EARLY,      /* R9: a snapshot before what precedes it is there */
	REPL_MUTATION_MARK_OVERTAKEN,      /* R9: what follows a mark goes before it */
	REPL_MUTATION_MARK_MADE_LATE,      /* R9: asked for anew when later changes may be there */
	REPL_MUTATION_MARK_KEPT_IN_RESYNC, /* R9: a mark outlives its journal */
	REPL_MUTATION_COMPARED_VOLATILE,   /* R10: equal in a cache counts as equal */
	REPL_MUTATION_COOLED_VOLATILE,     /* R10: no mark covers what is in a cache only */
	REPL_MUTATION_PAIR_VOLATILE,       /* R2: of a pair one side alone has it persistent */
	REPL_MUTATION_FORGOTTEN_LATE,      /* R2: a reign's changes go the way of the one before */
	REPL_MUTATION_MARKS_KEPT,          /* R10: a former reign's marks are believed */
	REPL_MUTATION_EMPTIED_ONCE,    /* R10: the log is emptied under a change that is in it */
	REPL_MUTATION_DOUBT_ONCE,      /* R10: a late part of a change that failed is not suspect */
	REPL_MUTATION_OLD_REIGN_LANDS, /* R8: a late change of a former reign lands on newer data */
	REPL_MUTATION_PASS_IN_A_PAIR,  /* R2: a resync takes a peer in sync for one that is not */
	REPL_MUTATION_WINDOW_UNDER_CHANGE, /* R8: a late change of a pair lands on a newer window */
	REPL_MUTATION_YIELD_TO_OUTDATED,   /* both sides wait for the other one to lead */
	REPL_MUTATION_CLEAN_TOO_EARLY, /* R10: a stop counts as clean before changes have landed */
	REPL_MUTATION_TAKEN_TOO_LATE,  /* R1: a role is taken that has gone on meanwhile */
	REPL_MUTATION_PROMOTE_GIVER,   /* R1: promoted though the role was given to the other one */
	REPL_MUTATION_PROMOTED_VOLATILE, /* R2: what a promoted side serves goes with its power */
	REPL_MUTATION_MIX_LEFT,          /* a replica that is no point in time is left as one */
	REPL_MUTATION_REIGN_FORGOTTEN,   /* R1: the term of a reign is taken, and no reign begins */
	REPL_MUTATION_GIVE_UP_FORGOTTEN, /* R10: what a promotion gave up is told to nobody */
	REPL_MUTATION_COMPARE_ASKED_ONCE, /* a compare that finds reads under way is never begun */
	REPL_MUTATION_END,
};

#endif
