/* SPDX-License-Identifier: MIT */
/*
 * mclock_mutate.h - deliberate faults of the scheduler, one at a time, chosen when compiling, to
 * prove that its tests see them. A product build has none. A filter sees only its own folder, so
 * this list stands here and not with the others; tests/unit/mclock_mutants.sh reads it.
 */
#ifndef IO_CONTROL_MCLOCK_MUTATE_H
#define IO_CONTROL_MCLOCK_MUTATE_H

#ifdef MCLOCK_MUTATION
#define MCLOCK_MUTATE(name) (MCLOCK_MUTATION == MCLOCK_MUTATION_##name)
#else
#define MCLOCK_MUTATE(name) 0
#endif

enum mclock_mutation {
	MCLOCK_MUTATION_NONE,
	MCLOCK_MUTATION_REST_FORGOTTEN,      /* tags drift: a division's rest is dropped */
	MCLOCK_MUTATION_CREDIT_UNBOUNDED,    /* an hour of idleness saves up an hour of a limit */
	MCLOCK_MUTATION_DEBT_KEPT_IN_TIME,   /* a raised limit goes on waiting at the old rate */
	MCLOCK_MUTATION_BYTES_NOT_LIMITED,   /* the limit in bytes is not looked at */
	MCLOCK_MUTATION_UNITS_NOT_LIMITED,   /* a normalised limit counts requests */
	MCLOCK_MUTATION_RESERVED_OVER_LIMIT, /* a reservation breaks the client's own limit */
	MCLOCK_MUTATION_SHARE_COST_ONE,      /* shares count requests, not units */
	MCLOCK_MUTATION_SHARE_CREDIT,        /* an idle client banks share without bound */
	MCLOCK_MUTATION_SHARE_EATS_RESERVED, /* service by share moves the reservation's tag */
	MCLOCK_MUTATION_LATE_RESERVED_LOST,  /* a late pop loses what was due meanwhile */
	MCLOCK_MUTATION_DEBT_UNBOUNDED,   /* service by reservation counts against share for ever */
	MCLOCK_MUTATION_NO_TRICKLE,       /* background starves */
	MCLOCK_MUTATION_BACKGROUND_FIRST, /* background does not wait for foreground */
	MCLOCK_MUTATION_BACKGROUND_COST_ONE,  /* its large requests take more than the trickle */
	MCLOCK_MUTATION_CANCEL_LEAVES_HEAP,   /* a client without requests stays in the heaps */
	MCLOCK_MUTATION_CANCEL_LOSES_TAIL,    /* cancelling in the middle cuts off what is behind */
	MCLOCK_MUTATION_CONFIGURE_NOT_PLACED, /* a new limit does not move the client */
	MCLOCK_MUTATION_PASS_JUMPS_QUEUE,     /* the fast way overtakes those who wait */
	MCLOCK_MUTATION_PASS_NOT_CHARGED,     /* the fast way costs nothing */
	MCLOCK_MUTATION_CLOCK_BACK,           /* time that goes back is believed */
	MCLOCK_MUTATION_HEAP_NOT_SIFTED,      /* a key that grows stays where it is */
	MCLOCK_MUTATION_NEXT_FORGETS_LIMIT,   /* nobody is woken when a limit lets go */
	MCLOCK_MUTATION_SHARE_WITHOUT_ROOM,   /* requests by share go while the window is full */
	MCLOCK_MUTATION_END,
};

#endif
