/* SPDX-License-Identifier: MIT */
/*
 * tgtd.h - a simulated tgtd: the real ring client, its connection to filterd, and an initiator's
 * load.
 *
 * When it is killed its memory is lost but for the ring, which filterd still has mapped; its
 * commands are orphans: they may take effect until the next generation is accepted (I9).
 *
 * Thread: one.
 */
#ifndef SIM_TGTD_H
#define SIM_TGTD_H

#include "env_sim.h"
#include "host.h"
#include "workload.h"

#define TGTD_COMMANDS_MAX 16u

struct tgtd {
	struct world *w;
	struct sim_life life;
	uint32_t index;
	uint64_t generation;
	struct ring_client *client;
	void *base;
	uint64_t size_bytes;
	struct env_bell wake;
	struct conn *conn; /* NULL: none */
	bool is_attached;
	bool is_flush_due;
	bool is_tick_due;
	uint64_t submit_at_ns; /* 0 = not */
	struct command commands[TGTD_COMMANDS_MAX];
};

/* Another tgtd of that index begins; the orphans of the last one wait for its acceptance. */
struct tgtd *tgtd_start(struct world *w, uint32_t index);
void tgtd_kill(struct tgtd *t, uint64_t restart_ns);
void tgtd_power_cut(struct tgtd *t);

/* From filterd, by messages on the connection. */
void tgtd_welcomed(void *conn, uint64_t arg);
void tgtd_refused(void *conn, uint64_t arg);
void tgtd_hung_up(void *conn, uint64_t arg);
/* Sends a READ of that range if there is room. */
bool tgtd_read(struct tgtd *t, uint32_t lba, uint32_t blocks);
uint32_t tgtd_in_flight(const struct tgtd *t);
void tgtd_check_stats(struct tgtd *t);

#endif
