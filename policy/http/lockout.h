/* SPDX-License-Identifier: MIT */
/*
 * lockout.h - how long to wait after failed logins. Pure: the time is handed in.
 *
 * Failures are counted in three ways, each with a delay that doubles from one second after some
 * that are free:
 *
 *   pair      this account from this address     3 free,  up to 15 minutes
 *   address   any account from this address     10 free,  up to 15 minutes
 *   account   this account from any address     20 free,  up to 30 seconds
 *
 * Who guesses from one place is slowed down to nothing by the first two; who guesses one account
 * from many places gets two tries a minute by the third. The third is short, and does not concern
 * an address from which this account has logged in before: so nobody can keep an administrator out
 * by failing in his name. Root on the machine itself is never asked for a password.
 *
 * An attempt counts as failed from its start, so that many at once do not all slip by before the
 * first of them has failed; success takes it back. Unknown names are counted like known ones. IPv6
 * addresses count by their /64. The table is of fixed size; the entry that was quiet for longest
 * gives way, and one is forgotten after a day.
 */
#ifndef POLICY_LOCKOUT_H
#define POLICY_LOCKOUT_H

#include <stdint.h>

#define LOCKOUT_ENTRIES 4096u

struct lockout;

struct lockout *lockout_create(void); /* NULL: no memory */
void lockout_free(struct lockout *l);
/* Milliseconds that are still to be waited, 0: go on, and the attempt is counted. */
uint64_t lockout_try(struct lockout *l, const char *account, const char *address, uint64_t now_ms);
void lockout_success(struct lockout *l, const char *account, const char *address, uint64_t now_ms);
/* An administrator has set a new password or unlocked the account. */
void lockout_forget(struct lockout *l, const char *account);
/* Failures of an account from wherever, and until when it waits (0: it does not). */
uint32_t lockout_account(const struct lockout *l, const char *account, uint64_t *until_ms);

#endif
