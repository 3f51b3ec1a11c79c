/* SPDX-License-Identifier: MIT */
/*
 * role.h - which thread a function runs on, written so that clang can check it.
 *
 * Where data belongs to one thread there is no lock that a checker could watch; so the thread
 *itself is the capability. A function that only the owner worker may call is declared ON_WORKER;
 *its callers must be ON_WORKER as well, or hold the role because they are the thread's first
 *function (ROLE_BEGIN), or know it by other means (ROLE_KNOWN: a callback that the event loop makes
 *through a pointer, which clang does not follow). gcc sees nothing of all this; make lint runs
 *clang over every source.
 *
 *	void chain_submit(...) ON_WORKER;
 *
 *	static void on_timer(struct env_timer *t)
 *	{
 *		ROLE_KNOWN(role_worker);
 *		chain_submit(...);
 *	}
 */
#ifndef COMMON_ROLE_H
#define COMMON_ROLE_H

#ifdef __clang__
#define ROLE_ATTR(x) __attribute__((x))
#else
#define ROLE_ATTR(x)
#endif

/* A role is a name only; it has no state and is never locked. */
struct ROLE_ATTR(capability("thread role")) role {
	char unused;
};

static const struct role role_main ROLE_ATTR(unused) = {
    0}; /* filterd's control thread, and each tool */
static const struct role role_worker ROLE_ATTR(unused) = {0}; /* owner worker of a datastore */
static const struct role role_helper ROLE_ATTR(unused) = {0}; /* pool thread: env_work's run() */
static const struct role role_tgtd ROLE_ATTR(unused) = {0};   /* tgtd's event loop */

#define ON_ROLE(r) ROLE_ATTR(requires_capability(r))
#define ON_MAIN    ON_ROLE(role_main)
#define ON_WORKER  ON_ROLE(role_worker)
#define ON_HELPER  ON_ROLE(role_helper)
#define ON_TGTD    ON_ROLE(role_tgtd)
/* Not from there: what posts to the worker and waits would wait for itself. */
#define NOT_ON_WORKER ROLE_ATTR(locks_excluded(role_worker))

static inline void role_known(const struct role *r) ROLE_ATTR(assert_capability(r));
static inline void role_known(const struct role *r)
{
	(void)r;
}
#define ROLE_KNOWN(r) role_known(&(r))

#endif
