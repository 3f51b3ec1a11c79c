/* SPDX-License-Identifier: MIT */
/*
 * glue_ready.c - what initiators hear from a group that does not serve.
 *
 * A side that is primary by its record serves once its peer, a witness or an operator has confirmed
 * that. After a kill of filterd this takes a second, and on a busy machine a lease may run out for
 * a moment: no reason to fail a command. So I/O waits, PATIENCE_MS at most. Then what waited and
 * what comes ends as not ready, until the side serves. A replica answers so at once.
 *
 * Thread: owner worker.
 */
#include "glue.h"

#define PATIENCE_MS 7000u /* ESXi wants an answer within 8 s */

static bool may_wait(const struct glue_group *gg)
{
	switch (gg->state) {
	case GLUE_WAITING:
		return !gg->waits_for_keys;
	case GLUE_OPENING:
		return true;
	case GLUE_OPEN:
		return group_is_primary(gg->g);
	case GLUE_FAILED:
	case GLUE_STOPPING:
		break;
	}
	return false;
}

/* What came while it might have served soon. */
static void end_waiting(struct glue_group *gg, enum sluice_status why)
{
	for (uint16_t m = 0; m < REPL_MEMBERS_MAX; m++) {
		if (!gg->members[m])
			continue;
		glue_waiting_end(gg->members[m], why);
		if (gg->state == GLUE_OPEN)
			group_release_held(gg->g, m, why);
	}
}

static void lose_patience(struct sluice_timer *t)
{
	struct glue_group *gg = t->ctx;

	gg->patience = GLUE_PATIENCE_LOST;
	glue_ready_all(gg);
}

static void have_patience(struct glue_group *gg, bool serves)
{
	if (serves || !may_wait(gg)) {
		sluice_group_timer_cancel(gg->set, &gg->patience_timer);
		gg->patience = GLUE_PATIENCE_FRESH;
	} else if (gg->patience == GLUE_PATIENCE_FRESH) {
		gg->patience = GLUE_PATIENCE_RUNS;
		gg->patience_timer.fn = lose_patience;
		gg->patience_timer.ctx = gg;
		sluice_group_timer_set(gg->set, &gg->patience_timer,
				       sluice_group_now_ns(gg->set) + PATIENCE_MS * 1000000ull);
	}
}

void glue_ready_all(struct glue_group *gg)
{
	bool serves = gg->state == GLUE_OPEN && gg->is_serving;
	enum sluice_status why = gg->waits_for_keys ? SLUICE_ERR_LOCKED : SLUICE_ERR_NOT_READY;

	have_patience(gg, serves);
	if (gg->patience == GLUE_PATIENCE_RUNS || serves)
		why = SLUICE_OK;
	for (uint32_t m = 0; m < REPL_MEMBERS_MAX; m++) {
		if (gg->members[m] && !gg->members[m]->is_gone)
			sluice_ready_set(gg->members[m]->f, why);
	}
	if (why != SLUICE_OK)
		end_waiting(gg, why);
}
