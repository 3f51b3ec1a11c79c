/* SPDX-License-Identifier: MIT */
/*
 * repl_operator.pml - what an operator may do to a node, and what the nodes tell each other of it: part of node() in
 * repl.pml, with -DOPERATOR.
 */
	/* promote by force: what this side lacks is given up */
	:: atomic { up[n] && forces == 0 && (IS_SECONDARY(n) || st[n] == OUTDATED) && !admitting[O(n)] && wver < MAXT &&
		    LEASE_OVER(n) && !(link && up[O(n)] && (IS_PRIMARY(O(n)) || (may_discard[n] && st[O(n)] == DIVERGED))) ->
		forces++; serve_again(n);
		seen[0] = d[AT(n, 0)]; seen[1] = d[AT(n, 1)] }
	/* demote; the other side follows by itself, or this one is promoted again when it alone was in sync */
	:: atomic { up[n] && IS_PRIMARY(n) && confirmed[n] && demotes == 0 ->
		demotes++; has_self[n] = (st[n] == PRIMARY_ALONE); may_discard[n] = true;
		st[n] = OUTDATED; confirmed[n] = false; admitting[n] = false; lease[n] = false; give_up(n) }
#ifdef M12
	:: atomic { up[n] && has_self[n] && !IS_PRIMARY(n) && LEASE_OVER(n) && wver < MAXT -> serve_again(n) }
#else
	:: atomic { up[n] && st[n] == OUTDATED && has_self[n] && wpri == n && wver == term[n] && wver < MAXT ->
		serve_again(n) }
#endif
	/* two primaries that have written, or one that hears that its peer has found the split; who keeps its own says so */
	:: atomic { up[n] && IS_PRIMARY(n) && link && up[O(n)] && BOTH_WROTE && IS_PRIMARY(O(n)) -> diverge(n) }
	:: atomic { up[n] && IS_PRIMARY(n) && link && up[O(n)] && BOTH_WROTE && st[O(n)] == DIVERGED &&
		    empty(word[O(n)]) ->
		if
		:: keeps_own[n] && SAID_OF(n) == reign[O(n)] -> word[O(n)]!DISCARD,SAID_OF(n)
		:: else -> diverge(n)
		fi }
	/* resolve, for this side or for the other one */
	:: atomic { up[n] && st[n] == DIVERGED && resolves < RESOLVES && LEASE_OVER(n) && wver < MAXT ->
		resolves++; given_up[O(n)] = split_reign[n]; keep(n) }
	:: atomic { up[n] && st[n] == DIVERGED && resolves < RESOLVES ->
		resolves++; given_up[n] = reign[n]; may_discard[n] = true; st[n] = OUTDATED }
	:: atomic { up[n] && st[n] == OUTDATED && may_discard[n] && link && up[O(n)] && st[O(n)] == DIVERGED &&
		    empty(word[O(n)]) -> word[O(n)]!KEEP,0 }
	:: atomic { up[n] && nempty(word[n]) && !(word[n]?[KEEP, 0] && st[n] == DIVERGED && !(LEASE_OVER(n) && wver < MAXT)) ->
		word[n]?t,v;
		if
		:: t == DISCARD && st[n] == DIVERGED && OBEYS(n, v) ->
			assert(given_up[n] == reign[n]);
			may_discard[n] = true; st[n] = OUTDATED
		:: t == KEEP && st[n] == DIVERGED -> keep(n)
		:: else
		fi; t = 0; v = 0 }
