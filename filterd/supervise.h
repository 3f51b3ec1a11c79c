/* SPDX-License-Identifier: MIT */
/*
 * supervise.h - what the watching parent decides: when a child hangs, when the next one starts,
 * which volume is quarantined. Pure: times come as arguments, nothing is done here, so that the
 * deadlines of the timeout ladder (killed: serving again in 1 s; hung: in 5 s) are asserted on a
 * virtual clock.
 *
 *   STOPPED --next says START--> RUNNING --no beat for 2 s: next says KILL--> KILLED --ended-->
 * STOPPED
 *                                   \------------------- ended ------------------------------->
 * STOPPED KILLED for 1 s and not ended (the kernel waits for a datastore): given up, STOPPED; the
 * next child waits for the locks of those images alone.
 *
 * Thread: the parent's only one.
 */
#ifndef FILTERD_SUPERVISE_H
#define FILTERD_SUPERVISE_H

#include <stdbool.h>
#include <stdint.h>

#include "shared.h"

#define SUPERVISE_CHECK_MS 250u
#define SUPERVISE_HANG_MS  2000u
#define SUPERVISE_BLOCKING_HANG_MS                                                                 \
	60000u /* while a thread says that it is in a call that may take long */
#define SUPERVISE_KILL_WAIT_MS    1000u
#define SUPERVISE_LOOP_CRASHES    3u /* within the next: a crash loop */
#define SUPERVISE_LOOP_WINDOW_MS  30000u
#define SUPERVISE_BACKOFF_MIN_MS  100u
#define SUPERVISE_BACKOFF_MAX_MS  10000u
#define SUPERVISE_START_GAP_MS    100u /* between two starts when somebody else kills the child */
#define SUPERVISE_BLAME_CRASHES   3u
#define SUPERVISE_BLAME_WINDOW_MS 60000u
#define SUPERVISE_HISTORY         16u
#define SUPERVISE_BEATS_MAX       (SHARED_WORKERS_MAX + 1u)

enum supervise_state { SUPERVISE_STOPPED, SUPERVISE_RUNNING, SUPERVISE_KILLED };
enum supervise_cause {
	SUPERVISE_CRASH,   /* a signal of its own, an exit status, a hang */
	SUPERVISE_OUTSIDE, /* SIGKILL that we did not send: an administrator, a test, the OOM killer
			    */
};
enum supervise_action { SUPERVISE_NOTHING, SUPERVISE_START, SUPERVISE_KILL, SUPERVISE_GIVE_UP };

struct supervise_blame {
	char volume[PARSE_NAME_MAX + 1];
	char filter[SHARED_BLAME_BYTES];
	uint64_t at_ns;
};

struct supervise {
	enum supervise_state state;
	uint64_t start_at_ns; /* STOPPED: when the next child may start */
	uint64_t started_at_ns;
	uint64_t killed_at_ns;
	uint64_t crashes_ns[SUPERVISE_HISTORY]; /* newest first */
	uint32_t crash_count;                   /* entries above */
	uint32_t backoff_ms;
	bool is_crash_loop;
	struct supervise_blame blames[SUPERVISE_HISTORY]; /* newest first */
	uint32_t blame_count;
	uint64_t beats[SUPERVISE_BEATS_MAX]; /* last seen */
	uint64_t beat_at_ns[SUPERVISE_BEATS_MAX];
};

/* One look at the child's heartbeats: main first, then the workers. */
struct supervise_beats {
	uint32_t count;
	uint64_t beats[SUPERVISE_BEATS_MAX];
	bool is_blocking[SUPERVISE_BEATS_MAX];
};

void supervise_init(struct supervise *s, uint64_t now_ns);
void supervise_started(struct supervise *s, uint64_t now_ns);
/* Every 250 ms at least. RUNNING: *hung becomes the index of the beat that stopped when KILL is
 * returned. */
enum supervise_action supervise_next(struct supervise *s, uint64_t now_ns,
				     const struct supervise_beats *b, uint32_t *hung);
/* After KILL was carried out. */
void supervise_killed(struct supervise *s, uint64_t now_ns);
/*
 * The child ended without having been asked, or was given up. volume and filter: what it was
 * executing, or "". True: that filter has now crashed filterd so often that the volume is to be
 * quarantined.
 */
bool supervise_ended(struct supervise *s, uint64_t now_ns, enum supervise_cause cause,
		     const char *volume, const char *filter);
/* ms until supervise_next() is wanted again, at most SUPERVISE_CHECK_MS. */
uint32_t supervise_wait_ms(const struct supervise *s, uint64_t now_ns);

#endif
