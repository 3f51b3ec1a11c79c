/* SPDX-License-Identifier: MIT */
/*
 * volume.h - io_control on one volume: what it holds and what it has at the device.
 *
 * Two lanes, each a client of the datastore's scheduler: the initiators' I/O, and the appliance's
 * own (write-back, resync), which takes what others leave. A held request is in its lane's queue in
 * the scheduler and on the volume's list, oldest first.
 *
 * A held request is let go after VOLUME_HOLD_MAX_MS whatever its limit says, and counted: an
 * initiator gives up on a command after 30 s (Linux, open-iscsi), resets the LUN, and nobody is
 * served better by that than by a limit that is missed. So a token's deadline, that much and
 * VOLUME_SPARE_MS for a late timer, never passes because of throttling.
 *
 * Thread: owner worker of the datastore.
 */
#ifndef IO_CONTROL_VOLUME_H
#define IO_CONTROL_VOLUME_H

#include "group.h"

#define VOLUME_HOLD_MAX_MS 25000u
#define VOLUME_SPARE_MS    10000u
/* A volume whose I/Os do not end for so long has been bypassed: they will never be told of. */
#define VOLUME_LOST_MS 60000u

enum { LANE_VOLUME, LANE_BACKGROUND, LANE_COUNT };

struct lane {
	struct mclock_client *client;
	uint32_t held;
};

struct request {                 /* one I/O's context: zeroed by the host before submit() */
	struct mclock_request q; /* first */
	struct request *prev, *next;
	struct volume *v;
	struct sluice_token *token;
	uint64_t dispatched_ns;
	uint32_t era; /* of the volume, when dispatched; 0: not counted as dispatched */
	uint8_t lane;
	bool is_held;
};

struct volume {
	struct sluice_filter *f;
	struct group *g;
	struct volume *next;
	struct mclock_config cfg, cfg_next; /* next: from prepare to commit */
	struct lane lanes[LANE_COUNT];
	struct request held; /* of a ring; only its prev and next count */
	struct meter units;  /* of 32 KiB */
	uint32_t in_flight;
	uint32_t era;      /* raised when the I/Os in flight are given up */
	uint64_t ended_ns; /* the last time that one came back, or that none was under way */
	bool is_draining;
	uint64_t overdue, overdue_told_ns;
};

/* The SDK's filter callbacks. */
int volume_attach(struct sluice_filter *f, const union sluice_value *values,
		  struct sluice_error *err);
void volume_detach(struct sluice_filter *f);
int volume_reconfigure(struct sluice_filter *f, enum sluice_phase phase,
		       const union sluice_value *values, struct sluice_error *err);
void volume_drain(struct sluice_filter *f, bool begin);
enum sluice_verdict volume_submit(struct sluice_filter *f, struct sluice_io *io);
enum sluice_verdict volume_done(struct sluice_filter *f, struct sluice_io *io);
void volume_abort(struct sluice_filter *f, struct sluice_io *io);

/* From the group: q was popped; on to the device. */
void volume_let_go(struct mclock_request *q, uint64_t now_ns);
/* Once a second: what is held too long, and what will not come back. */
void volume_sweep(struct volume *v, uint64_t now_ns);

#endif
