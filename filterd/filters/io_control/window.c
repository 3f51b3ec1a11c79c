// SPDX-License-Identifier: MIT
// window.c - see window.h.
#include "control.h"
#include "window.h"

#define GAMMA    0.2
#define BETA     4.0
#define STEP_MAX 4.0 /* one period's T / L counts at most so much, or one over so much */
#define USED_MIN 0.8
#define DECAY    0.95 /* of an unused window, in one period at most */

static double between(double x, double low, double high)
{
	return x < low ? low : x > high ? high : x;
}

static void set(struct window *w, double size)
{
	w->size = between(size, CONTROL_WINDOW_MIN, CONTROL_WINDOW_MAX);
	w->whole = (uint32_t)w->size;
}

void window_open(struct window *w, double in_flight)
{
	set(w, in_flight);
}

void window_step(struct window *w, double latency_ns, double threshold_ns, double used)
{
	double ratio = between(threshold_ns / latency_ns, 1 / STEP_MAX, STEP_MAX);
	double beta = BETA * (1 - 1 / ratio);
	double next;

#ifdef CONTROL_MUTATION_3 /* the published constant: settles above the threshold */
	beta = BETA;
#endif
	next = (1 - GAMMA) * w->size + GAMMA * (ratio * w->size + beta);
#ifdef CONTROL_MUTATION_4 /* no anti-windup */
	used = next;
#endif
	if (next > w->size && used < USED_MIN * w->size)
		next = between(used / USED_MIN, DECAY * w->size, w->size);
#ifdef CONTROL_MUTATION_5 /* the wrong way round */
	next = 2 * w->size - next;
#endif
	set(w, next);
}
