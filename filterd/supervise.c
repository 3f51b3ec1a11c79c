/* SPDX-License-Identifier: MIT */
#include "supervise.h"

#include <stdio.h>
#include <string.h>

#define NS_PER_MS 1000000ull

void supervise_init(struct supervise *s, uint64_t now_ns)
{
	memset(s, 0, sizeof(*s));
	s->state = SUPERVISE_STOPPED;
	s->start_at_ns = now_ns;
}

void supervise_started(struct supervise *s, uint64_t now_ns)
{
	s->state = SUPERVISE_RUNNING;
	s->started_at_ns = now_ns;
	memset(s->beats, 0, sizeof(s->beats));
	for (uint32_t i = 0; i < SUPERVISE_BEATS_MAX; i++)
		s->beat_at_ns[i] = now_ns;
}

/* Index of a thread that hangs, or -1. */
static int look(struct supervise *s, uint64_t now_ns, const struct supervise_beats *b)
{
	int hung = -1;

	for (uint32_t i = 0; i < b->count && i < SUPERVISE_BEATS_MAX; i++) {
		uint64_t limit_ms =
		    b->is_blocking[i] ? SUPERVISE_BLOCKING_HANG_MS : SUPERVISE_HANG_MS;

		if (b->beats[i] != s->beats[i]) {
			s->beats[i] = b->beats[i];
			s->beat_at_ns[i] = now_ns;
		} else if (now_ns - s->beat_at_ns[i] >= limit_ms * NS_PER_MS) {
			hung = (int)i;
		}
	}
	return hung;
}

enum supervise_action supervise_next(struct supervise *s, uint64_t now_ns,
				     const struct supervise_beats *b, uint32_t *hung)
{
	int index;

	switch (s->state) {
	case SUPERVISE_STOPPED:
		return now_ns >= s->start_at_ns ? SUPERVISE_START : SUPERVISE_NOTHING;
	case SUPERVISE_KILLED:
		return now_ns - s->killed_at_ns >= SUPERVISE_KILL_WAIT_MS * NS_PER_MS
			   ? SUPERVISE_GIVE_UP
			   : SUPERVISE_NOTHING;
	case SUPERVISE_RUNNING:
		index = look(s, now_ns, b);
		if (index < 0)
			return SUPERVISE_NOTHING;
		*hung = (uint32_t)index;
		return SUPERVISE_KILL;
	}
	return SUPERVISE_NOTHING;
}

void supervise_killed(struct supervise *s, uint64_t now_ns)
{
	s->state = SUPERVISE_KILLED;
	s->killed_at_ns = now_ns;
}

/* How many of the newest crashes lie within the window. */
static uint32_t recent_crashes(const struct supervise *s, uint64_t now_ns)
{
	uint32_t n = 0;

	while (n < s->crash_count &&
	       now_ns - s->crashes_ns[n] < SUPERVISE_LOOP_WINDOW_MS * NS_PER_MS)
		n++;
	return n;
}

static void note_crash(struct supervise *s, uint64_t now_ns)
{
	memmove(&s->crashes_ns[1], &s->crashes_ns[0],
		sizeof(s->crashes_ns) - sizeof(s->crashes_ns[0]));
	s->crashes_ns[0] = now_ns;
	if (s->crash_count < SUPERVISE_HISTORY)
		s->crash_count++;
}

static bool note_blame(struct supervise *s, uint64_t now_ns, const char *volume, const char *filter)
{
	struct supervise_blame *b = &s->blames[0];
	uint32_t same = 0, kept = 0;

	memmove(&s->blames[1], &s->blames[0], sizeof(s->blames) - sizeof(s->blames[0]));
	snprintf(b->volume, sizeof(b->volume), "%s", volume);
	snprintf(b->filter, sizeof(b->filter), "%s", filter);
	b->at_ns = now_ns;
	if (s->blame_count < SUPERVISE_HISTORY)
		s->blame_count++;
	for (uint32_t i = 0; i < s->blame_count; i++)
		same += strcmp(s->blames[i].volume, b->volume) == 0 &&
			strcmp(s->blames[i].filter, b->filter) == 0 &&
			now_ns - s->blames[i].at_ns < SUPERVISE_BLAME_WINDOW_MS * NS_PER_MS;
	if (same < SUPERVISE_BLAME_CRASHES)
		return false;
	/* Counted: after "volume open" the filter gets as many chances again. */
	for (uint32_t i = 0; i < s->blame_count; i++)
		if (strcmp(s->blames[i].volume, volume) != 0)
			s->blames[kept++] = s->blames[i];
	s->blame_count = kept;
	return true;
}

bool supervise_ended(struct supervise *s, uint64_t now_ns, enum supervise_cause cause,
		     const char *volume, const char *filter)
{
	bool must_quarantine;

	s->state = SUPERVISE_STOPPED;
	if (cause == SUPERVISE_OUTSIDE) {
		uint64_t next_ns = s->started_at_ns + SUPERVISE_START_GAP_MS * NS_PER_MS;

		s->start_at_ns = next_ns > now_ns ? next_ns : now_ns;
		return false;
	}
	must_quarantine = filter[0] && note_blame(s, now_ns, volume, filter);
	note_crash(s, now_ns);
	s->is_crash_loop = recent_crashes(s, now_ns) >= SUPERVISE_LOOP_CRASHES;
	if (must_quarantine || !s->is_crash_loop) {
		/* The reason is taken away, so the others come up at once. */
		s->backoff_ms = 0;
		s->start_at_ns = now_ns;
		if (must_quarantine)
			s->crash_count = 0;
		return must_quarantine;
	}
	s->backoff_ms = s->backoff_ms ? s->backoff_ms * 2 : SUPERVISE_BACKOFF_MIN_MS;
	if (s->backoff_ms > SUPERVISE_BACKOFF_MAX_MS)
		s->backoff_ms = SUPERVISE_BACKOFF_MAX_MS;
	s->start_at_ns = now_ns + s->backoff_ms * NS_PER_MS;
	return false;
}

uint32_t supervise_wait_ms(const struct supervise *s, uint64_t now_ns)
{
	uint64_t left_ms;

	if (s->state != SUPERVISE_STOPPED)
		return SUPERVISE_CHECK_MS;
	if (now_ns >= s->start_at_ns)
		return 0;
	left_ms = (s->start_at_ns - now_ns + NS_PER_MS - 1) / NS_PER_MS;
	return left_ms < SUPERVISE_CHECK_MS ? (uint32_t)left_ms : SUPERVISE_CHECK_MS;
}
