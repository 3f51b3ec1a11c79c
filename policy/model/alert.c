/* SPDX-License-Identifier: MIT */
/* alert.c - thresholds with hysteresis in value (clear_margin_pct) and in time. */
#include "model.h"

/* With NaN every comparison is false, so a threshold that is NaN is never reached. */
static enum model_level level_of(double value, double warning, double error)
{
	if (value >= error)
		return MODEL_LEVEL_ERROR;
	return value >= warning ? MODEL_LEVEL_WARNING : MODEL_LEVEL_OK;
}

/* What the value says, given what is shown: a level that is shown holds on to its margin. */
static enum model_level candidate_of(const struct model_alert *a, const struct model_alert_rule *r,
				     double value)
{
	double hold = 1 - r->clear_margin_pct / 100;
	enum model_level up = level_of(value, r->warning, r->error);
	enum model_level held = level_of(value, r->warning * hold, r->error * hold);

	if (held > a->level)
		held = a->level;
	return held > up ? held : up;
}

bool model_alert_step(struct model_alert *a, const struct model_alert_rule *r, double value,
		      uint64_t now_ms)
{
	enum model_level c;
	bool was_rising = a->candidate > a->level, was_falling = a->candidate < a->level;
	uint64_t wait_ms;

	if (value != value) /* NaN: there was nothing to measure */
		return false;
	c = candidate_of(a, r, value);
	/* Counted from when it left the level that is shown; in which step it climbs does not
	 * matter. */
	if ((!(c > a->level && was_rising) && !(c < a->level && was_falling)) ||
	    now_ms < a->candidate_since_ms) /* somebody has set the clock back */
		a->candidate_since_ms = now_ms;
	a->candidate = c;
	if (c == a->level)
		return false;
	wait_ms = 1000ull * (c > a->level ? r->raise_after_s : r->clear_after_s);
	if (now_ms - a->candidate_since_ms < wait_ms)
		return false;
	a->level = c;
	return true;
}
