/* SPDX-License-Identifier: MIT */
/*
 * group.h - what the volumes of one datastore share under io_control: one scheduler, one
 * controller, and the two timers that drive them.
 *
 *   volume.c submit --> group_may_pass --yes--> group_dispatched --> the device
 *                            \--no--> held: mclock_push, group_pump
 *   volume.c done   --> group_ended --> group_pump --> volume_let_go for each that may go
 *   timers: period  each 100 ms while there is I/O: the controller's tick, what waits too long
 *           wake    when a limit or a reservation lets the next one go
 *
 * Thread: owner worker of the datastore. Nothing below group_create() allocates; what the data path
 * calls neither logs nor locks.
 */
#ifndef IO_CONTROL_GROUP_H
#define IO_CONTROL_GROUP_H

#include "control.h"
#include "mclock.h"
#include "meter.h"
#include "sluice/filter.h"

struct volume;

struct group {
	struct sluice_group *host;
	struct control control;
	struct mclock *mclock;
	struct meter units; /* of 32 KiB, of all volumes */
	struct sluice_timer period, wake;
	uint64_t wake_ns; /* 0: not set */
	bool is_ticking;  /* the period timer is set */
	bool is_active;   /* something was dispatched since the last tick */
	uint32_t ticks;
	uint64_t begun_ns;      /* throttling */
	struct volume *volumes; /* linked by next */
	uint32_t volume_count;
};

/* The SDK's group callbacks. */
int group_create(struct sluice_group *host, const union sluice_value *values,
		 struct sluice_error *err);
void group_destroy(struct sluice_group *host);
int group_reconfigure(struct sluice_group *host, enum sluice_phase phase,
		      const union sluice_value *values, struct sluice_error *err);

/* What its volumes were promised, all together, in units of 32 KiB a second. */
uint64_t group_reserved_iops(const struct group *g);
/*
 * May a volume that has reserved had_iops reserve want_iops? While the datastore's capacity is not
 * known, always. Errors: -ERANGE, err says what there is and what is left.
 */
int group_admit(const struct group *g, uint64_t want_iops, uint64_t had_iops,
		struct sluice_error *err);

static inline bool group_is_throttling(const struct group *g)
{
	return g->control.state == CONTROL_THROTTLING;
}

/* Of a client with nothing held. Charged if it may. */
static inline bool group_may_pass(struct group *g, struct mclock_client *c, uint64_t cost_bytes,
				  uint64_t now_ns)
{
	return mclock_pass(g->mclock, c, cost_bytes, now_ns, control_has_room(&g->control),
			   group_is_throttling(g));
}

void group_tick_begin(struct group *g, uint64_t now_ns);

static inline void group_dispatched(struct group *g, uint64_t units, uint64_t now_ns)
{
	control_dispatched(&g->control, now_ns);
	meter_add(&g->units, units, now_ns);
	g->is_active = true;
	if (!g->is_ticking)
		group_tick_begin(g, now_ns);
}

/* Lets go what may go now, and sees to it that the next one is not forgotten. */
void group_pump(struct group *g, uint64_t now_ns);

#endif
