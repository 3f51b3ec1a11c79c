/* SPDX-License-Identifier: MIT */
/*
 * doorbell.pml - the two doorbells of a ring on x86-TSO: nobody sleeps while there is work for it (I7).
 *
 * Each side has a store buffer: its stores reach memory later, in order, and its loads do not wait for them. A full
 * fence waits until the buffer is empty. The module publishes commands (sq_tail) and reads the server's need_kick;
 * the server publishes completions (cq_tail) and reads the module's. A side that finds nothing says so in its
 * need_kick, looks again, and sleeps until its eventfd is written. A lost wake-up is a deadlock.
 *
 * Mutations, each of which must give an error:
 *   -DNOFENCE_SUBMIT  -DNOFENCE_SERVER_SLEEP  -DNOFENCE_DONE  -DNOFENCE_CLIENT_SLEEP     a fence is missing
 *   -DNOLOOK_SERVER   -DNOLOOK_CLIENT                      sleeps without looking again
 * With -DRESCAN they are masked by the 100 ms net, which is why its rescues are counted (I8).
 */
#ifndef K
#define K 3 /* commands */
#endif

#define SQ_TAIL 0
#define SQ_NEED 1
#define CQ_TAIL 2
#define CQ_NEED 3

byte mem[4];
chan cbuf = [3] of {byte, byte}; /* the module's store buffer */
chan sbuf = [3] of {byte, byte}; /* the server's */
bool kick_server = false, kick_client = false;
bool is_client_finished = false;

#define CFENCE len(cbuf) == 0
#define SFENCE len(sbuf) == 0

proctype drain(chan buf)
{
	byte var, value;
endd:
	do
	:: atomic { buf?var, value -> mem[var] = value; var = 0; value = 0 }
	od
}

proctype client()
{
	byte sent = 0, seen = 0, need;
	do
	:: sent < K ->
		/* One or several commands, then one look: once per turn of tgtd's loop. */
		sent++;
		cbuf!SQ_TAIL, sent;
		if
		:: sent < K -> sent++; cbuf!SQ_TAIL, sent
		:: skip
		fi;
#ifndef NOFENCE_SUBMIT
		CFENCE;
#endif
		need = mem[SQ_NEED];
		if
		:: need == 1 -> kick_server = true
		:: else -> skip
		fi;
		need = 0
	:: seen < K ->
		if
		:: mem[CQ_TAIL] != seen -> seen = mem[CQ_TAIL]
		:: else ->
			cbuf!CQ_NEED, 1;
#ifndef NOFENCE_CLIENT_SLEEP
			CFENCE;
#endif
			if
#ifndef NOLOOK_CLIENT
			:: mem[CQ_TAIL] != seen -> skip
			:: mem[CQ_TAIL] == seen ->
#else
			:: true ->
#endif
				if
				:: atomic { kick_client -> kick_client = false }
				:: sent < K -> skip /* the initiator sends more */
#ifdef RESCAN
				:: mem[CQ_TAIL] != seen -> skip
#endif
				fi
			fi;
			cbuf!CQ_NEED, 0
		fi
	:: sent == K && seen == K -> break
	od;
	is_client_finished = true
}

proctype server()
{
	byte head = 0, answered = 0, need;
	do
	:: mem[SQ_TAIL] != head ->
		head++;
		answered++;
		sbuf!CQ_TAIL, answered;
		if
		:: mem[SQ_TAIL] != head -> head++; answered++; sbuf!CQ_TAIL, answered
		:: skip
		fi;
#ifndef NOFENCE_DONE
		SFENCE;
#endif
		need = mem[CQ_NEED];
		if
		:: need == 1 -> kick_client = true
		:: else -> skip
		fi;
		need = 0
	:: mem[SQ_TAIL] == head && head < K ->
		sbuf!SQ_NEED, 1;
#ifndef NOFENCE_SERVER_SLEEP
		SFENCE;
#endif
		if
#ifndef NOLOOK_SERVER
		:: mem[SQ_TAIL] != head -> skip
		:: mem[SQ_TAIL] == head ->
#else
		:: true ->
#endif
			if
			:: atomic { kick_server -> kick_server = false }
#ifdef RESCAN
			:: mem[SQ_TAIL] != head -> skip
#endif
			fi
		fi;
		sbuf!SQ_NEED, 0
	:: head == K -> break
	od
}

init
{
	atomic {
		run drain(cbuf);
		run drain(sbuf);
		run client();
		run server()
	}
}
